"""SHO with a local hypernetwork."""

import numpy as np
import pytest

from sklearn_myhpo.solvers import (
    SHO,
    Status,
    minimize_bilevel,
)
from tests.helpers import (
    PROBLEMS,
)
from tests.solvers.plain import TINY, Plain, sho_as_published, tiny


def test_sho_depends_on_the_seed():
    """Were the noise not drawn from the seed, seeds would be a pretence."""
    one, two = (
        minimize_bilevel(
            PROBLEMS["ridge-holdout"](), SHO(), max_iter=10, random_state=seed
        )
        for seed in (0, 1)
    )
    assert not np.array_equal(one.history["lambda"], two.history["lambda"])


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["ridge-holdout", "logistic-holdout"])
def test_sho_reaches_its_own_fixed_point(name):
    """There the weights are exact and the hypernetwork sees no slope in lambda.

    The tolerance is 1e-3: sampling lambda with sigma = 1e-4 moves the training
    gradient by about that share, so no run gets much below.
    """
    problem = PROBLEMS[name]()
    result = minimize_bilevel(
        problem, SHO(), lambda_init=-2.0, max_iter=5000, tol=1e-4, random_state=0
    )
    assert result.status is Status.CONVERGED
    (split,), (w,) = problem.splits, result.weights
    exact = split.minimize(result.lambda_, split.start())
    assert np.linalg.norm(w - exact) <= 0.02 * np.linalg.norm(exact)
    slope = split.train_gradient(w, result.lambda_)
    first = split.train_gradient(0 * w, result.lambda_)
    assert np.linalg.norm(slope) <= 1e-3 * np.linalg.norm(first)
    assert result.history["hypergradient_norm"][-1] <= 1e-3 * result.validation_loss


@pytest.mark.parametrize("name", TINY)
def test_sho_is_the_published_method(name):
    """The same draws must give the same path."""
    spec, step_sizes = tiny(name), (0.03, 0.01)
    lambdas, weights = sho_as_published(Plain(spec), 7, step_sizes, 1e-2, 20)
    problem = spec.problem()
    result = minimize_bilevel(
        problem,
        SHO(step_sizes=step_sizes, noise_scale=1e-2),
        lambda_init=-1.0,
        max_iter=20,
        tol=0.0,
        random_state=7,
    )
    np.testing.assert_allclose(result.history["lambda"], lambdas, rtol=1e-10)
    coef, _ = problem.splits[0].to_features(result.weights[0])
    np.testing.assert_allclose(coef[:, 0], weights[-1], atol=1e-10)
