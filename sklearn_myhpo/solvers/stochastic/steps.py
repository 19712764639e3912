"""Scale-free steps of weights, adjoints and lambdas.

Weights and adjoints step in every coordinate j by ``gamma / (a_j + p_j)``, where a_j
is the largest curvature of that coordinate on one batch, and gamma is the inverse of
the largest curvature of a batch in these units. So features in other units or with few
nonzero rows do no harm, and no penalty is too stiff.

Lambda g steps by ``eta_g h'_g / (E_g + sqrt(E_g Q_g))`` with E_g and Q_g the sums over
the group of ``p w^2`` and ``p q^2``. As ``H >= P``, diag(E) is an upper bound of J'HJ,
the curvature that the response of the weights gives to the objective where both parts
are alike; and as ``|h'_g| <= sqrt(E_g Q_g)``, no step is longer than eta_g. A weight
responds to its lambda at a rate of at least gamma p / (a + p), and the adjoint to the
weight, so eta_g is `LAMBDA_RATIO` times that rate: with a higher rate lambda would move
before the weights have followed, and oscillate.
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.problem import Problem
from ...data.minibatches.batches import Pass, RowBatches

#: Rate of lambda relative to the slowest response of its weights. With weights followed
#: by adjoints, a mode of curvature h and penalty p is stable up to 2 (h + p)^3 / (h
#: p^2), which is nowhere below 13.5.
LAMBDA_RATIO = 6.0
#: Smallest rate of a lambda; otherwise weak penalties would never move.
LEAST_RATE = 1e-2
#: Smallest denominator.
LEAST_SIZE = np.finfo(float).tiny
#: Largest natural log of a penalty: twice its exponential is finite.
MAX_LOG = 700.0


class Steps(NamedTuple):
    """Sizes of the steps.

    Attributes
    ----------
    moments : ndarray of shape (m,) or None
        The a_j; None for steps of the same size in all coordinates, as published.
    gamma, beta : float
        Of weights and adjoints; of lambda.
    row_ratio : float, default=1.0
        Of the s of groups of rows, relative to lambda.
    pace : float, default=1.0
        Of all hyperparameters, where weights lag behind them.
    """

    moments: np.ndarray | None
    gamma: float
    beta: float
    row_ratio: float = 1.0
    pace: float = 1.0

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
    known : tuple (ndarray of shape (m,), float) or None
        Largest curvatures of earlier batches, by coordinate and in all.

    Returns
    -------
    Steps
        With ``beta = LAMBDA_RATIO * gamma``.
    largest : tuple (ndarray of shape (m,), float)
        Largest curvatures, of these batches too.
    """
    moments = batches.largest_moments()
    if known is not None:
        moments = np.maximum(moments, known[0])
    # A coordinate without data has no scale of its own and takes that of the others.
    positive = moments[moments > 0]
    moments = np.where(moments > 0, moments, positive.max() if positive.size else 1.0)
    lipschitz = max(1.0, batches.largest_curvature(1.0 / moments))
    if known is not None:
        lipschitz = max(lipschitz, known[1])
    gamma = safety / lipschitz
    return Steps(moments, gamma, LAMBDA_RATIO * gamma), (moments, lipschitz)


