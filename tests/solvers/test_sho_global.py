"""The global hypernetwork: its gradients by hand, and where it leads."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.datasets import fetch_mnist
from sklearn_myhpo.losses import SquaredLoss
from sklearn_myhpo.solvers import SHOGlobal, Status, minimize_bilevel
from sklearn_myhpo.solvers.sho_global import training_gradient
from sklearn_myhpo.solvers.steps.hypernetwork import Adam, Hypernetwork
from sklearn_myhpo.solvers.steps.packing import taken_apart
from tests.helpers import (
    PROBLEMS,
    Spec,
    class_spec,
    data_for,
    needs_real_data,
    numerical_gradient,
)

#: One lambda and several, one split and several, all losses.
SOME = ["ridge-holdout", "ridge-groups", "ridge-targets", "multinomial-groups"]


def a_network(n_groups, n_outputs, n_hidden=7, seed=0):
    """Return a network with parameters of the size of one."""
    rng = np.random.default_rng(seed)
    shapes = (n_hidden, n_groups), (n_hidden,), (n_outputs, n_hidden), (n_outputs,)
    return Hypernetwork(*map(rng.standard_normal, shapes))


def a_state(problem, lambda_):
    """Return a state whose network has not been trained."""
    weights = [split.start() + 0.1 for split in problem.splits]
    state = SHOGlobal().init(problem, lambda_, weights)
    adam = Adam.start(a_network(problem.n_groups, len(state.base)))
    return state._replace(adam=adam)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", SOME)
def test_training_gradient(name):
    """Backpropagation by hand, through the training losses of all splits."""
    problem = PROBLEMS[name]()
    state = a_state(problem, np.full(problem.n_groups, -1.0))
    noise = np.random.default_rng(1).standard_normal((2, problem.n_groups))
    network = state.adam.network

    def mean_loss(network):
        losses = []
        for row in noise:
            hidden = np.maximum(network.inner @ row + network.inner_bias, 0)
            output = network.outer @ hidden + network.outer_bias
            weights = taken_apart(problem, state.base + state.unit * output)
            losses += [
                split.train_loss(w, state.centre + row)
                for split, w in zip(problem.splits, weights, strict=True)
            ]
        return np.array(sum(losses) / 2 / problem.null_loss)

    gradient = training_gradient(problem, state, network, noise)
    for index, (found, values) in enumerate(zip(gradient, network, strict=True)):

        def moved(x, index=index):
            return mean_loss(Hypernetwork(*network[:index], x, *network[index + 1 :]))

        numerical = numerical_gradient(moved, values)
        size = np.abs(numerical).max()
        np.testing.assert_allclose(found, numerical, atol=1e-5 * size)


@pytest.mark.parametrize("name", SOME)
def test_hypergradient(name):
    """The slope of the validation loss through the frozen network."""
    problem, solver = PROBLEMS[name](), SHOGlobal()
    state = a_state(problem, np.full(problem.n_groups, -1.0))
    lambda_ = -1.5 + 0.2 * np.arange(problem.n_groups)
    numerical = numerical_gradient(
        lambda x: np.array(solver.evaluate(problem, state, x).objective), lambda_
    )
    found = solver.evaluate(problem, state, lambda_).gradient
    np.testing.assert_allclose(found, numerical, rtol=1e-5)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["ridge-holdout", "logistic-groups"])
def test_ends_at_a_minimum_through_the_network(name):
    """Its own fixed point: no lambda close by has a lower loss through the network."""
    problem = PROBLEMS[name]()
    solver = SHOGlobal(n_train_steps=1000, learning_rate=1e-3)
    rng, losses = np.random.default_rng(0), []
    state = solver.init(problem, np.full(problem.n_groups, -2.0), problem.starts())
    while state.error > 1e-6 and len(losses) < 200:
        state, info = solver.step(problem, state, rng)
        losses.append(info.train_loss)
    assert state.error <= 1e-6
    assert losses[99] < losses[0]
    network = state.adam.network
    for group, move in np.ndindex(problem.n_groups, 2):
        x = state.lambda_.copy()
        x[group] += (-0.05, 0.05)[move]
        hidden = np.maximum(network.inner @ (x - state.centre) + network.inner_bias, 0)
        row = state.base + state.unit * (network.outer @ hidden + network.outer_bias)
        loss = problem.validation_loss(taken_apart(problem, row))
        assert loss >= state.value.objective * (1 - 1e-9)


def ten_rows(X, y):
    """Return a regression of the indicators of ten classes on one row of each."""
    first = np.array([np.flatnonzero(y == label)[0] for label in range(10)])
    rest = np.setdiff1d(np.arange(len(y)), first)[:300]
    order = np.concatenate([first, rest])
    pairs = [(np.arange(10), np.arange(10, 310))]
    labels = np.zeros(X.shape[1], dtype=np.intp)
    return Spec(X[order], np.eye(10)[y[order]], SquaredLoss(), pairs, labels)


def check_near_the_scan(spec):
    """Check that the minimum through the network is near that of a dense scan.

    Within one unit of lambda, of a range of sixteen, and one percent of the loss; the
    best model without features is a quarter or more above it.
    """
    problem = spec.problem(all_directions=False)
    grid, weights, losses = np.linspace(2, -14, 81), problem.starts(), []
    for lambda_ in grid:
        weights = problem.minimize(np.array([lambda_]), weights)
        losses.append(problem.validation_loss(weights))
    assert problem.null_loss > 1.25 * min(losses)
    result = minimize_bilevel(
        spec.problem(all_directions=False),
        SHOGlobal(n_train_steps=2000, learning_rate=1e-3),
        random_state=0,
        max_iter=200,
    )
    assert result.status is Status.CONVERGED
    assert abs(result.lambda_[0] - grid[np.argmin(losses)]) < 1.0
    at_exact = problem.minimize(result.lambda_, weights)
    assert problem.validation_loss(at_exact) <= 1.01 * min(losses)
    np.testing.assert_allclose(result.validation_loss, min(losses), rtol=0.03)


@pytest.mark.slow
def test_ten_rows_of_digits():
    """The experiment of the paper, on small bundled images."""
    X, y = load_digits(return_X_y=True)
    check_near_the_scan(ten_rows(X / 16.0, y))


@needs_real_data
def test_ten_rows_of_mnist():
    """The experiment of the paper, but for the loss."""
    X, y = fetch_mnist(return_X_y=True, download_if_missing=False)
    check_near_the_scan(ten_rows(X[:2000] / 255.0, y[:2000]))


def test_published_steps_on_lambda_end_at_the_same_place():
    """A number for step_size is the paper's gradient descent."""
    results = [
        minimize_bilevel(
            PROBLEMS["ridge-holdout"](),
            SHOGlobal(n_train_steps=500, learning_rate=1e-3, step_size=step_size),
            max_iter=1000,
            random_state=0,
            tol=1e-4,
        )
        for step_size in ("auto", 0.3)
    ]
    assert all(result.status is Status.CONVERGED for result in results)
    np.testing.assert_allclose(results[0].lambda_, results[1].lambda_, atol=0.02)


