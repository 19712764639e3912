"""X in arrays of the array API, in `fit`: the rows stay where they are."""

from __future__ import annotations

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from .._messages import shown
from ..criteria.loo import LeaveOneOut
from ..data.folds.listed import list_folds
from ..data.tensors.arrays import Home, check_tensor, is_tensor
from ..data.tensors.source import TensorSource
from ..engine.glm.stream_plan import hessian_bytes
from ..losses import SquaredLoss
from ..losses.tensors import tensor_loss
from ._checks import (
    check_not_missing,
    check_not_text,
    check_weights,
    resolve_criterion,
)
from ._formed import MOST_HESSIAN_BYTES
from ._long_rows import LongRows, sample_rows
from ._moments import condense_for
from ._sources import GIB, Read
from ._wide_tensors import is_wide, wide_rows

#: Bytes of the second moments of all parts of the rows that splits use alike.
MOST_MOMENT_BYTES = 2**33
#: Share of the rows of a tensor that the sample of a start may have: one in so many.
SAMPLE_SHARE = 4
#: End of the messages: how to fit rows of which single ones are needed.
_ELSE = "Or fit NumPy arrays, for which single rows can be looked at."


class TensorRows:
    """X of `fit` in an array of another library; other arguments are NumPy's by then.

    Parameters
    ----------
    given : array of shape (n_samples, n_features)

    Attributes
    ----------
    wide : WideRows or None
        What the fit is in the space of; None where it is of the features.
    """

    def __init__(self, given):
        self.given, self.wide = given, None

    @property
    def shape(self):
        """Shape of X."""
        return tuple(self.given.shape)


def read_tensors(model, solver, X, y, sample_weight, metadata, validation):
    """Return the rows of a fit whose X is an array of another library.

    Parameters
    ----------
    model : BilevelLinearModel
    solver : Solver
    X : TensorRows
    y, sample_weight : array-like or None
        On the host.
    metadata : (groups, params)
        Further arguments of `fit` for a splitter.
    validation : (X_val, y_val, sample_weight_val)
        Arguments of `fit`.

    Returns
    -------
    Read
        Of rows in the space of their own, where there are more features than rows.

    Raises
    ------
    TypeError, ValueError
        If X is no matrix of real numbers, or a parameter needs single rows; the message
        says what to use instead.
    """
    if y is None:
        raise ValueError("y must be an array with a number for each row. Got None.")
    check_tensor(X.given)
    has_own_validation = any(one is not None for one in validation)
    if is_wide(model, X.given) and not has_own_validation:
        y, sample_weight = _check_columns(model, X.given, y, sample_weight)
        X.wide = wide_rows(model, X.given)
        return Read(X.wide.rows, y, sample_weight)
    obstacle = _obstacle(model, solver, has_own_validation)
    if not model.store_coef:
        obstacle = (
            "store_coef=False is for more features than rows, without a validation set "
            "of your own; use store_coef=True"
        )
    if obstacle is not None:
        raise ValueError(f"X is not a NumPy array: {obstacle}. {_ELSE}")
    X = X.given
    y, weights = _check_columns(model, X, y, sample_weight)
    if model._is_from_moments or model._codes_classes:
        return _ridge_rows(model, X, y, weights, metadata)
    return Read(_long_rows(model, X, y, weights, metadata), None, None)


def refuse_tensor(X):
    """Raise a ValueError where X is a tensor, outside of `fit` and predictions."""
    if is_tensor(X):
        raise ValueError(
            f"Arrays of {Home.of(X).name} are taken for X of fit and of predictions "
            "alone. X must be a NumPy array, a sparse matrix or a frame here."
        )


def _obstacle(model, solver, has_own_validation):
    """Return what keeps a fit from sums over rows, and what would do; or None."""
    for name in ("scoring", "store_cv_results"):
        value = getattr(model, name)
        if value is not None and value is not False:
            return f"{name}={shown(value)} predicts held-out rows; leave it out"
    if has_own_validation:
        return (
            "X_val and y_val are rows beside X; give both as X and y, and the rows of "
            "each as cv=[(train, validation)]"
        )
    if model.shrinkage == "auto":
        return "shrinkage='auto' needs splits within splits; give a number"
    if solver.capabilities.needs_rows:
        return (
            f"The solver {shown(solver)} looks at some rows at a time; use MYHPORidge, "
            "MYHPOLogisticRegression or another solver"
        )
    if model._is_from_moments or model._codes_classes:
        criterion = resolve_criterion(model.criterion, SquaredLoss(), model._name())
        return None if criterion is None else _obstacle_of_criterion(model, criterion)
    return _obstacle_of_likelihood(model, solver)


def _obstacle_of_criterion(model, criterion):
    """Return the same for a criterion of ridge."""
    if type(criterion) is LeaveOneOut and model.feature_groups is None:
        factors = model.penalty_factors
        if factors is None or np.all(np.asarray(factors, dtype=object) != 0):
            return None
        return "criterion='loo' takes penalty_factors > 0; use criterion='validation'"
    if criterion.needs_rows or criterion.is_matrix_free:
        return (
            f"criterion={shown(model.criterion)} needs rows one by one, but for 'loo' "
            "with one lambda; use criterion='validation' or 'gcv'"
        )
    return None


