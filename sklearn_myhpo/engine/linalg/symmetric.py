"""Dense symmetric matrices: factors, inverses and products."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from ...data.threads import all_threads_for, matmul, one_thread

#: Rows of a symmetric product that are computed at a time.
BLOCK_SIZE = 128
#: Mask of the entries below the diagonal of a block.
_BELOW = np.tri(BLOCK_SIZE, k=-1, dtype=bool)


class SymmetricInverse(NamedTuple):
    """The inverse of ``diag(1 / scale) M diag(1 / scale)``, a function of columns.

    Attributes
    ----------
    scale : ndarray of shape (m, 1)
    factor : ndarray of shape (m, m) or None
        Cholesky factor of M, as LAPACK has it.
    root : ndarray of shape (m, k) or None
        ``root root'`` is the inverse of M where there is no factor.
    """

    scale: np.ndarray
    factor: np.ndarray | None
    root: np.ndarray | None

    def __call__(self, columns):
        """Return the inverse applied to columns (m, k)."""
        scaled = self.scale * columns
        if self.factor is None:
            return self.scale * (self.root @ (self.root.T @ scaled))
        with all_threads_for(self.factor.size * scaled.shape[1]):
            return self.scale * dpotrs(self.factor, scaled, lower=1)[0]

    def log_determinant(self):
        """Return the log determinant of M; None where there is no factor."""
        if self.factor is None:
            return None
        return 2.0 * np.sum(np.log(np.diag(self.factor)))

    def matrix(self):
        """Return the inverse itself, shape (m, m)."""
        if self.factor is None:
            inverse = matmul(self.root, self.root.T)
        else:
            with all_threads_for(len(self.factor) ** 3 / 3):
                inverse = dpotri(self.factor, lower=1)[0].T
            mirror_upper(inverse)
        inverse *= self.scale
        inverse *= self.scale.T
        return inverse


def mirror_upper(matrix):
    """Make a matrix symmetric whose upper triangle is known, in place."""
    for start in range(0, len(matrix), BLOCK_SIZE):
        stop = start + BLOCK_SIZE
        corner = matrix[start:stop, start:stop]
        below = _BELOW[: len(corner), : len(corner)]
        np.copyto(corner, corner.T.copy(), where=below)
        matrix[stop:, start:stop] = matrix[start:stop, stop:].T


def congruence(left, right):
    """Return ``left right``, a product of square matrices known to be symmetric."""
    out = np.empty_like(left)
    for start in range(0, len(left), BLOCK_SIZE):
        stop = start + BLOCK_SIZE
        out[start:stop, :stop] = matmul(left[start:stop], right[:, :stop])
        out[:start, start:stop] = out[start:stop, :start].T
    return out


def symmetric_solver(matrix):
    """Return the inverse of a positive definite matrix as a function of columns.

    The matrix is scaled to a unit diagonal first, so that the accuracy does
    not depend on the units of the features. If rounding errors have made it indefinite,
    its eigenvalues are clipped at the rounding level.
    """
    diagonal = np.maximum(np.diag(matrix), np.finfo(float).tiny)
    scale = 1.0 / np.sqrt(diagonal)[:, None]

    def scaled():
        product = matrix * scale
        product *= scale.T
        return product

    # LAPACK works in place on the transpose, which is the same.
    with all_threads_for(len(matrix) ** 3 / 3):
        factor, failed = dpotrf(scaled().T, lower=1, overwrite_a=1)
    if not failed:
        return SymmetricInverse(scale, factor, None)
    values, vectors = eigh(scaled(), check_finite=False)
    keep = values > len(values) * np.finfo(float).eps * values[-1]
    root = vectors[:, keep] / np.sqrt(values[keep])
    return SymmetricInverse(scale, None, root)


def eigensystem(matrix):
    """Return eigenvalues in increasing order, and eigenvectors as columns."""
    if len(matrix) == 1:
        return matrix[0].copy(), np.ones((1, 1))
    # Divide and conquer is the fastest driver.
    with one_thread():
        return eigh(matrix, driver="evd", check_finite=False)
