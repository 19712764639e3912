"""Common parts of the displays: axes, fitted estimators and their names."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._messages import import_optional, shown
from ..linear_model._base import BilevelLinearModel

#: Maximum number of lambdas of one fit with a line each, and most lines with a legend.
MAX_LEGEND = 10
#: Advice where an estimator of scikit-learn contains the fitted model.
FITTED_PART = (
    "for a search, pass its best_estimator_, and for a TransformedTargetRegressor its "
    "regressor_"
)


def make_axes(ax, name):
    """Return the axes to draw on, new ones if none are given.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
    name : str
        Name of the display, for the message.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    plt = import_optional("matplotlib.pyplot", name, extra="plot")
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    return ax


def named_models(estimator, name):
    """Return the fitted models by name.

    Parameters
    ----------
    estimator : estimator, list of estimators, or dict of str to estimator
    name : str or None
        Name of a single estimator; None for the name of its class.

    Returns
    -------
    dict of str to estimator
        In the order given.

    Raises
    ------
    ValueError
        If there is no estimator, or `name` is given with several.
    """
    if isinstance(estimator, dict):
        found = estimator
    elif isinstance(estimator, list | tuple):
        found = {}
        for one in estimator:
            label = type(one).__name__
            if label in found:
                label = f"{label} {sum(key.startswith(label) for key in found) + 1}"
            found[label] = one
    else:
        return {name or type(estimator).__name__: fitted_model(estimator)}
    if not found or name is not None:
        raise ValueError(
            "estimator must be one or more fitted estimators, with `name` for a "
            f"single one only. Got {len(found)} of them and name={shown(name)}; name "
            "several by a dict {name: estimator}."
        )
    return {label: fitted_model(one) for label, one in found.items()}


def fitted_model(estimator):
    """Return a fitted linear model of this package, the last step of a pipeline.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    BilevelLinearModel

    Raises
    ------
    TypeError
        If it is not a linear model of this package.
    """
    model = last_step(estimator)
    if not isinstance(model, BilevelLinearModel):
        raise TypeError(
            "estimator must be a fitted linear model of sklearn_myhpo, or a pipeline "
            f"that ends with one; {FITTED_PART}. Got {shown(model)}."
        )
    check_is_fitted(model)
    return model


def last_step(estimator):
    """Return the last step of a pipeline, and any other estimator as it is.

    Parameters
    ----------
    estimator : estimator

    Returns
    -------
    estimator
    """
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return estimator


def features_of(estimator, X):
    """Return X transformed for the last step of a fitted pipeline.

    Parameters
    ----------
    estimator : estimator
    X : array-like of shape (n_samples, n_features)

    Returns
    -------
    array-like
    """
    while isinstance(estimator, Pipeline):
        if len(estimator) > 1:
            X = estimator[:-1].transform(X)
        estimator = estimator[-1]
    return X


def drawn_name(name):
    """Return a user's name escaped so that matplotlib draws it literally.

    Without it, matplotlib takes text between two dollar signs as a formula, and omits
    names that begin with an underscore from a legend.

    Parameters
    ----------
    name : object

    Returns
    -------
    str
    """
    text = str(name).replace("$", r"\$")
    return f"\u200b{text}" if text.startswith("_") else text


def log_unit(model):
    """Return ``log(alpha) - lambda`` of a fitted model, with ``alpha = 1 / C``.

    Parameters
    ----------
    model : BilevelLinearModel
        Fitted.

    Returns
    -------
    float
        The same for all of its lambdas; 0 without any.
    """
    name, strengths = model._strength()
    with np.errstate(divide="ignore"):
        logs = np.log(np.atleast_1d(strengths))
    units = (-logs if name == "C" else logs) - np.atleast_1d(model.lambda_)
    units = units[np.isfinite(units)]
    return float(np.median(units)) if units.size else 0.0


def check_one_of(value, name, allowed):
    """Raise if a parameter has none of the allowed values.

    Parameters
    ----------
    value : object
    name : str
    allowed : sequence of str

    Raises
    ------
    ValueError
        Names the parameter, its value and the allowed ones.
    """
    if not (isinstance(value, str) and value in allowed):
        raise ValueError(f"{name} must be one of {list(allowed)}. Got {shown(value)}.")
