"""Inner solutions and adjoints to a tolerance."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.engine.glm.inexact import (
    approach_adjoint,
    approach_minimum,
    loss_at_minimum,
)
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss, PoissonLoss
from sklearn_myhpo.penalties.parsing import make_feature_groups
from tests.helpers import PROBLEMS

KINDS = [
    "ridge-groups",
    "ridge-wide",
    "ridge-targets",
    "ridge-rows",
    "logistic-groups",
    "logistic-sparse",
    "multinomial",
]


def inner_problem(name):
    """Return problem, first split, lambda and exact weights."""
    problem = PROBLEMS[name]()
    lambda_ = np.linspace(-3.0, -1.0, problem.n_groups)
    exact = problem.minimize(lambda_, problem.starts(), tol=1e-14)[0]
    return problem, problem.splits[0], lambda_, exact


@pytest.mark.parametrize("name", KINDS)
def test_minimum_is_approached_to_the_tolerance(name):
    """No less, or the method would not converge; no more, or it would save nothing."""
    problem, split, lambda_, exact = inner_problem(name)
    errors, costs = [], []
    for rtol in (1e-2, 1e-5, 1e-9):
        before = problem.counts.n_train_gradients
        w, slope, residual = approach_minimum(split, lambda_, split.start(), rtol)
        costs.append(problem.counts.n_train_gradients - before)
        assert residual <= rtol
        np.testing.assert_allclose(
            slope,
            split.train_gradient(w, lambda_),
            atol=1e-12 * np.abs(split.start_gradient).max(),
        )
        errors.append(np.linalg.norm(w - exact) / np.linalg.norm(exact))
    assert errors[0] >= errors[1] >= errors[2]
    assert errors[2] <= 1e-6
    # In coordinates of independent features one step is enough.
    assert costs[0] < costs[1] < costs[2] or split.solves_by == "diagonal"


@pytest.mark.parametrize("name", KINDS)
def test_adjoint_is_approached_to_the_tolerance(name):
    """The same for the linear system, whose exact solution is another code's."""
    problem, split, lambda_, w = inner_problem(name)
    hessian, right = split.hessian(w, lambda_), split.validation_gradient(w)
    exact = hessian.solve(right, 1e-14)
    errors, costs = [], []
    for rtol in (1e-1, 1e-5, 1e-10):
        before = problem.counts.n_hessian_products
        q, end = approach_adjoint(split, lambda_, w, None, rtol)
        costs.append(problem.counts.n_hessian_products - before)
        assert end.residual <= rtol
        errors.append(np.linalg.norm(q - exact) / np.linalg.norm(exact))
    assert errors[0] >= errors[1] >= errors[2]
    assert errors[2] <= 1e-7
    assert costs[0] < costs[2] or split.solves_by == "diagonal"


@pytest.mark.parametrize("name", KINDS)
def test_products_are_those_of_the_hessian(name):
    """And each of them is counted."""
    problem, split, lambda_, w = inner_problem(name)
    vector = np.random.default_rng(0).standard_normal(split.shape)
    before = problem.counts.n_hessian_products
    product = split.product_hessian(w, lambda_).product(vector)
    assert problem.counts.n_hessian_products == before + 1
    step = 1e-5
    slopes = [
        split.train_gradient(w + sign * step * vector, lambda_) for sign in (-1, 1)
    ]
    expected = (slopes[1] - slopes[0]) / (2 * step)
    np.testing.assert_allclose(product, expected, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("name", KINDS)
def test_warm_starts_save_work(name):
    """From its own solution a solve asks for one gradient, or one product."""
    problem, split, lambda_, _ = inner_problem(name)
    w, *_ = approach_minimum(split, lambda_, split.start(), 1e-6)
    q, _ = approach_adjoint(split, lambda_, w, None, 1e-6)
    gradients = problem.counts.n_train_gradients
    products = problem.counts.n_hessian_products
    approach_minimum(split, lambda_, w, 2e-6)
    approach_adjoint(split, lambda_, w, q, 2e-6)
    assert problem.counts.n_train_gradients == gradients + 1
    assert problem.counts.n_hessian_products == products + 1


@pytest.mark.parametrize("rtol", [1e-2, 1e-4])
@pytest.mark.parametrize("name", KINDS)
def test_loss_at_the_minimum_is_predicted(name, rtol):
    """A step of lambda is judged by it, where errors are an eighth of its gain."""
    _, split, lambda_, exact = inner_problem(name)
    w, slope, _ = approach_minimum(split, lambda_, split.start(), rtol)
    q, end = approach_adjoint(split, lambda_, w, None, rtol)
    change, error = loss_at_minimum(slope, q, end)
    loss = split.validation_loss(exact)
    actual = loss - split.validation_loss(w)
    assert abs(actual - change) <= 2.0 * error + 1e-13 * loss
    assert error <= 100.0 * rtol**2 * loss


@pytest.mark.parametrize("name", KINDS)
def test_exact_weights_need_no_correction(name):
    """There it is zero, and so is its error."""
    _, split, lambda_, exact = inner_problem(name)
    q, end = approach_adjoint(split, lambda_, exact, None, 1e-1)
    nothing = np.zeros(split.shape)
    assert loss_at_minimum(nothing, q, end) == (0.0, 0.0)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", ["logistic", "multinomial", "poisson"])
def test_rates_of_categories_do_not_matter(kind, sparse):
    """Categories are independent, but curvatures differ by their rates.

    In units of a curvature common to all, products grew with the number of rates.
    """
    n_categories, n_rows = 30, 200
    category = np.repeat(np.arange(n_categories), n_rows)
    X = np.eye(n_categories)[category]
    rank = np.tile(np.arange(n_rows), n_categories)
    y = (rank < np.geomspace(1, 100, n_categories)[category]).astype(int)
    loss = {
        "logistic": LogisticLoss(),
        "multinomial": MultinomialLoss(2),
        "poisson": PoissonLoss(),
    }[kind]
    pair = np.flatnonzero(rank % 2 == 0), np.flatnonzero(rank % 2 == 1)
    groups = make_feature_groups("each", X, n_features=n_categories)
    X = csr_array(X) if sparse else X
    problem = BilevelProblem(X, y, loss, groups, [pair], fit_intercept=False)
    lambda_ = np.full(n_categories, -14.0)
    w = problem.minimize(lambda_)[0]
    before = problem.counts.n_hessian_products
    approach_adjoint(problem.splits[0], lambda_, w, None, 1e-8)
    assert problem.counts.n_hessian_products - before <= 4
    near = problem.minimize(lambda_ - 0.5)[0]
    before = problem.counts.n_train_gradients
    approach_minimum(problem.splits[0], lambda_, near, 1e-6)
    assert problem.counts.n_train_gradients - before <= 8
