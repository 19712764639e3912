"""Hessians of a training loss that are matrices: products, solves and sums."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from .products import weight_diagonal
from .symmetric import congruence, symmetric_solver

#: Relative accuracy of a solve by conjugate gradients.
CG_TOL = 1e-8


class Solution(NamedTuple):
    """Solutions of one Hessian, with residuals and raw predictions.

    Attributes
    ----------
    x : ndarray of shape (..., m, n_outputs)
    residual : ndarray of shape (..., m, n_outputs) or None
        None of solutions that are exact.
    raw : ndarray of shape (..., n_outputs, n_samples) or None
        The raw predictions of `x`, if the solver computed them.
    """

    x: np.ndarray
    residual: np.ndarray | None = None
    raw: np.ndarray | None = None


class Hessian(ABC):
    """A symmetric positive definite operator on weights (..., m, n_outputs)."""

    @abstractmethod
    def product(self, w):
        """Return the operator applied to `w`."""

    @abstractmethod
    def solve(self, w, rtol=CG_TOL):
        """Return the inverse applied to `w`; `rtol` matters to iterative solves."""

    @abstractmethod
    def plus(self, rho, other=None):
        """Return ``self + rho other``; other=None means the identity."""


class DiagonalHessian(Hessian):
    """A diagonal.

    Parameters
    ----------
    diagonal : ndarray of shape (m,) or (m, n_outputs)
        The same for all outputs, or one per output.
    """

    def __init__(self, diagonal):
        self.diagonal = diagonal if diagonal.ndim == 2 else diagonal[:, None]

    def product(self, w):
        """Return the operator applied to `w`."""
        return self.diagonal * w

    def solve(self, w, rtol=CG_TOL):
        """Return the inverse applied to `w`."""
        return w / self.diagonal

    def plus(self, rho, other=None):
        """Return ``self + rho other``."""
        return DiagonalHessian(
            self.diagonal + rho * (1.0 if other is None else other.diagonal)
        )


class DenseHessian(Hessian):
    """A matrix, factored when it is first solved with.

    Parameters
    ----------
    matrix : ndarray
        (m, m) shared by the outputs, or (m n_outputs, m n_outputs) coupling them.
    counts : OracleCounts
        It counts the factorization.
    """

    def __init__(self, matrix, counts):
        self.matrix = matrix
        self.counts = counts
        self._inverse = None

    def _columns(self, w):
        """Return `w` as columns of the matrix, and the shape of `w`."""
        if len(self.matrix) == w.shape[-2]:
            moved = np.moveaxis(w, -2, 0)
            return moved.reshape(len(moved), -1), moved.shape
        return w.reshape(-1, len(self.matrix)).T, None

    def _restore(self, columns, shape, w):
        if shape is not None:
            return np.moveaxis(columns.reshape(shape), 0, -2)
        return columns.T.reshape(w.shape)

    def product(self, w):
        """Return the operator applied to `w`."""
        columns, shape = self._columns(w)
        return self._restore(self.matrix @ columns, shape, w)

    def solve(self, w, rtol=CG_TOL):
        """Return the inverse applied to `w`."""
        columns, shape = self._columns(w)
        return self._restore(self._solver()(columns), shape, w)

    def own_curvature(self):
        """Return the diagonal of the matrix as a column."""
        return np.diag(self.matrix)[:, None]

    def inverse(self):
        """Return the inverse as a matrix."""
        return self._solver().matrix()

    def log_determinant(self):
        """Return that of the matrix in units of its diagonal; None where it has none.

        Rounding may have made the matrix indefinite.
        """
        return self._solver().log_determinant()

    def inverse_and_image(self, matrix):
        """Return the inverse A of this and ``A matrix A``, `matrix` symmetric."""
        inverse = self.inverse()
        return inverse, congruence(inverse, matrix @ inverse)

    def _solver(self):
        if self._inverse is None:
            self.counts.n_factorizations += 1
            self._inverse = symmetric_solver(self.matrix)
        return self._inverse

    def plus(self, rho, other=None):
        """Return ``self + rho other``."""
        if other is None:
            other_matrix = np.eye(len(self.matrix))
        else:
            other_matrix = other.matrix
        return DenseHessian(self.matrix + rho * other_matrix, self.counts)


def penalized_hessian(matrix, penalty, counts):
    """Return the Hessian of a data term plus the penalty, formed in place.

    Parameters
    ----------
    matrix : ndarray of shape (m, m) or (m n_outputs, m n_outputs)
    penalty : ndarray of shape (m, 1) or (m, n_outputs)
        The former if it is the same for all outputs.
    counts : OracleCounts

    Returns
    -------
    DenseHessian
    """
    diagonal = weight_diagonal(penalty, len(matrix) // len(penalty))
    matrix[np.diag_indices_from(matrix)] += diagonal
    return DenseHessian(matrix, counts)
