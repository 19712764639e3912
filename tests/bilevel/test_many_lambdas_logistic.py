"""Logistic regression with many lambdas: ways that avoid matrices, or share them."""

import tracemalloc
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo import MYHPOLogisticRegression
from sklearn_myhpo.bilevel import outer_products
from sklearn_myhpo.engine.glm.near_hessian import NearHessian
from sklearn_myhpo.engine.linalg.hessian import penalized_hessian
from sklearn_myhpo.engine.plan import limits, use_limits
from sklearn_myhpo.solvers import MYHPO, Implicit, Status, minimize_bilevel
from tests.helpers import class_spec, numerical_gradient, sparsified, weighted

SPECS = {
    "each": class_spec(n_features=6, n_groups=6),
    "groups": class_spec(n_groups=3),
    "three classes": class_spec(n_classes=3, n_groups=6),
    "sparse, weighted": weighted(sparsified(class_spec(n_groups=6))),
    "no intercept": class_spec(n_groups=6, fit_intercept=False),
}


@pytest.fixture
def by_inverse(set_limits):
    """Small problems go the way of large ones with many lambdas."""
    set_limits(formed_cost=0.0, few_lambdas=0, cubes=0)


@pytest.fixture
def by_products(set_limits):
    """Small problems go the way of those with very many lambdas."""
    set_limits(most_responses=0.0)


def place(problem, dropped=False):
    """Return the problem at a lambda with different entries and exact weights."""
    lambda_ = np.linspace(-3.0, -1.0, problem.n_groups)
    if dropped:
        lambda_[0] = problem.bounds[1, 0] - 1.0
    return problem.at(lambda_, problem.minimize(lambda_, tol=1e-12))


def products_at(problem):
    """Return the model by products of Hessians that are not formed."""
    here = place(problem)
    near = [
        split.product_hessian(w, here.lambda_)
        for split, w in zip(problem.splits, here.weights, strict=True)
    ]
    with mock.patch.object(problem, "hessians", return_value=near):
        return outer_products.OuterProducts(here, 1e-10)


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("name", SPECS)
def test_curvature_by_near_hessians(name, dropped, by_inverse, set_limits):
    """Steps would have wrong lengths; at its own prediction a split is exact."""
    set_limits(changed_curvature=0.0)
    spec = replace(SPECS[name], pairs=SPECS[name].pairs[:1])
    fast = spec.problem()
    assert fast.split_set.prefers_inverse
    ours = place(fast, dropped).model()
    with use_limits(formed_cost=np.inf):
        plain = spec.problem()
        assert not plain.split_set.prefers_inverse
        theirs = place(plain, dropped).model()
    np.testing.assert_allclose(ours.gradient, theirs.gradient, rtol=1e-5, atol=1e-12)
    unit = np.sqrt(np.diag(theirs.metric))
    unit = np.outer(unit, unit)
    for left, right in zip(ours[1:], theirs[1:], strict=True):
        error = np.max(np.abs(left - right) / unit)
        assert error <= 1e-4 * np.max(np.abs(right) / unit)


@pytest.mark.parametrize("path", ["by_inverse", "by_products"])
@pytest.mark.parametrize("name", SPECS)
def test_ends_where_the_referee_does(name, path, request):
    """A fast way to another lambda would be none."""
    referee = minimize_bilevel(
        SPECS[name].problem(), Implicit(), tol=1e-8, max_iter=500
    )
    request.getfixturevalue(path)
    problem = SPECS[name].problem()
    assert problem.split_set.prefers_inverse == (path == "by_inverse")
    assert problem.prefers_products == (path == "by_products")
    result = minimize_bilevel(problem, MYHPO(), max_iter=200)
    assert result.status is Status.CONVERGED
    assert result.validation_loss <= referee.validation_loss * (1 + 1e-5)
    weights = problem.minimize(result.lambda_, problem.starts(), 1e-12)
    slope = problem.hypergradient(result.lambda_, weights)
    slope = problem.projected(result.lambda_, slope)
    assert np.abs(slope).max() <= 1.01e-6 * result.validation_loss


@pytest.mark.parametrize("name", SPECS)
def test_products_equal_matrices(name, monkeypatch):
    """Conjugate gradients would minimize something else than the objective."""
    monkeypatch.setattr(outer_products, "PRODUCT_TOL", 1e-10)
    problem = SPECS[name].problem()
    problem.shrink(0.3, problem.null_loss)
    expected = place(problem).model()
    model = products_at(problem)
    np.testing.assert_allclose(model.gradient, expected.gradient, rtol=1e-7)
    x = np.random.default_rng(0).standard_normal(problem.n_groups)
    for ours, theirs in zip(model.products(x), expected[1:], strict=True):
        atol = 1e-7 * np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs @ x, rtol=1e-6, atol=atol)


def test_products_equal_finite_differences(monkeypatch):
    """The same for derivatives that no part of the package made."""
    monkeypatch.setattr(outer_products, "PRODUCT_TOL", 1e-10)
    problem = SPECS["three classes"].problem()

    def slope(lambda_):
        return problem.hypergradient(
            lambda_, problem.minimize(lambda_, problem.starts(), 1e-14)
        )

    model = products_at(problem)
    matrix = numerical_gradient(slope, model.place.lambda_, step=1e-4)
    x = np.random.default_rng(0).standard_normal(problem.n_groups)
    tangent, bend, _ = model.products(x)
    atol = 1e-6 * np.abs(matrix).max()
    np.testing.assert_allclose(tangent + bend, matrix @ x, rtol=1e-5, atol=atol)


@pytest.mark.parametrize("n_strong", [0, 3, 8])
def test_near_hessian(n_strong):
    """Dropped features would disturb those that are left."""
    problem = class_spec(n_features=4, n_classes=3).problem()
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((8, 8))
    gram, penalty = factor @ factor.T, rng.uniform(0.1, 1.0, (4, 1))
    penalty[: n_strong // 2] = 100.0 * limits().strong_penalty * np.trace(gram)
    near = NearHessian(gram, penalty, problem.counts)
    expected = penalized_hessian(gram.copy(), penalty, problem.counts)
    stack = rng.standard_normal((5, 4, 2))
    np.testing.assert_allclose(near.solve(stack), expected.solve(stack), atol=1e-6)
    assert len(near.kept) + len(near.alone) == 8


@pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.LambdaBoundWarning")
def test_converged_means_accurate_weights():
    """Without a refit they are the model, however loose the first steps were."""
    X, y = SPECS["each"].X, SPECS["each"].y
    options = {"random_state": 0, "feature_groups": "each"}
    model = MYHPOLogisticRegression(**options).fit(X, y)
    assert model.converged_
    assert np.max(model.certificate_.inner_residuals) <= model.tol


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_one_lambda_for_each_of_many_sparse_features(by_products):
    """Neither X nor anything of n_features squared numbers may fill the memory."""
    rng = np.random.default_rng(0)
    n_features = 2600
    X = sparse.csr_array(sparse.random(100, n_features, density=0.01, random_state=rng))
    y = (X[:, :40].sum(axis=1) > np.median(X[:, :40].sum(axis=1))).astype(int)
    model = MYHPOLogisticRegression(
        feature_groups="each", cv=2, max_iter=1, random_state=0
    )
    tracemalloc.start()
    model.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 8 * n_features**2 / 2
    assert model.validation_loss_ == model.history_["validation_loss"][-1]
    one = MYHPOLogisticRegression(cv=2, random_state=0).fit(X, y)
    assert model.validation_loss_ < one.validation_loss_
