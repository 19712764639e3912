"""What Newton's method for several splits has to watch beside its own decrease."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import expit

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
