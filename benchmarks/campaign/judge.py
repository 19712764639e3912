"""Compare one fit of a task with its grid: errors of the fit, if any."""

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
from .moves import everywhere, near
from .rows import grid_of, parts_of, whole_part

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
    elsewhere : bool
        Whether several lambdas have another minimum, which is lower.
    """

    fault: str
    gap: float
    elsewhere: bool = False


class Oracle:
    """The losses of a task as a function of lambda, from its rows."""

    def __init__(self, task):
        self.task, self.criterion = task, task.criterion
        if task.criterion != "validation":
            self.parts = [whole_part(task)]
        else:
            self.parts = parts_of(task)
        self.grid = grid_of(self.parts, N_POINTS)
        self.n_classes = 0 if task.family == "ridge" else int(task.y.max()) + 1

    def losses(self, lambdas):
        """Return the losses at lambdas (n,) that decrease, or (n, n_groups)."""
        if self.criterion == "alo":
            return logistic.left_out_losses(self.parts[0], lambdas, self.n_classes)
        if self.criterion != "validation":
            return criteria.values(self.parts[0], lambdas, self.criterion)
        if self.n_classes:
            return logistic.losses(self.parts, lambdas, self.n_classes)
        return ridge.losses(self.parts, lambdas)

    def loss(self, lambda_):
        """Return the loss at a lambda, as accurately as it is known."""
        if self.criterion != "validation":
            return float(self.losses(np.array([lambda_]))[0])
        if self.n_classes:
            return float(logistic.loss(self.parts, lambda_, self.n_classes, self.grid))
        return float(ridge.loss(self.parts, lambda_))


def judge(task):
    """Return the `Verdict` of a fit of a task."""
    cls = MYHPORidge if task.family == "ridge" else MYHPOLogisticRegression
    model = cls(fit_intercept=task.fit_intercept, criterion=task.criterion)
    model.set_params(**task.options)
    if task.pairs:
        model.set_params(cv=task.pairs if task.cv is None else task.cv)
    kinds, error = fit(model, task)
    if error:
        return Verdict(error, np.nan)
    oracle = Oracle(task)
    with np.errstate(all="ignore"):
        return _compare(model, kinds, oracle)


def fit(model, task):
    """Fit a model to a task.

    Returns
    -------
    kinds : set of type
        Categories of the warnings.
    error : str
        The error of a fit that failed, else empty.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            given = {"sample_weight": task.sample_weight, "groups": task.groups}
            model.fit(task.X, task.y, **given)
        except Exception as error:
            return set(), f"{type(error).__name__}: {error}"[:80]
    return {warning.category for warning in caught}, ""


def _compare(model, kinds, oracle):
    """Return the `Verdict` of a fitted model."""
    if not np.all(np.isfinite(model.lambda_)) or not np.isfinite(
        model.validation_loss_
    ):
        return Verdict("not finite", np.nan)
    if not np.all(np.isfinite(model.coef_)):
        return Verdict("weights are not finite", np.nan)
    if np.size(model.lambda_) > 1:
        return _compare_several(model, kinds, oracle)
    lambda_ = float(np.ravel(model.lambda_)[0])
    place = int(np.searchsorted(-oracle.grid, -lambda_))
    values = oracle.losses(np.insert(oracle.grid, place, lambda_))
    own, values = values[place], np.delete(values, place)
    found = _gap(model, kinds, oracle, lambda_, own, oracle.grid, values)
    if found.fault:
        return found
    return found._replace(fault=_wrong_warning(kinds, lambda_, values, oracle.grid))


def _compare_several(model, kinds, oracle):
    """Return the `Verdict` of a fitted model with several lambdas.

    They are promised to end at a minimum, not at the least of all.
    """
    labels = oracle.task.labels
    first = [np.flatnonzero(labels == one)[0] for one in range(labels.max() + 1)]
    lambda_ = model.lambda_[np.asarray(model.feature_group_labels_)[first]]
    around, far = near(lambda_), everywhere(oracle.parts, lambda_)
    own, *values = oracle.losses(np.vstack([lambda_, around, far]))
    values, n_near = np.array(values), len(around)
    found = _gap(model, kinds, oracle, lambda_, own, around, values[:n_near])
    if found.fault:
        return found
    far = _gap(model, kinds, oracle, lambda_, own, far, values[n_near:])
    return found._replace(elsewhere=bool(far.fault))


def _gap(model, kinds, oracle, lambda_, own, others, values):
    """Return the `Verdict` of a loss, given those of other lambdas.

    Parameters
    ----------
    model, kinds, oracle
        A fitted model, the categories of its warnings, and its `Oracle`.
    lambda_, own : float or ndarray, float
        What was learned, and its loss.
    others, values : ndarray
        Other lambdas and their losses.
    """
    reported, best = model.validation_loss_, int(np.nanargmin(values))
    least, null = values[best], np.nanmax([values[0], own])
    floor = NEGLIGIBLE * null
    if oracle.n_classes:
        n_held = sum(len(part.y_held) for part in oracle.parts)
        floor = max(floor, CERTAIN_SUM / n_held)
    allowed = DIFFERENCE[oracle.task.family]
    is_off = not abs(reported - own) <= 0.1 * allowed * own
    if is_off or not own <= least * (1 + 0.1 * EXCESS):
        own, least = oracle.loss(lambda_), oracle.loss(others[best])
    gap = (own - least) / (least + floor)
    is_beyond = LambdaBoundWarning in kinds and np.any(others[best] < lambda_)
    if is_beyond and np.ndim(lambda_) == 0:
        # All along from the bound the loss falls.
        between = values[(others < lambda_) & (others >= others[best])]
        is_beyond &= bool(np.all(np.diff([own, *between]) <= 0))
    if is_beyond:
        gap = min(gap, 0.0)
    if not gap <= EXCESS and own - least > floor:
        return Verdict(f"worse than the grid: {own:.7g} > {least:.7g}", gap)
    difference = abs(reported - own) / (own + floor)
    if not difference <= allowed + _rounding(model, oracle.task, own):
        return Verdict(f"reports {reported:.8g}, rows have {own:.8g}", gap)
    if ConvergenceWarning in kinds:
        return Verdict("says that it did not converge", gap)
    return Verdict("", gap)


def _rounding(model, task, own):
    """Return the relative rounding of a squared loss by that of predictions."""
    if task.family != "ridge" or not own > 0:
        return 0.0
    sizes = np.abs(task.dense) @ np.abs(model.coef_)
    return 4.0 * np.finfo(float).eps * sizes.max() * np.sqrt(2.0 / own)


def _wrong_warning(kinds, lambda_, values, grid):
    """Return the errors of the warnings, if any."""
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
