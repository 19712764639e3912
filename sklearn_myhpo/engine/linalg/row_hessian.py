"""Hessians of fewer rows than coordinates, inverted in the space of the rows."""

from functools import cached_property

import numpy as np

from ...data.threads import matmul
from .hessian import CG_TOL, DenseHessian, Hessian
from .symmetric import symmetric_solver

#: Largest curvature of a row relative to the penalties. Beyond it, rounding errors are
#: amplified by more than one refinement step corrects.
MAX_RATIO = 1e10


class RowHessian(Hessian):
    """``rows' rows + diag(penalty)`` by a factor of the size of the rows.

    The identity of Woodbury (1950), with one refinement step, since the inverse is a
    small difference if penalties are weak.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, m)
        Times the roots of their weights.
    penalty : ndarray of shape (m, 1)
        Positive.
    counts : OracleCounts
        It counts the factorization.
    """

    def __init__(self, rows, penalty, counts):
        self.rows, self.penalty, self.counts = rows, penalty, counts

    @cached_property
    def _kernel(self):
        return matmul(self.rows / self.penalty[:, 0], self.rows.T)

    @property
    def is_accurate(self):
        """Whether the penalties are strong enough for this form."""
        return bool(
            np.all(self.penalty > 0)
            and np.max(np.diag(self._kernel), initial=0.0) <= MAX_RATIO
        )

    @cached_property
    def _inverse(self):
        self.counts.n_factorizations += 1
        return symmetric_solver(self._kernel + np.eye(len(self.rows)))

    @property
    def matrix(self):
        """The Hessian as a matrix (m, m)."""
        return matmul(self.rows.T, self.rows) + np.diag(self.penalty[:, 0])

    def product(self, w):
        """Return the operator applied to `w` (..., m, n_outputs)."""
        return self._by_columns(self._product, w)

    def solve(self, w, rtol=CG_TOL):
        """Return the inverse applied to `w` (..., m, n_outputs)."""
        return self._by_columns(self._solve, w)

    def inverse(self):
        """Return the inverse as a matrix (m, m)."""
        return self._solve(np.eye(len(self.penalty)))

    @staticmethod
    def _by_columns(function, w):
        """Apply a function of columns (m, k) to weights (..., m, n_outputs)."""
        moved = np.moveaxis(w, -2, 0)
        columns = function(moved.reshape(len(moved), -1))
        return np.moveaxis(columns.reshape(moved.shape), 0, -2)

    def _product(self, columns):
        return self.rows.T @ (self.rows @ columns) + self.penalty * columns

    def _solve(self, columns):
        found = self._solve_once(columns)
        return found + self._solve_once(columns - self._product(found))

    def _solve_once(self, columns):
        own = columns / self.penalty
        return own - (self.rows.T @ self._inverse(self.rows @ own)) / self.penalty

    def plus(self, rho, other=None):
        """Return ``self + rho other``."""
        if other is None:
            return RowHessian(self.rows, self.penalty + rho, self.counts)
        if isinstance(other, RowHessian) and other.rows is self.rows:
            rows = np.sqrt(1.0 + rho) * self.rows
            return RowHessian(rows, self.penalty + rho * other.penalty, self.counts)
        return DenseHessian(self.matrix + rho * other.matrix, self.counts)
