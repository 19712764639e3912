"""Rows (x, 1, y) of blocks in the units of a `Centre`, and the parts of these rows."""

import numpy as np

from ..blocks import Space, order_by_label, rows_by_label
from ..product_sum import rows_of_tile
from ..streams.checks import as_dense

#: Rows of a tile of rows that are sorted by part, about.
ROWS_OF_TILE = 512
#: Rows of memory per row: the tiles of rows of very unequal parts have up to six times
#: as many. Only what is used is taken.
ROOM = 8


class Filler:
    """Rows (x, 1, y) in the units of a `Centre`, times the roots of their weights.

    Parameters
    ----------
    centre : Centre

    Attributes
    ----------
    end, width : int
        Numbers of columns of (x, 1) and of (x, 1, y).
    """

    def __init__(self, centre):
        self._one, self.width = centre.n_features, centre.width
        self.end = self._one + 1
        self._weight_exponent = centre.weight_exponent
        self._y_exponent = -centre.y_exponent if centre.y_exponent.any() else None
        self._origin = None
        if centre.x.any() or centre.y.any():
            self._origin = np.concatenate([centre.x, [0.0], centre.y])
        # The rows, followed by room for them in another order: memory of one piece,
        # which stays with the process when it is freed, unlike that of several.
        self._space, self._origins = Space(), np.empty((0, 0))

    def fill(self, X, y, weight, out=None):
        """Return rows.

        Parameters
        ----------
        X : ndarray or CSR array of shape (n_rows, n_features)
        y : ndarray of shape (n_rows, n_targets)
        weight : ndarray of shape (n_rows,) or None
        out : ndarray of shape (n_rows, n_features + 1 + n_targets), optional
            Memory for the rows; None for memory that the next call uses again.

        Returns
        -------
        ndarray of shape (n_rows, n_features + 1 + n_targets)
        """
        one = self._one
        if out is None:
            out = self._whole(len(y))[: len(y)]
        # Another precision is converted first: both at once would be slow.
        out[:, :one] = as_dense(X)
        out[:, one] = 1.0
        out[:, one + 1 :] = y
        if self._origin is not None:
            np.subtract(out, self._origins_of(len(out)), out=out)
        if self._y_exponent is not None:
            out[:, one + 1 :] = np.ldexp(out[:, one + 1 :], self._y_exponent)
        if weight is not None:
            weight = np.ldexp(weight.astype(np.float64), -self._weight_exponent)
            out *= np.sqrt(weight)[:, None]
        return out

    def _whole(self, n_rows):
        """Return the memory for a number of rows."""
        return self._space.of(ROOM * n_rows, self.width)

    def _origins_of(self, n_rows):
        """Return the origin for every row, which is faster to subtract."""
        if len(self._origins) < n_rows:
            self._origins = np.tile(self._origin, (n_rows, 1))
        return self._origins[:n_rows]

    def wide_parts(self, filled, used, n_parts):
        """Yield the parts of rows, in contiguous memory.

        Parameters
        ----------
        filled : ndarray of shape (n_rows, p)
            From `fill` without `out`.
        used : ndarray of int of shape (n_rows,)
            The part of every row; -1 for rows of none.
        n_parts : int

        Yields
        ------
        part : int
        rows : ndarray of shape (n_rows_of_part, p)
        """
        for part, index in rows_by_label(used, n_parts):
            if isinstance(index, slice):
                yield part, filled[index]
                continue
            # Faster than an index in brackets.
            out = self._whole(len(filled))[len(filled) :][: len(index)]
            yield part, filled.take(index, axis=0, out=out, mode="clip")

    def tiles(self, filled, used, n_parts):
        """Return the parts of narrow rows, in tiles of equal numbers of rows.

        Parameters
        ----------
        filled, used, n_parts
            As in `wide_parts`; at least one row.

        Returns
        -------
        tiles : ndarray of shape (..., r, p)
            With zeros after the rows of a part.
        parts : list of int
            Of the tiles, in their order; -1 for tiles of none.
        """
        period, most = _period(used, n_parts), rows_of_tile(self.width)
        if not period:
            order = order_by_label(used, n_parts)[np.count_nonzero(used < 0) :]
            return self._sorted(filled, order, used, min(most, ROWS_OF_TILE))
        # Rows at even distances are read as they are.
        n_tiles = -(-len(filled) // (period * most))
        size = -(-len(filled) // (period * n_tiles))
        whole = self._whole(len(filled))[: n_tiles * size * period]
        whole[len(filled) :] = 0.0
        tiles = whole.reshape(n_tiles, size, period, -1).swapaxes(1, 2)
        return tiles, n_tiles * used[:period].tolist()

    def _sorted(self, filled, order, used, most):
        """Return `tiles` of rows in an order, of about so many rows at most."""
        counts = np.bincount(used[order])
        parts = np.flatnonzero(counts)
        counts = counts[parts]
        # About as many rows as a part has, lest the zeros be many.
        size = min(most, -(-len(order) // max(1, len(parts))))
        n_tiles = np.maximum(1, (counts + size // 2) // max(1, size))
        size = int(np.max(-(-counts // n_tiles), initial=1))
        n_rows, n_places = len(filled), int(n_tiles.sum()) * size
        tiles, start, stop = self._whole(n_rows)[n_rows:][:n_places], 0, 0
        for count, own in zip(counts.tolist(), n_tiles.tolist(), strict=True):
            end = start + count
            index, stop = order[stop : stop + count], stop + count
            # Faster than an index in brackets.
            filled.take(index, axis=0, out=tiles[start:end], mode="clip")
            start += own * size
            tiles[end:start] = 0.0
        return tiles.reshape(-1, size, self.width), np.repeat(parts, n_tiles).tolist()


def rows_of_parts(used, n_parts):
    """Yield the rows of every part, as a slice if they are at even distances.

    Indexing with a slice copies nothing.

    Parameters
    ----------
    used : ndarray of int of shape (b,)
        The part of every row; -1 for rows of none.
    n_parts : int

    Yields
    ------
    part : int
    rows : slice or ndarray of int
        Slices for all parts, or for none.
    """
    period = _period(used, n_parts)
    if not period:
        yield from rows_by_label(used, n_parts)
        return
    for first, part in enumerate(used[:period].tolist()):
        if part >= 0:
            yield part, slice(first, None, period)


def _period(used, n_parts):
    """Return the period of the parts, in rows; 0 if they do not recur."""
    again = np.flatnonzero(used[1 : n_parts + 2] == used[0]) if len(used) else ()
    if not len(again):
        return 0
    period = int(again[0]) + 1
    # A part that occurs twice in a period is not a single slice.
    if len(set(used[:period].tolist())) < period:
        return 0
    return period if np.array_equal(used[period:], used[:-period]) else 0
