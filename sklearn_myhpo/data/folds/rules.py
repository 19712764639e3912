"""Folds as rules that say which rows a fold holds out, without a list of them."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from ..cv import check_cv_type
from .class_counts import count_classes
from .hashes import mix, uniform
from .splitters import FoldSplitter, KeyFolds, RowFolds
from .uses import LabelRule, type_of_labels


@dataclass(frozen=True)
class Contiguous(LabelRule):
    """The folds of `sklearn.model_selection.KFold` without shuffling.

    Attributes
    ----------
    n_splits, n_samples : int
    """

    n_splits: int
    n_samples: int

    def labels(self, block):
        """Return the fold of every row, shape (b,)."""
        ends, start = self._ends, block.start
        first, last = ends.searchsorted([start, start + block.n_rows - 1], "right")
        inner = [0, *(ends[first:last] - start).tolist(), block.n_rows]
        folds = np.arange(first, last + 1, dtype=type_of_labels(self.n_splits))
        return np.repeat(folds, [b - a for a, b in pairwise(inner)])

    @cached_property
    def _ends(self):
        """Number of the row after the last one of every fold."""
        least, larger = divmod(self.n_samples, self.n_splits)
        return np.cumsum(least + (np.arange(self.n_splits) < larger))


@dataclass(frozen=True, eq=False)
class Stratified(LabelRule):
    """The folds of `sklearn.model_selection.StratifiedKFold` without shuffling.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted.
    ends : ndarray of int of shape (n_classes, n_splits)
        Rows of a class, in their order, up to the end of a fold.
    before : dict of int to ndarray of int of shape (n_classes,)
        Rows of every class before a block, by the number of the block.
    """

    classes: np.ndarray
    ends: np.ndarray
    before: dict

    @property
    def n_splits(self):
        """Number of folds."""
        return self.ends.shape[1]

    def labels(self, block):
        """Return the fold of every row, shape (b,)."""
        index, labels = np.searchsorted(self.classes, block.y), np.empty(block.n_rows)
        for number, before in enumerate(self.before[block.number]):
            own = np.flatnonzero(index == number)
            rank = before + np.arange(len(own))
            labels[own] = np.searchsorted(self.ends[number], rank, side="right")
        return labels.astype(np.intp)


@dataclass(frozen=True)
class HoldOut(LabelRule):
    """One split: a hash of the number of a row decides whether it is held out.

    Attributes
    ----------
    fraction : float
        Probability that a row is held out.
    seed : int
    """

    fraction: float
    seed: int
    n_splits: int = 1

    def labels(self, block):
        """Return 0 for the rows that are held out and -1 for others, shape (b,)."""
        number = np.arange(block.start, block.start + block.n_rows, dtype=np.uint64)
        chance = uniform(mix(mix(np.full(1, self.seed, dtype=np.uint64)) ^ number))
        return np.where(chance < self.fraction, 0, -1)


def is_rule(cv):
    """Whether folds of `cv` need no list of rows: None, a number or a rule.

    Parameters
    ----------
    cv : object
        The parameter of an estimator, of an allowed type.

    Returns
    -------
    bool
    """
    return cv is None or isinstance(cv, Real | FoldSplitter)


def fold_rule(cv, source, *, is_classifier=False, random_state=None):
    """Return the rule of the parameter `cv` for the rows of a source.

    Parameters
    ----------
    cv : None, int, float, RowFolds or KeyFolds
        A value for which `is_rule` is true.
    source : RowSource
        Read once for stratified folds, and for folds of neighbouring rows if their
        number is not known; otherwise not read.
    is_classifier : bool, default=False
        Whether an int means stratified folds.
    random_state : int, RandomState instance or None, default=None
        Seed of the split where `cv` is a float.

    Returns
    -------
    Contiguous, Stratified, HoldOut, RowFolds or KeyFolds

    Raises
    ------
    TypeError, ValueError
        If `cv` is not allowed, or asks for more folds than there are rows.
    """
    cv = 5 if cv is None else cv
    check_cv_type(cv)
    if isinstance(cv, KeyFolds):
        return cv.of_columns(source.names, source.n_features)
    if isinstance(cv, RowFolds):
        return cv
    if not isinstance(cv, Integral):
        seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
        return HoldOut(float(cv), int(seed))
    if is_classifier:
        return stratified(source, int(cv))
    if source.n_samples is None:
        count_rows(source)
    if cv > source.n_samples:
        raise ValueError(
            f"cv={cv} asks for more folds than there are rows, {source.n_samples}."
        )
    return Contiguous(int(cv), int(source.n_samples))


def count_rows(source):
    """Return the number of rows of a source, by a pass if it is not known."""
    if source.n_samples is None:
        source.map_reduce(_count)
    return source.n_samples


def stratified(source, n_splits):
    """Return stratified folds of the labels y of a source, after one pass.

    Parameters
    ----------
    source : RowSource
    n_splits : int

    Returns
    -------
    Stratified

    Raises
    ------
    ValueError
        If no class has as many rows as there are folds.
    """
    return stratified_by(count_classes(source), n_splits)


def stratified_by(counts, n_splits):
    """Return stratified folds, given the `ClassCounts` of all rows."""
    if n_splits > counts.sizes.max():
        raise ValueError(
            f"cv={n_splits} asks for more folds than the largest class has rows, "
            f"{counts.sizes.max()}."
        )
    # As in scikit-learn: classes in the order of their first rows, one after another;
    # fold i has every n_splits-th row from row i on.
    order = np.argsort(counts.first)
    ends = np.cumsum(counts.sizes[order])
    starts = ends - counts.sizes[order]
    fold = np.arange(n_splits)
    # Numbers below x that are `fold` modulo n_splits.
    below_end, below_start = (
        np.maximum(0, -(-(one[:, None] - fold) // n_splits)) for one in (ends, starts)
    )
    sizes = np.empty((len(order), n_splits), dtype=np.intp)
    sizes[order] = below_end - below_start
    return Stratified(counts.classes, np.cumsum(sizes, axis=1), counts.before())


class _Number(NamedTuple):
    """A number of rows."""

    n_rows: int

    def plus(self, other):
        """Return the sum."""
        return _Number(self.n_rows + other.n_rows)


def _count(block):
    """Return the number of rows of a block."""
    return _Number(block.n_rows)
