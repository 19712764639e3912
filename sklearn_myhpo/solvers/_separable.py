"""MY-HPO, fast form, for lambdas that do not feel each other.

Every target takes the step of `_adaptive` with a proximal weight of its own; all
of them are taken at once.
"""

from typing import NamedTuple

import numpy as np

from ..targets import TargetModel
from ._adaptive import (
    ACCEPT_RATIO,
    END,
    GOOD_RATIO,
    GROW,
    HIDDEN,
    MAX_MOVE,
    NOISE,
    POOR_RATIO,
    RHO_FIRST,
    RHO_REJECTED,
    ROUNDING,
    SHRINK,
)
from ._freedom import felt, freedom_taken, unfelt
from .protocol import Info

#: Targets whose error is below this share of the largest one wait.
LAG = 1e-2


class SeparableState(NamedTuple):
    """What `_adaptive` keeps, with one entry per target."""

    lambda_: np.ndarray
    weights: list
    model: TargetModel
    rho: np.ndarray
    errors: np.ndarray
    target: np.ndarray
    predicted: np.ndarray
    error: float


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solutions at `lambda_0` and their models."""
    everything = np.arange(problem.n_groups)
    model = problem.model(lambda_0, everything)
    rho = np.full(problem.n_groups, RHO_FIRST)
    errors, target, predicted = _propose(problem, lambda_0, model, rho, everything)
    weights = problem.minimize(lambda_0)
    return SeparableState(
        lambda_0, weights, model, rho, errors, target, predicted, errors.max()
    )


def step(options, problem, state):
    """Return the next state, in which the targets that lag behind have moved."""
    index = np.flatnonzero(state.errors >= LAG * state.error)
    lambda_, rho, errors, target, predicted = (
        array.copy()
        for array in (
            state.lambda_,
            state.rho,
            state.errors,
            state.target,
            state.predicted,
        )
    )
    old = TargetModel(*(entry[index] for entry in state.model))
    new = problem.model(target[index], index)
    promise, own_rho = predicted[index], rho[index]
    decrease = old.value - new.value
    good = decrease >= ACCEPT_RATIO * promise
    own_rho[~good] = np.maximum(GROW * own_rho[~good], RHO_REJECTED)
    own_rho[good & (decrease > GOOD_RATIO * promise)] *= SHRINK
    own_rho[good & (decrease < POOR_RATIO * promise)] *= GROW
    # Where rounding hides the decrease the hypergradient decides.
    hidden = (
        ~good
        & (promise <= HIDDEN * new.value)
        & (np.abs(decrease) <= NOISE * new.value)
    )
    better = hidden & (np.abs(new.gradient) < np.abs(old.gradient))
    moved = good | better
    model = TargetModel(*(entry.copy() for entry in state.model))
    for entry, fresh in zip(model, new, strict=True):
        entry[index[moved]] = fresh[moved]
    lambda_[index[moved]] = target[index[moved]]
    rho[index] = own_rho
    own = TargetModel(*(entry[index] for entry in model))
    found = _propose(problem, lambda_[index], own, own_rho, index)
    errors[index], target[index], predicted[index] = found
    errors[index[hidden & ~better]] = 0.0
    errors[predicted <= ROUNDING * model.value] = 0.0
    weights = problem.minimize(lambda_)
    new_state = SeparableState(
        lambda_, weights, model, rho, errors, target, predicted, errors.max()
    )
    return new_state, _info(new_state)


def _propose(problem, lambda_, model, rho, targets):
    """Return errors, where steps lead, and the decreases that they promise."""
    low, high = problem.bounds[:, targets]
    gradient = model.gradient
    outward = ((lambda_ <= low) & (gradient > 0)) | ((lambda_ >= high) & (gradient < 0))
    gradient = np.where(outward, 0.0, gradient)
    taken = freedom_taken(model.metric, model.energy)
    at_end = np.minimum(taken, 1.0 - taken) < END
    longest = np.where(at_end, np.inf, MAX_MOVE)
    down, up = np.clip([low - lambda_, high - lambda_], -longest, longest)
    first, last = felt(down, taken), felt(up, taken)
    tangent = model.tangent + rho * model.metric
    curved = tangent + model.bend + model.gradient * (2.0 * taken - 1.0)
    # The second-order response where it leaves the step convex, else the tangent.
    curvature = np.where(curved > 0, curved, tangent)
    newton = np.divide(
        -gradient, curvature, out=-np.inf * np.sign(gradient), where=curvature > 0
    )
    x = np.where(gradient == 0, 0.0, np.clip(newton, first, last))
    inside = np.where(x >= last, up, unfelt(x, taken))
    delta = np.where(x <= first, down, inside)
    delta[gradient == 0] = 0.0
    predicted = -gradient * x - 0.5 * curvature * x**2
    size = np.maximum(np.abs(gradient), predicted)
    errors = problem.relative(size, model.value, targets)
    return errors, np.clip(lambda_ + delta, low, high), predicted


def _info(state):
    return Info(
        lambda_=state.lambda_,
        train_loss=float(state.model.train_loss.sum()),
        validation_loss=float(state.model.value.sum()),
        hypergradient_norm=float(np.max(np.abs(state.model.gradient))),
    )
