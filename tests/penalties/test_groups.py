"""The feature_groups parameter: every feature gets the lambda the user meant."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_myhpo.penalties.groups import FeatureGroups
from sklearn_myhpo.penalties.parsing import make_feature_groups

NAMES = ["age", "height", "weight", "city_a", "city_b"]
D = len(NAMES)
X = np.arange(3.0 * D).reshape(3, D)


def make(feature_groups, X=X, feature_names=NAMES):
    """Make groups of five features, named unless told otherwise."""
    return make_feature_groups(
        feature_groups, X, n_features=D, feature_names=feature_names
    )


def assert_groups(groups, labels, names):
    """Compare labels and names."""
    assert groups.labels.dtype == np.intp
    np.testing.assert_array_equal(groups.labels, labels)
    assert groups.names == names
    assert groups.n_groups == len(names)


def test_none_is_one_group():
    """The default is one strength for all features."""
    assert_groups(make(None), [0] * D, ("all",))


@pytest.mark.parametrize("feature_names", [NAMES, np.array(NAMES, dtype=object)])
def test_each(feature_names):
    """Every feature has its own lambda, found under the feature's name."""
    groups = make("each", feature_names=feature_names)
    assert_groups(groups, range(D), tuple(NAMES))
    names = ("x0", "x1", "x2", "x3", "x4")
    assert_groups(make("each", feature_names=None), range(D), names)


@pytest.mark.parametrize("container", ["list", "tuple", "numpy", "pandas", "polars"])
@pytest.mark.parametrize(
    ("labels", "expected", "names"),
    [
        (["b", "a", "b", "c", "a"], [1, 0, 1, 2, 0], ("a", "b", "c")),
        (["x1", "x10", "x2", "x1", "x1"], [0, 1, 2, 0, 0], ("x1", "x10", "x2")),
        ([7, -1, 7, 7, -1], [1, 0, 1, 1, 0], (-1, 7)),
        (["ab", "cd", "ab", "cd", "ab"], [0, 1, 0, 1, 0], ("ab", "cd")),
    ],
)
def test_labels(labels, expected, names, container):
    """`lambda_` is in sorted order of the labels, whatever holds them."""
    if container in ("pandas", "polars"):
        labels = pytest.importorskip(container).Series(labels)
    else:
        labels = {"list": list, "tuple": tuple, "numpy": np.array}[container](labels)
    groups = make(labels)
    assert_groups(groups, expected, names)
    assert all(type(name) in (int, str) for name in groups.names)


@pytest.mark.parametrize(
    ("columns", "members"),
    [
        ("age", [0]),
        (["age", "weight"], [0, 2]),
        (np.array(["age", "weight"]), [0, 2]),
        (3, [3]),
        (-1, [4]),
        (np.int64(-2), [3]),
        ([0, -1], [0, 4]),
        ([0, 0], [0]),
        (np.array([1, 2], dtype=np.uint8), [1, 2]),
        (range(2), [0, 1]),
        (slice(1, 3), [1, 2]),
        (slice(None, -2), [0, 1, 2]),
        (slice(None, None, 2), [0, 2, 4]),
        (slice(3, 99), [3, 4]),
        (slice("height", "city_a"), [1, 2, 3]),
        (slice("weight", None), [2, 3, 4]),
        (slice(None, "height"), [0, 1]),
        (slice(None, None), [0, 1, 2, 3, 4]),
        ([True, False, False, False, True], [0, 4]),
        (np.array([True, False, True, False, False]), [0, 2]),
        (lambda X: [0, X.shape[1] - 1], [0, 4]),
        (lambda X: slice("age", "height"), [0, 1]),
    ],
)
def test_columns(columns, members):
    """Columns mean what they mean in ColumnTransformer."""
    rest = np.setdiff1d(np.arange(D), members)
    expected = np.isin(np.arange(D), rest).astype(int)
    pairs = [("some", columns), ("rest", rest)][: 2 if rest.size else 1]
    names = tuple(name for name, _ in pairs)
    assert_groups(make(pairs), expected, names)
    assert_groups(make([list(pair) for pair in pairs]), expected, names)
    assert_groups(
        make(pairs[::-1]), 1 - expected if rest.size else [0] * D, names[::-1]
    )


