"""Splits with separate units, which cannot share coordinates."""

from dataclasses import replace

from ..data.row_space import in_own_units, reduce_to_row_space
from ..data.sums import check_scale
from .glm.own_coordinates import build_own_splits
from .ridge.dual import RowSplitSet, build_dual_splits
from .split_set import SplitSet
from .task import Built


def build_apart(design, task, standard, build):
    """Return the splits, each in its own units.

    Parameters
    ----------
    design : Design
        About zero, in units of X.
    task : Task
        Of all splits.
    standard : Standard
    build : callable
        Returns the `Built` of rows in their units and of a task.

    Returns
    -------
    Built
    """
    if task.plan.tries_row_products:
        built = from_row_products(*_at_means(design, task, standard), task)
        if built is not None:
            return built
    alone = _Alone(design, task, standard, build)
    full = alone(-1)
    if not task.plan.uses_moments:
        built = alone.together(full)
        if built is not None:
            return built
    elif alone.shares_space:
        alone.reference = full.full.train.reference
    built = [*map(alone, range(task.parts.n_splits)), full]
    sets = [one.split_set for one in built[:-1]]
    splits = [each.splits[0] for each in sets]

    def shared():
        return [each.shared[0] for each in sets]

    plan = replace(task.plan, subspace=built[0].plan.subspace)
    return built[-1]._replace(split_set=SplitSet(splits, shared), plan=plan)


def from_row_products(designs, moments, task):
    """Return splits whose solutions are combinations of rows, or None.

    Parameters
    ----------
    designs : list of Design
        Rows in the units of every split and, last, of all rows; centred if there is an
        intercept.
    moments : ndarray of shape (n_features,)
        Second moments of all rows.
    task : Task
    """
    found = build_dual_splits(designs, task.y, task.parts, task.groups, task.counts)
    if found is None:
        return None
    *splits, full = found
    subspace = f"{splits[0].shape[0]} combinations of rows"
    plan = replace(task.plan, subspace=subspace)
    return Built(RowSplitSet(splits), full, moments, plan)


def _at_means(design, task, standard):
    """Return the rows of every split, and of all, and the second moments of these."""
    fit_intercept = task.plan.shape.fit_intercept
    rows = standard.rows(design, -1, fit_intercept)
    rows, moments = rows.with_moments(task.parts.sample_weight, fit_intercept)
    check_scale(rows, moments)
    numbers = range(task.parts.n_splits)
    if fit_intercept:
        units = standard.scales[-1] / standard.scales[:-1]
        return [*map(rows.in_units, units), rows], moments
    return [*(standard.rows(design, n, False) for n in numbers), rows], moments


class _Alone:
    """Builds splits alone.

    Parameters
    ----------
    design, task, standard, build
        As in `build_apart`.

    Attributes
    ----------
    reference : ndarray or None
        Weights of all rows in the row space; the reference of every split.
    """

    def __init__(self, design, task, standard, build):
        self.design, self.task, self.standard = design, task, standard
        self.build, self._row_space, self.reference = build, None, None
        plan = task.plan
        self.shares_space = plan.reduces_columns and not plan.all_directions
        if plan.uses_moments:
            # Eliminated features are not part of a row space.
            self.shares_space &= not plan.shape.n_unpenalized
        self.has_one = plan.shape.fit_intercept

    def __call__(self, split):
        """Return the `Built` of one split, or of all rows."""
        task, space, reference = self.task, None, None
        if self.shares_space and task.plan.uses_moments:
            space = self._space_of(split)
            if space is not None and self.reference is not None:
                reference = space[1].from_base(self.reference)
        own = task._replace(
            parts=task.parts.only(split),
            plan=task.plan.of_splits(1),
            alone=split,
            tries_rows=False,
            row_space=space,
            reference=reference,
        )
        rows = self.standard.rows(self.design, split, self.has_one)
        return self.build(rows, own)

    def together(self, full):
        """Return the splits of a likelihood as one set, given all rows, or None."""
        task = self.task
        # The principal axes differ between splits, and the shared row space lacks some
        # directions.
        lacks = task.plan.reduces_columns and not self.shares_space
        if full.least_moment is not None or lacks:
            return None
        given = full.full, task.parts, self.standard, task.plan
        split_set = build_own_splits(*given)
        if split_set is None:
            return None
        plan = replace(task.plan, subspace=full.plan.subspace)
        return full._replace(split_set=split_set, plan=plan)

    def _space_of(self, split):
        """Return the rows in the row spaces, in the units of a split, or None."""
        weight, standard = self.task.parts.sample_weight, self.standard
        if self._row_space is None:
            rows = standard.rows(self.design, -1, self.has_one)
            rows = rows.at_means(weight, self.has_one)
            self._row_space = reduce_to_row_space(rows, self.task.groups)
        if split < 0:
            return self._row_space
        share = None
        if not self.has_one:
            share, _ = self.task.parts.weights(split)
            share = share / share.sum()
        units = standard.scales[-1] / standard.scales[split]
        return in_own_units(*self._row_space, units, share)
