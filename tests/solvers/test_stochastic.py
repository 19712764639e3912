"""Stochastic solvers: batches, directions, steps, and learning in parts."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.data.batches import sample_batches
from sklearn_myhpo.data.dense import DenseDesign, StreamedDesign
from sklearn_myhpo.engine.plan import use_limits
from sklearn_myhpo.solvers import Implicit, Status, Stochastic, minimize_bilevel
from sklearn_myhpo.solvers.stochastic.epochs import (
    Tables,
    double_loop,
    saba_direction,
    soba_direction,
)
from sklearn_myhpo.solvers.stochastic.steps import Outer, measured_steps
from tests.helpers import SPECS, class_spec, numerical_gradient, ridge_spec, sparsified

METHODS = ["saba", "soba", "amigo", "stocbio"]
NAMES = [
    "ridge-5-fold",
    "ridge-targets",
    "ridge-sparse",
    "ridge-weighted",
    "logistic-groups",
    "logistic-no-intercept",
    "multinomial",
]


def by_rows(name):
    return SPECS[name]().problem(by_rows=True)


def random_z(problem, seed=0):
    """Return random weights and adjoints of all splits."""
    m, k = problem.splits[0].shape
    shape = (m, 2, len(problem.splits), k)
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize(("n", "size"), [(1, 64), (7, 64), (100, 64), (1000, 64)])
def test_batches_are_a_partition(n, size):
    """A row that is in no batch would be lost, one in two would count twice."""
    strata = np.arange(n) % 4 == 0
    batches = sample_batches(np.random.default_rng(0), n, size, strata)
    again = sample_batches(np.random.default_rng(0), n, size, strata)
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(n))
    assert max(map(len, batches)) <= size
    assert all(map(np.array_equal, batches, again))
    shares = [strata[batch].sum() for batch in batches]
    assert max(shares) - min(shares) <= 3


@pytest.mark.parametrize("name", NAMES)
def test_directions_are_unbiased(name):
    """The mean over all batches is the gradient of all rows, by other code."""
    problem = by_rows(name)
    batches = problem.sample_row_batches(np.random.default_rng(0), 7)
    z, zero = random_z(problem), np.full(problem.n_groups, -np.inf)
    numbers = range(len(batches))
    mean = np.mean([soba_direction(batches, i, z) for i in numbers], axis=0)
    parts = {
        "inner": lambda i: batches.inner(i, z[:, 0]),
        "curved": lambda i: batches.curved(i, z),
        "outer": lambda i: batches.outer(i, z[:, 0]),
    }
    means = {key: np.mean([f(i) for i in numbers], axis=0) for key, f in parts.items()}
    for k, split in enumerate(problem.splits):
        w, q = z[:, 0, k].copy(), z[:, 1, k].copy()
        gradient, pull = split.train_gradient(w, zero), split.validation_gradient(w)
        bent = split.product_hessian(w, zero).product(q)
        np.testing.assert_allclose(mean[:, 0, k], gradient, atol=1e-12)
        np.testing.assert_allclose(mean[:, 1, k], bent - pull, atol=1e-12)
        np.testing.assert_allclose(means["inner"][:, k], gradient, atol=1e-12)
        np.testing.assert_allclose(means["curved"][:, k], bent, atol=1e-12)
        np.testing.assert_allclose(means["outer"][:, k], pull, atol=1e-12)
    found = batches.everything(z)
    np.testing.assert_allclose(found.gradients, mean, atol=1e-12)
    losses = [
        s.validation_loss(z[:, 0, k].copy()) for k, s in enumerate(problem.splits)
    ]
    np.testing.assert_allclose(found.validation_losses, losses, rtol=1e-12)


@pytest.mark.parametrize("name", ["logistic-5-fold", "multinomial", "ridge-targets"])
def test_tables_of_scalars_are_tables_of_vectors(name):
    """SABA as published keeps a gradient per batch; the scalars must stand for them."""
    problem = by_rows(name)
    rng = np.random.default_rng(0)
    batches = problem.sample_row_batches(rng, 8)
    start = batches.everything(random_z(problem))
    tables = Tables(start.scalars, start.gradients)
    vectors = [
        soba_direction(batches, i, random_z(problem)) for i in range(len(batches))
    ]
    for seed, number in enumerate(rng.integers(len(batches), size=25)):
        z = random_z(problem, seed)
        new = soba_direction(batches, number, z)
        expected = new - vectors[number] + np.mean(vectors, axis=0)
        direction = saba_direction(batches, number, z, tables)
        np.testing.assert_allclose(direction, expected, atol=1e-11)
        vectors[number] = new


@pytest.mark.parametrize("name", ["logistic-groups", "ridge-weighted"])
def test_hypergradient_at_exact_adjoints(name):
    """With exact weights and adjoints it is the derivative of the objective."""
    problem = by_rows(name)
    lambda_ = np.linspace(-3.0, -1.0, problem.n_groups)
    weights = problem.minimize(lambda_, problem.starts(), 1e-14)
    adjoints = problem.split_set.solve(
        problem.hessians(lambda_, weights), problem.validation_gradients(weights)
    )
    z = np.stack([np.stack(weights, 1), np.stack(adjoints, 1)], axis=1)
    outer = Outer(problem)
    slope = outer.hypergradient(lambda_, outer.penalty(lambda_), z)

    def objective(point):
        return problem.estimate(point, problem.minimize(point, weights, 1e-14))

    expected = numerical_gradient(objective, lambda_, 1e-4)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", ["ridge-each", "logistic-holdout"])
def test_saba_ends_at_the_optimum(name):
    """Constant steps without noise in the limit: what the tables are for."""
    problem = by_rows(name)
    result = minimize_bilevel(
        problem, Stochastic(), max_iter=1000, tol=1e-6, random_state=0
    )
    assert result.status is Status.CONVERGED
    referee = minimize_bilevel(SPECS[name]().problem(), Implicit(), tol=1e-8)
    np.testing.assert_allclose(
        result.validation_loss, referee.validation_loss, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("method", "epochs"), [("saba", 30), ("soba", 50), ("amigo", 200)]
)
def test_progress_from_a_strong_penalty(method, epochs):
    """Every unbiased method must undo most of a bad start; inner loops take longer."""
    spec = class_spec(n_samples=1500, n_features=8, n_folds=1)
    problem = spec.problem(by_rows=True)
    start = np.zeros(1)
    before = problem.estimate(start, problem.minimize(start, problem.starts()))
    best = minimize_bilevel(spec.problem(), Implicit()).validation_loss
    result = minimize_bilevel(
        problem, Stochastic(method), lambda_init=0.0, max_iter=epochs, random_state=0
    )
    weights = problem.minimize(result.lambda_, problem.starts())
    after = problem.estimate(result.lambda_, weights)
    assert after - best <= 0.1 * (before - best)


def test_stocbio_sums_a_neumann_series():
    """One iteration against products of the batches' Hessians, written out."""
    problem, n_inner, lambda_ = by_rows("ridge-weighted"), 4, np.full(3, -1.0)
    batches = problem.sample_row_batches(np.random.default_rng(0), 8)
    steps = measured_steps(batches, 1.0)[0]
    z, outer = random_z(problem), Outer(problem)
    order = np.arange(2 * n_inner + 1)[None] % len(batches)
    _, after = double_loop(
        batches, outer, order, lambda_, z, n_inner, True, lambda k: steps
    )
    penalty = outer.penalty(lambda_)
    scale, w = steps.scale(penalty), z[:, 0]
    for number in order[0, :n_inner]:
        w = w - scale[..., None] * (batches.inner(number, w) + penalty[..., None] * w)
    np.testing.assert_allclose(after[:, 0], w, rtol=1e-12)
    pull = batches.outer(order[0, n_inner], w)
    size = len(penalty)
    for k in range(len(problem.splits)):
        factors = []
        for number in order[0, n_inner + 1 :]:
            rows = batches.block(number).matrix
            weight = len(batches) * batches.train[batches.index(number), k]
            hessian = rows.T @ (weight * rows) + np.diag(penalty[:, 0])
            factors.append(np.eye(size) - scale * hessian)
        series = sum(
            np.linalg.multi_dot([np.eye(size), *factors[:first:-1], scale * pull[:, k]])
            for first in range(n_inner)
        )
        np.testing.assert_allclose(after[:, 1, k], series, rtol=1e-9)


