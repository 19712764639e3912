"""Leave-one-out of many targets from sums over targets."""

import numpy as np
import pytest

from sklearn_myhpo.criteria import CriterionProblem, LeaveOneOut
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import SquaredLoss
from sklearn_myhpo.penalties.groups import FeatureGroups


@pytest.mark.parametrize("shape", [(40, 5), (20, 40), (25, 24)], ids=str)
@pytest.mark.parametrize("second", [True, False])
def test_sums_give_the_errors_of_every_target(shape, second):
    """Lambda, or the steps towards it, would be those of other targets."""
    rng = np.random.default_rng(0)
    X, n_targets = rng.standard_normal(shape), 45
    y = X @ rng.standard_normal((shape[1], n_targets))
    y += rng.standard_normal(y.shape)
    weight = rng.uniform(0.5, 2.0, shape[0])
    groups = FeatureGroups(np.zeros(shape[1], dtype=np.intp), ("all",))
    curves = []
    for many in (1, n_targets):
        with use_limits(many_outputs=many, block_entries=300):
            problem = CriterionProblem(
                X, y, SquaredLoss(), groups, LeaveOneOut(), sample_weight=weight
            )
            penalties = np.exp(np.linspace(-5.0, 4.0, 6))
            curves.append(problem.bound.curve(penalties, second=second))
    for found, expected in zip(*curves, strict=True):
        if expected is None:
            assert found is None
            continue
        np.testing.assert_allclose(found, expected, rtol=1e-8)
