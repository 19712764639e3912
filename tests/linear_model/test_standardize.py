"""`standardize` in every estimator: pipelines with scikit-learn's scaler are right."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
)
from sklearn_myhpo.criteria import CRITERIA
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import (
    CRITERION_OPTIONS,
    ESTIMATORS,
    SHORT_SOLVERS,
    covering_pairs,
    data_for,
    raw_predictions,
)
from tests.linear_model.common import plain_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
CV = KFold(4, shuffle=True, random_state=3)
GENERAL = [BilevelRidge, BilevelLogisticRegression]


def uneven(cls, n_samples=80, n_features=4, seed=0):
    """Return data of a class whose columns have other units and means."""
    X, y = data_for(cls, n_samples=n_samples, n_features=n_features)
    rng = np.random.default_rng(seed)
    units = np.exp(rng.uniform(-5, 5, n_features))
    return (X + rng.uniform(-2, 2, n_features)) * units, y


def pipeline_of(model, X, y, weight):
    """Return the pipeline that the docstring promises, with the learned strength."""
    name, alpha = model._strength()
    alpha = alpha if name == "alpha" else 1.0 / alpha
    plain = plain_of(type(model), alpha, fit_intercept=model.fit_intercept)
    is_sparse = sparse.issparse(X)
    fitted = make_pipeline(StandardScaler(with_mean=not is_sparse), plain)
    own = {f"{step}__sample_weight": weight for step in fitted.named_steps}
    return fitted.fit(X.toarray() if is_sparse else X, y, **own)


def scores_of(fitted, X):
    """Return raw predictions of scikit-learn's pipeline."""
    X = X.toarray() if sparse.issparse(X) else X
    if hasattr(fitted, "decision_function"):
        return fitted.decision_function(X).reshape(len(X), -1)
    return fitted.predict(X).reshape(len(X), -1)


