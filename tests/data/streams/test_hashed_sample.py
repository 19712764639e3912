"""A sample of rows by hashes of their numbers, and what the first pass finds."""

from functools import reduce

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data.streams.hashed_sample import (
    LEAST_OF_CLASS,
    HashedSample,
    facts_of_block,
)
from sklearn_myhpo.data.streams.source import Block

RNG = np.random.default_rng(0)
N = 500
X = RNG.standard_normal((N, 3))
X[:, 2] = 7.0
#: Three rows in a hundred are of the last class.
Y = np.where(np.arange(N) % 33 == 0, 2, RNG.integers(0, 2, N))
WEIGHT = RNG.uniform(size=N)


def blocks(size, make=np.asarray):
    """Return all rows in blocks."""
    return [
        Block(
            make(X[start : start + size]),
            Y[start : start + size],
            WEIGHT[start : start + size],
            start,
            number,
        )
        for number, start in enumerate(range(0, N, size))
    ]


def sample_of(size, most=40, has_classes=False):
    """Return the sample of all rows, from blocks of a size."""
    parts = [HashedSample.of(one, None, most, has_classes) for one in blocks(size)]
    return reduce(HashedSample.plus, parts).in_order()


@pytest.mark.parametrize("size", [1, 30, 41, N])
@pytest.mark.parametrize("has_classes", [False, True])
def test_sample_is_that_of_all_rows(size, has_classes):
    """The start of a fit would depend on how rows were divided into blocks."""
    found = sample_of(size, has_classes=has_classes)
    expected = sample_of(N, has_classes=has_classes)
    np.testing.assert_array_equal(found.number, expected.number)
    np.testing.assert_array_equal(found.X, X[found.number])
    np.testing.assert_array_equal(found.y, Y[found.number])
    np.testing.assert_array_equal(found.weight, WEIGHT[found.number])
    assert found.n_rows == N
    assert not found.is_all


def test_sum_of_samples_is_associative():
    """A cluster that adds in another order would begin elsewhere."""
    one, two, three, *_ = (
        HashedSample.of(block, None, 20, True) for block in blocks(150)
    )
    left, right = one.plus(two).plus(three), one.plus(two.plus(three))
    np.testing.assert_array_equal(left.in_order().number, right.in_order().number)


def test_rare_classes_have_rows():
    """A class of a few rows in millions could not be fitted at the start."""
    plain = sample_of(30, most=10)
    found = sample_of(30, most=10, has_classes=True)
    assert np.isin(plain.number, found.number).all()
    counts = np.bincount(found.y)
    assert counts[2] == np.sum(Y == 2) < LEAST_OF_CLASS
    assert counts[0] >= LEAST_OF_CLASS


def test_few_rows_are_all_kept():
    """Rows that could be kept would be read again."""
    found = sample_of(41, most=N)
    assert found.is_all
    np.testing.assert_array_equal(found.X, X)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_facts_of_columns(make):
    """Constants would have a spread, and large means be subtracted too late."""
    facts = [facts_of_block(one, None, 20, True) for one in blocks(64, make)]
    found = reduce(lambda a, b: a.plus(b), facts)
    np.testing.assert_array_equal(found.low, X.min(axis=0))
    np.testing.assert_array_equal(found.high, X.max(axis=0))
    np.testing.assert_allclose(found.centre, X.mean(axis=0), rtol=1e-12)
    assert found.centre[2] == 7.0
    np.testing.assert_array_equal(found.counts.classes, [0, 1, 2])
    np.testing.assert_array_equal(found.counts.sizes, np.bincount(Y))
