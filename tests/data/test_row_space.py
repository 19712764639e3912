"""Wide groups in their row space."""

import numpy as np
import pytest

from sklearn_myhpo.data.dense import DenseDesign
from sklearn_myhpo.data.row_space import in_own_units, reduce_to_row_space
from sklearn_myhpo.engine.plan import Plan
from sklearn_myhpo.penalties.groups import FeatureGroups
from tests.engine.helpers import assert_same_problem, lambdas
from tests.helpers import (
    SPECS,
    class_spec,
)


@pytest.mark.parametrize(
    "name", ["ridge-wide", "ridge-wide-groups", "logistic-wide", "wide-multinomial"]
)
def test_row_space_equals_features(name, monkeypatch):
    """The reduction for d > n is a shortcut, not another model."""
    spec = (
        class_spec(n_samples=24, n_features=40, n_classes=3)
        if name == "wide-multinomial"
        else SPECS[name]()
    )
    reduced = spec.problem()
    monkeypatch.setattr(Plan, "reduces_columns", False)
    direct = spec.problem()
    assert reduced.splits[0].shape[0] < direct.splits[0].shape[0]
    assert_same_problem(reduced, direct, rtol=1e-8)
    # Means over the features of a group, for the paper's response.
    w = direct.splits[0].minimize(lambdas(direct), direct.splits[0].start())
    short = reduced.splits[0].from_features(*direct.splits[0].to_features(w))
    for means, split in (
        (direct.splits[0].group_means(w), direct.splits[0]),
        (reduced.splits[0].group_means(short), reduced.splits[0]),
    ):
        expected = np.empty((spec.X.shape[1], w.shape[1]))
        coef = direct.splits[0].to_features(w)[0]
        for group in range(spec.n_groups):
            own = spec.labels == group
            expected[own] = coef[own].mean(axis=0)
        np.testing.assert_allclose(split.to_features(means)[0], expected, atol=1e-12)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_row_spaces_in_other_units(fit_intercept):
    """A split would standardize by the scales of another."""
    rng = np.random.default_rng(0)
    n_samples, labels = 8, np.repeat([0, 1, 2], [20, 3, 15])
    X = rng.standard_normal((n_samples, len(labels)))
    groups = FeatureGroups(labels, ("a", "b", "c"))
    design = DenseDesign(X, X.mean(axis=0), None, fit_intercept)
    units = np.exp(rng.uniform(-0.5, 0.5, len(labels)))
    share = None if fit_intercept else rng.dirichlet(np.ones(n_samples))
    reduced, coordinates = reduce_to_row_space(design, groups)
    rows, own = in_own_units(reduced, coordinates, units, share)
    Z = (X - X.mean(axis=0)) * units
    if share is not None:
        Z = Z - share @ Z
    for group in range(3):
        part, Z_part = (
            rows.X[:, coordinates.groups.labels == group],
            Z[:, labels == group],
        )
        np.testing.assert_allclose(part @ part.T, Z_part @ Z_part.T, atol=1e-11)
    w = rng.standard_normal((rows.n_features, 2))
    coef = own.to_features(w)
    np.testing.assert_allclose(Z / units @ coef, rows.X @ w, atol=1e-11)
    np.testing.assert_allclose(own.from_features(coef), w, atol=1e-11)
    # An isometry but for the units.
    np.testing.assert_allclose(
        np.sum((coef / units[:, None]) ** 2, axis=0), np.sum(w**2, axis=0)
    )
    if share is None:
        same = rows.X @ own.from_base(w)
        np.testing.assert_allclose(same, reduced.X @ w, atol=1e-11)
    units[4] = 1e3
    assert in_own_units(reduced, coordinates, units) is None


def test_signs_of_row_spaces():
    """No matrix would be near those of two splits with nearly the same rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((10, 60))
    groups = FeatureGroups(np.zeros(60, dtype=np.intp), ("a",))
    first, _ = reduce_to_row_space(DenseDesign(X), groups)
    for seed in range(5):
        near = X * (1 + 0.05 * np.random.default_rng(seed).standard_normal(60))
        other, _ = reduce_to_row_space(DenseDesign(near), groups)
        change = np.linalg.norm(other.X - first.X) / np.linalg.norm(first.X)
        assert change < 0.2
