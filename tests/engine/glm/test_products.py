"""Hessians known by their products."""

import numpy as np
import pytest

from sklearn_myhpo.bilevel import outer
from sklearn_myhpo.data.dense import DenseDesign
from sklearn_myhpo.engine.glm.products import ProductHessian, products
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.engine.linalg.hessian import DenseHessian
from tests.engine.helpers import adaptive_model, coefficients, lambdas, random_weights
from tests.helpers import (
    PROBLEMS,
)


@pytest.mark.parametrize("name", ["logistic-groups", "logistic-sparse", "multinomial"])
def test_product_hessian_equals_dense_hessian(name, monkeypatch):
    """Wide data switch to conjugate gradients: same steps, same curvatures."""
    dense = PROBLEMS[name]()
    with use_limits(dense_size=0):
        iterative = PROBLEMS[name]()
    split, lambda_ = dense.splits[0], lambdas(dense)
    w, x = random_weights(split), random_weights(split, 1)
    expected = split.hessian(w, lambda_)
    model, exact = adaptive_model(dense, lambda_), coefficients(dense, lambda_)
    # As accurate as the factors, which a step of lambda does not need.
    monkeypatch.setattr(outer, "JACOBIAN_TOL", 1e-10)
    monkeypatch.setattr(outer, "ADJOINT_TOL", 1e-10)
    hessian = iterative.splits[0].hessian(w, lambda_)
    assert isinstance(hessian, ProductHessian)
    assert isinstance(expected, DenseHessian)
    np.testing.assert_allclose(hessian.product(x), expected.product(x), atol=1e-12)
    np.testing.assert_allclose(hessian.solve(x), expected.solve(x), rtol=1e-7)
    for a, b in (
        (hessian.plus(0.3), expected.plus(0.3)),
        (hessian.plus(0.3, hessian), expected.plus(0.3, expected)),
    ):
        np.testing.assert_allclose(a.product(x), b.product(x), atol=1e-12)
    for a, b in zip(adaptive_model(iterative, lambda_), model, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)
    for a, b in zip(coefficients(iterative, lambda_), exact, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["logistic-groups", "multinomial"])
@pytest.mark.parametrize(
    "limits",
    [{"dense_size": 0}, {"own_pairs": 0, "gram_entry": 10.0, "pass_base": 0.0}],
)
def test_guesses_save_products_and_change_no_solution(name, limits):
    """A gradient from a poor start would be wrong, or cost as much as before."""
    with use_limits(**limits):
        problem = PROBLEMS[name]()
        split_set, lambda_ = problem.split_set, lambdas(problem)
        weights = problem.minimize(lambda_)
        hessians = split_set.hessians(lambda_, weights)
        rights = [random_weights(split)[None] for split in problem.splits]
        exact = split_set.solve(hessians, rights, 1e-11)
        near = [x * (1 + 1e-7) for x in exact]
        for guesses, n_most in ((near, 1), ([1e3 * x for x in exact], None)):
            before = problem.counts.n_hessian_products
            found = split_set.solutions(hessians, rights, 1e-5, guesses=guesses)
            n_products = problem.counts.n_hessian_products - before
            assert n_most is None or n_products <= n_most * len(rights)
            for (x, residual, _), expected, hessian, right in zip(
                found, exact, hessians, rights, strict=True
            ):
                size = np.abs(expected).max()
                np.testing.assert_allclose(x, expected, atol=1e-4 * size)
                left = right - hessian.product(x)
                np.testing.assert_allclose(left, residual, atol=1e-9)


@pytest.mark.parametrize("name", ["logistic-groups", "multinomial"])
def test_rows_beyond_memory_are_read_once_for_a_product(name, monkeypatch):
    """A hundred raw predictions of every row would be kept, and rows read twice."""
    with use_limits(dense_size=0):
        problem = PROBLEMS[name]()
    lambda_ = lambdas(problem)
    hessians = problem.split_set.hessians(lambda_, problem.minimize(lambda_))
    w = np.stack([random_weights(split) for split in problem.splits])
    owner = np.arange(len(w))
    expected, raw = products(hessians, owner, w)
    assert raw.shape[2] == len(problem.split_set.y)
    monkeypatch.setattr(DenseDesign, "is_beyond_memory", True)
    with use_limits(block_entries=200):
        found, nothing = products(hessians, owner, w, with_raw=False)
        solved = problem.split_set.solutions(hessians, list(w[:, None]))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert nothing is None
    for one, hessian, right in zip(solved, hessians, w, strict=True):
        np.testing.assert_allclose(hessian.product(one.x[0]), right, atol=1e-6)


def test_raw_predictions_of_many_lambdas_are_not_kept(monkeypatch):
    """They would take more memory than the columns of curves that are not kept."""
    with use_limits(dense_size=0, raw_entries=0):
        problem = PROBLEMS["logistic-groups"]()
        lambda_ = lambdas(problem)
        hessians = problem.split_set.hessians(lambda_, problem.minimize(lambda_))
        rights = [random_weights(split)[None] for split in problem.splits]
        assert problem.split_set.solutions(hessians, rights)[0].raw is not None
        monkeypatch.setattr(DenseDesign, "is_beyond_memory", True)
        found = problem.split_set.solutions(hessians, rights)
    assert all(one.raw is None or not one.raw.size for one in found)