@pytest.mark.parametrize("make", [ridge_spec, class_spec])
def test_dense_sparse_and_file_give_the_same(make, tmp_path):
    """How X is stored may not decide what is learned."""
    spec = sparsified(make(n_samples=150, n_groups=3))
    dense = replace(spec, X=spec.dense)
    file = np.lib.format.open_memmap(
        tmp_path / "X.npy", "w+", dtype=float, shape=spec.dense.shape
    )
    file[...] = spec.dense
    problems = [
        one.problem(by_rows=True) for one in (dense, spec, replace(spec, X=file))
    ]
    assert isinstance(problems[2].splits[0].rows, StreamedDesign)
    assert problems[2].splits[0].rows.X is file
    first, *others = [
        minimize_bilevel(
            problem, Stochastic(), lambda_init=-2.0, max_iter=5, random_state=0
        )
        for problem in problems
    ]
    for other in others:
        np.testing.assert_allclose(other.lambda_, first.lambda_, atol=1e-8)
        np.testing.assert_allclose(other.weights, first.weights, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_streamed_rows_are_rows(dtype):
    """Blocks of a file, centred on the way, against all rows in memory."""
    X = ridge_spec().X.astype(dtype) + dtype(100)
    weight = np.random.default_rng(0).random(len(X))
    plain = DenseDesign(X.astype(float)).at_means(weight, True)
    with use_limits(block_entries=60):
        streamed = StreamedDesign(X).at_means(weight, True)
        w = np.ones((X.shape[1] + 1, 2))
        values = np.random.default_rng(1).random((len(X), 2))
        np.testing.assert_allclose(streamed.shift, plain.shift, rtol=1e-13)
        for name, argument in [
            ("forward", w),
            ("adjoint", values),
            ("gram", weight),
            ("squares", values),
        ]:
            found, expected = (
                getattr(one, name)(argument) for one in (streamed, plain)
            )
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-9)
        for name in ("to_dense", "row_products"):
            found, expected = (getattr(one, name)() for one in (streamed, plain))
            np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-9)


