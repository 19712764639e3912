"""From rows to splits, as the plan says."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..data.parts import RowParts
from ..data.row_space import reduce_to_row_space
from ..data.sources import as_design
from ..data.sparse import as_sparse_if_mostly_zero
from ..data.sums import check_scale
from ..data.threads import one_thread
from ..penalties.coordinates import feature_coordinates
from .conditioning import (
    LEAST_OWN,
    LEAST_OWN_OF_GROUPS,
    LEAST_RATIO,
    has_large_means,
    is_ill_conditioned,
    least_moment,
    needs_rotation,
)
from .glm.factored_split_set import make_split_set
from .glm.pinning import pinning
from .glm.split_set import build_full_split, build_glm_splits
from .plan import Plan, make_plan
from .ridge.diagonal import Diagonalizer, scale_ratio
from .ridge.dual import RowSplitSet, build_dual_splits
from .ridge.factored_rows import build_row_splits
from .ridge.moments import build_quadratic_splits, sum_centred_parts, sum_parts
from .split import Split
from .split_set import SplitSet


class Built(NamedTuple):
    """The inner problems of all splits.

    Attributes
    ----------
    split_set : SplitSet
    full : Split
        Trained and validated on all rows, for the refit.
    second_moments : ndarray of shape (n_features,)
        Weighted mean squares of the centred features.
    plan : Plan
    least_moment : float or None
        Second moment of the direction with the least one; None for that of a feature.
    """

    split_set: SplitSet
    full: Split
    second_moments: np.ndarray
    plan: Plan
    least_moment: float | None = None


class _Task(NamedTuple):
    """Data, loss and plan of the splits to build."""

    y: np.ndarray
    loss: object
    groups: object
    parts: RowParts
    counts: object
    plan: Plan


def build_splits(
    X,
    y,
    loss,
    groups,
    parts,
    fit_intercept,
    counts,
    *,
    all_directions=True,
    by_rows=False,
    squares_nothing=False,
):
    """Build one split per (train, validation) pair, and one of all rows.

    Parameters
    ----------
    X : Design, ndarray or sparse array of shape (n_samples, n_features)
    y : ndarray
        Target as the loss wants it.
    loss : Loss
    groups : FeatureGroups
    parts : RowParts
        Training and validation rows of every split.
    fit_intercept : bool
    counts : OracleCounts
    all_directions : bool, default=True
        Keep coordinates that no minimizer of a training loss ever leaves at zero;
        the mean response needs them.
    by_rows : bool, default=False
        Keep the rows, in the coordinates of the features, for any loss: methods that
        look at some of them at a time need them.
    squares_nothing : bool, default=False
        Solve ridge from QR factors of the rows, which are accurate for ill-conditioned
        ones. Where the plan would use no moments it makes no difference.

    Returns
    -------
    Built
    """
    design = as_design(X).in_units(groups.scale)
    options = {"by_rows": by_rows, "all_directions": all_directions}
    facts = groups, loss, loss.n_outputs(y), parts.n_splits, fit_intercept
    plan = make_plan(design, *facts, **options)
    if not (plan.uses_moments or plan.tries_row_products or by_rows):
        design = design.in_memory()
        if not (plan.shape.is_wide or loss.is_quadratic):
            design = as_sparse_if_mostly_zero(design)
            plan = make_plan(design, *facts, **options)
    task = _Task(y, loss, groups, parts, counts, plan)
    if squares_nothing and plan.can_factor_rows:
        return _from_row_factors(design, task)
    if not plan.centres_at_means:
        sources = sum_parts(design, y, task.parts, fit_intercept)
        if plan.can_factor_rows and _loses_digits(sources, task):
            return _from_row_factors(design, task)
        moments = sources.second_moments()
        coordinates = feature_coordinates(groups, design.scale)
        return _from_moments(sources, coordinates, moments, task)
    design, moments = design.with_moments(parts.sample_weight, fit_intercept)
    check_scale(design, moments)
    if plan.can_factor_rows and (
        not LEAST_RATIO * scale_ratio(moments) <= 1.0
        or has_large_means(design, parts.sample_weight, moments)
    ):
        return _from_row_factors(design, task)
    if plan.tries_row_products:
        splits = build_dual_splits(design, y, task.parts, groups, counts)
        if splits is not None:
            found = f"{splits[0].shape[0]} combinations of rows"
            plan = replace(plan, subspace=found)
            return Built(RowSplitSet(splits[:-1]), splits[-1], moments, plan)
    return _from_rows(design, moments, task)


def _loses_digits(sources, task):
    """Whether ridge from these sums over rows would lose digits that matter."""
    least_own = LEAST_OWN if task.groups.n_groups == 1 else LEAST_OWN_OF_GROUPS
    if is_ill_conditioned(sources.total_gram(), least_own):
        return True
    if task.plan.shape.fit_intercept:
        return False
    given = sources.design, task.parts.sample_weight, sources.second_moments()
    return has_large_means(*given)


def _from_row_factors(design, task):
    """Return the splits of ill-conditioned rows of a ridge problem."""
    weight, fit_intercept = task.parts.sample_weight, task.plan.shape.fit_intercept
    design, moments = design.with_moments(weight, fit_intercept)
    given = design, task.y, task.parts, task.groups, task.counts
    *splits, full = build_row_splits(*given)
    found = "QR factors of the rows"
    if task.groups.n_groups == 1 and LEAST_RATIO * scale_ratio(moments) <= 1.0:
        found = "singular vectors of the rows"
        all_directions = task.plan.all_directions
        splits = [split.along_axes(all_directions) for split in splits]
    plan = replace(task.plan, subspace=found)
    least = least_moment(design, weight, moments)
    return Built(SplitSet(splits), full, moments, plan, least)


def _from_rows(design, moments, task):
    """Return the splits of rows about their means."""
    origin, least, plan = design.shift, None, task.plan
    coordinates = feature_coordinates(task.groups, design.scale)
    given = design, task.parts.sample_weight, moments
    rotates = plan.can_rotate and needs_rotation(*given)
    if rotates:
        least = least_moment(*given)
    if plan.reduces_columns or rotates:
        design, coordinates = reduce_to_row_space(design, task.groups, rotates)
    if task.plan.uses_moments:
        sources = sum_centred_parts(
            design, task.y, task.parts, task.plan.shape.fit_intercept
        )
        return _from_moments(sources, coordinates, moments, task, origin)
    curvature = task.loss.curvature_scale(task.y, task.parts.sample_weight)
    shared = {
        "coordinates": coordinates,
        "feature_shift": origin,
        "pinning": pinning(design, coordinates.groups, curvature),
        "loss": task.loss,
        "counts": task.counts,
        "plan": task.plan,
    }
    splits = build_glm_splits(design, task.y, task.parts, **shared)
    full = build_full_split(design, task.y, task.parts.sample_weight, **shared)
    split_set = make_split_set(splits, task.parts, task.plan)
    return Built(split_set, full, moments, plan, least)


def _from_moments(sources, coordinates, moments, task, origin=None):
    """Return the splits that follow from sums over rows."""
    origin = sources.design.shift if origin is None else origin
    *splits, full = build_quadratic_splits(sources, coordinates, origin, task.counts)
    all_directions = task.plan.all_directions and task.groups.n_groups == 1
    if task.groups.n_unpenalized and not coordinates.bases:
        # Sizes of the residuals on the unpenalized features.
        sizes = np.diag(full.train.gram)
    else:
        sizes = moments[task.groups.is_penalized]
    diagonalize = Diagonalizer(
        sources.design, task.parts, scale_ratio(sizes), all_directions
    )

    def diagonalized():
        with one_thread():
            return list(map(diagonalize, splits, range(len(splits))))

    if coordinates.groups.n_groups > 1:
        return Built(SplitSet(splits, diagonalized), full, moments, task.plan)
    split_set = SplitSet(diagonalized())
    plan = replace(task.plan, subspace=diagonalize.found)
    return Built(split_set, full, moments, plan)
