"""Hessians of several splits, solved with together."""

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from .symmetric import symmetric_solver


class StackedSolver:
    """The inverses of symmetric positive definite matrices.

    Every matrix is scaled to a unit diagonal first, so that the accuracy does not depend
    on the units of the features.

    Parameters
    ----------
    matrices : ndarray of shape (k, size, size)
    """

    def __init__(self, matrices):
        diagonals = np.einsum("kii->ki", matrices)
        self._scale = 1.0 / np.sqrt(np.maximum(diagonals, np.finfo(float).tiny))
        scaled = matrices * self._scale[:, :, None]
        scaled *= self._scale[:, None]
        self._factors = []
        for matrix, one in zip(matrices, scaled, strict=True):
            # LAPACK works in place on the transpose, which is the same.
            factor, failed = dpotrf(one.T, lower=1, overwrite_a=1)
            self._factors.append(symmetric_solver(matrix) if failed else factor)

    def solve(self, rights):
        """Return every inverse applied to its right-hand sides (k, ..., m, n_outputs).

        The size of a matrix is m n_outputs.
        """
        columns = rights.reshape(len(rights), -1, self._scale.shape[1])
        columns = columns * self._scale[:, None]
        for own, factor, scale in zip(
            columns, self._factors, self._scale, strict=True
        ):
            if isinstance(factor, np.ndarray):
                own[...] = dpotrs(factor, own.T, lower=1)[0].T
            else:
                own[...] = factor((own / scale).T).T / scale
        columns *= self._scale[:, None]
        return columns.reshape(rights.shape)
