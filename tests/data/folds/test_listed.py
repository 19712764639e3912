"""Splits as a small number per row, against the pairs that they were made of."""

import numpy as np
import pytest
from sklearn.model_selection import KFold, RepeatedKFold, ShuffleSplit, TimeSeriesSplit

from sklearn_myhpo.data.folds.listed import UnreadRows, list_folds
from sklearn_myhpo.data.folds.uses import NoFolds
from sklearn_myhpo.data.streams.source import Block

N = 60
RNG = np.random.default_rng(0)
PAIRS = {
    "folds": list(KFold(4, shuffle=True, random_state=0).split(np.zeros(N))),
    "repeated": list(RepeatedKFold(n_splits=3, n_repeats=5).split(np.zeros(N))),
    "overlapping": list(ShuffleSplit(8, test_size=0.4).split(np.zeros(N))),
    "in time": list(TimeSeriesSplit(5).split(np.zeros(N))),
    "bootstrap": [(RNG.integers(0, 40, 70), np.arange(41, N, k)) for k in (1, 2)],
}


def block(first, last):
    """Return a block of some of the rows."""
    return Block(np.zeros((last - first, 1)), np.zeros(last - first), None, first, 0)


@pytest.mark.parametrize("name", PAIRS)
def test_parts_are_those_of_the_pairs(name):
    """Rows would be in another part, or count another number of times."""
    rule = list_folds(iter(PAIRS[name]), N)
    kinds = np.concatenate([rule.kinds(block(*ends)) for ends in ((0, 23), (23, N))])
    found = rule.uses.pairs(kinds)
    assert len(found) == len(PAIRS[name]) == rule.n_splits
    for own, given in zip(found, PAIRS[name], strict=True):
        for part, wanted in zip(own, given, strict=True):
            np.testing.assert_array_equal(part, np.sort(wanted))


@pytest.mark.parametrize("name", PAIRS)
def test_sums_over_parts_are_sums_over_kinds(name):
    """A loss would be the mean over rows of another part."""
    rule, value = list_folds(PAIRS[name], N), RNG.standard_normal(N)
    kinds, uses = rule.kinds(block(0, N)), rule.uses
    by_kind = np.zeros(uses.n_kinds)
    for family in kinds.T:
        by_kind += np.bincount(family, value, uses.n_kinds)
    train, held = (
        [value[part].sum() for part in parts]
        for parts in zip(*PAIRS[name], strict=True)
    )
    np.testing.assert_allclose(uses.trained(by_kind), [*train, value.sum()])
    np.testing.assert_allclose(uses.held(by_kind), held)


def test_a_byte_per_row():
    """The list would take as much memory as the pairs."""
    assert list_folds(PAIRS["folds"], N).columns.nbytes == N
    assert list_folds(PAIRS["repeated"], N).columns.nbytes <= 5 * N


def test_rows_that_cannot_be_looked_at():
    """A splitter that looks at X would divide rows by nothing."""
    rows = UnreadRows((3, 2))
    assert len(rows) == 3
    with pytest.raises(TypeError, match="single rows cannot be accessed"):
        np.asarray(rows)


def test_no_folds():
    """Rows of a fit that holds none out would be left out."""
    uses = NoFolds().uses
    assert uses.n_splits == 0
    np.testing.assert_array_equal(uses.trained(np.array([3.0])), [3.0])
    np.testing.assert_array_equal(NoFolds().kinds(block(2, 5)), np.zeros((3, 1)))
