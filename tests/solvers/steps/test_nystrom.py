"""The Nystrom approximation of the inverse Hessian, and its own fixed points."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from sklearn_myhpo import BilevelRidge
from sklearn_myhpo.solvers import Implicit, Status, minimize_bilevel
from sklearn_myhpo.solvers.steps.nystrom import nystrom_solve
from tests.helpers import PROBLEMS
from tests.solvers.helpers import some_lambda

NAMES = ["ridge-groups", "logistic-groups", "multinomial-groups", "logistic-wide"]
RHO = 0.05


def dense(split, lambda_, w):
    """Return the Hessian of flattened weights, and its units squared, as matrices."""
    units = np.eye(w.size).reshape(-1, *w.shape)
    hessian = split.hessian_product(w, lambda_, units).reshape(w.size, w.size)
    return hessian, np.diag(np.diag(hessian))


def place(name):
    """Return the first split of a problem, lambda, exact weights, right-hand side."""
    problem = PROBLEMS[name]()
    lambda_ = some_lambda(problem)
    weights = problem.minimize(lambda_)
    return problem.splits[0], lambda_, weights[0], weights[0] + 0.1


@pytest.mark.parametrize("name", NAMES)
def test_all_columns_are_the_exact_formula(name):
    """The approximation would be that of another matrix."""
    split, lambda_, w, right = place(name)
    hessian, unit = dense(split, lambda_, w)
    found = nystrom_solve(split, lambda_, w, right, np.arange(w.size), RHO)
    expected = np.linalg.solve(hessian + RHO * unit, right.ravel())
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_those_of_the_data_term(name):
    """The penalty, which is known, would be approximated too."""
    split, lambda_, w, right = place(name)
    hessian, unit = dense(split, lambda_, w)
    columns = np.arange(0, w.size, 2)
    penalty = np.diag(np.broadcast_to(split.penalty(lambda_), w.shape).ravel())
    data = hessian - penalty
    core = np.linalg.pinv(data[np.ix_(columns, columns)])
    low = data[:, columns] @ core @ data[columns]
    expected = np.linalg.solve(low + penalty + RHO * unit, right.ravel())
    found = nystrom_solve(split, lambda_, w, right, columns, RHO)
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-6, atol=1e-9)


def test_error_falls_with_rank():
    """A higher rank would cost more and give nothing."""
    split, lambda_, w, right = place("logistic-groups")
    hessian, _ = dense(split, lambda_, w)
    exact = np.linalg.solve(hessian, right.ravel())
    orders = [np.random.default_rng(seed).permutation(w.size) for seed in range(20)]

    def error(rank):
        found = [
            nystrom_solve(split, lambda_, w, right, order[:rank], 1e-6)
            for order in orders
        ]
        return np.median([np.linalg.norm(x.ravel() - exact) for x in found])

    errors = np.array([error(rank) for rank in (1, w.size // 2, w.size)])
    assert np.all(np.diff(errors) < 0)
    assert errors[-1] <= 1e-4 * np.linalg.norm(exact)


@pytest.mark.parametrize("name", ["ridge-groups", "logistic-groups"])
def test_ends_where_its_own_hypergradient_is_zero(name):
    """It would end anywhere, and call that converged."""
    problem, rho = PROBLEMS[name](), 0.1
    solver = Implicit(adjoint="nystrom", rank=1000, rho=rho)
    result = minimize_bilevel(problem, solver, random_state=0)
    assert result.status is Status.CONVERGED
    lambda_, adjoints = result.lambda_, []
    gradients = problem.validation_gradients(result.weights)
    for split, w, right in zip(problem.splits, result.weights, gradients, strict=True):
        hessian, unit = dense(split, lambda_, w)
        solved = np.linalg.solve(hessian + rho * unit, right.ravel())
        adjoints.append(solved.reshape(w.shape))
    slope = problem.mean_by_group(
        -split.penalty(lambda_) * w * q
        for split, w, q in zip(problem.splits, result.weights, adjoints, strict=True)
    )
    slope = problem.projected(lambda_, slope)
    assert np.abs(slope).max() <= 1e-5 * result.validation_loss
    exact = problem.hypergradient(lambda_, result.weights)
    assert np.abs(exact).max() > 1e-4 * result.validation_loss


def test_little_regularization_ends_at_the_exact_minimum():
    """The end would be off by more than rho and the missing columns explain."""
    solver = Implicit(adjoint="nystrom", rank=1000, rho=1e-8)
    found = minimize_bilevel(PROBLEMS["logistic-groups"](), solver, random_state=0)
    exact = minimize_bilevel(PROBLEMS["logistic-groups"](), Implicit())
    np.testing.assert_allclose(found.lambda_, exact.lambda_, atol=1e-2)


def test_a_rank_takes_as_many_products():
    """The cost would not be what the page says."""
    problem = PROBLEMS["ridge-holdout"]()
    before = problem.counts.n_hessian_products
    lambda_ = some_lambda(problem)
    solver = Implicit(adjoint="nystrom", rank=3)
    minimize_bilevel(problem, solver, lambda_init=lambda_, max_iter=1, random_state=0)
    assert problem.counts.n_hessian_products - before == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"adjoint": "neumann"}, ["'adjoint'", "nystrom", "lanczos", "neumann"]),
        ({"rank": 0}, ["'rank'", "0"]),
        ({"rho": 0.0}, ["'rho'", "0.0"]),
        ({"adjoint": "lanczos", "steps": "newton"}, ["steps='newton'", "'exact'"]),
    ],
)
def test_bad_options(options, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="Implicit") as error:
        Implicit(**options)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("adjoint", ["nystrom", "lanczos"])
def test_without_held_out_rows(adjoint):
    """There is no Hessian of a split then; the error must say so."""
    model = BilevelRidge(solver=Implicit(adjoint=adjoint), criterion="gcv")
    with pytest.raises(ValueError, match="holds no rows out"):
        model.fit(*load_diabetes(return_X_y=True))
