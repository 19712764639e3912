"""Measurements in a process of their own, which a time limit can end."""

import os
import signal
import warnings
from contextlib import suppress
from multiprocessing import get_context
from typing import NamedTuple

#: A new interpreter: nothing of the other processes' memory, modules or threads.
START_METHOD = "spawn"
#: Seconds for loading, a download included.
LOAD_LIMIT = 600.0


class Failure(NamedTuple):
    """Why there is no answer, in words for the table."""

    reason: str


class Missing(Failure):
    """The data of the task are not there."""


def serve(connection, make, arguments):
    """Make an object, and call its methods by name until the other side hangs up."""
    warnings.simplefilter("ignore")
    # A group of its own, for a tool may start processes that have to end with it.
    os.setsid()
    try:
        served, answer = make(*arguments), True
    except (ImportError, OSError) as error:  # a download needs a package, a network
        served, answer = None, Missing(str(error))
    connection.send(answer)
    while True:
        try:
            command, arguments = connection.recv()
        except EOFError:
            return
        try:
            answer = getattr(served, command)(*arguments)
        except ImportError as error:
            answer = Failure(f"left out: {error}")
        except Exception as error:  # whatever a peer raises is its own
            answer = Failure(f"failed: {type(error).__name__}: {error}")
        connection.send(answer)


class Process:
    """Asks an object in another process, and ends that if an answer takes too long.

    Between questions the process is stopped.

    Parameters
    ----------
    make : callable
        Makes the object in the other process, which imports it by name.
    arguments : tuple
        Of `make`.
    limit : float
        Seconds that an answer may take.

    Attributes
    ----------
    note : str
        Why the process ended early, or nothing.
    over : float or None
        The limit, in seconds, that ended it.
    """

    def __init__(self, make, arguments, limit):
        self.limit, self.note, self.over = limit, "", None
        context = get_context(START_METHOD)
        self.connection, other = context.Pipe()
        self.process = context.Process(
            target=serve, args=(other, make, arguments), daemon=True
        )
        self.process.start()
        other.close()

    def start(self):
        """Wait until the object is made; raise OSError if its data are missing."""
        loaded = self._wait(LOAD_LIMIT)
        if isinstance(loaded, Missing):
            raise OSError(loaded.reason)

    def ask(self, command, *arguments, limit=None):
        """Return the answer, or None after the end of the process."""
        if self.note:
            return None
        self._signal(signal.SIGCONT)
        try:
            self.connection.send((command, arguments))
        except OSError:
            return self._end("failed: its process ended")
        answer = self._wait(self.limit if limit is None else limit)
        # Idle threads of linear algebra, and programs of peers, wait actively and
        # would share the cores with the next process.
        self._signal(signal.SIGSTOP)
        return answer

    def _wait(self, limit):
        try:
            if not self.connection.poll(limit):
                self.over = limit
                return self._end(f"over {limit:g} s")
            answer = self.connection.recv()
        except (EOFError, OSError):
            return self._end("failed: its process ended")
        if isinstance(answer, Failure) and not isinstance(answer, Missing):
            return self._end(answer.reason)
        return answer

    def _signal(self, number):
        """Signal the process, and those that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def _end(self, note):
        self.note = note
        self.stop()

    def stop(self):
        """End the process, and those that it started."""
        self.connection.close()
        self._signal(signal.SIGKILL)
        # Before it begins to serve it has no group yet.
        self.process.kill()
        self.process.join()
