"""The cv parameter: every row is where the user put it, or a message says why not."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.model_selection import (
    BaseCrossValidator,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    LeavePGroupsOut,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    check_cv,
)

from sklearn_myhpo import IgnoredGroupsWarning, RareClassWarning
from sklearn_myhpo.data.cv import make_splits
from sklearn_myhpo.data.rows import Rows

N_ROWS = 12
X = np.arange(2.0 * N_ROWS).reshape(N_ROWS, 2)
Y = np.linspace(-1, 1, N_ROWS)
Y_CLASS = np.arange(N_ROWS) % 3
CLASSES = np.array(["ant", "bee", "cat"])


def split(cv, y=Y, *, X=None, weights=None, seed=None, said=None, **metadata):
    """Split rows, as a classifier if y holds labels; collect warnings in `said`."""
    target = np.asarray(y)
    rows = Rows(
        np.zeros((len(target), 2)) if X is None else X,
        y,
        target=target,
        is_classifier=target.dtype.kind in "iU",
        n_features=2,
        weights=weights,
        metadata=metadata,
    )

    def say(text, category):
        assert said is not None, text
        said.append((category, text))

    return make_splits(cv, rows, say=say, random_state=seed)


def weights_of(rows, n_rows=N_ROWS):
    """Return weights that are positive for some rows."""
    weights = np.zeros(n_rows)
    weights[rows] = 1.5
    return weights


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
    pairs = split(cv, y, seed=0)
    assert len(pairs) == (1 if isinstance(cv, float | np.float32) else 3)
    for train, validation in pairs:
        assert train.dtype == validation.dtype == np.intp
        rows = np.concatenate([train, validation])
        np.testing.assert_array_equal(np.sort(rows), np.arange(N_ROWS))
    if len(pairs) == 3:
        held_out = np.concatenate([validation for _, validation in pairs])
        np.testing.assert_array_equal(np.sort(held_out), np.arange(N_ROWS))


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    cv=st.one_of(st.none(), st.integers(2, 9)),
    kind=st.sampled_from(["numbers", "targets", "labels"]),
    seed=st.integers(0, 9),
    has_weights=st.booleans(),
)
def test_folds_are_those_of_scikit_learn(sizes, cv, kind, seed, has_weights):
    """The same cv would mean other folds than in GridSearchCV, or change every run."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(["d", "a", "c", "b"][: len(sizes)], sizes)
    labels = rng.permutation(labels)
    n_rows = len(labels)
    numbers = rng.standard_normal(n_rows)
    y = {"numbers": numbers, "labels": labels}.get(kind)
    y = np.column_stack([numbers, numbers**2]) if y is None else y
    weights = rng.integers(0, 3, n_rows).astype(float) if has_weights else None
    if has_weights:
        weights[-1] = 1.0  # Weights of zero only are refused before.
    kept = np.ones(n_rows, dtype=bool) if weights is None else weights > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            splitter = check_cv(cv, y, classifier=kind == "labels")
            expected = list(splitter.split(np.zeros(n_rows), y))
        except ValueError:
            expected = None
    try:
        found = split(cv, y, weights=weights, seed=seed, said=[])
    except ValueError as error:
        refused = re.search("no row of class|no row with positive", str(error))
        event("refused" if refused else "impossible")
        # Only what cannot be fitted is refused.
        if expected is not None and not refused:
            raise
        return
    expected = [pair for pair in expected if kept[pair[1]].any()]
    assert_same_splits(found, expected)
    assert_same_splits(found, split(cv, y, weights=weights, seed=seed + 1, said=[]))


