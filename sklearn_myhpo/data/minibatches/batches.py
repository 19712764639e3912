"""Mini-batches of rows for stochastic solvers.

A batch holds training and validation rows of all splits alike, as every row has a
weight in every part. Its sums over rows times the number of batches are unbiased
estimates of gradients and Hessian products: their mean over all batches is exact.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..limits import row_limits
from .blocks import Batch, DenseBlock, DesignBlock, SparseBlock

#: Minimum number of batches, if there are as many rows.
MIN_BATCHES = 10
#: Batches whose curvature is measured, and products with each.
MEASURED, BATCH_POWER_STEPS = 64, 8


def sample_batches(rng, n_samples, batch_size, strata=None):
    """Return random disjoint batches of nearly equal size that make up all rows.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of random numbers.
    n_samples : int
        Number of rows.
    batch_size : int
        Maximum number of rows of a batch; reduced if there would be fewer than ten
        batches.
    strata : ndarray of int of shape (n_samples,), optional
        Kinds of rows; every batch gets its share of each, up to about one row.

    Returns
    -------
    list of ndarray of int
        Row indices, increasing in every batch.
    """
    n_batches = max(-(-n_samples // batch_size), min(n_samples, MIN_BATCHES))
    order = rng.permutation(n_samples)
    if strata is not None:
        # Row r of the s rows of a kind goes to position r/s of all rows.
        kinds, size = np.unique(strata[order], return_inverse=True, return_counts=True)[
            1:
        ]
        by_kind = np.argsort(kinds, kind="stable")
        place = np.empty(n_samples)
        place[by_kind] = np.arange(n_samples) - np.repeat(np.cumsum(size) - size, size)
        order = order[np.argsort((place + rng.random(n_samples)) / size[kinds])]
    return [np.sort(part) for part in np.array_split(order, n_batches)]


def strata_of(splits):
    """Return a number for each row that encodes its parts, shape (n_samples,)."""
    strata = np.zeros(len(splits[0].y), dtype=np.intp)
    for split in splits:
        own = 2 * (split.train_weight > 0) + (split.validation_weight > 0)
        strata = np.unique(4 * strata + own, return_inverse=True)[1]
    return strata


class Pass(NamedTuple):
    """Sums over all rows at the weights and adjoints of every split.

    Attributes
    ----------
    gradients : ndarray of shape (2, n_splits, n_outputs, m)
        Of the mean training losses; and of the adjoint problems, the Hessian of the
        mean training loss times the adjoint minus the gradient of L_V. No penalty.
    held_out : ndarray of shape (n_splits, n_outputs, m)
        Gradients of L_V.
    train_losses, validation_losses : ndarray of shape (n_splits,)
        The former without the penalty.
    scalars : ndarray of shape (2, n_splits, n_outputs, n_rows)
        Derivatives in raw predictions, of which the gradients are sums over rows, in
        the order of the batches.
    rows : RowTotals or None
        Sums for the weights of rows; None where none are learned.
    """

    gradients: np.ndarray
    held_out: np.ndarray
    train_losses: np.ndarray
    validation_losses: np.ndarray
    scalars: np.ndarray
    rows: tuple | None = None


class RowBatches:
    """Derivatives of all splits on batches of rows, counted as parts of a pass.

    Weights and adjoints of all splits are one array `z` of shape
    (2, n_splits, n_outputs, m), so that the rows of a batch are multiplied once.

    Parameters
    ----------
    splits : list of GLMSplit
        On the same rows.
    batches : list of ndarray
        Row indices, disjoint.

    Attributes
    ----------
    order : ndarray of int of shape (n_rows,)
        The rows, batch after batch.
    weighs_rows : bool
        Whether training rows have weights that depend on lambda.
    """

    weighs_rows = False

    def __init__(self, splits, batches):
        first = splits[0]
        self.rows, self.loss, self.counts = first.rows, first.loss, first.counts
        self.n_splits, self.n_outputs = len(splits), first.n_outputs
        self.order = np.concatenate(batches)
        self._starts = np.cumsum([0, *map(len, batches)])
        self._target = first.y[self.order]
        self.train, self.held_out = (
            np.stack([getattr(split, name)[self.order] for split in splits])[:, None]
            for name in ("train_weight", "validation_weight")
        )
        self._kept = self._keep()

    def __len__(self):
        return len(self._starts) - 1

    def _keep(self):
        """Return all batches if they take little memory, else None."""
        limits, m = row_limits(), self.rows.n_coordinates
        width = m * int(np.diff(self._starts).max())
        if self.rows.is_sparse and width > limits.dense_batch_entries:
            blocks = [
                SparseBlock(self.rows.take(self.order[slice(*ends)]))
                for ends in pairwise(self._starts)
            ]
            return [self._batch(number, block) for number, block in enumerate(blocks)]
        if m * len(self.order) > limits.kept_entries:
            return None
        matrix = np.empty((len(self.order), m))
        for own, block in self._rows_in_order(m):
            matrix[own] = block.to_dense()
        blocks = (DenseBlock(matrix[slice(*ends)]) for ends in pairwise(self._starts))
        return [self._batch(number, block) for number, block in enumerate(blocks)]

    def _rows_in_order(self, entries_per_row):
        """Yield blocks of the rows as a design has them, and their places here."""
        place = np.full(self.rows.n_samples, len(self.order))
        place[self.order] = np.arange(len(self.order))
        for index, block in self.rows.blocks(entries_per_row):
            own = place[index]
            is_there = own < len(self.order)
            if is_there.all():
                yield own, block
            elif is_there.any():
                yield own[is_there], block.take(np.flatnonzero(is_there))

    def _read(self, numbers):
        """Yield batches whose rows are read together."""
        places = [np.arange(*self._starts[number : number + 2]) for number in numbers]
        rows = self.order[np.concatenate(places)]
        # A design takes rows in its own order.
        order = np.argsort(rows)
        matrix, start = np.empty((len(rows), self.rows.n_coordinates)), 0
        matrix[order] = self.rows.take(rows[order]).to_dense()
        for number, place in zip(numbers, places, strict=True):
            block = DenseBlock(matrix[start : start + len(place)])
            yield self._batch(number, block)
            start += len(place)

    def _batch(self, number, block):
        place = slice(*self._starts[number : number + 2])
        return self._with(place, place, block)

    def _with(self, place, index, block):
        """Return some rows, a place in the order, or several, as a `Batch`."""
        target = self._target[index]
        many = np.tile(target, (self.n_splits,) + (1,) * (target.ndim - 1))
        weights = self.train[..., index], self.held_out[..., index]
        return Batch(self.loss, self.n_outputs, place, block, many, *weights)

    def visit(self, numbers, *asked):
        """Yield batches one after the other; some are read and counted together.

        Parameters
        ----------
        numbers : ndarray of int
            Which ones.
        *asked : str
            Names of the oracle counts to increase for each.

        Yields
        ------
        Batch
        """
        size = max(1, row_limits().read_rows // int(np.diff(self._starts).max()))
        for start in range(0, len(numbers), size):
            chunk = numbers[start : start + size]
            for name in asked:
                self.count(name, len(chunk) / len(self))
            if self._kept is None:
                yield from self._read(chunk)
            else:
                yield from map(self._kept.__getitem__, chunk)

    def count(self, name, n_passes):
        """Increase oracle counts by some share of the rows."""
        value = getattr(self.counts, name) + n_passes * self.n_splits
        setattr(self.counts, name, value)

    def everything(self, z, lambda_=None):
        """Return the `Pass` at weights and adjoints; X is read once.

        `lambda_` is needed if it contains weights of rows.
        """
        for name in ("n_train_gradients", "n_hessian_products"):
            self.count(name, 1)
        self.count("n_validation_gradients", 1)
        self.count("n_values", 2)
        sums = np.zeros((3, *z.shape[1:]))
        losses = np.zeros((2, self.n_splits))
        scalars = np.zeros((*z.shape[:-1], len(self.order)))
        rows = np.zeros((4, len(self.order))) if self.weighs_rows else None
        width = self.rows.n_coordinates + z[0].size
        for own, block in self._rows_in_order(width):
            batch = self._with(None, own, DesignBlock(block)).at(lambda_)
            raw = batch.forward(z)
            found = batch.all_scalars(raw)
            if rows is not None:
                rows[:, own] = batch.row_parts(found, raw)
            scalars[..., own] = found[:2]
            sums += batch.adjoint(found)
            value = batch.values(raw[0])
            losses[0] += np.sum(batch.train[:, 0] * value, axis=1)
            losses[1] += np.sum(batch.held_out[:, 0] * value, axis=1)
        totals = None if rows is None else self._row_totals(rows)
        return Pass(sums[:2], sums[2], *losses, scalars, totals)

    @property
    def _curvature_bound(self):
        return self.loss.curvature_bound("The solver 'stochastic'")

    def largest_moments(self):
        """Return the largest mean square of every coordinate on one batch, (m,).

        Means over training rows, times the bound of the loss's curvature.
        """
        largest = np.zeros(self.rows.n_coordinates)
        for batch in self.visit(np.arange(len(self))):
            moments = batch.block.squares(batch.train[:, 0]).max(axis=0)
            np.maximum(largest, moments, out=largest)
        return self._curvature_bound * len(self) * largest

    def largest_curvature(self, scale):
        """Return the largest eigenvalue of the Hessian of a batch, by power steps.

        Parameters
        ----------
        scale : ndarray of shape (m,)
            Squares of the units in which the coordinates are measured.

        Returns
        -------
        float
            The maximum over evenly spaced batches, for the upper bound of the Hessian.
        """
        root, largest = np.sqrt(scale), 0.0
        numbers = np.linspace(0, len(self) - 1, min(len(self), MEASURED)).astype(int)
        for batch in self.visit(numbers):
            block, train = batch.block, batch.train[:, 0]
            # A start that no symmetry of the data makes orthogonal to the eigenvector.
            vector = root * block.adjoint(train * np.arange(1, train.shape[1] + 1))
            for _ in range(BATCH_POWER_STEPS):
                size = np.linalg.norm(vector, axis=1, keepdims=True)
                vector = vector / np.where(size > 0, size, 1.0)
                image = block.forward(root * vector)
                vector = root * block.adjoint(train * image)
            largest = max(largest, np.linalg.norm(vector, axis=1).max())
        return float(self._curvature_bound * len(self) * largest)
