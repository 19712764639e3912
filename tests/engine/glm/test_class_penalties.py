"""Penalties that differ between classes, in every engine of generalized models."""

import numpy as np
import pytest

from sklearn_myhpo.bilevel.counts import OracleCounts
from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.data.parts import divide_rows
from sklearn_myhpo.engine.glm.near_hessian import NearHessian, OutputsApart
from sklearn_myhpo.engine.glm.products import _IndependentClasses
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import ClassScoresLoss
from sklearn_myhpo.penalties.class_groups import ClassGroups
from sklearn_myhpo.penalties.factors import with_factors
from sklearn_myhpo.penalties.groups import FeatureGroups
from tests.helpers import folds, numerical_gradient
from tests.per_class import (
    class_problem,
    make_classes,
    softmax_weights,
    some_lambdas,
)

#: Limits that choose an engine, and the part of the plan that tells of it.
ENGINES = {
    "factors of every split": ({}, "Hessians of every split"),
    "factors at common weights": ({"own_pairs": 0}, "at common weights"),
    "formed for lambda": (
        {"own_pairs": 0, "factored_passes": 0.0},
        "Hessians formed for lambda",
    ),
    "one matrix": ({"formed_cost": 0.0}, "one matrix for all splits"),
    "products": ({"most_responses": 0.0}, "by products"),
    "outputs apart": ({"dense_size": 0}, "conjugate gradients"),
    "independent classes": (
        {"dense_size": 0, "apart_entries": 0},
        "conjugate gradients",
    ),
}
#: Classes, groups of features, folds, and whether there is an intercept.
SHAPES = [
    (4, (0, 0, 0, 0, 0), 3, True),
    (3, (0, 0, 1, 1, 1), 1, True),
    (5, (0, 1, 2), 2, False),
]


def objective(problem):
    """Return the objective as a function of lambda."""

    def value(lambda_):
        return problem.objective(lambda_, problem.minimize(lambda_, tol=1e-12))

    return value


@pytest.mark.one_in(4)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("n_classes", "labels", "n_folds", "fit_intercept"), SHAPES)
def test_solution_and_hypergradient(engine, n_classes, labels, n_folds, fit_intercept):
    """Lambdas of classes would end anywhere, on data of some size."""
    limits, says = ENGINES[engine]
    with use_limits(**limits):
        problem = class_problem(n_classes, labels, n_folds, fit_intercept=fit_intercept)
        assert says in str(problem.plan)
        lambda_ = some_lambdas(problem)
        weights = problem.minimize(lambda_, tol=1e-10)
        slope = problem.hypergradient(lambda_, weights)
        model = problem.at(lambda_, weights).model()
        expected = numerical_gradient(objective(problem), lambda_)
    X, y = make_classes(n_classes=n_classes, n_features=len(labels))
    penalty = np.exp(lambda_.reshape(-1, n_classes))[list(labels)]
    for (train, _), (coef, intercept) in zip(
        folds(len(y), n_folds), problem.to_features(weights), strict=True
    ):
        given = X[train], y[train], penalty, fit_intercept
        coef_by_scipy, intercept_by_scipy = softmax_weights(*given)
        np.testing.assert_allclose(coef, coef_by_scipy, atol=1e-6)
        np.testing.assert_allclose(
            intercept - intercept.mean(), intercept_by_scipy, atol=1e-6
        )
    scale = np.abs(expected).max()
    np.testing.assert_allclose(slope, expected, atol=1e-6 * scale)
    np.testing.assert_allclose(model.gradient, expected, atol=2e-6 * scale)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("engine", ENGINES)
def test_second_derivative(engine):
    """Newton steps in lambdas of classes would be far too long or short."""
    with use_limits(**ENGINES[engine][0]):
        problem = class_problem(3, (0, 0, 1, 1))
        lambda_ = some_lambdas(problem)

        def slope(at):
            return problem.hypergradient(at, problem.minimize(at, tol=1e-12))

        step = 1e-4 * np.eye(problem.n_groups)
        expected = np.stack(
            [(slope(lambda_ + one) - slope(lambda_ - one)) / 2e-4 for one in step]
        )
        model = problem.at(lambda_, problem.minimize(lambda_, tol=1e-12)).model()
        if problem.prefers_products:
            found = np.stack(
                [np.sum(model.products(one)[:2], axis=0) for one in np.eye(len(step))]
            )
        else:
            found = model.tangent + model.bend
    np.testing.assert_allclose(found, expected, atol=2e-2 * np.abs(expected).max())


def test_curvature_from_inverses():
    """With many groups on many rows a strong penalty of one class would be lost.

    Classes with a strong penalty are taken alone, whatever the others of a feature do.
    """
    with use_limits(formed_cost=0.0):
        problem = class_problem(3, (0, 1, 2, 3, 4))
        lambda_ = some_lambdas(problem)
        lambda_[[1, 5, 9]] = 20.0
        weights = problem.minimize(lambda_, tol=1e-12)
        expected = problem.at(lambda_, weights).model()
    with use_limits(formed_cost=0.0, few_lambdas=0):
        problem = class_problem(3, (0, 1, 2, 3, 4))
        assert "by inverses" in str(problem.plan)
        found = problem.at(lambda_, weights).model()
    scale = np.abs(expected.tangent).max()
    np.testing.assert_allclose(found.gradient, expected.gradient, atol=1e-8)
    # Its matrices are of the mean curvature of all splits.
    np.testing.assert_allclose(found.tangent, expected.tangent, atol=0.2 * scale)


