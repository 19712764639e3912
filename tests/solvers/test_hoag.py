"""HOAG: inexact inner solutions and adjoints, their schedules, and its step sizes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from benchmarks import hoag as benchmark
from sklearn_myhpo import BilevelLogisticRegression
from sklearn_myhpo.engine.glm.inexact import approach_adjoint, approach_minimum
from sklearn_myhpo.solvers import HOAG, Implicit, Status, minimize_bilevel
from tests.helpers import ONE_LAMBDA, PROBLEMS, SPECS, reference_objective

SCHEDULES = ["exponential", "quadratic", "cubic"]
#: Several lambdas, none of them in a tail, where gradient steps would take for ever.
GROUPS = ["ridge-groups", "ridge-weighted", "logistic-groups", "multinomial-groups"]
FROM_AFAR = ["ridge-holdout", "logistic-holdout", "logistic-wide", "multinomial"]
KINDS = [
    "ridge-groups",
    "ridge-wide",
    "ridge-targets",
    "ridge-rows",
    "logistic-groups",
    "logistic-sparse",
    "multinomial",
]


def inner_problem(name):
    """Return problem, first split, lambda and exact weights."""
    problem = PROBLEMS[name]()
    lambda_ = np.linspace(-3.0, -1.0, problem.n_groups)
    exact = problem.minimize(lambda_, problem.starts(), tol=1e-14)[0]
    return problem, problem.splits[0], lambda_, exact


@pytest.mark.parametrize("name", KINDS)
def test_minimum_is_approached_to_the_tolerance(name):
    """No less, or the method would not converge; no more, or it would save nothing."""
    problem, split, lambda_, exact = inner_problem(name)
    errors, costs = [], []
    for rtol in (1e-2, 1e-5, 1e-9):
        before = problem.counts.n_train_gradients
        w, slope, residual = approach_minimum(split, lambda_, split.start(), rtol)
        costs.append(problem.counts.n_train_gradients - before)
        assert residual <= rtol
        np.testing.assert_allclose(
            slope,
            split.train_gradient(w, lambda_),
            atol=1e-12 * np.abs(split.start_gradient).max(),
        )
        errors.append(np.linalg.norm(w - exact) / np.linalg.norm(exact))
    assert errors[0] >= errors[1] >= errors[2]
    assert errors[2] <= 1e-6
    # In coordinates of independent features one step is enough.
    assert costs[0] < costs[1] < costs[2] or split.solves_by == "diagonal"


@pytest.mark.parametrize("name", KINDS)
def test_adjoint_is_approached_to_the_tolerance(name):
    """The same for the linear system, whose exact solution is another code's."""
    problem, split, lambda_, w = inner_problem(name)
    hessian, right = split.hessian(w, lambda_), split.validation_gradient(w)
    exact = hessian.solve(right, 1e-14)
    errors, costs = [], []
    for rtol in (1e-1, 1e-5, 1e-10):
        before = problem.counts.n_hessian_products
        q, residual = approach_adjoint(split, lambda_, w, None, rtol)
        costs.append(problem.counts.n_hessian_products - before)
        assert residual <= rtol
        errors.append(np.linalg.norm(q - exact) / np.linalg.norm(exact))
    assert errors[0] >= errors[1] >= errors[2]
    assert errors[2] <= 1e-7
    assert costs[0] < costs[2] or split.solves_by == "diagonal"


