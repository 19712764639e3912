"""Rows that are formed from other rows when they are read, such as spline columns."""

import numpy as np
from scipy import sparse

from .blocks import slices
from .dense import DenseDesign
from .design import Design
from .sparse import SparseDesign


class FormedDesign(Design):
    """Rows that a function forms from those of another X, one block at a time.

    Parameters
    ----------
    form : callable
        Maps an increasing index or a slice to these rows, an ndarray or a CSR matrix.
    n_samples : int
    head : ndarray or CSR matrix of shape (n_rows, n_features)
        A few of the rows, for names, labels and types of the columns.
    shift, scale, fit_intercept, has_large_means
        As in `Design`.
    """

    is_beyond_memory = True

    def __init__(
        self,
        form,
        n_samples,
        head,
        shift=None,
        scale=None,
        fit_intercept=False,
        has_large_means=False,
    ):
        shape = n_samples, head.shape[1]
        super().__init__(shape, shift, scale, fit_intercept, has_large_means)
        self._form, self.head, self.dtype = form, head, head.dtype
        self.is_sparse = sparse.issparse(head)

    @property
    def entries_per_row(self):
        """Mean number of stored entries of a row."""
        if self.is_sparse:
            return self.head.nnz / self.head.shape[0]
        return super().entries_per_row

    @property
    def is_filled(self):
        """Whether dense products of blocks are faster."""
        return self._of(self.head).is_filled

    def about(self, shift, scale, fit_intercept, has_large_means):
        """Return the same rows with another origin, units and last coordinate."""
        moved = shift, scale, fit_intercept, has_large_means
        return FormedDesign(self._form, self.n_samples, self.head, *moved)

    def blocks(self, entries_per_row=1, least_rows=1):
        """Yield newly formed rows, some at a time, in double precision."""
        width = max(entries_per_row, self.n_features)
        for rows in slices(self.n_samples, width, least_rows):
            yield rows, self.take(rows)

    def take(self, index):
        """Return the rows of an index or slice, in memory and double precision."""
        return self._of(self._form(index))

    def _of(self, X):
        """Return rows in memory of the same kind."""
        moved = self.shift, self.scale, self.fit_intercept, self.has_large_means
        if self.is_sparse:
            return SparseDesign(sparse.csr_array(X, dtype=np.float64), *moved)
        return DenseDesign(np.asarray(X, dtype=np.float64), *moved)
