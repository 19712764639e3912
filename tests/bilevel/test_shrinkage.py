"""Shrinkage: the penalty that holds several lambdas together, in the objective."""

import numpy as np
import pytest
from scipy.optimize import minimize

from sklearn_myhpo.bilevel.shrinkage import Shrinkage
from sklearn_myhpo.solvers import MYHPO, SHO, Implicit, Status, minimize_bilevel
from tests.helpers import (
    PROBLEMS,
    SPECS,
    numerical_gradient,
    reference_objective,
)

GROUPED = ["ridge-groups", "ridge-wide-groups", "logistic-groups", "multinomial-groups"]


def test_shrinkage_is_that_of_its_definition():
    """The penalty would hold the lambdas somewhere else, or in other units."""
    shrinkage, lambda_ = Shrinkage(0.7), np.array([-3.0, 1.0, 0.5])
    assert shrinkage.value(lambda_) == pytest.approx(0.35 * np.var(lambda_))
    np.testing.assert_allclose(
        shrinkage.gradient(lambda_),
        numerical_gradient(shrinkage.value, lambda_),
        atol=1e-9,
    )
    hessian = shrinkage.hessian(lambda_)
    np.testing.assert_allclose(
        hessian, numerical_gradient(shrinkage.gradient, lambda_), atol=1e-9
    )
    assert shrinkage.value(lambda_ + 5.0) == pytest.approx(shrinkage.value(lambda_))
    largest = np.linalg.eigvalsh(hessian)[-1]
    assert shrinkage.max_curvature(3) == pytest.approx(largest)


@pytest.mark.parametrize("name", GROUPED)
def test_derivatives_of_the_shrunken_objective(name):
    """Every solver would end beside the minimum of what it is told to minimize."""
    problem = PROBLEMS[name]()
    problem.shrink(0.3, 1.5)
    lambda_ = np.linspace(-2.5, -1.0, problem.n_groups)

    def at(lambda_):
        return problem.minimize(lambda_, problem.starts(), 1e-12)

    def slope(lambda_):
        return problem.hypergradient(lambda_, at(lambda_))

    numerical = numerical_gradient(
        lambda x: problem.objective(x, at(x)), lambda_, step=1e-4
    )
    np.testing.assert_allclose(slope(lambda_), numerical, rtol=1e-5, atol=1e-7)
    weights = at(lambda_)
    model = problem.at(lambda_, weights).model()
    np.testing.assert_allclose(model.gradient, slope(lambda_), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(
        model.tangent + model.bend,
        numerical_gradient(slope, lambda_, step=1e-4),
        rtol=1e-4,
        atol=1e-7,
    )
    assert np.linalg.eigvalsh(model.tangent)[0] >= -1e-12


@pytest.mark.parametrize(
    ("solver", "xtol"),
    [
        (MYHPO(), 1e-4),
        (Implicit(), 1e-4),
        (MYHPO(rho=1.0), 1e-3),
    ],
    ids=["fast", "implicit", "consensus"],
)
def test_solvers_find_the_shrunken_minimum(solver, xtol):
    """A solver that ignored the shrinkage would overfit in silence."""
    spec = SPECS["ridge-groups"]()
    problem = spec.problem()
    problem.shrink(0.5, problem.null_loss)
    penalty = problem.shrinkage.value
    found = minimize(
        lambda x: reference_objective(spec, x) + penalty(x),
        np.full(3, -2.0),
        method="BFGS",
        options={"gtol": 1e-7},
    )
    result = minimize_bilevel(problem, solver, max_iter=500)
    np.testing.assert_allclose(result.lambda_, found.x, atol=xtol)
    assert result.status is Status.CONVERGED


@pytest.mark.one_in(2)
@pytest.mark.parametrize("solver", [SHO(), MYHPO(rho=1.0, steps="gradient")])
def test_slow_solvers_keep_the_lambdas_together_too(solver):
    """A solver that makes its own slope in lambda would ignore the shrinkage."""
    ranges = []
    for shrinkage in (0.0, 1.0):
        problem = PROBLEMS["ridge-groups"]()
        problem.shrink(shrinkage, problem.null_loss)
        result = minimize_bilevel(problem, solver, max_iter=60, random_state=0)
        ranges.append(np.ptp(result.lambda_))
    assert ranges[1] < 0.8 * ranges[0]
