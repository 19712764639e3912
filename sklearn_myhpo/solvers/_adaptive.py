"""MY-HPO, fast form: a proximal step on lambda whose weight adapts.

With exact steps and the tangent response the consensus pair rests at w = v,
u = 0, and step 3 alone moves lambda: it minimizes
``L_V(v + J d + v''[d, d] / 2) + rho/2 |J d|_H^2``, to second order in d. The
fixed points are those of the consensus form.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import lsq_linear

from ..engine.hessian import symmetric_solver
from ..outer import OuterModel
from .protocol import Info

#: The Moreau-Yosida weight: first value, least value after a rejected step, and
#: the factors that a good, poor or rejected step multiplies it by.
RHO_FIRST, RHO_REJECTED = 1e-2, 1e-2
SHRINK, GROW = 0.1, 4.0
GOOD_RATIO, POOR_RATIO, ACCEPT_RATIO = 0.75, 0.25, 1e-4
#: Longest move of a lambda, a natural log, and longest one whose weights are
#: predicted along the tangent.
MAX_MOVE, MAX_PREDICTED = 5.0, 1.0
#: A lambda whose unit move changes neither loss by more than this share of the
#: validation loss may be in a tail.
TAIL_EFFECT = 1e-3
#: Added to the unit diagonal of the scaled tangent, which rounding may leave
#: indefinite.
SHIFT = 1e-10
#: Iterations after which the active set method is taken to cycle.
MAX_ACTIVE_SETS = 30
#: Decrease relative to the loss that rounding cannot resolve; a promised one that the
#: error of the inner solutions may hide, and the size of that error: there the
#: hypergradient decides.
ROUNDING, HIDDEN, NOISE = 1e-14, 1e-10, 1e-8


class AdaptiveState(NamedTuple):
    """Exact weights at lambda, their model, and the weight of the proximal term."""

    lambda_: np.ndarray
    weights: list
    objective: float
    hessians: list
    model: OuterModel
    rho: float
    error: float


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solution at `lambda_0` and its model."""
    weights = problem.minimize(lambda_0, weights_0)
    loss = problem.objective(lambda_0, weights)
    return _state(problem, lambda_0, weights, loss, RHO_FIRST)


def step(options, problem, state):
    """Return the next state, moved or with a larger rho, and its `Info`."""
    move, predicted = _propose(problem, state)
    rounding = ROUNDING * state.objective
    if predicted <= rounding:
        new_state = state._replace(error=0.0)
        return new_state, _info(problem, new_state)
    lambda_ = problem.project(state.lambda_ + move)
    starts = state.weights
    if np.max(np.abs(move)) <= MAX_PREDICTED:
        starts = problem.predict(state.lambda_, starts, state.hessians, move)
    weights = problem.minimize(lambda_, starts)
    loss = problem.objective(lambda_, weights)
    decrease = state.objective - loss
    if not decrease >= ACCEPT_RATIO * predicted:
        new_state = state._replace(rho=max(GROW * state.rho, RHO_REJECTED))
        if predicted <= HIDDEN * loss and abs(decrease) <= NOISE * loss:
            there = _state(problem, lambda_, weights, loss, state.rho)
            is_better = there.error < state.error
            new_state = there if is_better else state._replace(error=0.0)
        return new_state, _info(problem, new_state)
    rho = state.rho
    if decrease > GOOD_RATIO * predicted:
        rho *= SHRINK
    elif decrease < POOR_RATIO * predicted:
        rho *= GROW
    new_state = _state(problem, lambda_, weights, loss, rho)
    return new_state, _info(problem, new_state)


def _state(problem, lambda_, weights, loss, rho):
    hessians = problem.hessians(lambda_, weights)
    model = problem.model(lambda_, weights, hessians)
    error = problem.relative(problem.projected(lambda_, model.gradient), loss)
    return AdaptiveState(lambda_, weights, loss, hessians, model, rho, error)


def _propose(problem, state):
    """Return a move of lambda and the decrease that the model promises."""
    model, lambda_ = state.model, state.lambda_
    free = problem.projected(lambda_, model.gradient) != 0
    move = np.zeros(problem.n_groups)
    if not free.any():
        return move, 0.0
    index = np.ix_(free, free)
    tails = _tails(state)
    # What nobody feels may go straight to its bound.
    longest = np.where(tails, np.inf, MAX_MOVE)
    low, high = np.clip(problem.bounds - lambda_, -longest, longest)[:, free]
    bend = np.where(tails[:, None] | tails, 0.0, model.bend)[index]
    tangent = model.tangent[index] + state.rho * model.metric[index]
    # In units of its own curvature every lambda weighs the same in rounding.
    unit = np.sqrt(np.maximum(np.diag(tangent), 0.0))
    unit[unit == 0] = 1.0
    scaled = tangent / np.outer(unit, unit) + SHIFT * np.eye(len(unit))
    curved = scaled + bend / np.outer(unit, unit)
    # The second-order response where it leaves the step convex, else the tangent.
    matrix = curved if _is_positive_definite(curved) else _make_definite(scaled)
    gradient = model.gradient[free] / unit
    own = _minimize_in_box(matrix, gradient, low * unit, high * unit)
    move[free] = own / unit
    return move, -gradient @ own - 0.5 * own @ matrix @ own


def _is_positive_definite(matrix):
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _make_definite(matrix):
    """Return a semidefinite matrix without what rounding has made negative."""
    if _is_positive_definite(matrix):
        return matrix
    values, vectors = np.linalg.eigh(matrix)
    floor = SHIFT * max(values[-1], 1.0)
    return (vectors * np.maximum(values, floor)) @ vectors.T


def _minimize_in_box(matrix, gradient, low, high):
    """Return the minimizer of ``g.x + x'Mx/2`` between low and high.

    By the primal-dual active set method, which is semismooth Newton on the
    optimality conditions (Hintermueller, Ito & Kunisch 2002); in the rare case
    that it cycles, by a trust-region method.
    """
    x, force = np.zeros(len(gradient)), -gradient
    scale = np.diag(matrix)
    for _ in range(MAX_ACTIVE_SETS):
        at_high = force + scale * (x - high) > 0
        at_low = force + scale * (x - low) < 0
        free = ~(at_high | at_low)
        new = np.where(at_high, high, np.where(at_low, low, 0.0))
        if free.any():
            slope = gradient[free] + matrix[free] @ new
            solve = symmetric_solver(matrix[np.ix_(free, free)])
            new[free] = -solve(slope[:, None])[:, 0]
        force = np.where(free, 0.0, -(gradient + matrix @ new))
        if np.array_equal(new, x):
            return np.clip(x, low, high)
        x = new
    factor = np.linalg.cholesky(matrix)
    target = -np.linalg.solve(factor, gradient)
    return lsq_linear(factor.T, target, bounds=(low, high)).x


def _tails(state):
    """Return which lambdas are where the loss only decays towards a bound.

    There the loss runs like exp(-+lambda), so h'' = -+h' and Newton would move
    by one unit an iteration; the tangent alone goes on quickly.
    """
    model = state.model
    second = np.diag(model.tangent) + np.diag(model.bend)
    effect = np.diag(model.tangent) + np.diag(model.metric)
    unfelt = effect < TAIL_EFFECT * state.objective
    return unfelt & (second < 1.5 * np.abs(model.gradient))


def _info(problem, state):
    return Info(
        lambda_=state.lambda_,
        train_loss=problem.train_loss(state.weights, state.lambda_),
        validation_loss=problem.without_spread(state.lambda_, state.objective),
        hypergradient_norm=float(np.max(np.abs(state.model.gradient))),
    )
