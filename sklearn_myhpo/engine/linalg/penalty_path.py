"""Hessians of several splits for all values of a shared penalty, by eigenvectors.

With the penalized coordinates scaled by their penalty, and the others eliminated, ``G +
p F`` is diagonal in the eigenvectors of G for every p.
"""

import numpy as np

from ...data.blocks import as_slice


class PenaltyPath:
    """The inverses of ``G_k + p F`` of several splits and all p.

    Parameters
    ----------
    grams : ndarray of shape (k, m, m)
        Symmetric and positive semidefinite.
    factors : ndarray of shape (m,)
        The diagonal of F; zero for coordinates without a penalty, in which G has an
        inverse.

    Attributes
    ----------
    values : ndarray of shape (k, q)
        Eigenvalues; q coordinates have a penalty.
    vectors : ndarray of shape (k, m, q)
        Basis of the weights in which G and F are diagonal.
    """

    def __init__(self, grams, factors):
        # The intercept is the last one: most often all others have a penalty.
        own, free = (as_slice(np.flatnonzero(kind)) for kind in (factors, factors == 0))
        self._free, self._has_free = free, np.any(factors == 0)
        unit = 1.0 / np.sqrt(factors[own])
        inner = _block(grams, own, own)
        self.vectors = np.zeros((len(grams), len(factors), len(unit)))
        if self._has_free:
            self._corner = np.linalg.inv(_block(grams, free, free))
            cross = self._corner @ _block(grams, free, own)
            inner = inner - _block(grams, own, free) @ cross
        if np.any(unit != 1.0):
            inner = inner * (unit * unit[:, None])
        values, turned = np.linalg.eigh(inner)
        self.values = np.maximum(values, 0.0)
        turned *= unit[:, None]
        self.vectors[:, own] = turned
        if self._has_free:
            self.vectors[:, free] = -cross @ turned

    def turned(self, rights):
        """Return right-hand sides (k, ..., m) in the coordinates of the values."""
        return np.matmul(rights, self.vectors)

    def back(self, turned):
        """Return weights (k, ..., m) of coordinates (k, ..., q)."""
        return np.matmul(turned, self.vectors.transpose(0, 2, 1))

    def rest(self, rights):
        """Return the part of solutions (k, ..., m) that no penalty changes."""
        out = np.zeros_like(rights)
        if self._has_free:
            out[..., self._free] = np.matmul(rights[..., self._free], self._corner)
        return out

    def solve(self, rights, penalty):
        """Return ``(G_k + penalty F)^-1`` applied to rows (k, r, m)."""
        turned = self.turned(rights)
        turned /= self.values[:, None] + penalty
        return self.back(turned) + self.rest(rights)


def _block(matrices, rows, columns):
    if isinstance(rows, slice) and isinstance(columns, slice):
        return matrices[:, rows, columns]
    return matrices[:, rows][:, :, columns]
