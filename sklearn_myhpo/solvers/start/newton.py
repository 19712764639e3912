"""Newton steps in one shared lambda, from the best point of a scan."""

import numpy as np

from ...bilevel.problem import Problem
from ...engine.glm.quadratic_model import QuadraticModels
from .points import Point, Scan, inner_range, shared_lambda

#: Maximum number of steps, the longest one, and the accuracy of the minimum.
NEWTON_STEPS, MOST_STEP, PLACE_TOL = 6, 1.75, 0.02
#: Maximum number of steps to the exact minimum, and the length of a step below which
#: the objective does not change.
SHARED_STEPS, SHARED_TOL = 12, 1e-5


def newton_minimum(
    problem: Problem,
    lambda_: float,
    weights: list[np.ndarray],
    model: QuadraticModels | None = None,
) -> Point:
    """Return the lowest `Point` of Newton steps in a shared lambda.

    Parameters
    ----------
    problem : Problem
        The objective.
    lambda_ : float
        Where to start.
    weights : list of ndarray
        Near the solution there.
    model : QuadraticModels, optional
        Of the problem: then the point is one of the model.

    Returns
    -------
    Point
        The best of all places of the steps.
    """
    lowest = None
    for _ in range(NEWTON_STEPS):
        if model is None:
            point, slope, bend = _curved(problem, lambda_, weights)
            weights = point.weights
        else:
            point, slope, bend = _curved_model(problem, model, lambda_)
        if lowest is None or not lowest.value <= point.value:
            lowest = point
        ahead = lambda_ + _step(slope, bend)
        ahead = float(np.clip(ahead, *inner_range(problem)))
        if abs(ahead - lambda_) <= PLACE_TOL:
            break
        lambda_ = ahead
    return lowest


def shared_minimum(problem: Problem, scan: Scan) -> Scan:
    """Return the scan, ended at the exact minimum of a shared lambda.

    The objective there is the unit of a penalty on differences of the lambdas.

    Parameters
    ----------
    problem : Problem
        The objective.
    scan : Scan
        Ended near the minimum; exactly there where weights have a closed form.

    Returns
    -------
    Scan
    """
    if not problem.iterates or problem.prefers_products or problem.n_groups == 1:
        return scan
    lambda_, weights = float(np.max(scan.lambda_)), scan.weights
    low, high = inner_range(problem)
    for _ in range(SHARED_STEPS):
        if not low < lambda_ < high:
            return scan
        point, slope, bend = _curved(problem, lambda_, weights)
        weights = point.weights
        step = _step(slope, bend)
        if abs(step) <= SHARED_TOL:
            break
        lambda_ += step
    else:
        return scan
    return scan._replace(lambda_=shared_lambda(problem, lambda_), weights=weights)


def _step(slope, bend):
    """Return Newton's step, or one downhill where the objective is concave."""
    step = -slope / bend if bend > 0 else -np.sign(slope) * MOST_STEP
    return float(np.clip(step, -MOST_STEP, MOST_STEP))


def _curved(problem, lambda_, weights):
    """Return the `Point` at a shared lambda, with slope and bend of the objective."""
    vector = shared_lambda(problem, lambda_)
    weights = problem.minimize(vector, weights)
    place = problem.at(vector, weights)
    outer = place.model()
    bend = (outer.tangent + outer.bend).sum()
    return Point(lambda_, place.objective, weights=weights), outer.gradient.sum(), bend


def _curved_model(problem, model, lambda_):
    """Return the same for a model of the problem."""
    low, high = problem.scan_bounds
    moves = (low <= lambda_) & (lambda_ <= high)
    found = model.at(shared_lambda(problem, lambda_), moves)
    value, slope, bend = map(problem.mean, found[:3])
    return Point(lambda_, value, weights=found.weights), slope, bend
