"""Steps of weights, adjoints and lambdas that know no units of the data.

Weights and adjoints step in every coordinate j by ``gamma / (a_j + p_j)``, where a_j
is the largest curvature of that coordinate on one batch, and gamma is the inverse of
the largest curvature of a batch in these units. So a feature in other units, or one
that few rows have, does no harm, and no penalty is too stiff; lambda stays in the units
of the objective.

Lambda g steps by ``eta_g h'_g / (E_g + sqrt(E_g Q_g))`` with E_g and Q_g the sums over
the group of ``p w^2`` and ``p q^2``. As ``H >= P``, diag(E) is an upper bound of J'HJ,
the curvature that the response of the weights gives to the objective where both parts
are alike; and as ``|h'_g| <= sqrt(E_g Q_g)``, no step is longer than eta_g. A weight
feels its lambda at a rate of at least gamma p / (a + p), and the adjoint feels the
weight, so eta_g is `LAMBDA_RATIO` times that rate: faster lambdas would run ahead of
the weights and swing.
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.problem import Problem
from ...data.batches import RowBatches

#: Lambda against the slowest response of its weights. With weights and adjoints in a
#: row, a mode of curvature h and penalty p is stable up to 2 (h + p)^3 / (h p^2), which
#: is nowhere below 13.5.
LAMBDA_RATIO = 2.0
#: Least rate of a lambda, or weak penalties would never move.
LEAST_RATE = 1e-2
#: Least size of a denominator.
LEAST_SIZE = np.finfo(float).tiny


class Steps(NamedTuple):
    """Sizes of the steps.

    Attributes
    ----------
    moments : ndarray of shape (m, 1) or None
        The a_j; None for steps of the same size in all coordinates, as published.
    gamma, beta : float
        Of weights and adjoints; of lambda.
    """

    moments: np.ndarray | None
    gamma: float
    beta: float

    def shrunk(self, factor: float) -> "Steps":
        """Return steps that are smaller by a factor."""
        return self._replace(gamma=factor * self.gamma, beta=factor * self.beta)

    def scale(self, penalty: np.ndarray) -> np.ndarray:
        """Return the factors of a gradient, in the shape of `penalty`."""
        if self.moments is None:
            return np.full_like(penalty, self.gamma)
        return self.gamma / (self.moments + penalty)


def measured_steps(
    batches: RowBatches, safety: float, known: tuple | None = None
) -> tuple[Steps, tuple]:
    """Return scale-free steps for batches of rows.

    Parameters
    ----------
    batches : RowBatches
        Of the steps.
    safety : float
        Of the inverse of the largest curvature of a batch.
    known : tuple (ndarray of shape (m, 1), float) or None
        Largest curvatures of earlier batches, by coordinate and in all.

    Returns
    -------
    Steps
        With ``beta = LAMBDA_RATIO * gamma``.
    largest : tuple (ndarray of shape (m, 1), float)
        Largest curvatures, of these batches too.
    """
    moments = batches.largest_moments()
    if known is not None:
        moments = np.maximum(moments, known[0])
    # A coordinate without data has no scale: it takes that of the others.
    positive = moments[moments > 0]
    moments = np.where(moments > 0, moments, positive.max() if positive.size else 1.0)
    lipschitz = max(1.0, batches.largest_curvature(1.0 / moments))
    if known is not None:
        lipschitz = max(lipschitz, known[1])
    gamma = safety / lipschitz
    return Steps(moments, gamma, LAMBDA_RATIO * gamma), (moments, lipschitz)


class Outer:
    """Penalties and steps of lambda, for one problem.

    Parameters
    ----------
    problem : BilevelProblem
        The objective.
    """

    def __init__(self, problem: Problem):
        self.problem, self.groups = problem, problem.groups
        self.bounds, self.direct_curvature = problem.bounds, problem.direct_curvature
        self.splits, self.n_features = problem.splits, len(self.groups.labels)
        self.share = np.reshape(problem.split_weights, (-1, 1))

    def penalty(self, lambda_: np.ndarray) -> np.ndarray:
        """Return the penalty of every coordinate and split, shape (m, n_splits)."""
        return np.hstack([split.penalty(lambda_) for split in self.splits])

    def _sums(self, penalty, one, two):
        """Return the splits' mean of ``p_j`` times a product, by coordinate."""
        product = self.share * one * two
        return np.sum(penalty[: self.n_features, :, None] * product, axis=(1, 2))

    def hypergradient(
        self, lambda_: np.ndarray, penalty: np.ndarray, z: np.ndarray
    ) -> np.ndarray:
        """Return the derivative of the objective with the adjoints in z.

        That of the validation loss is the mean of ``-sum_{j in g} p_j w_j q_j``.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs.
        penalty : ndarray of shape (m, n_splits)
            Of `lambda_`.
        z : ndarray of shape (m, 2, n_splits, n_outputs)
            Weights and adjoints.

        Returns
        -------
        ndarray of shape (n_groups,)
            Of the method's own weights and adjoints.
        """
        w, q = z[: self.n_features, 0], z[: self.n_features, 1]
        slope = -self.groups.sum_by_group(self._sums(penalty, w, q))
        return self.problem.total_gradient(lambda_, slope)

    def stepped(
        self, lambda_: np.ndarray, penalty: np.ndarray, z: np.ndarray, steps: Steps
    ) -> np.ndarray:
        """Return lambda after one step, within its bounds."""
        slope = self.hypergradient(lambda_, penalty, z)
        if steps.moments is None:
            return np.clip(lambda_ - steps.beta * slope, *self.bounds)
        w, q = z[: self.n_features, 0], z[: self.n_features, 1]
        energy = self._sums(penalty, w, w)
        by_group = self.groups.sum_by_group
        total, other = by_group(energy), by_group(self._sums(penalty, q, q))
        core = penalty[: self.n_features].mean(axis=1)
        relative = core / (steps.moments[: self.n_features, 0] + core)
        size = total + np.sqrt(total * other)
        if self.direct_curvature:
            size += np.abs(slope) + self.direct_curvature
        rate = by_group(energy * relative) / np.maximum(total, LEAST_SIZE)
        rate = np.maximum(rate, LEAST_RATE)
        move = steps.beta * rate * slope / np.maximum(size, LEAST_SIZE)
        return np.clip(lambda_ - move, *self.bounds)
