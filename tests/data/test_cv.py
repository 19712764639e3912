"""The cv parameter: every row is where the user put it, or a message says why not."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    check_cv,
)

from sklearn_myhpo.data.cv import make_splits

N_ROWS = 12
X = np.arange(2.0 * N_ROWS).reshape(N_ROWS, 2)
Y = np.linspace(-1, 1, N_ROWS)
Y_CLASS = np.arange(N_ROWS) % 3
CLASSES = np.array(["ant", "bee", "cat"])


def split(cv, y=Y, **options):
    """Split the rows of X, as a classifier if y holds class indices."""
    y = np.asarray(y)
    features = np.zeros((len(y), 2))
    return make_splits(cv, features, y, classifier=y.dtype.kind == "i", **options)


def assert_same_splits(left, right):
    """Compare two lists of pairs, index by index."""
    assert len(left) == len(right)
    for pair, other in zip(left, right, strict=True):
        np.testing.assert_array_equal(pair[0], other[0])
        np.testing.assert_array_equal(pair[1], other[1])


@pytest.mark.parametrize("cv", [3, np.int64(3), KFold(3), 0.25, np.float32(0.25)])
@pytest.mark.parametrize("y", [Y, Y_CLASS, np.column_stack([Y, -Y])])
def test_parts_are_a_partition(cv, y):
    """A row in both parts, or in none, would falsify the validation loss."""
    pairs = split(cv, y, random_state=0)
    assert len(pairs) == (1 if isinstance(cv, float | np.float32) else 3)
    for train, validation in pairs:
        assert train.dtype == validation.dtype == np.intp
        rows = np.concatenate([train, validation])
        np.testing.assert_array_equal(np.sort(rows), np.arange(N_ROWS))
    if len(pairs) == 3:
        held_out = np.concatenate([validation for _, validation in pairs])
        np.testing.assert_array_equal(np.sort(held_out), np.arange(N_ROWS))


@pytest.mark.parametrize("cv", [4, 0.3])
@pytest.mark.parametrize("y", [np.sort(Y), np.sort(Y_CLASS)])
def test_random_state_decides_the_shuffle(cv, y):
    """Unshuffled folds of sorted data would hold out one end of it."""
    first = split(cv, y, random_state=7)
    assert_same_splits(first, split(cv, y, random_state=7))
    other = split(cv, y, random_state=8)
    assert any(set(a[1]) != set(b[1]) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("cv", [5, 0.2])
def test_classifiers_are_stratified(cv):
    """A rare class must have its share of the held-out rows."""
    y = np.repeat([0, 1], [40, 10])
    for _, validation in split(cv, y, random_state=0):
        np.testing.assert_array_equal(np.bincount(y[validation]), [8, 2])


@pytest.mark.parametrize(
    ("fraction", "n_validation"), [(0.01, 1), (0.25, 3), (0.3, 4), (0.9, 11)]
)
def test_fraction_is_of_validation_rows(fraction, n_validation):
    """The float is the validation side, as `test_size` in scikit-learn."""
    ((train, validation),) = split(fraction)
    assert len(validation) == n_validation
    assert len(train) == N_ROWS - n_validation


@pytest.mark.parametrize("cv", [2, 0.4])
@pytest.mark.parametrize("y", [Y, Y_CLASS])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_zero_weight_is_a_dropped_row(cv, y, container):
    """Weight zero must give the model that dropping the row gives."""
    rows = np.array([0, 2, 3, 4, 6, 7, 8, 9, 11])
    classifier = y is Y_CLASS
    options = {"classifier": classifier, "random_state": 3}
    weighted = make_splits(cv, container(X), y, rows=rows, **options)
    dropped = make_splits(cv, container(X[rows]), y[rows], **options)
    mapped = [(rows[train], rows[validation]) for train, validation in dropped]
    assert_same_splits(weighted, mapped)


def test_splitter_gets_the_data():
    """A splitter of the user's own may look at X, y and the original labels."""

    class Recorder:
        def split(self, X, y):
            self.seen = X, y
            yield np.arange(6), np.arange(6, 9)

    recorder = Recorder()
    make_splits(recorder, X, Y_CLASS, classifier=True, classes=CLASSES)
    assert recorder.seen[0] is X
    np.testing.assert_array_equal(recorder.seen[1], CLASSES[Y_CLASS])
    rows = np.arange(3, N_ROWS)
    ((train, validation),) = make_splits(
        recorder, X, Y_CLASS, classifier=True, rows=rows
    )
    assert recorder.seen[0] is X
    np.testing.assert_array_equal(train, np.arange(6))
    np.testing.assert_array_equal(validation, np.arange(6, 9))


