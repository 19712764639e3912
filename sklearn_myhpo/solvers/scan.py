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

#: Steps of lambda, by what a solve costs.
STEPS = {"diagonal": 0.5, "dense": 0.75, "newton": 1.5, "iterative": 1.5}
#: Above log(curvature) + NULL_MARGIN the weights are a few percent of their
#: final size and the loss runs monotonically into that of the constant model.
NULL_MARGIN = 2.0
#: Where the inner problem has a closed form the whole range is scanned. A scan by
#: Newton's method ends after PATIENCE rises in a row to RISE times the lowest value;
#: one by conjugate gradients, whose solves get ever slower, after as many points
#: without a relative gain of GAIN.
PATIENCE, RISE, GAIN = 3, 1.25, 1e-4
#: Accuracy of the inner solutions of a scan, as of `minimize_newton`.
SCAN_TOL = 1e-4
#: Accuracy of its slopes and predictions where Hessians are known by products near
#: an inverse that was factored.
SLOPE_TOL = 0.1
#: Weaker penalties than the data can feel are not worth looking at once the slope
#: relative to the loss is below FLAT, for then what is left of the loss is of this
#: size; or once the loss rises, for then it does so along separable directions.
FLAT = 1e-7
#: Accuracy of the shared lambda from which several lambdas start.
SHARED_XTOL = 1e-3


class _Point(NamedTuple):
    lambda_: float
    value: float
    slope: float
    weights: list | None = None
    hessians: list = ()


def scan_lambda(problem):
    """Return the best shared lambda of a scan, and its exact weights.

    Parameters
    ----------
    problem : BilevelProblem
        What is minimized.

    Returns
    -------
    lambda_ : ndarray of shape (n_groups,)
        The same for all groups, up to their bounds.
    weights : list of ndarray
        Inner solutions there.
    """
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
        return _shared(problem, best.lambda_), best.weights
    low, high, where = bracket
    if problem.n_groups > 1:
        ends = {point.lambda_: point.slope for point in (low, high)}

        def slope(lambda_):
            if lambda_ in ends:
                return ends[lambda_]
            if low.weights is None:
                return problem.path(np.array([lambda_]))[1][0]
            return _evaluate(problem, lambda_, low.weights).slope

        where = brentq(slope, low.lambda_, high.lambda_, xtol=SHARED_XTOL)
    found = _evaluate(problem, where, low.weights or problem.starts())
    if found.value > best.value:
        found = _with_weights(problem, best)
    return _shared(problem, found.lambda_), found.weights


def _with_weights(problem, point):
    """Return the point with its weights, which a path leaves out."""
    if point.weights is not None:
        return point
    return _evaluate(problem, point.lambda_, problem.starts())


def _shared(problem, lambda_):
    """Return one lambda for all groups, each within its own range."""
    return np.clip(np.full(problem.n_groups, lambda_), *problem.scan_bounds)


def _evaluate(problem, lambda_, starts):
    """Return value, slope and weights at a shared lambda."""
    vector = _shared(problem, lambda_)
    weights = problem.minimize(vector, starts, tol=SCAN_TOL)
    hessians = problem.hessians(vector, weights)
    rtol = SLOPE_TOL if problem.scans_by == "newton" else SCAN_TOL
    slopes = problem.hypergradient(vector, weights, hessians, rtol=rtol)
    low, high = problem.scan_bounds
    slope = slopes[(low <= lambda_) & (lambda_ <= high)].sum()
    value = problem.objective(vector, weights)
    return _Point(lambda_, value, slope, weights, hessians)


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
        if points:
            starts = _predict(problem, points[-1], lambda_)
            # Factors of every point at once would fill the memory.
            points[-1] = points[-1]._replace(hessians=[])
        points.append(_evaluate(problem, lambda_, starts))
        values = [point.value for point in points]
        if _may_end(values, solves_by):
            break
        is_flat = abs(points[-1].slope) <= FLAT * values[-1]
        if (is_flat or _is_rising(values)) and problem.is_unpenalized(lambda_):
            break
    return points[::-1]


def _may_end(values, solves_by):
    """Whether weaker penalties than those seen are not worth their price."""
    if solves_by in ("diagonal", "dense") or len(values) <= PATIENCE:
        return False
    if solves_by == "newton":
        return _is_rising(values) and values[-1] > RISE * min(values)
    before, last = values[:-PATIENCE], values[-PATIENCE:]
    # The constant model's plateau comes first: something was gained before.
    gained = min(before) < (1.0 - 10 * GAIN) * values[0]
    return gained and min(last) > (1.0 - GAIN) * min(before)


def _is_rising(values):
    """Whether the loss has only risen for a while."""
    last = values[-PATIENCE - 1 :]
    return len(last) > PATIENCE and all(low < high for low, high in pairwise(last))


def _predict(problem, point, lambda_):
    """Return weights at `lambda_` from another point.

    Along the tangent where the point is close and the solve for it is cheaper
    than the iterations that it saves.
    """
    close = abs(lambda_ - point.lambda_) <= STEPS["newton"]
    if not close or problem.scans_by != "newton":
        return point.weights
    vector = _shared(problem, point.lambda_)
    move = _shared(problem, lambda_) - vector
    return problem.predict(vector, point.weights, point.hessians, move, SLOPE_TOL)


def _cubic_minimum(low, high):
    """Return place and value of the minimum of the Hermite cubic between points."""
    width = high.lambda_ - low.lambda_
    # The loss has units: in its own size nothing overflows.
    size = max(abs(low.value), abs(high.value), np.finfo(float).tiny)
    a, b = low.slope * width / size, high.slope * width / size
    rise = (high.value - low.value) / size
    cubic, square = a + b - 2 * rise, 3 * rise - 2 * a - b
    # The root of 3 cubic t^2 + 2 square t + a with a rising slope, in the form
    # that does not cancel.
    root = np.sqrt(max(square**2 - 3 * cubic * a, 0.0))
    t = float(np.clip(-a / (square + root), 0.0, 1.0)) if square + root > 0 else 0.5
    value = low.value + size * t * (a + t * (square + t * cubic))
    return low.lambda_ + t * width, value
