"""The fitted estimator as scikit-learn's own, for tools that know only those."""

import numpy as np


def typical_strength(model, strength):
    """Return one alpha or C for a fitted model.

    Parameters
    ----------
    model : BilevelLinearModel
        Fitted, and without a lambda per target.
    strength : float or ndarray of shape (n_groups,)
        The alpha or C of every group.

    Returns
    -------
    float
        The only one, or the geometric mean over the features, each of which has that
        of its group.
    """
    strength = np.atleast_1d(strength)
    if len(strength) == 1:
        return float(strength[0])
    limits = np.finfo(float)
    logs = np.log(np.clip(strength, limits.tiny, limits.max))
    return float(np.exp(np.mean(logs[model.feature_group_labels_])))


def hand_over(model, plain, **fitted):
    """Copy what is fitted to scikit-learn's estimator.

    Parameters
    ----------
    model : BilevelLinearModel
        Fitted.
    plain : BaseEstimator
        Not fitted.
    **fitted : dict
        Attributes that only `plain` has.

    Returns
    -------
    BaseEstimator
        `plain`, with coefficients of its own.
    """
    for name in ("coef_", "intercept_", "classes_", "feature_names_in_"):
        if hasattr(model, name):
            value = getattr(model, name)
            fitted[name] = value.copy() if isinstance(value, np.ndarray) else value
    for name, value in {"n_features_in_": model.n_features_in_, **fitted}.items():
        setattr(plain, name, value)
    return plain
