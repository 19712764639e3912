"""Bad input: an error names the parameter, what came and what is allowed.

The details of `cv` and `feature_groups` are in their own files; here every
estimator must reach them.
"""

import re

import numpy as np
import pytest
from scipy import sparse

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.solvers import SOLVERS
from tests.helpers import ESTIMATORS, LOGISTICS, RIDGES, data_for

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_ridge = pytest.mark.parametrize("cls", RIDGES)
each_logistic = pytest.mark.parametrize("cls", LOGISTICS)

MYHPO_ESTIMATORS = [cls for cls in ESTIMATORS if hasattr(cls(), "rho")]
SHO_ESTIMATORS = [cls for cls in ESTIMATORS if hasattr(cls(), "noise_scale")]
GENERAL_ESTIMATORS = [BilevelRidge, BilevelLogisticRegression]
N_ROWS, N_FEATURES = 60, 4


def assert_refused(cls, error, match, options=None, *, X=None, y=None, weight=None):
    """Fit with something bad; everything that is not given is good."""
    good_X, good_y = data_for(cls, N_ROWS, N_FEATURES)
    X = good_X if X is None else X
    y = good_y if y is None else y
    with pytest.raises(error, match=match):
        cls(**(options or {})).fit(X, y, sample_weight=weight)


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


@each_logistic
def test_one_class(cls):
    """A single class has no boundary; also where weights leave a single one."""
    _, y = data_for(cls, N_ROWS, N_FEATURES)
    match = "at least 2 classes.*only the class"
    assert_refused(cls, ValueError, match, y=np.zeros(N_ROWS))
    assert_refused(cls, ValueError, match, weight=np.where(y == 0, 1.0, 0.0))


@each_logistic
def test_continuous_y_for_a_classifier(cls):
    """Every row would become a class of its own."""
    y = np.linspace(0.0, 1.0, N_ROWS)
    assert_refused(cls, ValueError, "Unknown label type: continuous", y=y)
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
@pytest.mark.parametrize("cv", [0, 1, -3, 1.5, -0.2, 0.0, 1.0, np.nan, "five"])
def test_cv_out_of_range(cls, cv):
    """No folds, everything or nothing held out."""
    match = rf"cv='?{cv}'? is not allowed; allowed are a float in \(0, 1\)"
    assert_refused(cls, ValueError, match, {"cv": cv})


@each_estimator
@pytest.mark.parametrize("cv", [None, True, object()])
def test_cv_of_a_wrong_type(cls, cv):
    """Something that describes no splits."""
    match = r"cv=.* is not allowed; allowed are a float in \(0, 1\)"
    assert_refused(cls, TypeError, match, {"cv": cv})


@each_estimator
@pytest.mark.parametrize(
    ("cv", "match"),
    [
        ([], "cv contains no"),
        ([(range(40), range(39, 60))], r"cv: pair 0 .* overlap in 1 row.* being 39"),
        ([(range(60), [])], "cv: pair 0 .* the validation part has no row"),
        ([([], range(60))], "cv: pair 0 .* the training part has no row"),
        ([(range(30), range(30, 61))], r"cv: pair 0 .* index 60; allowed are 0 to 59"),
        ((range(30), range(30, 60)), r"cv: pair 0 .* must be \(train, validation\)"),
    ],
)
def test_bad_user_splits(cls, cv, match):
    """Validation rows that were trained on would make any lambda look good."""
    assert_refused(cls, ValueError, match, {"cv": cv})


@each_estimator
def test_more_folds_than_rows(cls):
    """The message says which number of folds would work."""
    X, y = data_for(cls, N_ROWS, N_FEATURES)
    X, y = np.vstack([X[y == np.min(y)][:1], X[:5]]), np.append(np.min(y), y[:5])
    if cls in LOGISTICS:
        y = np.arange(6) % 2
    match = r"cv=7 asks for more folds than .* What would work: an int from 2 to"
    assert_refused(cls, ValueError, match, {"cv": 7}, X=X, y=y)


@each_logistic
def test_more_folds_than_members_of_a_class(cls):
    """A fold without a class could not be trained on or compared."""
    y = np.array(["cat"] * 56 + ["dog"] * 4)
    match = r"cv=5 .* class 'dog' has members \(4\).* an int from 2 to 4"
    assert_refused(cls, ValueError, match, {"cv": 5}, y=y)


@each_estimator
@pytest.mark.parametrize(
    ("groups", "match"),
    [
        (["a", "b", "a"], "feature_groups has 3 labels, but X has 4 features"),
        ("every", r"feature_groups='every'; allowed are None .*\"each\""),
        (["a", "a", None, "b"], r"feature_groups has a missing label .* index 2"),
        ([("a", [0, 1]), ("b", [2])], "feature_groups: .*are in no group: 'x3'"),
        ([("a", [0, 1]), ("b", [1, 2, 3])], "feature_groups: .*several groups: 'x1'"),
        ([("a", [0, 4]), ("b", [1, 2, 3])], "feature_groups: group 'a' .*indices 4,"),
        ([("a", ["age"]), ("b", [1, 2, 3])], "feature_groups: group 'a' .*'age', but"),
        ([("a", [True, False])], "feature_groups: group 'a' has a .* of length 2, bu"),
    ],
)
def test_bad_feature_groups(cls, groups, match):
    """A feature without a lambda, or with two."""
    assert_refused(cls, ValueError, match, {"feature_groups": groups})


