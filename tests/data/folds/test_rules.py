"""Folds as rules: those of scikit-learn, and those by the number or the key of rows."""

import pickle
import warnings
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import KFold, StratifiedKFold

from sklearn_myhpo.data import Batches, KeyFolds, RowFolds
from sklearn_myhpo.data.folds.hashes import hash_keys, mix
from sklearn_myhpo.data.folds.rules import HoldOut, fold_rule, is_rule
from sklearn_myhpo.data.streams.source import BatchSource, Block
from sklearn_myhpo.engine.limits import use_limits
from tests.data.helpers import labels_of_all

RNG = np.random.default_rng(0)


def source_of(y, size=7, X=None, **options):
    """Return a source of rows in batches, whose number is not known."""
    X = np.arange(len(y), dtype=float)[:, None] if X is None else X
    keys = options.pop("key", None)

    def read():
        for start in range(0, len(y), size):
            rows = slice(start, start + size)
            own = () if keys is None else (None, keys[rows])
            yield (X[rows], y[rows], *own)

    return BatchSource(Batches(read, **options))


def fold_of(pairs, n_rows):
    """Return the number of the fold that holds out every row."""
    fold = np.full(n_rows, -1)
    for number, (_, held_out) in enumerate(pairs):
        fold[held_out] = number
    return fold


@pytest.mark.parametrize("n_rows", [5, 23, 60])
@pytest.mark.parametrize("n_splits", [2, 3, 5])
def test_folds_of_neighbours(n_rows, n_splits):
    """Lambda would be that of other folds than in memory."""
    y = RNG.standard_normal(n_rows)
    expected = fold_of(KFold(n_splits).split(y), n_rows)
    with use_limits(block_entries=4):
        for options in ({}, {"n_samples": n_rows}):
            source = source_of(y, **options)
            rule = fold_rule(n_splits, source)
            assert source.n_passes == (0 if options else 1)
            np.testing.assert_array_equal(labels_of_all(source, rule), expected)


