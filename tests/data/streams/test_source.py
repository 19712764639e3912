"""Sums over blocks of rows: the same in every pass, and for every size of batches."""

import os
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data import Batches
from sklearn_myhpo.data.streams.block_checks import are_equal, column_sums
from sklearn_myhpo.data.streams.checks import as_dense
from sklearn_myhpo.data.streams.source import BatchSource, Sums
from sklearn_myhpo.engine.limits import use_limits

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y, WEIGHT = RNG.standard_normal(40), RNG.uniform(size=40)


def parts(size=5, has_weights=True):
    """Return batches that may be changed."""
    columns = (X, Y, WEIGHT) if has_weights else (X, Y)
    return [
        [one[start : start + size].copy() for one in columns]
        for start in range(0, 40, size)
    ]


class Seen(NamedTuple):
    """Blocks as they came."""

    blocks: tuple

    def plus(self, other):
        """Return those of both."""
        return Seen(self.blocks + other.blocks)


def see(block):
    """Return a copy of a block."""
    copied = [None if one is None else one.copy() for one in block[:3]]
    return Seen((block._replace(X=copied[0], y=copied[1], weight=copied[2]),))


def add_rows(block, power):
    """Return sums over the rows."""
    return Sums((block.n_rows, (block.X**power).sum(axis=0), block.y.sum()))


def joined(seen, column):
    """Return a column of all blocks."""
    return np.concatenate([as_dense(block[column]) for block in seen.blocks])


@pytest.mark.parametrize("is_first_asked", [False, True])
@pytest.mark.parametrize("size", [1, 3, 8, 40, 100])
def test_blocks_do_not_depend_on_batches(size, is_first_asked):
    """Rows would be lost between batches, or sums depend on their sizes."""
    with use_limits(block_entries=3):
        source = BatchSource(Batches(parts(size)))
        if is_first_asked:
            assert source.first().start == 0
            assert source.n_passes == 0
        for n_passes in (1, 2):
            seen = source.map_reduce(see)
            assert source.n_passes == n_passes
            assert source.n_samples == 40
            sizes = {block.n_rows for block in seen.blocks[:-1]}
            assert sizes == {8}
            for number, block in enumerate(seen.blocks):
                assert block.number == number
                assert block.start == 8 * number
            for column, expected in enumerate((X, Y, WEIGHT)):
                np.testing.assert_array_equal(joined(seen, column), expected)


def test_sums_are_the_same_for_all_batches():
    """A fit would change in its last digits with the size of the batches."""
    found = set()
    for size in (1, 7, 40):
        with use_limits(block_entries=3):
            total = BatchSource(Batches(parts(size))).map_reduce(add_rows, 2)
        n_rows, squares, sum_y = total.parts
        assert n_rows == 40
        np.testing.assert_allclose(squares, (X**2).sum(axis=0))
        found.add((*squares, sum_y))
    assert len(found) == 1


def test_arrays_that_are_filled_anew():
    """The next batch would overwrite rows that are in use."""
    room, y = np.empty((4, 3)), np.empty(4)

    def read():
        for start in range(0, 40, 4):
            room[:], y[:] = X[start : start + 4], Y[start : start + 4]
            yield room, y

    with use_limits(block_entries=1):
        seen = BatchSource(Batches(read)).map_reduce(see)
    np.testing.assert_array_equal(joined(seen, 0), X)
    np.testing.assert_array_equal(joined(seen, 1), Y)


def test_blocks_of_arrays_are_views():
    """A memory-mapped file would be copied."""
    with use_limits(block_entries=3):
        source = BatchSource(Batches.from_arrays(X, Y, batch_size=16))
        assert np.shares_memory(source.first().X, X)
        source.close()


@pytest.mark.parametrize("mixed", [False, True])
def test_sparse_rows_stay_sparse(mixed):
    """Rows of a million columns would be made dense."""
    given = parts(3)
    for number, batch in enumerate(given):
        if number == 0 or not (mixed and number % 2):
            batch[0] = sparse.csc_array(batch[0])
    with use_limits(block_entries=3):
        seen = BatchSource(Batches(given)).map_reduce(see)
    assert all(sparse.issparse(block.X) for block in seen.blocks)
    np.testing.assert_array_equal(joined(seen, 0), X)


def test_precision_is_kept_and_widened():
    """Rows in single precision would take twice the memory, or double ones be cut."""
    given = parts(8)
    for batch in given[:3]:
        batch[0] = batch[0].astype(np.float32)
    with use_limits(block_entries=6):
        source = BatchSource(Batches(given))
        seen = source.map_reduce(see)
    assert [block.X.dtype for block in seen.blocks] == [np.float32, *[np.float64] * 2]
    assert source.dtype == np.float64
    np.testing.assert_array_equal(joined(seen, 0)[24:], X[24:])


