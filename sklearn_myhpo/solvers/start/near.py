"""The start of a fit of many rows, by models that end next to the minimum.

With many rows and one lambda, the loss is close to that of second-order models about
common weights. One Gram pass makes these models for all splits and all lambdas. Every
further pass is at the lambda and the weights of the models' minimum, and corrects the
models. While the weights are rough, a pass computes slopes only. Later it also computes
products with the Hessian of every split at the weights of that split: the terms of the
splits in the slope nearly cancel, and with a common Hessian they would not. Moves of
the weights and changes of the slopes from pass to pass correct the Hessians of the
models. If the weights converge slowly, an ordinary scan finds the start.
"""

import numpy as np

from ..._deadline import Deadline, OutOfTimeError
from ...bilevel.known import KnownPlace
from ...bilevel.outer import OuterModel
from ...bilevel.problem import Problem
from ...engine.glm.centre import find_centre
from ...engine.glm.near_models import NearModels
from ...engine.glm.near_pass import NearPass
from ..phases import UNWATCHED, Phases
from .near_places import End, Place, dot, mean_of
from .points import Point, Scan, inner_range, shared_lambda

#: Step of lambda between values of the models; the relative margin within which other
#: minima of the models may be the lowest of the objective; and how many of these are
#: compared.
GRID_STEP, CLEARLY, MOST_MINIMA = 0.5, 1e-3, 3
#: Newton steps in lambda on one model: their number, the longest one, and the one that
#: ends them; and the largest ratio of a model's curvature to that of the objective.
MODEL_STEPS, MODEL_MOVE, SMALL_MODEL_MOVE, MOST_RATIO = 8, 1.0, 1e-3, 3.0
#: Most passes at the weights of every split, and most models about other weights where
#: these converge slowly.
NEAR_PASSES, MOST_CENTRES = 10, 4
#: Share of the error of rough weights that a pass usually leaves, the largest share
#: that counts as convergence, and the number of passes that may leave more.
USUAL_RATE, SLOW_RATE, MOST_SLOW = 0.1, 0.4, 1
#: Relative errors of weights, in the norm of the Hessian: above the first, models do
#: not hold; above the second, weights are too rough for a slope in lambda; below the
#: third, the minimum in lambda is accurate; below the fourth, the passes end. And the
#: relative change of the objective by another step, below which they end.
FAR_OFF, ROUGH_WEIGHTS, NEAR_WEIGHTS_TOL, END_TOL = 0.1, 3e-4, 1e-5, 3e-6
END_CHANGE = 1e-7
#: The passes end below these: the slope of the objective and the gain of another move
#: of lambda, both relative to the objective, and the length of that move.
END_SLOPE, END_GAIN, END_MOVE = 9e-7, 5e-10, 1e-2


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


