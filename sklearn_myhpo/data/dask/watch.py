"""How many blocks of a pass are done: told by the schedulers of Dask."""

from contextlib import contextmanager
from functools import partial

from .blocks import import_dask


def client_of(get):
    """Return the client of the cluster whose scheduler a function is, or None."""
    owner = getattr(get, "__self__", None)
    return owner if hasattr(owner, "subscribe_topic") else None


@contextmanager
def watched(get, name, function, watch):
    """Call a function with the blocks that are done, whenever there is one more.

    Parameters
    ----------
    get : callable
        The scheduler.
    name : str
        First part of the keys of the tasks of blocks; the number of the block follows.
    function : callable
        What these tasks run, of anything, the number of the block and others.
    watch : callable or None
        Gets the set of their numbers.

    Yields
    ------
    callable
        What the tasks are to run instead.
    """
    if watch is None:
        yield function
        return
    done, client, is_over = set(), client_of(get), False

    def note(number):
        # A block may be done again, after the loss of a worker, and news come late.
        done.add(number)
        if not is_over:
            watch(done)

    if client is None:

        def after(key, *_):
            if key[0] == name:
                note(key[1])

        with import_dask("dask.callbacks").Callback(posttask=after):
            yield function
        return
    client.subscribe_topic(name, lambda event: note(event[1]))
    try:
        yield partial(told, name, function)
    finally:
        is_over = True
        client.unsubscribe_topic(name)


def told(topic, function, shared, place, *columns):
    """Return the result of a function on a block, and tell the cluster that it is done.

    Parameters
    ----------
    topic : str
    function : callable
    shared, place, *columns
        Its arguments; `place` has the `number` of the block.
    """
    from distributed import get_worker

    found = function(shared, place, *columns)
    get_worker().log_event(topic, place.number)
    return found