def test_keys_come_with_the_rows():
    """Folds by key would be those of other rows."""
    keys = np.array([f"user {k}" for k in range(40)])
    with use_limits(block_entries=3):
        batches = Batches.from_arrays(X, Y, key=keys, batch_size=7)
        seen = BatchSource(batches).map_reduce(see)
    assert np.concatenate([one.key for one in seen.blocks]).tolist() == keys.tolist()


def set_entry(column, row, value):
    """Return a change of one entry."""

    def change(batch):
        values = batch[column]
        values[(row, 1) if values.ndim == 2 else row] = value

    return change


def replaced(column, values):
    """Return a change of X or y."""

    def change(batch):
        batch[column : column + 1] = [values]

    return change


def appended(*values):
    """Return a change that adds columns."""
    return lambda batch: batch.extend(values)


@pytest.mark.parametrize("is_first_asked", [False, True])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_entry(0, 3, np.nan), "X of batch 2 contains NaN, first in row 3"),
        (set_entry(0, 1, -np.inf), "X of batch 2 contains infinity, first in row 1"),
        (set_entry(1, 4, np.nan), "y of batch 2 contains NaN, first in row 4"),
        (
            set_entry(2, 4, np.nan),
            "sample_weight of batch 2 contains NaN, first in",
        ),
        (
            set_entry(2, 1, -1),
            "sample_weight of batch 2 must not be negative. Got -1",
        ),
        (
            replaced(2, X[:5]),
            "sample_weight of batch 2 must have the shape of",
        ),
        (
            replaced(2, np.array(list("abcde"))),
            "sample_weight of batch 2 must be of",
        ),
        (replaced(0, X[:5, :2]), "X of batch 2 must have 3 features.*Got 2"),
        (replaced(0, X[:4]), "y of batch 2 must have as many rows as its X, 4"),
        (replaced(0, X[0]), "X of batch 2: Expected 2D array"),
        (replaced(0, np.full((5, 3), "a")), "X of batch 2: .*could not convert"),
        (replaced(1, None), "y of batch 2 is missing"),
        (replaced(1, np.zeros((5, 2))), "y of batch 2 must have the shape of the fir"),
        (replaced(1, np.array(list("abcde"))), "y of batch 2 must be of the type"),
        (lambda batch: batch.pop(), "Either all batches or none must have a sample_we"),
        (appended(Y[:5]), "Either all batches or none must have a key"),
        (appended(Y[:5], Y[:5]), r"Batch 2 must be \(X, y\) or \(X, y, sample_wei"),
    ],
)
def test_first_pass_names_the_batch(change, message, is_first_asked):
    """The user would look for one bad row among millions."""
    given = parts()
    change(given[2])
    with use_limits(block_entries=1):
        source = BatchSource(Batches(given))
        if is_first_asked:
            source.first()
        with pytest.raises(ValueError, match=message):
            source.map_reduce(see)
        # Again, after the first pass was not finished.
        with pytest.raises(ValueError, match=message):
            source.map_reduce(see)


@pytest.mark.parametrize("weights", [np.ones((40, 1)), np.full(40, "a")])
def test_bad_weights_of_all_batches(weights):
    """The error would be about shapes inside of a fit."""
    given = [(X, Y, weights)]
    with pytest.raises(ValueError, match="sample_weight of batch 0 must be one number"):
        BatchSource(Batches(given)).first()


@pytest.mark.parametrize("given", [[], [(X[:0], Y[:0])], [(X[:1], Y[:1])]])
def test_empty_sources(given):
    """A fit of no rows would fail with a message of NumPy."""
    source = BatchSource(Batches(given))
    with pytest.raises(ValueError, match="Batches must yield two rows or more"):
        source.map_reduce(see)


def test_wrong_number_of_rows():
    """Folds would be those of another number of rows."""
    source = BatchSource(Batches(parts(), n_samples=41))
    with pytest.raises(ValueError, match=r"n_samples=41 must yield as many.*Got 40"):
        source.map_reduce(see)
    for bad in (1, 2.0, "40", True):
        with pytest.raises(ValueError, match="n_samples must be an int >= 2"):
            Batches(parts(), n_samples=bad)


def test_frames():
    """Columns in another order would be taken for each other."""
    pd = pytest.importorskip("pandas")
    frames = [pd.DataFrame(X, columns=list(names)) for names in ("abc", "acb")]
    source = BatchSource(Batches([(frames[0], pd.Series(Y))] * 2))
    assert source.names == ["a", "b", "c"]
    assert source.head is frames[0]
    np.testing.assert_array_equal(joined(source.map_reduce(see), 0), np.vstack([X, X]))
    with pytest.raises(ValueError, match="X of batch 1 must have the columns of the f"):
        BatchSource(Batches([(one, Y) for one in frames])).map_reduce(see)


def permuted(given):
    """Rows of a batch in another order."""
    for column in range(3):
        given[1][column] = given[1][column][::-1]


