"""Hessians of several splits for all values of a shared penalty.

With the penalized coordinates scaled by their penalty, and the others eliminated, ``G +
p F`` is diagonal in the eigenvectors of G for every p, and tridiagonal in a basis that
is found in less than half the time.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy.linalg import lapack

from ...data.blocks import as_slice
from ..limits import limits


def penalty_path(grams, factors):
    """Return the `PenaltyPath` of Gram matrices (k, m, m) and factors (m,)."""
    is_large = grams.shape[1] >= limits().tridiagonal_size
    return (TridiagonalPath if is_large else DiagonalPath)(grams, factors)


class PenaltyPath(ABC):
    """The inverses of ``G_k + p F`` of several splits and all p.

    Right-hand sides may be those of the first splits only.

    Parameters
    ----------
    grams : ndarray of shape (k, m, m)
        Symmetric and positive semidefinite.
    factors : ndarray of shape (m,)
        The diagonal of F; zero for coordinates without a penalty, in which G has an
        inverse.

    Attributes
    ----------
    vectors : ndarray of shape (k, m, q)
        Basis of the weights, in which F is the identity; q coordinates have a penalty.
    """

    def __init__(self, grams, factors):
        # The intercept is the last one: most often all others have a penalty.
        own, free = (as_slice(np.flatnonzero(kind)) for kind in (factors, factors == 0))
        self._free, self._has_free = free, np.any(factors == 0)
        unit = 1.0 / np.sqrt(factors[own])
        has_units = np.any(unit != 1.0)
        inner = _block(grams, own, own)
        if self._has_free:
            self._corner = np.linalg.inv(_block(grams, free, free))
            cross = self._corner @ _block(grams, free, own)
            inner = inner - _block(grams, own, free) @ cross
        if has_units:
            inner = inner * (unit * unit[:, None])
        turned = self._basis(inner)
        if has_units:
            turned *= unit[:, None]
        self.vectors = turned
        if self._has_free:
            self.vectors = np.empty((len(grams), len(factors), len(unit)))
            self.vectors[:, own] = turned
            self.vectors[:, free] = -cross @ turned

    @abstractmethod
    def _basis(self, inner):
        """Keep the form of matrices (k, q, q) in a basis, and return it."""

    @abstractmethod
    def shrunk(self, turned, penalties):
        """Return solutions (k, r, q) of right-hand sides in the basis.

        Parameters
        ----------
        turned : ndarray of shape (k, r, q), or (k, 1, q) for all penalties
        penalties : float or ndarray of shape (r,)
            The p of all right-hand sides, or of each.
        """

    def with_derivatives(self, turned, penalty):
        """Return solutions, and two derivatives in the log of the penalty.

        Parameters
        ----------
        turned : ndarray of shape (k, 1, q)
            Right-hand sides in the basis.
        penalty : float

        Returns
        -------
        ndarray of shape (k, 3, q)
        """
        first = self.shrunk(turned, penalty)
        second = -penalty * self.shrunk(first, penalty)
        third = second - 2.0 * penalty * self.shrunk(second, penalty)
        return np.concatenate([first, second, third], axis=1)

    @abstractmethod
    def freedom(self, penalties):
        """Return the degrees of freedom (k, n) of penalized coordinates.

        Parameters
        ----------
        penalties : ndarray of shape (n,)
        """

    def turned(self, rights):
        """Return right-hand sides (k, ..., m) in the basis."""
        return np.matmul(rights, self.vectors[: len(rights)])

    def back(self, turned):
        """Return weights (k, ..., m) of coordinates (k, ..., q)."""
        return np.matmul(turned, self.vectors[: len(turned)].transpose(0, 2, 1))

    def rest(self, rights):
        """Return the part of solutions (k, ..., m) that no penalty changes."""
        out = np.zeros_like(rights)
        if self._has_free:
            corner = self._corner[: len(rights)]
            out[..., self._free] = np.matmul(rights[..., self._free], corner)
        return out

    def solve(self, rights, penalty):
        """Return ``(G_k + penalty F)^-1`` applied to rows (k, r, m)."""
        found = self.shrunk(self.turned(rights), penalty)
        return self.back(found) + self.rest(rights)


class DiagonalPath(PenaltyPath):
    """Inverses by eigenvectors.

    Attributes
    ----------
    values : ndarray of shape (k, q)
        Eigenvalues.
    """

    def _basis(self, inner):
        values, turned = np.linalg.eigh(inner)
        self.values = np.maximum(values, 0.0)
        return turned

    def shrunk(self, turned, penalties):
        """Return solutions (k, r, q) of right-hand sides in the basis."""
        values = self.values[: len(turned), None]
        return turned / (values + np.reshape(penalties, (-1, 1)))

    def with_derivatives(self, turned, penalty):
        """Return solutions, and two derivatives in the log of the penalty."""
        out = np.empty((len(turned), 3, turned.shape[2]))
        inverse = 1.0 / (self.values[: len(turned)] + penalty)
        share = penalty * inverse
        first, second, third = out.transpose(1, 0, 2)
        np.multiply(turned[:, 0], inverse, out=first)
        np.multiply(first, -share, out=second)
        np.multiply(second, 1.0 - 2.0 * share, out=third)
        return out

    def freedom(self, penalties):
        """Return the degrees of freedom (k, n) of penalized coordinates."""
        values = self.values[:, None]
        return np.sum(values / (values + penalties[:, None]), axis=2)


class TridiagonalPath(PenaltyPath):
    """Inverses by tridiagonal matrices, for many coordinates."""

    def _basis(self, inner):
        size = inner.shape[1]
        self._diagonals = np.empty((len(inner), size))
        self._sides, basis = np.empty((len(inner), size - 1)), np.zeros_like(inner)
        length = int(lapack.dsytrd_lwork(size, lower=1)[0])
        for number, matrix in enumerate(inner):
            found = lapack.dsytrd(matrix, lower=1, lwork=length)
            reflectors, self._diagonals[number], self._sides[number], scales, _ = found
            basis[number, 0, 0] = 1.0
            own = lapack.dorgqr(reflectors[1:, :-1], scales, lwork=length)[0]
            basis[number, 1:, 1:] = own
        # Rounding must not make eigenvalues negative.
        rounding = size * np.finfo(float).eps
        self._diagonals += rounding * np.abs(self._diagonals).max(axis=1, keepdims=True)
        return basis

    def shrunk(self, turned, penalties):
        """Return solutions (k, r, q) of right-hand sides in the basis."""
        penalties = np.ravel(penalties)
        out = np.empty(
            (len(turned), max(turned.shape[1], len(penalties)), turned.shape[2])
        )
        for number, (own, rights) in enumerate(zip(out, turned, strict=True)):
            matrix = self._diagonals[number], self._sides[number]
            if len(penalties) == 1:
                own[...] = _solved(*matrix, penalties[0], rights.T).T
                continue
            for row, penalty in zip(own, penalties, strict=True):
                row[...] = _solved(*matrix, penalty, rights[0])
        return out

    def freedom(self, penalties):
        """Return the degrees of freedom (k, n) of penalized coordinates.

        The diagonal of the inverse follows from the pivots of the eliminations from
        both ends.
        """
        traces = np.array(
            [
                [_trace_of_inverse(diagonal + penalty, side) for penalty in penalties]
                for diagonal, side in zip(self._diagonals, self._sides, strict=True)
            ]
        )
        return self._diagonals.shape[1] - penalties * traces


def _solved(diagonal, side, penalty, rights):
    """Return the solutions of a tridiagonal matrix plus a penalty."""
    *_, found, info = lapack.dptsv(diagonal + penalty, side, rights)
    if info:
        raise np.linalg.LinAlgError
    return found


def _trace_of_inverse(diagonal, side):
    """Return the trace of the inverse of a positive definite tridiagonal matrix."""
    down, _, failed = lapack.dpttrf(diagonal, side)
    up, _, failed_up = lapack.dpttrf(diagonal[::-1], side[::-1])
    if failed or failed_up:
        raise np.linalg.LinAlgError
    return np.sum(1.0 / (down + up[::-1] - diagonal))


def _block(matrices, rows, columns):
    if isinstance(rows, slice) and isinstance(columns, slice):
        return matrices[:, rows, columns]
    return matrices[:, rows][:, :, columns]