@pytest.mark.parametrize("load", [load_diabetes, load_breast_cancer, load_wine])
@pytest.mark.parametrize("method", METHODS)
def test_default_steps_stay_finite_at_any_scale(method, load):
    """Features as they are, times powers of ten: nothing may blow up."""
    X, y = load(return_X_y=True)
    scale = 10.0 ** np.random.default_rng(0).integers(-6, 7, X.shape[1])
    cls = BilevelRidge if load is load_diabetes else BilevelLogisticRegression
    solver = Stochastic(method)
    model = cls(solver=solver, cv=0.25, max_iter=4, refit=False, random_state=0)
    for factor in (1.0, scale):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.set_params(feature_groups="each").fit(X * factor, y)
        assert model.n_iter_ == 4
        assert np.all(np.isfinite(model.coef_))
        assert np.all(np.isfinite(model.history_["validation_loss"]))


def test_scale_of_the_features_changes_nothing():
    """With the start moved alike, features in other units end at the same model."""
    spec = ridge_spec(n_samples=120, n_features=6, n_groups=6)
    results = []
    for factor in (1.0, 1e6):
        problem = replace(spec, X=factor * spec.X).problem(by_rows=True)
        results.append(
            minimize_bilevel(
                problem,
                Stochastic(),
                lambda_init=-2.0 + 2 * np.log(factor),
                max_iter=10,
                random_state=0,
            )
        )
    one, other = results
    np.testing.assert_allclose(other.lambda_ - 2 * np.log(1e6), one.lambda_, atol=1e-6)
    np.testing.assert_allclose(other.validation_loss, one.validation_loss, rtol=1e-8)


def test_published_steps_are_the_published_ones():
    """alpha and beta given, one batch: plain gradient steps on all three."""
    problem = by_rows("logistic-holdout")
    solver = Stochastic("saba", batch_size=1000, step_sizes=(0.5, 0.25))
    result = minimize_bilevel(
        problem, solver, lambda_init=-2.0, max_iter=1, random_state=0
    )
    batches = problem.sample_row_batches(np.random.default_rng(0), 1000)
    assert result.n_iter == 1
    (split,) = problem.splits
    w, q, lambda_ = np.zeros(split.shape), np.zeros(split.shape), np.array([-2.0])
    rng = np.random.default_rng(0)
    problem.sample_row_batches(rng, 1000)
    start = batches.everything(np.zeros((*split.shape[:1], 2, 1, 1)))
    tables = Tables(start.scalars, start.gradients)
    for number in rng.permutation(len(batches)):
        z = np.stack([w, q], axis=1)[:, :, None]
        direction = saba_direction(batches, number, z, tables)[:, :, 0]
        p = split.penalty(lambda_)
        slope = -np.sum(p * w * q)
        w, q = (
            w - 0.5 * (direction[:, 0] + p * w),
            q - 0.5 * (direction[:, 1] + p * q),
        )
        lambda_ = lambda_ - 0.25 * slope
    np.testing.assert_allclose(result.weights[0], w, rtol=1e-12)
    np.testing.assert_allclose(result.lambda_, lambda_, rtol=1e-12)


def test_counts_are_passes():
    """An epoch of SABA asks each row once, and once more for the residual."""
    problem = by_rows("logistic-5-fold")
    result = minimize_bilevel(
        problem, Stochastic(), lambda_init=-2.0, max_iter=3, random_state=0
    )
    passes = np.diff(result.history["n_train_gradients"])
    np.testing.assert_allclose(passes, 2 * len(problem.splits))