class Outer:
    """Penalties and steps of lambda, for one problem.

    Weights w and adjoints q have the shape (n_splits, n_outputs, m). Everything that
    does not depend on lambda is computed once, because a step takes a few microseconds.

    Parameters
    ----------
    problem : BilevelProblem
        The objective.
    """

    def __init__(self, problem: Problem):
        self.problem, self.groups = problem, problem.groups
        self.low, self.high = problem.bounds
        self.direct_curvature = problem.direct_curvature
        n_groups, size = problem.n_groups, problem.splits[0].shape[0]
        # exp(lambda) of the group of a coordinate, times a factor, plus a constant.
        none = np.full(n_groups, -np.inf)
        pinned = self._penalties(none)
        factor = self._penalties(np.zeros(n_groups)) - pinned
        self._factor, self._pinned = factor, pinned if pinned.any() else None
        self._is_penalized = (factor > 0).astype(float)
        width = factor.shape[1]
        labels = np.zeros((size, width), dtype=np.intp)
        own = self.groups.output_labels(width).reshape(-1, width)
        labels[: len(own)] = own
        # Coordinates of no group have the factor zero.
        labels = np.where(factor.any(axis=0), labels.T, 0)
        self._has_classes, self._flat_labels = width > 1, labels.ravel()
        self._labels = labels if self._has_classes else labels[0]
        self._is_each = np.array_equal(self.groups.labels, np.arange(n_groups))
        self._share = np.reshape(problem.split_weights, (-1, 1, 1))

    def _penalties(self, lambda_):
        """Return the penalties of every split, or of one if all are the same."""
        own = np.stack([split.penalty(lambda_).T for split in self.problem.splits])
        return own[:1] if np.all(own == own[:1]) else own

    def penalty(self, lambda_: np.ndarray) -> np.ndarray:
        """Return the penalty of every coordinate and split.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs.

        Returns
        -------
        ndarray of shape (n_splits, 1, m) or (1, 1, m)
            The latter if it is the same for all splits; (..., n_outputs, m) with a
            lambda per class.
        """
        strength = np.exp(np.minimum(lambda_, MAX_LOG))
        if len(strength) > 1:
            strength = strength[self._labels]
        own = strength * self._factor if len(strength) else self._factor
        return own if self._pinned is None else own + self._pinned

    def _by_group(self, values):
        """Return the sums over groups of values from `_products`."""
        n_groups = len(self.low)
        if n_groups == 1:
            return values.sum(axis=-1, keepdims=True)
        if self._is_each:
            return values[..., :n_groups]
        flat = values.reshape(-1, values.shape[-1])
        sums = [np.bincount(self._flat_labels, one, n_groups) for one in flat]
        return np.reshape(sums, (*values.shape[:-1], n_groups))

    def _products(self, penalty, w, q):
        """Return the splits' means of ``p w^2, p w q, p q^2``, by coordinate.

        With a lambda per class, by weight, those of a class one after the other.
        """
        weighted = self._share * penalty if len(self._share) > 1 else penalty
        if self._pinned is not None:
            weighted = weighted * self._is_penalized
        out = np.empty((3, *w.shape))
        np.multiply(weighted, w, out=out[0])
        np.multiply(out[0], q, out=out[1])
        out[0] *= w
        np.multiply(weighted, q, out=out[2])
        out[2] *= q
        if w.shape[0] == w.shape[1] == 1:
            return out[:, 0, 0]
        if self._has_classes:
            return out.sum(axis=1).reshape(3, -1)
        return out.sum(axis=(1, 2))

    def _share_of_penalty(self, penalty, moments):
        """Return the share of the penalty in the curvature, shaped as `_products`."""
        if self._has_classes:
            core = penalty.mean(axis=0)
            return np.ravel(core / (moments + core))
        core = penalty[0, 0] if len(penalty) == 1 else penalty.mean(axis=(0, 1))
        return core / (moments + core)

    def after(self, found: Pass) -> "Outer":
        """Return the sizes of steps that follow what a pass has found: here, itself."""
        return self

    def hypergradient(
        self,
        lambda_: np.ndarray,
        penalty: np.ndarray,
        w: np.ndarray,
        q: np.ndarray,
        pull: None = None,
    ) -> np.ndarray:
        """Return the derivative of the objective with given adjoints.

        That of the validation loss is the mean of ``-sum_{j in g} p_j w_j q_j``.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs.
        penalty : ndarray
            Of `lambda_`.
        w, q : ndarray of shape (n_splits, n_outputs, m)
            Weights and adjoints.
        pull : None
            Where no weights of rows are learned.

        Returns
        -------
        ndarray of shape (n_groups,)
            Of the method's own weights and adjoints.
        """
        slope = -self._by_group(self._products(penalty, w, q)[1])
        return self.problem.total_gradient(lambda_, slope)

    def stepped(
        self,
        lambda_: np.ndarray,
        penalty: np.ndarray,
        w: np.ndarray,
        q: np.ndarray,
        steps: Steps,
        factor: float = 1.0,
        slope: np.ndarray | None = None,
        pull: None = None,
    ) -> np.ndarray:
        """Return lambda after one step, within its bounds.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs.
        penalty : ndarray
            Of `lambda_`.
        w, q : ndarray of shape (n_splits, n_outputs, m)
            Weights and adjoints.
        steps : Steps
            Sizes.
        factor : float, default=1.0
            Of the size.
        slope : ndarray of shape (n_groups,), optional
            Along which to step; by default that of w and q.
        pull : None
            Where no weights of rows are learned.

        Returns
        -------
        ndarray of shape (n_groups,)
            The new lambda.
        """
        products = self._products(penalty, w, q)
        total, cross, other = self._by_group(products)
        if slope is None:
            slope = self.problem.total_gradient(lambda_, -cross)
        if steps.moments is None:
            return self.inside(lambda_ - factor * steps.beta * slope)
        share = self._share_of_penalty(penalty, steps.moments)
        responses = self._by_group(products[0] * share)
        size = total + np.sqrt(total * other)
        if self.direct_curvature:
            size += np.abs(slope) + self.direct_curvature
        rate = np.maximum(responses / np.maximum(total, LEAST_SIZE), LEAST_RATE)
        rate *= factor * steps.pace * steps.beta
        move = rate * slope / np.maximum(size, LEAST_SIZE)
        return self.inside(lambda_ - move)

    def rate(self, penalty: np.ndarray, w: np.ndarray, moments: np.ndarray) -> float:
        """Return the rate at which the slowest weights respond, those of all groups.

        Parameters
        ----------
        penalty : ndarray
            Of lambda.
        w : ndarray of shape (n_splits, n_outputs, m)
            Weights.
        moments : ndarray of shape (m,)
            Of the `Steps`.

        Returns
        -------
        float
            At least `LEAST_RATE`.
        """
        energy = self._products(penalty, w, w)[0]
        responses = energy @ self._share_of_penalty(penalty, moments)
        return max(responses / max(energy.sum(), LEAST_SIZE), LEAST_RATE)

    def inside(self, lambda_: np.ndarray) -> np.ndarray:
        """Return lambda moved into its bounds, in place."""
        np.maximum(lambda_, self.low, out=lambda_)
        return np.minimum(lambda_, self.high, out=lambda_)
