"""Seconds of a processor that a fit takes, and its end at a limit."""

import signal
import time


def fit_within(limit, model, *data):
    """Fit, and return its seconds of a processor; raise TimeoutError over a limit.

    On a busy machine the clock would count the work of others.

    Parameters
    ----------
    limit : float
        Seconds of the clock.
    model : object
        Its attribute `seconds`, if it has one, counts after the fit.
    *data : array-like
        Arguments of `fit`.
    """

    def stop(number, frame):
        raise TimeoutError(f"over {limit:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit)
    start = time.process_time()
    try:
        model.fit(*data)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
    return getattr(model, "seconds", None) or time.process_time() - start