def test_rows_are_needed():
    """A problem of moments must say why a solver of rows fails on it."""
    with pytest.raises(ValueError, match="by_rows=True"):
        minimize_bilevel(SPECS["ridge-holdout"]().problem(), Stochastic())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "sgd"}, ["'method'", "saba", "sgd"]),
        ({"batch_size": 0}, ["'batch_size'", "0"]),
        ({"n_inner_steps": 0}, ["'n_inner_steps'", "0"]),
        ({"step_sizes": (1.0,)}, ["'step_sizes'", "alpha, beta"]),
        ({"step_sizes": "big"}, ["'step_sizes'", "auto", "big"]),
    ],
)
def test_bad_options(options, words):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match="parameter") as error:
        Stochastic(**options)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("method", ["saba", "amigo"])
def test_large_steps_keep_the_last_finite_iterate(method):
    """As for every other solver: no NaN, and a word about it."""
    solver = Stochastic(method, step_sizes=(1e4, 1e4))
    result = minimize_bilevel(
        by_rows("ridge-holdout"), solver, lambda_init=-1.0, random_state=0
    )
    assert result.status is Status.DIVERGED
    assert np.all(np.isfinite(result.weights))


def parts(X, y, size=200):
    """Yield the rows in parts."""
    for start in range(0, len(y), size):
        yield X[start : start + size], y[start : start + size]


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_partial_fit_learns(method, kind):
    """Parts of the data, once each, must come close to a fit of them all."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    order = np.random.default_rng(0).permutation(np.tile(np.arange(len(y)), 8))
    model = BilevelLogisticRegression(
        solver=Stochastic(method), cv=0.25, random_state=0
    )
    for part in parts(kind(X)[order], y[order]):
        model.partial_fit(*part, classes=[0, 1])
    assert model.score(X, y) > 0.96
    assert model.n_iter_ == len(model.history_["lambda"]) == -(-len(order) // 200)
    assert pytest.approx(0.5 / len(order) / np.exp(model.lambda_)) == model.C_
    assert model.certificate_ is None


def test_partial_fit_of_a_whole_is_an_epoch():
    """Two calls go on where the first ended; fit starts anew."""
    X, y = load_diabetes(return_X_y=True)
    make = {"solver": Stochastic("soba"), "cv": 3, "random_state": 0}
    once, twice = BilevelRidge(**make), BilevelRidge(**make)
    once.partial_fit(X, y)
    twice.partial_fit(X, y)
    np.testing.assert_array_equal(once.coef_, twice.coef_)
    twice.partial_fit(X, y)
    assert not np.array_equal(once.coef_, twice.coef_)
    assert twice.alpha_ == pytest.approx(2 * 2 * len(y) * np.exp(twice.lambda_))
    with pytest.warns(ConvergenceWarning, match="max_iter"):
        twice.set_params(max_iter=1).fit(X, y)
    twice.partial_fit(X, y)
    assert twice.n_iter_ == 1


def test_partial_fit_only_where_the_solver_can():
    """hasattr is how others ask; the reason is in the error."""
    assert not hasattr(BilevelRidge(), "partial_fit")
    assert not hasattr(BilevelRidge(solver="stochastic"), "partial_fit")
    assert hasattr(BilevelRidge(solver=Stochastic("soba")), "partial_fit")
    with pytest.raises(AttributeError) as error:
        BilevelRidge(solver="stochastic").partial_fit()
    assert "goes on with new rows" in str(error.value.__cause__)


def test_partial_fit_says_what_is_wrong():
    """Labels, splits and shapes that do not go with the first part."""
    X, y = load_wine(return_X_y=True)
    model = BilevelLogisticRegression(solver=Stochastic("soba"), random_state=0)
    with pytest.raises(ValueError, match="needs classes="):
        model.partial_fit(X, y)
    model.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="has the label 3"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="are not those"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="makes 3 splits"):
        model.set_params(cv=3).partial_fit(X, y)
    ridge = BilevelRidge(solver=Stochastic("soba"), random_state=0).partial_fit(X, y)
    with pytest.raises(ValueError, match="2 targets"):
        ridge.partial_fit(X, np.column_stack([y, y]))
    with pytest.raises(ValueError, match="alpha_per_target"):
        ridge.set_params(alpha_per_target=True).partial_fit(X, y)


def test_without_refit_nothing_exact_is_done():
    """Who has no time for a Newton step sets refit=False."""
    X, y = load_breast_cancer(return_X_y=True)
    model = BilevelLogisticRegression(
        solver="stochastic", cv=0.25, refit=False, max_iter=3, random_state=0
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    assert model.certificate_ is None
    assert model.optimism_ is None
    with pytest.warns(ConvergenceWarning):
        model.set_params(refit=True).fit(X, y)
    assert model.certificate_ is not None
