"""Bad data: an error names the array, what came and what is allowed."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from tests.helpers import LOGISTICS, data_for
from tests.linear_model.common import (
    N_FEATURES,
    N_ROWS,
    assert_refused,
    each_classifier,
    each_estimator,
    each_logistic,
    each_ridge,
)


def with_value(array, value):
    """Return a copy whose fourth row starts with `value`."""
    array = np.array(array, float)
    array[3, ...] = value
    return array


@each_estimator
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_not_finite_x(cls, value, container):
    """A missing value would become NaN coefficients."""
    X, _ = data_for(cls, N_ROWS, N_FEATURES)
    match = "X contains NaN" if np.isnan(value) else "X contains infinity"
    assert_refused(cls, ValueError, match, X=container(with_value(X, value)))


@each_estimator
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_y(cls, value):
    """A missing target would become NaN coefficients or a class of its own."""
    _, y = data_for(cls, N_ROWS, N_FEATURES)
    assert_refused(cls, ValueError, "y contains", y=with_value(y, value))


@each_estimator
@pytest.mark.parametrize("value", [None, np.nan, np.float32("nan"), pd.NA, pd.NaT])
@pytest.mark.parametrize("container", [np.asarray, list, pd.Series])
def test_missing_in_an_object_y(cls, value, container):
    """None was called an entry up to nan in size, or was compared with labels."""
    _, y = data_for(cls, N_ROWS, N_FEATURES)
    y = y.astype(object)
    y[3] = value
    match = r"^Input y contains NaN\.$"
    assert_refused(cls, ValueError, match, y=container(y))
    if cls in LOGISTICS:
        labels = np.where(np.arange(N_ROWS) % 2, "a", "b").astype(object)
        labels[3] = value
        assert_refused(cls, ValueError, match, y=container(labels))


@each_ridge
def test_infinity_in_an_object_y(cls):
    """Infinity was called an entry up to inf in size."""
    _, y = data_for(cls, N_ROWS, N_FEATURES)
    y = y.astype(object)
    y[3] = np.inf
    assert_refused(cls, ValueError, "^Input y contains infinity", y=y)


@each_estimator
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_weights(cls, value):
    """One bad weight would spoil every mean."""
    weight = with_value(np.ones(N_ROWS), value)
    assert_refused(cls, ValueError, r"[Ss]ample_weight contains", weight=weight)


@each_estimator
def test_negative_weights(cls):
    """A negative weight makes the loss unbounded from below."""
    weight = with_value(np.ones(N_ROWS), -1.0)
    match = r"[Nn]egative values in.*sample_weight"
    assert_refused(cls, ValueError, match, weight=weight)


@each_estimator
def test_all_zero_weights(cls):
    """Means over nothing are NaN."""
    match = r"(?i)sample.weight.*zero"
    assert_refused(cls, ValueError, match, weight=np.zeros(N_ROWS))


@each_estimator
def test_wrong_lengths(cls):
    """Rows would be paired with other rows' targets or weights."""
    X, y = data_for(cls, N_ROWS, N_FEATURES)
    assert_refused(cls, ValueError, r"inconsistent numbers.*60, 59", y=y[:-1])
    assert_refused(cls, ValueError, r"inconsistent numbers.*59, 60", X=X[:-1])
    for weight in (np.ones(N_ROWS - 1), np.ones((N_ROWS, 1))):
        assert_refused(cls, ValueError, "[Ss]ample.weight", weight=weight)


@each_estimator
def test_empty_x(cls):
    """No rows or no columns leave nothing to fit."""
    _, y = data_for(cls, N_ROWS, N_FEATURES)
    empty = np.empty((0, N_FEATURES))
    assert_refused(cls, ValueError, r"0 sample\(s\)", X=empty, y=y[:0])
    empty = np.empty((N_ROWS, 0))
    assert_refused(cls, ValueError, r"0 feature\(s\)", X=empty)
    assert_refused(cls, ValueError, "2D array", X=np.arange(float(N_ROWS)))


@each_estimator
def test_one_sample(cls):
    """One row cannot be both trained and validated on."""
    X, y = data_for(cls, N_ROWS, N_FEATURES)
    assert_refused(cls, ValueError, r"1 sample|n_samples = 1", X=X[:1], y=y[:1])


