"""The time of a run ends between steps and in the middle of them, with a result."""

import numpy as np
import pytest

from sklearn_myhpo._deadline import Deadline
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.solvers import (
    MYHPO,
    SOLVERS,
    Implicit,
    Status,
    Stochastic,
    Unrolled,
    minimize_bilevel,
)
from tests.helpers import (
    PROBLEMS,
    SHORT_SOLVERS,
    SPECS,
    Ticks,
    problem_for,
    reference_loss,
)

#: Readings of the clock at which the time is over: in the scan, in the first steps and
#: late.
MOMENTS = (0.5, 1.5, 3.5, 8.5, 15.5, 31.5, 70.5, 160.5)
NAMES = ("ridge-groups", "logistic-holdout")


def loss_from_rows(spec, problem, weights):
    """Return the validation loss from the rows."""
    models = problem.to_features(weights)
    losses = [
        reference_loss(spec, coef, intercept, rows)
        for (coef, intercept), (_, rows) in zip(models, spec.pairs, strict=True)
    ]
    return problem.split_weights @ np.array(losses)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_any_moment_leaves_a_result(solver, name):
    """The weights would be lost or not finite, or the loss be that of others."""
    ended = set()
    for moment in MOMENTS:
        problem = problem_for(solver, name)
        result = minimize_bilevel(
            problem,
            SHORT_SOLVERS[solver],
            max_time=Deadline(moment, Ticks()),
            max_iter=5,
            random_state=0,
        )
        ended.add(result.status)
        assert np.all(np.isfinite(result.lambda_))
        assert all(np.all(np.isfinite(w)) for w in result.weights)
        assert {len(column) for column in result.history.values()} == {result.n_iter}
        wanted = loss_from_rows(SPECS[name](), problem, result.weights)
        np.testing.assert_allclose(result.validation_loss, wanted, rtol=1e-9)
        if result.status is Status.MAX_TIME:
            assert "Increase max_time" in result.message
    assert Status.MAX_TIME in ended


@pytest.mark.one_in(2)
@pytest.mark.parametrize("solver", [MYHPO(), Implicit()])
def test_iterations_before_the_end_are_those_of_max_iter(solver):
    """A step that is cut short would leave something half done behind."""
    start = {"lambda_init": -1.0}
    found = set()
    for moment in np.arange(2.5, 120.0, 7.0):
        cut = minimize_bilevel(
            PROBLEMS["logistic-groups"](),
            solver,
            max_time=Deadline(moment, Ticks()),
            **start,
        )
        if not cut.n_iter:
            np.testing.assert_array_equal(cut.lambda_, -1.0)
            continue
        problem = PROBLEMS["logistic-groups"]()
        whole = minimize_bilevel(problem, solver, max_iter=cut.n_iter, **start)
        np.testing.assert_array_equal(cut.lambda_, whole.lambda_)
        for one, other in zip(cut.weights, whole.weights, strict=True):
            np.testing.assert_array_equal(one, other)
        found.add(cut.n_iter)
    assert len(found) > 2


def test_a_long_step_ends_in_the_middle():
    """A step of hours would take its hours."""
    problem, clock = PROBLEMS["ridge-holdout"](), Ticks()
    result = minimize_bilevel(
        problem, Unrolled(500), lambda_init=-1.0, max_time=Deadline(40.5, clock)
    )
    assert result.status is Status.MAX_TIME
    assert result.n_iter == 0
    assert "before the end of its first iteration" in result.message
    assert "residual" not in result.message
    assert problem.counts.n_train_gradients < 50
    assert clock.n_read < 60


def test_a_cut_epoch_leaves_its_steps_behind():
    """Where an epoch takes longer than the time, nothing would be learned."""
    solver = Stochastic("saba")
    problem = problem_for("stochastic", "logistic-groups")
    # Every batch is counted for itself.
    with use_limits(read_rows=1):
        result = minimize_bilevel(
            problem, solver, lambda_init=-1.0, max_time=Deadline(25.5, Ticks())
        )
    assert result.status is Status.MAX_TIME
    assert result.n_iter == 1
    zero = loss_from_rows(SPECS["logistic-groups"](), problem, problem.zeros())
    assert np.any(result.lambda_ != -1.0)
    assert result.validation_loss < 0.99 * zero


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_scan_without_time_starts_at_its_best_point(name):
    """The start would be that of no scan, or worse than a point that is known."""
    losses = []
    for moment in (0.5, 30.5, 1e6):
        problem = PROBLEMS[name]()
        result = minimize_bilevel(
            problem, Implicit(), max_time=Deadline(moment, Ticks()), max_iter=1
        )
        losses.append(result.validation_loss)
    assert losses[2] <= losses[1] * (1.0 + 1e-9)
    assert losses[1] <= losses[0] * (1.0 + 1e-9)
