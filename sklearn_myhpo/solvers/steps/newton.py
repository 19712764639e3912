"""Implicit differentiation for few lambdas: Newton steps in a trust region.

The second derivative of the objective is exact, or only its semidefinite part
(Gauss-Newton). It is not convex far from a minimum: negative curvature is taken with
the opposite sign (Greenstadt 1967), and a box around lambda, larger after good steps
and smaller after poor ones, limits the step (Conn, Gould & Toint 2000).
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.outer import OuterModel
from ...engine.linalg.hessian import CG_TOL
from ..protocol import Info
from .box import minimize_in_box

#: The trust region in every lambda, a natural log: first and largest.
FIRST_RADIUS, MAX_RADIUS = 1.0, 5.0
#: Shares of the promised decrease that make a step good, poor or rejected, and what
#: becomes of the radius after the first two.
GOOD_RATIO, POOR_RATIO, ACCEPT_RATIO = 0.75, 0.25, 1e-4
GROW, SHRINK = 2.0, 0.25
#: Least curvature, in units of a lambda's own.
LEAST_CURVATURE = 1e-10
#: Decrease relative to the loss that rounding cannot resolve; a promised one that the
#: error of the inner solutions may hide, and the size of that error: there the
#: hypergradient decides.
ROUNDING, HIDDEN, NOISE = 1e-14, 1e-10, 1e-8


class NewtonState(NamedTuple):
    """Exact weights at lambda, the model of the objective, and the trust region."""

    lambda_: np.ndarray
    weights: list
    objective: float
    model: OuterModel
    radius: float
    error: float


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solution at `lambda_0` and its model."""
    weights = problem.minimize(lambda_0, weights_0)
    loss = problem.objective(lambda_0, weights)
    return _evaluate(problem, lambda_0, weights, loss, FIRST_RADIUS)


def step(options, problem, state):
    """Return the next state, moved or with a smaller trust region, and its `Info`."""
    lambda_, predicted = _propose(problem, state, options.steps)
    if predicted <= ROUNDING * state.objective:
        new_state = state._replace(error=0.0)
        return new_state, _info(problem, new_state)
    weights = problem.minimize(lambda_, state.weights)
    loss = problem.objective(lambda_, weights)
    decrease, length = state.objective - loss, np.max(np.abs(lambda_ - state.lambda_))
    radius = state.radius
    if decrease >= GOOD_RATIO * predicted:
        radius = min(max(radius, GROW * length), MAX_RADIUS)
    elif not decrease >= POOR_RATIO * predicted:
        radius = SHRINK * length
    new_state = state._replace(radius=radius)
    is_hidden = predicted <= HIDDEN * loss and abs(decrease) <= NOISE * loss
    if decrease >= ACCEPT_RATIO * predicted or is_hidden:
        there = _evaluate(problem, lambda_, weights, loss, radius)
        if not is_hidden or there.error < state.error:
            new_state = there
    return new_state, _info(problem, new_state)


def _evaluate(problem, lambda_, weights, objective, radius):
    hessians = problem.hessians(lambda_, weights)
    model = problem.model(lambda_, weights, hessians, CG_TOL)
    error = problem.relative(problem.projected(lambda_, model.gradient), objective)
    return NewtonState(lambda_, weights, objective, model, radius, error)


def _propose(problem, state, steps):
    """Return where the model is least in the trust region, and the decrease there."""
    model, lambda_ = state.model, state.lambda_
    free = problem.projected(lambda_, model.gradient) != 0
    if not free.any():
        return lambda_, 0.0
    matrix = model.tangent[np.ix_(free, free)]
    if steps != "gauss-newton":
        matrix = matrix + model.bend[np.ix_(free, free)]
    # In units of its own curvature every lambda weighs the same in rounding.
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
    """Return a symmetric matrix with the sizes of its eigenvalues in their place."""
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    size = np.abs(values)
    return (vectors * np.maximum(size, LEAST_CURVATURE * size.max())) @ vectors.T


def _info(problem, state):
    return Info(
        lambda_=state.lambda_,
        train_loss=problem.train_loss(state.weights, state.lambda_),
        validation_loss=problem.without_spread(state.lambda_, state.objective),
        hypergradient_norm=float(np.max(np.abs(state.model.gradient))),
    )
