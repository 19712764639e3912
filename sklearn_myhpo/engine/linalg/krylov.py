"""The subspace spanned by the ridge solutions for all lambda.

For every p, ``(G + p)^-1 c`` lies in the Krylov space of G and c. If that is small
(well-conditioned features, or few rows), an orthonormal basis in which G is diagonal
replaces an eigendecomposition (Lanczos 1950).
"""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal

from ..limits import limits
from .symmetric import eigensystem

#: Residual of ``G w = c`` relative to c at which the space is complete. With a penalty
#: the residual is smaller.
COMPLETE_TOL = 1e-14
#: Smallest relative eigenvalue; a smaller one has few correct digits.
MIN_RATIO = 1e-8
#: Relative eigenvalue below which it counts as zero.
ZERO_RATIO = 1e-13
#: Number of steps from which the convergence is extrapolated, and the assumed speed-up
#: beyond that rate.
PROGRESS_STEPS, SOONER = 16, 2.0


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
    share = int(limits().krylov_share * size)
    n_steps = min(size, limits().krylov_steps, max(PROGRESS_STEPS, share))
    scale, largest = np.max(np.diag(gram)), np.max(np.abs(start))
    if not (scale > 0 and largest > 0):
        return None
    basis = np.empty((n_steps, size))
    diagonal, off = np.zeros(n_steps), np.zeros(n_steps)
    new, residuals, pivot = start / largest, [1.0], np.inf
    new /= np.linalg.norm(new)
    for step in range(n_steps):
        basis[step] = new
        new = gram @ new
        # Scaled, because squares of very large or small units would over- or underflow.
        new /= scale
        diagonal[step] = new @ basis[step]
        known = basis[: step + 1]
        # Orthogonalizing twice is enough (Kahan, in Parlett 1980).
        new -= (known @ new) @ known
        new -= (known @ new) @ known
        off[step] = np.linalg.norm(new)
        pivot = diagonal[step] - off[step - 1] ** 2 / pivot
        if not pivot > 0:
            return None
        # The residual follows from the last entry of the inverse of the tridiagonal
        # matrix.
        residuals.append(residuals[-1] * off[step] / pivot)
        ended = off[step] <= 4 * np.finfo(float).eps * np.max(diagonal)
        if ended or residuals[-1] <= COMPLETE_TOL:
            return _diagonal_basis(known, diagonal[: step + 1], off[:step], scale)
        if is_too_slow(residuals, n_steps):
            return None
        new /= off[step]
    return None


def _diagonal_basis(basis, diagonal, off, scale):
    """Return the `Subspace` of Lanczos vectors, if its eigenvalues are known."""
    values, vectors = eigh_tridiagonal(diagonal, off)
    if not values[0] > MIN_RATIO * values[-1]:
        return None
    return Subspace(basis.T @ vectors, scale * values)


def is_too_slow(residuals, n_steps):
    """Whether the rate of the last steps is too slow for the number of steps."""
    done = len(residuals) - 1
    if done % PROGRESS_STEPS:
        return False
    rate = np.log(residuals[-1 - PROGRESS_STEPS] / residuals[-1]) / PROGRESS_STEPS
    left = np.log(residuals[-1] / COMPLETE_TOL)
    return left > SOONER * rate * (n_steps - done)


def range_subspace(gram):
    """Return the range of a semidefinite matrix, or None if rounding hides it.

    Parameters
    ----------
    gram : ndarray of shape (m, m)

    Returns
    -------
    Subspace or None
        None if an eigenvalue is neither zero nor well above rounding error.
    """
    values, vectors = eigensystem(gram)
    kept = values > MIN_RATIO * values[-1]
    if not kept.any() or np.any(values[~kept] > ZERO_RATIO * values[-1]):
        return None
    return Subspace(vectors[:, kept], values[kept])
