"""HOAG: inexact inner solutions and adjoints, their schedules, and its step sizes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from sklearn_myhpo import BilevelRidge
from sklearn_myhpo.engine.glm.inexact import approach_minimum
from sklearn_myhpo.solvers import HOAG, Implicit, Status, minimize_bilevel
from tests.helpers import ONE_LAMBDA, PROBLEMS, SPECS, reference_objective

SCHEDULES = ["exponential", "quadratic", "cubic"]


#: Several lambdas, none of them in a tail, where gradient steps would take for ever.
GROUPS = ["ridge-groups", "ridge-weighted", "logistic-groups", "multinomial-groups"]


FROM_AFAR = ["ridge-holdout", "logistic-holdout", "logistic-wide", "multinomial"]


def assert_minimum(name, result, rtol):
    """Assert that a run converged to the loss of exact steps; return their result."""
    assert result.status is Status.CONVERGED
    referee = minimize_bilevel(PROBLEMS[name](), Implicit(), tol=1e-9)
    loss = reference_objective(SPECS[name](), result.lambda_)
    np.testing.assert_allclose(loss, referee.validation_loss, rtol=rtol)
    return referee


def test_asks_for_nothing_exact():
    """A factorization or an exact solution would belie what the counts say."""
    problem = PROBLEMS["ridge-groups"]()
    minimize_bilevel(problem, HOAG(), lambda_init=-1.0, max_iter=5)
    assert problem.counts.n_factorizations == problem.counts.n_inner_solves == 0
    assert problem.counts.n_hessian_products > 0


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    ("name", "start"),
    [*((name, "auto") for name in ONE_LAMBDA), *((name, -1.0) for name in FROM_AFAR)],
)
def test_ends_where_the_exact_method_does(name, start):
    """Inexact on the way, but not where it ends."""
    result = minimize_bilevel(PROBLEMS[name](), HOAG(), lambda_init=start, max_iter=200)
    referee = assert_minimum(name, result, 1e-7)
    np.testing.assert_allclose(result.lambda_, referee.lambda_, atol=1e-3)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_groups_end_where_the_exact_method_does(schedule, name):
    """One step size serves all lambdas, and still they all get there."""
    result = minimize_bilevel(
        PROBLEMS[name](), HOAG(schedule, 1e-2), max_iter=300, tol=1e-5
    )
    referee = assert_minimum(name, result, 1e-6)
    np.testing.assert_allclose(result.lambda_, referee.lambda_, atol=1e-2)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("exponential", 0.1 * 0.9 ** np.arange(6)),
        ("quadratic", 0.1 / np.arange(1, 7) ** 2),
        ("cubic", 0.1 / np.arange(1, 7) ** 3),
        ("constant", np.full(6, 0.1)),
    ],
)
def test_tolerances_follow_the_schedule(schedule, expected):
    """As published, halved once more by every step that was taken back."""
    problem, solver = PROBLEMS["ridge-holdout"](), HOAG(schedule, step_rule="published")
    state = solver.init(problem, np.array([-6.0]), problem.zeros())
    for k in range(6):
        np.testing.assert_allclose(state.rtol, state.share * expected[k])
        state, _ = solver.step(problem, state, None)


def published_path(spec, lambda_, n_steps, tol):
    """Return the lambdas of the published rule with exact losses and slopes."""
    move = 1e-5

    def slope(x):
        ends = [reference_objective(spec, x + sign * move) for sign in (-1, 1)]
        return (ends[1] - ends[0]) / (2 * move)

    loss, gradient = reference_objective(spec, lambda_), slope(lambda_)
    lipschitz, path = abs(gradient), []
    for _ in range(n_steps):
        there = lambda_ - gradient / lipschitz
        length, new = abs(there - lambda_), reference_objective(spec, there)
        slack = tol / 4 + tol * 5 / 4 * length
        if new <= loss + slack - lipschitz * length**2:
            lipschitz *= 0.95
        elif new >= 1.2 * loss:
            lipschitz, there = 2 * lipschitz, lambda_
        lambda_, loss, gradient = there, reference_objective(spec, there), slope(there)
        path.append(lambda_)
    return path, lipschitz


@pytest.mark.parametrize("name", ["ridge-no-intercept", "logistic-holdout"])
def test_published_step_size(name):
    """Written down a second time, with finite differences for everything."""
    tol = 1e-8
    result = minimize_bilevel(
        PROBLEMS[name](),
        HOAG("constant", tol, step_rule="published"),
        lambda_init=-1.0,
        max_iter=12,
        tol=0.0,
    )
    path, _ = published_path(SPECS[name](), -1.0, 12, tol)
    np.testing.assert_allclose(result.history["lambda"][:, 0], path, atol=1e-4)


def place_of(objective):
    """Return a place with another objective."""
    return SimpleNamespace(objective=objective)


def test_published_step_size_is_taken_back_and_relaxed():
    """All three of its branches, at the limits that it names."""
    problem, solver = PROBLEMS["ridge-holdout"](), HOAG(step_rule="published")
    state = solver.init(problem, np.array([-1.0]), problem.zeros())
    small = state._replace(lipschitz=1e6 * state.lipschitz)
    assert solver.step(problem, small, None)[0].lipschitz == 0.95 * small.lipschitz
    low = state._replace(place=place_of(0.5 * state.place.objective), rtol=1e-9)
    after, _ = solver.step(problem, low, None)
    assert (after.lipschitz, after.share) == (2 * state.lipschitz, 0.5)
    np.testing.assert_array_equal(after.lambda_, state.lambda_)
    # A rise of less than 20 %, which no tolerance explains.
    there, _ = solver.step(problem, state._replace(place=place_of(np.inf)), None)
    between = state._replace(place=place_of(there.place.objective / 1.1), rtol=1e-9)
    kept, _ = solver.step(problem, between._replace(share=1e-9), None)
    assert kept.lipschitz == state.lipschitz
    assert kept.lambda_ != state.lambda_


@pytest.mark.parametrize("name", ["ridge-holdout", "ridge-groups", "logistic-holdout"])
@pytest.mark.parametrize("start", ["auto", -8.0])
def test_descent_never_rises(start, name):
    """With exact solutions there is no excuse; the published rule allows 20 %."""
    result = minimize_bilevel(
        PROBLEMS[name](), HOAG("constant", 1e-9), lambda_init=start, max_iter=40
    )
    losses = result.history["validation_loss"]
    assert np.all(np.diff(losses) <= 1e-8 * losses[0])


@pytest.mark.parametrize("schedule", ["exponential", "quadratic"])
def test_a_small_first_slope_does_not_lead_into_a_tail(schedule):
    """At the start of a scan the inexact slope is tiny, and the first step was endless.

    The loss of diabetes hardly rises from its minimum at -14 to no penalty at all.
    """
    X, y = load_diabetes(return_X_y=True)
    inexact = BilevelRidge(solver=HOAG(tol_schedule=schedule)).fit(X, y)
    exact = BilevelRidge(solver="implicit").fit(X, y)
    assert abs(inexact.lambda_ - exact.lambda_) < 0.1
    np.testing.assert_allclose(
        inexact.validation_loss_, exact.validation_loss_, rtol=1e-7
    )


def test_a_loose_tolerance_does_not_count_as_converged():
    """A small hypergradient of wrong weights says nothing."""
    solver = HOAG("constant", 1e-2, step_rule="published")
    result = minimize_bilevel(PROBLEMS["logistic-groups"](), solver)
    assert result.status is Status.MAX_ITER
    assert "Increase" in result.message


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale):
    """Features in other units shift lambda, those of y change nothing else."""
    spec = SPECS["ridge-groups"]()
    other = replace(spec, X=scale * spec.X, y=100.0 * spec.y)
    shift = 2 * np.log(scale)
    paths = [
        minimize_bilevel(one.problem(), HOAG(), lambda_init=start, max_iter=15).history
        for one, start in ((spec, -1.0), (other, -1.0 + shift))
    ]
    np.testing.assert_allclose(
        paths[1]["lambda"] - shift, paths[0]["lambda"], atol=1e-6
    )
    np.testing.assert_allclose(
        paths[1]["validation_loss"], 1e4 * paths[0]["validation_loss"], rtol=1e-6
    )


def test_features_of_different_units():
    """One in nanometres beside others in metres: no residual may hide it."""
    spec = SPECS["logistic-each"]()
    scale = np.array([1e5, 1.0, 1e-4])
    other = replace(spec, X=scale * spec.X)
    problem = other.problem()
    best = minimize_bilevel(spec.problem(), Implicit(), tol=1e-9)
    split, lambda_ = problem.splits[0], best.lambda_ + 2 * np.log(scale)
    w, *_ = approach_minimum(split, lambda_, split.start(), 1e-8)
    np.testing.assert_allclose(
        (split.penalized(w) * scale[:, None]),
        spec.problem().splits[0].penalized(best.weights[0]),
        rtol=1e-4,
    )


@pytest.mark.parametrize("kind", ["ridge-sparse", "logistic-sparse"])
def test_dense_and_sparse_take_the_same_path(kind):
    """The format of X is no part of the problem."""
    spec = SPECS[kind]()
    one, two = (
        minimize_bilevel(each.problem(), HOAG(), lambda_init=-1.0, max_iter=20)
        for each in (spec, replace(spec, X=spec.dense))
    )
    np.testing.assert_allclose(one.history["lambda"], two.history["lambda"], atol=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tol_schedule": "linear"}, ["'tol_schedule'", "cubic", "linear"]),
        ({"tol_init": 0.0}, ["'tol_init'", "0.0"]),
        ({"tol_init": np.nan}, ["'tol_init'", "nan"]),
        ({"step_rule": "armijo"}, ["'step_rule'", "published", "armijo"]),
    ],
)
def test_bad_options(options, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="parameter") as error:
        HOAG(**options)
    for word in words:
        assert word in str(error.value)


@pytest.mark.one_in(6)
@pytest.mark.parametrize("start", ["minimum", "auto", 3.0])
@pytest.mark.parametrize("name", [*ONE_LAMBDA, *GROUPS])
def test_inexact_losses_never_hide_a_rise(name, start):
    """At the minimum the first slope is an error alone, and led into flat tails."""
    spec, weights = SPECS[name](), None
    if start == "minimum":
        best = minimize_bilevel(PROBLEMS[name](), Implicit(), tol=1e-9)
        start, weights = best.lambda_, best.weights
    result = minimize_bilevel(
        PROBLEMS[name](), HOAG(), lambda_init=start, weights_init=weights, max_iter=12
    )
    path = np.vstack([result.start, result.history["lambda"]])
    is_new = np.any(np.diff(path, axis=0) != 0.0, axis=1)
    path = path[np.append(True, is_new)]
    losses = np.array([reference_objective(spec, lambda_) for lambda_ in path])
    assert np.all(np.diff(losses) <= 1e-9 * losses[0])


@pytest.mark.parametrize("name", ["logistic-holdout", "logistic-groups"])
def test_steps_are_shorter_than_two(name):
    """No inexact hypergradient throws a lambda far."""
    result = minimize_bilevel(PROBLEMS[name](), HOAG(), lambda_init=-8.0, max_iter=20)
    assert np.abs(np.diff(result.history["lambda"], axis=0)).max() <= 2.0 + 1e-9


@pytest.mark.parametrize("name", ["ridge-groups", "logistic-groups"])
def test_tolerances_wait_for_the_hypergradient(name):
    """Solutions far more accurate than the step that they serve would be wasted."""
    problem, solver = PROBLEMS[name](), HOAG()
    state = solver.init(problem, np.full(problem.n_groups, -8.0), problem.zeros())
    fine = state._replace(rtol=1e-12, inexactness=0.0)
    assert solver.step(problem, fine, None)[0].n_steps == fine.n_steps
    assert solver.step(problem, state, None)[0].n_steps == state.n_steps + 1
