"""How rows are divided among the training and validation parts of splits."""

from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .blocks import as_slice, sums_by_label
from .folds.codes import encode, kinds_in_use
from .limits import row_limits
from .over_parts import SumsOver

#: Largest number of codes for the kinds of rows at any time.
MOST_CODES = 2**20
#: Largest number of runs of rows of one kind, per kind, that are worth a slice each.
MOST_RUNS_OF_A_KIND = 4


class Visit(NamedTuple):
    """The sets of rows, called atoms, over which one pass over X sums.

    Attributes
    ----------
    labels : ndarray of int of shape (n_samples,)
        Atom of every row; -1 for none.
    weight : ndarray of shape (n_samples,)
        Weight of the rows in their atom.
    n_atoms : int
        Number of atoms.
    """

    labels: np.ndarray
    weight: np.ndarray
    n_atoms: int


@dataclass(frozen=True, eq=False)
class RowParts:
    """The training and validation rows of every split, and all rows.

    Rows that every split uses in the same way are of one kind. K folds make K kinds,
    and sums over a part are sums over kinds, so that one pass over X serves all splits.
    Splits that overlap freely have too many kinds, and each part needs its own pass.

    Attributes
    ----------
    sample_weight : ndarray of shape (n_samples,)
        Non-negative.
    n_splits : int
        Number of splits.
    kinds : ndarray of int of shape (n_samples,) or None
        Kind of every row; None if there are too many.
    counts : ndarray of int of shape (n_splits, 2, n_kinds) or None
        How often the training and the validation part of a split have each kind.
    pairs : list of (ndarray, ndarray) or None
        Indices of both parts of every split, if there are too many kinds.
    """

    sample_weight: np.ndarray
    n_splits: int
    kinds: np.ndarray | None
    counts: np.ndarray | None
    pairs: list | None

    def weights(self, split):
        """Return the training and the validation weights (n_samples,) of a split."""
        if self.kinds is not None:
            return tuple(
                self.sample_weight * own.astype(float)[self.kinds]
                for own in self.counts[split]
            )
        n_samples = len(self.sample_weight)
        return tuple(
            self.sample_weight * np.bincount(part, minlength=n_samples)
            for part in self.pairs[split]
        )

    def index_pairs(self):
        """Return the indices of both parts of every split."""
        if self.pairs is not None:
            return self.pairs
        rows = np.arange(len(self.kinds))
        return [
            tuple(np.repeat(rows, part[self.kinds]) for part in pair)
            for pair in self.counts
        ]

    def training(self, split):
        """Return the training weights (n_samples,) of a split."""
        if self.kinds is None:
            return self.weights(split)[0]
        return self.sample_weight * self.counts[split, 0].astype(float)[self.kinds]

    def held_out(self, split):
        """Return the rows that a split holds out, and their positive weights.

        Returns
        -------
        index : ndarray of int of shape (n_rows,)
        weight : ndarray of shape (n_rows,)
        """
        return self._held_out[split]

    @cached_property
    def _held_out(self):
        return [self._held_out_of(split) for split in range(self.n_splits)]

    def _held_out_of(self, split):
        if self.kinds is None:
            weight = self.weights(split)[1]
            index = np.flatnonzero(weight)
            return index, weight[index]
        counts = self.counts[split, 1]
        if self._runs is None:
            index = np.flatnonzero((counts > 0)[self.kinds])
        else:
            own = [run for kind, run in self._runs if counts[kind]]
            rows = [np.arange(run.start, run.stop) for run in own]
            index = np.concatenate(rows) if rows else np.empty(0, dtype=np.intp)
        weight = self.sample_weight[as_slice(index)]
        if counts.max(initial=0) > 1:
            weight = weight * counts[self.kinds[index]]
        if weight.min(initial=1.0) > 0:
            return index, weight
        used = weight > 0
        return index[used], weight[used]

    def only(self, split):
        """Return the parts of one split; of -1, all rows, for training and held out."""
        if split < 0:
            kinds = np.zeros(len(self.sample_weight), dtype=np.int32)
            counts = np.ones((1, 2, 1), dtype=int)
            return RowParts(self.sample_weight, 1, kinds, counts, None)
        if self.kinds is not None:
            # Kinds that this split uses in the same way become one.
            own, kinds = np.unique(self.counts[split].T, axis=0, return_inverse=True)
            kinds = kinds.ravel()[self.kinds]
            return RowParts(self.sample_weight, 1, kinds, own.T[None], None)
        return RowParts(self.sample_weight, 1, None, None, [self.pairs[split]])

    @cached_property
    def totals(self):
        """Sums of the weights of both parts of every split, shape (n_splits, 2)."""
        if self.kinds is not None:
            return self.counts @ self._kind_weights
        sums = [
            [self.sample_weight[part].sum() for part in pair] for pair in self.pairs
        ]
        return np.array(sums)

    @cached_property
    def n_training_rows(self):
        """Numbers of distinct training rows of the splits, shape (n_splits,)."""
        if self.kinds is not None:
            return (self.counts[:, 0] > 0) @ self._kind_sizes
        return np.array(
            [np.count_nonzero(np.bincount(train)) for train, _ in self.pairs]
        )

    @cached_property
    def n_held_out(self):
        """Number of rows in all validation parts."""
        if self.kinds is not None:
            return int(self.counts[:, 1].sum(axis=0) @ self._kind_sizes)
        return sum(len(part) for _, part in self.pairs)

    @cached_property
    def held_out_weight(self):
        """Sum of the weights of the rows that any split holds out."""
        if self.kinds is not None:
            return self._kind_weights[np.any(self.counts[:, 1] > 0, axis=0)].sum()
        used = np.zeros(len(self.sample_weight), dtype=bool)
        used[np.concatenate([part for _, part in self.pairs])] = True
        return self.sample_weight[used].sum()

    @cached_property
    def _kind_sizes(self):
        return np.bincount(self.kinds, minlength=self.counts.shape[2])

    @cached_property
    def _kind_weights(self):
        return sums_by_label(self.kinds, self.sample_weight, self.counts.shape[2])

    @cached_property
    def _runs(self):
        """The kind and the slice of every run of rows of one kind; None if many."""
        ends = np.flatnonzero(self.kinds[1:] != self.kinds[:-1]) + 1
        if len(ends) >= MOST_RUNS_OF_A_KIND * self.counts.shape[2]:
            return None
        edges = [0, *ends.tolist(), len(self.kinds)]
        return [
            (self.kinds[start], slice(start, stop))
            for start, stop in pairwise(edges)
            if start < stop
        ]

    def train_shares(self):
        """Return training weights with sum one, shape (n_splits, n_samples)."""
        shares = np.empty((self.n_splits, len(self.sample_weight)))
        if self.kinds is None:
            for split, share in enumerate(shares):
                weight = self.weights(split)[0]
                np.divide(weight, weight.sum(), out=share)
            return shares
        of_kinds = self.counts[:, 0] / self.totals[:, :1]
        if self._runs is not None:
            for kind, run in self._runs:
                own, weight = of_kinds[:, kind], self.sample_weight[run]
                np.multiply.outer(own, weight, out=shares[:, run])
            return shares
        for share, own in zip(shares, of_kinds, strict=True):
            np.take(own, self.kinds, out=share, mode="clip")
            share *= self.sample_weight
        return shares

    def take(self, index):
        """Return the parts of some of the rows.

        Parameters
        ----------
        index : ndarray of int or slice
            Increasing.

        Returns
        -------
        RowParts
        """
        weight = self.sample_weight[index]
        if self.kinds is not None:
            kinds = self.kinds[index]
            return RowParts(weight, self.n_splits, kinds, self.counts, None)
        place = np.full(len(self.sample_weight), -1)
        place[index] = np.arange(len(weight))
        pairs = [
            tuple(place[part][place[part] >= 0] for part in pair) for pair in self.pairs
        ]
        return RowParts(weight, self.n_splits, None, None, pairs)

    def visits(self):
        """Yield the passes over X that give the sums over all parts."""
        if self.kinds is not None:
            labels = np.where(self.sample_weight > 0, self.kinds, -1)
            yield Visit(labels, self.sample_weight, self.counts.shape[2])
            return
        for split in range(self.n_splits):
            for weight in self.weights(split):
                yield Visit(np.where(weight > 0, 0, -1), weight, 1)
        weight = self.sample_weight
        yield Visit(np.where(weight > 0, 0, -1), weight, 1)

    def total(self, arrays):
        """Return the sum over all rows of one array per atom of all visits."""
        return reduce(np.add, arrays) if self.kinds is not None else arrays[-1]

    def combine(self, sums):
        """Return the sums over the parts of every split, and over all rows.

        Sums are added, never subtracted, so that nothing cancels.

        Parameters
        ----------
        sums : list of NamedTuple
            Over the atoms of all visits.

        Returns
        -------
        list of (NamedTuple, NamedTuple)
            Of training and validation rows; the last pair is all rows, twice.
        """
        if self.kinds is None:
            *parts, whole = sums
            return [*zip(parts[::2], parts[1::2], strict=True), (whole, whole)]
        sums_over = SumsOver(sums)
        parts = [tuple(map(sums_over, pair)) for pair in self.counts]
        whole = sums_over(np.ones(len(sums), dtype=int))
        return [*parts, (whole, whole)]


