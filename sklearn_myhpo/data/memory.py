"""Rows in memory, such as the rows of a block."""

from abc import abstractmethod

import numpy as np

from .design import Design
from .limits import row_limits


class MemoryDesign(Design):
    """Rows in memory, such as the rows of a block."""

    @abstractmethod
    def take(self, index):
        """Return the rows of an index or slice."""

    @abstractmethod
    def _forward(self, core):
        """Return ``X core`` (n_samples, k)."""

    @abstractmethod
    def _adjoint(self, values):
        """Return ``X' values`` (n_features, k)."""

    @abstractmethod
    def squares(self, weights):
        """Return ``sum_i weight_ik x_ij^2``, the diagonals of Gram matrices, (m, k)."""

    @abstractmethod
    def largest(self):
        """Return the largest size of an entry of X."""

    @abstractmethod
    def raw(self):
        """Return X as an ndarray; dense rows are not copied."""

    @abstractmethod
    def fill(self, index, out):
        """Write the rows of an index into `out` (n_rows, n_coordinates)."""

    @abstractmethod
    def stacked(self, parts):
        """Return the rows of several designs like this, one below the other."""

    @abstractmethod
    def ends(self, columns):
        """Return the least and the largest entry of some columns."""

    def moved(self):
        """Return ``X - shift``."""
        return self.raw() - self.shift

    def no_rows(self):
        """Return the same without rows."""
        return self.take(slice(0, 0))

    def centred(self):
        """Return the centred rows without the intercept, (n_samples, n_features)."""
        rows = self.moved()
        return rows if self.scale is None else rows * self.scale

    def moments(self, index, weight):
        """Return total weight, means, and sums of squares about these, of raw columns.

        Parameters
        ----------
        index : ndarray or slice
            Rows to include.
        weight : ndarray of shape (n_rows,)
            Positive, of these rows.

        Returns
        -------
        float, ndarray of shape (n_features,), ndarray of shape (n_features,)
        """
        rows, total = self.take(index).raw(), weight.sum()
        # The mean of a constant column is that constant, without rounding error.
        moved = rows - rows[0]
        mean = weight @ moved / total
        moved -= mean
        return total, rows[0] + mean, weight @ np.square(moved, out=moved)

    def add_grams(self, out, index, weights, space):
        """Add the Gram matrices of the rows of an index to `out`.

        Parameters
        ----------
        out : ndarray of shape (k, n_coordinates, n_coordinates)
        index : ndarray or slice
            Rows to include.
        weights : ndarray of shape (n_rows, k)
            Of these rows.
        space : Space
            Memory for the rows.
        """
        rows = space.of(len(weights), self.n_coordinates)
        self.fill(index, rows)
        for matrix, weight in zip(out, weights.T, strict=True):
            matrix += weighted_gram(rows, weight)


def weighted_gram(rows, weight, out=None):
    """Return ``rows' diag(weight) rows``.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, m)
    weight : ndarray of shape (n_rows,)
    out : ndarray of shape (n_rows, m), optional
        Memory for weighted rows; not the rows themselves.
    """
    limits, n_rows = row_limits(), len(rows)
    size = limits.small_product // max(1, rows.shape[1] ** 2)
    is_small = size >= limits.gram_small_rows
    if is_small or not np.all(weight >= 0.0):
        # Small products read their factors in place.
        size = size if is_small else max(1, n_rows)
        weighted = np.multiply(rows, weight[:, None], out=out)
        total = rows[:size].T @ weighted[:size]
        for start in range(size, n_rows, size):
            own = slice(start, start + size)
            total += rows[own].T @ weighted[own]
        return total
    # A matrix times its own transpose needs half the work.
    weighted = np.multiply(rows, np.sqrt(weight)[:, None], out=out)
    return weighted.T @ weighted
