"""The scan of a shared lambda for a start."""

import numpy as np
import pytest

from sklearn_myhpo.solvers import (
    SOLVERS,
    minimize_bilevel,
)
from tests.helpers import (
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
