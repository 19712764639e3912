"""Steps of weights and lambdas by second-order models of rows beyond memory."""

from typing import NamedTuple

import numpy as np

#: Number of Newton steps at the end of a solve of the models.
POLISH_STEPS = 5
#: Least curvature that third derivatives may leave of that of the models, in a move of
#: lambda and in a short one, and how long that is.
LEAST_BEND, LEAST_OF_SHORT, SHORT = 0.3, 0.02, 0.1
#: Longest move of a lambda by Newton's method.
MOST_OF_NEWTON = 1.0
#: Relative change of the objective below which a move may have any length.
LITTLE_PROMISE = 1e-6
#: Relative decrease of a training loss along a step, below which the step is short.
SMALL_FALL = 1e-10
#: Spacing of the lambdas of a search over the whole range, the size of a Hessian up to
#: which there is a search, and the relative decrease that is clearly better.
LOOK_STEP, MOST_LOOKED_AT, BETTER = 1.5, 300, 5e-4
#: Relative error of the weights, in the norm of the Hessian, above which they are far
#: from the minimum.
FAR_WEIGHTS = 0.3
#: Largest relative move of the weights, in the norm of the Hessian, for which the
#: models are accurate.
WITHIN_MODELS = 0.3


class Round(NamedTuple):
    """A problem expanded about known weights, and its solution.

    Attributes
    ----------
    problem : StreamedProblem
    lambda_ : ndarray of shape (n_groups,)
        Of the weights.
    at : ndarray of shape (n_splits + 1, m, n_outputs)
        The weights.
    ahead : ndarray of shape (n_groups,)
        Lambda of the solution.
    there : ndarray of shape (n_splits + 1, m, n_outputs)
        Its weights.
    """

    problem: object
    lambda_: np.ndarray
    at: np.ndarray
    ahead: np.ndarray
    there: np.ndarray


def are_far_from_all(problem, lambda_, common, ends):
    """Whether the common weights are far from those of all splits.

    After a pass about them about half the square of their error is left, in units of
    which the curvature of the loss is one.

    Parameters
    ----------
    problem : StreamedProblem
    lambda_ : ndarray of shape (n_groups,)
    common : ndarray of shape (m, n_outputs)
    ends : ndarray of shape (n_splits + 1, m, n_outputs)
        Solutions of the models, that of all rows last.
    """
    hessian = problem.full.hessian(None, lambda_)
    scale = problem.parts.curvature_scale

    def size(move):
        move = move.reshape(-1, 1)
        return np.sqrt(np.vdot(move, hessian.product(move)) / scale)

    *own, full = ends
    spread = max(size(one - full) for one in own)
    return 0.5 * size(full - common) ** 2 > spread


def best_shared(problem, lambda_, common):
    """Return lambda with all entries moved by the same if that is clearly better.

    The sample from which a fit starts may have its lowest minimum elsewhere. The models
    are used only near the weights about which they are expanded.

    Parameters
    ----------
    problem : StreamedProblem
        About common weights.
    lambda_ : ndarray of shape (n_groups,)
    common : ndarray of shape (m, n_outputs)

    Returns
    -------
    ndarray of shape (n_groups,)
    """
    best = lambda_
    if not lambda_.size or problem.full.shape[0] > MOST_LOOKED_AT:
        return best
    least = problem.objective(lambda_, problem.minimize(lambda_))
    start = common.reshape(-1, 1)
    most = 2.0 * FAR_WEIGHTS**2 * abs(problem.full.train_loss(start, lambda_))
    low, high = problem.scan_bounds[0].min(), problem.scan_bounds[1].max()
    for largest in np.arange(high, low, -LOOK_STEP):
        other = problem.project(lambda_ + (largest - lambda_.max()))
        move = problem.full.minimize(other, start) - start
        hessian = problem.full.hessian(None, other)
        if np.vdot(move, hessian.product(move)) > most:
            continue
        value = problem.objective(other, problem.minimize(other))
        if value < (1.0 - BETTER) * least:
            least, best = value, other
    return best


def slopes_along(models, lambda_, start, end, at):
    """Return the slope of L_T along a step at a place, and its fall at the start.

    Zero and one if the step is too small to overshoot.
    """
    before, after = models
    step = (end - start).reshape(-1, 1)
    fall = -np.vdot(before.train_gradient(start.reshape(-1, 1), lambda_), step)
    rise = np.vdot(after.train_gradient(at.reshape(-1, 1), lambda_), step)
    size = abs(before.train_loss(start.reshape(-1, 1), lambda_))
    if not fall > SMALL_FALL * size:
        return 0.0, 1.0
    return float(rise), float(fall)


def inner_error(problem, lambda_, at, ends):
    """Return the largest error of weights, relative in the norm of the Hessian.

    Of the first ones, as many as there are ends.
    """
    inner, models = 0.0, [*problem.split_set.splits, problem.full]
    for model, w, end in zip(models, at, ends, strict=False):
        step = end.reshape(-1, 1) - w.reshape(-1, 1)
        loss = abs(model.train_loss(w.reshape(-1, 1), lambda_))
        own = np.vdot(step, model.hessian(None, lambda_).product(step))
        own = own / max(2.0 * loss, np.finfo(float).tiny)
        inner = max(inner, float(np.sqrt(max(own, 0.0))))
    return inner


