"""Faults of clusters of Dask: fits end with an error that names the block."""

import os
import threading
import time
import warnings

import numpy as np
import pytest

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data.dask import faults, workers

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")
distributed = pytest.importorskip("distributed")
task_spec = pytest.importorskip("dask.task_spec")

N_ROWS, N_FEATURES = 400, 3
X = np.random.default_rng(0).normal(size=(N_ROWS, N_FEATURES))
Y = X.sum(axis=1) + np.random.default_rng(1).normal(size=N_ROWS)
BLOCKS = da.from_array(X, chunks=(100, N_FEATURES))
TARGET = da.from_array(Y, chunks=100)
FRAME = dd.from_pandas(pd.DataFrame(X, columns=list("abc")), npartitions=4)
SERIES = dd.from_pandas(pd.Series(Y, name="y"), npartitions=4)


def _exit(block, number=2, block_info=None):
    """End the process that makes a block."""
    if block_info and block_info[0]["chunk-location"][0] == number:
        os._exit(1)
    return block


def _exit_of_frame(part, least):
    """End the process that makes the part with a row of a frame."""
    if len(part) and part.index[0] == least:
        os._exit(1)
    return part


def _fill(block, block_info=None):
    """Take memory until the process is ended."""
    if block_info and block_info[0]["chunk-location"][0] == 2:
        held = []
        while True:
            held.append(np.ones(2**20))
            time.sleep(0.005)
    return block


def _wait(block):
    time.sleep(0.2)
    return block


def mapped(function):
    """Return the blocks after a function."""
    return BLOCKS.map_blocks(function, dtype=float, meta=np.empty((0, N_FEATURES)))


