"""Likelihoods of batches in few passes: minima of the rows in memory are the truth."""

import gc
import threading
import tracemalloc
import warnings
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from sklearn_myhpo import (
    BilevelGeneralizedLinearRegressor,
    BilevelLogisticRegression,
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPOTweedieRegressor,
    _deadline,
)
from sklearn_myhpo.data import Batches, KeyFolds, RowFolds
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.exceptions import (
    FlatObjectiveWarning,
    LambdaBoundWarning,
    RareClassWarning,
    SortedRowsWarning,
)
from sklearn_myhpo.linear_model._streams import batches as _batches
from sklearn_myhpo.losses import PoissonLoss
from sklearn_myhpo.selection.one_standard_error import standard_error
from sklearn_myhpo.solvers import SOLVERS, rounds
from tests.helpers import Ticks, start_from
from tests.linear_model.streams.cases import (
    AMOUNT,
    COUNT,
    FEW,
    FOLDS,
    GROUPS,
    LABEL,
    RAW,
    RNG,
    THREE,
    WEIGHT,
    ZEROS,
    N,
    X,
    Y,
    batches,
    fit,
    minimum,
    problem_of,
    raw_of,
)


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    """Let the fit start from some 200 rows."""
    start_from(monkeypatch, 200)


@cache
def default_fit():
    """Return the fit without options, which several tests compare with."""
    return fit(MYHPOLogisticRegression(), batches(LABEL))


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    ("model", "y", "weight"),
    [
        (MYHPOLogisticRegression(), LABEL, None),
        (MYHPOLogisticRegression(), LABEL, WEIGHT),
        (MYHPOLogisticRegression(cv=FOLDS), THREE, WEIGHT),
        (MYHPOLogisticRegression(class_weight="balanced"), THREE, WEIGHT),
        (MYHPOLogisticRegression(feature_groups=GROUPS, standardize=True), LABEL, None),
        (MYHPOLogisticRegression(fit_intercept=False, cv=3), LABEL, WEIGHT),
        (MYHPOLogisticRegression(penalty_factors=[1, 1, 2, 0, 1, 0.5]), THREE, None),
        (MYHPOLogisticRegression(refit=False), LABEL, WEIGHT),
        (BilevelLogisticRegression(solver="implicit"), LABEL, None),
        (MYHPOPoissonRegressor(), COUNT, WEIGHT),
        (MYHPOPoissonRegressor(feature_groups=GROUPS, standardize=True), COUNT, WEIGHT),
        (MYHPOGammaRegressor(cv=FOLDS), AMOUNT, None),
        (MYHPOTweedieRegressor(power=1.5), ZEROS, WEIGHT),
        (BilevelGeneralizedLinearRegressor(family=PoissonLoss(), cv=3), COUNT, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_minimum_of_the_rows(model, y, weight):
    """Another lambda would be learned than from the same rows in memory."""
    source = batches(y, weight)
    fit(model, source)
    assert model.converged_
    assert source.n_passes <= 12
    assert model.history_["n_passes"][-1] == source.n_passes
    problem = problem_of(model, y, weight)
    lambda_, weights = np.atleast_1d(model.lambda_), None
    if model.certificate_.n_free == len(lambda_):
        lambda_, weights = minimum(problem, lambda_)
    else:
        lambda_ = problem.bounds[0]
        weights = problem.minimize(lambda_, tol=1e-13)
    np.testing.assert_allclose(model.lambda_, lambda_, atol=1e-8)
    loss = problem.validation_loss(weights)
    np.testing.assert_allclose(model.validation_loss_, loss, rtol=1e-10)
    if model.refit:
        start = problem.full.start()
        full = problem.minimize_full(lambda_, start)
        coef, intercept = problem.full.to_features(full)
    else:
        each = problem.to_features(weights)
        coef, intercept = (np.mean(one, axis=0) for one in zip(*each, strict=True))
    np.testing.assert_allclose(raw_of(model.coef_, model), coef, atol=1e-6)
    found = np.atleast_1d(model.intercept_)
    if len(found) > 1:
        found = found @ model._loss.contrasts
    np.testing.assert_allclose(found, intercept, atol=1e-5)
    error = standard_error(problem, weights, None)
    assert model.validation_loss_standard_error_ == pytest.approx(error, rel=1e-7)


@pytest.mark.parametrize("model", [MYHPOLogisticRegression(), MYHPOPoissonRegressor()])
def test_reports_are_those_of_the_fit_in_memory(model):
    """A summary of batches would tell another story than one of the same rows."""
    y = LABEL if model._is_classifier else COUNT
    fit(model, batches(y))
    plain = type(model)(tol=1e-12).fit(X, y)
    assert set(vars(model)) == set(vars(plain))
    assert model.optimism_ == pytest.approx(plain.optimism_, rel=1e-3)
    own, other = model.certificate_, plain.certificate_
    assert own.least_curvature == pytest.approx(other.least_curvature, rel=1e-3)
    assert own.relative_hypergradient < 1e-9
    assert own.inner_residuals.max() < 1e-8
    one, two = model.summary(), plain.summary()
    assert one.effective_dof == pytest.approx(two.effective_dof, rel=1e-4)
    assert one.baseline_loss == pytest.approx(two.baseline_loss, rel=1e-6)
    assert str(model.plan_).startswith("data:                1500 rows x 6 features")
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-5)


def test_one_standard_error():
    """The models about the minimum would be asked far away from it."""
    source = batches(LABEL)
    model = fit(MYHPOLogisticRegression(selection="one_se", tol=1e-8), source)
    plain = MYHPOLogisticRegression(selection="one_se", tol=1e-12).fit(X, LABEL)
    assert model.lambda_ == pytest.approx(plain.lambda_, abs=1e-4)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-5)
    assert source.n_passes <= 12


