"""What must not depend on units, order or storage; and what must stay finite.

Comparisons solve to ``tol=1e-10``: lambda is then accurate to about 1e-8, as is
what follows from it, since the loss is smooth in lambda on these data.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.model_selection import ShuffleSplit

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge, SHORidge
from tests.helpers import (
    ESTIMATORS,
    LOGISTICS,
    RIDGES,
    data_for,
    folds,
    raw_predictions,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
few = settings(max_examples=3, deadline=None, derandomize=True)
each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_ridge = pytest.mark.parametrize("cls", RIDGES)
each_logistic = pytest.mark.parametrize("cls", LOGISTICS)
#: Estimators that end at a minimum to the accuracy that is asked for. The general
#: ones run the same solver by default.
MINIMIZERS = (MYHPORidge, MYHPOLogisticRegression)
each_minimizer = pytest.mark.parametrize("cls", MINIMIZERS)
PAIRS = folds(60, 3)
#: Accuracy of predictions relative to the largest, at tol=1e-10.
ACCURACY = 1e-6

scales = st.one_of(
    st.floats(-6.0, 6.0).map(lambda exponent: 10.0**exponent),
    st.integers(-20, 20).map(lambda exponent: 2.0**exponent),
)


def fit(cls, X, y, *, sample_weight=None, **options):
    """Fit to high accuracy on fixed splits unless told otherwise."""
    options = {"cv": PAIRS, "tol": 1e-10, "random_state": 0, **options}
    return cls(**options).fit(X, y, sample_weight=sample_weight)


def assert_same_predictions(left, right, accuracy=ACCURACY):
    """Compare relative to the largest of the predictions."""
    size = np.abs(right).max()
    np.testing.assert_allclose(left, right, rtol=0, atol=accuracy * size)


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


@each_minimizer
@pytest.mark.parametrize("groups", [None, ["a", "a", "b", "b"]])
@given(scale=scales)
@few
def test_units_of_x(cls, groups, scale):
    """Metres instead of millimetres would change the predictions."""
    X, y = data_for(cls)
    model = fit(cls, X, y, feature_groups=groups)
    scaled = fit(cls, X * scale, y, feature_groups=groups)
    assert_same_predictions(
        raw_predictions(scaled, X * scale), raw_predictions(model, X)
    )


@pytest.mark.parametrize("cls", RIDGES)
@given(scale=scales)
@few
def test_units_of_y(cls, scale):
    """Euros instead of cents would change the model."""
    X, y = data_for(cls)
    options = {"tol": 1e-4} if cls is SHORidge else {}
    model, scaled = (fit(cls, X, target, **options) for target in (y, y * scale))
    # SHO's noise is not scaled, so it agrees to its own tolerance only.
    accuracy = 1e-4 if cls is SHORidge else ACCURACY
    assert_same_predictions(scaled.predict(X) / scale, model.predict(X), accuracy)


@each_minimizer
@given(shift=st.floats(-1e3, 1e3))
@few
def test_origin_of_x(cls, shift):
    """Kelvin instead of degrees would change the predictions."""
    X, y = data_for(cls)
    model, shifted = fit(cls, X, y), fit(cls, X + shift, y)
    assert_same_predictions(
        raw_predictions(shifted, X + shift), raw_predictions(model, X)
    )


@each_minimizer
@given(order=st.permutations(range(4)))
@few
def test_order_of_columns(cls, order):
    """Sorting the columns would change the model."""
    X, y = data_for(cls)
    labels = np.array(["a", "a", "b", "b"])
    for groups, moved in ((None, None), (labels, labels[order])):
        model = fit(cls, X, y, feature_groups=groups)
        other = fit(cls, X[:, order], y, feature_groups=moved)
        assert_same_predictions(
            raw_predictions(other, X[:, order]), raw_predictions(model, X)
        )
        assert_same_predictions(other.coef_, model.coef_[..., order])


@each_minimizer
@given(order=st.permutations(range(3)))
@few
def test_order_of_groups(cls, order):
    """Listing the groups in another order would change the model."""
    X, y = data_for(cls)
    groups = [("a", [0]), ("b", [1, 2]), ("c", [3])]
    model = fit(cls, X, y, feature_groups=groups)
    other = fit(cls, X, y, feature_groups=[groups[i] for i in order])
    np.testing.assert_array_equal(
        other.feature_group_names_, model.feature_group_names_[order]
    )
    assert_same_predictions(raw_predictions(other, X), raw_predictions(model, X))


@each_minimizer
@given(order=st.permutations(range(12)))
@few
def test_order_of_rows(cls, order):
    """Shuffling the rows, and the splits with them, would change the model."""
    X, y = data_for(cls)
    rows = np.arange(60)
    rows[:12] = order
    place = np.argsort(rows)
    moved = [tuple(place[part] for part in pair) for pair in PAIRS]
    model, other = fit(cls, X, y), fit(cls, X[rows], y[rows], cv=moved)
    assert_same_predictions(raw_predictions(other, X), raw_predictions(model, X))


@each_minimizer
@pytest.mark.parametrize("fit_intercept", [True, False])
@given(counts=st.lists(st.integers(1, 3), min_size=60, max_size=60))
@few
def test_integer_weights_are_repetitions(cls, fit_intercept, counts):
    """A weight of two would not be two equal rows."""
    X, y = data_for(cls)
    counts = np.array(counts)
    ends = np.cumsum(counts)
    copies = [
        np.arange(end - count, end) for end, count in zip(ends, counts, strict=True)
    ]
    repeated = [
        tuple(np.concatenate([copies[i] for i in part]) for part in pair)
        for pair in PAIRS
    ]
    options = {"fit_intercept": fit_intercept}
    model = fit(cls, X, y, sample_weight=counts, **options)
    rows = np.repeat(np.arange(60), counts)
    other = fit(cls, X[rows], y[rows], cv=repeated, **options)
    assert_same_predictions(raw_predictions(other, X), raw_predictions(model, X))
    assert other.validation_loss_ == pytest.approx(model.validation_loss_, rel=1e-8)


@each_estimator
@pytest.mark.parametrize("cv", [3, 0.3])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_zero_weight_is_a_dropped_row(cls, cv, container):
    """Rows switched off by their weight would still count somewhere."""
    X, y = data_for(cls)
    keep = np.random.default_rng(1).random(60) < 0.7
    # What the dropped rows hold must not matter, so they hold something else.
    X = np.where(keep[:, None], X, X + 100.0)
    weight = np.where(keep, np.linspace(0.5, 2.0, 60), 0.0)
    options = {"cv": cv, "tol": cls().tol}
    model = fit(cls, container(X), y, sample_weight=weight, **options)
    other = fit(cls, container(X[keep]), y[keep], sample_weight=weight[keep], **options)
    # The same numbers in the same order, but for the sums over zeros.
    assert_same_predictions(raw_predictions(other, X), raw_predictions(model, X))


@each_minimizer
@given(scale=st.floats(1e-6, 1e6))
@few
def test_scale_of_weights(cls, scale):
    """Only ratios of weights count; C and alpha carry their sum."""
    X, y = data_for(cls)
    weight = np.linspace(0.5, 2.0, 60)
    model = fit(cls, X, y, sample_weight=weight)
    other = fit(cls, X, y, sample_weight=scale * weight)
    assert_same_predictions(raw_predictions(other, X), raw_predictions(model, X))


@each_minimizer
@pytest.mark.parametrize(
    "container",
    [
        sparse.csr_array,
        sparse.csc_array,
        sparse.csr_matrix,
        sparse.csc_matrix,
        np.asfortranarray,
    ],
)
@pytest.mark.parametrize(
    ("fit_intercept", "groups"), [(True, None), (False, ["a", "a", "b", "b"])]
)
def test_storage(cls, container, fit_intercept, groups):
    """The storage of the same numbers would change the model."""
    X, y = data_for(cls)
    X = np.where(np.abs(X) < 0.5, 0.0, X)
    options = {"fit_intercept": fit_intercept, "feature_groups": groups}
    model = fit(cls, X, y, **options)
    other = fit(cls, container(X), y, **options)
    assert_same_predictions(
        raw_predictions(other, container(X)), raw_predictions(model, X)
    )


@each_estimator
@pytest.mark.parametrize("scale", [1e-100, 1e-50, 1e-20, 1e20, 1e50, 1e100])
def test_extreme_units_of_x(cls, scale):
    """Units of an atom or of a galaxy would give NaN."""
    X, y = data_for(cls)
    assert_finite(fit(cls, X * scale, y, cv=2, tol=cls().tol), X * scale)


@each_ridge
@pytest.mark.parametrize("cv", [2, ShuffleSplit(1, random_state=0)], ids=["2", "one"])
@pytest.mark.parametrize("scale", [1e-100, 1e-50, 1e-20, 1e20, 1e50, 1e100])
def test_extreme_units_of_y(cls, scale, cv):
    """Units of an atom or of a galaxy would give NaN."""
    X, y = data_for(cls)
    assert_finite(fit(cls, X, y * scale, cv=cv, tol=cls().tol), X)


@each_estimator
@pytest.mark.parametrize("groups", [None, "each"])
def test_mixed_units_of_columns(cls, groups):
    """Columns from 1e-8 to 1e8 would give NaN."""
    X, y = data_for(cls)
    X = X * [1e-8, 1e-3, 1e3, 1e8]
    assert_finite(fit(cls, X, y, tol=cls().tol, feature_groups=groups), X)


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


@each_estimator
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("groups", [None, "each"])
@pytest.mark.parametrize("kind", ["zero", "one", "third", "huge", "all"])
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


@each_estimator
@pytest.mark.parametrize("groups", [None, np.arange(90) % 3])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_more_columns_than_rows(cls, groups, container):
    """Spectra and genes: more features than samples."""
    X, y = data_for(cls, n_samples=30, n_features=90)
    options = {"cv": 3, "tol": cls().tol, "feature_groups": groups}
    model = fit(cls, container(X), y, **options)
    assert_finite(model, container(X))
    assert model.coef_.shape[-1] == 90


@each_estimator
@pytest.mark.parametrize("n_rows", [4, 5, 7])
@pytest.mark.parametrize("groups", [None, "each"])
def test_few_rows(cls, n_rows, groups):
    """A handful of rows."""
    X, y = data_for(cls)
    if cls in LOGISTICS:
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


@each_ridge
@pytest.mark.parametrize("value", [0.0, 3.0, 1e8])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("groups", [None, "each"])
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
