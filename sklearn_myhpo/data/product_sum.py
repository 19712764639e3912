"""Sums of the products of all columns of rows with each other.

The symmetric product of many rows with few columns leaves most of the speed of a core
unused. Narrow rows are therefore multiplied in strips of columns, each with itself and
the columns after it, by small products, which read both factors in place.
"""

from abc import ABC, abstractmethod
from functools import lru_cache

import numpy as np
from scipy.linalg.blas import dsyrk

from .limits import row_limits
from .threads import all_threads_for, matmul

#: Columns of the widest rows that are multiplied in strips, and of a strip; rows of up
#: to half as many columns have strips of half as many.
MOST_NARROW, STRIP = 80, 16


def product_sum(end, width):
    """Return an empty `ProductSum` of rows (n, p).

    Parameters
    ----------
    end : int
        Columns of which all products are kept; of the others those with these and
        their squares.
    width : int
        Number of columns, p, above `end`.
    """
    if width - end > row_limits().many_outputs:
        return _SquaresOfOthers(end, width)
    return (_Narrow if is_narrow(end, width) else _Wide)(end, width)


def is_narrow(end, width):
    """Whether rows are multiplied in strips of columns, some tiles of them at once.

    Parameters
    ----------
    end, width
        As in `product_sum`.
    """
    return width <= MOST_NARROW and width - end <= row_limits().many_outputs


def rows_of_tile(width):
    """Return the largest number of narrow rows that are multiplied in place."""
    return max(1, row_limits().small_product // (STRIP * width))


def upper_products(tiles):
    """Return the products of narrow rows, of which the upper triangles are right.

    Parameters
    ----------
    tiles : ndarray of shape (..., r, p)
        With at most `rows_of_tile` rows each; not copied, whatever their strides.

    Returns
    -------
    ndarray of shape (..., p, p)
    """
    *others, width = tiles.shape
    # At least two strips, since NumPy makes the product of the same columns twice by
    # the slow symmetric product. The last one has another column for this reason.
    size = min(STRIP if width > MOST_NARROW // 2 else STRIP // 2, -(-width // 2))
    found, turned = np.zeros((*others[:-1], width, width)), tiles.swapaxes(-1, -2)
    for start in range(0, width, size):
        stop = min(start + size, width)
        first = start if stop < width else start - 1
        left, right = turned[..., start:stop, :], tiles[..., first:]
        np.matmul(left, right, out=found[..., start:stop, first:])
    return found


class ProductSum(ABC):
    """The sum of the products of rows (n, p), some rows at a time."""

    @abstractmethod
    def add(self, rows):
        """Add the products of some rows, at least one, in contiguous memory."""

    @abstractmethod
    def matrix(self):
        """Return the sum as a `Sums.matrix` (end + 1, p)."""


class _Triangle(ProductSum):
    """A sum of which the upper triangle is kept."""

    def __init__(self, end, triangle):
        self._end, self._triangle = end, triangle

    def matrix(self):
        """Return the sum as a `Sums.matrix` (end + 1, p)."""
        end, both = self._end, self._triangle
        found = np.where(_is_upper(len(both)), both, both.T)[: end + 1]
        found[end, :end], found[end, end:] = 0.0, both.diagonal()[end:]
        return found


@lru_cache(maxsize=8)
def _is_upper(size):
    """Return whether entries of a matrix are in its upper triangle."""
    return np.tri(size, dtype=bool).T


class _Narrow(_Triangle):
    """The sum of the products of narrow rows."""

    def __init__(self, end, width):
        super().__init__(end, np.zeros((width, width)))

    def add(self, rows):
        """Add the products of some rows, at least one."""
        width = rows.shape[1]
        n_tiles = -(-len(rows) // rows_of_tile(width))
        size = len(rows) // n_tiles
        tiles = rows[: n_tiles * size].reshape(n_tiles, size, width)
        self.add_upper(upper_products(tiles).sum(axis=0))
        rest = rows[n_tiles * size :]
        if len(rest):
            self.add_upper(rest.T @ rest)

    def add_upper(self, products):
        """Add products from `upper_products`, of one tile."""
        self._triangle += products


class _Wide(_Triangle):
    """The sum of the products of wide rows."""

    def __init__(self, end, width):
        super().__init__(end, np.zeros((width, width), order="F"))

    def add(self, rows):
        """Add the products of some rows, at least one."""
        with all_threads_for(rows.size * rows.shape[1]):
            dsyrk(1.0, rows.T, beta=1.0, c=self._triangle, overwrite_c=1)


class _SquaresOfOthers(ProductSum):
    """The sum without the products of many last columns with each other."""

    def __init__(self, end, width):
        self._end, self._sum = end, np.zeros((end + 1, width))

    def add(self, rows):
        """Add the products of some rows, at least one."""
        end = self._end
        left, right = rows[:, :end], rows[:, end:]
        self._sum[:end, :end] += matmul(left.T, left)
        self._sum[:end, end:] += matmul(left.T, right)
        self._sum[end, end:] += np.einsum("nt,nt->t", right, right)

    def matrix(self):
        """Return the sum as a `Sums.matrix` (end + 1, p)."""
        return self._sum
