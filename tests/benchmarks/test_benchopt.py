"""The benchmark for benchopt: what does not need benchopt itself."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import ClassScoresLoss, LogisticLoss
from sklearn_myhpo.penalties.class_groups import ClassGroups
from sklearn_myhpo.penalties.parsing import make_feature_groups

FOLDER = Path(__file__).parents[2] / "benchmarks" / "benchopt_bilevel"


def load(name):
    """Return a module of the folder, whose modules are no package."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


logistic = load("benchmark_utils/logistic")
softmax = load("benchmark_utils/softmax")


@pytest.fixture
def rng():
    """Return a generator."""
    return np.random.default_rng(0)


@pytest.fixture
def parts(rng):
    """Return the inner and the outer loss of random rows."""
    X, y = rng.normal(size=(60, 4)), np.where(rng.random(60) > 0.5, 1.0, -1.0)
    return (
        logistic.LogisticPart(X[:40], y[:40], True),
        logistic.LogisticPart(X[40:], y[40:], False),
    )


def test_gradient_is_that_of_the_loss(parts, rng):
    """Else the judge's inner minimizer is none."""
    w, outer_var = rng.normal(size=4), rng.normal(size=4)
    for part in parts:
        numeric = approx_fprime(w, part, 1e-7, outer_var)
        assert part.gradient(w, outer_var) == pytest.approx(numeric, abs=1e-5)


def assert_slope(parts, w, outer_var):
    """Assert that the judge's squared slope is that of differences of its loss."""

    def value(at):
        return logistic.measures(*parts, w, at)["value_func"]

    numeric = approx_fprime(outer_var, value, 1e-5)
    found = logistic.measures(*parts, w, outer_var)["value"]
    assert found == pytest.approx(numeric @ numeric, rel=1e-3)


@pytest.mark.parametrize("n_reg", [1, 4])
def test_slope_is_that_of_the_outer_loss(parts, rng, n_reg):
    """Else the judge calls a minimum what is none."""
    assert_slope(parts, rng.normal(size=4), rng.normal(size=n_reg))


def test_judge_and_package_agree_on_the_objective(parts, rng):
    """Log-penalties there are ours plus log 2: half of their penalty is ours."""
    X, y = (np.concatenate([getattr(part, name) for part in parts]) for name in "Xy")
    groups = make_feature_groups("each", X, n_features=4)
    order = np.split(np.arange(60), [40])
    loss = LogisticLoss()
    problem = BilevelProblem(
        X, (y > 0).astype(int), loss, groups, [tuple(order)], fit_intercept=False
    )
    outer_var = rng.normal(size=4)
    lambda_ = outer_var - np.log(2.0)
    ours = problem.estimate(lambda_, problem.minimize(lambda_))
    theirs = logistic.measures(*parts, np.zeros(4), outer_var)["value_func"]
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_wrapper_reads_rows_from_gradients_of_jax(parts):
    """Or the wrapper cannot be dropped into the public benchmark."""
    pytest.importorskip("benchopt")
    jax = pytest.importorskip("jax")
    inner, _ = parts
    X, y = jax.numpy.asarray(inner.X), jax.numpy.asarray(inner.y)

    def loss(inner_var, outer_var, start=0, batch_size=1):
        rows = jax.lax.dynamic_slice(X, (start, 0), (batch_size, 4))
        signs = jax.lax.dynamic_slice(y, (start,), (batch_size,))
        value = jax.numpy.mean(jax.numpy.logaddexp(0.0, -signs * (rows @ inner_var)))
        return value + jax.numpy.sum(jax.numpy.exp(outer_var) * inner_var**2) / 2

    rows_of = load("solvers/sklearn_myhpo").rows_of
    X_found, y_found = rows_of(loss, 40, np.zeros(4), np.zeros(4))
    assert set(y_found) == {-1.0, 1.0}
    expected = inner.X * inner.y[:, None]
    assert X_found * y_found[:, None] == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def class_parts(rng):
    """Return the inner and the outer loss of rows of three classes."""
    X, y = rng.normal(size=(60, 4)), rng.integers(3, size=60)
    return (
        softmax.SoftmaxPart(X[:40], y[:40], 3, True),
        softmax.SoftmaxPart(X[40:], y[40:], 3, False),
    )


def test_derivatives_of_softmax(class_parts, rng):
    """Else the judge's inner minimizer, or its slope, is none."""
    w, outer_var = rng.normal(size=12), rng.normal(size=3)
    for part in class_parts:
        numeric = approx_fprime(w, part, 1e-7, outer_var)
        assert part.gradient(w, outer_var) == pytest.approx(numeric, abs=1e-5)
        bent = approx_fprime(w, part.gradient, 1e-6, outer_var)
        assert part.hessian(w, outer_var) == pytest.approx(bent, abs=1e-4)
    assert_slope(class_parts, w, outer_var)


def test_judge_and_package_agree_on_penalties_of_classes(class_parts, rng):
    """A researcher would compare solvers of two different problems."""
    X, y = (
        np.concatenate([getattr(part, name) for part in class_parts]) for name in "Xy"
    )
    groups = ClassGroups.of(make_feature_groups(None, X, n_features=4), range(3))
    order = np.split(np.arange(60), [40])
    given = X, y, ClassScoresLoss(3), groups, [tuple(order)]
    problem = BilevelProblem(*given, fit_intercept=False)
    outer_var = rng.normal(size=3)
    lambda_ = outer_var - np.log(2.0)
    weights = problem.minimize(lambda_, tol=1e-12)
    judged = logistic.measures(*class_parts, np.zeros(12), outer_var)
    assert problem.estimate(lambda_, weights) == pytest.approx(judged["value_func"])
    slope = problem.hypergradient(lambda_, weights)
    assert slope @ slope == pytest.approx(judged["value"], rel=1e-6)


def test_wrapper_reads_rows_of_classes_from_gradients_of_jax(class_parts):
    """Or covtype, whose classes have a penalty each, would be refused."""
    pytest.importorskip("benchopt")
    jax = pytest.importorskip("jax")
    inner, _ = class_parts
    X, y = jax.numpy.asarray(inner.X), jax.numpy.asarray(np.eye(3)[inner.y])

    def loss(inner_var, outer_var, start=0, batch_size=1):
        rows = jax.lax.dynamic_slice(X, (start, 0), (batch_size, 4))
        own = jax.lax.dynamic_slice(y, (start, 0), (batch_size, 3))
        weights = inner_var.reshape(4, 3)
        scores = rows @ weights
        value = jax.nn.logsumexp(scores, axis=1) - (own * scores).sum(axis=1)
        penalty = jax.numpy.exp(outer_var) @ (weights**2).sum(axis=0)
        return value.mean() + penalty / 2

    class_rows_of = load("solvers/sklearn_myhpo").class_rows_of
    X_found, y_found = class_rows_of(loss, 40, np.zeros(12), np.zeros(3))
    assert y_found.tolist() == inner.y.tolist()
    assert X_found == pytest.approx(inner.X, rel=1e-5)
