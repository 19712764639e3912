"""The number of BLAS threads when several Python threads ask for another one."""

import math
import multiprocessing
import os
import subprocess
import sys
import threading

import pytest
from threadpoolctl import ThreadpoolController

from sklearn_myhpo.data import threads
from sklearn_myhpo.data.threads import BlasThreads

needs_two_cores = pytest.mark.skipif(
    (os.cpu_count() or 1) < 2, reason="there is one thread anyway"
)

#: Fits in eight Python threads at once; prints the numbers of BLAS threads before and
#: after every round, and how far the results are from those of one fit at a time.
CONCURRENT_FITS = """
import joblib, numpy as np
from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data.threads import all_threads_for, one_thread_for_small_calls
from threadpoolctl import threadpool_info

def numbers():
    pools = threadpool_info()
    return [pool["num_threads"] for pool in pools if pool["user_api"] == "blas"]

rng = np.random.default_rng(0)
X = rng.standard_normal((60, 5))
y = X @ np.arange(5) + rng.standard_normal(60)

def fit(k):
    if k % 8 == 0:
        return MYHPOLogisticRegression(cv=3, random_state=k).fit(X, y > 0).coef_
    if k % 4 == 0:
        with one_thread_for_small_calls(), all_threads_for(1e12):
            return X.T @ X
    return MYHPORidge(cv=3, random_state=k).fit(X, y).coef_

print(numbers())
alone = [fit(k) for k in range(16)]
for _ in range(3):
    with joblib.parallel_config("threading"):
        together = joblib.Parallel(8)(joblib.delayed(fit)(k) for k in range(16))
    print(numbers())
apart = [np.abs(a - b).max() / np.abs(a).max() for a, b in zip(alone, together)]
print(max(apart))
"""


class Library:
    """A BLAS library; may be interrupted while its number is set."""

    def __init__(self, num_threads):
        self.num_threads, self.interruptions = num_threads, 0

    def info(self):
        """Return what the library is."""
        return {"internal_api": "openblas", "threading_layer": "pthreads"}

    def set_num_threads(self, num_threads):
        """Set the number, or be interrupted before that."""
        if self.interruptions:
            self.interruptions -= 1
            raise KeyboardInterrupt
        self.num_threads = num_threads


class LibraryOfThreads(threading.local):
    """A BLAS library with a number for each Python thread."""

    num_threads = 5

    def info(self):
        """Return what the library is."""
        return {"internal_api": "openblas", "threading_layer": "openmp"}

    def set_num_threads(self, num_threads):
        """Set the number of this thread."""
        self.num_threads = num_threads


class OwnedLibrary(Library):
    """A BLAS library that obeys one thread until that gives up the right."""

    owner = None

    def set_num_threads(self, num_threads):
        """Set the number if this thread may."""
        self.owner = self.owner or threading.current_thread()
        if self.owner is threading.current_thread():
            self.num_threads = num_threads

    def clear_controlling_thread(self):
        """Give up the right of this thread."""
        if self.owner is threading.current_thread():
            self.owner = None


@pytest.fixture
def libraries():
    """Return two libraries with numbers of their own."""
    return [Library(4), Library(3)]


@pytest.fixture
def blas(libraries):
    """Return their threads."""
    return BlasThreads(lambda: libraries)


def numbers(libraries):
    """Return the numbers of threads."""
    return [library.num_threads for library in libraries]


def blas_libraries():
    """Return the real libraries."""
    return ThreadpoolController().select(user_api="blas").lib_controllers


class Other:
    """Another Python thread that enters a context, and leaves it when it is told."""

    def __init__(self, context):
        self._context = context
        self._entered, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._entered.wait(30)

    def _run(self):
        with self._context:
            self._entered.set()
            self._end.wait(30)

    def leave(self):
        """Leave the context."""
        self._end.set()
        self._thread.join()


def test_the_innermost_request_of_a_thread_counts(blas, libraries):
    """A large product inside a small fit would use one thread."""
    with blas.limit(1):
        assert numbers(libraries) == [1, 1]
        with blas.limit(4):
            assert numbers(libraries) == [4, 4]
            with blas.limit(1):
                assert numbers(libraries) == [1, 1]
            assert numbers(libraries) == [4, 4]
        assert numbers(libraries) == [1, 1]
    assert numbers(libraries) == [4, 3]


