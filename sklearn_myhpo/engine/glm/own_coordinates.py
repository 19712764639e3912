"""Splits with their own standardization, from the split of all rows.

Every split has its own units of the features, and possibly its own origin. One pass
over the rows serves all splits.
"""

from dataclasses import replace

import numpy as np

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
    moves = standard.centres and not plan.shape.fit_intercept
    if moves and plan.all_directions and np.any(standard.varies[-1] > standard.varies):
        # With response="mean" constant features get weights, which would be multiplied
        # by the rounding errors of their columns.
        return None
    shares = parts.train_shares()
    place = _in_wide_units if plan.reduces_columns else _in_units
    found = [place(full, standard, *each) for each in enumerate(shares)]
    if any(one is None for one in found):
        return None
    designs, coordinates, origins = zip(*found, strict=True)
    if plan.reduces_columns:
        rows = StackedRows.of_designs(designs)
    else:
        rows = MappedRows.about(full.rows, designs, standard.varies[:-1])
    curvature = full.loss.curvature_scale(full.y, parts.sample_weight)
    splits = []
    for number, share in enumerate(shares):
        _, validation = parts.weights(number)
        own = rows.of(number)
        splits.append(
            GLMSplit(
                full.loss,
                own,
                full.y,
                share,
                HeldOut.of(validation),
                coordinates=coordinates[number],
                feature_shift=origins[number],
                pinning=pinning(own, coordinates[number].groups, curvature),
                counts=full.counts,
                plan=full.plan,
            )
        )
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
    """Return the same for rows in a row space, or None if the units differ too much."""
    units = standard.scales[-1] / standard.scales[number]
    mean = None if full.rows.fit_intercept else share
    found = in_own_units(full.rows, full.coordinates, units, mean)
    if found is None:
        return None
    origin = full.feature_shift if mean is None else standard.means[number]
    return *found, origin
