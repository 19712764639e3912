"""Steps of weights and lambdas by second-order models of rows beyond memory."""

from typing import NamedTuple

import numpy as np

#: Number of Newton steps at the end of a solve of the models.
POLISH_STEPS = 5
#: Smallest and largest factor by which third derivatives may change a move of lambda.
LEAST_BEND, MOST_BEND = 0.3, 3.0
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
#: Longest move of a lambda between two passes, a natural log; relative rise of the
#: objective that shows that a move was too long; the share of that move to retry.
LONGEST, RISE, RETREAT = 3.0, 1e-3, 0.25
#: Ratio of a move of lambda back to the last move, above which moves swing.
SWINGING = 0.9
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


class Trust:
    """The longest move of lambda between two passes, and the best place so far.

    Attributes
    ----------
    longest : float
        Longest move of a lambda.
    """

    def __init__(self):
        self.longest = LONGEST
        #: Whether no move was too long.
        self.is_free = True
        # Lambda, objective and error of the best place so far.
        self._lowest = None
        # The last move of lambda, and how many went as far back as the one before.
        self._last, self._n_back = 0.0, 0

    def retreat(self, lambda_, objective, error=0.0):
        """Return lambda between the lowest place and this one, which is too high.

        The longest move becomes shorter then, else longer.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
        objective : float
            Value at weights near the minima there.
        error : float
            Error of these weights; the relative error of the objective is at most about
            this.

        Returns
        -------
        ndarray of shape (n_groups,) or None
            None if the objective has not risen.
        """
        if self._lowest is not None and self._has_risen(objective, error):
            centre = self._lowest[0]
            self.longest = RETREAT * np.abs(lambda_ - centre).max()
            self.is_free = False
            return centre + RETREAT * (lambda_ - centre)
        if self._lowest is None or objective < self._lowest[1]:
            self._lowest = lambda_, objective, error
        self.longest = min(2.0 * self.longest, LONGEST)
        return None

    def without_swing(self, move, longest):
        """Return the longest move: half the last one where moves go back and forth.

        Parameters
        ----------
        move : ndarray of shape (n_groups,)
            Of the lambdas.
        longest : float
            Longest move of a lambda.

        Returns
        -------
        float
        """
        size, last = np.abs(move).max(), np.abs(self._last).max()
        is_back = np.sum(self._last * move) < 0 and size > SWINGING * last
        self._n_back = self._n_back + 1 if is_back else 0
        # Once, a first move was too long; again, they take turns.
        if self._n_back > 1:
            longest = min(longest, 0.5 * last)
        self._last = np.clip(move, -longest, longest)
        return longest

    def _has_risen(self, objective, error):
        """Whether an objective is above the lowest one, given their errors."""
        _, lowest, its_error = self._lowest
        return objective > (1.0 + RISE + error + its_error) * lowest


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
    found = place.model()
    free = problem.is_free(place.lambda_) & (move != 0)
    if not free.any():
        return move
    index = np.ix_(free, free)
    bend = (found.tangent + found.bend)[index]
    own = bend - np.asarray(problem.third)[index]
    unit = np.sqrt(np.abs(np.diag(bend)))
    unit[unit == 0] = 1.0
    scaled = own / np.outer(unit, unit)
    if not np.all(np.linalg.eigvalsh(0.5 * (scaled + scaled.T)) > LEAST_BEND):
        return move
    right = bend @ move[free] / unit
    other = np.linalg.solve(scaled, right) / unit
    ratio = np.linalg.norm(unit * other) / np.linalg.norm(unit * move[free])
    if LEAST_BEND <= ratio <= MOST_BEND:
        move = move.copy()
        move[free] = other
    return move
