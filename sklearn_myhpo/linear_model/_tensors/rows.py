"""X in arrays of the array API, in `fit`: the rows stay where they are."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from ..._messages import shown
from ...criteria.streamed import AllRows
from ...data.folds.listed import list_folds
from ...data.streams.joined import OwnValidation
from ...data.tensors.arrays import Home, is_tensor
from ...data.tensors.checks import check_tensor
from ...data.tensors.joined import JoinedTensors
from ...data.tensors.source import TensorSource
from ...engine.glm.stream_plan import hessian_bytes
from ...losses import SquaredLoss
from ...losses.tensors import tensor_loss
from .._checks import (
    check_not_missing,
    check_not_text,
    check_weights,
    resolve_criterion,
)
from .._classes import check_labels, has_columns
from .._streams.formed import MOST_HESSIAN_BYTES
from .._streams.long_rows import LongRows, sample_rows
from .._streams.moments import condense_for
from .._streams.sources import GIB, Read
from .obstacles import asks_for_rows, obstacle_to_sums
from .scores import TensorGiven
from .validation import Columns, OwnTensors, own_tensors
from .wide import is_wide, wide_rows

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
    rows_are_few = is_wide(model, X.given)
    obstacle = None if rows_are_few else obstacle_to_sums(model, solver)
    has_own_validation = any(one is not None for one in validation)
    if not model.store_coef and (has_own_validation or not rows_are_few):
        obstacle = (
            "store_coef=False is for more features than rows, without a validation set "
            "of your own; use store_coef=True"
        )
    if obstacle is not None:
        raise ValueError(f"X is not a NumPy array: {obstacle}. {_ELSE}")
    if rows_are_few:
        return _wide(model, X, y, sample_weight, validation)
    X = X.given
    y, weights = _check_columns(model, X, y, sample_weight)
    own = own_tensors(
        model, X, y, validation, partial(_check_target, model, reset=False)
    )
    is_weighted = (sample_weight if own is None else validation[2]) is not None
    given = model, X, y, weights, metadata, own, is_weighted
    if model._is_from_moments or model._codes_classes:
        return _ridge_rows(*given)
    return Read(_long_rows(*given), None, None)


def _wide(model, X, y, sample_weight, validation):
    """Return the rows of a tensor in their own space, set as X.wide."""
    y, weights = _check_columns(model, X.given, y, sample_weight)
    given = X.given, y, validation, partial(_check_target, model, reset=False)
    own = own_tensors(model, *given)
    if own is None:
        X.wide = wide_rows(model, X.given)
        return Read(X.wide.rows, y, weights)
    X.wide = wide_rows(model, X.given, own.X)
    rows, more = np.split(X.wide.rows, [len(y)])
    return Read(rows, y, weights, (more, own.y, own.weights))


def refuse_tensor(X):
    """Raise a ValueError where X is a tensor, outside of `fit` and predictions."""
    if is_tensor(X):
        raise ValueError(
            f"Arrays of {Home.of(X).name} are accepted only as X of fit and of "
            "predictions. X must be a NumPy array, a sparse matrix or a frame here."
        )


def _check_columns(model, X, y, sample_weight):
    """Return y and the weights, checked, and set the features of the estimator."""
    if model._codes_classes:
        # Labels, which are numbers -1 and 1 from here on.
        model._is_coded, model._is_multilabel = False, has_columns(y)
    y = _check_target(model, y)
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


def _check_target(model, y, reset=True):
    """Return y of some rows as an array of numbers or labels."""
    check_not_missing(y)
    has_labels = model._is_classifier or model._codes_classes
    if not has_labels:
        check_not_text(y)
    y = validate_data(
        model,
        y=y,
        multi_output=model._is_multi_output,
        y_numeric=not has_labels,
        reset=reset,
    )
    if model._codes_classes and model._is_multilabel:
        check_labels(y)
    elif not (has_labels or model._is_from_moments):
        y = y.astype(np.float64)
        model._family_loss().check_target(y)
    return y


def _ridge_rows(model, X, y, weights, metadata, own, is_weighted):
    """Return rows with the second moments of a tensor, their y and their weights."""
    from ...data.tensors import moments  # noqa: F401  registers the tasks

    criterion = resolve_criterion(model.criterion, SquaredLoss(), model._name())
    given = (y, weights), own
    if model._codes_classes:
        weights, own = _weighed(model, y, weights, own)
    columns = Columns.of(y, weights, own)
    if model._codes_classes:
        _, index, _ = model._check_target(columns.y, columns.weights)
    pairs = _pairs(model, X, columns, metadata, criterion)
    if model._codes_classes:
        columns = columns._replace(y=model._codes(index))
    source, rule = _source(X, own, columns), None
    if own is not None:
        rule = OwnValidation()
    elif criterion is None:
        rule = list_folds(pairs, len(y))
        _check_kinds(model, rule, X.shape[1])
    found = condense_for(model, source, rule)
    found.design.condensed, model._y_origin = found, found.centre.y
    if asks_for_rows(model):
        found.design.given = TensorGiven.of(X, *given, pairs, is_weighted)
    is_vector = columns.y.ndim == 1
    return Read(found.design, found.y[:, 0] if is_vector else found.y, found.weight)


def _weighed(model, y, weights, own):
    """Return weights of training rows, and a validation set, times their classes'."""
    weights, own = model._weigh_classes(y, weights, own)
    return weights, None if own is None else OwnTensors(*own)


