"""MY-HPO, fast form: a proximal step on lambda whose weight adapts.

With exact steps and the tangent response the consensus pair rests at w = v,
u = 0, and step 3 alone moves lambda: it minimizes
``L_V(v + J x + v''[x, x] / 2) + rho/2 |J x|_H^2``, to second order in x. The
fixed points are those of the consensus form.

Here x is a move of lambda as the weights feel it, see `_freedom`, so that one step
may drop a feature or let it back.
"""

from typing import NamedTuple

import numpy as np

from ..outer import OuterModel
from ._box import is_positive_definite, minimize_in_box
from ._freedom import felt, freedom_taken, unfelt
from .protocol import Info

#: The Moreau-Yosida weight: first value, least value after a rejected step, and
#: the factors that a good, poor or rejected step multiplies it by, the latter up to
#: GROW_MOST.
RHO_FIRST, RHO_REJECTED = 1e-2, 1e-2
SHRINK, GROW, GROW_MOST = 0.1, 4.0, 16.0
GOOD_RATIO, POOR_RATIO, ACCEPT_RATIO = 0.75, 0.25, 1e-4
#: Longest move of a lambda, a natural log, unless its group has less freedom left, or
#: less taken, than END; and longest one whose weights are predicted.
MAX_MOVE, END, MAX_PREDICTED = 5.0, 1e-3, 1.0
#: Added to the unit diagonal of the scaled tangent, which rounding may leave
#: indefinite.
SHIFT = 1e-10
#: Accuracy of the inner solutions, where they are found by iterations: the first, then
#: a share of the relative decrease that a step promises, the largest, and the least,
#: which is that for promises below CLOSE.
INNER_FIRST, INNER_SHARE, INNER_LOOSE, INNER_TOL = 1e-6, 1e-2, 1e-4, 1e-9
CLOSE = 1e-5
#: The residual that is reported is at least so many times theirs.
INNER_MARGIN = 100.0
#: Decrease relative to the loss that rounding cannot resolve; a promised one that the
#: error of the inner solutions may hide, and the size of that error: there the
#: hypergradient decides.
ROUNDING, HIDDEN, NOISE = 1e-14, 1e-10, 1e-8


