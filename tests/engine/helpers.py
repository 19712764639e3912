"""Numbers that two ways to a problem must share."""

import numpy as np


def lambdas(problem):
    """Return a different lambda for every group."""
    return np.linspace(-2.5, -1.5, problem.n_groups)


def random_weights(split, seed=0):
    """Return weights at which nothing vanishes."""
    return 0.3 * np.random.default_rng(seed).standard_normal(split.shape)


def coefficients(problem, lambda_):
    """Return coef and intercept of every split's exact solution."""
    weights = problem.minimize(lambda_, problem.starts())
    return [
        np.vstack(split.to_features(w))
        for split, w in zip(problem.splits, weights, strict=True)
    ]


def objective(problem, lambda_):
    """Return the validation loss at the exact solutions."""
    return problem.validation_loss(problem.minimize(lambda_, problem.starts()))


def adaptive_model(problem, lambda_):
    """Return the second-order model of the validation loss at lambda."""
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-14)
    return problem.at(lambda_, weights).model()


def assert_same_problem(one, other, rtol=1e-9):
    """Compare solutions, losses, slopes and curvatures at a few lambdas."""
    for shift in (-6.0, 0.0, 3.0):
        lambda_ = lambdas(one) + shift
        for a, b in zip(
            coefficients(one, lambda_), coefficients(other, lambda_), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())
        np.testing.assert_allclose(
            objective(one, lambda_), objective(other, lambda_), rtol=rtol
        )
        a, b = adaptive_model(one, lambda_), adaptive_model(other, lambda_)
        for left, right in zip(a, b, strict=True):
            atol = rtol * np.abs(right).max()
            np.testing.assert_allclose(left, right, rtol=100 * rtol, atol=10 * atol)
