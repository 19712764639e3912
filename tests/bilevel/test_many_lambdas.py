"""Ridge with many lambdas: the fast ways must give what the plain ones give."""

import numpy as np
import pytest

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.engine.ridge.quadratic import QuadraticSplit
from sklearn_myhpo.penalties.groups import FeatureGroups
from sklearn_myhpo.solvers.myhpo.freedom import felt, unfelt
from tests.helpers import data_for, ridge_spec

SPECS = {
    "each": ridge_spec(n_features=12, n_groups=12),
    "pairs": ridge_spec(n_features=12, n_groups=6, n_targets=2),
    "wide": ridge_spec(n_samples=24, n_features=40, n_groups=40),
    "no-intercept": ridge_spec(n_features=8, n_groups=8, fit_intercept=False),
}


def model_at(problem, lambda_):
    """Return the second-order model of the objective at lambda."""
    weights = problem.minimize(lambda_, problem.starts())
    return problem.at(lambda_, weights).model()


@pytest.mark.parametrize("dropped", [None, 0.5, 1.0])
@pytest.mark.parametrize("name", SPECS)
def test_curvature_by_inverse(name, dropped, monkeypatch):
    """Steps on many lambdas would have wrong lengths, and take hundreds."""
    problem = SPECS[name].problem()
    rng = np.random.default_rng(0)
    lambda_ = rng.uniform(-6.0, 1.0, problem.n_groups)
    if dropped is not None:
        lambda_[: int(dropped * problem.n_groups)] = problem.bounds[1, 0] - 1.0
    assert problem.splits[0].prefers_inverse
    fast = model_at(problem, lambda_)
    monkeypatch.setattr(QuadraticSplit, "prefers_inverse", False)
    plain = model_at(SPECS[name].problem(), lambda_)
    np.testing.assert_allclose(fast.gradient, plain.gradient, rtol=1e-9, atol=1e-15)
    # Each lambda has its own scale, that of its metric.
    unit = np.sqrt(np.diag(plain.metric))
    unit = np.outer(unit, unit)
    rtol = 1e-9 if dropped is None else 1e-3
    for ours, theirs in zip(fast[1:], plain[1:], strict=True):
        error = np.max(np.abs(ours - theirs) / unit)
        assert error <= rtol * np.max(np.abs(theirs) / unit)


def test_sums_over_pairs_of_groups():
    """Curvature of one group would be counted in another."""
    rng = np.random.default_rng(0)
    groups = FeatureGroups(np.array([1, 0, 2, 1, 1]), ("a", "b", "c"))
    index = np.array([0, 2, 3])
    matrix = rng.standard_normal((3, 3))
    member = groups.labels[index] == np.arange(3)[:, None]
    expected = member.astype(float) @ matrix @ member.T
    np.testing.assert_allclose(groups.sum_by_pair(matrix, index), expected)


@pytest.mark.parametrize("delta", [-8.0, -0.3, 0.4, 12.0])
def test_weights_are_linear_in_a_felt_move(delta):
    """A step that drops a feature would not do to the others what it promises."""
    problem = ridge_spec(n_features=6, n_groups=6).problem()
    split, lambda_ = problem.splits[0], np.linspace(-4.0, 0.0, 6)
    w = split.minimize(lambda_, split.start())
    hessian, p = split.hessian(w, lambda_), split.penalty(lambda_)
    for feature in range(6):
        force = np.zeros_like(w)
        force[feature] = -p[feature] * w[feature]
        tangent = hessian.solve(force)
        taken = np.vdot(tangent, hessian.product(tangent)) / np.vdot(
            p[feature], w[feature] ** 2
        )
        np.testing.assert_allclose(unfelt(felt(delta, taken), taken), delta)
        moved = lambda_ + delta * (np.arange(6) == feature)
        expected = split.minimize(moved, split.start())
        np.testing.assert_allclose(
            w + felt(delta, taken) * tangent, expected, rtol=1e-8, atol=1e-12
        )


@pytest.mark.parametrize("name", ["ridge", "wide", "targets", "each"])
def test_scan_of_a_shared_lambda(name):
    """Several lambdas would start from the wrong place."""
    spec = {
        "ridge": ridge_spec(n_groups=3),
        "wide": ridge_spec(n_samples=24, n_features=60, n_groups=2),
        "targets": ridge_spec(n_groups=3, n_targets=3),
        "each": ridge_spec(n_groups=9),
    }[name]
    problem = spec.problem()
    assert problem.scans_by == "diagonal"
    grid = np.linspace(-8.0, 3.0, 7)
    values, slopes = problem.path(grid)
    for lambda_, value, slope in zip(grid, values, slopes, strict=True):
        vector = np.full(problem.n_groups, lambda_)
        weights = problem.minimize(vector, problem.starts())
        np.testing.assert_allclose(value, problem.validation_loss(weights), rtol=1e-9)
        expected = problem.hypergradient(vector, weights).sum()
        np.testing.assert_allclose(slope, expected, rtol=1e-7, atol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.LambdaBoundWarning")
@pytest.mark.parametrize("lambda_init", ["auto", 3.0, 12.0])
def test_one_lambda_per_feature_takes_few_steps(lambda_init):
    """A fit would take minutes, or stop where a dropped feature is wanted back."""
    X, y = data_for(MYHPORidge, n_samples=300, n_features=60, noise=3.0)
    options = {"random_state": 0, "feature_groups": "each"}
    model = MYHPORidge(**options, lambda_init=lambda_init).fit(X, y)
    assert model.converged_
    assert model.n_iter_ <= 20
    best = MYHPORidge(**options).fit(X, y)
    assert model.validation_loss_ <= best.validation_loss_ * (1.0 + 1e-3)