def all_rows(sample_weight):
    """Return the `RowParts` without any split."""
    kinds = np.zeros(len(sample_weight), dtype=np.int32)
    counts = np.empty((0, 2, 1), dtype=int)
    return RowParts(sample_weight, 0, kinds, counts, None)


def divide_rows(pairs, sample_weight):
    """Return the `RowParts` of some splits.

    Parameters
    ----------
    pairs : list of (ndarray, ndarray) or RowParts
        Indices of training and validation rows; a repeated row counts as often as it
        is named. `RowParts` are returned as they are.
    sample_weight : ndarray of shape (n_samples,)
        Non-negative.

    Returns
    -------
    RowParts
    """
    if isinstance(pairs, RowParts):
        return pairs
    n_samples, n_splits = len(sample_weight), len(pairs)
    most = 1 + row_limits().most_atoms_per_split * n_splits
    too_many = RowParts(sample_weight, n_splits, None, None, pairs)
    kinds, counts, codes = np.zeros(n_samples, np.int32), np.empty((0, 1), int), []
    size = 1
    # Kinds are numbered anew only where their codes would be too many, and at the end.
    for train, held_out in pairs:
        named, base, n_codes = encode(train, held_out, n_samples)
        if size * n_codes > MOST_CODES:
            kinds, counts = kinds_in_use(kinds, counts, codes)
            size, codes = counts.shape[1], []
            if size > most or size * n_codes > MOST_CODES:
                return too_many
        kinds = kinds * n_codes + named
        size *= n_codes
        codes.append((base, n_codes))
    kinds, counts = kinds_in_use(kinds, counts, codes)
    if counts.shape[1] > most:
        return too_many
    counts = counts.reshape(n_splits, 2, -1)
    return RowParts(sample_weight, n_splits, kinds, counts, None)
