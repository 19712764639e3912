"""Ridge of tensors with no fewer features than rows, in the space of the rows."""

import numpy as np

from ..._messages import shown
from ...data.tensors.wide import WideRows
from ...engine.limits import limits
from .._problem import LastFit

#: Parameters that need the features themselves, and what they must be.
_NEEDED = {"feature_groups": None, "penalty_factors": None, "standardize": False}


def is_wide(model, X):
    """Whether to fit in the space of the rows of a tensor.

    Parameters
    ----------
    model : BilevelLinearModel
    X : array of shape (n_samples, n_features)

    Returns
    -------
    bool
        False of few features too, which moments serve as well.
    """
    n_rows, n_features = X.shape
    if not (model._is_from_moments or model._codes_classes) or n_features < n_rows:
        return False
    return _needs_no_features(model) or n_features > limits().moments_size


def _needs_no_features(model):
    """Whether no parameter needs the features themselves."""
    return all(getattr(model, name) is value for name, value in _NEEDED.items())


def wide_rows(model, X, *more):
    """Return the `WideRows` of a tensor, and of more rows below it.

    Raises
    ------
    ValueError
        If a parameter needs the features themselves.
    """
    if not _needs_no_features(model):
        name, value = next(
            (name, getattr(model, name))
            for name, value in _NEEDED.items()
            if getattr(model, name) is not value
        )
        raise ValueError(
            f"X has {X.shape[1]} features and {X.shape[0]} rows, so that a fit works "
            f"with products of rows, which know no {name}. Got {name}={shown(value)}. "
            f"Use {name}={_NEEDED[name]}, at most {limits().moments_size} features, or "
            "NumPy arrays."
        )
    return WideRows([X, *more], model.fit_intercept, limits().device_size)


def restore_features(model, wide, shape):
    """Return the weights of the features on the device of X; set their facts.

    Parameters
    ----------
    model : BilevelLinearModel
        Fitted to `wide.rows`.
    wide : WideRows
    shape : (int, int)
        Of X.

    Returns
    -------
    coef, intercept : array
        In the form of the attributes.
    """
    found = wide.features(*_weights(model))
    if model.coef_.ndim == 1:
        found = found[0][0, :], found[1]
    return _restored(model, found, shape[1])


def restore_rows(model, wide, X):
    """Return weights of the rows, instead of the features, where X lives.

    Parameters
    ----------
    model : RidgeModel
        Fitted to `wide.rows`.
    wide : WideRows
    X : array of shape (n_samples, n_features)

    Returns
    -------
    dual, intercept : array
        In the form of the attributes.
    """
    dual, intercept, total = wide.rows_of(*_weights(model))
    dual, intercept = _restored(model, (dual, intercept), X.shape[1])
    model._set_dual(dual, X, None, total)
    return model.dual_coef_, intercept


def _weights(model):
    """Return the coefficients (k, rank) and intercepts (k,) of the basis."""
    coef, intercept = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    intercept = np.broadcast_to(intercept, len(coef)).astype(np.float64)
    return coef.astype(np.float64), intercept


def _restored(model, found, n_features):
    """Return weights with the intercept in its form; set what is known of features."""
    if not np.ndim(model.intercept_):
        found = found[0], found[1][0]
    model.n_features_in_ = n_features
    model.feature_group_labels_ = np.zeros(n_features, dtype=np.intp)
    model.penalty_factors_ = np.ones(n_features)
    facts, last = model._facts, model._last_fit
    if facts is not None:
        posterior = facts.posterior
        if posterior is not None:
            # Standard errors are those of basis coefficients, which have no meaning for
            # users.
            posterior = type(posterior)(posterior.freedom, posterior.mean_square)
        model._facts = facts._replace(share=None, posterior=posterior)
    model._last_fit = None if last is None else LastFit(last.lambda_, None)
    return found
