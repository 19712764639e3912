"""Sums over the rows of every fold that need no weights of a model."""

from functools import singledispatch
from typing import NamedTuple

import numpy as np

from ...data.statistics import ColumnMoments
from .stream_pass import Totals, common_of_block


class FoldFacts(NamedTuple):
    """Sums over the rows of every fold, the last of rows that no split holds out.

    Attributes
    ----------
    totals : Totals
        "weight" and "n_rows" (n_folds,); "classes", numbers of rows
        (n_folds, n_classes), without columns for other targets.
    moments : list of (ColumnMoments or None)
    has_constant : ndarray of bool of shape (n_folds,)
        Whether the loss of the rows has a best constant.
    numbers, labels : ndarray of int of shape (n_sample,)
        Rows of a sample, and their folds.
    """

    totals: Totals
    moments: list
    has_constant: np.ndarray
    numbers: np.ndarray
    labels: np.ndarray

    def plus(self, other):
        """Return the facts of both."""
        moments = [
            second if first is None else first if second is None else first.plus(second)
            for first, second in zip(self.moments, other.moments, strict=True)
        ]
        return FoldFacts(
            self.totals.plus(other.totals),
            moments,
            self.has_constant | other.has_constant,
            np.concatenate([self.numbers, other.numbers]),
            np.concatenate([self.labels, other.labels]),
        )

    def others(self, array):
        """Return sums over the training rows of every split, and over all rows."""
        total = array.sum(axis=0)
        trains = [np.delete(array, fold, axis=0).sum(axis=0) for fold in self.splits]
        return np.stack([*trains, total])

    @property
    def splits(self):
        """The numbers of the splits."""
        return range(len(self.moments) - 1)


class FirstTotals(NamedTuple):
    """Results of a pass at common weights, with the facts of the folds.

    Attributes
    ----------
    totals : Totals
    facts : FoldFacts
    """

    totals: Totals
    facts: FoldFacts

    def plus(self, other):
        """Return the sum of both."""
        return FirstTotals(self.totals.plus(other.totals), self.facts.plus(other.facts))


@singledispatch
def first_of_block(block, reading, weights, constant, numbers):
    """Return `common_of_block` and the facts of the folds.

    Parameters
    ----------
    block, reading, weights, constant
        As of `common_of_block`.
    numbers : ndarray of int
        Increasing; rows whose folds are wanted.

    Returns
    -------
    FirstTotals
    """
    facts = facts_of_folds(block, reading, numbers)
    return FirstTotals(common_of_block(block, reading, weights, constant), facts)


def facts_of_folds(block, reading, numbers):
    """Return the `FoldFacts` of a block."""
    n_folds, loss = reading.n_splits + 1, reading.loss
    moments, has_constant = [None] * n_folds, np.zeros(n_folds, dtype=bool)
    totals = {
        "weight": np.zeros(n_folds),
        "n_rows": np.zeros(n_folds, dtype=np.intp),
        "classes": np.zeros((n_folds, loss.n_classes or 0), dtype=np.intp),
    }
    for fold, rows, y, weight in reading.visits(block, 1):
        loss.check_target(y)
        own = ColumnMoments(*rows.moments(slice(None), weight))
        known = moments[fold]
        moments[fold] = own if known is None else known.plus(own)
        has_constant[fold] |= loss.has_constant(y, weight)
        totals["weight"][fold] += weight.sum()
        totals["n_rows"][fold] += len(y)
        if loss.n_classes:
            totals["classes"][fold] += np.bincount(y, minlength=loss.n_classes)
    first, last = np.searchsorted(numbers, [block.start, block.start + block.n_rows])
    own = numbers[first:last]
    labels = reading.labels(block)[own - block.start]
    return FoldFacts(Totals(totals), moments, has_constant, own, labels)
