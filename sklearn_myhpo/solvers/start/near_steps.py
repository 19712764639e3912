"""Steps of lambda and of the weights between the passes of a near start.

A pass with products gives the slope and the second derivative of the objective in
lambda, and their derivatives by the weights. The models, corrected by these, tell where
the next pass should be.
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.outer import OuterModel
from .points import Point, inner_range, scan_range

#: Step of lambda between values of the models; the relative margins within which other
#: minima of the models, and an end of the range, may be the lowest of the objective;
#: and how many minima are compared.
GRID_STEP, CLEARLY, CLEARLY_INNER, MOST_MINIMA = 0.5, 1e-3, 2e-4, 3
#: Relative difference of values of the models that is rounding.
SAME_VALUE = 1e-11
#: Where the models fall by less than the second in a step, and are within the first of
#: their least value, the objective itself may have a minimum.
SHOULDER, SHOULDER_SLOPE = 1e-4, 2e-5
#: Newton steps in lambda on one model: their number, the longest one, and the one that
#: ends them; and the largest ratio of a model's curvature to that of the objective.
MODEL_STEPS, MODEL_MOVE, SMALL_MODEL_MOVE, MOST_RATIO = 8, 1.0, 1e-3, 3.0
#: Error of a move of lambda by third derivatives, relative to its square.
THIRD = 0.2


class Place(NamedTuple):
    """Where a pass is made.

    Attributes
    ----------
    lambda_ : float
    weights : ndarray of shape (k + 1, m)
        Of the splits, and of all rows.
    both : ndarray of shape (k, 2, m)
        J and q of the splits.
    """

    lambda_: float
    weights: np.ndarray
    both: np.ndarray

    @property
    def own(self):
        """The weights (k, m) of the splits."""
        return self.weights[:-1]


class Exact(NamedTuple):
    """The objective in lambda, to second order, at the exact weights of a place.

    Attributes
    ----------
    weights : ndarray of shape (k + 1, m)
    model : OuterModel
    turn : ndarray of shape (k, m)
        Derivative of the slope of every split's loss in lambda by its weights.
    both : ndarray of shape (k, 2, m)
        Accurate J and q.
    rough : float
        Error of the J and q of the pass, relative in the norm of the Hessian, to which
        the second derivative is in proportion.
    """

    weights: np.ndarray
    model: OuterModel
    turn: np.ndarray
    both: np.ndarray
    rough: float

    @property
    def bend(self):
        """The second derivative of the objective in lambda."""
        return (self.model.tangent + self.model.bend)[0, 0]

    def off(self, move):
        """Return the error of a move of lambda to the minimum."""
        return abs(move) * max(self.rough, THIRD * abs(move))


class NearSteps:
    """Steps by the models of a problem.

    Parameters
    ----------
    problem : Problem
        Of one lambda.
    models : NearModels
    factors : ndarray of shape (m,)
        The penalty of every coordinate relative to that of lambda.
    """

    def __init__(self, problem, models, factors):
        self.problem, self.models, self.factors = problem, models, factors
        self.shares, self.range = problem.split_weights, inner_range(problem)
        self.ends = scan_range(problem)

    def minima(self):
        """Return the lambdas of the models' lowest minima, and points of the scan.

        Returns
        -------
        minima, others : list of float
            Where the models have a minimum, and where only the objective may have one.
            The others include ends of lambda that are as low in the models, or almost.
        points : list of Point
        """
        grid, values = self.scanned()
        points = [Point(*pair) for pair in zip(grid, values, strict=True)]
        # Narrow bounds have no grid between them.
        if not (len(grid) and np.all(np.isfinite(values))):
            return [], [], points
        least = values.min()
        edges = np.concatenate([[np.inf], values, [np.inf]])
        minima = (values <= edges[:-2]) & (values <= edges[2:])
        is_last = np.arange(len(values)) >= len(values) - _n_same(values)
        is_last[0] = True
        found = np.flatnonzero(minima & ~is_last & (values <= (1.0 + CLEARLY) * least))
        starts = [self.newton(grid[place]) for place in found]
        if None in starts or len(found) > MOST_MINIMA:
            return [], [], points
        null = min(values[0], self.problem.null_loss)
        most = (1.0 + CLEARLY_INNER) * least
        pairs = zip((values[-1], null), self.ends, strict=True)
        others = [end for value, end in pairs if value <= most]
        if starts or others:
            others += _shoulders(grid, values)
        return starts, others, points

    def scanned(self):
        """Return lambdas from the upper to the lower end, and values of the models."""
        low, high = self.range
        grid = np.arange(high, low, -GRID_STEP)
        return grid, self.shares @ self.models.values(grid)

    def has_lowest(self, lambdas):
        """Whether the models are nowhere lower than at one of some lambdas."""
        if not lambdas:
            return False
        least = np.min(self.shares @ self.models.values(np.array(lambdas)))
        return least <= (1.0 + SAME_VALUE) * self.scanned()[1].min()

    def newton(self, lambda_, more=0.0, point=None):
        """Return the minimum of the models over lambda near a place, or None.

        Parameters
        ----------
        lambda_ : float
        more : float, default=0.0
            What is added to the slopes of the models.
        point : NearPoint, optional
            Of the models at the lambda.
        """
        for _ in range(MODEL_STEPS):
            point = self.models.at(lambda_) if point is None else point
            slope, bend = self.shares @ point.slopes + more, self.shares @ point.bends
            if not bend > 0:
                return None
            move = float(np.clip(-slope / bend, -MODEL_MOVE, MODEL_MOVE))
            lambda_, point = float(np.clip(lambda_ + move, *self.ends)), None
            if abs(move) <= SMALL_MODEL_MOVE:
                break
        return lambda_

    def place(self, lambda_, weights):
        """Return the `Place` with J and q of the models."""
        rights = self._rights(lambda_, weights[:-1])
        return Place(lambda_, weights, self.models.solve_corrected(rights, lambda_))

    def _rights(self, lambda_, weights):
        """Return the right-hand sides (k, 2, m) of J and q at weights (k, m)."""
        felt = 2.0 * np.exp(lambda_) * self.factors * weights
        return np.stack([-felt, self.models.held_slopes(weights)], axis=1)

    def exact(self, place, found, ahead):
        """Return the `Exact` after a pass.

        The residual of q times an accurate J corrects the slope (Pierce & Giles 2000,
        sec. 2), and `turn` that to the exact weights.

        Parameters
        ----------
        place : Place
        found : NearTerms
            Of the pass.
        ahead : ndarray of shape (k + 1, m)
            The exact weights, a step from those of the pass.
        """
        lambda_, weights, before = place.lambda_, place.own, place.both
        penalty = 2.0 * np.exp(lambda_) * self.factors
        rights = self._rights(lambda_, weights)
        left = rights - found.products - penalty * before
        moves = self.models.solve_corrected(left, lambda_)
        both, turn = before + moves, found.turn - penalty * before[:, 1]
        slopes = dot(both[:, 0], left[:, 1]) + dot(rights[:, 0], before[:, 1])
        slopes += dot(turn, ahead[:-1] - weights)
        bends = slopes + dot(turn, before[:, 0]) - dot(penalty * both[:, 1], both[:, 0])
        parts = slopes, found.gram, bends - found.gram, dot(both[:, 0], rights[:, 0])
        slope, *squares = (np.array([self.shares @ one]) for one in parts)
        model = OuterModel(slope, *(one[None] for one in squares))
        lengths = [
            np.einsum("krm,krm->kr", *pair) for pair in ((moves, left), (both, rights))
        ]
        rough = float(np.sqrt(np.max(lengths[0] / lengths[1])))
        return Exact(ahead, model, turn, both, rough)

    def moved(self, place, exact):
        """Return the `Place` at the minimum of models corrected by an exact one."""
        models, before, slope = self.models, place.lambda_, exact.model.gradient[0]
        here, both = models.at(before), exact.both
        step, lambda_ = -np.sign(slope) * MODEL_MOVE, None
        if exact.bend > 0:
            step = np.clip(-slope / exact.bend, -MODEL_MOVE, MODEL_MOVE)
            ratio = self.shares @ here.bends / exact.bend
            if 1.0 / MOST_RATIO <= ratio <= MOST_RATIO:
                more = ratio * slope - self.shares @ here.slopes
                lambda_ = self.newton(before, more, here)
        if lambda_ is None:
            lambda_ = float(np.clip(before + step, *self.ends))
        there, move = models.at(lambda_), lambda_ - before
        weights = exact.weights + there.weights - here.weights
        weights[:-1] += move * (both[:, 0] - here.response)
        response = both[:, 0] + there.response - here.response
        # The derivative of q in lambda, as that of H q = grad L_V.
        change = models.solve_corrected(exact.turn[:, None], before)[:, 0]
        adjoint = both[:, 1] + move * change
        return Place(lambda_, weights, np.stack([response, adjoint], axis=1))


def _n_same(values):
    """Return how many values at the end are those of the last one, but for rounding."""
    differs = np.abs(values - values[-1]) > SAME_VALUE * abs(values[-1])
    return int(np.argmax(differs[::-1])) if differs.any() else len(values)


def _shoulders(grid, values):
    """Return the places where values on a grid are lowest but for a slight slope."""
    steps, least = np.diff(values), values.min()
    size = np.abs(steps)
    is_low = np.maximum(values[1:-2], values[2:-1]) <= (1.0 + SHOULDER) * least
    is_flat = size[1:-1] <= np.minimum(size[:-2], size[2:])
    is_flat &= size[1:-1] <= SHOULDER_SLOPE * least
    signs = np.sign(steps)
    goes_on = (signs[:-2] == signs[1:-1]) & (signs[1:-1] == signs[2:])
    places = np.flatnonzero(is_low & is_flat & goes_on)[: MOST_MINIMA - 1]
    return list(0.5 * (grid[1:-2] + grid[2:-1])[places])


def dot(a, b):
    """Return the products of rows (k, m) of two arrays, shape (k,)."""
    return np.einsum("ka,ka->k", a, b)