class AdaptiveState(NamedTuple):
    """Exact weights at lambda, their model, and what the proximal step makes of it.

    `rho` is the weight of the proximal term, `move` the step as the weights feel
    it, `target` where it leads to and `predicted` the decrease it promises. `inner` is
    the accuracy of the weights.
    """

    lambda_: np.ndarray
    weights: list
    objective: float
    hessians: list
    model: OuterModel
    rho: float
    inner: float = INNER_TOL
    error: float = np.inf
    move: np.ndarray | None = None
    target: np.ndarray | None = None
    predicted: float = 0.0


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solution at `lambda_0` and its model."""
    weights = problem.minimize(lambda_0, weights_0, tol=INNER_FIRST)
    loss = problem.objective(lambda_0, weights)
    return _state(problem, lambda_0, weights, loss, RHO_FIRST, INNER_FIRST)


def step(options, problem, state):
    """Return the next state, moved or with a larger rho, and its `Info`."""
    if state.predicted <= ROUNDING * state.objective:
        new_state = state._replace(error=0.0)
        return new_state, _info(problem, new_state)
    lambda_, starts = state.target, state.weights
    if np.max(np.abs(lambda_ - state.lambda_)) <= MAX_PREDICTED:
        starts = problem.predict(state.lambda_, starts, state.hessians, state.move)
    inner = _inner_tol(state)
    weights = problem.minimize(lambda_, starts, tol=inner)
    loss = problem.objective(lambda_, weights)
    decrease = state.objective - loss
    if not decrease >= ACCEPT_RATIO * state.predicted:
        rho = _rho_of_shorter(state, decrease)
        new_state = _with_proposal(problem, state._replace(rho=rho))
        if state.predicted <= HIDDEN * loss and abs(decrease) <= NOISE * loss:
            there = _state(problem, lambda_, weights, loss, state.rho, inner)
            is_better = there.error < state.error
            new_state = there if is_better else state._replace(error=0.0)
        return new_state, _info(problem, new_state)
    rho = state.rho
    if decrease > GOOD_RATIO * state.predicted:
        rho *= SHRINK
    elif decrease < POOR_RATIO * state.predicted:
        rho *= GROW
    new_state = _state(problem, lambda_, weights, loss, rho, inner)
    return new_state, _info(problem, new_state)


def _inner_tol(state):
    """Return how accurate the weights must be to judge the step."""
    promise = state.predicted / state.objective
    if not promise > CLOSE:
        return INNER_TOL
    return float(np.clip(INNER_SHARE * promise, INNER_TOL, INNER_LOOSE))


def _rho_of_shorter(state, decrease):
    """Return the rho that makes a rejected step as short as its losses say.

    By the parabola through both losses with the slope at the first.
    """
    least = max(GROW * state.rho, RHO_REJECTED)
    most = GROW_MOST * max(state.rho, RHO_REJECTED)
    fall = -(state.model.gradient @ state.move)
    metric = state.move @ state.model.metric @ state.move
    if not (fall > decrease and metric > 0):
        return least
    share = 0.5 * fall / (fall - decrease)
    curvature = 2.0 * (fall - state.predicted) / metric
    return float(np.clip(state.rho + curvature * (1.0 / share - 1.0), least, most))


def _state(problem, lambda_, weights, objective, rho, inner):
    hessians = problem.hessians(lambda_, weights)
    model = problem.model(lambda_, weights, hessians)
    state = AdaptiveState(lambda_, weights, objective, hessians, model, rho, inner)
    return _with_proposal(problem, state)


def _with_proposal(problem, state):
    """Return the state with a proposed step and the error that it reveals."""
    projected = problem.projected(state.lambda_, state.model.gradient)
    move, delta, predicted = _propose(problem, state, projected != 0)
    while predicted > state.objective:
        # No loss is negative: the step is too long for its model.
        state = state._replace(rho=max(GROW * state.rho, RHO_REJECTED))
        move, delta, predicted = _propose(problem, state, projected != 0)
    # Where a group is dropped the hypergradient vanishes even if it is wanted back.
    error = max(
        problem.relative(projected, state.objective),
        problem.relative(predicted, state.objective),
        INNER_MARGIN * state.inner if problem.iterates else 0.0,
    )
    target = problem.project(state.lambda_ + delta)
    return state._replace(error=error, move=move, target=target, predicted=predicted)


def _propose(problem, state, free):
    """Return a move as the weights feel it, that of lambda, and its promise."""
    model, lambda_ = state.model, state.lambda_
    move, delta = np.zeros((2, problem.n_groups))
    if not free.any():
        return move, delta, 0.0
    energy = problem.penalty_energy(state.lambda_, state.weights)
    taken = freedom_taken(np.diag(model.metric), energy)[free]
    index = np.ix_(free, free)
    # What is all but dropped, or all but free, may go straight to its bound.
    at_end = np.minimum(taken, 1.0 - taken) < END
    longest = np.where(at_end, np.inf, MAX_MOVE)
    ends = np.clip((problem.bounds - lambda_)[:, free], -longest, longest)
    low, high = felt(ends, taken)
    gradient = model.gradient[free]
    # The second derivative of x in delta is 2 t - 1 at zero.
    bend = model.bend[index] + np.diag(gradient * (2.0 * taken - 1.0))
    tangent = model.tangent[index] + state.rho * model.metric[index]
    # In units of its own curvature every lambda weighs the same in rounding.
    unit = np.sqrt(np.maximum(np.diag(tangent), 0.0))
    unit[unit == 0] = 1.0
    scaled = tangent / np.outer(unit, unit) + SHIFT * np.eye(len(unit))
    curved = scaled + bend / np.outer(unit, unit)
    # The second-order response where it leaves the step convex, else the tangent.
    matrix = curved if is_positive_definite(curved) else _make_definite(scaled)
    slope = gradient / unit
    own = minimize_in_box(matrix, slope, low * unit, high * unit)
    x = own / unit
    move[free] = x
    inside = np.where(x >= high, ends[1], unfelt(x, taken))
    delta[free] = np.where(x <= low, ends[0], inside)
    return move, delta, -slope @ own - 0.5 * own @ matrix @ own


def _make_definite(matrix):
    """Return a semidefinite matrix without what rounding has made negative."""
    if is_positive_definite(matrix):
        return matrix
    values, vectors = np.linalg.eigh(matrix)
    floor = SHIFT * max(values[-1], 1.0)
    return (vectors * np.maximum(values, floor)) @ vectors.T


def _info(problem, state):
    return Info(
        lambda_=state.lambda_,
        train_loss=problem.train_loss(state.weights, state.lambda_),
        validation_loss=problem.without_spread(state.lambda_, state.objective),
        hypergradient_norm=float(np.max(np.abs(state.model.gradient))),
    )