def test_a_share_of_held_out_rows_is_refitted_with_the_others():
    """The final weights would be those of the held-out rows alone."""
    model = fit(MYHPOLogisticRegression(cv=0.3, random_state=0), batches(LABEL))
    plain = LogisticRegression(C=model.C_, tol=1e-10, max_iter=10_000).fit(X, LABEL)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-4, atol=1e-5)


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    ("make", "size"),
    [
        (np.float64, 83),
        (np.float64, N),
        (np.float32, 50),
        (sparse.csr_array, 83),
        (sparse.csr_array, N),
    ],
)
def test_size_and_kind_of_batches(make, size):
    """The result would depend on how rows were written to files."""
    rows = X.astype(np.float32)
    rows[np.abs(rows) < 1.5] = 0.0
    values = rows.astype(make) if make is not sparse.csr_array else make(rows)
    found = fit(MYHPOLogisticRegression(), batches(LABEL, rows=values, size=size))
    other = fit(
        MYHPOLogisticRegression(), batches(LABEL, rows=rows.astype(float), size=100)
    )
    assert found.lambda_ == pytest.approx(other.lambda_, abs=1e-6)
    assert found.coef_.dtype == (np.float64 if make is np.float64 else np.float32)
    np.testing.assert_allclose(found.coef_, other.coef_, rtol=1e-5, atol=1e-7)


def test_sizes_of_batches_change_no_digit():
    """Results of two runs could not be compared."""
    one, other = default_fit(), fit(MYHPOLogisticRegression(), batches(LABEL, size=500))
    assert one.lambda_ == other.lambda_
    np.testing.assert_array_equal(one.coef_, other.coef_)


def test_folds_by_a_key():
    """Rows of a key would be on both sides of a split."""
    key = RNG.integers(0, 60, N)
    model = fit(MYHPOLogisticRegression(cv=KeyFolds(3)), batches(LABEL, key=key))
    pairs = list(KeyFolds(3).split(X, groups=key))
    plain = MYHPOLogisticRegression(cv=pairs, tol=1e-12).fit(X, LABEL)
    assert model.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-9)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-5)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("cv", [KeyFolds(3), KeyFolds(3, key=6), FOLDS, 0.3])
def test_folds_of_few_rows_are_those_of_many(cv, monkeypatch):
    """Folds would be others as soon as a few rows more have come."""
    key = np.arange(N) // 20
    rows = np.column_stack([X, key])
    options = {"cv": cv, "random_state": 0}
    many = MYHPOLogisticRegression(**options)
    fit(many, batches(LABEL, rows=rows, key=key))
    start_from(monkeypatch, 2000)
    few = MYHPOLogisticRegression(**options, tol=1e-10)
    few.fit(batches(LABEL, rows=rows, key=key))
    assert few.validation_loss_ == pytest.approx(many.validation_loss_, rel=1e-8)


