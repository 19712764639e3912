"""The user's validation set (`X_val`, `y_val`), as one more split."""

from functools import partial

import numpy as np
from sklearn.utils.validation import validate_data

from .._messages import shown
from ..data.dask.blocks import is_dask
from ..data.dask.source import DaskSource
from ..data.stacked import stack
from ..data.streams.batches import Batches
from ..data.streams.source import BatchSource
from ._checks import check_weights

#: The arguments X_val, y_val and sample_weight_val without such a set.
NO_VALIDATION = None, None, None


def check_own_validation(validation, criterion, shrinkage, check_data):
    """Return the checked validation set, or None without one.

    Parameters
    ----------
    validation : (X_val, y_val, sample_weight_val)
        Arguments of `fit`; None where not given.
    criterion, shrinkage : object
        Parameters of the estimator.
    check_data : callable
        Takes X and y, and returns them as arrays of numbers; raises ValueError where
        they do not have the features of the training rows.

    Returns
    -------
    (X, y, weights) or None
        Features of shape (n_validation, n_features), target, and weights of shape
        (n_validation,).

    Raises
    ------
    ValueError
        If an argument is missing, does not fit the training rows, or is not possible
        with a parameter.
    """
    X_val, y_val, sample_weight_val = validation
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val needs X_val and y_val. Got neither.")
        return None
    if X_val is None or y_val is None:
        given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
        raise ValueError(f"{given} needs {missing} too. Got {missing}=None.")
    _check_options(criterion, shrinkage)
    try:
        X, y = check_data(X_val, y_val)
    except ValueError as error:
        raise ValueError(f"X_val, y_val: {error}") from error
    return X, y, check_weights(sample_weight_val, X)


def _check_options(criterion, shrinkage):
    """Raise if a parameter makes a validation set useless."""
    if criterion != "validation":
        raise ValueError(
            f"criterion={shown(criterion)} holds no rows out and has no use for X_val. "
            "Use criterion='validation', or leave X_val out."
        )
    if shrinkage == "auto":
        raise ValueError(
            "shrinkage='auto' needs three splits or more, and X_val is one. Use a "
            "number for shrinkage, or cv."
        )


def own_validation(model, source, validation):
    """Return the source of a validation set, for training rows of a source; or None.

    Parameters
    ----------
    model : BilevelLinearModel
    source : RowSource
        The training rows.
    validation : (X_val, y_val, sample_weight_val)
        Arguments of `fit`: `Batches` alone, collections of Dask, or arrays.

    Returns
    -------
    RowSource or None
    """
    X_val, y_val, sample_weight_val = validation
    validate_data(model, source.head, skip_check_array=True)
    if isinstance(X_val, Batches):
        if y_val is not None or sample_weight_val is not None:
            raise ValueError(
                "y_val and sample_weight_val must be None where X_val is Batches, "
                "whose batches hold them."
            )
        found = BatchSource(X_val)
    elif is_dask(X_val):
        if y_val is None:
            raise ValueError("X_val needs y_val too. Got y_val=None.")
        found = DaskSource(X_val, y_val, sample_weight_val)
    else:
        check = partial(model._check_data, reset=False)
        given = validation, model.criterion, model.shrinkage, check
        own = check_own_validation(*given)
        if own is None:
            return None
        found = BatchSource(Batches.from_arrays(*own))
    _check_options(model.criterion, model.shrinkage)
    try:
        validate_data(model, found.head, reset=False, skip_check_array=True)
    except ValueError as error:
        raise ValueError(f"X_val, y_val: {error}") from error
    shapes = [one.first().y.shape[1:] for one in (source, found)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "y_val must have as many targets as y, whose rows have the shape "
            f"{shapes[0]}. Got the shape {shapes[1]}."
        )
    return found


def check_known_labels(counts, more):
    """Raise if a class of validation rows has no training rows of positive weight.

    Parameters
    ----------
    counts, more : ClassCounts
        Of the training rows, and of the validation rows.
    """
    known, labels = (one.classes[one.weight > 0] for one in (counts, more))
    _check_subset(known, labels)


def check_own_classes(y, weights, pair):
    """Raise if a class of the validation set has no training rows.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels of both sets.
    weights : ndarray of shape (n_samples,)
    pair : (ndarray, ndarray)
        Indices of the training rows and of the validation rows.

    Raises
    ------
    ValueError
        If a label of `y_val` does not occur in `y`.
    """
    _check_subset(*(np.unique(y[part[weights[part] > 0]]) for part in pair))


def _check_subset(known, labels):
    """Raise if there are labels other than the known ones."""
    unknown = np.setdiff1d(labels, known)
    if unknown.size:
        raise ValueError(
            f"y_val has the label {shown(unknown.tolist()[0])}, which no row of y with "
            f"a positive weight has; allowed are {known.tolist()}."
        )


def append(training, validation):
    """Return all rows, and their split.

    Parameters
    ----------
    training, validation : (X, y, weights)

    Returns
    -------
    X : Design
        Training rows followed by validation rows.
    y, weights : ndarray
    pair : (ndarray, ndarray)
        Indices of the training rows and of the validation rows.

    Raises
    ------
    ValueError
        If the numbers of targets differ.
    """
    (X, y, weights), (X_val, y_val, weights_val) = training, validation
    if y.shape[1:] != y_val.shape[1:]:
        raise ValueError(
            f"y_val must have as many targets as y, which has the shape {y.shape}. "
            f"Got the shape {y_val.shape}."
        )
    n_train, n_all = len(y), len(y) + len(y_val)
    return (
        stack(X, X_val),
        np.concatenate([y, y_val]),
        np.concatenate([weights, weights_val]),
        (np.arange(n_train), np.arange(n_train, n_all)),
    )
