"""Points of a scan of one shared lambda."""

from typing import NamedTuple

import numpy as np

from ..._deadline import Deadline
from ...bilevel.problem import Problem

#: Above log(curvature) + NULL_MARGIN the weights are a few percent of their final size,
#: and the loss approaches that of the constant model monotonically.
NULL_MARGIN = 2.0
#: Smallest size of a loss that others are compared with.
LEAST_LOSS = np.finfo(float).tiny


class Point(NamedTuple):
    """The objective at a shared lambda, with its slope and weights where known."""

    lambda_: float
    value: float
    slope: float | None = None
    weights: list | None = None


class Scan(NamedTuple):
    """A start for a solver, and the points of a scan of one shared lambda.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_groups,)
        The best lambda, the same for all groups, within their bounds.
    weights : list of ndarray
        Inner solutions near there, of every split.
    places, values : ndarray of shape (n_points,)
        Shared lambdas in increasing order, and the objective there.
    """

    lambda_: np.ndarray
    weights: list[np.ndarray]
    places: np.ndarray
    values: np.ndarray

    @classmethod
    def of(
        cls,
        problem: Problem,
        lambda_: float,
        weights: list[np.ndarray],
        points: list[Point],
    ) -> "Scan":
        """Return the scan that ended at a shared lambda."""
        places = np.array([point.lambda_ for point in points])
        values = np.array([point.value for point in points])
        order = np.argsort(places)
        start = shared_lambda(problem, lambda_)
        return cls(start, weights, places[order], values[order])


def shared_lambda(problem: Problem, lambda_: float) -> np.ndarray:
    """Return one lambda for all groups, each within its own range."""
    return np.clip(np.full(problem.n_groups, lambda_), *problem.scan_bounds)


def best_so_far(problem: Problem, points: list[Point]) -> Scan:
    """Return the `Scan` that ends at the lowest point of a scan without time left.

    Parameters
    ----------
    problem : Problem
        The objective.
    points : list of Point
        The evaluated points; without any, the models without features.

    Returns
    -------
    Scan
        With finite weights.
    """
    with problem.counts.within(Deadline()):
        if not points:
            high, null = scan_range(problem)[1], problem.starts()
            value = problem.objective(shared_lambda(problem, high), null)
            points = [Point(high, value, weights=null)]
        best = min(points, key=value_of)
        weights = best.weights
        if weights is None:
            weights = problem.minimize(shared_lambda(problem, best.lambda_))
    return Scan.of(problem, best.lambda_, weights, points)


def value_of(point: Point) -> float:
    """Return the value of a point, infinite where it is not a number."""
    return point.value if np.isfinite(point.value) else np.inf


def scan_range(problem: Problem) -> tuple[float, float]:
    """Return the smallest and the largest shared lambda of the scan."""
    return problem.scan_bounds[0].min(), problem.scan_bounds[1].max()


def null_lambda(problem: Problem) -> float:
    """Return a shared lambda of models that are nearly constant, within the range."""
    top = np.log(problem.group_curvature.max()) + NULL_MARGIN
    return float(np.clip(top, *scan_range(problem)))


def inner_range(problem: Problem) -> tuple[float, float]:
    """Return the range of lambda in which models are not nearly constant."""
    return scan_range(problem)[0], null_lambda(problem)


def cubic_minimum(low: Point, high: Point) -> tuple:
    """Return place and value of the minimum of the Hermite cubic between two points.

    Of several cubics at once where the points have arrays.
    """
    width = high.lambda_ - low.lambda_
    # The loss may be in any units; relative to its size nothing overflows.
    size = np.maximum(np.maximum(np.abs(low.value), np.abs(high.value)), LEAST_LOSS)
    a, b = low.slope * width / size, high.slope * width / size
    rise = (high.value - low.value) / size
    cubic, square = a + b - 2 * rise, 3 * rise - 2 * a - b
    # The root of 3 cubic t^2 + 2 square t + a with a rising slope, in the form
    # that does not cancel.
    root = np.sqrt(np.maximum(square**2 - 3 * cubic * a, 0.0))
    is_convex = square + root > 0
    t = np.where(is_convex, -a / np.where(is_convex, square + root, 1.0), 0.5)
    t = np.clip(t, 0.0, 1.0)
    value = low.value + size * t * (a + t * (square + t * cubic))
    return low.lambda_ + t * width, value
