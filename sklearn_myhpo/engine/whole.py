"""All rows of a problem as one split, for criteria that hold none of them out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import NamedTuple

import numpy as np

from ..data.design import Design
from ..data.parts import all_rows
from ..data.row_space import reduce_to_row_space
from ..data.sources import as_design
from ..data.sums import check_scale
from ..losses import Loss
from ..penalties.coordinates import feature_coordinates
from ..penalties.groups import FeatureGroups
from .conditioning import least_moment, needs_rotation
from .glm.factored_split_set import make_split_set
from .glm.pinning import pinning
from .glm.splits import build_full_split
from .linalg.hessian import DenseHessian
from .plan import Plan, make_plan
from .ridge.diagonal import scale_ratio
from .ridge.moments import build_quadratic_splits, sum_centred_parts, sum_parts
from .ridge.spectrum import FreeModel, Spectrum
from .split import Split
from .split_set import SplitSet
from .unpenalized import remove_unpenalized
from .whole_spectrum import PROBES, check_size, find_spectrum, plan_with


@dataclass(frozen=True, eq=False)
class Whole:
    """One split of all rows, and the rows themselves, for a criterion.

    Attributes
    ----------
    split : Split
    split_set : SplitSet
        Of that split alone.
    find_spectrum : callable or None
        Returns the `Spectrum` of ridge with a shared lambda, unless features differ too
        much in size. Several lambdas need it only to scan a shared one.
    rows : Design or None
        In the coordinates of the split, with an intercept as the last one; None
        where the split is that of the spectrum or rows are not needed.
    y : ndarray
        Target of raw predictions of `rows`; for ridge, the residual of its regression
        on the intercept and the unpenalized features.
    labels : ndarray
        The same with the part that unpenalized features explain.
    share : ndarray of shape (n_samples,)
        Weights with sum one.
    fit_intercept : bool
    free : FreeModel
        The coordinates eliminated from `split`; they are the last ones of `rows`,
        orthonormal.
    basis : ndarray of shape (n_samples, rank) or None
        Orthonormal combinations of unpenalized features.
    second_moments : ndarray of shape (n_features,)
        Weighted mean squares of the centred features.
    loss : Loss
    plan : Plan
    least_moment : float or None
        Smallest second moment along any direction; None for that of a feature.
    """

    split: Split
    split_set: SplitSet
    find_spectrum: Callable[[], Spectrum] | None
    rows: Design | None
    y: np.ndarray
    labels: np.ndarray
    share: np.ndarray
    fit_intercept: bool
    free: FreeModel
    basis: np.ndarray | None
    second_moments: np.ndarray
    loss: Loss
    plan: Plan
    least_moment: float | None = None

    @property
    def n_rows(self):
        """Number of rows of positive weight."""
        return self.free.n_rows

    @cached_property
    def spectrum(self):
        """The `Spectrum`, or None."""
        return None if self.find_spectrum is None else self.find_spectrum()

    @property
    def is_ridge(self):
        """Whether the loss is quadratic."""
        return self.loss.is_quadratic

    @property
    def is_wide(self):
        """Whether a weak penalty may interpolate the rows."""
        if self.rows is None:
            return False
        rank = 0 if self.basis is None else self.basis.shape[1]
        return self.rows.n_features >= self.n_rows + rank

    def pad(self, values):
        """Return values per coordinate with zeros for the eliminated ones."""
        return np.pad(values, ((0, self.free.rank), (0, 0)))

    def without_unpenalized(self, columns):
        """Return the residual of columns after regression on unpenalized features.

        Parameters
        ----------
        columns : ndarray of shape (n_samples, k)
            Times the roots of the shares.
        """
        if self.basis is None:
            return columns
        rooted = np.sqrt(self.share)[:, None] * self.basis
        return columns - rooted @ (rooted.T @ columns)

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
        if isinstance(hessian, DenseHessian):
            inverse = hessian.inverse()
        else:
            units = np.eye(size).reshape(size, -1, n_outputs)
            inverse = hessian.solve(units).reshape(size, size)
            inverse = 0.5 * (inverse + inverse.T)
        if not self.free.rank:
            return inverse
        padded = np.eye(size + self.free.rank)
        padded[:size, :size] = inverse
        return padded


class _Data(NamedTuple):
    """The data from which the split of all rows is built."""

    design: Design
    y: np.ndarray
    loss: Loss
    groups: FeatureGroups
    share: np.ndarray
    fit_intercept: bool
    counts: object
    plan: Plan
    free: FreeModel

    @property
    def parts(self):
        """All rows, without splits."""
        return all_rows(self.share)

    def at_means(self):
        """Return the centred rows, and their second moments."""
        design, moments = self.design.with_moments(self.share, self.fit_intercept)
        check_scale(design, moments)
        return design, moments


def build_whole(X, y, loss, groups, sample_weight, fit_intercept, counts, needs):
    """Build the split of all rows.

    Parameters
    ----------
    X : Design, ndarray or sparse array of shape (n_samples, n_features)
    y : ndarray
        Target as the loss expects it.
    loss : Loss
    groups : FeatureGroups
    sample_weight : ndarray of shape (n_samples,)
    fit_intercept : bool
    counts : OracleCounts
    needs : Criterion
        Its `needs_rows` says whether single rows are needed, and `is_matrix_free`
        whether no matrix may be factored.

    Returns
    -------
    Whole
    """
    share = sample_weight / sample_weight.sum()
    is_iterative = needs.is_matrix_free or not loss.is_quadratic
    design = as_design(X).in_units(groups.scale)
    if is_iterative:
        design = design.in_memory()
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
    plan = replace(plan, holds_out=False)
    is_eliminated = loss.is_quadratic and not needs.is_matrix_free
    rank = int(fit_intercept and is_eliminated)
    free = FreeModel(rank, share * rank, None, design.count_rows(share))
    data = _Data(design, y, loss, groups, share, fit_intercept, counts, plan, free)
    if is_eliminated and groups.n_unpenalized:
        if design.is_sparse:
            # The residual of sparse rows is dense.
            most, name = (
                plan.limits.factored_size,
                "rows or features of X, whichever are fewer",
            )
            check_size(min(design.n_samples, design.n_features), name, most, PROBES)
        rest = remove_unpenalized(data)
        return rest.complete(_whole_ridge(rest.data, needs.needs_rows))
    if is_eliminated:
        return _whole_ridge(data, needs.needs_rows)
    if not (plan.is_dense or needs.is_matrix_free):
        check_size(plan.size, "weights of all outputs", plan.limits.dense_size)
    return _whole_of_rows(data)


def _whole_of_rows(data):
    """Return all rows as a linear map, without a factored matrix."""
    rows, moments = data.at_means()
    shift, coordinates = rows.shift, feature_coordinates(data.groups, rows.scale)
    given = rows, data.share, moments
    rotates = data.plan.can_rotate and needs_rotation(*given)
    least = least_moment(*given) if rotates else None
    if data.plan.reduces_columns or rotates:
        rows, coordinates = reduce_to_row_space(rows, data.groups, rotates)
    split = build_full_split(
        rows,
        data.y,
        data.share,
        coordinates=coordinates,
        feature_shift=shift,
        pinning=pinning(
            rows,
            coordinates.groups,
            data.loss.curvature_scale(data.y, data.share),
        ),
        loss=data.loss,
        counts=data.counts,
        plan=data.plan,
    )
    split_set = make_split_set([split], None, data.plan)
    found = _whole(data, split, split_set, None, rows, data.y, moments)
    return replace(found, least_moment=least)


def _whole(data, split, split_set, find_spectrum, rows, y, moments):
    return Whole(
        split,
        split_set,
        find_spectrum,
        rows,
        y,
        y,
        data.share,
        data.fit_intercept,
        data.free,
        None,
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
    find = spectrum = None
    if scale_ratio(moments) <= data.plan.limits.singular_ratio:
        find = cache(partial(find_spectrum, data, sources, rows, is_wide))
        if needs_rows or data.groups.n_groups == 1:
            spectrum = find()
    if spectrum is not None and data.groups.n_groups == 1:
        split, rows = spectrum.split, None
    else:
        if rows is None and (needs_rows or is_wide):
            rows = data.design.at_means(data.share, data.fit_intercept)
        split, rows = _moment_split(data, rows, sources)
    y = data.y - split.origin.intercept
    if spectrum is not None:
        data = data._replace(plan=plan_with(data, spectrum, needs_rows))
    return _whole(data, split, SplitSet([split]), find, rows, y, moments)


def _moment_split(data, rows, sources):
    """Return a split of second moments, and the rows in its coordinates."""
    coordinates = feature_coordinates(data.groups, data.design.scale)
    if sources is None:
        shift = rows.shift
        if data.plan.reduces_columns:
            rows, coordinates = reduce_to_row_space(rows, data.groups)
        most = data.plan.limits.factored_size
        check_size(rows.n_features, "features of all groups", most, PROBES)
        sources = sum_centred_parts(rows, data.y, data.parts, data.fit_intercept)
    else:
        shift = sources.design.shift
    (split,) = build_quadratic_splits(sources, coordinates, shift, data.counts)
    return split, rows
