"""The start of a fit of many rows, by models that end next to the minimum.

One lambda of many rows has a loss like that of second-order models about common
weights. One Gram pass makes these for all splits and all lambdas. Every further pass is
at the weights and the lambda where the models ended, and mends them. It multiplies with
the Hessians of the splits' own weights too: the terms of the splits in the slope nearly
cancel, and with a common Hessian they would not. Where weights do not come near at
once, the start is left to a scan.
"""

import numpy as np

from ..._deadline import Deadline, OutOfTimeError
from ...bilevel.known import KnownPlace
from ...bilevel.outer import OuterModel
from ...bilevel.problem import Problem
from ...engine.glm.centre import find_centre
from ...engine.glm.near_models import NearModels
from ...engine.glm.near_pass import NearPass
from .points import Point, Scan, inner_range, shared_lambda

#: Step of lambda between values of the models, and how much lower than another minimum
#: the lowest one must be, relative to it.
GRID_STEP, CLEARLY = 0.5, 1e-3
#: Newton steps in lambda of one model, their longest, and the move that ends them.
MODEL_STEPS, MODEL_MOVE, SMALL_MODEL_MOVE = 8, 1.0, 1e-4
#: Most passes at the weights of every split.
NEAR_PASSES = 10
#: Share of the error of rough weights that a pass may leave, their error, and the
#: number of passes that may leave more.
SLOW_RATE, ROUGH_WEIGHTS, MOST_SLOW = 0.4, 1e-4, 1
#: Errors of weights, relative in the norm of the Hessian: too far for models, at which
#: lambda is known, and of the end, after some passes for slopes alone.
FAR_OFF, NEAR_WEIGHTS_TOL, END_TOL, END_PASSES = 0.1, 1e-5, 1e-7, 3
#: Slope of the objective, relative to it, and move of lambda, at the end.
END_SLOPE, END_MOVE = 5e-7, 1e-3


