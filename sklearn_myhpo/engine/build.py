"""Build the splits from rows, by the plan."""

from dataclasses import replace

import numpy as np

from ..data.row_space import reduce_to_row_space
from ..data.sources import as_design
from ..data.sparse import as_sparse_if_mostly_zero
from ..data.statistics import standardize
from ..data.sums import check_scale
from ..data.threads import one_thread
from ..penalties.coordinates import feature_coordinates
from .apart import build_apart, from_row_products
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
from .glm.splits import build_full_split, build_glm_splits
from .plan import make_plan
from .ridge.diagonal import Diagonalizer, scale_ratio, training_rows
from .ridge.factored_rows import build_row_splits
from .ridge.moments import build_quadratic_splits, sum_centred_parts, sum_parts
from .ridge.units import standard_units
from .split_set import SplitSet
from .task import Built, Task


def build_splits(
    X,
    y,
    loss,
    groups,
    parts,
    fit_intercept,
    counts,
    *,
    standardized=False,
    all_directions=True,
    by_rows=False,
    squares_nothing=False,
    axes=None,
):
    """Build one split per (train, validation) pair, and one of all rows.

    Parameters
    ----------
    X : Design, ndarray or sparse array of shape (n_samples, n_features)
    y : ndarray
        Target as the loss expects it.
    loss : Loss
    groups : FeatureGroups
    parts : RowParts
        Training and validation rows of every split.
    fit_intercept : bool
    counts : OracleCounts
    standardized : bool, default=False
        Whether every split centres and scales the features by its training rows.
    all_directions : bool, default=True
        Keep coordinates that no minimizer of a training loss ever leaves at zero;
        the mean response needs them.
    by_rows : bool, default=False
        Keep the rows, in the coordinates of the features, for any loss. Methods with
        batches of rows need them.
    squares_nothing : bool, default=False
        Solve ridge from QR factors of the rows, which are accurate for ill-conditioned
        rows. It makes no difference if the plan does not use moments.
    axes : list of Axes, default=None
        `Built.axes` of other targets of the same rows, and those of all rows.

    Returns
    -------
    Built
    """
    source = as_design(X)
    design = source.in_units(groups.scale)
    options = {"by_rows": by_rows, "all_directions": all_directions}
    facts = groups, loss, loss.n_outputs(y), parts.n_splits, fit_intercept
    plan = make_plan(design, *facts, **options)
    if not (plan.uses_moments or plan.tries_row_products or by_rows):
        design = design.in_memory()
        if not (plan.shape.is_wide or loss.is_quadratic):
            design = as_sparse_if_mostly_zero(design)
            plan = make_plan(design, *facts, **options)
    task = Task(y, loss, groups, parts, counts, plan, axes=axes)
    if not standardized:
        task = task._replace(factors_rows=plan.can_factor_rows)
        if squares_nothing and task.factors_rows:
            return _from_row_factors(design, task)
        return _build(design, task)
    if plan.uses_moments and not (plan.reduces_columns or plan.tries_row_products):
        return _build(design, task._replace(source=source))
    standard = standardize(source, parts)
    moves = standard.centres and not fit_intercept
    # Norms of weights, and means over features, are those of standardized features.
    moves |= all_directions and not by_rows
    if plan.reduces_columns or plan.tries_row_products or moves:
        return build_apart(design, task, standard, _build)
    rows = standard.rows(design, -1, True)
    if plan.can_rotate and needs_rotation(*_with_moments(rows, task)):
        # The units of a split cannot be applied to axes that mix features.
        return build_apart(design, task, standard, _build)
    return _build(rows, task._replace(standard=standard))


def _with_moments(design, task):
    """Return the centred rows, the weights of all, and their second moments."""
    weight = task.parts.sample_weight
    design, moments = design.with_moments(weight, task.plan.shape.fit_intercept)
    return design, weight, moments


