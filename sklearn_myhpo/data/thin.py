"""Products of a tall matrix with a few vectors, at the speed of memory.

The general matrix product repacks the matrix first, which for a few vectors costs more
than the product. Vector by vector it reads the matrix where it lies, and in blocks that
a cache holds it reads it once. Large products are shared by threads that each multiply
rows of their own: they wait for each other once, at the end.
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
    if len(shares) == 1:
        return _forward(X, vectors)
    parts = map_threads(lambda rows: _forward(X[rows], vectors), shares)
    return np.concatenate(parts, axis=1)


def _forward(X, vectors):
    if not _is_worth_blocks(X, vectors):
        # Few rows times a large matrix is faster than its transpose.
        return vectors @ X.T
    vectors = np.ascontiguousarray(vectors)
    out = np.empty((len(vectors), len(X)), np.result_type(X, vectors))
    for rows in _blocks(X):
        block = X[rows]
        for vector, image in zip(vectors, out, strict=True):
            np.dot(block, vector, out=image[rows])
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
    if len(shares) == 1:
        return _adjoint(X, vectors)
    return add_all(
        map_threads(lambda rows: _adjoint(X[rows], vectors[:, rows]), shares)
    )


def _shares(X, vectors):
    """Return the rows of every thread, which are one block where one thread will do."""
    n_threads = n_threads_for(len(vectors) * X.size, row_limits().thin_work)
    if n_threads == 1:
        return [slice(len(X))]
    ends = [number * len(X) // n_threads for number in range(n_threads + 1)]
    return [slice(*pair) for pair in pairwise(ends)]


def _adjoint(X, vectors):
    if not _is_worth_blocks(X, vectors):
        return vectors @ X
    vectors = np.ascontiguousarray(vectors)
    out = np.zeros((len(vectors), X.shape[1]), np.result_type(X, vectors))
    for rows in _blocks(X):
        block = X[rows].T
        for vector, image in zip(vectors, out, strict=True):
            image += block @ vector[rows]
    return out


def _is_worth_blocks(X, vectors):
    return (
        1 < len(vectors) <= row_limits().thin_vectors
        and X.nbytes > row_limits().thin_bytes // 8
        and X.dtype == vectors.dtype
    )


def _blocks(X):
    size = max(1, row_limits().thin_bytes // (X.itemsize * X.shape[1]))
    return (slice(start, start + size) for start in range(0, len(X), size))
