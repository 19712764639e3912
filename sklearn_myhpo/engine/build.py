"""From arrays to splits: centring, row-space reduction, choice of engine."""

import numpy as np
from scipy import sparse

from ..losses import SquaredLoss
from .coordinates import feature_coordinates, reduce_to_row_space
from .glm import DENSE_LIMIT, GLMSplit
from .moments import build_quadratic_splits
from .rows import Rows

#: Size of the largest entry of X below which its squares underflow.
MIN_ENTRY = 1e-150


def build_splits(X, y, loss, groups, pairs, sample_weight, fit_intercept, counts):
    """Build one split per (train, validation) pair, and one of all rows.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features), float64
    y : ndarray
        Target as the loss wants it.
    loss : Loss
    groups : FeatureGroups
    pairs : list of (ndarray, ndarray)
        Indices of training and validation rows; a repeated training row counts
        as often as it is named.
    sample_weight : ndarray of shape (n_samples,)
    fit_intercept : bool
    counts : OracleCounts

    Returns
    -------
    splits : list of Split
    full : Split
        Trained and validated on all rows, for the refit.
    second_moments : ndarray of shape (n_features,)
        Weighted mean squares of the centred features.
    """
    rows = Rows(X, sample_weight, fit_intercept)
    share = (sample_weight / sample_weight.sum())[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        second_moments = rows.squared_adjoint(share)[: rows.n_features, 0]
    _check_scale(X, second_moments)
    positive = second_moments[second_moments > 0]
    scale_ratio = positive.max() / positive.min() if len(positive) else 1.0
    feature_shift = rows.shift
    if rows.is_sparse:
        coordinates = feature_coordinates(groups)
    else:
        reduced, coordinates = reduce_to_row_space(rows.X, groups)
        rows = rows.with_columns(reduced)
    parts = [
        tuple(sample_weight * np.bincount(index, minlength=len(y)) for index in pair)
        for pair in pairs
    ]
    parts.append((sample_weight, sample_weight))
    if isinstance(loss, SquaredLoss) and rows.n_coordinates <= DENSE_LIMIT:
        splits = build_quadratic_splits(
            rows, y, parts, coordinates, feature_shift, scale_ratio, counts
        )
    else:
        splits = [
            GLMSplit(
                loss,
                rows,
                y,
                train / train.sum(),
                validation / validation.sum(),
                coordinates=coordinates,
                feature_shift=feature_shift,
                counts=counts,
            )
            for train, validation in parts
        ]
    return splits[:-1], splits[-1], second_moments


def _check_scale(X, second_moments):
    """Raise where squares of X leave the range of floating point numbers."""
    entries = X.data if sparse.issparse(X) else X
    largest = np.abs(entries).max(initial=0.0)
    if not np.all(np.isfinite(second_moments)) or 0 < largest < MIN_ENTRY:
        raise ValueError(
            f"X has entries up to {largest:.1e} in size, whose squares are not "
            f"floating point numbers; allowed are sizes from {MIN_ENTRY:.0e} to "
            "about 1e150. Rescale the features."
        )
