"""A sample of rows by their importance: the same by any blocks, and unbiased."""

from functools import reduce

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.streams.source import Block
from sklearn_myhpo.data.streams.weighed_sample import WeighedSample

N = 2000
X = np.random.default_rng(0).standard_normal((N, 2))
Y, WEIGHT = np.arange(N) % 7, 1.0 + np.arange(N) % 3
IMPORTANCE = np.where(np.arange(N) % 40 == 0, 50.0, np.exp(X[:, 0]))


def parts(size, most, make=np.asarray, weight=WEIGHT):
    """Return the samples of blocks of a size, of every row but the first of each."""
    for start in range(0, N, size):
        own = slice(start, min(N, start + size))
        given = None if weight is None else weight[own]
        block = Block(make(X[own]), Y[own], given, start, 0)
        rows = np.arange(1, block.n_rows)
        kind = (start + rows)[:, None] % 5
        yield WeighedSample.of(block, rows, kind, IMPORTANCE[start + rows], most)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_columns_are_those_of_the_rows(make, weight):
    """Rows would have the targets, weights or folds of others."""
    found = reduce(WeighedSample.plus, parts(300, 100, make, weight)).drawn()
    count = found.count
    assert len(found.number) == len(count) == 100
    assert np.all(np.diff(found.number) > 0)
    rows = found.X.toarray() if sparse.issparse(found.X) else found.X
    np.testing.assert_array_equal(rows, X[found.number])
    np.testing.assert_array_equal(found.y, Y[found.number])
    np.testing.assert_array_equal(found.kind[:, 0], found.number % 5)
    if weight is not None:
        np.testing.assert_array_equal(found.weight, WEIGHT[found.number])


def test_order_of_the_sum_changes_nothing():
    """A cluster that adds in another order would begin elsewhere."""
    first, second, third, *_ = parts(250, 60)
    left = first.plus(second).plus(third).drawn()
    right = third.plus(first.plus(second)).drawn()
    np.testing.assert_array_equal(left.number, right.number)
    np.testing.assert_array_equal(left.count, right.count)


def test_sums_over_the_sample_are_those_of_the_rows():
    """Rows would stand for too many or too few others, and lambda be another one."""
    found = reduce(WeighedSample.plus, parts(500, 400)).drawn()
    count = found.count
    number = np.setdiff1d(np.arange(N), np.arange(0, N, 500))
    for values in (np.ones(N), IMPORTANCE, X[:, 1] ** 2):
        total = values[number].sum()
        assert count @ values[found.number] == pytest.approx(total, rel=0.12)
    # The most important ones are all there, each for itself.
    important = number[IMPORTANCE[number] == 50.0]
    assert np.isin(important, found.number).all()
    assert np.all(count[np.isin(found.number, important)] == 1.0)
    assert np.all(count >= 1.0)


def test_few_rows_are_all_drawn():
    """The only rows would count as more than one."""
    found = next(parts(50, 49)).drawn()
    np.testing.assert_array_equal(found.number, np.arange(1, 50))
    np.testing.assert_array_equal(found.count, 1.0)


@pytest.mark.parametrize("most", [350, 2000])
def test_joined_samples_stand_for_all_rows(most):
    """Rows that several passes draw would count too often, or rare ones too little."""
    other = np.where(np.arange(N) % 30 == 7, 40.0, np.exp(X[:, 1]))
    rows, kind, shares = np.arange(N), np.zeros((N, 1), dtype=int), []
    for first in range(0, 20 * N, N):
        block = Block(X, Y, WEIGHT, first, 0)
        one, two = (
            WeighedSample.of(block, rows, kind, importance, 300).drawn()
            for importance in (IMPORTANCE, other)
        )
        own_chance = np.minimum(1.0, one.scale * IMPORTANCE[two.number - first])
        its_chance = np.minimum(1.0, two.scale * other[one.number - first])
        both = one.joined(two, own_chance, its_chance, most)
        union = np.union1d(one.number, two.number)
        assert len(both.number) == min(most, len(union))
        assert np.isin(both.number, union).all()
        number = both.number - first
        assert np.all(np.diff(number) > 0)
        np.testing.assert_array_equal(both.X, X[number])
        values = np.column_stack([np.ones(N), IMPORTANCE, other])
        shares.append(both.count @ values[number] / values.sum(axis=0))
    np.testing.assert_allclose(np.mean(shares, axis=0), 1.0, atol=0.05)
