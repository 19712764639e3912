"""The contract of a data source: products with X and sums over its rows."""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np

from .blocks import Space, add_all, gram_block, interleaved, rows_by_label, rows_in_use
from .limits import row_limits
from .linear_map import LinearMap
from .sampling import every_kth


class Design(LinearMap, ABC):
    """Rows of X as a linear map, read in blocks.

    The coordinates of a row x are ``(x - shift) * scale``, followed by a one if there
    is an intercept. So the map applied to weights w is ``((x - shift) * scale) w[:-1] +
    w[-1]``. X itself is never changed nor copied as a whole.

    A data source is a subclass with two methods: `blocks` reads it, `about` moves the
    origin. All other methods have defaults that visit every block once, for all splits
    in the same visit. A subclass overrides a method where it has a faster way.

    Parameters
    ----------
    shape : (int, int)
        Numbers of rows and features.
    shift : ndarray of shape (n_features,) or None
        Origin of the features; None for zero.
    scale : ndarray of shape (n_features,) or None
        Factors of the features; None for ones.
    fit_intercept : bool
        Whether the last coordinate of a row is one.
    has_large_means : bool
        Whether the shift is so large that it must be subtracted from rows, not from
        products.

    Attributes
    ----------
    n_samples, n_features : int
        Shape of X.
    """

    #: Whether blocks hold sparse rows; whether a copy of many rows may be too large;
    #: whether a slice of rows costs no copy. Then facts that `kept_design` sets.
    is_sparse = is_beyond_memory = slices_are_views = False
    head = dtype = pairs = n_passes = None

    def __init__(
        self, shape, shift=None, scale=None, fit_intercept=False, has_large_means=False
    ):
        self.shape = self.n_samples, self.n_features = shape
        self.shift = np.zeros(self.n_features) if shift is None else shift
        self.scale = scale
        self.fit_intercept = fit_intercept
        self.has_large_means = has_large_means

    def roughly(self):
        """Return the same rows, with Gram matrices in single precision if it pays."""
        return self

    # The two methods of a data source.

    @abstractmethod
    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield the rows in order, as (slice, MemoryDesign) of bounded size.

        Parameters
        ----------
        entries_per_row : int, default=1
            Numbers that the caller computes per row. These are at most
            `RowLimits.block_entries` per block.
        least_rows : int, default=1
            Minimum number of rows of a block, whatever their size.
        """

    @abstractmethod
    def about(self, shift, scale, fit_intercept, has_large_means):
        """Return the same rows with another origin, units and last coordinate."""

    def in_memory(self):
        """Return the same rows in memory if possible, for many reads."""
        return self

    def sum_of_shares(self, function, n_entries, work_per_entry, *shape):
        """Return the sum of a function's results for shares of `blocks`.

        Threads take a share each where `n_entries` of an array are few, and
        `work_per_entry` of dense rows is much. `shape` has the parameters of `blocks`.
        """
        return function(self.blocks(*shape))

    def reduce(self, function, *columns, entries_per_row=1):
        """Return the sum over blocks of the arrays that a function returns.

        Parameters
        ----------
        function : callable
            Called as ``function(block, *own)`` with a `MemoryDesign` and its part of
            every column; returns an array or a tuple of arrays.
        *columns : ndarray of shape (n_samples, ...)
            Numbers that go with the rows.
        entries_per_row : int, default=1
            Numbers that the function makes per row.

        Returns
        -------
        ndarray or tuple of ndarray
        """
        total = add_all(
            function(block, *(column[rows] for column in columns))
            for rows, block in self.blocks(entries_per_row)
        )
        if total is None:
            return function(self.no_rows(), *columns)
        return total

    def count_rows(self, weights):
        """Return the number of rows whose weights (n_samples,) are not zero."""
        return np.count_nonzero(weights)

    @property
    def entries_per_row(self):
        """Mean number of stored entries of a row."""
        return float(self.n_features)

    def part_grams(self, weights, labels, n_parts):
        """Return the Gram matrices (n_parts, k, m, m) of the parts, in one pass.

        Parameters
        ----------
        weights : ndarray of shape (n_samples, k)
            Of either sign.
        labels : ndarray of int of shape (n_samples,)
            Part of every row; -1 for none.
        n_parts : int
        """
        shape = n_parts, weights.shape[1], *[self.n_coordinates] * 2

        def own(blocks):
            out, space = np.zeros(shape), Space()
            for rows, block in blocks:
                for part, index in rows_by_label(labels[rows], n_parts):
                    block.add_grams(out[part], index, weights[rows][index], space)
            return out

        return self.sum_of_shares(own, np.prod(shape), shape[3], *gram_block(shape[3]))

    def grams(self, weights):
        """Return the Gram matrices (k, m, m) of k weightings (n_samples, k).

        Rows of weight zero cost nothing, so that the disjoint parts of k folds cost
        one visit together.
        """
        size = self.n_coordinates
        out, space = np.zeros((weights.shape[1], size, size)), Space()
        for rows, block in self.blocks(*gram_block(size)):
            own = weights[rows]
            for index, columns in rows_in_use(own != 0):
                block.add_grams(out[columns], index, own[index, columns], space)
        return out

    def gram(self, weight):
        """Return ``sum_i weight_i x_i x_i'`` of weights (n_samples,)."""
        return self.grams(weight[:, None])[0]

    def block_gram(self, weights):
        """Return the Gram matrix of rows with a symmetric matrix of weights each.

        Their lower triangles are given, row by row: (n_samples, k (k + 1) / 2). The
        result is in the order of weights (n_coordinates, k).
        """
        return interleaved(self.grams(weights))

    def squares(self, weights):
        """Return ``sum_i weight_ik x_ij^2``, the diagonals of Gram matrices, (m, k)."""

        def own(block, weight):
            return block.squares(weight)

        return self.reduce(own, weights, entries_per_row=self.n_features)

    @cached_property
    def mean_squares(self):
        """The mean squares of the coordinates, shape (n_coordinates,)."""
        share = np.full((self.n_samples, 1), 1.0 / self.n_samples)
        return self.squares(share)[:, 0]

    def _moments_about_mean(self, mean, share):
        """Return the mean squares of the features about their weighted mean."""
        centred = self.about(mean, self.scale, True, not self.is_sparse)
        return centred.second_moments(share)

    def second_moments(self, sample_weight):
        """Return the weighted mean squares of the centred features."""
        share = (sample_weight / sample_weight.sum())[:, None]
        with np.errstate(over="ignore", invalid="ignore"):
            return self.squares(share)[: self.n_features, 0]

    def row_products(self):
        """Return the products (n_samples, n_samples) of all pairs of centred rows."""
        out = np.empty((self.n_samples, self.n_samples))
        for rows, block in self.blocks(self.n_features):
            left = block.centred()
            for others, other in self.blocks(self.n_features):
                if others.start >= rows.start:
                    out[rows, others] = left @ other.centred().T
                    out[others, rows] = out[rows, others].T
        return out

    def columns(self, index):
        """Return some features of the centred rows, shape (n_samples, n_index)."""
        out = np.empty((self.n_samples, len(index)))
        for rows, block in self.blocks(self.n_features):
            out[rows] = block.centred()[:, index]
        return out

    def in_units(self, scale):
        """Return the same rows times factors (n_features,), or times one for None."""
        if scale is None:
            return self
        return self.about(
            self.shift, self.scaled(scale), self.fit_intercept, self.has_large_means
        )

    def largest(self):
        """Return the largest size of an entry of X."""
        return max(block.largest() for _, block in self.blocks())

    def constants(self):
        """Return the indices of the columns with one value, and these values."""
        # Hardly any other column has the same value in three rows.
        few = self.take(np.unique([0, self.n_samples // 2, self.n_samples - 1])).raw()
        index = np.flatnonzero(np.all(few == few[0], axis=0))
        for _, block in self.blocks(self.n_features) if len(index) else ():
            low, high = block.ends(index)
            index = index[(low == few[0, index]) & (high == few[0, index])]
        return index, few[0, index]

    def take(self, index):
        """Return the rows of an increasing index or a slice as a `MemoryDesign`."""
        index = np.arange(self.n_samples)[index]
        parts = []
        for rows, block in self.blocks():
            ends = np.searchsorted(index, [rows.start, rows.stop])
            if ends[0] < ends[1]:
                parts.append(block.take(index[slice(*ends)] - rows.start))
        return parts[0].stacked(parts) if parts else self.no_rows()

    def no_rows(self):
        """Return a `MemoryDesign` of the same kind without rows."""
        return next(iter(self.blocks()))[1].take(slice(0, 0))

    def sample(self, n_rows):
        """Return every k-th row, about `n_rows` of them, as a `MemoryDesign`."""
        return self.take(every_kth(self.n_samples, n_rows))

    def centred(self):
        """Return the centred rows without the intercept, (n_samples, n_features)."""
        return self.columns(np.arange(self.n_features))

    def to_dense(self):
        """Return the matrix of the map, shape (n_samples, n_coordinates)."""
        out = np.empty((self.n_samples, self.n_coordinates))
        for rows, block in self.blocks():
            block.fill(slice(None), out[rows])
        return out

    def at_means(self, sample_weight, fit_intercept):
        """Return the rows centred if there is an intercept, else as they are."""
        return self.with_moments(sample_weight, fit_intercept)[0]

    def with_moments(self, sample_weight, fit_intercept):
        """Return `at_means` and `second_moments` of the result."""
        if not fit_intercept:
            design = self.about(self.shift, self.scale, False, self.has_large_means)
            return design, design.second_moments(sample_weight)
        with np.errstate(over="ignore", invalid="ignore"):
            share = sample_weight / sample_weight.sum()
            shift = self._adjoint(share[:, None])[:, 0]
            # The mean of a constant column is that constant, without rounding error.
            constant, values = self.constants()
            shift[constant] = values
            moments = self._moments_about_mean(shift, share)
            far = self.scaled(shift) ** 2 > row_limits().large_mean * moments
        design = self.about(shift, self.scale, True, bool(np.any(far)))
        if design.has_large_means and self.is_sparse:
            moments = design.second_moments(sample_weight)
        return design, moments
