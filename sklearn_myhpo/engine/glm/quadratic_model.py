"""Second-order models of all splits about common weights.

After one Gram pass they can be minimized at any lambda without reading the rows.
"""

from typing import NamedTuple

import numpy as np

from ..linalg.products import weight_diagonal
from ..linalg.stacked import StackedSolver


class Quadratics(NamedTuple):
    """Quadratic functions of the weights of every split.

    Every output of a feature is a separate coordinate.

    Attributes
    ----------
    reference : ndarray of shape (size,)
        Common weights.
    losses : ndarray of shape (n_splits,)
        Values there.
    slopes : ndarray of shape (n_splits, size)
        First derivatives there.
    grams : ndarray of shape (n_splits, size, size)
        Second derivatives.
    """

    reference: np.ndarray
    losses: np.ndarray
    slopes: np.ndarray
    grams: np.ndarray

    def values_and_gradients(self, weights):
        """Return values (n_splits,) and gradients at weights (n_splits, size)."""
        moves = weights - self.reference
        bent = self.products(moves)
        values = self.losses + np.sum(moves * (self.slopes + 0.5 * bent), axis=1)
        return values, self.slopes + bent

    def products(self, moves):
        """Return the second derivatives applied to moves (n_splits, size)."""
        return np.einsum("kab,kb->ka", self.grams, moves)


class PathPoint(NamedTuple):
    """The validation losses of all splits at the minima of their training losses.

    Attributes
    ----------
    values, slopes, bends : ndarray of shape (n_splits,)
        The losses, and their derivatives along a move of the penalties.
    weights : list of ndarray of shape (m, n_outputs)
        The minima.
    """

    values: np.ndarray
    slopes: np.ndarray
    bends: np.ndarray
    weights: list


class QuadraticModels:
    """Second-order models of the splits of a set about common weights.

    Parameters
    ----------
    split_set : FactoredSplitSet
        That `makes_models`.
    weights : ndarray of shape (m, n_outputs)
    raw : ndarray of shape (n_outputs, n_samples)
        Their raw predictions of the rows that all splits share.
    """

    def __init__(self, split_set, weights, raw):
        shared, passes = split_set.shared_curvature, split_set.passes
        self.split_set = split_set
        at, losses, gradients = passes.slopes_at_common(weights, raw)
        shared.renew(at[:1] if split_set.rows.are_shared else at)
        self.train = _quadratics(weights, losses, gradients, shared.own_matrices())
        self.validation = _quadratics(
            weights,
            passes.held_out_losses(at),
            passes.held_out_gradients(at),
            shared.held_out_matrices(),
        )

    def at(self, lambda_, moves):
        """Return the `PathPoint` at a lambda.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
        moves : ndarray of bool of shape (n_groups,)
            The groups whose lambda the derivatives are taken in, all at once.
        """
        splits = self.split_set.splits
        shape = len(splits), *splits[0].shape
        penalty = self.split_set.penalties(lambda_)
        felt = splits[0].per_coordinate(moves.astype(float))
        penalty, rate = (
            weight_diagonal(own, shape[2]) for own in (penalty, penalty * felt)
        )
        train, counts = self.train, self.split_set.counts
        counts.n_factorizations += len(splits)
        matrices = train.grams.copy()
        np.einsum("kii->ki", matrices)[...] += penalty
        solver = StackedSolver(matrices)
        first = train.slopes + penalty * train.reference
        weights = train.reference - solver.solve(first)
        turn = -solver.solve(rate * weights)
        second = -solver.solve(rate * (weights + 2.0 * turn))
        values, slopes = self.validation.values_and_gradients(weights)
        curved = np.sum(turn * self.validation.products(turn), axis=1)
        return PathPoint(
            values,
            np.sum(slopes * turn, axis=1),
            curved + np.sum(slopes * second, axis=1),
            list(weights.reshape(shape)),
        )


def _quadratics(weights, losses, gradients, matrices):
    """Return the `Quadratics` with derivatives (n_splits, m, n_outputs) at weights."""
    slopes = gradients.reshape(len(losses), -1)
    return Quadratics(weights.ravel(), losses, slopes, np.asarray(matrices))
