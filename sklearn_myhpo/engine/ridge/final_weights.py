"""Ridge weights of many targets at known penalties, some targets at a time."""

from typing import NamedTuple

import numpy as np

from ..linalg.symmetric import symmetric_solver

#: Relative change of the weights by a step of refinement that counts as rounding.
NEGLIGIBLE_STEP = 1e-13
#: Maximum number of steps to weights of rows that give the coefficients.
FIXES = 3
#: Size of weights of rows, relative to predictions, from which smaller ones are found.
MOST_CANCELLED = 1e6
#: Ridge, relative to the trace of the products of rows, that keeps them invertible.
LEAST_RIDGE = 1e-14
#: Square of the part of a mean outside the span of the rows about it, relative to the
#: mean's, that is above rounding.
LEAST_APART = 1e-12


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
    total : ndarray of shape (k,) or None
        Their sums over the rows, which rounding of single ones does not reach.
    mean_square : ndarray of shape (k,)
        Weighted means of the squared residuals.
    """

    coef: np.ndarray | None
    intercept: np.ndarray
    rows: np.ndarray | None
    total: np.ndarray | None
    mean_square: np.ndarray


def balanced(rows, weight):
    """Return weights of rows (n, k) with sum zero, and the same sums about their mean.

    Sums of rows then do not depend on the origin of the rows.
    """
    return rows - np.outer(weight / weight.sum(), rows.sum(axis=0))


def with_total(rows, total, weight):
    """Return weights of rows (n, k) with sums (k,), the same about their mean."""
    return balanced(rows, weight) + np.outer(weight / weight.sum(), total)


def closer(design, rows_of, rows, sums):
    """Return weights of rows (n, k) whose sums of rows are closer to given ones.

    Parameters
    ----------
    design : Design
        About the mean of the rows, without an intercept.
    rows_of : callable
        Returns weights of rows of sums, nearly.
    rows : ndarray of shape (n_samples, k)
    sums : ndarray of shape (n_features, k)
    """
    for _ in range(FIXES):
        rest = sums - design.adjoint(rows)
        if np.abs(rest).max() <= NEGLIGIBLE_STEP * np.abs(sums).max():
            break
        rows = rows + rows_of(rest)
    return rows


def cancels(rows, target, square):
    """Whether sums of rows with these weights are much smaller than the weights.

    Residuals that no feature explains, over a tiny penalty, are large weights that
    cancel, and rounding of them would be in the predictions.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, k)
        Residuals times the weights of rows.
    target : ndarray of shape (n_samples, k)
        Target times the weights of rows.
    square : float
        Sum of squares of the rows over their penalties.
    """
    return square * np.abs(rows).max() > MOST_CANCELLED * np.abs(target).max()


class FinalWeights:
    """Minimizers of ``sum_i s_i (y_i - x_i w - b)^2 + sum_j p_j w_j^2``.

    One factorization serves all targets: of the second moments of the features, or of
    the products of rows, if there are fewer rows. Both are about the mean m of the
    rows, so that a large mean costs no digits. Without an intercept, the mean is one
    more row with the weight ``s = sum_i s_i``, and t is s times its residual: with Z
    the rows about their mean, ``w = Z' a + m t``. A step of refinement with residuals
    of the rows corrects the rounding of the moments.

    Parameters
    ----------
    design : Design
        Without an intercept; about zero, or about means that no intercept absorbs.
    weight : ndarray of shape (n_samples,)
        The s_i, positive.
    penalty : ndarray of shape (n_features,)
        The p_j, positive.
    fit_intercept : bool
    """

    def __init__(self, design, weight, penalty, fit_intercept):
        self.weight, self.fit_intercept = weight, fit_intercept
        # In these units every penalty is one.
        found = design.in_units(1.0 / np.sqrt(penalty)).at_means(weight, True)
        facts = found.shift, found.scale, False, found.has_large_means
        self.is_about_means = bool(design.shift.any())
        self.design = design = found.about(*facts)
        self.mean = design.scaled(design.shift)[:, None]
        self.is_wide = design.n_features > design.n_samples
        self.root, self.total_weight = np.sqrt(weight)[:, None], weight.sum()
        matrix = design.row_products() if self.is_wide else design.gram(weight)
        if self.is_wide:
            matrix *= self.root
            matrix *= self.root.T
            self._mean_of_rows = design.forward(self.mean)[:, 0]
        matrix[np.diag_indices_from(matrix)] += 1.0
        self._matrix, self._solve = matrix, symmetric_solver(matrix)
        self._has_mean, self._least = not (fit_intercept or self.is_about_means), None
        if self._has_mean:
            self._set_mean()

    def _set_mean(self):
        """Solve for the mean as a row."""
        if self.is_wide:
            right = self.root * self._mean_of_rows[:, None]
            self._part = self._solve(right)
            # A sum of squares, for the difference of two may vanish.
            left = self.mean - self.design.adjoint(self.root * self._part)
            square = np.sum(left**2) + np.sum(self._part**2)
        else:
            self._part = self._solve(self.mean)
            square = np.sum(self.mean * self._part)
        self._of_mean = 1.0 / self.total_weight + square

    def of(self, y, *, coef=True, rows=False):
        """Return the `TargetWeights` of some targets.

        Parameters
        ----------
        y : ndarray of shape (n_samples, k)
        coef, rows : bool
            Which weights to return.
        """
        mean = self.weight @ y / self.total_weight
        # The mean of a constant is that constant, free of rounding.
        mean = np.where(y.min(axis=0) == y.max(axis=0), y[0], mean)
        given = y - mean, mean, coef, rows
        found = self._in_rows(*given) if self.is_wide else self._in_features(*given)
        lack, square = found.intercept, found.mean_square
        if self.fit_intercept:
            found = found._replace(intercept=mean - lack)
        elif self.is_about_means:
            found = found._replace(intercept=-lack, mean_square=square + mean**2)
        else:
            square = square + (found.total / self.total_weight) ** 2
            found = found._replace(intercept=np.zeros(len(mean)), mean_square=square)
        if not coef:
            return found._replace(coef=None)
        return found._replace(coef=self.design.scaled(found.coef.T).T)

    def _in_rows(self, y, mean, coef, rows):
        """Return weights in units of the penalties; `intercept` is the mean's part."""
        y = self.root * y
        z, total = self._step_in_rows(y, mean)
        right, at_mean = y - self._matrix @ z, mean
        if self._has_mean:
            right -= self.root * np.outer(self._mean_of_rows, total)
            at_mean = mean - self._at_mean(z, total) - total / self.total_weight
        step, more = self._step_in_rows(right, at_mean)
        z, total = z + step, total + more
        own = balanced(self.root * z, self.weight)
        return TargetWeights(
            self.design.adjoint(own) + self.mean * total if coef else None,
            self._at_mean(z, total),
            with_total(own, total, self.weight) if rows else None,
            total,
            self._mean_square(z / self.root),
        )

    def _step_in_rows(self, right, at_mean):
        """Return z and t that the factorization gives for right-hand sides."""
        z = self._solve(right)
        if not self._has_mean:
            return z, np.zeros(z.shape[1])
        left = at_mean - self._mean_of_rows @ (self.root * z)
        total = left / self._of_mean
        return z - self._part * total, total

    def _at_mean(self, z, total):
        """Return the predictions of the mean, without an intercept."""
        return self._mean_of_rows @ (self.root * z) + np.sum(self.mean**2) * total

    def _in_features(self, y, mean, coef, rows):
        """Return the same from second moments of the features."""
        weight, along = self.weight[:, None], self.mean[:, 0]
        w, total = self._step_in_features(self.design.adjoint(weight * y), mean)
        left = y - self.design.forward(w)
        right = self.design.adjoint(weight * left) + self.mean * total - w
        at_mean = mean - along @ w - total / self.total_weight
        step, more = self._step_in_features(right, at_mean)
        w, total = w + step, total + more
        if rows or np.abs(step).max() > NEGLIGIBLE_STEP * np.abs(w).max():
            left = y - self.design.forward(w)
        own = None
        if rows:
            own, sums = weight * left, w - self.mean * total
            if cancels(own, weight * (y + mean), np.trace(self._matrix)):
                self._least = self._least or RowWeights(self.design)
                own = self._least.of(sums)
            own, total = self._fixed(own, sums, total, mean)
            # Rounding may give coefficients that no rows have; the intercept must not.
            w = self.design.adjoint(own) + self.mean * total
            own = with_total(own, total, self.weight)
        return TargetWeights(w, along @ w, own, total, self._mean_square(left))

    def _fixed(self, rows, sums, total, mean):
        """Return weights of rows about the mean with given sums of rows, and `total`.

        Residuals below rounding are noise, and do not give the coefficients.
        """
        weight = self.weight[:, None]
        rows = closer(self.design, self._rows_of, rows, sums)
        if self._has_mean:
            w = self.design.adjoint(rows) + self.mean * total
            left = mean - self.mean[:, 0] @ w - total / self.total_weight
            more = left / self._of_mean
            rows = rows - weight * self.design.forward(self._part * more)
            total = total + more
        return balanced(rows, self.weight), total

    def _rows_of(self, sums):
        """Return weights of rows (n_samples, k) of sums (n_features, k)."""
        return self.weight[:, None] * self.design.forward(self._solve(sums))

    def _step_in_features(self, right, at_mean):
        """Return w and t that the factorization gives for right-hand sides."""
        w = self._solve(right)
        if not self._has_mean:
            return w, np.zeros(w.shape[1])
        total = (at_mean - self.mean[:, 0] @ w) / self._of_mean
        return w + self._part * total, total

    def _mean_square(self, left):
        """Return the weighted means of the squares of residuals."""
        return self.weight @ left**2 / self.total_weight


class RowWeights:
    """The smallest weights of rows whose sums of rows are given.

    Parameters
    ----------
    design : Design
        About the mean of the rows, without an intercept.

    Attributes
    ----------
    mean : ndarray of shape (n_features, 1)
        Of the rows, in units of the design.
    """

    def __init__(self, design):
        self.design, self.mean = design, design.scaled(design.shift)[:, None]
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

    def closer(self, rows, sums):
        """Return weights of rows whose sums of rows are closer to given ones."""
        return closer(self.design, self.of, rows, sums)

    def totals(self, sums, rows):
        """Return the sums (k,) of weights of rows, given their sums of rows about zero.

        Parameters
        ----------
        sums : ndarray of shape (n_features, k)
        rows : ndarray of shape (n_samples, k)
            The weights, but for rounding. They count where the mean is a sum of rows
            about it, so that more than one total gives the sums.
        """
        apart = self.mean - self.design.adjoint(self.of(self.mean))
        apart -= self.design.adjoint(self.of(apart))
        square = np.sum(apart**2)
        if square <= LEAST_APART * np.sum(self.mean**2):
            return rows.sum(axis=0)
        return apart[:, 0] @ sums / square
