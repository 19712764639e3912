"""Curvature that the splits share: a preconditioner formed when it pays."""

import copy

import numpy as np
from scipy.linalg import eigvalsh

from ..linalg.hessian import penalized_hessian
from ..linalg.krylov import ZERO_RATIO
from .near_hessian import OutputsApart

#: Coupled coordinates up to which matrices are formed and factored.
DENSE_LIMIT = 2500
#: Entries of the inverses for all outputs up to which these are taken apart.
APART_ENTRIES = 2**25
#: What forming a matrix costs in products of a Hessian with one vector, a constant and
#: a share of the features, and the same of factoring it, a share of its entries per
#: row: thin products run at the speed of memory, these at that of the cores.
GRAM_BASE, GRAM_SHARE, FACTOR_SHARE = 12.0, 1 / 13, 1 / 25
#: Change of the log of the penalty up to which a factor is kept.
KEPT = 0.7
#: Change of the curvature relative to its mean up to which a matrix is kept for use as
#: a model.
CHANGED = 0.05
#: Products per split for which the price is paid at once: for solutions of low and of
#: high accuracy.
CHEAP, ACCURATE = 2, 80
#: Products that a factor of its own saves a split, about.
SAVED = 5.0
#: Digits of a ratio of weights that rounding leaves.
RATIO_DIGITS = 9


class SharedCurvature:
    """Hessians with the curvature at one common raw prediction.

    Solutions of overlapping training parts are close to each other, and so one matrix
    and its factor precondition the Hessians of all splits: loosely over common rows,
    closely each split over its own. The matrix is formed once the products spent
    without it have cost as much, which is at most twice the least possible cost
    (Karlin et al. 1988).

    Parameters
    ----------
    rows : Rows
    loss : Loss
    y : ndarray
        Target as the loss wants it.
    n_outputs : int
    train_weights : ndarray of shape (n_splits, n_samples)
    start_curvature : callable
        Returns the least curvature of the loss at the model without features.
    counts : OracleCounts
    needs_own : bool, default=False
        Whether the matrix of every split is wanted whatever it costs.
    """

    def __init__(
        self,
        rows,
        loss,
        y,
        n_outputs,
        train_weights,
        start_curvature,
        counts,
        *,
        needs_own=False,
    ):
        self.rows, self.loss, self.y, self.counts = rows, loss, y, counts
        self.n_splits = len(train_weights)
        self.start_curvature = start_curvature
        self.matrix = self._first = self._factored = self._own = self._blocks = None
        self._curvature = self._coupling = self._first_coupling = None
        self.spent, self._is_accurate = 0, False
        size = rows.n_coordinates * n_outputs
        # One matrix of all weights, or else one of the features for each output.
        self.is_whole = size <= DENSE_LIMIT
        entries = size**2 if self.is_whole else n_outputs * rows.n_coordinates**2
        n_grams = (n_outputs + 1) / 2 if self.is_whole else 1
        factor_price = FACTOR_SHARE * entries / rows.n_samples
        self.parts = _Parts(train_weights, needs_own or factor_price <= SAVED)
        self.price = np.inf
        apart = n_outputs > 1 and rows.n_coordinates <= DENSE_LIMIT
        if self.is_whole or (apart and entries <= APART_ENTRIES):
            per_row = rows.n_coordinates * GRAM_SHARE
            if rows.is_sparse:
                per_row = rows.X.nnz / rows.n_samples
            self.price = (GRAM_BASE + per_row) * n_grams + factor_price

    def of_all_rows(self):
        """Return the same for one split of all rows."""
        other = copy.copy(self)
        other.parts = copy.copy(self.parts)
        other.n_splits, other.parts.shares = 1, None
        return other

    def renew_if_due(self, raw, is_accurate=False):
        """Form the matrix if it is time to.

        Parameters
        ----------
        raw : callable
            Gives the present raw predictions (n_splits, n_outputs, n_samples).
        is_accurate : bool
            Whether accurate solutions are asked for, which a matrix that was formed
            on the way to loose ones is too far from.
        """
        at_once = (ACCURATE if is_accurate else CHEAP) * self.n_splits
        is_first = self.matrix is None or (is_accurate and not self._is_accurate)
        if self.spent > self.price or (is_first and self.price <= at_once):
            self._is_accurate = is_accurate
            self._renew(raw())

    def renew_if_changed(self, raw):
        """Form the matrix where the curvature is no longer that of the last one.

        Parameters
        ----------
        raw : ndarray of shape (n_splits, n_outputs, n_samples)
            The present raw predictions.
        """
        curvature = self.loss.curvature(self.y, self.parts.common(raw).T)
        if self.matrix is not None:
            change = self._mean_size(curvature - self._curvature)
            if np.all(change <= CHANGED * self._mean_size(self._curvature)):
                return
        self._is_accurate = True
        self._form(curvature)

    def _mean_size(self, curvature):
        return np.tensordot(self.parts.weight, np.abs(curvature), axes=1)

    def _renew(self, raw):
        self._form(self.loss.curvature(self.y, self.parts.common(raw).T))

    def _form(self, curvature):
        self._curvature = curvature
        if self.is_whole:
            lower, upper = np.tril_indices(curvature.shape[1])
            weights = self.parts.weight[:, None] * curvature[:, lower, upper]
        else:
            weights = self.parts.weight * np.trace(curvature, axis1=1, axis2=2)
            total = np.tensordot(self.parts.weight, curvature, axes=1)
            self._coupling = total / np.trace(total)
            weights = weights[:, None]
        self._blocks = [
            self.rows.take(index).block_gram(weights[index])
            for index in self.parts.indices
        ]
        self.matrix = sum(self._blocks[1:], start=self._blocks[0])
        self._factored, self._own, self.spent = None, None, 0
        if self._first is None:
            self._first = self.matrix
            if not self.is_whole:
                self._first_coupling = np.linalg.eigvalsh(self._coupling)[0]

    def hessian(self, penalty):
        """Return a Hessian near those of the splits, or None without a matrix.

        Parameters
        ----------
        penalty : ndarray of shape (m, 1)
        """
        if self.matrix is None:
            return None
        if self._factored is None or _distance(self._factored[0], penalty) > KEPT:
            self._factored = (penalty, self._near(self.matrix.copy(), penalty))
        return self._factored[1]

    def own_hessians(self, penalty):
        """Return a Hessian near that of every split, as near as the rows allow.

        Parameters
        ----------
        penalty : ndarray of shape (m, 1)
        """
        if self.matrix is None or self.parts.shares is None:
            return [self.hessian(penalty)] * self.n_splits
        if self._own is None or _distance(self._own[0], penalty) > KEPT:
            near = [self._near(one, penalty) for one in self.own_matrices()]
            self._own = (penalty, near)
        return self._own[1]

    def _near(self, matrix, penalty):
        """Return a Hessian, made in place of the matrix of its data term."""
        if self.is_whole:
            return penalized_hessian(matrix, penalty, self.counts)
        return OutputsApart(matrix, self._coupling, penalty, self.counts)

    def own_matrices(self):
        """Return the matrix of every split, without a penalty; not to be changed."""
        if self.parts.shares is None:
            return [self.matrix] * self.n_splits
        return np.tensordot(self.parts.shares, self._blocks, axes=1)

    def least(self):
        """Return the least curvature of the data that is not zero.

        At the first weights that were asked for: a scan begins without any. Where no
        matrix was formed, of the features one by one.
        """
        n_features = self.rows.n_features
        if self._first is None:
            squares = self.rows.mean_squares()[:n_features]
            positive = squares[squares > 0]
            return self.start_curvature() * positive.min(initial=np.inf)
        if not np.isscalar(self._first):
            n_outputs = len(self._first) // self.rows.n_coordinates
            least = _least_eigenvalue(self._first, n_features * n_outputs)
            self._first = least if self.is_whole else least * self._first_coupling
        return self._first


