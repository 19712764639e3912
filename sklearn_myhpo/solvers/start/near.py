"""The start of a fit of many rows, by models that end next to the minimum.

With many rows and one lambda, the loss is close to that of second-order models about
common weights. One Gram pass makes these models for all splits and all lambdas. Every
further pass is at the lambda and the weights of the models' minimum, and corrects the
models. While the weights are rough, a pass computes slopes only. Later it also computes
products with the Hessian of every split at the weights of that split: the terms of the
splits in the slope nearly cancel, and with a common Hessian they would not. Moves of
the weights and changes of the slopes from pass to pass correct the Hessians of the
models. If the weights converge slowly, an ordinary scan finds the start.

The last of the passes with products knows how the slope in lambda depends on lambda and
on the weights. One more Newton step of both goes to the end, and a pass there computes
the losses and slopes that are reported.
"""

from typing import NamedTuple

import numpy as np

from ..._deadline import Deadline, OutOfTimeError
from ...bilevel.known import KnownPlace
from ...bilevel.outer import OuterModel
from ...bilevel.problem import Problem
from ...engine.glm.centre import find_centre
from ...engine.glm.near_models import NearModels
from ...engine.glm.near_pass import NearPass
from .points import Point, Scan, inner_range, shared_lambda

#: Step of lambda between values of the models; the relative margin within which other
#: minima of the models may be the lowest of the objective; and how many of these are
#: compared.
GRID_STEP, CLEARLY, MOST_MINIMA = 0.5, 1e-3, 3
#: Where the models fall by less than the second in a step, and are within the first of
#: their least value, the objective itself may have a minimum.
SHOULDER, SHOULDER_SLOPE = 1e-4, 2e-5
#: Newton steps in lambda on one model: their number, the longest one, and the one that
#: ends them; and the largest ratio of a model's curvature to that of the objective.
MODEL_STEPS, MODEL_MOVE, SMALL_MODEL_MOVE, MOST_RATIO = 8, 1.0, 1e-3, 3.0
#: Most passes at the weights of every split.
NEAR_PASSES = 10
#: Share of the error of rough weights that a pass usually leaves, the largest share
#: that counts as convergence, and the number of passes that may leave more.
USUAL_RATE, SLOW_RATE, MOST_SLOW = 0.1, 0.4, 1
#: Relative errors of weights, in the norm of the Hessian: above the first, models do
#: not hold; above the second, weights are too rough for a slope in lambda; below the
#: third, the minimum in lambda is accurate; below the fourth, the passes end. And the
#: relative change of the objective by another step, below which they end.
FAR_OFF, ROUGH_WEIGHTS, NEAR_WEIGHTS_TOL, END_TOL = 0.1, 3e-4, 3e-6, 3e-7
END_CHANGE = 1e-9
#: The last move of lambda begins at a smaller slope of the objective, relative to it.
#: Its error; and the error by third derivatives, relative to the square of the move.
END_SLOPE, END_OFF, THIRD = 1e-5, 3e-6, 0.2


def near_scan(problem: Problem) -> Scan | None:
    """Return the `Scan` that ends next to the minimum over one lambda.

    Parameters
    ----------
    problem : Problem
        With one lambda, and splits that make models.

    Returns
    -------
    Scan or None
        None where only an ordinary scan works. The problem keeps the minimum found.
    """
    if not is_near_problem(problem):
        return None
    rounds = _Rounds(problem)
    with np.errstate(all="ignore"):
        try:
            return rounds.run()
        except np.linalg.LinAlgError:
            # Numbers that are not finite, which a scan may step around.
            return None
        except OutOfTimeError:
            return rounds.best_so_far()


def is_near_problem(problem):
    """Whether these models can find the minimum of a problem."""
    full, split_set = problem.full, problem.split_set
    return (
        problem.n_groups == 1
        and problem.splits[0].n_outputs == 1
        and split_set.makes_models
        and split_set.rows.are_shared
        and problem.plan.scans_sample
        and not (full.groups.n_unpenalized or problem.shrinkage.strength)
        and all(split.penalty_scale is None for split in problem.splits)
        and len(split_set.passes.held_out.visits) == 1
    )


class _Place(NamedTuple):
    """Where a pass is made: lambda, weights (k, m), and J and q (k, 2, m)."""

    lambda_: float
    weights: np.ndarray
    both: np.ndarray


