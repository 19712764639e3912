"""Factors in the penalty and unpenalized features, against explicit penalties."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize

from sklearn_myhpo.bilevel.per_target import TargetsProblem
from sklearn_myhpo.criteria import SURE
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.solvers import MYHPO, SHO, minimize_bilevel
from tests.engine.helpers import assert_same_problem, coefficients, objective
from tests.helpers import (
    SPECS,
    class_spec,
    numerical_gradient,
    reference_fit,
    reference_objective,
    ridge_spec,
    sparsified,
    weighted,
    with_penalty_factors,
)

FACTORS = [name for name in SPECS if "factors" in name]
CRITERIA = ["gcv", "loo", "sure", "reml", "mlr"]
#: A weight that is almost free is likely where one that is free has no likelihood.
HAVE_LIMIT = [name for name in CRITERIA if name != "reml"]


def spread(n_groups, start=-3.0):
    """Return a different lambda for every group."""
    return start + np.arange(n_groups)


@st.composite
def ridge_problems(draw):
    """Draw a ridge problem with factors."""
    n_features = draw(st.integers(3, 9))
    n_groups = draw(st.integers(1, 2))
    spec = ridge_spec(
        n_samples=draw(st.sampled_from([12, 30])),
        n_features=n_features,
        n_folds=draw(st.sampled_from([1, 3])),
        n_groups=n_groups,
        n_targets=draw(st.integers(1, 2)),
        seed=draw(st.integers(0, 100)),
        fit_intercept=draw(st.booleans()),
        rows_engine=draw(st.booleans()),
    )
    sizes = st.sampled_from([0.0, 1.0, 1e-3, 20.0])
    factors = np.array(draw(st.lists(sizes, min_size=n_features, max_size=n_features)))
    # Every group has a lambda that is felt.
    factors[0] = factors[-1] = draw(st.sampled_from([1.0, 0.3]))
    spec = replace(spec, factors=factors)
    if draw(st.booleans()):
        spec = weighted(spec)
    return sparsified(spec) if draw(st.booleans()) else spec


def free_condition(spec, rows):
    """Return the condition number of the unpenalized columns of some rows."""
    used = rows[spec.weight[rows] > 0]
    columns = spec.dense[used][:, spec.factors == 0]
    if spec.fit_intercept:
        columns = np.column_stack([columns, np.ones(len(used))])
    return np.linalg.cond(columns) if columns.shape[1] else 1.0


@given(ridge_problems(), st.floats(-6.0, 2.0))
@settings(max_examples=15, deadline=None)
def test_ridge_is_that_with_an_explicit_penalty(spec, start):
    """Weights of every split and of the refit, by least squares of augmented rows."""
    problem, lambda_ = spec.problem(), spread(spec.n_groups, start)
    everything = np.arange(len(spec.y))
    # Without a penalty, rows do not tell the weights of nearly dependent features.
    assume(all(free_condition(spec, train) < 1e4 for train, _ in spec.pairs))
    weights = problem.minimize(lambda_, problem.starts())
    full = problem.minimize_full(lambda_, problem.full.start())
    models = [*problem.to_features(weights), problem.full.to_features(full)]
    for (coef, intercept), rows in zip(
        models, [*(train for train, _ in spec.pairs), everything], strict=True
    ):
        expected = reference_fit(spec, lambda_, rows)
        scale = max(1.0, np.abs(expected[0]).max())
        np.testing.assert_allclose(coef, expected[0], atol=2e-6 * scale)
        np.testing.assert_allclose(intercept, expected[1], atol=2e-6 * scale)
    expected = reference_objective(spec, lambda_)
    np.testing.assert_allclose(problem.validation_loss(weights), expected, rtol=1e-6)


@pytest.mark.parametrize("name", FACTORS)
def test_hypergradient(name):
    """Against differences of the objective."""
    problem = SPECS[name]().problem()
    lambda_ = spread(problem.n_groups)
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-14)

    def value(x):
        starts = problem.minimize(x, weights, tol=1e-14)
        return np.array(problem.validation_loss(starts))

    numerical = numerical_gradient(value, lambda_, step=1e-4)
    found = problem.hypergradient(lambda_, weights)
    np.testing.assert_allclose(found, numerical, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("many", [True, False])
def test_classes_with_an_explicit_penalty(n_classes, many):
    """By a general minimizer of the loss as it is written."""
    spec = with_penalty_factors(weighted(class_spec(n_classes=n_classes, n_groups=2)))
    spec = sparsified(spec) if many else spec
    lambda_, problem = spread(2), spec.problem()
    weights = problem.minimize(lambda_, problem.starts(), tol=1e-14)
    (train, _), *_ = spec.pairs
    X, y = spec.dense[train], spec.y[train]
    share = spec.weight[train] / spec.weight[train].sum()
    penalty = np.exp(spec.log_penalties(lambda_))[:, None]
    n_outputs = 1 if n_classes == 2 else n_classes

    def loss(w):
        w = w.reshape(-1, n_outputs)
        raw = X @ w[:-1] + w[-1]
        if n_outputs == 1:
            losses = np.logaddexp(0.0, np.where(y == 1, -raw[:, 0], raw[:, 0]))
        else:
            losses = np.logaddexp.reduce(raw, axis=1) - raw[np.arange(len(y)), y]
        return share @ losses + np.sum(penalty * w[:-1] ** 2)

    start = np.zeros((X.shape[1] + 1) * n_outputs)
    options = {"gtol": 1e-8, "maxiter": 5000}
    best = minimize(loss, start, method="BFGS", options=options)
    coef, intercept = problem.to_features(weights)[0]
    scores = coef if n_outputs == 1 else spec.loss.scores(coef)
    found = best.x.reshape(-1, n_outputs)[:-1]
    # Unpenalized weights of all classes may move together.
    centre = 0.0 if n_outputs == 1 else found.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(scores, found - centre, atol=2e-4)
    level = intercept if n_outputs == 1 else spec.loss.scores(intercept[None])[0]
    own = np.append(scores, level[None], axis=0).ravel()
    assert loss(own) <= best.fun * (1 + 1e-10)


def own_group(spec):
    """Return the same problem with unpenalized features in a last group of their own.

    A penalty that is next to nothing stands for none.
    """
    free = spec.factors == 0
    labels = np.where(free, spec.n_groups, spec.labels)
    return replace(spec, labels=labels, factors=np.where(free, 1.0, spec.factors))


@pytest.mark.parametrize(
    "spec",
    [
        ridge_spec(n_groups=2),
        ridge_spec(n_targets=2, fit_intercept=False),
        weighted(ridge_spec()),
        sparsified(ridge_spec(n_groups=2)),
        ridge_spec(n_samples=24, n_features=40),
        ridge_spec(n_samples=24, n_features=60, n_groups=2),
        ridge_spec(n_groups=2, rows_engine=True),
        class_spec(n_groups=2),
        class_spec(n_classes=3),
    ],
)
def test_zero_is_the_limit_of_a_weak_penalty(spec):
    """Of a group of its own, in weights, losses and slopes."""
    spec = with_penalty_factors(spec)
    one, other = spec.problem(), own_group(spec).problem()
    lambda_ = spread(spec.n_groups)
    limit = np.append(lambda_, -19.0)
    for a, b in zip(
        coefficients(one, lambda_), coefficients(other, limit), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-6 * np.abs(b).max())
    np.testing.assert_allclose(
        objective(one, lambda_), objective(other, limit), rtol=1e-6
    )


@pytest.mark.parametrize("criterion", [*HAVE_LIMIT, "alo"])
@pytest.mark.parametrize("kind", ["groups", "shared", "sparse", "wide", "no intercept"])
def test_criteria_have_the_limit(criterion, kind):
    """Degrees of freedom and leverages count the unpenalized features."""
    make = class_spec if criterion == "alo" else ridge_spec
    spec = {
        "groups": lambda: make(n_groups=2),
        "shared": make,
        "sparse": lambda: sparsified(make()),
        "wide": lambda: make(n_samples=24, n_features=40),
        "no intercept": lambda: make(fit_intercept=False),
    }[kind]()
    spec = with_penalty_factors(spec)
    one = spec.criterion_problem(criterion)
    other = own_group(spec).criterion_problem(criterion, lambda_bounds=(-30.0, 20.0))
    lambda_ = spread(spec.n_groups, -1.0)
    weights = one.minimize(lambda_, one.starts(), tol=1e-14)
    limit = np.append(lambda_, -17.0)
    others = other.minimize(limit, other.starts(), tol=1e-14)
    value = other.estimate(limit, others)
    np.testing.assert_allclose(one.estimate(lambda_, weights), value, rtol=1e-5)
    np.testing.assert_allclose(
        one.hypergradient(lambda_, weights),
        other.hypergradient(limit, others)[: len(lambda_)],
        rtol=1e-4,
        atol=1e-5 * abs(value),
    )
    for a, b in zip(
        one.to_features(weights)[0], other.to_features(others)[0], strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_noise_of_probes_has_the_limit():
    """SURE by products counts the same probes."""
    spec = with_penalty_factors(ridge_spec(n_groups=2))
    criterion = SURE(noise_variance=0.7, trace="monte-carlo")
    one = spec.criterion_problem(criterion)
    other = own_group(spec).criterion_problem(criterion, lambda_bounds=(-30.0, 20.0))
    lambda_ = spread(2)
    weights = one.minimize(lambda_, one.starts(), tol=1e-14)
    limit = np.append(lambda_, -19.0)
    others = other.minimize(limit, other.starts(), tol=1e-14)
    np.testing.assert_allclose(
        one.estimate(lambda_, weights), other.estimate(limit, others), rtol=1e-6
    )


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "limits",
    [
        {"formed_cost": 0.0, "few_lambdas": 0, "products_per_response": 10**6},
        {"formed_cost": 0.0},
        {"most_responses": 0.0},
        {"dense_size": 0},
        {"accurate_products": 0, "cheap_products": 0, "gram_base": 1e9},
    ],
    ids=["inverses", "shared", "products", "apart", "no matrix"],
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_way_to_curvature(limits, n_classes):
    """Large problems take other ways to the same minimum."""
    spec = with_penalty_factors(class_spec(n_classes=n_classes, n_groups=2))
    expected = minimize_bilevel(spec.problem(), MYHPO(), tol=1e-8)
    with use_limits(**limits):
        found = minimize_bilevel(spec.problem(), MYHPO(), tol=1e-8)
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-4)
    np.testing.assert_allclose(
        found.validation_loss, expected.validation_loss, rtol=1e-8
    )


def test_scan_of_a_sample():
    """The sample has the units and the unpenalized features of all rows."""
    spec = with_penalty_factors(class_spec(n_samples=1200))
    expected = minimize_bilevel(spec.problem(), MYHPO(), tol=1e-8)
    with use_limits(scan_rows=256):
        problem = spec.problem()
        assert problem.plan.scans_sample
        found = minimize_bilevel(problem, MYHPO(), tol=1e-8)
    np.testing.assert_allclose(found.lambda_, expected.lambda_, atol=1e-5)


SOLVERS = {
    "default": MYHPO(),
    "mean response": MYHPO(response="mean", metric="identity", rho=1.0),
    "gradient steps": MYHPO(steps="gradient", rho=1.0),
    "sho": SHO(),
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("make", [ridge_spec, class_spec])
def test_other_units_of_a_column_are_another_factor(solver, make):
    """Every method works where the penalty is without factors."""
    spec = make(n_groups=2)
    c = np.geomspace(0.3, 4.0, spec.X.shape[1])
    scaled = replace(spec, X=spec.X * c)
    factors = replace(spec, factors=1.0 / c**2)
    options = {"lambda_init": -1.0, "max_iter": 6, "tol": 0.0, "random_state": 0}
    one, other = (
        minimize_bilevel(each.problem(), SOLVERS[solver], **options)
        for each in (scaled, factors)
    )
    np.testing.assert_allclose(
        one.history["lambda"], other.history["lambda"], rtol=1e-6
    )
    (coef, _), *_ = scaled.problem().to_features(one.weights)
    (other_coef, _), *_ = factors.problem().to_features(other.weights)
    np.testing.assert_allclose(c[:, None] * coef, other_coef, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("n_features", [12, 60])
@pytest.mark.parametrize("make", [ridge_spec, class_spec])
def test_features_and_coordinates_are_inverse(make, n_features):
    """A warm start would begin elsewhere."""
    spec = with_penalty_factors(make(n_samples=30, n_features=n_features))
    for all_directions in (True, False):
        problem = spec.problem(all_directions=all_directions)
        for split in (*problem.splits, problem.full):
            lambda_ = spread(problem.n_groups)
            w = split.minimize(lambda_, split.start())
            back = split.from_features(*split.to_features(w))
            np.testing.assert_allclose(back, w, atol=1e-9 * np.abs(w).max())


def test_units_of_wide_ridge_without_unpenalized_features():
    """The products of rows and their combinations are in these units."""
    spec = ridge_spec(n_samples=24, n_features=40)
    spec = replace(spec, factors=np.geomspace(0.1, 10.0, 40))
    problem = spec.problem(all_directions=False)
    assert problem.plan.tries_row_products
    assert_same_problem(problem, replace(spec, rows_engine=True).problem(), rtol=1e-6)


@pytest.mark.parametrize("all_directions", [True, False])
def test_wide_ridge_is_diagonal_beside_unpenalized_features(all_directions):
    """A factorization for every lambda of the scan would cost many times as much."""
    spec = with_penalty_factors(ridge_spec(n_samples=60, n_features=400))
    problem = spec.problem(all_directions=all_directions)
    assert problem.scans_by == "diagonal"
    assert "2 never penalized, eliminated" in str(problem.plan)


def test_one_lambda_per_target():
    """The unpenalized weights of every target are its own."""
    spec = with_penalty_factors(ridge_spec(n_targets=3))
    problem = TargetsProblem(spec.problem(all_directions=False))
    lambda_ = np.array([-4.0, -2.0, 0.0])
    weights = problem.minimize(lambda_)
    for split, w, (train, _) in zip(problem.splits, weights, spec.pairs, strict=True):
        coef, intercept = split.to_features(w)
        for target, own in enumerate(lambda_):
            expected = reference_fit(spec, own, train)
            np.testing.assert_allclose(coef[:, target], expected[0][:, target])
            np.testing.assert_allclose(intercept[target], expected[1][target])


def dependent_columns(spec, kind):
    """Return a problem with more unpenalized columns, and how many there are."""
    rng, X = np.random.default_rng(3), spec.dense
    n = len(X)
    more = {
        "duplicate": 2.0 * X[:, :1],
        "constant": np.full((n, 1), 0.1),
        "zeros": np.zeros((n, 1)),
        "categories": np.eye(4)[rng.permutation(np.arange(n) % 4)],
        "rare": (np.arange(n) == spec.pairs[0][1][0])[:, None].astype(float),
        "sum": X[:, :1] + X[:, 1:2] - 3.0,
    }[kind]
    factors = np.ones(X.shape[1] + more.shape[1])
    factors[[0, 1]] = factors[X.shape[1] :] = 0.0
    labels = np.append(spec.labels, np.zeros(more.shape[1], dtype=np.intp))
    X = np.hstack([X, more])
    X = sparse.csr_array(X) if sparse.issparse(spec.X) else X
    return replace(spec, X=X, labels=labels, factors=factors)


DEPENDENT = ["duplicate", "constant", "zeros", "categories", "rare", "sum"]


@pytest.mark.parametrize("kind", DEPENDENT)
@pytest.mark.parametrize("is_sparse", [True, False])
def test_dependent_unpenalized_columns_of_ridge(kind, is_sparse):
    """Predictions are those of least squares, and weights the smallest ones."""
    spec = sparsified(ridge_spec(n_samples=60)) if is_sparse else ridge_spec(60)
    spec = dependent_columns(spec, kind)
    lambda_ = np.array([-3.0])
    for all_directions in (True, False):
        problem = spec.problem(all_directions=all_directions)
        weights = problem.minimize(lambda_, problem.starts())
        expected = reference_objective(spec, lambda_)
        if kind != "rare":
            # Else a held-out row asks for a weight that the training rows do not know.
            found = problem.validation_loss(weights)
            np.testing.assert_allclose(found, expected, rtol=1e-8)
        for (coef, _), (train, _) in zip(
            problem.to_features(weights), spec.pairs, strict=True
        ):
            own = reference_fit(spec, lambda_, train)[0]
            kept = spec.factors > 0
            np.testing.assert_allclose(coef[kept], own[kept], atol=1e-8)
            assert np.abs(coef).max() < 10 * (1 + np.abs(own).max())
        if kind in ("constant", "zeros"):
            assert not coef[-1].any()
        if kind == "duplicate":
            # The same weight in units of standard deviations.
            np.testing.assert_allclose(coef[0], 2.0 * coef[-1], rtol=1e-6)
    for criterion in CRITERIA:
        one = spec.criterion_problem(criterion)
        (w,) = one.minimize(lambda_, one.starts())
        value = one.estimate(lambda_, [w])
        assert np.isfinite(value)
        if kind in ("duplicate", "sum"):
            less = replace(
                spec,
                X=spec.X[:, :-1],
                labels=spec.labels[:-1],
                factors=spec.factors[:-1],
            ).criterion_problem(criterion)
            (w,) = less.minimize(lambda_, less.starts())
            np.testing.assert_allclose(value, less.estimate(lambda_, [w]), rtol=1e-8)


@pytest.mark.parametrize("kind", DEPENDENT)
@pytest.mark.parametrize("is_sparse", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_dependent_unpenalized_columns_of_classes(kind, is_sparse, n_classes):
    """Finite weights, and the predictions of independent columns."""
    spec = class_spec(n_classes=n_classes)
    spec = dependent_columns(sparsified(spec) if is_sparse else spec, kind)
    for shared_size in (2500, 0):
        with use_limits(dense_size=shared_size):
            problem = spec.problem()
        lambda_ = np.array([-3.0])
        weights = problem.minimize(lambda_, problem.starts())
        models = problem.to_features(weights)
        assert max(np.abs(coef).max() for coef, _ in models) < 100
        value = problem.validation_loss(weights)
        hypergradient = problem.hypergradient(lambda_, weights)
        assert np.all(np.isfinite(hypergradient))
        if kind in ("duplicate", "constant", "zeros", "sum"):
            less = replace(
                spec,
                X=spec.X[:, :-1],
                labels=spec.labels[:-1],
                factors=spec.factors[:-1],
            ).problem()
            others = less.minimize(lambda_, less.starts())
            np.testing.assert_allclose(value, less.validation_loss(others), rtol=1e-6)
            slope = less.hypergradient(lambda_, others)
            np.testing.assert_allclose(hypergradient, slope, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("rows_engine", [True, False])
def test_more_unpenalized_columns_than_rows(rows_engine):
    """They interpolate the training rows; the others have nothing to do."""
    spec = ridge_spec(n_samples=24, n_features=50, rows_engine=rows_engine)
    spec = replace(spec, factors=np.where(np.arange(50) < 40, 0.0, 1.0))
    problem = spec.problem(all_directions=False)
    for lambda_ in (np.array([-5.0]), np.array([2.0])):
        weights = problem.minimize(lambda_, problem.starts())
        for (coef, intercept), (train, _) in zip(
            problem.to_features(weights), spec.pairs, strict=True
        ):
            raw = spec.X[train] @ coef + intercept
            np.testing.assert_allclose(raw, spec.y[train], atol=1e-4)
            np.testing.assert_allclose(coef[40:], 0.0, atol=1e-5)
    assert np.isfinite(problem.validation_loss(weights))


def test_separating_unpenalized_column():
    """The loss has no minimum: weights must end somewhere, finite."""
    spec = class_spec()
    X = np.column_stack([spec.X, spec.y - 0.5])
    labels = np.append(spec.labels, 0)
    spec = replace(
        spec, X=X, labels=labels, factors=np.append(np.ones(len(labels) - 1), 0.0)
    )
    problem = spec.problem()
    lambda_ = np.array([-3.0])
    weights = problem.minimize(lambda_, problem.starts())
    assert all(np.all(np.isfinite(w)) for w in weights)
    assert 0 <= problem.validation_loss(weights) < 1e-4