@pytest.mark.parametrize(
    "splitter",
    [GroupKFold(2), LeaveOneGroupOut(), StratifiedGroupKFold(2)],
    ids=lambda splitter: type(splitter).__name__,
)
def test_splitter_that_needs_groups(splitter):
    """The message must say how to use groups, as fit takes none."""
    with pytest.raises(ValueError, match=re.escape("cv=list(splitter.split(X, y, gr")):
        split(splitter, Y_CLASS)
    pairs = list(splitter.split(X, Y_CLASS, np.arange(N_ROWS) // 6))
    assert_same_splits(split(pairs, Y_CLASS), pairs)


def test_groups_of_a_foreign_splitter():
    """A splitter without scikit-learn's metadata is told by its own complaint."""

    class Foreign:
        def split(self, X, y, groups=None):
            raise TypeError("groups must be an array")

    with pytest.raises(ValueError, match="this splitter needs groups"):
        split(Foreign())


def test_splitter_that_fails():
    """The message of a splitter must be traceable to cv."""
    with pytest.raises(ValueError, match=r"cv=KFold cannot .*n_samples = 12.*n_spl"):
        split(KFold(13))
    with pytest.raises(ValueError, match="cv=StratifiedKFold cannot split this data"):
        split(StratifiedKFold(2), Y)


@pytest.mark.parametrize(
    "splitter",
    [
        PredefinedSplit(np.repeat([-1, 0, 1], 4)),
        KFold(2),
        ShuffleSplit(3, random_state=0),
        TimeSeriesSplit(3),
        check_cv([(np.arange(6), np.arange(6, 10))]),
    ],
)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_splitters_know_rows_by_position(splitter, container):
    """Zero weights would move rows into other folds than those of the splitter."""
    rows = np.array([0, 2, 3, 4, 6, 7, 8, 9, 11])
    found = make_splits(splitter, container(X), Y, classifier=False, rows=rows)
    assert_same_splits(found, list(splitter.split(X, Y)))


MASK = np.arange(N_ROWS) < 8


@pytest.mark.parametrize(
    "pair",
    [
        (np.arange(8), np.arange(8, 12)),
        (list(range(8)), list(range(8, 12))),
        [range(8), range(8, 12)],
        (MASK, ~MASK),
        (MASK.tolist(), np.arange(8, 12, dtype=np.uint8)),
    ],
)
@pytest.mark.parametrize("y", [Y, Y_CLASS])
def test_forms_of_pairs(pair, y):
    """Indices, ranges and masks are what people have at hand."""
    expected = [(np.arange(8), np.arange(8, 12))]
    assert_same_splits(split([pair], y), expected)
    assert_same_splits(split(iter([pair]), y), expected)
    assert_same_splits(split((pair for _ in range(2)), y), expected * 2)


def test_pairs_keep_repeated_and_unweighted_rows():
    """A bootstrap sample keeps its repetitions, whatever the weights are."""
    pair = (np.array([5, 0, 0, 1, 5]), np.array([7, 8]))
    rows = np.array([0, 1, 2, 8])
    assert_same_splits(split([pair], rows=rows), [pair])


@pytest.mark.parametrize(
    ("pair", "match"),
    [
        (([0, 1, 2], [2, 3]), "training and validation parts overlap in 1 .* being 2;"),
        ((MASK, MASK), "overlap in 8"),
        (([], [1]), "the training part has no row;"),
        (([1], []), "the validation part has no row;"),
        (([1], ~MASK & MASK), "the validation part has no row;"),
        (([0, 12], [1]), "training part contains the index 12; allowed are 0 to 11"),
        (([0], [-1]), "validation part contains the index -1; allowed"),
        (([0.0, 1.0], [2]), "training part must be .* integer indices or a boolean"),
        ((["a"], [2]), "training part must be"),
        (([0], [[1], [2]]), "validation part must be"),
        (([0], [[1], [2, 3]]), "validation part must be"),
        (([0], 1), "validation part must be"),
        (([0], None), "validation part must be"),
        ((MASK[:5], [11]), "boolean mask of length 5, .* 12 rows"),
        (([0],), r"must be \(train, validation\), got"),
        (([0], [1], [2]), r"must be \(train, validation\), got"),
        (np.arange(3), r"must be \(train, validation\), got"),
        ("ab", r"must be \(train, validation\), got 'ab'"),
        (None, r"must be \(train, validation\), got None"),
    ],
)
def test_bad_pair(pair, match):
    """The message must name the pair, what came and what is allowed."""
    good = (np.arange(6), np.arange(6, 12))
    with pytest.raises(ValueError, match=r"cv: pair 1 \(counted from 0\).*" + match):
        split([good, pair])


@pytest.mark.parametrize("cv", [(np.arange(6), np.arange(6, 12)), ([0, 1], [2, 3])])
def test_single_pair_without_a_list(cv):
    """`cv=(train, validation)` is the natural slip; the message must mend it."""
    with pytest.raises(ValueError, match=r"given as cv=\[\(train, validation\)\]"):
        split(cv)


def test_pair_without_positive_weight():
    """A loss over rows of weight zero would be 0 / 0."""
    pair = (np.arange(6), np.arange(6, 12))
    with pytest.raises(ValueError, match="validation part has no row with positive sa"):
        split([pair], rows=np.arange(6))
    with pytest.raises(ValueError, match="training part has no row with positive samp"):
        split([pair], rows=np.arange(6, 12))


@pytest.mark.parametrize("cv", [[(range(3), range(3, 9))], KFold(3), KFold(2)])
def test_training_part_without_a_class(cv):
    """Without one of the classes the weights of that class mean nothing."""
    y = np.repeat([0, 1, 2], 3)
    with pytest.raises(ValueError, match=r"pair 0 .* training part has no row of cl"):
        split(cv, y, classes=CLASSES)
    with pytest.raises(ValueError, match="no row of class 'bee', 'cat'; every class"):
        split([(range(3), range(3, 9))], y, classes=CLASSES)


def test_class_without_weight_is_not_required():
    """A class of which every row has weight zero counts as dropped."""
    y = np.repeat([0, 1, 2], 4)
    rows = np.arange(8)
    assert len(split(4, y, rows=rows)) == 4
    assert len(split([([0, 5], [1, 6])], y, rows=rows)) == 1
    with pytest.raises(ValueError, match="no row of class 1; every"):
        split([([0, 5], [1, 6])], y, rows=np.array([0, 1, 6]))


@pytest.mark.parametrize("cv", [0, 1, -3, 1.5, -0.2, 0.0, 1.0, np.nan, np.inf, "five"])
def test_value_out_of_range(cv):
    """The message must say what came and what is allowed."""
    came = re.escape(f"cv={cv!r} is not")
    with pytest.raises(
        ValueError, match=came + r".* a float in \(0, 1\).* an int >= 2"
    ):
        split(cv)


@pytest.mark.parametrize(
    "cv", [None, True, False, np.True_, KFold, object(), 2j, np.array(5)]
)
def test_type_that_describes_no_splits(cv):
    """True is not one fold, and None not the default."""
    with pytest.raises(TypeError, match=r"cv=.* is not allowed; allowed are a float"):
        split(cv)


@pytest.mark.parametrize("cv", [[], (), iter([])])
def test_no_pairs(cv):
    """A generator that was used up must not look like a fitted model."""
    with pytest.raises(ValueError, match="cv contains no"):
        split(cv)


def test_more_folds_than_rows():
    """The message must say which number of folds would work."""
    with pytest.raises(ValueError, match=r"cv=13 .* n_samples = 12.* from 2 to 12"):
        split(13)
    with pytest.raises(ValueError, match=r"n_samples = 4, n_features = 2 \(counting"):
        split(5, rows=np.arange(4))
    assert len(split(12)) == 12


@pytest.mark.parametrize("cv", [5, 0.2, 0.99])
@pytest.mark.parametrize("y", [[0], [0.5]])
def test_one_row(cv, y):
    """`check_estimator` looks for these words."""
    with pytest.raises(ValueError, match="n_samples = 1, n_features = 2"):
        split(cv, y)


def test_more_folds_than_members_of_a_class():
    """The message must name the class and what to do."""
    y = np.repeat([0, 1, 2], [6, 3, 5])
    with pytest.raises(
        ValueError,
        match=r"cv=5 .* class 'bee' has members \(3\); n_samples = 14, n_features = 2.*"
        "from 2 to 3",
    ):
        split(5, y, classes=CLASSES)
    assert len(split(3, y)) == 3
    with pytest.raises(
        ValueError, match=r"class 7 has members \(1\).* drop class 7 or"
    ):
        split(2, [0, 0, 0, 1], classes=np.array([3, 7]))
    with pytest.raises(ValueError, match=r"class 1 has members \(2\).* from 2 to 2"):
        split(9, [0, 0, 0, 1, 1])


def test_holdout_with_a_class_of_one():
    """One row cannot be on both sides."""
    with pytest.raises(ValueError, match=r"cv=0.5.*class 'bee' has 1; n_samples = 4"):
        split(0.5, [0, 0, 0, 1], classes=CLASSES)


@settings(deadline=None, max_examples=300)
@given(
    counts=st.lists(st.integers(2, 12), min_size=1, max_size=6),
    fraction=st.floats(0.001, 0.999),
    classifier=st.booleans(),
    seed=st.integers(0, 5),
)
def test_holdout_works_or_says_what_works(counts, fraction, classifier, seed):
    """Following the advice of the message must never end in the next message."""
    y = np.repeat(np.arange(len(counts)), counts)
    options = {"classifier": classifier, "random_state": seed}
    features = np.zeros((len(y), 1))
    fractions = [fraction]
    try:
        make_splits(fraction, features, y, **options)
    except ValueError as error:
        fractions = re.search(r"fraction from (\S+) to (\S+)\.$", str(error)).groups()
        fractions = [float(fraction) for fraction in fractions]
        assert fractions[0] <= fractions[1]
    for allowed in fractions:
        ((train, validation),) = make_splits(allowed, features, y, **options)
        assert len(train)
        assert len(validation)
        assert not np.intersect1d(train, validation).size
        if classifier:
            assert set(y[train]) == set(y)


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    n_folds=st.integers(2, 12),
    classifier=st.booleans(),
)
def test_folds_work_or_say_what_works(counts, n_folds, classifier):
    """Every allowed number of folds keeps every class in every training part."""
    y = np.repeat(np.arange(len(counts)), counts)
    options = {"classifier": classifier, "random_state": 0}
    limit = min(counts) if classifier else sum(counts)
    features = np.zeros((len(y), 1))
    if n_folds <= limit:
        pairs = make_splits(n_folds, features, y, **options)
        assert len(pairs) == n_folds
        if classifier:
            assert all(set(y[train]) == set(y) for train, _ in pairs)
        return
    with pytest.raises(ValueError, match=rf"n_samples = {len(y)}, n_features = 1") as e:
        make_splits(n_folds, features, y, **options)
    assert (f"from 2 to {limit}." in str(e.value)) == (limit > 1)
