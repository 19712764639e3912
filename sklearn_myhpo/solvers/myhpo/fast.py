"""MY-HPO, fast form: a proximal step on lambda whose weight adapts.

With exact steps and the tangent response the consensus pair rests at w = v,
u = 0, and step 3 alone moves lambda: it minimizes
``L_V(v + J x + v''[x, x] / 2) + rho/2 |J x|_H^2``, to second order in x. The
fixed points are the same as of the consensus form, `published.py`.

Here x is a rescaled move of lambda, see `freedom.py`, so that one step
may drop a feature or let it back.
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.evaluation import SecondOrderEvaluation
from ...bilevel.outer import OuterModel
from ...bilevel.outer_products import OuterProducts
from ..protocol import Info
from ..steps.acceptance import is_below_rounding, judge
from ..steps.hermite import share_of_step
from .direct import minimize_by_matrix
from .end import LAST_INNER, SHORT_MOVE, ended, is_last, length, tail_left
from .freedom import felt, freedom_taken, unfelt
from .truncated import minimize_by_products

#: The Moreau-Yosida weight rho: first value, and least value after a rejected step.
RHO_FIRST, RHO_REJECTED = 1e-2, 1e-2
#: Factors of rho after a good step, and after a poor or rejected one.
RHO_SHRINK, RHO_GROW = 0.1, 4.0
#: Largest factor of rho after a rejected step.
RHO_GROW_MOST = 16.0
#: Longest move of a lambda, a natural log.
MAX_MOVE = 5.0
#: A group with less freedom left, or less of it taken, may move to its bound at once,
#: where the hypergradient is at most so large relative to the objective. Before, it may
#: come back, and weights without a penalty are far away where classes come apart.
END, RESTS = 1e-3, 1e-3
#: Longest move of a lambda after which weights are predicted without a look at losses.
MAX_PREDICTED = 1.0
#: Hypergradient relative to the objective below which a step follows negative curvature
#: by its size: the tangent alone creeps past a saddle. Farther away it is the tangent
#: that leads to the lower minima.
NEAR_THE_END = 1e-4
#: Accuracy of the first inner solutions, where they are found by iterations.
INNER_LOOSE = 1e-4
#: Later it is this share of the relative decrease that a step promises.
INNER_SHARE = 3e-3
#: And INNER_TOL for promises below CLOSE.
INNER_TOL, CLOSE = 3e-9, 1e-5
#: Accuracy of the hypergradient where it is found by iterations, for accurate weights.
GRADIENT_TOL = 1e-7
#: Relative residual of lambda below which weights are made accurate before a step.
STAY = 1e-6
#: Residuals between which more steps follow. They square the residual, so that lambda
#: does not depend on the storage of the rows.
LEAST_SQUARED, MOST_SQUARED = 1e-12, 1e-6
#: Share of the accuracy of the inner solutions at which more of it is worth a solve.
REFINED = 0.5
#: The reported residual is at least so many times the accuracy of the inner solutions.
INNER_MARGIN = 100.0
#: Residual that no rounding explains.
STUCK = 1e-3


class FastState(NamedTuple):
    """Exact weights at lambda, their model, and the proximal step.

    `rho` is the weight of the proximal term, `inner` the accuracy of the weights, and
    `rest` the residual of lambda alone; `move` is the rescaled step,
    `target` its end, `predicted` its promised decrease and `length` its squared length
    in the metric. `last` is the largest move of a lambda by the step before, and
    `before` has lambda and the two derivatives there of the place before this one, of a
    single lambda.
    """

    lambda_: np.ndarray
    weights: list[np.ndarray]
    place: SecondOrderEvaluation
    model: OuterModel | OuterProducts
    rho: float
    inner: float = INNER_TOL
    rest: float = np.inf
    error: float = np.inf
    move: np.ndarray | None = None
    target: np.ndarray | None = None
    predicted: float = 0.0
    length: float = 0.0
    last: float = 0.0
    before: tuple[float, float, float] | None = None


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solution at `lambda_0` and its model."""
    known = problem.known
    if known is not None and known.is_at(lambda_0, weights_0):
        return _known_state(problem, known)
    weights = problem.minimize(lambda_0, weights_0, tol=INNER_LOOSE)
    return _state(problem, problem.at(lambda_0, weights), RHO_FIRST, INNER_LOOSE)


def _known_state(problem, known):
    """Return the state at a `KnownPlace`; it has no proposal of a step."""
    place, model = known.place, known.place.model()
    projected = problem.projected(place.lambda_, model.gradient)
    rest = problem.relative(projected, place.objective)
    state = FastState(place.lambda_, place.weights, place, model, RHO_FIRST)
    error = max(rest, known.error)
    return state._replace(inner=known.inner, rest=rest, error=error)


