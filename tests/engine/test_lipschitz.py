"""Products with Hessians, and Lipschitz constants of the data term."""

import numpy as np
import pytest

from tests.helpers import (
    PROBLEMS,
    SPECS,
    ridge_spec,
)
from tests.solvers.helpers import some_lambda


@pytest.mark.parametrize("name", PROBLEMS)
def test_hessian_products(name):
    """Every array of a stack is multiplied, and counted once."""
    problem = PROBLEMS[name]()
    split, lambda_ = problem.splits[0], some_lambda(problem)
    rng = np.random.default_rng(0)
    w = 0.3 * rng.standard_normal(split.shape)
    x = rng.standard_normal((3, *split.shape))
    before = problem.counts.n_hessian_products
    image = split.hessian_product(w, lambda_, x)
    assert problem.counts.n_hessian_products == before + 3
    for one, out in zip(x, image, strict=True):
        ends = (
            split.train_gradient(w + sign * 1e-5 * one, lambda_) for sign in (1, -1)
        )
        numerical = np.subtract(*ends) / 2e-5
        np.testing.assert_allclose(out, numerical, atol=1e-6 * np.abs(out).max())


@pytest.mark.parametrize(
    "name", ["ridge-groups", "ridge-wide-groups", "logistic-5-fold"]
)
def test_lipschitz_constant(name):
    """Too small by half, gradient descent diverges; too large, it creeps."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    train, split = spec.pairs[0][0], problem.splits[0]
    mean = spec.dense[train].mean(axis=0) if spec.is_ridge else spec.dense.mean(axis=0)
    rows = spec.dense[train] - mean
    if not spec.is_ridge:
        rows = np.column_stack([rows, np.ones(len(rows))])
    bound = spec.loss.max_curvature * rows.T @ rows / len(rows)
    largest = np.linalg.eigvalsh(bound)[-1]
    assert 0.98 * largest <= split.lipschitz <= largest * (1 + 1e-12)


def test_lipschitz_constant_of_a_direction_that_y_hardly_sees():
    """Power iteration starts from y: its first estimates miss the largest value."""
    rng = np.random.default_rng(0)
    X, _ = np.linalg.qr(rng.standard_normal((40, 3)))
    X = X - X.mean(axis=0)
    X, _ = np.linalg.qr(X)
    y = X[:, :1] + 1e-9 * X[:, 1:2]
    X = np.sqrt(40) * X * [1.0, 30.0, 1.0]
    spec = ridge_spec(n_samples=40, n_features=3, n_folds=1)
    pairs = [(np.arange(40), np.arange(40))]
    spec = type(spec)(X, y, spec.loss, pairs, np.array([0, 1, 1]))
    np.testing.assert_allclose(spec.problem().splits[0].lipschitz, 900.0, rtol=1e-6)
