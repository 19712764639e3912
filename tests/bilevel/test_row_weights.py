"""Weights of training rows as hyperparameters: derivatives, and what weights mean."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.bilevel.row_weights import RowWeightsProblem
from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.engine.glm.row_groups import RowGroups
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import (
    GammaLoss,
    LogisticLoss,
    MultinomialLoss,
    PoissonLoss,
    SquaredLoss,
)
from sklearn_myhpo.penalties.groups import FeatureGroups
from sklearn_myhpo.solvers import (
    HOAG,
    MYHPO,
    SHO,
    SOLVERS,
    Implicit,
    Penalty,
    Stochastic,
    Unrolled,
    minimize_bilevel,
)

N_TRAIN, N_VALIDATION, N_GROUPS = 40, 30, 4
#: An s so low that the weight is zero in double precision.
NONE = -800.0
LOSSES = {
    "ridge": SquaredLoss(),
    "logistic": LogisticLoss(),
    "multinomial": MultinomialLoss(3),
    "poisson": PoissonLoss(),
    "gamma": GammaLoss(),
}
#: Solvers that take weights of rows, with options under which they end soon.
ABLE = {
    "myhpo": MYHPO(),
    "implicit": Implicit(),
    "lbfgs": Implicit(steps="lbfgs"),
    "hoag": HOAG(),
    "unrolled": Unrolled(n_steps=50),
    "forward": Unrolled(n_steps=50, mode="forward"),
    "penalty": Penalty(),
}


def data(name):
    """Return X and y of training rows, a quarter of them wrong, and clean rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_TRAIN + N_VALIDATION, 5))
    z = X @ np.array([1.0, -0.5, 0.3, 0.0, 0.8]) + 0.3 * rng.standard_normal(len(X))
    z[:N_TRAIN:N_GROUPS] *= -1.0
    y = {
        "ridge": z[:, None],
        "logistic": (z > 0).astype(int),
        "multinomial": np.digitize(z, [-0.5, 0.5]),
        "poisson": rng.poisson(np.exp(0.5 * z)).astype(float),
        "gamma": np.exp(0.5 * z),
    }[name]
    return X, y


def problem_of(name, labels=None, rows=None, container=np.asarray, **options):
    """Return the problem of the weights of some training rows."""
    (X, y), n_rows = data(name), N_TRAIN if rows is None else len(rows)
    labels = np.arange(N_TRAIN) % N_GROUPS if labels is None else labels
    if rows is not None:
        index = np.concatenate([rows, np.arange(N_TRAIN, len(X))])
        X, y, labels = X[index], y[index], labels[rows]
    plain = BilevelProblem(
        container(X),
        y,
        LOSSES[name],
        FeatureGroups(np.array([0, 0, 1, 1, 1]), ("first", "second")),
        [(np.arange(n_rows), np.arange(n_rows, len(X)))],
        by_rows=LOSSES[name].is_quadratic,
        **options,
    )
    n_groups = labels.max() + 1
    labels = np.append(labels, np.full(N_VALIDATION, n_groups))
    return RowWeightsProblem(plain, RowGroups(labels, np.arange(n_groups)))


def somewhere(problem):
    """Return hyperparameters at which no derivative is zero."""
    rng = np.random.default_rng(1)
    logits = rng.standard_normal(problem.n_groups - 2)
    return np.concatenate([[-2.0, -3.0], logits])


def differences(function, lambda_, step=1e-4):
    """Return central differences of a function of the hyperparameters."""
    moves = step * np.eye(len(lambda_))
    return np.array(
        [(function(lambda_ + x) - function(lambda_ - x)) / (2 * step) for x in moves]
    )


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("name", LOSSES)
def test_derivatives(name, container):
    """Solvers would step along the wrong slope, or with the wrong curvature."""
    problem = problem_of(name, container=container)
    lambda_ = somewhere(problem)

    def place(at):
        return problem.at(at, problem.minimize(at))

    slope = place(lambda_).hypergradient(1e-12)
    expected = differences(lambda at: place(at).objective, lambda_)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-8)
    model = place(lambda_).model(1e-12)
    np.testing.assert_allclose(model.gradient, slope, rtol=1e-7, atol=1e-12)
    expected = differences(lambda at: place(at).hypergradient(1e-12), lambda_)
    size = np.abs(expected).max()
    found = model.tangent + model.bend
    np.testing.assert_allclose(found, expected, atol=1e-6 * size)


@pytest.mark.parametrize("name", ["ridge", "multinomial"])
def test_derivatives_by_iterations(name):
    """Problems too large for matrices would have other slopes."""
    with use_limits(dense_size=1):
        problem = problem_of(name, labels=np.arange(N_TRAIN))
        lambda_ = somewhere(problem)
        place = problem.at(lambda_, problem.minimize(lambda_))
        slope = place.hypergradient(1e-10)
    other = problem_of(name, labels=np.arange(N_TRAIN))
    assert other.prefers_products
    expected = other.at(lambda_, other.minimize(lambda_)).hypergradient(1e-12)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-9)


