"""One fit of a task beside its grid: what is wrong with it, if anything."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_myhpo import (
    FlatObjectiveWarning,
    LambdaBoundWarning,
    MYHPOLogisticRegression,
    MYHPORidge,
)

from . import criteria, logistic, ridge
from .rows import grid_of, parts_of

#: Lambdas of the grid.
N_POINTS = 400
#: Relative excess over the grid's best loss, and relative difference of the reported
#: loss from that of the rows, that are failures: the second is as accurate as the inner
#: solutions are.
EXCESS, DIFFERENCE = 1e-6, {"ridge": 1e-8, "binary": 1e-6, "multinomial": 1e-6}
#: Towards no penalty at all some losses fall for ever: a fit ends at its lower bound,
#: warns of it, and may be worse than a grid beyond by EXCESS_BEYOND of the loss of the
#: constant model.
EXCESS_BEYOND = 0.02
#: Part of the loss of the constant model below which a loss counts as zero, as
#: documented; and the sum of likelihood losses below which a fit ends.
NEGLIGIBLE, CERTAIN_SUM = 1e-10, 0.01


class Verdict(NamedTuple):
    """The result of one task.

    Attributes
    ----------
    fault : str
        Empty where all is well.
    gap : float
        Loss of the learned lambda over the least of the grid, minus one.
    """

    fault: str
    gap: float


class Oracle:
    """The losses of a task as a function of lambda, from its rows."""

    def __init__(self, task):
        self.task = task
        if task.criterion != "validation":
            self.parts = [criteria.whole_part(task)]
        else:
            self.parts = parts_of(task)
        self.grid = grid_of(self.parts, N_POINTS)
        self.n_classes = 0 if task.family == "ridge" else int(task.y.max()) + 1

    def losses(self, lambdas):
        """Return the losses at decreasing lambdas."""
        if self.task.criterion != "validation":
            return criteria.values(self.parts[0], lambdas, self.task.criterion)
        if self.n_classes:
            return logistic.losses(self.parts, lambdas, self.n_classes)
        return ridge.losses(self.parts, lambdas)

    def loss(self, lambda_):
        """Return the loss at a lambda, as accurately as it is known."""
        if self.task.criterion != "validation":
            given = self.parts[0], np.array([lambda_]), self.task.criterion
            return float(criteria.values(*given)[0])
        if self.n_classes:
            return float(logistic.loss(self.parts, lambda_, self.n_classes, self.grid))
        return float(ridge.loss(self.parts, lambda_))


def judge(task):
    """Return the `Verdict` of a fit of a task."""
    cls = MYHPORidge if task.family == "ridge" else MYHPOLogisticRegression
    model = cls(fit_intercept=task.fit_intercept, criterion=task.criterion)
    if task.pairs:
        model.set_params(cv=task.pairs)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(task.X, task.y, sample_weight=task.sample_weight)
        except Exception as error:
            return Verdict(f"{type(error).__name__}: {error}"[:80], np.nan)
    kinds = {warning.category for warning in caught}
    oracle = Oracle(task)
    with np.errstate(all="ignore"):
        return _compare(model, kinds, oracle)


def _compare(model, kinds, oracle):
    """Return the `Verdict` of a fitted model."""
    lambda_, reported = model.lambda_, model.validation_loss_
    if not np.all(np.isfinite([lambda_, reported])):
        return Verdict("not finite", np.nan)
    if not np.all(np.isfinite(model.coef_)):
        return Verdict("weights are not finite", np.nan)
    place = int(np.searchsorted(-oracle.grid, -lambda_))
    values = oracle.losses(np.insert(oracle.grid, place, lambda_))
    own, values = values[place], np.delete(values, place)
    best = int(np.nanargmin(values))
    least, floor = values[best], NEGLIGIBLE * values[0]
    if oracle.n_classes:
        n_held = sum(len(part.y_held) for part in oracle.parts)
        floor = max(floor, CERTAIN_SUM / n_held)
    allowed = DIFFERENCE[oracle.task.family]
    is_off = not abs(reported - own) <= 0.1 * allowed * own
    if is_off or not own <= least * (1 + 0.1 * EXCESS):
        own, least = oracle.loss(lambda_), oracle.loss(oracle.grid[best])
    gap = (own - least) / (least + floor)
    is_beyond = LambdaBoundWarning in kinds and oracle.grid[best] < lambda_
    if is_beyond and own - least <= EXCESS_BEYOND * values[0]:
        gap = 0.0
    if not gap <= EXCESS and own - least > floor:
        return Verdict(f"worse than the grid: {own:.6g} > {least:.6g}", gap)
    difference = abs(reported - own) / (own + floor)
    if not difference <= allowed + _rounding(model, oracle.task, own):
        return Verdict(f"reports {reported:.8g}, rows have {own:.8g}", gap)
    if ConvergenceWarning in kinds:
        return Verdict("says that it did not converge", gap)
    return Verdict(_wrong_warning(kinds, lambda_, values, oracle.grid), gap)


def _rounding(model, task, own):
    """Return the relative rounding of a squared loss by that of predictions."""
    if task.family != "ridge" or not own > 0:
        return 0.0
    sizes = np.abs(task.dense) @ np.abs(model.coef_)
    return 4.0 * np.finfo(float).eps * sizes.max() * np.sqrt(2.0 / own)


def _wrong_warning(kinds, lambda_, values, grid):
    """Return what is wrong with the warnings, if anything."""
    # Where the loss within one unit of lambda is higher on both sides, it is a minimum.
    near = (np.abs(grid - lambda_) < 1.0) & np.isfinite(values)
    if not near.any():
        return ""
    here = np.interp(lambda_, grid[::-1], values[::-1])
    sides = [values[near & side] for side in (grid < lambda_, grid > lambda_)]
    if any(len(side) == 0 for side in sides):
        return ""
    inside = all(side.max() > here * (1 + 1e-3) for side in sides)
    if inside and LambdaBoundWarning in kinds:
        return "warns of a bound at a minimum"
    if inside and FlatObjectiveWarning in kinds and here > CERTAIN_SUM:
        return "calls a minimum flat"
    return ""
