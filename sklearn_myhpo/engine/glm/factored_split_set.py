"""All splits of a generalized linear model whose Hessians are factored."""

import numpy as np

from ...data.blocks import sums_by_label
from ..linalg.hessian import CG_TOL, DenseHessian, Solution
from ..linalg.newton import NEWTON_TOL
from .factored_curvature import FactoredCurvature
from .factored_newton import minimize_factored
from .fused_hessian import FusedHessian, HessiansAt, OwnSolver
from .part_sums import PartSums
from .passes import HeldOutWeights, Passes
from .quadratic_model import QuadraticModels
from .split_set import GLMSplitSet

#: Tolerance of the weights about which the splits are expanded.
MODEL_TOL = 1e-2


class FactoredSplitSet(GLMSplitSet):
    """Splits whose Hessians are small enough to be factored.

    Parameters
    ----------
    splits, parts, plan, rows
        As in `GLMSplitSet`.
    """

    #: Stricter than for other sets, whose weights are a step ahead of the known error.
    rough_tol = 0.01
    keeps_slopes = True

    def __init__(self, splits, parts, plan, rows=None):
        super().__init__(splits, parts, plan, rows)
        held_out = HeldOutWeights([split.held_out for split in splits], len(self.y))
        given = self.rows, self.loss, self.y, self.train_weights, held_out
        self.passes = Passes(*given)
        self.factored_curvature = FactoredCurvature(
            self.passes, self.shared_curvature, plan, self.counts
        )
        self._weights = self._given = self._raw = self._slopes = self._losses = None
        # Raw predictions, and the validation losses and their gradients there.
        self._held_out, self._null = {}, None

    @property
    def makes_models(self):
        """Whether held-out rows are a union of parts, whose moments are known."""
        return self.shared_curvature.parts.held_out_shares is not None

    @property
    def makes_near_models(self):
        """Whether sums over all training and held-out parts take one visit of the rows.

        Those of one split do, whichever rows it holds out.
        """
        return self.makes_models or len(self.splits) == 1

    def slopes(self, weights):
        """Return the `Slopes` at weights; the last ones are cached.

        Parameters
        ----------
        weights : list of ndarray of shape (m, n_outputs), or one array of all
        """
        if not self._knows_slopes(weights):
            self.counts.n_train_gradients += len(weights)
            self.counts.n_values += len(weights)
            return self.passes.slopes(np.stack(weights))
        self.raw(weights)
        return self._slopes

    def _knows_slopes(self, weights):
        """Whether the slopes at weights are known."""
        return self._slopes is not None and self._knows(weights)

    def raw(self, weights):
        """Return the raw predictions (n_splits, n_outputs, n_samples) of all splits."""
        is_known = self._knows(weights)
        if is_known and self._raw is not None:
            return self._raw
        stacked = np.stack(weights)
        raw = self.rows.forward(stacked)
        if is_known:
            self._raw, self._slopes = raw, self._slopes._replace(raw=raw)
        else:
            self._keep(stacked, raw, None)
        return self._raw

    def _knows(self, weights):
        """Whether weights are the last ones; the same list needs no comparison."""
        if weights is self._given or self._weights is None:
            return self._weights is not None
        if isinstance(weights, np.ndarray):
            return np.array_equal(self._weights, weights)
        return all(map(np.array_equal, self._weights, weights))

    def keep(self, weights, at, held_out_losses=None):
        """Keep weights (n_splits, m, n_outputs) with their `Slopes`.

        And with the validation losses there, where they are known. Raw predictions are
        computed when they are asked for, where the slopes have none.

        Returns
        -------
        list of ndarray of shape (m, n_outputs)
            The weights.
        """
        if at.raw is not None:
            for split, w, own in zip(self.splits, weights, at.raw, strict=True):
                split.remember(w, own.T)
        return self._keep(weights, at.raw, at, held_out_losses)

    def _keep(self, weights, raw, slopes, losses=None):
        """Cache raw predictions, `Slopes`, and validation losses, as far as known.

        Returns
        -------
        list of ndarray of shape (m, n_outputs)
            The weights.
        """
        self._weights, self._given = weights, list(weights)
        self._raw, self._slopes, self._losses = raw, slopes, losses
        return self._given

    def minimize(self, lambda_, starts, tol=NEWTON_TOL):
        """Return the exact inner solutions of all splits, from `starts`."""
        self.counts.n_inner_solves += len(self.splits)
        weights, at = minimize_factored(self, lambda_, np.stack(starts), tol)
        if at is None:
            return list(weights)
        return self.keep(weights, at)

    def quadratic_models(self, full, lambda_, weights, fewer):
        """Return second-order models of the splits about the solution of all rows.

        Parameters
        ----------
        full : GLMSplit
            All rows.
        lambda_ : ndarray of shape (n_groups,)
        weights : ndarray of shape (m, n_outputs)
            Near the solution.
        fewer : GLMSplitSet
            The splits of a sample of the rows; its matrices serve the solution.

        Returns
        -------
        QuadraticModels or None
            None where there are none.
        """
        if not self.makes_models:
            return None
        alone = FactoredSplitSet([full], None, self.plan.of_splits(1))
        alone.shared_curvature.adopt(fewer.shared_curvature)
        (found,) = alone.minimize(lambda_, [weights], MODEL_TOL)
        return QuadraticModels(self, found, alone.raw([found])[0])

    def hessians(self, lambda_, weights):
        """Return Hessians as matrices, or by products with an approximate matrix."""
        raw, penalty = self.raw(weights), self.penalties(lambda_)
        curvature = self.factored_curvature
        if self.plan.forms_own_hessians:
            matrices = curvature.exact(raw, penalty)
            return [DenseHessian(matrix, self.counts) for matrix in matrices]
        return self._fused(raw, penalty, curvature.solver(raw, penalty, tol=0.0))

    def hessians_near(self, lambda_, weights, hessians):
        """Return Hessians by products, with nearby matrices as preconditioners."""
        is_fused = isinstance(hessians[0], FusedHessian)
        solver = hessians[0].at.solver if is_fused else OwnSolver(hessians)
        return self._fused(self.raw(weights), self.penalties(lambda_), solver)

    def _fused(self, raw, penalty, solver):
        """Return the Hessians by products in common passes."""
        at = HessiansAt(self.passes, raw, penalty, solver, self.counts)
        return [FusedHessian(at, number) for number in range(len(self.splits))]

    def solve(self, hessians, rights, rtol=CG_TOL):
        """Return the inverse of every Hessian applied to its right-hand sides."""
        if not isinstance(hessians[0], FusedHessian):
            return super().solve(hessians, rights, rtol)
        return [solution.x for solution in self.solutions(hessians, rights, rtol)]

    def solutions(self, hessians, rights, rtol=CG_TOL, product=0.0, guesses=None):
        """Return the `Solution` of every Hessian for its right-hand sides."""
        if not isinstance(hessians[0], FusedHessian):
            return super().solutions(hessians, rights, rtol, product)
        shape = rights[0].shape
        stacked = np.stack(rights).reshape(len(rights), -1, *shape[-2:])
        guess = None if guesses is None else np.stack(guesses).reshape(stacked.shape)
        found = hessians[0].at.solve(stacked, rtol, product, guess)
        return [
            Solution(*(one.reshape(shape) for one in own))
            for own in zip(*found, strict=True)
        ]

    def train_losses(self, weights, lambda_):
        """Return the training loss of every split, the penalty included."""
        if not self._knows_slopes(weights):
            return super().train_losses(weights, lambda_)
        return [
            loss + split.penalty_value(w, lambda_)
            for loss, split, w in zip(
                self._slopes.losses, self.splits, weights, strict=True
            )
        ]

    def validation_losses(self, weights):
        """Return the validation loss of every split."""
        self.counts.n_values += len(weights)
        if self._losses is not None and self._knows(weights):
            return self._losses
        return self.held_out_losses(self.raw(weights))

    def null_validation_losses(self):
        """Return the validation loss of every split's model without features."""
        self.counts.n_values += len(self.splits)
        starts, losses = np.stack([split.null_raw() for split in self.splits]), 0.0
        for index, owner, weight in self.passes.held_out.visits:
            own = weight * self.loss.value(self.y[index], starts[owner])
            losses += sums_by_label(owner, own, len(starts))
        return losses

    def validation_gradients(self, weights):
        """Return the gradient of every split's L_V at its weights."""
        self.counts.n_validation_gradients += len(weights)
        return list(self.held_out_gradients(self.raw(weights)))

    def held_out_losses(self, raw):
        """Return the validation losses; the last result is cached.

        Parameters
        ----------
        raw : ndarray of shape (n_splits, n_outputs, n_samples)
            Raw predictions, which do not change.
        """
        return self._of_held_out(self.passes.held_out_losses, raw)

    def held_out_gradients(self, raw):
        """Return the gradients of the validation losses; the last result is cached.

        Parameters
        ----------
        raw : ndarray of shape (n_splits, n_outputs, n_samples)
            Raw predictions, which do not change.
        """
        return self._of_held_out(self.passes.held_out_gradients, raw)

    def _of_held_out(self, make, raw):
        """Return the result of a method of the passes; the last result is cached."""
        known, found = self._held_out.get(make.__name__, (None, None))
        if known is not raw:
            found = make(raw)
            self._held_out[make.__name__] = raw, found
        return found

    def tangent_terms(self, weights, solutions):
        """Return the second derivatives of the losses along moves of the weights."""
        vectors = np.stack([solution.x for solution in solutions])
        found = self.passes.tangent_terms(self.raw(weights), vectors)
        return list(zip(*found, strict=True))

    def _null_gradients(self):
        """Return the gradients of every split's L_T of its model without features.

        The constants of the splits are close to each other. So the gradients are
        computed to first order in the constant, from sums over parts of the rows.
        """
        if not self._has_null_slopes:
            return super()._null_gradients()
        if self._null is None:
            self.know_null(PartSums(self).of_slopes(self.null_slopes())[0])
        starts = self._null_starts
        moves = (starts - np.mean(starts))[:, None]
        return (self._null[..., 0] + moves * self._null[..., 1])[..., None]

    def null_slopes(self):
        """Return slopes and curvature (n_samples, 2) of a model without features.

        They are summed in a pass with other vectors, for `know_null`. Shape
        (n_samples, 0) if they are not needed.
        """
        if not self._has_null_slopes:
            return np.empty((len(self.y), 0))
        common = np.full((1, len(self.y)), np.mean(self._null_starts))
        slopes, bends, _ = self.loss.slopes(self.y, common)
        return np.concatenate([slopes, bends]).T

    def know_null(self, sums):
        """Keep the sums (n_splits, m, 2) of `null_slopes` over the training rows."""
        self._null = sums if self._has_null_slopes else None

    @property
    def _null_starts(self):
        return np.stack([split.null_raw()[0] for split in self.splits])

    @property
    def _has_null_slopes(self):
        shares_rows = self.rows.are_shared and self.splits[0].explicit_intercept
        return self.passes.n_outputs == 1 and self.makes_models and shares_rows

    def inner_residuals(self, lambda_, weights):
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        is_known = self._knows_slopes(weights)
        last = (self._slopes if is_known else self.slopes(weights)).gradients
        return self._relative(self._null_gradients(), last, lambda_, weights)


def make_split_set(splits, parts, plan, rows=None):
    """Return the set of some splits, according to their plan.

    Parameters
    ----------
    splits, parts, plan, rows
        As in `GLMSplitSet`.
    """
    kind = FactoredSplitSet if plan.factors_hessians else GLMSplitSet
    return kind(splits, parts, plan, rows)
