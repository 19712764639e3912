"""Extreme data: units, constants, more columns than rows, separable classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.model_selection import ShuffleSplit

from tests.helpers import (
    CLASSIFIERS,
    ESTIMATORS,
    RIDGES,
    covering_pairs,
    data_for,
    raw_predictions,
)
from tests.linear_model.common import (
    ACCURACY,
    assert_same_predictions,
    each_estimator,
    each_logistic,
    each_minimizer,
    each_ridge,
    few,
    fit,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def assert_finite(model, X):
    """Nothing that a user can see may be NaN or infinite."""
    for name in ("coef_", "intercept_", "lambda_", "validation_loss_"):
        assert np.all(np.isfinite(getattr(model, name))), name
    assert np.all(np.isfinite(raw_predictions(model, X)))
    assert not np.any(np.isnan(getattr(model, "alpha_", getattr(model, "C_", 1.0))))
    assert not np.any(np.isnan(model.history_["validation_loss"]))
    assert not np.any(np.isnan(model.history_["lambda"]))
    if hasattr(model, "predict_proba"):
        assert np.all(np.isfinite(model.predict_log_proba(X)))


@each_estimator
@pytest.mark.parametrize("scale", [1e-100, 1e-50, 1e-20, 1e20, 1e50, 1e100])
def test_extreme_units_of_x(cls, scale):
    """Units of an atom or of a galaxy would give NaN."""
    X, y = data_for(cls)
    assert_finite(fit(cls, X * scale, y, cv=2, tol=cls().tol), X * scale)


@pytest.mark.parametrize(
    ("cls", "cv", "scale"),
    covering_pairs(
        RIDGES,
        [2, ShuffleSplit(1, random_state=0)],
        [1e-100, 1e-50, 1e-20, 1e20, 1e50, 1e100],
    ),
)
def test_extreme_units_of_y(cls, scale, cv):
    """Units of an atom or of a galaxy would give NaN."""
    X, y = data_for(cls)
    assert_finite(fit(cls, X, y * scale, cv=cv, tol=cls().tol), X)


@pytest.mark.one_in(3, 1)
@each_estimator
@pytest.mark.parametrize("groups", [None, "each"])
def test_mixed_units_of_columns(cls, groups):
    """Columns from 1e-8 to 1e8 would give NaN."""
    X, y = data_for(cls)
    X = X * [1e-8, 1e-3, 1e3, 1e8]
    assert_finite(fit(cls, X, y, tol=cls().tol, feature_groups=groups), X)


@pytest.mark.one_in(2)
@each_minimizer
@given(exponents=st.lists(st.floats(-4.0, 4.0), min_size=4, max_size=4))
@few
def test_one_lambda_per_feature_absorbs_units(cls, exponents):
    """With one lambda per feature the unit of a single column would matter."""
    X, y = data_for(cls)
    scale = 10.0 ** np.array(exponents)
    model, other = (
        fit(cls, Z, y, feature_groups="each", lambda_init="auto")
        for Z in (X, X * scale)
    )
    # The objective may have several minima, so losses are compared, not weights:
    # neither may be worse than what the other's start, one shared lambda, gives.
    for one, Z in ((model, X), (other, X * scale)):
        shared = fit(cls, Z, y)
        assert one.validation_loss_ <= shared.validation_loss_ * (1 + 1e-8)


@pytest.mark.parametrize(
    ("cls", "fit_intercept", "groups", "kind"),
    covering_pairs(
        ESTIMATORS,
        [True, False],
        [None, "each"],
        ["zero", "one", "third", "huge", "all"],
    ),
)
def test_constant_columns(cls, fit_intercept, groups, kind):
    """A column without information would give NaN or take weight."""
    X, y = data_for(cls)
    constant = {"zero": 0.0, "third": 1 / 3, "huge": 1e8}.get(kind, 1.0)
    X = np.column_stack([X, np.full(60, constant)])
    if kind == "all":
        X = np.ones((60, 3))
    options = {"fit_intercept": fit_intercept, "feature_groups": groups}
    model = fit(cls, X, y, cv=2, tol=cls().tol, **options)
    assert_finite(model, X)
    if fit_intercept and kind == "all":
        raw = raw_predictions(model, X)
        np.testing.assert_allclose(raw, raw_predictions(model, 0 * X), rtol=1e-9)
    if fit_intercept and kind != "all":
        size = np.abs(model.coef_).max()
        # A mean of 1e8 has an error of 1e-8, which the penalty shrinks further.
        assert np.all(np.abs(model.coef_[..., -1]) <= 1e-6 * size + 1e-12)


@each_estimator
@pytest.mark.parametrize("groups", [None, "each"])
def test_duplicated_columns(cls, groups):
    """Equal columns would share the weight unevenly, or break the solver."""
    X, y = data_for(cls)
    X = np.hstack([X, X])
    model = fit(cls, X, y, tol=cls().tol, feature_groups=groups)
    assert_finite(model, X)
    if groups is None:
        left, right = model.coef_[..., :4], model.coef_[..., 4:]
        assert_same_predictions(left, right, 1e-7)


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize(
    ("cls", "groups", "container"),
    covering_pairs(
        ESTIMATORS, [None, np.arange(90) % 3], [np.asarray, sparse.csr_array]
    ),
)
def test_more_columns_than_rows(cls, groups, container):
    """Spectra and genes: more features than samples."""
    X, y = data_for(cls, n_samples=30, n_features=90)
    options = {"cv": 3, "tol": cls().tol, "feature_groups": groups}
    model = fit(cls, container(X), y, **options)
    assert_finite(model, container(X))
    assert model.coef_.shape[-1] == 90


@pytest.mark.parametrize(
    ("cls", "n_rows", "groups"), covering_pairs(ESTIMATORS, [4, 5, 7], [None, "each"])
)
def test_few_rows(cls, n_rows, groups):
    """A handful of rows."""
    X, y = data_for(cls)
    if cls in CLASSIFIERS:
        y = np.arange(60) % 2
    X, y = X[:n_rows], y[:n_rows]
    options = {"cv": 2, "tol": cls().tol, "feature_groups": groups}
    assert_finite(fit(cls, X, y, **options), X)


@each_logistic
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("groups", [None, "each"])
@pytest.mark.parametrize("lambda_init", ["auto", -1.0])
def test_separable_classes(cls, n_classes, groups, lambda_init):
    """Weights would run to infinity where no error is left."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % n_classes
    X = 10.0 * np.eye(n_classes)[y] + 0.1 * rng.standard_normal((60, n_classes))
    options = {"feature_groups": groups, "lambda_init": lambda_init, "max_iter": 30}
    model = fit(cls, X, y, cv=3, tol=cls().tol, **options)
    assert_finite(model, X)
    assert model.score(X, y) == 1.0


