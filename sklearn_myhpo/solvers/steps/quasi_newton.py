"""Implicit differentiation for many lambdas: L-BFGS on the lambdas that can move.

One linear solve per hypergradient, whatever the number of lambdas.
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.evaluation import SecondOrderEvaluation
from ..protocol import Info
from .acceptance import ACCEPT_RATIO, is_below_rounding
from .lbfgs_direction import free_direction
from .slopes import approximate_curvature

#: Maximum number of halvings of a step.
MAX_TRIALS_OF_VALUES = 30


#: Pairs of steps and changes of the hypergradient that L-BFGS keeps by default.
KEPT_PAIRS = 20


class QuasiNewtonState(NamedTuple):
    """Exact weights and hypergradient at lambda, and the last pairs of L-BFGS."""

    lambda_: np.ndarray
    weights: list[np.ndarray]
    place: SecondOrderEvaluation
    hypergradient: np.ndarray
    pairs: tuple
    error: float


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solution and hypergradient at `lambda_0`."""
    weights = problem.minimize(lambda_0, weights_0, problem.step_tol)
    return _state(problem, problem.at(lambda_0, weights), ())


def step(options, problem, state, rng):
    """Return the next state and its `Info`."""
    # Free the Hessians of this place; only those of the last place are needed again.
    state.place.release()
    place = _search(problem, state)
    if place is not None:
        new_state = _state(problem, place, state.pairs)
        pair = (
            new_state.lambda_ - state.lambda_,
            new_state.hypergradient - state.hypergradient,
        )
        if pair[0] @ pair[1] > 0:
            pairs = (*state.pairs, pair)[-options.memory :]
            new_state = new_state._replace(pairs=pairs)
    elif state.pairs:
        new_state = state._replace(pairs=())
    else:
        # Not even a short step along the gradient decreases the objective: rounding
        # level.
        new_state = state._replace(error=0.0)
    return new_state, Info.at(new_state.place, new_state.hypergradient)


def _state(problem, place, pairs):
    """Return the state at a place with exact weights."""
    slope = place.hypergradient()
    projected = problem.projected(place.lambda_, slope)
    error = problem.relative(projected, place.objective)
    return QuasiNewtonState(place.lambda_, place.weights, place, slope, pairs, error)


def _search(problem, state):
    """Return the place of a step with a sufficient decrease, or None."""
    objective = state.place.objective
    projected = problem.projected(state.lambda_, state.hypergradient)
    units = approximate_curvature(problem, state.place, state.hypergradient)
    direction, size = free_direction(projected, state.pairs, units), 1.0
    for _ in range(MAX_TRIALS_OF_VALUES):
        lambda_ = problem.project(state.lambda_ + size * direction)
        move = lambda_ - state.lambda_
        predicted = -(state.hypergradient @ move)
        if is_below_rounding(predicted, objective):
            return None
        weights = problem.minimize(lambda_, state.weights, problem.step_tol)
        place = problem.at(lambda_, weights)
        if place.objective <= objective - ACCEPT_RATIO * predicted:
            return place
        size *= 0.5
    return None
