"""Ridge with one lambda per target."""

import numpy as np
import pytest

from sklearn_myhpo.bilevel.per_target import TargetsProblem
from sklearn_myhpo.bilevel.validation import BilevelProblem
from tests.helpers import numerical_gradient, ridge_spec


def make_problem(**options):
    """Return a problem of several targets."""
    spec = ridge_spec(n_targets=4, noise=3.0, **options)
    return spec, TargetsProblem(spec.problem(all_directions=False))


@pytest.mark.parametrize("options", [{}, {"n_samples": 24, "n_features": 40}])
def test_derivatives(options):
    """Steps would go in the wrong direction, or have the wrong length."""
    _, problem = make_problem(**options)
    lambda_, targets = np.array([-5.0, -2.0, -1.0, 1.0]), np.arange(4)

    def values(lambda_):
        return problem.target_slopes(lambda_, targets)[0]

    def slopes(lambda_):
        return problem.target_slopes(lambda_, targets)[1]

    model = problem.target_models(lambda_, targets)
    np.testing.assert_allclose(model.value, values(lambda_))
    np.testing.assert_allclose(
        np.diag(model.gradient), numerical_gradient(values, lambda_), atol=1e-8
    )
    np.testing.assert_allclose(
        np.diag(model.tangent + model.bend),
        numerical_gradient(slopes, lambda_),
        atol=1e-7,
    )
    weights = problem.minimize(lambda_)
    np.testing.assert_allclose(problem.validation_losses(weights), model.value)
    for split, w in zip(problem.splits, weights, strict=True):
        for target in targets:
            own = split.minimize(lambda_[[target]], split.start())[:, target]
            np.testing.assert_allclose(w[:, target], own, rtol=1e-10, atol=1e-14)


def test_blocks_of_targets(set_limits):
    """Memory would grow with the number of targets, or results with the blocks."""
    _, problem = make_problem()
    lambda_, targets = np.array([-5.0, -2.0, 1.0]), np.array([0, 2, 3])
    together = problem.target_models(lambda_, targets)
    set_limits(target_entries=1)
    for one, other in zip(
        problem.target_models(lambda_, targets), together, strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_problem_stays_whole():
    """One lambda for all targets would no longer be the sum of their losses."""
    spec, problem = make_problem()
    shared = spec.problem()
    assert isinstance(shared, BilevelProblem)
    weights = problem.minimize(np.full(4, -2.0))
    expected = shared.validation_loss(
        shared.minimize(np.array([-2.0]), shared.starts())
    )
    place = problem.at(np.full(4, -2.0), weights)
    np.testing.assert_allclose([place.estimate, place.objective], expected)
    slopes = problem.target_slopes(place.lambda_, problem.everything)[1]
    np.testing.assert_allclose(place.hypergradient(), slopes)
    assert not problem.is_certain(place.lambda_, place.estimate)
