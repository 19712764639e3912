"""The rows of X as a linear map, dense or sparse, with or without an intercept."""

import copy

import numpy as np
from scipy import sparse

from .sparse_products import SparseProducts
from .thin import adjoint_thin, forward_thin
from .threads import all_threads_for

#: Entries of the largest temporary array built from a block of rows.
BLOCK_ENTRIES = 2**23
#: The same where a cache should hold it.
CACHED_ENTRIES = 2**16
#: Squared mean over variance of a sparse feature beyond which Gram matrices are
#: made from centred rows.
LARGE_MEAN = 1e4
#: Share of entries that are not zero, and entries, from which rows are kept sparse.
MOSTLY_ZERO, MANY_ENTRIES = 1 / 5, 2**16
#: Share of them from which a Gram matrix is made from dense blocks.
FILLED = 1 / 6
#: Rows that are looked at first.
SAMPLE_ROWS = 512
#: Entries up to which the products of all pairs of columns are kept: with them a
#: Gram matrix is a row of one matrix product. More than a cache holds pays only where
#: at least MANY_GRAMS of them are wanted at once.
PAIR_ENTRIES, PAIR_ENTRIES_OF_MANY, MANY_GRAMS = 2**18, 2**22, 10


class Rows:
    """X, centred, with a last coordinate for the intercept.

    The map is ``w -> (X - shift) w[:-1] + w[-1]`` with an intercept and
    ``w -> X w`` without. Dense X is centred once, in one copy; sparse X stays as
    it is and the shift is applied to the products. The shift changes only what
    the intercept means, and it keeps the Hessian well conditioned.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
        float64.
    sample_weight : ndarray of shape (n_samples,)
        Weights of the mean that is subtracted.
    fit_intercept : bool
        Without an intercept nothing is subtracted.
    """

    def __init__(self, X, sample_weight, fit_intercept):
        self.fit_intercept = fit_intercept
        self.is_sparse = sparse.issparse(X)
        self.n_samples, self.n_features = X.shape
        self.shift = np.zeros(self.n_features)
        if fit_intercept:
            self.shift = np.asarray(X.T @ (sample_weight / sample_weight.sum()))
            # The mean of a constant is that constant, free of rounding.
            constant, values = _constant_columns(X)
            self.shift[constant] = values
            if not self.is_sparse:
                X = X - self.shift
        self.X = X
        self._products = SparseProducts(X) if self.is_sparse else None
        self._pairs, self._keeps_pairs = None, True
        self._mean_squares = None
        # Means so large that subtracting their products would cancel.
        self.has_large_means = False
        if self.is_sparse and fit_intercept:
            share = (sample_weight / sample_weight.sum())[:, None]
            spread = self.squared_adjoint(share)[:-1, 0]
            self.has_large_means = bool(np.any(self.shift**2 > LARGE_MEAN * spread))

    @property
    def n_coordinates(self):
        """Number of coordinates of a weight vector, the intercept included."""
        return self.n_features + self.fit_intercept

    def forward(self, w):
        """Return raw predictions (n_samples, k) of weights (n_coordinates, k)."""
        core = w[: self.n_features]
        if self.is_sparse:
            raw = self._products.forward(core)
        else:
            raw = forward_thin(self.X, core.T).T
        if not self.fit_intercept:
            return raw
        raw += w[-1] - (self.shift @ w[:-1] if self.is_sparse else 0.0)
        return raw

    def adjoint(self, values):
        """Return the transpose applied to values (n_samples, k)."""
        if self.is_sparse:
            out = self._products.adjoint(values)
        else:
            out = adjoint_thin(self.X, values.T).T
        if not self.fit_intercept:
            return out
        total = values.sum(axis=0)
        if self.is_sparse:
            out -= np.outer(self.shift, total)
        return np.vstack([out, total])

    def gram(self, weight):
        """Return ``sum_i weight_i x_i x_i'``, shape (n_coordinates, n_coordinates).

        Parameters
        ----------
        weight : ndarray of shape (n_samples,)
            Of either sign.
        """
        core = self.n_features
        out = np.empty((self.n_coordinates, self.n_coordinates))
        if self.is_sparse and (self.has_large_means or self._is_filled()):
            return self._gram_by_dense_blocks(weight)
        if self.is_sparse:
            weighted = self.X.multiply(weight[:, None])
            out[:core, :core] = (self.X.T @ weighted).toarray()
        else:
            out[:core, :core] = _dense_gram(self.X, weight)
        if self.fit_intercept:
            edge = self.adjoint(weight[:, None])[:, 0]
            if self.is_sparse:
                cross = np.outer(edge[:-1], self.shift)
                out[:core, :core] -= cross + cross.T
                out[:core, :core] -= edge[-1] * np.outer(self.shift, self.shift)
            out[-1, :] = out[:, -1] = edge
        return out

    def _gram_by_dense_blocks(self, weight):
        """Return the Gram matrix from centred rows, a dense block at a time."""
        out = np.zeros((self.n_coordinates, self.n_coordinates))
        for index, block in self.blocks(self.n_coordinates):
            out += _dense_gram(block.to_dense(), weight[index])
        return out

    def _is_filled(self):
        """Whether sparse rows are dense enough for dense products to win."""
        return self.X.nnz > FILLED * self.n_samples * self.n_features

    def to_dense(self):
        """Return the matrix of the map, shape (n_samples, n_coordinates)."""
        rows = self.X.toarray() - self.shift if self.is_sparse else self.X
        if not self.fit_intercept:
            return rows
        return np.column_stack([rows, np.ones(self.n_samples)])

    def products(self):
        """Return the products of all pairs of centred rows, without the intercept."""
        if not self.is_sparse:
            return self.X @ self.X.T
        products = (self.X @ self.X.T).toarray()
        along = self.X @ self.shift
        return products - along[:, None] - along + self.shift @ self.shift

    def grams(self, weights):
        """Return the Gram matrices of k weightings at once.

        Parameters
        ----------
        weights : ndarray of shape (n_samples, k)

        Returns
        -------
        ndarray of shape (k, n_coordinates, n_coordinates)
        """
        size = self.n_coordinates
        n_pairs = self.n_samples * size * (size + 1) // 2
        is_many = weights.shape[1] >= MANY_GRAMS
        limit = PAIR_ENTRIES_OF_MANY if is_many else PAIR_ENTRIES
        if not self._keeps_pairs or n_pairs > limit:
            grams = [self.gram(weight) for weight in weights.T]
            return grams[0][None] if len(grams) == 1 else np.stack(grams)
        lower, upper = np.tril_indices(size)
        if self._pairs is None:
            self._pairs = _pair_products(self.to_dense())
        out = np.empty((weights.shape[1], size, size))
        out[:, lower, upper] = out[:, upper, lower] = weights.T @ self._pairs.T
        return out

    def block_gram(self, weights):
        """Return the Gram matrix of rows with a symmetric matrix of weights each.

        Parameters
        ----------
        weights : ndarray of shape (n_samples, k (k + 1) / 2)
            The lower triangles, row by row.

        Returns
        -------
        ndarray of shape (n_coordinates * k, n_coordinates * k)
            In the order of weights (n_coordinates, k).
        """
        k = int(np.sqrt(2 * weights.shape[1]))
        if k == 1:
            return self.grams(weights)[0]
        size = self.n_coordinates
        blocks = np.empty((size, k, size, k))
        grams = self.grams(weights)
        for gram, a, b in zip(grams, *np.tril_indices(k), strict=True):
            blocks[:, a, :, b] = blocks[:, b, :, a] = gram
        return blocks.reshape(size * k, size * k)

    def squared_adjoint(self, weight):
        """Return ``sum_i weight_ik x_ij^2``, the diagonals of k Gram matrices."""
        out = np.zeros((self.n_features, weight.shape[1]))
        copies = 1 if self.is_sparse else BLOCK_ENTRIES // CACHED_ENTRIES
        for index, block in self.blocks(copies * self.n_features):
            squares = block.X.power(2) if self.is_sparse else block.X**2
            out += squares.T @ weight[index]
        if not self.fit_intercept:
            return out
        total = weight.sum(axis=0)
        if self.is_sparse:
            first = np.asarray(self.X.T @ weight)
            out -= 2 * self.shift[:, None] * first - np.outer(self.shift**2, total)
            out = np.maximum(out, 0.0)
        return np.vstack([out, total])

    def mean_squares(self):
        """Return the mean squares of the coordinates, shape (n_coordinates,)."""
        if self._mean_squares is None:
            share = np.full((self.n_samples, 1), 1.0 / self.n_samples)
            self._mean_squares = self.squared_adjoint(share)[:, 0]
        return self._mean_squares

    def second_moments(self, sample_weight):
        """Return the weighted mean squares of the centred features."""
        share = (sample_weight / sample_weight.sum())[:, None]
        with np.errstate(over="ignore", invalid="ignore"):
            return self.squared_adjoint(share)[: self.n_features, 0]

    def take(self, index):
        """Return the rows of an index or slice, centred as these are."""
        other = self._with(self.X[index])
        other._keeps_pairs = False
        return other

    def with_columns(self, X):
        """Return the same rows in other columns, already centred."""
        return self if X is self.X else self._with(X)

    def _with(self, X):
        other = copy.copy(self)
        other.X = X
        other._products = SparseProducts(X) if self.is_sparse else None
        other.n_samples, other.n_features = X.shape
        other._pairs = other._mean_squares = None
        return other

    def blocks(self, entries_per_row):
        """Yield (slice, Rows) blocks so small that temporaries stay bounded."""
        size = max(1, BLOCK_ENTRIES // max(1, entries_per_row))
        for start in range(0, self.n_samples, size):
            rows = slice(start, min(start + size, self.n_samples))
            yield rows, self.take(rows)


def _dense_gram(X, weight):
    with all_threads_for(X.size * X.shape[1]):
        if np.all(weight >= 0.0):
            # A matrix times its own transpose takes half of the work.
            root = X * np.sqrt(weight)[:, None]
            return root.T @ root
        return X.T @ (X * weight[:, None])


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


def sparse_if_mostly_zero(X):
    """Return dense X as a sparse array if its products are faster so, else X itself.

    A sparse product costs about as much per entry as a dense one does per five.
    """
    if sparse.issparse(X) or X.size < MANY_ENTRIES:
        return X
    few = X[:: max(1, len(X) // SAMPLE_ROWS)]
    for part in (few, X):
        if np.count_nonzero(part) > MOSTLY_ZERO * part.size:
            return X
    return sparse.csr_array(X)


def _constant_columns(X):
    """Return the indices of the columns with one value, and these values."""
    if sparse.issparse(X):
        low, high = (end.toarray().ravel() for end in (X.min(axis=0), X.max(axis=0)))
        index = np.flatnonzero(low == high)
        return index, low[index]
    # Few others have the same value in three rows.
    index = np.flatnonzero((X[0] == X[-1]) & (X[0] == X[len(X) // 2]))
    index = index[np.all(X[:, index] == X[0, index], axis=0)]
    return index, X[0, index]
