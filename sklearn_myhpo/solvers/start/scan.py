"""Where to start: a scan of one shared lambda over its whole range.

Exact inner solutions depend on lambda through terms like ``1 / (s + e^lambda)``,
which change over about one unit of lambda and nowhere faster. So a scan with
values and slopes at steps of that size sees every minimum, and cubic
interpolation between two points ranks them.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from .values import NULL_MARGIN, Scan, scan_values, shared_lambda

#: Steps of lambda, by what a solve costs.
STEPS = {"diagonal": 0.5, "dense": 0.75}
#: Least size of a loss that others are compared with.
TINY = np.finfo(float).tiny
#: Accuracy of the shared lambda from which several lambdas start.
SHARED_XTOL = 1e-3


class _Point(NamedTuple):
    lambda_: float
    value: float
    slope: float
    weights: list | None = None


def scan_lambda(problem):
    """Return the `Scan` of a shared lambda.

    Parameters
    ----------
    problem : BilevelProblem
        What is minimized.

    Returns
    -------
    Scan
        Its weights are near the solution at its lambda.
    """
    if problem.scans_by not in STEPS:
        return scan_values(problem)
    points = _scan(problem)
    # Of equals the strongest penalty: the simplest model.
    best = min(reversed(points), key=lambda point: point.value)
    estimate, bracket = best.value, None
    for low, high in pairwise(points):
        if low.slope < 0 < high.slope:
            where, value = _cubic_minimum(low, high)
            if value <= estimate:
                estimate, bracket = value, (low, high, where)
    if bracket is None:
        best = _with_weights(problem, best)
        return Scan.of(problem, best.lambda_, best.weights, points)
    low, high, where = bracket
    if problem.n_groups > 1:
        ends = {point.lambda_: point.slope for point in (low, high)}

        def slope(lambda_):
            if lambda_ in ends:
                return ends[lambda_]
            if problem.scans_by == "diagonal":
                return problem.path(np.array([lambda_]))[1][0]
            return _evaluate(problem, lambda_, low.weights).slope

        where = brentq(slope, low.lambda_, high.lambda_, xtol=SHARED_XTOL)
    found = _evaluate(problem, where, low.weights or problem.starts())
    if found.value > best.value:
        found = _with_weights(problem, best)
    return Scan.of(problem, found.lambda_, found.weights, points)


def _with_weights(problem, point):
    """Return the point with its weights, which a path leaves out."""
    if point.weights is not None:
        return point
    return _evaluate(problem, point.lambda_, problem.starts())


def _evaluate(problem, lambda_, starts):
    """Return value, slope and weights at a shared lambda."""
    vector = shared_lambda(problem, lambda_)
    weights = problem.minimize(vector, starts)
    slopes = problem.hypergradient(vector, weights)
    low, high = problem.scan_bounds
    slope = slopes[(low <= lambda_) & (lambda_ <= high)].sum()
    value = problem.objective(vector, weights)
    return _Point(lambda_, value, slope, weights)


def _scan(problem):
    """Return points in increasing order of lambda."""
    low, high = problem.scan_bounds[0].min(), problem.scan_bounds[1].max()
    solves_by = problem.scans_by
    top = high
    if solves_by != "diagonal":
        top = np.log(problem.group_curvature.max()) + NULL_MARGIN
        top = float(np.clip(top, low, high))
    n_steps = int(np.ceil((top - low) / STEPS[solves_by]))
    grid = np.linspace(top, low, n_steps + 1)
    if solves_by == "diagonal":
        return list(map(_Point, grid[::-1], *problem.path(grid[::-1])))
    if top < high:
        grid = np.concatenate([[high], grid])
    points, starts = [], problem.starts()
    for lambda_ in grid:
        points.append(_evaluate(problem, lambda_, starts))
        starts = points[-1].weights
    return points[::-1]


def _cubic_minimum(low, high):
    """Return place and value of the minimum of the Hermite cubic between points.

    Of several cubics at once where the points have arrays.
    """
    width = high.lambda_ - low.lambda_
    # The loss has units: in its own size nothing overflows.
    size = np.maximum(np.maximum(np.abs(low.value), np.abs(high.value)), TINY)
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
