"""A validation set of the user's own, as one more split."""

import numpy as np
from scipy import sparse

from ._checks import check_weights


def given_rows(estimator, X_val, y_val, sample_weight_val):
    """Return the checked validation set, or None where there is none.

    Parameters
    ----------
    estimator : BilevelLinearModel
        That has seen the training rows.
    X_val, y_val, sample_weight_val : array-like or None
        As given to `fit`.

    Returns
    -------
    X : ndarray or sparse array of shape (n_validation, n_features)
    y : ndarray
    weights : ndarray of shape (n_validation,)

    Raises
    ------
    ValueError
        If only a part of it is there, or does not go with the training rows.
    """
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val needs X_val and y_val. Got neither.")
        return None
    if X_val is None or y_val is None:
        given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
        raise ValueError(f"{given} needs {missing} too. Got {missing}=None.")
    if estimator.criterion != "validation":
        raise ValueError(
            f"criterion={estimator.criterion!r} holds no rows out and has no use for "
            "X_val. Use criterion='validation', or leave X_val out."
        )
    if not _is_possible(estimator):
        raise ValueError(
            "shrinkage='auto' needs three splits or more, and X_val is one. Use a "
            "number for shrinkage, or cv."
        )
    try:
        X, y = estimator._validate_data(X_val, y_val, reset=False)
    except ValueError as error:
        raise ValueError(f"X_val, y_val: {error}") from error
    return X, y, check_weights(sample_weight_val, X)


def _is_possible(estimator):
    return getattr(estimator, "shrinkage", 0.0) != "auto"


def append(training, validation):
    """Return all rows, and the split that they make.

    Parameters
    ----------
    training, validation : (X, y, weights)

    Returns
    -------
    X, y, weights : ndarray
        Of the training rows and then the others.
    pair : (ndarray, ndarray)
        The indices of both.

    Raises
    ------
    ValueError
        If the targets do not go together.
    """
    (X, y, weights), (X_val, y_val, weights_val) = training, validation
    if y.shape[1:] != y_val.shape[1:]:
        raise ValueError(
            f"y_val has the shape {y_val.shape} and y {y.shape}: they must have as "
            "many targets."
        )
    if sparse.issparse(X) or sparse.issparse(X_val):
        both = sparse.vstack([sparse.csr_array(X), sparse.csr_array(X_val)], "csr")
    else:
        both = np.concatenate([X, X_val.astype(X.dtype, copy=False)])
    n_train, n_all = len(y), len(y) + len(y_val)
    return (
        both,
        np.concatenate([y, y_val]),
        np.concatenate([weights, weights_val]),
        (np.arange(n_train), np.arange(n_train, n_all)),
    )