def _obstacle_of_likelihood(model, solver):
    """Return the same for the losses that are no squares."""
    if not model._reads_in_passes:
        return f"{model._name()} needs rows one by one"
    if model.criterion != "validation":
        return (
            f"criterion={shown(model.criterion)} needs rows one by one; use "
            "criterion='validation'"
        )
    if model.n_starts > 1:
        return f"n_starts={model.n_starts} needs rows one by one; use n_starts=1"
    if model.standardize and not model.fit_intercept:
        return (
            "standardize=True without an intercept makes other rows for every split; "
            "use fit_intercept=True"
        )
    capabilities = solver.capabilities
    if not capabilities.finds_minimizers or capabilities.all_directions:
        return (
            f"The solver {shown(solver)} leaves the solutions that sums over rows "
            "give; use MYHPOLogisticRegression or its kin with their own options"
        )
    return None


def _check_columns(model, X, y, sample_weight):
    """Return y and the weights, checked, and set the features of the estimator."""
    check_not_missing(y)
    if model._codes_classes:
        # Labels, which are numbers -1 and 1 from here on.
        model._is_multilabel = model._is_coded = False
    is_classifier = model._is_classifier or model._codes_classes
    if not is_classifier:
        check_not_text(y)
    y = validate_data(
        model,
        y=y,
        multi_output=model._is_multi_output,
        y_numeric=not is_classifier,
    )
    check_consistent_length(y, X)
    n_rows, n_features = X.shape
    if n_rows < 2 or not n_features:
        raise ValueError(
            "X must have two rows or more, and features. Got the shape "
            f"{(n_rows, n_features)}."
        )
    # Last, for y alone takes the features away.
    validate_data(model, np.empty((1, n_features)), skip_check_array=True)
    return y, check_weights(sample_weight, y)


def _pairs(model, X, y, weights, metadata, criterion=None):
    """Return the training and validation rows of every split."""
    metadata = model._metadata_of_splits(X, *metadata)
    given = (X, y), (X, y), weights, metadata
    return model._choose_pairs(*given, own=None, criterion=criterion)


def _ridge_rows(model, X, y, weights, metadata):
    """Return rows with the second moments of a tensor, their y and their weights."""
    from ..data.tensors import moments  # noqa: F401  registers the tasks

    name, target = model._name(), y
    criterion = resolve_criterion(model.criterion, SquaredLoss(), name)
    if model._codes_classes:
        weights, _ = model._weigh_classes(y, weights, None)
        _, index, _ = model._check_target(y, weights)
        target = model._codes(index)
    source, rule = TensorSource(X, target, weights), None
    pairs = _pairs(model, X, y, weights, metadata, criterion)
    if criterion is None:
        rule = list_folds(pairs, len(y))
        _check_kinds(model, rule, X.shape[1])
    found = condense_for(model, source, rule)
    found.design.condensed, model._y_origin = found, found.centre.y
    is_vector = target.ndim == 1
    return Read(found.design, found.y[:, 0] if is_vector else found.y, found.weight)


def _check_kinds(model, rule, n_features):
    """Raise where splits divide the rows in too many ways."""
    n_kinds, n_bytes = rule.uses.n_kinds, 8 * n_features**2
    if n_kinds * n_bytes > MOST_MOMENT_BYTES:
        raise ValueError(
            f"cv={shown(model.cv)} divides the rows of X in {n_kinds} parts, whose "
            f"second moments take {n_kinds * n_bytes / GIB:.3g} GiB; "
            f"{MOST_MOMENT_BYTES / GIB:.3g} GiB are the most. Use fewer splits, such "
            f"as cv=KFold(5, shuffle=True) of sklearn.model_selection. {_ELSE}"
        )


def _long_rows(model, X, y, weights, metadata):
    """Return the `LongRows` of a tensor."""
    from ..engine.glm import tensor_pass  # noqa: F401  registers the tasks

    if model._is_classifier:
        check_classification_targets(y)
        own, _ = model._weigh_classes(y, weights, None)
        loss, _, _ = model._check_target(y, own)
    else:
        own, y = weights, y.astype(np.float64)
        model._family_loss().check_target(y)
        loss, _, _ = model._check_target(y, own)
    if model._is_per_class:
        raise ValueError(
            "X is not a NumPy array: alpha_per_target=True of several classes needs "
            f"rows one by one; use alpha_per_target=False. {_ELSE}"
        )
    tensor_loss(loss, Home.of(X))
    pairs = _pairs(model, X, y, own, metadata)
    rule = list_folds(pairs, len(y))
    source = TensorSource(X, y, weights)
    n_outputs = max(1, len(model.classes_) - 1) if model._is_classifier else 1
    n_bytes = hessian_bytes(X.shape[1] * n_outputs, rule.n_splits)
    if n_bytes > MOST_HESSIAN_BYTES:
        raise ValueError(
            f"The Hessians of all splits, of {X.shape[1]} features for every class, "
            f"would take more than {MOST_HESSIAN_BYTES / GIB:.0f} GiB. Use fewer "
            f"features or folds. {_ELSE}"
        )
    most = max(2, min(sample_rows(X.shape[1]), len(y) // SAMPLE_SHARE))
    facts = source.facts(rule, most, model._is_classifier)
    return LongRows(source, facts, rule)
