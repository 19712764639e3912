"""Sizes of the steps of stochastic solvers."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.exceptions import ConvergenceWarning

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.losses import LogisticLoss
from sklearn_myhpo.solvers import Stochastic, minimize_bilevel
from sklearn_myhpo.solvers.stochastic.rules import RULES
from sklearn_myhpo.solvers.stochastic.steps import Outer
from tests.helpers import Spec, numerical_gradient, ridge_spec
from tests.solvers.helpers import by_rows

METHODS = list(RULES)
#: One lambda for each of the 30 features of the breast cancer data.
EACH = np.arange(30)


@pytest.mark.parametrize("name", ["logistic-groups", "ridge-weighted"])
def test_hypergradient_at_exact_adjoints(name):
    """With exact weights and adjoints it is the derivative of the objective."""
    problem = by_rows(name)
    lambda_ = np.linspace(-3.0, -1.0, problem.n_groups)
    weights = problem.minimize(lambda_, problem.starts(), 1e-14)
    adjoints = problem.split_set.solve(
        problem.hessians(lambda_, weights), problem.validation_gradients(weights)
    )
    w, q = (np.stack(one).swapaxes(1, 2) for one in (weights, adjoints))
    outer = Outer(problem)
    penalty = outer.penalty(lambda_)
    slope = outer.hypergradient(lambda_, penalty, w, q)
    expected = [split.penalty(lambda_)[:, 0] for split in problem.splits]
    np.testing.assert_allclose(
        np.broadcast_to(penalty[:, 0], np.shape(expected)), expected, rtol=1e-14
    )

    def objective(point):
        return problem.estimate(point, problem.minimize(point, weights, 1e-14))

    expected = numerical_gradient(objective, lambda_, 1e-4)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("load", [load_diabetes, load_breast_cancer, load_wine])
@pytest.mark.parametrize("method", METHODS)
def test_default_steps_stay_finite_at_any_scale(method, load):
    """Features as they are, times powers of ten: nothing may blow up."""
    X, y = load(return_X_y=True)
    scale = 10.0 ** np.random.default_rng(0).integers(-6, 7, X.shape[1])
    cls = BilevelRidge if load is load_diabetes else BilevelLogisticRegression
    solver = Stochastic(method)
    model = cls(solver=solver, cv=0.25, max_iter=4, refit=False, random_state=0)
    for factor in (1.0, scale):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(feature_groups="each").fit(X * factor, y)
        assert model.n_iter_ == 4
        assert np.all(np.isfinite(model.coef_))
        assert np.all(np.isfinite(model.history_["validation_loss"]))


def test_scale_of_the_features_changes_nothing():
    """With the start moved alike, features in other units end at the same model."""
    spec = ridge_spec(n_samples=120, n_features=6, n_groups=6)
    results = []
    for factor in (1.0, 1e6):
        problem = replace(spec, X=factor * spec.X).problem(by_rows=True)
        results.append(
            minimize_bilevel(
                problem,
                Stochastic(),
                lambda_init=-2.0 + 2 * np.log(factor),
                max_iter=10,
                random_state=0,
            )
        )
    one, other = results
    np.testing.assert_allclose(other.lambda_ - 2 * np.log(1e6), one.lambda_, atol=1e-6)
    np.testing.assert_allclose(other.validation_loss, one.validation_loss, rtol=1e-8)


def test_published_steps_are_the_published_ones():
    """alpha and beta given, one batch: plain gradient steps on all three."""
    problem = by_rows("logistic-holdout")
    solver = Stochastic("saba", batch_size=1000, step_sizes=(0.5, 0.25))
    result = minimize_bilevel(
        problem, solver, lambda_init=-2.0, max_iter=1, random_state=0
    )
    batches = problem.sample_row_batches(np.random.default_rng(0), 1000)
    assert result.n_iter == 1
    (split,) = problem.splits
    w, q, lambda_ = np.zeros(split.shape), np.zeros(split.shape), np.array([-2.0])
    rng = np.random.default_rng(0)
    problem.sample_row_batches(rng, 1000)
    vectors = []
    for number in range(len(batches)):
        rows = batches.order[slice(*batches._starts[number : number + 2])]
        vectors.append((rows, _gradients(problem, rows, w, q)))
    sums = np.sum([own for _, own in vectors], axis=0)
    for number in rng.permutation(len(batches)):
        rows, old = vectors[number]
        new = _gradients(problem, rows, w, q)
        direction = sums + len(batches) * (new - old)
        sums += new - old
        p = split.penalty(lambda_)
        slope = -np.sum(p * w * q)
        w, q = (
            w - 0.5 * (direction[0] + p * w),
            q - 0.5 * (direction[1] + p * q),
        )
        lambda_ = lambda_ - 0.25 * slope
    np.testing.assert_allclose(result.weights[0], w, rtol=1e-10)
    np.testing.assert_allclose(result.lambda_, lambda_, rtol=1e-10)


def _gradients(problem, rows, w, q):
    """Return the sums over some rows of the gradients of both problems."""
    (split,) = problem.splits
    X, y = split.rows.to_dense()[rows], split.y[rows]
    train = split.train_weight[rows, None]
    held_out = split.validation_weight[rows, None]
    p = 1.0 / (1.0 + np.exp(-X @ w))
    slopes = p - y[:, None]
    bent = p * (1.0 - p) * (X @ q)
    return np.stack([X.T @ (train * slopes), X.T @ (train * bent - held_out * slopes)])


@pytest.mark.one_in(2)
@pytest.mark.parametrize("method", ["saba", "srba"])
def test_lambdas_that_swing_are_slowed_down(method):
    """Collinear features answer weak penalties slowly, and adjoints would blow up."""
    X, y = load_breast_cancer(return_X_y=True)
    spec = Spec(X, y, LogisticLoss(), [(np.arange(400), np.arange(400, 569))], EACH)
    result = minimize_bilevel(
        spec.problem(by_rows=True),
        Stochastic(method),
        max_iter=120,
        random_state=0,
    )
    # Otherwise both grow by a factor in every epoch.
    assert result.history["dual_residual"][-1] < 1.0
    assert result.history["primal_residual"][-1] < 0.1
