"""The end of the fast form: steps of lambda and of the weights to the exact minimum.

A fit has converged where the slope is small, and lambda may still be far where the
objective is flat. Newton's steps with accurate weights and slopes square the distance.
The last one is so short that the weights and the slope follow their tangents.
"""

import numpy as np

from ...bilevel.outer import OuterModel
from ..steps.acceptance import is_below_rounding

#: Maximum number of steps, and the accuracy of the weights and slopes there.
MOST_LAST, LAST_INNER = 4, 1e-11
#: Moves of lambda: longer ones are in a flat tail; after those up to the second, second
#: derivatives are those before; up to the third, weights and slopes follow their
#: tangents; below the last one lambda stays.
FLAT_MOVE, SHORT_MOVE, TANGENT_MOVE, NO_MOVE = 0.1, 3e-4, 1e-6, 1e-12
#: Maximum number of steps along flat tails.
MOST_IN_TAIL = 5
#: Estimated error at the end, of lambda or of weights relative in the norm of the
#: Hessian, whichever is smaller. Where the loss is flat, weights hardly feel lambda.
LAST_OFF = 1e-11
#: Relative change of second derivatives per move of a lambda.
BENT_BY_MOVE = 3.0


def is_last(move, last):
    """Whether the place after a step is so near the minimum that tangents lead there.

    Parameters
    ----------
    move, last : float
        Lengths of the step and of the one before; zero if there was none.
    """
    return _off(_off(move, last), move) <= LAST_OFF


def _off(move, last):
    """Return the distance from the minimum after a Newton step, which squares it."""
    return move**2 * min(1.0, move / last**2 if last else 1.0)


def _off_of(state):
    """Return the error after the step of a state, as `LAST_OFF` measures it.

    With second derivatives of a nearby place, steps shorten by their relative error.
    """
    move, last = length(_move(state)), state.last
    off = _off(move, last)
    if state.place.is_beside:
        off = move * max(move / last, BENT_BY_MOVE * last)
    return off * min(1.0, _felt(state))


def _felt(state):
    """Return the largest relative move of the weights per move of a lambda."""
    model = state.model
    is_matrix = isinstance(model, OuterModel)
    squares = np.diag(model.metric) if is_matrix else model.metric_diagonal
    return np.sqrt(np.max(squares, initial=0.0) / state.place.objective)


def ended(problem, state, evaluate):
    """Return the state at the minimum near that of a state.

    Parameters
    ----------
    problem : Problem
    state : FastState
        At the end of a fit, with Newton's step of lambda.
    evaluate : callable
        Takes a state, a move of lambda and the accuracy of the weights, and returns the
        state there.

    Returns
    -------
    FastState
        The given one where no step makes the slope smaller.
    """
    for _ in range(MOST_LAST):
        move = _move(state)
        if state.inner <= LAST_INNER and length(move) <= NO_MOVE:
            break
        end = _along_tangents(problem, state, move) if _is_near(state) else None
        if end is not None:
            return end
        moved = evaluate(problem, state, move, LAST_INNER)
        # The slope at less accurate weights says nothing about a short step.
        is_rough = state.inner > LAST_INNER and length(move) <= SHORT_MOVE
        if not (is_rough or _slope(problem, moved) < _slope(problem, state)):
            break
        state.place.release()
        # The promises of flat tails are in the error, and change with the other
        # lambdas.
        state = moved._replace(error=min(moved.error, state.error))
    return state


def tail_left(problem, state, refine, try_step, arrive):
    """Return the state after steps along flat tails, to a minimum or a bound.

    The slope is small anywhere in a tail. Its end does not depend on the way there.

    Parameters
    ----------
    problem : Problem
    state : FastState
        With a step.
    refine : callable
        Takes a state and an accuracy, and returns the state with weights as accurate.
    try_step : callable
        Takes a state and an accuracy of the weights, and returns the evaluation at the
        end of the step and this accuracy.
    arrive : callable
        Takes a state, that evaluation, rho and the accuracy, and returns the state
        there.

    Returns
    -------
    FastState
    """
    if not _is_in_tail(state):
        return state
    state = refine(problem, state, LAST_INNER)
    for _ in range(MOST_IN_TAIL):
        if not _is_in_tail(state):
            break
        there, inner = try_step(problem, state, LAST_INNER)
        objective = state.place.objective
        if is_below_rounding(objective - there.objective, objective):
            break
        state = arrive(problem, state, there, 0.0, inner)
    return state


def _is_in_tail(state):
    """Whether Newton's step of a lambda is so long that its loss is flat."""
    return length(state.target - state.lambda_) > FLAT_MOVE


def _move(state):
    """Return the step of lambda, without lambdas still in flat tails."""
    delta = state.target - state.lambda_
    return np.where(np.abs(delta) <= FLAT_MOVE, delta, 0.0)


def length(move):
    """Return the largest move of a lambda."""
    return np.max(np.abs(move), initial=0.0)


def _is_near(state):
    """Whether the step of an accurate state ends at the minimum."""
    is_tiny = length(_move(state)) <= TANGENT_MOVE
    return state.inner <= LAST_INNER and is_tiny and _off_of(state) <= LAST_OFF


def _along_tangents(problem, state, move):
    """Return the state after a tiny step, or None where tangents are unknown."""
    place = state.place.moved(move)
    if place is None:
        return None
    model = place.model(LAST_INNER)
    rest = problem.projected(place.lambda_, model.gradient)
    error = min(state.error, problem.relative(rest, place.objective))
    return state._replace(
        lambda_=place.lambda_,
        weights=place.weights,
        place=place,
        model=model,
        error=error,
    )


def _slope(problem, state):
    """Return the largest derivative that the bounds leave."""
    return np.max(np.abs(problem.projected(state.lambda_, state.model.gradient)))
