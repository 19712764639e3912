"""MY-HPO, fast form, for lambdas that do not feel each other.

Every target takes the step of `_adaptive` with a proximal weight of its own; all
of them are taken at once.
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.per_target import TargetModel
from ..protocol import Info
from .fast import (
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
from .freedom import felt, freedom_taken, unfelt

#: What a rejected step makes of the longest move, and a good one.
SHORTER, LONGER = 0.25, 2.0
#: Targets whose error is below this share of the largest one wait.
LAG = 1e-2


class Progress(NamedTuple):
    """What `_adaptive` keeps beside the model, with one entry per target."""

    lambda_: np.ndarray
    rho: np.ndarray
    longest: np.ndarray
    errors: np.ndarray
    target: np.ndarray
    predicted: np.ndarray


class SeparableState(NamedTuple):
    """Exact weights, and the progress and model of every target."""

    lambda_: np.ndarray
    weights: list
    error: float
    progress: Progress
    model: TargetModel


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solutions at `lambda_0` and their models."""
    everything = np.arange(problem.n_groups)
    model = problem.model(lambda_0, everything)
    rho, longest = np.full((2, problem.n_groups), [[RHO_FIRST], [MAX_MOVE]])
    own = Progress(lambda_0, rho, longest, *np.zeros((3, problem.n_groups)))
    return _state(problem, _propose(problem, own, model, everything), model)


def step(options, problem, state):
    """Return the next state, in which the targets that lag behind have moved."""
    index = np.flatnonzero(state.progress.errors >= LAG * state.error)
    own, old = _take(state.progress, index), _take(state.model, index)
    new = problem.model(own.target, index)
    own, moved, ended = _judge(own, old, new)
    model = TargetModel(
        *(np.where(moved, *pair) for pair in zip(new, old, strict=True))
    )
    own = _propose(problem, own, model, index)
    own.errors[ended | (own.predicted <= ROUNDING * model.value)] = 0.0
    progress, model = _put(state.progress, index, own), _put(state.model, index, model)
    new_state = _state(problem, progress, model)
    return new_state, _info(new_state)


def _state(problem, progress, model):
    weights = problem.minimize(progress.lambda_)
    error = float(progress.errors.max())
    return SeparableState(progress.lambda_, weights, error, progress, model)


def _take(entries, index):
    """Return the entries of some targets."""
    return type(entries)(*(values[index] for values in entries))


def _put(entries, index, own):
    """Return the entries with those of some targets replaced."""
    out = type(entries)(*(values.copy() for values in entries))
    for values, fresh in zip(out, own, strict=True):
        values[index] = fresh
    return out


def _judge(own, old, new):
    """Return the progress after a step, who moved, and who cannot get further."""
    decrease = old.value - new.value
    good = decrease >= ACCEPT_RATIO * own.predicted
    very_good = good & (decrease > GOOD_RATIO * own.predicted)
    poor = good & (decrease < POOR_RATIO * own.predicted)
    rho = own.rho * np.where(very_good, SHRINK, np.where(poor, GROW, 1.0))
    rho = np.where(good, rho, np.maximum(GROW * rho, RHO_REJECTED))
    longer = np.where(very_good, LONGER * own.longest, own.longest)
    tried = np.minimum(np.abs(own.target - own.lambda_), own.longest)
    longest = np.where(good, np.minimum(longer, MAX_MOVE), SHORTER * tried)
    # Where rounding hides the decrease the hypergradient decides.
    hidden = ~good & (own.predicted <= HIDDEN * new.value)
    hidden &= np.abs(decrease) <= NOISE * new.value
    better = hidden & (np.abs(new.gradient) < np.abs(old.gradient))
    moved = good | better
    lambda_ = np.where(moved, own.target, own.lambda_)
    return (
        own._replace(lambda_=lambda_, rho=rho, longest=longest),
        moved,
        hidden & ~better,
    )


def _propose(problem, own, model, targets):
    """Return the progress with errors, and where steps lead and what they promise."""
    lambda_, (low, high) = own.lambda_, problem.bounds[:, targets]
    outward = (lambda_ <= low) & (model.gradient > 0)
    outward |= (lambda_ >= high) & (model.gradient < 0)
    gradient = np.where(outward, 0.0, model.gradient)
    taken = freedom_taken(model.metric, model.energy)
    at_end = (np.minimum(taken, 1.0 - taken) < END) & (own.longest == MAX_MOVE)
    longest = np.where(at_end, np.inf, own.longest)
    down, up = np.clip([low - lambda_, high - lambda_], -longest, longest)
    first, last = felt(down, taken), felt(up, taken)
    tangent = model.tangent + own.rho * model.metric
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
    target = np.clip(lambda_ + delta, low, high)
    return own._replace(errors=errors, target=target, predicted=predicted)


def _info(state):
    return Info(
        lambda_=state.lambda_,
        train_loss=float(state.model.train_loss.sum()),
        validation_loss=float(state.model.value.sum()),
        hypergradient_norm=float(np.max(np.abs(state.model.gradient))),
    )
