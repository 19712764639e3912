"""The same subspace by inverses, if products alone would need many steps.

The rational Krylov space (Ruhe 1984) of ``(G + p)^-1 c`` for a sufficiently dense set
of penalties p spans the solutions for all penalties to rounding error, and its size
grows like the logarithm of the condition number. Inverses of a tridiagonal matrix are
nearly free. The cost is one reduction to that form, about a third of an
eigendecomposition.
"""

import numpy as np
from scipy.linalg import eigvalsh_tridiagonal
from scipy.linalg.lapack import dormqr, dpttrf, dpttrs, dsytrd

from ..limits import limits
from .krylov import MIN_RATIO, Subspace

#: Distance of the poles, as natural logs, from the smallest eigenvalue over POLE_MARGIN
#: to POLE_MARGIN times the largest. It reaches `SOLUTION_TOL` down to `MIN_RATIO`.
POLE_STEP, POLE_MARGIN = 0.33, 16.0
#: Residual relative to ``|c| + |G| |w|`` at which a solution is as good as one by a
#: factorization, and the number of penalties at which it is checked.
SOLUTION_TOL, N_LOOKS = 1e-13, 32
#: Number of columns for which LAPACK's workspace is allocated.
WORK_COLUMNS = 64


def rational_subspace(gram, start):
    """Return the space of ``(gram + p)^-1 start`` for all penalties p, or None.

    Parameters
    ----------
    gram : ndarray of shape (m, m)
        Semidefinite.
    start : ndarray of shape (m,)

    Returns
    -------
    Subspace or None
        None for a matrix that is small or whose least eigenvalue is known to few
        digits only.
    """
    size, largest = len(start), np.max(np.abs(start))
    scale = np.max(np.diag(gram))
    if size < limits().rational_size or not (scale > 0 and largest > 0):
        return None
    tridiagonal = _Tridiagonal(gram, scale)
    low, high = tridiagonal.range()
    if not low > MIN_RATIO * high:
        return None
    start = tridiagonal.forward(start / largest)
    n_poles = int(np.ceil(np.log(POLE_MARGIN**2 * high / low) / POLE_STEP))
    basis = np.empty((n_poles + 1, size))
    basis[0] = start / np.linalg.norm(start)
    for step, pole in enumerate(
        np.geomspace(low / POLE_MARGIN, high * POLE_MARGIN, n_poles)
    ):
        new = tridiagonal.inverse(pole)(basis[step])
        # Orthogonalizing twice is enough (Kahan, in Parlett 1980).
        for _ in range(2):
            new -= (basis[: step + 1] @ new) @ basis[: step + 1]
        basis[step + 1] = new / np.linalg.norm(new)
    values, vectors = np.linalg.eigh(tridiagonal.product(basis) @ basis.T)
    basis = vectors.T @ basis
    if not _is_complete(tridiagonal, basis, values, start, (low, high)):
        return None
    return Subspace(tridiagonal.back(basis.T), scale * values)


def _is_complete(tridiagonal, basis, values, start, ends):
    """Whether the solutions in the subspace solve the whole system."""
    low, high = ends
    penalties = np.geomspace(low / POLE_MARGIN**2, high * POLE_MARGIN**2, N_LOOKS)
    penalties[0] = 0.0
    along = basis @ start
    w = (along / (values + penalties[:, None])) @ basis
    image = tridiagonal.product(w) + penalties[:, None] * w
    sizes = np.linalg.norm(start) + (high + penalties) * np.linalg.norm(w, axis=1)
    residuals = np.linalg.norm(start - image, axis=1)
    return values[0] > 0 and np.all(residuals <= SOLUTION_TOL * sizes)


class _Tridiagonal:
    """``Q T Q' = gram / scale``, T tridiagonal.

    Parameters
    ----------
    gram : ndarray of shape (m, m)
    scale : float
        A scale, since squares of very large or small units would over- or underflow.
    """

    def __init__(self, gram, scale):
        self.work = WORK_COLUMNS * len(gram)
        reduced, diagonal, off, tau, _ = dsytrd(gram.T, lower=1, lwork=self.work)
        self.diagonal, self.off, self.tau = diagonal / scale, off / scale, tau
        # Q is a product of these reflectors, as in a QR factorization.
        self.reflectors = np.asfortranarray(reduced[1:, :-1])

    def range(self):
        """Return the least and the largest eigenvalue."""
        last = len(self.diagonal) - 1
        return [
            eigvalsh_tridiagonal(
                self.diagonal, self.off, select="i", select_range=(index, index)
            )[0]
            for index in (0, last)
        ]

    def product(self, rows):
        """Return T applied to every row (k, m)."""
        image = rows * self.diagonal
        image[:, :-1] += rows[:, 1:] * self.off
        image[:, 1:] += rows[:, :-1] * self.off
        return image

    def inverse(self, penalty):
        """Return ``(T + penalty)^-1`` as a function of a vector."""
        factor = dpttrf(self.diagonal + penalty, self.off)[:2]
        return lambda w: dpttrs(*factor, w[:, None])[0][:, 0]

    def forward(self, w):
        """Return ``Q' w`` of a vector (m,)."""
        return self._rotated("T", w[:, None])[:, 0]

    def back(self, columns):
        """Return ``Q`` applied to columns (m, k)."""
        return self._rotated("N", columns)

    def _rotated(self, transpose, columns):
        out = np.array(columns, order="F")
        lower = np.asfortranarray(out[1:])
        out[1:], _, _ = dormqr(
            "L", transpose, self.reflectors, self.tau, lower, self.work
        )
        return out
