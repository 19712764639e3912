"""Published steps of Self-Tuning Networks."""

import numpy as np

from sklearn_myhpo.solvers import STN, Status, minimize_bilevel
from tests.helpers import PROBLEMS


def test_published_steps():
    """A user who wants SGD and Adam gets them, and they lead to the same place."""
    name, options = "ridge-holdout", {"form": "perturbed", "tau": 0.1}
    result = minimize_bilevel(
        PROBLEMS[name](),
        STN(step_sizes=(0.1, 0.01), warm_up=50, **options),
        lambda_init=-2.0,
        max_iter=400,
        tol=1e-4,
        random_state=0,
    )
    assert result.status is Status.CONVERGED
    auto = minimize_bilevel(PROBLEMS[name](), STN(**options), random_state=0)
    np.testing.assert_allclose(result.lambda_, auto.lambda_, atol=5e-3)


def test_first_published_step_by_hand():
    """Momentum starts at rest, and Adam's first step is its rate."""
    problem = PROBLEMS["ridge-groups"]()
    solver = STN(step_sizes=(0.01, 0.003), warm_up=0, n_train_steps=1, sigma_max=1.0)
    start = solver.init(problem, np.full(3, -1.0), problem.zeros())
    state, _ = solver.step(problem, start, np.random.default_rng(0))
    split = problem.splits[0]
    slope = split.train_gradient(problem.zeros()[0], start.lambda_)
    np.testing.assert_allclose(state.phis[0][0], -0.01 * slope)
    moved = np.abs(state.lambda_ - start.lambda_)
    # But for the 1e-8 beside slopes of about 1e-6.
    np.testing.assert_allclose(moved, 0.003, rtol=0.02)
    s = np.log(np.expm1(state.sigma)) - np.log(np.expm1(start.sigma))
    np.testing.assert_allclose(np.abs(s), 0.003, rtol=1e-3)


def test_large_published_steps_diverge_and_say_so():
    """Nothing may return NaN: the last finite iterate is kept."""
    result = minimize_bilevel(
        PROBLEMS["ridge-groups"](), STN(step_sizes=(1e3, 1e3)), lambda_init=-1.0
    )
    assert result.status is Status.DIVERGED
    assert np.all(np.isfinite(result.lambda_))
    assert all(np.all(np.isfinite(w)) for w in result.weights)
