"""Tasks on the blocks of Dask collections, and the scheduler that runs them."""

import uuid

from .blocks import import_dask, is_frame, n_blocks_of
from .faults import Blocks, run
from .watch import watched
from .workers import check_client, client_of


class BlockGraph:
    """The tasks that produce the blocks; each computation adds its own.

    Parameters
    ----------
    columns : sequence of (collection or None)
        X, y and others, with the same blocks of rows.

    Attributes
    ----------
    n_blocks : int
    """

    def __init__(self, columns):
        # A cluster releases persisted blocks without a reference.
        self._held = [one for one in columns if one is not None]
        self.n_blocks, self._tasks, self._refs = n_blocks_of(columns[0]), {}, []
        self._spec = import_dask("dask.task_spec")
        for one in _optimized(columns):
            self._refs.append(self._references(one))
            if one is not None:
                self._tasks.update(one.__dask_graph__())
        self._blocks = Blocks(self._refs, self._held)
        # Blocks without a task are in the memory of a cluster.
        refs = (one for column in self._refs for one in column if one is not None)
        self._is_remote = any(one.key not in self._tasks for one in refs)

    def _references(self, values):
        """Return a reference to every block of a collection, None for no collection."""
        if values is None:
            return [None] * self.n_blocks
        keys = import_dask("dask.core").flatten(values.__dask_keys__())
        return [self._spec.TaskRef(key) for key in keys]

    def of_block(self, function, number, *args):
        """Return ``function(*args, *columns)`` of one block."""
        key = f"myhpo-first-{uuid.uuid4().hex}"
        columns = [one[number] for one in self._refs]
        tasks = {key: self._spec.Task(key, function, *args, *columns)}
        return self._compute(self._scheduler(), tasks, key)

    def sum_of_blocks(
        self, function, places, add, *, shared=None, wanted=None, n_added=8, watch=None
    ):
        """Return the sum of ``function(shared, place, *columns)`` over all blocks.

        Parameters
        ----------
        function : callable
            A module-level function; so is `add`, which returns the sum of its
            arguments.
        places : iterable
            Arguments of the function that differ by block, one for each block.
        shared : object, default=None
            Argument that is the same for all blocks; sent to each worker once.
        wanted : sequence of int, default=None
            Columns that the function gets; None for all.
        n_added : int, default=8
            Maximum number of arguments of `add`.
        watch : callable, default=None
            Called with the set of the numbers of the blocks that are done.
        """
        spec, token = self._spec, uuid.uuid4().hex
        call, name = f"myhpo-call-{token}", f"myhpo-block-{token}"
        tasks = {call: spec.DataNode(call, shared)}
        own = self._refs if wanted is None else [self._refs[one] for one in wanted]
        get = self._scheduler()
        with watched(get, name, function, watch) as function:
            level = []
            for number, place in enumerate(places):
                key, columns = (name, number), [one[number] for one in own]
                args = spec.TaskRef(call), place, *columns
                tasks[key] = spec.Task(key, function, *args)
                level.append(key)
            depth = 0
            while len(level) > 1:
                parts, level = level, []
                for start in range(0, len(parts), n_added):
                    refs = map(spec.TaskRef, parts[start : start + n_added])
                    key = (f"myhpo-sum-{token}", depth, start)
                    tasks[key] = spec.Task(key, add, *refs)
                    level.append(key)
                depth += 1
            return self._compute(get, tasks, level[0])

    def _scheduler(self):
        """Return the function of the scheduler that is current."""
        get = import_dask("dask.base").get_scheduler(collections=self._held)
        client = client_of(get)
        if client is not None:
            check_client(client)
        elif self._is_remote:
            raise ValueError(
                "Blocks of X, y or others are persisted in a cluster, but its Client "
                "is closed. Make a Client of the cluster again, and persist the "
                "collections as they were before."
            )
        return get

    def _compute(self, get, tasks, key):
        """Return the result of a task by a scheduler."""
        return run(get, {**self._tasks, **tasks}, key, self._blocks)


def _optimized(columns):
    """Return collections with fewer tasks and the same blocks."""
    arrays = [one for one in columns if one is not None and not is_frame(one)]
    # All at once, so that a y that is computed from X does not compute X again.
    found = iter(import_dask("dask").optimize(*arrays))
    return [
        # Frames are optimized one by one: together Dask would mix them up.
        one if one is None else one.optimize() if is_frame(one) else next(found)
        for one in columns
    ]
