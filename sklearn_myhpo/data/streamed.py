"""Rows that stay where they are: memory-mapped or in single precision."""

import numpy as np
from scipy import sparse

from .rows import BLOCK_ENTRIES, Rows


def make_rows(X, sample_weight, fit_intercept):
    """Return the rows of X, without a copy where one would not fit or be exact.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    sample_weight : ndarray of shape (n_samples,)
    fit_intercept : bool

    Returns
    -------
    Rows
    """
    if sparse.issparse(X):
        return Rows(X.astype(np.float64, copy=False), sample_weight, fit_intercept)
    if X.dtype == np.float64 and not _is_mapped(X):
        return Rows(X, sample_weight, fit_intercept)
    return StreamedRows(X, sample_weight, fit_intercept)


def _is_mapped(X):
    """Whether an array is a view of a file."""
    while X is not None:
        if isinstance(X, np.memmap):
            return True
        X = getattr(X, "base", None)
    return False


class StreamedRows(Rows):
    """Dense X that is never copied: centred and made double a block at a time.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        float32 or float64, in memory or a file.
    sample_weight : ndarray of shape (n_samples,)
        Weights of the mean that is subtracted.
    fit_intercept : bool
        Without an intercept nothing is subtracted.
    """

    def __init__(self, X, sample_weight, fit_intercept):
        self.X, self.fit_intercept = X, fit_intercept
        self.is_sparse = self.has_large_means = False
        self.n_samples, self.n_features = X.shape
        self.shift = np.zeros(self.n_features)
        self._pairs, self._keeps_pairs, self._mean_squares = None, False, None
        if fit_intercept:
            share = sample_weight / sample_weight.sum()
            # About the first row, so that large means do not cancel.
            first = np.asarray(X[0], dtype=np.float64)
            self.shift = first
            with np.errstate(over="ignore", invalid="ignore"):
                self.shift = first + self.adjoint(share[:, None])[:-1, 0]

    def take(self, index):
        """Return the rows of an index or slice, centred, in memory."""
        rows = Rows.__new__(Rows)
        vars(rows).update(vars(self))
        rows.X = np.subtract(self.X[index], self.shift, dtype=np.float64)
        rows.n_samples = len(rows.X)
        return rows

    def _blocks(self):
        """Yield (slice, Rows) in blocks of bounded size."""
        size = max(1, BLOCK_ENTRIES // max(1, self.n_features))
        for start in range(0, self.n_samples, size):
            block = slice(start, min(start + size, self.n_samples))
            yield block, self.take(block)

    def forward(self, w):
        """Return raw predictions (n_samples, k) of weights (n_coordinates, k)."""
        return np.concatenate([block.forward(w) for _, block in self._blocks()])

    def adjoint(self, values):
        """Return the transpose applied to values (n_samples, k)."""
        return sum(block.adjoint(values[index]) for index, block in self._blocks())

    def gram(self, weight):
        """Return ``sum_i weight_i x_i x_i'``, shape (n_coordinates, n_coordinates)."""
        return sum(block.gram(weight[index]) for index, block in self._blocks())

    def squared_adjoint(self, weight):
        """Return ``sum_i weight_ik x_ij^2``, the diagonals of k Gram matrices."""
        return sum(
            block.squared_adjoint(weight[index]) for index, block in self._blocks()
        )

    def to_dense(self):
        """Return the matrix of the map, shape (n_samples, n_coordinates)."""
        return self.take(slice(None)).to_dense()

    def products(self):
        """Return the products of all pairs of centred rows, without the intercept."""
        return self.take(slice(None)).products()
