"""The loop that all solvers share: history, stopping, bounds and divergence."""

import numpy as np
import pytest

from sklearn_myhpo.solvers import (
    MYHPO,
    SHO,
    SOLVERS,
    Penalty,
    Solver,
    Status,
    Unrolled,
    minimize_bilevel,
)
from tests.helpers import (
    PROBLEMS,
    SHORT_SOLVERS,
    SPECS,
    problem_for,
)
from tests.solvers.helpers import EXACT

#: Solvers whose iterations take few inner steps: a history is the same table.
HASTY = {**SHORT_SOLVERS, "penalty": Penalty(n_steps=30), "unrolled": Unrolled(20)}

#: A problem per shape of lambda and weights.
KINDS = "ridge-each", "ridge-targets", "logistic-wide", "multinomial-groups"


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("solver", HASTY)
def test_result_and_history(solver, name):
    """The history is made into a data frame: ragged columns would not fit."""
    problem = problem_for(solver, name)
    called = []
    result = minimize_bilevel(
        problem,
        HASTY[solver],
        max_iter=4,
        random_state=0,
        callback=lambda n_iter, info, _: called.append((n_iter, info.validation_loss)),
    )
    history = result.history
    assert isinstance(HASTY[solver], Solver)
    assert {len(column) for column in history.values()} == {result.n_iter}
    assert history["lambda"].shape == (result.n_iter, problem.n_groups)
    assert [n_iter for n_iter, _ in called] == list(range(1, result.n_iter + 1))
    np.testing.assert_array_equal(history["validation_loss"], [v for _, v in called])
    np.testing.assert_array_equal(history["lambda"][-1], result.lambda_)
    np.testing.assert_allclose(history["validation_loss"][-1], result.validation_loss)
    for column in ("time", *(name for name in history if name.startswith("n_"))):
        assert np.all(np.diff(history[column]) >= 0), column
    np.testing.assert_array_equal(
        history["n_gradients"],
        history["n_train_gradients"] + history["n_validation_gradients"],
    )
    assert problem.counts.n_gradients == history["n_gradients"][-1]
    assert np.all(np.isfinite(result.lambda_))
    assert all(np.all(np.isfinite(w)) for w in result.weights)


@pytest.mark.parametrize("solver", EXACT)
@pytest.mark.parametrize("bounds", [(-25.0, -6.0), (2.0, 8.0)])
def test_bounds_hold(solver, bounds):
    """A user who forbids a range may not be given a lambda from it."""
    problem = SPECS["ridge-groups"]().problem(lambda_bounds=bounds)
    result = minimize_bilevel(problem, SOLVERS[solver](), max_iter=200)
    assert result.status is Status.CONVERGED
    history = result.history["lambda"]
    assert np.all((history >= bounds[0]) & (history <= bounds[1]))
    # All minima are on the other side.
    wall = bounds[1] if bounds[0] < -6 else bounds[0]
    assert np.any(result.lambda_ == wall)


@pytest.mark.parametrize("solver", HASTY)
def test_reproducible(solver):
    """The same seed gives the same fit; only the clock may differ."""
    one, two = (
        minimize_bilevel(
            problem_for(solver, "ridge-groups"),
            HASTY[solver],
            max_iter=4,
            random_state=3,
        )
        for _ in range(2)
    )
    for column in set(one.history) - {"time"}:
        np.testing.assert_array_equal(one.history[column], two.history[column])


def test_max_iter_says_what_to_do():
    """A user must learn that the result is not final, and why."""
    solver = MYHPO(rho=1.0)
    result = minimize_bilevel(
        PROBLEMS["ridge-groups"](), solver, lambda_init=-1.0, max_iter=2
    )
    assert result.status is Status.MAX_ITER
    assert result.n_iter == 2
    for text in ("max_iter=2", "tol=1.0e-06", "primal residual", "Increase"):
        assert text in result.message


@pytest.mark.parametrize(
    "solver",
    [
        SHO(step_sizes=(1e3, 1e3)),
        MYHPO(steps="gradient", step_sizes=(1e3, 1e3, 1e3), backtracking=False),
    ],
)
@pytest.mark.parametrize("name", ["ridge-holdout", "logistic-holdout", "ridge-groups"])
def test_divergence_keeps_the_last_finite_iterate(solver, name):
    """Published behaviour at large steps; NaN coefficients would not be."""
    result = minimize_bilevel(
        PROBLEMS[name](), solver, lambda_init=-1.0, max_iter=400, random_state=0
    )
    if name.startswith("ridge"):
        assert result.status is Status.DIVERGED
        assert "diverged" in result.message
        assert (
            f"iteration {result.n_iter + 1} has values that are not finite"
            in result.message
        )
    assert {len(column) for column in result.history.values()} == {result.n_iter}
    assert np.all(np.isfinite(result.lambda_))
    assert all(np.all(np.isfinite(w)) for w in result.weights)
    assert np.all(np.isfinite(result.history["validation_loss"]))


def test_divergence_at_once_still_returns_a_history():
    """Even then the columns exist, and the start is what is kept."""
    solver = SHO(step_sizes=(1e308, 1e308))
    result = minimize_bilevel(
        PROBLEMS["ridge-groups"](), solver, lambda_init=-1.0, random_state=0
    )
    assert result.status is Status.DIVERGED
    assert result.n_iter == 0
    np.testing.assert_array_equal(result.lambda_, [-1.0, -1.0, -1.0])
    assert result.history["lambda"].shape == (0, 3)
    assert {len(column) for column in result.history.values()} == {0}


def test_a_diverged_run_at_a_bound_is_not_converged():
    """Weights of 1e17 make any step look small: a user would trust the result."""
    problem = PROBLEMS["logistic-holdout"]()
    solver = SHO(step_sizes=(1e3, 1e3))
    result = minimize_bilevel(problem, solver, lambda_init=-1.0, random_state=0)
    assert not (
        result.status is Status.CONVERGED
        and result.validation_loss > 10 * problem.null_loss
    )


@pytest.mark.parametrize("solver", EXACT)
def test_starting_from_a_number_finds_the_minimum_too(solver):
    """The paper's -1, with zero weights, is only a start."""
    name = "ridge-holdout"
    result = minimize_bilevel(PROBLEMS[name](), SOLVERS[solver](), lambda_init=-1.0)
    scanned = minimize_bilevel(PROBLEMS[name](), SOLVERS[solver]())
    np.testing.assert_allclose(result.lambda_, scanned.lambda_, atol=1e-4)