class _End(NamedTuple):
    """Where passes have ended.

    Attributes
    ----------
    place : _Place
    error : float
        Relative error of the weights, in the norm of the Hessian.
    at : Slopes
        Of the rows at the weights.
    model : OuterModel
    losses : ndarray of shape (k,)
        Validation losses.
    objective, freedom : float
    """

    place: _Place
    error: float
    at: object
    model: OuterModel
    losses: np.ndarray
    objective: float
    freedom: float


class _Exact(NamedTuple):
    """The objective in lambda, to second order, at the exact weights of a place.

    Attributes
    ----------
    model : OuterModel
    turn : ndarray of shape (k, m)
        Derivative of the slope of every split's loss in lambda by its weights.
    both : ndarray of shape (k, 2, m)
        Accurate J and q.
    rough : float
        Error of the J and q of the pass, relative in the norm of the Hessian, to which
        the second derivative is in proportion.
    """

    model: OuterModel
    turn: np.ndarray
    both: np.ndarray
    rough: float

    @property
    def bend(self):
        """The second derivative of the objective in lambda."""
        return (self.model.tangent + self.model.bend)[0, 0]

    def off(self, move):
        """Return the error of a move of lambda to the minimum."""
        return abs(move) * max(self.rough, THIRD * abs(move))


