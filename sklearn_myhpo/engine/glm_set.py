"""All splits of a generalized linear model, minimized and solved with together."""

import numpy as np

from .hessian import CG_TOL
from .newton import MAX_ITER, NEWTON_TOL
from .newton_together import NewtonTogether
from .products import ProductHessian, adjoint_all, forward_all, solve_together
from .shared_curvature import DENSE_LIMIT, SharedCurvature
from .split_set import SplitSet

#: Hessians are formed where the right-hand sides of their solves times this are
#: more than the features; else their products are cheaper.
PRODUCTS_PER_SOLVE = 60


class GLMSplitSet(SplitSet):
    """Splits of a generalized linear model on the same rows.

    Every product with X is made for all splits together, and curvature that they
    share preconditions their Hessians.

    Parameters
    ----------
    splits : list of GLMSplit
    """

    def __init__(self, splits):
        super().__init__(splits)
        first = splits[0]
        self.rows, self.loss, self.y = first.rows, first.loss, first.y
        self.counts = first.counts
        self.train_weights = np.stack([split.train_weight for split in splits])
        self.validation_weights = [split.validation_weight for split in splits]
        start = first.start()[-1:] * first.explicit_intercept
        null = self.loss.value(self.y, np.repeat(start, len(self.y), axis=0))
        self.null_losses = np.array([weight @ null for weight in self.train_weights])
        self.shared_curvature = SharedCurvature(
            self.rows,
            self.loss,
            first.n_outputs,
            self.train_weights,
            float(np.linalg.eigvalsh(self.loss.curvature(start)[0])[0]),
            self.counts,
        )

    def minimize(self, lambda_, starts, tol=NEWTON_TOL):
        """Return the exact inner solutions of all splits, from `starts`.

        By Newton's method with directions from conjugate gradients. The error after
        the last step is about `tol`, relative in the norm of the Hessian.
        """
        self.counts.n_inner_solves += len(self.splits)
        newton = NewtonTogether(self, lambda_, np.stack(starts), tol)
        for _ in range(MAX_ITER):
            newton.step()
            if not newton.rest.any():
                break
        weights = list(newton.weights)
        for split, w, raw in zip(self.splits, weights, newton.raw, strict=True):
            split.remember(w, raw.T)
        return weights

    def minimize_full(self, full, lambda_, start, tol=NEWTON_TOL):
        """Return the exact inner solution of the split of all rows, from `start`."""
        alone = GLMSplitSet([full])
        alone.shared_curvature = self.shared_curvature.of_all_rows()
        return alone.minimize(lambda_, [start], tol)[0]

    def gradients(self, raw, row_weights):
        """Return the gradients (k, m, n_outputs) of weighted losses."""
        slopes = np.empty_like(raw)
        for slope, weight, one in zip(slopes, row_weights, raw, strict=True):
            slope[...] = weight * self.loss.gradient(self.y, one.T).T
        return adjoint_all(self.rows, slopes)

    def hessians(self, lambda_, weights):
        """Return the Hessian of every split's L_T at its weights.

        Formed where it is solved with often, else known by its products and near the
        Hessian with shared curvature.
        """
        first = self.splits[0]
        n_solves = PRODUCTS_PER_SOLVE * (1 + first.groups.n_groups)
        size = first.shape[0] * first.n_outputs
        if n_solves > size and size <= DENSE_LIMIT:
            return super().hessians(lambda_, weights)
        if self.shared_curvature.matrix is None:
            self.shared_curvature.renew_if_due(lambda: self.raw(weights), True)
        near = self.shared_curvature.own_hessians(first.penalty(lambda_))
        return [
            split.product_hessian(w, lambda_, own)
            for split, w, own in zip(self.splits, weights, near, strict=True)
        ]

    def raw(self, weights):
        """Return the raw predictions (n_splits, n_outputs, n_samples) of all splits."""
        return np.stack(
            [split.raw(w).T for split, w in zip(self.splits, weights, strict=True)]
        )

    def solve(self, hessians, rights, rtol=CG_TOL):
        """Return the inverse of every Hessian applied to its right-hand sides."""
        if not isinstance(hessians[0], ProductHessian):
            return super().solve(hessians, rights, rtol)
        return [solution.x for solution in solve_together(hessians, rights, rtol)]

    def least_curvature(self):
        """Return the least curvature of the data that is not zero."""
        return self.shared_curvature.least()

    def validation_gradients(self, weights):
        """Return the gradient of every split's L_V at its weights."""
        self.counts.n_validation_gradients += len(weights)
        return list(self.gradients(self.raw(weights), self.validation_weights))

    def inner_residuals(self, lambda_, weights):
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        self.counts.n_train_gradients += len(weights)
        starts = np.stack([split.start() for split in self.splits])
        first = self.gradients(forward_all(self.rows, starts), self.train_weights)
        last = self.gradients(self.raw(weights), self.train_weights)
        last += self.splits[0].penalty(lambda_) * np.stack(weights)
        scale, sizes = (np.linalg.norm(one, axis=(1, 2)) for one in (first, last))
        return np.divide(sizes, scale, out=np.zeros_like(sizes), where=sizes > 0)
