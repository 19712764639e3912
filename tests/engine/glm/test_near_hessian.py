"""A Hessian near that of a split, with strong penalties apart."""

import numpy as np
import pytest

from sklearn_myhpo.engine.glm.near_hessian import NearHessian
from sklearn_myhpo.engine.limits import limits
from sklearn_myhpo.engine.linalg.hessian import penalized_hessian
from tests.helpers import class_spec


@pytest.mark.parametrize("n_strong", [0, 3, 8])
def test_near_hessian(n_strong):
    """Dropped features would disturb those that are left."""
    problem = class_spec(n_features=4, n_classes=3).problem()
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((8, 8))
    gram, penalty = factor @ factor.T, rng.uniform(0.1, 1.0, (4, 1))
    penalty[: n_strong // 2] = 100.0 * limits().strong_penalty * np.trace(gram)
    near = NearHessian(gram, penalty, problem.counts)
    expected = penalized_hessian(gram.copy(), penalty, problem.counts)
    stack = rng.standard_normal((5, 4, 2))
    np.testing.assert_allclose(near.solve(stack), expected.solve(stack), atol=1e-6)
    assert len(near.kept) + len(near.alone) == 8
