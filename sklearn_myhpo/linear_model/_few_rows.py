"""Sources of few rows, which stand for those of many targets."""

from dataclasses import replace

import numpy as np

from ..data.moments.few_rows import FewRows, few_targets
from ..data.parts import all_rows
from ..engine.limits import limits


def _n_few_rows(model, source):
    """Return the number of rows that give lambda, once those of a kind are rotated."""
    n_samples, n_features = source.design.shape
    if _needs_rows(model, source):
        return n_samples
    sizes = np.array([n_samples])
    if source.has_held_out_rows:
        sizes = np.bincount(source.parts.kinds)
    return int(np.minimum(sizes, n_features + 2).sum())


def _needs_rows(model, source):
    """Whether single rows are needed, or their moments are too large."""
    criterion, needs = source.criterion, source.needs_rows
    needs |= source.condensed is not None or source.row_groups is not None
    needs |= source.design.n_features > limits().moments_size
    needs |= model.scoring is not None or model.store_cv_results
    # Nested splits divide rows again; rows of sparse X keep their means.
    needs |= model.shrinkage == "auto" or model.standardize > model.fit_intercept
    if needs or source.has_own_validation:
        return True
    if criterion is not None:
        return criterion.needs_rows or criterion.is_matrix_free
    return source.parts.kinds is None


def few_of_many(model, source):
    """Return sources of few rows, of rotated targets and of all rows and targets.

    Parameters
    ----------
    model : RidgeModel
        With lambdas that all targets share.
    source : ProblemSource

    Returns
    -------
    (ProblemSource, ProblemSource) or None
        None where rows are not many more than those that they are rotated to, or the
        targets not more than these.
    """
    n_samples, n_targets = source.target.shape
    n_rows = _n_few_rows(model, source)
    n_sampled = min(limits().turned_sample if source.has_held_out_rows else 1, n_rows)
    # The error of the loss of a single split needs its rows.
    is_alone = source.has_held_out_rows and source.parts.n_splits == 1
    if is_alone or n_targets <= max(n_rows + n_sampled, limits().turned_targets - 1):
        return None
    if n_rows + n_sampled > limits().turned_share * n_samples:
        return None
    found = few_targets(_rotated(source), source.target, origin_of(source), n_sampled)
    return tuple(_replaced(source, condensed) for condensed in found)


class TargetParts:
    """Sources of some of the targets, of few rows where that is possible.

    Parameters
    ----------
    model : RidgeModel
        With a lambda per target.
    source : ProblemSource
    progress : Progress
        Callbacks are given models of all targets, and so ask for all of them together.
    """

    def __init__(self, model, source, progress):
        self.source, self._few = source, None
        size, n_targets = _n_targets(source), source.target.shape[1]
        self.slices = [slice(0, n_targets)]
        watched = progress.has_callbacks or model.verbose or model.max_time is not None
        if n_targets > size and not watched:
            # Of nearly equal sizes.
            ends = np.linspace(0, n_targets, -(-n_targets // size) + 1).astype(int)
            self.slices = list(map(slice, ends[:-1], ends[1:]))
        most = limits().turned_share * source.design.n_samples
        is_many = n_targets >= limits().turned_targets
        if is_many and _n_few_rows(model, source) <= most:
            self._few, self._origin = _rotated(source), origin_of(source)

    def of(self, part):
        """Return the source of a slice of the targets."""
        if self._few is None:
            is_all = len(self.slices) == 1
            return self.source if is_all else self.source.of_targets(part)
        given = self._few.targets(self.source.target, part, self._origin)
        condensed = self._few.condensed(*given, self._few.none, self._origin[part])
        return _replaced(self.source, condensed)

    def completed(self, fit):
        """Return the `TargetsFit` of all targets with their plan."""
        n_samples, n_targets = self.source.target.shape
        plan = fit.plan.of_outputs(n_targets)
        if self._few is not None:
            plan = plan.of_rows(n_samples)
        return fit._replace(plan=plan)


def _n_targets(source):
    """Return the number of targets that are learned together."""
    n_splits = source.parts.n_splits if source.has_held_out_rows else 0
    entries = min(source.design.shape) * (n_splits + 1)
    return max(limits().least_together, limits().together_entries // entries)


def _rotated(source):
    """Return the `FewRows` of a source."""
    parts = all_rows(source.weights)
    if source.has_held_out_rows:
        parts = source.parts
    design = source.design.in_memory()
    return FewRows(design, parts, source.fit_intercept, source.dtype)


def _replaced(source, condensed):
    """Return a source with the rows of a `Condensed`."""
    criterion, n_targets = source.criterion, source.target.shape[1]
    if criterion is not None:
        criterion = criterion.of_turned(n_targets, condensed.y.shape[1])
    return replace(
        source,
        design=condensed.design,
        target=condensed.y,
        weights=condensed.weight,
        pairs=condensed.parts if source.has_held_out_rows else [],
        criterion=criterion,
        condensed=condensed.facts,
    )


def origin_of(source):
    """Return the means of the targets; zeros without an intercept."""
    y = source.target
    if not source.fit_intercept:
        return np.zeros(y.shape[1])
    return source.weights @ y / source.weights.sum()
