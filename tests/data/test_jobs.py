"""Independent parts of a fit, several at once."""

import threading

import numpy as np
import pytest
from joblib import parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_myhpo.data.jobs import computes_at_once, run_jobs
from sklearn_myhpo.data.threads import all_threads_for, n_threads_for, one_thread
from sklearn_myhpo.engine.limits import limits, use_limits


def most_threads():
    """Return the largest number of threads of a BLAS library."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max((pool["num_threads"] for pool in pools), default=1)


def look(number):
    """Return what a part of a fit sees: threads, NumPy's errors, and limits."""
    with all_threads_for(np.inf):
        threads = most_threads(), n_threads_for(np.inf, 0)
    return number, threads, np.geterr()["divide"], limits().scan_rows


@pytest.mark.one_in(3)
@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_parts_use_one_thread_each(n_jobs):
    """Two parts at once would use four threads, or other digits than one part."""
    with threadpool_limits(2), np.errstate(divide="ignore"), use_limits(scan_rows=7):
        found = run_jobs(look, ((number,) for number in range(5)), n_jobs)
        after = most_threads()
    assert found == [(number, (1, 1), "ignore", 7) for number in range(5)]
    with threadpool_limits(2):
        assert after == most_threads()


@pytest.mark.slow
def test_processes():
    """With joblib's processes a fit would fail, or have the errors of another state."""
    with parallel_config(backend="loky", n_jobs=2), np.errstate(divide="raise"):
        found = run_jobs(look, [(number,) for number in range(3)], None)
    assert [(one[0], one[1], one[2]) for one in found] == [
        (number, (1, 1), "raise") for number in range(3)
    ]


def test_without_jobs_threads_stay():
    """A fit with the default would lose the threads of linear algebra."""
    here = []
    list(run_jobs(lambda one: here.append((one, threading.get_ident())), [(1,)], None))
    assert here == [(1, threading.get_ident())]
    with threadpool_limits(2):
        outside = most_threads()
        assert list(run_jobs(most_threads, [()], None)) == [outside]
        with one_thread():
            assert list(run_jobs(most_threads, [()], None)) == [1]


def test_computes_at_once():
    """A number of the caller's joblib context would be ignored."""
    assert not computes_at_once(None)
    assert computes_at_once(1)
    assert computes_at_once(-1)
    with parallel_config(backend="threading", n_jobs=2):
        assert computes_at_once(None)


def test_errors_of_a_part_are_raised():
    """A fit would go on without the part."""

    def fail(number):
        raise ValueError(f"part {number}")

    with pytest.raises(ValueError, match="part 3"):
        run_jobs(fail, [(3,), (3,)], 2)
