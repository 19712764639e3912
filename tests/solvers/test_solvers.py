"""Every registered solver on every problem, against referees outside the package."""

from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from sklearn_myhpo.solvers import (
    MYHPO,
    SHO,
    SOLVERS,
    Implicit,
    Solver,
    Status,
    minimize_bilevel,
)
from tests.helpers import (
    MANY_LAMBDAS,
    ONE_LAMBDA,
    PROBLEMS,
    SPECS,
    problem_for,
    reference_grid,
    reference_objective,
    ridge_spec,
)

#: Solvers whose fixed points are the stationary points of the validation loss.
EXACT = ["myhpo", "implicit"]


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_result_and_history(solver, name):
    """The history is made into a data frame: ragged columns would not fit."""
    problem = problem_for(solver, name)
    called = []
    result = minimize_bilevel(
        problem,
        SOLVERS[solver](),
        max_iter=8,
        random_state=0,
        callback=lambda n_iter, info, _: called.append((n_iter, info.validation_loss)),
    )
    history = result.history
    assert isinstance(SOLVERS[solver](), Solver)
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


@pytest.mark.parametrize("name", ONE_LAMBDA)
@pytest.mark.parametrize("solver", EXACT)
def test_one_lambda_is_no_worse_than_a_grid(solver, name):
    """Nobody would leave grid search for something worse."""
    result = minimize_bilevel(PROBLEMS[name](), SOLVERS[solver]())
    best = reference_grid(name)
    assert result.validation_loss <= best * (1 + 1e-6)
    # The grid is so dense, or the loss so flat, that not much can be below.
    assert result.validation_loss >= best * (1 - 2e-3)


@pytest.mark.parametrize("name", MANY_LAMBDAS)
@pytest.mark.parametrize("solver", EXACT)
def test_groups_are_no_worse_than_one_lambda(solver, name):
    """More freedom may not end at a higher validation loss."""
    result = minimize_bilevel(PROBLEMS[name](), SOLVERS[solver](), max_iter=200)
    assert result.validation_loss <= reference_grid(name) * (1 + 1e-6)


@pytest.mark.parametrize("name", PROBLEMS)
def test_myhpo_agrees_with_its_referee(name):
    """Two roads, the second-order response and L-BFGS, to the same lambda."""
    ours = minimize_bilevel(PROBLEMS[name](), MYHPO(), tol=1e-8)
    referee = minimize_bilevel(PROBLEMS[name](), Implicit(), tol=1e-8, max_iter=500)
    np.testing.assert_allclose(ours.validation_loss, referee.validation_loss, rtol=1e-5)
    inside = np.abs(ours.lambda_) < 8.0  # the others are in a tail, where all is equal
    np.testing.assert_allclose(ours.lambda_[inside], referee.lambda_[inside], atol=2e-4)


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


@pytest.mark.parametrize("solver", SOLVERS)
def test_reproducible(solver):
    """The same seed gives the same fit; only the clock may differ."""
    one, two = (
        minimize_bilevel(
            problem_for(solver, "ridge-groups"),
            SOLVERS[solver](),
            max_iter=10,
            random_state=3,
        )
        for _ in range(2)
    )
    for column in set(one.history) - {"time"}:
        np.testing.assert_array_equal(one.history[column], two.history[column])


def test_sho_depends_on_the_seed():
    """Were the noise not drawn from the seed, seeds would be a pretence."""
    one, two = (
        minimize_bilevel(
            PROBLEMS["ridge-holdout"](), SHO(), max_iter=10, random_state=seed
        )
        for seed in (0, 1)
    )
    assert not np.array_equal(one.history["lambda"], two.history["lambda"])


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
        assert f"iteration {result.n_iter + 1} was not finite" in result.message
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


@pytest.mark.parametrize("solver", EXACT)
@pytest.mark.parametrize("seed", range(6))
def test_several_minima(solver, seed):
    """Few held-out rows: many valleys, and the scan must start in the deepest."""
    spec = ridge_spec(n_samples=12, n_features=7, n_folds=1, noise=1.5, seed=seed)
    best = min(reference_objective(spec, value) for value in np.linspace(-25, 10, 400))
    result = minimize_bilevel(spec.problem(), SOLVERS[solver]())
    assert result.validation_loss <= best * (1 + 1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MYHPO(steps="newton"), ["'steps'", "exact", "gradient", "newton"]),
        (lambda: MYHPO(response="sum"), ["'response'", "mean", "tangent", "sum"]),
        (lambda: MYHPO(metric="l2"), ["'metric'", "hessian", "identity", "l2"]),
        (lambda: MYHPO(rho=-1.0), ["'rho'", "-1.0", "auto"]),
        (lambda: MYHPO(rho=0.0), ["'rho'", "0.0"]),
        (lambda: MYHPO(rho=np.nan), ["'rho'", "nan"]),
        (lambda: MYHPO(rho=np.inf), ["'rho'", "inf"]),
        (lambda: MYHPO(backtracking="no"), ["'backtracking'", "no"]),
        (lambda: MYHPO(step_sizes=(1.0, 1.0)), ["'step_sizes'", "3", "delta"]),
        (lambda: MYHPO(step_sizes=(1.0, np.nan, 1.0)), ["'step_sizes'", "nan"]),
        (lambda: MYHPO(step_sizes=(1.0, -1.0, 1.0)), ["'step_sizes'", "positive"]),
        (lambda: MYHPO(step_sizes=("a", 1.0, 1.0)), ["'step_sizes'", "'a'"]),
        (lambda: MYHPO(step_sizes=0.1), ["'step_sizes'", "0.1"]),
        (lambda: SHO(step_sizes=(1.0, 1.0, 1.0)), ["'step_sizes'", "2", "beta"]),
        (lambda: SHO(noise_scale=-1e-4), ["'noise_scale'", "-0.0001"]),
        (lambda: SHO(noise_scale=np.nan), ["'noise_scale'", "nan"]),
        (lambda: Implicit(memory=0), ["'memory'", "0"]),
    ],
)
def test_bad_options(make, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="parameter") as error:
        make()
    for word in words:
        assert word in str(error.value)


def test_mean_response_cannot_start_at_its_pole():
    """Dividing by lambda = 0 would be a NaN without a word."""
    with pytest.raises(ValueError, match="cannot start from 0"):
        minimize_bilevel(
            PROBLEMS["ridge-holdout"](), MYHPO(response="mean"), lambda_init=0.0
        )
