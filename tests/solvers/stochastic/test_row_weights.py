"""Stochastic solvers of weights of rows: unbiased, bounded, and they arrive."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from sklearn_myhpo import BilevelLogisticRegression
from sklearn_myhpo.bilevel.row_weights import RowWeightsProblem
from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.engine.glm.row_groups import RowGroups
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.penalties.groups import FeatureGroups
from sklearn_myhpo.solvers import Implicit, Stochastic, minimize_bilevel
from sklearn_myhpo.solvers.stochastic import f2sa
from sklearn_myhpo.solvers.stochastic.neumann import Places
from sklearn_myhpo.solvers.stochastic.row_steps import make_outer
from sklearn_myhpo.solvers.stochastic.rules import RULES
from sklearn_myhpo.solvers.stochastic.steps import measured_steps
from sklearn_myhpo.solvers.stochastic.walk import Walk
from tests.bilevel.test_row_weights import (
    LOSSES,
    N_GROUPS,
    N_TRAIN,
    N_VALIDATION,
    data,
    differences,
    somewhere,
)

NAMES = ["ridge", "logistic", "multinomial"]
HELD = np.array([-2.0, -2.0])


def problem_of(name, is_each=False, container=np.asarray, penalties=None):
    """Return the problem of the weights of groups of training rows, or of each."""
    X, y = data(name)
    labels = np.arange(N_TRAIN) % (N_TRAIN if is_each else N_GROUPS)
    n_groups = labels.max() + 1
    plain = BilevelProblem(
        container(X),
        y,
        LOSSES[name],
        FeatureGroups(np.array([0, 0, 1, 1, 1]), ("first", "second")),
        [(np.arange(N_TRAIN), np.arange(N_TRAIN, len(X)))],
        by_rows=True,
    )
    labels = np.append(labels, np.full(N_VALIDATION, n_groups))
    return RowWeightsProblem(plain, RowGroups(labels, np.arange(n_groups)), penalties)


def exact_z(problem, lambda_):
    """Return exact weights and adjoints, (2, 1, n_outputs, m)."""
    weights = problem.minimize(lambda_, tol=1e-14)
    hessians = problem.hessians(lambda_, weights)
    slopes = problem.validation_gradients(weights)
    adjoints = problem.split_set.solve(hessians, slopes, 1e-13)
    return np.stack([np.stack(one).swapaxes(1, 2) for one in (weights, adjoints)])


def walk_at(problem, lambda_, z, size=7):
    """Return a `Walk` that has seen all rows."""
    batches = problem.sample_row_batches(np.random.default_rng(0), size)
    outer = make_outer(problem).after(batches.everything(z, lambda_))
    steps = measured_steps(batches, 0.5)[0]
    rng = np.random.default_rng(0)
    return Walk(batches, outer, steps, lambda_, z.copy(), 0, rng, 10)


def objective(problem):
    """Return the objective at exact weights as a function of lambda."""
    return lambda at: problem.objective(at, problem.minimize(at, tol=1e-14))


@pytest.mark.one_in(5)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("is_each", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_directions_are_unbiased(name, is_each, container):
    """Steps would lead elsewhere: the mean of all batches against differences."""
    problem = problem_of(name, is_each, container)
    lambda_ = somewhere(problem)
    z = exact_z(problem, lambda_)
    expected = differences(objective(problem), lambda_)
    for limits in ({}, {"kept_entries": 0}, {"dense_batch_entries": 0}):
        with use_limits(**limits):
            walk = walk_at(problem, lambda_, z)
        n, sums, pull = len(walk.batches), 0.0, 0.0
        for batch in walk.visit(np.arange(n)):
            raw = batch.forward(z)
            scalars = batch.scalars(raw)
            sums = sums + batch.adjoint(scalars)
            pull = pull + batch.pull(scalars, raw, n) / n
        assert n > 5
        np.testing.assert_allclose(sums + walk.penalty * z, 0.0, atol=1e-7)
        slope = walk.outer.hypergradient(lambda_, walk.penalty, *z, pull)
        np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-8)
        whole = walk.batches.everything(z, lambda_)
        np.testing.assert_allclose(whole.rows.pull, pull, atol=1e-12)
        np.testing.assert_allclose(whole.gradients, sums, atol=1e-12)
        np.testing.assert_allclose(walk.pull(np.arange(n)), pull, atol=1e-12)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", NAMES)
def test_places_have_weights_of_their_own(name):
    """Momentum would compare two lambdas under the weights of one of them."""
    problem = problem_of(name)
    lambdas = [somewhere(problem), somewhere(problem) + 0.3]
    zs = [exact_z(problem, one) for one in lambdas]
    walk = walk_at(problem, lambdas[0], zs[0])
    places = Places(walk, [z[0] for z in zs], lambdas)
    every = np.arange(len(walk.batches))
    np.testing.assert_allclose(places.gradients(every), 0.0, atol=1e-7)
    found = places.slopes(np.stack([z[1] for z in zs]), every)
    for slope, lambda_ in zip(found, lambdas, strict=True):
        expected = differences(objective(problem), lambda_)
        np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-8)
    right = places.held_out(every)
    first, second = (places.adjoints(right, [every] * n) for n in (1, 2))
    for number, lambda_ in enumerate(lambdas):
        w, q = zs[number][0, 0].T.copy(), first[number, 0].T.copy()
        image = problem.splits[0].product_hessian(w, lambda_).product(q)
        right = first[number, 0] / places.scale[number, 0]
        expected = first[number, 0] - places.scale[number, 0] * (image.T - right)
        np.testing.assert_allclose(second[number, 0], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_f2sa_has_the_slope_of_its_lagrangian(name):
    """At any y and z it is ``s d/ds (L_T(y) - L_T(z))``, by differences."""
    problem, s = problem_of(name), f2sa.multiplier(0)
    lambda_, (split,) = somewhere(problem), problem.splits
    z = exact_z(problem, lambda_)
    both = np.stack([z[0] + 0.1, z[0]])
    walk = walk_at(problem, lambda_, z)
    pull = RULES["f2sa"].pull(walk, np.arange(len(walk.batches)), both, s)
    mean, adjoint = both.mean(axis=0), -s * (both[0] - both[1])
    slope = walk.outer.hypergradient(lambda_, walk.penalty, mean, adjoint, pull)

    def lagrangian(at):
        y, z = (split.train_loss(one[0].T.copy(), at) for one in both)
        return s * (y - z)

    expected = differences(lagrangian, lambda_)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("is_each", [False, True])
def test_energy_bounds_the_response(is_each):
    """Steps would be longer than the curvature allows: ``J'HJ <= diag(E)``."""
    problem = problem_of("ridge", is_each)
    lambda_ = somewhere(problem)
    z = exact_z(problem, lambda_)
    rows = walk_at(problem, lambda_, z).outer.totals
    share = 1.0 - problem.row_weights(lambda_)
    place = problem.at(lambda_, problem.minimize(lambda_))
    metric = place.model(1e-12).metric[2:, 2:]
    room = np.diag(share**2 * rows.energy) - metric
    assert np.linalg.eigvalsh(room).min() > -1e-12
    assert np.all(rows.pull**2 <= rows.energy * rows.other * (1.0 + 1e-12))


