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

from ...bilevel.outer import OuterModel
from ...bilevel.outer_products import OuterProducts
from ..protocol import Info
from ..steps.box import is_positive_definite, minimize_in_box
from .freedom import felt, freedom_taken, unfelt
from .truncated import Minimizer, minimize_by_products

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
#: Accuracy of the inner solutions, where they are found by iterations: the first, which
#: is the largest, a share of the relative decrease that a step promises, and the least,
#: which is that for promises below CLOSE.
INNER_LOOSE, INNER_SHARE, INNER_TOL = 1e-4, 1e-2, 1e-9
CLOSE = 1e-5
#: Share of the accuracy of the inner solutions at which more of it is worth a solve.
REFINED = 0.5
#: The residual that is reported is at least so many times theirs.
INNER_MARGIN = 100.0
#: Decrease relative to the loss that rounding cannot resolve; a promised one that the
#: error of the inner solutions may hide, and the size of that error: there the
#: hypergradient decides.
ROUNDING, HIDDEN, NOISE = 1e-14, 1e-10, 1e-8
#: Residual that no rounding explains.
STUCK = 1e-3


class AdaptiveState(NamedTuple):
    """Exact weights at lambda, their model, and what the proximal step makes of it.

    `rho` is the weight of the proximal term, `move` the step as the weights feel
    it, `target` where it leads to and `predicted` the decrease it promises. `inner` is
    the accuracy of the weights, `length` that of the move, squared, in the metric.
    """

    lambda_: np.ndarray
    weights: list
    objective: float
    hessians: list
    model: OuterModel | OuterProducts
    rho: float
    inner: float = INNER_TOL
    error: float = np.inf
    move: np.ndarray | None = None
    target: np.ndarray | None = None
    predicted: float = 0.0
    length: float = 0.0


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solution at `lambda_0` and its model."""
    weights = problem.minimize(lambda_0, weights_0, tol=INNER_LOOSE)
    loss = problem.objective(lambda_0, weights)
    return _state(problem, lambda_0, weights, loss, RHO_FIRST, INNER_LOOSE)


def step(options, problem, state):
    """Return the next state, moved or with a larger rho, and its `Info`."""
    if state.predicted <= ROUNDING * state.objective:
        if problem.iterates and state.inner > INNER_TOL:
            new_state = _refined(problem, state, INNER_TOL)
        else:
            new_state = _at_rest(state)
        return new_state, _info(problem, new_state)
    lambda_, starts = state.target, state.weights
    if np.max(np.abs(lambda_ - state.lambda_)) <= MAX_PREDICTED:
        starts = problem.predict(state.lambda_, starts, state.hessians, state.move)
    inner = _inner_tol(state)
    weights = problem.minimize(lambda_, starts, tol=inner)
    loss = problem.objective(lambda_, weights)
    decrease = state.objective - loss
    if not decrease >= ACCEPT_RATIO * state.predicted:
        if problem.iterates and inner < REFINED * state.inner:
            # The loss that this one is compared with may be too inaccurate for it.
            new_state = _refined(problem, state, inner)
            return new_state, _info(problem, new_state)
        rho = _rho_of_shorter(state, decrease)
        new_state = _with_proposal(problem, state._replace(rho=rho))
        if state.predicted <= HIDDEN * loss and abs(decrease) <= NOISE * loss:
            there = _state(problem, lambda_, weights, loss, state.rho, inner)
            is_better = _rank(there) < _rank(state)
            new_state = there if is_better else _at_rest(state)
        return new_state, _info(problem, new_state)
    rho = state.rho
    if decrease > GOOD_RATIO * state.predicted:
        rho *= SHRINK
    elif decrease < POOR_RATIO * state.predicted:
        rho *= GROW
    new_state = _state(problem, lambda_, weights, loss, rho, inner)
    return new_state, _info(problem, new_state)


def _refined(problem, state, inner):
    """Return the state with more accurate weights at the same lambda."""
    weights = problem.minimize(state.lambda_, state.weights, tol=inner)
    loss = problem.objective(state.lambda_, weights)
    return _state(problem, state.lambda_, weights, loss, state.rho, inner)


def _rank(state):
    """Return the error, then the hypergradient: errors may be equal at their least."""
    return state.error, np.max(np.abs(state.model.gradient))


def _at_rest(state):
    """Return the state as rounding leaves it, unless steps were only ever rejected."""
    return state._replace(error=0.0) if state.error <= STUCK else state


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
    if not (fall > decrease and state.length > 0):
        return least
    share = 0.5 * fall / (fall - decrease)
    curvature = 2.0 * (fall - state.predicted) / state.length
    return float(np.clip(state.rho + curvature * (1.0 / share - 1.0), least, most))


def _state(problem, lambda_, weights, objective, rho, inner):
    hessians = problem.hessians(lambda_, weights)
    model = problem.model(lambda_, weights, hessians, inner)
    state = AdaptiveState(lambda_, weights, objective, hessians, model, rho, inner)
    return _with_proposal(problem, state)


def _with_proposal(problem, state):
    """Return the state with a proposed step and the error that it reveals."""
    projected = problem.projected(state.lambda_, state.model.gradient)
    move, delta, found = _propose(problem, state, projected)
    while found.predicted > state.objective:
        # No loss is negative: the step is too long for its model.
        state = state._replace(rho=max(GROW * state.rho, RHO_REJECTED))
        move, delta, found = _propose(problem, state, projected)
    # Where a group is dropped the hypergradient vanishes even if it is wanted back.
    error = max(
        problem.relative(projected, state.objective),
        problem.relative(found.predicted, state.objective),
        INNER_MARGIN * state.inner if problem.iterates else 0.0,
    )
    return state._replace(
        error=error,
        move=move,
        target=problem.project(state.lambda_ + delta),
        predicted=found.predicted,
        length=found.length,
    )


def _propose(problem, state, projected):
    """Return a move as the weights feel it, that of lambda, and the `Minimizer`."""
    model, free = state.model, projected != 0
    is_matrix = isinstance(model, OuterModel)
    metric = np.diag(model.metric) if is_matrix else model.metric_diagonal
    energy = problem.penalty_energy(state.lambda_, state.weights)
    taken = freedom_taken(metric, energy)
    # What is all but dropped, or all but free, may go straight to its bound.
    at_end = np.minimum(taken, 1.0 - taken) < END
    longest = np.where(free, np.where(at_end, np.inf, MAX_MOVE), 0.0)
    ends = np.clip(problem.bounds - state.lambda_, -longest, longest)
    box = felt(ends, taken)
    # The second derivative of x in delta is 2 t - 1 at zero.
    curvature = model.gradient * (2.0 * taken - 1.0)
    if is_matrix:
        found = _minimize(model, state.rho, curvature, box, free)
    else:
        rtol = np.sqrt(problem.relative(projected, state.objective))
        found = minimize_by_products(model, state.rho, curvature, box, rtol)
    x = found.x
    inside = np.where(x >= box[1], ends[1], unfelt(x, taken))
    delta = np.where(free, np.where(x <= box[0], ends[0], inside), 0.0)
    return x, delta, found


def _minimize(model, rho, curvature, box, free):
    """Return the `Minimizer` of a model that is a matrix, in the free lambdas."""
    move = np.zeros(len(free))
    if not free.any():
        return Minimizer(move, 0.0, 0.0)
    index = np.ix_(free, free)
    metric = model.metric[index]
    bend = model.bend[index] + np.diag(curvature[free])
    tangent = model.tangent[index] + rho * metric
    # In units of its own curvature every lambda weighs the same in rounding.
    unit = np.sqrt(np.maximum(np.diag(tangent), 0.0))
    unit[unit == 0] = 1.0
    scaled = tangent / np.outer(unit, unit) + SHIFT * np.eye(len(unit))
    curved = scaled + bend / np.outer(unit, unit)
    # The second-order response where it leaves the step convex, else the tangent.
    matrix = curved if is_positive_definite(curved) else _make_definite(scaled)
    slope = model.gradient[free] / unit
    own = minimize_in_box(matrix, slope, *(box[:, free] * unit))
    move[free] = own / unit
    predicted = -slope @ own - 0.5 * own @ matrix @ own
    return Minimizer(move, predicted, move[free] @ metric @ move[free])


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
