"""Moves of lambda as the weights feel them."""

import numpy as np
import pytest

from sklearn_myhpo.solvers.myhpo.freedom import felt, unfelt
from tests.helpers import ridge_spec


@pytest.mark.parametrize("delta", [-8.0, -0.3, 0.4, 12.0])
def test_weights_are_linear_in_a_felt_move(delta):
    """A step that drops a feature would not do to the others what it promises."""
    problem = ridge_spec(n_features=6, n_groups=6).problem()
    split, lambda_ = problem.splits[0], np.linspace(-4.0, 0.0, 6)
    w = split.minimize(lambda_, split.start())
    hessian, p = split.hessian(w, lambda_), split.penalty(lambda_)
    for feature in range(6):
        force = np.zeros_like(w)
        force[feature] = -p[feature] * w[feature]
        tangent = hessian.solve(force)
        taken = np.vdot(tangent, hessian.product(tangent)) / np.vdot(
            p[feature], w[feature] ** 2
        )
        np.testing.assert_allclose(unfelt(felt(delta, taken), taken), delta)
        moved = lambda_ + delta * (np.arange(6) == feature)
        expected = split.minimize(moved, split.start())
        np.testing.assert_allclose(
            w + felt(delta, taken) * tangent, expected, rtol=1e-8, atol=1e-12
        )