def test_refit_has_the_rows_that_no_split_holds_out():
    """The final weights would be those of the held-out rows alone."""
    model = fit(MYHPOLogisticRegression(cv=0.3, random_state=0), batches(LABEL))
    plain = LogisticRegression(C=model.C_, tol=1e-10, max_iter=1000).fit(X, LABEL)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-6)
    np.testing.assert_allclose(model.intercept_, plain.intercept_, atol=1e-6)


def test_share_that_is_held_out():
    """A single split would have no standard error, or that of other rows."""
    model = fit(MYHPOLogisticRegression(cv=0.3, random_state=0), batches(LABEL))
    other = fit(MYHPOLogisticRegression(cv=0.3, random_state=0), batches(LABEL))
    assert model.lambda_ == other.lambda_
    # The mean of some hundred losses of about log 2.
    assert 0.005 < model.validation_loss_standard_error_ < 0.05


@pytest.mark.one_in(5, 1)
@pytest.mark.parametrize(
    ("rows", "y"),
    [
        (X, (RAW > 0).astype(int)),
        (X + 1e6, LABEL),
        (np.column_stack([X, X[:, 0], np.full(N, 3.0)]), LABEL),
        (X, np.where(np.arange(N) % 300 == 7, 2, (Y > 0).astype(int))),
        (X, RNG.integers(0, 2, N)),
    ],
    ids=["separable", "far", "dependent", "rare-class", "noise"],
)
def test_hard_rows(rows, y):
    """Steps too long for their models would end in other weights, or nowhere."""
    model = fit(MYHPOLogisticRegression(), batches(y, rows=rows))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = MYHPOLogisticRegression(tol=1e-10).fit(rows, y)
    assert model.converged_
    assert model.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-7)
    size = np.abs(plain.coef_).max()
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-4 * size)


@pytest.mark.slow
def test_features_that_separate_the_classes_one_by_one():
    """Lambdas far from the data would throw the weights from side to side."""
    model = MYHPOLogisticRegression(feature_groups="each", max_iter=10)
    fit(model, batches((RAW > 0).astype(int)))
    assert np.all(np.isfinite(model.coef_))
    assert model.score(X, (RAW > 0).astype(int)) > 0.99


@pytest.mark.slow
def test_lambdas_go_far_where_weights_do_not():
    """Lambdas on their way to a bound would take a pass for every step of three."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((2000, 10))
    y = rng.gamma(2.0, np.exp(rows[:, :3] @ [0.1, 0.1, 0.05]) / 2)
    model, source = MYHPOGammaRegressor(feature_groups="each"), batches(y, rows=rows)
    fit(model, source)
    assert source.n_passes <= 10
    assert model.certificate_.at_upper_bound
    plain = MYHPOGammaRegressor(feature_groups="each", tol=1e-10).fit(rows, y)
    assert model.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-9)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-5)


@pytest.mark.slow
def test_sample_that_misleads():
    """Weights that are worse than none would be mended for twenty passes."""
    rng = np.random.default_rng(5)
    rows = rng.standard_t(3.0, size=(2000, 4))
    y = rng.gamma(2.0, np.exp(np.clip(rows[:, 0], -4, 4)) / 2)
    y = np.where(rng.random(2000) < 0.4, 0.0, y)
    model, source = MYHPOTweedieRegressor(cv=3), batches(y, rows=rows)
    fit(model, source)
    assert source.n_passes <= 12
    plain = MYHPOTweedieRegressor(cv=3, tol=1e-10).fit(rows, y)
    assert model.lambda_ == pytest.approx(plain.lambda_, abs=1e-6)
    assert model.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-9)


@pytest.mark.slow
def test_few_passes_where_classes_are_nearly_separable():
    """A sample that lines separate would start dozens of passes."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((2500, 3))
    score = rows @ np.array([1.0, -0.5, 0.3]) + 0.02 * rng.logistic(size=2500)
    y = (score > np.quantile(score, 0.99)).astype(int)
    model = MYHPOLogisticRegression(standardize=True)
    source = batches(y, rows=rows, size=333)
    fit(model, source)
    assert model.converged_
    assert source.n_passes <= 12
    plain = MYHPOLogisticRegression(standardize=True, tol=1e-10).fit(rows, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-6)
    assert model.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-9)


