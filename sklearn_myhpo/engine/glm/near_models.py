"""Second-order models of all splits near their minima, for all values of one penalty.

The Hessians are those at common weights, corrected by moves of the weights and the
changes of the slopes along them. The values and slopes are sums over the rows at the
weights of every split. These weights improve from pass to pass, by steps of the models.
A last model is that of all rows.
"""

from typing import NamedTuple

import numpy as np

from ..linalg.penalty_path import penalty_path
from .factored_newton import MEMORY, Correction, two_loops
from .one_split_sums import OneSplitSums
from .part_sums import PartSums
from .safeguards import LOSS_ROUNDING


class NearPoint(NamedTuple):
    """The minima of the models at a lambda.

    Attributes
    ----------
    slopes, bends : ndarray of shape (k,)
        First and second derivative of the validation losses in lambda.
    weights : ndarray of shape (k + 1, m)
        Minima of the training losses.
    response : ndarray of shape (k, m)
        Their derivatives in lambda, of the splits.
    """

    slopes: np.ndarray
    bends: np.ndarray
    weights: np.ndarray
    response: np.ndarray


class TrainModels:
    """Models of training losses, with Hessians corrected by moves.

    Parameters
    ----------
    grams : ndarray of shape (n_models, m, m)
        Hessians of the data terms.
    factors : ndarray of shape (m,)
        The penalty of every coordinate relative to that of lambda.
    """

    def __init__(self, grams, factors):
        self.grams, self.factors = grams, factors
        self.path, self._pairs = penalty_path(grams, factors), []
        self.reference = self.gradients = self.losses = None
        # The corrections of the Hessians at the last lambda.
        self._corrections = None, []

    def expand(self, weights, gradients, losses=None):
        """Set the slopes, and the losses if given, to those at weights."""
        if self.reference is not None:
            pair = weights - self.reference, gradients - self.gradients
            self._pairs = [*self._pairs, pair][-MEMORY:]
        self.reference, self.gradients = weights, gradients
        self.losses = self.losses if losses is None else losses
        right = _images(self.grams, weights) - gradients
        self._turned = self.path.turned(right[:, None])
        self._rest = self.path.rest(right[:, None])[:, 0]
        self._corrections = None, []

    def minima(self, lambda_):
        """Return the minima at a lambda and two derivatives there, (3, n_models, m)."""
        turned = self.path.with_derivatives(self._turned, 2.0 * np.exp(lambda_))
        found = self.path.back(turned).swapaxes(0, 1)
        found[0] += self._rest
        return found

    def solve_corrected(self, rights, lambda_):
        """Return the inverse Hessians applied to rows (k, r, m).

        The Hessians are those of the first k models, corrected by pairs of moves and
        changes of slopes.
        """
        known, corrections = self._corrections
        if known != lambda_:
            penalty = 2.0 * np.exp(lambda_) * self.factors
            corrections = [
                Correction.of(move, change + penalty * move)
                for move, change in self._pairs
            ]
            self._corrections = lambda_, corrections
        if len(rights) < len(self.grams):
            corrections = [own.of_first(len(rights)) for own in corrections]
        penalty = 2.0 * np.exp(lambda_)
        return two_loops(
            corrections, rights, lambda right: self.path.solve(right, penalty)
        )

    def ahead(self, lambda_):
        """Return the weights after a step, and the errors (n_models,) of those before.

        The errors are relative, in the norm of the Hessian.
        """
        felt = 2.0 * np.exp(lambda_) * self.factors * self.reference
        slope = self.gradients + felt
        step = self.solve_corrected(slope[:, None], lambda_)[:, 0]
        losses = self.losses + 0.5 * np.einsum("ka,ka->k", felt, self.reference)
        promised = np.einsum("ka,ka->k", slope, step)
        rounding = LOSS_ROUNDING * np.abs(losses)
        promised = np.where(promised <= rounding, 0.0, promised)
        return self.reference - step, _relative(promised, losses)


