"""Quadratic models minimized between bounds."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from sklearn_myhpo.solvers.steps.box import minimize_in_box


@pytest.mark.parametrize("seed", range(5))
def test_minimize_in_box_agrees_with_scipy(seed):
    """Steps of Newton and of MY-HPO end here: at a bound or inside."""
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((8, 6))
    target = rng.standard_normal(8)
    low, high = -rng.uniform(0.1, 0.5, 6), rng.uniform(0.1, 0.5, 6)
    low[0], high[1] = -np.inf, np.inf
    found = minimize_in_box(root.T @ root, -root.T @ target, low, high)
    wanted = lsq_linear(root, target, bounds=(low, high), tol=1e-13).x
    np.testing.assert_allclose(found, wanted, atol=1e-6)
