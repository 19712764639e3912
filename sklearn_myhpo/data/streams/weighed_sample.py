"""A sample of the rows that a model explains least, drawn with known chances."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..folds.hashes import mix, uniform


class WeighedSample(NamedTuple):
    """Rows drawn with chances roughly proportional to their importance.

    A sum of samples is the sample of all their rows: it does not depend on how the rows
    were divided into blocks. Each row has a random number divided by its importance,
    and the rows with the least quotients are kept. The quotient of the first row left
    out gives the chance of every row that is kept (priority sampling; Duffield, Lund
    and Thorup 2007).

    Attributes
    ----------
    X : ndarray or CSR array of shape (n, n_features)
    y : ndarray of shape (n,) or (n, 1)
        As the user gave it.
    weight : ndarray of shape (n,) or None
    kind : ndarray of int of shape (n, n_families)
        Kinds of the rows, as in `FoldUses`.
    number : ndarray of int of shape (n,)
        Numbers of the rows, among all.
    importance : ndarray of shape (n,)
        Positive.
    most : int
        Number of rows of the sample; one more row is kept.
    """

    X: object
    y: np.ndarray
    weight: np.ndarray | None
    kind: np.ndarray
    number: np.ndarray
    importance: np.ndarray
    most: int

    @classmethod
    def of(cls, block, rows, kind, importance, most):
        """Return the sample of some rows of a block.

        Parameters
        ----------
        block : Block
        rows : ndarray of int of shape (n,)
        kind, importance, most
            As in the attributes.
        """
        number = block.start + rows
        kept = _least(_rank(number, importance), most + 1)
        rows = rows[kept]
        weight = None if block.weight is None else block.weight[rows]
        columns = block.X[rows], block.y[rows], weight
        return cls(*columns, kind[kept], number[kept], importance[kept], most)

    def plus(self, other):
        """Return the sample of both."""
        columns = zip(self[:-1], other[:-1], strict=True)
        both = WeighedSample(*(_joined(*pair) for pair in columns), self.most)
        return both._take(_least(both._ranks, self.most + 1))

    def drawn(self):
        """Return the `DrawnRows` of the sample."""
        sample, scale = self, np.inf
        if len(self.number) > self.most:
            ranks = self._ranks
            last = np.argmax(ranks)
            scale = ranks[last]
            sample = self._take(np.flatnonzero(np.arange(len(ranks)) != last))
        chance = np.minimum(1.0, scale * sample.importance)
        found = DrawnRows(*sample[:5], chance, scale)
        return found.take(np.argsort(found.number))

    @property
    def _ranks(self):
        """Numbers of which the least are kept."""
        return _rank(self.number, self.importance)

    def _take(self, index):
        """Return some of the rows, copied."""
        columns = (None if one is None else one[index] for one in self[:-1])
        return WeighedSample(*columns, self.most)


class DrawnRows(NamedTuple):
    """Rows of one or several samples, increasing by number.

    Attributes
    ----------
    X, y, weight, kind, number
        As of `WeighedSample`.
    chance : ndarray of shape (n,)
        Of every row to be in one of the samples.
    scale : float
        Chance over importance of the last sample; infinite if it has all rows.
    """

    X: object
    y: np.ndarray
    weight: np.ndarray | None
    kind: np.ndarray
    number: np.ndarray
    chance: np.ndarray
    scale: float

    @property
    def count(self):
        """Number of rows that each one represents, at least one."""
        return 1.0 / self.chance

    def take(self, index):
        """Return some of the rows, copied."""
        columns = (None if one is None else one[index] for one in self[:-1])
        return DrawnRows(*columns, self.scale)

    def joined(self, other, own_chance, its_chance, most):
        """Return the rows of both, as if drawn by the larger importance.

        A row has the same random number in all samples, so that it is in one of them if
        its largest chance exceeds that number.

        Parameters
        ----------
        other : DrawnRows
            Of the next pass.
        own_chance : ndarray
            Of the rows of `other` to be in this sample.
        its_chance : ndarray
            Of the rows of this sample to be in `other`.
        most : int
            Maximum number of rows; of more, the least important are left out.
        """
        own = self._replace(chance=np.maximum(self.chance, its_chance))
        new = other._replace(chance=np.maximum(other.chance, own_chance))
        new = new.take(np.flatnonzero(~np.isin(new.number, own.number)))
        columns = zip(own[:-1], new[:-1], strict=True)
        both = DrawnRows(*(_joined(*pair) for pair in columns), other.scale)
        if len(both.number) > most:
            ranks = _rank(both.number, both.chance)
            order = np.argsort(ranks)
            chance = np.minimum(1.0, both.chance * ranks[order[most]])
            both = both._replace(chance=chance).take(order[:most])
        return both.take(np.argsort(both.number))


def _rank(number, importance):
    """Return random numbers over the importance of rows."""
    # Another hash than that of the first sample.
    return uniform(mix(mix(number.astype(np.uint64)))) / importance


def _least(ranks, most):
    """Return where the least of some numbers are, increasing."""
    if len(ranks) <= most:
        return np.arange(len(ranks))
    return np.sort(np.argpartition(ranks, most - 1)[:most])


def _joined(first, second):
    """Return the rows of two arrays, dense or sparse; None of None."""
    if first is None:
        return None
    if sparse.issparse(first):
        return sparse.csr_array(sparse.vstack([first, second], format="csr"))
    return np.concatenate([first, second])
