"""Curvature shared by the splits: a preconditioner, formed if it saves time."""

from functools import cached_property

import numpy as np
from scipy.linalg import eigvalsh

from ..conditioning import holds_roughly
from ..linalg.hessian import penalized_hessian
from ..linalg.krylov import ZERO_RATIO
from .near_hessian import OutputsApart


class SharedCurvature:
    """Hessians with the curvature at one common raw prediction.

    The solutions of overlapping training parts are close to each other. So one matrix
    over all rows and its factor precondition the Hessians of all splits; a matrix over
    the training rows of each split is a closer preconditioner. The matrix is formed
    once the products spent without it have cost as much, which is at most twice the
    least possible cost (Karlin et al. 1988).

    Parameters
    ----------
    split_set : GLMSplitSet
    start : ndarray of shape (1, n_outputs)
        Raw prediction of the model without features.
    """

    def __init__(self, split_set, start):
        self.rows, self.loss, self.y = split_set.rows, split_set.loss, split_set.y
        self.counts, self.plan = split_set.counts, split_set.plan
        self.n_splits = len(split_set.splits)
        self.groups = split_set.splits[0].groups
        self._has_axes = bool(split_set.splits[0].coordinates.bases)
        self._start = start[0]
        self.matrix = self._first = self._factored = self._own = self._sums = None
        self._curvature = self._coupling = self._first_coupling = None
        self.spent, self._is_accurate = 0, False
        self.parts = _Parts(split_set)

    def adopt(self, other):
        """Reuse the matrix of the splits for one split of all rows.

        Parameters
        ----------
        other : SharedCurvature
        """
        self.matrix, self._factored = other.matrix, other._factored
        self._sums = None
        self._curvature, self._coupling = other._curvature, other._coupling
        self.spent, self._is_accurate = other.spent, other._is_accurate

    def renew_if_due(self, raw, is_accurate=False):
        """Form the matrix if it is due.

        Parameters
        ----------
        raw : callable
            Gives the current raw predictions (n_splits, n_outputs, n_samples).
        is_accurate : bool
            Whether solutions must be accurate. A matrix that was formed for loose
            solutions is then formed again.
        """
        limits, price = self.plan.limits, self.plan.shared_price
        most = limits.accurate_products if is_accurate else limits.cheap_products
        is_first = self.matrix is None or (is_accurate and not self._is_accurate)
        at_once = is_first and price <= most * self.n_splits
        if self.spent > price or at_once:
            self._is_accurate = is_accurate
            self.renew(raw())

    def renew_if_changed(self, raw):
        """Form the matrix if the curvature has changed since the last one.

        Parameters
        ----------
        raw : ndarray of shape (n_splits, n_outputs, n_samples)
            The current raw predictions.
        """
        curvature = self.loss.curvature(self.y, self.parts.common(raw).T)
        if self.matrix is not None:
            change = self._mean_size(curvature - self._curvature)
            most = self.plan.limits.changed_curvature
            if np.all(change <= most * self._mean_size(self._curvature)):
                return
        self._is_accurate = True
        self._form(curvature, self.rows)

    def _mean_size(self, curvature):
        return np.tensordot(self.parts.weight, np.abs(curvature), axes=1)

    def renew(self, raw, is_rough=False):
        """Form the matrix at raw predictions (n_splits, n_outputs, n_samples).

        In single precision if it `is_rough`, where that is accurate and saves time.
        """
        curvature = self.loss.curvature(self.y, self.parts.common(raw).T)
        rows = self.rows.roughly() if is_rough else self.rows
        self._form(curvature, rows)
        if rows is not self.rows and not holds_roughly(self.matrix):
            self._form(curvature, self.rows)

    def _form(self, curvature, rows):
        self._curvature = curvature
        if self.plan.is_dense:
            weights = _pairs(self.parts.weight, curvature)
        else:
            weights = self.parts.weight * np.trace(curvature, axis1=1, axis2=2)
            total = np.tensordot(self.parts.weight, curvature, axes=1)
            self._coupling = total / np.trace(total)
            weights = weights[:, None]
        # Free the old matrices before new ones are allocated.
        self.matrix = self._factored = self._own = self._sums = None
        self._sums = rows.sum_curvature(weights, *self.parts.facts())
        self.matrix = rows.common_matrix(self._sums)
        self.spent = 0
        if self._first is None:
            self._first = self.matrix
            if not self.plan.is_dense:
                values = np.linalg.eigvalsh(self._coupling)
                self._first_coupling = values[self.loss.n_flat]

    def hessian(self, penalty):
        """Return an approximate Hessian of the splits, or None without a matrix.

        Parameters
        ----------
        penalty : ndarray of shape (n_splits, m, 1)
        """
        if self.matrix is None:
            return None
        penalty = np.median(penalty, axis=0)
        if self._factored is None or self._is_far(self._factored[0], penalty):
            self._factored = (penalty, self._near(self.matrix.copy(), penalty))
        return self._factored[1]

    def own_hessians(self, penalty):
        """Return an approximate Hessian of every split, as accurate as the parts allow.

        Parameters
        ----------
        penalty : ndarray of shape (n_splits, m, 1)
        """
        if self.matrix is None or self.parts.are_one:
            return [self.hessian(penalty)] * self.n_splits
        if self._own is None or self._is_far(self._own[0], penalty):
            near = list(map(self._near, self.own_matrices(), penalty))
            self._own = (penalty, near)
        return self._own[1]

    def _is_far(self, old, new):
        """Whether a penalty has changed too much for the old factors."""
        return distance(old, new) > self.plan.limits.kept_change

    def _near(self, matrix, penalty):
        """Return a Hessian, made in place of the matrix of its data term."""
        if self.plan.is_dense:
            return penalized_hessian(matrix, penalty, self.counts)
        return OutputsApart(matrix, self._coupling, penalty, self.counts)

    def own_matrices(self):
        """Return the matrix of every split, without a penalty; not to be changed."""
        if self._sums is None or self.parts.are_one:
            return [self.matrix] * self.n_splits
        return self.rows.own_matrices(self._sums, self.parts.shares)

    def held_out_matrices(self):
        """Return the matrix of every split's held-out rows."""
        return self.matrices_of(self.parts.held_out_shares)

    def matrices_of(self, shares):
        """Return the matrices (k, ...) of shares (k, n_parts) of the parts."""
        return self.rows.own_matrices(self._sums, shares)

    def matrix_of(self, weight):
        """Return the matrix of rows of any weight (n_samples,), by one more pass."""
        pairs = _pairs(weight, self._curvature)
        return self.rows.common_matrix(self.rows.sum_curvature(pairs, None, 1, None))

    def least(self):
        """Return the smallest nonzero curvature of the data.

        Of the first matrix that was formed. Without a matrix, as at the beginning of a
        scan, of every feature alone.
        """
        if self._first is None:
            return self._least_of_features
        if not np.isscalar(self._first):
            features = self.groups.penalized
            n_outputs = len(self._first) // self.rows.n_coordinates
            own = (features[:, None] * n_outputs + np.arange(n_outputs)).ravel()
            least = _least_eigenvalue(self._first, own, self._rounding)
            self._first = least if self.plan.is_dense else least * self._first_coupling
        return self._first

    @property
    def _rounding(self):
        """Relative curvature that counts as zero along axes of the rows.

        Zero for features in the user's units, which may differ by any factor.
        """
        if not self._has_axes:
            return 0.0
        return (max(len(self.y), self.rows.n_coordinates) * np.finfo(float).eps) ** 2

    @cached_property
    def _least_of_features(self):
        squares = self.rows.mean_squares()[self.groups.penalized]
        mean = self.loss.mean_curvature(self.y, self._start, self.parts.weight)
        kept = squares > self._rounding * squares.max(initial=0.0)
        least = squares[kept].min(initial=np.inf)
        return np.linalg.eigvalsh(mean)[self.loss.n_flat] * least


