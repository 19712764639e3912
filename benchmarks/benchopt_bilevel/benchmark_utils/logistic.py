"""Inner and outer loss of logistic regression, as functions of batches of rows."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit


class LogisticPart:
    """Mean logistic loss of some rows, with a penalty or without.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    y : ndarray of shape (n,)
        -1 or 1.
    has_penalty : bool
        Whether ``sum_j exp(x_j) z_j^2 / 2`` is added.
    """

    def __init__(self, X, y, has_penalty):
        self.X, self.y, self.has_penalty = X, y, has_penalty
        self.size = X.shape[1]

    def __call__(self, inner_var, outer_var, start=0, batch_size=None):
        """Return the loss of `batch_size` rows from `start` on; None for all."""
        rows = slice(start, None if batch_size is None else start + batch_size)
        margin = self.y[rows] * (self.X[rows] @ inner_var)
        value = np.mean(np.logaddexp(0.0, -margin))
        if self.has_penalty:
            value += 0.5 * np.sum(np.exp(outer_var) * inner_var**2)
        return float(value)

    def gradient(self, inner_var, outer_var):
        """Return the gradient in the weights, of all rows."""
        margin = self.y * (self.X @ inner_var)
        slope = -self.X.T @ (self.y * expit(-margin)) / len(self.y)
        return slope + np.exp(outer_var) * inner_var if self.has_penalty else slope

    def hessian(self, inner_var, outer_var):
        """Return the second derivative in the weights, of all rows."""
        mean = expit(self.X @ inner_var)
        weight = mean * (1.0 - mean) / len(self.y)
        matrix = (self.X.T * weight) @ self.X
        if self.has_penalty:
            matrix += np.diag(np.broadcast_to(np.exp(outer_var), len(matrix)))
        return matrix

    def penalty_slope(self, inner_var, outer_var, adjoint):
        """Return ``-exp(x_j) z_j q_j`` of every penalty."""
        slope = -np.exp(outer_var) * inner_var * adjoint
        return slope if len(outer_var) > 1 else slope.sum(keepdims=True)


def minimizer(inner, outer_var):
    """Return the weights that minimize the inner loss of any part."""
    start = np.zeros(inner.size)
    options = {"gtol": 1e-9, "ftol": 1e-15, "maxiter": 10_000}
    found = minimize(
        inner, start, (outer_var,), "L-BFGS-B", inner.gradient, options=options
    )
    weights = found.x
    # Newton steps, for L-BFGS-B ends before the last digits.
    for _ in range(3):
        slope = inner.gradient(weights, outer_var)
        weights = weights - np.linalg.solve(inner.hessian(weights, outer_var), slope)
    return weights


def measures(inner, outer, inner_var, outer_var):
    """Return the numbers by which the public benchmark judges a pair of variables."""
    best = minimizer(inner, outer_var)
    adjoint = np.linalg.solve(
        inner.hessian(best, outer_var), outer.gradient(best, outer_var)
    )
    slope = inner.penalty_slope(best, outer_var, adjoint)
    return {
        "value_func": outer(best, outer_var),
        "value": float(slope @ slope),
        "inner_distance": float(np.sum((best - inner_var) ** 2)),
    }
