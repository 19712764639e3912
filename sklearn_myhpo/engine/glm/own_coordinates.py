"""Splits of a generalized linear model that standardize, from the split of all rows.

Every split has units, and maybe an origin, of its own; they are worked on together.
"""

from dataclasses import replace

from ...data.own_rows import MappedRows, StackedRows
from ...data.row_space import in_own_units
from .factored_split_set import make_split_set
from .pinning import pinning
from .split import GLMSplit, HeldOut


def build_own_splits(full, parts, standard, plan):
    """Return the set of splits in their own units.

    Parameters
    ----------
    full : GLMSplit
        All rows, in their units.
    parts : RowParts
    standard : Standard
    plan : Plan
        Of all splits.

    Returns
    -------
    GLMSplitSet or None
        None where no pass can serve all splits.
    """
    if plan.shares_hessians:
        return None
    splits = []
    for number, share in enumerate(parts.train_shares()):
        _, validation = parts.weights(number)
        own = _in_wide_units if plan.reduces_columns else _in_units
        found = own(full, standard, number, share)
        if found is None:
            return None
        rows, coordinates, shift = found
        curvature = full.loss.curvature_scale(full.y, parts.sample_weight)
        splits.append(
            GLMSplit(
                full.loss,
                rows,
                full.y,
                share,
                HeldOut.of(validation),
                coordinates=coordinates,
                feature_shift=shift,
                pinning=pinning(rows, coordinates.groups, curvature),
                counts=full.counts,
                plan=full.plan,
            )
        )
    designs = [split.rows for split in splits]
    if plan.reduces_columns:
        rows = StackedRows(designs)
    else:
        rows = MappedRows.about(full.rows, designs)
    return make_split_set(splits, parts, plan, rows)


def _in_units(full, standard, number, share):
    """Return rows and coordinates of a split, and the origin of its features."""
    design = full.rows
    unit = design.scaled(standard.scales[-1] / standard.scales[number])
    if design.fit_intercept or not standard.centres:
        origin, is_far = design.shift, design.has_large_means
    else:
        origin, is_far = standard.means[number], standard.is_far(number)
    rows = design.about(origin, unit, design.fit_intercept, is_far)
    return rows, replace(full.coordinates, scale=unit), origin


def _in_wide_units(full, standard, number, share):
    """Return the same of rows in a row space, or None where the units are too far."""
    units = standard.scales[-1] / standard.scales[number]
    mean = None if full.rows.fit_intercept else share
    found = in_own_units(full.rows, full.coordinates, units, mean)
    if found is None:
        return None
    origin = full.feature_shift if mean is None else standard.means[number]
    return *found, origin
