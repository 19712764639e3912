"""Steps of hyperparameters that are penalties and weights of groups of rows.

A group of rows with the weight ``sigmoid(s)`` answers as a penalty does. Let E be the
sum over its rows of ``c sigmoid(s) (1 - sigmoid(s))^2 slope^2 / curvature``, and Q that
of ``c sigmoid(s) curvature (x'q)^2``. As H is at least the sum over all rows of
``c sigmoid(s) curvature x x'``, diag(E) is an upper bound of J'HJ; and
``|h'| <= sqrt(E Q)``. The curvature is the mean over the rows.
"""

from copy import copy

import numpy as np
from scipy.special import expit

from ...bilevel.row_weights import RowWeightsProblem
from ...data.minibatches.batches import Pass
from .steps import LEAST_SIZE, Outer, Steps

#: Longest step of an s, a natural log of odds.
MAX_LOGIT_STEP = 2.0


class RowOuter:
    """Penalties, and steps of log-penalties and of the s of groups of rows.

    Parameters
    ----------
    problem : RowWeightsProblem
        The objective.
    """

    def __init__(self, problem: RowWeightsProblem):
        self.problem, self.own = problem, Outer(problem.plain)
        self.n_penalties = problem.n_penalties
        self.totals = None

    def after(self, found: Pass) -> "RowOuter":
        """Return the steps with sizes from the sums of a pass.

        Parameters
        ----------
        found : Pass
            All rows at the last lambda, weights and adjoints.

        Returns
        -------
        RowOuter
            A new object; this one is unchanged.
        """
        other = copy(self)
        other.totals = found.rows
        return other

    def penalty(self, lambda_: np.ndarray) -> np.ndarray:
        """Return the penalty of every coordinate, as `Outer.penalty`."""
        return self.own.penalty(lambda_[: self.n_penalties])

    def hypergradient(
        self,
        lambda_: np.ndarray,
        penalty: np.ndarray,
        w: np.ndarray,
        q: np.ndarray,
        pull: np.ndarray,
    ) -> np.ndarray:
        """Return the derivative of the objective with given adjoints.

        In the s of a group it is ``-(1 - sigmoid(s))`` times its pull.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_lambdas,)
            Log-penalties, then the s.
        penalty : ndarray
            Of `lambda_`.
        w, q : ndarray of shape (1, n_outputs, m)
            Weights and adjoints.
        pull : ndarray of shape (n_row_groups,)
            Of every group of rows.

        Returns
        -------
        ndarray of shape (n_lambdas,)
            Of the method's own weights and adjoints.
        """
        k = self.n_penalties
        own = self.own.hypergradient(lambda_[:k], penalty, w, q)
        slope = np.append(own, -expit(-lambda_[k:]) * pull)
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
        pull: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return lambda after one step, within its bounds.

        Parameters
        ----------
        lambda_, penalty, w, q, steps, factor : object
            As in `Outer.stepped`.
        slope : ndarray of shape (n_lambdas,), optional
            Direction of the step; by default the slope of w, q and `pull`.
        pull : ndarray of shape (n_row_groups,), optional
            Of every group of rows.

        Returns
        -------
        ndarray of shape (n_lambdas,)
            The new lambda.
        """
        k = self.n_penalties
        if slope is None:
            slope = self.hypergradient(lambda_, penalty, w, q, pull)
        given = lambda_[:k], penalty, w, q, steps, factor, slope[:k]
        rows = self._row_moves(lambda_[k:], slope[k:], penalty, w, steps)
        new = np.append(self.own.stepped(*given), lambda_[k:] - factor * rows)
        return self.problem.project(new)

    def _row_moves(self, logits, slope, penalty, w, steps):
        """Return the moves of the s against their slopes."""
        if steps.moments is None:
            return steps.beta * slope
        energy = np.square(expit(-logits)) * self.totals.energy
        size = energy + np.sqrt(energy * self.totals.other)
        direct = self.problem.direct_curvature
        if direct:
            size += np.abs(slope) + direct
        rate = self.own.rate(penalty, w, steps.moments)
        rate = min(steps.row_ratio * rate, 1.0)
        moves = steps.pace * steps.beta * rate * slope / np.maximum(size, LEAST_SIZE)
        return np.clip(moves, -MAX_LOGIT_STEP, MAX_LOGIT_STEP)


def make_outer(problem) -> Outer | RowOuter:
    """Return the steps of lambda of a problem.

    Parameters
    ----------
    problem : BilevelProblem or RowWeightsProblem
        The objective.

    Returns
    -------
    Outer or RowOuter
        The latter where weights of rows are learned.
    """
    return RowOuter(problem) if problem.offers.weighs_rows else Outer(problem)