@pytest.mark.one_in(4, 3)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_grid_search_over_a_pipeline(weighted, fit_intercept):
    """The losses at any strength are those of `GridSearchCV`: nothing leaks."""
    X, y = uneven(MYHPORidge, n_samples=80)
    weight = np.random.default_rng(0).uniform(0.5, 2, 80) if weighted else np.ones(80)
    for lambda_ in np.linspace(-8, 4, 7):
        total = held = 0.0
        for train, held_out in CV.split(X):
            # The penalty is e^lambda a row: alpha counts the rows of the fold.
            alpha = 2.0 * weight[train].sum() * np.exp(lambda_)
            plain = Ridge(alpha=alpha, solver="svd", fit_intercept=fit_intercept)
            search = GridSearchCV(
                make_pipeline(StandardScaler(), plain),
                {},
                cv=[(train, held_out)],
                scoring="neg_mean_squared_error",
            ).set_params(error_score="raise")
            if weighted:
                fitted = search.estimator.fit(
                    X[train],
                    y[train],
                    standardscaler__sample_weight=weight[train],
                    ridge__sample_weight=weight[train],
                )
                squares = (y[held_out] - fitted.predict(X[held_out])) ** 2
                loss = 0.5 * weight[held_out] @ squares
            else:
                loss = -0.5 * search.fit(X, y).best_score_ * len(held_out)
            total, held = total + loss, held + weight[held_out].sum()
        model = BilevelRidge(
            standardize=True,
            cv=CV,
            fit_intercept=fit_intercept,
            lambda_bounds=(lambda_, lambda_ + 1e-12),
            refit=False,
        ).fit(X, y, sample_weight=weight)
        np.testing.assert_allclose(model.validation_loss_, total / held, rtol=1e-10)


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_refit_is_a_pipeline(cls, is_sparse, fit_intercept):
    """`alpha_` or `C_` after a scaler gives the same predictions, and `to_sklearn`."""
    X, y = uneven(cls)
    if is_sparse:
        X = sparse.csr_array(X * (np.random.default_rng(1).random(X.shape) < 0.6))
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    model = cls(standardize=True, cv=CV, fit_intercept=fit_intercept, random_state=0)
    model.fit(X, y, sample_weight=weight)
    found = raw_predictions(model, X)
    expected = scores_of(pipeline_of(model, X, y, weight), X)
    np.testing.assert_allclose(
        found.reshape(expected.shape), expected, rtol=1e-5, atol=1e-5
    )
    plain = model.to_sklearn()
    np.testing.assert_allclose(plain.predict(X), model.predict(X))


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_units_do_not_matter(cls):
    """Meters or millimeters: the same lambda and predictions."""
    X, y = uneven(cls)
    options = {
        "standardize": True,
        "cv": CV,
        "random_state": 0,
        "feature_groups": [0, 0, 1, 1],
    }
    one = cls(**options).fit(X, y)
    units = np.array([1e-3, 1.0, 1e4, 10.0])
    other = cls(**options).fit(X * units + 5.0, y)
    np.testing.assert_allclose(one.lambda_, other.lambda_, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(one.coef_, other.coef_ * units, rtol=1e-3, atol=1e-9)


@pytest.mark.one_in(5, 2)
@pytest.mark.parametrize(
    ("cls", "kind", "solver"),
    covering_pairs(
        GENERAL, ["tall", "wide", "sparse", "no intercept"], sorted(SHORT_SOLVERS)
    ),
)
def test_every_solver(cls, kind, solver):
    """The lambda of any method is a minimum of the losses of pipelines."""
    shape = {"n_samples": 24, "n_features": 30} if kind == "wide" else {}
    X, y = uneven(cls, **shape)
    if kind == "sparse":
        X = sparse.csr_array(X * (np.random.default_rng(1).random(X.shape) < 0.6))
    options = {
        "standardize": True,
        "cv": CV,
        "random_state": 0,
        "fit_intercept": kind != "no intercept",
    }
    model = cls(solver=SHORT_SOLVERS[solver], **options)
    if solver == "stochastic" and kind == "no intercept":
        with pytest.raises(ValueError, match="standardize=True with fit_intercept"):
            model.fit(X, y)
        return
    model.fit(X, y)
    best = cls(**options).fit(X, y)
    # Gradient steps do not arrive where features outnumber rows, scaled or not.
    margin = 1.3 if (solver, kind) == ("sho", "wide") else 1.02
    assert model.validation_loss_ <= margin * best.validation_loss_


@pytest.mark.one_in(5)
@pytest.mark.parametrize("method", ["saba", "soba", "amigo", "stocbio"])
@pytest.mark.parametrize("cls", GENERAL)
def test_stochastic_methods(cls, method):
    """Steps on batches would penalize by the units of all rows."""
    X, y = uneven(cls)
    options = {"standardize": True, "cv": CV, "random_state": 0}
    best = cls(**options).fit(X, y)
    model = cls(solver=Stochastic(method), max_iter=300, **options).fit(X, y)
    assert model.validation_loss_ <= 1.02 * best.validation_loss_


@pytest.mark.parametrize("steps", ["exact", "gradient"])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_published_method_on_standardized_features(steps, n_outputs):
    """Means over features, as in the paper's response, are over standardized ones."""
    cls = MYHPORidge if n_outputs == 1 else MYHPOLogisticRegression
    X, y = uneven(cls)
    train, held_out = next(iter(CV.split(X)))
    scaler = StandardScaler().fit(X[train])
    options = {
        "steps": steps,
        "response": "mean",
        "metric": "identity",
        "rho": 1.0,
        "lambda_init": -1.0,
        "refit": False,
        "max_iter": 12,
        "tol": 0.0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cv = [(train, held_out)]
        model = cls(standardize=True, cv=cv, **options).fit(X, y)
        plain = cls(cv=cv, **options).fit(scaler.transform(X), y)
    if steps == "exact":
        np.testing.assert_allclose(model.lambda_, plain.lambda_, rtol=1e-6)
        np.testing.assert_allclose(
            model.coef_ * scaler.scale_, plain.coef_, rtol=1e-5, atol=1e-8
        )
    assert np.isfinite(model.coef_).all()


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("groups", [None, "two"])
@pytest.mark.parametrize("criterion", sorted(CRITERIA))
def test_criteria_standardize_by_all_rows(criterion, groups, wide, fit_intercept):
    """One scaler for all rows: the criterion of scaled features."""
    cls = MYHPOLogisticRegression if criterion == "alo" else MYHPORidge
    shape = {"n_samples": 24, "n_features": 30} if wide else {}
    X, y = uneven(cls, **shape)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    if criterion == "mlr":
        weight = np.ones(len(y))
    scaler = StandardScaler().fit(X, sample_weight=weight)
    if groups == "two":
        groups = np.arange(X.shape[1]) % 2
    options = {
        "criterion": CRITERIA[criterion](**CRITERION_OPTIONS.get(criterion, {})),
        "feature_groups": groups,
        "fit_intercept": fit_intercept,
    }
    model = cls(standardize=True, **options).fit(X, y, sample_weight=weight)
    plain = cls(**options).fit(scaler.transform(X), y, sample_weight=weight)
    np.testing.assert_allclose(
        model.validation_loss_, plain.validation_loss_, rtol=1e-6
    )
    np.testing.assert_allclose(
        raw_predictions(model, X),
        raw_predictions(plain, scaler.transform(X)),
        rtol=1e-3,
        atol=1e-4,
    )


@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_own_validation_set(cls):
    """The validation set would change the units of the training rows."""
    X, y = uneven(cls, n_samples=100)
    new = slice(60, 100)
    far = X[new] * 3.0
    scaler = StandardScaler().fit(X[:60])
    model = cls(standardize=True).fit(X[:60], y[:60], X_val=far, y_val=y[new])
    plain = cls().fit(
        scaler.transform(X[:60]), y[:60], X_val=scaler.transform(far), y_val=y[new]
    )
    np.testing.assert_allclose(model.lambda_, plain.lambda_, rtol=1e-4)
    np.testing.assert_allclose(
        raw_predictions(model, X),
        raw_predictions(plain, scaler.transform(X)),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_reports(cls):
    """Certificate, optimism, selection and shrinkage are those of any fit."""
    X, y = uneven(cls, n_features=6)
    options = {"standardize": True, "cv": CV, "feature_groups": [0, 0, 1, 1, 2, 2]}
    model = cls(shrinkage="auto", **options).fit(X, y)
    assert model.shrinkage_path_["nested_loss"].shape == (8,)
    units = np.exp(np.arange(6.0))
    other = cls(shrinkage="auto", **options).fit(X * units, y)
    np.testing.assert_allclose(
        model.shrinkage_path_["nested_loss"],
        other.shrinkage_path_["nested_loss"],
        rtol=1e-4,
    )
    model = cls(selection="one_se", **options).fit(X, y)
    assert np.all(model.lambda_ >= model.lambda_min_)
    assert model.certificate_ is not None
    plain = cls(selection="one_se", **options).fit(X * units, y)
    np.testing.assert_allclose(
        model.validation_loss_standard_error_,
        plain.validation_loss_standard_error_,
        rtol=1e-5,
    )


@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_factors_are_of_standardized_features(cls):
    """Factors and unpenalized columns, in the units of the scaler."""
    X, y = uneven(cls, n_samples=60)
    train, held_out = np.arange(45), np.arange(45, 60)
    scaler = StandardScaler().fit(X[train])
    options = {
        "cv": [(train, held_out)],
        "refit": False,
        "penalty_factors": [0.0, 1.0, 4.0, 0.25],
        "lambda_bounds": (-3.0, -2.9),
    }
    model = cls(standardize=True, **options).fit(X, y)
    plain = cls(**options).fit(scaler.transform(X), y)
    np.testing.assert_allclose(model.lambda_, plain.lambda_, rtol=1e-4)
    np.testing.assert_allclose(
        raw_predictions(model, X),
        raw_predictions(plain, scaler.transform(X)),
        rtol=1e-4,
        atol=1e-4,
    )


def test_lambda_per_target():
    """Every target has its own strength of standardized features."""
    X, _ = uneven(MYHPORidge)
    rng = np.random.default_rng(0)
    Z = StandardScaler().fit_transform(X)
    y = Z @ rng.standard_normal((4, 3)) + rng.standard_normal((80, 3)) * [0.1, 1, 3]
    model = MYHPORidge(standardize=True, alpha_per_target=True, cv=CV).fit(X, y)
    one = MYHPORidge(standardize=True, cv=CV)
    alone = [one.fit(X, target).lambda_ for target in y.T]
    np.testing.assert_allclose(model.lambda_, alone, rtol=1e-4, atol=1e-4)
    expected = make_pipeline(StandardScaler(), Ridge(alpha=model.alpha_)).fit(X, y)
    np.testing.assert_allclose(model.predict(X), expected.predict(X), rtol=1e-8)


@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_warm_start_and_frames(cls):
    """A second fit starts from weights of features, and names stay."""
    X, y = uneven(cls)
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = cls(standardize=True, cv=CV, warm_start=True).fit(frame, y)
    first = model.lambda_
    model.fit(frame, y)
    np.testing.assert_allclose(model.lambda_, first, rtol=1e-5)
    assert model.n_iter_ <= 3
    assert list(model.feature_names_in_) == list("abcd")


@pytest.mark.parametrize("cls", GENERAL)
def test_partial_fit_is_refused(cls):
    """Parts of the data know no standard deviations of all rows."""
    X, y = uneven(cls)
    model = cls(standardize=True, solver=Stochastic("soba"))
    options = {} if cls is BilevelRidge else {"classes": np.unique(y)}
    with pytest.raises(ValueError, match="standardize=True is not possible with part"):
        model.partial_fit(X, y, **options)


@pytest.mark.parametrize("unit", [1e-200, 1e-8, "sum", 1e17, 1e200])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_units_of_sample_weights(cls, form, unit):
    """Weights that add up to one would scale a constant column by its rounding.

    Large ones would leave all columns as they are.
    """
    X, y = uneven(cls)
    X = np.column_stack([X, np.full(len(X), 0.1)])
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    weight /= weight.mean()
    expected = cls(standardize=True, cv=CV).fit(form(X), y, sample_weight=weight)
    weight = weight / len(X) if unit == "sum" else weight * unit
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = cls(standardize=True, cv=CV).fit(form(X), y, sample_weight=weight)
    np.testing.assert_allclose(model.lambda_, expected.lambda_, rtol=1e-6)
    np.testing.assert_allclose(model.coef_, expected.coef_, rtol=1e-6, atol=1e-12)


def test_no_advice_to_set_what_is_set():
    """A user would be told to set standardize=True after doing so."""
    X, y = uneven(MYHPORidge)
    groups = [0, 0, 1, 1]
    for standardize in (False, True):
        model = MYHPORidge(
            standardize=standardize, feature_groups=groups, cv=CV, max_iter=1, tol=0.0
        )
        with pytest.warns(ConvergenceWarning) as caught:
            model.fit(X, y)
        text = str(caught[0].message)
        assert "Increase max_iter or tol" in text
        assert ("standardize" in text) is not standardize
