"""Copies of fitted estimators as estimators of scikit-learn, for other tools."""

import numpy as np

from ...data.tensors.arrays import as_numpy


def typical_strength(strength, labels, factors):
    """Return one alpha or C that is typical of the features.

    Parameters
    ----------
    strength : float or ndarray of shape (n_groups,)
        The alpha or C of every group.
    labels : ndarray of shape (n_features,)
        The group of every feature; -1 for unpenalized features.
    factors : ndarray of shape (n_features,)
        Factors of the features' strengths.

    Returns
    -------
    float
        With one strength for all features that one, else the geometric mean over those
        that are penalized.
    """
    strength, kept = np.atleast_1d(strength), labels >= 0
    labels, factors = labels[kept], factors[kept]
    if len(strength) == 1 and np.all(factors == 1.0):
        return float(strength[0])
    limits = np.finfo(float)
    logs = np.log(np.clip(strength, limits.tiny, limits.max))
    return float(np.exp(np.mean(logs[labels] + np.log(factors))))


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
        `plain`, with copies of the coefficients.
    """
    # scikit-learn sets the names of features only if X has names.
    for name in ("coef_", "intercept_", "feature_names_in_"):
        if name in vars(model):
            value = as_numpy(vars(model)[name])
            fitted[name] = value.copy() if isinstance(value, np.ndarray) else value
    for name, value in {"n_features_in_": model.n_features_in_, **fitted}.items():
        setattr(plain, name, value)
    return plain
