"""Fits of arrays of the array API; other arguments and the weights follow X."""

from __future__ import annotations

import copy
from functools import wraps
from typing import Any, Self

import numpy as np
from sklearn import config_context, get_config
from sklearn.utils.validation import check_is_fitted, validate_data

from ..._messages import shown
from ...data.arrays import linear_predictor
from ...data.tensors.arrays import Home, as_numpy, is_foreign, is_tensor
from ...data.tensors.checks import check_no_gradient, check_tensor, check_values
from ...data.tensors.homes import lives_elsewhere
from ...data.tensors.rows import tensor_dual_product, tensor_product
from .._streams.batches import is_from_batches
from .host_arrays import HostArraysMixin
from .rows import TensorRows
from .wide import restore_features, restore_rows

#: Fitted attributes that are arrays like X.
WEIGHTS = ("coef_", "intercept_")


def following_rows(fit):
    """Return a method `fit` that takes arrays of the array API.

    With scikit-learn's ``array_api_dispatch``, X stays on its device, other arguments
    follow X, and the fitted weights are arrays like X.

    Parameters
    ----------
    fit : callable
        Of the estimator, X, y and the sample weights.

    Returns
    -------
    callable
        With the same arguments.
    """

    @wraps(fit)
    def of_arrays(self, X, y=None, sample_weight=None, **params):
        if not get_config()["array_api_dispatch"]:
            return fit(self, X, y, sample_weight, **params)
        rows, home = X, None
        if is_tensor(X):
            rows, home = TensorRows(X), Home.of(X)
        y, sample_weight = _followed("y", y), _followed("sample_weight", sample_weight)
        X_val = params.pop("X_val", None)
        params = {name: _followed(name, one) for name, one in params.items()}
        params["X_val"] = _followed("X_val", X_val) if home is None else X_val
        # Dispatch is off below: X is wrapped, and other arrays are on the host.
        self._follows = home is not None
        try:
            with config_context(array_api_dispatch=False):
                fit(self, rows, y, sample_weight, **params)
        finally:
            vars(self).pop("_follows", None)
        if home is None:
            return self
        weights = [home.put(np.asarray(getattr(self, name))) for name in WEIGHTS]
        if rows.wide is not None and not self.store_coef:
            weights = restore_rows(self, rows.wide, X)
        elif rows.wide is not None:
            weights = restore_features(self, rows.wide, rows.shape)
        _set_weights(self, weights, home, X.dtype)
        return self

    return of_arrays


def _followed(name, value):
    """Return an argument other than X on the host."""
    if not is_foreign(value):
        return value
    check_values(value, name)
    check_no_gradient(value, name)
    # A number for all rows is one on the host too.
    return as_numpy(value)


def _set_weights(model, weights, home, dtype):
    """Set the weights of a fitted estimator to arrays like X."""
    for name, value in zip(_names(model), weights, strict=True):
        setattr(model, name, home.xp.astype(value, dtype, copy=False))


def _names(model):
    """Return the names of the weights of a fitted estimator, and of the intercept."""
    return ("dual_coef_" if model._has_dual else WEIGHTS[0], WEIGHTS[1])


def host_weights(model):
    """Return weights and `intercept_` of a fitted estimator as NumPy arrays."""
    return tuple(as_numpy(getattr(model, name)) for name in _names(model))


def tensor_predictor(model, X):
    """Return ``X coef_' + intercept_`` where X lives, shape (n, n_rows_of_coef).

    Parameters
    ----------
    model : BilevelLinearModel
        Fitted.
    X : array
        Of the library and the device of the weights.

    Returns
    -------
    array
        In the precision of X.

    Raises
    ------
    TypeError, ValueError
        If X is not a matrix of real numbers with the features of `fit`.
    """
    check_tensor(X)
    home = Home.of(X)
    n_features = model.n_features_in_
    if X.shape[1] != n_features:
        raise ValueError(
            f"X has {X.shape[1]} features, but {model._name()} is expecting "
            f"{n_features} features as input."
        )
    coef, intercept = (
        home.xp.astype(getattr(model, name), X.dtype, copy=False)
        for name in _names(model)
    )
    if model._has_dual:
        total = home.xp.astype(home.put(model._dual_total), X.dtype, copy=False)
        return tensor_dual_product(X, model.X_fit_, coef, intercept, total)
    coef = coef[None, :] if len(coef.shape) == 1 else coef
    return tensor_product(X, coef, intercept)


class FollowingMixin(HostArraysMixin):
    """Weights that are arrays like X, predictions, and `move_to`; a mixin."""

    #: Whether a fit keeps weights of features; whether the last fit has kept weights of
    #: rows instead; and whether a fit ends by moving the weights to the device of X.
    store_coef, _has_dual, _follows = True, False, False

    def move_to(self, place: Any) -> Self:
        """Return a copy of the fitted estimator with its weights elsewhere.

        `coef_` and `intercept_` are arrays like the X of `fit`: tensors after a fit of
        tensors. A pickle of ``move_to("numpy")`` loads on machines without the library
        or the device, and so does that of `to_sklearn`.

        Parameters
        ----------
        place : "numpy" or array
            An array gives the library and the device of the weights.

        Returns
        -------
        self : object
            A copy; the estimator itself is not changed.

        Raises
        ------
        ValueError
            If `place` is neither.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        is_name = isinstance(place, str) and place == "numpy"
        if not (is_name or isinstance(place, np.ndarray) or is_foreign(place)):
            raise ValueError(
                'place must be "numpy", or an array that is where the weights shall '
                f"be. Got {shown(place)}."
            )
        moved = copy.copy(self)
        for name, value in zip(_names(self), host_weights(self), strict=True):
            setattr(moved, name, value)
        if self._has_dual:
            moved.X_fit_ = as_numpy(self.X_fit_)
        if not is_name and is_foreign(place):
            home = Home.of(place)
            is_single = host_weights(moved)[0].dtype == np.float32
            dtype = home.xp.float32 if is_single else home.double
            weights = [home.put(np.asarray(one)) for one in host_weights(moved)]
            _set_weights(moved, weights, home, dtype)
            if self._has_dual:
                moved.X_fit_ = home.xp.astype(home.put(moved.X_fit_), dtype)
        return moved

    def _linear_predictor(self, X):
        """Return ``X coef_' + intercept_``, shape (n_samples, n_rows_of_coef)."""
        check_is_fitted(self)
        if lives_elsewhere(self):
            return tensor_predictor(self, X)
        is_from_batches(X)
        X = validate_data(
            self,
            X,
            accept_sparse=("csr", "csc"),
            dtype=(np.float64, np.float32),
            reset=False,
        )
        if self._has_dual:
            return self._dual_predictions(X)
        return linear_predictor(X, np.atleast_2d(self.coef_).T, self.intercept_)
