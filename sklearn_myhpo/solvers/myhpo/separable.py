"""MY-HPO, fast form, for lambdas that do not interact.

Every target takes the step of `fast.py` with a proximal weight of its own; all
of them are taken at once.
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.bounds import outward
from ...bilevel.per_target import TargetModel, TargetsEvaluation
from ..protocol import Info
from ..steps.acceptance import is_below_rounding, judge
from .fast import END, MAX_MOVE, RHO_FIRST, RHO_GROW, RHO_REJECTED, RHO_SHRINK
from .freedom import felt, freedom_taken, unfelt

#: Factors of the longest move after a rejected step and after a good one.
SHORTER, LONGER = 0.25, 2.0
#: Targets whose error is below this share of the largest one wait.
LAG = 1e-2


class Progress(NamedTuple):
    """The fields of `FastState` beside the model, with one entry per target."""

    lambda_: np.ndarray
    rho: np.ndarray
    longest: np.ndarray
    errors: np.ndarray
    target: np.ndarray
    predicted: np.ndarray


class SeparableState(NamedTuple):
    """Exact weights, and the progress and model of every target."""

    lambda_: np.ndarray
    weights: list[np.ndarray]
    place: TargetsEvaluation
    error: float
    progress: Progress
    model: TargetModel


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solutions at `lambda_0` and their models."""
    everything = problem.everything
    model = problem.target_models(lambda_0, everything)
    rho, longest = np.full((2, problem.n_groups), [[RHO_FIRST], [MAX_MOVE]])
    own = Progress(lambda_0, rho, longest, *np.zeros((3, problem.n_groups)))
    return _state(problem, _propose(problem, own, model, everything), model)


def step(options, problem, state, rng):
    """Return the next state, in which the targets with large errors have moved."""
    index = np.flatnonzero(state.progress.errors >= LAG * state.error)
    own, old = _take(state.progress, index), _take(state.model, index)
    new = problem.target_models(own.target, index)
    own, moved, ended = _judge(own, old, new)
    model = TargetModel(
        *(np.where(moved, *pair) for pair in zip(new, old, strict=True))
    )
    own = _propose(problem, own, model, index)
    own.errors[ended | is_below_rounding(own.predicted, model.value)] = 0.0
    progress, model = _put(state.progress, index, own), _put(state.model, index, model)
    new_state = _state(problem, progress, model)
    return new_state, _info(new_state)


def _state(problem, progress, model):
    """Return the state with the exact weights of its lambdas."""
    lambda_ = progress.lambda_
    place = problem.at(lambda_, problem.minimize(lambda_))
    error = float(progress.errors.max())
    return SeparableState(lambda_, place.weights, place, error, progress, model)


def _take(entries, index):
    """Return the entries of some targets."""
    return type(entries)(*(values[index] for values in entries))


def _put(entries, index, own):
    """Return the entries of all targets, some of them replaced."""
    out = type(entries)(*(values.copy() for values in entries))
    for values, fresh in zip(out, own, strict=True):
        values[index] = fresh
    return out


def _judge(own, old, new):
    """Return the progress after a step, and masks of moved and of finished targets."""
    verdict = judge(own.predicted, old.value, new.value)
    accepted = verdict.accepted
    good, poor = accepted & verdict.good, accepted & verdict.poor
    rho = own.rho * np.where(good, RHO_SHRINK, np.where(poor, RHO_GROW, 1.0))
    rho = np.where(accepted, rho, np.maximum(RHO_GROW * rho, RHO_REJECTED))
    longer = np.where(good, LONGER * own.longest, own.longest)
    tried = np.minimum(np.abs(own.target - own.lambda_), own.longest)
    longest = np.where(accepted, np.minimum(longer, MAX_MOVE), SHORTER * tried)
    hidden = ~accepted & verdict.hidden
    better = hidden & (np.abs(new.gradient) < np.abs(old.gradient))
    moved = accepted | better
    lambda_ = np.where(moved, own.target, own.lambda_)
    own = own._replace(lambda_=lambda_, rho=rho, longest=longest)
    return own, moved, hidden & ~better


def _propose(problem, own, model, targets):
    """Return the progress with errors, ends of the steps and promised decreases."""
    lambda_, (low, high) = own.lambda_, problem.bounds[:, targets]
    at_low, at_high = outward(problem.bounds[:, targets], lambda_, model.gradient)
    gradient = np.where(at_low | at_high, 0.0, model.gradient)
    taken = freedom_taken(model.metric, model.energy)
    at_end = (np.minimum(taken, 1.0 - taken) < END) & (own.longest == MAX_MOVE)
    longest = np.where(at_end, np.inf, own.longest)
    down, up = np.clip([low - lambda_, high - lambda_], -longest, longest)
    first, last = felt(down, taken), felt(up, taken)
    tangent = model.tangent + own.rho * model.metric
    curved = tangent + model.bend + model.gradient * (2.0 * taken - 1.0)
    # The second-order response where it leaves the step convex, else the tangent.
    curvature = np.where(curved > 0, curved, tangent)
    x, predicted = _minimize(gradient, curvature, first, last)
    # The proximal term shortens a step, and so would excuse an end before a minimum.
    curved = curved - own.rho * model.metric
    promise = _minimize(gradient, np.where(curved > 0, curved, curvature), first, last)
    inside = np.where(x >= last, up, unfelt(x, taken))
    delta = np.where(x <= first, down, inside)
    delta[gradient == 0] = 0.0
    size = np.maximum(np.abs(gradient), np.maximum(predicted, promise[1]))
    errors = problem.relative(size, model.value, targets)
    target = np.clip(lambda_ + delta, low, high)
    return own._replace(errors=errors, target=target, predicted=predicted)


def _minimize(gradient, curvature, first, last):
    """Return the minimizers of parabolas between bounds, and their decreases."""
    newton = np.divide(
        -gradient, curvature, out=-np.inf * np.sign(gradient), where=curvature > 0
    )
    x = np.where(gradient == 0, 0.0, np.clip(newton, first, last))
    return x, -gradient * x - 0.5 * curvature * x**2


def _info(state):
    """Return the report of the sums over targets."""
    return Info(
        lambda_=state.lambda_,
        train_loss=float(state.model.train_loss.sum()),
        validation_loss=float(state.model.value.sum()),
        hypergradient_norm=float(np.max(np.abs(state.model.gradient))),
    )
