"""Rows that are read batch by batch, from a source beyond memory."""

import numpy as np
from scipy import sparse

from ..blocks import slices
from ..dense import DenseDesign
from ..design import Design
from ..sampling import every_kth
from .checks import as_dense
from .rows import BatchRows


class BatchesDesign(Design):
    """Rows of a `Batches`, of which a block is in memory, dense, in double precision.

    Blocks have the same rows however these are divided into batches.

    Parameters
    ----------
    rows : BatchRows
        After the first pass.
    shift, scale, fit_intercept, has_large_means
        As of `Design`.
    """

    def __init__(
        self,
        rows: BatchRows,
        shift=None,
        scale=None,
        fit_intercept=False,
        has_large_means=False,
    ):
        super().__init__(rows.shape, shift, scale, fit_intercept, has_large_means)
        self.rows, self.dtype = rows, rows.dtype
        self.is_beyond_memory = not rows.are_few

    @property
    def head(self):
        """X of the first batch, as it came, for names and types of the columns."""
        return self.rows.head

    def about(self, shift, scale, fit_intercept, has_large_means):
        """Return the same rows with another origin, units and last coordinate."""
        return BatchesDesign(self.rows, shift, scale, fit_intercept, has_large_means)

    def _of(self, X):
        """Return rows in memory of the same kind."""
        return DenseDesign(
            X, self.shift, self.scale, self.fit_intercept, self.has_large_means
        )

    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield some rows at a time; this is one pass over the batches."""
        width = max(entries_per_row, self.n_features)
        wanted = slices(self.n_samples, width, least_rows)
        if self.rows.are_few:
            for rows in wanted:
                yield rows, self._of(self.rows.kept[rows])
            return
        rows, block, filled = next(wanted), None, 0
        for batch in self.rows:
            start = 0
            while start < batch.shape[0]:
                size = rows.stop - rows.start
                stop = min(start + size - filled, batch.shape[0])
                part = batch[start:stop]
                is_whole = stop - start == size and not sparse.issparse(part)
                if is_whole and part.dtype == np.float64 and part.flags.c_contiguous:
                    block = part
                else:
                    block = np.empty((size, self.n_features)) if not filled else block
                    own = block[filled : filled + stop - start]
                    own[:] = as_dense(part)
                filled, start = filled + stop - start, stop
                if filled == size:
                    yield rows, self._of(block)
                    rows, block, filled = next(wanted, None), None, 0

    def sample(self, n_rows):
        """Return about `n_rows` rows: of the first pass, if it has kept as many."""
        kept = self.rows.sample
        if len(kept) < min(n_rows, self.n_samples):
            return super().sample(n_rows)
        return self._of(kept[every_kth(len(kept), n_rows)])

    def no_rows(self):
        """Return a `MemoryDesign` without rows."""
        return self._of(np.empty((0, self.n_features)))

    def largest(self):
        """Return the largest size of an entry of X, from the first pass."""
        return float(max(np.abs(self.rows.low).max(), np.abs(self.rows.high).max()))

    def constants(self):
        """Return the columns with one value, and these values, from the first pass."""
        index = np.flatnonzero(self.rows.low == self.rows.high)
        return index, self.rows.low[index]

    def __getitem__(self, index):
        # Also what a splitter that makes an array of X comes to.
        raise TypeError(_NO_ROWS)

    def __array__(self, dtype=None, copy=None):
        return self[:]


_NO_ROWS = (
    "X is read from Batches, so that single rows of it cannot be looked up. A splitter "
    "gets the number of rows and y; make the splits from these, or give pairs of row "
    "numbers."
)
