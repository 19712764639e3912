"""A scan by values only, for iterative inner solutions.

A slope would cost as much as a solution, and the solver that starts here finds its own.
So the loss is evaluated from the null model down to weak penalties, no more accurately
than a ranking needs, each solution starting on the line through the last two. With many
rows a sample shows the place of the minimum, and all rows are evaluated only near it.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..._deadline import Deadline, OutOfTimeError
from ...bilevel.held_out import ScanProblem
from ...bilevel.problem import Problem
from ..phases import UNWATCHED, Phases
from .near import near_scan
from .newton import MOST_STEP, newton_minimum
from .points import (
    Point,
    Scan,
    best_so_far,
    inner_range,
    null_lambda,
    scan_range,
    shared_lambda,
    value_of,
)


class Fineness(NamedTuple):
    """Resolution of a scan.

    Attributes
    ----------
    falling, rising : float
        Step of lambda, and the step after the loss has risen.
    highest_rise : float
        The scan ends after `PATIENCE` rises in a row to ``1 + highest_rise / sqrt(n)``
        times the lowest value, or one rise twice as far: chance makes no second minimum
        so far up.
    rival : float
        Relative difference up to which the minimum of a parabola may be below a point.
    margin : float
        Margin of the weakest penalty of the scan beyond one without effect at small
        weights: it may have an effect where the curvature is far from that.
    looks_twice : bool
        Whether solutions are rough at first, and accurate only where the loss moves
        little.
    is_guide : bool
        Whether a model of more rows improves what the scan finds: then solutions stay
        rough, and chance decides between minima that are nearly equal.
    """

    falling: float
    rising: float
    highest_rise: float
    rival: float
    margin: float
    looks_twice: bool
    is_guide: bool = False


#: Of many held-out rows; of some of them; and of few, whose loss may have several
#: minima anywhere.
COARSE_SCAN = Fineness(MOST_STEP, 3.5, 10.0, 0.01, 0.0, True)
GUIDE_SCAN = COARSE_SCAN._replace(is_guide=True)
FINE_SCAN = Fineness(0.75, 0.75, np.inf, 0.05, 10.0, False)
#: Held-out rows, and rows times weights, up to which a scan is fine.
FEW_HELD_OUT, FEW_ENTRIES = 300, 20_000
#: Rises in a row, or equal values, that are no chance.
PATIENCE = 2
#: Rise of the loss, relative to the lowest, after which weaker penalties do not help.
#: Losses without a bound of their curvature may rise to 10^4 times that of the null
#: model and still fall far below it.
HOPELESS = 1e8
#: Penalties too weak to have an effect are not evaluated once the loss
#: rises, for then it does so along separable directions; or once it moves by less than
#: FLAT_LOSS of itself, for then it has nothing left to fall by.
FLAT_LOSS = 1e-5
#: Accuracy of the inner solutions, as in `BilevelProblem.minimize`, where a loss moves
#: by at most COARSE of itself; elsewhere that of `SplitSet.rough_tol` will do.
SCAN_TOL, COARSE = 3e-3, 0.05
#: Relative difference of two minima at that accuracy below which either may be lower.
NEARLY_EQUAL = 2e-3


def scan_values(problem: Problem, phases: Phases = UNWATCHED) -> Scan:
    """Return the `Scan` that ends at the place of the lowest value.

    Parameters
    ----------
    problem : Problem
        The objective.
    phases : Phases, default=UNWATCHED
        Receives reports of every point that is solved for.

    Returns
    -------
    Scan
        Its weights are near the solution at its lambda.
    """
    if not isinstance(problem, ScanProblem):
        near = near_scan(problem, phases)
        if near is not None:
            return near
    fewer = problem.of_fewer_rows()
    if fewer is None:
        return _scan_down(problem, phases, _fineness(problem))
    is_guide = problem.split_set.makes_models and not is_small(fewer)
    fineness = GUIDE_SCAN if is_guide else _fineness(fewer)
    guide = _scan_down(fewer, phases, fineness)
    # The best strength is about the same in all, and so falls per row.
    lambda_ = guide.lambda_.max() + np.log(fewer.n_held_out / problem.n_held_out)
    lambda_ = float(np.clip(lambda_, *inner_range(problem)))
    try:
        return _near_guide(problem, fewer, guide, lambda_)
    except OutOfTimeError:
        with problem.counts.within(Deadline()):
            value = problem.objective(shared_lambda(problem, lambda_), guide.weights)
        points = [Point(lambda_, value, weights=guide.weights)]
        return best_so_far(problem, points)


def _near_guide(problem, fewer, guide, lambda_):
    """Return the `Scan` near the minimum of a sample of the rows."""
    model = problem.quadratic_model(fewer, shared_lambda(problem, lambda_), guide)
    weights = guide.weights
    if model is not None:
        near = newton_minimum(problem, lambda_, weights, model)
        lambda_, weights = near.lambda_, near.weights
    found = _solved(problem, lambda_, weights)
    points = [*_null_points(problem), found]
    return Scan.of(problem, lambda_, found.weights, points)


def _null_points(problem):
    """Return the point of the models without features if it is above `null_lambda`."""
    _, high = scan_range(problem)
    if null_lambda(problem) >= high:
        return []
    null = problem.starts()
    value = problem.objective(shared_lambda(problem, high), null)
    return [Point(high, value, weights=null)]


def _fineness(problem):
    return FINE_SCAN if is_small(problem) else COARSE_SCAN


def _scan_down(problem, phases, fineness):
    """Return the `Scan` from the null model down."""
    points = []
    try:
        return _look_down(problem, phases, fineness, points)
    except OutOfTimeError:
        return best_so_far(problem, points)


def _look_down(problem, phases, fineness, points):
    """Return the `Scan`, and append its points to a list."""
    low, lambda_, step = scan_range(problem)[0], null_lambda(problem), fineness.falling
    points += _null_points(problem)
    n_null = len(points)
    rise = fineness.highest_rise / np.sqrt(problem.n_held_out)
    # Where curvature has no bound, weights that are too small may predict worse than
    # none at all, and larger ones well.
    first = n_null + 1 if problem.loss.max_curvature is None else 0
    while True:
        points.append(_next_point(problem, points, lambda_, n_null, fineness))
        phases.step()
        values = [point.value for point in points]
        best = int(np.argmin(np.where(np.isfinite(values), values, np.inf)))
        # Only the weights near minima and the last points are needed again.
        near = {place + side for place in _minima(points) for side in (-1, 0, 1)}
        for number, point in enumerate(points[:-2]):
            if point.weights and number not in near:
                points[number] = point._replace(weights=[])
        if best >= first and _is_far_up(values, best, n_null, rise):
            break
        if _is_rising(values) and values[-1] > HOPELESS * values[best]:
            break
        is_over = _is_rising(values) or _is_flat(values)
        felt = lambda_ + fineness.margin
        if lambda_ <= low or (is_over and problem.is_unpenalized(felt)):
            break
        if _is_rising(values):
            step = fineness.rising
        lambda_ = max(lambda_ - step, low)
    return _ended(problem, points, n_null, fineness)


def _is_far_up(values, best, n_null, rise):
    """Whether the loss has risen far above the best, in one step or several."""
    climbed, far = values[-1] - values[best], rise * values[best]
    if n_null < best == len(values) - 2 and climbed > 2.0 * far:
        return True
    return _is_rising(values) and climbed > far


def is_small(problem: Problem) -> bool:
    """Whether held-out rows are so few that a loss may have several minima."""
    n_weights = np.prod(problem.splits[0].shape)
    few_entries = problem.n_held_out * n_weights <= FEW_ENTRIES
    return problem.n_held_out <= FEW_HELD_OUT and bool(few_entries)


def _next_point(problem, points, lambda_, n_null, fineness):
    """Return the next point, with a start from the last ones."""
    vector = shared_lambda(problem, lambda_)
    starts = points[-1].weights if points else None
    # From weights whose slopes are known the first step is free, which is enough for a
    # guide; losses that are compared should not wait for the next place to move.
    stays = fineness.is_guide and problem.split_set.keeps_slopes
    if len(points) > n_null + 1 and not stays:
        last, before = points[-1], points[-2]
        ahead = (lambda_ - last.lambda_) / (last.lambda_ - before.lambda_)
        starts = [
            w + ahead * (w - old)
            for w, old in zip(last.weights, before.weights, strict=True)
        ]
    if not fineness.looks_twice:
        return _solved(problem, lambda_, starts)
    weights = problem.minimize(vector, starts, tol=problem.split_set.rough_tol)
    value = problem.objective(vector, weights)
    moves_little = not points or abs(value - points[-1].value) <= COARSE * value
    if moves_little and not fineness.is_guide:
        return _solved(problem, lambda_, weights)
    return Point(lambda_, value, weights=weights)


def _solved(problem, lambda_, weights):
    """Return the point at a lambda, accurate enough for a ranking."""
    vector = shared_lambda(problem, lambda_)
    weights = problem.minimize(vector, weights, tol=SCAN_TOL)
    return Point(lambda_, problem.objective(vector, weights), weights=weights)


def _is_rising(values):
    """Whether the loss has only risen for a while."""
    last = values[-PATIENCE - 1 :]
    return len(last) > PATIENCE and all(low < high for low, high in pairwise(last))


def _is_flat(values):
    """Whether the loss has not moved for a while."""
    last = values[-PATIENCE - 1 :]
    return len(last) > PATIENCE and np.ptp(last) <= FLAT_LOSS * abs(last[-1])


def _minima(points):
    """Return the numbers of the points that are lower than their neighbours."""
    values = [value_of(point) for point in points]
    edges = [np.inf, *values, np.inf]
    return [
        number
        for number, value in enumerate(values)
        if value <= edges[number] and value <= edges[number + 2]
    ]


def _ended(problem, points, n_null, fineness):
    """Return the `Scan` that ends at the lowest of the minima.

    Parabolas estimate the minima. Where several may be lower than all points, they are
    looked at.
    """
    most = (1.0 + fineness.rival) * min(map(value_of, points))
    found = [_estimated(points, number, n_null) for number in _minima(points)]
    rivals = [one for one in found if one.value <= most and not fineness.is_guide]
    if len(rivals) > 1:
        rivals = [_solved(problem, one.lambda_, one.weights) for one in rivals]
        points = [*points, *rivals]
    lowest = min(rivals or found, key=value_of)
    close = [one for one in rivals if one.value <= (1.0 + NEARLY_EQUAL) * lowest.value]
    if len(close) > 1:
        # The null model has no place that could be looked for.
        top = null_lambda(problem)
        close = [
            one
            if one.lambda_ > top
            else newton_minimum(problem, one.lambda_, one.weights)
            for one in close
        ]
        lowest = min(close, key=value_of)
    return Scan.of(problem, lowest.lambda_, lowest.weights, points)


def _estimated(points, number, n_null):
    """Return the minimum of the parabola through a point and its neighbours.

    The point itself if it has no neighbours at the usual distance.
    """
    centre = points[number]
    if not n_null < number < len(points) - 1:
        return centre
    three = points[number - 1 : number + 2]
    move, value = _parabola_minimum(three)
    lambda_ = centre.lambda_ + move
    shares = _lagrange(lambda_, [point.lambda_ for point in three])
    weights = [
        sum(share * w for share, w in zip(shares, own, strict=True))
        for own in zip(*(point.weights for point in three), strict=True)
    ]
    return Point(lambda_, value, weights=weights)


def _parabola_minimum(three):
    """Return the minimizer of a parabola, relative to the second of three points.

    The second value is the lowest: the minimum is at most half way to a neighbour.

    Returns
    -------
    move, value : float
    """
    centre = three[1]
    left, right = (point.lambda_ - centre.lambda_ for point in three[::2])
    slopes = [
        (point.value - centre.value) / step
        for point, step in zip(three[::2], (left, right), strict=True)
    ]
    bend = (slopes[1] - slopes[0]) / (right - left)
    if not bend > 0:
        return 0.0, centre.value
    slope = slopes[0] - bend * left
    move = float(np.clip(-0.5 * slope / bend, *sorted((0.5 * left, 0.5 * right))))
    return move, centre.value + move * (slope + bend * move)


def _lagrange(place, nodes):
    """Return the weights of the values at nodes in an interpolation."""
    return [
        np.prod([(place - other) / (node - other) for other in nodes if other != node])
        for node in nodes
    ]
