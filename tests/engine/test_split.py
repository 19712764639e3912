"""The contract of a split: values, derivatives, solutions."""

import numpy as np
import pytest

from sklearn_myhpo.engine.split import Proximal
from tests.engine.helpers import adaptive_model, lambdas, objective, random_weights
from tests.helpers import (
    PROBLEMS,
    SPECS,
    class_scores,
    numerical_gradient,
    reference_fit,
    reference_objective,
)


@pytest.mark.parametrize("name", PROBLEMS)
def test_gradients(name):
    """Gradient steps would go in the wrong direction."""
    problem = PROBLEMS[name]()
    split, lambda_ = problem.splits[0], lambdas(problem)
    w = random_weights(split)
    proximal = Proximal(
        random_weights(split, 1),
        random_weights(split, 2),
        0.7,
        split.hessian(w, lambda_),
    )
    for gradient, value in (
        (split.train_gradient(w, lambda_), lambda w: split.train_loss(w, lambda_)),
        (split.validation_gradient(w), split.validation_loss),
        (
            split.consensus_gradient(w, lambda_, proximal),
            lambda w: split.train_loss(w, lambda_) + proximal.value(w),
        ),
    ):
        expected = numerical_gradient(value, w)
        atol = 1e-8 * np.abs(expected).max()
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=atol)


@pytest.mark.parametrize("name", PROBLEMS)
def test_hessian(name):
    """Newton steps, hypergradients and the Hessian metric all use it."""
    problem = PROBLEMS[name]()
    split, lambda_ = problem.splits[0], lambdas(problem)
    w, x = random_weights(split), random_weights(split, 1)
    hessian = split.hessian(w, lambda_)
    step = 1e-5
    expected = (
        split.train_gradient(w + step * x, lambda_)
        - split.train_gradient(w - step * x, lambda_)
    ) / (2 * step)
    atol = 1e-8 * np.abs(expected).max()
    np.testing.assert_allclose(hessian.product(x), expected, rtol=1e-6, atol=atol)
    np.testing.assert_allclose(hessian.solve(hessian.product(x)), x, atol=1e-9)
    # Stacks of directions, one for each group.
    stack = np.stack([x, w])
    np.testing.assert_allclose(hessian.product(stack)[1], hessian.product(w))
    np.testing.assert_allclose(hessian.solve(stack)[0], hessian.solve(x))
    for other, image in ((None, x), (hessian, hessian.product(x))):
        total = hessian.plus(0.5, other).product(x)
        np.testing.assert_allclose(total, hessian.product(x) + 0.5 * image)


@pytest.mark.parametrize("name", PROBLEMS)
def test_minimize_is_stationary(name):
    """An inner solution that is not one makes every hypergradient wrong."""
    problem = PROBLEMS[name]()
    lambda_ = lambdas(problem)
    for split in [*problem.splits, problem.full]:
        scale = np.linalg.norm(split.train_gradient(split.start(), lambda_))
        w = split.minimize(lambda_, split.start())
        assert np.linalg.norm(split.train_gradient(w, lambda_)) <= 1e-8 * scale
        for metric in (None, split.hessian(w, lambda_)):
            proximal = Proximal(
                0.1 * random_weights(split), random_weights(split, 1), 0.7, metric
            )
            w = split.minimize(lambda_, w, proximal)
            slope = split.consensus_gradient(w, lambda_, proximal)
            assert np.linalg.norm(slope) <= 1e-8 * scale


