"""Refusals of the first pass, and changes that later passes notice."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.data import Batches
from sklearn_myhpo.data.streams.checks import Checksum
from sklearn_myhpo.data.streams.reader import BatchReader

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 3))
Y = RNG.standard_normal(20)


def parts(size=5):
    """Return batches that may be changed."""
    return [
        [X[start : start + size].copy(), Y[start : start + size].copy()]
        for start in range(0, 20, size)
    ]


def read(batches):
    """Return a reader after the first pass."""
    reader = BatchReader(Batches(batches))
    list(reader)
    return reader


def test_first_pass():
    """The fit would know another number of rows, or read other ones later."""
    reader = read([*parts(), (X[:0], Y[:0])])
    assert reader.n_samples == 20
    later = list(reader)
    np.testing.assert_array_equal(np.concatenate([rows.X for rows in later]), X)
    np.testing.assert_array_equal(np.concatenate([rows.y for rows in later]), Y)
    assert all(rows.weight is None for rows in later)


@pytest.mark.parametrize(
    ("kinds", "dtype"),
    [
        ([np.float32, np.float32], np.float32),
        ([np.float32, np.float64], np.float64),
        ([np.int64, np.float32], np.float64),
    ],
)
def test_precision_is_that_of_all_batches(kinds, dtype):
    """Weights would be rounded to the precision of one batch."""
    rows = read([(X[:5].astype(kind), Y[:5]) for kind in kinds])
    assert rows.dtype == dtype


def broken(change):
    """Return batches after a change of the third."""
    given = parts()
    change(given[2])
    return given


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_entry(0, 3, np.nan), "X of batch 2 contains NaN, first in row 3"),
        (set_entry(0, 1, np.inf), "X of batch 2 contains infinity, first in row 1"),
        (set_entry(1, 4, np.nan), "y of batch 2 contains NaN, first in row 4"),
        (
            replaced(1, np.array([0.5, 1, None, 2, 3], dtype=object)),
            "y of batch 2 contains NaN or None, first in row 2",
        ),
        (replaced(0, X[:5, :2]), "X of batch 2 must have 3 features.*Got 2"),
        (replaced(0, X[:4]), "y of batch 2 must have as many rows as its X, 4"),
        (replaced(0, X[0]), "X of batch 2: Expected 2D array"),
        (replaced(0, np.full((5, 3), "a")), "X of batch 2: .*could not convert"),
        (replaced(1, None), "y of batch 2 is missing"),
        (replaced(1, np.zeros((5, 2))), "y of batch 2 must have the shape of the fir"),
        (replaced(1, np.array(list("abcde"))), "y of batch 2 must be of the type"),
        (lambda batch: batch.append(Y[:5]), "either all batches or none|Either all"),
        (lambda batch: batch.pop(), r"Batch 2 must be \(X, y\) or \(X, y, sample_wei"),
    ],
)
def test_first_pass_names_the_batch(change, message):
    """The user would look for one bad row among millions."""
    with pytest.raises(ValueError, match=message):
        read(broken(change))


DAYS = np.datetime64("2020-01-01") + np.arange(5)
#: Five keys of a kind, none missing.
KINDS = {
    "texts": np.array(list("abcde"), dtype=object),
    "wide texts": np.array(list("abcde")),
    "days": DAYS,
    "days of Python": DAYS.astype(object),
    "times of Python": DAYS.astype("M8[s]").astype(object),
    "numbers of Python": np.array([1, 2.0, 3, 4, 5], dtype=object),
}


@pytest.mark.parametrize("missing", [None, float("nan")])
@pytest.mark.parametrize(
    "keys", [KINDS[one] for one in KINDS if KINDS[one].dtype == "O"]
)
def test_missing_objects(keys, missing):
    """The row would be in the fold of a text such as "nan"."""
    given = [(X[:5], Y[:5], None, keys), (X[5:10], Y[5:10], None, keys.copy())]
    assert read(given).n_samples == 10
    given[1][3][3] = missing
    with pytest.raises(ValueError, match=r"key of batch 1 contains NaN .* row 3"):
        read(given)
    both = np.column_stack([keys, given[1][3]])
    with pytest.raises(ValueError, match=r"y of batch 0 contains NaN .* row 3"):
        read([(X[:5], both)])


@pytest.mark.parametrize("keys", KINDS.values(), ids=KINDS)
def test_later_passes_notice_other_keys(keys):
    """Rows would change their fold between two passes."""
    given = [(X[:5], Y[:5], None, keys.copy()), (X[5:10], Y[5:10], None, keys.copy())]
    rows = read(given)
    list(rows)
    given[1][3][[1, 2]] = keys[[2, 1]]
    with pytest.raises(ValueError, match=r"other rows .* at batch 1"):
        list(rows)


def test_missing_entry_of_sparse_rows():
    """The row would be the number of a stored entry."""
    rows = sparse.csr_array(np.diag([1.0, 2.0, np.nan, 4.0]))
    with pytest.raises(ValueError, match="X of batch 0 contains NaN, first in row 2"):
        read([(rows, Y[:4])])


@pytest.mark.parametrize("given", [[], [(X[:0], Y[:0])], [(X[:1], Y[:1])]])
def test_empty_sources(given):
    """A fit of no rows would fail with a message of NumPy."""
    with pytest.raises(ValueError, match="Batches must yield two rows or more"):
        read(given)


def test_frames_must_have_the_same_columns():
    """Columns in another order would be taken for each other."""
    pd = pytest.importorskip("pandas")
    frames = [pd.DataFrame(X[:5], columns=list(names)) for names in ("abc", "acb")]
    with pytest.raises(ValueError, match="X of batch 1 must have the columns of the f"):
        read([(frame, Y[:5]) for frame in frames])


def permuted(given):
    """Rows of a batch in another order."""
    given[1][0] = given[1][0][::-1]


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
        (lambda given: given.pop(), "no more batches, unlike the first pass, at batch"),
        (lambda given: given.append([X, Y]), "more batches than the first pass, at b"),
        (lambda given: replaced(0, X[:5, :2])(given[1]), "other rows .* at batch 1"),
    ],
)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_later_passes_notice_other_rows(change, message, offset):
    """Moments of some rows and losses of others would be mixed silently."""
    given = parts()
    for batch in given:
        batch[0] += offset
    rows = read(given)
    list(rows)
    change(given)
    with pytest.raises(ValueError, match=message):
        list(rows)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_is_no_other_row(dtype):
    """A source that computes its rows anew would be refused for its last digit."""
    rows = RNG.standard_normal((1000, 30)).astype(dtype) + 5
    known = Checksum.of(rows)
    near = np.nextafter(rows, RNG.choice([0, 9], rows.shape).astype(dtype))
    assert Checksum.of(near).equals(known, dtype)
    assert Checksum.of(np.asfortranarray(rows)).equals(known, dtype)
    moved = rows.copy()
    moved[500, 7] += dtype(0.5)
    assert not Checksum.of(moved).equals(known, dtype)
    sparse_rows = Checksum.of(sparse.csr_array(rows))
    assert sparse_rows.equals(known, dtype)
