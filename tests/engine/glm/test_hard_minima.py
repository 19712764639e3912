"""Inner solutions from any start, at penalties from none to infinite."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.engine.glm import factored_newton, split_set
from sklearn_myhpo.engine.glm.safeguards import least_decrement
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import LogisticLoss
from sklearn_myhpo.penalties.parsing import make_feature_groups

#: Limits that make either engine the one of small problems.
ENGINES = {"factored": {}, "products": {"factored_passes": 0.0, "own_pairs": 0}}


def rare_features(seed, *, n_rows=400, n_features=80, share=0.1):
    """Return X of rare flags, and two classes that they nearly separate."""
    rng = np.random.default_rng(seed)
    X = (rng.random((n_rows, n_features)) < share).astype(float)
    raw = X @ rng.normal(scale=4.0, size=n_features)
    raw += rng.logistic(scale=0.5, size=n_rows)
    return sparse.csr_array(X), (raw > np.median(raw)).astype(int)


def problem_of(X, y):
    order = np.random.default_rng(0).permutation(len(y))
    pair = order[: 2 * len(y) // 3], order[2 * len(y) // 3 :]
    groups = make_feature_groups("each", X, n_features=X.shape[1])
    return BilevelProblem(
        X, y, LogisticLoss(), groups, [pair], lambda_bounds=(-35.0, 10.0)
    )


def train_loss(problem, lambda_, weights):
    return problem.split_set.train_losses(weights, lambda_)[0]


def through_penalties(problem, lambda_):
    """Return weights by small steps of Newton's method down from large penalties."""
    (split,) = problem.splits
    w = split.start()
    for shift in (*range(40, 0, -2), 1, 0):
        at = lambda_ + shift
        for _ in range(60):
            slope, hessian = split.train_gradient(w, at), split.hessian(w, at).matrix
            unit = 1.0 / np.sqrt(np.diag(hessian))
            scaled = hessian * unit * unit[:, None] + 1e-14 * np.eye(len(unit))
            move = -unit[:, None] * np.linalg.solve(scaled, unit[:, None] * slope)
            size, value = 1.0, split.train_loss(w, at)
            while not split.train_loss(w + size * move, at) <= value and size > 1e-10:
                size /= 2.0
            w = w + size * move
            if -np.vdot(slope, move) < 1e-20 * value:
                break
    return [w]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(4))
def test_minimum_does_not_depend_on_the_start_or_on_earlier_solutions(engine, seed):
    rng = np.random.default_rng(seed)
    with use_limits(**ENGINES[engine]):
        problem = problem_of(*rare_features(seed))
        lambda_ = rng.choice([-35.0, -12.0, -4.0, 10.0], problem.n_groups)
        found = problem.minimize(lambda_, None)
        best = train_loss(problem, lambda_, through_penalties(problem, lambda_))
        assert train_loss(problem, lambda_, found) == pytest.approx(best, rel=1e-9)
        for size in (0.1, 1.0, 10.0):
            start = [size * rng.standard_normal(w.shape) for w in found]
            again = problem.minimize(lambda_, start)
            assert train_loss(problem, lambda_, again) == pytest.approx(best, rel=1e-9)


def allow_iterations(monkeypatch, n):
    """Limit the iterations of a run of both engines."""
    for module in (split_set, factored_newton):
        monkeypatch.setattr(module, "NEWTON_MAX_ITER", n)


@pytest.mark.parametrize("engine", ENGINES)
def test_minima_beyond_the_iterations_of_one_run_are_reached(engine, monkeypatch):
    allow_iterations(monkeypatch, 14)
    with use_limits(**ENGINES[engine]):
        problem = problem_of(*rare_features(5))
        lambda_ = np.full(problem.n_groups, -20.0)
        found = problem.minimize(lambda_, None)
        best = train_loss(problem, lambda_, through_penalties(problem, lambda_))
    assert train_loss(problem, lambda_, found) == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_minima_that_are_not_reached_are_counted(engine, monkeypatch):
    allow_iterations(monkeypatch, 2)
    with use_limits(**ENGINES[engine]):
        problem = problem_of(*rare_features(5))
        problem.minimize(np.full(problem.n_groups, -35.0), None)
    assert problem.counts.n_unfinished_solves == 1


@pytest.mark.parametrize("seed", range(3))
def test_useless_matrices_do_not_end_a_solve(seed, monkeypatch):
    with use_limits(**ENGINES["products"]):
        problem = problem_of(*rare_features(seed))
        lambda_ = np.full(problem.n_groups, -9.0)
        best = train_loss(problem, lambda_, problem.minimize(lambda_, None))
        shared = problem.split_set.shared_curvature
        shared.matrix = np.full_like(shared.matrix, np.nan)
        shared._factored = shared._own = shared._sums = None
        monkeypatch.setattr(shared, "renew_if_due", lambda raw, is_accurate=False: None)
        found = problem.minimize(lambda_, None)
    assert train_loss(problem, lambda_, found) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_least_decrement_is_at_most_the_decrement(seed):
    rng = np.random.default_rng(seed)
    problem = problem_of(*rare_features(seed))
    (split,) = problem.splits
    w = rng.choice([0.1, 1.0, 10.0]) * rng.standard_normal(split.shape)
    lambda_ = rng.uniform(-8.0, 5.0, problem.n_groups)
    slope = split.train_gradient(w, lambda_)
    exact = np.vdot(slope, split.hessian(w, lambda_).solve(slope))
    assert 0.0 < least_decrement(split.product_hessian(w, lambda_), slope) <= exact
