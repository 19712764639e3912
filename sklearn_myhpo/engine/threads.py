"""How many threads linear algebra may use where more of them do harm.

Decompositions make many small calls, each of which waits for all threads: with a second
thread they take several times as long as soon as anything else runs on its core.
"""

from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import cache

from threadpoolctl import ThreadpoolController

#: Multiplications from which one product of matrices is worth all threads, and those of
#: a Gram matrix up to which all of a fit is done by one thread.
SMALL_WORK = 1e8

#: The number of threads outside a fit that uses one thread for small calls.
_outside = ContextVar("threads outside of the fit", default=None)


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
    """Use one thread, except in `all_threads_for`."""
    pools = _controller().select(user_api="blas").lib_controllers
    token = _outside.set(max((pool.num_threads for pool in pools), default=1))
    try:
        with one_thread():
            yield
    finally:
        _outside.reset(token)


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
    n_threads = _outside.get()
    if n_threads is None or n_threads == 1 or work <= small_work:
        return nullcontext()
    return _limit(n_threads)


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
