"""All rows of a problem as one split, for criteria that hold none of them out."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ..data.rows import Rows
from ..data.sums import check_scale
from ..losses import Loss
from ..penalties.coordinates import feature_coordinates, reduce_to_row_space
from ..penalties.groups import FeatureGroups
from .glm.split import DENSE_LIMIT, GLMSplit
from .glm.split_set import GLMSplitSet
from .ridge.moments import (
    MAX_SINGULAR_RATIO,
    build_quadratic_splits,
    sum_dense,
    sum_rows,
)
from .ridge.spectrum import Spectrum, narrow_spectrum, sparse_spectrum, wide_spectrum
from .split import Split
from .split_set import SplitSet

#: Largest side of a matrix that is factored where X itself is not that large.
MAX_SIDE = 5000
#: What needs no such matrix, for ridge.
_PROBES = ", SURE(noise_variance=..., trace='monte-carlo')"


@dataclass(frozen=True, eq=False)
class Whole:
    """One split of all rows, and what a criterion may ask about them.

    Attributes
    ----------
    split : Split
    split_set : SplitSet
        Of that split alone.
    spectrum : Spectrum or None
        For ridge with a shared lambda, unless features differ too much in size.
    rows : Rows or None
        In the coordinates of the split, with an intercept as the last one; None
        where the split is that of the spectrum or rows are not needed.
    y : ndarray
        Target of raw predictions of `rows`: centred for ridge.
    share : ndarray of shape (n_samples,)
        Weights with sum one.
    fit_intercept : bool
    second_moments : ndarray of shape (n_features,)
        Weighted mean squares of the centred features.
    loss : Loss
    """

    split: Split
    split_set: SplitSet
    spectrum: Spectrum | None
    rows: Rows | None
    y: np.ndarray
    share: np.ndarray
    fit_intercept: bool
    second_moments: np.ndarray
    loss: Loss

    @property
    def n_rows(self):
        """Number of rows that count."""
        return np.count_nonzero(self.share)

    @property
    def is_ridge(self):
        """Whether the loss is quadratic."""
        return self.loss.is_quadratic

    @property
    def is_wide(self):
        """Whether a weak penalty may interpolate the rows."""
        return self.rows is not None and self.rows.n_features >= self.n_rows

    def pad(self, values):
        """Return values per coordinate with a zero for an eliminated intercept."""
        missing = self.is_ridge and self.fit_intercept
        return np.pad(values, ((0, 1), (0, 0))) if missing else values

    def padded_inverse(self, hessian, n_outputs):
        """Return H^-1 in the coordinates of `rows`.

        Parameters
        ----------
        hessian : Hessian
            Of the split.
        n_outputs : int
            Outputs that it couples.

        Returns
        -------
        ndarray of shape (n_coordinates * n_outputs, n_coordinates * n_outputs)
        """
        size = self.split.shape[0] * n_outputs
        units = np.eye(size).reshape(size, -1, n_outputs)
        inverse = hessian.solve(units).reshape(size, size)
        inverse = 0.5 * (inverse + inverse.T)
        if not (self.is_ridge and self.fit_intercept):
            return inverse
        padded = np.zeros((size + 1, size + 1))
        padded[:size, :size], padded[-1, -1] = inverse, 1.0
        return padded


def build_whole(X, y, loss, groups, sample_weight, fit_intercept, counts, needs):
    """Build the split of all rows.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features), float64
    y : ndarray
        Target as the loss wants it.
    loss : Loss
    groups : FeatureGroups
    sample_weight : ndarray of shape (n_samples,)
    fit_intercept : bool
    counts : OracleCounts
    needs : Criterion
        Says by `needs_rows` whether single rows are looked at, and by `is_matrix_free`
        whether nothing is to be factored.

    Returns
    -------
    Whole
    """
    share = sample_weight / sample_weight.sum()
    data = (X, y, groups, share, fit_intercept, counts)
    if needs.is_matrix_free:
        return _whole_products(*data, loss)
    if loss.is_quadratic:
        return _whole_ridge(*data, loss, needs.needs_rows)
    rows, second_moments = _checked_rows(X, share, fit_intercept)
    shift = rows.shift
    rows, coordinates = _reduced(rows, groups)
    n_weights = rows.n_coordinates * loss.n_outputs(y)
    _check_size(n_weights, "weights of all outputs", DENSE_LIMIT)
    return _whole_of_rows(
        rows, y, loss, share, coordinates, shift, second_moments, counts
    )


def _whole_products(X, y, groups, share, fit_intercept, counts, loss):
    """Return all rows as a map that is only multiplied with."""
    rows, second_moments = _checked_rows(X, share, fit_intercept)
    coordinates = feature_coordinates(groups)
    return _whole_of_rows(
        rows, y, loss, share, coordinates, rows.shift, second_moments, counts
    )


def _whole_of_rows(rows, y, loss, share, coordinates, shift, second_moments, counts):
    split = GLMSplit(
        loss,
        rows,
        y,
        share,
        share,
        coordinates=coordinates,
        feature_shift=shift,
        counts=counts,
    )
    return Whole(
        split,
        GLMSplitSet([split]),
        None,
        rows,
        y,
        share,
        rows.fit_intercept,
        second_moments,
        loss,
    )


def _whole_ridge(X, y, groups, share, fit_intercept, counts, loss, needs_rows):
    one_group = FeatureGroups(np.zeros_like(groups.labels), ("all",))
    rows = sources = None
    is_wide = X.shape[1] > X.shape[0]
    if sparse.issparse(X) or is_wide:
        rows, second_moments = _checked_rows(X, share, fit_intercept)
    else:
        sources = sum_dense(X, y, [(share, share)], fit_intercept)
        second_moments = sources.second_moments()
    spectrum = None
    if _scale_ratio(second_moments) <= MAX_SINGULAR_RATIO:
        if sources is not None:
            spectrum = narrow_spectrum(X, y, sources, one_group, share, counts)
        else:
            if rows.is_sparse:
                _check_size(min(X.shape), "rows or features, the fewer", advice=_PROBES)
            build = wide_spectrum if is_wide else sparse_spectrum
            spectrum = build(rows, y, one_group, share, counts)
    if spectrum is not None and groups.n_groups == 1:
        split, rows = spectrum.split, None
    else:
        if rows is None and (needs_rows or is_wide):
            rows = Rows(X, share, fit_intercept)
        split, rows = _moment_split(X, y, groups, share, counts, rows, sources)
    return Whole(
        split,
        SplitSet([split]),
        spectrum,
        rows,
        y - split.y_mean,
        share,
        fit_intercept,
        second_moments,
        loss,
    )


def _moment_split(X, y, groups, share, counts, rows, sources):
    """Return a split of second moments, and the rows in its coordinates."""
    coordinates, shift = feature_coordinates(groups), np.zeros(X.shape[1])
    if sources is None:
        shift = rows.shift
        rows, coordinates = _reduced(rows, groups)
        _check_size(rows.n_features, "features of all groups", advice=_PROBES)
        parts = [(share, share)]
        if rows.is_sparse:
            sources = sum_rows(rows, y, parts)
        else:
            sources = sum_dense(rows.X, y, parts, rows.fit_intercept)
    (split,) = build_quadratic_splits(sources, coordinates, shift, counts)
    return split, rows


def _checked_rows(X, share, fit_intercept):
    rows = Rows(X, share, fit_intercept)
    second_moments = rows.second_moments(share)
    check_scale(X, second_moments)
    return rows, second_moments


def _reduced(rows, groups):
    """Return the rows in the row space of every group, and these coordinates."""
    if rows.is_sparse:
        return rows, feature_coordinates(groups)
    reduced, coordinates = reduce_to_row_space(rows.X, groups)
    return rows.with_columns(reduced), coordinates


def _scale_ratio(second_moments):
    positive = second_moments[second_moments > 0]
    return positive.max() / positive.min() if len(positive) else 1.0


def _check_size(size, what, limit=MAX_SIDE, advice=""):
    """Raise where a matrix of this side would have to be factored."""
    if size > limit:
        raise ValueError(
            f"This criterion factors a matrix with {size} rows and columns, one for "
            f"each of the {what}; at most {limit} are allowed. Use "
            f"criterion='validation'{advice}, or fewer features."
        )