@pytest.mark.parametrize(
    ("cls", "value", "fit_intercept", "groups"),
    covering_pairs(RIDGES, [0.0, 3.0, 1e8], [True, False], [None, "each"]),
)
def test_constant_y(cls, value, fit_intercept, groups):
    """Nothing to explain: zero weights, and the constant as prediction."""
    X, _ = data_for(cls)
    options = {"fit_intercept": fit_intercept, "feature_groups": groups}
    model = fit(cls, X, np.full(60, value), tol=cls().tol, **options)
    assert_finite(model, X)
    if fit_intercept:
        np.testing.assert_allclose(model.predict(X), value, rtol=1e-9)


@each_ridge
@pytest.mark.parametrize("noise", [0.0, 1e-14, 1e-10, 1e-6])
@pytest.mark.parametrize("groups", [None, "each"])
def test_nearly_noiseless_y(cls, noise, groups):
    """A loss at the rounding level would give NaN or a worse model."""
    X, _ = data_for(cls)
    exact = X @ [1.0, -2.0, 3.0, 0.5] + 1.0
    y = exact + noise * np.random.default_rng(0).standard_normal(60)
    model = fit(cls, X, y, tol=cls().tol, feature_groups=groups)
    assert_finite(model, X)
    np.testing.assert_allclose(model.predict(X), exact, atol=10 * noise + 1e-9)


@each_minimizer
@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
def test_large_means(cls, offset):
    """Time stamps and years: the mean would drown what varies."""
    X, y = data_for(cls)
    X = np.round(X * 2**10) / 2**10  # so that adding the offset loses nothing
    model, other = fit(cls, X, y), fit(cls, X + offset, y)
    raw = raw_predictions(other, X + offset)
    # Predictions subtract numbers of the size of the offset.
    accuracy = ACCURACY + 1e-15 * offset
    assert_same_predictions(raw, raw_predictions(model, X), accuracy)


@pytest.mark.one_in(3, 1)
@each_estimator
def test_nearly_equal_columns(cls):
    """Columns that differ in the last digits would break the factorizations."""
    X, y = data_for(cls)
    noise = np.random.default_rng(0).standard_normal((60, 4))
    for size in (1e-6, 1e-12):
        Z = np.hstack([X, X + size * noise])
        for groups in (None, "each"):
            options = {"feature_groups": groups, "max_iter": 50}
            assert_finite(fit(cls, Z, y, cv=2, tol=cls().tol, **options), Z)
