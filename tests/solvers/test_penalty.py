"""The penalty method: its gradient, and how its solution approaches the exact one."""

import numpy as np
import pytest

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.solvers import Implicit, Penalty, Status, minimize_bilevel
from sklearn_myhpo.solvers.penalty import _evaluate
from tests.helpers import (
    PROBLEMS,
    class_spec,
    data_for,
    numerical_gradient,
)


@pytest.mark.parametrize(
    "name", ["ridge-groups", "ridge-targets", "logistic-weighted", "multinomial-groups"]
)
def test_gradient(name):
    """In lambda and in the weights, by one Hessian product a split."""
    problem = PROBLEMS[name]()
    problem.shrink(0.3, 1.0)
    rng = np.random.default_rng(0)
    lambda_ = -1.0 + 0.5 * np.arange(problem.n_groups)
    weights = [0.3 * rng.standard_normal(split.shape) for split in problem.splits]
    before = problem.counts.n_hessian_products
    terms = _evaluate(problem, lambda_, weights, 30.0)
    assert problem.counts.n_hessian_products == before + len(weights)
    numerical = numerical_gradient(
        lambda x: np.array(_evaluate(problem, x, weights, 30.0).value), lambda_
    )
    np.testing.assert_allclose(terms.lambda_slope, numerical, rtol=1e-6)
    numerical = numerical_gradient(
        lambda w: np.array(_evaluate(problem, lambda_, [w, *weights[1:]], 30.0).value),
        weights[0],
    )
    size = np.abs(numerical).max()
    np.testing.assert_allclose(terms.slopes[0], numerical, atol=1e-7 * size)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["ridge-holdout", "logistic-groups"])
def test_accuracy_is_of_the_order_of_one_over_gamma(name):
    """What a user gives up for not solving with the Hessian: lambda by O(1 / gamma)."""
    exact = minimize_bilevel(PROBLEMS[name](), Implicit(), tol=1e-10, max_iter=200)
    problem, solver = PROBLEMS[name](), Penalty(gamma=1e2, growth=10.0, n_steps=1000)
    state = solver.init(problem, exact.lambda_ + 0.3, problem.starts())
    found = []
    for _ in range(4):
        gamma = state.gamma
        state, _ = solver.step(problem, state, None)
        assert state.gamma == 10 * gamma  # settled
        found.append(state.lambda_)
    moves = np.abs(np.diff(found, axis=0)).max(axis=1)
    np.testing.assert_allclose(moves[:-1] / moves[1:], 10.0, rtol=0.15)
    # A gamma of 1e6 is not reached: rounding ends its steps in some versions of SciPy.
    np.testing.assert_allclose(found[-1], exact.lambda_, atol=1e-4)


@pytest.mark.one_in(5, 1)
@pytest.mark.parametrize(
    "name",
    [
        "ridge-5-fold",
        "ridge-wide",
        "ridge-targets",
        "ridge-weighted",
        "ridge-no-intercept",
        "logistic-holdout",
        "logistic-sparse",
        "logistic-groups",
        "logistic-factors",
        "multinomial-groups",
    ],
)
def test_ends_where_implicit_does(name):
    """At the default tolerance, to the stated accuracy of 1e-3 in lambda."""
    result = minimize_bilevel(PROBLEMS[name](), Penalty())
    exact = minimize_bilevel(PROBLEMS[name](), Implicit(), tol=1e-8, max_iter=200)
    assert result.status is Status.CONVERGED
    np.testing.assert_allclose(result.lambda_, exact.lambda_, atol=1e-3)
    np.testing.assert_allclose(result.validation_loss, exact.validation_loss, rtol=1e-5)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("scale", [1e6, 1e-6])
def test_units_do_not_matter(scale):
    """The weight gamma has none either."""
    X, y = data_for(BilevelRidge, n_samples=60, n_features=5)
    one, two = (
        BilevelRidge(solver="penalty", cv=3, random_state=0).fit(each, y)
        for each in (X, scale * X)
    )
    assert one.converged_
    assert two.converged_
    np.testing.assert_allclose(two.lambda_, one.lambda_ + 2 * np.log(scale), atol=1e-3)


def test_shrinkage_is_a_part_of_the_objective():
    """With shrinkage the two lambdas end as close as with any other solver."""
    X, y = data_for(BilevelRidge, n_samples=60, n_features=5)
    one, two = (
        BilevelRidge(
            solver=solver,
            feature_groups=[0, 0, 1, 1, 1],
            shrinkage=0.3,
            cv=3,
            random_state=0,
        ).fit(X, y)
        for solver in ("penalty", "implicit")
    )
    np.testing.assert_allclose(one.lambda_, two.lambda_, atol=1e-3)


@pytest.mark.slow
def test_three_classes_in_groups():
    """The estimator's way: one softmax, K-fold, two lambdas."""
    spec = class_spec(n_classes=3)
    model, exact = (
        BilevelLogisticRegression(
            solver=solver, feature_groups=[0, 0, 0, 1, 1, 1], cv=2, random_state=0
        ).fit(spec.X, spec.y)
        for solver in ("penalty", "implicit")
    )
    assert model.converged_
    np.testing.assert_allclose(model.lambda_, exact.lambda_, atol=1e-3)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gamma": 0.0}, ["'gamma'", "0.0"]),
        ({"growth": 1.0}, ["'growth'", "1.0"]),
        ({"n_steps": 0}, ["'n_steps'", "0"]),
    ],
)
def test_bad_options(options, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="parameter") as error:
        Penalty(**options)
    for word in words:
        assert word in str(error.value)
