"""Sums of a near pass over rows of one part, which each split uses in one way.

Such rows have one weight per split but for a common factor, so the sums are weighted,
not the rows, and a split that holds the rows out needs no product with q there.
"""

from itertools import accumulate, pairwise

import numpy as np


class NearPart:
    """Rows of one part.

    Parameters
    ----------
    train, held_out : ndarray of shape (k,)
        The weights of rows in the training and validation loss of every split, relative
        to their common weights; one split holds them out at most.
    whole : float
        The same in the loss of all rows.
    scale : float
        What all are multiplied by: the common weight, where it is the same for all rows
        of the part.
    """

    def __init__(self, train, held_out, whole, scale=1.0):
        n_splits = len(train)
        trained, owner = np.flatnonzero(train), np.flatnonzero(held_out)
        both, size = np.concatenate([trained, owner]), len(trained)
        self._sizes = size, len(both), len(both) + 1
        # J of all splits come first, then q of all, and weights.
        self._columns = np.concatenate(
            [n_splits + trained, both, 2 * n_splits + both, [3 * n_splits]]
        )
        train, held_out = scale * train[trained], scale * held_out[owner]
        # Where the sums belong: products with J and q, turns, slopes, held-out slopes.
        places = trained, 2 * n_splits + owner, n_splits + trained
        more = 3 * n_splits + trained, 4 * n_splits + 1 + owner, [4 * n_splits]
        self._places = np.concatenate([*places, 2 * n_splits + trained, *more])
        self._factors = np.concatenate(
            [train, held_out, train, -train, train, held_out, [scale * whole]]
        )[:, None]
        self._n_splits, self._owner, self._held_out = n_splits, owner, held_out
        self._trained, self._whole = (trained, train), scale * whole

    def values(self, block, losses, slopes, weight):
        """Return the sums of losses and slopes (k + 1, n_rows) over a block of rows.

        Parameters
        ----------
        block : MemoryDesign
        losses, slopes : ndarray of shape (k + 1, n_rows)
        weight : ndarray of shape (n_rows,) or None
            Common weights; None for the scale of all.

        Returns
        -------
        means, held_means : ndarray of shape (k,)
        gradients : ndarray of shape (k + 1, m)
        """
        if weight is not None:
            losses, slopes = losses * weight, slopes * weight
        totals, sums = losses.sum(axis=1), sums_of(block, slopes)
        means, held_means = np.zeros((2, self._n_splits))
        gradients = np.zeros_like(sums)
        trained, train = self._trained
        means[trained] = train * totals[trained]
        held_means[self._owner] = self._held_out * totals[self._owner]
        gradients[trained] = train[:, None] * sums[trained]
        gradients[-1] = self._whole * sums[-1]
        return means, held_means, gradients

    def terms(self, block, columns, y, loss, weight):
        """Return the sums of all terms over a block of such rows, and J' H_V J.

        Parameters
        ----------
        block : MemoryDesign
        columns : ndarray of shape (m, 3 k + 1)
            J, q and weights of all splits, and weights of all rows.
        y : ndarray of shape (n_rows,)
        loss : Loss
        weight : ndarray of shape (n_rows,) or None
            Common weights; None for the scale of all.

        Returns
        -------
        sums : ndarray of shape (5 k + 1, m)
        gram : ndarray of shape (k,)
        """
        size, n_both, _ = self._sizes
        images = images_of(block, columns[:, self._columns])
        along, move, raw = in_parts(images, self._sizes)
        slopes, bends, thirds = loss.slopes(y, raw)
        sizes = n_both, size, size, n_both + 1
        out = np.empty((sum(sizes), len(y)))
        of_move, of_along, turn, of_slopes = in_parts(out, sizes)
        np.multiply(bends[:n_both], move, out=of_move)
        np.multiply(bends[:size], along, out=of_along)
        if thirds is bends:
            np.multiply(of_along, move[:size], out=turn)
        else:
            np.multiply(thirds[:size], along, out=turn)
            turn *= move[:size]
        of_slopes[...] = slopes
        if weight is not None:
            out *= weight
        sums = np.zeros((5 * self._n_splits + 1, len(columns)))
        sums[self._places] = self._factors * sums_of(block, out)
        gram = np.zeros(self._n_splits)
        squares = np.einsum("kn,kn->k", of_move[size:], move[size:])
        gram[self._owner] = self._held_out * squares
        return sums, gram


def in_parts(rows, sizes):
    """Return views of the first rows of an array, the next ones, and so on."""
    ends = list(accumulate(sizes, initial=0))
    return [rows[start:end] for start, end in pairwise(ends)]


def images_of(block, columns):
    """Return images (k, n_rows) of columns (m, k), next to each other."""
    return np.ascontiguousarray(block.images(columns).T)


def sums_of(block, values):
    """Return the sums (k, m) of values (k, n_rows) over the rows of a block."""
    return block.sums(values.T).T
