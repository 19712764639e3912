"""Unrolled differentiation, against a K-step map that shares no code with it."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.solvers import Implicit, Status, Unrolled, minimize_bilevel
from sklearn_myhpo.solvers.steps.unroll import (
    automatic_step_size,
)
from tests.helpers import (
    PROBLEMS,
    SPECS,
    class_spec,
    data_for,
    reference_loss,
)
from tests.solvers.helpers import some_lambda


def k_step_model(spec, lambda_, train, step_size, n_steps):
    """Return coef and intercept after K steps of gradient descent, from arrays.

    Classes have one score each; a squared penalty keeps their sum at zero.
    """
    X, share = spec.dense[train], spec.weight[train] / spec.weight[train].sum()
    penalty = 2 * np.exp(np.broadcast_to(lambda_, spec.n_groups)[spec.labels])[:, None]
    if spec.is_ridge:
        shift, y = share @ X, spec.y[train]
        target = y - share @ y
        coef = np.zeros((X.shape[1], y.shape[1]))
        for _ in range(n_steps):
            residual = (X - shift) @ coef - target
            slope = (X - shift).T @ (share[:, None] * residual)
            coef = coef - step_size * (slope + penalty * coef)
        return coef, share @ y - shift @ coef
    shift = spec.weight @ spec.dense / spec.weight.sum()
    labels = np.eye(int(spec.y.max()) + 1)[spec.y[train]]
    scores = np.log(share @ labels)
    scores -= scores.mean()
    coef = np.zeros((X.shape[1], len(scores)))
    if len(scores) == 2:
        # One raw prediction, twice the second centred score.
        labels, scores, coef = labels[:, 1:], 2 * scores[1:], coef[:, 1:]
    for _ in range(n_steps):
        raw = (X - shift) @ coef + scores
        rates = 1 / (1 + np.exp(-raw)) if raw.shape[1] == 1 else softmax(raw, axis=1)
        slope = share[:, None] * (rates - labels)
        coef = coef - step_size * ((X - shift).T @ slope + penalty * coef)
        scores = scores - step_size * slope.sum(axis=0)
    return coef, scores - shift @ coef


def k_step_objective(spec, lambda_, step_size, n_steps):
    """Return the mean validation loss of K-step weights."""
    losses = [
        reference_loss(
            spec, *k_step_model(spec, lambda_, train, step_size, n_steps), held_out
        )
        for train, held_out in spec.pairs
    ]
    held_out = [spec.weight[part].sum() for _, part in spec.pairs]
    return np.average(losses, weights=held_out)


@pytest.mark.parametrize("name", ["ridge-groups", "ridge-weighted", "logistic-groups"])
def test_objective_is_that_of_the_k_step_map(name):
    """With the step size that the solver takes at this lambda."""
    spec, problem = SPECS[name](), PROBLEMS[name]()
    lambda_ = some_lambda(problem)
    train, held_out = spec.pairs[1]
    split = problem.splits[1]
    size = automatic_step_size(split.lipschitz, lambda_).value
    weights = Unrolled(n_steps=7).evaluate(problem, lambda_).place.weights[1]
    model = k_step_model(spec, lambda_, train, size, 7)
    expected = reference_loss(spec, *model, held_out)
    np.testing.assert_allclose(split.validation_loss(weights), expected, rtol=1e-12)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("name", "mode", "n_steps"),
    [
        ("ridge-holdout", "reverse", 12),
        ("ridge-groups", "reverse", 12),
        ("ridge-weighted", "forward", 12),
        ("logistic-groups", "forward", 12),
        ("multinomial", "reverse", 60),
    ],
)
def test_ends_at_the_minimum_of_the_k_step_map(name, mode, n_steps):
    """Its own optimum, found by scipy on independent code."""
    spec, step_size = SPECS[name](), 0.15
    solver = Unrolled(n_steps=n_steps, mode=mode, step_size=step_size)
    result = minimize_bilevel(
        spec.problem(), solver, lambda_init=-2.0, max_iter=100, tol=1e-9
    )
    assert result.status is Status.CONVERGED
    found = minimize(
        lambda lambda_: k_step_objective(spec, lambda_, step_size, n_steps),
        np.full(spec.n_groups, -2.5),
        method="BFGS",
        options={"gtol": 1e-7},
    )
    np.testing.assert_allclose(result.validation_loss, found.fun, rtol=1e-7)
    inside = result.lambda_ > -10  # below, no penalty is left to tell apart
    assert inside.any()
    np.testing.assert_allclose(result.lambda_[inside], found.x[inside], atol=5e-3)


def test_the_optimum_moves_with_the_number_of_steps():
    """Few steps regularize by themselves; many lead to the exact optimum."""
    exact = minimize_bilevel(PROBLEMS["ridge-groups"](), Implicit(), tol=1e-9)
    distances = []
    for n_steps in (10, 30, 100, 200):
        solver = Unrolled(n_steps=n_steps)
        result = minimize_bilevel(PROBLEMS["ridge-groups"](), solver, tol=1e-9)
        assert result.status is Status.CONVERGED
        distances.append(np.abs(result.lambda_ - exact.lambda_).max())
    assert np.all(np.diff(distances) < 0)
    assert distances[0] > 0.3
    assert distances[-1] < 1e-5


@pytest.mark.parametrize("name", ["ridge-groups", "logistic-holdout"])
def test_truncated_rests_where_its_field_is_zero(name):
    """It is no gradient of the objective, so values may not decide where it ends."""
    problem = PROBLEMS[name]()
    solver = Unrolled(truncation=5)
    result = minimize_bilevel(problem, solver, max_iter=100)
    assert result.status is Status.CONVERGED
    field = solver.evaluate(problem, result.lambda_).gradient
    assert np.abs(field).max() <= 1.001e-6 * result.validation_loss
    full = Unrolled().evaluate(problem, result.lambda_).gradient
    assert np.abs(full).max() > 1e-5 * result.validation_loss


@pytest.mark.parametrize(
    ("options", "products_per_step"),
    [({}, 20), ({"truncation": 4}, 4), ({"mode": "forward"}, 60)],
)
def test_oracle_calls(options, products_per_step):
    """Comparisons at equal budgets rest on the counts."""
    problem = PROBLEMS["ridge-groups"]()  # three splits, three groups
    solver = Unrolled(n_steps=20, **options)
    lambda_ = some_lambda(problem)
    solver.evaluate(problem, lambda_)  # the Lipschitz constants are found once
    before = problem.counts.as_dict()
    solver.evaluate(problem, lambda_)
    spent = {
        name: value - before[name] for name, value in problem.counts.as_dict().items()
    }
    assert spent["n_train_gradients"] == 3 * 20
    assert spent["n_validation_gradients"] == 3
    assert spent["n_hessian_products"] == 3 * products_per_step
    assert spent["n_factorizations"] == spent["n_inner_solves"] == 0


@pytest.mark.parametrize("scale", [1e6, 1e-6])
def test_units_do_not_matter(scale):
    """X in other units is the same problem, with lambda shifted by their square."""
    X, y = data_for(BilevelRidge, n_samples=60, n_features=5)
    labels = [0, 0, 1, 1, 1]
    one, two = (
        BilevelRidge(
            solver=Unrolled(n_steps=30),
            feature_groups=labels,
            cv=3,
            random_state=0,
            tol=1e-9,
        ).fit(each, y)
        for each in (X, scale * X)
    )
    np.testing.assert_allclose(two.lambda_, one.lambda_ + 2 * np.log(scale), atol=1e-5)
    np.testing.assert_allclose(scale * two.coef_, one.coef_, rtol=1e-5)


def test_sparse_rows_are_the_same():
    """The same numbers, stored otherwise."""
    X, y = data_for(BilevelLogisticRegression, n_samples=60, n_features=5)
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.5, X, 0.0)
    one, two = (
        BilevelLogisticRegression(
            solver=Unrolled(n_steps=60), refit=False, cv=3, random_state=0, tol=1e-10
        ).fit(each, y)
        for each in (X, sparse.csr_array(X))
    )
    np.testing.assert_allclose(two.lambda_, one.lambda_, atol=1e-8)
    np.testing.assert_allclose(two.coef_, one.coef_, atol=1e-8)


def test_too_large_a_step_size_diverges():
    """Published behaviour; what is kept is finite."""
    for init in ("auto", -1.0):
        result = minimize_bilevel(
            PROBLEMS["ridge-groups"](),
            Unrolled(n_steps=2000, step_size=9.0),
            lambda_init=init,
        )
        assert result.status is Status.DIVERGED
        assert result.n_iter == 0
        assert all(np.all(np.isfinite(w)) for w in result.weights)


def test_ill_scaled_features_end_with_advice():
    """Gradient descent does not reach small features, and a refit does."""
    X, y = data_for(BilevelRidge, n_samples=80, n_features=6)
    X = X * np.logspace(-3, 3, 6)
    model = BilevelRidge(solver="unrolled", random_state=0)
    with pytest.warns(ConvergenceWarning, match="Set standardize=True"):
        model.fit(X, y)
    assert np.all(np.isfinite(model.coef_))


def test_weights_that_are_the_minimizers_are_no_cause_for_a_warning(recwarn):
    """The advice would be noise where a hundred steps are enough."""
    X, y = data_for(BilevelRidge, n_samples=80, n_features=4)
    BilevelRidge(solver="unrolled", random_state=0).fit(X, y)
    assert not [w for w in recwarn if w.category is ConvergenceWarning]


@pytest.mark.slow
def test_three_classes_in_groups():
    """The estimator's way: one softmax, K-fold, two lambdas."""
    spec = class_spec(n_classes=3)
    model, exact = (
        BilevelLogisticRegression(
            solver=solver, feature_groups=[0, 0, 0, 1, 1, 1], cv=2, random_state=0
        ).fit(spec.X, spec.y)
        for solver in (Unrolled(n_steps=150), "implicit")
    )
    assert model.converged_
    np.testing.assert_allclose(model.lambda_, exact.lambda_, atol=1e-3)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_steps": 0}, ["'n_steps'", "0"]),
        ({"mode": "both"}, ["'mode'", "forward", "reverse", "both"]),
        ({"truncation": 0}, ["'truncation'", "0"]),
        ({"truncation": 101}, ["'truncation'", "n_steps=100", "101"]),
        ({"truncation": 5, "mode": "forward"}, ["'truncation'", "'forward'"]),
        ({"step_size": 0.0}, ["'step_size'", "0.0", "auto"]),
        ({"step_size": np.nan}, ["'step_size'", "nan"]),
    ],
)
def test_bad_options(options, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="parameter") as error:
        Unrolled(**options)
    for word in words:
        assert word in str(error.value)
