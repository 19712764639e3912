"""Approximate weights of all rows, about which models of all splits are made."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.engine.glm.centre import OFF_CENTRE, find_centre
from sklearn_myhpo.losses import GammaLoss, PoissonLoss
from sklearn_myhpo.solvers.start.points import inner_range
from tests.helpers import Spec, folds

N_ROWS = 5000


def hard_problem(kind, seed):
    """Return rows of which a sample says little about the others."""
    rng = np.random.default_rng(seed)
    if kind == "far rows":
        X = rng.standard_t(2.5, size=(N_ROWS, 3))
    else:
        X = sparse.random(N_ROWS, 60, density=0.04, format="csr", random_state=seed)
    eta = np.ravel(X @ rng.standard_normal(X.shape[1]))
    eta = np.clip(eta * (1.0 if kind == "far rows" else 3.0), -5.0, 5.0)
    if seed % 2:
        y, loss = rng.gamma(0.7, np.exp(eta)) + 1e-9, GammaLoss()
    else:
        y, loss = rng.poisson(np.exp(eta)).astype(float), PoissonLoss()
    spec = Spec(X, y, loss, folds(N_ROWS, 3, seed=seed), np.zeros(X.shape[1], int))
    return spec.problem(all_directions=False)


@pytest.mark.parametrize("kind", ["far rows", "strong effects of few entries"])
@pytest.mark.parametrize("seed", range(6))
def test_samples_that_say_little_about_all_rows(kind, seed):
    """A fit would scan many lambdas, and take twice the time."""
    problem = hard_problem(kind, seed)
    full = problem.full
    factors = 0.5 * full.penalty(np.zeros(1))[:, 0]
    with np.errstate(all="ignore"):
        centre = find_centre(full, factors, inner_range(problem), 1000)
    assert centre is not None
    lambda_ = np.array([centre.lambda_])
    best = problem.split_set.minimize_full(full, lambda_, full.start())
    away = (centre.weights - best)[:, 0]
    matrix = full.hessian(best, lambda_)
    error = away @ matrix.product(away[:, None])[:, 0]
    assert 0.5 * error <= OFF_CENTRE**2 * full.train_loss(best, lambda_)
    np.testing.assert_allclose(centre.raw, full.rows.forward(centre.weights).T)
