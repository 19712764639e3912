"""A subset of the rows of another design, without a copy."""

import numpy as np

from .blocks import as_slice
from .design import Design
from .limits import row_limits
from .sources import as_design


def select(X, index):
    """Return some rows of X.

    Parameters
    ----------
    X : Design, ndarray or sparse array of shape (n_samples, n_features)
    index : ndarray of int of shape (n_rows,)
        Increasing.

    Returns
    -------
    Design
        A copy if the rows are few or sparse; otherwise they are read from `X`.
    """
    design, limits = as_design(X), row_limits()
    if len(index) == design.n_samples:
        return design
    is_small = len(index) * design.n_features <= limits.block_entries
    is_few = len(index) <= limits.few_rows * design.n_samples
    if is_small or ((design.is_sparse or is_few) and not design.is_beyond_memory):
        return design.take(index)
    if isinstance(design, SelectedDesign):
        return SelectedDesign(design.base, design.index[index])
    return SelectedDesign(design, index)


class SelectedDesign(Design):
    """Rows of another design, read without a copy.

    Products are computed for all rows of that design, since gathering the rows would
    take longer.

    Parameters
    ----------
    base : Design
        All rows, dense.
    index : ndarray of int of shape (n_samples,)
        The rows that are selected; increasing.
    """

    def __init__(self, base, index):
        super().__init__(
            (len(index), base.n_features),
            base.shift,
            base.scale,
            base.fit_intercept,
            base.has_large_means,
        )
        self.base, self.index = base, index
        self.is_beyond_memory = base.is_beyond_memory

    def about(self, shift, scale, fit_intercept, has_large_means):
        """Return the same rows with another origin, units and last coordinate."""
        base = self.base.about(shift, scale, fit_intercept, has_large_means)
        return SelectedDesign(base, self.index)

    def in_memory(self):
        """Return the same rows of the same design in memory."""
        return SelectedDesign(self.base.in_memory(), self.index)

    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield copies of some rows at a time."""
        width = max(entries_per_row, self.n_features)
        for rows, block in self.base.blocks(width, least_rows):
            start, stop = np.searchsorted(self.index, [rows.start, rows.stop])
            if start < stop:
                own = as_slice(self.index[start:stop] - rows.start)
                yield slice(int(start), int(stop)), block.take(own)

    def take(self, index):
        """Return the rows of an increasing index or a slice as a `MemoryDesign`."""
        return self.base.take(as_slice(self.index[index]))

    def _spread(self, values, fill=0):
        """Return values of the selected rows as values of all rows."""
        out = np.full((self.base.n_samples, *values.shape[1:]), fill, values.dtype)
        out[self.index] = values
        return out

    def _forward(self, core):
        return self.base._forward(core)[self.index]

    def _adjoint(self, values):
        return self.base._adjoint(self._spread(values))

    def _forward_centred(self, core):
        return self.base._forward_centred(core)[self.index]

    def _adjoint_centred(self, values):
        return self.base._adjoint_centred(self._spread(values))

    def part_grams(self, weights, labels, n_parts):
        """Return the Gram matrices of every part of the rows, in one pass."""
        labels = self._spread(labels, fill=-1)
        return self.base.part_grams(self._spread(weights), labels, n_parts)

    def grams(self, weights):
        """Return the Gram matrices (k, m, m) of k weightings (n_samples, k)."""
        return self.base.grams(self._spread(weights))

    def squares(self, weights):
        """Return ``sum_i weight_ik x_ij^2``, the diagonals of Gram matrices, (m, k)."""
        return self.base.squares(self._spread(weights))
