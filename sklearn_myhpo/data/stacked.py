"""Several dense designs, stacked without a copy."""

import numpy as np
from scipy import sparse

from .blocks import add_all, as_slice
from .design import Design
from .limits import row_limits
from .sources import as_design


def stack(first, second):
    """Return the rows of two matrices as one design.

    Parameters
    ----------
    first : Design, ndarray or sparse matrix of shape (n_rows, n_features)
        Features; a design is one of dense rows.
    second : ndarray or sparse matrix of shape (n_rows, n_features)
        Features; the numbers of rows may differ.

    Returns
    -------
    Design
        A copy, sparse if one of them is, if the rows are few or sparse; otherwise the
        rows are read without a copy. The rows of `second` are rounded to the dtype of
        `first`.
    """
    if isinstance(first, Design) and first.is_sparse:
        first = first.X
    if isinstance(first, Design):
        second = second.toarray() if sparse.issparse(second) else second
        second = second.astype(first.dtype, copy=False)
        return StackedDesign([first, as_design(second)])
    if sparse.issparse(first) or sparse.issparse(second):
        both = [sparse.csr_array(first), sparse.csr_array(second)]
        return as_design(sparse.vstack(both, "csr"))
    second = second.astype(first.dtype, copy=False)
    if first.size + second.size <= row_limits().block_entries:
        return as_design(np.concatenate([first, second]))
    return StackedDesign([as_design(first), as_design(second)])


class StackedDesign(Design):
    """Stacked dense designs, read without a copy.

    Parameters
    ----------
    parts : list of Design
        With the same origin, units and last coordinate.
    """

    def __init__(self, parts):
        sizes = [part.n_samples for part in parts]
        first = parts[0]
        super().__init__(
            (sum(sizes), first.n_features),
            first.shift,
            first.scale,
            first.fit_intercept,
            first.has_large_means,
        )
        self.parts = parts
        self.is_beyond_memory = any(part.is_beyond_memory for part in parts)
        self._ends = np.cumsum([0, *sizes]).tolist()

    def about(self, shift, scale, fit_intercept, has_large_means):
        """Return the same rows with another origin, units and last coordinate."""
        facts = shift, scale, fit_intercept, has_large_means
        return StackedDesign([part.about(*facts) for part in self.parts])

    def in_memory(self):
        """Return the same rows in memory."""
        return StackedDesign([part.in_memory() for part in self.parts])

    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield the blocks of every part."""
        for part, start, _ in self._bounds():
            for rows, block in part.blocks(entries_per_row, least_rows):
                yield slice(start + rows.start, start + rows.stop), block

    def reduce(self, function, *columns, entries_per_row=1):
        """Return the sum over the blocks of every part."""

        def own(part, *own_columns):
            return part.reduce(function, *own_columns, entries_per_row=entries_per_row)

        return self._sum(own, *columns)

    def take(self, index):
        """Return the rows of an increasing index or a slice as a `MemoryDesign`."""
        index = np.arange(self.n_samples)[index]
        found = []
        for part, start, stop in self._bounds():
            begin, end = np.searchsorted(index, [start, stop])
            if begin < end:
                found.append(part.take(as_slice(index[begin:end] - start)))
        if len(found) < 2:
            return found[0] if found else self.no_rows()
        return found[0].stacked(found)

    def _bounds(self):
        """Yield every part with the numbers of its first row and of the next part's."""
        yield from zip(self.parts, self._ends[:-1], self._ends[1:], strict=True)

    def _sum(self, function, *columns):
        """Return the sum of arrays, one from every part and its part of the columns."""
        return add_all(
            function(part, *(column[start:stop] for column in columns))
            for part, start, stop in self._bounds()
        )

    def _forward(self, core):
        return np.concatenate([part._forward(core) for part in self.parts])

    def _adjoint(self, values):
        return self._sum(lambda part, own: part._adjoint(own), values)

    def _forward_centred(self, core):
        return np.concatenate([part._forward_centred(core) for part in self.parts])

    def _adjoint_centred(self, values):
        return self._sum(lambda part, own: part._adjoint_centred(own), values)

    def part_grams(self, weights, labels, n_parts):
        """Return the Gram matrices of every part of the rows, in one pass."""
        return self._sum(
            lambda part, *own: part.part_grams(*own, n_parts), weights, labels
        )

    def grams(self, weights):
        """Return the Gram matrices (k, m, m) of k weightings (n_samples, k)."""
        return self._sum(lambda part, own: part.grams(own), weights)

    def squares(self, weights):
        """Return ``sum_i weight_ik x_ij^2``, the diagonals of Gram matrices, (m, k)."""
        return self._sum(lambda part, own: part.squares(own), weights)
