"""A pass for slopes, products of the Hessians and second derivatives in one lambda."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...data.blocks import add_all
from ...data.limits import row_limits
from ...data.shared_rows import SharedRows
from ...data.threads import map_shares
from .passes import Slopes


class NearTerms(NamedTuple):
    """Sums over the rows of every split, at its weights.

    Attributes
    ----------
    at : Slopes
    products : ndarray of shape (k, 2, m)
        The Hessians of the data terms applied to a response J and an adjoint q.
    third, gram : ndarray of shape (k,)
        The third derivative of L_T along (q, J, J), and ``J' H_V J``.
    held_losses : ndarray of shape (k,)
        Validation losses.
    held_gradients : ndarray of shape (k, m)
    """

    at: Slopes
    products: np.ndarray
    third: np.ndarray
    gram: np.ndarray
    held_losses: np.ndarray
    held_gradients: np.ndarray


class NearPass:
    """Passes over the rows of splits of one output, each row held out once at most.

    Where the rows of every split are neighbours, blocks are of the rows of one split:
    it does not train on them, so that one column of a product serves both its losses.

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
        """Pairs of a slice of rows and the split that holds them out, if there are."""
        ranges, design = self.passes.held_out.ranges, self.passes.rows.of(0)
        if ranges is None or not (design.is_sparse or design.slices_are_views):
            return None
        size = max(1, row_limits().block_entries // self.passes.width_of(3))
        blocks, end = [], 0
        for owner, rows in sorted(enumerate(ranges), key=lambda pair: pair[1].start):
            if rows.start != end or np.any(self.passes.train_weights[owner, rows]):
                return None
            end = rows.stop
            blocks += [
                (slice(start, min(start + size, end)), owner)
                for start in range(rows.start, end, size)
            ]
        return blocks if end == self.passes.rows.n_samples else None

    def terms(self, weights, vectors):
        """Return the `NearTerms` at weights (k, m) of J and q, (k, 2, m)."""
        flat = np.concatenate([weights[:, None], vectors], axis=1)
        flat = flat.reshape(-1, flat.shape[2], 1)
        raw = np.empty((self.n_splits, 1, self.passes.rows.n_samples))
        if self._blocks is None:
            return self._of_scattered(flat, raw)
        design = self.passes.rows.of(0)

        def own(blocks):
            return add_all(
                self._of_split(design.take(rows), rows, owner, flat, raw)
                for rows, owner in blocks
            )

        work = row_limits().products_per_entry * self.passes.rows.n_features * len(raw)
        shares = map_shares(own, self._blocks, work * raw.shape[2])
        sums, train, held = add_all(shares)
        losses, third, gram, held_losses = sums
        at = Slopes(raw, losses, train[:, 0, :, None])
        return NearTerms(at, train[:, 1:], third, gram, held_losses, held)

    def _of_split(self, rows, index, owner, flat, raw):
        """Return the sums of rows that one split holds out."""
        images = SharedRows(rows, self.n_splits).forward(flat)
        images = images.reshape(self.n_splits, 3, -1)
        raw[:, 0, index] = images[:, 0]
        factor = self.passes.train_weights[:, index].copy()
        factor[owner] = self._held[index]
        losses, third, gram = self._weigh(self.passes.y[index], images, factor)
        sums = np.zeros((4, self.n_splits))
        sums[0], sums[1], sums[2, owner] = losses, third, gram[owner]
        sums[3, owner], sums[0, owner], sums[1, owner] = losses[owner], 0.0, 0.0
        found = SharedRows(rows, self.n_splits).adjoint(
            images.reshape(-1, 1, images.shape[2])
        )
        found = found[..., 0].reshape(self.n_splits, 3, -1)
        held = np.zeros((self.n_splits, found.shape[2]))
        held[owner] = found[owner, 0]
        found[owner] = 0.0
        return sums, found, held

    def _weigh(self, y, images, factor):
        """Turn images of weights, J and q into the terms of the adjoint, in place.

        Returns
        -------
        losses, third, gram : ndarray of shape (k,)
            ``J' H J`` is the last one.
        """
        shape, move = factor.shape, images[:, 1]
        many, here = np.concatenate([y] * len(images)), images[:, 0].ravel()
        losses, slopes, bends, thirds = (
            one.reshape(shape) for one in self.passes.loss.derivatives(many, here)
        )
        weighted = factor * move
        third = np.einsum("kn,kn,kn->k", weighted * move, thirds, images[:, 2])
        weighted *= bends
        gram = np.einsum("kn,kn->k", weighted, move)
        np.multiply(factor, slopes, out=images[:, 0])
        images[:, 1] = weighted
        images[:, 2] *= bends
        images[:, 2] *= factor
        return np.einsum("kn,kn->k", losses, factor), third, gram

    def _of_scattered(self, flat, raw):
        """Return the terms where rows of all splits are mixed."""
        passes, n_splits = self.passes, self.n_splits

        def own(block, y, train, owner, held, raw):
            images = block.forward(flat).reshape(n_splits, 3, -1)
            here, number = images[:, 0].copy(), np.arange(images.shape[2])
            raw[...] = here.T
            moves = images[owner, 1, number]
            losses, third, _ = self._weigh(y, images, np.ascontiguousarray(train.T))
            own = here[owner, number][:, None]
            bends = passes.loss.curvature(y, own)[:, 0, 0]
            gram = np.bincount(owner, held * bends * moves**2, minlength=n_splits)
            shape = len(flat), 1, len(number)
            return losses, block.adjoint(images.reshape(shape)), third, gram

        columns = passes.train_weights.T, self._owner, self._held, raw[:, 0].T
        found = passes.rows.reduce(
            own, passes.y, *columns, entries_per_row=passes.width_of(3)
        )
        losses, adjoints, third, gram = found
        adjoints = adjoints[..., 0].reshape(n_splits, 3, -1)
        at = Slopes(raw, losses, adjoints[:, 0, :, None])
        held = passes.held_out_losses(raw), passes.held_out_gradients(raw)[..., 0]
        return NearTerms(at, adjoints[:, 1:], third, gram, *held)
