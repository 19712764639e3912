"""Gradient descent on the weights, and derivatives through its steps."""

import numpy as np
import pytest

from sklearn_myhpo.solvers import Unrolled
from sklearn_myhpo.solvers.steps.unroll import (
    StepSize,
    automatic_step_size,
    reverse_slope,
)
from tests.helpers import (
    PROBLEMS,
    SPECS,
    numerical_gradient,
)
from tests.solvers.helpers import some_lambda


@pytest.mark.parametrize("name", PROBLEMS)
def test_hypergradients(name):
    """A wrong one would end anywhere: forward, reverse and differences agree."""
    problem = PROBLEMS[name]()
    lambda_, solver = some_lambda(problem), Unrolled(n_steps=15)
    value = solver.evaluate(problem, lambda_)
    forward = Unrolled(n_steps=15, mode="forward").evaluate(problem, lambda_)
    numerical = numerical_gradient(
        lambda x: np.array(solver.evaluate(problem, x).objective), lambda_
    )
    size = np.abs(numerical).max()
    np.testing.assert_allclose(value.gradient, forward.gradient, atol=1e-12 * size)
    np.testing.assert_allclose(value.gradient, numerical, atol=1e-6 * size)
    np.testing.assert_allclose(value.objective, forward.objective, rtol=1e-13)


def test_hypergradient_of_many_groups_at_a_large_penalty():
    """The step size follows the largest penalty, and its derivative belongs to it."""
    problem = PROBLEMS["ridge-each"]()
    lambda_ = np.array([3.0, 2.9, -4.0, 0.0])
    solver = Unrolled(n_steps=10)
    value = solver.evaluate(problem, lambda_)
    numerical = numerical_gradient(
        lambda x: np.array(solver.evaluate(problem, x).objective), lambda_
    )
    np.testing.assert_allclose(value.gradient, numerical, rtol=1e-6)


def test_automatic_step_size():
    """It may never be above 1/L, and must be smooth where two penalties cross."""
    for lambda_ in ([0.5], [1.0, 1.0, -3.0], np.linspace(-4, 2, 50)):
        lambda_ = np.asarray(lambda_)
        size = automatic_step_size(3.0, lambda_)
        largest = 2 * np.exp(lambda_.max())
        assert 1 / (3.0 + np.e * largest) <= size.value <= 1 / (3.0 + largest)
        numerical = numerical_gradient(
            lambda x: np.array(automatic_step_size(3.0, x).value), lambda_
        )
        np.testing.assert_allclose(size.slope, numerical, atol=1e-10)
    assert automatic_step_size(3.0, np.array([700.0])).value > 0


def explicit_ridge(spec):
    """Return H and the gradient of L_V at the exact weights, from arrays."""
    train, held_out = spec.pairs[0]
    lambda_ = np.array([-1.0, -0.5, -2.0])
    mean, y_mean = spec.X[train].mean(axis=0), spec.y[train].mean(axis=0)
    rows, others = spec.X[train] - mean, spec.X[held_out] - mean
    penalty = 2 * np.exp(lambda_)[spec.labels]
    H = rows.T @ rows / len(rows) + np.diag(penalty)
    w = np.linalg.solve(H, rows.T @ (spec.y[train] - y_mean) / len(rows))
    slope = others.T @ (others @ w - (spec.y[held_out] - y_mean)) / len(others)
    return lambda_, penalty, H, w, slope


@pytest.mark.parametrize("k", [1, 3, 10])
def test_truncated_reverse_is_a_neumann_series(k):
    """At exact weights: the first k terms of a (I - a H)^j times the slope of L_V."""
    spec = SPECS["ridge-groups"]()
    lambda_, penalty, H, w, slope = explicit_ridge(spec)
    size = 1 / np.linalg.eigvalsh(H)[-1]
    matrix = np.eye(len(H)) - size * H
    adjoint = size * sum(np.linalg.matrix_power(matrix, j) @ slope for j in range(k))
    expected = -np.bincount(spec.labels, (penalty[:, None] * w * adjoint)[:, 0])
    split, step = PROBLEMS["ridge-groups"]().splits[0], StepSize(size, np.zeros(3))
    found = reverse_slope(split, lambda_, step, [w] * (k + 1))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_truncation_error_decays_geometrically():
    """Like (1 - a mu)^k: what a user may count on when choosing k."""
    spec = SPECS["ridge-groups"]()
    lambda_, penalty, H, w, slope = explicit_ridge(spec)
    values = np.linalg.eigvalsh(H)
    size = 1 / values[-1]
    adjoint = np.linalg.solve(H, slope)
    exact = -np.bincount(spec.labels, (penalty[:, None] * w * adjoint)[:, 0])
    split, step = PROBLEMS["ridge-groups"]().splits[0], StepSize(size, np.zeros(3))
    errors = np.array(
        [
            np.linalg.norm(reverse_slope(split, lambda_, step, [w] * (k + 1)) - exact)
            for k in (60, 61)
        ]
    )
    np.testing.assert_allclose(errors[1] / errors[0], 1 - values[0] * size, rtol=2e-2)
