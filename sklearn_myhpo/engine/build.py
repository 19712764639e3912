"""From arrays to splits: centring, row-space reduction, choice of engine."""

import numpy as np
from scipy import sparse

from ..data.rows import Rows, sparse_if_mostly_zero
from ..data.streamed import make_rows
from ..data.sums import check_scale
from ..data.threads import one_thread
from ..penalties.coordinates import feature_coordinates, reduce_to_row_space
from .glm.shared_curvature import DENSE_LIMIT
from .glm.split import GLMSplit
from .glm.split_set import GLMSplitSet
from .ridge.dual import RowSplitSet, build_dual_splits
from .ridge.moments import Diagonalizer, build_quadratic_splits, sum_dense, sum_rows
from .split_set import SplitSet


def build_splits(
    X,
    y,
    loss,
    groups,
    pairs,
    sample_weight,
    fit_intercept,
    counts,
    *,
    all_directions=True,
    by_rows=False,
):
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
    all_directions : bool, default=True
        Keep coordinates that no minimizer of a training loss ever leaves at zero;
        the mean response needs them.
    by_rows : bool, default=False
        Keep the rows, in the coordinates of the features, for any loss: methods that
        look at some of them at a time need them.

    Returns
    -------
    splits : SplitSet
    full : Split
        Trained and validated on all rows, for the refit.
    second_moments : ndarray of shape (n_features,)
        Weighted mean squares of the centred features.
    """
    parts = [
        tuple(sample_weight * np.bincount(index, minlength=len(y)) for index in pair)
        for pair in pairs
    ]
    parts.append((sample_weight, sample_weight))
    is_ridge = loss.is_quadratic
    coordinates = feature_coordinates(groups)
    if by_rows:
        rows = make_rows(X, sample_weight, fit_intercept)
        second_moments = rows.second_moments(sample_weight)
        check_scale(X, second_moments)
        splits = _glm_set(rows, y, loss, parts, coordinates, rows.shift, counts)
        return *splits, second_moments
    is_wide = np.any(coordinates.group_sizes > X.shape[0] + 1)
    if is_ridge and not (sparse.issparse(X) or is_wide) and X.shape[1] <= DENSE_LIMIT:
        sources = sum_dense(X, y, parts, fit_intercept)
        second_moments = sources.second_moments()
        diagonalize = _diagonalizer(X, parts, groups, second_moments, all_directions)
        none = np.zeros(X.shape[1])
        split_set, full = _quadratic_set(
            sources, coordinates, none, counts, diagonalize
        )
        return split_set, full, second_moments
    if not (is_ridge or is_wide):
        X = sparse_if_mostly_zero(X)
    rows = Rows(X, sample_weight, fit_intercept)
    second_moments = rows.second_moments(sample_weight)
    check_scale(X, second_moments)
    if is_ridge and is_wide and not all_directions:
        splits = build_dual_splits(rows, y, parts, groups, counts)
        if splits is not None:
            return RowSplitSet(splits[:-1]), splits[-1], second_moments
    split_set, full = _build_from_rows(
        rows, y, loss, parts, groups, second_moments, all_directions, counts
    )
    return split_set, full, second_moments


def _build_from_rows(
    rows, y, loss, parts, groups, second_moments, all_directions, counts
):
    """Return the set of splits, one for every pair of row weights, and the last."""
    feature_shift = rows.shift
    coordinates = feature_coordinates(groups)
    if not rows.is_sparse:
        reduced, coordinates = reduce_to_row_space(rows.X, groups)
        rows = rows.with_columns(reduced)
    if loss.is_quadratic and rows.n_coordinates <= DENSE_LIMIT:
        X = None if rows.is_sparse else rows.X
        if rows.is_sparse:
            sources = sum_rows(rows, y, parts)
        else:
            sources = sum_dense(X, y, parts, rows.fit_intercept)
        diagonalize = _diagonalizer(X, parts, groups, second_moments, all_directions)
        return _quadratic_set(sources, coordinates, feature_shift, counts, diagonalize)
    return _glm_set(rows, y, loss, parts, coordinates, feature_shift, counts)


def _glm_set(rows, y, loss, parts, coordinates, feature_shift, counts):
    """Return the set of splits that look at rows, and the split of all rows."""
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
    return GLMSplitSet(splits[:-1]), splits[-1]


def _quadratic_set(sources, coordinates, feature_shift, counts, diagonalize):
    """Return the set of splits from sums, and the split of all rows."""
    *splits, full = build_quadratic_splits(sources, coordinates, feature_shift, counts)
    centres = [sources.shift + sources.means(train).x for train, _ in sources.parts]

    def diagonalized():
        with one_thread():
            return list(map(diagonalize, splits, range(len(splits)), centres))

    if coordinates.groups.n_groups == 1:
        return SplitSet(diagonalized()), full
    return SplitSet(splits, diagonalized), full


def _diagonalizer(X, parts, groups, second_moments, all_directions):
    """Return what makes the Hessians of splits with one lambda diagonal."""
    all_directions = all_directions and groups.n_groups == 1
    positive = second_moments[second_moments > 0]
    scale_ratio = positive.max() / positive.min() if len(positive) else 1.0
    weights = [train for train, _ in parts[:-1]]
    return Diagonalizer(X, weights, scale_ratio, all_directions)