@each_estimator
def test_missing_y(cls):
    """Without y there is nothing to learn."""
    X, _ = data_for(cls, N_ROWS, N_FEATURES)
    with pytest.raises((TypeError, ValueError), match=r"'?\by\b'?"):
        cls().fit(X)
    with pytest.raises(ValueError, match="requires y to be passed"):
        cls().fit(X, None)


@each_classifier
def test_one_class(cls):
    """A single class has no boundary; also where weights leave a single one."""
    _, y = data_for(cls, N_ROWS, N_FEATURES)
    match = "at least 2 classes.*only the class"
    assert_refused(cls, ValueError, match, y=np.zeros(N_ROWS))
    assert_refused(cls, ValueError, match, weight=np.where(y == 0, 1.0, 0.0))


@each_classifier
def test_continuous_y_for_a_classifier(cls):
    """Every row would become a class of its own."""
    y = np.linspace(0.0, 1.0, N_ROWS)
    assert_refused(cls, ValueError, "Unknown label type: continuous", y=y)


@each_logistic
def test_several_labels_for_logistic_regression(cls):
    """A row with two labels has no class."""
    y = np.eye(3, dtype=int)[np.arange(N_ROWS) % 3]
    assert_refused(cls, ValueError, "y should be a 1d array", y=y)


@each_ridge
@pytest.mark.parametrize("dtype", [str, object])
def test_strings_as_y_for_ridge(cls, dtype):
    """Labels are not numbers."""
    y = np.array(["low", "high"], dtype=dtype)[np.arange(N_ROWS) % 2]
    with pytest.raises(ValueError, match=r"\by\b.*(numeric|float|number)|convert str"):
        cls().fit(data_for(cls, N_ROWS, N_FEATURES)[0], y)


@each_estimator
def test_complex_x(cls):
    """The imaginary part would be dropped in silence."""
    X, _ = data_for(cls, N_ROWS, N_FEATURES)
    assert_refused(cls, ValueError, "Complex data not supported", X=X + 1j)


@each_ridge
def test_complex_y(cls):
    """The imaginary part would be dropped in silence."""
    _, y = data_for(cls, N_ROWS, N_FEATURES)
    assert_refused(cls, ValueError, "Complex data not supported", y=y + 1j)


@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_frames_with_columns_that_are_not_numbers(cls):
    """The error would show a value of the frame, or types of NumPy, but no column."""
    X, y = data_for(cls, N_ROWS, 2)
    frame = pd.DataFrame(X, columns=["age", "pay"])
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N_ROWS), unit="D")
    city = pd.Categorical(np.resize(["Bonn", "Graz"], N_ROWS))
    with pytest.raises(ValueError, match=r"not numbers: 'city', 'day'\. Convert"):
        cls().fit(frame.assign(city=city, day=days, flag=True, digits="1.5"), y)
    with pytest.raises(ValueError, match=r"not numbers: 'day'\. Convert"):
        cls().fit(frame.assign(day=days), y)
    # Other errors stay as they are, beside columns that do convert.
    with pytest.raises(ValueError, match="Input X contains NaN"):
        cls().fit(frame.assign(digits="1.5", gap=np.nan), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        cls().fit(frame.assign(digits="1.5"), y[:-1])
    np.testing.assert_array_equal(
        cls().fit(frame.assign(digits="1.5"), y).coef_,
        cls().fit(frame.assign(digits=1.5), y).coef_,
    )


@each_estimator
@pytest.mark.parametrize("bad", ["text", {"a": 1}, None])
def test_object_x(cls, bad):
    """Something that is no number in X."""
    X, _ = data_for(cls, N_ROWS, N_FEATURES)
    X = X.astype(object)
    X[3, 0] = bad
    match = r"could not convert string|must be a string or a.* number|X contains NaN"
    assert_refused(cls, (TypeError, ValueError), match, X=X)


@each_estimator
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_x_at_predict(cls, value):
    """A missing value would become a NaN prediction or an arbitrary class."""
    X, y = data_for(cls, N_ROWS, N_FEATURES)
    model = cls(cv=2).fit(X, y)
    with pytest.raises(ValueError, match="X contains"):
        model.predict(with_value(X, value))
