"""The start: a scan of one shared lambda over its whole range.

Exact inner solutions depend on lambda through terms like ``1 / (s + e^lambda)``,
which change over about one unit of lambda and nowhere faster. So a scan with
values and slopes at steps of that size finds every minimum, and cubic
interpolation between two points ranks the minima.
"""

from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from ..._deadline import OutOfTimeError
from ...bilevel.problem import Problem
from ..phases import UNWATCHED, Phases
from .points import (
    Point,
    Scan,
    best_so_far,
    cubic_minimum,
    null_lambda,
    scan_range,
    shared_lambda,
)
from .values import scan_values

#: Steps of lambda, by the kind of a solve.
STEPS = {"diagonal": 0.5, "dense": 0.75}
#: Accuracy of the shared lambda from which several lambdas start.
SHARED_XTOL = 1e-3


def scan_lambda(problem: Problem, phases: Phases = UNWATCHED) -> Scan:
    """Return the `Scan` of a shared lambda.

    Parameters
    ----------
    problem : Problem
        The objective.
    phases : Phases, default=UNWATCHED
        Receives reports of every point, except points that are computed together.

    Returns
    -------
    Scan
        Its weights are near the solution at its lambda; where the time of the problem
        is over, at the best point so far.
    """
    if problem.scans_by not in STEPS:
        with phases.phase("scan"):
            return scan_values(problem, phases)
    points = []
    try:
        _scan(problem, phases, points)
        return _lowest(problem, points[::-1])
    except OutOfTimeError:
        return best_so_far(problem, points)


def _lowest(problem, points):
    """Return the `Scan` that ends at the lowest place between points in order."""
    # Of equal values the one with the strongest penalty: the simplest model.
    best = min(reversed(points), key=lambda point: point.value)
    estimate, bracket = best.value, None
    for low, high in pairwise(points):
        if low.slope < 0 < high.slope:
            where, value = cubic_minimum(low, high)
            if value <= estimate:
                estimate, bracket = value, (low, high, where)
    if bracket is None:
        best = _with_weights(problem, best)
        return Scan.of(problem, best.lambda_, best.weights, points)
    low, high, where = bracket
    if problem.n_groups > 1:
        where = _stationary_point(problem, low, high)
    found = _evaluate(problem, where, low.weights)
    if found.value > best.value:
        found = _with_weights(problem, best)
    return Scan.of(problem, found.lambda_, found.weights, points)


def _stationary_point(problem, low, high):
    """Return the shared lambda between two points at which the slope is zero."""
    # SciPy keeps its function in a reference circle, which must not hold the problem.
    given = problem, low, high
    return brentq(_slope, low.lambda_, high.lambda_, args=given, xtol=SHARED_XTOL)


def _slope(lambda_, problem, low, high):
    """Return the slope at a shared lambda between two points."""
    for point in (low, high):
        if lambda_ == point.lambda_:
            return point.slope
    if problem.scans_by == "diagonal":
        return problem.path(np.array([lambda_]))[1][0]
    return _evaluate(problem, lambda_, low.weights).slope


def _with_weights(problem, point):
    """Return the point with its weights, which a path leaves out."""
    if point.weights is not None:
        return point
    return _evaluate(problem, point.lambda_, None)


def _evaluate(problem, lambda_, starts):
    """Return value, slope and weights at a shared lambda."""
    vector = shared_lambda(problem, lambda_)
    weights = problem.minimize(vector, starts)
    place = problem.at(vector, weights)
    slopes = place.hypergradient()
    low, high = problem.scan_bounds
    slope = slopes[(low <= lambda_) & (lambda_ <= high)].sum()
    return Point(lambda_, place.objective, slope, weights)


def _scan(problem, phases, points):
    """Append the points to a list in falling order of lambda."""
    low, high = scan_range(problem)
    solves_by = problem.scans_by
    top = high if solves_by == "diagonal" else null_lambda(problem)
    n_steps = int(np.ceil((top - low) / STEPS[solves_by]))
    grid = np.linspace(top, low, n_steps + 1)
    if solves_by == "diagonal":
        with phases.phase("scan", 0):
            points += list(map(Point, grid[::-1], *problem.path(grid[::-1])))[::-1]
        return
    if top < high:
        grid = np.concatenate([[high], grid])
    starts = problem.starts()
    with phases.phase("scan", len(grid)):
        for lambda_ in grid:
            points.append(_evaluate(problem, lambda_, starts))
            starts = points[-1].weights
            phases.step()