@pytest.mark.parametrize("labels", [list("bca"), [3, 1, 2], [True, False]])
@pytest.mark.parametrize("n_rows", [23, 60])
@pytest.mark.parametrize("n_splits", [2, 3, 5])
def test_stratified_folds(n_rows, n_splits, labels):
    """Lambda of a classifier would be that of other folds than in memory."""
    y = np.array(labels)[RNG.integers(len(labels), size=n_rows)]
    splitter = StratifiedKFold(n_splits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of rare classes.
        expected = fold_of(splitter.split(y, y), n_rows)
    with use_limits(block_entries=1):
        source = source_of(y)
        rule = fold_rule(n_splits, source, is_classifier=True)
        assert source.n_passes == 1
        np.testing.assert_array_equal(labels_of_all(source, rule), expected)


def test_more_folds_than_rows():
    """A fold without rows would divide by zero."""
    y = np.arange(4.0)
    with pytest.raises(ValueError, match="cv=5 asks for more folds than there are ro"):
        fold_rule(5, source_of(y))
    with pytest.raises(ValueError, match="cv=3 asks for more folds than the largest"):
        fold_rule(3, source_of(y % 2), is_classifier=True)


@pytest.mark.parametrize("cv", [1, 0, -2, 1.5, 0.0, np.nan, True, "5", KFold])
def test_bad_folds(cv):
    """The message would be another than that of rows in memory."""
    with pytest.raises((TypeError, ValueError), match="is not allowed; allowed are"):
        fold_rule(cv, source_of(np.arange(4.0)))


def test_which_folds_are_rules():
    """Pairs of row numbers would be taken for a rule."""
    assert all(map(is_rule, (None, 3, 0.5, RowFolds(), KeyFolds())))
    assert not any(map(is_rule, (KFold(3), [([0], [1])])))


def test_hold_out():
    """Other rows would be held out in other batches, or too many."""
    y = np.zeros(4000)
    rule = fold_rule(0.25, source_of(y), random_state=3)
    found = labels_of_all(source_of(y), rule)
    assert set(found) == {-1, 0}
    assert abs((found == 0).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)
    with use_limits(block_entries=3):
        np.testing.assert_array_equal(labels_of_all(source_of(y, 11), rule), found)
    assert fold_rule(0.25, source_of(y), random_state=3) == rule
    other = labels_of_all(source_of(y), fold_rule(0.25, source_of(y), random_state=4))
    both = ((found == 0) & (other == 0)).mean()
    assert abs(both - 1 / 16) < 0.02
    # Neighbours are as independent as others.
    pairs = ((found[1:] == 0) & (found[:-1] == 0)).mean()
    assert abs(pairs - 1 / 16) < 0.02


def test_hold_out_is_the_same_on_every_machine():
    """A model could not be learned again elsewhere."""
    found = labels_of_all(source_of(np.zeros(24)), HoldOut(0.5, 7))
    assert "".join(str(-one) for one in found) == "100011100101011001000100"


@pytest.mark.parametrize("n_splits", [2, 5])
def test_folds_by_row_number(n_splits):
    """Streams and rows in memory would have other folds."""
    y = np.zeros(23)
    rule = fold_rule(RowFolds(n_splits), source := source_of(y))
    assert source.n_passes == 0
    found = labels_of_all(source, rule)
    np.testing.assert_array_equal(found, np.arange(23) % n_splits)
    pairs = list(RowFolds(n_splits).split(y))
    np.testing.assert_array_equal(fold_of(pairs, 23), found)
    for train, held_out in pairs:
        assert sorted([*train, *held_out]) == list(range(23))


KEYS = {
    "numbers": RNG.integers(-9, 9, size=200),
    "large": RNG.integers(2**60, 2**60 + 9, size=200),
    "texts": np.array(list("äbcdefg"))[RNG.integers(7, size=200)],
    "objects": np.array([f"u{k}" for k in RNG.integers(20, size=200)], dtype=object),
    "dates": np.datetime64("2020-01-01") + RNG.integers(20, size=200),
}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_folds_by_key(keys):
    """Rows of a user would be in both parts of a split, or move with the batches."""
    rule = KeyFolds(3)
    found = labels_of_all(source_of(np.zeros(200), key=keys), rule)
    assert set(found) == {0, 1, 2}
    for key in set(keys.tolist()):
        assert len(set(found[keys == keys.dtype.type(key)])) == 1
    with use_limits(block_entries=3):
        again = labels_of_all(source_of(np.zeros(200), 13, key=keys), rule)
    np.testing.assert_array_equal(again, found)
    order = RNG.permutation(200)
    moved = labels_of_all(source_of(np.zeros(200), key=keys[order]), rule)
    np.testing.assert_array_equal(moved, found[order])
    pairs = rule.split(np.zeros((200, 1)), groups=keys)
    np.testing.assert_array_equal(fold_of(pairs, 200), found)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, "frame"])
@pytest.mark.parametrize("dtype", [float, np.float32, int])
def test_key_is_a_column(make, dtype):
    """Folds in memory and of batches would differ, or a frame have another column."""
    X = RNG.integers(5, size=(40, 3)).astype(dtype)
    rule, expected = KeyFolds(3, 1), hash_keys(X[:, 1].astype(float), "key")
    if make == "frame":
        pd = pytest.importorskip("pandas")
        rule, rows = KeyFolds(3, "b"), pd.DataFrame(X, columns=list("abc"))
    else:
        rows = make(X)
    source = source_of(np.zeros(40), X=rows)
    found = labels_of_all(source, fold_rule(rule, source))
    for one in np.unique(expected):
        assert len(set(found[expected == one])) == 1
    np.testing.assert_array_equal(fold_of(rule.split(rows), 40), found)


