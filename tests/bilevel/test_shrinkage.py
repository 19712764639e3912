"""What keeps many lambdas honest: shrinkage, optimism, and its choice from the data."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from sklearn.model_selection import KFold

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
)
from sklearn_myhpo.bilevel.shrinkage import Spread
from sklearn_myhpo.data.held_out import hold_out
from sklearn_myhpo.diagnostics import optimism
from sklearn_myhpo.engine.plan import use_limits
from sklearn_myhpo.selection.nested import SHRINKAGES
from sklearn_myhpo.solvers import MYHPO, SHO, Implicit, Status, minimize_bilevel
from tests.helpers import (
    PROBLEMS,
    SPECS,
    Spec,
    class_spec,
    data_for,
    numerical_gradient,
    reference_fit,
    reference_objective,
    ridge_spec,
    sparsified,
)

GROUPED = ["ridge-groups", "ridge-wide-groups", "logistic-groups", "multinomial-groups"]
SHRINKABLE = (
    BilevelRidge,
    MYHPORidge,
    BilevelLogisticRegression,
    MYHPOLogisticRegression,
)
each_shrinkable = pytest.mark.parametrize("cls", SHRINKABLE)
no_warnings = pytest.mark.filterwarnings(
    "ignore::sklearn_myhpo.LambdaBoundWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)
FOUR = ["a", "a", "b", "b"]


def test_spread_is_that_of_its_definition():
    """The penalty would hold the lambdas somewhere else, or in other units."""
    spread, lambda_ = Spread(0.7), np.array([-3.0, 1.0, 0.5])
    assert spread.value(lambda_) == pytest.approx(0.35 * np.var(lambda_))
    np.testing.assert_allclose(
        spread.gradient(lambda_), numerical_gradient(spread.value, lambda_), atol=1e-9
    )
    np.testing.assert_allclose(
        spread.hessian(lambda_),
        numerical_gradient(spread.gradient, lambda_),
        atol=1e-9,
    )
    assert spread.value(lambda_ + 5.0) == pytest.approx(spread.value(lambda_))


@pytest.mark.parametrize("name", GROUPED)
def test_derivatives_of_the_shrunken_objective(name):
    """Every solver would end beside the minimum of what it is told to minimize."""
    problem = PROBLEMS[name]()
    problem.shrink(0.3, 1.5)
    lambda_ = np.linspace(-2.5, -1.0, problem.n_groups)

    def at(lambda_):
        return problem.minimize(lambda_, problem.starts(), 1e-12)

    def slope(lambda_):
        return problem.hypergradient(lambda_, at(lambda_))

    numerical = numerical_gradient(
        lambda x: problem.objective(x, at(x)), lambda_, step=1e-4
    )
    np.testing.assert_allclose(slope(lambda_), numerical, rtol=1e-5, atol=1e-7)
    weights = at(lambda_)
    model = problem.model(lambda_, weights, problem.hessians(lambda_, weights))
    np.testing.assert_allclose(model.gradient, slope(lambda_), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(
        model.tangent + model.bend,
        numerical_gradient(slope, lambda_, step=1e-4),
        rtol=1e-4,
        atol=1e-7,
    )
    assert np.linalg.eigvalsh(model.tangent)[0] >= -1e-12


@pytest.mark.parametrize(
    ("solver", "xtol"),
    [
        (MYHPO(), 1e-4),
        (Implicit(), 1e-4),
        (MYHPO(rho=1.0), 1e-3),
    ],
    ids=["fast", "implicit", "consensus"],
)
def test_solvers_find_the_shrunken_minimum(solver, xtol):
    """A solver that ignored the shrinkage would overfit in silence."""
    spec = SPECS["ridge-groups"]()
    problem = spec.problem()
    problem.shrink(0.5, problem.null_loss)
    spread = problem.spread
    found = minimize(
        lambda x: reference_objective(spec, x) + spread.value(x),
        np.full(3, -2.0),
        method="BFGS",
        options={"gtol": 1e-7},
    )
    result = minimize_bilevel(problem, solver, max_iter=500)
    np.testing.assert_allclose(result.lambda_, found.x, atol=xtol)
    assert result.status is Status.CONVERGED


@pytest.mark.parametrize("solver", [SHO(), MYHPO(rho=1.0, steps="gradient")])
def test_slow_solvers_keep_the_lambdas_together_too(solver):
    """A solver that makes its own slope in lambda would ignore the shrinkage."""
    spread = []
    for shrinkage in (0.0, 1.0):
        problem = PROBLEMS["ridge-groups"]()
        problem.shrink(shrinkage, problem.null_loss)
        result = minimize_bilevel(problem, solver, max_iter=60, random_state=0)
        spread.append(np.ptp(result.lambda_))
    assert spread[1] < 0.8 * spread[0]


@each_shrinkable
@no_warnings
def test_much_shrinkage_is_one_lambda(cls):
    """The way back to the safe model would end somewhere else."""
    X, y = data_for(cls)
    one = cls(cv=3, random_state=0).fit(X, y)
    many = cls(cv=3, random_state=0, feature_groups="each", shrinkage=1e6).fit(X, y)
    np.testing.assert_allclose(many.lambda_, one.lambda_, atol=2e-4)
    np.testing.assert_allclose(many.coef_, one.coef_, rtol=1e-4, atol=1e-8)
    assert many.validation_loss_ == pytest.approx(one.validation_loss_, rel=1e-7)
    assert (one.shrinkage_, many.shrinkage_) == (0.0, 1e6)


@each_shrinkable
@no_warnings
def test_shrinkage_buys_closeness_with_validation_loss(cls):
    """The reported loss would hide what was paid, or include the penalty."""
    X, y = data_for(cls, n_features=6, seed=3)
    fits = [
        cls(cv=3, random_state=0, feature_groups="each", shrinkage=shrinkage).fit(X, y)
        for shrinkage in (0.0, 0.1, 1.0)
    ]
    spreads = [np.std(model.lambda_) for model in fits]
    losses = [model.validation_loss_ for model in fits]
    assert np.all(np.diff(spreads) < 0)
    assert np.all(np.diff(losses) > 0)
    for model in fits:
        again = model.history_["validation_loss"][-1]
        assert again == pytest.approx(model.validation_loss_, rel=1e-12)


@pytest.mark.parametrize("lambda_init", ["auto", -1.0])
def test_shrinkage_is_free_of_units_and_start(lambda_init):
    """The same data in other units, or another start, would give another model."""
    X, y = data_for(MYHPORidge, n_features=6)
    options = {"cv": 3, "random_state": 0, "feature_groups": "each", "shrinkage": 0.1}
    model = MYHPORidge(**options).fit(X, y)
    other = MYHPORidge(**options).fit(X * 1e3, y * 1e-5)
    np.testing.assert_allclose(other.lambda_, model.lambda_ + 6 * np.log(10), atol=1e-3)
    started = MYHPORidge(**options, lambda_init=lambda_init).fit(X, y)
    np.testing.assert_allclose(started.lambda_, model.lambda_, atol=1e-3)


# Optimism.


def row_losses(spec, lambda_):
    """Return every row's part of the validation loss, straight from its definition."""
    held_out = sum(spec.weight[part].sum() for _, part in spec.pairs)
    out = np.zeros(len(spec.y))
    for train, part in spec.pairs:
        coef, intercept = reference_fit(spec, lambda_, train)
        raw = spec.dense[part] @ coef + intercept
        if not spec.is_ridge and coef.shape[1] > 1:
            raw = raw @ spec.loss.contrasts
        losses = spec.loss.value(spec.y[part], raw)
        np.add.at(out, part, spec.weight[part] / held_out * losses)
    return out