def info(problem, state):
    """Return the `Info` of a state that was known at the start, else None."""
    if problem.known is None or state.place is not problem.known.place:
        return None
    return Info.at(state.place, state.model.gradient)


def step(options, problem, state, rng):
    """Return the next state, moved or with a larger rho, and its `Info`."""
    new_state = _next(problem, state)
    if LEAST_SQUARED < new_state.error <= MOST_SQUARED:
        new_state = _at_minimum(problem, new_state)
    return new_state, Info.at(new_state.place, new_state.model.gradient)


def _next(problem, state):
    """Return the next state."""
    if state.move is None:
        state = _with_proposal(problem, state)
    objective = state.place.objective
    if is_below_rounding(state.predicted, objective):
        if problem.iterates and state.inner > INNER_TOL:
            return _refined(problem, state, INNER_TOL)
        return _at_rest(state)
    is_only = len(state.lambda_) == 1 and state.rest <= STAY
    if problem.iterates and state.inner > INNER_TOL and is_only:
        # The weights are less accurate than lambda. Many lambdas have more to gain.
        return _refined(problem, state, INNER_TOL)
    there, inner = _tried(problem, state)
    verdict = judge(state.predicted, objective, there.objective)
    if verdict.accepted:
        rho = state.rho
        if verdict.good:
            # The proximal term would shorten Newton's steps at the end.
            rho *= RHO_SHRINK if inner > LAST_INNER else 0.0
        elif verdict.poor:
            rho *= RHO_GROW
        return _arrived(problem, state, there, rho, inner)
    is_loose = problem.iterates and inner < REFINED * state.inner
    decrease = objective - there.objective
    is_noise = is_loose and abs(decrease) <= state.inner * objective
    if verdict.hidden or is_noise:
        moved = _arrived(problem, state, there, state.rho, inner)
        if _rank(moved) < _rank(state):
            return moved
        if not is_loose:
            return _at_rest(state)
    if is_loose:
        # The loss at the present lambda may be too inaccurate for the comparison.
        return _refined(problem, state, inner)
    rho = _rho_of_shorter(state, decrease)
    return _with_proposal(problem, state._replace(rho=rho))


def _tried(problem, state, inner=None):
    """Return the evaluation at the end of the step, and the accuracy of its weights."""
    if inner is None:
        inner = _inner_tol(problem, state)
    weights = problem.minimize(state.target, _starts(problem, state), tol=inner)
    return _at(problem, state, state.target, weights), inner


def _starts(problem, state):
    """Return weights from which to solve at the end of the step."""
    if np.max(np.abs(state.target - state.lambda_)) <= MAX_PREDICTED:
        return state.place.predict(state.move)
    if not (problem.iterates and isinstance(state.model, OuterModel)):
        return state.weights
    # Far moves mostly free or drop features, to which the others respond as they do to
    # short ones.
    ahead = state.place.predict(state.move)
    new, old = (problem.train_loss(w, state.target) for w in (ahead, state.weights))
    return ahead if new < old else state.weights


def _at(problem, state, lambda_, weights):
    """Return the evaluation at a lambda near that of the state."""
    place = problem.at(lambda_, weights)
    place.follow(state.place)
    return place


def _arrived(problem, state, there, rho, inner):
    """Return the state at the end of a step."""
    state.place.release()
    moved = _state(problem, there, rho, inner, _derivatives(state))
    return moved._replace(last=length(state.target - state.lambda_))


def _refined(problem, state, inner):
    """Return the state with more accurate weights at the same lambda."""
    weights = problem.minimize(state.lambda_, state.weights, tol=inner)
    place = _at(problem, state, state.lambda_, weights)
    state.place.release()
    return _state(problem, place, state.rho, inner)


def _at_minimum(problem, state):
    """Return the state after steps that square the residual."""
    if not problem.iterates:
        there, inner = _tried(problem, state)
        moved = _state(problem, there, state.rho, inner)
        return moved if _rank(moved) < _rank(state) else state
    full = state
    if state.rho:
        full = _with_proposal(problem, state._replace(rho=0.0))
    left = tail_left(problem, full, _refined, _tried, _arrived)
    found = ended(problem, left, _evaluated)
    # Steps without the proximal term may be too long.
    return state if found is full else found


def _evaluated(problem, state, move, inner):
    """Return the state after a move of lambda, with weights of an accuracy."""
    place = state.place.beside(move, inner) if length(move) <= SHORT_MOVE else None
    if place is None:
        lambda_ = state.lambda_ + move
        weights = problem.minimize(lambda_, state.place.predict(move), tol=inner)
        place = _at(problem, state, lambda_, weights)
    return _state(problem, place, 0.0, inner)._replace(last=length(move))


