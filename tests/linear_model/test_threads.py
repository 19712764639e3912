"""Threads of linear algebra during a fit."""

import os
from contextlib import nullcontext
from unittest import mock

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from threadpoolctl import threadpool_info

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import threads
from sklearn_myhpo.data.threads import (
    SMALL_WORK,
    all_threads_for,
    one_thread,
    threads_for,
)
from sklearn_myhpo.linear_model import _base as base
from sklearn_myhpo.linear_model._results.progress import Progress
from tests.engine.hard import labels


def test_threads_change_nothing(set_limits):
    """The same data would get another strength on another machine."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 40)) * (rng.uniform(size=(300, 40)) < 0.2)
    X, y = sparse.csr_array(X), labels(rng, X, 3)
    model = MYHPOLogisticRegression(cv=3, random_state=0)
    one = clone(model).fit(X, y)
    set_limits(sparse_work=-1, thin_work=-1)
    with threads.threads_of_a_fit(2), mock.patch.object(base, "threads_for", free):
        two = clone(model).fit(X, y)
    assert two.lambda_ == pytest.approx(one.lambda_, abs=1e-6)
    np.testing.assert_allclose(two.coef_, one.coef_, rtol=1e-6, atol=1e-9)


def free(*_, **__):
    """Return a context that leaves threads as they are."""
    return nullcontext()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="there is one thread anyway")
def test_small_fits_use_one_thread(monkeypatch):
    """A small fit would wait for a second thread at every step, and leave it so."""

    def most_threads():
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        return max((pool["num_threads"] for pool in pools), default=1)

    before = most_threads()
    with one_thread():
        assert most_threads() == 1
    with threads_for(1000, 100):
        assert most_threads() == 1
    with threads_for(10, int(SMALL_WORK)):
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
