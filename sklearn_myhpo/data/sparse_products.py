"""Products with sparse rows; large ones use all threads."""

from itertools import pairwise
from operator import matmul

import numpy as np
from scipy import sparse

from .limits import row_limits
from .threads import map_threads, n_threads_for


class SparseProducts:
    """A sparse matrix and its transpose applied to dense columns.

    Parameters
    ----------
    X : sparse array of shape (n_samples, n_features)
        In CSR format.
    """

    def __init__(self, X):
        self.X = X
        self._parts = {}

    def forward(self, columns):
        """Return the product with columns (n_features, k)."""
        n_parts = n_threads_for(self.X.nnz * columns.shape[1], row_limits().sparse_work)
        if n_parts == 1:
            return self.X @ columns
        _, parts = self._split(n_parts)
        return np.concatenate(map_threads(matmul, parts, [columns] * n_parts))

    def adjoint(self, columns):
        """Return the product of the transpose with columns (n_samples, k)."""
        n_parts = n_threads_for(self.X.nnz * columns.shape[1], row_limits().sparse_work)
        if n_parts == 1:
            return self.X.T @ columns
        slices, parts = self._split(n_parts)
        blocks = [columns[rows] for rows in slices]
        return sum(map_threads(matmul, [part.T for part in parts], blocks))

    def _split(self, n_parts):
        """Return slices with about as many entries each, and views of their rows."""
        if n_parts not in self._parts:
            X, ends = self.X, np.linspace(0, self.X.nnz, n_parts + 1)
            ends = np.searchsorted(X.indptr, ends[1:-1])
            ends = [0, *ends.tolist(), X.shape[0]]
            slices = [slice(*pair) for pair in pairwise(ends)]
            self._parts[n_parts] = slices, [neighbours(X, one) for one in slices]
        return self._parts[n_parts]


def neighbours(X, rows):
    """Return rows of a CSR matrix that share its memory."""
    indptr = X.indptr[rows.start : rows.stop + 1]
    entries = slice(indptr[0], indptr[-1])
    parts = X.data[entries], X.indices[entries], indptr - indptr[0]
    return sparse.csr_array(parts, shape=(rows.stop - rows.start, X.shape[1]))
