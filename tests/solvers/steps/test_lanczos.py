"""Adjoints in Krylov subspaces that grow with the steps of lambda."""

import numpy as np
import pytest

from sklearn_myhpo.solvers import Implicit, Status, minimize_bilevel
from sklearn_myhpo.solvers.steps.lanczos import corrected
from tests.helpers import ONE_LAMBDA, PROBLEMS
from tests.solvers.steps.test_nystrom import NAMES, dense, place


def adjoints(name, rank, n_steps):
    """Return the exact adjoint, the Hessian, and those of some steps at one place."""
    split, lambda_, w, right = place(name)
    hessian, _ = dense(split, lambda_, w)
    exact = np.linalg.solve(hessian, right.ravel())
    q, subspace, found = np.zeros_like(w), None, []
    for _ in range(n_steps):
        q, subspace = corrected(split, lambda_, w, right, q, subspace, rank)
        found.append(q.ravel())
    return exact, hessian, found


@pytest.mark.parametrize("name", NAMES)
def test_the_full_subspace_is_the_exact_solve(name):
    """The subspace would not be that of the Hessian."""
    size = place(name)[2].size
    exact, _, found = adjoints(name, size, size)
    np.testing.assert_allclose(found[-1], exact, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rank", [3, 100])
def test_every_vector_brings_the_adjoint_closer(name, rank):
    """In the norm of the Hessian, with restarts and without."""
    exact, hessian, found = adjoints(name, rank, 8)
    errors = [(q - exact) @ hessian @ (q - exact) for q in found]
    assert np.all(np.diff(errors) <= 1e-12 * errors[0])
    assert errors[-1] < errors[0]


@pytest.mark.one_in(4)
@pytest.mark.parametrize("name", ONE_LAMBDA)
def test_ends_where_the_exact_method_does(name):
    """Its adjoints are inexact on the way only."""
    solver = Implicit(adjoint="lanczos")
    result = minimize_bilevel(PROBLEMS[name](), solver, max_iter=500, tol=1e-5)
    assert result.status is Status.CONVERGED
    exact = minimize_bilevel(PROBLEMS[name](), Implicit(), tol=1e-9)
    np.testing.assert_allclose(result.validation_loss, exact.validation_loss, rtol=1e-6)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["ridge-groups", "logistic-groups"])
def test_groups_end_at_a_stationary_point(name):
    """A wrong adjoint would have other zeros of the hypergradient."""
    problem = PROBLEMS[name]()
    solver = Implicit(adjoint="lanczos", rank=5)
    result = minimize_bilevel(problem, solver, max_iter=1000, tol=1e-4)
    assert result.status is Status.CONVERGED
    slope = problem.hypergradient(result.lambda_, result.weights)
    slope = problem.projected(result.lambda_, slope)
    assert np.abs(slope).max() <= 2e-4 * result.validation_loss


def test_the_objective_never_rises():
    """A poor subspace may cost time, not what was reached."""
    solver = Implicit(adjoint="lanczos", rank=2)
    result = minimize_bilevel(PROBLEMS["logistic-groups"](), solver, max_iter=60)
    losses = result.history["validation_loss"]
    assert np.all(np.diff(losses) <= 1e-12 * losses[0])


def test_a_step_takes_one_product():
    """Beside one for every restart, as the page says."""
    problem = PROBLEMS["logistic-holdout"]()
    before = problem.counts.n_hessian_products
    solver = Implicit(adjoint="lanczos", rank=4)
    minimize_bilevel(problem, solver, lambda_init=-1.0, max_iter=7, tol=0.0)
    # The first state and seven steps, in two subspaces.
    assert problem.counts.n_hessian_products - before == 8 + 2
