"""Descent of a function of lambda that comes with a gradient, exact or not.

Limited-memory BFGS on the lambdas that are free to move. A step is accepted by the
approximate Wolfe conditions (Hager & Zhang 2005, A New Conjugate Gradient Method with
Guaranteed Descent and an Efficient Line Search): the function has not risen, and its
slope along the step is not much above zero. They work down to rounding level. The
second condition needs the gradient alone, which may then be any vector field; the
descent ends where the field is zero.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...bilevel.evaluation import Evaluation
from ...bilevel.problem import Problem
from ..protocol import Info
from .acceptance import VALUE_ROUNDING
from .lbfgs_direction import free_direction

#: Pairs of (step, change of the gradient) that are kept.
N_PAIRS = 20
#: The slope along an accepted step rises to at most this share of the first slope.
MAX_SLOPE = 0.8
#: Maximum number of trials of a step.
MAX_STEP_TRIALS = 40
#: Smallest factor from a trial step to the next.
LEAST_SHARE = 0.1
#: Decrease relative to the objective that even slopes cannot resolve. They are accurate
#: where differences of values no longer are.
UNSEEN = 1e-20


class Value(NamedTuple):
    """A function of lambda at one place.

    Attributes
    ----------
    place : Evaluation
        The problem at the weights of the function, for the report.
    objective : float
        Value of the function.
    gradient : ndarray of shape (n_groups,) or None
        None if the objective was above the limit.
    """

    place: Evaluation
    objective: float
    gradient: np.ndarray | None

    @property
    def is_finite(self) -> bool:
        """Whether a step may end here."""
        return (
            np.isfinite(self.objective)
            and self.gradient is not None
            and bool(np.all(np.isfinite(self.gradient)))
        )


class DescentState(NamedTuple):
    """The place of a descent; without a value before the first evaluation."""

    lambda_: np.ndarray
    weights: list[np.ndarray]
    value: Value | None = None
    pairs: tuple = ()
    error: float = np.inf


def descend(
    problem: Problem,
    state: DescentState,
    evaluate: Callable[[np.ndarray, float], Value],
    *,
    is_gradient: bool = True,
) -> DescentState:
    """Return the next state of a descent; the first step only evaluates.

    Parameters
    ----------
    problem : BilevelProblem
        The problem, which has the bounds and the scale of the objective.
    state : DescentState
        The place of the descent, or any named tuple with its fields.
    evaluate : callable
        Takes lambda and a limit, returns a `Value`; above the limit the gradient may
        be left out.
    is_gradient : bool, default=True
        False for a field that is not the gradient of the objective; then the
        objective does not judge steps.

    Returns
    -------
    DescentState
        Of the type of `state`; with `error` zero where rounding, or a kink, allows no
        further step.
    """
    if state.value is None:
        value = evaluate(state.lambda_, np.inf)
        return arrive(problem, state, state.lambda_, value)
    limit = np.inf
    if is_gradient:
        objective = state.value.objective
        limit = objective + VALUE_ROUNDING * abs(objective)
    found = _search(problem, state, evaluate, limit)
    if found is None:
        error = state.error if state.pairs else 0.0
        return state._replace(pairs=(), error=error)
    lambda_, value = found
    pair = lambda_ - state.lambda_, value.gradient - state.value.gradient
    pairs = state.pairs
    if np.vdot(*pair) > 0:
        pairs = (*pairs, pair)[-N_PAIRS:]
    return arrive(problem, state, lambda_, value, pairs)


def arrive(
    problem: Problem,
    state: DescentState,
    lambda_: np.ndarray,
    value: Value,
    pairs: tuple = (),
) -> DescentState:
    """Return the state of a place that has been evaluated."""
    if value.gradient is None:
        value = value._replace(gradient=np.full_like(lambda_, np.nan))
    projected = problem.projected(lambda_, value.gradient)
    error = float(problem.relative(projected, value.objective))
    return state._replace(
        lambda_=lambda_,
        weights=value.place.weights,
        value=value,
        pairs=pairs,
        error=error,
    )


def report(state: DescentState) -> Info:
    """Return the `Info` of a state."""
    return Info.at(state.value.place, state.value.gradient)


def _search(problem, state, evaluate, limit):
    """Return (lambda, value) of an accepted step, or None."""
    projected = problem.projected(state.lambda_, state.value.gradient)
    direction, size = free_direction(projected, state.pairs), 1.0
    least = UNSEEN * abs(state.value.objective)
    for _ in range(MAX_STEP_TRIALS):
        lambda_ = problem.project(state.lambda_ + size * direction)
        move = lambda_ - state.lambda_
        fall = -np.vdot(state.value.gradient, move)
        if not fall > least:
            return None
        value = evaluate(lambda_, limit)
        shorter = 0.5
        if value.is_finite and value.objective <= limit:
            rise = np.vdot(value.gradient, move)
            if rise <= MAX_SLOPE * fall:
                return lambda_, value
            # The zero of the secant through the slopes.
            shorter = max(fall / (fall + rise), LEAST_SHARE)
        size *= shorter
    return None
