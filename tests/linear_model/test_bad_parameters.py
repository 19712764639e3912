"""Bad parameters: an error names the parameter, what came and what is allowed.

The details of `cv` and `feature_groups` are in their own files; here every
estimator must reach them.
"""

import re

import numpy as np
import pytest
from sklearn.model_selection import KFold

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.solvers import SOLVERS
from tests.helpers import CLASSIFIERS, ESTIMATORS, data_for
from tests.linear_model.common import (
    N_FEATURES,
    N_ROWS,
    assert_refused,
    each_classifier,
    each_estimator,
)

MYHPO_ESTIMATORS = [cls for cls in ESTIMATORS if hasattr(cls(), "rho")]
SHO_ESTIMATORS = [cls for cls in ESTIMATORS if hasattr(cls(), "noise_scale")]
GENERAL_ESTIMATORS = [BilevelRidge, BilevelLogisticRegression]


@each_estimator
@pytest.mark.parametrize("cv", [0, 1, -3, 1.5, -0.2, 0.0, 1.0, np.nan, "five"])
def test_cv_out_of_range(cls, cv):
    """No folds, everything or nothing held out."""
    match = rf"cv='?{cv}'? is not allowed; allowed are None \(five folds\)"
    assert_refused(cls, ValueError, match, {"cv": cv})


@each_estimator
@pytest.mark.parametrize("cv", [True, KFold, object()])
def test_cv_of_a_wrong_type(cls, cv):
    """Something that describes no splits."""
    match = r"cv=.* is not allowed; allowed are None \(five folds\)"
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
    if cls in CLASSIFIERS:
        y = np.arange(6) % 2
    match = r"cv=7 asks for more folds than .* What would work: an int from 2 to [36]"
    assert_refused(cls, ValueError, match, {"cv": 7}, X=X, y=y)


@each_classifier
def test_more_folds_than_members_of_a_class(cls):
    """The number of folds that the largest class has rows for."""
    y = np.array(["cat"] * 40 + ["dog"] * 20)
    match = r"cv=41 .* largest class, 'cat', has rows \(40\).* an int from 2 to 40"
    assert_refused(cls, ValueError, match, {"cv": 41}, y=y)


@each_estimator
@pytest.mark.parametrize(
    ("groups", "match"),
    [
        (["a", "b", "a"], "feature_groups has 3 labels, but X has 4 features"),
        ("every", r"feature_groups='every' is not allowed; .* are None .*\"each\""),
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
        ("n_starts", 0),
        ("n_starts", 1.5),
        ("max_iter", 0),
        ("max_iter", -1),
        ("max_iter", 2.5),
        ("max_time", 0),
        ("max_time", -1.0),
        ("max_time", "1s"),
        ("max_time", np.nan),
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
