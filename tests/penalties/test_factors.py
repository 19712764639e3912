"""The parameter `penalty_factors`, and groups with factors."""

import numpy as np
import pandas as pd
import pytest

from sklearn_myhpo.penalties.factors import make_penalty_factors, with_factors
from sklearn_myhpo.penalties.groups import FeatureGroups

NAMES = ["age", "size", "x3", "x4"]


def factors(given, names=None, X=None):
    """Return the factors of four features."""
    return make_penalty_factors(given, X, n_features=4, feature_names=names)


def groups(*labels, names=("a", "b")):
    """Return the groups of some labels."""
    return FeatureGroups(np.array(labels, dtype=np.intp), names)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0, 1, 2.5, 1e-3], [0, 1, 2.5, 1e-3]),
        (np.array([0, 1, 1, 3], dtype=np.int32), [0, 1, 1, 3]),
        (pd.Series([1, 1, 0, 1], index=[3, 2, 1, 0]), [1, 1, 0, 1]),
        (np.array([False, True, True, True]), [0, 1, 1, 1]),
        ([("age", 0)], [0, 1, 1, 1]),
        ([(["age", "x4"], 2.0), (slice("size", "x3"), 0.5)], [2, 0.5, 0.5, 2]),
        ([(-1, 0), ([True, True, False, False], 4)], [4, 4, 1, 0]),
        ([(lambda X: [1], 0)], [1, 0, 1, 1]),
        ([([2, 2], 3)], [1, 1, 3, 1]),
    ],
)
def test_forms(given, expected):
    """Columns are those of a ColumnTransformer, and the others have factor one."""
    found = factors(given, NAMES)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float64


def test_none_is_none():
    """Without factors nothing may change."""
    assert factors(None) is None
    plain = groups(0, 0, 1, 1)
    assert with_factors(plain, None, may_drop=False) is plain


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (1.0, TypeError, "penalty_factors=1.0 is not allowed; allowed are None"),
        ("age", TypeError, "penalty_factors='age' is not allowed; allowed are None"),
        (
            {"age": 0},
            TypeError,
            "penalty_factors={'age': 0} is not allowed; allowed are None",
        ),
        (["a", 1, 1, 1], TypeError, "allowed are None"),
        ([1, 1, 1], ValueError, r"shape \(3,\), but X has 4 features"),
        (np.ones((4, 2)), ValueError, r"shape \(4, 2\), but X has 4 features"),
        ([1, -1, 1, 1], ValueError, "values -1 for the features 'size'"),
        ([1, 1, np.nan, 1], ValueError, "values nan for the features 'x3'"),
        ([1, 1, np.inf, 1], ValueError, "values inf for the features 'x3'"),
        ([1, 1, 1, 1e-60], ValueError, "values 1e-60 for the features 'x4'"),
        ([0, 0, 0, 0], ValueError, "0 for all features"),
        ([("age", 0), (slice(None), 0)], ValueError, "several items: 'age'"),
        ([(slice(None), 0)], ValueError, "0 for all features"),
        ([("weight", 0)], ValueError, r"item 0 .* unknown columns 'weight'"),
        ([("age", 0), (7, 0)], ValueError, r"item 1 .* indices 7, but X has 4"),
        ([("age", 0), ([], 0)], ValueError, r"item 1 .* names no feature"),
        ([("age", "much")], TypeError, r"item 0 .* the factor 'much'"),
        ([("age", 0), ("size",)], ValueError, r"item 1 .* \(columns, factor\)"),
        ([(1.5, 0)], TypeError, r"item 0 .* columns 1.5; allowed are a column name"),
    ],
)
def test_errors(given, error, message):
    """The message names the parameter, what came and what is allowed."""
    with pytest.raises(error, match=message) as caught:
        factors(given, NAMES)
    assert str(caught.value).startswith("penalty_factors")


def test_features_with_factor_zero_are_in_no_group():
    """Sums over groups and penalties would count them."""
    plain = groups(0, 1, 0, 1)
    found = with_factors(plain, np.array([0.0, 4.0, 1.0, 0.25]), may_drop=False)
    assert found.labels.tolist() == [2, 1, 0, 1]
    assert found.sizes == (1, 2)
    assert found.unpenalized.tolist() == [0]
    np.testing.assert_array_equal(found.scale, [1.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(found.sum_by_group(np.arange(4.0)), [2.0, 4.0])
    np.testing.assert_array_equal(found.expand(np.array([7.0, 8.0])), [0, 8, 7, 8])
    np.testing.assert_allclose(found.penalty_weights(np.zeros(2)), [0, 2, 2, 2])
    matrix = np.arange(16.0).reshape(4, 4)
    member = np.array([[0, 0, 1, 0], [0, 1, 0, 1]])
    np.testing.assert_array_equal(
        found.sum_by_pair(matrix, np.arange(4)), member @ matrix @ member.T
    )
    np.testing.assert_array_equal(found.sum_rows(matrix), member @ matrix)
    only = found.penalized_only()
    assert only.labels.tolist() == [1, 0, 1]
    assert only.scale is None


def test_factors_of_one_need_no_units():
    """Rows would be multiplied for nothing."""
    found = with_factors(groups(0, 0, 1, 1), np.array([1, 0, 1, 1.0]), may_drop=False)
    assert found.scale is None
    assert found.n_unpenalized == 1


def test_group_without_a_penalized_feature():
    """A lambda that nobody feels has no minimum."""
    plain = groups(0, 1, 0, 2, names=("a", "b", "c"))
    zero = np.array([0.0, 1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match=r"all features of these groups.*'a'"):
        with_factors(plain, zero, may_drop=False)
    found = with_factors(plain, zero, may_drop=True)
    assert found.names == ("b", "c")
    assert found.labels.tolist() == [2, 0, 2, 1]
