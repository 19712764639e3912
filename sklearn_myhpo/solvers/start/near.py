"""The start of a fit of many rows, by models that end next to the minimum.

With many rows and one lambda, the loss is close to that of second-order models about
common weights. One Gram pass makes these models for all splits and all lambdas. Every
further pass is at the lambda and the weights of the models' minimum, and corrects the
models. While the weights are rough, a pass computes slopes only. Later it also computes
products with the Hessian of every split at the weights of that split: the terms of the
splits in the slope nearly cancel, and with a common Hessian they would not. Moves of
the weights and changes of the slopes from pass to pass correct the Hessians of the
models. If the weights converge slowly, models about nearer weights replace them, and
in the end an ordinary scan finds the start.

The last of the passes with products knows how the slope in lambda depends on lambda and
on the weights. One more Newton step of both goes to the end, and a pass there computes
the losses and slopes that are reported. The rest of the way of the weights, which that
pass knows, moves lambda once more. At an end of lambda that is as low as the models'
minima, passes stay while the slope leads outwards.
"""

from typing import NamedTuple

import numpy as np

from ..._deadline import Deadline, OutOfTimeError
from ...bilevel.known import KnownPlace
from ...bilevel.outer import OuterModel
from ...bilevel.problem import Problem
from ...engine.glm.centre import Centre, find_centre
from ...engine.glm.near_models import NearModels
from ...engine.glm.near_pass import NearPass
from ..phases import UNWATCHED, Phases
from .near_steps import MODEL_MOVE, NearSteps, Place, dot
from .points import Point, Scan, inner_range, shared_lambda

#: Most passes at the weights of every split, and most models about other weights where
#: these converge slowly.
NEAR_PASSES, MOST_CENTRES = 10, 6
#: Share of the error of rough weights that a pass usually leaves, the largest share
#: that counts as convergence, and the number of passes that may leave more.
USUAL_RATE, SLOW_RATE, MOST_SLOW = 0.1, 0.4, 1
#: Relative errors of weights, in the norm of the Hessian: above the first, models do
#: not hold; above the second, weights are too rough for a slope in lambda; below the
#: third, the minimum in lambda is accurate; below the fourth, the passes end. And the
#: relative change of the objective by another step, below which they end.
FAR_OFF, ROUGH_WEIGHTS, NEAR_WEIGHTS_TOL, END_TOL = 0.1, 3e-3, 3e-5, 3e-7
END_CHANGE = 1e-9
#: The last move of lambda begins at a smaller slope of the objective, relative to it;
#: and its error.
END_SLOPE, END_OFF = 1e-5, 1e-6
#: Rise of the loss, over the squared distance of weights, that no error of them hides.
RISES = 0.1
#: Longest moves of lambda after it: for weights that move on, and for those that stay.
END_MOVE, SMALL_END_MOVE = 1e-2, 1e-5


def near_scan(problem: Problem, phases: Phases = UNWATCHED) -> Scan | None:
    """Return the `Scan` that ends next to the minimum over one lambda.

    Parameters
    ----------
    problem : Problem
        With one lambda, and splits that make models.
    phases : Phases, default=UNWATCHED
        Receives the best lambdas so far.

    Returns
    -------
    Scan or None
        None where only an ordinary scan works. The problem keeps the minimum found.
    """
    if not is_near_problem(problem):
        return None
    rounds = _Rounds(problem, phases)
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
        and split_set.makes_near_models
        and split_set.rows.are_shared
        and problem.plan.scans_sample
        and not (full.groups.n_unpenalized or problem.shrinkage.strength)
        and all(split.penalty_scale is None for split in problem.splits)
        and len(split_set.passes.held_out.visits) == 1
    )


class _End(NamedTuple):
    """Where passes have ended.

    Attributes
    ----------
    place : Place
    whole : ndarray of shape (m, 1) or None
        Weights of all rows; None where they are not accurate.
    error : float
        Relative error of the weights, in the norm of the Hessian.
    at : Slopes
        Of the rows at the weights.
    model : OuterModel
    losses : ndarray of shape (k,)
        Validation losses.
    objective, freedom : float
    """

    place: Place
    whole: np.ndarray | None
    error: float
    at: object
    model: OuterModel
    losses: np.ndarray
    objective: float
    freedom: float


