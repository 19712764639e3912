"""Mini-batches of rows whose training losses have weights that are hyperparameters.

The weight of a row is ``c_i sigmoid(s_g(i))``, with c_i its share of the training rows.
The derivative of ``<grad L_T(w), q>`` in the log of that weight, the pull of a row, is
``c_i sigmoid(s_g(i)) <grad l_i(w), q>``. It takes two raw predictions, which a step
computes anyway.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

from .batches import RowBatches
from .blocks import Batch

#: Smallest mean curvature of the rows, relative to the bound of the curvature.
LEAST_MEAN_CURVATURE = 1e-3


class RowTotals(NamedTuple):
    """Sums over all rows that the steps of row weights need.

    Attributes
    ----------
    pulls : ndarray of shape (n_rows,)
        Of every row, in the order of the batches.
    pull : ndarray of shape (n_row_groups,)
        Their sums over groups.
    energy, other : ndarray of shape (n_row_groups,)
        Sums over groups of the weights times the squared slopes over the curvature, and
        times the curvature times the squared raw predictions of the adjoints. With the
        former the response of the weights to the s is bounded, and the product of both
        bounds the square of the pull.
    """

    pulls: np.ndarray
    pull: np.ndarray
    energy: np.ndarray
    other: np.ndarray


class WeighedBatch(Batch):
    """A batch whose training rows have weights of their own.

    Parameters
    ----------
    batch : Batch
        All weights are one.
    labels : ndarray of shape (b,)
        Group of every row; `n_groups` for rows in none, which keep the weight one.
    n_groups, n_penalties : int
        Entries of lambda: the log-penalties first, then the s of the groups of rows.
    lambda_ : ndarray of shape (n_lambdas,) or (n_places, n_lambdas), optional
        Sets the weights, of several places at once; None for weights of one.
    """

    __slots__ = ("labels", "n_groups", "n_penalties", "plain")

    def __init__(self, batch, labels, n_groups, n_penalties, lambda_=None):
        train = batch.train
        if lambda_ is not None:
            own = lambda_[..., n_penalties + np.minimum(labels, n_groups - 1)]
            weight = np.where(labels < n_groups, expit(own), 1.0)
            train = train * weight[..., None, None, :]
        parts = batch.place, batch.block, batch.target
        super().__init__(batch.loss, batch.n_outputs, *parts, train, batch.held_out)
        self.plain, self.labels = batch, labels
        self.n_groups, self.n_penalties = n_groups, n_penalties
        self.tiled = batch.tiled

    def at(self, lambda_):
        """Return the batch with the weights of rows at lambda."""
        given = self.labels, self.n_groups, self.n_penalties
        return WeighedBatch(self.plain, *given, lambda_)

    def group_sums(self, values):
        """Return the sums (..., n_row_groups) over groups of values (..., b)."""
        if values.ndim > 1:
            return np.stack([self.group_sums(one) for one in values])
        return np.bincount(self.labels, values, self.n_groups + 1)[: self.n_groups]

    def pulls(self, scalars, raw):
        """Return the pull of every row, (..., b), given `scalars` and `raw`."""
        return np.sum(scalars[0] * raw[1], axis=(-3, -2))

    def pull(self, scalars, raw, factor):
        """Return a factor times the pull of every group of rows."""
        return factor * self.group_sums(self.pulls(scalars, raw))

    def value_pull(self, values, factor):
        """Return a factor times the weighed sums of values (1, b) over groups."""
        return factor * self.group_sums(np.sum(self.train[:, 0] * values, axis=0))

    def row_parts(self, scalars, raw):
        """Return parts (4, b) of the `RowTotals`, given `all_scalars` and `raw`."""
        weight = self.train[0, 0]
        squares = np.sum(np.square(scalars[0]), axis=(0, 1))
        np.divide(squares, weight, out=squares, where=weight > 0)
        along = weight * np.sum(np.square(raw[1]), axis=(0, 1))
        bent = np.sum((scalars[1] + scalars[2]) * raw[1], axis=(0, 1))
        return np.stack([self.pulls(scalars, raw), squares, along, bent])


class WeighedBatches(RowBatches):
    """Batches of one split whose training rows have weights.

    Parameters
    ----------
    splits : list of GLMSplit
        One, in which all rows have the weight one.
    batches : list of ndarray
        Row indices, disjoint.
    row_groups : RowGroups
        The group of every row of the split.
    n_penalties : int
        Number of log-penalties, the first entries of lambda.
    """

    weighs_rows = True

    def __init__(self, splits, batches, row_groups, n_penalties):
        # The base class uses these attributes.
        self.row_groups, self.n_penalties = row_groups, n_penalties
        super().__init__(splits, batches)

    def _with(self, place, index, block):
        """Return some rows, a place in the order, or several, with their groups."""
        labels = self.row_groups.labels[self.order[index]]
        given = labels, self.row_groups.n_groups, self.n_penalties
        return WeighedBatch(super()._with(place, index, block), *given)

    def _row_totals(self, rows):
        """Return the `RowTotals` of the parts (4, n_rows) of all rows."""
        pulls, squares, along, bent = rows
        bound, size = self._curvature_bound, along.sum()
        curvature = bent.sum() / size if size > 0 else bound
        curvature = float(np.clip(curvature, LEAST_MEAN_CURVATURE * bound, bound))
        labels, n_groups = self.row_groups.labels[self.order], self.row_groups.n_groups
        pull, energy, other = (
            np.bincount(labels, one, n_groups + 1)[:n_groups]
            for one in (pulls, squares / curvature, along * curvature)
        )
        return RowTotals(pulls, pull, energy, other)