def test_hash_is_the_same_on_every_machine():
    """Folds would change between runs, as with Python's own hash of texts."""
    # Published values of SplitMix64 for the seeds 1234567 and 0.
    assert mix(np.full(1, 1234567, dtype=np.uint64))[0] == 6457827717110365317
    assert hash_keys([0], "key")[0] == hash_keys([-0.0], "key")[0] == 0xE220A8397B1DCDAF
    one = int(np.float64(0.5).view(np.uint64))
    assert hash_keys([0.5], "key")[0] == mix(np.full(1, one, dtype=np.uint64))[0]
    # A text is the sum of its characters, each times an odd number of its place.
    factors = [int(one) | 1 for one in mix(np.arange(2, dtype=np.uint64))]
    total = (ord("ä") * factors[0] + ord("b") * factors[1]) % 2**64
    expected = mix(np.full(1, total, dtype=np.uint64))[0]
    assert hash_keys(["a", "äb"], "key")[1] == expected
    day = np.array(["1970-01-02"], dtype="M8[D]")
    bits = np.full(1, 86_400 * 10**9, dtype=np.uint64)
    assert hash_keys(day, "key")[0] == mix(bits)[0]


def test_equal_keys_of_other_types():
    """A user would be in two folds where a shard was stored as floats."""
    for other in (np.float32, np.int16, np.uint8, object):
        np.testing.assert_array_equal(
            hash_keys(np.array([0, 5, 200 - 73], dtype=other), "key"),
            hash_keys([-0.0, 5.0, 127.0], "key"),
        )


@pytest.mark.parametrize("unit", ["D", "s", "ns"])
def test_equal_dates_of_other_types(unit):
    """A day would be in two folds where a shard was stored as objects."""
    days = np.datetime64("1969-12-30") + np.arange(4)
    expected = hash_keys(days, "key")
    assert len(set(expected.tolist())) == 4
    for other in (days.astype(object), days.astype("M8[s]").astype(object)):
        np.testing.assert_array_equal(hash_keys(other, "key"), expected)
    found = hash_keys(days.astype(f"M8[{unit}]"), "key")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["U", ">U9", "S"])
def test_many_texts(kind):
    """A user would change the fold with the number of rows that come together."""
    texts = np.array([f"user {row % 7}" for row in range(50)]).astype(kind)
    alone = [hash_keys(texts[row : row + 1], "key")[0] for row in range(50)]
    with use_limits(cached_entries=30):
        np.testing.assert_array_equal(hash_keys(texts, "key"), alone)
    assert len(set(alone)) == 7


@pytest.mark.parametrize("kind", ["U2", "U9", ">U4", "S7", object])
def test_equal_texts_of_other_widths(kind):
    """A user would be in two folds where a batch has a longer name among others."""
    texts = ["", "a", "b", "ab", "ba"]
    found = hash_keys(np.repeat(np.array(texts, dtype=kind), 2)[::2], "key")
    np.testing.assert_array_equal(found, hash_keys(texts, "key"))
    assert len(set(found.tolist())) == len(texts)
    column = np.array(texts, dtype=kind)[:, None]
    np.testing.assert_array_equal(hash_keys(column, "key"), found)


def test_texts_fall_evenly():
    """Folds of names that differ in a digit would be of unequal sizes."""
    folds = KeyFolds(4).labels(
        Block(np.zeros((2000, 1)), None, None, 0, 0, [f"user{i}" for i in range(2000)])
    )
    assert np.all(np.abs(np.bincount(folds, minlength=4) - 500) < 90)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([1.0, np.nan], "must have a key for every row. It is missing in row 1"),
        ([None, "a"], "missing in row 0"),
        (np.array(["NaT"], dtype="M8[D]"), "missing in row 0"),
        (np.array(["a", 1], dtype=object), "numbers, dates or texts, of one kind"),
        (["a", float("nan")], "missing in row 1"),
        (
            np.array([b"\xff", "a"], dtype=object),
            "numbers, dates or texts, of one kind",
        ),
        ([[1, 2]], r"must be one key for every row. Got the shape \(1, 2\)"),
        ([1j], "must hold numbers, dates or texts. Got the type complex128"),
    ],
)
def test_bad_keys(keys, message):
    """Rows without a key would be one group, silently."""
    with pytest.raises(ValueError, match=message):
        hash_keys(keys, "the key")


