"""The start of several lambdas where one for all of them gains little."""

import numpy as np
import pytest

from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import LogisticLoss, SquaredLoss
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel
from sklearn_myhpo.solvers.start.alone import find_start, start_of
from sklearn_myhpo.solvers.start.scan import scan_lambda
from tests.helpers import Spec, folds, reference_objective


def hidden_spec(loss, seed, n_samples, n_noise):
    """Return a problem of one useful feature and a group of noise."""
    rng = np.random.default_rng(seed)
    useful = rng.standard_normal((n_samples, 1))
    X = np.hstack([useful, 3.0 * rng.standard_normal((n_samples, n_noise))])
    size = 0.7 if isinstance(loss, LogisticLoss) else 1.0
    score = useful + size * rng.standard_normal((n_samples, 1))
    y = (score[:, 0] > 0).astype(int) if isinstance(loss, LogisticLoss) else score
    return Spec(X, y, loss, folds(n_samples, 3), np.repeat([0, 1], [1, n_noise]))


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    "given", [(SquaredLoss(), 18, 30, 25), (LogisticLoss(), 10, 24, 6)]
)
def test_a_useful_group_is_not_hidden_by_a_useless_one(given):
    """All groups would be dropped, and the model would be a constant."""
    spec = hidden_spec(*given)
    problem = spec.problem()
    # One lambda for all gains little, and so the scan is no place to start from.
    assert scan_lambda(problem).values.min() > 0.95 * problem.null_loss
    result = minimize_bilevel(problem, MYHPO())
    alone = [reference_objective(spec, [value, 12.0]) for value in np.arange(-8.0, 4.0)]
    assert result.validation_loss <= min(alone) * (1 + 1e-3)


def test_a_good_scan_is_the_start():
    """Fits with one good lambda would pay for scans of every group."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 4))
    y = X.sum(axis=1, keepdims=True) + 0.1 * rng.standard_normal((40, 1))
    spec = Spec(X, y, SquaredLoss(), folds(40, 3), np.arange(4) % 2)
    problem = spec.problem()
    scan = scan_lambda(problem)
    n_solves = problem.counts.n_inner_solves
    lambda_, weights = start_of(problem, scan)
    assert problem.counts.n_inner_solves == n_solves
    assert lambda_ is scan.lambda_
    assert weights is scan.weights


def test_a_sample_starts_at_the_strength_of_all_rows():
    """A start from few rows would be too strong a penalty, by the ratio of the rows.

    The split is that of a seed which users like, of which a sample of the same seed
    would have no held-out row.
    """
    rng = np.random.default_rng(1)
    X = rng.standard_normal((6000, 12))
    y = (X @ rng.standard_normal(12) + 2.0 * rng.standard_normal(6000) > 0).astype(int)
    order = np.random.default_rng(0).permutation(6000)
    spec = Spec(X, y, LogisticLoss(), [(order[:4000], order[4000:])], np.zeros(12, int))
    found = []
    for rows in (400, 6000):
        with use_limits(scan_rows=rows, model_rows=rows):
            problem = spec.problem(by_rows=True)
            scanned = problem.for_scan()
            assert (scanned.n_held_out < problem.n_held_out) == (rows < 6000)
            lambda_, weights, scan = find_start(problem)
            assert scan is None
            assert problem.estimate(lambda_, weights) < 0.9 * problem.null_loss
            found.append(problem.objective(lambda_, problem.minimize(lambda_)))
            sample = scan_lambda(scanned).lambda_
            fall = np.log(scanned.n_held_out / problem.n_held_out)
            np.testing.assert_allclose(
                lambda_, np.clip(sample + fall, *scanned.scan_bounds)
            )
    assert found[0] <= 1.01 * found[1]
