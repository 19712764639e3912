"""Runs of tasks, whose faults become errors that name blocks and say what to do."""

from concurrent.futures import BrokenExecutor, CancelledError

from ..threads import one_thread
from .blocks import import_dask, is_frame, sizes_of
from .workers import WorkerWatch, client_of, lost_scheduler

#: Largest number of blocks that a message names.
MOST_NAMED = 4


def run(get, tasks, key, blocks):
    """Return the result of a task.

    Parameters
    ----------
    get : callable
        The scheduler.
    tasks : dict
    key : str or tuple
        Key of the task.
    blocks : Blocks

    Raises
    ------
    RuntimeError
        If workers died of a task, or the cluster no longer answers.
    """
    client = client_of(get)
    if client is None:
        try:
            # Dask's threads would wait for those of linear algebra.
            with one_thread():
                return get(tasks, key)
        except BrokenExecutor as error:
            raise RuntimeError(
                "A process of Dask died while it worked on a block. "
                + blocks.advice(None, set())
            ) from error

    def died():
        return _deaths(client, tasks, blocks)

    with WorkerWatch(client, key, died) as watch:
        try:
            return get(tasks, key)
        except import_dask("distributed").KilledWorker as error:
            raise _killed(error, client, tasks, blocks) from error
        except CancelledError as error:
            if watch.error is not None:
                raise watch.error from None
            raise lost_scheduler() from error


class Blocks:
    """The blocks of rows that tasks work on, as messages name them.

    Parameters
    ----------
    refs : list of (list of (TaskRef or None))
        References to the blocks of X, y and others.
    held : list of collections
        X and others.
    """

    def __init__(self, refs, held):
        self._refs, self._held = refs, held
        self._sizes = sizes_of(held[0])

    def numbers_of(self, keys, tasks):
        """Return the numbers of the blocks that every task is for, a list of sets.

        Parameters
        ----------
        keys : sequence of (str or tuple)
            Keys of tasks.
        tasks : dict
        """
        found, failed = [set() for _ in keys], self._failed()
        after = [tasks[key].dependencies if key in tasks else set() for key in keys]
        for number, row in enumerate(zip(*self._refs, strict=True)):
            own = {one.key for one in row if one is not None}
            before = _before(own, tasks)
            for numbers, key, needed in zip(found, keys, after, strict=True):
                if key in before or own & (failed | needed):
                    numbers.add(number)
        return found

    def _failed(self):
        """Return the keys of persisted blocks that could not be computed."""
        futures = import_dask("distributed").futures_of(self._held)
        return {one.key for one in futures if one.status == "error"}

    def named(self, numbers):
        """Return the names of a few blocks; None for none or many."""
        if not 0 < len(numbers) <= MOST_NAMED:
            return None
        names = " or ".join(map(self._name, sorted(numbers)))
        return f"block {names}"

    def _name(self, number):
        if self._sizes is None:
            return str(number)
        start = sum(self._sizes[:number])
        return f"{number} (rows {start} to {start + self._sizes[number] - 1})"

    def advice(self, limit, numbers):
        """Return what to do where workers die.

        Parameters
        ----------
        limit : int or None
            Bytes of memory of a worker.
        numbers : set of int
            Of the blocks on which they died.
        """
        X, memory = self._held[0], "the memory"
        if limit:
            memory = f"the {import_dask('dask.utils').format_bytes(limit)} of memory"
        smaller = f"X.repartition(npartitions={2 * len(self._refs[0])})"
        alone = "X.get_partition({}).compute()"
        if not is_frame(X):
            rows = "n" if self._sizes is None else max(1, max(self._sizes) // 2)
            smaller, alone = f"X.rechunk({{0: {rows}}})", "X.blocks[{}].compute()"
        alone = alone.format(*numbers) if len(numbers) == 1 else alone.format("i")
        return (
            f"Either the work on a block takes more than {memory} of a worker: make "
            f"smaller blocks, as by {smaller}, or give workers more memory or fewer "
            "threads. Or the functions that make the block crash: try it in a process "
            f"of its own, {alone}."
        )


def _before(keys, tasks):
    """Return keys, and all those of tasks that they depend on."""
    found, left = set(), list(keys)
    while left:
        key = left.pop()
        if key not in found:
            found.add(key)
            left.extend(tasks[key].dependencies if key in tasks else ())
    return found


def _killed(error, client, tasks, blocks):
    """Return the error of a task of which several workers died."""
    worker, n_died = error.last_worker, error.allowed_failures + 1
    (own,) = blocks.numbers_of([error.task], tasks)
    # The workers had begun the work on other blocks too.
    numbers, _ = _suspects(client, tasks, blocks, error.task)
    numbers = numbers or own
    name = blocks.named(numbers) or f"the task {error.task!r}"
    how = "ran out of memory" if worker.address in _out_of_memory(client) else "died"
    who = "A worker" if n_died == 1 else f"One after another {n_died} workers"
    return RuntimeError(
        f"{who} of Dask {how} at work on {name}. "
        f"{blocks.advice(worker.memory_limit, numbers)}"
    )


def _deaths(client, tasks, blocks):
    """Return a clause about the deaths of the last workers, and advice; or None."""
    left, full = {one["worker"] for one in _removals(client)}, _out_of_memory(client)
    # A worker may close itself because others have died.
    if all(_was_sent_away(client, address, full) for address in left):
        return None
    clause = "All workers of Dask died"
    numbers, addresses = _suspects(client, tasks, blocks)
    if addresses & full:
        clause = "All workers of Dask are gone, some of which ran out of memory"
    name = blocks.named(numbers)
    if name is not None:
        clause = f"{clause}, the last ones at work on {name}"
    return clause, blocks.advice(None, numbers)


def _suspects(client, tasks, blocks, task=None):
    """Return the blocks at work on which the last workers died, and their addresses.

    Parameters
    ----------
    client : distributed.Client
    tasks : dict
    blocks : Blocks
    task : str, tuple or None
        Key of a task that all of these workers had; None for any.
    """
    shared, addresses = set(), set()
    for one in _removals(client):
        keys = list(one["processing-tasks"])
        own = set().union(*blocks.numbers_of(keys, tasks))
        if own and (task is None or task in keys):
            shared = own & shared or own
            addresses.add(one["worker"])
    return shared, addresses


def _removals(client):
    """Return the events of workers that left, in order."""
    return [
        one
        for one in _events(client, "all")
        if isinstance(one, dict) and one.get("action") == "remove-worker"
    ]


def _was_sent_away(client, address, full):
    """Whether a worker has closed itself, as one that is retired does."""
    events = _events(client, address)
    has_closed = any(one.get("action") == "closing-worker" for one in events)
    return has_closed and address not in full


def _out_of_memory(client):
    """Return the addresses of the workers that were ended for their memory."""
    return {one["worker"] for one in _events(client, "worker-restart-memory")}


def _events(client, topic):
    """Return the events of a topic that a cluster has noted, in order."""
    return [event for _, event in client.get_events(topic) or ()]
