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
    at : Slopes
    products : ndarray of shape (k, 2, m)
        The Hessians of the data terms applied to a response J and an adjoint q. Valid,
        like `turn` and `gram`, only if J and q were given.
    turn : ndarray of shape (k, m)
        ``H_V J`` less the third derivative of L_T along (q, J): the derivative of the
        slope in lambda by the weights, through the rows.
    gram : ndarray of shape (k,)
        ``J' H_V J``.
    held_losses : ndarray of shape (k,)
        Validation losses.
    held_gradients : ndarray of shape (k, m)
    """

    at: Slopes
    products: np.ndarray
    turn: np.ndarray
    gram: np.ndarray
    held_losses: np.ndarray
    held_gradients: np.ndarray


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

    def terms(self, weights, vectors=None):
        """Return the `NearTerms` at weights (k, m) of J and q, (k, 2, m)."""
        vectors_of = [weights[None]]
        if vectors is not None:
            vectors_of.append(vectors.transpose(1, 0, 2))
        columns = np.concatenate(vectors_of)
        raw = np.empty((self.n_splits, 1, self.passes.rows.n_samples))
        given = self.passes.y, self.passes.train_weights.T, self._owner, self._held
        found = self._sum(columns, *given, raw[:, 0].T)
        losses, sums, gram, held_losses, held = found
        sums = sums.reshape(-1, *weights.shape)
        at = Slopes(raw, losses, sums[0, ..., None])
        products = sums[1:3].transpose(1, 0, 2)
        return NearTerms(at, products, sums[-1], gram, held_losses, held)

    def _sum(self, columns, *rows):
        """Return the sums over all blocks, a share of them by each thread."""
        design = self.passes.rows.of(0)
        if self._blocks is None:
            return design.reduce(
                partial(self._of_block, columns=columns),
                *rows,
                entries_per_row=self.passes.width_of(3),
            )

        def own(blocks):
            return add_all(
                self._of_block(
                    design.take(block), *(one[block] for one in rows), columns=columns
                )
                for block in blocks
            )

        work = row_limits().products_per_entry * design.n_features * self.n_splits
        return add_all(map_shares(own, self._blocks, work * design.n_samples))

    def _of_block(self, block, y, train, owner, held, raw, columns):
        """Return the sums over a block of rows."""
        shape = *columns.shape[:2], len(y)
        flat = columns.reshape(-1, columns.shape[2])
        images = np.ascontiguousarray(block.forward(flat.T).T).reshape(shape)
        raw[...], train = images[0].T, train.T
        losses, slopes, bends, thirds = self.passes.loss.derivatives(y, images[0])
        own = _Owners(owner, self.n_splits)
        # The slopes; with J and q also the products with these, and the turn.
        n_sums = self.n_splits * (1 if len(columns) == 1 else 4)
        out = np.empty((n_sums + len(own.present), len(y)))
        rows = out[:n_sums].reshape(-1, *shape[1:])
        np.multiply(train, slopes, out=rows[0])
        own.spread(held * own.of(slopes), out[n_sums:])
        gram = np.zeros(self.n_splits)
        if len(columns) > 1:
            np.multiply(train, bends, out=rows[3])
            np.multiply(rows[3], images[1:], out=rows[1:3])
            gram = self._turn(images, train * thirds, held * own.of(bends), own, rows)
        found = block.adjoint(out.T).T
        gradients = np.zeros((self.n_splits, found.shape[1]))
        gradients[own.present] = found[n_sums:]
        return (
            np.einsum("kn,kn->k", losses, train),
            found[:n_sums],
            gram,
            own.sum(held * own.of(losses)),
            gradients,
        )

    @staticmethod
    def _turn(images, thirds, held, own, rows):
        """Write the turns of the rows into the last of `rows`; return ``J' H_V J``."""
        _, move, along = images
        np.multiply(thirds, move, out=rows[3])
        rows[3] *= along
        np.negative(rows[3], out=rows[3])
        bent = held * own.of(move)
        own.add(bent, rows[3])
        return own.sum(bent * own.of(move))


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
