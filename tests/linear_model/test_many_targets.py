"""One lambda for many targets, and models that keep weights of rows."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import ShuffleSplit, cross_val_score

from sklearn_myhpo import BilevelRidge, MYHPORidge, SHORidge
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.exceptions import LambdaBoundWarning
from tests.tensor_spaces import bring, dispatching, each_space, load_space

#: Limits with which few targets are many, and come in batches of three.
MANY = {
    "turned_targets": 2,
    "turned_sample": 5,
    "target_batch_entries": 100,
    "least_targets": 3,
    "together_entries": 500,
    "least_together": 3,
}
#: Rows, features and targets: with more rows than targets, tall, square and wide.
SIZES = [(140, 5, 50), (40, 8, 60), (30, 30, 45), (25, 60, 40)]


def make_data(n_samples, n_features, n_targets, seed=0):
    """Return targets of sizes that differ, about means that are not zero."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features)) + 1.0
    weights = rng.standard_normal((n_features, n_targets)) / np.sqrt(n_features)
    y = X @ weights + rng.standard_normal((n_samples, n_targets))
    return X, y * np.geomspace(0.3, 3.0, n_targets) + 2.0


def quiet_fit(model, *data, **options):
    """Fit without the warnings of lambdas at a bound."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        return model.fit(*data, **options)


def fit_many(model, *data, **options):
    """Fit with limits that make few targets many."""
    with use_limits(**MANY):
        return quiet_fit(clone(model), *data, **options)


OPTIONS = {
    "folds": {},
    "hold-out": {"cv": 0.3, "random_state": 0},
    "gcv": {"criterion": "gcv"},
    "loo": {"criterion": "loo"},
    "no intercept": {"fit_intercept": False},
    "standardized": {"standardize": True},
    "standardized, no intercept": {"standardize": True, "fit_intercept": False},
    "one standard error": {"selection": "one_se"},
    "mean response": {"response": "mean", "max_iter": 30, "tol": 1e-2},
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_few_targets_stand_for_many(size, name):
    """Lambda, losses or weights would be those of other targets."""
    X, y = make_data(*size)
    model = MYHPORidge(tol=1e-10).set_params(**OPTIONS[name])
    plain, found = quiet_fit(model, X, y), fit_many(model, X, y)
    np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-6)
    np.testing.assert_allclose(
        found.validation_loss_, plain.validation_loss_, rtol=1e-9
    )
    at_lambda = Ridge(found.alpha_, fit_intercept=model.fit_intercept)
    if not model.standardize:
        at_lambda.fit(X, y)
        np.testing.assert_allclose(found.coef_, at_lambda.coef_, atol=1e-10)
        np.testing.assert_allclose(found.intercept_, at_lambda.intercept_, atol=1e-9)
    np.testing.assert_allclose(found.coef_, plain.coef_, atol=1e-5)
    np.testing.assert_allclose(found.predict(X), plain.predict(X), atol=1e-4)
    known = plain._facts.noise_variance
    if known is not None:
        np.testing.assert_allclose(found._facts.noise_variance, known, rtol=1e-4)
    frame = found.summary().columns
    assert len(frame["coef[0]"]) == size[1]
    if size[2] > size[0] or name in ("folds", "gcv", "standardized"):
        assert not any(one.startswith("variance_share") for one in frame)


#: Options of fits with a lambda per target, which are learned in slices.
OWN_LAMBDAS = [
    {},
    {"criterion": "gcv"},
    {"criterion": "loo"},
    {"fit_intercept": False},
    {"standardize": True},
    {"standardize": True, "fit_intercept": False},
    {"refit": False},
    {"cv": 0.3, "random_state": 0},
    {"cv": ShuffleSplit(4, random_state=0)},
    {"store_cv_results": True},
    {"solver": "hoag"},
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("options", OWN_LAMBDAS, ids=str)
@pytest.mark.parametrize("size", [(140, 5, 20), (60, 12, 20), (25, 40, 20)], ids=str)
def test_slices_of_targets_make_no_difference(size, options):
    """Lambdas of targets would depend on how much memory there is."""
    X, y = make_data(*size)
    weight = np.random.default_rng(1).integers(1, 4, len(y)).astype(float)
    estimator = BilevelRidge if "solver" in options else MYHPORidge
    model = estimator(alpha_per_target=True, tol=1e-10).set_params(**options)
    if "solver" in options:
        model.set_params(max_iter=3)
    plain = quiet_fit(model, X, y, sample_weight=weight)
    found = fit_many(model, X, y, sample_weight=weight)
    for name in ("lambda_", "alpha_", "validation_loss_", "coef_", "intercept_"):
        expected = getattr(plain, name)
        np.testing.assert_allclose(getattr(found, name), expected, atol=1e-6, rtol=1e-6)
    assert abs(found.n_iter_ - plain.n_iter_) <= 1
    assert found.plan_.shape == plain.plan_.shape
    np.testing.assert_allclose(found.history_["lambda"][-1], plain.lambda_, atol=1e-6)
    if found.cv_predictions_ is not None:
        given = found.cv_predictions_, plain.cv_predictions_
        np.testing.assert_allclose(*given, atol=1e-6)
    assert [*found.summary().columns] == [*plain.summary().columns]


def test_sparse_rows_of_many_targets():
    """Few rows would be those of other features, or of other weights."""
    X, y = make_data(150, 5, 60)
    X = np.where(X > 1.0, X, 0.0)
    weight = np.random.default_rng(1).integers(0, 3, len(y))
    for options in ({}, {"alpha_per_target": True}, {"fit_intercept": False}):
        model = MYHPORidge(tol=1e-10, **options)
        plain = quiet_fit(model, X, y, sample_weight=weight)
        found = fit_many(model, sparse.csr_array(X), y, sample_weight=weight)
        np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-6)
        np.testing.assert_allclose(found.coef_, plain.coef_, atol=1e-6)


def test_optimism_of_few_rows():
    """The optimism would be that of rotated rows."""
    # Folds of so few rows that all are kept, and sampled.
    X, y = make_data(60, 20, 150)
    plain = MYHPORidge().fit(X, y)
    with use_limits(turned_targets=2, turned_share=2.0):
        found = MYHPORidge().fit(X, y)
    assert found.optimism_ == pytest.approx(plain.optimism_, rel=1e-5)
    error = plain.validation_loss_standard_error_
    assert found.validation_loss_standard_error_ == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("explained", [1.0 - 1e-9, 1.0])
def test_few_rows_of_models_that_explain_nearly_everything(explained):
    """Sums of squares would be differences of nearly equal numbers."""
    X, y = make_data(200, 4, 80)
    best = y.mean(axis=0) + (X - X.mean(axis=0)) @ np.ones((4, 80))
    y = best + np.sqrt(1.0 - explained) * (y - y.mean(axis=0))
    plain, found = quiet_fit(MYHPORidge(), X, y), fit_many(MYHPORidge(), X, y)
    scale = plain.validation_loss_ if explained < 1.0 else 1e-18 * np.sum(y**2)
    assert abs(found.validation_loss_ - plain.validation_loss_) <= 1e-6 * scale
    np.testing.assert_allclose(found.coef_, plain.coef_, atol=1e-7)


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(
    entries=st.integers(1, 4000),
    least=st.integers(1, 50),
    weights=st.sampled_from([None, "floats", "zeros"]),
    single=st.booleans(),
    criterion=st.sampled_from(["validation", "loo"]),
)
def test_batches_make_no_difference(entries, least, weights, single, criterion):
    """The model would depend on how much memory there is."""
    X, y = make_data(30, 40, 45)
    X = X.astype(np.float32) if single else X
    rng = np.random.default_rng(0)
    kinds = {"floats": rng.uniform(0.5, 2.0, 30), "zeros": rng.integers(0, 3, 30)}
    model, weight = MYHPORidge(criterion=criterion), kinds.get(weights)
    limits = {"turned_targets": 2}
    with use_limits(**limits):
        whole = quiet_fit(clone(model), X, y, sample_weight=weight)
    limits |= {"target_batch_entries": entries, "least_targets": least}
    with use_limits(**limits):
        parts = quiet_fit(clone(model), X, y, sample_weight=weight)
    assert parts.coef_.dtype == X.dtype
    tol = 1e-5 if single else 1e-10
    np.testing.assert_allclose(parts.lambda_, whole.lambda_, rtol=1e-10)
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=0, atol=tol)
    np.testing.assert_allclose(parts.intercept_, whole.intercept_, rtol=0, atol=tol)


def test_leave_one_out_is_that_of_scikit_learn():
    """Sums over targets would not be those of the targets."""
    X, y = make_data(30, 10, 20)
    alphas = np.geomspace(1e-2, 1e3, 30)
    expected = RidgeCV(alphas, store_cv_results=True).fit(X, y)
    found = MYHPORidge(criterion="loo").fit(X, y)
    losses = np.sum(np.mean(expected.cv_results_, axis=0), axis=0) / 2
    assert found.validation_loss_ <= losses.min() * (1 + 1e-9)
    at = np.interp(np.log(found.alpha_), np.log(alphas), losses)
    assert found.validation_loss_ == pytest.approx(at, rel=1e-2)
    bounds = found.lambda_ - 1e-9, found.lambda_ + 1e-9
    few = sum(
        quiet_fit(
            MYHPORidge(criterion="loo", lambda_bounds=bounds), X, y[:, part]
        ).validation_loss_
        for part in (slice(0, 9), slice(9, None))
    )
    assert found.validation_loss_ == pytest.approx(few, rel=1e-7)


def test_variances_of_the_noise_add_up():
    """SURE would take the noise of a few targets for that of all."""
    from sklearn_myhpo.criteria import SURE

    X, y = make_data(30, 5, 40)
    for noise in ("auto", 1.5, tuple(np.linspace(0.5, 2.0, 40))):
        model = MYHPORidge(criterion=SURE(noise_variance=noise), tol=1e-10)
        plain, found = quiet_fit(model, X, y), fit_many(model, X, y)
        np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-6)
        assert found.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-9)


def test_groups_and_factors_of_many_targets():
    """Features would be penalized by those of others."""
    X, y = make_data(30, 12, 40)
    options = {
        "feature_groups": np.arange(12) % 2,
        "penalty_factors": np.linspace(0.5, 2.0, 12),
    }
    for used in (options, {"penalty_factors": options["penalty_factors"]}):
        model = MYHPORidge(tol=1e-10, **used)
        plain, found = quiet_fit(model, X, y), fit_many(model, X, y)
        np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-6)
        np.testing.assert_allclose(found.coef_, plain.coef_, atol=1e-6)
        dual = fit_many(model.set_params(store_coef=False), X, y)
        np.testing.assert_allclose(dual.predict(X), plain.predict(X), atol=1e-5)


@pytest.mark.parametrize("size", [(20, 70, 30), (20, 70, 4), (30, 6, 5)], ids=str)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, np.float32])
def test_weights_of_rows_predict_alike(size, kind):
    """store_coef=False would be another model."""
    X, y = make_data(*size)
    X = np.where(X > 1.0, X, 0.0)
    given, new = kind(X), kind(X[:7] + 0.5 * (X[:7] > 0))
    tol = 1e-3 if kind is np.float32 else 1e-8
    model = MYHPORidge(tol=1e-10)
    plain = quiet_fit(model, given, y)
    found = quiet_fit(clone(model).set_params(store_coef=False), given, y)
    np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-5)
    close = {"atol": 1e-4, "rtol": tol}
    np.testing.assert_allclose(found.predict(new), plain.predict(new), **close)
    assert found.score(given, y) == pytest.approx(plain.score(given, y), abs=1e-4)
    coef = (found.X_fit_.T @ found.dual_coef_).T
    at_lambda = Ridge(found.alpha_).fit(X, y)
    np.testing.assert_allclose(coef, at_lambda.coef_, atol=max(tol, 1e-8))
    np.testing.assert_allclose(found.intercept_, at_lambda.intercept_, atol=10 * tol)
    assert found.dual_coef_.dtype == plain.coef_.dtype
    assert found.X_fit_.shape == X.shape
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict(new), found.predict(new))


@pytest.mark.parametrize("n_targets", [1, 3, 40])
def test_weights_of_rows_are_those_of_kernel_ridge(n_targets):
    """`dual_coef_` would mean something else than in scikit-learn."""
    X, y = make_data(25, 60, n_targets)
    weight = np.random.default_rng(1).integers(0, 3, 25)
    model = MYHPORidge(store_coef=False, fit_intercept=False)
    y = y[:, 0] if n_targets == 1 else y
    for own in (None, weight):
        found = fit_many(model, X, y, sample_weight=own)
        expected = KernelRidge(alpha=found.alpha_, kernel="linear")
        expected.fit(X, y, sample_weight=own)
        kept = slice(None) if own is None else own > 0
        assert found.dual_coef_.shape == y[kept].shape
        np.testing.assert_allclose(found.predict(X), expected.predict(X), atol=1e-9)
        if own is None:
            np.testing.assert_allclose(
                found.dual_coef_, expected.dual_coef_, rtol=1e-7, atol=1e-10
            )
    plain = found.to_sklearn()
    assert type(plain) is KernelRidge
    np.testing.assert_allclose(plain.predict(X), found.predict(X), atol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"alpha_per_target": True},
        {"standardize": True},
        {"standardize": True, "fit_intercept": False},
        {"criterion": "loo"},
        {"scoring": "r2", "store_cv_results": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [(20, 50, 4), (40, 6, 5)], ids=str)
def test_weights_of_rows_with_other_options(size, options):
    """A combination of options would make other predictions."""
    X, y = make_data(*size)
    model = MYHPORidge(tol=1e-10, **options)
    plain = quiet_fit(model, X, y)
    found = quiet_fit(clone(model).set_params(store_coef=False), X, y)
    new = X[:5] * 1.1
    np.testing.assert_allclose(found.predict(new), plain.predict(new), atol=1e-4)
    if plain.cv_scores_ is not None:
        np.testing.assert_allclose(found.cv_scores_, plain.cv_scores_, atol=1e-6)


@pytest.mark.parametrize("per_target", [False, True])
@pytest.mark.parametrize("size", [(45, 30, 2), (20, 60, 2)], ids=str)
def test_weights_of_rows_of_a_model_without_residuals(size, per_target):
    """The weights would be the rounding of the residuals over a tiny penalty."""
    X, _ = make_data(*size)
    y = X[:, :3] @ np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 1.0]])
    options = {"alpha_per_target": per_target, "lambda_bounds": (-30.0, -29.0)}
    plain = quiet_fit(MYHPORidge(**options), X, y)
    found = quiet_fit(MYHPORidge(store_coef=False, **options), X, y)
    np.testing.assert_allclose(found.predict(X), plain.predict(X), atol=1e-6)
    new = X[:5] - X[5:10]
    np.testing.assert_allclose(found.predict(new), plain.predict(new), atol=1e-6)


def test_weights_of_rows_with_a_validation_set():
    """Rows of the validation set would be among those of the model."""
    X, y = make_data(30, 40, 4)
    own = {"X_val": X[20:], "y_val": y[20:]}
    plain = quiet_fit(MYHPORidge(), X[:20], y[:20], **own)
    found = quiet_fit(MYHPORidge(store_coef=False), X[:20], y[:20], **own)
    np.testing.assert_array_equal(found.X_fit_, X[:20])
    np.testing.assert_allclose(found.predict(X), plain.predict(X), atol=1e-8)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cls", [BilevelRidge, SHORidge])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_solvers_take_the_parameter(cls):
    """The parameter would do nothing."""
    X, y = make_data(20, 30, 3)
    options = {"random_state": 0}
    plain = quiet_fit(cls(**options), X, y)
    found = quiet_fit(cls(store_coef=False, **options), X, y)
    assert not hasattr(found, "coef_")
    np.testing.assert_allclose(found.lambda_, plain.lambda_, atol=1e-2)
    assert found.score(X, y) == pytest.approx(plain.score(X, y), abs=1e-2)


def test_a_fit_forgets_the_other_form():
    """Predictions would be those of the last fit but one."""
    X, y = make_data(20, 30, 3)
    model = quiet_fit(MYHPORidge(store_coef=False), X, y)
    assert repr(model)
    assert model._repr_html_()
    quiet_fit(model.set_params(store_coef=True), X, y)
    assert not hasattr(model, "dual_coef_")
    quiet_fit(model.set_params(store_coef=False), X, y[:, 0])
    assert not hasattr(model, "coef_")
    assert model.dual_coef_.shape == (20,)
    assert model.predict(X).shape == (20,)
    quiet_fit(model, X, 1e-200 * y[:, :1])
    assert np.abs(model.predict(X)).max() < 1e-198
    assert np.isfinite(cross_val_score(model, X, y, cv=2)).all()


def test_memory_of_many_targets():
    """A fit would take the coefficients of all splits, or of all targets twice."""
    X, y = make_data(60, 1500, 600)
    model = MYHPORidge(store_coef=False, cv=3)
    model.fit(X[:, :3], y[:, 0])
    tracemalloc.start()
    try:
        model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Less than the coefficients, 7.2 MB; they were there for every split.
    assert peak < 0.9 * 8 * X.shape[1] * y.shape[1]


@pytest.mark.parametrize(("per_target", "most"), [(False, 90), (True, 70)])
def test_memory_of_targets_and_more_rows(per_target, most):
    """Sums over rows, and moves of the weights, would stay beside all splits."""
    X, y = make_data(600, 60, 500)
    model = MYHPORidge(alpha_per_target=per_target)
    model.fit(X[:, :3], y[:, :2])
    tracemalloc.start()
    try:
        model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # In units of the coefficients.
    assert peak < most * 8 * X.shape[1] * y.shape[1]


@pytest.mark.parametrize("criterion", ["validation", "gcv"])
@pytest.mark.parametrize("per_target", [False, True])
def test_memory_of_targets_and_many_more_rows(per_target, criterion):
    """Y would be copied, or the weights of all splits kept beside it."""
    X, y = make_data(6000, 20, 1000)
    model = MYHPORidge(alpha_per_target=per_target, criterion=criterion)
    model.fit(X[:, :3], y[:, :2])
    tracemalloc.start()
    try:
        with use_limits(together_entries=2**15, target_batch_entries=2**18):
            model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.5 * y.nbytes


@each_space
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("per_target", [False, True])
def test_tensors_with_many_targets(size, per_target, space, monkeypatch):
    """Weights of rows, or of many targets, would be lost on the way from the host."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    xp = load_space(space)
    X, y = make_data(*size)
    model = MYHPORidge(tol=1e-10, alpha_per_target=per_target)
    is_wide = size[1] >= size[0]
    plain = quiet_fit(model, X, y)
    found = clone(model).set_params(store_coef=not is_wide)
    with sklearn.config_context(array_api_dispatch=True), use_limits(**MANY):
        quiet_fit(found, xp.asarray(X), y)
        predicted = found.predict(xp.asarray(X))
        moved = found.move_to("numpy")
        back = moved.move_to(xp.asarray(X))
        again = back.predict(xp.asarray(X))
    np.testing.assert_allclose(bring(predicted), plain.predict(X), atol=1e-4)
    np.testing.assert_allclose(moved.predict(X), bring(predicted), atol=1e-9)
    np.testing.assert_allclose(bring(again), bring(predicted), atol=1e-9)
    assert ("dual_coef_" in vars(found)) == is_wide


