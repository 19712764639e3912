"""Device of predictions: X must be where the weights of the estimator are."""

import numpy as np
from sklearn import get_config

from .arrays import Home, is_foreign


def lives_elsewhere(model):
    """Whether the weights of a fitted estimator are arrays of another library."""
    return not isinstance(weights_of(model), np.ndarray)


def weights_of(model):
    """Return the weights of an estimator, of features or of rows; None before a fit."""
    fitted = vars(model)
    return fitted["dual_coef_"] if "dual_coef_" in fitted else fitted.get("coef_")


def check_same_home(model, X, method):
    """Raise unless X is an array like those that an estimator was fitted to.

    Parameters
    ----------
    model : BaseEstimator
        Fitted or not.
    X : object
        Argument of a method.
    method : str
        Its name, for the message.

    Raises
    ------
    ValueError
        If it is not. With scikit-learn's dispatch of arrays turned off, weights of
        NumPy take every X.
    """
    coef = weights_of(model)
    if coef is None or (isinstance(coef, np.ndarray) and isinstance(X, np.ndarray)):
        return
    is_on, is_away = get_config()["array_api_dispatch"], is_foreign(coef)
    if not (is_away or (is_on and is_foreign(X))):
        return
    name, fitted = type(model).__name__, Home.of(coef).name if is_away else "numpy"
    if not is_on:
        raise ValueError(
            f"{name} was fitted to arrays of {fitted}, which {method} takes after "
            "sklearn.set_config(array_api_dispatch=True). For NumPy arrays use "
            'move_to("numpy").'
        )
    given = Home.of(X).name if is_foreign(X) else "numpy"
    if given == fitted and Home.of(coef).has(X):
        return
    differ = f"{fitted} and {given}"
    if given == fitted:
        devices = (str(Home.of(one).device) for one in (coef, X))
        differ = " and ".join(f"{given} on {one}" for one in devices)
    raise ValueError(
        f"Inputs passed to {name}.{method}() must use the same namespace and the same "
        f"device as those passed to fit(). They are {differ}. Move the estimator to "
        'where X is: move_to(X), or move_to("numpy") for NumPy arrays.'
    )
