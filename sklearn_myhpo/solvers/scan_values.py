"""A scan by values alone, where inner solutions are found by iterations.

A slope would cost as much as a solution, and the method that starts here finds its
own. So the loss is looked at from the null model down to weak penalties, no more
accurately than ranking asks for, each solution starting on the line through the last
two.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

#: Step of lambda. Above log(curvature) + NULL_MARGIN the weights are a few percent of
#: their final size and the loss runs monotonically into that of the constant model.
STEP, NULL_MARGIN = 1.5, 2.0
#: The scan ends after PATIENCE rises in a row to ``1 + RISE / sqrt(n)`` times the
#: lowest value: chance makes no second minimum so far up.
PATIENCE, RISE = 2, 10.0
#: Weaker penalties than the data can feel are not worth looking at once the loss
#: rises, for then it does so along separable directions; or once it moves by less than
#: FLAT of itself, for then what is left of it is of this size.
FLAT = 1e-5
#: Accuracies of the inner solutions, as of `BilevelProblem.minimize`; the first one
#: where the loss moves by more than COARSE of itself.
LOOSE_TOL, SCAN_TOL, COARSE = 0.03, 3e-3, 0.05


class _Point(NamedTuple):
    lambda_: float
    value: float
    weights: list


def scan_values(problem):
    """Return the place of the lowest value, and weights near the solution there.

    Parameters
    ----------
    problem : BilevelProblem
        What is minimized.

    Returns
    -------
    lambda_ : float
        A natural log.
    weights : list of ndarray
        Of every split.
    """
    low, high = problem.scan_bounds[0].min(), problem.scan_bounds[1].max()
    top = np.log(problem.group_curvature.max()) + NULL_MARGIN
    top = float(np.clip(top, low, high))
    points = []
    if top < high:
        null = problem.starts()
        value = problem.objective(shared_lambda(problem, high), null)
        points.append(_Point(high, value, null))
    n_null = len(points)
    rise = 1.0 + RISE / np.sqrt(problem.n_held_out)
    for lambda_ in np.linspace(top, low, int(np.ceil((top - low) / STEP)) + 1):
        points.append(_next_point(problem, points, lambda_, n_null))
        values = [point.value for point in points]
        best = int(np.argmin(np.where(np.isfinite(values), values, np.inf)))
        # Of the others the weights are not needed again.
        for number, point in enumerate(points[:-2]):
            if abs(number - best) > 1:
                points[number] = point._replace(weights=[])
        if _is_rising(values) and values[-1] > rise * values[best]:
            break
        is_over = _is_rising(values) or _is_flat(values)
        if is_over and problem.is_unpenalized(lambda_):
            break
    return _lowest(points, best, n_null)


def _next_point(problem, points, lambda_, n_null):
    """Return the next point, on from those before."""
    vector = shared_lambda(problem, lambda_)
    starts = points[-1].weights if points else problem.starts()
    if len(points) > n_null + 1:
        starts = [
            2.0 * last - before
            for last, before in zip(starts, points[-2].weights, strict=True)
        ]
    weights = problem.minimize(vector, starts, tol=LOOSE_TOL)
    value = problem.objective(vector, weights)
    if not points or abs(value - points[-1].value) <= COARSE * value:
        weights = problem.minimize(vector, weights, tol=SCAN_TOL)
        value = problem.objective(vector, weights)
    return _Point(lambda_, value, weights)


def shared_lambda(problem, lambda_):
    """Return one lambda for all groups, each within its own range."""
    return np.clip(np.full(problem.n_groups, lambda_), *problem.scan_bounds)


def _is_rising(values):
    """Whether the loss has only risen for a while."""
    last = values[-PATIENCE - 1 :]
    return len(last) > PATIENCE and all(low < high for low, high in pairwise(last))


def _is_flat(values):
    """Whether the loss has not moved for a while."""
    last = values[-PATIENCE - 1 :]
    return len(last) > PATIENCE and np.ptp(last) <= FLAT * abs(last[-1])


def _lowest(points, best, n_null):
    """Return the minimum of the parabola through the lowest point and its neighbours.

    Where it has no neighbours at the usual distance, the lowest point.
    """
    centre = points[best]
    if not n_null < best < len(points) - 1:
        return centre.lambda_, centre.weights
    before, after = points[best - 1], points[best + 1]
    step = after.lambda_ - centre.lambda_
    slope = 0.5 * (after.value - before.value)
    bend = after.value + before.value - 2.0 * centre.value
    # The lowest of three: the minimum is at most half a step away.
    move = float(np.clip(-slope / bend, -0.5, 0.5)) if bend > 0 else 0.0
    weights = [
        w + move * (0.5 * (right - left) + 0.5 * move * (right + left - 2.0 * w))
        for left, w, right in zip(
            before.weights, centre.weights, after.weights, strict=True
        )
    ]
    return centre.lambda_ + move * step, weights