@pytest.mark.parametrize("y", [Y, Y_CLASS])
def test_random_state_decides_the_hold_out_split(y):
    """Rows at the end of a file would be held out, and they only."""
    first = split(0.3, y, seed=7)
    assert_same_splits(first, split(0.3, y, seed=7))
    other = split(0.3, y, seed=8)
    assert any(set(a[1]) != set(b[1]) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("cv", [5, 0.2])
def test_classifiers_are_stratified(cv):
    """A rare class must have its share of the held-out rows."""
    y = np.repeat([0, 1], [40, 10])
    for _, validation in split(cv, y, seed=0):
        np.testing.assert_array_equal(np.bincount(y[validation]), [8, 2])


@pytest.mark.parametrize(
    ("fraction", "n_validation"), [(0.01, 1), (0.25, 3), (0.3, 4), (0.9, 11)]
)
def test_fraction_is_of_validation_rows(fraction, n_validation):
    """The float is the validation side, as `test_size` in scikit-learn."""
    ((train, validation),) = split(fraction)
    assert len(validation) == n_validation
    assert len(train) == N_ROWS - n_validation


@pytest.mark.parametrize("y", [Y, Y_CLASS])
def test_zero_weight_is_a_dropped_row_of_a_hold_out_split(y):
    """Weight zero must give the split that dropping the row gives."""
    rows = np.array([0, 2, 3, 4, 6, 7, 8, 9, 11])
    weighted = split(0.4, y, weights=weights_of(rows), seed=3)
    dropped = split(0.4, y[rows], seed=3)
    mapped = [(rows[train], rows[validation]) for train, validation in dropped]
    assert_same_splits(weighted, mapped)


@pytest.mark.parametrize("cv", [4, KFold(4), list(KFold(4).split(X))])
def test_folds_without_weight_are_left_out(cv):
    """Rows that count for nothing would make the mean of a fold 0 / 0."""
    found = split(cv, weights=weights_of(np.arange(2, 9)))
    assert_same_splits(found, list(KFold(4).split(X))[:3])
    with pytest.raises(ValueError, match="training part has no row with positive sa"):
        split(cv, weights=weights_of(np.arange(3)))


def test_splitter_gets_the_data_as_they_came():
    """A splitter of the user's own may look for columns and labels."""
    pandas = pytest.importorskip("pandas")

    class Recorder:
        def split(self, X, y):
            self.seen = X, y
            yield np.arange(6), np.arange(6, 9)

    recorder = Recorder()
    frame, labels = pandas.DataFrame(X), pandas.Series(CLASSES[Y_CLASS])
    weights = weights_of(np.arange(3, N_ROWS))
    rows = Rows(
        frame,
        labels,
        target=labels.to_numpy(),
        is_classifier=True,
        n_features=2,
        weights=weights,
    )
    ((train, validation),) = make_splits(recorder, rows, say=None)
    assert recorder.seen[0] is frame
    assert recorder.seen[1] is labels
    np.testing.assert_array_equal(train, np.arange(6))
    np.testing.assert_array_equal(validation, np.arange(6, 9))


GROUPS = np.repeat(["u", "v", "w"], 4)
GROUP_SPLITTERS = [
    GroupKFold(2),
    LeaveOneGroupOut(),
    LeavePGroupsOut(1),
    StratifiedGroupKFold(2),
    GroupShuffleSplit(2, random_state=0),
]


@pytest.mark.parametrize("splitter", GROUP_SPLITTERS, ids=lambda s: type(s).__name__)
def test_groups_reach_the_splitter(splitter):
    """Rows of one group would be in both parts."""
    with pytest.raises(ValueError, match=r"needs the groups .* fit\(X, y, groups="):
        split(splitter, Y_CLASS)
    found = split(splitter, Y_CLASS, groups=GROUPS)
    assert_same_splits(found, list(splitter.split(X, Y_CLASS, GROUPS)))
    for train, validation in found:
        assert not set(GROUPS[train]) & set(GROUPS[validation])
    # Weights drop rows afterwards; a group without weight is not missed.
    weights = weights_of(np.flatnonzero(GROUPS != "u"))
    some = split(splitter, Y_CLASS, weights=weights, groups=GROUPS)
    kept = [pair for pair in found if weights[pair[1]].any()]
    assert_same_splits(some, kept)


class Foreign:
    """A splitter that knows nothing of scikit-learn."""

    def split(self, X, y, groups=None):
        """Hold out the first group."""
        if groups is None:
            raise TypeError("groups must be an array")
        first = groups == groups[0]
        yield np.flatnonzero(~first), np.flatnonzero(first)


class Open:
    """A splitter that takes any metadata."""

    def split(self, X, y, **metadata):
        """Hold out the first group."""
        return Foreign().split(X, y, metadata["groups"])


class Heir(BaseCrossValidator):
    """A splitter whose base class hides its need of groups from scikit-learn."""

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return one."""
        return 1

    def split(self, X, y=None, groups=None):
        """Hold out the first group."""
        return Foreign().split(X, y, groups)


@pytest.mark.parametrize("splitter", [Foreign(), Open(), Heir()])
def test_groups_of_a_splitter_of_ones_own(splitter):
    """Only scikit-learn's splitters would be served."""
    ((train, validation),) = split(splitter, groups=GROUPS)
    np.testing.assert_array_equal(train, np.arange(4, 12))
    np.testing.assert_array_equal(validation, np.arange(4))


def test_need_of_groups_is_told_without_metadata():
    """A splitter without scikit-learn's metadata is told by its own complaint."""
    with pytest.raises(ValueError, match="cv=Foreign needs the groups"):
        split(Foreign())


class Plain:
    """A splitter without groups."""

    def split(self, X, y):
        """Hold out the second half."""
        yield np.arange(6), np.arange(6, 12)


@pytest.mark.parametrize(
    "cv",
    [
        None,
        0.3,
        KFold(3),
        StratifiedKFold(3),
        TimeSeriesSplit(2),
        PredefinedSplit(np.repeat([0, 1], 6)),
        Plain(),
        check_cv([(np.arange(6), np.arange(6, 12))]),
        [(np.arange(6), np.arange(6, 12))],
    ],
    ids=lambda cv: type(cv).__name__,
)
def test_groups_that_nobody_heeds_are_said(cv):
    """The user would believe that groups are kept together."""
    said = []
    y = Y if cv is None else Y_CLASS
    found = split(cv, y, seed=0, said=said, groups=GROUPS)
    groups = [text for category, text in said if category is IgnoredGroupsWarning]
    (text,) = groups
    assert re.search(r"^got groups, but cv.*GroupKFold", text)
    assert "_CV" not in text
    said.clear()
    assert_same_splits(found, split(cv, y, seed=0, said=said))
    assert not said


def test_splitter_that_fails():
    """The message of a splitter must be traceable to cv."""
    with pytest.raises(ValueError, match=r"cv=KFold cannot .*n_samples = 12.*n_spl"):
        split(KFold(13))
    with pytest.raises(ValueError, match="cv=StratifiedKFold cannot split this data"):
        split(StratifiedKFold(2), Y)
    with pytest.raises(ValueError, match=r"cv=GroupKFold cannot .*number of groups: 3"):
        split(GroupKFold(4), groups=GROUPS)


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
    found = split(splitter, X=container(X), weights=weights_of(rows))
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
    weights = weights_of([0, 1, 2, 8])
    assert_same_splits(split([pair], weights=weights), [pair])


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
        split([pair], weights=weights_of(np.arange(6)))
    with pytest.raises(ValueError, match="training part has no row with positive samp"):
        split([pair], weights=weights_of(np.arange(6, 12)))


@pytest.mark.parametrize("cv", [[(range(3), range(3, 9))], KFold(3), KFold(2)])
def test_training_part_without_a_class(cv):
    """Without one of the classes the weights of that class mean nothing."""
    y = np.repeat(CLASSES, 3)
    where = "cv: pair 0" if isinstance(cv, list) else "cv=KFold: split 0"
    match = where + r" .* training part has no row of class .*cv=StratifiedKFold\(5"
    with pytest.raises(ValueError, match=match):
        split(cv, y)
    with pytest.raises(ValueError, match="no row of class 'bee', 'cat'; every class"):
        split([(range(3), range(3, 9))], y)


def test_class_without_weight_is_not_required():
    """A class of which every row has weight zero counts as dropped."""
    y = np.repeat([0, 1, 2], 4)
    weights = weights_of(np.arange(8))
    assert len(split(4, y, weights=weights)) == 4
    assert len(split([([0, 5], [1, 6])], y, weights=weights)) == 1
    with pytest.raises(ValueError, match="no row of class 1; every"):
        split([([0, 5], [1, 6])], y, weights=weights_of([0, 1, 6]))


@pytest.mark.parametrize("cv", [0, 1, -3, 1.5, -0.2, 0.0, 1.0, np.nan, np.inf, "five"])
def test_value_out_of_range(cv):
    """The message must say what came and what is allowed."""
    came = re.escape(f"cv={cv!r} is not")
    with pytest.raises(
        ValueError, match=came + r".* an int >= 2 .* a float in \(0, 1\)"
    ):
        split(cv)


@pytest.mark.parametrize(
    "cv", [True, False, np.True_, KFold, object(), 2j, np.array(5)]
)
def test_type_that_describes_no_splits(cv):
    """True is not one fold."""
    with pytest.raises(TypeError, match=r"cv=.* is not allowed; allowed are None"):
        split(cv)


@pytest.mark.parametrize("cv", [[], (), iter([])])
def test_no_pairs(cv):
    """A generator that was used up must not look like a fitted model."""
    with pytest.raises(ValueError, match="cv contains no"):
        split(cv)


def test_more_folds_than_rows():
    """The message must say which number of folds would work."""
    with pytest.raises(ValueError, match=r"cv=13 .* n_samples = 12.* from 2 to 12\.$"):
        split(13)
    with pytest.raises(ValueError, match=r"n_samples = 2, n.* would work: cv=2\.$"):
        split(3, Y[:2])
    assert len(split(12)) == 12


@pytest.mark.parametrize("cv", [5, 0.2, 0.99])
@pytest.mark.parametrize("y", [[0], [0.5]])
def test_one_row(cv, y):
    """`check_estimator` looks for these words."""
    with pytest.raises(ValueError, match="n_samples = 1, n_features = 2"):
        split(cv, y)


def test_more_folds_than_members_of_every_class():
    """The message must name the class and what to do."""
    y = np.repeat(CLASSES, [6, 3, 5])
    with pytest.raises(ValueError, match=r"cv=7 .*, 'ant', has rows \(6\); n_s"):
        split(7, y)
    with pytest.raises(ValueError, match=r"n_samples = 4, .* would work: cv=2\.$"):
        split(3, [0, 0, 1, 1])
    with pytest.raises(ValueError, match=r"would work: at least two rows of a class"):
        split(2, [0, 1, 2])


def test_rare_classes_are_said():
    """Folds that hold out none of a class would look like the others."""
    said = []
    assert len(split(5, np.repeat(CLASSES, [30, 3, 30]), said=said)) == 5
    ((category, text),) = said
    assert category is RareClassWarning
    assert re.search(r"the 5 folds of cv=5: 'bee' \(3\)\.", text)
    assert len(split(3, np.repeat(CLASSES, [30, 3, 30]))) == 3
    # Rows without weight do not count.
    weights = np.r_[np.ones(30), np.zeros(3), np.ones(30)]
    split(5, np.repeat(CLASSES, [30, 3, 30]), weights=weights)
    with pytest.raises(ValueError, match=r"cv=5: fold \d .*class 'bee';.*merge it wi"):
        split(5, np.repeat(CLASSES, [30, 1, 30]), said=[])


def test_holdout_with_a_class_of_one():
    """One row cannot be on both sides."""
    with pytest.raises(ValueError, match=r"cv=0.5.*class 'bee' has 1; n_samples = 4"):
        split(0.5, CLASSES[[0, 0, 0, 1]])


@settings(deadline=None, max_examples=80)
@given(
    counts=st.lists(st.integers(2, 12), min_size=1, max_size=6),
    fraction=st.floats(0.001, 0.999),
    classifier=st.booleans(),
    seed=st.integers(0, 5),
)
def test_holdout_works_or_says_what_works(counts, fraction, classifier, seed):
    """Following the advice of the message must never end in the next message."""
    y = np.repeat(np.arange(len(counts)), counts)
    y = y if classifier else y + 0.5
    fractions = [fraction]
    try:
        split(fraction, y, seed=seed)
    except ValueError as error:
        fractions = re.search(r"fraction from (\S+) to (\S+)\.$", str(error)).groups()
        fractions = [float(fraction) for fraction in fractions]
        assert fractions[0] <= fractions[1]
    for allowed in fractions:
        ((train, validation),) = split(allowed, y, seed=seed)
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
    """A class of two rows or more is in every training part."""
    y = np.repeat(np.arange(len(counts)), counts)
    y = y if classifier else y + 0.5
    limit = max(counts) if classifier else sum(counts)
    if n_folds > limit:
        advice = f"from 2 to {limit}." if limit > 2 else "cv=2."
        with pytest.raises(ValueError, match=f"n_samples = {len(y)}, n_features") as e:
            split(n_folds, y)
        assert str(e.value).endswith(advice) == (limit > 1)
        return
    if classifier and min(counts) == 1:
        with pytest.raises(ValueError, match=r"cv=\d+: fold .* no row of class"):
            split(n_folds, y, said=[])
        return
    pairs = split(n_folds, y, said=[])
    assert len(pairs) == n_folds
    if classifier:
        assert all(set(y[train]) == set(y) for train, _ in pairs)
