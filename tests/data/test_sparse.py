"""Sparse rows, and dense rows that are mostly zero."""

import threading

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo import MYHPOLogisticRegression
from sklearn_myhpo.data import threads
from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.data.sparse import as_sparse_if_mostly_zero
from sklearn_myhpo.data.sparse_products import SparseProducts


@pytest.mark.parametrize("share", [0.02, 0.15])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_mostly_zero_rows_are_the_same_map(share, fit_intercept, set_limits):
    """One-hot columns in a dense array must not change what is learned."""
    set_limits(many_entries=0)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 12)) * (rng.random((300, 12)) < share)
    X[:, 3], X[:, 4] = 0.0, np.where(np.arange(300) < 2, 1e3, 0.0)
    weight = rng.uniform(0.5, 2.0, 300)
    kept = as_sparse_if_mostly_zero(as_design(X))
    assert kept.is_sparse
    plain = as_design(X).at_means(weight, fit_intercept)
    fast = kept.at_means(weight, fit_intercept)
    w = rng.standard_normal((plain.n_coordinates, 3))
    values = rng.standard_normal((300, 3))
    scale = np.abs(X).max()
    np.testing.assert_allclose(fast.forward(w), plain.forward(w), atol=1e-13 * scale)
    np.testing.assert_allclose(
        fast.adjoint(values), plain.adjoint(values), atol=1e-12 * scale
    )
    for one in (weight, values[:, 0]):
        np.testing.assert_allclose(
            fast.gram(one), plain.gram(one), atol=1e-13 * scale**2
        )


def test_only_mostly_zero_features_are_kept_sparse(set_limits):
    """Sparse products of filled columns would be several times slower."""
    rng = np.random.default_rng(0)
    set_limits(many_entries=0)
    X = np.zeros((2000, 8))
    # A sample of every third row would see zeros only.
    X[1::3] = rng.standard_normal(X[1::3].shape)
    filled = as_design(X)
    assert as_sparse_if_mostly_zero(filled) is filled
    set_limits(many_entries=2**16)
    few = as_design(np.zeros((20, 8)))
    assert as_sparse_if_mostly_zero(few) is few


@pytest.mark.one_in(2)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_mostly_zero_features_learn_the_same(n_classes, set_limits):
    """The same frame, filled or not, must give one model."""
    rng = np.random.default_rng(1)
    X = (rng.random((400, 20)) < 0.1) * rng.uniform(0.5, 2.0, (400, 20))
    scores = X @ rng.standard_normal((20, n_classes))
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    plain = MYHPOLogisticRegression(cv=3, random_state=0).fit(X, y)
    set_limits(many_entries=0)
    fast = MYHPOLogisticRegression(cv=3, random_state=0).fit(X, y)
    np.testing.assert_allclose(fast.lambda_, plain.lambda_, atol=1e-4)
    assert fast.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-9)
    np.testing.assert_allclose(fast.coef_, plain.coef_, atol=1e-4)


@pytest.mark.parametrize("n_threads", [2, 3, 40])
@pytest.mark.parametrize("case", ["even", "one long row", "empty rows", "empty"])
def test_sparse_products_of_several_threads(case, n_threads, set_limits):
    """Rows would be lost, or counted twice, on a machine with more cores."""
    rng = np.random.default_rng(0)
    share = {"even": 0.3, "one long row": 0.0, "empty rows": 0.05, "empty": 0.0}[case]
    X = rng.standard_normal((30, 50)) * (rng.uniform(size=(30, 50)) < share)
    if case == "one long row":
        X[17] = 1.0
    set_limits(sparse_work=-1)
    with threads.threads_of_a_fit(n_threads):
        products = SparseProducts(sparse.csr_array(X))
        columns, values = rng.standard_normal((50, 3)), rng.standard_normal((30, 3))
        np.testing.assert_allclose(products.forward(columns), X @ columns, atol=1e-12)
        np.testing.assert_allclose(products.adjoint(values), X.T @ values, atol=1e-12)
    assert not any("sklearn_myhpo" in one.name for one in threading.enumerate())