@pytest.mark.parametrize("name", ["hoag", "lanczos", "nystrom"])
def test_inexact_solvers_on_samples(name, monkeypatch):
    """Models that a sample bends have matrices, whose units these solvers ask for."""
    start_from(monkeypatch, 40)
    solver = "hoag" if name == "hoag" else SOLVERS["implicit"](adjoint=name)
    model = fit(BilevelLogisticRegression(solver=solver), batches(LABEL))
    assert model.converged_
    assert model.lambda_ == pytest.approx(default_fit().lambda_, abs=1e-4)


def test_models_of_no_use(monkeypatch):
    """The error of a decomposition, which nobody can act on, would end the fit."""
    find, calls = rounds.minimize_bilevel, []

    def fails_once(*args, **options):
        calls.append(args)
        if len(calls) == 1:
            raise np.linalg.LinAlgError
        return find(*args, **options)

    monkeypatch.setattr(rounds, "minimize_bilevel", fails_once)
    model = fit(MYHPOLogisticRegression(), batches(LABEL))
    assert len(calls) > 1
    assert model.converged_
    assert model.lambda_ == pytest.approx(default_fit().lambda_, abs=1e-7)


def test_start_from_the_last_fit():
    """A fit of a few more rows would begin anew."""
    model = fit(MYHPOLogisticRegression(warm_start=True), batches(LABEL))
    lambda_, source = model.lambda_, batches(LABEL)
    fit(model, source)
    assert model.lambda_ == pytest.approx(lambda_, abs=1e-7)
    assert source.n_passes <= 7


def test_start_of_the_user():
    """`lambda_init` would be ignored, or be outside of bounds that nobody gave."""
    model = fit(MYHPOLogisticRegression(lambda_init=-3.0), batches(LABEL))
    assert model.lambda_ == pytest.approx(default_fit().lambda_, abs=1e-7)
    bound = fit(MYHPOLogisticRegression(lambda_bounds=(-3, 2)), batches(LABEL))
    assert bound.lambda_ == -3.0
    assert bound.certificate_.at_lower_bound == ("all",)


def test_few_rows_are_read_once(monkeypatch):
    """A source of files would be opened several times for a few rows."""
    start_from(monkeypatch, 2000)
    source = batches(LABEL)
    model = MYHPOLogisticRegression().fit(source)
    assert source.n_passes == 1
    plain = MYHPOLogisticRegression().fit(X, LABEL)
    assert model.lambda_ == pytest.approx(plain.lambda_, abs=1e-12)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-12)


@pytest.mark.one_in(2, 1)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mapped_rows_are_not_copied(dtype, tmp_path, monkeypatch):
    """A file as large as the memory could not be fitted."""
    monkeypatch.setattr("sklearn_myhpo.linear_model._streams.batches.MOST_COPIED", 1000)
    np.save(tmp_path / "X.npy", X.astype(dtype))
    rows = np.load(tmp_path / "X.npy", mmap_mode="r")
    with use_limits(**FEW):
        model = MYHPOLogisticRegression().fit(rows, LABEL)
        assert "n_passes" in model.history_
        other = MYHPOLogisticRegression(cv=0.3, random_state=0).fit(rows, LABEL)
        assert "n_passes" not in other.history_
    plain = MYHPOLogisticRegression(tol=1e-10).fit(X.astype(dtype), LABEL)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-5)


def test_large_hessians_are_not_formed(monkeypatch):
    """Adding up the Hessians of all splits would take all memory."""
    name = "sklearn_myhpo.linear_model._streams.batches.BATCHES_ROOM"
    monkeypatch.setattr(name, _batches.BATCHES_ROOM._replace(n_bytes=1000))
    model = fit(MYHPOLogisticRegression(), batches(LABEL))
    plain = MYHPOLogisticRegression().fit(X, LABEL)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-6)
    monkeypatch.setattr(name, _batches.BATCHES_ROOM._replace(n_bytes=1000, n_kept=1000))
    with pytest.raises(ValueError, match=r"6 weights, .*fewer features.*kept in memo"):
        fit(MYHPOLogisticRegression(), batches(LABEL))


