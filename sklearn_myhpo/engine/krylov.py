"""The subspace that the ridge solutions of every lambda span.

``(G + p)^-1 c`` lies for every p in the Krylov space of G and c. Where that is small
(well-conditioned features, or few rows) an orthonormal basis of it, in which G is
diagonal, replaces an eigendecomposition (Lanczos 1950).
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal

from .symmetric import eigensystem

#: Residual of ``G w = c`` relative to c at which the space is complete; every
#: penalty makes it smaller.
RESIDUAL_TOL = 1e-14
#: Least eigenvalue relative to the largest; one below is known to few digits only.
MIN_RATIO = 1e-8
#: The same below which an eigenvalue is the rounding of zero.
ZERO_RATIO = 1e-13
#: Share of the dimension beyond which a decomposition is cheaper, and the largest
#: number of steps.
MAX_SHARE, MAX_STEPS = 0.4, 160
#: Steps between two looks at the residual.
CHECK_EVERY = 8


class Subspace(NamedTuple):
    """An orthonormal basis (m, k) in which a matrix is diagonal."""

    basis: np.ndarray
    values: np.ndarray


def krylov_subspace(gram, start):
    """Return the Krylov space of a semidefinite matrix, or None if it is large.

    With full reorthogonalization.

    Parameters
    ----------
    gram : ndarray of shape (m, m)
    start : ndarray of shape (m,)

    Returns
    -------
    Subspace or None
    """
    size = len(start)
    n_steps = min(size, MAX_STEPS, max(CHECK_EVERY, int(MAX_SHARE * size)))
    scale, largest = np.max(np.diag(gram)), np.max(np.abs(start))
    if not (scale > 0 and largest > 0):
        return None
    # Squares of very large or small units would leave the range of numbers.
    gram, new = gram / scale, start / largest
    basis = np.empty((n_steps, size))
    diagonal, off = np.zeros(n_steps), np.zeros(n_steps)
    new = new / np.linalg.norm(new)
    for step in range(n_steps):
        basis[step] = new
        new = gram @ new
        diagonal[step] = new @ basis[step]
        # Twice is enough (Kahan, in Parlett 1980).
        for _ in range(2):
            new -= (basis[: step + 1] @ new) @ basis[: step + 1]
        off[step] = np.linalg.norm(new)
        ended = off[step] <= 4 * np.finfo(float).eps * np.max(diagonal)
        if ended or (step + 1) % CHECK_EVERY == 0 or step + 1 == n_steps:
            values, vectors = eigh_tridiagonal(diagonal[: step + 1], off[:step])
            if not values[0] > MIN_RATIO * values[-1]:
                return None
            residual = off[step] * abs((vectors[-1] / values) @ vectors[0])
            if ended or residual <= RESIDUAL_TOL:
                return Subspace(basis[: step + 1].T @ vectors, scale * values)
        new = new / off[step]
    return None


def range_subspace(gram):
    """Return the range of a semidefinite matrix, or None if that is not clear.

    Parameters
    ----------
    gram : ndarray of shape (m, m)

    Returns
    -------
    Subspace or None
        None where an eigenvalue is neither zero nor well above rounding.
    """
    values, vectors = eigensystem(gram)
    kept = values > MIN_RATIO * values[-1]
    if not kept.any() or np.any(values[~kept] > ZERO_RATIO * values[-1]):
        return None
    return Subspace(vectors[:, kept], values[kept])
