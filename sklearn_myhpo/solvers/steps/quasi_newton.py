"""Implicit differentiation for many lambdas: L-BFGS on those that are free to move.

One linear solve per hypergradient, whatever the number of lambdas. Limited-memory BFGS
is Nocedal (1980), the projection to bounds is that of L-BFGS-B (Byrd et al. 1995) in
its simplest form: a lambda that its bound holds leaves the direction.
"""

from typing import NamedTuple

import numpy as np

from ...engine.linalg.lbfgs import inverse_product
from ..protocol import Info

ARMIJO = 1e-4
MAX_HALVINGS = 30
#: Longest step of a lambda, a natural log, and of the first one.
MAX_MOVE, FIRST_MOVE = 5.0, 1.0
#: Decrease relative to the loss that rounding cannot resolve.
ROUNDING = 1e-14


class QuasiNewtonState(NamedTuple):
    """Exact weights and hypergradient at lambda, and the last pairs of L-BFGS."""

    lambda_: np.ndarray
    weights: list
    objective: float
    hypergradient: np.ndarray
    pairs: tuple
    error: float


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solution and hypergradient at `lambda_0`."""
    weights = problem.minimize(lambda_0, weights_0)
    return _evaluate(problem, lambda_0, weights, ())


def step(options, problem, state):
    """Return the next state and its `Info`."""
    accepted = _search(problem, state, _direction(problem, state))
    if accepted is not None:
        lambda_, weights = accepted
        new_state = _evaluate(problem, lambda_, weights, state.pairs)
        pair = (
            lambda_ - state.lambda_,
            new_state.hypergradient - state.hypergradient,
        )
        if pair[0] @ pair[1] > 0:
            pairs = (*state.pairs, pair)[-options.memory :]
            new_state = new_state._replace(pairs=pairs)
    elif state.pairs:
        new_state = state._replace(pairs=())
    else:
        # Not even a short step along the gradient gains: rounding level.
        new_state = state._replace(error=0.0)
    return new_state, _info(problem, new_state)


def _evaluate(problem, lambda_, weights, pairs):
    loss = problem.objective(lambda_, weights)
    hypergradient = problem.hypergradient(lambda_, weights)
    error = problem.relative(problem.projected(lambda_, hypergradient), loss)
    return QuasiNewtonState(lambda_, weights, loss, hypergradient, pairs, error)


def _direction(problem, state):
    """Return the direction of the free lambdas, no longer than a step may be."""
    projected = problem.projected(state.lambda_, state.hypergradient)
    free = projected != 0
    pairs = [(s * free, y * free) for s, y in state.pairs]
    pairs = [pair for pair in pairs if np.vdot(*pair) > 0]
    direction = -inverse_product(pairs, projected) * free
    longest = np.max(np.abs(direction), initial=np.finfo(float).tiny)
    limit = MAX_MOVE if state.pairs else FIRST_MOVE
    if not state.pairs or longest > limit:
        direction *= limit / longest
    return direction


def _search(problem, state, direction):
    """Return (lambda, weights) with a sufficient decrease, or None."""
    size = 1.0
    for _ in range(MAX_HALVINGS):
        lambda_ = problem.project(state.lambda_ + size * direction)
        move = lambda_ - state.lambda_
        predicted = -(state.hypergradient @ move)
        if predicted <= ROUNDING * state.objective:
            return None
        weights = problem.minimize(lambda_, state.weights)
        loss = problem.objective(lambda_, weights)
        if loss <= state.objective - ARMIJO * predicted:
            return lambda_, weights
        size *= 0.5
    return None


def _info(problem, state):
    return Info(
        lambda_=state.lambda_,
        train_loss=problem.train_loss(state.weights, state.lambda_),
        validation_loss=problem.without_spread(state.lambda_, state.objective),
        hypergradient_norm=float(np.max(np.abs(state.hypergradient))),
    )
