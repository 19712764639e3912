"""Steps of a Self-Tuning Network that need no tuning: ours, not published.

Weights and responses move in the metric of the training Hessian, lambda by
Gauss-Newton steps on the validation loss of the response, and log sigma by Newton's
method on its stationarity.
"""

from typing import NamedTuple

import numpy as np

from ..steps.box import minimize_in_box
from .response import PARTS, part_gradient, train_residual

#: A training step is shortened while the slope at its end points back with more than
#: this share of the first slope; at most so many times.
MAX_TURN, MAX_SHORTER = 1.0, 30
#: Longest step, in units of Newton's.
MOST_NEWTON = 2.0
#: Accuracy of iterative solves with the metric.
METRIC_TOL = 1e-2
#: Longest move of a lambda, a natural log.
MOST_MOVE = 1.0
#: Factors of the longest move of a lambda after a change of sign of its hypergradient,
#: and otherwise.
TURNED, STRAIGHT = 0.5, 1.5
#: Added to the unit diagonal of the scaled Gauss-Newton matrix.
DAMPING = 1e-3
#: Smallest and largest curvature found along a move, relative to Gauss-Newton's.
MIN_CURVATURE, MAX_CURVATURE = 0.1, 10.0


class Secant(NamedTuple):
    """The memory of the last step on lambda.

    Attributes
    ----------
    lambda_, slope : ndarray of shape (n_groups,)
        Its start.
    curvature : float
        Of the objective, relative to the Gauss-Newton matrix.
    longest : ndarray of shape (n_groups,)
        Longest move of every lambda.
    """

    lambda_: np.ndarray
    slope: np.ndarray
    curvature: float
    longest: np.ndarray


def start(problem, phis):
    """Return the memory before the first step."""
    longest = np.full(problem.n_groups, MOST_MOVE)
    none = np.zeros(problem.n_groups)
    return Secant(none, none, 1.0, longest)


def train(options, problem, state, moves, gain):
    """Take a step on the weights and responses of all splits.

    Parameters
    ----------
    options : STN
    problem : BilevelProblem
    state : STNState
    moves : ndarray of shape (n, n_groups)
        The eps.
    gain : float
        Share of a step that is taken, in (0, 1].

    Returns
    -------
    phis : list of ndarray
    residual : float
        Of the full training conditions, before the step.
    memory : Secant
    """
    lambda_, sigma = state.lambda_, state.sigma
    hessians = problem.hessians(lambda_, [phi[0] for phi in state.phis])
    scale = np.concatenate([[1.0], sigma**2])[:, None, None]
    phis, gradients = state.phis, [np.empty_like(phi) for phi in state.phis]
    for part in PARTS[options.form]:
        slopes = [
            part_gradient(split, phi, lambda_, moves, part)
            for split, phi in zip(problem.splits, phis, strict=True)
        ]
        steps = problem.split_set.solve(
            hessians, [-slope / scale[part] for slope in slopes], METRIC_TOL
        )
        own = 1.0 if part.stop == 1 else gain
        phis = [
            _descend(split, phi, lambda_, moves, part, slope, step, own)
            for split, phi, slope, step in zip(
                problem.splits, phis, slopes, steps, strict=True
            )
        ]
        for gradient, slope in zip(gradients, slopes, strict=True):
            gradient[part] = slope
    residual = max(
        train_residual(split, phi, lambda_, sigma, gradient)
        for split, phi, gradient in zip(
            problem.splits, state.phis, gradients, strict=True
        )
    )
    return phis, residual, state.memory


def _descend(split, phi, lambda_, moves, part, slope, step, gain):
    """Return phi after a step of a part of it, `gain` times as long as is best.

    The best length is that at which the slope along the step, which is linear in it
    for ridge, vanishes.
    """
    first, new = np.vdot(slope, step), phi.copy()
    for _ in range(MAX_SHORTER):
        new[part] = phi[part] + step
        last = np.vdot(part_gradient(split, new, lambda_, moves, part), step)
        share = 1.0
        if first < 0 and last > first:
            share = min(first / (first - last), MOST_NEWTON)
        if last <= MAX_TURN * -first:
            new[part] = phi[part] + gain * share * step
            return new
        step, first = share * step, share * first
    return phi


def tune(options, problem, state, slope, tau, gain):
    """Take a step on lambda and sigma.

    Parameters
    ----------
    options : STN
    problem : BilevelProblem
    state : STNState
    slope : ValidationSlope
        Of the whole objective.
    tau : float
        Weight of the entropy, in units of the loss.
    gain : float

    Returns
    -------
    lambda_, sigma : ndarray of shape (n_groups,)
        Not yet within their bounds.
    memory : Secant
    """
    lambda_ = state.lambda_
    gram = problem.mean(
        split.validation_gram(phi[0], phi[1:])
        for split, phi in zip(problem.splits, state.phis, strict=True)
    )
    matrix = problem.total_hessian(lambda_, gram)
    projected = problem.projected(lambda_, slope.in_lambda)
    memory = _find_curvature(lambda_, projected, matrix, state.memory, gain)
    free, move = projected != 0, np.zeros(problem.n_groups)
    if free.any():
        ends = np.clip(problem.bounds - lambda_, -memory.longest, memory.longest)
        curved = memory.curvature * matrix[np.ix_(free, free)]
        move[free] = gain * _newton_step(curved, projected[free], ends[:, free])
    pull = slope.in_log_sigma
    # Newton on sigma^2 Theta' H_V Theta - tau: exact near its root, never above 1.
    growth = (tau - pull) / (tau + np.abs(pull))
    return lambda_ + move, state.sigma * np.exp(gain * growth), memory


def _find_curvature(lambda_, slope, matrix, last, gain):
    """Return the `Secant` of this step."""
    turned = slope * last.slope < 0
    longest = np.minimum(last.longest * np.where(turned, TURNED, STRAIGHT), MOST_MOVE)
    curvature, move = last.curvature, lambda_ - last.lambda_
    expected, found = move @ matrix @ move, move @ (slope - last.slope)
    # With noise, the difference of two slopes carries no information.
    if gain == 1.0 and last.slope.any() and expected > 0 and found > 0:
        curvature = float(np.clip(found / expected, MIN_CURVATURE, MAX_CURVATURE))
    return Secant(lambda_, slope, curvature, longest)


def _newton_step(matrix, gradient, ends):
    """Return the minimizer of a quadratic model, damped, between two ends."""
    unit = np.sqrt(np.diag(matrix))
    unit[unit == 0] = 1.0
    scaled = matrix / np.outer(unit, unit)
    scaled[np.diag_indices_from(scaled)] += DAMPING
    return minimize_in_box(scaled, gradient / unit, *(ends * unit)) / unit
