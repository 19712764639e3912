"""The space of the solutions of all penalties, from inverses of a tridiagonal form."""

import os
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.data.threads import (
    SMALL_WORK,
    all_threads_for,
    one_thread,
    threads_for,
)
from sklearn_myhpo.engine.linalg.rational import rational_subspace
from sklearn_myhpo.engine.plan import limits
from sklearn_myhpo.engine.ridge import diagonal
from sklearn_myhpo.linear_model._progress import Progress
from tests.data.test_moments import ridge_spec
from tests.engine.test_engine import assert_same_problem


def matrix_of(condition, size, seed=0):
    """Return a matrix with this condition number, and a vector in its units."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((size, size)))[0]
    values = np.geomspace(1.0, 1.0 / condition, size)
    gram = (basis * values) @ basis.T
    start = basis @ (np.sqrt(values) * rng.standard_normal(size))
    return 0.5 * (gram + gram.T), start


@pytest.mark.parametrize("condition", [1e1, 1e4, 1e7])
@pytest.mark.parametrize("unit", [1.0, 1e-100, 1e100])
def test_space_holds_the_solutions_of_all_penalties(condition, unit):
    """The scan would take a weak or a strong penalty for a bad one."""
    gram, start = matrix_of(condition, limits().rational_size)
    basis, values = rational_subspace(gram * unit, start * unit)
    assert basis.shape[1] < len(start) // 2
    np.testing.assert_allclose(basis.T @ basis, np.eye(len(values)), atol=1e-13)
    for penalty in (0.0, *np.geomspace(1e-3 / condition, 1e3, 13)):
        w = basis @ ((basis.T @ start) / (values / unit + penalty))
        exact = np.linalg.solve(gram + penalty * np.eye(len(gram)), start)
        error = w - exact
        # A solution is known to a few rounding errors times the condition number.
        accuracy = 1e-14 * (1.0 + condition)
        assert np.linalg.norm(error) <= accuracy * np.linalg.norm(exact)
        assert error @ gram @ error <= (accuracy**2) * (exact @ gram @ exact)


def test_no_space_where_rounding_decides():
    """Directions that are known to few digits would be taken for known ones."""
    assert rational_subspace(*matrix_of(1e10, limits().rational_size)) is None
    gram, start = matrix_of(1e2, limits().rational_size - 1)
    assert rational_subspace(gram, start) is None
    size = limits().rational_size
    assert rational_subspace(np.zeros((size, size)), np.ones(size)) is None
    assert rational_subspace(np.eye(size), np.zeros(size)) is None


def test_correlated_features_get_the_same_model():
    """The shortcut would be another model than all directions."""
    spec = ridge_spec(n_samples=1100, n_features=limits().rational_size, n_folds=2)
    scales = np.geomspace(1.0, 1e-3, limits().rational_size)
    rng = np.random.default_rng(0)
    mixing = np.linalg.qr(rng.standard_normal((len(scales), len(scales))))[0]
    spec = replace(spec, X=(spec.X * scales) @ mixing)
    found = mock.Mock(wraps=rational_subspace)
    with mock.patch.object(diagonal, "rational_subspace", found):
        fast = spec.problem(all_directions=False)
    assert found.call_count == 2
    assert fast.splits[0].shape[0] < len(scales) // 2
    assert_same_problem(fast, spec.problem(), rtol=1e-8)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is one thread anyway")
def test_small_fits_use_one_thread(monkeypatch):
    """A small fit would wait for a second thread at every step, and leave it so."""

    def most_threads():
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        return max((pool["num_threads"] for pool in pools), default=1)

    before = most_threads()
    with one_thread():
        assert most_threads() == 1
    with threads_for(10, int(SMALL_WORK)):
        assert most_threads() == before
    with threads_for(1000, 100):
        assert most_threads() == 1
    with threads_for(10, int(SMALL_WORK), is_iterative=True):
        assert most_threads() == 1
        with all_threads_for(SMALL_WORK):
            assert most_threads() == 1
        with all_threads_for(2 * SMALL_WORK):
            assert most_threads() == before
        assert most_threads() == 1
    with all_threads_for(2 * SMALL_WORK):
        assert most_threads() == before
    seen = []
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, 3)), rng.standard_normal(40)
    monkeypatch.setattr(Progress, "report", lambda *_: seen.append(most_threads()))
    MYHPORidge(cv=2).fit(X, y)
    assert set(seen) == {1}
    assert most_threads() == before
