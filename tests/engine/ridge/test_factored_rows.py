"""Ridge from QR factors of the rows, against extended precision."""

import numpy as np
import pytest

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.engine.ridge.factored_rows import RowMoments
from sklearn_myhpo.losses import SquaredLoss
from sklearn_myhpo.penalties.groups import FeatureGroups
from sklearn_myhpo.solvers import Implicit, minimize_bilevel
from tests.helpers import folds

LONG = np.longdouble


def make_problem(
    X, y, *, n_groups=1, n_free=0, fit_intercept=True, weight=None, **options
):
    """Return a problem of three folds with groups of features in turn.

    The first `n_free` features are not penalized.
    """
    labels = np.arange(X.shape[1]) % n_groups
    labels[:n_free] = n_groups
    groups = FeatureGroups(labels, list(range(n_groups)))
    return BilevelProblem(
        X,
        y.reshape(len(y), -1),
        SquaredLoss(),
        groups,
        folds(len(y), 3),
        sample_weight=weight,
        fit_intercept=fit_intercept,
        **options,
    )


def long_loss(X, y, lambdas, fit_intercept):
    """Return the mean loss of the held-out rows, by elimination with full pivoting."""
    total = LONG(0)
    for train, held in folds(len(y), 3):
        own, centre = X[train].astype(LONG), LONG(0)
        mean = LONG(0)
        if fit_intercept:
            centre, mean = own.mean(axis=0), y[train].astype(LONG).mean()
        own = own - centre
        gram = own.T @ own / len(train) + np.diag(2 * np.exp(lambdas.astype(LONG)))
        right = own.T @ (y[train] - mean) / len(train)
        w = solve_long(gram, right)
        total += np.sum((y[held] - mean - (X[held] - centre) @ w) ** 2) / 2
    return float(total / len(y))


def solve_long(matrix, right):
    """Return the solution of a positive definite system, scaled to a unit diagonal."""
    root = np.sqrt(np.diag(matrix))
    A, b = matrix / root / root[:, None], right / root
    for j in range(len(A)):
        for i in range(j + 1, len(A)):
            share = A[i, j] / A[j, j]
            A[i, j:] -= share * A[j, j:]
            b[i] -= share * b[j]
    w = np.zeros_like(b)
    for j in reversed(range(len(A))):
        w[j] = (b[j] - A[j, j + 1 :] @ w[j + 1 :]) / A[j, j]
    return w / root


def data(kind, n_features=5, mean=1e4):
    """Return rows that moments would lose digits of, and a target."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, n_features))
    y = X @ rng.standard_normal(n_features) + 0.1 * rng.standard_normal(40)
    if kind == "units":
        X = X * 10.0 ** np.linspace(-8, 8, n_features)
    elif kind == "means":
        X = X + mean
    elif kind == "dependent":
        X[:, -1] = X[:, 0] + 1e-6 * X[:, -1]
    return X, y


@pytest.mark.parametrize("kind", ["plain", "units", "means", "dependent"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("lambda_", [-20.0, -3.0, 5.0])
@pytest.mark.parametrize("n_free", [0, 2])
def test_losses_of_ill_conditioned_rows(kind, fit_intercept, lambda_, n_free):
    """The model would believe in a loss that the rows do not show."""
    if np.finfo(LONG).eps > 1e-18:
        pytest.skip("no extended precision")
    X, y = data(kind)
    options = {"n_free": n_free, "fit_intercept": fit_intercept}
    problem = make_problem(X, y, squares_nothing=True, **options)
    weights = problem.minimize(np.array([lambda_]), problem.starts())
    lambdas = np.full(5, lambda_)
    lambdas[:n_free] = -np.inf
    expected = long_loss(X, y, lambdas, fit_intercept)
    assert problem.validation_loss(weights) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("n_groups", "n_free"), [(1, 0), (3, 0), (1, 2), (2, 3)])
@pytest.mark.parametrize("weighted", [True, False])
def test_same_numbers_as_from_moments(n_groups, n_free, weighted):
    """Another way to the same weights, losses and derivatives."""
    X, y = data("plain", 8)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, 40) if weighted else None
    make = {"n_groups": n_groups, "n_free": n_free, "weight": weight}
    one, other = (
        make_problem(X, y, squares_nothing=nothing, **make) for nothing in (True, False)
    )
    is_diagonal = n_groups == 1 and not n_free
    assert one.splits[0].solves_by == ("diagonal" if is_diagonal else "dense")
    assert isinstance(one.splits[0].validation, RowMoments)
    assert not isinstance(other.splits[0].validation, RowMoments)
    lambda_ = np.linspace(-4.0, -1.0, n_groups)
    places = [
        problem.at(lambda_, problem.minimize(lambda_, problem.starts()))
        for problem in (one, other)
    ]
    np.testing.assert_allclose(places[0].estimate, places[1].estimate, rtol=1e-10)
    slopes = [place.hypergradient() for place in places]
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-7)
    models = [place.model() for place in places]
    np.testing.assert_allclose(models[0].tangent, models[1].tangent, rtol=1e-6)
    np.testing.assert_allclose(models[0].bend, models[1].bend, rtol=1e-6, atol=1e-12)
    for mine, theirs in zip(
        one.to_features(places[0].weights),
        other.to_features(places[1].weights),
        strict=True,
    ):
        np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-9)
        np.testing.assert_allclose(mine[1], theirs[1], rtol=1e-9)
    if is_diagonal:
        # A scan in one go has the same values and slopes.
        grid = np.linspace(-6.0, 1.0, 5)
        for mine, theirs in zip(one.path(grid), other.path(grid), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-12)
    ends = [minimize_bilevel(problem, Implicit()) for problem in (one, other)]
    np.testing.assert_allclose(*(end.validation_loss for end in ends), rtol=1e-8)


@pytest.mark.parametrize("kind", ["units", "means", "dependent"])
def test_ill_conditioned_rows_are_recognized(kind):
    """A way out that nobody takes."""
    X, y = data(kind, mean=1e6)
    problem = make_problem(X, y, fit_intercept=kind != "means")
    assert isinstance(problem.splits[0].validation, RowMoments)
    plain = make_problem(*data("plain"), fit_intercept=kind != "means")
    assert not isinstance(plain.splits[0].validation, RowMoments)