@pytest.mark.parametrize("name", PROBLEMS)
def test_minimize_agrees_with_scikit_learn(name):
    """Every split, and the refit, must be the model that the user knows."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    lambda_ = lambdas(problem)
    trains = [train for train, _ in spec.pairs] + [np.arange(len(spec.y))]
    for split, train in zip([*problem.splits, problem.full], trains, strict=True):
        coef, intercept = split.to_features(split.minimize(lambda_, split.start()))
        expected, offset = reference_fit(spec, lambda_, train)
        np.testing.assert_allclose(class_scores(spec, coef), expected, atol=1e-8)
        offset = offset - (offset.mean() if not spec.is_ridge else 0.0) * (
            len(offset) > 1
        )
        np.testing.assert_allclose(class_scores(spec, intercept), offset, atol=1e-8)


@pytest.mark.parametrize("name", PROBLEMS)
def test_validation_loss_is_the_mean_over_held_out_rows(name):
    """Otherwise the learned lambda is not the one of cross-validation."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    for shift in (-5.0, 0.0, 4.0):
        lambda_ = lambdas(problem) + shift
        expected = reference_objective(spec, lambda_)
        np.testing.assert_allclose(objective(problem, lambda_), expected, rtol=1e-9)


@pytest.mark.parametrize("name", PROBLEMS)
def test_hypergradient(name):
    """The derivative of what scikit-learn's fits give at lambda +- a little."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    lambda_ = lambdas(problem)
    weights = problem.minimize(lambda_, problem.starts())
    expected = numerical_gradient(
        lambda x: reference_objective(spec, x), lambda_, step=1e-4
    )
    np.testing.assert_allclose(
        problem.hypergradient(lambda_, weights), expected, rtol=1e-5, atol=1e-8
    )


@pytest.mark.parametrize("name", PROBLEMS)
def test_second_derivative_of_the_adaptive_model(name):
    """A wrong curvature costs iterations, or the convergence."""
    problem = PROBLEMS[name]()
    lambda_ = lambdas(problem)

    def hypergradient(lambda_):
        weights = problem.minimize(lambda_, problem.starts(), tol=1e-14)
        return problem.hypergradient(lambda_, weights)

    model = adaptive_model(problem, lambda_)
    np.testing.assert_allclose(model.gradient, hypergradient(lambda_), rtol=1e-10)
    expected = numerical_gradient(hypergradient, lambda_, step=1e-4)
    atol = 1e-6 * np.abs(expected).max()
    np.testing.assert_allclose(
        model.tangent + model.bend, expected, rtol=1e-5, atol=atol
    )


@pytest.mark.parametrize("name", PROBLEMS)
def test_predict_follows_the_tangent(name):
    """Warm starts would be worse than none."""
    problem = PROBLEMS[name]()
    lambda_, step = lambdas(problem), 1e-4
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-14)
    move = step * np.arange(1.0, problem.n_groups + 1)
    exact = problem.minimize(lambda_ + move, weights, tol=1e-14)
    predicted = problem.at(lambda_, weights).predict(move)
    for before, after, guess in zip(weights, exact, predicted, strict=True):
        scale = np.abs(after - before).max()
        np.testing.assert_allclose(guess, after, atol=1e-3 * scale)


@pytest.mark.parametrize("name", PROBLEMS)
def test_weights_survive_the_way_to_features_and_back(name):
    """A warm start must continue where the last fit ended."""
    problem = PROBLEMS[name]()
    for split in [*problem.splits, problem.full]:
        w = split.minimize(lambdas(problem), split.start())
        back = split.from_features(*split.to_features(w))
        np.testing.assert_allclose(back, w, atol=1e-10)


def test_counts_of_the_oracles():
    """Budgets are compared in these numbers."""
    problem = PROBLEMS["ridge-groups"]()
    n_splits, before = len(problem.splits), problem.counts.as_dict()
    weights = problem.minimize(lambdas(problem), problem.starts())
    problem.hypergradient(lambdas(problem), weights)
    problem.train_loss(weights, lambdas(problem))
    for split, w in zip(problem.splits, weights, strict=True):
        split.train_gradient(w, lambdas(problem))
    after = problem.counts.as_dict()
    assert {name: after[name] - before[name] for name in after} == {
        "n_values": n_splits,
        "n_train_gradients": n_splits,
        "n_validation_gradients": n_splits,
        "n_consensus_gradients": 0,
        "n_hessian_products": 0,
        # One serves the solution and the adjoint.
        "n_factorizations": n_splits,
        "n_inner_solves": n_splits,
        "n_unfinished_solves": 0,
        "n_gradients": 2 * n_splits,
    }