@pytest.mark.one_in(5)
@pytest.mark.parametrize("method", RULES)
def test_methods_come_nearer(method):
    """A method that leaves the weights of rows where they are would look at work."""
    problem = problem_of("logistic", penalties=HELD)
    start = problem.lifted(HELD)
    best = minimize_bilevel(problem, Implicit(steps="lbfgs"), max_iter=300)
    first = objective(problem)(start)
    result = minimize_bilevel(
        problem, Stochastic(method), lambda_init=start, max_iter=60, random_state=0
    )
    left = objective(problem)(result.lambda_) - best.validation_loss
    share = {"saba": 0.01, "srba": 0.01, "f2sa": 0.9, "mrbo": 0.9}.get(method, 0.6)
    assert left <= share * (first - best.validation_loss)
    # The noise is part of the question, the penalties that are held are not.
    np.testing.assert_array_equal(result.lambda_[:2], start[:2])
    assert np.all(np.isfinite(result.weights))


@pytest.mark.one_in(2)
@pytest.mark.parametrize("method", ["saba", "srba"])
def test_penalties_may_be_learned_too(method):
    """From code both are hyperparameters of one problem."""
    problem, start = problem_of("ridge"), np.full(2 + N_GROUPS, -2.0)
    start[2:] = 0.0
    options = {"lambda_init": start, "max_iter": 200, "tol": 1e-4}
    found = minimize_bilevel(problem, Stochastic(method), random_state=0, **options)
    best = minimize_bilevel(problem, Implicit(), lambda_init=start).validation_loss
    first, loss = map(objective(problem), (start, found.lambda_))
    assert loss - best <= 0.05 * (first - best)
    assert np.abs(found.lambda_[:2] - start[:2]).min() > 0.3


@pytest.mark.one_in(6)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("method", ["saba", "srba", "soba"])
def test_wrong_labels_are_found(method, container):
    """The weights would not tell right labels from wrong ones."""
    rng = np.random.default_rng(0)
    category = np.arange(240) % 4
    right, wrong = category % 2, rng.random(120) < 0.3
    y = right.copy()
    y[:120][wrong] = 1 - y[:120][wrong]
    X = container(np.eye(4)[category])
    model = BilevelLogisticRegression(
        solver=Stochastic(method), fit_intercept=False, max_iter=150, random_state=0
    )
    given = {"X_val": X[120:], "y_val": right[120:], "row_groups": "each"}
    with pytest.warns(ConvergenceWarning):
        model.fit(X[:120], y[:120], **given)
    np.testing.assert_array_equal(model.row_weights_ < 0.5, wrong)
    assert model.score(X[120:], right[120:]) == 1.0


@pytest.mark.parametrize("method", RULES)
def test_absurd_steps_are_told(method):
    """Weights of no use would pass for a result."""
    problem = problem_of("logistic", penalties=HELD)
    solver = Stochastic(method, step_sizes=(1e4, 1e4))
    start = problem.lifted(HELD)
    result = minimize_bilevel(problem, solver, lambda_init=start, random_state=0)
    assert "diverged" in result.message
    assert np.all(np.isfinite(result.weights))