def test_columns_like_column_transformer():
    """A specification copied out of a ColumnTransformer selects the same columns."""
    pd = pytest.importorskip("pandas")
    from sklearn.compose import ColumnTransformer, make_column_selector

    frame = pd.DataFrame(X, columns=NAMES).assign(city_a=[1, 2, 3])
    keys = [
        slice("height", "weight"),
        slice(1, 3),
        ["age", "city_b"],
        [-1],
        make_column_selector(dtype_include=float),
        make_column_selector(pattern="^city"),
        lambda X: X.columns[:2],
        lambda X: X.columns.str.startswith("c"),
    ]
    for key in keys:
        transformer = ColumnTransformer([("some", "passthrough", key)]).fit(frame)
        selected = transformer.get_feature_names_out()
        members = [NAMES.index(name.removeprefix("some__")) for name in selected]
        rest = np.setdiff1d(np.arange(D), members)
        groups = make([("rest", rest), ("some", key)], X=frame)
        np.testing.assert_array_equal(np.flatnonzero(groups.labels), members)


def test_callable_gets_the_original_X():
    """A selector by dtype needs the frame, not the validated array."""
    seen = []
    marker = object()
    make([("all", lambda X: seen.append(X) or slice(None))], X=marker)
    assert seen == [marker]


def test_callable_that_fails_is_named():
    """The traceback must lead from the user's function to the parameter."""
    with pytest.raises(ZeroDivisionError) as error:
        make([("bad", lambda X: 1 / 0)])
    assert "feature_groups: group 'bad'" in error.value.__notes__[0]


@pytest.mark.parametrize(
    ("feature_groups", "error", "match"),
    [
        (
            "foo",
            ValueError,
            "feature_groups='foo' is not allowed; allowed are None .* \"each\"",
        ),
        (3, TypeError, "feature_groups=3 is not allowed; allowed are None"),
        (True, TypeError, "feature_groups=True is not allowed; allowed are"),
        ({"a": [0]}, TypeError, r"feature_groups=\{'a': \[0\]\} is not allowed; "),
        (len, TypeError, "feature_groups=len is not allowed; allowed are"),
        ([], ValueError, "feature_groups has 0 labels, but X has 5 features"),
        ([1, 2, 1, 2], ValueError, "feature_groups has 4 labels, but X has 5"),
        (
            np.zeros((5, 2), int),
            ValueError,
            r"feature_groups is an array of shape \(5, 2\), .* shape \(5,\)",
        ),
        (
            [1.0, np.nan, 1, 1, 1],
            ValueError,
            "feature_groups has a missing label .* at index 1;",
        ),
        (
            ["a", None, "b", "b", np.nan],
            ValueError,
            "feature_groups has a missing label .* at index 1, 4;",
        ),
        (
            np.full(5, np.nan),
            ValueError,
            "feature_groups has a missing label .* at index 0, 1, 2, 3, 4;",
        ),
        ([1, "a", 1, 1, 1], TypeError, "feature_groups has labels that cannot be sor"),
        (
            ["a", ("b", 1)],
            ValueError,
            r"feature_groups: item 0 .* is 'a', but .* \(name, columns\)",
        ),
        (
            [("a", "b", 1)],
            ValueError,
            r"feature_groups: item 0 .* must be \(name, columns\)",
        ),
        (
            [({}, [0])],
            TypeError,
            "feature_groups: item 0 .* the name {}, but names must be hashable",
        ),
    ],
)
def test_bad_feature_groups(feature_groups, error, match):
    """The message must name the parameter, what came and what is allowed."""
    with pytest.raises(error, match=match):
        make(feature_groups)


@pytest.mark.parametrize(
    ("columns", "error", "match"),
    [
        ("agee", ValueError, "unknown columns 'agee'; the columns of X are 'age', "),
        (["age", "x", "y"], ValueError, "unknown columns 'x', 'y'; the columns of X"),
        (slice("age", "z"), ValueError, "unknown columns 'z'; the columns"),
        (5, ValueError, "column indices 5, but X has 5 features; allowed are -5 to 4"),
        ([0, -6, 9], ValueError, "column indices -6, 9, but X has 5 features"),
        ([True, False], ValueError, "boolean mask of length 2, but X has 5 features"),
        (True, ValueError, "boolean mask of length 1, but X has 5 features"),
        ([], ValueError, r"is empty \(\[\]\)"),
        ([False] * 5, ValueError, "is empty"),
        (slice(7, 9), ValueError, r"is empty \(slice\(7, 9, None\)\)"),
        (slice("weight", "age"), ValueError, "is empty"),
        (lambda X: [], ValueError, "is empty"),
        (slice("age", 3), TypeError, "slice must be ints, or both column names"),
        (slice(0.0, 1), TypeError, "slice must be ints, or both column names"),
        (slice(0, 3, 0), ValueError, r"step of slice\(0, 3, 0\) must be a nonzero int"),
        (None, TypeError, "columns None; allowed are a column name"),
        (1.0, TypeError, r"columns 1\.0; allowed are a column name"),
        ([0.0, 1.0], TypeError, "allowed are a column name"),
        ([0, "age"], TypeError, "allowed are a column name"),
        ([[0], [1]], TypeError, "allowed are a column name"),
    ],
)
def test_bad_columns(columns, error, match):
    """The message must name the group, what came and what is allowed."""
    with pytest.raises(error, match="feature_groups: group 'bad'.*" + match):
        make([("good", [0]), ("bad", columns)])