class _Rounds:
    """Passes from models about common weights to the minimum."""

    def __init__(self, problem, phases):
        self.problem, self.set, self.phases = problem, problem.split_set, phases
        self.factors = 0.5 * problem.full.penalty(np.zeros(1))[:, 0]
        # Lambda and weights of the last models, and points of their scan.
        self._last = None
        # The centre of models that are to replace those too far away, and whether
        # exact slopes have led to its lambda.
        self._next_centre, self._is_exact = None, False

    def best_so_far(self):
        """Return the `Scan` of a run without time left; raise without any models."""
        if self._last is None:
            raise OutOfTimeError
        lambda_, weights, points = self._last
        with self.problem.counts.within(Deadline()):
            vector = shared_lambda(self.problem, lambda_)
            value = self.problem.objective(vector, weights)
            if not value < self.problem.null_loss:
                raise OutOfTimeError
        points = points or [Point(lambda_, value)]
        return Scan.of(self.problem, lambda_, weights, points)

    def run(self):
        """Return the `Scan`, or None."""
        problem, plan = self.problem, self.problem.plan
        given = problem.full, self.factors, inner_range(problem), plan.scan_rows
        centre = find_centre(*given)
        if centre is None:
            return None
        self._reach(centre.lambda_, [centre.weights] * len(self.set.splits), [])
        self._model(centre)
        starts, others, points = self.steps.minima()
        ends = [self._ended(lambda_, points) for lambda_ in starts]
        if len(starts) == 1 and ends[0] is None:
            ends = [self._recentred(points)]
        if None in ends:
            return None
        others = [lambda_ for lambda_ in others if not self._is_higher(lambda_, ends)]
        ends += filter(None, [self._ended(lambda_, points) for lambda_ in others])
        if not (starts or self._has_lowest(ends)):
            return None
        return self._known(min(ends, key=lambda end: end.objective), points)

    def _has_lowest(self, ends):
        """Whether the models, now about one of the ends, are nowhere lower."""
        return self.steps.has_lowest([end.place.lambda_ for end in ends])

    def _is_higher(self, lambda_, ends):
        """Whether the objective is higher at an end of lambda than where passes ended.

        The held-out losses at the models' weights are off by the error of these, a
        share of the way from the last pass, and they rise by about its square.
        """
        if not (ends and self._is_end(lambda_)):
            return False
        weights = self.models.minima(lambda_)[0][:-1, :, None]
        away = self.models.distance(weights[..., 0])
        if not away <= FAR_OFF:
            return False
        value = self.problem.objective(shared_lambda(self.problem, lambda_), [*weights])
        return value >= (1.0 + RISES * away**2) * min(end.objective for end in ends)

    def _model(self, centre):
        """Make the models about common weights."""
        given = self.set, self.problem.full, self.factors, centre
        self.models = NearModels(*given)
        self.steps = NearSteps(self.problem, self.models, self.factors)

    def _reach(self, lambda_, weights, points):
        """Keep a place for a run without time left, and report its lambda."""
        self._last = lambda_, weights, points
        self.phases.found(shared_lambda(self.problem, lambda_))

    def _recentred(self, points):
        """Return the `_End` by models about nearer and nearer weights, or None."""
        for _ in range(MOST_CENTRES):
            centre, self._next_centre = self._next_centre, None
            if centre is None:
                return None
            self._model(centre)
            lambda_ = centre.lambda_
            if not self._is_exact:
                # Far from the weights only the models may have a minimum.
                found = self.steps.newton(lambda_)
                if found is None:
                    return None
                lambda_ += float(np.clip(found - lambda_, -MODEL_MOVE, MODEL_MOVE))
            end = self._ended(lambda_, points)
            if end is not None:
                return end
        return None

    def _ended(self, lambda_, points):
        """Return the `_End` after passes from a minimum of the models, or None."""
        models, steps = self.models, self.steps
        weight = self.problem.full.train_weight
        passes = NearPass(self.set.passes, weight, models.parts)
        place = steps.place(lambda_, models.minima(lambda_)[0])
        error, rate, n_slow, end = np.inf, USUAL_RATE, 0, None
        # Weights of second-order models are off by the square of their distance.
        expected = models.distance(place.own) ** 2
        for _ in range(NEAR_PASSES):
            is_rough = expected > ROUGH_WEIGHTS
            both = None if is_rough or end is not None else place.both
            self._reach(place.lambda_, list(place.own[..., None]), points)
            found = self._pass(passes, place.weights, both, end is not None)
            last, (ahead, errors) = error, models.ahead(place.lambda_)
            error, off = float(errors[:-1].max()), float(errors[-1])
            if off < ROUGH_WEIGHTS:
                error = max(error, off)
            n_slow += error > max(SLOW_RATE * last, ROUGH_WEIGHTS)
            if n_slow > MOST_SLOW or not error < FAR_OFF:
                break
            rate = min(USUAL_RATE, error / last) if error < last < np.inf else rate
            expected = rate * error
            if end is not None:
                left = (ahead - place.weights)[:-1]
                move = self._last_move(place, left, end[0])
                place = place._replace(lambda_=place.lambda_ + move)
                if self._is_settled(left, error) and abs(move) <= SMALL_END_MOVE:
                    whole = ahead[-1:].T if off <= END_TOL else None
                    self._reach(place.lambda_, list(place.own[..., None]), points)
                    return self._end(place, whole, error, found, left, *end)
                ahead[:-1] += move * place.both[:, 0]
                place = place._replace(weights=ahead)
            elif both is not None:
                exact, before = steps.exact(place, found, ahead), place.lambda_
                if self._leaves_end(before, exact.model.gradient[0]):
                    return None
                place = steps.moved(place, exact)
                away = exact.off(place.lambda_ - before)
                is_at_rest = self._is_at_rest(before, exact, error, away)
                end = (exact, away) if is_at_rest else None
            else:
                place = steps.place(place.lambda_, ahead)
        self._next_centre = self._centre_of(place) if error < 1.0 else None
        self._is_exact = place.lambda_ != lambda_
        return None

    def _centre_of(self, place):
        """Return the `Centre` at the mean of the weights of all splits."""
        weights = place.own.mean(axis=0)[:, None]
        return Centre(place.lambda_, weights, self.set.rows.of(0).forward(weights).T)

    def _pass(self, passes, weights, both, is_last):
        """Update the models by a pass at weights, and return what else it has found.

        The last weights are those of all rows. The result are the `NearTerms` where J
        and q are given, and the `Slopes` and losses of the last pass.
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

    def _is_end(self, lambda_):
        """Whether a lambda is an end of its range."""
        return lambda_ in self.steps.ends

    def _leaves_end(self, lambda_, slope):
        """Whether a lambda is an end from which the objective falls."""
        low, high = self.steps.ends
        return (lambda_ == low and slope < 0.0) or (lambda_ == high and slope > 0.0)

    def _is_at_rest(self, lambda_, exact, error, off):
        """Whether a last move of lambda, with an error, ends at the minimum."""
        if self._is_end(lambda_):
            return error <= NEAR_WEIGHTS_TOL
        size = self.problem.split_weights @ self.models.held_losses
        is_near = abs(exact.model.gradient[0]) <= END_SLOPE * size and off <= END_OFF
        return is_near and exact.bend > 0 and error <= NEAR_WEIGHTS_TOL

    def _is_settled(self, left, error):
        """Whether the rest of the weights' way would hardly change the objective."""
        models, shares = self.models, self.problem.split_weights
        change = abs(shares @ dot(models.held_gradients, left))
        return error <= END_TOL and change <= END_CHANGE * (shares @ models.held_losses)

    def _last_move(self, place, left, exact):
        """Return the move of lambda for the rest of the weights' way."""
        if self._is_end(place.lambda_):
            return 0.0
        slope = self.problem.split_weights @ dot(exact.turn, left)
        return float(np.clip(-slope / exact.bend, -END_MOVE, END_MOVE))

    def _end(self, place, whole, error, at, left, exact, off):
        """Return the `_End` at the place of the last pass, with the size of the slope.

        The slope is that of the error of lambda, and of the rest of the weights' way.
        At an end of lambda it is the slope of the objective.
        """
        models, shares = self.models, self.problem.split_weights
        slope = exact.bend * off + abs(shares @ dot(exact.turn, left))
        if self._is_end(place.lambda_):
            slope = exact.model.gradient[0]
        model = exact.model._replace(gradient=np.array([slope]))
        losses = models.held_losses
        objective, freedom = float(shares @ losses), models.freedom(place.lambda_)
        return _End(place, whole, error, at, model, losses, objective, freedom)

    def _known(self, end, points):
        """Return the scan, and store the minimum in the problem."""
        problem, lambda_ = self.problem, end.place.lambda_
        at = end.at._replace(gradients=end.at.gradients[:-1])
        kept = self.set.keep(end.place.own[..., None], at, end.losses)
        place = problem.at(shared_lambda(problem, lambda_), kept)
        place.know(end.objective, end.model, list(end.place.both[..., None]))
        # By the inequality of Cauchy and Schwarz for J' H_V and a move of the weights.
        felt = float(np.sqrt(2.0 * end.model.tangent[0, 0] / end.objective))
        known = end.error, end.error * felt, end.freedom, end.whole
        problem.known = KnownPlace(place, *known)
        return Scan.of(problem, lambda_, kept, points)
