"""A scan by values alone, where inner solutions are found by iterations.

A slope would cost as much as a solution, and the method that starts here finds its
own. So the loss is looked at from the null model down to weak penalties, no more
accurately than ranking asks for, each solution starting on the line through the last
two. Of many rows a sample tells where to look, and all of them only near there.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

#: Step of lambda, and the one where the loss has come to rise. Above log(curvature) +
#: NULL_MARGIN the weights are a few percent of their final size and the loss runs
#: monotonically into that of the constant model.
STEP, STEP_RISING, NULL_MARGIN = 1.75, 3.5, 2.0
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


class Scan(NamedTuple):
    """Where a solver may start, and what a scan of one shared lambda saw.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_groups,)
        The best one, the same for all groups, up to their bounds.
    weights : list of ndarray
        Inner solutions near there, of every split.
    places, values : ndarray of shape (n_points,)
        Shared lambdas in increasing order, and the objective there.
    """

    lambda_: np.ndarray
    weights: list
    places: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, problem, lambda_, weights, points):
        """Return the scan that ended at a shared lambda."""
        places = np.array([point.lambda_ for point in points])
        values = np.array([point.value for point in points])
        order = np.argsort(places)
        start = shared_lambda(problem, lambda_)
        return cls(start, weights, places[order], values[order])


def scan_values(problem):
    """Return the `Scan` that ends at the place of the lowest value.

    Parameters
    ----------
    problem : BilevelProblem
        What is minimized.

    Returns
    -------
    Scan
        Its weights are near the solution at its lambda.
    """
    fewer = problem.of_fewer_rows()
    if fewer is None:
        return _scan_down(problem)
    guide = _scan_down(fewer)
    # The strength that suits stays about the same in all, and so falls per row.
    lambda_ = guide.lambda_.max() + np.log(fewer.n_held_out / problem.n_held_out)
    return _scan_near(problem, float(lambda_), guide.weights)


def _range(problem):
    """Return the least and the greatest shared lambda to look at, and the null point.

    That is of the models without features, if these are beyond the greatest lambda.
    """
    low, high = problem.scan_bounds[0].min(), problem.scan_bounds[1].max()
    top = np.log(problem.group_curvature.max()) + NULL_MARGIN
    top = float(np.clip(top, low, high))
    if top >= high:
        return low, top, []
    null = problem.starts()
    value = problem.objective(shared_lambda(problem, high), null)
    return low, top, [_Point(high, value, null)]


def _scan_near(problem, lambda_, weights):
    """Look both ways from a lambda, as far as the loss falls."""
    low, top, null = _range(problem)
    lambda_ = float(np.clip(lambda_, low, top))
    points = [_solved(problem, lambda_, weights)]
    for step in (STEP, -STEP):
        points.reverse()
        while points[-1] is min(points, key=_value):
            here = points[-1].lambda_
            ahead = float(np.clip(here - step, low, top))
            is_over = _is_flat([point.value for point in points])
            if ahead == here or (is_over and problem.is_unpenalized(here)):
                break
            points.append(_next_point(problem, points, ahead, 0))
    points = null + sorted(points, key=lambda point: -point.lambda_)
    best = points.index(min(points, key=_value))
    return Scan.of(problem, *_lowest(points, best, len(null)), points)


def _value(point):
    return point.value if np.isfinite(point.value) else np.inf


def _scan_down(problem):
    """Look from the null model down."""
    low, top, points = _range(problem)
    n_null = len(points)
    rise = 1.0 + RISE / np.sqrt(problem.n_held_out)
    lambda_, step = top, STEP
    while True:
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
        if lambda_ <= low or (is_over and problem.is_unpenalized(lambda_)):
            break
        if _is_rising(values):
            step = STEP_RISING
        lambda_ = max(lambda_ - step, low)
    return Scan.of(problem, *_lowest(points, best, n_null), points)


def _next_point(problem, points, lambda_, n_null):
    """Return the next point, on from those before."""
    vector = shared_lambda(problem, lambda_)
    starts = points[-1].weights if points else problem.starts()
    if len(points) > n_null + 1:
        last, before = points[-1], points[-2]
        ahead = (lambda_ - last.lambda_) / (last.lambda_ - before.lambda_)
        starts = [
            w + ahead * (w - old)
            for w, old in zip(last.weights, before.weights, strict=True)
        ]
    weights = problem.minimize(vector, starts, tol=LOOSE_TOL)
    value = problem.objective(vector, weights)
    if not points or abs(value - points[-1].value) <= COARSE * value:
        return _solved(problem, lambda_, weights)
    return _Point(lambda_, value, weights)


def _solved(problem, lambda_, weights):
    """Return the point at a lambda as accurately as a ranking may need it."""
    vector = shared_lambda(problem, lambda_)
    weights = problem.minimize(vector, weights, tol=SCAN_TOL)
    return _Point(lambda_, problem.objective(vector, weights), weights)


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
    three = points[best - 1 : best + 2]
    move = _parabola_minimum(*((p.lambda_ - centre.lambda_, p.value) for p in three))
    lambda_ = centre.lambda_ + move
    shares = _lagrange(lambda_, [point.lambda_ for point in three])
    weights = [
        sum(share * w for share, w in zip(shares, own, strict=True))
        for own in zip(*(point.weights for point in three), strict=True)
    ]
    return lambda_, weights


def _parabola_minimum(before, centre, after):
    """Return where the parabola through three (place, value) is lowest.

    The second place is zero and its value the lowest: the minimum is at most half way
    to a neighbour.
    """
    (left, high), (_, least), (right, low) = before, centre, after
    slopes = (high - least) / left, (low - least) / right
    bend = (slopes[1] - slopes[0]) / (right - left)
    if not bend > 0:
        return 0.0
    move = -0.5 * (slopes[0] - bend * left) / bend
    return float(np.clip(move, *sorted((0.5 * left, 0.5 * right))))


def _lagrange(place, nodes):
    """Return the shares of the values at nodes in the interpolation at a place."""
    return [
        np.prod([(place - other) / (node - other) for other in nodes if other != node])
        for node in nodes
    ]
