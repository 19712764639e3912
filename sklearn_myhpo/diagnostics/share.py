"""Shares of the features in the variance of a linear prediction."""

import numpy as np

from ..data.limits import row_limits
from ..data.sums import origin


def shares_by_rows(design, sample_weight, coef):
    """Return ``Cov(x_j w_j, prediction) / Var(prediction)`` over rows.

    It takes one pass over the rows.

    Parameters
    ----------
    design : Design
    sample_weight : ndarray of shape (n_samples,)
    coef : ndarray of shape (n_features, k)
        Of k predictions.

    Returns
    -------
    ndarray of shape (n_features, k)
        Their sum is one for every prediction; zeros for a constant one.
    """
    design = _centred_if_far(design)
    weight = sample_weight[:, None] / sample_weight.sum()

    def sums(block, own):
        raw = block.forward(coef)
        weighted = own * raw
        along = block.adjoint(np.hstack([weighted, own]))
        return along, weighted.sum(axis=0)

    width = 2 * coef.shape[1] + design.has_large_means * design.n_features
    along, mean = design.reduce(sums, weight, entries_per_row=width)
    return shares(along[:, :-1] - along[:, -1:] * mean, coef)


def shares(covariance, coef):
    """Return the shares, given the covariances of features and predictions.

    Parameters
    ----------
    covariance, coef : ndarray of shape (n_features, k)

    Returns
    -------
    ndarray of shape (n_features, k)
    """
    parts = covariance * coef
    total = parts.sum(axis=0)
    # Rounding errors may give a constant prediction a nonzero variance.
    size = np.abs(parts).sum(axis=0)
    varies = total > len(coef) * np.finfo(float).eps * size
    out = np.zeros_like(parts)
    return np.divide(parts, total, out=out, where=varies)


def _centred_if_far(design):
    """Return the rows in units of X, centred if the means are large."""
    plain = design.about(None, None, False, False)
    if design.is_sparse or (design.fit_intercept and not design.has_large_means):
        return plain
    rows = plain.sample(row_limits().shift_rows).raw()
    mean = origin(rows)
    is_far = mean**2 > row_limits().large_mean * np.var(rows, axis=0)
    return plain.about(mean, None, False, True) if np.any(is_far) else plain
