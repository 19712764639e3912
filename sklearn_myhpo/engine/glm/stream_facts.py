"""Sums over the rows of every kind, independent of the weights of a model.

Rows of a kind are in the same folds (`sklearn_myhpo.data.folds.uses`).
"""

from functools import singledispatch
from typing import NamedTuple

import numpy as np

from ...data.statistics import ColumnMoments
from .stream_pass import Totals, common_of_block


class FoldFacts(NamedTuple):
    """Sums over the rows of every kind.

    Attributes
    ----------
    totals : Totals
        "weight" and "n_rows" (n_kinds,); "classes", numbers of rows
        (n_kinds, n_classes), without columns for other targets.
    moments : list of (ColumnMoments or None)
    has_constant : ndarray of bool of shape (n_kinds,)
        Whether the loss of the rows has a best constant.
    numbers : ndarray of int of shape (n_sample,)
        Rows of a sample.
    kinds : ndarray of int of shape (n_sample, n_families)
        Their kinds.
    """

    totals: Totals
    moments: list
    has_constant: np.ndarray
    numbers: np.ndarray
    kinds: np.ndarray

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
            np.concatenate([self.kinds, other.kinds]),
        )


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
        As in `common_of_block`.
    numbers : ndarray of int
        Increasing; rows whose folds are needed.

    Returns
    -------
    FirstTotals
    """
    facts = facts_of_folds(block, reading, numbers)
    return FirstTotals(common_of_block(block, reading, weights, constant), facts)


def facts_of_folds(block, reading, numbers):
    """Return the `FoldFacts` of a block."""
    n_kinds, loss = reading.uses.n_kinds, reading.loss
    moments, has_constant = [None] * n_kinds, np.zeros(n_kinds, dtype=bool)
    totals = {
        "weight": np.zeros(n_kinds),
        "n_rows": np.zeros(n_kinds, dtype=np.intp),
        "classes": np.zeros((n_kinds, loss.n_classes or 0), dtype=np.intp),
    }
    for kind, rows, y, weight in reading.visits(block, 1):
        loss.check_target(y)
        own = ColumnMoments(*rows.moments(slice(None), weight))
        known = moments[kind]
        moments[kind] = own if known is None else known.plus(own)
        has_constant[kind] |= loss.has_constant(y, weight)
        totals["weight"][kind] += weight.sum()
        totals["n_rows"][kind] += len(y)
        if loss.n_classes:
            totals["classes"][kind] += np.bincount(y, minlength=loss.n_classes)
    first, last = np.searchsorted(numbers, [block.start, block.start + block.n_rows])
    own = numbers[first:last]
    kinds = reading.rule.kinds(block)[own - block.start]
    return FoldFacts(Totals(totals), moments, has_constant, own, kinds)