def _rank(state):
    """Return the error, then the hypergradient, because errors may be equal."""
    return state.error, np.max(np.abs(state.model.gradient))


def _at_rest(state):
    """Return the state at the limit of rounding, unless all steps were rejected."""
    return state._replace(error=0.0) if state.error <= STUCK else state


def _inner_tol(problem, state):
    """Return the accuracy of the weights that is needed to accept a step."""
    promise = state.predicted / state.place.objective
    if not promise > CLOSE:
        move = length(state.target - state.lambda_)
        ends = problem.iterates and is_last(move, state.last)
        return LAST_INNER if ends else INNER_TOL
    return float(np.clip(INNER_SHARE * promise, INNER_TOL, INNER_LOOSE))


def _rho_of_shorter(state, decrease):
    """Return the rho for the step length that the losses of a rejected step imply.

    By the parabola through both losses with the slope at the first.
    """
    least = max(RHO_GROW * state.rho, RHO_REJECTED)
    most = RHO_GROW_MOST * max(state.rho, RHO_REJECTED)
    fall = -(state.model.gradient @ state.move)
    if not (fall > decrease and state.length > 0):
        return least
    share = 0.5 * fall / (fall - decrease)
    curvature = 2.0 * (fall - state.predicted) / state.length
    return float(np.clip(state.rho + curvature * (1.0 / share - 1.0), least, most))


def _state(problem, place, rho, inner, before=None):
    """Return the state at a place with weights of a known accuracy."""
    # Weights are more accurate than INNER_TOL at the end alone.
    model = place.model(inner if inner < INNER_TOL else max(inner, GRADIENT_TOL))
    state = FastState(
        place.lambda_, place.weights, place, model, rho, inner, before=before
    )
    return _with_proposal(problem, state)


def _derivatives(state):
    """Return a single lambda and the derivatives there, else None."""
    if len(state.lambda_) > 1:
        return None
    model = state.model
    second = model.tangent[0, 0] + model.bend[0, 0]
    return state.lambda_[0], model.gradient[0], second


def _with_proposal(problem, state):
    """Return the state with a proposed step and the error that it reveals."""
    objective = state.place.objective
    projected = problem.projected(state.lambda_, state.model.gradient)
    move, delta, found = _propose(problem, state, projected)
    while found.predicted > objective:
        # No loss is negative: the step is too long for its model.
        state = state._replace(rho=max(RHO_GROW * state.rho, RHO_REJECTED))
        move, delta, found = _propose(problem, state, projected)
    if state.before is not None and delta[0]:
        share = share_of_step(state.before, _derivatives(state), delta[0])
        move, delta = share * move, share * delta
    # The hypergradient of a dropped group vanishes even if the group would help.
    rest = max(
        problem.relative(projected, objective),
        problem.relative(max(found.predicted, found.promise), objective),
    )
    return state._replace(
        error=max(rest, INNER_MARGIN * state.inner if problem.iterates else 0.0),
        rest=rest,
        move=move,
        target=problem.project(state.lambda_ + delta),
        predicted=found.predicted,
        length=found.length,
    )


def _propose(problem, state, projected):
    """Return a move in rescaled lambda, the move of lambda, and the `Minimizer`."""
    model, free = state.model, projected != 0
    is_matrix = isinstance(model, OuterModel)
    metric = np.diag(model.metric) if is_matrix else model.metric_diagonal
    energy = problem.penalty_energy(state.lambda_, state.weights)
    taken = freedom_taken(metric, energy)
    taken = problem.share_taken(state.lambda_, taken)
    rests = problem.relative(projected, state.place.objective) <= RESTS
    at_end = rests & (np.minimum(taken, 1.0 - taken) < END)
    longest = np.where(free, np.where(at_end, np.inf, MAX_MOVE), 0.0)
    ends = np.clip(problem.bounds - state.lambda_, -longest, longest)
    box = felt(ends, taken)
    # The second derivative of x in delta is 2 t - 1 at zero.
    curvature = model.gradient * (2.0 * taken - 1.0)
    if is_matrix:
        is_near = problem.relative(projected, state.place.objective) <= NEAR_THE_END
        found = minimize_by_matrix(model, state.rho, curvature, box, free, is_near)
    else:
        rtol = np.sqrt(problem.relative(projected, state.place.objective))
        found = minimize_by_products(model, state.rho, curvature, box, rtol)
    x = found.x
    inside = np.where(x >= box[1], ends[1], unfelt(x, taken))
    delta = np.where(free, np.where(x <= box[0], ends[0], inside), 0.0)
    return x, delta, found
