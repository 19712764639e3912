"""The root of the cubic through the slopes and curvatures at two places."""

import numpy as np
import pytest

from sklearn_myhpo.solvers.steps.hermite import share_of_step


def derivatives(function, place, h=1e-5):
    """Return a place and the first two derivatives of a function there."""
    slope = (function(place + h) - function(place - h)) / (2.0 * h)
    second = (function(place + h) - 2.0 * function(place) + function(place - h)) / h**2
    return place, slope, second


def loss(x):
    """Return a loss with the shape of one along a log-penalty, least at 0.5."""
    z = np.exp(x - 0.5)
    return z + 0.5 / z**2


def exact(x):
    """Return a place and the exact derivatives of the loss."""
    z = np.exp(x - 0.5)
    return x, z - 1.0 / z**2, z + 2.0 / z**2


@pytest.mark.parametrize("here", [0.3, 0.45, 0.6, 0.9])
@pytest.mark.parametrize("way", [-0.4, -0.2, 0.3, 0.8])
def test_the_step_ends_far_nearer_to_the_minimum(here, way):
    """Many fits would need one more evaluation of all folds."""
    before, at = exact(here + way), exact(here)
    step = -at[1] / at[2]
    share = share_of_step(before, at, step)
    assert abs(here + share * step - 0.5) < 0.5 * abs(here + step - 0.5)


def test_derivatives_of_the_example():
    """The example would test nothing if its derivatives were wrong."""
    np.testing.assert_allclose(exact(0.9), derivatives(loss, 0.9), rtol=1e-4)


def test_cubics_are_solved_exactly():
    """A slope that is a cubic has no error at all."""

    def slope(x):
        return (x - 1.0) * (x**2 + x + 3.0)

    def bend(x):
        return x**2 + x + 3.0 + (x - 1.0) * (2.0 * x + 1.0)

    step = -slope(1.3) / bend(1.3)
    share = share_of_step(
        (2.0, slope(2.0), bend(2.0)), (1.3, slope(1.3), bend(1.3)), step
    )
    assert 1.3 + share * step == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("before", "here"),
    [
        ((0.0, 1.0, 1.0), (0.0, 0.5, 1.0)),  # the same place
        ((1.0, 1.0, 1.0), (0.0, 0.5, -1.0)),  # not convex
        ((1.0, -30.0, -10.0), (0.0, 0.5, 1.0)),  # no root near the step
        ((1.0, np.inf, 1.0), (0.0, 0.5, 1.0)),
    ],
)
def test_strange_derivatives_leave_the_step_alone(before, here):
    """A fit would jump away from its minimum."""
    assert share_of_step(before, here, -0.5) == 1.0
