"""The start with one lambda per target: one scan for all targets."""

import numpy as np

from ..._deadline import Deadline, OutOfTimeError
from ...bilevel.per_target import TargetsProblem
from ..phases import UNWATCHED, Phases
from .points import Point, cubic_minimum

#: The scan is as fine as the solutions need from FINE_MARGIN below the log of the least
#: curvature of the data to FINE_MARGIN above the log of the largest.
FINE_MARGIN = 3.0
#: Step of lambda there, with slopes, and elsewhere.
STEP, TAIL_STEP = 1.25, 6.0


def scan_targets(
    problem: TargetsProblem, phases: Phases = UNWATCHED
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the best lambda of a scan for every target, and the exact weights.

    Parameters
    ----------
    problem : TargetsProblem
        The objective.
    phases : Phases, default=UNWATCHED
        Receives reports of every point of the scan.

    Returns
    -------
    lambda_ : ndarray of shape (n_targets,)
        One per target; where the time of the problem is over, of the points so far.
    weights : list of ndarray
        Inner solutions there.
    """
    everything = problem.everything
    grid, found = _grid(problem), []
    if len(grid) == 1:
        return _shared(problem, grid[0])
    try:
        with phases.phase("scan", len(grid)):
            for one in grid:
                given = np.full(len(everything), one), everything
                found.append(problem.target_slopes(*given))
                phases.step()
    except OutOfTimeError:
        grid = grid[: len(found)]
    if len(grid) < 2:
        # The strongest penalty unless there is another point.
        return _shared(problem, [*grid, problem.scan_bounds[1, 0]][0])
    try:
        return _between(problem, grid, np.stack(found, axis=1))
    except OutOfTimeError:
        with problem.counts.within(Deadline()):
            return _between(problem, grid, np.stack(found, axis=1))


def _between(problem, grid, found):
    """Return the minima between the points, and the exact weights there."""
    everything, (values, slopes) = problem.everything, found
    # Of equal values the one with the strongest penalty: the simplest model.
    best = len(grid) - 1 - np.argmin(values[::-1], axis=0)
    lambda_, lowest = grid[best], values[best, everything]
    low = Point(grid[:-1, None], values[:-1], slopes[:-1])
    high = Point(grid[1:, None], values[1:], slopes[1:])
    where, estimate = cubic_minimum(low, high)
    estimate[~((low.slope < 0) & (high.slope > 0))] = np.inf
    bracket = np.argmin(estimate, axis=0)
    is_inside = estimate[bracket, everything] <= lowest
    inner = np.where(is_inside, where[bracket, everything], lambda_)
    better = problem.target_slopes(inner, everything)[0] <= lowest
    lambda_ = np.where(better, inner, lambda_)
    return lambda_, problem.minimize(lambda_)


def _shared(problem, lambda_):
    """Return one lambda for all targets, and the exact weights."""
    lambda_ = np.full(len(problem.everything), lambda_)
    with problem.counts.within(Deadline()):
        return lambda_, problem.minimize(lambda_)


def _grid(problem):
    """Return lambdas in increasing order, the bounds of the scan included."""
    low, high = problem.scan_bounds[:, 0]
    curvature = np.concatenate([split.train.gram for split in problem.splits])
    curvature = curvature[curvature > 0]
    if not len(curvature):
        return np.array([low, high])
    first = np.log(0.5 * curvature.min()) - FINE_MARGIN
    last = np.log(0.5 * curvature.max()) + FINE_MARGIN
    knots = np.clip([low, first, last, high], low, high)
    steps = [TAIL_STEP, STEP, TAIL_STEP]
    parts = [
        np.linspace(start, stop, int(np.ceil((stop - start) / step)) + 1)
        for start, stop, step in zip(knots[:-1], knots[1:], steps, strict=True)
    ]
    return np.unique(np.concatenate(parts))
