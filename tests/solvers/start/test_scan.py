"""The scan of a shared lambda for a start."""

import numpy as np
import pytest

from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import GammaLoss, LogisticLoss, PoissonLoss
from sklearn_myhpo.solvers import (
    SOLVERS,
    minimize_bilevel,
)
from sklearn_myhpo.solvers.start.scan import scan_lambda
from tests.helpers import (
    Spec,
    folds,
    reference_objective,
    ridge_spec,
)
from tests.solvers.helpers import EXACT


@pytest.mark.parametrize("solver", EXACT)
@pytest.mark.parametrize("seed", range(6))
def test_several_minima(solver, seed):
    """Few held-out rows: many valleys, and the scan must start in the deepest."""
    spec = ridge_spec(n_samples=12, n_features=7, n_folds=1, noise=1.5, seed=seed)
    best = min(reference_objective(spec, value) for value in np.linspace(-25, 10, 400))
    result = minimize_bilevel(spec.problem(), SOLVERS[solver]())
    assert result.validation_loss <= best * (1 + 1e-6)


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


def few_counts(n_samples=150, n_features=40, seed=0):
    """Return a problem of few counts that no feature explains."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    y = rng.poisson(0.1, n_samples).astype(float)
    pairs = folds(n_samples, 5)
    return Spec(X, y, PoissonLoss(), pairs, np.zeros(n_features, int)).problem()


@pytest.mark.one_in(2)
@pytest.mark.parametrize("seed", range(3))
def test_scan_of_few_counts_ends_where_the_loss_has_exploded(seed):
    """A fit of 560 rows would take half a minute for losses of 10^170."""
    problem = few_counts(seed=seed)
    scan = scan_lambda(problem)
    least = scan.values.min()
    assert np.sum(scan.values > 1e8 * least) <= 1
    best, weights = np.inf, None
    for lambda_ in np.linspace(4.0, -8.0, 60):
        weights = problem.minimize(np.array([lambda_]), weights)
        best = min(best, problem.validation_loss(weights))
    assert problem.validation_loss(problem.minimize(scan.lambda_)) <= 1.01 * best


@pytest.mark.parametrize(("shape", "seed"), [((200, 6), 1), ((220, 12), 18)])
def test_a_scan_goes_on_behind_a_high_rise(shape, seed):
    """Amounts without noise would be predicted by their mean."""
    rng = np.random.default_rng(seed)
    X = rng.standard_t(2.5, shape)
    eta = X @ rng.standard_normal(shape[1])
    eta = np.clip(4.0 * (eta - eta.mean()) / eta.std(), -30.0, 30.0)
    pairs, labels = folds(len(X), 5, seed=1), np.zeros(shape[1], int)
    scan = scan_lambda(Spec(X, np.exp(eta), GammaLoss(), pairs, labels).problem())
    best, null = int(np.argmin(scan.values)), scan.values[-1]
    assert scan.values[best + 1 :].max() > 100.0 * null
    assert scan.values[best] < 1e-6 * null


@pytest.mark.parametrize("kind", ["counts", "amounts", "classes"])
@pytest.mark.parametrize("is_heavy", [False, True])
def test_a_guide_by_some_rows_changes_nothing(kind, is_heavy):
    """Many rows would learn another lambda than that of all of them."""
    rng = np.random.default_rng(1)
    X = rng.standard_t(3, (5000, 8)) if is_heavy else rng.standard_normal((5000, 8))
    eta = 0.4 * np.clip(X, -8.0, 8.0) @ (rng.standard_normal(8) / 2.0)
    y, loss = {
        "counts": (rng.poisson(np.exp(eta)).astype(float), PoissonLoss()),
        "amounts": (np.exp(eta) * rng.gamma(2.0, 0.5, 5000), GammaLoss()),
        "classes": (rng.binomial(1, 1.0 / (1.0 + np.exp(-eta))), LogisticLoss()),
    }[kind]
    # Another order than that of the sample, which would be one of the folds.
    spec = Spec(X, y, loss, folds(5000, 5, seed=1), np.zeros(8, int))
    problem = spec.problem(all_directions=False)
    assert problem.of_fewer_rows() is not None
    fast = minimize_bilevel(problem, SOLVERS["myhpo"]())
    with use_limits(scan_rows=10**6, model_rows=10**6):
        problem = spec.problem(all_directions=False)
        assert problem.of_fewer_rows() is None
        slow = minimize_bilevel(problem, SOLVERS["myhpo"]())
    np.testing.assert_allclose(fast.lambda_, slow.lambda_, atol=2e-2)
    assert fast.validation_loss == pytest.approx(slow.validation_loss, rel=2e-7)
