"""Weights of many targets at known penalties, beside scikit-learn's."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from sklearn_myhpo.data.sources import as_design
from sklearn_myhpo.engine.ridge.final_weights import FinalWeights, RowWeights
from sklearn_myhpo.engine.ridge.mean_square import Moments
from sklearn_myhpo.engine.ridge.shared_path import path_of_each, shared_path
from sklearn_myhpo.losses import SquaredLoss

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kind", [np.asarray, np.float32, sparse.csr_array])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("n_features", [4, 40])
@pytest.mark.parametrize("origin", [0.0, 1e4])
def test_weights_are_those_of_ridge(n_features, fit_intercept, kind, origin):
    """Predictions would be those of other penalties, weights or origins."""
    X = kind(RNG.standard_normal((15, n_features)) + origin)
    y, weight = RNG.standard_normal((15, 3)), RNG.uniform(0.5, 2.0, 15)
    penalty = RNG.uniform(0.1, 3.0, n_features)
    dense = (X.toarray() if sparse.issparse(X) else X).astype(float)
    unit = 1.0 / np.sqrt(penalty)
    expected = Ridge(1.0, fit_intercept=fit_intercept, solver="svd", tol=1e-12)
    expected.fit(dense * unit, y, sample_weight=weight)
    solver = FinalWeights(as_design(X), weight, penalty, fit_intercept)
    found = solver.of(y, rows=True)
    tol = 1e-9 * max(1.0, origin)
    np.testing.assert_allclose(found.coef, (expected.coef_ * unit).T, atol=tol)
    np.testing.assert_allclose(
        found.intercept, expected.intercept_, atol=tol * max(1.0, origin)
    )
    residual = y - dense @ found.coef - found.intercept
    np.testing.assert_allclose(
        found.mean_square, weight @ residual**2 / weight.sum(), rtol=1e-5, atol=1e-12
    )
    sums = dense.T @ found.rows / penalty[:, None]
    np.testing.assert_allclose(sums, found.coef, atol=tol)
    only = solver.of(y, coef=False, rows=True)
    assert only.coef is None
    np.testing.assert_allclose(only.intercept, found.intercept, rtol=1e-12)


@pytest.mark.parametrize("shape", [(6, 20), (20, 6)])
def test_least_weights_of_rows(shape):
    """Coefficients of the rows would not be those that are wanted."""
    X = RNG.standard_normal(shape)
    sums = X.T @ RNG.standard_normal((shape[0], 2))
    found = RowWeights(as_design(X)).of(sums)
    np.testing.assert_allclose(X.T @ found, sums, rtol=1e-8)
    np.testing.assert_allclose(found, np.linalg.pinv(X.T) @ sums, rtol=1e-8)


def moments_of(rows, y):
    """Return the `Moments` of some rows, about weights near the solution."""
    n_rows, reference = len(y), np.linalg.lstsq(rows, y, rcond=None)[0]
    left = y - rows @ reference
    return Moments(
        rows.T @ rows / n_rows,
        rows.T @ y / n_rows,
        reference,
        rows.T @ left / n_rows,
        np.mean(left**2, axis=0),
    )


@pytest.mark.parametrize("noise", [1.0, 1e-5])
@pytest.mark.parametrize("n_lambdas", [1, 9])
def test_sums_over_targets_give_the_loss_of_each(n_lambdas, noise):
    """The scan would choose another lambda for many targets."""
    X = RNG.standard_normal((50, 6)) * np.geomspace(1.0, 1e-3, 6)
    w = RNG.standard_normal((6, 30)) / np.geomspace(1.0, 1e-3, 6)[:, None]
    y = X @ w + noise * RNG.standard_normal((50, 30))
    train, held_out = moments_of(X[:35], y[:35]), moments_of(X[35:], y[35:])
    values, basis = np.linalg.eigh(train.gram)
    train, held_out = train.in_basis(basis, values), held_out.in_basis(basis)
    penalties = np.geomspace(1e-9, 1e3, n_lambdas)
    found = shared_path(train, held_out, penalties)
    expected = path_of_each(train, held_out, penalties)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-9)
    size = np.abs(expected[1]) + 1e-6 * expected[0]
    assert np.all(np.abs(found[1] - expected[1]) <= 1e-6 * size)
    rows = X[35:] @ basis
    for penalty, value in zip(penalties, found[0], strict=True):
        own = train.linear / (values[:, None] + penalty)
        loss = SquaredLoss().value(y[35:], rows @ own).mean()
        assert value == pytest.approx(loss, rel=1e-8)
