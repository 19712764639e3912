"""Fits of likelihoods end at the exact minimum, wherever the rows are."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone

from sklearn_myhpo import (
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPOTweedieRegressor,
)
from tests.tensor_spaces import dispatching, load_space

#: Estimators, and draws of y given raw predictions.
FAMILIES = {
    "logistic": (
        MYHPOLogisticRegression(),
        lambda rng, raw: (rng.logistic(size=len(raw)) < raw[:, 0]).astype(int),
    ),
    "multinomial": (
        MYHPOLogisticRegression(),
        lambda rng, raw: np.argmax(raw + rng.gumbel(size=raw.shape), axis=1),
    ),
    "poisson": (
        MYHPOPoissonRegressor(),
        lambda rng, raw: rng.poisson(np.exp(0.5 * raw[:, 0])).astype(float),
    ),
    "gamma": (
        MYHPOGammaRegressor(),
        lambda rng, raw: rng.gamma(2.0, np.exp(0.5 * raw[:, 0])) + 1e-9,
    ),
    "tweedie": (
        MYHPOTweedieRegressor(power=1.5),
        lambda rng, raw: rng.poisson(np.exp(0.5 * raw[:, 0])) * rng.gamma(2.0, 1.0),
    ),
}


def make_data(family, n_samples, n_features, seed=0):
    """Return rows whose weights are all far from zero."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    weights = rng.standard_normal((n_features, 3)) / np.sqrt(n_features)
    return X, FAMILIES[family][1](rng, X @ weights)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("size", [(300, 4), (900, 20)], ids=str)
@pytest.mark.parametrize("groups", ["one", "groups"])
@pytest.mark.parametrize("family", FAMILIES)
def test_tensors_and_numpy_end_at_the_same_minimum(family, groups, size, monkeypatch):
    """Lambda would depend on where the rows are, or on a path to the minimum."""
    X, y = make_data(family, *size)
    model = clone(FAMILIES[family][0])
    if groups == "groups":
        model.set_params(feature_groups=np.arange(size[1]) % 2)
    plain = clone(model).fit(X, y)
    with dispatching(monkeypatch), sklearn.config_context(array_api_dispatch=True):
        xp = load_space("torch")
        found = clone(model).fit(xp.asarray(X), y)
    close = {"rtol": 0, "atol": 1e-9}
    np.testing.assert_allclose(found.lambda_, plain.lambda_, **close)
    np.testing.assert_allclose(np.asarray(found.coef_), plain.coef_, **close)
    loss = plain.validation_loss_
    assert found.validation_loss_ == pytest.approx(loss, rel=1e-12)
