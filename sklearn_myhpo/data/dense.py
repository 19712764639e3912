"""Dense rows in memory, double precision."""

from functools import cached_property

import numpy as np

from .blocks import (
    Space,
    add_all,
    lower_triangle,
    slices,
)
from .limits import row_limits
from .memory import MemoryDesign, weighted_gram
from .thin import adjoint_thin, forward_thin
from .threads import map_shares, matmul


class DenseDesign(MemoryDesign):
    """Rows of an ndarray, which is never copied as a whole.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        float64, in C or Fortran order.
    shift, scale, fit_intercept, has_large_means
        As in `Design`.
    """

    slices_are_views = True

    def __init__(
        self,
        X,
        shift=None,
        scale=None,
        fit_intercept=False,
        has_large_means=False,
    ):
        super().__init__(X.shape, shift, scale, fit_intercept, has_large_means)
        self.X = X
        self._pairs = None

    def _of(self, X):
        """Return other rows of the same kind."""
        return DenseDesign(
            X, self.shift, self.scale, self.fit_intercept, self.has_large_means
        )

    def about(self, shift, scale, fit_intercept, has_large_means):
        """Return the same rows with another origin, units and last coordinate."""
        return DenseDesign(self.X, shift, scale, fit_intercept, has_large_means)

    def roughly(self):
        """Return the same rows, with Gram matrices in single precision if it pays."""
        if self.n_features < row_limits().rough_features:
            return self
        return RoughDesign(
            self.X, self.shift, self.scale, self.fit_intercept, self.has_large_means
        )

    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield views of some rows at a time."""
        for rows in slices(self.n_samples, entries_per_row, least_rows):
            yield rows, self._of(self.X[rows])

    def sum_of_shares(self, function, n_entries, work_per_entry, *shape):
        """Return the sum of arrays, each of a share of the blocks by one thread."""
        parts = list(slices(self.n_samples, *shape))
        if n_entries > row_limits().thread_entries or len(parts) == 1:
            return super().sum_of_shares(function, n_entries, work_per_entry, *shape)

        def own(share):
            return function((rows, self._of(self.X[rows])) for rows in share)

        return add_all(map_shares(own, parts, work_per_entry * self.X.size))

    def reduce(self, function, *columns, entries_per_row=1):
        """Return the sum over blocks, a share of them by each thread."""
        parts = list(slices(self.n_samples, entries_per_row))
        if len(parts) < 2:
            return function(self, *columns)

        def own(share):
            return add_all(
                function(self._of(self.X[rows]), *(column[rows] for column in columns))
                for rows in share
            )

        work = row_limits().products_per_entry * self.X.size
        return add_all(map_shares(own, parts, work))

    @property
    def own_shift(self):
        """The origin of the coordinates in the units of the stored rows."""
        return self.shift

    def take(self, index):
        """Return the rows of an index, copied, or of a slice, not copied."""
        return self._of(self.X[index])

    def stacked(self, parts):
        """Return the rows of several designs like this, one below the other."""
        return self._of(np.concatenate([part.X for part in parts]))

    def raw(self):
        """Return X."""
        return self.X

    def fill(self, index, out):
        """Write the rows of an index into `out` (n_rows, n_coordinates)."""
        core = out[:, : self.n_features]
        np.subtract(self.X[index], self.own_shift, out=core)
        if self.scale is not None:
            core *= self.scale
        if self.fit_intercept:
            out[:, -1] = 1.0

    def add_grams(self, out, index, weights, space):
        """Add the Gram matrices of the rows of an index to `out`.

        The origin is subtracted from their sums, and so the rows are read in place.
        """
        if self.has_large_means:
            super().add_grams(out, index, weights, space)
            return
        rows, origin = self.X[index], self.own_shift
        for matrix, weight in zip(out, weights.T, strict=True):
            products = weighted_gram(rows, weight, space.of(*rows.shape))
            sums = products, weight @ rows, weight.sum()
            matrix += self.gram_of_products(*sums, origin)

    @cached_property
    def _moved(self):
        """``X - shift`` if it is no larger than a block, else None."""
        is_small = self.X.size <= row_limits().block_entries
        return self.moved() if is_small else None

    def _forward_centred(self, core):
        if self._moved is None:
            return super()._forward_centred(core)
        return forward_thin(self._moved, core.T).T

    def _adjoint_centred(self, values):
        if self._moved is None:
            return super()._adjoint_centred(values)
        return adjoint_thin(self._moved, values.T).T

    def _forward(self, core):
        # Few rows times a large matrix is faster than its transpose.
        return forward_thin(self.X, core.T).T

    def _adjoint(self, values):
        return adjoint_thin(self.X, values.T).T

    def squares(self, weights):
        """Return ``sum_i weight_ik x_ij^2``, the diagonals of Gram matrices, (m, k)."""
        out, space = np.zeros((self.n_features, weights.shape[1])), Space()
        for rows in slices(self.n_samples, self.n_features, cached=True):
            block = space.of(rows.stop - rows.start, self.n_features)
            np.subtract(self.X[rows], self.own_shift, out=block)
            out += np.square(block, out=block).T @ weights[rows]
        if self.scale is not None:
            out *= self.scale[:, None] ** 2
        if not self.fit_intercept:
            return out
        return np.vstack([out, weights.sum(axis=0)])

    def _moments_about_mean(self, mean, share):
        """Return the mean squares of the features about their weighted mean."""
        out, space = np.zeros(self.n_features), Space()
        for rows in slices(self.n_samples, self.n_features, cached=True):
            block = space.of(rows.stop - rows.start, self.n_features)
            out += share[rows] @ np.square(self.X[rows], out=block)
        square = mean**2
        if not np.all(2.0 * square <= out):
            return super()._moments_about_mean(mean, share)
        # No digits are lost, as no mean is larger than the spread.
        out -= square
        return out if self.scale is None else out * self.scale**2

    def largest(self):
        """Return the largest size of an entry of X."""
        return max(-self.X.min(initial=0.0), self.X.max(initial=0.0))

    def ends(self, columns):
        """Return the least and the largest entry of some columns."""
        part = self.X[:, columns]
        return part.min(axis=0), part.max(axis=0)

    def row_products(self):
        """Return the products (n_samples, n_samples) of all pairs of centred rows.

        It is computed from some columns at a time, in a buffer.
        """
        out = np.zeros((self.n_samples, self.n_samples))
        n_samples, space = self.n_samples, Space()
        for columns in slices(self.n_features, n_samples, n_samples):
            part = space.of(n_samples, columns.stop - columns.start)
            np.subtract(self.X[:, columns], self.own_shift[columns], out=part)
            if self.scale is not None:
                part *= self.scale[columns]
            out += matmul(part, part.T)
        return out

    def grams(self, weights):
        """Return the Gram matrices (k, m, m) of k weightings (n_samples, k).

        If there are few entries, the products of all pairs of columns are kept, and a
        Gram matrix is one row of a matrix product.
        """
        size, limits = self.n_coordinates, row_limits()
        n_pairs = self.n_samples * size * (size + 1) // 2
        many = weights.shape[1] >= limits.many_grams
        if n_pairs > (limits.pair_entries_of_many if many else limits.pair_entries):
            return super().grams(weights)
        if self._pairs is None:
            number = np.zeros((size, size), dtype=int)
            number[lower_triangle(size)] = np.arange(size * (size + 1) // 2)
            number = np.maximum(number, number.T)
            self._pairs = _pair_products(self.to_dense()), number
        pairs, number = self._pairs
        return (weights.T @ pairs.T)[:, number]


class RoughDesign(DenseDesign):
    """Dense rows whose Gram matrices are products in single precision.

    The error is about 1e-6 of the squares of the features. Rows are centred first, so
    that large means add nothing to it.
    """

    def _of(self, X):
        return RoughDesign(
            X, self.shift, self.scale, self.fit_intercept, self.has_large_means
        )

    def add_grams(self, out, index, weights, space):
        """Add the Gram matrices of rows with weights that are not negative to `out`."""
        rows, origin = self.X[index], self.own_shift
        n_rows, n_features = rows.shape
        single = space.of(-(-n_rows // 2), n_features).view(np.float32)
        single = single.reshape(-1, n_features)[:n_rows]
        for matrix, weight in zip(out, weights.T, strict=True):
            np.subtract(rows, origin, out=single, casting="same_kind")
            single *= np.sqrt(weight).astype(np.float32)[:, None]
            products, total = (single.T @ single).astype(np.float64), weight.sum()
            ends = weight @ rows - total * origin
            matrix += self.gram_of_centred(products, ends, total)


def _pair_products(rows):
    """Return the products (n_pairs, n_samples) of all pairs of columns."""
    columns = np.ascontiguousarray(rows.T)
    size, n_samples = columns.shape
    products = np.empty((size * (size + 1) // 2, n_samples))
    end = 0
    for number, column in enumerate(columns, start=1):
        start, end = end, end + number
        np.multiply(columns[:number], column, out=products[start:end])
    return products
