"""Splits of a generalized linear model with coordinates of their own, as one set."""

from ...data.own_rows import MappedRows, StackedRows
from .split_set import GLMSplitSet


def own_rows_of(built, plan):
    """Return the rows of splits that were built alone, to be worked on together.

    Parameters
    ----------
    built : list of Built
        Every split, and last that of all rows.
    plan : Plan
        Of all splits.

    Returns
    -------
    SplitRows or None
        None where no pass can serve all splits, or no matrix is near all of theirs.
    """
    if not all(isinstance(one.split_set, GLMSplitSet) for one in built):
        return None
    if plan.shares_hessians or any(one.least_moment is not None for one in built):
        # Axes of the rows of one split are not those of another.
        return None
    *splits, full = [
        one.full if one is built[-1] else one.split_set.splits[0] for one in built
    ]
    designs = [split.rows for split in splits]
    if not plan.reduces_columns:
        return MappedRows.about(full.rows, designs)
    if len({design.n_coordinates for design in [*designs, full.rows]}) > 1:
        return None
    return StackedRows(designs)
