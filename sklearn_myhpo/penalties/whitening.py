"""Coordinates that turn the quadratic penalty of a group into a sum of squares.

A smooth term has weights b of basis functions and a penalty ``b' S b``, which is zero
for some weights: a straight line has no curvature. In these coordinates the term is an
ordinary group with one lambda, beside features for the weights without penalty.
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh

#: Eigenvalues below this, relative to the largest, count as zero.
RTOL = 1e-10


class Whitened(NamedTuple):
    """Weights ``b = penalized u + free v`` with the penalty ``|u|^2``.

    Attributes
    ----------
    penalized : ndarray of shape (m, rank)
        ``penalized' S penalized`` is the identity. Rows (n, m) times this are the
        features of the group.
    free : ndarray of shape (m, m - rank)
        Orthonormal basis of the null space of S. Rows times this are features of
        another group, or unpenalized features.
    """

    penalized: np.ndarray
    free: np.ndarray


def whiten(penalty, gram=None, *, rtol=RTOL):
    """Return coordinates in which a penalty matrix is the identity on its range.

    The two parts are orthogonal over rows: with the Gram matrix G of the rows,
    ``free' G penalized`` is zero. So the penalized part cannot replace the free part.
    Only the penalized part depends on G.

    Parameters
    ----------
    penalty : ndarray of shape (m, m)
        S, symmetric and positive semidefinite.
    gram : ndarray of shape (m, m), default=None
        G, the second moments of rows in the basis functions; None for the identity.
    rtol : float, default=1e-10
        Eigenvalues of S below this, relative to the largest, count as zero.

    Returns
    -------
    Whitened

    Raises
    ------
    ValueError
        If S or G is not a symmetric matrix of finite numbers, S is not positive
        semidefinite, or they differ in size.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_myhpo.penalties.whitening import whiten
    >>> difference = np.diff(np.eye(5), 2, axis=0)
    >>> penalized, free = whiten(difference.T @ difference)
    >>> penalized.shape, free.shape
    ((5, 3), (5, 2))
    """
    penalty = _checked(penalty, "penalty")
    size = np.abs(np.diag(penalty)).max(initial=0.0)
    values, vectors = eigh(penalty / (size or 1.0))
    if len(values) and values[0] < -rtol * max(values[-1], 0.0):
        raise ValueError(
            "penalty must be positive semidefinite, but it has the eigenvalue "
            f"{size * values[0]:.3g}, the largest being {size * values[-1]:.3g}."
        )
    in_range = values > rtol * max(values.max(initial=0.0), 0.0)
    free = vectors[:, ~in_range]
    penalized = vectors[:, in_range] / np.sqrt(size * values[in_range])
    if gram is not None:
        gram = _checked(gram, "gram")
        if gram.shape != penalty.shape:
            raise ValueError(
                f"gram has the shape {gram.shape}, but penalty {penalty.shape}; both "
                "need one row and column per basis function."
            )
        along = free.T @ gram
        penalized = penalized - free @ (
            np.linalg.pinv(along @ free) @ along @ penalized
        )
    return Whitened(penalized, free)


def _checked(matrix, name):
    """Return a symmetric matrix of finite numbers."""
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"{name} must be a square matrix, got shape {matrix.shape}.")
    if not np.all(np.isfinite(matrix)):
        raise ValueError(f"{name} has entries that are NaN or infinite.")
    if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-12 * np.abs(matrix).max()):
        raise ValueError(f"{name} must be symmetric.")
    return 0.5 * (matrix + matrix.T)
