"""Products of a tall matrix with a few vectors, at the speed of memory.

The general matrix product repacks the matrix first, which for a few vectors costs more
than the product. Vector by vector, the matrix is read in place, and in blocks that fit
in a cache it is read once. In large products every thread multiplies its own rows, and
the threads wait for each other once, at the end.
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
        # A few rows times a large matrix is faster than the transposed product.
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
    """Return the rows of every thread; one block if one thread is enough."""
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
    # Of narrow rows the call for every vector costs more than the packing.
    return (
        1 < len(vectors) <= row_limits().thin_vectors
        and X.shape[1] >= row_limits().thin_features
        and X.nbytes > row_limits().thin_bytes // 8
        and X.dtype == vectors.dtype
    )


def _blocks(X):
    size = max(1, row_limits().thin_bytes // (X.itemsize * X.shape[1]))
    return (slice(start, start + size) for start in range(0, len(X), size))
