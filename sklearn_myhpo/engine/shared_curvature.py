"""Curvature that the splits share: a preconditioner formed when it pays."""

import numpy as np
from scipy.linalg import eigvalsh

from .hessian import penalized_hessian
from .krylov import ZERO_RATIO

#: Coupled coordinates up to which matrices are formed and factored.
DENSE_LIMIT = 2500
#: What forming a matrix costs in products of a Hessian with one vector, a constant and
#: a share of the features, and the same of factoring it, a share of its entries per
#: row: thin products run at the speed of memory, these at that of the cores.
GRAM_BASE, GRAM_SHARE, FACTOR_SHARE = 12.0, 1 / 13, 1 / 25
#: Change of the log of the penalty up to which a factor is kept.
KEPT = 0.7
#: Products per split for which the price is paid at once: for solutions of low and of
#: high accuracy.
CHEAP, ACCURATE = 2, 80


class SharedCurvature:
    """The Hessian with the curvature at one common raw prediction, over common rows.

    Training parts overlap, so their solutions are close to each other, and one matrix
    and its factor precondition the Hessians of all. It is formed once the products
    spent without it have cost as much, which is at most twice the least possible cost
    (Karlin et al. 1988).

    Parameters
    ----------
    rows : Rows
    loss : Loss
    n_outputs : int
    row_weight : ndarray of shape (n_samples,)
        Mean of the training weights of the splits.
    n_splits : int
    start_curvature : float
        Least curvature of the loss at the model without features.
    counts : OracleCounts
    """

    def __init__(
        self, rows, loss, n_outputs, row_weight, n_splits, start_curvature, counts
    ):
        self.rows, self.loss, self.counts = rows, loss, counts
        self.row_weight, self.n_splits = row_weight, n_splits
        self.start_curvature = start_curvature
        self.matrix = self._first = self._factored = None
        self.spent = 0
        size = rows.n_coordinates * n_outputs
        self.price = np.inf
        if size <= DENSE_LIMIT:
            per_row = rows.n_coordinates * GRAM_SHARE
            if rows.is_sparse:
                per_row = rows.X.nnz / rows.n_samples
            self.price = (GRAM_BASE + per_row) * (n_outputs + 1) / 2
            self.price += FACTOR_SHARE * size**2 / rows.n_samples

    def is_due(self, is_accurate=False):
        """Whether it is time to form the matrix at the present weights."""
        at_once = (ACCURATE if is_accurate else CHEAP) * self.n_splits
        if self.matrix is None and self.price <= at_once:
            return True
        return self.spent > self.price

    def renew(self, raw):
        """Form the matrix at a raw prediction (n_samples, n_outputs)."""
        curvature = self.loss.curvature(raw)
        lower, upper = np.tril_indices(curvature.shape[1])
        weights = self.row_weight[:, None] * curvature[:, lower, upper]
        self.matrix = self.rows.block_gram(weights)
        self._factored, self.spent = None, 0
        if self._first is None:
            self._first = self.matrix

    def hessian(self, penalty):
        """Return a Hessian near those of the splits, or None without a matrix.

        Parameters
        ----------
        penalty : ndarray of shape (m, 1)
        """
        if self.matrix is None:
            return None
        if self._factored is None or _distance(self._factored[0], penalty) > KEPT:
            near = penalized_hessian(self.matrix.copy(), penalty, self.counts)
            self._factored = (penalty, near)
        return self._factored[1]

    def least(self):
        """Return the least curvature of the data that is not zero.

        At the first weights that were asked for: a scan begins without any. Where no
        matrix was formed, of the features one by one.
        """
        n_features = self.rows.n_features
        if self._first is None:
            squares = self.rows.mean_squares()[:n_features]
            positive = squares[squares > 0]
            return self.start_curvature * positive.min(initial=np.inf)
        if not np.isscalar(self._first):
            n_outputs = len(self._first) // self.rows.n_coordinates
            self._first = _least_eigenvalue(self._first, n_features * n_outputs)
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
