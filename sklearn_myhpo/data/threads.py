"""How many threads linear algebra uses: one for small calls, all for large ones.

Decompositions consist of many small calls. With several threads each call waits for all
of them, which takes several times as long as soon as another program uses a core.

Most BLAS libraries have one number of threads for the whole process, and fits may run
in several Python threads at once. Therefore every context of this module is a request,
and one rule decides among the requests of all Python threads:

- In one Python thread the innermost request counts.
- Among Python threads the smallest of these counts. A large product thus uses one
  BLAS thread while a fit in another Python thread asks for one.
- The first request saves the numbers of threads, and the end of the last restores them.

OpenBLAS built with OpenMP has a number for each Python thread, where only the requests
of that thread count.
"""

import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from itertools import pairwise, repeat

import numpy as np
from threadpoolctl import ThreadpoolController

from .limits import row_limits

#: Multiplications above which a product of matrices uses all threads, and up to which a
#: Gram matrix is a small one, whose whole fit uses one thread.
SMALL_WORK = 1e8

#: The `_Outside` of a fit that uses one thread for small calls.
_outside = ContextVar("threads outside of the fit", default=None)


class BlasThreads:
    """The numbers of threads of BLAS libraries, and the requests to change them.

    Parameters
    ----------
    find_libraries : callable
        Returns the `threadpoolctl.LibController` objects; called once, at first use.
    """

    def __init__(self, find_libraries):
        self._find_libraries = find_libraries
        # Libraries with one number for the process, and with one for each thread.
        self._shared, self._of_thread = None, None
        # Request -> numbers of its thread before it, the latest last.
        self._requests = {}
        # Numbers of the shared libraries before the first request.
        self._saved = []
        # The number that the shared libraries use now; None without requests.
        self._applied = None
        # Reentrant, for a signal handler may fit while its thread holds the lock.
        self._lock = threading.RLock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._after_fork,
            )

    def limit(self, n_threads):
        """Return a context that requests a number of threads."""
        return _Request(self, n_threads)

    def limit_thread(self, n_threads):
        """Set the number of threads of libraries that have one for each thread."""
        with self._lock:
            self._find()
            _set(self._of_thread, repeat(n_threads))

    def n_outside(self):
        """Return the largest number of threads of a library without the requests."""
        with self._lock:
            self._find()
            shared = _numbers(self._shared) if self._applied is None else self._saved
            mine = self._mine()
            own = self._requests[mine[0]] if mine else _numbers(self._of_thread)
            return max([*shared, *own], default=1)

    def add(self, request):
        """Add a request."""
        with self._lock:
            self._find()
            if self._applied is None:
                self._saved = _numbers(self._shared)
            self._requests[request] = _numbers(self._of_thread)
            _set(self._of_thread, repeat(request.n_threads))
            self._apply()

    def remove(self, request):
        """Remove a request, if it is there."""
        with self._lock:
            if request in self._requests:
                _set(self._of_thread, self._requests[request])
                del self._requests[request]
            self._apply()

    def _find(self):
        if self._shared is None:
            found = self._find_libraries()
            self._of_thread = [library for library in found if _is_of_thread(library)]
            self._shared = [library for library in found if not _is_of_thread(library)]

    def _mine(self):
        """Return the requests of this thread."""
        here = threading.get_ident()
        return [request for request in self._requests if request.thread == here]

    def _apply(self):
        """Apply the number that follows from the requests to the shared libraries."""
        innermost = {request.thread: request.n_threads for request in self._requests}
        wanted = min(innermost.values(), default=None)
        if wanted == self._applied:
            return
        # Without a number, the next call repeats the work that was interrupted.
        self._applied = math.nan
        _set(self._shared, self._saved if wanted is None else repeat(wanted))
        self._applied = wanted

    def _after_fork(self):
        """Forget the requests of threads that the new process does not have."""
        try:
            mine = self._mine()
            others = [request for request in self._requests if request not in mine]
            for request in others:
                del self._requests[request]
            if others:
                self._apply()
        finally:
            self._lock.release()


def _is_of_thread(library):
    """Whether a library has a number of threads for each Python thread."""
    info = library.info()
    return info["internal_api"] == "openblas" and info["threading_layer"] == "openmp"


def _numbers(libraries):
    return [library.num_threads for library in libraries]


