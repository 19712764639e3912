"""Independent parts of a fit, in turn or in parallel."""

from contextvars import Context, copy_context
from itertools import starmap

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed

from .threads import one_thread, threads_of_a_fit


def computes_at_once(n_jobs):
    """Whether parts are computed by joblib, each with one thread.

    Parameters
    ----------
    n_jobs : int or None
        As in `run_jobs`.

    Returns
    -------
    bool
    """
    return n_jobs is not None or effective_n_jobs(n_jobs) > 1


def run_jobs(function, arguments, n_jobs):
    """Return the results of a function, in the order of its arguments.

    If `n_jobs` is a number, every call uses one thread of linear algebra, even with
    ``n_jobs=1``. Sums over several threads differ in the last digits, and the result
    would depend on the number.

    Parameters
    ----------
    function : callable
        A module-level function without side effects, since joblib may call it in
        another process.
    arguments : iterable of tuple
        Arguments of every call.
    n_jobs : int or None
        Number of simultaneous calls. None makes the calls one after the other with the
        threads of the fit, unless `joblib.parallel_config` says otherwise.

    Returns
    -------
    iterable
        If the calls follow one another, each result is available after its call.
    """
    if not computes_at_once(n_jobs):
        return starmap(function, arguments)
    # Threads share X, and large products do not hold Python's lock.
    parallel = Parallel(n_jobs=n_jobs, prefer="threads")
    settings = _Settings()
    calls = (delayed(settings.call)(function, each) for each in arguments)
    # This thread makes the request as well: with threadpoolctl 3.8, other threads
    # cannot lower a number that it has set before.
    with one_thread():
        return parallel(calls)


class _Settings:
    """The caller's NumPy error state and context variables, for another thread."""

    def __init__(self):
        self._errors, self._context = np.geterr(), copy_context()

    def __getstate__(self):
        # Another process has the defaults; a context cannot be sent to it.
        return {"_errors": self._errors, "_context": None}

    def call(self, function, arguments):
        """Return the result of a function with one thread of linear algebra."""
        context = Context() if self._context is None else self._context.copy()
        return context.run(self._call, function, arguments)

    def _call(self, function, arguments):
        with np.errstate(**self._errors), threads_of_a_fit(1), one_thread():
            return function(*arguments)
