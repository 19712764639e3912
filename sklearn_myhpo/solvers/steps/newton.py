"""Implicit differentiation for few lambdas: Newton steps in a trust region.

The second derivative of the objective is exact, or only its semidefinite part
(Gauss-Newton). It is not convex far from a minimum: negative curvature is taken with
the opposite sign (Greenstadt 1967), and a box around lambda, larger after good steps
and smaller after poor ones, limits the step (Conn, Gould & Toint 2000).
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.evaluation import SecondOrderEvaluation
from ...bilevel.outer import OuterModel
from ...engine.linalg.hessian import CG_TOL
from ..protocol import Info
from .acceptance import is_below_rounding, judge
from .box import minimize_in_box

#: The trust region in every lambda, a natural log: first and largest.
FIRST_RADIUS, MAX_RADIUS = 1.0, 5.0
#: Next radius after a good and after a poor step, as factors of the step's length.
WIDEN, NARROW = 2.0, 0.25
#: Smallest curvature, relative to that of each lambda alone.
LEAST_CURVATURE = 1e-10


class NewtonState(NamedTuple):
    """Exact weights at lambda, the model of the objective, and the trust region."""

    lambda_: np.ndarray
    weights: list[np.ndarray]
    place: SecondOrderEvaluation
    model: OuterModel
    radius: float
    error: float


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solution at `lambda_0` and its model."""
    weights = problem.minimize(lambda_0, weights_0)
    return _state(problem, problem.at(lambda_0, weights), FIRST_RADIUS)


def step(options, problem, state, rng):
    """Return the next state, moved or with a smaller trust region, and its `Info`."""
    lambda_, predicted = _propose(problem, state, options.steps)
    objective = state.place.objective
    if is_below_rounding(predicted, objective):
        new_state = state._replace(error=0.0)
        return new_state, Info.at(new_state.place, new_state.model.gradient)
    # Free the Hessians of this place; only those of the last place are needed again.
    state.place.release()
    there = problem.at(lambda_, problem.minimize(lambda_, state.weights))
    verdict = judge(predicted, objective, there.objective)
    length, radius = np.max(np.abs(lambda_ - state.lambda_)), state.radius
    if verdict.good:
        radius = min(max(radius, WIDEN * length), MAX_RADIUS)
    elif verdict.poor:
        radius = NARROW * length
    new_state = state._replace(radius=radius)
    if verdict.accepted or verdict.hidden:
        moved = _state(problem, there, radius)
        if not verdict.hidden or moved.error < state.error:
            new_state = moved
    return new_state, Info.at(new_state.place, new_state.model.gradient)


def _state(problem, place, radius):
    """Return the state at a place with exact weights."""
    model = place.model(CG_TOL)
    projected = problem.projected(place.lambda_, model.gradient)
    error = problem.relative(projected, place.objective)
    return NewtonState(place.lambda_, place.weights, place, model, radius, error)


def _propose(problem, state, steps):
    """Return the minimizer of the model in the trust region, and the decrease there."""
    model, lambda_ = state.model, state.lambda_
    free = problem.projected(lambda_, model.gradient) != 0
    if not free.any():
        return lambda_, 0.0
    matrix = model.tangent[np.ix_(free, free)]
    if steps != "gauss-newton":
        matrix = matrix + model.bend[np.ix_(free, free)]
    # Scaled to unit curvature, rounding errors of all lambdas are alike.
    unit = np.sqrt(np.abs(np.diag(matrix)))
    unit[unit == 0] = 1.0
    matrix = _positive_definite(matrix / np.outer(unit, unit))
    slope = model.gradient[free] / unit
    low, high = np.clip(
        (problem.bounds - lambda_)[:, free], -state.radius, state.radius
    )
    own = minimize_in_box(matrix, slope, low * unit, high * unit)
    move = np.zeros(problem.n_groups)
    move[free] = own / unit
    predicted = -slope @ own - 0.5 * own @ matrix @ own
    return problem.project(lambda_ + move), predicted


def _positive_definite(matrix):
    """Return a symmetric matrix with the absolute values of its eigenvalues."""
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    size = np.abs(values)
    return (vectors * np.maximum(size, LEAST_CURVATURE * size.max())) @ vectors.T