@pytest.mark.parametrize(
    ("model", "y", "message"),
    [
        (MYHPOLogisticRegression(), np.zeros(N, int), "at least 2 classes"),
        (MYHPOLogisticRegression(), RAW, "Unknown label type: continuous"),
        (
            MYHPOLogisticRegression(cv=KFold(3).n_splits),
            np.r_[np.zeros(N - 1), 1],
            "the training part has no row of class 1.0",
        ),
        (MYHPOPoissonRegressor(), -COUNT - 1, "poisson loss needs a y of numbers in"),
        (MYHPOPoissonRegressor(), np.zeros(N), "y is zero in all rows with a positive"),
        (MYHPOPoissonRegressor(), LABEL, "y must be numeric for a regressor"),
        (MYHPOPoissonRegressor(), np.c_[COUNT, COUNT], "y should be a 1d array"),
        (MYHPOLogisticRegression(cv=1), LABEL, "cv=1 is not allowed"),
        (MYHPOLogisticRegression(cv=2000), LABEL, "more folds than the largest class"),
    ],
)
def test_targets_that_cannot_be_learned(model, y, message):
    """The error would be one of matrices, in the middle of a pass."""
    with use_limits(**FEW), pytest.raises(ValueError, match=message):
        model.fit(batches(y))


class StopError(Exception):
    """An error of a user's own source."""


@pytest.mark.one_in(3)
@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt])
@pytest.mark.parametrize("last", [1, 4])
def test_interrupted_fit(last, error):
    """Half of a new fit would be left, and a thread that reads on."""
    model = MYHPOLogisticRegression().fit(X[:200], LABEL[:200])
    before, passes = dict(vars(model)), []

    def read():
        passes.append(None)
        for start in range(0, N, 100):
            if len(passes) > last and start == 300:
                raise error
            yield X[start : start + 100], LABEL[start : start + 100]

    with use_limits(**FEW), pytest.raises(error):
        model.fit(Batches(read))
    assert dict(vars(model)) == before
    gc.collect()
    assert not [one for one in threading.enumerate() if one.name == "read-ahead"]


def test_other_rows_in_a_later_pass():
    """Sums of different rows would be taken for those of one data set."""
    passes = []

    def read():
        passes.append(None)
        for start in range(0, N, 100):
            rows = X[start : start + 100]
            yield rows + (len(passes) == 4), LABEL[start : start + 100]

    with use_limits(**FEW), pytest.raises(ValueError, match="same rows in every pass"):
        MYHPOLogisticRegression().fit(Batches(read))


def generated(n_batches):
    """Return batches that are made when they are read."""

    def read():
        rng = np.random.default_rng(0)
        for _ in range(n_batches):
            rows = rng.standard_normal((4000, 5))
            yield rows, (rows[:, 0] + rng.logistic(size=4000) > 0).astype(int)

    return Batches(read)


def peak(n_batches):
    """Return the peak memory of a fit, in bytes."""
    tracemalloc.start()
    try:
        with use_limits(block_entries=20_000), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MYHPOLogisticRegression(cv=3, max_iter=1).fit(generated(n_batches))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows():
    """One number per row, 8 bytes, would be kept after all: y, weights or folds."""
    peak(2)  # What imports and caches take.
    few, many = peak(5), peak(25)
    assert many - few < 4 * 80_000


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize(
    ("model", "rows", "y", "weight", "category", "message"),
    [
        (
            MYHPOLogisticRegression(),
            X,
            np.where(np.arange(N) % 500 == 7, 2, (Y > 0).astype(int)),
            None,
            RareClassWarning,
            r"the 5 folds of cv=5: 2 \(3\)",
        ),
        (
            MYHPOPoissonRegressor(),
            X,
            np.sort(COUNT),
            None,
            SortedRowsWarning,
            "along which y is sorted",
        ),
        (
            MYHPOLogisticRegression(),
            X,
            RNG.integers(0, 2, N),
            None,
            LambdaBoundWarning,
            "still falling at the upper bound for all features",
        ),
        (
            MYHPOLogisticRegression(),
            np.ones((N, 2)),
            LABEL,
            None,
            FlatObjectiveWarning,
            "found a flat objective",
        ),
        (
            MYHPOLogisticRegression(max_iter=1),
            X,
            LABEL,
            None,
            ConvergenceWarning,
            "stopped after max_iter=1 iterations",
        ),
    ],
    ids=["rare", "sorted", "bound", "flat", "end"],
)
def test_warnings(model, rows, y, weight, category, message):
    """Warnings of the fit in memory would be kept from the user."""
    with use_limits(**FEW), pytest.warns(category, match=message):
        model.fit(batches(y, weight, rows=rows))


