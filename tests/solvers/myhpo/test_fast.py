"""The fast form of MY-HPO against its referee, few lambdas and many."""

from functools import cache

import numpy as np
import pytest

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.solvers import (
    MYHPO,
    Implicit,
    Status,
    minimize_bilevel,
)
from tests.bilevel.helpers import CLASSES_OF_MANY_LAMBDAS
from tests.helpers import (
    PROBLEMS,
    data_for,
)


@pytest.mark.parametrize("name", PROBLEMS)
def test_myhpo_agrees_with_its_referee(name):
    """Two roads, the second-order response and L-BFGS, to the same lambda."""
    ours = minimize_bilevel(PROBLEMS[name](), MYHPO(), tol=1e-8)
    referee = minimize_bilevel(PROBLEMS[name](), Implicit(), tol=1e-8, max_iter=500)
    np.testing.assert_allclose(ours.validation_loss, referee.validation_loss, rtol=1e-5)
    inside = np.abs(ours.lambda_) < 8.0  # the others are in a tail, where all is equal
    np.testing.assert_allclose(ours.lambda_[inside], referee.lambda_[inside], atol=2e-4)


@pytest.mark.one_in(3)
@pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.LambdaBoundWarning")
@pytest.mark.parametrize("lambda_init", ["auto", 3.0, 12.0])
def test_one_lambda_per_feature_takes_few_steps(lambda_init):
    """A fit would take minutes, or stop where a dropped feature is wanted back."""
    X, y = data_for(MYHPORidge, n_samples=300, n_features=60, noise=3.0)
    options = {"random_state": 0, "feature_groups": "each"}
    model = MYHPORidge(**options, lambda_init=lambda_init).fit(X, y)
    assert model.converged_
    assert model.n_iter_ <= 20
    best = MYHPORidge(**options).fit(X, y)
    assert model.validation_loss_ <= best.validation_loss_ * (1.0 + 1e-3)


@cache
def referee_loss(name):
    """Return the least loss that L-BFGS finds, as small problems are solved."""
    problem = CLASSES_OF_MANY_LAMBDAS[name].problem()
    result = minimize_bilevel(problem, Implicit(), tol=1e-8, max_iter=500)
    return result.validation_loss


@pytest.mark.one_in(7, 2)
@pytest.mark.parametrize("path", ["by_inverse", "by_products"])
@pytest.mark.parametrize("name", CLASSES_OF_MANY_LAMBDAS)
def test_ends_where_the_referee_does(name, path, request):
    """A fast way to another lambda would be none."""
    least = referee_loss(name)
    request.getfixturevalue(path)
    problem = CLASSES_OF_MANY_LAMBDAS[name].problem()
    assert problem.split_set.prefers_inverse == (path == "by_inverse")
    assert problem.prefers_products == (path == "by_products")
    result = minimize_bilevel(problem, MYHPO(), max_iter=200)
    assert result.status is Status.CONVERGED
    assert result.validation_loss <= least * (1 + 1e-5)
    weights = problem.minimize(result.lambda_, problem.starts(), 1e-12)
    slope = problem.hypergradient(result.lambda_, weights)
    slope = problem.projected(result.lambda_, slope)
    assert np.abs(slope).max() <= 1.01e-6 * result.validation_loss


@pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.LambdaBoundWarning")
def test_converged_means_accurate_weights():
    """Without a refit they are the model, however loose the first steps were."""
    X, y = CLASSES_OF_MANY_LAMBDAS["each"].X, CLASSES_OF_MANY_LAMBDAS["each"].y
    options = {"random_state": 0, "feature_groups": "each"}
    model = MYHPOLogisticRegression(**options).fit(X, y)
    assert model.converged_
    assert np.max(model.certificate_.inner_residuals) <= model.tol


@pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.FewRowsWarning")
@pytest.mark.parametrize("per_target", [False, True])
def test_goes_on_to_a_minimum_of_tiny_weights(per_target):
    """A fit would rest on the way, where the proximal term promises next to nothing."""
    # Two training rows ask for a weight of one, the held-out rows for a thousandth.
    weight = 1e-3
    noise = weight / np.sqrt(2e-5)
    X, y = np.ones((4, 1)), np.array([1.0, 1.0, weight + noise, weight - noise])
    best = np.log(0.5 * (1.0 / weight - 1.0))
    model = MYHPORidge(
        cv=[([0, 1], [2, 3])],
        fit_intercept=False,
        alpha_per_target=per_target,
        lambda_init=best + 6.0,
        lambda_bounds=(-20.0, 40.0),
    ).fit(X, np.column_stack([y, y]) if per_target else y)
    # Without the feature the loss is higher by twenty times the tolerance.
    reached = 1.0 / (1.0 + 2.0 * np.exp(model.lambda_))
    gap = (reached - weight) ** 2 / noise**2
    assert np.all(gap <= 1e-6)
