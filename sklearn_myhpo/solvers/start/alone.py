"""The start of a run, also if one lambda for all groups gains little.

With one lambda for all, the noise of a useless group may hide the gain of another one.
So every group is then evaluated without the others.
"""

import numpy as np

from ..._deadline import OutOfTimeError
from ...bilevel.problem import Problem
from ..phases import UNWATCHED, Phases
from .points import Point, Scan, best_so_far
from .scan import scan_lambda
from .values import FINE_SCAN, is_small

#: Maximum number of groups that are evaluated.
MOST_GROUPS = 10
#: Decrease of the loss by one lambda, relative to the model without features, above
#: which no group is evaluated alone.
LITTLE = 0.05


def find_start(
    problem: Problem, phases: Phases = UNWATCHED
) -> tuple[np.ndarray, list[np.ndarray], Scan | None]:
    """Return lambda and weights to start from, and the scan that found them.

    Parameters
    ----------
    problem : Problem
        The objective.
    phases : Phases, default=UNWATCHED
        Receives reports of the points of the scan.

    Returns
    -------
    lambda_ : ndarray of shape (n_groups,)
        After a scan of a sample, the lambda at which the penalty of all rows is as
        strong as that of the sample.
    weights : list of ndarray
        Inner solutions near there, of every split.
    scan : Scan or None
        None after a scan of a sample, whose objective differs.
    """
    scanned, scan = problem, None
    try:
        scanned = problem.for_scan()
        scan = scan_lambda(scanned, phases)
        lambda_, weights = start_of(scanned, scan)
    except OutOfTimeError:
        scan = best_so_far(scanned, []) if scan is None else scan
        lambda_, weights = scan.lambda_, scan.weights
    if scanned is problem:
        return lambda_, weights, scan
    # The best alpha of all rows is about that of the sample, so smaller per row.
    fall = np.log(scanned.n_held_out / problem.n_held_out)
    lambda_ = np.clip(lambda_ + fall, *scanned.scan_bounds)
    return problem.lifted(lambda_), weights, None


def start_of(problem: Problem, scan: Scan) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return lambda and weights to start from.

    Parameters
    ----------
    problem : Problem
        The objective.
    scan : Scan
        Of a shared lambda.

    Returns
    -------
    lambda_ : ndarray of shape (n_groups,)
        Those of the scan. If rows and groups are few and the scan gains little, those
        of the best group alone, where these are better.
    weights : list of ndarray
        Inner solutions near there, of every split.
    """
    least = np.min(scan.values)
    gains = least < (1.0 - LITTLE) * problem.null_loss
    several = 1 < problem.n_groups <= MOST_GROUPS
    if gains or not (several and is_small(problem)):
        return scan.lambda_, scan.weights
    points = [_lowest_alone(problem, group) for group in range(problem.n_groups)]
    best = min(points, key=lambda point: point.value)
    if best.value < least:
        return best.lambda_, best.weights
    return scan.lambda_, scan.weights


def _lowest_alone(problem, group):
    """Return the lowest `Point` of one group, with the others dropped."""
    low, lambda_ = problem.scan_bounds
    weights, lowest = None, None
    while True:
        weights = problem.minimize(lambda_, weights)
        value = problem.objective(lambda_, weights)
        if lowest is None or not lowest.value <= value:
            lowest = Point(lambda_, value, weights=weights)
        if lambda_[group] <= low[group]:
            return lowest
        step = FINE_SCAN.falling * (np.arange(len(low)) == group)
        lambda_ = np.maximum(lambda_ - step, low)
