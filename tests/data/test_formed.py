"""Rows that are formed when they are visited."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from sklearn_myhpo.data.formed import FormedDesign
from sklearn_myhpo.data.selected import SelectedDesign, select
from sklearn_myhpo.data.sources import as_design


@pytest.fixture
def rows():
    """Return sparse rows, and the same formed from others."""
    rng = np.random.default_rng(0)
    X = sparse.random(60, 5, 0.1, format="csr", random_state=rng)
    other = 3.0 * X
    return as_design(X), FormedDesign(lambda i: other[i] / 3.0, 60, X[:20])


def test_sparse_rows(rows, set_limits):
    """Columns of many categories would be made dense, or other sums come out."""
    known, formed = rows
    assert formed.is_sparse
    assert formed.is_beyond_memory
    set_limits(block_entries=40)
    weight = np.random.default_rng(1).uniform(size=60)
    one, two = known.at_means(weight, True), formed.at_means(weight, True)
    w = np.random.default_rng(2).normal(size=(6, 2))
    assert_allclose(two.forward(w), one.forward(w))
    values = np.cos(np.arange(120.0)).reshape(60, 2)
    assert_allclose(two.adjoint(values), one.adjoint(values), atol=1e-14)
    assert_allclose(two.gram(weight), one.gram(weight), atol=1e-14)
    assert_allclose(two.take([3, 9]).raw(), one.take([3, 9]).raw())
    assert all(block.n_samples <= 8 for _, block in formed.blocks())


def test_few_stored_entries_are_counted(rows):
    """The plan would take sparse rows for dense ones."""
    known, formed = rows
    assert formed.entries_per_row == known.take(slice(20)).entries_per_row
    assert not formed.is_filled


def test_most_of_sparse_rows_are_not_kept(rows, set_limits):
    """All columns of many categories would be formed at once."""
    set_limits(block_entries=40)
    index = np.arange(1, 60)
    assert isinstance(select(rows[1], index), SelectedDesign)
    assert_allclose(
        select(rows[1], index).forward(np.eye(5)), rows[0].take(index).raw()
    )


def test_single_precision_is_kept_in_the_type_alone():
    """Weights would be double where X is single, or sums lose digits."""
    X = np.arange(12, dtype=np.float32).reshape(6, 2)
    formed = FormedDesign(lambda index: X[index], 6, X[:2])
    assert formed.dtype == np.float32
    assert formed.forward(np.eye(2)).dtype == np.float64
