"""Second derivatives in very many lambdas, by products."""

import tracemalloc
from unittest import mock

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo import BilevelLogisticRegression, MYHPOLogisticRegression
from sklearn_myhpo.bilevel import outer_products
from sklearn_myhpo.engine.limits import use_limits
from tests.bilevel.helpers import CLASSES_OF_MANY_LAMBDAS, place
from tests.helpers import SPECS, numerical_gradient


def products_at(problem):
    """Return the model by products of Hessians that are not formed."""
    here = place(problem)
    near = [
        split.product_hessian(w, here.lambda_)
        for split, w in zip(problem.splits, here.weights, strict=True)
    ]
    with mock.patch.object(problem, "hessians", return_value=near):
        return outer_products.OuterProducts(here, 1e-10)


@pytest.mark.parametrize("name", CLASSES_OF_MANY_LAMBDAS)
def test_products_equal_matrices(name, monkeypatch):
    """Conjugate gradients would minimize something else than the objective."""
    monkeypatch.setattr(outer_products, "PRODUCT_TOL", 1e-10)
    problem = CLASSES_OF_MANY_LAMBDAS[name].problem()
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
    problem = CLASSES_OF_MANY_LAMBDAS["three classes"].problem()

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


@pytest.mark.slow
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
    last = model.history_["validation_loss"][-1]
    assert model.validation_loss_ == pytest.approx(last, rel=1e-12)
    one = MYHPOLogisticRegression(cv=2, random_state=0).fit(X, y)
    assert model.validation_loss_ < one.validation_loss_


@pytest.mark.parametrize("solver", ["myhpo", "implicit"])
def test_one_lambda_of_more_weights_than_the_limit(by_products, solver):
    """One strength of millions of weights would end in an AttributeError."""
    spec = SPECS["logistic-wide"]()
    options = {"solver": solver, "cv": spec.pairs, "random_state": 0}
    model = BilevelLogisticRegression(**options).fit(spec.X, spec.y)
    with use_limits(most_responses=3e7):
        expected = BilevelLogisticRegression(**options).fit(spec.X, spec.y)
    assert model.lambda_ == pytest.approx(expected.lambda_, rel=1e-9)
