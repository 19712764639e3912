"""Rows (x, 1, y) of blocks in the units of a `Centre`, and the parts of these rows."""

import numpy as np

from ..blocks import Space, rows_by_label
from ..streams.checks import as_dense


class Filler:
    """Rows (x, 1, y) in the units of a `Centre`, times the roots of their weights.

    Parameters
    ----------
    centre : Centre
    """

    def __init__(self, centre):
        self._one, self._width = centre.n_features, centre.width
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
            out = self._space.of(2 * len(y), self._width)[: len(y)]
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

    def _origins_of(self, n_rows):
        """Return the origin for every row, which is faster to subtract."""
        if len(self._origins) < n_rows:
            self._origins = np.tile(self._origin, (n_rows, 1))
        return self._origins[:n_rows]

    def parts(self, filled, used, n_parts):
        """Yield the parts of rows.

        Parameters
        ----------
        filled : ndarray of shape (n_rows, p)
            From `fill`.
        used : ndarray of int of shape (n_rows,)
            The part of every row; -1 for rows of none.
        n_parts : int

        Yields
        ------
        part : int
        rows : ndarray of shape (n_rows_of_part, p)
            A view, since products read rows at even distances as they are.
        """
        found = list(rows_of_parts(used, n_parts))
        if all(isinstance(index, slice) for _, index in found):
            yield from ((part, filled[index]) for part, index in found)
            return
        # Rows are moved once for all parts, which is faster than an index in brackets.
        order = np.concatenate([index for _, index in found])
        out = self._space.of(2 * len(filled), self._width)[len(filled) :][: len(order)]
        filled, start = filled.take(order, axis=0, out=out, mode="clip"), 0
        for part, index in found:
            yield part, filled[start : start + len(index)]
            start += len(index)


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
    if not len(again) or again[0] == 0:
        return 0
    period = int(again[0]) + 1
    # A part that occurs twice in a period is not a single slice.
    if len(set(used[:period].tolist())) < period:
        return 0
    return period if np.array_equal(used[period:], used[:-period]) else 0
