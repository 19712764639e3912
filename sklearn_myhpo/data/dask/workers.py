"""Workers of a cluster of Dask while it runs tasks of a fit."""

import threading
import time
from contextvars import copy_context

from ..._warn import warn
from .blocks import import_dask

#: Seconds between two looks at a cluster, without a worker until a warning, and until
#: an error where the workers died and no option says how long to wait.
LOOK, QUIET_WAIT, MOST_WAIT = 1.0, 5.0, 60.0
#: The option of Dask that says how long.
WAIT_OPTION = "distributed.scheduler.no-workers-timeout"


def client_of(get):
    """Return the client of the cluster whose scheduler a function is, or None."""
    owner = getattr(get, "__self__", None)
    return owner if hasattr(owner, "subscribe_topic") else None


def check_client(client):
    """Raise where the client of a cluster is closed, and warn where it has no worker.

    Clusters that adapt to the work start workers only after tasks have come.

    Parameters
    ----------
    client : distributed.Client
    """
    if client.status == "closed":
        raise ValueError(
            "The Client of Dask that is to run the fit is closed. Make a new one, or "
            "use another scheduler, as by dask.config.set(scheduler='threads')."
        )
    try:
        has_workers = client.nthreads()
    except OSError as error:
        raise lost_scheduler() from error
    if not has_workers:
        warn(
            "The cluster of Dask has no worker, so that the fit waits for one. Start "
            "some, as by client.cluster.scale(2), or interrupt the fit. The option "
            f"{WAIT_OPTION} of dask.config, set before the "
            "cluster starts, ends such a wait with an error.",
            UserWarning,
        )


def lost_scheduler():
    """Return the error of a scheduler that no longer answers."""
    return RuntimeError(
        "The fit lost its cluster of Dask: the cluster or its Client was closed or "
        "restarted, or the connection to the scheduler broke. Make a Client of a "
        "cluster that runs, persist again what was in its memory, and fit again. The "
        "estimator is as it was before the fit."
    )


class WorkerWatch:
    """Watch over the workers of a cluster while it runs a task.

    A thread warns when no worker is left, and cancels the task if workers that died are
    not replaced: a scheduler would wait for others for ever.

    Parameters
    ----------
    client : distributed.Client
    key : str or tuple
        Key of the task.
    died : callable
        Returns a sentence about the deaths of the last workers, and advice; None where
        they did not die, but were sent away.

    Attributes
    ----------
    error : BaseException or None
        Reason for which the task was cancelled.
    """

    def __init__(self, client, key, died):
        self.error = None
        self._client, self._key, self._died = client, key, died
        self._over = threading.Event()

    def __enter__(self):
        # Filters of warnings may belong to the context of the caller.
        given = {"target": copy_context().run, "args": (self._watch,), "daemon": True}
        threading.Thread(name="myhpo-workers", **given).start()
        return self

    def __exit__(self, *_):
        self._over.set()

    def _watch(self):
        """Look at the workers until the task is done or hopeless."""
        try:
            had_workers, since, is_warned = bool(self._client.nthreads()), None, False
            while not self._over.wait(LOOK):
                if self._client.nthreads():
                    had_workers, since, is_warned = True, None, False
                    continue
                since = since or time.monotonic()
                waited = time.monotonic() - since
                if waited < QUIET_WAIT:
                    continue
                died = self._died()
                if died is not None:
                    _end(died, waited)
                if not is_warned and not self._over.is_set():
                    is_warned = True
                    _warn_of_wait(died, had_workers)
        except OSError:
            # The client itself cancels the tasks of a lost scheduler.
            return
        except Exception as error:
            # A filter makes an error of the warning, or no worker has come back.
            self.error = error
            future = import_dask("distributed").Future(self._key, self._client)
            self._client.cancel([future])


def _end(died, waited):
    """Raise if workers that died have not come back for long."""
    if waited >= _most_wait():
        raise RuntimeError(
            f"{died[0]}, and none has come back in {waited:.0f} s. {died[1]} The "
            f"option {WAIT_OPTION} of dask.config sets another time."
        )


def _warn_of_wait(died, had_workers):
    """Warn that a fit waits for workers, unless it began without one."""
    if died is not None:
        most = f"at most {_most_wait():.0f} s"
        warn(f"{died[0]}; the fit waits for another one, {most}.", UserWarning)
    elif had_workers:
        warn(
            "The workers of the cluster of Dask are gone; the fit waits for one.",
            UserWarning,
        )


def _most_wait():
    """Return for how many seconds to wait for workers in the place of dead ones."""
    given = import_dask("dask").config.get(WAIT_OPTION, None)
    if given is None:
        return MOST_WAIT
    return import_dask("dask.utils").parse_timedelta(given)
