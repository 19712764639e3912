"""Perturbations and sampled objectives of Self-Tuning Networks."""

import numpy as np
import pytest

from sklearn_myhpo.solvers import STN, Status, minimize_bilevel
from sklearn_myhpo.solvers.stn.response import (
    draw_balanced,
    draw_independent,
    part_gradient,
    perturb,
    train_gradient,
    validation_slope,
)
from tests.helpers import PROBLEMS, numerical_gradient
from tests.solvers.stn.helpers import expected_fixed_point


@pytest.mark.parametrize("name", ["ridge-groups", "logistic-groups", "multinomial"])
def test_gradients_of_the_sampled_objectives(name):
    """Every step follows these: against differences, with the perturbations fixed."""
    problem = PROBLEMS[name]()
    rng = np.random.default_rng(0)
    split, n_groups = problem.splits[0], problem.n_groups
    lambda_, sigma = rng.normal(-1, 0.3, n_groups), rng.uniform(0.2, 0.5, n_groups)
    phis = [
        rng.normal(0, 0.3, (1 + n_groups, *split.shape)) for split in problem.splits
    ]
    normals = draw_independent(rng, 5, n_groups)
    moves = perturb(normals, lambda_, sigma)

    def respond(phi, move):
        return phi[0] + np.tensordot(move, phi[1:], 1)

    def train(phi):
        losses = [
            split.train_loss(respond(phi, move), lambda_ + move) for move in moves
        ]
        return np.mean(losses)

    expected = numerical_gradient(train, phis[0])
    gradient = train_gradient(split, phis[0], lambda_, moves)
    np.testing.assert_allclose(gradient, expected, atol=1e-8)
    own = part_gradient(split, phis[0], lambda_, moves, slice(0, 1))
    at_lambda = numerical_gradient(lambda w: split.train_loss(w, lambda_), phis[0][0])
    np.testing.assert_allclose(own[0], at_lambda, atol=1e-8)

    def validate(x):
        change, log_sigma = x[:n_groups], x[n_groups:]
        losses = [
            problem.validation_loss(
                [respond(phi, change + np.exp(log_sigma) * z) for phi in phis]
            )
            for z in normals
        ]
        return np.mean(losses)

    slope = validation_slope(problem, phis, moves)
    x = np.concatenate([np.zeros(n_groups), np.log(sigma)])
    expected = numerical_gradient(validate, x)
    np.testing.assert_allclose(np.concatenate(slope), expected, atol=1e-8)


@pytest.mark.parametrize(("n_samples", "n_groups"), [(1, 1), (8, 1), (3, 3), (50, 4)])
def test_balanced_perturbations_have_the_moments_of_normals(n_samples, n_groups):
    """Else the response would be that to other perturbations."""
    normals = draw_balanced(np.random.default_rng(0), n_samples, n_groups)
    assert normals.shape == (2 * n_samples, n_groups)
    np.testing.assert_allclose(normals.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(
        normals.T @ normals / len(normals), np.eye(n_groups), atol=1e-12
    )


@pytest.mark.slow
def test_independent_perturbations_average_to_the_same():
    """As published: noisy, but the steps decrease, so lambda settles near."""
    name = "ridge-groups"
    lambda_, _, _ = expected_fixed_point(name, "centred", 1e-4)
    solver = STN(sampling="independent")
    result = minimize_bilevel(PROBLEMS[name](), solver, max_iter=200, random_state=0)
    assert result.status is Status.MAX_ITER
    assert "sampling='balanced'" in result.message
    np.testing.assert_allclose(result.lambda_, lambda_, atol=0.05)
