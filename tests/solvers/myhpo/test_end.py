"""The end of the fast form, at the exact minimum."""

import numpy as np
import pytest

from sklearn_myhpo import MYHPOLogisticRegression, MYHPOPoissonRegressor
from sklearn_myhpo.engine.limits import use_limits


def logistic_data(n_samples, n_features, seed=0):
    """Return rows of two classes."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    raw = X @ rng.standard_normal(n_features) / np.sqrt(n_features)
    return X, (rng.logistic(size=n_samples) < raw).astype(int)


@pytest.mark.parametrize("groups", [None, [0, 0, 0, 1, 1, 1], "each"])
def test_a_fit_ends_at_the_minimum_itself(groups):
    """Lambda would be off by as much as the objective is flat."""
    X, y = logistic_data(800, 6)
    found = MYHPOLogisticRegression(feature_groups=groups).fit(X, y)
    again = MYHPOLogisticRegression(feature_groups=groups, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(found.lambda_, again.lambda_, rtol=0, atol=1e-7)
    assert found.certificate_.relative_hypergradient < 1e-10
    assert np.all(found.certificate_.inner_residuals < 1e-8)


def test_hessians_of_products_end_at_the_minimum_too():
    """Slopes by iterations would be less accurate than the steps."""
    X, y = logistic_data(700, 12)
    found = MYHPOLogisticRegression().fit(X, y)
    with use_limits(dense_size=5):
        other = MYHPOLogisticRegression().fit(X, y)
    np.testing.assert_allclose(other.lambda_, found.lambda_, rtol=0, atol=1e-7)


@pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lambdas_in_flat_tails_go_on_to_their_end(seed):
    """They would stop anywhere, without a warning of the bound that they approach."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((1500, 5))
    raw = X * [1, 1, 1, 0, 0] @ rng.standard_normal(5)
    y = rng.poisson(np.exp(0.5 * raw)).astype(float)
    model = MYHPOPoissonRegressor(feature_groups="each").fit(X, y)
    assert model.converged_
    again = MYHPOPoissonRegressor(feature_groups="each", tol=1e-12).fit(X, y)
    np.testing.assert_allclose(model.lambda_, again.lambda_, rtol=0, atol=1e-5)
    np.testing.assert_allclose(model.coef_, again.coef_, rtol=0, atol=1e-8)