@pytest.mark.parametrize("name", KINDS)
def test_products_are_those_of_the_hessian(name):
    """And each of them is counted."""
    problem, split, lambda_, w = inner_problem(name)
    vector = np.random.default_rng(0).standard_normal(split.shape)
    before = problem.counts.n_hessian_products
    product = split.product_hessian(w, lambda_).product(vector)
    assert problem.counts.n_hessian_products == before + 1
    step = 1e-5
    slopes = [
        split.train_gradient(w + sign * step * vector, lambda_) for sign in (-1, 1)
    ]
    expected = (slopes[1] - slopes[0]) / (2 * step)
    np.testing.assert_allclose(product, expected, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("name", KINDS)
def test_warm_starts_save_work(name):
    """From its own solution a solve asks for one gradient, or one product."""
    problem, split, lambda_, _ = inner_problem(name)
    w, *_ = approach_minimum(split, lambda_, split.start(), 1e-6)
    q, _ = approach_adjoint(split, lambda_, w, None, 1e-6)
    gradients = problem.counts.n_train_gradients
    products = problem.counts.n_hessian_products
    approach_minimum(split, lambda_, w, 2e-6)
    approach_adjoint(split, lambda_, w, q, 2e-6)
    assert problem.counts.n_train_gradients == gradients + 1
    assert problem.counts.n_hessian_products == products + 1


def test_asks_for_nothing_exact():
    """A factorization or an exact solution would belie what the counts say."""
    problem = PROBLEMS["ridge-groups"]()
    minimize_bilevel(problem, HOAG(), lambda_init=-1.0, max_iter=5)
    assert problem.counts.n_factorizations == problem.counts.n_inner_solves == 0
    assert problem.counts.n_hessian_products > 0


@pytest.mark.parametrize(
    ("name", "start"),
    [*((name, "auto") for name in ONE_LAMBDA), *((name, -1.0) for name in FROM_AFAR)],
)
def test_ends_where_the_exact_method_does(name, start):
    """Inexact on the way, but not where it ends."""
    result = minimize_bilevel(PROBLEMS[name](), HOAG(), lambda_init=start, max_iter=200)
    assert result.status is Status.CONVERGED
    referee = minimize_bilevel(PROBLEMS[name](), Implicit(), tol=1e-9)
    np.testing.assert_allclose(result.lambda_, referee.lambda_, atol=1e-3)
    np.testing.assert_allclose(
        reference_objective(SPECS[name](), result.lambda_),
        referee.validation_loss,
        rtol=1e-7,
    )


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_groups_end_where_the_exact_method_does(schedule, name):
    """One step size serves all lambdas, and still they all get there."""
    result = minimize_bilevel(
        PROBLEMS[name](), HOAG(schedule, 1e-2), max_iter=300, tol=1e-5
    )
    assert result.status is Status.CONVERGED
    referee = minimize_bilevel(PROBLEMS[name](), Implicit(), tol=1e-9)
    np.testing.assert_allclose(
        reference_objective(SPECS[name](), result.lambda_),
        referee.validation_loss,
        rtol=1e-6,
    )
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
    problem, solver = PROBLEMS["ridge-holdout"](), HOAG(schedule)
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


def test_a_loose_tolerance_does_not_count_as_converged():
    """A small hypergradient of wrong weights says nothing."""
    result = minimize_bilevel(PROBLEMS["logistic-groups"](), HOAG("constant", 1e-2))
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


@pytest.fixture(scope="module")
def halves():
    """Return 60 training and 60 validation rows of breast cancer, 8 features."""
    X, y = load_breast_cancer(return_X_y=True)
    return benchmark.random_halves(StandardScaler().fit_transform(X)[:, :8], y, 60)


def test_benchmark_judges_by_the_exact_loss(halves):
    """Its interval holds what is within 1e-5 of the least loss, no more."""
    X, y, pair = halves
    low, high = benchmark.near_minimum(*halves)
    best = BilevelLogisticRegression(solver="implicit", cv=[pair]).fit(X, y).lambda_
    assert low < best < high
    least = benchmark.exact_loss(*halves, best)
    for end in (low, high):
        loss = benchmark.exact_loss(*halves, end)
        np.testing.assert_allclose(loss - least, benchmark.SUBOPTIMALITY, rtol=1e-2)


def test_benchmark_table(halves):
    """One row for each tolerance, with counts of the solver's own history."""
    rows = benchmark.compare(*halves, tol_inits=(0.1,), step_rules=("descent",))
    assert [len(row) for row in rows] == [len(benchmark.HEAD)] * 5
    assert rows[0][4] == "1.0"
    inexact = [row for row in rows if row[1].startswith("exponential")]
    assert all(row[2] + row[3] < rows[0][2] + rows[0][3] for row in inexact)
    assert all(row[5] <= row[2] + row[3] for row in rows)


def test_benchmark_counts_until_lambda_stays(halves):
    """Passing by is not arriving; and an interval that is never met has no counts."""
    history = benchmark.fit(*halves, HOAG(), lambda_init=0.0).history_
    last = history["lambda"][-1]
    stays, first = benchmark.cost(*halves, HOAG(), (last - 1.0, last + 1.0))
    inside = np.abs(history["lambda"] - last) <= 1.0
    totals = history["n_gradients"] + history["n_hessian_products"]
    assert sum(first) == totals[inside][0]
    assert sum(stays) == totals[np.flatnonzero(~inside)[-1] + 1]
    assert benchmark.cost(*halves, HOAG(), (50.0, 51.0)) == (None, None)
