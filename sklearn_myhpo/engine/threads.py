"""How many threads linear algebra may use where more of them do harm.

Decompositions make many small calls, each of which waits for all threads: with a second
thread they take several times as long as soon as anything else runs on its core.
"""

from contextlib import nullcontext
from functools import cache

from threadpoolctl import ThreadpoolController

#: Multiplications of a Gram matrix up to which all of a fit is done by one thread.
SMALL_WORK = 1e8


@cache
def _controller():
    return ThreadpoolController()


def one_thread():
    """Return a context in which linear algebra uses one thread."""
    return _controller().limit(limits=1, user_api="blas")


def threads_for(n_samples, n_features):
    """Return a context with the threads that rows of this size are worth.

    Parameters
    ----------
    n_samples, n_features : int

    Returns
    -------
    context manager
    """
    work = n_samples * n_features * min(n_samples, n_features)
    return one_thread() if work <= SMALL_WORK else nullcontext()