def near_scan(problem: Problem) -> Scan | None:
    """Return the `Scan` that ends next to the minimum over one lambda.

    Parameters
    ----------
    problem : Problem
        With one lambda, and splits that make models.

    Returns
    -------
    Scan or None
        None where another way is needed. The problem knows the place of its end.
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
    """Whether models may end next to the minimum of a problem."""
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
        lambda_, points = self._lowest()
        if lambda_ is None:
            return None
        return self._ended(lambda_, points)

    def _lowest(self):
        """Return the lambda of the models' only minimum, and points of the scan."""
        low, high = self.range
        grid = np.arange(high, low, -GRID_STEP)
        values = self.problem.split_weights @ self.models.values(grid)
        points = [Point(*pair) for pair in zip(grid, values, strict=True)]
        if not np.all(np.isfinite(values)):
            return None, points
        best = int(np.argmin(values))
        edges = np.concatenate([[np.inf], values, [np.inf]])
        minima = (values <= edges[:-2]) & (values <= edges[2:])
        minima[best] = False
        rivals = values[minima]
        is_inner = 0 < best < len(grid) - 1
        is_clear = np.all(rivals > (1.0 + CLEARLY) * values[best])
        if not (is_inner and is_clear and values[best] < self.problem.null_loss):
            return None, points
        return self._newton(grid[best]), points

    def _newton(self, lambda_):
        """Return the minimum of the models over lambda near a place, or None."""
        shares = self.problem.split_weights
        for _ in range(MODEL_STEPS):
            point = self.models.at(lambda_)
            slope, bend = shares @ point.slopes, shares @ point.bends
            if not bend > 0:
                return None
            move = float(np.clip(-slope / bend, -MODEL_MOVE, MODEL_MOVE))
            lambda_ = float(np.clip(lambda_ + move, *self.range))
            if abs(move) <= SMALL_MODEL_MOVE:
                break
        return lambda_

    def _ended(self, lambda_, points):
        """Return the scan after passes from where the models ended."""
        models, passes = self.models, NearPass(self.set.passes)
        start = models.at(lambda_)
        weights, response = start.weights, start.response
        slopes = models.held_slopes(weights)
        adjoint = models.solve(slopes[:, None], lambda_)[:, 0]
        last, n_slow = np.inf, 0
        for _ in range(NEAR_PASSES):
            both = np.stack([response, adjoint], axis=1)
            self._last = lambda_, list(weights[..., None]), points
            found = passes.terms(weights, both)
            self.set.counts.n_hessian_products += 2 * len(weights)
            self.set.counts.n_train_gradients += len(weights)
            at, held = found.at, (found.held_losses, found.held_gradients)
            models.move_to(weights, at.losses, at.gradients[..., 0], *held)
            error = models.error(lambda_)
            model, both = self._model(lambda_, weights, found, both)
            slope, bend = model.gradient[0], (model.tangent + model.bend)[0, 0]
            n_slow += error > max(SLOW_RATE * last, ROUGH_WEIGHTS)
            if n_slow > MOST_SLOW or not error < FAR_OFF:
                return None
            objective = self.problem.split_weights @ models.held_losses
            size, last = abs(slope) / objective, error
            move = -slope / bend if bend > 0 else -np.sign(slope) * MODEL_MOVE
            is_near = bend > 0 and error <= NEAR_WEIGHTS_TOL
            if is_near and size <= END_SLOPE and abs(move) <= END_MOVE:
                return self._known(lambda_, model, both, points)
            ahead = lambda_ + np.clip(move, -MODEL_MOVE, MODEL_MOVE)
            ahead = float(np.clip(ahead, *self.range))
            here, there = models.at(lambda_), models.at(ahead)
            bent = models.held_slopes(there.weights) - models.held_gradients
            lambda_, weights = ahead, there.weights
            response = both[:, 0] + there.response - here.response
            adjoint = both[:, 1] + models.solve(bent[:, None], lambda_)[:, 0]
        return None

    def _model(self, lambda_, weights, found, both):
        """Return the `OuterModel` at weights, and better J and q, (k, 2, m).

        Approximate J and q give the hypergradient up to the product of their errors
        (Pierce & Giles 2000, sec. 2).
        """
        models, shares = self.models, self.problem.split_weights
        penalty = 2.0 * np.exp(lambda_) * self.factors
        rights = np.stack([-penalty * weights, models.held_gradients], axis=1)
        images = found.products + penalty * both
        slopes = _dot(both[:, 0], rights[:, 1] - images[:, 1])
        slopes += _dot(rights[:, 0], both[:, 1])
        both = both + models.solve(rights - images, lambda_)
        cross = _dot(penalty * both[:, 1], both[:, 0])
        metric = _dot(both[:, 0], rights[:, 0])
        slope, gram = shares @ slopes, shares @ found.gram
        bend = slope - 2.0 * (shares @ cross) - shares @ found.third
        one = np.array([[1.0]])
        return OuterModel(
            np.array([slope]), gram * one, bend * one, (shares @ metric) * one
        ), both

    def _known(self, lambda_, model, both, points):
        """Return the scan, after the problem is told of its end."""
        problem, models = self.problem, self.models
        for _ in range(END_PASSES):
            weights = models.at(lambda_).weights
            at = self.set.slopes(weights[..., None])
            losses = self.set.held_out_losses(at.raw)
            held = losses, models.held_slopes(weights)
            models.move_to(weights, at.losses, at.gradients[..., 0], *held)
            inner = models.error(lambda_)
            if inner <= END_TOL:
                break
        else:
            return None
        kept = self.set.keep(weights[..., None], at)
        place = problem.at(shared_lambda(problem, lambda_), kept)
        objective = float(problem.split_weights @ losses)
        place.know(objective, model, list(both[..., None]))
        # By the inequality of Cauchy and Schwarz for J' H_V and a move of the weights.
        felt = float(np.sqrt(2.0 * model.tangent[0, 0] / objective))
        known = inner, inner * felt, models.freedom(lambda_)
        problem.known = KnownPlace(place, *known)
        return Scan.of(problem, lambda_, kept, points)


def _dot(a, b):
    return np.einsum("ka,ka->k", a, b)