# Powers of two round nothing, and so leave the network the same random start.
@pytest.mark.one_in(2)
@pytest.mark.parametrize("scale", [2.0**20, 2.0**-20])
def test_units_do_not_matter(scale):
    """Adam takes steps of a fixed size, which large weights would be far away for."""
    X, y = data_for(BilevelRidge, n_samples=60, n_features=5)
    one, two = (
        BilevelRidge(
            solver=SHOGlobal(n_train_steps=500, learning_rate=1e-3),
            cv=2,
            random_state=0,
        ).fit(each, y)
        for each in (X, scale * X)
    )
    np.testing.assert_allclose(two.lambda_, one.lambda_ + 2 * np.log(scale), atol=1e-3)


def test_the_seed_decides():
    """The lambdas that it is trained on are drawn from the seed."""
    fits = [
        minimize_bilevel(
            PROBLEMS["ridge-groups"](), SHOGlobal(), max_iter=4, random_state=seed
        ).history["train_loss"]
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(fits[0], fits[1])
    assert not np.array_equal(fits[0], fits[2])


def test_a_large_learning_rate_does_not_crash():
    """What was last finite is kept."""
    solver = SHOGlobal(learning_rate=1e200)
    result = minimize_bilevel(PROBLEMS["ridge-groups"](), solver, random_state=0)
    assert result.status is Status.DIVERGED
    assert all(np.all(np.isfinite(w)) for w in result.weights)


@pytest.mark.slow
def test_three_classes_in_groups():
    """The estimator's way: one softmax, K-fold, two lambdas."""
    spec = class_spec(n_classes=3)
    labels = [0, 0, 0, 1, 1, 1]
    model, exact = (
        BilevelLogisticRegression(
            solver=solver, feature_groups=labels, cv=2, random_state=0
        ).fit(spec.X, spec.y)
        for solver in (SHOGlobal(n_train_steps=2000, learning_rate=1e-3), "implicit")
    )
    assert model.converged_
    np.testing.assert_allclose(
        model.validation_loss_, exact.validation_loss_, rtol=0.02
    )


@pytest.mark.slow
@pytest.mark.parametrize("cls", [BilevelRidge, BilevelLogisticRegression])
def test_published_training_is_long_enough(cls):
    """The default, by its name, would end where the network knows nothing."""
    X, y = data_for(cls)
    options = {"cv": 0.3, "random_state": 0}
    model = cls(solver="sho_global", **options).fit(X, y)
    exact = cls(solver="implicit", **options).fit(X, y)
    assert model.converged_
    np.testing.assert_allclose(
        model.validation_loss_, exact.validation_loss_, rtol=0.02
    )


def test_many_weights_are_refused():
    """Fifty parameters a weight would fill the memory before a word was said."""
    X = np.random.default_rng(0).standard_normal((40, 25_000))
    y = X[:, 0]
    labels = np.arange(25_000) % 2
    model = BilevelRidge(solver="sho_global", feature_groups=labels)
    with pytest.raises(ValueError, match="'n_hidden' parameter") as error:
        model.set_params(solver=SHOGlobal(n_hidden=50_000)).fit(X, y)
    for word in ("50000", "at most 5000000", "'implicit'"):
        assert word in str(error.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_hidden": 0}, ["'n_hidden'", "0"]),
        ({"scale": 0.0}, ["'scale'", "0.0"]),
        ({"batch_size": 0}, ["'batch_size'", "0"]),
        ({"learning_rate": -1.0}, ["'learning_rate'", "-1.0"]),
        ({"n_train_steps": 0}, ["'n_train_steps'", "0"]),
        ({"step_size": 0.0}, ["'step_size'", "0.0", "auto"]),
    ],
)
def test_bad_options(options, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="parameter") as error:
        SHOGlobal(**options)
    for word in words:
        assert word in str(error.value)
