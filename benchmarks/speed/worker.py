"""One tool on one task in a process of its own, which a time limit can end."""

import os
import signal
import time
import tracemalloc
import warnings
from contextlib import suppress
from multiprocessing import get_context
from typing import NamedTuple

from .judge import cv_loss, loss

#: A new interpreter: nothing of the other tools' memory or threads.
START_METHOD = "spawn"
#: Seconds for loading, a download included, and for the losses after the fits.
LOAD_LIMIT, JUDGE_LIMIT = 600.0, 180.0


class Failure(NamedTuple):
    """Why there is no answer, in words for the table."""

    reason: str


class Missing(Failure):
    """The data of the task are not there."""


class Bench:
    """What runs in the process: a tool with its data."""

    def __init__(self, kind, load, tool):
        self.kind, self.tool = kind, tool
        self.data = load()

    def make(self):
        """Make the unfitted tool."""
        self.model = self.tool.make(self.data)

    def time(self, n_fits):
        """Return the mean time of some fits in a row."""
        start = time.perf_counter()
        for _ in range(n_fits):
            self.model.fit(self.data.X, self.data.y)
        return (time.perf_counter() - start) / n_fits

    def memory(self):
        """Return the peak of what a fit allocates, in sizes of X."""
        tracemalloc.start()
        self.model.fit(self.data.X, self.data.y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / self.data.X.nbytes

    def strength(self):
        """Return what the last fit chose."""
        return self.tool.strength(self.model, self.data)

    def test_loss(self):
        """Return the loss of the fitted tool on the rows it has not seen."""
        X, y = self.data.X_test, self.data.y_test
        return loss(self.kind, self.model, X, y, self.data)

    def cv_loss(self):
        """Return the loss of the folds at the strength of the last fit."""
        return cv_loss(self.kind, self.data, self.strength(), self.tool.per_row)


def serve(connection, kind, load, tool):
    """Answer commands until the other side hangs up."""
    warnings.simplefilter("ignore")
    # A group of its own, for a tool may start processes that have to end with it.
    os.setsid()
    try:
        bench, answer = Bench(kind, load, tool), True
    except (ImportError, OSError) as error:  # a download needs a package, a network
        bench, answer = None, Missing(str(error))
    connection.send(answer)
    while True:
        try:
            command, arguments = connection.recv()
        except EOFError:
            return
        try:
            answer = getattr(bench, command)(*arguments)
        except ImportError as error:
            answer = Failure(f"left out: {error}")
        except Exception as error:  # whatever a peer raises is its own
            answer = Failure(f"failed: {type(error).__name__}: {error}")
        connection.send(answer)


class Worker:
    """The other side: asks, and ends the process when an answer takes too long.

    Between questions the process is stopped.

    Attributes
    ----------
    times : list of float
        Seconds of the fits so far, without the first.
    first : float or None
        Seconds of the first fit, which also pays for what libraries load.
    note : str
        Why the tool ended early, or nothing.
    """

    def __init__(self, kind, load, tool):
        self.limit, self.traced = tool.limit, tool.traced
        self.first, self.times, self.note = None, [], ""
        context = get_context(START_METHOD)
        self.connection, other = context.Pipe()
        arguments = (other, kind, load, tool)
        self.process = context.Process(target=serve, args=arguments, daemon=True)
        self.process.start()
        other.close()

    def start(self):
        """Wait for the data and make the tool; raise OSError without data."""
        loaded = self._wait(LOAD_LIMIT)
        if isinstance(loaded, Missing):
            raise OSError(loaded.reason)
        self.ask("make", limit=LOAD_LIMIT)

    def ask(self, command, *arguments, limit=None):
        """Return the answer, or None after the end of the tool."""
        if self.note:
            return None
        self._signal(signal.SIGCONT)
        try:
            self.connection.send((command, arguments))
        except OSError:
            return self._end("failed: its process ended")
        answer = self._wait(self.limit if limit is None else limit)
        # Idle threads of linear algebra, and programs of peers, wait actively and
        # would share the cores with the next tool.
        self._signal(signal.SIGSTOP)
        return answer

    def _wait(self, limit):
        try:
            if not self.connection.poll(limit):
                return self._end(f"over {limit:g} s")
            answer = self.connection.recv()
        except (EOFError, OSError):
            return self._end("failed: its process ended")
        if isinstance(answer, Failure) and not isinstance(answer, Missing):
            return self._end(answer.reason)
        return answer

    def _signal(self, number):
        """Tell the process, and those that the tool started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def _end(self, note):
        self.note = note
        self.stop()

    def stop(self):
        """End the process, and those that the tool started."""
        self.connection.close()
        self._signal(signal.SIGKILL)
        # Before it begins to serve it has no group yet.
        self.process.kill()
        self.process.join()
