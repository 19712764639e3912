"""SURE and MLR: what they estimate, their random forms, their options and errors."""

import warnings
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    LambdaBoundWarning,
    MYHPORidge,
)
from sklearn_myhpo.criteria import MLR, SURE
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.solvers import SOLVERS, Status, minimize_bilevel
from tests.criteria.helpers import model, slope, trial_lambda, value
from tests.helpers import (
    SPECS,
    class_spec,
    data_for,
    numerical_gradient,
    reference_hat,
    reference_mlr,
    reference_sure,
    ridge_spec,
    sparsified,
    weighted,
)

#: Problems that between them have groups, targets, weights and all kinds of rows.
NAMES = (
    "ridge-groups",
    "ridge-wide-groups",
    "ridge-targets",
    "ridge-sparse",
    "ridge-no-intercept",
)


@pytest.fixture
def no_factors():
    """Make every problem one whose matrices are too large to be formed."""
    with use_limits(dense_size=0):
        yield


def sugar(n_probes=1, random_state=0, noise_variance=0.7):
    """Return the Monte Carlo form of SURE."""
    return SURE(noise_variance, "monte-carlo", n_probes, random_state)


def probed_trace(spec, hat, n_probes=1, random_state=0):
    """Return ``delta' S delta``, the intercept's share of the trace being one."""
    root = np.sqrt(spec.weight / spec.weight.sum())
    (seed,) = np.random.SeedSequence(random_state).spawn(1)
    delta = np.random.default_rng(seed).standard_normal((len(root), n_probes))[
        spec.weight > 0
    ]
    if spec.fit_intercept:
        root = root[spec.weight > 0]
        hat = hat - np.outer(root, root)
    return spec.fit_intercept + np.mean(np.sum(delta * (hat @ delta), axis=0))


@pytest.mark.one_in(5)
@pytest.mark.parametrize("kind", ["given", "auto", "monte-carlo"])
@pytest.mark.parametrize("use_weights", [False, True])
def test_sure_is_unbiased(kind, use_weights):
    """Its minimum would be no estimate of the best lambda.

    Against the exact loss of new targets of the same rows.
    """
    spec = ridge_spec(n_samples=30, n_features=6, n_groups=2)
    spec = weighted(spec) if use_weights else spec
    rng, lambda_ = np.random.default_rng(3), np.array([-1.0, 0.5])
    mean = spec.X @ rng.standard_normal((6, 1)) + 1.0
    used = spec.weight > 0
    weight = spec.weight / spec.weight[used].mean()
    spread = 0.8 / np.sqrt(np.where(used, weight, 1.0))[:, None]
    hat, centre = reference_hat(replace(spec, y=mean), lambda_)
    n_rows = len(centre)
    expected = np.sum((centre - hat @ centre) ** 2) + 0.64 * np.sum(hat**2) / n_rows
    expected = 0.5 * (expected + 0.64)
    n_targets = 20 if kind == "monte-carlo" else 100
    found = []
    for seed in range(30):
        y = mean + spread * rng.standard_normal((30, n_targets))
        criterion = {
            "given": SURE(0.64),
            "auto": SURE(),
            "monte-carlo": sugar(10, seed, 0.64),
        }[kind]
        problem = replace(spec, y=y).criterion_problem(criterion)
        found.append(value(problem, lambda_) / n_targets)
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - expected) < 3 * error
    assert error < 0.02 * expected


@pytest.mark.parametrize("name", [*NAMES, "ridge-weighted"])
def test_monte_carlo_is_its_definition(name, no_factors):
    """A user would minimize something else, or wait for a factorization."""
    spec = SPECS[name]()
    problem, lambda_ = spec.criterion_problem(sugar(4)), trial_lambda(spec)

    def expected(lambda_):
        hat, _ = reference_hat(spec, lambda_)
        trace = probed_trace(spec, hat, 4) - np.trace(hat)
        noise = 0.7 * spec.y.shape[1] / len(hat)
        return reference_sure(spec, lambda_) + noise * trace

    assert problem.scans_by == "iterative"
    np.testing.assert_allclose(value(problem, lambda_), expected(lambda_), rtol=1e-8)
    gradient = numerical_gradient(expected, lambda_, 1e-4)
    size = np.abs(gradient).max()
    found = model(problem, lambda_)
    np.testing.assert_allclose(found.gradient, gradient, atol=1e-5 * size)
    np.testing.assert_allclose(slope(problem, lambda_), found.gradient, rtol=1e-5)
    assert problem.counts.n_factorizations == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("criterion", [sugar(2), MLR(7)])
