"""Hessians of all splits, multiplied in common passes."""

from functools import cached_property

import numpy as np

from .products import CG_MAX_ITER, ProductHessian

#: Largest relative residual of solves for a curvature in lambda.
ROUGH = 0.05


class HessiansAt:
    """The Hessians of all splits at their raw predictions.

    Parameters
    ----------
    passes : Passes
    raw : ndarray of shape (n_splits, n_outputs, n_samples)
    penalty : ndarray of shape (n_splits, m, 1)
    solver : StackedSolver or OwnSolver
        Of matrices near the Hessians, the preconditioner.
    counts : OracleCounts
    """

    def __init__(self, passes, raw, penalty, solver, counts):
        self.passes, self.raw, self.penalty = passes, raw, penalty
        self.solver, self.counts = solver, counts

    def solve(self, rights, rtols, product=0.0, guess=None):
        """Return solutions and residuals of right-hand sides (n_splits, k, m, o).

        By conjugate gradients that iterate together (Hestenes & Stiefel 1952).

        Parameters
        ----------
        rights : ndarray of shape (n_splits, k, m, n_outputs)
        rtols : float or ndarray of shape (k,)
            Relative residuals, in the norm of the preconditioner.
        product : float
            Stop, whatever `rtols` say, once the product of the residual norm of every
            right-hand side with that of the last one is at most this; 0 for never.
        guess : ndarray of shape (n_splits, k, m, n_outputs) or None
            Where to start; None for zeros.
        """
        x, residual = np.zeros_like(rights), rights
        direction = self.solver.solve(residual)
        size = _inner(residual, direction)
        limit, first = size * np.square(rtols), size
        if guess is not None:
            left = rights - self._image(guess)
            z = self.solver.solve(left)
            own = _inner(left, z)
            better = own < size
            size = np.where(better, own, size)
            x, residual, direction = (
                np.where(better[..., None, None], *pair)
                for pair in ((guess, x), (left, residual), (z, direction))
            )
            if self._is_done(size, limit, first, product):
                return x, residual
        for _ in range(CG_MAX_ITER):
            image = self._image(direction)
            along = _inner(direction, image)
            step = np.divide(size, along, out=np.zeros_like(size), where=along > 0)
            x = x + step[..., None, None] * direction
            residual = residual - step[..., None, None] * image
            z = self.solver.solve(residual)
            last, size = size, _inner(residual, z)
            if self._is_done(size, limit, first, product):
                self._count_lost(size)
                return x, residual
            ratio = np.divide(size, last, out=np.zeros_like(size), where=last > 0)
            direction = z + ratio[..., None, None] * direction
        self.counts.n_unfinished_solves += int(np.count_nonzero(size > limit))
        self._count_lost(size)
        return x, residual

    def _count_lost(self, size):
        """Count the solves that ended with NaN."""
        lost = np.count_nonzero(~np.isfinite(size))
        self.counts.n_unfinished_solves += int(lost)

    def _image(self, vectors):
        """Return the Hessians applied to vectors (n_splits, k, m, n_outputs)."""
        self.counts.n_hessian_products += vectors[..., 0, 0].size
        image = self.passes.products(self.raw, vectors)
        return image + self.penalty[:, None] * vectors

    @staticmethod
    def _is_done(size, limit, first, product):
        """Whether squared residuals, or their products, are small enough."""
        if not np.any(size > limit):
            return True
        if not product:
            return False
        rough = np.all(size <= ROUGH**2 * first)
        return rough and np.all(size[:, :-1] * size[:, -1:] <= product**2)


class OwnSolver:
    """Solves with a matrix of every split, as a preconditioner.

    Parameters
    ----------
    hessians : list of DenseHessian
    """

    def __init__(self, hessians):
        self.hessians = hessians

    def solve(self, rights):
        """Return the inverses applied to right-hand sides (n_splits, ..., m, o)."""
        pairs = zip(self.hessians, rights, strict=True)
        return np.stack([hessian.solve(right) for hessian, right in pairs])

    def solve_one(self, number, rights):
        """Return the inverse of a split applied to right-hand sides (..., m, o)."""
        return self.hessians[number].solve(rights)


class FusedHessian(ProductHessian):
    """The Hessian of one split among those of all.

    Parameters
    ----------
    at : HessiansAt
    number : int
        Of the split.
    """

    def __init__(self, at, number):
        self.at, self.number = at, number
        self.rows, self.counts = at.passes.rows.of(number), at.counts
        self.diagonal, self.near = at.penalty[number], None

    @cached_property
    def curvature(self):
        """The curvature (n_samples, n_outputs, n_outputs) times the row weights."""
        passes = self.at.passes
        curvature = passes.loss.curvature(passes.y, self.at.raw[self.number].T)
        return passes.train_weights[self.number][:, None, None] * curvature

    def precondition(self, w):
        """Return the approximate inverse applied to `w` (k, m, n_outputs)."""
        return self.at.solver.solve_one(self.number, w)


def _inner(a, b):
    return np.einsum("kvmo,kvmo->kv", a, b)