def _set(libraries, numbers):
    """Set the numbers of threads of libraries, from any Python thread."""
    for library, number in zip(libraries, numbers, strict=False):
        library.set_num_threads(number)
        # In threadpoolctl 3.8 only the first thread that has set the number of OpenBLAS
        # threads can change it, until it releases it.
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread()


class _Request:
    """A context in which a thread asks for a number of threads of linear algebra."""

    def __init__(self, threads, n_threads):
        self._threads, self.n_threads = threads, n_threads
        self.thread = None

    def __enter__(self):
        self.thread = threading.get_ident()
        try:
            self._threads.add(self)
        except BaseException:
            # After an interrupt here the context would not be entered, and so never
            # left.
            self._threads.remove(self)
            raise

    def __exit__(self, *_):
        try:
            self._threads.remove(self)
        except BaseException:
            self._threads.remove(self)
            raise


_blas = BlasThreads(
    lambda: ThreadpoolController().select(user_api="blas").lib_controllers
)


def _begin_thread():
    """Let OpenBLAS with a number for each Python thread use one in this one."""
    _blas.limit_thread(1)


class _Outside:
    """The number of threads outside of a fit, and a pool of as many Python threads.

    The pool ends with the fit, so that the process may be forked after it.
    """

    def __init__(self, n_threads):
        self.n_threads, self._pool = n_threads, None

    @property
    def pool(self):
        """The pool, which starts at its first use."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.n_threads, "fit", _begin_thread)
        return self._pool

    def close(self):
        """End the pool, if it was started."""
        if self._pool is not None:
            self._pool.shutdown()


def one_thread():
    """Return a context in which linear algebra uses one thread."""
    return _blas.limit(1)


@contextmanager
def one_thread_for_small_calls():
    """Use one thread, except in `all_threads_for` and `map_threads`."""
    with threads_of_a_fit(_blas.n_outside()), one_thread():
        yield


@contextmanager
def threads_of_a_fit(n_threads):
    """Let large calls use several threads.

    Parameters
    ----------
    n_threads : int
        Threads of a large call.

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
    """Return a context in which one large call may use the threads outside of the fit.

    Parameters
    ----------
    work : float
        Multiplications of the call.
    small_work : float, default=SMALL_WORK
        Maximum number of multiplications of a small call.

    Returns
    -------
    context manager
    """
    n_threads = n_threads_for(work, small_work)
    return nullcontext() if n_threads == 1 else _blas.limit(n_threads)


def n_threads_for(work, small_work):
    """Return the number of threads for a call: one, or all outside of the fit.

    Parameters
    ----------
    work : float
        Multiplications of the call.
    small_work : float
        Maximum number of multiplications of a small call.

    Returns
    -------
    int
    """
    outside = _outside.get()
    return 1 if outside is None or work <= small_work else outside.n_threads


def map_threads(function, *arguments):
    """Return the results of a function as a list, each computed by another thread.

    For functions that release Python's lock, where `n_threads_for` is above one.

    Parameters
    ----------
    function : callable
    *arguments : iterable
        As in `map`.

    Returns
    -------
    list
    """

    def quiet(*own):
        # NumPy's error state belongs to the calling thread; pool threads would warn.
        with np.errstate(all="ignore"):
            return function(*own)

    return list(_outside.get().pool.map(quiet, *arguments))


def map_shares(function, items, work, least=2):
    """Return the results of a function of several shares of the items.

    Parameters
    ----------
    function : callable
        Takes a list of neighbouring items; releases Python's lock.
    items : list
    work : float
        Multiplications of all items, which decide whether threads share them.
    least : int, default=2
        Items that a share has at least.

    Returns
    -------
    list
        One result per thread.
    """
    n_threads = min(n_threads_for(work, row_limits().thin_work), len(items) // least)
    if n_threads <= 1:
        return [function(items)]
    ends = [number * len(items) // n_threads for number in range(n_threads + 1)]
    return map_threads(function, [items[a:b] for a, b in pairwise(ends)])


def matmul(left, right):
    """Return a product of matrices, a large one by all threads."""
    with all_threads_for(left.size * right.shape[-1]):
        return left @ right


def threads_for(n_samples, n_features):
    """Return a context with the threads that suit a fit of rows and features."""
    work = n_samples * n_features * min(n_samples, n_features)
    return one_thread() if work <= SMALL_WORK else one_thread_for_small_calls()
