"""Implicit differentiation: exact inner solutions and a quasi-Newton step on lambda.

The hypergradient is Bengio (2000), Gradient-Based Optimization of
Hyperparameters; the step is limited-memory BFGS (Nocedal 1980) on the lambdas
that are free to move. Nothing of MY-HPO's response is used, so this solver
referees it.
"""

from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from .options import check_options
from .protocol import Info

ARMIJO = 1e-4
MAX_HALVINGS = 30
#: Longest step of a lambda, a natural log, and of the first one.
MAX_MOVE, FIRST_MOVE = 5.0, 1.0
#: Decrease relative to the loss that rounding cannot resolve.
ROUNDING = 1e-14


class ImplicitState(NamedTuple):
    """Exact weights and hypergradient at lambda, and the last pairs of L-BFGS."""

    lambda_: np.ndarray
    weights: list
    objective: float
    hypergradient: np.ndarray
    pairs: tuple
    error: float


@dataclass(frozen=True)
class Implicit:
    """Exact implicit hypergradients with L-BFGS and backtracking.

    Parameters
    ----------
    memory : int, default=20
        Number of (step, change of hypergradient) pairs that are kept.
    """

    all_directions: ClassVar[bool] = False
    needs_split: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict] = {
        "memory": [Interval(Integral, 1, None, closed="left")],
    }

    memory: int = 20

    def __post_init__(self):
        check_options(self, ())

    def init(self, problem, lambda_0, weights_0):
        """Return the exact inner solution and hypergradient at `lambda_0`."""
        weights = problem.minimize(lambda_0, weights_0)
        return _evaluate(problem, lambda_0, weights, ())

    def step(self, problem, state, rng):
        """Return the next state and its `Info`; deterministic."""
        projected = problem.projected(state.lambda_, state.hypergradient)
        free = projected != 0
        direction = np.where(free, -_two_loop(projected, state.pairs, free), 0.0)
        longest = np.max(np.abs(direction), initial=np.finfo(float).tiny)
        limit = MAX_MOVE if state.pairs else FIRST_MOVE
        if not state.pairs or longest > limit:
            direction *= limit / longest
        accepted = _search(problem, state, direction)
        if accepted is not None:
            lambda_, weights = accepted
            new_state = _evaluate(problem, lambda_, weights, state.pairs)
            pair = (
                lambda_ - state.lambda_,
                new_state.hypergradient - state.hypergradient,
            )
            if pair[0] @ pair[1] > 0:
                pairs = (*state.pairs, pair)[-self.memory :]
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
    return ImplicitState(lambda_, weights, loss, hypergradient, pairs, error)


def _two_loop(gradient, pairs, free):
    """Return the inverse Hessian estimate times `gradient` on the free lambdas."""
    q, used = gradient.copy(), []
    for s, y in reversed(pairs):
        s, y = s * free, y * free
        if s @ y <= 0:
            continue
        a = (s @ q) / (s @ y)
        q -= a * y
        used.append((s, y, a))
    if used:
        s, y, _ = used[0]
        q *= (s @ y) / (y @ y)
    for s, y, a in reversed(used):
        q += (a - (y @ q) / (s @ y)) * s
    return q


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