class NearModels(TrainModels):
    """Models of the k splits of a set and of all rows, with Hessians at common weights.

    Parameters
    ----------
    split_set : FactoredSplitSet
        That `makes_near_models`, of one output and one lambda.
    full : GLMSplit
        All rows.
    factors : ndarray of shape (m,)
        The penalty of every coordinate relative to that of lambda.
    centre : Centre
        Common weights.

    Attributes
    ----------
    parts : PartSums or None
        The parts of which held-out rows are a union; None where there are none.
    """

    def __init__(self, split_set, full, factors, centre):
        sums = (PartSums if split_set.makes_models else OneSplitSums)(split_set)
        self.parts = sums if split_set.makes_models else None
        split_set.shared_curvature.renew(centre.raw[None], is_rough=True)
        grams, self.held_grams, whole = sums.matrices(full.train_weight)
        super().__init__(np.concatenate([grams, whole]), factors)
        split_set.counts.n_factorizations += len(self.grams)
        values, slopes = split_set.loss.value_and_gradient(split_set.y, centre.raw.T)
        losses, held_losses = sums.of_values(values)
        slopes = np.concatenate([slopes, split_set.null_slopes()], axis=1)
        gradients, held, own = sums.of_slopes(slopes, full.train_weight)
        split_set.know_null(gradients[..., 1:])
        weights = np.repeat(centre.weights.T, len(self.grams), axis=0)
        gradients = np.concatenate([gradients[..., 0], own[..., 0]])
        self.move_to(weights, gradients, held[..., 0], (losses, held_losses))

    def move_to(self, weights, gradients, held_gradients=None, losses=None):
        """Set the slopes, and the losses if given, to those at weights (k + 1, m).

        The last weights are those of all rows. The slopes of held-out rows are by
        default those of the models.
        """
        if held_gradients is None:
            held_gradients = self.held_slopes(weights[:-1])
        self.held_gradients = held_gradients
        if losses is not None:
            losses, self.held_losses = losses
            losses = np.append(losses, np.mean(losses))
        self.expand(weights, gradients, losses)

    def values(self, lambdas):
        """Return the validation losses (k, n_lambdas) at the minima."""
        turned = self.path.shrunk(self._turned[:-1], 2.0 * np.exp(lambdas))
        moves = self.path.back(turned) + (self._rest - self.reference)[:-1, None]
        bent = np.matmul(moves, self.held_grams)
        bent *= 0.5
        bent += self.held_gradients[:, None]
        return self.held_losses[:, None] + np.einsum("kla,kla->kl", moves, bent)

    def at(self, lambda_):
        """Return the `NearPoint` at a lambda."""
        weights, first, second = self.minima(lambda_)
        first, second = first[:-1], second[:-1]
        moves = np.stack([(weights - self.reference)[:-1], first], axis=1)
        bent = np.matmul(moves, self.held_grams)
        gradients = self.held_gradients + bent[:, 0]
        slopes = np.einsum("ka,ka->k", gradients, first)
        bends = np.einsum("ka,ka->k", gradients, second)
        bends += np.einsum("ka,ka->k", bent[:, 1], first)
        return NearPoint(slopes, bends, weights, first)

    def held_slopes(self, weights):
        """Return the gradients (k, m) of the validation losses at weights (k, m)."""
        moves = weights - self.reference[:-1]
        return self.held_gradients + _images(self.held_grams, moves)

    def freedom(self, lambda_):
        """Return the mean of the degrees of freedom, unpenalized ones included."""
        felt = self.path.freedom(np.array([2.0 * np.exp(lambda_)]))
        return float(np.mean(felt[:-1]) + np.count_nonzero(self.factors == 0))

    def distance(self, weights):
        """Return the relative distance of weights (k, m) in the norm of the Hessian."""
        moves = weights - self.reference[:-1]
        bent = _images(self.grams[:-1], moves)
        squares = np.einsum("ka,ka->k", moves, bent)
        return float(np.max(_relative(squares, self.losses[:-1])))


def _images(matrices, vectors):
    """Return the products (k, m) of matrices (k, m, m) with a vector each."""
    return np.matmul(matrices, vectors[..., None])[..., 0]


def _relative(squares, losses):
    """Return the square roots of half the squares over the losses."""
    least = np.finfo(float).tiny
    return np.sqrt(0.5 * squares / np.maximum(np.abs(losses), least))
