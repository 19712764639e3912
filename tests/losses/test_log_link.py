"""Losses of positive means: scikit-learn's deviances, at any size of y."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import mean_tweedie_deviance

from sklearn_myhpo.losses import GammaLoss, PoissonLoss, TweedieLoss

#: Loss -> its power in scikit-learn's metric.
POWERS = {
    PoissonLoss(): 1.0,
    TweedieLoss(1.001): 1.001,
    TweedieLoss(1.5): 1.5,
    TweedieLoss(1.9): 1.9,
    GammaLoss(): 2.0,
}
each_loss = pytest.mark.parametrize("loss", POWERS, ids=lambda loss: f"{POWERS[loss]}")
#: Targets of all sizes; zero where the loss knows zeros.
SIZES = np.array([1e-90, 1e-12, 0.3, 1.0, 17.0, 1e12, 1e90])


def targets(loss):
    """Return targets that a loss takes."""
    return SIZES if POWERS[loss] == 2.0 else np.append(SIZES, 0.0)


@each_loss
def test_value_is_half_of_scikit_learns_deviance(loss):
    """The scores and penalties of scikit-learn would be of another model."""
    y = np.array([0.2, 1.0, 5.0] if POWERS[loss] == 2.0 else [0.0, 1.0, 5.0])
    raw = np.array([-0.3, 0.8, 1.1])
    for one, at, value in zip(y, raw, loss.value(y, raw[:, None]), strict=True):
        power = POWERS[loss]
        deviance = mean_tweedie_deviance([one], [np.exp(at)], power=power)
        np.testing.assert_allclose(value, 0.5 * deviance, rtol=1e-10)


@each_loss
def test_perfect_predictions_lose_nothing(loss):
    """Large counts: rounding of y would hide the difference of two models."""
    y = SIZES
    exact = np.log(y)[:, None]
    curvature = loss.curvature(y, exact)[:, 0, 0]
    value = loss.value(y, exact)
    assert np.all((value >= 0) & (value <= 1e-24 * curvature))
    # To second order around the best prediction, with all digits that raw has.
    near = loss.value(y, exact + 1e-5)
    np.testing.assert_allclose(near, 0.5e-10 * curvature, rtol=1e-4)


@each_loss
def test_far_predictions_go_on_along_a_tangent(loss):
    """A step too far would see no difference from one much too far."""
    y = targets(loss)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        for side in (1.0, -1.0):
            far, farther = (np.full((len(y), 1), side * at) for at in (450.0, 2e3))
            slope = loss.gradient(y, far)
            np.testing.assert_array_equal(loss.gradient(y, farther), slope)
            change = loss.value(y, farther) - loss.value(y, far)
            expected = slope[:, 0] * side * 1550.0
            np.testing.assert_allclose(change, expected, rtol=1e-10, atol=1e-200)
            assert np.all(np.isfinite(loss.curvature(y, far)))


@each_loss
def test_best_constant_is_the_log_mean(loss):
    """The null model of scores, bounds of lambda and starts."""
    rng = np.random.default_rng(0)
    y, weight = rng.gamma(2.0, size=20), rng.uniform(0.5, 2.0, 20)

    def mean_loss(at):
        return weight @ loss.value(y, np.full((20, 1), at))

    best = minimize_scalar(mean_loss, bounds=(-3, 3), options={"xatol": 1e-9})
    start = loss.intercept_start(y, weight)
    np.testing.assert_allclose(start, best.x, atol=1e-6)
    assert loss.has_constant(y, weight)
    # Its curvature in the mean is the unit of the bounds of lambda.
    mean = (weight @ y / weight.sum()) ** (2.0 - POWERS[loss])
    np.testing.assert_allclose(loss.curvature_scale(y, weight), mean, rtol=1e-12)


def test_zeros_alone_have_no_constant():
    """A fold without a claim: its intercept would have no end."""
    y, weight = np.array([0.0, 0.0, 3.0]), np.array([1.0, 1.0, 0.0])
    for loss in (PoissonLoss(), TweedieLoss(1.5)):
        assert not loss.has_constant(y, weight)
        assert np.isfinite(loss.intercept_start(y, weight)).all()
        assert loss.has_constant(y, np.ones(3))


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0, 3.0, np.nan])
def test_power_out_of_range(power):
    """At the ends its formulas divide by zero; beyond them it is not convex."""
    with pytest.raises(ValueError, match="between 1 and 2"):
        TweedieLoss(power)