def test_prediction_follows_the_tangent():
    """The next inner solution would start far from its end."""
    problem = problem_of("multinomial")
    lambda_, move = somewhere(problem), 1e-4 * np.array([1.0, -1, 2, 0, -3, 1])
    place = problem.at(lambda_, problem.minimize(lambda_))
    (there,) = problem.minimize(lambda_ + move)
    (ahead,) = place.predict(move)
    np.testing.assert_allclose(ahead, there, atol=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_no_weight_is_no_row(name):
    """A row without weight would still change the model."""
    problem, kept = problem_of(name), np.flatnonzero(np.arange(N_TRAIN) % N_GROUPS)
    lambda_ = np.array([-2.0, -3.0, NONE, 0.0, 0.0, 0.0])
    (w,) = problem.minimize(lambda_)
    fewer = problem_of(name, rows=kept).plain
    # A mean over fewer rows, each with half its weight.
    shift = np.log(N_TRAIN / len(kept)) + np.log(2.0)
    (expected,) = fewer.minimize(lambda_[:2] + shift)
    found = problem.to_features([w])[0]
    for one, other in zip(found, fewer.to_features([expected])[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)
    slope = problem.at(lambda_, [w]).hypergradient()
    assert slope[2] == 0.0


def test_order_of_rows_is_of_no_effect():
    """Weights would belong to other rows than those that they were learned for."""
    order = np.random.default_rng(3).permutation(N_TRAIN)
    problem = problem_of("logistic", labels=np.arange(N_TRAIN))
    lambda_ = somewhere(problem)
    other = problem_of("logistic", labels=np.arange(N_TRAIN), rows=order)
    slopes = [
        one.at(lambda_, one.minimize(lambda_)).hypergradient(1e-12)
        for one in (problem, other)
    ]
    np.testing.assert_allclose(*slopes, rtol=1e-6, atol=1e-12)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("solver", ABLE)
@pytest.mark.parametrize("name", ["ridge", "logistic"])
def test_solvers_find_what_gradients_find(name, solver):
    """A solver would return weights of rows that are no minimum of the loss."""
    held = np.array([-2.0, -2.0])
    plain = problem_of(name).plain
    labels = np.append(np.arange(N_TRAIN) % N_GROUPS, np.full(N_VALIDATION, N_GROUPS))
    groups = RowGroups(labels, np.arange(N_GROUPS))
    problem = RowWeightsProblem(plain, groups, penalties=held)
    best = minimize_bilevel(problem, Implicit(steps="lbfgs"), max_iter=300)
    assert best.status.has_converged
    found = minimize_bilevel(problem, ABLE[solver], max_iter=100, random_state=0)
    start = problem.lifted(held)
    first = problem.objective(start, problem.minimize(start))
    loss = problem.objective(found.lambda_, problem.minimize(found.lambda_))
    assert loss <= best.validation_loss + 0.03 * (first - best.validation_loss)
    np.testing.assert_array_equal(found.lambda_[:2], start[:2])


def test_other_solvers_are_refused():
    """A solver that takes every lambda for a log-penalty would learn nonsense."""
    problem = problem_of("ridge")
    able = [name for name, kind in SOLVERS.items() if kind().capabilities.weighs_rows]
    assert able == ["myhpo", "implicit", "stochastic", "hoag", "unrolled", "penalty"]
    with pytest.raises(ValueError, match="by_rows=True"):
        minimize_bilevel(problem_of("logistic"), Stochastic())
    for solver in (SHO(), MYHPO(rho=1.0), MYHPO(response="mean")):
        with pytest.raises(ValueError, match=r"row_groups.*'implicit'"):
            minimize_bilevel(problem, solver)


def test_a_start_is_that_of_equal_weights():
    """The first step would undo a change of the penalty that nobody asked for."""
    problem = problem_of("poisson")
    lambda_ = problem.lifted(np.array([-1.0, -2.0]))
    (w,) = problem.minimize(lambda_)
    (plain,) = problem.plain.minimize(np.array([-1.0, -2.0]))
    np.testing.assert_allclose(w, plain, rtol=1e-7, atol=1e-10)
    first = problem.first_lambda(-1.5)
    np.testing.assert_array_equal(first[:2], -1.5)
    np.testing.assert_array_equal(first[2:], lambda_[2:])


def test_shrinkage_holds_the_weights_together():
    """Two sources of equal worth would get quite different weights."""
    problem = problem_of("logistic")
    lambda_ = somewhere(problem)
    place = problem.at(lambda_, problem.minimize(lambda_))
    before = place.hypergradient(1e-12), place.model(1e-12), place.objective
    problem.shrink(0.5, 2.0)
    place = problem.at(lambda_, place.weights)

    def penalty(at):
        return 0.5 * np.mean((at[2:] - at[2:].mean()) ** 2)

    assert place.objective - before[2] == pytest.approx(penalty(lambda_))
    slope = differences(penalty, lambda_)
    assert np.abs(slope[:2]).max() < 1e-8
    found = place.hypergradient(1e-12) - before[0]
    np.testing.assert_allclose(found, slope, rtol=1e-5, atol=1e-8)
    added = place.model(1e-12).tangent - before[1].tangent
    expected = problem.shrinkage.hessian(lambda_)
    np.testing.assert_allclose(added, expected, atol=1e-12)
    np.testing.assert_allclose(
        expected, differences(problem.shrinkage.gradient, lambda_), atol=1e-8
    )


def test_several_validation_parts_are_refused():
    """Training rows of one split would be validation rows of another."""
    X, y = data("ridge")
    half = np.arange(len(X)) < len(X) // 2
    folds = [(np.flatnonzero(one), np.flatnonzero(~one)) for one in (half, ~half)]
    groups = FeatureGroups(np.zeros(5, dtype=int), ("all",))
    problem = BilevelProblem(X, y, LOSSES["ridge"], groups, folds, by_rows=True)
    with pytest.raises(ValueError, match="one validation part"):
        RowWeightsProblem(problem, RowGroups(np.zeros(len(X), int), np.arange(1)))