def covariance_at(spec, lambda_):
    """Return what `slope_covariance` makes of a problem."""
    problem = spec.problem()
    weights = problem.minimize(lambda_, problem.starts(), 1e-12)
    rows = hold_out(spec.X, spec.y, spec.loss, spec.pairs, spec.weight)
    return optimism.slope_covariance(
        problem, rows, lambda_, weights, problem.hessians(lambda_, weights)
    )


def overlapping(spec):
    """Return the same rows with splits whose held-out parts share rows."""
    order = np.arange(len(spec.y))
    pairs = [(order[10:], order[:10]), (order[:-9], order[-9:]), (order[5:], order[:5])]
    return replace(spec, pairs=pairs)


@pytest.mark.parametrize(
    "spec",
    [
        ridge_spec(n_groups=3),
        ridge_spec(n_groups=3, n_targets=2, fit_intercept=False),
        ridge_spec(n_samples=24, n_features=60, n_groups=2),
        overlapping(ridge_spec(n_groups=2)),
        sparsified(ridge_spec(n_groups=2)),
        class_spec(n_groups=2),
        class_spec(n_groups=2, n_classes=3),
    ],
    ids=["ridge", "targets", "wide", "overlap", "sparse", "logistic", "multinomial"],
)
def test_covariance_of_slopes(spec):
    """The optimism would be that of another model, or of another sample."""
    lambda_ = np.linspace(-2.0, -1.0, spec.n_groups)
    slopes = numerical_gradient(lambda x: row_losses(spec, x), lambda_, step=1e-3)
    n_rows = len(np.unique(np.concatenate([part for _, part in spec.pairs])))
    expected = slopes.T @ slopes - np.outer(slopes.sum(0), slopes.sum(0)) / n_rows
    with use_limits(cached_entries=40):
        found = covariance_at(spec, lambda_)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-5 * expected.max())