def lengths(problem, lambda_, at, ends):
    """Return the lengths of steps in the norms of the Hessians, (n_splits + 1,)."""
    models, sizes = [*problem.split_set.splits, problem.full], []
    for model, w, end in zip(models, at, ends, strict=True):
        step = (end - w).reshape(-1, 1)
        square = np.vdot(step, model.hessian(None, lambda_).product(step))
        sizes.append(np.sqrt(max(square, 0.0)))
    return np.array(sizes)


def within(now, longest):
    """Return the solution of a `Round`, no farther from its weights than given lengths.

    Parameters
    ----------
    now : Round
    longest : ndarray of shape (n_splits + 1,)
        As of `lengths`.
    """
    size = lengths(now.problem, now.ahead, now.at, now.there)
    share = np.minimum(1.0, longest / np.maximum(size, np.finfo(float).tiny))
    return now.at + share[:, None, None] * (now.there - now.at)


def promises_little(problem, place, lambda_):
    """Whether the models' objective hardly changes at another lambda.

    Parameters
    ----------
    problem : StreamedProblem
    place : StreamedPlace
        The present one.
    lambda_ : ndarray of shape (n_groups,)
    """
    both = place.lambda_, lambda_
    here, there = (problem.objective(one, problem.minimize(one)) for one in both)
    return bool(abs(here - there) <= LITTLE_PROMISE * place.objective)


def moves_little(problem, lambda_, other, at):
    """Whether the weights move so little to another lambda that models stay accurate.

    Parameters
    ----------
    problem : StreamedProblem
    lambda_, other : ndarray of shape (n_groups,)
        The present lambda and the other one.
    at : ndarray of shape (n_splits + 1, m, n_outputs)
        The present weights.
    """
    # The norm uses the weaker penalty, because features may leave or enter the model.
    least = np.minimum(lambda_, other)
    ends = problem.minimize(other, problem.starts())
    return inner_error(problem, least, at, ends) <= WITHIN_MODELS


def polished(problem, lambda_):
    """Return lambda after Newton steps on the slope, while this falls.

    A solver that compares values can go no further than their rounding error.
    """
    least, best = np.inf, lambda_
    for _ in range(POLISH_STEPS):
        model = problem.at(lambda_, problem.minimize(lambda_)).model()
        slope = problem.projected(lambda_, model.gradient)
        size = np.abs(slope).max()
        if not size < least:
            break
        least, best = size, lambda_
        free = slope != 0
        bend = (model.tangent + model.bend)[np.ix_(free, free)]
        if not (free.any() and np.all(np.linalg.eigvalsh(bend) > 0)):
            break
        lambda_ = lambda_.copy()
        step = np.linalg.solve(bend, slope[free])
        if np.abs(step).max() > 1.0:
            break
        lambda_[free] -= step
        lambda_ = problem.project(lambda_)
    return best


def bent(problem, place, move):
    """Return a move of lambda, rescaled by third derivatives."""
    free = problem.is_free(place.lambda_) & (move != 0)
    if not free.any():
        return move
    bend, own, unit = _curvatures(problem, place, free)
    least = LEAST_BEND if np.abs(move).max() > SHORT else LEAST_OF_SHORT
    if not (_least_of(bend) > 0 and _least_of(own) > least):
        return move
    scaled = move[free] * unit
    other = np.linalg.solve(own, bend @ scaled)
    ratio = np.linalg.norm(other) / np.linalg.norm(scaled)
    if least <= ratio <= 1.0 / least:
        move = move.copy()
        move[free] = other / unit
    return move


def newton_move(problem, place):
    """Return the short move of Newton's method with the curvature of the rows, or None.

    Parameters
    ----------
    problem : StreamedProblem
    place : StreamedPlace
        About whose weights the models are.
    """
    slope = problem.projected(place.lambda_, place.model().gradient)
    free = slope != 0
    if problem.models.third is None or not free.any():
        return None
    _, own, unit = _curvatures(problem, place, free)
    if not _least_of(own) > LEAST_OF_SHORT:
        return None
    move = np.zeros_like(slope)
    move[free] = -np.linalg.solve(own, slope[free] / unit) / unit
    return move if np.abs(move).max() <= MOST_OF_NEWTON else None


def _curvatures(problem, place, free):
    """Return the curvatures of the models and of the rows in free lambdas, scaled.

    Returns
    -------
    bend, own : ndarray of shape (k, k)
        Over the units of the rows and columns.
    unit : ndarray of shape (k,)
    """
    found, index = place.model(), np.ix_(free, free)
    bend = (found.tangent + found.bend)[index]
    own = bend - np.asarray(problem.third)[index]
    unit = np.sqrt(np.abs(np.diag(bend)))
    unit[unit == 0] = 1.0
    both = np.outer(unit, unit)
    return bend / both, 0.5 * (own + own.T) / both, unit


def _least_of(matrix):
    """Return the least eigenvalue of a symmetric matrix."""
    return np.linalg.eigvalsh(0.5 * (matrix + matrix.T))[0]
