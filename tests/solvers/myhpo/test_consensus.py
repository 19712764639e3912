"""Fixed points of the consensus forms of MY-HPO."""

from itertools import product

import numpy as np
import pytest

from sklearn_myhpo.solvers import (
    MYHPO,
    Implicit,
    Status,
    minimize_bilevel,
)
from tests.helpers import (
    PROBLEMS,
)

CONSENSUS = list(
    product(["exact", "gradient"], ["tangent", "mean"], ["hessian", "identity"])
)


#: One regression and one classification on which all forms have settled soon.
EASY = ["ridge-holdout", "logistic-holdout"]


def consensus(name, steps, response, metric, tol=1e-6):
    """Run a consensus form from close by."""
    solver = MYHPO(steps=steps, response=response, metric=metric, rho=1.0)
    return minimize_bilevel(
        PROBLEMS[name](), solver, lambda_init=-2.0, max_iter=1000, tol=tol
    )


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", EASY)
@pytest.mark.parametrize(
    ("steps", "metric"),
    list(product(["exact", "gradient"], ["hessian", "identity"])),
)
def test_tangent_consensus_ends_where_implicit_does(name, steps, metric):
    """The corrected response makes the fixed points stationary points."""
    result = consensus(name, steps, "tangent", metric)
    assert result.status is Status.CONVERGED
    referee = minimize_bilevel(PROBLEMS[name](), Implicit(), tol=1e-9)
    # A residual of 1e-6, divided by the rate of a linearly converging method.
    np.testing.assert_allclose(result.lambda_, referee.lambda_, atol=1e-3)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("metric", ["hessian", "identity"])
@pytest.mark.parametrize("name", EASY)
def test_mean_consensus_ends_at_the_published_fixed_point(name, metric):
    """There u = 0, w = v and L_V is flat along v - mean(v): the paper's claim."""
    result = consensus(name, "exact", "mean", metric)
    assert result.status is Status.CONVERGED
    problem = PROBLEMS[name]()
    (split,) = problem.splits
    w = split.minimize(result.lambda_, split.start())
    np.testing.assert_allclose(result.weights[0], w, atol=1e-5)
    along = split.penalized(w - split.group_means(w))
    slope = split.penalized(split.validation_gradient(w))
    size = np.linalg.norm(along) * np.linalg.norm(slope)
    assert abs(np.vdot(along, slope)) <= 1e-5 * size


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", ["ridge-groups", "logistic-groups"])
@pytest.mark.parametrize("form", CONSENSUS)
def test_consensus_stays_finite_with_groups(name, form):
    """The mean response has poles: a run may be stopped there, not crash."""
    steps, response, metric = form
    solver = MYHPO(steps=steps, response=response, metric=metric, rho=1.0)
    result = minimize_bilevel(PROBLEMS[name](), solver, lambda_init=-1.0, max_iter=25)
    assert np.all(np.isfinite(result.lambda_))
    assert np.isfinite(result.validation_loss)


def test_the_pole_of_the_mean_response_does_not_crash():
    """A lambda drifts to zero, where phi_1 is infinite: DIVERGED, not LinAlgError."""
    solver = MYHPO(response="mean", metric="hessian", rho=1.0)
    result = minimize_bilevel(
        PROBLEMS["ridge-groups"](), solver, lambda_init=-1e-300, max_iter=300, tol=1e-7
    )
    assert np.all(np.isfinite(result.lambda_))
    assert all(np.all(np.isfinite(w)) for w in result.weights)


def test_backtracking_never_raises_its_objective():
    """Large first steps are what backtracking is for."""
    solver = MYHPO(steps="gradient", rho=1.0, step_sizes=(1e3, 1e3, 1e3))
    result = minimize_bilevel(
        PROBLEMS["ridge-holdout"](), solver, lambda_init=-1.0, max_iter=500
    )
    assert result.status is not Status.DIVERGED
    assert result.history["train_loss"][-1] < result.history["train_loss"][0]


def test_mean_response_cannot_start_at_its_pole():
    """Dividing by lambda = 0 would be a NaN without a word."""
    with pytest.raises(ValueError, match="cannot start from 0"):
        minimize_bilevel(
            PROBLEMS["ridge-holdout"](), MYHPO(response="mean"), lambda_init=0.0
        )