@pytest.fixture
def deadly():
    """A cluster of a process of little memory; two deaths end a task."""
    option = {"distributed.scheduler.allowed-failures": 1}
    with (
        dask.config.set(option),
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            memory_limit="350MiB",
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def n_tasks(dask_scheduler):
    """Return the number of tasks of a scheduler."""
    return len(dask_scheduler.tasks)


def check_error(client, rows, target, message, model=None):
    """Raise unless a fit ends with a message, without tasks or a half-fitted model."""
    model = MYHPORidge() if model is None else model
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with pytest.raises(RuntimeError, match=message):
            model.fit(rows, target)
    assert not hasattr(model, "coef_")
    deadline = time.monotonic() + 5
    while client.run_on_scheduler(n_tasks) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert client.run_on_scheduler(n_tasks) == 0


#: A worker may have begun the next block too.
WHERE = r"at work on block .*\b2 \(rows 200 to 299\)"
DEADLY = {
    "array": (lambda: (mapped(_exit), TARGET), rf"{WHERE}.*X\.rechunk\(\{{0: 50\}}\)"),
    "labels": (lambda: (BLOCKS, TARGET.map_blocks(_exit, dtype=float)), WHERE),
    "frame": (
        lambda: (FRAME.map_partitions(_exit_of_frame, 200, meta=FRAME._meta), SERIES),
        r"block .*\b2\b.* .*npartitions=8.*X\.get_partition\([2i]\)\.compute\(\)",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DEADLY)
def test_block_that_kills_its_worker_is_named(monkeypatch, deadly, kind):
    """The message would name a key of Dask, and nothing to change."""
    monkeypatch.setattr(workers, "MOST_WAIT", 8.0)
    make, message = DEADLY[kind]
    check_error(deadly, *make(), message)


@pytest.mark.slow
def test_block_beyond_the_memory_of_a_worker_ends_the_fit(monkeypatch, deadly):
    """A fit would wait for ever, and nobody would know that blocks are too large."""
    monkeypatch.setattr(workers, "MOST_WAIT", 8.0)
    # A new worker may end before it begins the block, so that none is named.
    message = r"(ran out of memory|died).*memory of a worker: make smaller blocks"
    check_error(deadly, mapped(_fill), TARGET, message)


@pytest.mark.slow
def test_process_that_dies_is_explained():
    """The message would be about a pool, and nothing to change."""
    model, rows = MYHPORidge(), mapped(_exit)
    with (
        dask.config.set(scheduler="processes", num_workers=1),
        pytest.raises(RuntimeError, match=r"process of Dask died.*smaller blocks"),
    ):
        model.fit(rows, TARGET)
    assert not hasattr(model, "coef_")


@pytest.fixture
def client():
    """A cluster of one worker in this process."""
    with (
        distributed.LocalCluster(
            n_workers=1, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("which", ["cluster", "client"])
def test_cluster_that_is_closed_ends_the_fit(client, which, verbose):
    """A fit would wait for a cluster that is gone, or speak of a cancelled key."""
    closed = client.cluster if which == "cluster" else client
    later = threading.Timer(0.3, closed.close)
    model = MYHPOLogisticRegression(verbose=verbose)
    later.start()
    with pytest.raises(RuntimeError, match=r"lost its cluster of Dask.*fit again"):
        model.fit(mapped(_wait), TARGET > 0)
    later.join()
    assert not hasattr(model, "coef_")


@pytest.mark.slow
@pytest.mark.parametrize("is_error", [False, True])
def test_workers_that_are_sent_away_are_waited_for(monkeypatch, client, is_error):
    """A fit would stand still without a word while its cluster has no worker."""
    monkeypatch.setattr(workers, "LOOK", 0.05)
    monkeypatch.setattr(workers, "QUIET_WAIT", 0.1)
    monkeypatch.setattr(workers, "MOST_WAIT", 0.2)
    cluster, message = client.cluster, "are gone; the fit waits for one"
    timers = [threading.Timer(0.3, cluster.scale, [0])]
    if not is_error:
        timers.append(threading.Timer(2.0, cluster.scale, [1]))
    for timer in timers:
        timer.start()
    if is_error:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning, match=message):
                MYHPORidge().fit(mapped(_wait), TARGET)
    else:
        with pytest.warns(UserWarning, match=message):
            model = MYHPORidge().fit(mapped(_wait), TARGET)
        np.testing.assert_allclose(model.coef_, MYHPORidge().fit(X, Y).coef_)
    for timer in timers:
        timer.join()


def test_wait_for_dead_workers_is_that_of_the_option(monkeypatch):
    """Users with slow queues could not wait longer for workers than others."""
    waits = {None: 60.0, "2h": 7200.0}
    for given, wanted in waits.items():
        with dask.config.set({workers.WAIT_OPTION: given}):
            assert workers._most_wait() == wanted


class _Events:
    """A client whose cluster has noted events."""

    def __init__(self, *events):
        self._events = events

    def get_events(self, topic):
        """Return the events of a topic, with their times."""
        return [(0.0, event) for name, event in self._events if name == topic]


def removal(*keys, worker="tcp://a"):
    """Return the event of a worker that left while it was at work on tasks."""
    event = {"action": "remove-worker", "processing-tasks": set(keys)}
    return "all", {**event, "worker": worker}


def blocks_and_tasks():
    """Return `Blocks`, the tasks that make them, and the keys of X."""
    lazy = dask.optimize(mapped(_wait))[0]
    refs = [[task_spec.TaskRef(key) for (key,) in lazy.__dask_keys__()]]
    return faults.Blocks(refs, [lazy]), dict(lazy.__dask_graph__()), refs[0]


def test_block_of_all_deaths_is_the_suspect():
    """Workers of several threads are at work on blocks that do no harm."""
    blocks, tasks, refs = blocks_and_tasks()
    keys = [one.key for one in refs]
    removals = removal(keys[0], keys[2]), removal(), removal(keys[2], keys[3])
    clause, advice = faults._deaths(_Events(*removals), tasks, blocks)
    assert "All workers of Dask died" in clause
    assert "block 2 (rows 200 to 299)" in clause
    assert "X.blocks[2].compute()" in advice
    full = ("worker-restart-memory", {"worker": "tcp://a"})
    clause, _ = faults._deaths(_Events(*removals, full), tasks, blocks)
    assert "ran out of memory" in clause
    elsewhere = removal("another task")
    clause, advice = faults._deaths(_Events(elsewhere, full), tasks, blocks)
    assert clause == "All workers of Dask died"
    assert "X.blocks[i].compute()" in advice


def test_workers_that_were_sent_away_did_not_die():
    """A cluster that is made smaller would end a fit as if blocks had killed it."""
    blocks, tasks, refs = blocks_and_tasks()
    closing = "tcp://a", {"action": "closing-worker"}
    events = removal(refs[1].key), closing
    assert faults._deaths(_Events(), tasks, blocks) is None
    assert faults._deaths(_Events(*events), tasks, blocks) is None
    full = "worker-restart-memory", {"worker": "tcp://a"}
    assert faults._deaths(_Events(*events, full), tasks, blocks) is not None


class _Cluster(_Events):
    """A client whose cluster loses its worker, and that notes cancelled tasks."""

    def __init__(self):
        super().__init__(removal("a task"))
        self.cancelled, self._n_looks = threading.Event(), 0

    def nthreads(self):
        """Return a worker at the first look only."""
        self._n_looks += 1
        return {"tcp://a": 1} if self._n_looks == 1 else {}

    def cancel(self, futures):
        """Note that tasks were cancelled."""
        self.cancelled.set()


def test_wait_for_dead_workers_ends(monkeypatch):
    """A fit would wait for ever: nannies do not replace workers that die at once."""
    monkeypatch.setattr(workers, "LOOK", 0.02)
    monkeypatch.setattr(workers, "QUIET_WAIT", 0.05)
    monkeypatch.setattr(workers, "MOST_WAIT", 0.2)
    monkeypatch.setattr(distributed, "Future", lambda key, client: key)
    blocks, tasks, _ = blocks_and_tasks()
    client = _Cluster()

    def died():
        return faults._deaths(client, tasks, blocks)

    message = "workers of Dask died; the fit waits for another one"
    with (
        pytest.warns(UserWarning, match=message),
        workers.WorkerWatch(client, "a task", died) as watch,
    ):
        assert client.cancelled.wait(5)
    assert "none has come back in 0 s. Either the work" in str(watch.error)