def test_covariance_counts_weights_as_rows():
    """Repeating a row and weighting it would differ."""
    spec = ridge_spec(n_groups=2, n_folds=3)
    weight = np.where(np.arange(len(spec.y)) % 4 == 0, 3.0, 1.0)
    rows = np.repeat(np.arange(len(spec.y)), weight.astype(int))
    pairs = [
        tuple(np.flatnonzero(np.isin(rows, part)) for part in pair)
        for pair in spec.pairs
    ]
    repeated = Spec(spec.X[rows], spec.y[rows], spec.loss, pairs, spec.labels)
    lambda_ = np.array([-2.0, -1.0])
    np.testing.assert_allclose(
        covariance_at(replace(spec, sample_weight=weight), lambda_),
        covariance_at(repeated, lambda_),
        rtol=1e-9,
    )


def simulate(seed, n_samples=120, n_features=12):
    """Return a regression where every feature wants about the same penalty."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples + 4000, n_features))
    y = X @ (0.3 * rng.standard_normal(n_features)) + rng.standard_normal(len(X))
    return X[:n_samples], y[:n_samples], X[n_samples:], y[n_samples:]


@no_warnings
def test_optimism_predicts_the_gap_to_new_rows():
    """The validation loss of many lambdas would be believed.

    The gap is between new and held-out rows, for the very models of the splits, and
    in excess of the gap of one lambda, whose mean is nearly zero.
    """
    gaps, estimates = [], []
    for seed in range(12):
        X, y, X_new, y_new = simulate(seed)
        options = {"cv": 5, "random_state": 0, "refit": False}
        found = []
        for groups in (None, "each"):
            model = MYHPORidge(feature_groups=groups, **options).fit(X, y)
            new = [
                0.5 * np.mean((y_new - X_new @ coef[:, 0] - intercept) ** 2)
                for coef, intercept in model._last_fit.weights
            ]
            found.append((np.mean(new) - model.validation_loss_, model.optimism_))
        gaps.append(found[1][0] - found[0][0])
        estimates.append(found[1][1] - found[0][1])
    assert np.min(estimates) > 0
    assert np.mean(gaps) > 0.02
    assert 0.6 < np.mean(estimates) / np.mean(gaps) < 1.7


@no_warnings
def test_optimism_of_what_cannot_move_is_zero():
    """Lambdas held by their bounds, or by shrinkage, would seem to overfit."""
    X, y = data_for(MYHPORidge)
    options = {"cv": 3, "random_state": 0, "feature_groups": "each"}
    free = MYHPORidge(**options).fit(X, y)
    held = MYHPORidge(**options, lambda_bounds=(-40.0, -30.0)).fit(X, y)
    shrunken = MYHPORidge(**options, shrinkage=1e5).fit(X, y)
    one = MYHPORidge(cv=3, random_state=0).fit(X, y)
    assert held.optimism_ == 0.0
    assert 0 < one.optimism_ < free.optimism_
    assert shrunken.optimism_ == pytest.approx(one.optimism_, rel=1e-2)


@no_warnings
@pytest.mark.parametrize("scale", [1e-60, 1e-3, 1e60])
def test_optimism_has_the_units_of_the_loss(scale):
    """The same data in other units would have another share of optimism."""
    X, y = data_for(MYHPORidge)
    options = {"cv": 3, "random_state": 0, "feature_groups": FOUR}
    model = MYHPORidge(**options).fit(X, y)
    other = MYHPORidge(**options).fit(X / scale, y * scale)
    assert other.optimism_ / scale**2 == pytest.approx(model.optimism_, rel=1e-3)


@no_warnings
def test_data_without_noise_or_signal_are_no_trouble():
    """A perfect or an empty fit would end in NaN."""
    X, y = data_for(MYHPORidge, n_samples=20)
    for target in (X @ np.ones(4), np.full(len(y), 3.0)):
        for cv in (3, 0.3, len(y)):
            model = MYHPORidge(cv=cv, feature_groups="each", shrinkage=0.1)
            model.fit(X.astype(np.float32), target)
            assert np.isfinite(model.optimism_)
            assert np.all(np.isfinite(model.coef_))
    constant = np.column_stack([X, np.ones(len(X))])
    model = MYHPORidge(cv=3, feature_groups="each", shrinkage="auto").fit(constant, y)
    assert np.isfinite(model.optimism_)


# The choice of shrinkage.


@no_warnings
@pytest.mark.parametrize(
    ("cls", "is_weighted", "container"),
    [
        (MYHPORidge, False, np.asarray),
        (MYHPORidge, True, sparse.csr_array),
        (MYHPOLogisticRegression, True, np.asarray),
    ],
)
def test_nested_losses_are_those_of_rows_left_out(cls, is_weighted, container):
    """The choice would peek at the rows that judge it."""
    X, y = data_for(cls, n_samples=48, seed=2)
    X = np.where(np.abs(X) < 0.2, 0.0, X)
    n_rows = len(y)
    weight = np.ones(n_rows)
    if is_weighted:
        weight = np.random.default_rng(0).uniform(0.5, 2.0, n_rows)
    pairs = list(KFold(3, shuffle=True, random_state=0).split(X))
    model = cls(cv=pairs, feature_groups=FOUR, shrinkage="auto")
    model.fit(container(X), y, sample_weight=weight)
    path = model.shrinkage_path_
    np.testing.assert_array_equal(path["shrinkage"], SHRINKAGES)
    for shrinkage in (1000.0, 0.1):
        total = 0.0
        for train, left_out in pairs:
            inner = [
                (np.isin(train, np.intersect1d(train, other)), np.isin(train, part))
                for other, part in pairs
                if part is not left_out
            ]
            alone = cls(cv=inner, feature_groups=FOUR, shrinkage=shrinkage)
            alone.fit(X[train], y[train], sample_weight=weight[train])
            if cls is MYHPORidge:
                losses = 0.5 * (y[left_out] - alone.predict(X[left_out])) ** 2
            else:
                chances = alone.predict_proba(X[left_out])
                losses = -np.log(chances[np.arange(len(left_out)), y[left_out]])
            total += weight[left_out] @ losses / weight.sum()
        index = np.flatnonzero(shrinkage == SHRINKAGES)[0]
        assert path["nested_loss"][index] == pytest.approx(total, rel=1e-4)
    fixed = cls(cv=pairs, feature_groups=FOUR, shrinkage=model.shrinkage_)
    fixed.fit(container(X), y, sample_weight=weight)
    np.testing.assert_allclose(fixed.lambda_, model.lambda_)


@no_warnings
def test_auto_follows_the_data():
    """Groups with a meaning would lose their gain, or chance be taken for meaning."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 20))
    coef = np.concatenate([rng.standard_normal(5), np.zeros(15)])
    y = X @ coef + rng.standard_normal(80)
    labels = np.repeat(["signal", "noise"], [5, 15])
    model = MYHPORidge(feature_groups=labels, shrinkage="auto", random_state=0)
    assert model.fit(X, y).shrinkage_ <= 0.1
    assert model.lambda_[0] > model.lambda_[1] + 2.0  # in sorted order of the names
    even = X @ (0.4 * rng.choice([-1, 1], 20)) + 2 * rng.standard_normal(80)
    model.set_params(feature_groups="each").fit(X, even)
    assert model.shrinkage_ >= 1.0
    one = MYHPORidge(shrinkage="auto").fit(X, y)
    assert one.shrinkage_ == 0.0
    assert one.shrinkage_path_ is None


