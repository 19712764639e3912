"""Runs of stochastic solvers, their counts and options."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import BilevelLogisticRegression
from sklearn_myhpo.data.streamed import StreamedDesign
from sklearn_myhpo.exceptions import FlatObjectiveWarning
from sklearn_myhpo.solvers import Implicit, Status, Stochastic, minimize_bilevel
from sklearn_myhpo.solvers.stochastic.rules import RULES
from tests.helpers import SPECS, class_spec, ridge_spec, sparsified
from tests.solvers.helpers import by_rows


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", ["ridge-each", "logistic-holdout"])
@pytest.mark.parametrize("method", ["saba", "srba"])
def test_variance_reduction_ends_at_the_optimum(method, name):
    """Constant steps without noise in the limit: what tables and passes are for."""
    problem = by_rows(name)
    result = minimize_bilevel(
        problem, Stochastic(method), max_iter=1000, tol=1e-6, random_state=0
    )
    assert result.status is Status.CONVERGED
    referee = minimize_bilevel(SPECS[name]().problem(), Implicit(), tol=1e-8)
    np.testing.assert_allclose(
        result.validation_loss, referee.validation_loss, rtol=1e-5
    )


@pytest.mark.one_in(6)
@pytest.mark.parametrize(
    ("method", "epochs", "left"),
    [
        *[("saba", 30, 0.1), ("srba", 30, 0.1), ("soba", 50, 0.1), ("amigo", 200, 0.1)],
        *[("mrbo", 300, 0.1), ("vrbo", 100, 0.1), ("f2sa", 300, 0.3)],
    ],
)
def test_progress_from_a_strong_penalty(method, epochs, left):
    """A bad start must be undone; inner loops, or steps that fall fast, take longer."""
    spec = class_spec(n_samples=1500, n_features=8, n_folds=1)
    problem = spec.problem(by_rows=True)
    start = np.zeros(1)
    before = problem.estimate(start, problem.minimize(start, problem.starts()))
    best = minimize_bilevel(spec.problem(), Implicit()).validation_loss
    result = minimize_bilevel(
        problem, Stochastic(method), lambda_init=0.0, max_iter=epochs, random_state=0
    )
    weights = problem.minimize(result.lambda_, problem.starts())
    after = problem.estimate(result.lambda_, weights)
    assert after - best <= left * (before - best)


@pytest.mark.parametrize("make", [ridge_spec, class_spec])
def test_dense_sparse_and_file_give_the_same(make, tmp_path):
    """How X is stored may not decide what is learned."""
    spec = sparsified(make(n_samples=150, n_groups=3))
    dense = replace(spec, X=spec.dense)
    file = np.lib.format.open_memmap(
        tmp_path / "X.npy", "w+", dtype=float, shape=spec.dense.shape
    )
    file[...] = spec.dense
    problems = [
        one.problem(by_rows=True) for one in (dense, spec, replace(spec, X=file))
    ]
    assert isinstance(problems[2].splits[0].rows, StreamedDesign)
    assert problems[2].splits[0].rows.X is file
    first, *others = [
        minimize_bilevel(
            problem, Stochastic(), lambda_init=-2.0, max_iter=5, random_state=0
        )
        for problem in problems
    ]
    for other in others:
        np.testing.assert_allclose(other.lambda_, first.lambda_, atol=1e-8)
        np.testing.assert_allclose(other.weights, first.weights, atol=1e-8)


def test_counts_are_passes():
    """An epoch of SABA asks each row once, and once more for the residual."""
    problem = by_rows("logistic-5-fold")
    result = minimize_bilevel(
        problem, Stochastic(), lambda_init=-2.0, max_iter=3, random_state=0
    )
    passes = np.diff(result.history["n_train_gradients"])
    np.testing.assert_allclose(passes, 2 * len(problem.splits))


def test_rows_are_needed():
    """A problem of moments must say why a solver of rows fails on it."""
    with pytest.raises(ValueError, match="by_rows=True"):
        minimize_bilevel(SPECS["ridge-holdout"]().problem(), Stochastic())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "sgd"}, ["'method'", "saba", "sgd"]),
        ({"batch_size": 0}, ["'batch_size'", "0"]),
        ({"n_inner_steps": 0}, ["'n_inner_steps'", "0"]),
        ({"step_sizes": (1.0,)}, ["'step_sizes'", "alpha, beta"]),
        ({"step_sizes": "big"}, ["'step_sizes'", "auto", "big"]),
    ],
)
def test_bad_options(options, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="parameter") as error:
        Stochastic(**options)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("size", [10.0, 1e4])
@pytest.mark.parametrize("name", ["ridge-holdout", "logistic-holdout", "multinomial"])
def test_absurd_steps_are_told_and_leave_no_absurd_weights(method, size, name):
    """A logistic loss stays finite, and weights of no use would pass for a result."""
    spec = SPECS[name]()
    problem = replace(spec, X=10.0 * spec.X).problem(by_rows=True)
    solver = Stochastic(method, step_sizes=(size, size))
    result = minimize_bilevel(problem, solver, lambda_init=-1.0, random_state=0)
    assert result.status is Status.DIVERGED
    assert "smaller step_sizes" in result.message
    assert np.all(np.isfinite(result.weights))
    assert result.validation_loss < 20.0 * problem.null_loss


@pytest.mark.parametrize("method", RULES)
@pytest.mark.parametrize("size", [0.1, 10.0])
@pytest.mark.parametrize("kind", [None, "each"])
def test_absurd_steps_of_a_fit_warn(kind, size, method):
    """A loss far above that of a constant would pass for a result."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X) * 100.0
    solver = Stochastic(method, step_sizes=(size, size))
    model = BilevelLogisticRegression(
        solver=solver, feature_groups=kind, cv=0.25, refit=False, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.fit(X, y)
    assert np.all(np.isfinite(model.coef_))
    assert np.all(np.isfinite(model.lambda_))
    assert np.isfinite(model.validation_loss_)


@pytest.mark.parametrize("method", ["saba", "stocbio"])
def test_tiny_steps_on_a_flat_part_warn(method):
    """The start would pass for the minimum, because the slope is small there."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 6))
    scores = X @ rng.standard_normal((6, 3)) + rng.gumbel(size=(200, 3))
    solver = Stochastic(method, step_sizes=(1e-8, 1e-8))
    model = BilevelLogisticRegression(
        solver=solver, lambda_init=-1.0, cv=0.4, tol=1e-2, random_state=0
    )
    with pytest.warns((ConvergenceWarning, FlatObjectiveWarning)):
        model.fit(1e4 * X, scores.argmax(axis=1))


@pytest.mark.parametrize("method", RULES)
def test_a_target_far_from_zero_is_no_divergence(method):
    """The run from weights of zero would end at once, without an intercept."""
    spec = ridge_spec(n_samples=120, n_features=4, n_folds=1)
    problem = replace(spec, y=spec.y + 1e3).problem(by_rows=True)
    result = minimize_bilevel(
        problem, Stochastic(method), lambda_init=-2.0, max_iter=2, random_state=0
    )
    assert result.status is Status.MAX_ITER
    assert result.n_iter == 2
    zeros = problem.objective(result.lambda_, problem.zeros())
    assert result.validation_loss < zeros


def test_absurd_steps_on_a_part_leave_it_out():
    """The parts after it would start from weights of no use."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X) * 100.0
    solver = Stochastic("stocbio", step_sizes=(0.1, 0.1))
    model = BilevelLogisticRegression(solver=solver, cv=0.25, random_state=0)
    with pytest.warns(ConvergenceWarning, match="diverged on these rows"):
        model.partial_fit(X, y, classes=[0, 1])
    assert np.all(np.isfinite(model.coef_))


def test_without_refit_nothing_exact_is_done():
    """A fit with refit=False would take the time of a Newton step."""
    X, y = load_breast_cancer(return_X_y=True)
    model = BilevelLogisticRegression(
        solver="stochastic", cv=0.25, refit=False, max_iter=3, random_state=0
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    assert model.certificate_ is None
    assert model.optimism_ is None
    without = model.validation_loss_
    with pytest.warns(ConvergenceWarning):
        model.set_params(refit=True).fit(X, y)
    assert model.certificate_ is not None
    # That of the solver's own weights in both cases.
    assert model.validation_loss_ == pytest.approx(without, rel=1e-12)


def test_validation_loss_is_that_of_its_own_weights():
    """It would be compared with losses of exact weights, which are others."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    train, held_out = np.arange(400), np.arange(400, len(y))
    model = BilevelLogisticRegression(
        solver="stochastic",
        cv=[(train, held_out)],
        refit=False,
        lambda_init=-2.0,
        max_iter=1,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    chances = model.predict_proba(X[held_out])
    assert model.validation_loss_ == pytest.approx(log_loss(y[held_out], chances))
    exact = LogisticRegression(C=0.5 * np.exp(-model.lambda_) / len(train), tol=1e-8)
    chances = exact.fit(X[train], y[train]).predict_proba(X[held_out])
    assert abs(model.validation_loss_ - log_loss(y[held_out], chances)) > 1e-5
