"""All splits of a generalized linear model, minimized and solved with together."""

from functools import cached_property

import numpy as np

from ...data.blocks import rows_of_one
from ...data.shared_rows import SharedRows
from ..linalg.hessian import CG_TOL
from ..linalg.newton import NEWTON_MAX_ITER, NEWTON_TOL
from ..split_set import SplitSet
from .continuation import minimize_through
from .near_hessian import NearHessian, curvature_in_lambda
from .newton_together import NewtonTogether
from .products import ProductHessian, solve_together
from .shared_curvature import SharedCurvature
from .split import HeldOut


class GLMSplitSet(SplitSet):
    """Splits of a generalized linear model on the same rows.

    Every product with X is computed for all splits together. The preconditioner of
    their Hessians is a matrix that they share (`SharedCurvature`).

    Parameters
    ----------
    splits : list of GLMSplit
    parts : RowParts
        How they divide the rows.
    plan : Plan
    rows : SplitRows, optional
        The rows, in the coordinates of each split; by default all splits have the same.
    """

    def __init__(self, splits, parts, plan, rows=None):
        super().__init__(splits)
        first = splits[0]
        self.rows = SharedRows(first.rows, len(splits)) if rows is None else rows
        self.loss, self.y = first.loss, first.y
        self.counts, self.parts, self.plan = first.counts, parts, plan
        self.train_weights = rows_of_one([split.train_weight for split in splits])
        self._shares_penalty = all(
            split.penalty_scale is None and split.pinning is first.pinning
            for split in splits
        )
        self.shared_curvature = SharedCurvature(self, first.null_raw()[None])

    @cached_property
    def null_losses(self):
        """The data terms of the splits at the first one's model without features."""
        start = self.splits[0].null_raw()[None]
        null = self.loss.value(self.y, np.repeat(start, len(self.y), axis=0))
        return self.train_weights @ null

    @property
    def prefers_inverse(self):
        """Whether curvature in lambda is cheaper from inverses than from responses."""
        return self.plan.curvature_by == "inverses"

    @property
    def prefers_products(self):
        """Whether there are too many lambdas for a response of the weights to each."""
        return self.plan.curvature_by == "products"

    def thinned(self, index):
        """Return the splits of some rows; None if they are not like all rows.

        A part or a class may have none of them, or a loss no best constant.

        Parameters
        ----------
        index : ndarray of int
            Increasing.

        Returns
        -------
        GLMSplitSet or None
        """
        parts, y = self.parts.take(index), self.y[index]
        rows, plan, splits = self.rows.take(index), self.plan.of_rows(len(index)), []
        for number, split in enumerate(self.splits):
            train, held_out = parts.weights(number)
            if not (train.any() and held_out.any()):
                return None
            if not self.loss.has_constant(y, train):
                return None
            if self.loss.y_range is None:
                before = np.unique(self.y[split.train_weight > 0])
                if not np.array_equal(before, np.unique(y[train > 0])):
                    return None
            own = train / train.sum(), HeldOut.of(held_out)
            splits.append(split.of_rows(rows.of(number), y, *own, plan))
        return type(self)(splits, parts, plan, rows)

    def minimize(self, lambda_, starts, tol=NEWTON_TOL):
        """Return the exact inner solutions of all splits, from `starts`.

        By Newton's method with directions from conjugate gradients. The error after
        the last step is about `tol`, relative in the norm of the Hessian.
        """
        self.counts.n_inner_solves += len(self.splits)

        def run(at, weights, tol=tol):
            newton = NewtonTogether(self, at, weights, tol)
            for _ in range(NEWTON_MAX_ITER):
                newton.step()
                if not newton.rest.any():
                    break
            return newton.weights, newton.raw, np.count_nonzero(newton.rest)

        weights, raw = minimize_through(run, self, lambda_, np.stack(starts))
        for split, w, own in zip(self.splits, weights, raw, strict=True):
            split.remember(w, own.T)
        return list(weights)

    def minimize_full(self, full, lambda_, start, tol=NEWTON_TOL):
        """Return the exact inner solution of the split of all rows, from `start`."""
        alone = type(self)([full], None, self.plan.of_splits(1))
        alone.shared_curvature.adopt(self.shared_curvature)
        return alone.minimize(lambda_, [start], tol)[0]

    def penalties(self, lambda_):
        """Return the penalty of every split, shape (n_splits, m, 1)."""
        if self._shares_penalty:
            own = self.splits[0].penalty(lambda_)
            return np.broadcast_to(own, (len(self.splits), *own.shape))
        return np.stack([split.penalty(lambda_) for split in self.splits])

    def gradients(self, raw, row_weights, owners=None):
        """Return the gradients (k, m, n_outputs) of weighted losses.

        Of the splits `owners`; None for one of each.
        """
        slopes = np.empty_like(raw)
        for slope, weight, one in zip(slopes, row_weights, raw, strict=True):
            slope[...] = weight * self.loss.gradient(self.y, one.T).T
        found = self.rows.adjoint(slopes, owners)
        if not np.all(np.isfinite(found)):
            # Other rows may be infinite, and zero times infinity is no number.
            for slope, weight in zip(slopes, row_weights, strict=True):
                slope[:, weight == 0] = 0.0
            found = self.rows.adjoint(slopes, owners)
        return found

    def hessians(self, lambda_, weights):
        """Return the Hessian of every split's L_T at its weights.

        Formed where many solves need it. Otherwise known by its products, with the
        Hessian of shared curvature as preconditioner.
        """
        if self.plan.shares_hessians:
            return self._near_hessians(lambda_, weights)
        if self.plan.forms_hessians:
            return super().hessians(lambda_, weights)
        if self.shared_curvature.matrix is None:
            self.shared_curvature.renew_if_due(lambda: self.raw(weights), True)
        near = self.shared_curvature.own_hessians(self.penalties(lambda_))
        found = [
            split.product_hessian(w, lambda_, own)
            for split, w, own in zip(self.splits, weights, near, strict=True)
        ]
        return [self.among(number, one) for number, one in enumerate(found)]

    def hessians_near(self, lambda_, weights, hessians):
        """Return Hessians by products, with nearby matrices as preconditioners."""
        if isinstance(hessians[0], ProductHessian):
            return self.hessians(lambda_, weights)
        found = [
            split.product_hessian(w, lambda_, near)
            for split, w, near in zip(self.splits, weights, hessians, strict=True)
        ]
        return [self.among(number, one) for number, one in enumerate(found)]

    def among(self, number, hessian):
        """Return the Hessian of a split, for solves of all splits together."""
        if not self.rows.are_shared:
            hessian.among = self.rows, number
        return hessian

    def _near_hessians(self, lambda_, weights):
        """Return Hessians by their products, with a matrix near each of them."""
        self.shared_curvature.renew_if_changed(self.raw(weights))
        return [
            split.product_hessian(w, lambda_, NearHessian(matrix, penalty, self.counts))
            for split, w, penalty, matrix in zip(
                self.splits,
                weights,
                self.penalties(lambda_),
                self.shared_curvature.own_matrices(),
                strict=True,
            )
        ]

    def curvatures_in_lambda(self, lambda_, weights, hessians, adjoints, shares):
        """Return the `LambdaCurvature` of every split, from Hessians near theirs.

        The change of the Hessian along the adjoint is the mean over the splits. The
        responses of the weights are nearly equal in all splits, the adjoints are not.
        """
        bend = self._weighted_gram(self._mean_third(weights, adjoints, shares))
        curvatures = []
        for split, w, hessian, adjoint in zip(
            self.splits, weights, hessians, adjoints, strict=True
        ):
            index, weight = split.held_out
            raw = np.take(split.raw(w), index, axis=0)
            own = self.loss.curvature(self.y[index], raw)
            curvature = np.zeros((len(self.y), *own.shape[1:]))
            curvature[index] = weight[:, None, None] * own
            gram = self._weighted_gram(curvature)
            own = curvature_in_lambda(
                split, hessian.near, (gram, bend), lambda_, w, adjoint
            )
            curvatures.append(own)
        return curvatures

    def _weighted_gram(self, curvature):
        """Return ``X' C X``, C the curvature (n_samples, ...) times row weights."""
        lower, upper = np.tril_indices(curvature.shape[1])
        return self.rows.of(0).block_gram(curvature[:, lower, upper])

    def _mean_third(self, weights, adjoints, shares):
        """Return the mean change of curvature (n_samples, ...) along the adjoints."""
        along = self.rows.forward(np.stack(adjoints))
        total = 0.0
        for split, share, w, one in zip(
            self.splits, shares, weights, along, strict=True
        ):
            change = self.loss.curvature_slope(self.y, split.raw(w), one.T)
            total = total + (share * split.train_weight)[:, None, None] * change
        return total

    def own_curvatures(self, hessians):
        """Return the curvature of every split's L_T along every coordinate."""
        return [hessian.own_curvature() for hessian in hessians]

    def bends(self, weights, adjoints, moves):
        """Return the change of the slopes by moves of the weights.

        Parameters
        ----------
        weights, adjoints, moves : list of ndarray of shape (m, n_outputs)

        Returns
        -------
        validation : list of ndarray
            The Hessian of L_V applied to the move, of every split.
        train : list of ndarray
            The change of the Hessian of L_T along the move, applied to the adjoint.
        """
        alongs = self.rows.forward(np.stack(adjoints))
        images = self.rows.forward(np.stack(moves))
        slopes = np.empty((2, *images.shape))
        for number, (split, w) in enumerate(zip(self.splits, weights, strict=True)):
            at, along = (self.y, split.raw(w)), alongs[number].T
            image = images[number].T[None]
            bent = self.loss.curvature_product(*at, image)[0]
            slopes[0, number] = split.validation_weight * bent.T
            third = self.loss.third_product(*at, along, image)[0]
            slopes[1, number] = split.train_weight * third.T
        owners = np.tile(np.arange(len(self.splits)), 2)
        both = self.rows.adjoint(slopes.reshape(-1, *images.shape[1:]), owners)
        return list(both[: len(moves)]), list(both[len(moves) :])

    def responses_by_inverse(self, lambda_, weights, hessians):
        """Return the derivative J of all weights, by Hessians near theirs."""
        return [
            hessian.near.solve(-split.scatter_by_group(split.penalty(lambda_) * w))
            for split, w, hessian in zip(self.splits, weights, hessians, strict=True)
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

    def solutions(self, hessians, rights, rtol=CG_TOL, product=0.0, guesses=None):
        """Return the `Solution` of every Hessian for its right-hand sides.

        With raw predictions where they take no more memory than the rows.
        """
        if not isinstance(hessians[0], ProductHessian):
            return super().solutions(hessians, rights, rtol)
        n_entries = sum(right.size for right in rights) // len(rights[0][0])
        most = self.plan.limits.raw_entries // len(self.y)
        if not self.rows.of(0).is_beyond_memory:
            most = max(self.rows.n_features, most)
        few = n_entries <= most
        return solve_together(hessians, rights, rtol, guesses=guesses, with_raw=few)

    def least_curvature(self):
        """Return the smallest nonzero curvature of the data."""
        return self.shared_curvature.least()

    def null_validation_losses(self):
        """Return the validation loss of every split's model without features."""
        self.counts.n_values += len(self.splits)
        losses = []
        for split in self.splits:
            index, weight = split.held_out
            start = split.null_raw()
            raw = np.broadcast_to(start, (len(index), len(start)))
            losses.append(weight @ self.loss.value(self.y[index], raw))
        return losses

    def validation_gradients(self, weights):
        """Return the gradient of every split's L_V at its weights."""
        self.counts.n_validation_gradients += len(weights)
        row_weights = [split.validation_weight for split in self.splits]
        return list(self.gradients(self.raw(weights), row_weights))

    def inner_residuals(self, lambda_, weights):
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        self.counts.n_train_gradients += len(weights)
        last = self.gradients(self.raw(weights), self.train_weights)
        return self._relative(self._null_gradients(), last, lambda_, weights)

    def _null_gradients(self):
        """Return the gradients of every split's L_T of its model without features."""
        starts = np.stack([split.null_raw() for split in self.splits])[:, :, None]
        raw = np.broadcast_to(starts, (*starts.shape[:2], len(self.y)))
        return self.gradients(raw, self.train_weights)

    def _relative(self, first, last, lambda_, weights):
        """Return the sizes of gradients of L_T relative to those at the start."""
        last = last + self.penalties(lambda_) * np.stack(weights)
        scale, sizes = (np.linalg.norm(one, axis=(1, 2)) for one in (first, last))
        return np.divide(sizes, scale, out=np.zeros_like(sizes), where=sizes > 0)
