"""Reading the next item in another thread while this one computes."""

import threading
from collections import deque
from contextvars import copy_context

#: Seconds after which a waiting thread looks for an interrupt (a lock of Windows
#: cannot be interrupted otherwise).
SECONDS_OF_WAITING = 0.2


class _Shared:
    """State of both threads: items that are ready, and whether one has ended."""

    def __init__(self):
        self.changed = threading.Condition()
        self.ready, self.error = deque(), None
        self.is_over = self.is_closed = False


class ReadAhead:
    """The items of an iterator; the next is read while one is in use.

    The iterator is made, advanced and closed in one thread of its own, which sees the
    context variables of the caller.

    Parameters
    ----------
    make : callable
        Returns the iterator.
    """

    def __init__(self, make):
        self._shared = _Shared()
        self._thread = threading.Thread(
            target=copy_context().run,
            args=(_read, self._shared, make),
            name="read-ahead",
            daemon=True,
        )
        self._thread.start()

    def __iter__(self):
        return self

    def __next__(self):
        shared = self._shared
        with shared.changed:
            while not (shared.ready or shared.is_over):
                shared.changed.wait(SECONDS_OF_WAITING)
            if shared.ready:
                item = shared.ready.popleft()
                shared.changed.notify_all()
                return item
        self._thread.join()
        if shared.error is not None:
            # Once: whoever goes on after an error has reached the end.
            error, shared.error = shared.error, None
            raise error
        raise StopIteration

    def close(self):
        """End the reading, after the item that is being read."""
        with self._shared.changed:
            self._shared.is_closed = True
            self._shared.ready.clear()
            self._shared.changed.notify_all()
        self._thread.join()

    def __del__(self):
        # The thread knows what is shared alone, so that this is called.
        with self._shared.changed:
            self._shared.is_closed = True
            self._shared.changed.notify_all()


def _read(shared, make):
    """Put items into the shared slot, one at a time."""
    items = None
    try:
        items = iter(make())
        for item in items:
            with shared.changed:
                while shared.ready and not shared.is_closed:
                    shared.changed.wait()
                if shared.is_closed:
                    return
                shared.ready.append(item)
                shared.changed.notify_all()
            del item
    except BaseException as error:
        shared.error = error
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
        with shared.changed:
            shared.is_over = True
            shared.changed.notify_all()
