"""Wide groups in their row space."""

import numpy as np
import pytest

from sklearn_myhpo.engine.plan import Plan
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
