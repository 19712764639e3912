"""Progress of a pass, reported by the schedulers of Dask."""

from contextlib import contextmanager
from functools import partial

from .blocks import import_dask
from .workers import client_of


@contextmanager
def watched(get, name, function, watch):
    """Call a function with the set of finished blocks whenever there is one more.

    Parameters
    ----------
    get : callable
        The scheduler.
    name : str
        First part of the keys of the tasks of blocks; the number of the block follows.
    function : callable
        The function that these tasks run.
    watch : callable or None
        Called with the set of the numbers of the finished blocks.

    Yields
    ------
    callable
        The function that the tasks run instead.
    """
    if watch is None:
        yield function
        return
    done, client, is_over = set(), client_of(get), False

    def note(number):
        # A block may be computed again after the loss of a worker, and messages arrive
        # late.
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
        if client.status == "running":
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
