"""A pass for slopes, products of the Hessians and second derivatives in one lambda."""

from functools import cached_property, partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...data.blocks import add_all
from ...data.limits import row_limits
from ...data.threads import map_shares
from .passes import Slopes

#: Numbers per row and split that a block of rows makes: images, derivatives, weights.
WORKING = 8


class NearTerms(NamedTuple):
    """Sums over the rows of every split, at its weights.

    Attributes
    ----------
    gradients, held_gradients : ndarray of shape (k, m)
        Of the data terms of the training losses, and of the validation losses.
    products : ndarray of shape (k, 2, m)
        The Hessians of the data terms applied to a response J and an adjoint q.
    turn : ndarray of shape (k, m)
        ``H_V J`` less the third derivative of L_T along (q, J): the derivative of the
        slope in lambda by the weights, through the rows.
    gram : ndarray of shape (k,)
        ``J' H_V J``.
    """

    gradients: np.ndarray
    held_gradients: np.ndarray
    products: np.ndarray
    turn: np.ndarray
    gram: np.ndarray


class NearPass:
    """Passes over the rows of splits of one output, each row held out once at most.

    Parameters
    ----------
    passes : Passes
        Of rows that all splits share.
    """

    def __init__(self, passes):
        self.passes, self.n_splits = passes, passes.n_splits
        index, owner, weight = (one for one in passes.held_out.visits[0])
        n_samples = passes.rows.n_samples
        self._owner, self._held = np.zeros(n_samples, np.intp), np.zeros(n_samples)
        self._owner[index], self._held[index] = owner, weight

    @cached_property
    def _blocks(self):
        """Slices of rows, each held out by one split if its rows are neighbours.

        None where a slice of rows is a copy of them.
        """
        design, most = self.passes.rows.of(0), row_limits()
        if not (design.is_sparse or design.slices_are_views):
            return None
        size = most.cached_entries // (WORKING * self.n_splits)
        if design.is_sparse:
            # Every product copies its block of sparse rows, so blocks should be few.
            size = most.block_entries // self.passes.width_of(3)
        ends = np.flatnonzero(np.diff(self._owner)) + 1
        if len(ends) > max(2 * self.n_splits, len(self._owner) // max(1, size)):
            ends = []
        edges = [0, *ends, len(self._owner)]
        return [
            slice(rows, min(rows + size, end))
            for start, end in pairwise(edges)
            for rows in range(start, end, max(1, size))
        ]

    def gradients(self, weights):
        """Return the gradients (k, m) of the training losses at weights (k, m)."""
        passes = self.passes

        def of_block(block, y, train):
            raw = _forward(block, weights)
            slopes, *_ = passes.loss.slopes(y, raw)
            return (block.adjoint((slopes * train.T).T).T,)

        return self._sum(of_block, passes.y, passes.train_weights.T)[0]

    def values(self, weights):
        """Return the `Slopes`, and the validation losses (k,), at weights (k, m)."""
        passes = self.passes
        raw = np.empty((self.n_splits, 1, passes.rows.n_samples))

        def of_block(block, y, train, owner, held, raw):
            images, train = _forward(block, weights), train.T
            raw[...] = images.T
            losses, slopes, *_ = passes.loss.derivatives(y, images)
            own = _Owners(owner, self.n_splits)
            means = np.einsum("kn,kn->k", losses, train)
            held_means = own.sum(held * own.of(losses))
            return means, held_means, block.adjoint((slopes * train).T).T

        given = passes.y, passes.train_weights.T, self._owner, self._held
        losses, held_losses, found = self._sum(of_block, *given, raw[:, 0].T)
        return Slopes(raw, losses, found[..., None]), held_losses

    def terms(self, weights, vectors):
        """Return the `NearTerms` at weights (k, m) of J and q, (k, 2, m)."""
        columns = np.concatenate([weights[None], vectors.transpose(1, 0, 2)])
        of_block = partial(self._terms_of_block, columns=columns)
        passes = self.passes
        given = passes.y, passes.train_weights.T, self._owner, self._held
        sums, gram, held = self._sum(of_block, *given)
        sums = sums.reshape(-1, *weights.shape)
        return NearTerms(sums[0], held, sums[1:3].transpose(1, 0, 2), sums[3], gram)

    def _sum(self, of_block, *rows):
        """Return the sums over all blocks, a share of them by each thread."""
        design = self.passes.rows.of(0)
        if self._blocks is None:
            width = self.passes.width_of(3)
            return design.reduce(of_block, *rows, entries_per_row=width)

        def own(blocks):
            return add_all(
                of_block(design.take(block), *(one[block] for one in rows))
                for block in blocks
            )

        work = row_limits().products_per_entry * design.n_features * self.n_splits
        return add_all(map_shares(own, self._blocks, work * design.n_samples))

    def _terms_of_block(self, block, y, train, owner, held, columns):
        """Return the sums of all terms over a block of rows."""
        n_splits, train = self.n_splits, train.T
        images = _forward(block, columns.reshape(-1, columns.shape[2]))
        images = images.reshape(*columns.shape[:2], -1)
        slopes, bends, thirds = self.passes.loss.slopes(y, images[0])
        own = _Owners(owner, n_splits)
        # The slopes, the products with J and with q, the turns; and held-out slopes.
        out = np.empty((4 * n_splits + len(own.present), len(y)))
        rows = out[: 4 * n_splits].reshape(4, *train.shape)
        np.multiply(train, slopes, out=rows[0])
        np.multiply(train, bends, out=rows[3])
        np.multiply(rows[3], images[1:], out=rows[1:3])
        np.multiply(train, thirds, out=rows[3])
        rows[3] *= images[1]
        rows[3] *= images[2]
        np.negative(rows[3], out=rows[3])
        move = own.of(images[1])
        bent = held * own.of(bends) * move
        own.add(bent, rows[3])
        own.spread(held * own.of(slopes), out[4 * n_splits :])
        found = block.adjoint(out.T).T
        gradients = np.zeros((n_splits, found.shape[1]))
        gradients[own.present] = found[4 * n_splits :]
        return found[: 4 * n_splits], own.sum(bent * move), gradients


def _forward(block, columns):
    """Return images (k, n_rows) of columns (k, m), next to each other."""
    return np.ascontiguousarray(block.forward(columns.T).T)


class _Owners:
    """The splits that hold out the rows of a block.

    Parameters
    ----------
    owner : ndarray of int of shape (n_rows,)
    n_splits : int
    """

    def __init__(self, owner, n_splits):
        self._owner, self._n_splits = owner, n_splits
        self.present = owner[:1]
        if owner.min() < owner.max():
            self.present = np.flatnonzero(np.bincount(owner, minlength=n_splits))
            self._number = np.arange(len(owner))

    def of(self, values):
        """Return the values (k, n_rows) of the split that holds out each row."""
        if len(self.present) == 1:
            return values[self.present[0]]
        return values[self._owner, self._number]

    def sum(self, values):
        """Return the sums (k,) of values (n_rows,) over the rows of every split."""
        if len(self.present) > 1:
            return np.bincount(self._owner, values, minlength=self._n_splits)
        sums = np.zeros(self._n_splits)
        sums[self.present] = values.sum()
        return sums

    def add(self, values, out):
        """Add values (n_rows,) to those (k, n_rows) of the split of each row."""
        if len(self.present) == 1:
            out[self.present[0]] += values
        else:
            out[self._owner, self._number] += values

    def spread(self, values, out):
        """Write values (n_rows,) into the row of `out` of their split among those here.

        Parameters
        ----------
        values : ndarray of shape (n_rows,)
        out : ndarray of shape (n_present, n_rows)
        """
        if len(self.present) == 1:
            out[0] = values
            return
        out[...] = 0.0
        out[np.searchsorted(self.present, self._owner), self._number] = values
