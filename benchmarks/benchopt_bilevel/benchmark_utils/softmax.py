"""Inner and outer loss of softmax regression with a penalty per class."""

import numpy as np
from scipy.special import logsumexp, softmax


class SoftmaxPart:
    """Mean cross-entropy of some rows, with or without a penalty per class.

    Weights are one vector of n_features times n_classes numbers, the classes of a
    feature side by side.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    y : ndarray of int of shape (n,)
        Classes from 0 on.
    n_classes : int
    has_penalty : bool
        Whether ``sum_k exp(x_k) |z_k|^2 / 2`` is added.
    """

    def __init__(self, X, y, n_classes, has_penalty):
        self.X, self.y, self.has_penalty = X, y, has_penalty
        self.n_classes, self.n_features = n_classes, X.shape[1]
        self.size = self.n_features * n_classes

    def _weights(self, inner_var):
        return np.reshape(inner_var, (self.n_features, self.n_classes))

    def __call__(self, inner_var, outer_var, start=0, batch_size=None):
        """Return the loss of `batch_size` rows from `start` on; None for all."""
        rows = slice(start, None if batch_size is None else start + batch_size)
        weights, y = self._weights(inner_var), self.y[rows]
        scores = self.X[rows] @ weights
        value = np.mean(logsumexp(scores, axis=1) - scores[np.arange(len(y)), y])
        if self.has_penalty:
            value += 0.5 * np.exp(outer_var) @ np.sum(weights**2, axis=0)
        return float(value)

    def gradient(self, inner_var, outer_var):
        """Return the gradient in the weights, of all rows."""
        weights = self._weights(inner_var)
        slope = softmax(self.X @ weights, axis=1)
        slope[np.arange(len(self.y)), self.y] -= 1.0
        found = self.X.T @ slope / len(self.y)
        if self.has_penalty:
            found += np.exp(outer_var) * weights
        return found.ravel()

    def hessian(self, inner_var, outer_var):
        """Return the second derivative in the weights, of all rows."""
        p = softmax(self.X @ self._weights(inner_var), axis=1)
        pairs = np.einsum("na,ab->nab", p, np.eye(self.n_classes))
        pairs -= p[:, :, None] * p[:, None, :]
        form = "ni,nab,nj->iajb"
        found = np.einsum(form, self.X, pairs, self.X, optimize=True)
        found = found.reshape(self.size, self.size) / len(self.y)
        if self.has_penalty:
            own = np.exp(np.broadcast_to(outer_var, self.n_classes))
            found += np.diag(np.tile(own, self.n_features))
        return found

    def penalty_slope(self, inner_var, outer_var, adjoint):
        """Return ``-exp(x_k) z_k' q_k`` of every class."""
        weights, adjoint = self._weights(inner_var), self._weights(adjoint)
        return -np.exp(outer_var) * np.sum(weights * adjoint, axis=0)