def _pairs(weight, curvature):
    """Return the weighted curvature of pairs of outputs, (n_samples, n_pairs)."""
    lower, upper = np.tril_indices(curvature.shape[1])
    return weight[:, None] * curvature[:, lower, upper]


def distance(old, new):
    """Return the largest change of the log of a penalty."""
    used = old > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.abs(np.log(new[used] / old[used]))
    return np.max(change, initial=0.0) if np.all(np.isfinite(change)) else np.inf


def _least_eigenvalue(matrix, index, rounding):
    """Return a lower bound of the smallest nonzero eigenvalue of some coordinates.

    The others, without a penalty, are eliminated; columns that are zero, or as small as
    `rounding` relative to the largest, are left out. In units of its own diagonal no
    coordinate is lost in the rounding of another.
    """
    others = np.setdiff1d(np.arange(len(matrix)), index)
    own = matrix[np.ix_(index, index)]
    if len(others):
        cross = matrix[np.ix_(index, others)]
        corner = matrix[np.ix_(others, others)]
        own = own - cross @ np.linalg.pinv(corner) @ cross.T
    unit = np.diag(own)
    kept = unit > rounding * unit.max(initial=0.0)
    if not kept.any():
        return np.inf
    own, unit = own[np.ix_(kept, kept)], unit[kept]
    root = np.sqrt(unit)
    values = eigvalsh(own / root / root[:, None])
    return float(values[values > ZERO_RATIO * values[-1]].min() * unit.min())


