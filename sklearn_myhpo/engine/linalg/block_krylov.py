"""The subspace spanned by the ridge solutions of several targets for all lambda.

As in `krylov.py`, with a block of vectors instead of one (Golub & Underwood 1977).
"""

from itertools import pairwise

import numpy as np
from scipy.linalg import LinAlgError, block_diag, cho_factor, cho_solve, eigh

from ..limits import limits
from .krylov import (
    COMPLETE_TOL,
    MIN_RATIO,
    PROGRESS_STEPS,
    Subspace,
    is_too_slow,
)

#: Targets per row beyond which no space of few dimensions is looked for.
MOST_STARTS = 0.5


def block_krylov_subspace(gram, starts):
    """Return the Krylov space of a semidefinite matrix, or None if it is large.

    With full reorthogonalization.

    Parameters
    ----------
    gram : ndarray of shape (m, m)
    starts : ndarray of shape (m, n_targets)
        They may be linearly dependent or zero.

    Returns
    -------
    Subspace or None
    """
    scale, largest = np.max(np.diag(gram)), np.max(np.abs(starts), axis=0)
    starts = starts[:, largest > 0] / largest[largest > 0]
    if not (scale > 0 and starts.size):
        return None
    if starts.shape[1] > MOST_STARTS * len(gram):
        # Even to see whether they depend on each other would cost as much.
        return None
    new, rest = _orthonormal(starts / np.linalg.norm(starts, axis=0), COMPLETE_TOL)
    most = int(limits().krylov_share * len(gram))
    n_steps = most // new.shape[1]
    if n_steps < PROGRESS_STEPS:
        return None
    basis, known = np.empty((most, len(gram))), 0
    diagonal, off, residuals, pivot = [], [], [1.0], None
    for _ in range(n_steps):
        basis[known : known + new.shape[1]] = new.T
        known += new.shape[1]
        image = gram @ new
        # Scaled, because squares of very large or small units would over- or underflow.
        image /= scale
        diagonal.append(new.T @ image)
        pivot = diagonal[-1] if pivot is None else diagonal[-1] - _drop(pivot, off[-1])
        pivot = _factor(pivot)
        if pivot is None:
            return None
        # Orthogonalizing twice is enough (Kahan, in Parlett 1980).
        image -= basis[:known].T @ (basis[:known] @ image)
        image -= basis[:known].T @ (basis[:known] @ image)
        ended = 4 * np.finfo(float).eps * np.max(np.diag(diagonal[0]))
        new, coupling = _orthonormal(image, 0.0, ended)
        # The residual follows from the last block of the solution of the block
        # tridiagonal system.
        rest = coupling @ cho_solve(pivot, rest)
        residuals.append(np.max(np.linalg.norm(rest, axis=0), initial=0.0))
        if not new.size or residuals[-1] <= COMPLETE_TOL:
            return _diagonal_basis(basis[:known], diagonal, off, scale)
        if is_too_slow(residuals, n_steps):
            return None
        off.append(coupling)
    return None


def _orthonormal(columns, ratio, floor=0.0):
    """Return an orthonormal basis Q of columns, and R with ``Q R`` the columns.

    Without directions below the share `ratio` of the largest, or below `floor`.
    """
    left, singular, right = np.linalg.svd(columns, full_matrices=False)
    kept = singular > max(ratio * singular[0], floor)
    return left[:, kept], singular[kept, None] * right[kept]


def _factor(pivot):
    """Return the Cholesky factor of a pivot, or None if it is not positive."""
    try:
        return cho_factor(pivot, check_finite=False)
    except LinAlgError:
        return None


def _drop(pivot, coupling):
    """Return what the elimination of a block takes from the next one."""
    return coupling @ cho_solve(pivot, coupling.T)


def _diagonal_basis(basis, diagonal, off, scale):
    """Return the `Subspace` of Lanczos vectors, if its eigenvalues are known."""
    matrix = block_diag(*diagonal)
    ends = np.cumsum([0, *(len(block) for block in diagonal)])
    for (start, stop), coupling in zip(pairwise(ends), off, strict=False):
        matrix[stop : stop + len(coupling), start:stop] = coupling
    values, vectors = eigh(matrix, driver="evd", check_finite=False)
    if not values[0] > MIN_RATIO * values[-1]:
        return None
    return Subspace(basis.T @ vectors, scale * values)
