"""Ridge weights of many targets at known penalties, some targets at a time."""

from typing import NamedTuple

import numpy as np

from ..linalg.symmetric import symmetric_solver

#: Relative change of the weights by a step of refinement that counts as rounding.
NEGLIGIBLE_STEP = 1e-13
#: Ridge, relative to the trace of the products of rows, that keeps them invertible.
LEAST_RIDGE = 1e-14


class TargetWeights(NamedTuple):
    """The weights of some targets.

    Attributes
    ----------
    coef : ndarray of shape (n_features, k) or None
        None if not requested.
    intercept : ndarray of shape (k,)
    rows : ndarray of shape (n_samples, k) or None
        Weights of the rows, ``s_i`` times the residuals: the sum of the rows times
        these, over the penalty of every feature, is `coef`. None if not requested.
    mean_square : ndarray of shape (k,)
        Weighted means of the squared residuals.
    """

    coef: np.ndarray | None
    intercept: np.ndarray
    rows: np.ndarray | None
    mean_square: np.ndarray


def balanced(rows, weight):
    """Return weights of rows (n, k) with sum zero, and the same sums about their mean.

    Sums of rows then do not depend on the origin of the rows.
    """
    return rows - np.outer(weight / weight.sum(), rows.sum(axis=0))


class FinalWeights:
    """Minimizers of ``sum_i s_i (y_i - x_i w - b)^2 + sum_j p_j w_j^2``.

    One factorization serves all targets: of the second moments of the features, or of
    the products of rows, if there are fewer rows. A step of refinement with residuals
    of the rows corrects the rounding of the moments.

    Parameters
    ----------
    design : Design
        About zero, without an intercept.
    weight : ndarray of shape (n_samples,)
        The s_i, positive.
    penalty : ndarray of shape (n_features,)
        The p_j, positive.
    fit_intercept : bool
    """

    def __init__(self, design, weight, penalty, fit_intercept):
        self.weight, self.fit_intercept = weight, fit_intercept
        # In these units every penalty is one.
        found = design.in_units(1.0 / np.sqrt(penalty))
        found = found.at_means(weight, fit_intercept)
        facts = found.shift, found.scale, False, found.has_large_means
        self.design = design = found.about(*facts)
        self.mean = design.scaled(design.shift)[:, None]
        self.is_wide = design.n_features > design.n_samples
        self.root = np.sqrt(weight)[:, None]
        if self.is_wide:
            matrix = design.row_products()
            matrix *= self.root
            matrix *= self.root.T
            self._mean_of_rows = design.forward(self.mean)[:, 0]
        else:
            matrix = design.gram(weight)
        matrix[np.diag_indices_from(matrix)] += 1.0
        self._matrix, self._solve = matrix, symmetric_solver(matrix)

    def of(self, y, *, coef=True, rows=False):
        """Return the `TargetWeights` of some targets.

        Parameters
        ----------
        y : ndarray of shape (n_samples, k)
        coef, rows : bool
            Which weights to return.
        """
        mean = np.zeros(y.shape[1])
        if self.fit_intercept:
            mean = self.weight @ y / self.weight.sum()
            # The mean of a constant is that constant, free of rounding.
            mean = np.where(y.min(axis=0) == y.max(axis=0), y[0], mean)
        given = y - mean, coef, rows
        found = self._in_rows(*given) if self.is_wide else self._in_features(*given)
        found = found._replace(intercept=mean - found.intercept)
        if not coef:
            return found._replace(coef=None)
        return found._replace(coef=self.design.scaled(found.coef.T).T)

    def _in_rows(self, y, coef, rows):
        """Return weights in units of the penalties; `intercept` is a correction."""
        y = self.root * y
        z = self._solve(y)
        z += self._solve(y - self._matrix @ z)
        left = z / self.root
        own = self._balanced(self.root * z)
        return TargetWeights(
            self.design.adjoint(own) if coef else None,
            self._mean_of_rows @ own,
            own if rows else None,
            self._mean_square(left),
        )

    def _in_features(self, y, coef, rows):
        """Return the same from second moments of the features."""
        weight = self.weight[:, None]
        w = self._solve(self.design.adjoint(weight * y))
        left = y - self.design.forward(w)
        step = self._solve(self.design.adjoint(weight * left) - w)
        w += step
        if rows or np.abs(step).max() > NEGLIGIBLE_STEP * np.abs(w).max():
            left = y - self.design.forward(w)
        own = None
        if rows:
            own = weight * left
            # Residuals below rounding are noise, and do not give these coefficients.
            rest = self._solve(w - self.design.adjoint(own))
            own = self._balanced(own + weight * self.design.forward(rest))
        return TargetWeights(w, self.mean[:, 0] @ w, own, self._mean_square(left))

    def _balanced(self, rows):
        """Return weights of rows, with sum zero if the rows are about their mean."""
        return balanced(rows, self.weight) if self.mean.any() else rows

    def _mean_square(self, left):
        """Return the weighted means of the squares of residuals."""
        return self.weight @ left**2 / self.weight.sum()


class RowWeights:
    """The smallest weights of rows whose sums of rows are given.

    Parameters
    ----------
    design : Design
        About the mean of the rows, or zero.
    """

    def __init__(self, design):
        self.design = design
        self.is_wide = design.n_features > design.n_samples
        matrix = (
            design.row_products()
            if self.is_wide
            else design.gram(np.ones(design.n_samples))
        )
        matrix[np.diag_indices_from(matrix)] += LEAST_RIDGE * np.trace(matrix)
        self._solve = symmetric_solver(matrix)

    def of(self, sums):
        """Return the weights (n_samples, k) of sums (n_features, k)."""
        if self.is_wide:
            return self._solve(self.design.forward(sums))
        return self.design.forward(self._solve(sums))
