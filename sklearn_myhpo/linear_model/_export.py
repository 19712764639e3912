"""Copies of fitted estimators as scikit-learn's own, for tools that know only those."""

import numpy as np


def typical_strength(strength, labels):
    """Return one alpha or C in place of those of the groups.

    Parameters
    ----------
    strength : float or ndarray of shape (n_groups,)
        The alpha or C of every group.
    labels : ndarray of shape (n_features,)
        The group of every feature.

    Returns
    -------
    float
        With one group its alpha or C, else the geometric mean over the features.
    """
    strength = np.atleast_1d(strength)
    if len(strength) == 1:
        return float(strength[0])
    limits = np.finfo(float)
    logs = np.log(np.clip(strength, limits.tiny, limits.max))
    return float(np.exp(np.mean(logs[labels])))


def export(model, plain, **fitted):
    """Copy the fitted weights to scikit-learn's estimator.

    Parameters
    ----------
    model : BilevelLinearModel
        Fitted.
    plain : BaseEstimator
        Not fitted.
    **fitted : dict
        Further attributes of `plain`, by name.

    Returns
    -------
    BaseEstimator
        `plain`, with coefficients of its own.
    """
    # scikit-learn sets the names of features only where X has some.
    for name in ("coef_", "intercept_", "feature_names_in_"):
        if name in vars(model):
            value = vars(model)[name]
            fitted[name] = value.copy() if isinstance(value, np.ndarray) else value
    for name, value in {"n_features_in_": model.n_features_in_, **fitted}.items():
        setattr(plain, name, value)
    return plain
