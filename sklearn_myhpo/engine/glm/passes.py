"""Passes over the rows for all splits.

Every block is read once and used for all of them while a cache holds it.
"""

from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...data.blocks import (
    as_slice,
    interleaved,
    lower_triangle,
    sums_by_label,
)
from ...data.limits import row_limits
from .third import third_of


class Slopes(NamedTuple):
    """The data terms of the training losses at some weights.

    Attributes
    ----------
    raw : ndarray of shape (n_splits, n_outputs, n_samples) or None
        Raw predictions of all rows; None where they were not kept.
    losses : ndarray of shape (n_splits,)
    gradients : ndarray of shape (n_splits, m, n_outputs)
    """

    raw: np.ndarray | None
    losses: np.ndarray
    gradients: np.ndarray


class Passes:
    """Sums over the rows for all splits of a generalized linear model.

    Parameters
    ----------
    rows : SplitRows
    loss : Loss
    y : ndarray
        Target as the loss expects it.
    train_weights : ndarray of shape (n_splits, n_samples)
        Non-negative, with sum 1 over the rows of a split.
    held_out : HeldOutWeights
    """

    def __init__(self, rows, loss, y, train_weights, held_out):
        self.rows, self.loss, self.y = rows, loss, y
        self.train_weights, self.held_out = train_weights, held_out
        self.n_splits, self.n_outputs = len(train_weights), loss.n_outputs(y)
        # Blocks of sparse rows are copied for every product, and so should be few.
        n_numbers = self.n_splits * (self.n_outputs + 1)
        width = n_numbers if rows.is_sparse else max(rows.n_features, 6 * n_numbers)
        limits = row_limits()
        self._width = width * max(1, limits.block_entries // limits.pass_entries)

    def width_of(self, n_vectors):
        """Return the entries per row of a pass of vectors of every split."""
        return self._width * n_vectors // 2

    def slopes(self, weights):
        """Return the `Slopes` at weights (n_splits, m, n_outputs), in one pass."""
        raw = np.empty((*weights.shape[::2], self.rows.n_samples))

        def own(block, y, train, raw):
            raw = raw.transpose(1, 2, 0)
            raw[...] = block.forward(weights)
            losses, slopes = self._losses_and_slopes(y, raw)
            losses = np.einsum("kn,nk->k", losses, train)
            slopes *= train.T[:, None]
            return losses, block.adjoint(slopes)

        columns = self.y, self.train_weights.T, raw.transpose(2, 0, 1)
        found = self.rows.reduce(own, *columns, entries_per_row=self._width)
        if all(np.all(np.isfinite(one)) for one in found):
            return Slopes(raw, *found)
        return self._slopes_of_used_rows(raw)

    def slopes_at_common(self, weights, raw):
        """Return the `Slopes` at the same weights for all splits.

        Parameters
        ----------
        weights : ndarray of shape (m, n_outputs)
        raw : ndarray of shape (n_outputs, n_samples)
            Their raw predictions of the rows that all splits share.
        """
        if not self.rows.are_shared:
            return self.slopes(np.repeat(weights[None], self.n_splits, axis=0))
        everywhere = np.broadcast_to(raw, (self.n_splits, *raw.shape))
        losses, slopes = self.loss.value_and_gradient(self.y, raw.T)
        if not (np.all(np.isfinite(losses)) and np.all(np.isfinite(slopes))):
            return self._slopes_of_used_rows(everywhere)
        gradients = self.rows.adjoint(self.train_weights[:, None] * slopes.T)
        return Slopes(everywhere, self.train_weights @ losses, gradients)

    def _losses_and_slopes(self, y, raw):
        """Return losses (k, n) and their derivatives (k, n_outputs, n) of a block."""
        if self.n_outputs == 1:
            n_rows = raw.shape[2]
            losses, slopes = self.loss.value_and_gradient(*_in_a_row(y, raw))
            return losses.reshape(-1, n_rows), slopes.reshape(-1, 1, n_rows)
        losses, slopes = np.empty((len(raw), raw.shape[2])), np.empty_like(raw)
        for number, one in enumerate(raw):
            losses[number], slope = self.loss.value_and_gradient(y, one.T)
            slopes[number] = slope.T
        return losses, slopes

    def _slopes_of_used_rows(self, raw):
        """Return the `Slopes` where other rows may be infinite.

        Zero times infinity is no number.
        """
        losses, slopes = self._losses_and_slopes(self.y, raw)
        used = self.train_weights > 0
        losses = np.where(used, losses * self.train_weights, 0.0).sum(axis=1)
        weighted = slopes * self.train_weights[:, None]
        slopes = np.where(used[:, None], weighted, 0.0)
        return Slopes(raw, losses, self.rows.adjoint(slopes))

    def hessians(self, raw):
        """Return the Hessians (n_splits, size, size) of the data terms, in one pass."""
        lower, upper = lower_triangle(self.n_outputs)
        if self.n_outputs == 1:
            curvature = self.loss.curvature(*_in_a_row(self.y, raw))
            weights = (self.train_weights * curvature.reshape(raw.shape[::2])).T
        else:
            weights = np.concatenate(
                [
                    train[:, None] * self.loss.curvature(self.y, one.T)[:, lower, upper]
                    for train, one in zip(self.train_weights, raw, strict=True)
                ],
                axis=1,
            )
        grams, size = self.rows.grams(weights), self.rows.n_coordinates
        return interleaved(grams.reshape(self.n_splits, len(lower), size, size))

    def products(self, raw, vectors):
        """Return the data terms' Hessians at raw predictions applied to vectors.

        Parameters
        ----------
        raw : ndarray of shape (n_splits, n_outputs, n_samples)
        vectors : ndarray of shape (n_splits, k, m, n_outputs)

        Returns
        -------
        ndarray of shape (n_splits, k, m, n_outputs)
        """
        n_vectors, shape = vectors.shape[1], vectors.shape[2:]
        flat = vectors.reshape(-1, *shape)

        def own(block, y, train, raw):
            images = block.forward(flat)
            images = images.reshape(self.n_splits, n_vectors, self.n_outputs, -1)
            bent = self._bent(y, raw.transpose(1, 2, 0), images)
            bent *= train.T[:, None, None]
            return block.adjoint(bent.reshape(-1, *bent.shape[2:]))

        columns = self.y, self.train_weights.T, raw.transpose(2, 0, 1)
        width = self.width_of(1 + n_vectors)
        found = self.rows.reduce(own, *columns, entries_per_row=width)
        return found.reshape(vectors.shape)

    def tangent_terms(self, raw, vectors):
        """Return the second derivatives of the losses along moves of the weights.

        Parameters
        ----------
        raw : ndarray of shape (n_splits, n_outputs, n_samples)
        vectors : ndarray of shape (n_splits, k + 1, m, n_outputs)
            Moves J_1 to J_k, and last the adjoint q.

        Returns
        -------
        validation : ndarray of shape (n_splits, k, k)
            ``J' H_V J``.
        third : ndarray of shape (n_splits, k, k)
            The third derivative of L_T along (q, J_a, J_b).
        """
        flat = vectors.reshape(-1, *vectors.shape[2:])

        def own(block, y, train, held_out, raw):
            images = block.forward(flat)
            images = images.reshape(*vectors.shape[:2], self.n_outputs, -1)
            moves, along = images[:, :-1], images[:, -1]
            raw = raw.transpose(1, 2, 0)
            bent = self._bent(y, raw, moves.copy())
            bent *= held_out.T[:, None, None]
            shape = *moves.shape[:2], -1
            grams = bent.reshape(shape) @ moves.reshape(shape).transpose(0, 2, 1)
            return grams, self._third(y, raw, along, moves, train.T)

        held_out = self.held_out.matrix.T
        columns = self.y, self.train_weights.T, held_out, raw.transpose(2, 0, 1)
        width = self.width_of(1 + vectors.shape[1])
        return self.rows.reduce(own, *columns, entries_per_row=width)

    def _third(self, y, raw, along, moves, train):
        """Return the third derivatives of a block along (q, J_a, J_b), (k, g, g)."""
        if self.n_outputs == 1:
            one = np.ones((1, 1))
            third = self.loss.third(*_in_a_row(y, raw), along.reshape(-1, 1), one, one)
            weighted = moves[:, :, 0] * (train * third.reshape(train.shape))[:, None]
            return weighted @ moves[:, :, 0].transpose(0, 2, 1)
        splits = zip(train, raw, along, moves, strict=True)
        return np.stack(
            [
                third_of(self.loss, y, weight, one.T, q.T, own.transpose(2, 0, 1))
                for weight, one, q, own in splits
            ]
        )

    def _bent(self, y, raw, images):
        """Return the curvature of a block times images (k, v, n_outputs, n)."""
        if self.n_outputs == 1:
            curvature = self.loss.curvature(*_in_a_row(y, raw))
            images *= curvature.reshape(len(raw), 1, 1, -1)
            return images
        for one, own in zip(raw, images, strict=True):
            vectors = own.transpose(0, 2, 1)
            bent = self.loss.curvature_product(y, one.T, vectors)
            own[...] = bent.transpose(0, 2, 1)
        return images

    def held_out_losses(self, raw):
        """Return the validation losses (n_splits,) at raw predictions."""
        total = np.zeros(self.n_splits)
        for index, owner, weight in self.held_out.visits:
            own = raw[owner, :, index]
            losses = weight * self.loss.value(self.y[index], own)
            total += sums_by_label(owner, losses, self.n_splits)
        return total

    def held_out_gradients(self, raw):
        """Return the gradients (n_splits, m, n_outputs) of the validation losses."""
        are_views = self.rows.are_shared and self.rows.of(0).slices_are_views
        if self.held_out.ranges is not None and are_views:
            return self._gradients_of_ranges(raw)
        spread = np.zeros((self.n_splits, self.n_outputs, self.rows.n_samples))
        for index, owner, weight in self.held_out.visits:
            slopes = self.loss.gradient(self.y[index], raw[owner, :, index])
            spread[owner, :, index] = weight[:, None] * slopes

        def own(block, spread):
            return block.adjoint(spread.transpose(1, 2, 0))

        columns = spread.transpose(2, 0, 1)
        return self.rows.reduce(own, columns, entries_per_row=self._width)

    def _gradients_of_ranges(self, raw):
        """Return the same if every split holds out consecutive rows.

        Only these rows are read for it.
        """
        ((index, owner, weight),) = self.held_out.visits
        slopes = self.loss.gradient(self.y[index], raw[owner, :, index])
        slopes *= weight[:, None]
        found, end = [], 0
        for number, rows in enumerate(self.held_out.ranges):
            start, end = end, end + rows.stop - rows.start
            found.append(self.rows.of(number).take(rows).adjoint(slopes[start:end]))
        return np.stack(found)


def _in_a_row(y, raw):
    """Return targets and raw predictions of one output, all splits stacked.

    Then one call of a loss serves all splits.

    Parameters
    ----------
    y : ndarray of shape (n, ...)
    raw : ndarray of shape (k, 1, n)
    """
    many = np.concatenate([y] * len(raw)) if len(raw) > 1 else y
    return many, raw.reshape(-1, 1)


class HeldOutWeights:
    """The weights of rows in the validation losses.

    Parameters
    ----------
    held_out : list of HeldOut
        Of every split.
    n_samples : int

    Attributes
    ----------
    visits : list of (ndarray, ndarray, ndarray)
        Indices of rows, the split that holds each out, and their weights: all splits at
        once where no row is held out by two of them, else each split alone.
    ranges : list of slice or None
        The rows that each split holds out, in its visit at once with the others; None
        where they are not neighbours.
    """

    def __init__(self, held_out, n_samples):
        self._shape = len(held_out), n_samples
        ranges = [as_slice(index) for index, _ in held_out]
        are_slices = all(isinstance(rows, slice) for rows in ranges)
        starts = sorted((rows.start, rows.stop) for rows in ranges if are_slices)
        are_apart = are_slices and all(a[1] <= b[0] for a, b in pairwise(starts))
        self.ranges = ranges if are_apart else None
        if not are_apart:
            counts = np.bincount(np.concatenate([index for index, _ in held_out]))
            are_apart = counts.max() == 1
        visits = [
            (index, np.full(len(index), number), weight)
            for number, (index, weight) in enumerate(held_out)
        ]
        if are_apart:
            visits = [tuple(map(np.concatenate, zip(*visits, strict=True)))]
        self.visits = visits

    @cached_property
    def matrix(self):
        """The weights as a matrix (n_splits, n_samples)."""
        out = np.zeros(self._shape)
        for index, owner, weight in self.visits:
            out[owner, index] = weight
        return out