class _Rounds:
    """Passes from models about common weights to the minimum."""

    def __init__(self, problem, phases):
        self.problem, self.set, self.phases = problem, problem.split_set, phases
        self.factors = 0.5 * problem.full.penalty(np.zeros(1))[:, 0]
        self.range = inner_range(problem)
        # Lambda and weights of the last models, and points of their scan.
        self._last = None
        # The last place, if models about it are to replace those that are too far away.
        self._next_centre = None

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
        given = problem.full, self.factors, self.range, plan.centre_rows
        centre = find_centre(*given)
        if centre is None:
            return None
        self._reach(centre.lambda_, [centre.weights] * len(self.set.splits), [])
        self.models = NearModels(self.set, self.factors, centre)
        starts, points = self._minima()
        ends = [self._ended(lambda_, points) for lambda_ in starts]
        if len(starts) == 1 and ends[0] is None:
            ends = [self._recentred(points)]
        if not ends or None in ends:
            return None
        return self._known(min(ends, key=lambda end: end.objective), points)

    def _reach(self, lambda_, weights, points):
        """Keep a place for a run without time left, and report its lambda."""
        self._last = lambda_, weights, points
        self.phases.found(shared_lambda(self.problem, lambda_))

    def _recentred(self, points):
        """Return the `End` by models about nearer and nearer weights, or None."""
        for _ in range(MOST_CENTRES):
            centre, self._next_centre = self._next_centre, None
            if centre is None:
                return None
            self.models = NearModels(self.set, self.factors, centre)
            lambda_ = self._newton(centre.lambda_)
            if lambda_ is None:
                return None
            # Far from the weights there may be a minimum that only the models have.
            away = lambda_ - centre.lambda_
            lambda_ = centre.lambda_ + float(np.clip(away, -MODEL_MOVE, MODEL_MOVE))
            end = self._ended(lambda_, points)
            if end is not None:
                return end
        return None

    def _minima(self):
        """Return the lambdas of the models' lowest minima, and points of the scan.

        There are none if the objective itself may be lower elsewhere.
        """
        low, high = self.range
        grid = np.arange(high, low, -GRID_STEP)
        values = self.problem.split_weights @ self.models.values(grid)
        points = [Point(*pair) for pair in zip(grid, values, strict=True)]
        # Narrow bounds have no grid between them.
        if not (len(grid) and np.all(np.isfinite(values))):
            return [], points
        least = values.min()
        edges = np.concatenate([[np.inf], values, [np.inf]])
        minima = (values <= edges[:-2]) & (values <= edges[2:])
        found = np.flatnonzero(minima & (values <= (1.0 + CLEARLY) * least))
        are_inner = np.all((found > 0) & (found < len(grid) - 1))
        is_lower = least < self.problem.null_loss
        if not (are_inner and is_lower and len(found) <= MOST_MINIMA):
            return [], points
        starts = [self._newton(grid[place]) for place in found]
        return ([] if None in starts else starts), points

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
        """Return the `End` after passes from a minimum of the models, or None."""
        passes = NearPass(self.set.passes)
        place = self._place(lambda_, self.models.at(lambda_).weights)
        error, rate, n_slow, end = np.inf, USUAL_RATE, 0, None
        # Weights of second-order models are off by the square of their distance.
        expected = self.models.distance(place.weights) ** 2
        for _ in range(NEAR_PASSES):
            is_rough = expected > ROUGH_WEIGHTS
            both = None if is_rough or end is not None else place.both
            self._reach(place.lambda_, list(place.weights[..., None]), points)
            found = self._pass(passes, place.weights, both)
            last, error = error, self.models.error(place.lambda_)
            n_slow += error > max(SLOW_RATE * last, ROUGH_WEIGHTS)
            if n_slow > MOST_SLOW or not error < FAR_OFF:
                if error < 1.0:
                    self._next_centre = mean_of(place, found.at.raw)
                return None
            rate = min(USUAL_RATE, error / last) if error < last < np.inf else rate
            expected = rate * error
            if both is not None:
                model, both = self._model(*place[:2], found, both)
                if self._is_at_rest(model, error):
                    end = model, both
            if end is not None and self._is_settled(place, error):
                return self._end(place, error, found.at, *end)
            if end is not None:
                place = place._replace(weights=self.models.corrected(place.lambda_))
            elif both is None:
                weights = self.models.corrected(place.lambda_)
                place = self._place(place.lambda_, weights)
            else:
                place = self._moved(place, model, both)
        return None

    def _pass(self, passes, weights, both):
        """Return the `NearTerms` at weights, and update the models with them."""
        counts = self.set.counts
        counts.n_train_gradients += len(weights)
        counts.n_hessian_products += 0 if both is None else 2 * len(weights)
        found = passes.terms(weights, both)
        at, held = found.at, (found.held_losses, found.held_gradients)
        self.models.move_to(weights, at.losses, at.gradients[..., 0], *held)
        return found

    def _place(self, lambda_, weights):
        """Return the `Place` with J and q of the models."""
        rights = self._rights(lambda_, weights)
        return Place(lambda_, weights, self.models.solve_corrected(rights, lambda_))

    def _rights(self, lambda_, weights):
        """Return the right-hand sides (k, 2, m) of J and q."""
        felt = 2.0 * np.exp(lambda_) * self.factors * weights
        return np.stack([-felt, self.models.held_slopes(weights)], axis=1)

    def _moved(self, place, model, both):
        """Return the `Place` at the minimum of models corrected by an exact one."""
        models, shares, before = self.models, self.problem.split_weights, place.lambda_
        here, slope = models.at(before), model.gradient[0]
        bend, lambda_ = (model.tangent + model.bend)[0, 0], None
        if bend > 0:
            ratio = np.clip(shares @ here.bends / bend, 1.0 / MOST_RATIO, MOST_RATIO)
            lambda_ = self._newton(before, ratio * slope - shares @ here.slopes)
        if lambda_ is None:
            away = np.sign(slope) * MODEL_MOVE
            lambda_ = float(np.clip(before - away, *self.range))
        there = models.at(lambda_)
        weights = there.weights + models.corrected(before) - here.weights
        weights += (lambda_ - before) * (both[:, 0] - here.response)
        bent = models.held_slopes(weights) - models.held_gradients
        adjoint = both[:, 1] + models.solve(bent[:, None], lambda_)[:, 0]
        response = both[:, 0] + there.response - here.response
        return Place(lambda_, weights, np.stack([response, adjoint], axis=1))

    def _is_at_rest(self, model, error):
        """Whether lambda is at the minimum."""
        slope, bend = model.gradient[0], (model.tangent + model.bend)[0, 0]
        if not (bend > 0 and error <= NEAR_WEIGHTS_TOL):
            return False
        size = abs(slope) / (self.problem.split_weights @ self.models.held_losses)
        move = abs(slope) / bend
        gain = 0.5 * size * move
        return size <= END_SLOPE and gain <= END_GAIN and move <= END_MOVE

    def _is_settled(self, place, error):
        """Whether another step of the weights would hardly change the objective."""
        models, shares = self.models, self.problem.split_weights
        step = models.corrected(place.lambda_) - place.weights
        change = abs(shares @ dot(models.held_gradients, step))
        return error <= END_TOL and change <= END_CHANGE * (shares @ models.held_losses)

    def _model(self, lambda_, weights, found, both):
        """Return the `OuterModel` at weights, and better J and q, (k, 2, m).

        Approximate J and q give the hypergradient up to the product of their errors
        (Pierce & Giles 2000, sec. 2).
        """
        models, shares = self.models, self.problem.split_weights
        penalty = 2.0 * np.exp(lambda_) * self.factors
        rights = self._rights(lambda_, weights)
        images = found.products + penalty * both
        slopes = dot(both[:, 0], rights[:, 1] - images[:, 1])
        slopes += dot(rights[:, 0], both[:, 1])
        both = both + models.solve_corrected(rights - images, lambda_)
        cross = dot(penalty * both[:, 1], both[:, 0])
        metric = dot(both[:, 0], rights[:, 0])
        slope, gram = shares @ slopes, shares @ found.gram
        bend = slope - 2.0 * (shares @ cross) - shares @ found.third
        one = np.array([[1.0]])
        return OuterModel(
            np.array([slope]), gram * one, bend * one, (shares @ metric) * one
        ), both

    def _end(self, place, error, at, model, both):
        """Return the `End` at the place of the last pass."""
        models, losses = self.models, self.models.held_losses
        objective = float(self.problem.split_weights @ losses)
        freedom = models.freedom(place.lambda_)
        return End(place, error, at, model, both, losses, objective, freedom)

    def _known(self, end, points):
        """Return the scan, and store the minimum in the problem."""
        problem, lambda_ = self.problem, end.place.lambda_
        kept = self.set.keep(end.place.weights[..., None], end.at, end.losses)
        place = problem.at(shared_lambda(problem, lambda_), kept)
        place.know(end.objective, end.model, list(end.both[..., None]))
        # By the inequality of Cauchy and Schwarz for J' H_V and a move of the weights.
        felt = float(np.sqrt(2.0 * end.model.tangent[0, 0] / end.objective))
        known = end.error, end.error * felt, end.freedom
        problem.known = KnownPlace(place, *known)
        return Scan.of(problem, lambda_, kept, points)
