"""All rows of a problem as one split, for criteria that hold none of them out."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..data.design import Design
from ..data.parts import all_rows
from ..data.row_space import reduce_to_row_space
from ..data.sources import as_design, in_memory
from ..data.sums import check_scale
from ..losses import Loss
from ..penalties.coordinates import feature_coordinates
from ..penalties.groups import FeatureGroups
from .glm.split_set import GLMSplitSet, build_full_split
from .plan import Plan, make_plan
from .ridge.diagonal import scale_ratio
from .ridge.moments import build_quadratic_splits, sum_centred_parts, sum_parts
from .ridge.spectrum import Spectrum, narrow_spectrum, sparse_spectrum, wide_spectrum
from .split import Split
from .split_set import SplitSet

#: The criterion for ridge that factors no matrix.
_PROBES = ", SURE(noise_variance=..., trace='monte-carlo')"


@dataclass(frozen=True, eq=False)
class Whole:
    """One split of all rows, and the rows themselves, for a criterion.

    Attributes
    ----------
    split : Split
    split_set : SplitSet
        Of that split alone.
    spectrum : Spectrum or None
        For ridge with a shared lambda, unless features differ too much in size.
    rows : Design or None
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
    plan : Plan
    """

    split: Split
    split_set: SplitSet
    spectrum: Spectrum | None
    rows: Design | None
    y: np.ndarray
    share: np.ndarray
    fit_intercept: bool
    second_moments: np.ndarray
    loss: Loss
    plan: Plan

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


class _Data(NamedTuple):
    """Everything that the split of all rows is built from."""

    design: Design
    y: np.ndarray
    loss: Loss
    groups: FeatureGroups
    share: np.ndarray
    fit_intercept: bool
    counts: object
    plan: Plan

    @property
    def parts(self):
        """All rows, without splits."""
        return all_rows(self.share)

    def at_means(self):
        """Return the rows about their means, and their second moments."""
        design = self.design.at_means(self.share, self.fit_intercept)
        moments = design.second_moments(self.share)
        check_scale(design, moments)
        return design, moments


def build_whole(X, y, loss, groups, sample_weight, fit_intercept, counts, needs):
    """Build the split of all rows.

    Parameters
    ----------
    X : Design, ndarray or sparse array of shape (n_samples, n_features)
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
    is_iterative = needs.is_matrix_free or not loss.is_quadratic
    design = in_memory(X) if is_iterative else as_design(X)
    plan = make_plan(
        design,
        groups,
        loss,
        loss.n_outputs(y),
        1,
        fit_intercept,
        by_rows=needs.is_matrix_free,
        all_directions=False,
    )
    data = _Data(design, y, loss, groups, share, fit_intercept, counts, plan)
    if loss.is_quadratic and not needs.is_matrix_free:
        return _whole_ridge(data, needs.needs_rows)
    if not (plan.is_dense or needs.is_matrix_free):
        _check_size(plan.size, "weights of all outputs", plan.limits.dense_size)
    return _whole_of_rows(data)


def _whole_of_rows(data):
    """Return all rows as a map that is multiplied with."""
    rows, moments = data.at_means()
    shift, coordinates = rows.shift, feature_coordinates(data.groups)
    if data.plan.reduces_columns:
        rows, coordinates = reduce_to_row_space(rows, data.groups)
    split = build_full_split(
        rows,
        data.y,
        data.share,
        coordinates=coordinates,
        feature_shift=shift,
        loss=data.loss,
        counts=data.counts,
        plan=data.plan,
    )
    split_set = GLMSplitSet([split], None, data.plan)
    return _whole(data, split, split_set, None, rows, data.y, moments)


def _whole(data, split, split_set, spectrum, rows, y, moments):
    return Whole(
        split,
        split_set,
        spectrum,
        rows,
        y,
        data.share,
        data.fit_intercept,
        moments,
        data.loss,
        data.plan,
    )


def _whole_ridge(data, needs_rows):
    shape = data.plan.shape
    is_wide = shape.n_features > shape.n_samples
    rows = sources = None
    if shape.is_sparse or is_wide:
        rows, moments = data.at_means()
    else:
        sources = sum_parts(data.design, data.y, data.parts, data.fit_intercept)
        moments = sources.second_moments()
    spectrum = None
    if scale_ratio(moments) <= data.plan.limits.singular_ratio:
        spectrum = _spectrum(data, sources, rows, is_wide)
    if spectrum is not None and data.groups.n_groups == 1:
        split, rows = spectrum.split, None
    else:
        if rows is None and (needs_rows or is_wide):
            rows = data.design.at_means(data.share, data.fit_intercept)
        split, rows = _moment_split(data, rows, sources)
    y = data.y - split.y_mean
    return _whole(data, split, SplitSet([split]), spectrum, rows, y, moments)


def _spectrum(data, sources, rows, is_wide):
    """Return the spectrum of all rows with one lambda."""
    group = FeatureGroups(np.zeros_like(data.groups.labels), ("all",))
    if sources is not None:
        return narrow_spectrum(data.y, sources, group, data.share, data.counts)
    if rows.is_sparse:
        size = min(rows.n_samples, rows.n_features)
        most = data.plan.limits.factored_size
        _check_size(size, "rows or features, the fewer", most, _PROBES)
    build = wide_spectrum if is_wide else sparse_spectrum
    return build(rows, data.y, group, data.share, data.counts)


def _moment_split(data, rows, sources):
    """Return a split of second moments, and the rows in its coordinates."""
    coordinates = feature_coordinates(data.groups)
    if sources is None:
        shift = rows.shift
        if data.plan.reduces_columns:
            rows, coordinates = reduce_to_row_space(rows, data.groups)
        most = data.plan.limits.factored_size
        _check_size(rows.n_features, "features of all groups", most, _PROBES)
        sources = sum_centred_parts(rows, data.y, data.parts, data.fit_intercept)
    else:
        shift = sources.design.shift
    (split,) = build_quadratic_splits(sources, coordinates, shift, data.counts)
    return split, rows


def _check_size(size, name, limit, advice=""):
    """Raise where a matrix of this side would have to be factored."""
    if size > limit:
        raise ValueError(
            f"This criterion factors a matrix with {size} rows and columns, one for "
            f"each of the {name}; at most {limit} are allowed. Use "
            f"criterion='validation'{advice}, or fewer features."
        )
