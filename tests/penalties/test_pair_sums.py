"""Sums over pairs of feature groups."""

import numpy as np

from sklearn_myhpo.penalties.groups import FeatureGroups


def test_sums_over_pairs_of_groups():
    """Curvature of one group would be counted in another."""
    rng = np.random.default_rng(0)
    groups = FeatureGroups(np.array([1, 0, 2, 1, 1]), ("a", "b", "c"))
    index = np.array([0, 2, 3])
    matrix = rng.standard_normal((3, 3))
    member = groups.labels[index] == np.arange(3)[:, None]
    expected = member.astype(float) @ matrix @ member.T
    np.testing.assert_allclose(groups.sum_by_pair(matrix, index), expected)
