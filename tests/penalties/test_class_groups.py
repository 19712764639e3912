"""Lambdas of groups and classes, in one row."""

import numpy as np
import pytest

from sklearn_myhpo.penalties.class_groups import ClassGroups
from sklearn_myhpo.penalties.factors import with_factors
from sklearn_myhpo.penalties.groups import FeatureGroups
from tests.per_class import class_groups

FACTORS = np.array([1.0, 0.0, 2.0, 1.0, 0.5])
CLASSES = ["a", "b", "c"]


def make(n_groups=2):
    """Return groups of five features in three classes; the second has no penalty."""
    groups = FeatureGroups(np.arange(5) % n_groups, tuple(range(n_groups)))
    return ClassGroups.of(with_factors(groups, FACTORS, may_drop=False), CLASSES)


def test_names():
    """A warning would name the wrong class."""
    assert make(1).names == ("a", "b", "c")
    assert make(2).names[:4] == ((0, "a"), (0, "b"), (0, "c"), (1, "a"))


def test_expand_and_sum_are_transposes_of_each_other():
    """A lambda would penalize one class and be learned from another."""
    groups, rng = make(), np.random.default_rng(0)
    lambdas, values = rng.standard_normal(6), rng.standard_normal((5, 3))
    expanded = groups.expand(lambdas)
    for feature, group in enumerate([0, None, 0, 1, 0]):
        own = np.zeros(3) if group is None else lambdas[3 * group : 3 * group + 3]
        np.testing.assert_array_equal(expanded[feature], own)
    np.testing.assert_allclose(
        groups.sum_by_group(values) @ lambdas, np.sum(expanded * values)
    )


def test_what_features_have_belongs_to_every_class():
    """Bounds of lambdas would follow from a share of the curvature."""
    found = make().sum_by_group(np.arange(5.0))
    np.testing.assert_array_equal(found, [6.0, 6.0, 6.0, 3.0, 3.0, 3.0])


def test_scatter():
    """The response to a lambda would be that of all classes together."""
    groups, values = make(), np.arange(1.0, 16.0).reshape(5, 3)
    found = groups.scatter(values)
    assert found.shape == (6, 5, 3)
    for number in range(6):
        group, one = divmod(number, 3)
        kept = [feature for feature in (0, 2, 3, 4) if feature % 2 == group]
        expected = np.zeros((5, 3))
        expected[kept, one] = values[kept, one]
        np.testing.assert_array_equal(found[number], expected)


@pytest.mark.parametrize("index", [np.arange(15), np.array([0, 4, 7, 8, 14])])
def test_sum_by_weight_pair(index):
    """Curvature in lambdas of classes would mix classes."""
    groups, rng = make(), np.random.default_rng(1)
    matrix = rng.standard_normal((len(index), len(index)))
    numbers = groups.output_labels(3)[index]
    expected = np.zeros((6, 6))
    for (row, column), value in np.ndenumerate(matrix):
        if numbers[row] < 6 and numbers[column] < 6:
            expected[numbers[row], numbers[column]] += value
    found = groups.sum_by_weight_pair(matrix, index, 3)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_groups_without_classes_sum_weights_of_all_outputs():
    """Groups of features would lose the weights of all outputs but one."""
    groups = class_groups([0, 1, 0], 2).of_features
    matrix = np.arange(36.0).reshape(6, 6)
    labels = np.repeat([0, 1, 0], 2)
    member = np.stack([labels == 0, labels == 1]).astype(float)
    np.testing.assert_allclose(
        groups.sum_by_weight_pair(matrix, np.arange(6), 2), member @ matrix @ member.T
    )


def test_other_coordinates_have_the_same_lambdas():
    """Wide X, which is reduced, would lose the classes."""
    found = make().relabelled(np.array([1, 0]))
    np.testing.assert_array_equal(found.expand(np.arange(6.0)), [[3, 4, 5], [0, 1, 2]])
    assert found.scale is None
