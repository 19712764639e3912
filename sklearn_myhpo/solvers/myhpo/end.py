"""The end of the fast form: steps of lambda and of the weights to the exact minimum.

A fit has converged where the slope is small, and lambda may still be far where the
objective is flat. Newton's steps with accurate weights and slopes square the distance.
The last one is so short that the weights and the slope follow their tangents.
"""

import numpy as np

#: Maximum number of steps, and the accuracy of the weights and slopes there.
MOST_LAST, LAST_INNER = 2, 1e-12
#: Moves of lambda: longer ones are in a flat tail; up to the second, weights follow
#: their tangents; below the last one lambda stays.
FLAT_MOVE, TANGENT_MOVE, NO_MOVE = 0.1, 3e-5, 1e-11


def ended(problem, state, propose, evaluate):
    """Return the state at the minimum near that of a state.

    Parameters
    ----------
    problem : Problem
    state : FastState
        At the end of a fit.
    propose : callable
        Returns a state with Newton's step of lambda.
    evaluate : callable
        Takes a state, an evaluation near it and the accuracy of its weights, and
        returns the state there.

    Returns
    -------
    FastState
        The given one where no step makes the slope smaller.
    """
    now = propose(problem, state)
    for _ in range(MOST_LAST):
        move = _move(now)
        if np.max(np.abs(move), initial=0.0) <= TANGENT_MOVE:
            break
        moved = _moved(problem, now, move, evaluate)
        if moved is now:
            return state
        now = state = moved
    move = _move(now)
    if not NO_MOVE < np.max(np.abs(move), initial=0.0) <= TANGENT_MOVE:
        return state
    place = now.place.moved(move) if now.inner <= LAST_INNER else None
    if place is not None:
        return evaluate(problem, now, place, LAST_INNER)
    moved = _moved(problem, now, move, evaluate)
    return state if moved is now else moved


def is_in_tail(state):
    """Whether Newton's step of a lambda is so long that its loss is flat.

    Parameters
    ----------
    state : FastState
        With a step.

    Returns
    -------
    bool
        False where all steps are short.
    """
    return bool(np.any(np.abs(state.target - state.lambda_) > FLAT_MOVE))


def _move(state):
    """Return the step of lambda, without lambdas still in flat tails."""
    delta = state.target - state.lambda_
    return np.where(np.abs(delta) <= FLAT_MOVE, delta, 0.0)


def _moved(problem, state, move, evaluate):
    """Return the state after a move of lambda, if the slope falls."""
    lambda_, start = state.lambda_ + move, state.place.predict(move)
    weights = problem.minimize(lambda_, start, tol=LAST_INNER)
    place = problem.at(lambda_, weights)
    moved = evaluate(problem, state, place, LAST_INNER)
    if not _slope(problem, moved) < _slope(problem, state):
        return state
    state.place.release()
    # The promises of flat tails are in the error, and change with the other lambdas.
    return moved._replace(error=min(moved.error, state.error))


def _slope(problem, state):
    """Return the largest derivative that the bounds leave."""
    return np.max(np.abs(problem.projected(state.lambda_, state.model.gradient)))
