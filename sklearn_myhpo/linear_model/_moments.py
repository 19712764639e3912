"""Ridge from the second moments of rows that are read once."""

from dataclasses import replace

from sklearn.utils.validation import check_array

from .._messages import shown
from ..data.cv import warn_if_sorted
from ..data.folds.rules import Contiguous, fold_rule, is_rule
from ..data.moments.condensed_design import CondensedDesign
from ..data.moments.passes import condense_source
from ..engine.conditioning import LEAST_OWN, LEAST_OWN_OF_GROUPS
from ..engine.limits import limits
from ..losses import SquaredLoss
from ._checks import check_not_missing, check_not_text, resolve_criterion
from ._units import unit_exponents


def can_condense(model, solver, groups, params):
    """Whether the parameters of a fit ask for no more than moments of the folds.

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


def condensed_rows(model, source, has_own_validation, most_features=None, rule=None):
    """Return rows that stand for those of a source; None where single ones are needed.

    Parameters
    ----------
    model : RidgeModel
    source : RowSource
    has_own_validation : bool
        Whether `fit` got a validation set.
    most_features : int, default=None
        Features up to which matrices of all their pairs are made; None for as many as
        pay beside reading rows again.
    rule : rule of folds, default=None
        None for that of the parameter `cv`.

    Returns
    -------
    (CondensedDesign, ndarray, ndarray) or None
        X, y about its origin, and weights of the rows.
    """
    first = source.first()
    criterion = resolve_criterion(model.criterion, SquaredLoss(), model._name())
    most = limits().moments_size if most_features is None else most_features
    if first.X.shape[1] > most:
        return None
    needs_rows = criterion is not None and (
        criterion.needs_rows or criterion.is_matrix_free
    )
    if needs_rows and not source.is_one_block:
        return None
    if criterion is not None or has_own_validation:
        rule = None
    elif rule is None:
        rule = fold_rule(model.cv, source, random_state=model.random_state)
    _check_target(first.y)
    one = model.feature_groups is None
    found = condense_source(
        source,
        rule,
        is_about_means=model.fit_intercept,
        exponents=unit_exponents,
        n_sample=limits().optimism_rows,
        least=LEAST_OWN if one else LEAST_OWN_OF_GROUPS,
        moves=not has_own_validation,
    )
    if rule is not None:
        check_folds(model, found, rule)
    y = found.y if first.y.ndim == 2 else found.y[:, 0]
    found = replace(found, source=source, rule=rule)
    found.design.condensed, model._y_origin = found, found.centre.y
    return found.design, y, found.weight


def facts_of(X):
    """Return the `CondensedFacts` of X, None where its rows stand for no others."""
    return X.condensed.facts if isinstance(X, CondensedDesign) else None


def _check_target(y):
    """Raise where y is no target of a regressor."""
    check_not_text(y)
    check_not_missing(y)
    check_array(y, ensure_2d=False, dtype="numeric", input_name="y")


def check_folds(model, found, rule):
    """Raise where a part of a split has no row, and warn of rows in order.

    Parameters
    ----------
    model : RidgeModel
    found : Condensed
    rule : rule of folds
    """
    parts, given = found.parts, f"cv={shown(5 if model.cv is None else model.cv)}"
    if not parts.n_splits or not (parts.totals > 0).all():
        part = "a training part" if parts.n_splits else "the validation part"
        raise ValueError(
            f"{given} leaves {part} without a row of positive sample weight, of "
            f"{found.design.n_counted} in all. Use other folds, or more rows."
        )
    if isinstance(rule, Contiguous):
        sample = found.sample.joined()
        used = sample.weight > 0
        warn_if_sorted(rule.n_splits, sample.y[used], sample.label[used], model._say)