@pytest.mark.parametrize("dtype", ["string", "boolean", "Int64", "category"])
def test_missing_keys_of_frames(dtype):
    """A frame with a missing key would end in an error about something else."""
    pd = pytest.importorskip("pandas")
    values = {"boolean": [True, None], "Int64": [1, None]}.get(dtype, ["a", None])
    with pytest.raises(ValueError, match=r"the key must have a key .* in row 1"):
        hash_keys(pd.Series(values, dtype=dtype), "the key")
    expected = hash_keys(np.array(values[:1]), "the key")
    found = hash_keys(pd.Series(values[:1], dtype=dtype), "the key")
    np.testing.assert_array_equal(found, expected)


def test_dates_are_keys_in_any_form():
    """A day would be in two folds, or refused, where a table has Python's dates."""
    day = datetime(2020, 3, 1, tzinfo=UTC)
    east = day.astimezone(timezone(timedelta(hours=5)))
    expected = hash_keys(np.array(["2020-03-01"], dtype="M8[D]"), "key")
    for one in (day.date(), day.replace(tzinfo=None), day, east):
        found = hash_keys(np.array([one], dtype=object), "key")
        np.testing.assert_array_equal(found, expected)


def test_no_keys():
    """An empty batch of texts would be an error."""
    for dtype in (object, str, float):
        assert hash_keys(np.array([], dtype=dtype), "key").shape == (0,)


@pytest.mark.skipif(
    not hasattr(np, "strings"), reason="NumPy without texts of any length"
)
def test_texts_of_any_length_are_keys():
    """The newer texts of NumPy would be refused as no texts."""
    kind = np.dtypes.StringDType(na_object=None)
    found = hash_keys(np.array(["a", "äb"], dtype=kind), "key")
    np.testing.assert_array_equal(found, hash_keys(["a", "äb"], "key"))
    with pytest.raises(ValueError, match="missing in row 0"):
        hash_keys(np.array([None, "a"], dtype=kind), "key")


def test_keys_that_are_not_there():
    """The message would be one about None."""
    y = np.zeros(9)
    with pytest.raises(ValueError, match="but there are none"):
        labels_of_all(source_of(y), KeyFolds(3))
    with pytest.raises(ValueError, match="needs the groups of the rows"):
        list(KeyFolds(3).split(y[:, None]))
    with pytest.raises(ValueError, match=r"needs X with a column 'user'. Got no names"):
        fold_rule(KeyFolds(3, "user"), source_of(y))
    with pytest.raises(ValueError, match="needs a column 4 of X with 1"):
        fold_rule(KeyFolds(3, 4), source_of(y))


@pytest.mark.parametrize("make", [RowFolds, KeyFolds])
@pytest.mark.parametrize("n_splits", [1, 2.0, True, "3"])
def test_bad_number_of_folds(make, n_splits):
    """The error would come from the middle of a fit."""
    with pytest.raises(ValueError, match="n_splits must be an int >= 2"):
        make(n_splits)


def test_bad_column_of_keys():
    """A list of columns would be taken for a name."""
    with pytest.raises(TypeError, match="key must be the name or the number of a col"):
        KeyFolds(3, ["a"])


def test_rules_can_be_sent_and_say_what_they_are():
    """A cluster could not use them, or a report would show an address in memory."""
    y = np.arange(20) % 3
    rules = [
        fold_rule(cv, source_of(y), is_classifier=is_classifier)
        for cv, is_classifier in [(2, False), (2, True), (0.5, False)]
    ]
    for rule in [*rules, RowFolds(3), KeyFolds(2, 0)]:
        again = pickle.loads(pickle.dumps(rule))
        expected = labels_of_all(source_of(y), rule)
        np.testing.assert_array_equal(labels_of_all(source_of(y), again), expected)
    assert repr(RowFolds(3)) == "RowFolds(n_splits=3)"
    assert repr(KeyFolds(3, "a")) == "KeyFolds(n_splits=3, key='a')"
