"""Hessians of all splits at the same raw predictions, multiplied in the same passes."""

from functools import cached_property

import numpy as np

from .products import CG_MAX_ITER, ProductHessian

#: Relative residual that is small enough for a curvature in lambda.
ROUGH = 0.05


class HessiansAt:
    """The Hessians of all splits at their raw predictions.

    Parameters
    ----------
    passes : Passes
    raw : ndarray of shape (n_splits, n_outputs, n_samples)
    penalty : ndarray of shape (n_splits, m, 1)
    solver : StackedSolver
        Of matrices near the Hessians, the preconditioner.
    counts : OracleCounts
    """

    def __init__(self, passes, raw, penalty, solver, counts):
        self.passes, self.raw, self.penalty = passes, raw, penalty
        self.solver, self.counts = solver, counts

    def solve(self, rights, rtols, product=0.0):
        """Return solutions and residuals of right-hand sides (n_splits, k, m, o).

        By conjugate gradients for all in step (Hestenes & Stiefel 1952).

        Parameters
        ----------
        rights : ndarray of shape (n_splits, k, m, n_outputs)
        rtols : float or ndarray of shape (k,)
            Relative residuals, in the norm of the preconditioner.
        product : float
            Stop, whatever `rtols` say, once the product of the residual norm of every
            right-hand side with that of the last one is at most this; 0 for never.
        """
        x, residual = np.zeros_like(rights), rights
        direction = self.solver.solve(residual)
        size = _inner(residual, direction)
        limit, first = size * np.square(rtols), size
        for _ in range(CG_MAX_ITER):
            image = self.passes.products(self.raw, direction)
            image += self.penalty[:, None] * direction
            self.counts.n_hessian_products += direction[..., 0, 0].size
            along = _inner(direction, image)
            step = np.divide(size, along, out=np.zeros_like(size), where=along > 0)
            x = x + step[..., None, None] * direction
            residual = residual - step[..., None, None] * image
            z = self.solver.solve(residual)
            last, size = size, _inner(residual, z)
            rest = size > limit
            if not rest.any() or (product and self._is_enough(size, first, product)):
                self._count_lost(size)
                return x, residual
            ratio = np.divide(size, last, out=np.zeros_like(size), where=last > 0)
            direction = z + ratio[..., None, None] * direction
        self.counts.n_unfinished_solves += int(np.count_nonzero(rest))
        self._count_lost(size)
        return x, residual

    def _count_lost(self, size):
        """Count the solves that ended in no number."""
        lost = np.count_nonzero(~np.isfinite(size))
        self.counts.n_unfinished_solves += int(lost)

    @staticmethod
    def _is_enough(size, first, product):
        """Whether squared residuals, and their products, are small enough."""
        rough = np.all(size <= ROUGH**2 * first)
        return rough and np.all(size[:, :-1] * size[:, -1:] <= product**2)


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
        """Return roughly the inverse applied to `w` (k, m, n_outputs)."""
        return self.at.solver.solve_one(self.number, w)


def _inner(a, b):
    return np.einsum("kvmo,kvmo->kv", a, b)