def _distance(old, new):
    """Return the largest change of the log of a penalty."""
    used = old > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.abs(np.log(new[used] / old[used]))
    return np.max(change, initial=0.0) if np.all(np.isfinite(change)) else np.inf


def _least_eigenvalue(matrix, size):
    """Return a bound below the least nonzero eigenvalue of the first coordinates.

    The others, intercepts, are eliminated; columns that are zero are left out. In
    units of its own diagonal no coordinate is lost in the rounding of another.
    """
    own, cross, corner = (
        matrix[:size, :size],
        matrix[:size, size:],
        matrix[size:, size:],
    )
    if len(corner):
        own = own - cross @ np.linalg.pinv(corner) @ cross.T
    unit = np.diag(own)
    kept = unit > 0
    if not kept.any():
        return np.inf
    own, unit = own[np.ix_(kept, kept)], unit[kept]
    root = np.sqrt(unit)
    values = eigvalsh(own / root / root[:, None])
    return float(values[values > ZERO_RATIO * values[-1]].min() * unit.min())


class _Parts:
    """The rows by which splits train on them: K folds make K parts.

    Parameters
    ----------
    train_weights : ndarray of shape (n_splits, n_samples)
    is_split : bool
        Whether parts are wanted; else all rows are one.

    Attributes
    ----------
    weight : ndarray of shape (n_samples,)
        Mean of the training weights.
    indices : list of ndarray
        The rows of every part.
    shares : ndarray of shape (n_splits, n_parts) or None
        Training weight of a split's rows relative to the mean; None where all rows
        are taken for one, as they are if there are too many parts.
    """

    def __init__(self, train_weights, is_split):
        self.train_weights = train_weights
        self.weight = train_weights.mean(axis=0)
        used = np.flatnonzero(self.weight)
        self.indices, self.shares = [used], None
        if not is_split or len(train_weights) == 1:
            return
        ratios = np.round(train_weights[:, used] / self.weight[used], RATIO_DIGITS)
        indices, shares, rest = [], [], np.arange(len(used))
        while len(rest):
            if len(shares) > len(train_weights):
                return
            share = ratios[:, rest[0]]
            is_own = np.all(ratios[:, rest] == share[:, None], axis=0)
            indices.append(used[rest[is_own]])
            shares.append(share)
            rest = rest[~is_own]
        self.indices, self.shares = indices, np.stack(shares, axis=1)

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
        return np.einsum("kn,kon->on", self.train_weights / total, raw)
