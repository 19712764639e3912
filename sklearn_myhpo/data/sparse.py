"""Sparse rows in memory."""

import numpy as np
from scipy import sparse

from .blocks import slices
from .limits import row_limits
from .memory import MemoryDesign
from .sparse_products import SparseProducts, neighbours


class SparseDesign(MemoryDesign):
    """Rows of a CSR array. The shift is subtracted from products, so X stays sparse.

    Parameters
    ----------
    X : sparse array of shape (n_samples, n_features)
        float64, in CSR format.
    shift, scale, fit_intercept, has_large_means
        As in `Design`. With large means Gram matrices are made from dense blocks.
    """

    is_sparse = True

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
        self._products = SparseProducts(X)

    def _of(self, X):
        """Return other rows of the same kind."""
        return SparseDesign(
            X, self.shift, self.scale, self.fit_intercept, self.has_large_means
        )

    def about(self, shift, scale, fit_intercept, has_large_means):
        """Return the same rows with another origin, units and last coordinate."""
        return SparseDesign(self.X, shift, scale, fit_intercept, has_large_means)

    @property
    def entries_per_row(self):
        """Mean number of stored entries of a row."""
        return self.X.nnz / max(1, self.n_samples)

    @property
    def is_filled(self):
        """Whether dense products of blocks are faster."""
        return self.X.nnz > row_limits().filled * self.n_samples * self.n_features

    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield some rows at a time."""
        for rows in slices(self.n_samples, entries_per_row, least_rows):
            is_all = rows.stop - rows.start == self.n_samples
            yield rows, self if is_all else self.take(rows)

    def take(self, index):
        """Return the rows of an index or slice."""
        if isinstance(index, slice):
            start, stop, step = index.indices(self.n_samples)
            if step == 1 and start < stop:
                return self._of(neighbours(self.X, slice(start, stop)))
        return self._of(self.X[index])

    def stacked(self, parts):
        """Return the rows of several designs like this, one below the other."""
        return self._of(sparse.csr_array(sparse.vstack([p.X for p in parts], "csr")))

    def raw(self):
        """Return X as an ndarray."""
        return self.X.toarray()

    def fill(self, index, out):
        """Write the rows of an index into `out` (n_rows, n_coordinates)."""
        core = out[:, : self.n_features]
        np.subtract(self.X[index].toarray(), self.shift, out=core)
        if self.scale is not None:
            core *= self.scale
        if self.fit_intercept:
            out[:, -1] = 1.0

    def _forward(self, core):
        return self._products.forward(core)

    def _adjoint(self, values):
        return self._products.adjoint(values)

    def _forward_centred(self, core):
        return self._forward(core) - self.shift @ core

    def _adjoint_centred(self, values):
        return self._adjoint(values) - np.outer(self.shift, values.sum(axis=0))

    def grams(self, weights):
        """Return the Gram matrices (k, m, m) of k weightings (n_samples, k)."""
        if self.has_large_means or self.is_filled:
            return super().grams(weights)
        return np.stack([self._gram(weight) for weight in weights.T])

    def part_grams(self, weights, labels, n_parts):
        """Return the Gram matrices of every part of the rows."""
        if self.has_large_means or self.is_filled:
            return super().part_grams(weights, labels, n_parts)
        found = []
        for part in range(n_parts):
            index = np.flatnonzero(labels == part)
            found.append(self.take(index).grams(weights[index]))
        return np.stack(found)

    def _gram(self, weight):
        """Return the Gram matrix of one weighting by sparse products."""
        used = np.flatnonzero(weight)
        if 2 * len(used) < self.n_samples:
            return self.take(used)._gram(weight[used])
        products = (self.X.T @ self.X.multiply(weight[:, None])).toarray()
        first = self._adjoint(weight[:, None])[:, 0]
        return self.gram_of_products(products, first, weight.sum(), self.shift)

    def squares(self, weights):
        """Return ``sum_i weight_ik x_ij^2``, the diagonals of Gram matrices, (m, k)."""
        if self.has_large_means:
            return self._centred_squares(weights)
        out = np.zeros((self.n_features, weights.shape[1]))
        width = max(1, int(self.entries_per_row))
        for rows in slices(self.n_samples, width):
            out += self.X[rows].power(2).T @ weights[rows]
        total = weights.sum(axis=0)
        if self.fit_intercept or self.shift.any():
            first = self._adjoint(weights)
            out -= 2 * self.shift[:, None] * first - np.outer(self.shift**2, total)
            out = np.maximum(out, 0.0)
        if self.scale is not None:
            out *= self.scale[:, None] ** 2
        return np.vstack([out, total]) if self.fit_intercept else out

    def _centred_squares(self, weights):
        """Return the same from dense blocks of centred rows."""
        out = np.zeros((self.n_coordinates, weights.shape[1]))
        for rows in slices(self.n_samples, self.n_features):
            block = np.empty((rows.stop - rows.start, self.n_coordinates))
            self.fill(rows, block)
            out += np.square(block, out=block).T @ weights[rows]
        return out

    def moments(self, index, weight):
        """Return total weight, means, and sums of squares about these, of raw columns.

        Entries that are not stored count as zeros.
        """
        X, total = self.X[index], weight.sum()
        if not X.has_canonical_format:
            X.sum_duplicates()
        weights = np.repeat(weight, np.diff(X.indptr))

        def summed(values):
            return np.bincount(X.indices, values, minlength=self.n_features)

        mean = summed(weights * X.data) / total
        square = summed(weights * (X.data - mean[X.indices]) ** 2)
        # Full columns have no such zeros, not even up to rounding.
        is_full = np.bincount(X.indices, minlength=self.n_features) == len(weight)
        rest = np.where(is_full, 0.0, total - summed(weights))
        return total, mean, square + rest * mean**2

    def row_products(self):
        """Return the products (n_samples, n_samples) of all pairs of centred rows."""
        X, shift = self.X, self.shift
        if self.scale is not None:
            X, shift = X * self.scale, shift * self.scale
        products = (X @ X.T).toarray()
        along = X @ shift
        return products - along[:, None] - along + shift @ shift

    def largest(self):
        """Return the largest size of an entry of X."""
        return np.abs(self.X.data).max(initial=0.0)

    def constants(self):
        """Return the indices of the columns with one value, and these values."""
        low, high = self.ends(slice(None))
        index = np.flatnonzero(low == high)
        return index, low[index]

    def ends(self, columns):
        """Return the least and the largest entry of some columns."""
        return tuple(
            end.toarray().ravel()[columns]
            for end in (self.X.min(axis=0), self.X.max(axis=0))
        )


def as_sparse_if_mostly_zero(design):
    """Return dense rows as sparse ones if that makes products faster, else as given.

    A sparse product costs about as much per entry as a dense one per five entries.

    Parameters
    ----------
    design : Design

    Returns
    -------
    Design
    """
    limits = row_limits()
    size = design.n_samples * design.n_features
    has_reason = size >= limits.many_entries and not design.is_beyond_memory
    if design.is_sparse or not has_reason:
        return design
    if _share(design.sample(limits.sample_rows).raw()) > limits.mostly_zero:
        return design
    counts = [np.count_nonzero(block.raw()) for _, block in design.blocks()]
    if sum(counts) > limits.mostly_zero * size:
        return design
    parts = [sparse.csr_array(block.raw()) for _, block in design.blocks()]
    return SparseDesign(
        sparse.csr_array(sparse.vstack(parts, "csr")),
        design.shift,
        design.scale,
        design.fit_intercept,
        design.has_large_means,
    )


def _share(rows):
    return np.count_nonzero(rows) / rows.size
