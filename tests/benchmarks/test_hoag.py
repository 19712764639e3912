"""The benchmark of HOAG."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from benchmarks import hoag as benchmark
from sklearn_myhpo import BilevelLogisticRegression
from sklearn_myhpo.solvers import HOAG


@pytest.fixture(scope="module")
def halves():
    """Return 60 training and 60 validation rows of breast cancer, 8 features."""
    X, y = load_breast_cancer(return_X_y=True)
    return benchmark.random_halves(StandardScaler().fit_transform(X)[:, :8], y, 60)


def test_benchmark_judges_by_the_exact_loss(halves):
    """Its interval holds what is within 1e-5 of the least loss, no more."""
    X, y, pair = halves
    low, high = benchmark.near_minimum(*halves)
    best = BilevelLogisticRegression(solver="implicit", cv=[pair]).fit(X, y).lambda_
    assert low < best < high
    least = benchmark.exact_loss(*halves, best)
    for end in (low, high):
        loss = benchmark.exact_loss(*halves, end)
        np.testing.assert_allclose(loss - least, benchmark.SUBOPTIMALITY, rtol=1e-2)


def test_benchmark_table(halves):
    """One row for each tolerance, with counts of the solver's own history."""
    rows = benchmark.compare(*halves, tol_inits=(0.1,), step_rules=("descent",))
    assert [len(row) for row in rows] == [len(benchmark.HEAD)] * 5
    assert rows[0][4] == "1.0"
    inexact = [row for row in rows if row[1].startswith("exponential")]
    assert all(row[2] + row[3] < rows[0][2] + rows[0][3] for row in inexact)
    assert all(row[5] <= row[2] + row[3] for row in rows)


def test_benchmark_counts_until_lambda_stays(halves):
    """Passing by is not arriving; and an interval that is never met has no counts."""
    history = benchmark.fit(*halves, HOAG(), lambda_init=0.0).history_
    last = history["lambda"][-1]
    stays, first = benchmark.cost(*halves, HOAG(), (last - 1.0, last + 1.0))
    inside = np.abs(history["lambda"] - last) <= 1.0
    totals = history["n_gradients"] + history["n_hessian_products"]
    assert sum(first) == totals[inside][0]
    assert sum(stays) == totals[np.flatnonzero(~inside)[-1] + 1]
    assert benchmark.cost(*halves, HOAG(), (50.0, 51.0)) == (None, None)
