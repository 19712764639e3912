"""Coordinates with diagonal Hessians, of ridge with one lambda."""

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.engine.limits import limits
from sklearn_myhpo.engine.linalg.hessian import DenseHessian, DiagonalHessian
from sklearn_myhpo.engine.linalg.rational import rational_subspace
from sklearn_myhpo.engine.ridge import axes, diagonal
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel
from sklearn_myhpo.solvers.start.scan import scan_lambda
from tests.engine.helpers import assert_same_problem, lambdas
from tests.helpers import (
    ridge_spec,
    weighted,
)


@pytest.mark.parametrize(
    "spec",
    [
        ridge_spec(n_samples=90, n_features=4),
        ridge_spec(n_samples=20, n_features=12),
        ridge_spec(n_samples=45, n_features=9, fit_intercept=False),
    ],
)
def test_diagonalized_equals_plain(spec, monkeypatch):
    """The eigenvectors (or singular vectors) are a shortcut, not another model."""
    fast = spec.problem()
    monkeypatch.setattr(
        diagonal.Diagonalizer, "__call__", lambda self, split, *_: split
    )
    plain = spec.problem()
    lambda_ = lambdas(fast)
    assert isinstance(fast.splits[0].hessian(None, lambda_), DiagonalHessian)
    assert isinstance(plain.splits[0].hessian(None, lambda_), DenseHessian)
    assert_same_problem(fast, plain, rtol=1e-9)


SUBSPACES = {
    "tall": ridge_spec(n_samples=900, n_features=120, n_folds=5),
    "tall-holdout": ridge_spec(n_samples=900, n_features=120, n_folds=1),
    "tall-weighted": weighted(ridge_spec(n_samples=900, n_features=120)),
    "tall-no-intercept": ridge_spec(n_samples=900, n_features=120, fit_intercept=False),
    "wide": ridge_spec(n_samples=100, n_features=2000),
    "wide-holdout": ridge_spec(n_samples=100, n_features=2000, n_folds=1),
    "wide-weighted": weighted(ridge_spec(n_samples=100, n_features=2000)),
    "wide-no-intercept": ridge_spec(
        n_samples=100, n_features=2000, fit_intercept=False
    ),
}


@pytest.mark.parametrize("name", SUBSPACES)
def test_subspace_of_the_solutions_equals_all_directions(name):
    """The subspace is a shortcut, not another model."""
    spec = SUBSPACES[name]
    fast, plain = spec.problem(all_directions=False), spec.problem()
    assert fast.splits[0].shape[0] < min(plain.splits[0].shape[0], *spec.X.shape)
    np.testing.assert_allclose(fast.bounds, plain.bounds, rtol=1e-9)
    assert_same_problem(fast, plain, rtol=1e-8)
    lambda_ = lambdas(fast)
    for a, b in zip(
        fast.full.to_features(fast.full.minimize(lambda_, fast.full.start())),
        plain.full.to_features(plain.full.minimize(lambda_, plain.full.start())),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    "spec",
    [
        SUBSPACES["tall"],
        ridge_spec(n_targets=3),
        ridge_spec(n_samples=24, n_features=40),
    ],
)
def test_path_equals_single_lambdas(spec):
    """The scan would rank the wrong minimum first."""
    problem = spec.problem(all_directions=False)
    grid = np.linspace(-12.0, 6.0, 7)
    values, slopes = problem.path(grid)
    for lambda_, value, slope in zip(grid, values, slopes, strict=True):
        weights = problem.minimize(np.array([lambda_]), problem.starts())
        np.testing.assert_allclose(value, problem.validation_loss(weights), rtol=1e-10)
        expected = problem.hypergradient(np.array([lambda_]), weights)
        np.testing.assert_allclose(slope, expected[0], rtol=1e-8)


def test_mean_response_needs_all_directions():
    """The published method would stop at another lambda on well-conditioned data."""
    spec = SUBSPACES["tall"]
    options = {"response": "mean", "metric": "identity", "rho": 1.0, "refit": False}
    model = MYHPORidge(cv=spec.pairs, lambda_init=-1.0, max_iter=5, tol=0, **options)
    with pytest.warns(UserWarning, match="max_iter=5"):
        model.fit(spec.X, spec.y[:, 0])
    problem = spec.problem()
    solver = MYHPO(response="mean", metric="identity", rho=1.0)
    result = minimize_bilevel(problem, solver, lambda_init=-1.0, max_iter=5, tol=0)
    np.testing.assert_allclose(
        model.history_["lambda"], result.history["lambda"][:, 0], rtol=1e-9
    )


@pytest.mark.parametrize("shape", [(900, 120), (100, 2000)])
def test_estimator_on_the_fast_path(shape):
    """`alpha_` would not give scikit-learn's ridge the same coefficients."""
    spec = ridge_spec(*shape, noise=3.0)
    X, y = spec.X, spec.y[:, 0]
    model = MYHPORidge(cv=4, random_state=0).fit(X, y)
    plain = Ridge(alpha=model.alpha_).fit(X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(model.intercept_, plain.intercept_, rtol=1e-8)
    each = MYHPORidge(cv=4, random_state=0, refit=False).fit(X, y)
    assert np.isfinite(each.coef_).all()


def test_correlated_features_get_the_same_model():
    """The shortcut would be another model than all directions."""
    spec = ridge_spec(n_samples=1100, n_features=limits().rational_size, n_folds=2)
    scales = np.geomspace(1.0, 1e-3, limits().rational_size)
    rng = np.random.default_rng(0)
    mixing = np.linalg.qr(rng.standard_normal((len(scales), len(scales))))[0]
    spec = replace(spec, X=(spec.X * scales) @ mixing)
    found = mock.Mock(wraps=rational_subspace)
    with mock.patch.object(diagonal, "rational_subspace", found):
        fast = spec.problem(all_directions=False)
    assert found.call_count == 2
    assert fast.splits[0].shape[0] < len(scales) // 2
    assert_same_problem(fast, spec.problem(), rtol=1e-8)


def test_several_lambdas_start_without_singular_vectors(monkeypatch):
    """The start would cost more than the rest of a fit of few rows."""
    spec = ridge_spec(n_samples=60, n_features=24, n_groups=3)
    plain = spec.problem()
    expected = scan_lambda(plain)
    monkeypatch.setattr(axes, "svd", lambda *_, **__: pytest.fail("svd"))
    found = scan_lambda(spec.problem())
    np.testing.assert_allclose(found.lambda_, expected.lambda_)
    np.testing.assert_allclose(found.values, expected.values, rtol=1e-9)
    # At the start, and wherever the scan looked, the losses are those of a solve.
    for place, value in zip(found.places[::8], found.values[::8], strict=True):
        lambda_ = np.full(3, place)
        weights = plain.minimize(lambda_, plain.starts())
        np.testing.assert_allclose(plain.objective(lambda_, weights), value, rtol=1e-7)
