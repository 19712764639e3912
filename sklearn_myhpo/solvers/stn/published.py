"""Steps of a Self-Tuning Network as published.

Stochastic gradients with momentum on the weights and responses, Adam (Kingma & Ba
2015) on lambda and on s, where sigma = softplus(s).
"""

from typing import NamedTuple

import numpy as np

from .response import PARTS, part_gradient, train_residual

MOMENTUM = 0.9
#: Adam's rates of its two moments, and the number that keeps it from dividing by zero.
RATES, OFFSET = (0.9, 0.999), 1e-8


class Moments(NamedTuple):
    """The memory of momentum and Adam.

    Attributes
    ----------
    velocities : list of ndarray
        One per split, of the shape of phi.
    first, second : ndarray of shape (2, n_groups)
        Of the gradients in lambda and in s.
    count : int
        Steps of Adam.
    """

    velocities: list
    first: np.ndarray
    second: np.ndarray
    count: int


def start(problem, phis):
    """Return moments of zero."""
    zeros = np.zeros((2, problem.n_groups))
    return Moments([np.zeros_like(phi) for phi in phis], zeros, zeros, 0)


def train(options, problem, state, moves, gain):
    """Take a gradient step on the weights and responses of all splits.

    Parameters
    ----------
    options : STN
    problem : BilevelProblem
    state : STNState
    moves : ndarray of shape (n, n_groups)
        The eps.
    gain : float
        Not used: the published step sizes do not decrease.

    Returns
    -------
    phis : list of ndarray
    residual : float
        Of the full training conditions, before the step.
    memory : Moments
    """
    alpha, _ = options.step_sizes
    lambda_ = state.lambda_
    phis, velocities, residual = [], [], 0.0
    for split, phi, old in zip(
        problem.splits, state.phis, state.memory.velocities, strict=True
    ):
        new, velocity, gradient = phi.copy(), old.copy(), np.empty_like(phi)
        for part in PARTS[options.form]:
            gradient[part] = part_gradient(split, new, lambda_, moves, part)
            velocity[part] = MOMENTUM * velocity[part] + gradient[part]
            new[part] -= alpha * velocity[part]
        own = train_residual(split, phi, lambda_, state.sigma, gradient)
        residual = max(residual, own)
        phis.append(new)
        velocities.append(velocity)
    return phis, residual, state.memory._replace(velocities=velocities)


def tune(options, problem, state, slope, tau, gain):
    """Take a step of Adam on lambda and s.

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
        Not used.

    Returns
    -------
    lambda_, sigma : ndarray of shape (n_groups,)
        Not yet within their bounds.
    memory : Moments
    """
    _, beta = options.step_sizes
    sigma, memory = state.sigma, state.memory
    # d sigma / d s = 1 - exp(-sigma).
    in_s = -np.expm1(-sigma) * (slope.in_log_sigma - tau) / sigma
    gradient, count = np.stack([slope.in_lambda, in_s]), memory.count + 1
    first = RATES[0] * memory.first + (1.0 - RATES[0]) * gradient
    second = RATES[1] * memory.second + (1.0 - RATES[1]) * gradient**2
    mean, square = first / (1.0 - RATES[0] ** count), second / (1.0 - RATES[1] ** count)
    in_lambda, in_s = -beta * mean / (np.sqrt(square) + OFFSET)
    s = np.log(np.expm1(sigma)) + in_s
    memory = memory._replace(first=first, second=second, count=count)
    return state.lambda_ + in_lambda, np.logaddexp(0.0, s), memory
