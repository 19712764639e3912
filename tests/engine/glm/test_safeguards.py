"""Safeguards of Newton's method for several splits."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit

from sklearn_myhpo.engine.glm.factored_newton import FactoredNewton
from sklearn_myhpo.engine.glm.newton_together import NewtonTogether
from sklearn_myhpo.engine.glm.safeguards import unsettled
from sklearn_myhpo.losses import LogisticLoss
from tests.helpers import Spec

#: Entries of a feature that one training row has, and one held-out row of another
#: class.
ENTRY, N_TRAIN, LAMBDA = 0.03, 24, -33.0
#: Limits that lead to factored Hessians of every split, to common ones, and to none.
PATHS = {
    "factored": {},
    "factored seldom": {"own_pairs": 0},
    "conjugate gradients": {"own_pairs": 0, "factored_passes": 0},
}


def lonely_problem():
    """Return a problem with a feature that separates its only training row."""
    X = np.zeros((N_TRAIN + 8, 2))
    X[:, 0] = np.where(np.arange(len(X)) % 3, 1.0, -1.0)
    y = (np.arange(len(X)) % 2).astype(int)
    X[[1, N_TRAIN], 0] = 0.0
    X[[1, N_TRAIN], 1] = ENTRY
    rows = np.arange(len(X))
    pairs = [(rows[:N_TRAIN], rows[N_TRAIN:])]
    labels = np.zeros(2, dtype=int)
    return Spec(X, y, LogisticLoss(), pairs, labels, fit_intercept=False).problem()


def weight_at(lambda_):
    """Return the weight of the lonely feature, by its own equation."""

    def slope(w):
        return 2 * np.exp(lambda_) * w - ENTRY / N_TRAIN * expit(-ENTRY * w)

    return brentq(slope, 0.0, 1e5, xtol=1e-12, rtol=1e-15)


@pytest.mark.parametrize("tol", [1e-9, 1e-10])
@pytest.mark.parametrize("path", PATHS)
def test_held_out_losses_rest_where_the_training_loss_is_flat(path, tol, set_limits):
    """The reported loss would be off by a part in 10^5, and lambda never at rest."""
    set_limits(**PATHS[path])
    problem = lonely_problem()
    lambda_ = np.array([LAMBDA])
    near = problem.minimize(lambda_ + 1e-3, tol=1e-12)
    weights = problem.minimize(lambda_, near, tol)
    raw = ENTRY * weight_at(LAMBDA)
    # The held-out row has the other class, so its loss is its raw prediction.
    assert raw > 15.0
    (split,), (w,) = problem.splits, weights
    found = np.logaddexp(0.0, split.raw(w)[N_TRAIN, 0])
    np.testing.assert_allclose(found, np.logaddexp(0.0, raw), rtol=1e-8)


def test_a_change_that_does_not_fall_is_rounding():
    """A fit would take a hundred steps between the digits of a number."""
    losses = np.array([1.0, 1.0, 1.0])
    change, before = np.array([1e-6, 1e-6, 1e-12]), np.array([np.inf, 1e-6, np.inf])
    np.testing.assert_array_equal(
        unsettled(change, before, losses), [True, False, False]
    )


def rare_problem(seed):
    """Return a problem of rare features, log-penalties of hardly any, and weights."""
    rng = np.random.default_rng(seed)
    X = (rng.random((120, 12)) < 0.15).astype(float)
    y = (rng.random(120) < 0.15).astype(int)
    pairs = [(np.arange(90), np.arange(90, 120))]
    labels, loss = np.arange(12), LogisticLoss()
    problem = Spec(X, y, loss, pairs, labels, fit_intercept=False).problem()
    lambda_ = np.where(rng.random(12) < 0.5, -30.0, -5.0)
    return problem, lambda_, 3.0 * rng.standard_normal((1, 12, 1))


@pytest.mark.parametrize("newton", [FactoredNewton, NewtonTogether])
@pytest.mark.parametrize("seed", [3, 10, 15, 37, 44])
def test_no_step_climbs(newton, seed, set_limits):
    """A slope that ends below half of its fall may hide a rise to absurd weights."""
    if newton is NewtonTogether:
        set_limits(**PATHS["conjugate gradients"])
    problem, lambda_, start = rare_problem(seed)

    def loss(weights):
        return problem.splits[0].train_loss(weights[0].copy(), lambda_)

    run = newton(problem.split_set, lambda_, start, 1e-8)
    losses = [loss(run.weights)]
    for _ in range(60):
        is_over = run.step()
        losses.append(loss(run.weights))
        if is_over or (newton is NewtonTogether and not run.rest.any()):
            break
    assert len(losses) < 60
    assert np.max(np.diff(losses)) < 1e-9 * losses[0]