def test_the_smallest_request_of_all_threads_counts(blas, libraries):
    """Large products of a fit would slow down all small calls of another one."""
    with blas.limit(1):
        other = Other(blas.limit(4))
        assert numbers(libraries) == [1, 1]
        with blas.limit(2):
            assert numbers(libraries) == [2, 2]
        assert blas.n_outside() == 4
    assert numbers(libraries) == [4, 4]
    other.leave()
    assert numbers(libraries) == [4, 3]
    assert blas.n_outside() == 4


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_the_last_to_leave_restores(blas, libraries, order):
    """A fit that begins inside another one would keep the number of that for ever."""
    others = [Other(blas.limit(1)) for _ in order]
    for number in order:
        assert numbers(libraries) == [1, 1]
        others[number].leave()
    assert numbers(libraries) == [4, 3]


def test_numbers_of_a_thread_are_saved_and_restored_in_it():
    """A second fit would use several threads, or the first leave its number behind."""
    library = LibraryOfThreads()
    blas = BlasThreads(lambda: [Library(4), library])
    with blas.limit(1):
        assert library.num_threads == 1
        other = Other(blas.limit(2))
        with blas.limit(3):
            assert library.num_threads == 3
            assert blas.n_outside() == 5
        assert library.num_threads == 1
    assert library.num_threads == 5
    other.leave()


def test_any_thread_may_restore():
    """The thread that was the first to limit would be the only one that can."""
    library = OwnedLibrary(4)
    blas = BlasThreads(lambda: [library])
    mine, other = blas.limit(1), None
    with mine:
        other = Other(blas.limit(2))
    assert library.num_threads == 2
    other.leave()
    assert library.num_threads == 4


@needs_two_cores
def test_contexts_that_overlap_restore_the_real_libraries():
    """The same, for the contexts that fits enter."""
    libraries = blas_libraries()
    saved = numbers(libraries)
    try:
        threads._set(libraries, [2] * len(libraries))
        if set(numbers(libraries)) != {2}:
            pytest.skip("BLAS cannot be controlled here")
        first = Other(threads.one_thread())
        second = Other(threads.one_thread_for_small_calls())
        assert set(numbers(libraries)) == {1}
        first.leave()
        assert set(numbers(libraries)) == {1}
        second.leave()
        assert set(numbers(libraries)) == {2}
    finally:
        threads._set(libraries, saved)


@pytest.mark.slow
@needs_two_cores
def test_concurrent_fits_leave_the_threads_as_they_were():
    """One `joblib.Parallel` with threads would slow down the rest of the process."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CONCURRENT_FITS],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    before, *after, apart = run.stdout.splitlines()
    assert after == [before] * 3
    assert float(apart) < 1e-9


def test_a_large_call_knows_the_threads_outside_of_all_fits(blas):
    """A fit that begins inside another one would use one thread for large calls."""
    other = Other(blas.limit(1))
    assert blas.n_outside() == 4
    other.leave()


def test_an_error_restores(blas, libraries):
    """A fit that fails would leave the process with one thread."""
    with pytest.raises(ValueError, match="inside"), blas.limit(1):
        raise ValueError("inside")
    assert numbers(libraries) == [4, 3]


@pytest.mark.parametrize("where", [0, 1])
@pytest.mark.parametrize("when", ["enter", "leave"])
def test_an_interruption_restores(blas, libraries, where, when):
    """Control-C at the wrong moment would leave the process with one thread."""
    context = blas.limit(1)
    if when == "leave":
        context.__enter__()
    libraries[where].interruptions = 1
    with pytest.raises(KeyboardInterrupt):
        context.__enter__() if when == "enter" else context.__exit__(None, None, None)
    assert numbers(libraries) == [4, 3]
    with blas.limit(1):
        assert numbers(libraries) == [1, 1]
    assert numbers(libraries) == [4, 3]


def test_a_number_that_an_interruption_left_is_set_again(blas, libraries):
    """Two interruptions in a row would leave the process with one thread."""
    with pytest.raises(KeyboardInterrupt), blas.limit(1):
        libraries[1].interruptions = 2
    assert numbers(libraries) == [4, 1]
    with blas.limit(1):
        assert numbers(libraries) == [1, 1]
    assert numbers(libraries) == [4, 3]


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_forgets_the_other_threads(blas, libraries):
    """It would wait for threads that it does not have, or for their lock."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()

    def child():
        inside = numbers(libraries)
        with blas.limit(1):
            queue.put((inside, numbers(libraries)))
        queue.put((numbers(libraries), blas.n_outside()))

    other = Other(blas.limit(1))
    process = context.Process(target=child)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert queue.get() == ([4, 3], [1, 1])
    assert queue.get() == ([4, 3], 4)
    assert numbers(libraries) == [1, 1]
    other.leave()


def test_without_a_library_nothing_happens():
    """Where BLAS cannot be controlled no fit would run."""
    blas = BlasThreads(list)
    with blas.limit(1), blas.limit(math.inf):
        assert blas.n_outside() == 1