@pytest.mark.filterwarnings("ignore:criterion='mlr' over-regularizes")
def test_derivatives_of_the_random_forms(criterion, name):
    """Solvers would stop elsewhere than at a minimum, or crawl towards it."""
    spec = SPECS[name]()
    problem, lambda_ = spec.criterion_problem(criterion), trial_lambda(spec) + 0.3
    found = model(problem, lambda_)
    gradient = numerical_gradient(lambda x: value(problem, x), lambda_, 1e-4)
    size = np.abs(gradient).max()
    np.testing.assert_allclose(found.gradient, gradient, atol=1e-7 * size)
    second = numerical_gradient(lambda x: slope(problem, x), lambda_, 1e-4)
    scale = np.abs(found.tangent).max()
    np.testing.assert_allclose(found.tangent + found.bend, second, atol=1e-7 * scale)
    result = minimize_bilevel(problem, SOLVERS["myhpo"]())
    assert result.status is Status.CONVERGED
    points = (value(problem, np.full(spec.n_groups, x)) for x in np.linspace(-9, 4, 14))
    assert result.validation_loss <= min(points) * (1 + 1e-6)


@pytest.mark.slow
def test_probes_spread_as_they_say():
    """Users choose the number of probes by the spread that it gives."""
    spec = ridge_spec(n_groups=3)
    lambda_ = trial_lambda(spec)
    hat, _ = reference_hat(spec, lambda_)
    exact = reference_sure(spec, lambda_)
    own = hat - 1 / 45  # the intercept takes no chance
    for n_probes in (1, 8):
        found = [
            value(spec.criterion_problem(sugar(n_probes, seed)), lambda_)
            for seed in range(100)
        ]
        spread = 0.7 * np.sqrt(2 * np.sum(own**2) / n_probes) / 45
        # The standard deviation of 100 values is known to 7 percent.
        np.testing.assert_allclose(np.std(found), spread, rtol=0.2)
        assert abs(np.mean(found) - exact) < 3 * spread / np.sqrt(100)


def test_monte_carlo_where_factors_are_refused():
    """That is what it is for."""
    rng = np.random.default_rng(0)
    X = sparse.csr_array(sparse.random(5400, 5200, density=5e-4, random_state=rng))
    signal = X @ rng.standard_normal(5200)
    scale = signal.std()
    y = signal + scale * rng.standard_normal(5400)
    with pytest.raises(ValueError, match=r"5200 rows.*trace='monte-carlo'"):
        BilevelRidge(criterion=SURE(scale**2)).fit(X, y)
    fitted = BilevelRidge(criterion=sugar(1, 0, scale**2)).fit(X, y)
    assert fitted.converged_
    assert fitted.oracle_counts_["n_factorizations"] == 0
    # It says how well new targets of the same rows are predicted.
    loss = 0.5 * (np.mean((fitted.predict(X) - signal) ** 2) + scale**2)
    np.testing.assert_allclose(fitted.validation_loss_, loss, rtol=0.05)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_mlr_is_the_mean_over_all_permutations(fit_intercept, n_targets):
    """The closed form must be what the name says, to rounding."""
    spec = ridge_spec(6, 3, n_targets=n_targets, fit_intercept=fit_intercept)
    lambda_ = np.array([-1.0])
    hat, b = reference_hat(spec, lambda_)
    b = b - b.mean(axis=0) * fit_intercept
    left = np.eye(6) - hat
    permuted = [
        np.sum((left @ b[list(order)]) ** 2) for order in permutations(range(6))
    ]
    expected = np.sum((left @ b) ** 2) - np.mean(permuted) + np.sum(b**2)
    found = value(spec.criterion_problem("mlr"), lambda_)
    np.testing.assert_allclose(found, 0.5 * expected, rtol=1e-12)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["ridge-groups", "ridge-targets"])