class _Parts:
    """Parts of the rows by the splits that train on them: K folds make K parts.

    Parameters
    ----------
    split_set : GLMSplitSet

    Attributes
    ----------
    weight : ndarray of shape (n_samples,)
        Mean of the training weights.
    labels : ndarray of int of shape (n_samples,) or None
        Part of every row; None where all rows are one part.
    shares, held_out_shares : ndarray of shape (n_splits, n_parts) or None
        Training and validation weight of a split's rows relative to the mean training
        weight. The latter is None too where no split trains on a row that is held out.
    are_one : bool
        Whether one matrix is to serve all splits.
    """

    def __init__(self, split_set):
        self.train_weights = split_set.train_weights
        self.weight = np.mean(self.train_weights, axis=0)
        self.labels = self.shares = self.held_out_shares = None
        parts, splits_matrix = split_set.parts, split_set.plan.splits_shared_matrix
        self.are_one = split_set.rows.are_shared or not splits_matrix
        if parts is None or parts.kinds is None or len(self.train_weights) == 1:
            return
        if not (splits_matrix and split_set.rows.has_parts):
            return
        shares, held_out = (
            parts.counts[:, side] / parts.totals[:, side, None] for side in (0, 1)
        )
        self.are_one, mean = False, shares.mean(axis=0)
        used = mean > 0
        number = np.where(used, np.cumsum(used) - 1, -1)
        self.labels, self.shares = number[parts.kinds], shares[:, used] / mean[used]
        if not np.any(held_out[:, ~used]):
            self.held_out_shares = held_out[:, used] / mean[used]

    def facts(self):
        """Return the labels, the number of parts, and the shares of the splits."""
        n_parts = 1 if self.shares is None else self.shares.shape[1]
        return self.labels, n_parts, None if self.are_one else self._own_shares

    def _own_shares(self):
        """Return the training weights relative to their mean, (n_splits, n_samples)."""
        weights = self.train_weights
        zeros = np.zeros_like(weights)
        return np.divide(weights, self.weight, out=zeros, where=weights > 0)

    def common(self, raw):
        """Return the mean over splits of the raw predictions of their training rows.

        Parameters
        ----------
        raw : ndarray of shape (n_splits, n_outputs, n_samples)

        Returns
        -------
        ndarray of shape (n_outputs, n_samples)
        """
        if len(raw) == 1:
            return raw[0]
        total = np.where(self.weight > 0, len(raw) * self.weight, 1.0)
        common = np.zeros(raw.shape[1:])
        for weight, own in zip(self.train_weights, raw, strict=True):
            common += weight / total * own
        return common