@pytest.mark.parametrize(
    ("model", "y"), [(MYHPOLogisticRegression(), LABEL), (MYHPOPoissonRegressor(), Y)]
)
def test_weights_that_are_all_zero(model, y):
    """Sums over no rows would be divided by zero."""
    y = np.abs(y) if y.dtype.kind == "f" else y
    with (
        use_limits(**FEW),
        pytest.raises(ValueError, match="sample_weight is zero for all rows"),
    ):
        model.fit(batches(y, np.zeros(N)))


def test_curve_has_the_values_of_the_passes():
    """A plot of the objective would be empty, or show values of a sample."""
    model = default_fit()
    curve = model.validation_curve_
    assert np.all(np.diff(curve["lambda"]) > 0)
    assert curve["validation_loss"].min() >= model.validation_loss_ * (1 - 1e-6)
    null = model.summary().baseline_loss
    assert curve["validation_loss"][-1] == pytest.approx(null, rel=1e-9)


def test_time_ends_the_passes(monkeypatch):
    """A fit of many rows would read on for hours after `max_time`."""
    monkeypatch.setattr(_deadline, "time", SimpleNamespace(monotonic=Ticks()))
    model = MYHPOLogisticRegression(max_time=1.5, tol=1e-12)
    with use_limits(**FEW), pytest.warns(ConvergenceWarning, match="max_time=1.5 sec"):
        model.fit(batches(LABEL))
    assert not model.converged_
    assert np.all(np.isfinite(model.coef_))
    assert np.isfinite(model.validation_loss_)
    without = fit(clone(model).set_params(max_time=None), batches(LABEL))
    assert model.n_iter_ < without.n_iter_


def test_several_starts_are_tried():
    """`n_starts` would be ignored where rows are in batches."""
    model = MYHPOLogisticRegression(feature_groups=GROUPS, n_starts=3, random_state=0)
    assert fit(model, batches(LABEL)).start_losses_.shape == (3,)


def test_rows_far_from_all_others(monkeypatch):
    """Every pass would jump over the kink of a row that is far from all others."""
    start_from(monkeypatch, 200)
    rng = np.random.default_rng(7)
    rows = rng.standard_t(1.0, size=(900, 6))
    y = (np.clip(rows @ rng.standard_normal(6), -2, 2) + rng.logistic(size=900)) > 0
    model = MYHPOLogisticRegression(cv=RowFolds(3), standardize=True)
    source = Batches.from_arrays(rows, y.astype(int), batch_size=100)
    model.fit(source)
    assert model.converged_
    assert source.n_passes <= 16
    plain = MYHPOLogisticRegression(cv=RowFolds(3), standardize=True, tol=1e-10)
    plain.fit(rows, y.astype(int))
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-4, atol=1e-6)


def hard_classes(seed):
    """Return X, y and folds of nearly separable or many classes, and their sample."""
    rng = np.random.default_rng(seed)
    n_classes, d = ((2, 12), (5, 10), (11, 8), (5, 6))[seed % 4]
    n = int(rng.integers(500, 1500))
    rows = rng.standard_normal((n, d)) * np.exp(rng.choice([0.0, 1.0], d))
    score = rows @ rng.standard_normal((d, n_classes))
    noise = score.std() * (0.0, 0.03, 0.3)[seed % 3]
    y = (score + noise * rng.gumbel(size=score.shape)).argmax(axis=1)
    most = np.bincount(y).argmax()
    return rows, np.where(np.bincount(y)[y] < 6, most, y), RowFolds(2 + seed % 3)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("seed", range(6))
def test_nearly_separable_and_many_classes(seed, monkeypatch):
    """Passes would go around in circles, or crawl, from a sample that misleads."""
    start_from(monkeypatch, 300, per_weight=4)
    rows, y, cv = hard_classes(seed)
    source = Batches.from_arrays(rows, y, batch_size=200)
    model = MYHPOLogisticRegression(cv=cv).fit(source)
    assert model.converged_
    assert source.n_passes <= 12
    plain = MYHPOLogisticRegression(cv=cv, tol=1e-9).fit(rows, y)
    size = np.abs(plain.coef_).max()
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=1e-6 * size)
