"""The pace of lambda, and the iterate that a run returns."""

import numpy as np
import pytest

from sklearn_myhpo.losses import LogisticLoss
from sklearn_myhpo.solvers import MYHPO, Stochastic, minimize_bilevel
from sklearn_myhpo.solvers.stochastic.pace import Best, paced
from sklearn_myhpo.solvers.stochastic.steps import Steps
from tests.helpers import Spec, class_spec, folds


def slow_spec():
    """Return near-collinear rows, whose weights respond after many epochs."""
    rng = np.random.default_rng(0)
    n, d = 400, 12
    X = rng.standard_normal((n, 1)) + 0.02 * rng.standard_normal((n, d))
    eta = X @ rng.normal(0.0, 20.0, d)
    y = (rng.random(n) < 1.0 / (1.0 + np.exp(-eta / eta.std()))).astype(int)
    pairs = folds(n, 2, seed=0)[:1]
    return Spec(X, y, LogisticLoss(), pairs, np.zeros(d, int), fit_intercept=False)


@pytest.mark.parametrize("method", ["saba", "srba"])
def test_lambda_waits_for_its_weights(method, monkeypatch):
    """A run would pass the minimum by far, as its weights still belong to the start."""
    problem = slow_spec().problem()
    best = minimize_bilevel(problem, MYHPO()).validation_loss

    def gap():
        rows = slow_spec().problem(by_rows=True)
        given = rows, Stochastic(method)
        found = minimize_bilevel(*given, lambda_init=-4.0, max_iter=150, random_state=0)
        weights = problem.minimize(found.lambda_)
        return problem.objective(found.lambda_, weights) / best - 1.0

    with_pace = gap()
    name = "sklearn_myhpo.solvers.stochastic.method.paced"
    monkeypatch.setattr(name, lambda steps, *rest: steps)
    assert with_pace <= 0.5 * gap()


def test_the_pace_is_that_of_the_weights():
    """Lambda would stand still behind weights that follow, or run ahead of others."""
    steps, one = Steps(np.ones(1), 0.1, 0.6), np.ones(1)
    assert paced(steps, one, 0.1 * one, 0.0, 1.0).pace == 1.0
    assert paced(steps, one, 0.1 * one, 0.39, 1.0).pace == 1.0
    slow = paced(steps, one, 0.1 * one, -0.801, 1.0)
    assert slow.pace == pytest.approx(0.25)
    # The move of a slow epoch stands for a longer one at the full pace.
    assert paced(slow, one, 0.025 * one, 0.39, 1.0).pace == 1.0
    assert paced(steps, one, 0.0 * one, 1.0, 1.0).pace == 1.0 / 64.0
    # Near the minimum.
    assert paced(steps, one, 0.0 * one, 1e-3, 1.0).pace == 1.0


def test_the_best_epoch_is_returned():
    """The loss of a fit would be that of its last epoch, after better ones."""
    problem, states = class_spec(n_samples=150, n_folds=1).problem(by_rows=True), []

    def keep(n_iter, info, state):
        states.append(state)

    solver, own = Stochastic("soba"), Stochastic("soba", step_sizes=(0.1, 0.1))
    options = {"max_iter": 3, "random_state": 0, "callback": keep}
    found = minimize_bilevel(problem, solver, lambda_init=-9.0, **options)
    loss = problem.validation_loss(found.weights)
    assert found.validation_loss == pytest.approx(loss)
    first, *_, last = states
    early = last._replace(best=first.best)
    place = solver.evaluation(problem, early)
    np.testing.assert_array_equal(place.lambda_, first.lambda_)
    loss = problem.validation_loss(first.weights)
    assert place.estimate == pytest.approx(loss)
    np.testing.assert_array_equal(own.evaluation(problem, early).lambda_, last.lambda_)


def test_published_steps_return_the_last_iterate():
    """A researcher would compare another iterate than the one of the paper."""
    lambdas = []

    def keep(n_iter, info, state):
        lambdas.append(info.lambda_)

    solver = Stochastic("soba", step_sizes=(0.3, 5.0), batch_size=8)
    spec = class_spec(n_samples=150, n_folds=1)
    options = {"lambda_init": -9.0, "max_iter": 9, "random_state": 0, "callback": keep}
    found = minimize_bilevel(spec.problem(by_rows=True), solver, **options)
    np.testing.assert_array_equal(found.lambda_, lambdas[-1])


def test_an_earlier_iterate_must_be_better_and_no_less_accurate():
    """Rounding, or weights far from their minimum, would decide between iterates."""
    first = Best(1.0, 0.1, None, [])
    assert Best(1.1, 0.1, None, []).or_before(first) is first
    for last in (Best(1.0 + 1e-9, 0.1, None, []), Best(1.1, 0.09, None, [])):
        assert last.or_before(first) is last
        assert last.or_before(None) is last