def exchanged(given):
    """Batches in another order."""
    given[1], given[3] = given[3], given[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (permuted, "other rows than in the first pass, at batch 1"),
        (exchanged, "other rows than in the first pass, at batch 1"),
        (lambda given: set_entry(0, 2, 0.5)(given[3]), "other rows .* at batch 3"),
        (lambda given: set_entry(0, 2, np.nan)(given[3]), "other rows .* at batch 3"),
        (lambda given: set_entry(1, 2, 0.5)(given[0]), "other rows .* at batch 0"),
        (lambda given: set_entry(2, 2, 0.5)(given[0]), "other rows .* at batch 0"),
        (lambda given: given[2].pop(), "other rows .* at batch 2"),
        (lambda given: given.pop(), "no more batches, unlike the first pass, at batch"),
        (
            lambda given: given.append(given[0]),
            "more batches than the first pass, at ",
        ),
        (lambda given: replaced(0, X[:5, :2])(given[1]), "other rows .* at batch 1"),
    ],
)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_later_passes_notice_other_rows(change, message, offset):
    """Moments of some rows and losses of others would be mixed silently."""
    given = parts()
    for batch in given:
        batch[0] += offset
    source = BatchSource(Batches(given))
    source.map_reduce(see)
    source.map_reduce(see)
    change(given)
    with pytest.raises(ValueError, match=message):
        source.map_reduce(see)


@pytest.mark.parametrize("column", [1, 3])
def test_other_labels_or_keys_are_noticed(column):
    """Classes of some rows and predictions of others would be mixed silently."""
    given = [[X, np.full(40, "a"), WEIGHT, np.full(40, "a")]]
    source = BatchSource(Batches(given))
    source.map_reduce(see)
    given[0][column] = np.where(np.arange(40) == 3, "b", given[0][column])
    with pytest.raises(ValueError, match=r"other rows .* at batch 0"):
        source.map_reduce(see)


@pytest.mark.parametrize("kind", ["U", "S", "U99", object])
@pytest.mark.parametrize("n_rows", [3, 40])
def test_texts_in_another_order_are_noticed(kind, n_rows):
    """Rows that change places would be held out with the rows of another user."""
    names = np.array([f"user {row}" for row in range(n_rows)]).astype(kind)
    known = column_sums(names)
    for other in (names[::-1], np.roll(names, 1), names[:-1], np.roll(names[1:], 2)):
        assert not are_equal(column_sums(other), known)
    changed = names.copy()
    changed[-1] = "user x"
    assert not are_equal(column_sums(changed), known)
    assert are_equal(column_sums(np.repeat(names, 2)[::2]), known)


def threads():
    """Return the threads that read."""
    return [one for one in threading.enumerate() if one.name == "read-ahead"]


def fail(block):
    """Raise an error in a pass."""
    raise ZeroDivisionError(block.number)


@pytest.mark.parametrize("end", ["pass", "error", "close", "forgotten"])
def test_no_thread_is_left(end):
    """Threads and open files would pile up in a process that fits for days."""
    closed = []

    def read():
        try:
            yield from parts()
        finally:
            closed.append(True)

    with use_limits(block_entries=1):
        source = BatchSource(Batches(read))
        source.first()
        if end == "pass":
            source.map_reduce(see)
        elif end == "error":
            with pytest.raises(ZeroDivisionError):
                source.map_reduce(fail)
        elif end == "close":
            with source:
                source.first()
        del source
    for thread in threads():
        thread.join(5)
    assert not threads()
    assert closed == [True]


def test_next_batch_is_read_while_this_one_is_in_use():
    """Disk and processor would wait for each other; or all batches be read ahead."""
    begun, ahead = [threading.Event() for _ in range(12)], []

    def read():
        for number in range(10):
            begun[number].set()
            yield X[:8] + number, Y[:8]
        begun[10].set()

    def task(block):
        # Without reading ahead nobody would set it.
        assert begun[block.number + 1].wait(30)
        time.sleep(0.002)
        ahead.append(sum(one.is_set() for one in begun) - 1 - block.number)
        return Sums((1,))

    with use_limits(block_entries=3):
        BatchSource(Batches(read)).map_reduce(task)
    # One is ready, one is being read.
    assert max(ahead) <= 2


INTERRUPTED = """
import _thread, signal, threading, time
import numpy as np
from sklearn_myhpo.data import Batches
from sklearn_myhpo.data.streams.source import BatchSource, Sums

# Shells ignore the signal in jobs of the background.
signal.signal(signal.SIGINT, signal.default_int_handler)

def read():
    for number in range(1000):
        if number == 3:
            _thread.interrupt_main()
        time.sleep(0.01)
        yield np.ones((2048, 3)) * number, np.ones(2048)

def task(block):
    return Sums((1,))

try:
    BatchSource(Batches(read)).map_reduce(task)
except KeyboardInterrupt:
    names = [one.name for one in threading.enumerate()]
    print("interrupted", "read-ahead" in names)
"""


@pytest.mark.slow
def test_interrupt_ends_the_reading():
    """Ctrl-C would wait for the end of the pass, or leave a thread that reads."""
    found = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert found.stdout.split() == ["interrupted", "False"], found.stderr
