"""MY-HPO as published: steps 1 to 4 of Algorithm 3 (exact) or Algorithm 1 (gradient).

Dhar, Kurup & Shah (2020), arXiv:2007.13322. State (v, w, u, lambda), with v, w and u of
every split, and a response ``G(lambda) = lambda phi_1 + phi_0`` through v:

1. v = argmin_v L_T(v, lambda); phi_1 and phi_0 from v, eq. (4)
2. w = argmin_w L_T(w, lambda) + u.(w - G(lambda)) + rho/2 |w - G(lambda)|^2
3. lambda = argmin L_V(G(lambda)) + u.(w - G(lambda)) + rho/2 |w - G(lambda)|^2
4. u = u + rho (w - G(lambda))

In Algorithm 1 each argmin is one gradient step, of size alpha, beta or delta. The
primal residual is r = w - G(lambda), the dual one s = rho (G(lambda) - G(old lambda)).

`step` calls one function for each of the four, in this order. The options beside the
paper's response ("mean") and norm ("identity") are our own. "tangent": the response is
affine in the move x of lambda, G(lambda + x) = v + J x, with J = dv/dlambda. "hessian":
|.| is the norm of the training Hessian H, and step 4 is u + rho H r.
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.evaluation import Evaluation
from ...engine.split import Proximal, Split
from ..protocol import Info
from .lambda_step import LambdaStep

#: Fraction of the linear decrease that backtracking requires.
BACKTRACKING_SHARE = 0.25
#: Maximum number of halvings of a gradient step.
MAX_BACKTRACKS = 60


class ConsensusState(NamedTuple):
    """v (`responses`), w (`weights`) and u (`duals`) of every split, and lambda."""

    lambda_: np.ndarray
    weights: list[np.ndarray]
    place: Evaluation
    responses: list[np.ndarray]
    duals: list[np.ndarray]
    error: float


class Response(NamedTuple):
    """Step 1 of one split: v, and the affine response through it.

    `metric` is the Hessian of L_T at v where proximal terms are measured by it, and
    `error` the relative distance of v from its optimum.
    """

    v: np.ndarray
    jacobian: np.ndarray
    metric: object
    error: float


class Consensus(NamedTuple):
    """One split after steps 1 and 2: the data of step 3."""

    split: Split
    w: np.ndarray
    response: Response
    proximal: Proximal

    def gap(self, move: np.ndarray) -> np.ndarray:
        """Return ``w - G(lambda + move)``."""
        return self.w - self.response.v - np.tensordot(move, self.response.jacobian, 1)


def init(options, problem, lambda_0, weights_0):
    """Return v = w = `weights_0` and u = 0."""
    place = problem.at(lambda_0, weights_0)
    duals = [np.zeros_like(w) for w in weights_0]
    return ConsensusState(lambda_0, weights_0, place, weights_0, duals, np.inf)


def step(options, problem, state, rng):
    """Return the next state and its `Info`: steps 1 to 4."""
    rho = 1.0 if options.rho == "auto" else options.rho
    alpha, beta, delta = _step_sizes(options, problem, state.lambda_, rho)
    parts = []
    for split, v, w, u in zip(
        problem.splits, state.responses, state.weights, state.duals, strict=True
    ):
        response = step_1_response(options, split, v, state.lambda_, alpha)
        proximal = Proximal(u, response.v, rho, response.metric)
        w = step_2_weights(options, split, w, state.lambda_, proximal, beta)
        parts.append(Consensus(split, w, response, proximal))
    lambda_, slope = step_3_lambda(options, problem, parts, state.lambda_, delta)
    duals = step_4_dual(parts, lambda_ - state.lambda_)
    weights = [part.w for part in parts]
    place = problem.at(lambda_, weights)
    primal, dual = _residuals(problem, parts, lambda_ - state.lambda_)
    size = np.sqrt(problem.mean(np.sum(w**2) for w in weights) + np.finfo(float).tiny)
    error = max(
        primal / size,
        dual / size,
        problem.relative(problem.projected(state.lambda_, slope), place.objective),
        *(part.response.error for part in parts),
    )
    responses = [part.response.v for part in parts]
    new_state = ConsensusState(lambda_, weights, place, responses, duals, error)
    return new_state, Info.at(place, slope, float(primal), float(rho * dual))


def step_1_response(options, split, v, lambda_, alpha):
    """Return the `Response`: v and the J of G (step 1)."""
    if options.steps == "exact":
        v, error = split.minimize(lambda_, v), 0.0
    else:
        gradient = split.train_gradient(v, lambda_)
        error = split.relative_gradient(gradient)
        v = _gradient_step(
            lambda v: split.train_loss(v, lambda_), gradient, v, alpha, options
        )
    hessian = None
    if options.response == "tangent" or options.metric == "hessian":
        hessian = split.hessian(v, lambda_)
    if options.response == "mean":
        # phi_1 = (v - phi_0) / lambda with phi_0 = mean(v) ones, eq. (4).
        phi_0 = split.group_means(v)
        jacobian = split.scatter_by_group(v - phi_0) / lambda_[:, None, None]
    else:
        jacobian = hessian.solve(-split.scatter_by_group(split.penalty(lambda_) * v))
    metric = hessian if options.metric == "hessian" else None
    return Response(v, jacobian, metric, error)


def step_2_weights(options, split, w, lambda_, proximal, beta):
    """Return w (step 2)."""
    if options.steps == "exact":
        return split.minimize(lambda_, proximal.centre, proximal)
    return _gradient_step(
        lambda w: split.train_loss(w, lambda_) + proximal.value(w),
        split.consensus_gradient(w, lambda_, proximal),
        w,
        beta,
        options,
    )


def step_3_lambda(options, problem, parts, lambda_, delta):
    """Return lambda within its bounds, and the slope where the step began (step 3)."""
    objective, start = LambdaStep(problem, parts, lambda_), np.zeros(problem.n_groups)
    slope = objective.gradient(start)
    if options.steps == "exact":
        move = objective.minimize(slope)
    else:
        move = _gradient_step(objective.value, slope, start, delta, options)
    return problem.project(lambda_ + move), slope


def step_4_dual(parts: list[Consensus], move: np.ndarray) -> list[np.ndarray]:
    """Return u of every split after a move of lambda (step 4)."""
    return [
        part.proximal.linear
        + part.proximal.rho * part.proximal.metric_product(part.gap(move))
        for part in parts
    ]


def _residuals(problem, parts, move):
    """Return the norms of r and of s / rho, over all splits."""
    gaps = [part.gap(move) for part in parts]
    moved = [part.gap(0 * move) - gap for part, gap in zip(parts, gaps, strict=True)]
    return tuple(
        np.sqrt(problem.mean(np.sum(one**2) for one in each)) for each in (gaps, moved)
    )


def _step_sizes(options, problem, lambda_, rho):
    """Return alpha, beta and delta; "auto" makes them free of units."""
    if not isinstance(options.step_sizes, str):
        return options.step_sizes
    if options.steps == "gradient":
        problem.loss.curvature_bound("MYHPO(steps='gradient', step_sizes='auto')")
    lipschitz = problem.curvature + 2.0 * np.exp(np.max(lambda_))
    extra = lipschitz if options.metric == "hessian" else 1.0
    beta = 1.0 / (lipschitz + rho * extra)
    return 1.0 / lipschitz, beta, 1.0 / (problem.null_loss or 1.0)


def _gradient_step(value, gradient, x, size, options):
    """Return ``x - size gradient``, halved until `value` decreases enough."""
    if not options.backtracking:
        return x - size * gradient
    start, square = value(x), np.sum(gradient**2)
    for _ in range(MAX_BACKTRACKS):
        new = x - size * gradient
        if value(new) <= start - BACKTRACKING_SHARE * size * square:
            return new
        size *= 0.5
    return x