# What comes wrong.


@each_shrinkable
@pytest.mark.parametrize("shrinkage", [-0.1, "often", np.inf, np.nan, None])
def test_shrinkage_of_no_meaning(cls, shrinkage):
    """A typo would be taken for no shrinkage."""
    X, y = data_for(cls)
    with pytest.raises(ValueError, match=r"'shrinkage' parameter .* must be a str"):
        cls(shrinkage=shrinkage).fit(X, y)


@pytest.mark.parametrize("cv", [0.3, 2, [(range(40), range(40, 60))] * 3])
def test_auto_needs_splits_within_splits(cv):
    """The user would not learn why an empty part failed deep inside."""
    X, y = data_for(MYHPORidge)
    model = MYHPORidge(cv=cv, feature_groups=FOUR, shrinkage="auto", random_state=0)
    with pytest.raises(ValueError, match=r"shrinkage='auto' .* three splits or more"):
        model.fit(X, y)


@no_warnings
def test_too_many_lambdas_for_an_estimate():
    """Thousands of lambdas would fill the memory for a number beside the point."""
    X, y = data_for(MYHPORidge)
    with use_limits(most_responses=10):
        model = BilevelRidge(solver="implicit", feature_groups="each", cv=3).fit(X, y)
    assert model.optimism_ is None
    assert model.certificate_.least_curvature is None
    assert "too many lambdas to tell" in str(model.certificate_)
    assert model.certificate_.relative_hypergradient <= 1e-6