class _Rounds:
    """Passes from models about common weights to the minimum."""

    def __init__(self, problem):
        self.problem, self.set = problem, problem.split_set
        self.factors = 0.5 * problem.full.penalty(np.zeros(1))[:, 0]
        self.range = inner_range(problem)
        # Lambda and weights of the last models, and points of their scan.
        self._last = None

    def best_so_far(self):
        """Return the `Scan` of a run without time left; raise without any models."""
        if self._last is None:
            raise OutOfTimeError
        lambda_, weights, points = self._last
        with self.problem.counts.within(Deadline()):
            vector = shared_lambda(self.problem, lambda_)
            if not self.problem.objective(vector, weights) < self.problem.null_loss:
                raise OutOfTimeError
        return Scan.of(self.problem, lambda_, weights, points)

    def run(self):
        """Return the `Scan`, or None."""
        problem, plan = self.problem, self.problem.plan
        given = problem.full, self.factors, self.range, plan.centre_rows
        centre = find_centre(*given)
        if centre is None:
            return None
        self.models = NearModels(self.set, self.factors, centre)
        starts, more, points = self._minima()
        ends = [self._ended(lambda_, points) for lambda_ in starts]
        if not ends or None in ends:
            return None
        ends += filter(None, [self._ended(lambda_, points) for lambda_ in more])
        return self._known(min(ends, key=lambda end: end.objective), points)

    def _minima(self):
        """Return the lambdas of the models' lowest minima, and points of the scan.

        There are none if the objective itself may be lower elsewhere.

        Returns
        -------
        minima, shoulders : list of float
            Where the models have a minimum, and where only the objective may have one.
        points : list of Point
        """
        low, high = self.range
        grid = np.arange(high, low, -GRID_STEP)
        values = self.problem.split_weights @ self.models.values(grid)
        points = [Point(*pair) for pair in zip(grid, values, strict=True)]
        # Narrow bounds have no grid between them.
        if not (len(grid) and np.all(np.isfinite(values))):
            return [], [], points
        least = values.min()
        edges = np.concatenate([[np.inf], values, [np.inf]])
        minima = (values <= edges[:-2]) & (values <= edges[2:])
        found = np.flatnonzero(minima & (values <= (1.0 + CLEARLY) * least))
        are_inner = np.all((found > 0) & (found < len(grid) - 1))
        is_lower = least < self.problem.null_loss
        if not (are_inner and is_lower and len(found) <= MOST_MINIMA):
            return [], [], points
        starts = [self._newton(grid[place]) for place in found]
        return ([] if None in starts else starts), _shoulders(grid, values), points

    def _newton(self, lambda_, more=0.0):
        """Return the minimum of the models over lambda near a place, or None.

        Parameters
        ----------
        lambda_ : float
        more : float, default=0.0
            What is added to the slopes of the models.
        """
        shares = self.problem.split_weights
        for _ in range(MODEL_STEPS):
            point = self.models.at(lambda_)
            slope, bend = shares @ point.slopes + more, shares @ point.bends
            if not bend > 0:
                return None
            move = float(np.clip(-slope / bend, -MODEL_MOVE, MODEL_MOVE))
            lambda_ = float(np.clip(lambda_ + move, *self.range))
            if abs(move) <= SMALL_MODEL_MOVE:
                break
        return lambda_

    def _ended(self, lambda_, points):
        """Return the `_End` after passes from a minimum of the models, or None."""
        passes = NearPass(self.set.passes)
        place = self._place(lambda_, self.models.at(lambda_).weights)
        error, rate, n_slow, end = np.inf, USUAL_RATE, 0, None
        # Weights of second-order models are off by the square of their distance.
        expected = self.models.distance(place.weights) ** 2
        for _ in range(NEAR_PASSES):
            is_rough = expected > ROUGH_WEIGHTS
            both = None if is_rough or end is not None else place.both
            self._last = place.lambda_, list(place.weights[..., None]), points
            found = self._pass(passes, place.weights, both, end is not None)
            last, error = error, self.models.error(place.lambda_)
            n_slow += error > max(SLOW_RATE * last, ROUGH_WEIGHTS)
            if n_slow > MOST_SLOW or not error < FAR_OFF:
                return None
            rate = min(USUAL_RATE, error / last) if error < last < np.inf else rate
            expected = rate * error
            if end is not None and self._is_settled(place, error):
                return self._end(place, error, found, *end)
            if both is not None:
                exact, before = self._exact(*place[:2], found, both), place.lambda_
                place = self._moved(place, exact)
                off = exact.off(place.lambda_ - before)
                end = (exact, off) if self._is_at_rest(exact, error, off) else None
            else:
                weights = self.models.corrected(place.lambda_)
                kept = None if end is None else place.both
                place = self._place(place.lambda_, weights, kept)
        return None

    def _pass(self, passes, weights, both, is_last):
        """Update the models by a pass at weights, and return what else it has found.

        The `NearTerms` where J and q are given, the `Slopes` of the last pass.
        """
        counts, found = self.set.counts, None
        counts.n_train_gradients += len(weights)
        if is_last:
            found, held_losses = passes.values(weights)
            gradients = found.gradients[..., 0]
            self.models.move_to(weights, gradients, losses=(found.losses, held_losses))
        elif both is not None:
            counts.n_hessian_products += 2 * len(weights)
            found = passes.terms(weights, both)
            self.models.move_to(weights, found.gradients, found.held_gradients)
        else:
            self.models.move_to(weights, passes.gradients(weights))
        return found

    def _place(self, lambda_, weights, both=None):
        """Return the `_Place` with J and q of the models, unless they are known."""
        if both is None:
            rights = self._rights(lambda_, weights)
            both = self.models.solve_corrected(rights, lambda_)
        return _Place(lambda_, weights, both)

    def _rights(self, lambda_, weights):
        """Return the right-hand sides (k, 2, m) of J and q."""
        felt = 2.0 * np.exp(lambda_) * self.factors * weights
        return np.stack([-felt, self.models.held_slopes(weights)], axis=1)

    def _moved(self, place, exact):
        """Return the `_Place` at the minimum of models corrected by an exact one."""
        models, shares, before = self.models, self.problem.split_weights, place.lambda_
        here, slope, both = models.at(before), exact.model.gradient[0], exact.both
        step, lambda_ = -np.sign(slope) * MODEL_MOVE, None
        if exact.bend > 0:
            step = np.clip(-slope / exact.bend, -MODEL_MOVE, MODEL_MOVE)
            ratio = shares @ here.bends / exact.bend
            if 1.0 / MOST_RATIO <= ratio <= MOST_RATIO:
                lambda_ = self._newton(before, ratio * slope - shares @ here.slopes)
        if lambda_ is None:
            lambda_ = float(np.clip(before + step, *self.range))
        there, move = models.at(lambda_), lambda_ - before
        weights = there.weights + models.corrected(before) - here.weights
        weights += move * (both[:, 0] - here.response)
        response = both[:, 0] + there.response - here.response
        # The derivative of q in lambda, as that of H q = grad L_V.
        change = models.solve_corrected(exact.turn[:, None], before)[:, 0]
        adjoint = both[:, 1] + move * change
        return _Place(lambda_, weights, np.stack([response, adjoint], axis=1))

    def _is_at_rest(self, exact, error, off):
        """Whether a last move of lambda, with an error, ends at the minimum."""
        size = self.problem.split_weights @ self.models.held_losses
        is_near = abs(exact.model.gradient[0]) <= END_SLOPE * size and off <= END_OFF
        return is_near and exact.bend > 0 and error <= NEAR_WEIGHTS_TOL

    def _is_settled(self, place, error):
        """Whether another step of the weights would hardly change the objective."""
        models, shares = self.models, self.problem.split_weights
        step = models.corrected(place.lambda_) - place.weights
        change = abs(shares @ _dot(models.held_gradients, step))
        return error <= END_TOL and change <= END_CHANGE * (shares @ models.held_losses)

    def _exact(self, lambda_, weights, found, both):
        """Return the `_Exact` after a pass at weights with J and q, (k, 2, m).

        The residual of q times an accurate J corrects the slope (Pierce & Giles 2000,
        sec. 2), and `turn` that to the exact weights, which are one step away.
        """
        models, shares = self.models, self.problem.split_weights
        penalty = 2.0 * np.exp(lambda_) * self.factors
        rights = self._rights(lambda_, weights)
        left = rights - found.products - penalty * both
        moves = models.solve_corrected(left, lambda_)
        before, both = both, both + moves
        turn = found.turn - penalty * before[:, 1]
        slopes = _dot(both[:, 0], left[:, 1]) + _dot(rights[:, 0], before[:, 1])
        slopes += _dot(turn, models.corrected(lambda_) - weights)
        bend = (
            slopes + _dot(turn, before[:, 0]) - _dot(penalty * both[:, 1], both[:, 0])
        )
        metric, gram = _dot(both[:, 0], rights[:, 0]), found.gram
        sums = [shares @ one for one in (slopes, gram, bend - gram, metric)]
        one = np.ones((1, 1))
        model = OuterModel(sums[0] * one[0], *(each * one for each in sums[1:]))
        squares = [
            np.einsum("krm,krm->kr", *pair) for pair in ((moves, left), (both, rights))
        ]
        rough = float(np.sqrt(np.max(squares[0] / squares[1])))
        return _Exact(model, turn, both, rough)

    def _end(self, place, error, at, exact, off):
        """Return the `_End` at the place of the last pass, with a bound of the slope.

        The slope is that of the error of lambda, and of the rest of the weights' way.
        """
        models, shares = self.models, self.problem.split_weights
        rest = place.weights - models.corrected(place.lambda_)
        slope = exact.bend * off + abs(shares @ _dot(exact.turn, rest))
        model = exact.model._replace(gradient=np.array([slope]))
        losses = models.held_losses
        objective, freedom = float(shares @ losses), models.freedom(place.lambda_)
        return _End(place, error, at, model, losses, objective, freedom)

    def _known(self, end, points):
        """Return the scan, and store the minimum in the problem."""
        problem, lambda_ = self.problem, end.place.lambda_
        kept = self.set.keep(end.place.weights[..., None], end.at, end.losses)
        place = problem.at(shared_lambda(problem, lambda_), kept)
        place.know(end.objective, end.model, list(end.place.both[..., None]))
        # By the inequality of Cauchy and Schwarz for J' H_V and a move of the weights.
        felt = float(np.sqrt(2.0 * end.model.tangent[0, 0] / end.objective))
        known = end.error, end.error * felt, end.freedom
        problem.known = KnownPlace(place, *known)
        return Scan.of(problem, lambda_, kept, points)


def _shoulders(grid, values):
    """Return the places where values on a grid are lowest but for a slight slope."""
    steps, least = np.diff(values), values.min()
    size = np.abs(steps)
    is_low = np.maximum(values[1:-2], values[2:-1]) <= (1.0 + SHOULDER) * least
    is_flat = size[1:-1] <= np.minimum(size[:-2], size[2:])
    is_flat &= size[1:-1] <= SHOULDER_SLOPE * least
    signs = np.sign(steps)
    goes_on = (signs[:-2] == signs[1:-1]) & (signs[1:-1] == signs[2:])
    places = np.flatnonzero(is_low & is_flat & goes_on)[: MOST_MINIMA - 1]
    return list(0.5 * (grid[1:-2] + grid[2:-1])[places])


def _dot(a, b):
    return np.einsum("ka,ka->k", a, b)