@pytest.mark.parametrize("standardize", [False, True])
def test_weights_of_rows_with_large_means(standardize):
    """Products of rows with large means lost all digits of their differences."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((12, 5))
    y = X[:, :2] @ [1.0, 2.0] + 0.5 * rng.standard_normal(12)
    options = {"standardize": standardize, "store_coef": False}
    model = MYHPORidge(**options).fit(X + 1e7, y)
    plain = MYHPORidge(standardize=standardize).fit(X, y)
    difference = model.predict(X + 1e7) - plain.predict(X)
    assert np.abs(difference).max() < 1e-5


def augmented(X, y, alpha):
    """Return ridge coefficients without an intercept, by least squares of more rows."""
    n_features, y = X.shape[1], y.reshape(len(y), -1)
    rows = np.vstack([X, np.sqrt(alpha) * np.eye(n_features)])
    return np.linalg.lstsq(
        rows, np.vstack([y, np.zeros((n_features, y.shape[1]))]), rcond=None
    )[0]


@pytest.mark.parametrize("size", [(20, 60, 3), (40, 6, 3), (20, 60, 40)], ids=str)
@pytest.mark.parametrize(
    ("kind", "mean", "tol"),
    [
        ("dense", (1e3, 0.0), 1e-11),
        ("dense", (1e6, 0.0), 1e-8),
        ("dense", (1e4, 1e4), 1e-9),
        ("torch", (1e3, 0.0), 1e-11),
        ("torch", (1e6, 0.0), 1e-8),
        # Products with sparse rows are about zero, and keep fewer digits.
        ("sparse", (1e3, 0.0), 1e-8),
    ],
)
def test_weights_of_rows_without_intercept_and_large_means(
    size, mean, tol, kind, monkeypatch
):
    """Products of rows with large means lost the digits of their differences."""
    X, y = make_data(*size)
    if kind == "sparse":
        X[:, ::2] = np.where(X[:, ::2] > 1.0, X[:, ::2], 0.0)
        X[:, 1::2] += mean[0]
    else:
        X = X + mean[0]
    y, new = y + mean[1], X[:5] + 0.5 * (X[:5] - X[5:10])
    model = MYHPORidge(store_coef=False, fit_intercept=False)
    if kind == "torch":
        if size[1] < size[0]:
            pytest.skip("tensors have the dual form of wide rows alone")
        xp = load_space("torch")
        with dispatching(monkeypatch):
            quiet_fit(model, xp.asarray(X), y)
            found = bring(model.predict(xp.asarray(new)))
    else:
        given = sparse.csr_array if kind == "sparse" else np.asarray
        found = quiet_fit(model, given(X), y).predict(given(new))
    expected = new @ augmented(X, y, float(model.alpha_))
    assert np.abs(found - expected).max() < tol * np.abs(expected).max()


@pytest.mark.parametrize("size", [(20, 60, 2), (40, 6, 2)], ids=str)
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_weights_of_rows_per_target_and_large_means(size, standardize, fit_intercept):
    """Large residuals over a tiny penalty were weights that lose the predictions."""
    X, y = make_data(*size)
    X, options = X + 1e3, {"standardize": standardize, "fit_intercept": fit_intercept}
    model = MYHPORidge(alpha_per_target=True, store_coef=False, **options)
    quiet_fit(model, X, y)
    new = X[:5] + 0.5 * (X[:5] - X[5:10])
    mean = X.mean(axis=0) if fit_intercept or standardize else 0.0
    unit = X.std(axis=0) if standardize else 1.0
    origin = y.mean(axis=0) if fit_intercept else np.zeros(2)
    given = (y - origin).T, model.alpha_, origin
    expected = np.column_stack(
        [
            (new - mean) / unit @ augmented((X - mean) / unit, one, alpha) + start
            for one, alpha, start in zip(*given, strict=True)
        ]
    )
    found = model.predict(new)
    assert np.abs(found - expected).max() < 1e-8 * np.abs(expected).max()


def test_rows_of_single_precision_and_weights_of_double(monkeypatch):
    """A tensor of fewer digits than the rows of the fit raised an error of PyTorch."""
    xp = load_space("torch")
    X, y = make_data(20, 30, 3)
    with dispatching(monkeypatch):
        model = quiet_fit(MYHPORidge(store_coef=False), xp.asarray(X), y)
        double = model.predict(xp.asarray(X))
        single = model.predict(xp.asarray(X.astype(np.float32)))
    assert single.dtype == xp.float32
    np.testing.assert_allclose(bring(single), bring(double), atol=1e-4)


def test_no_partial_fit_of_weights_of_rows():
    """Tools would call a method that always fails."""
    assert not hasattr(MYHPORidge(store_coef=False), "partial_fit")
    assert hasattr(MYHPORidge(), "partial_fit")


@pytest.mark.parametrize("size", [(30, 80), (60, 20)], ids=str)
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_weights_of_sparse_rows_with_large_means(size, fit_intercept):
    """Differences of rows would be lost in their means."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal(size) + 1e6
    new = rng.standard_normal((7, size[1])) + 1e6
    weights = rng.standard_normal((size[1], 3)) / np.sqrt(size[1])
    y = (X - 1e6) @ weights + 0.3 * rng.standard_normal((size[0], 3))
    dense = quiet_fit(MYHPORidge(fit_intercept=fit_intercept), X, y)
    found = clone(dense).set_params(store_coef=False)
    quiet_fit(found, sparse.csr_array(X), y)
    expected = dense.predict(new)
    got = found.predict(sparse.csr_array(new))
    np.testing.assert_allclose(got, expected, atol=1e-7 * np.abs(expected).max())


def test_weights_of_sparse_rows_with_few_large_columns():
    """The differences of rows would be lost, or a dense copy take all memory."""
    rng = np.random.default_rng(0)
    X = sparse.random_array((30, 80), density=0.1, random_state=rng, format="lil")
    X[:, [3]] = 1e6 + rng.standard_normal((30, 1))
    model = MYHPORidge(store_coef=False)
    message = r"columns of sparse X with 8\.\d* of 80 entries .* use store_coef=True"
    with pytest.raises(ValueError, match=message):
        model.fit(sparse.csr_array(X), rng.standard_normal((30, 2)))


def test_predictions_copy_no_rows():
    """`predict` would need as much memory as the training rows."""
    X, y = make_data(200, 20000, 2)
    model = quiet_fit(MYHPORidge(store_coef=False), X, y)
    model.predict(X[:2])
    tracemalloc.start()
    try:
        found = model.predict(X[:50])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.6 * X.nbytes
    with use_limits(block_entries=2**30):
        np.testing.assert_allclose(found, model.predict(X[:50]), rtol=1e-10)
