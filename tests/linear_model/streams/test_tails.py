"""Lambdas whose loss is flat towards a bound: batches end where arrays do."""

import numpy as np
import pytest

from sklearn_myhpo import MYHPOLogisticRegression, MYHPOPoissonRegressor
from sklearn_myhpo.data import Batches, RowFolds
from tests.helpers import start_from

GROUPS = [0, 0, 0, 1, 1]


def useless(rng, n_samples):
    """Return features of which the last two have no effect, and predictions."""
    X = rng.standard_normal((n_samples, 5))
    return X, X[:, :3] @ rng.standard_normal(3), np.zeros((2, n_samples), dtype=bool)


def separable(rng, n_samples):
    """Return the same with flags whose rows all have one class, and the flags."""
    X, raw, _ = useless(rng, n_samples)
    X[:, 3:] = rng.random((n_samples, 2)) < 0.1
    return X, raw, X[:, 3:].T > 0


def drawn(kind, loss, seed):
    """Return features and a target."""
    rng = np.random.default_rng(seed)
    n_samples = int(rng.choice([400, 1500]))
    X, raw, flags = kind(rng, n_samples)
    if loss == "poisson":
        y = rng.poisson(np.exp(0.4 * raw))
    elif loss == "logistic":
        y = (raw + rng.logistic(size=n_samples) > 0).astype(int)
    else:
        scores = np.outer(raw, [1.0, 0.0, -1.0])
        y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    y[flags[1]], y[flags[0]] = 1, 0
    return X, y


@pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning")
@pytest.mark.parametrize("seed", [0, 2])
@pytest.mark.parametrize("loss", ["logistic", "multinomial", "poisson"])
@pytest.mark.parametrize("kind", [useless, separable])
def test_flat_tails_have_the_same_end(monkeypatch, kind, loss, seed):
    """Coefficients would depend on where the rows live."""
    start_from(monkeypatch, 100)
    X, y = drawn(kind, loss, seed)
    cls = MYHPOPoissonRegressor if loss == "poisson" else MYHPOLogisticRegression
    expected = cls(feature_groups=GROUPS, cv=RowFolds(4)).fit(X, y)
    found = cls(feature_groups=GROUPS, cv=RowFolds(4)).fit(
        Batches.from_arrays(X, y, batch_size=len(y) // 4)
    )
    assert found.converged_
    np.testing.assert_allclose(found.lambda_, expected.lambda_, rtol=0, atol=1e-7)
    close = {"rtol": 0, "atol": 1e-6 * np.abs(expected.coef_).max()}
    np.testing.assert_allclose(found.coef_, expected.coef_, **close)