def test_mlr_in_the_limit_of_permutations(name):
    """The random form must be one of the same thing, on both ways of computing it."""
    spec = SPECS[name]()
    lambda_ = trial_lambda(spec)
    found = [
        value(spec.criterion_problem(MLR(300, seed)), lambda_) for seed in range(20)
    ]
    error = np.std(found, ddof=1) / np.sqrt(20)
    expected = reference_mlr(spec, lambda_)
    assert abs(np.mean(found) - expected) < 3 * error
    assert error < 2e-3 * expected


def test_mlr_of_the_null_model():
    """With no weights left it is the loss of the mean."""
    spec = ridge_spec()
    found = spec.criterion_problem("mlr").path(np.array([60.0]))[0]
    np.testing.assert_allclose(found, 0.5 * np.var(spec.y), rtol=1e-12)


@pytest.mark.parametrize("n_groups", [1, 3])
@pytest.mark.parametrize("scale", [1.0, 1e10])
def test_noise_of_least_squares(n_groups, scale):
    """Twice the same feature is one; sizes must not matter, with or without factors."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 5))
    X = np.column_stack([X, X[:, 0] + X[:, 1], np.full(40, 2.0)])
    X[:, 2] *= scale
    y = np.column_stack([X[:, 0], X[:, 1]]) + rng.standard_normal((40, 2))
    weight = rng.uniform(0.2, 3.0, 40)
    spec = replace(ridge_spec(), X=X, y=y, labels=np.arange(7) % n_groups)
    for fit_intercept in (True, False):
        even = X / np.where(np.arange(7) == 2, scale, 1.0)
        plain = LinearRegression(fit_intercept=fit_intercept).fit(even, y, weight)
        squares = weight / weight.mean() @ (y - plain.predict(even)) ** 2
        # Without an intercept the constant feature is the sixth independent one.
        variance = squares / (40 - 6)
        own = replace(spec, sample_weight=weight, fit_intercept=fit_intercept)
        lambda_ = np.full(n_groups, -1.0)
        found = value(own.criterion_problem(SURE()), lambda_)
        given = value(own.criterion_problem(SURE(variance)), lambda_)
        np.testing.assert_allclose(found, given, rtol=1e-8)
        expected = reference_sure(own, lambda_, variance)
        np.testing.assert_allclose(given, expected, rtol=1e-8)


@pytest.mark.parametrize("shape", [(5, 4), (4, 4), (3, 7)])
def test_no_noise_to_be_seen(shape):
    """Nothing is left over where every row can be fitted: no guess, and a way out."""
    X, y = data_for(BilevelRidge, n_samples=shape[0], n_features=shape[1])
    rank = min(shape[0] - 1, shape[1])
    match = rf"{rank} independent.*an intercept.*of {shape[0]} rows.*noise_variance="
    with pytest.raises(ValueError, match=match):
        BilevelRidge(criterion="sure").fit(X, y)
    fitted = BilevelRidge(criterion=SURE(0.5)).fit(X, y)
    assert np.all(np.isfinite(fitted.coef_))


@pytest.mark.one_in(2)
@pytest.mark.parametrize("n_probes", [None, 2])
def test_a_variance_per_target(n_probes):
    """A sensor of little noise deserves another penalty than one of much."""
    X, y = load_diabetes(return_X_y=True)
    Y = np.column_stack([y, y[::-1], 1000 * X[:, 0] + 0.1 * y])
    noise = np.array([3000.0, 5000.0, 30.0])

    def make(variance):
        return SURE(variance) if n_probes is None else sugar(n_probes, 0, variance)

    fitted = BilevelRidge(criterion=make(noise), alpha_per_target=True).fit(X, Y)
    alone = [
        BilevelRidge(criterion=make(own)).fit(X, column).alpha_
        for own, column in zip(noise, Y.T, strict=True)
    ]
    np.testing.assert_allclose(fitted.alpha_, alone, rtol=1e-4)
    total = BilevelRidge(criterion=make(noise)).fit(X, Y)
    mean = BilevelRidge(criterion=make(float(noise.mean()))).fit(X, Y)
    np.testing.assert_allclose(total.alpha_, mean.alpha_, rtol=1e-6)
    for options in ({}, {"alpha_per_target": True}):
        match = r"each target, of which y has 3\. Got 2 numbers"
        with pytest.raises(ValueError, match=match):
            BilevelRidge(criterion=make(noise[:2]), **options).fit(X, Y)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    ("criterion", "factor"),
    [
        (SURE(), None),
        (SURE(1.0), SURE(1e-12)),
        (sugar(3, 0, 1.0), sugar(3, 0, 1e-12)),
        (MLR(), None),
        (MLR(5), None),
    ],
)
def test_units_change_nothing(criterion, factor):
    """Metres or millimetres, of features or of the target: the same model."""
    X, y = data_for(BilevelRidge)
    options = {"feature_groups": [0, 0, 1, 1]}
    base = BilevelRidge(criterion=criterion, **options).fit(X, y)
    for unit in (1e-6, 1e6):
        scaled = BilevelRidge(criterion=criterion, **options).fit(unit * X, y)
        np.testing.assert_allclose(scaled.coef_ * unit, base.coef_, rtol=1e-4)
    own = BilevelRidge(criterion=factor or criterion, **options).fit(X, 1e-6 * y)
    np.testing.assert_allclose(own.coef_ * 1e6, base.coef_, rtol=1e-4)
    order = np.random.default_rng(0).permutation(len(y))
    if criterion in (SURE(), MLR()):
        shuffled = BilevelRidge(criterion=criterion, **options).fit(X[order], y[order])
        np.testing.assert_allclose(shuffled.coef_, base.coef_, rtol=1e-5)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("criterion", [sugar(2), MLR(), MLR(5)])
def test_storage_and_precision(criterion):
    """Sparse, single precision or a constant column: the same model."""
    spec = sparsified(ridge_spec())
    y = spec.y[:, 0]
    base = BilevelRidge(criterion=criterion).fit(spec.dense, y)
    again = clone(base).fit(spec.dense, y)
    np.testing.assert_array_equal(again.coef_, base.coef_)
    for X in (spec.X, sparse.csc_array(spec.X)):
        fitted = BilevelRidge(criterion=criterion).fit(X, y)
        np.testing.assert_allclose(fitted.coef_, base.coef_, rtol=1e-5)
    single = BilevelRidge(criterion=criterion).fit(spec.dense.astype(np.float32), y)
    np.testing.assert_allclose(single.coef_, base.coef_, rtol=1e-3)
    constant = np.column_stack([spec.dense, np.full(len(y), 3.3)])
    fitted = BilevelRidge(criterion=criterion).fit(constant, y)
    np.testing.assert_allclose(fitted.coef_[:-1], base.coef_, rtol=1e-5)


@pytest.mark.one_in(4)
@pytest.mark.parametrize("criterion", [SURE(0.0), SURE(2.0), sugar(2), MLR(), MLR(3)])
@pytest.mark.filterwarnings("ignore:criterion='mlr' over-regularizes")
def test_nothing_to_learn(criterion):
    """Degenerate data end in a finite model, with or without a warning."""
    X, _ = data_for(MYHPORidge)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        warnings.simplefilter("error", ConvergenceWarning)
        for features, target in (
            (X, np.full(60, 2.0)),
            (np.ones_like(X), X[:, 0]),
            (X, X @ np.ones(4)),
            (np.hstack([X, X]), X[:, 0] + np.cos(np.arange(60))),
            (X[:2], np.array([1.0, 2.0])),
            (X[:3, :1], np.array([1.0, 2.0, 4.0])),
        ):
            for groups in (None, "each"):
                fitted = MYHPORidge(criterion=criterion, feature_groups=groups)
                fitted.fit(features, target)
                assert np.all(np.isfinite(fitted.coef_))
                assert 0 <= fitted.validation_loss_ < np.inf


@pytest.mark.one_in(2)
@pytest.mark.parametrize("criterion", ["sure", "mlr", sugar(2, 0, 4.0)])
@pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning")
def test_beside_the_other_options(criterion):
    """Groups, shrinkage and the certificate work as with any criterion."""
    X, y = data_for(BilevelRidge, n_features=6, noise=2.0, seed=2)
    free = BilevelRidge(criterion=criterion, feature_groups=[0, 0, 1, 1, 2, 2])
    held = clone(free).set_params(shrinkage=10.0).fit(X, y)
    free.fit(X, y)
    assert np.ptp(held.lambda_) < 0.2 * np.ptp(free.lambda_)
    assert free.optimism_ is None
    assert free.certificate_.converged
    assert free.certificate_.least_curvature > 0
    with pytest.raises(
        ValueError, match="shrinkage='auto' compares losses of held-out rows"
    ):
        held.set_params(shrinkage="auto").fit(X, y)


def test_weights_of_permuted_rows():
    """Labels that change places would change their weights: no silent choice."""
    X, y = data_for(BilevelRidge)
    weight = np.where(np.arange(60) == 4, 0.0, 2.0)
    base = BilevelRidge(criterion="mlr").fit(np.delete(X, 4, 0), np.delete(y, 4))
    fitted = BilevelRidge(criterion="mlr").fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(fitted.coef_, base.coef_, rtol=1e-8)
    weight[7] = 5.0
    with pytest.raises(
        ValueError, match=r"not defined for unequal sample weights.*2\.5 times"
    ):
        BilevelRidge(criterion="mlr").fit(X, y, sample_weight=weight)


def test_mlr_warns_of_wide_data():
    """There it over-regularizes, which nothing else would tell."""
    spec = ridge_spec(n_samples=20, n_features=30)
    match = r"over-regularizes with fewer rows \(20\) than features \(30\)"
    with pytest.warns(UserWarning, match=match) as caught:
        BilevelRidge(criterion="mlr").fit(spec.X, spec.y[:, 0])
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: SURE(-1.0), r"'noise_variance' parameter.*not below zero.*-1\.0"),
        (lambda: SURE("much"), r"'noise_variance' parameter.*\"auto\".*'much'"),
        (lambda: SURE(None), r"'noise_variance' parameter.*None"),
        (lambda: SURE(np.nan), r"'noise_variance' parameter.*nan"),
        (lambda: SURE([1.0, np.inf]), r"'noise_variance' parameter.*inf"),
        (lambda: SURE(np.eye(2)), "'noise_variance' parameter"),
        (lambda: SURE(1.0, "montecarlo"), r"'trace' parameter of SURE.*'montecarlo'"),
        (lambda: SURE(trace="monte-carlo"), r"noise.*Give it.*noise_variance=1\.5"),
        (lambda: SURE(1.0, n_probes=0), r"'n_probes' parameter of SURE.*Got 0"),
        (lambda: SURE(1.0, random_state=-1), "'random_state' parameter of SURE"),
        (lambda: SURE(1.0, random_state=None), "'random_state' parameter of SURE"),
        (lambda: MLR(0), r"'n_permutations' parameter of MLR.*Got 0"),
        (lambda: MLR(2.5), r"'n_permutations' parameter of MLR.*Got 2\.5"),
        (lambda: MLR(2, random_state="x"), "'random_state' parameter of MLR"),
    ],
)
def test_bad_options(make, match):
    """The message names the option, what came and what is allowed."""
    with pytest.raises(ValueError, match=match):
        make()


@pytest.mark.parametrize("criterion", ["sure", SURE(1.0), sugar(), "mlr", MLR(3)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_of_classification(criterion, n_classes):
    """They assume squares; the message says what classification has."""
    spec = class_spec(n_classes=n_classes)
    match = r"not defined for the loss of Bilevel.*\['validation', 'alo'\]"
    with pytest.raises(ValueError, match=match):
        BilevelLogisticRegression(criterion=criterion).fit(spec.X, spec.y)
