"""Hessians of several splits, inverted together."""

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from ...data.threads import all_threads_for
from .symmetric import symmetric_solver


class StackedSolver:
    """The inverses of symmetric positive definite matrices.

    Every matrix is scaled to a unit diagonal first, so that the accuracy does not
    depend on the units of the features.

    Parameters
    ----------
    matrices : ndarray of shape (k, size, size)
        One for every block of right-hand sides, or one for all.
    """

    def __init__(self, matrices):
        diagonals = np.einsum("kii->ki", matrices)
        self._scale = 1.0 / np.sqrt(np.maximum(diagonals, np.finfo(float).tiny))
        scaled = matrices * self._scale[:, :, None]
        scaled *= self._scale[:, None]
        self._factors = []
        for one in scaled:
            # LAPACK reads the transpose, which is the same.
            with all_threads_for(len(one) ** 3 / 3):
                factor, failed = dpotrf(one.T, lower=1)
            self._factors.append(symmetric_solver(one) if failed else factor)

    def solve(self, rights):
        """Return every inverse applied to its right-hand sides (k, ..., m, n_outputs).

        The size of a matrix is m n_outputs.
        """
        columns = rights.reshape(len(self._factors), -1, self._scale.shape[1])
        columns = columns * self._scale[:, None]
        for own, factor in zip(columns, self._factors, strict=True):
            own[...] = self._inverse(factor, own)
        columns *= self._scale[:, None]
        return columns.reshape(rights.shape)

    def solve_one(self, number, rights):
        """Return one inverse applied to right-hand sides (..., m, n_outputs)."""
        scale = self._scale[number]
        columns = rights.reshape(-1, len(scale)) * scale
        columns = scale * self._inverse(self._factors[number], columns)
        return columns.reshape(rights.shape)

    @staticmethod
    def _inverse(factor, rows):
        """Return the inverse of a scaled matrix applied to rows (k, size)."""
        if isinstance(factor, np.ndarray):
            return dpotrs(factor, rows.T, lower=1)[0].T
        return factor(rows.T).T
