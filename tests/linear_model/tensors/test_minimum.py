"""Fits of likelihoods end at the exact minimum, wherever the rows are."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_myhpo import (
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPOTweedieRegressor,
)
from tests.tensor_spaces import close, dispatching, load_space

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


OPTIONS = {
    "one": lambda n_features: {},
    "groups": lambda n_features: {"feature_groups": np.arange(n_features) % 2},
    "standardized": lambda n_features: {
        "feature_groups": np.arange(n_features) % 2,
        "standardize": True,
    },
    "factors": lambda n_features: {
        "penalty_factors": np.linspace(0.2, 2.0, n_features)
    },
    "shrinkage": lambda n_features: {
        "feature_groups": np.arange(n_features) % 3,
        "shrinkage": 0.1,
    },
    "alo": lambda n_features: {"criterion": "alo"},
    "alo, groups": lambda n_features: {
        "criterion": "alo",
        "feature_groups": np.arange(n_features) % 2,
    },
    "hold-out": lambda n_features: {"cv": 0.3, "random_state": 0},
}


@pytest.mark.one_in(8)
@pytest.mark.parametrize(("size", "seed"), [((300, 4), 0), ((900, 20), 1)], ids=str)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_tensors_and_numpy_end_at_the_same_minimum(
    family, options, size, seed, monkeypatch
):
    """Results would depend on where the rows are, or on a path to the minimum."""
    X, y = make_data(family, *size, seed)
    model = clone(FAMILIES[family][0]).set_params(**OPTIONS[options](size[1]))
    weight = np.random.default_rng(seed).uniform(0.1, 2.0, len(y)) if seed else None
    plain = clone(model).fit(X, y, weight)
    with dispatching(monkeypatch):
        xp = load_space("torch")
        found = clone(model).fit(xp.asarray(X), y, weight)
        raw = found._linear_predictor(xp.asarray(X))
    for own, other in (
        (found.coef_, plain.coef_),
        (found.intercept_, plain.intercept_),
        (raw, plain._linear_predictor(X)),
    ):
        close(own, other, 1e-10)
    # Lambdas at a bound, or of a flat loss, are hardly felt.
    felt = np.abs(plain.lambda_) < 10.0
    off = np.abs(np.asarray(found.lambda_) - plain.lambda_)
    assert np.max(off, where=felt, initial=0.0) <= 1e-9
    loss = plain.validation_loss_
    assert found.validation_loss_ == pytest.approx(loss, rel=1e-10)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("family", ["logistic", "poisson", "gamma"])
def test_models_of_many_rows_end_at_the_minimum(family, monkeypatch):
    """Starts by models would leave lambda where their error is."""
    X, y = make_data(family, 5000, 10)
    plain = clone(FAMILIES[family][0]).fit(X, y)
    with dispatching(monkeypatch):
        found = clone(FAMILIES[family][0]).fit(load_space("torch").asarray(X), y)
    close(found.coef_, plain.coef_, 1e-8)
    assert found.lambda_ == pytest.approx(plain.lambda_, abs=1e-6)
