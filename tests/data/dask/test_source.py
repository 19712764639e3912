"""Rows from Dask: blocks stay where they are, whatever scheduler works on them."""

import os
import signal
import threading
import time
import tracemalloc
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import KeyFolds, RowFolds
from sklearn_myhpo.data.dask.blocks import is_dask
from sklearn_myhpo.data.dask.source import MOST_DASK_FEATURES, DaskSource
from sklearn_myhpo.data.folds.rules import fold_rule
from sklearn_myhpo.data.streams.source import Sums

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pd = pytest.importorskip("pandas")
distributed = pytest.importorskip("distributed")

N_ROWS, N_FEATURES = 400, 5
NAMES = list("abcde")
UNEVEN = (70, 0, 30, 300)


def data():
    """Return X, y and weights in memory."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, N_FEATURES)) + 1.0
    y = X @ np.arange(1.0, N_FEATURES + 1) + 5.0 * rng.normal(size=N_ROWS)
    return X, y, rng.uniform(0.5, 2.0, size=N_ROWS)


def as_frame(X):
    """Return X as a frame of Dask with three blocks."""
    return dd.from_pandas(pd.DataFrame(X, columns=NAMES), npartitions=3)


def as_series(y):
    """Return y as a series with the blocks of `as_frame`."""
    return dd.from_pandas(pd.Series(y, name="y"), npartitions=3)


def even(X):
    """Return rows in blocks of 100."""
    return da.from_array(X, chunks=(100, *X.shape[1:]))


def uneven(X):
    """Return rows in blocks of very different sizes, one of them empty."""
    return da.from_array(X, chunks=(UNEVEN, *X.shape[1:]))


#: How X and y may come.
COLLECTIONS = {
    "blocks": lambda X, y: (even(X), even(y)),
    "uneven blocks": lambda X, y: (uneven(X), even(y)),
    "persisted": lambda X, y: dask.persist(even(X), uneven(y)),
    "unknown sizes": lambda X, y: (
        as_frame(X).to_dask_array(),
        as_series(y).to_dask_array(),
    ),
    "frames": lambda X, y: (as_frame(X), as_series(y)),
    "persisted frames": lambda X, y: dask.persist(as_frame(X), as_series(y)),
    "frame and array": lambda X, y: (as_frame(X), as_series(y).to_dask_array()),
    "filtered": lambda X, y: (as_frame(X)[as_frame(X)["a"] > -9.0], as_series(y)),
    "sparse blocks": lambda X, y: (even(X).map_blocks(sparse.csr_matrix), even(y)),
    "sparse in triples": lambda X, y: (even(X).map_blocks(sparse.coo_matrix), even(y)),
    "y from X": lambda X, y: (
        even(np.c_[X, y])[:, :-1].rechunk({1: -1}),
        even(np.c_[X, y])[:, -1],
    ),
    "single precision": lambda X, y: (even(X.astype(np.float32)), even(y)),
    "a column": lambda X, y: (even(X), even(y[:, None])),
}


#: A process takes seconds to start.
PROCESSES = pytest.param("processes", marks=pytest.mark.slow)
needs_processes = pytest.mark.parametrize("client", [PROCESSES], indirect=True)


@pytest.fixture(scope="module", params=["threads", PROCESSES])
def client(request):
    """A cluster of two workers, on this machine."""
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=request.param == "processes",
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def products(block, factor):
    """Return sums over a block, and what a task may know of it."""
    X = block.X.toarray() if sparse.issparse(block.X) else block.X
    y = block.y.reshape(len(X)).astype(float)
    numbers = np.arange(block.start, block.start + len(X)) + 1.0
    weight = np.ones(len(X)) if block.weight is None else block.weight
    return Sums((factor * X.T @ X, X.T @ y, numbers @ y, weight.sum()))


def check_sums(source, X, y, weight, rtol=1e-9):
    """Raise unless two passes find the sums over all rows."""
    for factor in (1.0, 2.0):
        found = source.map_reduce(products, factor).parts
        wanted = factor * X.T @ X, X.T @ y, np.arange(1, len(y) + 1) @ y, weight.sum()
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=rtol)
    assert source.n_passes == 2
    assert source.n_samples == len(y)
    assert source.n_features == X.shape[1]


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_sums_are_those_of_all_rows(kind):
    """A model of a Dask array would be one of some of its rows, or in another order."""
    X, y, _ = data()
    source = DaskSource(*COLLECTIONS[kind](X, y))
    rtol = 1e-5 if kind == "single precision" else 1e-9
    check_sums(source, X, y, np.ones(len(y)), rtol)
    assert source.dtype == (np.float32 if kind == "single precision" else np.float64)
    names = NAMES if hasattr(source.head, "columns") else None
    assert source.names == names


def test_cluster_finds_the_same_sums(client):
    """Processes of a cluster would add up other rows than threads."""
    X, y, _ = data()
    check_sums(DaskSource(*COLLECTIONS["frames"](X, y)), X, y, np.ones(len(y)))


def test_weights_and_groups_come_with_their_rows():
    """Weights or groups would belong to other rows."""
    X, y, weight = data()
    key = np.array(["left", "right"])[np.arange(N_ROWS) % 2]
    groups = da.from_array(key, chunks=33)
    source = DaskSource(uneven(X), even(y), even(weight), groups)
    check_sums(source, X, y, weight)
    labels = source.map_reduce(folds_of_block, KeyFolds(2)).parts
    for name in ("left", "right"):
        assert len(np.unique(np.asarray(labels[0])[key == name])) == 1
    first = source.first()
    np.testing.assert_array_equal(first.key, key[: first.n_rows])
    np.testing.assert_array_equal(first.weight, weight[: first.n_rows])


class Joined(Sums):
    """Lists that are joined, in any order of the blocks."""

    def plus(self, other):
        return Joined(
            tuple(a + b for a, b in zip(self.parts, other.parts, strict=True))
        )


def folds_of_block(block, rule):
    """Return the folds of the rows."""
    return Joined((rule.labels(block).tolist(),))


@pytest.mark.parametrize("is_classifier", [False, True])
def test_folds_are_scikit_learns(is_classifier):
    """The folds of a Dask array would be others than those of the same rows."""
    from sklearn.model_selection import check_cv

    X, y, _ = data()
    y = np.where(y > y.mean(), "high", "low") if is_classifier else y
    wanted = np.empty(N_ROWS, dtype=int)
    cv = check_cv(4, y, classifier=is_classifier)
    for fold, (_, held_out) in enumerate(cv.split(X, y)):
        wanted[held_out] = fold
    source = DaskSource(uneven(X), uneven(y))
    rule = fold_rule(4, source, is_classifier=is_classifier)
    found = source.map_reduce(folds_of_block, rule).parts[0]
    np.testing.assert_array_equal(found, wanted)


def test_unknown_rows_are_counted_by_y_alone(tmp_path):
    """X would be computed once more, only to count its rows."""
    X, y, _ = data()
    log = tmp_path / "log"
    noted = as_frame(X).map_partitions(_noted, str(log), meta=as_frame(X)._meta)
    source = DaskSource(noted, as_series(y))
    assert source.n_samples == N_ROWS
    assert not log.exists()


def _noted(X, log):
    with Path(log).open("a") as file:
        file.write("once\n")
    return X


def test_one_task_per_block_and_a_tree_of_sums():
    """A pass over many blocks would hold all results, or compute a block twice."""
    X, y, _ = data()
    source = DaskSource(da.from_array(X, chunks=(10, N_FEATURES)), even(y))
    seen = []
    with dask.config.set(scheduler="synchronous"), _Keys(seen):
        source.map_reduce(products, 1.0)
    names = [key[0].rpartition("-")[0] for key in seen if isinstance(key, tuple)]
    assert names.count("myhpo-block") == 40
    # 40 results, up to 8 at a time: 5 and 1.
    assert names.count("myhpo-sum") == 6


class _Keys(dask.callbacks.Callback):
    """Notes the keys of tasks."""

    def __init__(self, seen):
        super().__init__(pretask=lambda key, *_: seen.append(key))


def test_watch_is_told_of_blocks(client):
    """The line about a pass would stand still, or end before all rows are done."""
    X, y, _ = data()
    told = {}
    for name in ("threads", client):
        own = told.setdefault(str(name), [])
        source = DaskSource(uneven(X), even(y))
        source.watch = lambda *numbers, own=own: own.append(numbers)
        with dask.config.set(scheduler=name):
            source.map_reduce(products, 1.0)
            source.map_reduce(products, 1.0)
    for own in told.values():
        for n_pass in (1, 2):
            rows = [n_rows for number, n_rows in own if number == n_pass]
            assert rows.pop() is None
            assert rows == sorted(rows)
            # News of the last blocks of a cluster may come too late.
            assert 0 < rows[-1] <= N_ROWS
    assert told["threads"][-2:] == [(2, N_ROWS), (2, None)]


# Refusals.


def _with(column, row, value):
    """Return a function that changes one entry of rows."""

    def change(block):
        block = block.copy()
        if block.ndim == 2:
            block[row, column] = value
        else:
            block[row] = value
        return block

    return change


def _third(values, change):
    """Return rows of which the block number 3 is changed."""

    def of_block(block, block_info=None):
        place = block_info[0]["chunk-location"][0] if block_info else 0
        return change(block) if place == 3 else block

    return values.map_blocks(of_block, dtype=values.dtype, meta=values._meta)


BAD_BLOCKS = {
    "NaN in X": (
        _with(2, 7, np.nan),
        None,
        "X of block 3 contains NaN, first in row 7",
    ),
    "infinity in X": (
        _with(2, 9, np.inf),
        None,
        "X of block 3 contains infinity, first in row 9",
    ),
    "NaN in y": (
        None,
        _with(0, 5, np.nan),
        "y of block 3 contains NaN, first in row 5",
    ),
    "another width": (
        lambda X: X[:, :3],
        None,
        "X of block 3 must have 5 features, as the first block. Got 3",
    ),
    "another length": (
        lambda X: X[:40],
        None,
        "X of block 3 must have 100 rows, as the chunks or the y of Dask have. Got 40",
    ),
    "texts": (
        lambda X: np.full(X.shape, "text"),
        None,
        "X of block 3: could not convert string to float",
    ),
    "target of texts": (
        None,
        lambda y: np.full(len(y), "text"),
        "y of block 3 must be of the type of the first",
    ),
    "target of two columns": (
        None,
        lambda y: np.c_[y, y],
        "y of block 3 must have the shape of the first",
    ),
}


@pytest.mark.parametrize("kind", BAD_BLOCKS)
def test_first_pass_names_block_and_row(kind):
    """Nobody would find the bad row among millions."""
    change_X, change_y, message = BAD_BLOCKS[kind]
    X, y, _ = data()
    X, y = even(X), even(y)
    X = X if change_X is None else _third(X, change_X)
    y = y if change_y is None else _third(y, change_y)
    source = DaskSource(X, y)
    with pytest.raises(ValueError, match=message):
        source.map_reduce(products, 1.0)


def test_error_of_a_worker_names_block_and_row(client):
    """An error in another process would come as a riddle."""
    X, y, _ = data()
    model = MYHPORidge().fit(X, y)
    before = dict(vars(model))
    bad = _third(even(X), _with(1, 11, np.nan))
    with pytest.raises(ValueError, match="X of block 3 contains NaN, first in row 11"):
        model.fit(bad, even(y))
    assert vars(model).keys() == before.keys()
    assert model.coef_ is before["coef_"]


def test_frame_with_other_columns_in_a_block_is_refused():
    """Columns would be mixed up."""
    X, y, _ = data()
    frame = as_frame(X)
    parts = frame.to_delayed()
    parts[1] = dask.delayed(lambda one: one[NAMES[::-1]])(parts[1])
    mixed = dd.from_delayed(parts, meta=frame._meta, verify_meta=False)
    source = DaskSource(mixed, as_series(y))
    with pytest.raises(ValueError, match="X of block 1 must have the columns of the"):
        source.map_reduce(products, 1.0)


def test_flags_and_whole_numbers_of_a_frame_are_numbers():
    """Frames would be refused that are taken in memory."""
    X, y, _ = data()
    frame = pd.DataFrame(X, columns=NAMES)
    frame = frame.assign(a=frame["a"] > 1.0, b=frame["b"].round().astype(int))
    found = MYHPORidge().fit(dd.from_pandas(frame, npartitions=3), as_series(y))
    wanted = MYHPORidge().fit(frame, y)
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-9)


def test_negative_weights_are_refused():
    """Losses would be subtracted."""
    X, y, weight = data()
    bad = _third(even(weight), _with(0, 3, -1.0))
    source = DaskSource(even(X), even(y), bad)
    with pytest.raises(ValueError, match="sample_weight of block 3 must not be negat"):
        source.map_reduce(products, 1.0)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("which", ["X", "y"])
def test_rows_drawn_anew_are_refused(which):
    """A fit of several passes would be one of no data at all."""
    X, y, _ = data()

    def drawn(block):
        return block + np.random.default_rng().normal(size=block.shape)

    X, y = even(X), even(y)
    if which == "X":
        X = X.map_blocks(drawn, dtype=float)
    else:
        y = y.map_blocks(drawn, dtype=float)
    source = DaskSource(X, y)
    source.map_reduce(products, 1.0)
    with pytest.raises(ValueError, match=r"were different in a later pass.*persist"):
        source.map_reduce(products, 1.0)


REFUSED = {
    "blocks of columns": (
        lambda X, y: (even(X).rechunk((100, 2)), even(y)),
        r"3 blocks of columns in a row, \(2, 2, 1\). Use X.rechunk\({1: -1}\)",
    ),
    "a vector": (lambda X, y: (even(y), even(y)), r"X\[:, None\] makes one feature"),
    "y in memory": (
        lambda X, y: (even(X), y),
        r"y must be an array or a frame of Dask as X is. Got ndarray. "
        r"dask.array.from_array\(y, chunks=X.chunks\[0\]\)",
    ),
    "no array": (
        lambda X, y: (even(X), dask.delayed(y)),
        "y must be an array or a frame of Dask.*Got Delayed.*from_delayed",
    ),
    "fewer rows": (
        lambda X, y: (even(X), even(y[:-1])),
        "y must have as many rows as X, 400. Got 399",
    ),
    "other blocks of unknown size": (
        lambda X, y: (even(X), as_series(y).to_dask_array()),
        "y must have the blocks of X, 4. Got 3 blocks .* compute_chunk_sizes",
    ),
    "other divisions": (
        lambda X, y: (
            as_frame(X),
            as_series(y).repartition(divisions=[0, 10, 20, N_ROWS - 1]),
        ),
        "y must have the divisions of X.*repartition",
    ),
    "categories": (
        lambda X, y: (as_frame(X).assign(city="Rome", when="a"), as_series(y)),
        r"\['city', 'when'\].*map_partitions\(transformer.transform\)",
    ),
    "too many features": (
        lambda X, y: (da.zeros((10, MOST_DASK_FEATURES + 1)), da.zeros(10)),
        "X has 20001 features. One matrix of all their pairs takes 3.2 GB",
    ),
    "no rows": (
        lambda X, y: (da.zeros((0, 3)), da.zeros(0)),
        "X must have two rows or more",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_collections_that_do_not_fit_are_refused_with_advice(kind):
    """Users would wait for a cluster to fail, and not know what to change."""
    X, y, _ = data()
    make, message = REFUSED[kind]
    with pytest.raises((ValueError, TypeError), match=message):
        MYHPORidge().fit(*make(X, y))


def test_dask_is_named_where_it_is_missing(monkeypatch):
    """The message would be that of a missing module of somebody else."""
    import sklearn_myhpo._messages as messages

    def missing(name):
        raise ImportError(name)

    X, y, _ = data()
    X, y = even(X), even(y)
    monkeypatch.setattr(messages.importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"needs the package dask.*\.\[dask\]"):
        MYHPORidge().fit(X, y)


def test_only_collections_are_taken_for_dask():
    """Arrays in memory would be sent to a scheduler."""
    X, y, _ = data()
    assert is_dask(even(X))
    assert is_dask(as_frame(X))
    assert is_dask(as_series(y))
    for other in (X, sparse.csr_array(X), pd.DataFrame(X), [1, 2], None):
        assert not is_dask(other)


# Fits.


def check_fits(scheduler):
    """Raise unless fits by a scheduler are those of rows in memory."""
    X, y, weight = data()
    label = np.where(y > np.median(y), "high", "low")
    with dask.config.set(scheduler=scheduler):
        found = MYHPORidge(feature_groups="each").fit(uneven(X), even(y), even(weight))
        classes = MYHPOLogisticRegression(cv=RowFolds(3)).fit(
            as_frame(X), as_series(label)
        )
        lazy = classes.predict_proba(as_frame(X))
        assert is_dask(lazy)
        probabilities = lazy.compute()
    wanted = MYHPORidge(feature_groups="each").fit(X, y, weight)
    np.testing.assert_allclose(found.lambda_, wanted.lambda_, atol=1e-8)
    np.testing.assert_allclose(found.coef_, wanted.coef_, rtol=1e-9)
    frame = pd.DataFrame(X, columns=NAMES)
    wanted = MYHPOLogisticRegression(cv=RowFolds(3)).fit(frame, label)
    np.testing.assert_allclose(classes.lambda_, wanted.lambda_, atol=1e-8)
    np.testing.assert_allclose(classes.coef_, wanted.coef_, rtol=1e-6)
    np.testing.assert_allclose(probabilities, wanted.predict_proba(frame), atol=1e-6)
    assert classes.feature_names_in_.tolist() == NAMES


def test_fits_are_those_of_rows_in_memory():
    """Blocks would give another model than the rows."""
    check_fits("threads")


def test_fits_of_a_cluster_are_those_of_rows_in_memory(client):
    """A cluster would learn another model."""
    check_fits(client)


def test_result_does_not_depend_on_blocks_or_workers(client):
    """The same data would give another model on another cluster."""
    X, y, _ = data()
    fits = [MYHPORidge().fit(even(X), even(y)), MYHPORidge().fit(uneven(X), uneven(y))]
    with dask.config.set(scheduler="threads"):
        fits.append(MYHPORidge().fit(even(X), even(y)))
    assert fits[0].lambda_ == fits[2].lambda_
    np.testing.assert_array_equal(fits[0].coef_, fits[2].coef_)
    np.testing.assert_allclose(fits[0].lambda_, fits[1].lambda_, atol=1e-8)
    np.testing.assert_allclose(fits[0].coef_, fits[1].coef_, rtol=1e-9)


@needs_processes
def test_nothing_as_long_as_the_rows_comes_to_the_caller(client):
    """A cluster's rows would not fit into the memory of a laptop."""
    peaks = []
    for n_rows in (100_000, 2_000_000):
        random = da.random.default_rng(0)
        chunks = (n_rows // 20, 4)
        X = random.standard_normal((n_rows, 4), chunks=chunks, dtype=np.float32)
        y = X.sum(axis=1)
        MYHPORidge().fit(X[:1000], y[:1000])
        tracemalloc.start()
        try:
            model = MYHPORidge().fit(X, y + 0.5)
            assert model.predict(X).shape == (n_rows,)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    # A byte for each row would be more.
    assert peaks[1] - peaks[0] < 1_000_000


# Faults.


def _dies(block, log, n_before):
    """Return a block; the process dies in the call after some others, once."""
    with Path(log).open("a") as file:
        file.write("x")
    if os.path.getsize(log) > n_before:
        # Two workers may come here together.
        with suppress(FileExistsError):
            Path(f"{log}.died").touch(exist_ok=False)
            os._exit(1)
    return block


@needs_processes
def test_worker_that_dies_does_not_change_the_result(client, tmp_path):
    """A fit of hours would be lost with one machine."""
    # More rows than are kept, so that there are several passes.
    rng = np.random.default_rng(1)
    X = rng.normal(size=(20_000, N_FEATURES))
    label = (X.sum(axis=1) + 3.0 * rng.normal(size=len(X)) > 0).astype(int)
    X = da.from_array(X, chunks=(5_000, N_FEATURES))
    label, log = da.from_array(label, chunks=5_000), tmp_path / "log"
    # In the second pass, while y has blocks on the worker that dies.
    kept = label.persist()
    distributed.wait(kept)
    deadly = X.map_blocks(_dies, str(log), 6, dtype=float)
    pids = set(client.run(os.getpid).values())
    model = MYHPOLogisticRegression(cv=RowFolds(3))
    found = clone(model).fit(deadly, kept)
    assert log.stat().st_size > 12
    client.wait_for_workers(2)
    assert set(client.run(os.getpid).values()) != pids
    with dask.config.set(scheduler="threads"):
        wanted = clone(model).fit(X, label)
    assert found.lambda_ == wanted.lambda_
    np.testing.assert_array_equal(found.coef_, wanted.coef_)


def _slow(block):
    time.sleep(0.1)
    return block


def _n_tasks(dask_scheduler):
    return len(dask_scheduler.tasks)


needs_signals = pytest.mark.skipif(
    os.name == "nt" or threading.current_thread() is not threading.main_thread(),
    reason="POSIX sends signals to the main thread",
)


@contextmanager
def interrupted_soon(after):
    """Send the signal of Ctrl-C, which Python may have been told to ignore."""
    # Shells ignore the signal in jobs of the background.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, handler)


def check_interrupt(scheduler, after, most):
    """Interrupt a fit that would take ten seconds, and fit again."""
    X, y, _ = data()
    model = MYHPORidge().fit(X, y)
    before, coef = set(vars(model)), model.coef_.copy()
    slow = da.from_array(X, chunks=(2, N_FEATURES)).map_blocks(_slow, dtype=float)
    started = time.monotonic()
    with (
        interrupted_soon(after),
        dask.config.set(scheduler=scheduler, num_workers=2),
    ):
        model.fit(slow, even(y))
    assert time.monotonic() - started < most
    assert set(vars(model)) == before
    np.testing.assert_array_equal(model.coef_, coef)
    return model, coef


def check_fit_again(model, coef):
    """Raise unless a fit after an interrupted one is what it would have been."""
    X, y, _ = data()
    model.fit(even(X), even(y))
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-9)


@needs_signals
def test_interrupt_leaves_no_half_fit():
    """Ctrl-C would leave a broken model, or be heard when all blocks are done."""
    check_fit_again(*check_interrupt("threads", after=0.3, most=8))


def _wait_for_no_tasks(client):
    deadline = time.monotonic() + 10
    while client.run_on_scheduler(_n_tasks) and time.monotonic() < deadline:
        time.sleep(0.05)
    return client.run_on_scheduler(_n_tasks) == 0


@needs_processes
@needs_signals
def test_interrupt_leaves_no_tasks(client):
    """A cluster would work for nobody."""
    _wait_for_no_tasks(client)
    model, coef = check_interrupt(client, after=0.8, most=8)
    assert _wait_for_no_tasks(client)
    check_fit_again(model, coef)