def _pairs(model, X, columns, metadata, criterion):
    """Return the training and validation rows of every split."""
    metadata = model._metadata_of_splits(X, *metadata)
    given = (X, columns.y), (X, columns.y), columns.weights, metadata
    return model._choose_pairs(*given, own=columns.pair, criterion=criterion)


def _source(X, own, columns):
    """Return the rows of a tensor, with those of a validation set if there is one."""
    first, *more = columns.parts()
    source = TensorSource(X, *first)
    return JoinedTensors(source, TensorSource(own.X, *more[0])) if more else source


def _check_kinds(model, rule, n_features):
    """Raise if splits divide the rows in too many ways."""
    n_kinds, n_bytes = rule.uses.n_kinds, 8 * n_features**2
    if n_kinds * n_bytes > MOST_MOMENT_BYTES:
        raise ValueError(
            f"cv={shown(model.cv)} divides the rows of X in {n_kinds} parts, whose "
            f"second moments take {n_kinds * n_bytes / GIB:.3g} GiB; "
            f"{MOST_MOMENT_BYTES / GIB:.3g} GiB are the most. Use fewer splits, such "
            f"as cv=KFold(5, shuffle=True) of sklearn.model_selection. {_ELSE}"
        )


def _long_rows(model, X, y, weights, metadata, own, is_weighted):
    """Return the `LongRows` of a tensor."""
    from ...criteria import _tensor_alo  # noqa: F401  registers the tasks
    from ...engine.glm import tensor_pass  # noqa: F401

    plain = Columns.of(y, weights, own)
    if model._is_classifier:
        check_classification_targets(y)
        weighed = Columns.of(y, *_weighed(model, y, weights, own))
    else:
        weighed = plain
    loss, _, _ = model._check_target(*weighed.parts()[0])
    tensor_loss(loss, Home.of(X))
    criterion = resolve_criterion(model.criterion, loss, model._name())
    pairs = _pairs(model, X, weighed, metadata, criterion)
    if own is not None:
        rule = OwnValidation()
    else:
        rule = AllRows() if criterion else list_folds(pairs, len(y))
    source = _source(X, own, plain)
    n_weights = X.shape[1] * loss.n_outputs(y)
    n_bytes = hessian_bytes(n_weights, rule.n_splits)
    if n_bytes > MOST_HESSIAN_BYTES:
        raise ValueError(
            f"The Hessians of all splits, of {X.shape[1]} features for every class, "
            f"would take more than {MOST_HESSIAN_BYTES / GIB:.0f} GiB. Use fewer "
            f"features or folds. {_ELSE}"
        )
    most = max(2, min(sample_rows(X.shape[1]), len(y) // SAMPLE_SHARE))
    facts, given = source.facts(rule, most, model._is_classifier), None
    if asks_for_rows(model):
        given = TensorGiven.of(X, (y, weights), own, pairs, is_weighted)
    return LongRows(source, facts, rule, given)
