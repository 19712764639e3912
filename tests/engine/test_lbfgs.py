"""Limited-memory BFGS."""

import numpy as np
import pytest

from sklearn_myhpo.engine.linalg.lbfgs import inverse_product, minimize_lbfgs


def test_inverse_product_is_that_of_bfgs():
    """The two loops are the matrices of BFGS, never formed."""
    rng = np.random.default_rng(0)
    curvature = np.diag([1.0, 3.0, 10.0, 0.1])
    steps = rng.standard_normal((3, 4))
    pairs = [(s, curvature @ s) for s in steps]
    s, y = pairs[-1]
    inverse = np.eye(4) * (s @ y) / (y @ y)
    for s, y in pairs:
        left = np.eye(4) - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    gradient = rng.standard_normal(4)
    np.testing.assert_allclose(inverse_product(pairs, gradient), inverse @ gradient)
    np.testing.assert_array_equal(inverse_product([], gradient), gradient)


@pytest.mark.parametrize("first_step", [1e-6, 1.0, 1e6])
def test_minimize_lbfgs_finds_the_root_of_the_gradient(first_step):
    """However wrong the first step is, as where the scale of a problem is unknown."""
    scale, target = np.array([1.0, 30.0, 0.2]), np.array([2.0, -1.0, 0.5])

    def gradient(x):
        return scale * np.arcsinh(x - target)

    x, slope = minimize_lbfgs(gradient, np.zeros(3), 1e-9, first_step)
    assert np.linalg.norm(slope) <= 1e-9
    np.testing.assert_allclose(x, target, atol=1e-8)


def test_minimize_lbfgs_stops_where_rounding_does():
    """A limit that no gradient can meet must end, not run for ever."""
    x, slope = minimize_lbfgs(lambda x: np.sinh(x - 1 / 3), np.ones(2), 0.0, 1.0)
    np.testing.assert_allclose(x, 1 / 3, atol=1e-12)
    assert np.all(np.abs(slope) < 1e-12)
