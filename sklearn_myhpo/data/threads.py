"""How many threads linear algebra may use where more of them do harm.

Decompositions make many small calls, each of which waits for all threads: with a second
thread they take several times as long as soon as anything else runs on its core.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache

from threadpoolctl import ThreadpoolController

#: Multiplications from which one product of matrices is worth all threads, and those of
#: a Gram matrix up to which all of a fit is done by one thread.
SMALL_WORK = 1e8

#: The `_Outside` of a fit that uses one thread for small calls.
_outside = ContextVar("threads outside of the fit", default=None)


class _Outside:
    """The threads of linear algebra outside of a fit, and as many of Python's.

    These live no longer than the fit, so that a process may be forked after it.
    """

    def __init__(self, n_threads):
        self.n_threads, self._pool = n_threads, None

    @property
    def pool(self):
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.n_threads, "sklearn_myhpo")
        return self._pool

    def close(self):
        if self._pool is not None:
            self._pool.shutdown()


@cache
def _controller():
    return ThreadpoolController()


def one_thread():
    """Return a context in which linear algebra uses one thread."""
    return _limit(1)


def _limit(n_threads):
    return _controller().limit(limits=n_threads, user_api="blas")


@contextmanager
def one_thread_for_small_calls():
    """Use one thread, except in `all_threads_for` and `map_threads`."""
    pools = _controller().select(user_api="blas").lib_controllers
    n_threads = max((pool.num_threads for pool in pools), default=1)
    with threads_of_a_fit(n_threads), one_thread():
        yield


@contextmanager
def threads_of_a_fit(n_threads):
    """Let large calls use so many threads.

    Parameters
    ----------
    n_threads : int

    Yields
    ------
    None
    """
    outside = _Outside(n_threads)
    token = _outside.set(outside)
    try:
        yield
    finally:
        _outside.reset(token)
        outside.close()


def all_threads_for(work, small_work=SMALL_WORK):
    """Return a context in which one call may use the threads outside of the fit.

    Parameters
    ----------
    work : float
        Multiplications of the call.
    small_work : float, default=SMALL_WORK
        Those from which it is worth them.

    Returns
    -------
    context manager
    """
    n_threads = n_threads_for(work, small_work)
    return nullcontext() if n_threads == 1 else _limit(n_threads)


def n_threads_for(work, small_work):
    """Return how many threads a call is worth of those outside of the fit.

    Parameters
    ----------
    work : float
        Multiplications of the call.
    small_work : float
        Those from which it is worth all.

    Returns
    -------
    int
    """
    outside = _outside.get()
    return 1 if outside is None or work <= small_work else outside.n_threads


def map_threads(function, *arguments):
    """Return a list of the results, each computed by a thread of its own.

    For functions that leave Python's lock, where `n_threads_for` says more than one.

    Parameters
    ----------
    function : callable
    *arguments : iterable
        As of `map`.

    Returns
    -------
    list
    """
    return list(_outside.get().pool.map(function, *arguments))


def threads_for(n_samples, n_features, *, is_iterative=False):
    """Return a context with the threads that a fit to rows of this size is worth.

    Parameters
    ----------
    n_samples, n_features : int
    is_iterative : bool, default=False
        Whether the fit consists of many products with few vectors.

    Returns
    -------
    context manager
    """
    work = n_samples * n_features * min(n_samples, n_features)
    if work <= SMALL_WORK:
        return one_thread()
    return one_thread_for_small_calls() if is_iterative else nullcontext()
