"""A validation set of the user's own, for a fit whose X is in a tensor."""

from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_array, check_consistent_length

from ...data.tensors.arrays import Home, is_foreign, to_host
from ...data.tensors.checks import check_no_gradient, check_tensor, check_values
from .._own_validation import check_own_validation


class OwnTensors(NamedTuple):
    """A validation set.

    Attributes
    ----------
    X : array of shape (n_validation, n_features)
        Of the library and the device of the training rows.
    y, weights : ndarray
    """

    X: object
    y: np.ndarray
    weights: np.ndarray


class Columns(NamedTuple):
    """Columns beside the X of a fit: training rows first, then the validation set.

    Attributes
    ----------
    y : ndarray of shape (n,) or (n, n_targets)
    weights : ndarray of shape (n,)
    pair : (ndarray, ndarray) or None
        Rows of the validation set's own split.
    """

    y: np.ndarray
    weights: np.ndarray
    pair: tuple | None

    @classmethod
    def of(cls, y, weights, own):
        """Return the columns of training rows and of `OwnTensors`, or of none."""
        if own is None:
            return cls(y, weights, None)
        n_rows, n_all = len(y), len(y) + len(own.y)
        return cls(
            np.concatenate([y, own.y]),
            np.concatenate([weights, own.weights]),
            (np.arange(n_rows), np.arange(n_rows, n_all)),
        )

    def parts(self):
        """Return (y, weights) of the training rows, and of a validation set if any."""
        if self.pair is None:
            return [(self.y, self.weights)]
        return [(self.y[part], self.weights[part]) for part in self.pair]


def own_tensors(model, X, y, validation, check_target):
    """Return the `OwnTensors` of the arguments of `fit`, or None without any.

    Parameters
    ----------
    model : BilevelLinearModel
    X : array of shape (n_samples, n_features)
        Of the training rows.
    y : ndarray
        Of the training rows, checked.
    validation : (X_val, y_val, sample_weight_val)
        X_val may be of any library; it is moved to the device of X.
    check_target : callable
        Takes y of some rows, and returns it as an array of numbers or labels.

    Raises
    ------
    TypeError, ValueError
        If the set does not fit the training rows, or a parameter.
    """
    check = partial(_checked, model, X, check_target)
    own = check_own_validation(validation, model.criterion, model.shrinkage, check)
    if own is None:
        return None
    own = OwnTensors(own[0].array, *own[1:])
    if own.y.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"y_val must have as many targets as y, which has the shape {y.shape}. "
            f"Got the shape {own.y.shape}."
        )
    return own


class _Rows(NamedTuple):
    """A tensor whose rows scikit-learn can count."""

    array: object

    @property
    def shape(self):
        """Shape of the tensor."""
        return tuple(self.array.shape)


def _checked(model, X, check_target, X_val, y_val):
    """Return X_val where X lives, and y_val, checked."""
    home = Home.of(X)
    if is_foreign(X_val):
        check_values(X_val, "X_val")
        check_no_gradient(X_val, "X_val")
    if not (is_foreign(X_val) and home.has(X_val)):
        X_val = to_host(X_val) if is_foreign(X_val) else X_val
        X_val = home.put(check_array(X_val, dtype=(np.float64, np.float32)))
    check_tensor(X_val)
    if X_val.shape[1] != X.shape[1]:
        raise ValueError(
            f"X has {X_val.shape[1]} features, but {model._name()} is expecting "
            f"{X.shape[1]} features as input."
        )
    y_val = check_target(y_val)
    check_consistent_length(y_val, _Rows(X_val))
    return _Rows(X_val), y_val