@each_estimator
def test_unknown_columns_of_a_frame(cls):
    """A misspelt column name."""
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(data_for(cls, N_ROWS, N_FEATURES)[0], columns=list("abcd"))
    groups = [("first", ["a", "B"]), ("rest", ["c", "d"])]
    match = "feature_groups: group 'first' names the unknown columns 'B'"
    assert_refused(cls, ValueError, match, {"feature_groups": groups}, X=X)


@each_estimator
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tol", -1e-3),
        ("tol", np.nan),
        ("tol", "small"),
        ("max_iter", 0),
        ("max_iter", -1),
        ("max_iter", 2.5),
        ("lambda_init", np.inf),
        ("lambda_init", -np.inf),
        ("lambda_init", np.nan),
        ("lambda_init", "best"),
        ("lambda_bounds", (1.0, -1.0)),
        ("lambda_bounds", (1.0, 1.0)),
        ("lambda_bounds", (np.nan, 1.0)),
        ("lambda_bounds", (0.0, 1.0, 2.0)),
        ("lambda_bounds", ("low", "high")),
        ("lambda_bounds", 3.0),
        ("lambda_bounds", "wide"),
        ("fit_intercept", "yes"),
        ("refit", None),
        ("warm_start", "yes"),
        ("random_state", "seed"),
        ("verbose", -1),
    ],
)
def test_bad_shared_parameter(cls, name, value):
    """The name, what came and what is allowed, in one message."""
    match = rf"The '{name}' parameter .*must be .* Got .* instead"
    assert_refused(cls, (ValueError, TypeError), match, {name: value})


@each_estimator
@pytest.mark.parametrize("lambda_init", [-4.0, 2.5])
def test_lambda_init_outside_the_bounds(cls, lambda_init):
    """A start that is moved in silence is not the start that was asked for."""
    options = {"lambda_init": lambda_init, "lambda_bounds": (-3.0, 2.0)}
    match = (
        r"The 'lambda_init' parameter must be inside lambda_bounds=\(-3.0, 2.0\). "
        rf"Got {lambda_init} instead"
    )
    assert_refused(cls, ValueError, match, options)


@each_estimator
def test_unknown_parameter(cls):
    """A misspelt option would be ignored."""
    match = (
        rf"^{cls.__name__}\.__init__\(\) got an unexpected keyword argument 'alphas'"
    )
    with pytest.raises(TypeError, match=match):
        cls(alphas=[1.0])


@pytest.mark.parametrize("cls", MYHPO_ESTIMATORS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rho", -1.0),
        ("rho", 0.0),
        ("rho", np.nan),
        ("rho", np.inf),
        ("rho", "large"),
        ("backtracking", "yes"),
        ("step_sizes", 0.1),
        ("step_sizes", "small"),
        ("step_sizes", (0.1, 0.1)),
        ("step_sizes", (0.1, 0.1, 0.1, 0.1)),
        ("step_sizes", (0.1, -0.1, 0.1)),
        ("step_sizes", (0.1, 0.0, 0.1)),
        ("step_sizes", (0.1, np.nan, 0.1)),
        ("step_sizes", (0.1, np.inf, 0.1)),
        ("step_sizes", (0.1, "b", 0.1)),
    ],
)
def test_bad_parameter_of_myhpo(cls, name, value):
    """Steps of no or negative length, or too few of them."""
    match = rf"The '{name}' parameter .*must be .* Got .* instead"
    assert_refused(cls, (ValueError, TypeError), match, {name: value})


@pytest.mark.parametrize("cls", MYHPO_ESTIMATORS)
@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("steps", ("exact", "gradient")),
        ("response", ("mean", "tangent")),
        ("metric", ("hessian", "identity")),
    ],
)
def test_unknown_form_of_myhpo(cls, name, known):
    """The message lists the known ones."""
    for word in known:
        match = f"The '{name}' parameter .*must be .*'{word}'.* Got 'other' instead"
        assert_refused(cls, ValueError, match, {name: "other"})


@pytest.mark.parametrize("cls", MYHPO_ESTIMATORS)
def test_mean_response_cannot_start_at_zero(cls):
    """phi_1 divides by lambda."""
    options = {"response": "mean", "lambda_init": 0.0}
    assert_refused(cls, ValueError, "cannot start from 0", options)


@pytest.mark.parametrize("cls", SHO_ESTIMATORS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("noise_scale", -1e-4),
        ("noise_scale", np.nan),
        ("noise_scale", np.inf),
        ("step_sizes", (0.1,)),
        ("step_sizes", (0.1, 0.1, 0.1)),
        ("step_sizes", (-0.1, 0.1)),
        ("step_sizes", (np.nan, 0.1)),
        ("step_sizes", 0.1),
    ],
)
def test_bad_parameter_of_sho(cls, name, value):
    """Steps of no or negative length, or too few of them."""
    match = rf"The '{name}' parameter .*must be .* Got .* instead"
    assert_refused(cls, (ValueError, TypeError), match, {name: value})


@pytest.mark.parametrize("cls", GENERAL_ESTIMATORS)
@pytest.mark.parametrize("solver", ["newton", None, 3, BilevelRidge])
def test_unknown_solver(cls, solver):
    """The message lists the known ones."""
    names = re.escape(", ".join(map(repr, sorted(SOLVERS))))
    match = rf"'solver' parameter must be one of \[{names}.* Got"
    assert_refused(cls, (ValueError, TypeError), match, {"solver": solver})


@each_estimator
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_x_at_predict(cls, value):
    """A missing value would become a NaN prediction or an arbitrary class."""
    X, y = data_for(cls, N_ROWS, N_FEATURES)
    model = cls(cv=2).fit(X, y)
    with pytest.raises(ValueError, match="X contains"):
        model.predict(with_value(X, value))
