"""Every registered solver against independent minima."""

import numpy as np
import pytest
from scipy.optimize import minimize

from sklearn_myhpo.solvers import (
    MYHPO,
    SOLVERS,
    Status,
    minimize_bilevel,
)
from tests.helpers import (
    MANY_LAMBDAS,
    ONE_LAMBDA,
    PROBLEMS,
    SPECS,
    reference_grid,
    reference_objective,
)
from tests.solvers.helpers import EXACT


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("solver", EXACT)
def test_ends_at_a_stationary_point(solver, name):
    """Otherwise another lambda close by would have been better."""
    problem = PROBLEMS[name]()
    result = minimize_bilevel(problem, SOLVERS[solver](), max_iter=200)
    assert result.status is Status.CONVERGED
    weights = problem.minimize(result.lambda_, problem.starts())
    slope = problem.hypergradient(result.lambda_, weights)
    slope = problem.projected(result.lambda_, slope)
    assert np.abs(slope).max() <= 1.001e-6 * result.validation_loss
    np.testing.assert_allclose(
        reference_objective(SPECS[name](), result.lambda_),
        result.validation_loss,
        rtol=1e-9,
    )


@pytest.mark.one_in(7)
@pytest.mark.parametrize("name", ONE_LAMBDA)
@pytest.mark.parametrize("solver", EXACT)
def test_one_lambda_is_no_worse_than_a_grid(solver, name):
    """Nobody would leave grid search for something worse."""
    result = minimize_bilevel(PROBLEMS[name](), SOLVERS[solver]())
    best = reference_grid(name)
    assert result.validation_loss <= best * (1 + 1e-6)
    # The grid is so dense, or the loss so flat, that not much can be below.
    assert result.validation_loss >= best * (1 - 2e-3)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", MANY_LAMBDAS)
@pytest.mark.parametrize("solver", EXACT)
def test_groups_are_no_worse_than_one_lambda(solver, name):
    """More freedom may not end at a higher validation loss."""
    result = minimize_bilevel(PROBLEMS[name](), SOLVERS[solver](), max_iter=200)
    assert result.validation_loss <= reference_grid(name) * (1 + 1e-6)


def test_scipy_finds_nothing_better():
    """A referee that shares no line of code: Nelder-Mead on least squares."""
    spec = SPECS["ridge-groups"]()
    result = minimize_bilevel(spec.problem(), MYHPO())
    start = result.lambda_ + np.array([0.3, -0.3, 0.2])
    found = minimize(
        lambda lambda_: reference_objective(spec, lambda_),
        start,
        method="Nelder-Mead",
        options={"xatol": 1e-3, "fatol": 1e-9, "maxfev": 300},
    )
    assert result.validation_loss <= found.fun * (1 + 1e-8)
    np.testing.assert_allclose(result.lambda_, found.x, atol=2e-2)
