"""A pass for slopes, products of the Hessians and second derivatives in one lambda."""

from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...data.blocks import LONG_RUN, add_all, long_runs, one_label_each
from ...data.limits import row_limits
from ...data.threads import map_shares
from .near_part import NearPart, images_of, in_parts, sums_of
from .passes import Slopes

#: Numbers per row and split that a block of rows makes: images, derivatives, weights.
WORKING = 8


class NearTerms(NamedTuple):
    """Sums over the rows of every split, at its weights.

    Attributes
    ----------
    gradients : ndarray of shape (k + 1, m)
        Of the data terms of the training losses of the splits and of all rows.
    held_gradients : ndarray of shape (k, m)
        Of the validation losses.
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
    weight : ndarray of shape (n_samples,)
        Of all rows, in the training loss of a last model beside those of the splits.
    parts : PartSums, optional
        The parts of the rows, where held-out rows are a union of parts.
    """

    def __init__(self, passes, weight, parts=None):
        self.passes, self.n_splits, self._weight = passes, passes.n_splits, weight
        self._parts = parts
        index, owner, weight = (one for one in passes.held_out.visits[0])
        n_samples = passes.rows.n_samples
        self._owner, self._held = np.zeros(n_samples, np.intp), np.zeros(n_samples)
        self._owner[index], self._held[index] = owner, weight

    @cached_property
    def _blocks(self):
        """Slices or indices of rows, and the `NearPart` of each, or None for several.

        None at all where a slice would be a copy of the rows.
        """
        design, most = self.passes.rows.of(0), row_limits()
        if not (design.is_sparse or design.slices_are_views):
            return []
        # Of a pass for all terms: those sums, and the numbers per row.
        entries = (4 * self.n_splits + 2) * design.n_features
        size = max(most.small_rows, most.small_product // entries)
        size = min(size, most.cached_entries // (WORKING * self.n_splits))
        if design.is_sparse:
            # Every product copies its block of sparse rows, so blocks should be few.
            size = most.block_entries // self.passes.width_of(3)
        marks = self._owner if self._parts is None else self._parts.labels
        blocks = _blocks_of(marks, max(1, size), 2 * self.n_splits)
        return [(rows, self._part_of(marks[rows])) for rows in blocks]

    def _part_of(self, labels):
        """Return the `NearPart` of rows with some labels, or None."""
        if self._parts is None or labels[0] < 0 or np.any(labels != labels[0]):
            return None
        return self._near_parts[labels[0]]

    @cached_property
    def _near_parts(self):
        """The `NearPart` of every label."""
        parts, shares = self._parts, self._parts.shares_of(self._weight)
        scales = np.ones(parts.n_parts) if self._scales is None else self._scales
        given = parts.train_shares.T, parts.held_shares.T, shares, scales
        return [NearPart(*own) for own in zip(*given, strict=True)]

    @cached_property
    def _scales(self):
        """The common weight of the rows of every part; None where they differ."""
        labels, weight = self._parts.labels, self._parts.weight
        scales = np.zeros(self._parts.n_parts)
        scales[labels] = weight
        return scales if np.array_equal(scales[labels], weight) else None

    def _common(self, rows):
        """Return the common weights of rows of one part; None for the scale of all."""
        return None if self._scales is not None else self._parts.weight[rows]

    def gradients(self, weights):
        """Return the gradients (k + 1, m) of the training losses at as many weights."""
        passes = self.passes

        def of_block(_, block, columns, rows):
            images = images_of(block, columns)
            slopes, *_ = passes.loss.slopes(passes.y[rows], images)
            return (sums_of(block, self._weighted(slopes, rows)),)

        return self._of_sums(*self._sum(of_block, weights))

    def values(self, weights):
        """Return the `Slopes` at weights (k + 1, m), and the validation losses (k,).

        The gradients are k + 1, all others k. Raw predictions are not kept.
        """
        passes = self.passes

        def of_block(part, block, columns, rows):
            images = images_of(block, columns)
            losses, slopes, *_ = passes.loss.derivatives(passes.y[rows], images)
            if part is not None:
                return part.values(block, losses, slopes, self._common(rows))
            own = _Owners(self._owner[rows], self.n_splits)
            means = np.einsum("kn,kn->k", losses[:-1], passes.train_weights[:, rows])
            held_means = own.sum(self._held[rows] * own.of(losses))
            return means, held_means, sums_of(block, self._weighted(slopes, rows))

        losses, held_losses, found = self._sum(of_block, weights)
        return Slopes(None, losses, self._of_sums(found)[..., None]), held_losses

    def terms(self, weights, vectors):
        """Return the `NearTerms` at weights (k + 1, m) of J and q, (k, 2, m)."""
        both = vectors.transpose(1, 0, 2).reshape(-1, weights.shape[1])
        found, gram = self._sum(self._terms_of_block, np.concatenate([both, weights]))
        found, n_splits = self._of_sums(found), self.n_splits
        *products, turn, gradients, held = in_parts(
            found, [*[n_splits] * 3, n_splits + 1, n_splits]
        )
        return NearTerms(gradients, held, np.stack(products, axis=1), turn, gram)

    def _sum(self, of_block, weights):
        """Return the sums over all blocks, a share of them by each thread.

        Parameters
        ----------
        of_block : callable
            Takes a `NearPart` or None, a block, the weights in units of its features,
            and the slice or the index of its rows.
        weights : ndarray of shape (k, m)
        """
        design = self.passes.rows.of(0)
        columns = design.in_features(weights.T)
        if not self._blocks:

            def of_rows(block, numbers):
                rows = slice(numbers[0], numbers[-1] + 1)
                return of_block(None, block, columns, rows)

            width, numbers = self.passes.width_of(3), np.arange(design.n_samples)
            return design.reduce(of_rows, numbers, entries_per_row=width)

        def own(blocks):
            return add_all(
                of_block(part, design.take(rows), columns, rows)
                for rows, part in blocks
            )

        work = row_limits().products_per_entry * design.n_features * self.n_splits
        return add_all(map_shares(own, self._blocks, work * design.n_samples))

    def _weighted(self, slopes, rows, out=None):
        """Return slopes (k + 1, n_rows) times the weights of splits, and of all."""
        out = np.empty_like(slopes) if out is None else out
        np.multiply(slopes[:-1], self.passes.train_weights[:, rows], out=out[:-1])
        np.multiply(slopes[-1], self._weight[rows], out=out[-1])
        return out

    def _of_sums(self, sums):
        """Return gradients (k, m) of sums (k, n_features + 1)."""
        return self.passes.rows.of(0).of_sums(sums.T).T

    def _terms_of_block(self, part, block, columns, rows):
        """Return the sums (5 k + 1, m) of all terms over a block, and J' H_V J."""
        y = self.passes.y[rows]
        if part is not None:
            loss, weight = self.passes.loss, self._common(rows)
            return part.terms(block, columns, y, loss, weight)
        n_splits, train = self.n_splits, self.passes.train_weights[:, rows]
        held = self._held[rows]
        images = images_of(block, columns)
        move, along, raw = in_parts(images, [n_splits] * 2 + [n_splits + 1])
        slopes, bends, thirds = self.passes.loss.slopes(y, raw)
        own = _Owners(self._owner[rows], n_splits)
        # Products with J and with q, turns, slopes, and held-out slopes.
        sizes = [*[n_splits] * 3, n_splits + 1, len(own.present)]
        out = np.empty((sum(sizes), len(y)))
        of_move, of_along, turn, of_slopes, of_held = in_parts(out, sizes)
        np.multiply(train, bends[:-1], out=turn)
        np.multiply(turn, move, out=of_move)
        np.multiply(turn, along, out=of_along)
        np.multiply(train, thirds[:-1], out=turn)
        turn *= move
        turn *= along
        np.negative(turn, out=turn)
        held_move = own.of(move)
        bent = held * own.of(bends) * held_move
        own.add(bent, turn)
        self._weighted(slopes, rows, of_slopes)
        own.spread(held * own.of(slopes), of_held)
        found = sums_of(block, out)
        n_train = 4 * n_splits + 1
        sums = np.zeros((n_train + n_splits, found.shape[1]))
        sums[:n_train], sums[n_train + own.present] = found[:n_train], found[n_train:]
        return sums, own.sum(bent * held_move)


def _blocks_of(marks, size, most_ends):
    """Return slices or indices of rows, of one mark each where this costs little.

    Parameters
    ----------
    marks : ndarray of int of shape (n_samples,)
    size : int
        Most rows of each.
    most_ends : int
        Number of ends of runs of one mark up to which every run has its own blocks.
    """
    n_rows = len(marks)
    ends = np.flatnonzero(marks[1:] != marks[:-1]) + 1
    if len(ends) <= max(most_ends, n_rows // size):
        edges = [0, *ends.tolist(), n_rows]
        return [rows for pair in pairwise(edges) for rows in _equal_slices(*pair, size)]
    runs, others = long_runs(marks, -(-size // LONG_RUN))
    if len(others) > row_limits().few_rows * n_rows:
        return _equal_slices(0, n_rows, size)
    blocks = [rows for pair in runs for rows in _equal_slices(*pair, size)]
    for own in one_label_each(others, marks):
        blocks += [own[rows] for rows in _equal_slices(0, len(own), size)]
    return blocks


def _equal_slices(start, stop, size):
    """Return slices between two rows, none longer than a size and all about equal."""
    number = max(1, -(-(stop - start) // max(1, size)))
    ends = [start + (stop - start) * own // number for own in range(number + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


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
