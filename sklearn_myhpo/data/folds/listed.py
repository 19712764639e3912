"""Folds of a splitter or of pairs of rows, stored as a small number per row."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    LeavePGroupsOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from ..._messages import shown
from ..cv import iterate_splits, takes_groups
from ..limits import row_limits
from .codes import encode, renumbered
from .rules import count_rows, fold_rule
from .uses import FoldRule, FoldUses

#: Splitters that ignore y.
_WITHOUT_Y = (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    LeavePGroupsOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)


@dataclass(frozen=True, eq=False)
class ListedFolds(FoldRule):
    """Splits of rows by their numbers.

    Attributes
    ----------
    columns : ndarray of int of shape (n_samples, n_families)
        Kinds of the rows, of the smallest type that has them.
    tables : FoldUses
    """

    columns: np.ndarray
    tables: FoldUses

    @property
    def n_splits(self):
        """Number of splits."""
        return self.tables.n_splits

    @property
    def uses(self):
        """The `FoldUses`."""
        return self.tables

    def kinds(self, block):
        """Return the kinds of the rows of a block, shape (b, n_families)."""
        own = self.columns[block.start : block.start + block.n_rows]
        return own.astype(np.intp)


class UnreadRows:
    """A stand-in for X whose rows a splitter cannot read.

    Parameters
    ----------
    shape : (int, int)
    """

    def __init__(self, shape):
        self.shape = shape

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        # This is also called if a splitter converts X to an array.
        raise TypeError(
            "X is read in blocks, so that its single rows cannot be accessed. A "
            "splitter gets the number of rows and y; make the splits from these, or "
            "give pairs of row numbers."
        )

    def __array__(self, dtype=None, copy=None):
        return self[:]


class _Columns(NamedTuple):
    """Columns of blocks that splitters see, by the first row of each block.

    Attributes
    ----------
    parts : dict of int to (ndarray or None, ndarray or None, ndarray or None)
        y, whether the weight is positive, and the keys.
    """

    parts: dict

    def plus(self, other):
        """Return the columns of both."""
        return _Columns({**self.parts, **other.parts})

    def joined(self):
        """Return each of all rows, in their order."""
        columns = zip(*(self.parts[start] for start in sorted(self.parts)), strict=True)
        return [None if one[0] is None else np.concatenate(one) for one in columns]


def columns_of_block(block, has_y):
    """Return the `_Columns` of a block: a task."""
    own = [block.y if has_y else None, None, block.key]
    if block.weight is not None:
        own[1] = block.weight > 0
    copies = (None if one is None else np.array(one) for one in own)
    return _Columns({block.start: tuple(copies)})


def rule_of_splitter(cv, source, *, is_classifier, has_groups, rows_of, most, say):
    """Return the fold rule of `cv` for the rows of a source.

    Parameters
    ----------
    cv : splitter or iterable of (train, validation)
        Not `is_rule`.
    source : RowSource
        Read once, unless splits follow from the number of rows alone.
    is_classifier : bool
    has_groups : bool
        Whether the user gave labels of groups.
    rows_of : callable
        Takes X, y, weights and keys, and returns the `Rows` for the splitter.
    most : int
        Largest number of rows for which a list is made.
    say : callable
        Takes a text and a category, and issues a warning.

    Returns
    -------
    FoldRule
    """
    is_plain = not (getattr(cv, "shuffle", False) or has_groups)
    if is_plain and type(cv) is KFold and not is_classifier:
        return fold_rule(cv.n_splits, source)
    if is_plain and type(cv) is StratifiedKFold and is_classifier:
        return fold_rule(cv.n_splits, source, is_classifier=True)
    if source.n_samples is not None and source.n_samples > most:
        raise ValueError(
            f"cv={shown(cv)} would make a list of {source.n_samples} rows on the "
            f"machine that calls fit, which takes {most} at most. Use a number, or "
            "RowFolds or KeyFolds of sklearn_myhpo.data."
        )
    looks = hasattr(cv, "split") and not isinstance(cv, _WITHOUT_Y)
    has_y = is_classifier or looks
    first, y, weight, key = source.first(), None, None, None
    wants_key = first.key is not None and not has_groups and takes_groups(cv)
    if has_y or wants_key or first.weight is not None or source.n_samples is None:
        y, weight, key = source.map_reduce(columns_of_block, has_y).joined()
    n_rows = count_rows(source)
    y = np.zeros(n_rows, dtype=np.int8) if y is None else y
    X = UnreadRows((n_rows, source.n_features))
    rows = rows_of(X, y, weight, key if wants_key else None)
    return list_folds(iterate_splits(cv, rows, say=say), n_rows)


def list_folds(pairs, n_rows):
    """Return the `ListedFolds` of pairs of training and validation rows.

    Parameters
    ----------
    pairs : iterable of (ndarray, ndarray)
        Indices; a repeated row counts as often as it is named.
    n_rows : int

    Returns
    -------
    ListedFolds
    """
    families, now = [], None
    for pair in pairs:
        grown = _with_pair(now, pair, n_rows)
        if grown is None:
            families.append(_small(now))
            grown = _with_pair(None, pair, n_rows)
        now = grown
    families.append(_small(now))
    tables = [table for _, table in families]
    offsets = np.cumsum([0] + [table.shape[2] for table in tables])
    uses = np.zeros((sum(map(len, tables)), 2, offsets[-1]), dtype=int)
    family, first = np.zeros(offsets[-1], dtype=int), 0
    for number, table in enumerate(tables):
        own = slice(offsets[number], offsets[number + 1])
        uses[first : first + len(table), :, own] = table
        family[own], first = number, first + len(table)
    kind = np.min_scalar_type(int(offsets[-1]))
    columns = np.empty((n_rows, len(families)), dtype=kind)
    for number, (kinds, _) in enumerate(families):
        np.add(kinds, offsets[number], out=columns[:, number], casting="unsafe")
    refit = (family == 0).astype(int)
    return ListedFolds(columns, FoldUses(uses[:, 0], uses[:, 1], refit, family))


def _with_pair(known, pair, n_rows):
    """Return kinds and tables of a family with one more split; None if too many."""
    if known is None:
        known = np.zeros(n_rows, dtype=np.int32), np.empty((0, 2, 1), dtype=int)
    kinds, table = known
    named, base, n_codes = encode(*pair, n_rows)
    size = table.shape[2] * n_codes
    used, kinds = renumbered(kinds * n_codes + named, size)
    most = 1 + row_limits().most_atoms_per_split * (len(table) + 1)
    if len(table) and len(used) > most:
        return None
    before, own = np.divmod(used, n_codes)
    new = np.stack(np.divmod(own, base))[None]
    return kinds, np.concatenate([table[:, :, before], new])


def _small(family):
    """Return kinds of the smallest type, and the tables."""
    kinds, table = family
    return kinds.astype(np.min_scalar_type(table.shape[2])), table