def curvature_of_softmax(rng, n_classes):
    """Return the mean curvature of a softmax over rows."""
    p = rng.dirichlet(np.ones(n_classes), size=30)
    return np.mean([np.diag(one) - np.outer(one, one) for one in p], axis=0)


def inverse_of(near, m, n_classes):
    """Return a preconditioner as a matrix."""
    units = np.eye(m * n_classes).reshape(-1, m, n_classes)
    return near.solve(units).reshape(m * n_classes, -1)


def test_outputs_apart_invert_a_product_of_penalties():
    """Conjugate gradients of large problems would take several times the products."""
    rng, m, n_classes = np.random.default_rng(0), 6, 4
    rows = rng.standard_normal((20, m))
    gram, coupling = rows.T @ rows / 20, curvature_of_softmax(rng, n_classes)
    of_features, of_classes = rng.lognormal(size=m), rng.lognormal(size=n_classes)
    penalty = np.outer(of_features, 10.0 * of_classes)
    near = OutputsApart(gram, coupling, penalty, OracleCounts())
    matrix = np.kron(gram, coupling) + np.diag(penalty.ravel())
    found = inverse_of(near, m, n_classes)
    np.testing.assert_allclose(found @ matrix, np.eye(len(matrix)), atol=1e-6)


def test_outputs_apart_are_positive_definite_for_any_penalty():
    """Conjugate gradients would diverge with a penalty of one class alone."""
    rng, m, n_classes = np.random.default_rng(0), 6, 4
    rows = rng.standard_normal((20, m))
    penalty = np.exp(rng.uniform(-25.0, 20.0, (m, n_classes)))
    penalty[-1] = [0.0, 0.0, 0.0, 0.5]
    coupling = curvature_of_softmax(rng, n_classes)
    near = OutputsApart(rows.T @ rows / 20, coupling, penalty, OracleCounts())
    found = inverse_of(near, m, n_classes)
    scale = np.sqrt(np.diag(found))
    assert np.all(np.isfinite(found))
    assert np.linalg.eigvalsh(found / np.outer(scale, scale))[0] > -1e-10


def test_independent_classes_invert_a_star():
    """The preconditioner of sparse problems would be none."""
    rng, m, n_classes = np.random.default_rng(0), 5, 4
    t = rng.random(n_classes)
    star = np.diag(t) - np.outer(t, t) / t.sum()
    squares = np.array([0.0, 1.0, 1e-3, 10.0, 2.0])
    penalty = rng.lognormal(size=(m, n_classes))
    near = _IndependentClasses(np.diag(t), squares, penalty)
    matrix = np.kron(np.diag(squares), star) + np.diag(penalty.ravel())
    found = inverse_of(near, m, n_classes)
    np.testing.assert_allclose(found @ matrix, np.eye(len(matrix)), atol=1e-10)


def test_near_hessian_with_penalties_of_classes():
    """A feature that one class drops would be lost for the others."""
    rng, m, n_classes = np.random.default_rng(0), 3, 3
    rows = rng.standard_normal((20, m * n_classes))
    gram = rows.T @ rows / 20
    penalty = rng.lognormal(size=(m, n_classes))
    penalty[1, 2] = 1e9
    near = NearHessian(gram.copy(), penalty, OracleCounts())
    assert near.alone.tolist() == [5]
    found = inverse_of(near, m, n_classes)
    expected = np.linalg.inv(gram + np.diag(penalty.ravel()))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_an_unpenalized_feature_has_no_penalty_in_any_class():
    """The penalty that holds the last class at zero would shrink the others."""
    X, y = make_classes(n_classes=3)
    groups = FeatureGroups(np.zeros(5, dtype=int), ("all",))
    groups = with_factors(groups, np.array([1.0, 0.0, 2.0, 1.0, 1.0]), may_drop=False)
    parts = divide_rows([(np.arange(90), np.arange(90))], np.ones(90))
    given = X, y, ClassScoresLoss(3), ClassGroups.of(groups, range(3)), parts
    problem = BilevelProblem(*given)
    lambda_ = np.array([-3.0, -2.0, -4.0])
    ((coef, intercept),) = problem.to_features(problem.minimize(lambda_))
    penalty = np.outer(groups.factors, np.exp(lambda_))
    expected, by_scipy = softmax_weights(X, y, penalty)
    coef[1] -= coef[1].mean()
    expected[1] -= expected[1].mean()
    np.testing.assert_allclose(coef, expected, atol=1e-6)
    np.testing.assert_allclose(intercept - intercept.mean(), by_scipy, atol=1e-6)


def test_what_holds_the_intercepts_costs_nothing():
    """Hessians would be singular, or intercepts shrunken.

    A common shift of the intercepts changes no prediction, so that one may be held.
    """
    problem = class_problem(3)
    (split, *_), lambda_ = problem.splits, np.array([-3.0, -2.0, -4.0])
    penalty = split.penalty(lambda_)
    np.testing.assert_allclose(penalty[:-1], np.tile(2.0 * np.exp(lambda_), (5, 1)))
    np.testing.assert_array_equal(penalty[-1, :-1], 0.0)
    assert penalty[-1, -1] > 0.1
    for w in problem.minimize(lambda_, tol=1e-12):
        assert abs(w[-1, -1]) < 1e-8
        assert np.abs(w[-1, :-1]).max() > 0.1
    np.testing.assert_array_equal(split.by_group(np.eye(6, 3)[::-1]), [0.0, 1.0, 1.0])
