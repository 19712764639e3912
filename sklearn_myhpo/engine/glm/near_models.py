"""Second-order models of all splits near their minima, for all values of one penalty.

The Hessians are those at common weights, corrected by moves of the weights and the
changes of the slopes along them. The values and slopes are sums over the rows at the
weights of every split. These weights improve from pass to pass, by steps of the models.
"""

from typing import NamedTuple

import numpy as np

from ..linalg.penalty_path import PenaltyPath
from .factored_newton import MEMORY, two_loops
from .one_split_sums import OneSplitSums
from .part_sums import PartSums
from .safeguards import LOSS_ROUNDING


class NearPoint(NamedTuple):
    """The minima of the models at a lambda.

    Attributes
    ----------
    slopes, bends : ndarray of shape (k,)
        First and second derivative of the validation losses in lambda.
    weights, response, second : ndarray of shape (k, m)
        Minima of the training losses, and their derivatives in lambda.
    """

    slopes: np.ndarray
    bends: np.ndarray
    weights: np.ndarray
    response: np.ndarray
    second: np.ndarray

    def moved(self, delta):
        """Return the minima after a small move of lambda."""
        return self.weights + delta * self.response + 0.5 * delta**2 * self.second


class NearModels:
    """Models of the splits of a set, with Hessians at common weights.

    Parameters
    ----------
    split_set : FactoredSplitSet
        That `makes_near_models`, of one output and one lambda.
    factors : ndarray of shape (m,)
        The penalty of every coordinate relative to that of lambda.
    centre : Centre
        Common weights.
    """

    def __init__(self, split_set, factors, centre):
        shared = split_set.shared_curvature
        sums = (PartSums if split_set.makes_models else OneSplitSums)(split_set)
        self.factors = factors
        shared.renew(centre.raw[None])
        grams = np.asarray(shared.own_matrices())
        self.grams, self.held_grams = grams, np.asarray(shared.held_out_matrices())
        self.path = PenaltyPath(grams, factors)
        split_set.counts.n_factorizations += len(grams)
        values, slopes = split_set.loss.value_and_gradient(split_set.y, centre.raw.T)
        losses, held_losses = sums.of_values(values)
        slopes = np.concatenate([slopes, split_set.null_slopes()], axis=1)
        gradients, held = sums.of_slopes(slopes)
        split_set.know_null(gradients[..., 1:])
        weights = np.repeat(centre.weights.T, len(grams), axis=0)
        self._pairs, self.reference, self.gradients = [], None, None
        self.move_to(weights, losses, gradients[..., 0], held_losses, held[..., 0])

    def move_to(self, weights, losses, gradients, held_losses, held_gradients):
        """Set the values and slopes to those of the rows at weights (k, m)."""
        if self.reference is not None:
            pair = weights - self.reference, gradients - self.gradients
            self._pairs = [*self._pairs, pair][-MEMORY:]
        self.reference, self.losses, self.gradients = weights, losses, gradients
        self.held_losses, self.held_gradients = held_losses, held_gradients
        right = np.einsum("kab,kb->ka", self.grams, weights) - gradients
        self._turned = self.path.turned(right[:, None])[:, 0]
        self._rest = self.path.rest(right[:, None])[:, 0]

    def values(self, lambdas):
        """Return the validation losses (k, n_lambdas) at the minima."""
        penalties = 2.0 * np.exp(lambdas)
        turned = self._turned[:, None] / (
            self.path.values[:, None] + penalties[:, None]
        )
        moves = self.path.back(turned) + (self._rest - self.reference)[:, None]
        bent = np.matmul(moves, self.held_grams)
        bent *= 0.5
        bent += self.held_gradients[:, None]
        return self.held_losses[:, None] + np.einsum("kla,kla->kl", moves, bent)

    def at(self, lambda_):
        """Return the `NearPoint` at a lambda."""
        penalty = 2.0 * np.exp(lambda_)
        share = penalty / (self.path.values + penalty)
        turned = np.empty((3, *share.shape))
        turned[0] = self._turned * share / penalty
        turned[1] = -share * turned[0]
        turned[2] = (1.0 - 2.0 * share) * turned[1]
        weights, first, second = self.path.back(turned.swapaxes(0, 1)).swapaxes(0, 1)
        weights = weights + self._rest
        moves = np.stack([weights - self.reference, first], axis=1)
        bent = np.matmul(moves, self.held_grams)
        gradients = self.held_gradients + bent[:, 0]
        slopes = np.einsum("ka,ka->k", gradients, first)
        bends = np.einsum("ka,ka->k", gradients, second)
        bends += np.einsum("ka,ka->k", bent[:, 1], first)
        return NearPoint(slopes, bends, weights, first, second)

    def corrected(self, lambda_):
        """Return the weights (k, m) after a step with corrected Hessians."""
        felt = 2.0 * np.exp(lambda_) * self.factors * self.reference
        slope = self.gradients + felt
        return self.reference - self.solve_corrected(slope[:, None], lambda_)[:, 0]

    def solve_corrected(self, rights, lambda_):
        """Return the inverse Hessians applied to rows (k, r, m).

        The Hessians are corrected by pairs of moves and changes of slopes.
        """
        penalty = 2.0 * np.exp(lambda_) * self.factors
        pairs = [(move, change + penalty * move) for move, change in self._pairs]
        return two_loops(pairs, rights, lambda right: self.solve(right, lambda_))

    def held_slopes(self, weights):
        """Return the gradients (k, m) of the validation losses at weights (k, m)."""
        bent = np.einsum("kab,kb->ka", self.held_grams, weights - self.reference)
        return self.held_gradients + bent

    def solve(self, rights, lambda_):
        """Return the inverse Hessians applied to rows (k, r, m)."""
        return self.path.solve(rights, 2.0 * np.exp(lambda_))

    def freedom(self, lambda_):
        """Return the mean of the degrees of freedom, unpenalized ones included."""
        values = self.path.values
        felt = np.mean(np.sum(values / (values + 2.0 * np.exp(lambda_)), axis=1))
        return float(felt + np.count_nonzero(self.factors == 0))

    def error(self, lambda_):
        """Return the relative error of the weights, in the norm of the Hessian."""
        felt = 2.0 * np.exp(lambda_) * self.factors * self.reference
        slope = self.gradients + felt
        step = self.solve(slope[:, None], lambda_)[:, 0]
        losses = self.losses + 0.5 * np.einsum("ka,ka->k", felt, self.reference)
        promised = np.einsum("ka,ka->k", slope, step)
        rounding = LOSS_ROUNDING * np.abs(losses)
        promised = np.where(promised <= rounding, 0.0, promised)
        return _largest(promised, losses)

    def distance(self, weights):
        """Return the relative distance of weights (k, m) in the norm of the Hessian."""
        moves = weights - self.reference
        bent = np.matmul(self.grams, moves[..., None])[..., 0]
        return _largest(np.einsum("ka,ka->k", moves, bent), self.losses)


def _largest(squares, losses):
    """Return the largest square root of half the squares over the losses."""
    least = np.finfo(float).tiny
    return float(np.sqrt(np.max(0.5 * squares / np.maximum(np.abs(losses), least))))
