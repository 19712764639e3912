"""How the splits of a fit use rows: kinds of rows, and tables by kind.

Rows that every split uses in the same way are of one kind, and sums over a part of a
split are sums over kinds. If splits overlap so much that there would be too many kinds,
they are divided into families, and every row has one kind in each family.
"""

from abc import ABC, abstractmethod
from functools import reduce
from typing import NamedTuple

import numpy as np


class FoldUses(NamedTuple):
    """Tables of how often the parts of splits contain every kind of rows.

    Attributes
    ----------
    train, held_out : ndarray of int of shape (n_splits, n_kinds)
    refit : ndarray of int of shape (n_kinds,)
        The rows that the final weights are fitted to; those of one family.
    family : ndarray of int of shape (n_kinds,)
        Family of every kind, an index into the kinds of a row.
    """

    train: np.ndarray
    held_out: np.ndarray
    refit: np.ndarray
    family: np.ndarray

    @property
    def n_splits(self):
        """Number of splits."""
        return len(self.train)

    @property
    def n_kinds(self):
        """Number of kinds."""
        return len(self.family)

    @property
    def n_families(self):
        """Number of families."""
        return int(self.family.max()) + 1

    @property
    def refits_all(self):
        """Whether the final weights are fitted to all rows."""
        return bool(self.refit[self.family == 0].all())

    @property
    def models(self):
        """How often every training part, and last the refit, contains every kind."""
        return np.concatenate([self.train, self.refit[None]])

    def trained(self, array):
        """Return sums over the rows of each entry of `models`, given sums by kind."""
        return np.stack([_sum(array, row) for row in self.models])

    def held(self, array):
        """Return sums over the held-out rows of every split, given sums by kind."""
        return np.stack([_sum(array, row) for row in self.held_out])

    def every(self, array):
        """Return the sum over all rows of sums by kind."""
        return array[self.family == 0].sum(axis=0)

    def pairs(self, kinds):
        """Return the training and validation rows of every split.

        Parameters
        ----------
        kinds : ndarray of int of shape (n_rows, n_families)
            Of some rows.

        Returns
        -------
        list of (ndarray, ndarray)
            Rows that count several times are repeated.
        """
        return [
            tuple(_named(part[kinds].sum(axis=1)) for part in pair)
            for pair in zip(self.train, self.held_out, strict=True)
        ]

    def only(self, splits):
        """Return the tables of some of the splits."""
        return self._replace(train=self.train[splits], held_out=self.held_out[splits])


class FoldRule(ABC):
    """A rule for the rows of the parts of splits; it can be sent to other processes.

    Attributes
    ----------
    n_splits : int
    """

    @property
    @abstractmethod
    def uses(self):
        """The `FoldUses`."""

    @abstractmethod
    def kinds(self, block):
        """Return the kinds of the rows of a block, shape (b, n_families)."""


class SomeSplits(FoldRule):
    """Some of the splits of a rule.

    Parameters
    ----------
    rule : FoldRule
    splits : ndarray of bool of shape (n_splits,)
    """

    def __init__(self, rule, splits):
        self._rule, self._uses = rule, rule.uses.only(splits)
        self.n_splits = self._uses.n_splits

    @property
    def uses(self):
        """The `FoldUses` of these splits."""
        return self._uses

    def kinds(self, block):
        """Return the kinds of the rows of a block, shape (b, n_families)."""
        return self._rule.kinds(block)


class LabelRule(FoldRule):
    """Splits that hold out every row at most once; all others train on it."""

    @abstractmethod
    def labels(self, block):
        """Return the split that holds out each row of a block, or -1, shape (b,)."""

    @property
    def uses(self):
        """The `FoldUses`: the last kind is of the rows that no split holds out."""
        n_kinds = self.n_splits + 1
        held_out = np.eye(self.n_splits, n_kinds, dtype=int)
        ones, zeros = np.ones(n_kinds, dtype=int), np.zeros(n_kinds, dtype=int)
        return FoldUses(1 - held_out, held_out, ones, zeros)

    def kinds(self, block):
        """Return the kinds of the rows of a block, shape (b, 1)."""
        labels = np.asarray(self.labels(block))
        if labels.min(initial=0) < 0:
            labels = np.where(labels < 0, self.n_splits, labels)
        return labels[:, None]


class NoFolds(FoldRule):
    """All rows train, and none is held out."""

    n_splits = 0

    @property
    def uses(self):
        """The `FoldUses` of one kind."""
        none = np.zeros((0, 1), dtype=int)
        return FoldUses(none, none, np.ones(1, dtype=int), np.zeros(1, dtype=int))

    def kinds(self, block):
        """Return zero for every row of a block, shape (b, 1)."""
        return np.zeros((block.n_rows, 1), dtype=int)


def type_of_labels(n_labels):
    """Return the smallest type of the numbers from -1 to `n_labels`.

    A block has thousands of labels, which are compared and sorted: bytes are faster.
    """
    return np.min_scalar_type(-1 - n_labels)


def rule_or_none(rule):
    """Return a fold rule; for None, one that holds nothing out."""
    return NoFolds() if rule is None else rule


def _named(counts):
    """Return the rows of positive counts, as often as they count."""
    return np.repeat(np.arange(len(counts)), counts)


def _sum(array, counts):
    """Return the sum of the entries of an array times their counts."""
    used = np.flatnonzero(counts)
    if not len(used):
        return np.zeros_like(array[0])
    # A factor of one changes no digit.
    parts = [
        array[kind] if counts[kind] == 1 else counts[kind] * array[kind]
        for kind in used
    ]
    return reduce(np.add, parts)
