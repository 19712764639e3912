"""A sample of many rows, chosen by row numbers, the same in any process."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..folds.class_counts import ClassCounts, classes_of_block
from ..folds.hashes import mix

#: Most rows of every class that are kept beside the sample, so that none is missing.
LEAST_OF_CLASS = 64
#: Columns of a sample that have an entry per row.
_N_COLUMNS = 6


class HashedSample(NamedTuple):
    """The rows whose numbers have the least hashes, and some of every class.

    A sum of samples is the sample of all rows: it does not depend on how these were
    divided into blocks.

    Attributes
    ----------
    X : ndarray or CSR array of shape (n, n_features)
    y : ndarray of shape (n,) or (n, n_targets)
    weight : ndarray of shape (n,) or None
    key : ndarray of shape (n,) or None
    kind : ndarray of int of shape (n, n_families) or None
        Kinds of the rows, as in `FoldUses`, where these are known in the first pass.
    number : ndarray of int of shape (n,)
        Numbers of the rows, among all.
    n_rows : int
        Of which the sample was taken.
    most : int
        Rows that are kept, but for those of rare classes.
    has_classes : bool
    """

    X: object
    y: np.ndarray
    weight: np.ndarray | None
    key: np.ndarray | None
    kind: np.ndarray | None
    number: np.ndarray
    n_rows: int
    most: int
    has_classes: bool

    @classmethod
    def of(cls, block, rule, most, has_classes):
        """Return the sample of a block, with its folds unless the rule is None."""
        kind = None if rule is None else rule.kinds(block)
        number = np.arange(block.start, block.start + block.n_rows)
        columns = block.X, block.y, block.weight, block.key, kind, number
        return cls(*columns, block.n_rows, most, has_classes).chosen()

    def chosen(self):
        """Return the sample of these rows."""
        return self._take(self._kept())

    def plus(self, other):
        """Return the sample of both."""
        columns = zip(self[:_N_COLUMNS], other[:_N_COLUMNS], strict=True)
        both = HashedSample(
            *(_below_each_other(*pair) for pair in columns),
            self.n_rows + other.n_rows,
            self.most,
            self.has_classes,
        )
        if len(both.number) <= self.most:
            return both
        return both._take(both._kept())

    @property
    def is_all(self):
        """Whether the sample has all rows."""
        return len(self.number) == self.n_rows

    def in_order(self):
        """Return the sample with its rows in their order."""
        return self._take(np.argsort(self.number))

    def _kept(self):
        """Return which rows the sample of these rows keeps, increasing."""
        if len(self.number) <= self.most:
            return np.arange(len(self.number))
        rank = mix(self.number.astype(np.uint64))
        kept = np.zeros(len(rank), dtype=bool)
        kept[np.argpartition(rank, self.most)[: self.most]] = True
        if self.has_classes:
            _, index = np.unique(self.y, return_inverse=True)
            index = index.reshape(len(rank))
            order = np.lexsort((rank, index))
            counts = np.bincount(index)
            place = np.arange(len(rank)) - np.repeat(np.cumsum(counts) - counts, counts)
            kept[order[place < LEAST_OF_CLASS]] = True
        return np.flatnonzero(kept)

    def _take(self, index):
        """Return some of the rows, copied."""
        columns = (None if one is None else one[index] for one in self[:_N_COLUMNS])
        return HashedSample(*columns, *self[_N_COLUMNS:])


def _below_each_other(first, second):
    """Return the rows of two arrays, dense or sparse; None of None."""
    if first is None:
        return None
    if sparse.issparse(first):
        return sparse.csr_array(sparse.vstack([first, second], format="csr"))
    return np.concatenate([first, second])


class RowFacts(NamedTuple):
    """Facts from the first pass over many rows.

    Attributes
    ----------
    sample : HashedSample
    low, high, total : ndarray of shape (n_features,)
        Smallest and largest entry of every column, and the sum of all.
    has_weight : bool
        Whether the weight of any row is positive.
    counts : ClassCounts or None
        Where y has classes.
    """

    sample: HashedSample
    low: np.ndarray
    high: np.ndarray
    total: np.ndarray
    has_weight: bool
    counts: ClassCounts | None

    def plus(self, other):
        """Return the facts of both."""
        counts = None if self.counts is None else self.counts.plus(other.counts)
        return RowFacts(
            self.sample.plus(other.sample),
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.total + other.total,
            self.has_weight or other.has_weight,
            counts,
        )

    @property
    def centre(self):
        """About the means of the columns; those of constants exactly, (n_features,)."""
        return np.clip(self.total / self.sample.n_rows, self.low, self.high)


def facts_of_block(block, rule, most, has_classes):
    """Return the `RowFacts` of a block.

    Parameters
    ----------
    block : Block
    rule : object or None
        Of the folds, where it is known.
    most : int
        Rows of the sample.
    has_classes : bool
        Whether y has classes, each of which needs some rows.

    Returns
    -------
    RowFacts
    """
    X = block.X
    if sparse.issparse(X):
        ends = [one(axis=0).toarray().ravel() for one in (X.min, X.max)]
    else:
        ends = [X.min(axis=0), X.max(axis=0)]
    low, high = (one.astype(np.float64) for one in ends)
    total = np.asarray(X.sum(axis=0, dtype=np.float64)).ravel()
    counts = classes_of_block(block) if has_classes else None
    sample = HashedSample.of(block, rule, most, has_classes)
    has_weight = block.weight is None or bool(np.any(block.weight > 0))
    return RowFacts(sample, low, high, total, has_weight, counts)