@pytest.mark.parametrize("columns", ["age", ["age", "weight"], slice("age", None)])
def test_names_without_feature_names(columns):
    """An array has no names; the message must say what to do."""
    with pytest.raises(
        ValueError, match=r"names the columns 'age'.* X has no feature na"
    ):
        make([("bad", columns)], feature_names=None)


def test_repeated_group_name():
    """Two lambdas of one name could not be told apart."""
    with pytest.raises(ValueError, match="several groups named 'a'; group names must"):
        make([("a", [0, 1]), ("b", [2]), ("a", [3, 4])])


def test_features_in_no_or_several_groups():
    """A forgotten feature would go unpenalized, a doubled one has no lambda."""
    with pytest.raises(ValueError, match="in no group: 'weight', 'city_b'"):
        make([("a", [0, 1]), ("b", [3])])
    with pytest.raises(ValueError, match="in several groups: 'height'"):
        make([("a", [0, 1]), ("b", slice(1, None))])
    with pytest.raises(ValueError, match="in no group: 'x2', 'x3', 'x4'"):
        make([("a", [0, 1])], feature_names=None)
    message = "in no group: 'x1', 'x2', 'x3', 'x4', 'x5' and 12 more."
    with pytest.raises(ValueError, match=re.escape(message)):
        make_feature_groups([("a", [0])], X, n_features=18)


def test_missing_label_of_pandas():
    """`pandas.NA` has no truth value, and must not pass as a label."""
    pd = pytest.importorskip("pandas")
    for dtype in ("Int64", "string", "category"):
        labels = pd.Series([1, 2, None, 1, 1]).astype(dtype)
        with pytest.raises(ValueError, match=r"missing label .* at index 2;"):
            make(labels)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_pairs_agree_with_labels(labels):
    """Both ways to say the same partition give the same model."""
    d = len(labels)
    by_label = make_feature_groups(labels, None, n_features=d)
    masks = [(name, np.equal(labels, name)) for name in sorted(set(labels))]
    by_pair = make_feature_groups(masks, None, n_features=d)
    assert_groups(by_pair, by_label.labels, by_label.names)
    assert [by_label.names[label] for label in by_label.labels] == labels


@given(st.data(), st.lists(st.integers(0, 3), min_size=4, max_size=12))
def test_sums_are_the_adjoint_of_expand(data, labels):
    """Otherwise gradients with respect to lambda would be wrong."""
    groups = FeatureGroups(np.array(labels), ("a", "b", "c", "d"))
    numbers = st.integers(-9, 9)
    d = len(labels)
    values = np.array(data.draw(st.lists(numbers, min_size=2 * d, max_size=2 * d)))
    values = values.reshape(d, 2)
    lambda_ = np.array(data.draw(st.lists(numbers, min_size=4, max_size=4)))
    sums = groups.sum_by_group(values)
    assert sums.shape == (4,)
    assert sums @ lambda_ == (values.T @ groups.expand(lambda_)).sum()
    per_target = [groups.sum_by_group(column) for column in values.T]
    np.testing.assert_array_equal(sums, np.sum(per_target, axis=0))


def test_penalty_weights():
    """They are the second derivatives of the penalty, with no warning at overflow."""
    groups = make(["b", "a", "b", "b", "a"])
    lambda_ = np.array([-1.0, 0.5])
    w = np.arange(1.0, D + 1)
    penalty = groups.penalty_weights(lambda_) / 2 @ w**2
    expected = np.exp(-1.0) * (4 + 25) + np.exp(0.5) * (1 + 9 + 16)
    assert penalty == pytest.approx(expected, rel=1e-14)
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        weights = groups.penalty_weights(np.array([1e3, -1e3]))
    np.testing.assert_array_equal(weights, [0, np.inf, 0, 0, np.inf])


def test_groups_are_immutable():
    """Groups are shared by all splits and solvers of a fit."""
    with pytest.raises(AttributeError):
        make(None).names = ("other",)


def test_core_imports_no_frames():
    """The package must work where neither pandas nor polars is installed."""
    import sklearn_myhpo.data.cv
    import sklearn_myhpo.penalties.groups

    for module in (sklearn_myhpo.penalties.groups, sklearn_myhpo.data.cv):
        assert not {"pd", "pandas", "pl", "polars"} & set(vars(module))
