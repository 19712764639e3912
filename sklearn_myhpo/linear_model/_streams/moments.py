"""Ridge from second moments, for rows that are read once."""

from dataclasses import replace
from numbers import Integral

from sklearn.utils.validation import check_array

from ..._messages import shown
from ...data.cv import warn_if_sorted
from ...data.folds.rules import Contiguous, fold_rule, is_rule
from ...data.moments.condensed_design import CondensedDesign
from ...data.moments.passes import condense_source
from ...engine.conditioning import LEAST_OWN, LEAST_OWN_OF_GROUPS
from ...engine.limits import limits
from .._checks import check_not_missing, check_not_text
from .._units import unit_exponents


def can_condense(model, solver, groups, params):
    """Whether a fit with these parameters needs only the moments of the folds.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    groups : array-like or None
        Argument of `fit`.
    params : dict
        Further metadata of a splitter.

    Returns
    -------
    bool
    """
    if not model._is_from_moments or solver.capabilities.needs_rows:
        return False
    if groups is not None or params or model.shrinkage == "auto":
        return False
    return is_rule(model.cv)


def condensed_rows(model, source, rule):
    """Return condensed rows of a source.

    Parameters
    ----------
    model : BilevelLinearModel
        Of ridge regression.
    source : RowSource
    rule : FoldRule or None
        None for that of the parameter `cv`.

    Returns
    -------
    X : CondensedDesign
    y : ndarray
        Relative to its origin.
    weight : ndarray of shape (n_samples,)
    """
    first = source.first()
    if rule is None and model.criterion == "validation":
        rule = fold_rule(model.cv, source, random_state=model.random_state)
    _check_target(first.y)
    found = condense_for(model, source, rule)
    if rule is not None:
        check_folds(model, found, rule)
    y = found.y if first.y.ndim == 2 else found.y[:, 0]
    found.design.condensed, model._y_origin = found, found.centre.y
    return found.design, y, found.weight


def condense_for(model, source, rule):
    """Return the `Condensed` rows of a source, as accurate as a fit of ridge needs.

    Parameters
    ----------
    model : BilevelLinearModel
        Of ridge regression.
    source : RowSource
    rule : FoldRule or None
        None where no row is held out.

    Returns
    -------
    Condensed
        With `source` and `rule`.
    """
    found = condense_source(
        source,
        rule,
        is_about_means=model.fit_intercept,
        exponents=unit_exponents,
        n_sample=limits().optimism_rows,
        least=LEAST_OWN if model.feature_groups is None else LEAST_OWN_OF_GROUPS,
    )
    return replace(found, source=source, rule=rule)


def facts_of(X):
    """Return the `CondensedFacts` of X; None if its rows are not condensed."""
    return X.condensed.facts if isinstance(X, CondensedDesign) else None


def validates_alone(X):
    """Whether condensed rows include the user's validation set."""
    return isinstance(X, CondensedDesign) and not X.condensed.uses.refits_all


def _check_target(y):
    """Raise if y is not a valid target of a regressor."""
    check_not_text(y)
    check_not_missing(y)
    check_array(y, ensure_2d=False, dtype="numeric", input_name="y")


def check_folds(model, found, rule):
    """Raise if a part of a split has no row, and warn of sorted rows.

    Parameters
    ----------
    model : RidgeModel
    found : Condensed
    rule : rule of folds
    """
    parts, given = found.parts, f"cv={shown(5 if model.cv is None else model.cv)}"
    if not found.uses.refits_all:
        given = "X_val"
    if not parts.n_splits or not (parts.totals > 0).all():
        part = "a training part" if parts.n_splits else "the validation part"
        raise ValueError(
            f"{given} leaves {part} without a row of positive sample weight, of "
            f"{found.design.n_counted} in all. Use other folds, or more rows."
        )
    is_number = model.cv is None or isinstance(model.cv, Integral)
    if isinstance(rule, Contiguous) and is_number:
        sample = found.sample.joined()
        used = sample.weight > 0
        warn_if_sorted(rule.n_splits, sample.y[used], sample.kind[used, 0], model._say)