def _build(design, task):
    """Return the splits of rows in their units."""
    plan, y, weights = task.plan, task.y, task.parts.sample_weight
    fit_intercept = plan.shape.fit_intercept
    if not plan.centres_at_means:
        centres = task.source is not None
        sources = sum_parts(design, y, task.parts, fit_intercept, centres)
        if task.factors_rows and _loses_digits(sources, task):
            return _from_row_factors(design, task)
        moments = sources.second_moments()
        coordinates = feature_coordinates(task.groups, design.scale)
        return _from_moments(sources, coordinates, moments, task)
    design, moments = design.with_moments(weights, fit_intercept)
    check_scale(design, moments)
    if task.factors_rows and (
        not LEAST_RATIO * scale_ratio(moments) <= 1.0
        or has_large_means(design, weights, moments)
    ):
        return _from_row_factors(design, task)
    if plan.tries_row_products and task.tries_rows:
        built = from_row_products([design] * (1 + plan.shape.n_splits), moments, task)
        if built is not None:
            return built
    return _from_rows(design, moments, task)


def _loses_digits(sources, task):
    """Whether ridge from these sums over rows would lose relevant digits."""
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
    is_one = task.groups.n_groups == 1 and not task.groups.n_unpenalized
    if is_one and LEAST_RATIO * scale_ratio(moments) <= 1.0:
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
    rotates = plan.can_rotate and not task.standard and needs_rotation(*given)
    if rotates:
        least = least_moment(*given)
    if task.row_space is not None:
        design, coordinates = task.row_space
    elif plan.reduces_columns or rotates:
        design, coordinates = reduce_to_row_space(design, task.groups, rotates)
    if task.plan.uses_moments:
        given = design, task.y, task.parts, task.plan.shape.fit_intercept
        sources = sum_centred_parts(*given, task.reference)
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
    given = design, task.y, task.parts
    splits = build_glm_splits(*given, penalty_scales=_penalty_scales(task), **shared)
    full = build_full_split(design, task.y, task.parts.sample_weight, **shared)
    split_set = make_split_set(splits, task.parts, task.plan)
    return Built(split_set, full, moments, plan, least)


def _penalty_scales(task):
    """Return factors (n_splits, m, 1) of the penalty, or None for ones."""
    if task.standard is None:
        return None
    scales = task.standard.penalty_scales()
    ones = np.ones((len(scales), int(task.plan.shape.fit_intercept)))
    return np.hstack([scales, ones])[..., None]


def _from_moments(sources, coordinates, moments, task, origin=None):
    """Return the splits that follow from sums over rows."""
    origin = sources.design.shift if origin is None else origin
    units = None
    if task.source is not None:
        units = standard_units(sources, task.source, task.parts)
        moments = moments * units[-1] ** 2
    given = sources, coordinates, origin, task.counts
    *splits, full = build_quadratic_splits(*given, units)
    # Of many targets they take more memory than anything that follows.
    sources.parts.clear()
    all_directions = task.plan.all_directions and task.groups.n_groups == 1
    if task.groups.n_unpenalized and not coordinates.bases:
        # Mean squares of the residuals after regression on the unpenalized features.
        sizes = np.diag(full.train.gram)
    elif task.alone is not None:
        # Features that vary only in held-out rows have other units there.
        sizes = np.square(1.0 if task.groups.scale is None else task.groups.scale)
        sizes = np.broadcast_to(sizes, len(moments))[task.groups.is_penalized]
    else:
        sizes = moments[task.groups.is_penalized]
    is_start, axes = coordinates.groups.n_groups > 1, None
    if task.axes is not None:
        *axes, full.axes = task.axes
    given = sources.design, task.parts, scale_ratio(sizes), all_directions, units
    diagonalize = Diagonalizer(*given, is_start, axes)

    def diagonalized(given):
        with one_thread():
            return [diagonalize(split, number) for number, split in enumerate(given)]

    if is_start:
        if task.plan.solves_in_rows:
            weights = [task.parts.weights(number)[0] for number in range(len(splits))]
            weights.append(task.parts.sample_weight)
            own_units = [None] * len(weights) if units is None else units
            own = zip([*splits, full], weights, own_units, strict=True)
            for split, *facts in own:
                split.training_rows = training_rows(split, sources.design, *facts)
        given = SplitSet(splits, lambda: diagonalized(splits))
        return Built(given, full, moments, task.plan)
    # Every split is let go once it is in its own coordinates.
    split_set = SplitSet(diagonalized(splits.pop(0) for _ in range(len(splits))))
    plan = replace(task.plan, subspace=diagonalize.found)
    axes = diagonalize.axes if len(diagonalize.axes) == len(split_set.splits) else None
    return Built(split_set, full, moments, plan, axes=axes)
