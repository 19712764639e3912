"""Hessians of fewer rows than coordinates, against dense matrices."""

import numpy as np
import pytest

from sklearn_myhpo.bilevel.counts import OracleCounts
from sklearn_myhpo.engine.linalg.hessian import DenseHessian
from sklearn_myhpo.engine.linalg.row_hessian import RowHessian


def hessians(weakest=1e-3, n_rows=7, size=20, seed=0):
    """Return the same Hessian by its rows and as a matrix."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n_rows, size))
    penalty = np.geomspace(weakest, 1e3, size)[:, None]
    counts = OracleCounts()
    dense = DenseHessian(rows.T @ rows + np.diag(penalty[:, 0]), counts)
    return RowHessian(rows, penalty, counts), dense


@pytest.mark.parametrize("shape", [(20, 1), (20, 3), (4, 20, 2)])
def test_products_and_solves_are_those_of_the_matrix(shape):
    """Wide fits would end elsewhere than tall ones."""
    ours, dense = hessians()
    w = np.random.default_rng(1).standard_normal(shape)
    np.testing.assert_allclose(ours.product(w), dense.product(w), rtol=1e-12)
    np.testing.assert_allclose(ours.solve(w), dense.solve(w), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.inverse(), dense.inverse(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.matrix, dense.matrix, rtol=1e-12)


@pytest.mark.parametrize("weakest", [1e-2, 1e-5, 1e-8])
def test_weak_penalties_lose_few_digits(weakest):
    """A small difference of large numbers would be taken for the inverse."""
    ours, _ = hessians(weakest)
    assert ours.is_accurate
    w = np.random.default_rng(1).standard_normal((20, 2))
    scale = np.abs(w) + ours.penalty
    assert np.max(np.abs(ours.solve(ours.product(w)) - w) / scale) < 1e-5


def test_penalties_that_are_too_weak_are_refused():
    """All digits would be lost."""
    assert not hessians(1e-14)[0].is_accurate
    assert not RowHessian(np.eye(2, 5), np.zeros((5, 1)), OracleCounts()).is_accurate


def test_sums():
    """Proximal steps would use a wrong metric."""
    ours, dense = hessians()
    other = RowHessian(ours.rows, 2.0 * ours.penalty, OracleCounts())
    apart, apart_dense = hessians(seed=3)
    for one, two in (
        (ours.plus(0.3), dense.plus(0.3)),
        (ours.plus(0.3, other), dense.plus(0.3, other)),
        (ours.plus(0.3, apart), dense.plus(0.3, apart_dense)),
        (ours.plus(0.3, apart_dense), dense.plus(0.3, apart_dense)),
    ):
        np.testing.assert_allclose(one.matrix, two.matrix, rtol=1e-12)
