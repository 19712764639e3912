"""Products of a tall matrix with a few vectors, at the speed of memory.

The general matrix product repacks the matrix first, which for a few vectors costs more
than the product. A product of few rows is made in place, and so the matrix is
multiplied a few rows at a time. Where these would be too few, vector by vector reads it
in place too. In large products every thread multiplies its own rows, and the threads
wait for each other once, at the end.
"""

from itertools import pairwise

import numpy as np

from .blocks import add_all
from .limits import row_limits
from .threads import map_threads, n_threads_for


def forward_thin(X, vectors):
    """Return the products of X with vectors.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    vectors : ndarray of shape (k, n_features)

    Returns
    -------
    ndarray of shape (k, n_samples)
    """
    shares = _shares(X, vectors)
    if shares is None:
        return _forward(X, vectors)
    parts = map_threads(lambda rows: _forward(X[rows], vectors), shares)
    return np.concatenate(parts, axis=1)


def _forward(X, vectors):
    if len(vectors) == 1 or X.dtype != vectors.dtype:
        return vectors @ X.T
    # In place, vectors are read entry by entry.
    vectors = np.asfortranarray(vectors)
    size = _small_rows(vectors.size)
    is_in_rows = X.strides[1] == X.itemsize
    if not (is_in_rows and row_limits().least_small_rows <= size < len(X)):
        # A few rows times a large matrix is faster than the transposed product.
        return vectors @ X.T
    out = np.empty((len(vectors), len(X)), X.dtype)
    for rows in _blocks(X, size):
        np.matmul(vectors, X[rows].T, out=out[:, rows])
    return out


def adjoint_thin(X, vectors):
    """Return the products of the transpose of X with vectors.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    vectors : ndarray of shape (k, n_samples)

    Returns
    -------
    ndarray of shape (k, n_features)
    """
    shares = _shares(X, vectors)
    if shares is None:
        return _adjoint(X, vectors)
    return add_all(
        map_threads(lambda rows: _adjoint(X[rows], vectors[:, rows]), shares)
    )


def _shares(X, vectors):
    """Return the rows of every thread; None if one thread is enough."""
    work, small = len(vectors) * X.size, row_limits().thin_work
    n_threads = 1 if work <= small else n_threads_for(work, small)
    if n_threads == 1:
        return None
    ends = [number * len(X) // n_threads for number in range(n_threads + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def _adjoint(X, vectors):
    limits, n_features = row_limits(), X.shape[1]
    if len(vectors) == 1 or X.dtype != vectors.dtype:
        return vectors @ X
    if n_features < limits.thin_features:
        size = _small_rows(len(vectors) * n_features)
        if limits.least_small_rows <= size < len(X):
            return sum(vectors[:, rows] @ X[rows] for rows in _blocks(X, size))
    elif len(vectors) <= limits.thin_vectors and X.nbytes > limits.thin_bytes // 8:
        return _one_by_one(X, vectors)
    return vectors @ X


def _one_by_one(X, vectors):
    """Return the products of the transpose of X with every vector alone."""
    vectors = np.ascontiguousarray(vectors)
    out = np.zeros((len(vectors), X.shape[1]), X.dtype)
    for rows in _blocks(X, row_limits().thin_bytes // (X.itemsize * X.shape[1])):
        block = X[rows].T
        for vector, image in zip(vectors, out, strict=True):
            image += block @ vector[rows]
    return out


def _small_rows(work_per_row):
    """Return how many rows make a small product, of some multiplications each."""
    return row_limits().small_product // max(1, work_per_row)


def _blocks(X, size):
    size = max(1, size)
    return (slice(start, start + size) for start in range(0, len(X), size))
