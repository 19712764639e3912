"""The summary of a fitted model, against dense linear algebra and brute force."""

import pickle
import sys

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    GroupedColumnTransformer,
    MYHPOLogisticRegression,
    MYHPORidge,
    MYHPORidgeClassifier,
)
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import covering_pairs, data_for
from tests.linear_model.common import each_estimator, iris, scaled_diabetes

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning"),
]


def some_data(n_samples, n_features, n_targets=None, seed=0):
    """Return features of several means and units, and targets that they explain."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features)) @ (
        np.eye(n_features) + 0.3 * rng.standard_normal((n_features, n_features))
    )
    X = X * rng.uniform(0.5, 2.0, n_features) + rng.uniform(-2.0, 2.0, n_features)
    W = rng.standard_normal((n_features, n_targets or 1)) / np.sqrt(n_features)
    Y = X @ W + rng.standard_normal((n_samples, n_targets or 1)) + 1.0
    return X, Y[:, 0] if n_targets is None else Y


def dense_posterior(X, y, weights, alpha, fit_intercept):
    """Return freedom, noise variance and standard errors by dense linear algebra.

    The intercept is the last coefficient, with a column of ones and no penalty.
    """
    rows = np.column_stack([X, np.ones(len(X))]) if fit_intercept else X
    penalty = np.diag(np.append(alpha, 0.0) if fit_intercept else alpha)
    precision = (rows.T * weights) @ rows + penalty
    covariance = np.linalg.inv(precision)
    hat = rows @ covariance @ (rows.T * weights)
    freedom = np.trace(hat)
    residual = y - hat @ y
    noise = weights @ residual**2 / (weights.sum() - freedom)
    errors = np.sqrt(noise * np.diag(covariance))
    return freedom, noise, errors


def check_posterior(model, X, y, weights=None, rtol=1e-6):
    """Compare the summary of a ridge model of one target with dense algebra."""
    summary = model.summary()
    weights = np.ones(len(X)) if weights is None else weights
    X = X.toarray() if sparse.issparse(X) else X
    alpha = summary.columns["alpha"]
    given = X, y, weights, alpha, model.fit_intercept
    freedom, noise, errors = dense_posterior(*given)
    np.testing.assert_allclose(summary.effective_dof, freedom, rtol=rtol)
    np.testing.assert_allclose(summary.noise_variance, noise, rtol=rtol)
    found = summary.columns["standard_error"]
    np.testing.assert_allclose(found, errors[: len(found)], rtol=rtol)
    if model.fit_intercept:
        own = summary.intercept_standard_error
        np.testing.assert_allclose(own, errors[-1], rtol=rtol)


SHAPES = [(60, 6), (30, 29), (25, 40), (12, 60)]
FACTORS = [1.0, 0.3, 4.0]


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["one", "groups", "factors", "both"])
def test_ridge_posterior(shape, kind, fit_intercept):
    """Standard errors would be those of another penalty, in other units."""
    X, y = some_data(*shape)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    options = {}
    if kind in ("groups", "both"):
        options["feature_groups"] = ["a", "b", "b"] * (shape[1] // 3) + ["a"] * (
            shape[1] % 3
        )
    if kind in ("factors", "both"):
        options["penalty_factors"] = np.resize(FACTORS, shape[1])
    model = MYHPORidge(
        fit_intercept=fit_intercept, lambda_bounds=(-4.0, 3.0), cv=KFold(4), **options
    )
    model.fit(X, y, weights)
    check_posterior(model, X, y, weights)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("criterion", ["validation", "loo", "gcv"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_ridge_posterior_of_criteria(shape, criterion, fit_intercept):
    """A criterion has rows of its own, whose numbers must be the same."""
    X, y = some_data(*shape, seed=3)
    for groups in (None, ["a"] * (shape[1] // 2) + ["b"] * (shape[1] - shape[1] // 2)):
        model = MYHPORidge(
            criterion=criterion,
            feature_groups=groups,
            fit_intercept=fit_intercept,
            lambda_bounds=(-4.0, 3.0),
            cv=KFold(4),
        )
        check_posterior(model.fit(X, y), X, y)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("criterion", ["validation", "loo"])
@pytest.mark.parametrize("shape", [(60, 6), (20, 30)], ids=str)
def test_ridge_posterior_of_unpenalized_features(shape, criterion, fit_intercept):
    """Features without a penalty vary most, and would seem not to vary."""
    X, y = some_data(*shape, seed=2)
    factors = np.ones(shape[1])
    factors[[1, 4]] = 0.0
    for groups in (None, ["a"] * (shape[1] - 3) + ["b"] * 3):
        model = MYHPORidge(
            penalty_factors=factors,
            criterion=criterion,
            feature_groups=groups,
            fit_intercept=fit_intercept,
            lambda_bounds=(-4.0, 3.0),
            cv=KFold(4),
        ).fit(X, y)
        check_posterior(model, X, y)
        assert model.summary().columns["group"][1] is None


def standardized_posterior(model, X, y, weights):
    """Return the same as `dense_posterior`, moved from standardized features to X."""
    mean = np.average(X, axis=0, weights=weights)
    scale = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weights))
    alpha = model.summary().columns["alpha"]
    rows = (X - mean) / scale
    freedom, noise, errors = dense_posterior(
        rows, y, weights, alpha, model.fit_intercept
    )
    # A prediction at zero is one at ``-mean / scale`` of the standardized features.
    precision = (rows.T * weights) @ rows + np.diag(alpha)
    at_zero = mean / scale
    intercept = at_zero @ np.linalg.solve(precision, at_zero)
    intercept += model.fit_intercept / weights.sum()
    errors = errors[: X.shape[1]] / scale
    return freedom, noise, errors, np.sqrt(noise * intercept)


@pytest.mark.parametrize(
    ("cls", "kind", "shape", "fit_intercept"),
    covering_pairs(
        [MYHPORidge, MYHPORidgeClassifier],
        ["one", "groups", "factors", "zero", "loo"],
        [(60, 6), (25, 40), (60, 400)],
        [True, False],
    ),
)
def test_ridge_posterior_of_standardized_features(cls, kind, shape, fit_intercept):
    """Standard errors would be in other units than the coefficients beside them."""
    X, y = some_data(*shape)
    X *= np.exp(np.random.default_rng(2).uniform(-3.0, 3.0, shape[1]))
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    options = {}
    if kind == "groups":
        options["feature_groups"] = np.resize(["a", "b", "b"], shape[1])
    elif kind == "factors":
        options["penalty_factors"] = np.resize(FACTORS, shape[1])
    elif kind == "zero":
        options["penalty_factors"] = np.arange(shape[1]) % 20 != 3
    elif kind == "loo":
        options["criterion"] = "loo"
        options["penalty_factors"] = np.arange(shape[1]) % 20 != 3
    if cls is MYHPORidgeClassifier:
        y, options["class_weight"] = (y > 1.0).astype(int), "balanced"
    model = cls(
        standardize=True,
        fit_intercept=fit_intercept,
        lambda_bounds=(-4.0, 3.0),
        cv=KFold(4),
        **options,
    ).fit(X, y, weights)
    if cls is MYHPORidgeClassifier:
        weights, y = weights * model.class_weight_[y], 2.0 * y - 1.0
    freedom, noise, errors, intercept = standardized_posterior(model, X, y, weights)
    summary = model.summary()
    np.testing.assert_allclose(summary.effective_dof, freedom, rtol=1e-6)
    np.testing.assert_allclose(summary.noise_variance, noise, rtol=1e-6)
    found = summary.columns["standard_error"]
    np.testing.assert_allclose(found, errors, rtol=1e-6)
    own = np.ravel(summary.intercept_standard_error)[0]
    np.testing.assert_allclose(own, intercept, rtol=1e-6)


@pytest.mark.parametrize("n_features", [5, 40])
@pytest.mark.parametrize("X_type", [np.asarray, sparse.csr_array])
def test_ridge_posterior_of_sparse_rows(X_type, n_features):
    """Centred sparse rows are never formed, and their posterior must be the same."""
    rng = np.random.default_rng(4)
    X = rng.standard_normal((50, n_features)) * (rng.random((50, n_features)) < 0.3)
    y = X[:, :3].sum(axis=1) + rng.standard_normal(50)
    model = MYHPORidge(cv=KFold(5), lambda_bounds=(-3.0, 2.0)).fit(X_type(X), y)
    check_posterior(model, X, y)


@pytest.mark.parametrize("shape", [(50, 6), (20, 30)], ids=str)
@pytest.mark.parametrize("alpha_per_target", [False, True])
@pytest.mark.parametrize("solver", ["myhpo", "hoag", "units"])
def test_ridge_posterior_of_many_targets(shape, alpha_per_target, solver):
    """Every target has its own noise, and may have its own penalty."""
    X, Y = some_data(*shape, n_targets=3)
    # Features of units so different that every target has a factorization of its own.
    changes = {"eigen_ratio": 0.5} if solver == "units" else {}
    solver = "myhpo" if solver == "units" else solver
    Y *= [1.0, 5.0, 0.1]
    model = BilevelRidge(
        solver=solver,
        alpha_per_target=alpha_per_target,
        lambda_bounds=(-4.0, 3.0),
        cv=KFold(4),
    )
    with use_limits(**changes):
        summary = model.fit(X, Y).summary()
    for target in range(3):
        key = f"alpha[{target}]" if alpha_per_target else "alpha"
        given = X, Y[:, target], np.ones(len(X)), summary.columns[key], True
        freedom, noise, errors = dense_posterior(*given)
        own = np.atleast_1d(summary.effective_dof)
        np.testing.assert_allclose(own[target % len(own)], freedom, rtol=1e-6)
        np.testing.assert_allclose(summary.noise_variance[target], noise, rtol=1e-6)
        found = summary.columns[f"standard_error[{target}]"]
        np.testing.assert_allclose(found, errors[:-1], rtol=1e-6)
        intercept = summary.intercept_standard_error[target]
        np.testing.assert_allclose(intercept, errors[-1], rtol=1e-6)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_targets", [None, 2])
def test_ridge_posterior_of_a_solver_that_keeps_the_rows(n_targets, fit_intercept):
    """A stochastic solver has no moments, but the refit has the same posterior."""
    X, Y = some_data(60, 5, n_targets=n_targets)
    factors = [1.0, 2.0, 0.5, 1.0, 0.0]
    model = BilevelRidge(
        solver="stochastic",
        fit_intercept=fit_intercept,
        penalty_factors=factors,
        max_iter=5,
        cv=KFold(4),
        random_state=0,
    ).fit(X, Y)
    if n_targets is None:
        check_posterior(model, X, Y)
        return
    summary = model.summary()
    for target in range(n_targets):
        given = X, Y[:, target], np.ones(len(X)), summary.columns["alpha"]
        freedom, noise, errors = dense_posterior(*given, fit_intercept)
        np.testing.assert_allclose(summary.effective_dof, freedom, rtol=1e-6)
        np.testing.assert_allclose(summary.noise_variance[target], noise, rtol=1e-6)
        found = summary.columns[f"standard_error[{target}]"]
        np.testing.assert_allclose(found, errors[:5], rtol=1e-6)


@pytest.mark.parametrize("limit", ["posterior_work", "summary_entries"])
def test_what_would_cost_too_much_is_left_out(limit):
    """A fit of many rows and very many features would take twice as long."""
    X, y = some_data(20, 40)
    with use_limits(**{limit: 10}):
        model = MYHPORidge(cv=KFold(4), lambda_bounds=(-4.0, 3.0)).fit(X, y)
    summary = model.summary()
    assert ("standard_error" in summary.columns) == (limit != "posterior_work")
    assert ("variance_share" in summary.columns) == (limit != "summary_entries")
    alpha = summary.columns["alpha"]
    freedom, noise, _ = dense_posterior(X, y, np.ones(20), alpha, True)
    np.testing.assert_allclose(summary.effective_dof, freedom)
    np.testing.assert_allclose(summary.noise_variance, noise)


def test_weights_are_counts_of_rows():
    """A row with weight two would say less than two rows."""
    X, y = some_data(40, 5)
    counts = np.random.default_rng(0).integers(1, 4, len(X))
    model = MYHPORidge(cv=[(np.arange(30), np.arange(30, 40))])
    weighted = model.fit(X, y, counts).summary()
    index = np.repeat(np.arange(40), counts)
    pair = np.flatnonzero(index < 30), np.flatnonzero(index >= 30)
    repeated = clone(model).set_params(cv=[pair]).fit(X[index], y[index]).summary()
    for name in ("effective_dof", "noise_variance", "baseline_loss"):
        left, right = getattr(weighted, name), getattr(repeated, name)
        np.testing.assert_allclose(left, right, rtol=1e-5)
    left, right = (one.columns["standard_error"] for one in (weighted, repeated))
    np.testing.assert_allclose(left, right, rtol=1e-5)


@pytest.mark.slow
def test_standard_errors_cover_as_often_as_they_say():
    """An error bar of another scale would look as good in a table."""
    rng = np.random.default_rng(0)
    n_inside = n_all = 0
    for _ in range(40):
        X = rng.standard_normal((60, 8)) * 3.0 + 1.0
        # Weights from the prior that a penalty stands for.
        w = rng.standard_normal(8)
        y = X @ w + 2.0 * rng.standard_normal(60)
        model = MYHPORidge(cv=KFold(5)).fit(X, y)
        error = model.summary().columns["standard_error"]
        n_inside += np.sum(np.abs(model.coef_ - w) < error)
        n_all += len(w)
    # 68 % of a normal distribution, within three standard deviations of 320 draws.
    assert 0.60 < n_inside / n_all < 0.76


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("groups", [None, ["a", "b", "b", "a", "b"]])
def test_logistic_degrees_of_freedom(groups, fit_intercept):
    """The number would be that of a linear model, or leave out the penalty."""
    X, y = some_data(80, 5)
    y = (y > np.median(y)).astype(int)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(X))
    factors = [1.0, 2.0, 0.0, 1.0, 0.5]
    model = MYHPOLogisticRegression(
        feature_groups=groups,
        fit_intercept=fit_intercept,
        penalty_factors=factors,
        cv=KFold(4),
    ).fit(X, y, weights)
    summary = model.summary()
    p = expit(X @ model.coef_[0] + model.intercept_)
    rows = np.column_stack([X, np.ones(len(X))]) if fit_intercept else X
    data = (rows.T * (weights * p * (1 - p))) @ rows
    penalty = 1.0 / summary.columns["C"]
    if fit_intercept:
        penalty = np.append(penalty, 0.0)
    freedom = np.trace(np.linalg.solve(data + np.diag(penalty), data))
    np.testing.assert_allclose(summary.effective_dof, freedom, rtol=1e-5)
    assert "standard_error" not in summary.columns


@pytest.mark.slow
def test_degrees_of_freedom_of_thin_sparse_rows_are_left_out(set_limits):
    """A Hessian that no step needs would take most of the time of a fit."""
    rng = np.random.default_rng(0)
    X = sparse.random(300, 60, density=0.02, format="csr", random_state=0)
    y = X @ rng.standard_normal(60) + 0.1 * rng.standard_normal(300) > 0
    set_limits(own_pairs=0, factored_passes=0.0, solve_share=0.0)
    model = MYHPOLogisticRegression(cv=3)
    exact = model.fit(X, y).summary().effective_dof
    assert 0 < exact < 61
    set_limits(own_pairs=0, factored_passes=0.0, solve_share=0.0, summary_size=60)
    assert model.fit(X, y).summary().effective_dof is None


def test_multinomial_degrees_of_freedom():
    """Three classes have two sets of weights; a third would count twice."""
    X, y = iris(3)
    model = MYHPOLogisticRegression().fit(X, y)
    scores = X @ model.coef_.T + model.intercept_
    P = np.exp(scores - scores.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    rows = np.column_stack([X, np.ones(len(X))])
    data = np.zeros((3, 5, 3, 5))
    for p, x in zip(P, rows, strict=True):
        curvature = np.diag(p) - np.outer(p, p)
        data += np.einsum("ab,i,j->aibj", curvature, x, x)
    data = data.reshape(15, 15)
    penalty = np.tile(np.append(np.full(4, 1.0 / model.C_), 0.0), 3)
    # The intercepts of all classes may move together.
    solved = np.linalg.pinv(data + np.diag(penalty), hermitian=True)
    freedom = np.trace(solved @ data)
    summary = model.summary()
    np.testing.assert_allclose(summary.effective_dof, freedom, rtol=1e-5)
    assert {"coef[a]", "variance_share[c]", "C"} <= set(summary.columns)


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("X_type", [np.asarray, sparse.csr_array])
@each_estimator
def test_shares_of_the_variance(cls, X_type):
    """Features would be ranked by numbers that do not add up to the model."""
    X, y = data_for(cls)
    X = X + np.arange(X.shape[1])
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    for options in ({}, {"fit_intercept": False}):
        model = cls(random_state=0, **options).fit(X_type(X), y, weights)
        share = model.summary().columns["variance_share"]
        parts = X * np.ravel(model.coef_)
        covariance = np.cov(
            np.column_stack([parts, parts.sum(axis=1)]).T, aweights=weights
        )
        expected = covariance[:-1, -1] / covariance[-1, -1]
        np.testing.assert_allclose(share, expected, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(share.sum(), 1.0)


@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
@pytest.mark.parametrize("options", [{}, {"penalty_factors": [0, 1, 1, 2]}])
@pytest.mark.parametrize("mean", [0.0, 1e6])
def test_shares_of_features_far_from_zero(cls, options, mean):
    """Means of a million, as of years in days, would drown the variances."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 4))
    y = X @ [1.0, 2.0, -1.0, 0.5] + rng.standard_normal(200)
    y = y if cls is MYHPORidge else (y > 0).astype(int)
    for fit_intercept in (True, False) if cls is MYHPORidge else (True,):
        model = cls(fit_intercept=fit_intercept, **options).fit(X + mean, y)
        parts = X * np.ravel(model.coef_)
        covariance = np.cov(np.column_stack([parts, parts.sum(axis=1)]).T)
        share = model.summary().columns["variance_share"]
        expected = covariance[:-1, -1] / covariance[-1, -1]
        np.testing.assert_allclose(share, expected, rtol=1e-5, atol=1e-7)


def test_no_share_is_not_a_number():
    """A prediction that is the same for all rows has no variance to divide by."""
    X = np.ones((30, 2))
    model = MYHPORidge().fit(X, np.arange(30.0) % 7)
    np.testing.assert_array_equal(model.summary().columns["variance_share"], 0.0)
    assert "nan" not in str(model.summary())


@pytest.mark.parametrize("factors", [None, [0, 1, 1, 1]], ids=str)
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_baseline(cls, fit_intercept, factors):
    """A loss would look good beside that of another set of rows."""
    X, _ = some_data(50, 4)
    y = 2.0 * X[:, 0] + np.sin(np.arange(50.0))
    y = y if cls is MYHPORidge else (y > 0.5).astype(int)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    folds = list(KFold(4, shuffle=True, random_state=0).split(X))
    model = cls(fit_intercept=fit_intercept, cv=folds, penalty_factors=factors)
    model.fit(X, y, weights)
    total = 0.0
    for train, held_out in folds:
        mean = np.average(y[train], weights=weights[train])
        if cls is MYHPORidge:
            loss = 0.5 * (y[held_out] - mean * fit_intercept) ** 2
        else:
            p = mean if fit_intercept else 0.5
            loss = -np.log(np.where(y[held_out] == 1, p, 1 - p))
        total += weights[held_out] @ loss
    found = model.summary()
    np.testing.assert_allclose(found.baseline_loss, total / weights.sum(), rtol=1e-8)
    assert found.validation_loss == model.validation_loss_ < found.baseline_loss
    error = model.validation_loss_standard_error_
    assert found.validation_loss_standard_error == error


def test_baseline_of_every_target():
    """One target's loss would stand beside the sum of all baselines."""
    X, Y = scaled_diabetes(2)
    model = MYHPORidge(alpha_per_target=True, cv=KFold(5)).fit(X, Y)
    together = clone(model).set_params(alpha_per_target=False).fit(X, Y)
    found = model.summary().baseline_loss
    assert found.shape == (2,)
    np.testing.assert_allclose(found.sum(), together.summary().baseline_loss)
    for target in range(2):
        one = MYHPORidge(cv=KFold(5)).fit(X, Y[:, target]).summary()
        np.testing.assert_allclose(found[target], one.baseline_loss)


@pytest.mark.one_in(3, 1)
@each_estimator
def test_what_is_not_known_is_none(cls):
    """A summary after any kind of fit must print, and must not invent numbers."""
    X, y = data_for(cls)
    with pytest.raises(NotFittedError):
        cls().summary()
    for options, extra in (
        ({"refit": False}, {}),
        ({}, {"X_val": X, "y_val": y}),
    ):
        summary = cls(random_state=0, **options).fit(X, y, **extra).summary()
        assert summary.effective_dof is None
        assert "standard_error" not in summary.columns
        assert summary.baseline_loss > 0
        assert "feature" in str(summary)


def test_summary_after_parts_of_a_stream():
    """Numbers of an earlier fit would be shown beside the weights of another."""
    X, y = load_diabetes(return_X_y=True)
    model = BilevelRidge(solver=Stochastic(method="soba"), random_state=0).fit(X, y)
    assert model.summary().baseline_loss is not None
    model.partial_fit(X, y)
    summary = model.summary()
    assert summary.baseline_loss is None
    assert "variance_share" not in summary.columns
    assert "x9" in str(summary)


def test_rows_without_a_rest_have_no_noise():
    """More degrees of freedom than rows would give a negative variance."""
    X, y = some_data(12, 30)
    model = MYHPORidge(lambda_init=-60.0, lambda_bounds=(-60.0, -59.0)).fit(X, y)
    summary = model.summary()
    assert summary.noise_variance is None
    assert "standard_error" not in summary.columns
    assert "nan" not in str(summary)


def test_frame_text_and_html():
    """A user could not read on, sort or export what the summary says."""
    frame = load_diabetes(as_frame=True)
    groups = [("body", ["age", "sex", "bmi", "bp"]), ("blood", slice("s1", "s6"))]
    model = MYHPORidge(feature_groups=groups, penalty_factors=[2.0] + [1.0] * 9)
    summary = model.fit(frame.data, frame.target).summary()
    table = summary.frame
    assert list(table.columns) == [
        "feature",
        "coef",
        "standard_error",
        "group",
        "alpha",
        "variance_share",
    ]
    assert table["feature"].tolist() == list(frame.data.columns)
    np.testing.assert_array_equal(table["coef"], model.coef_)
    assert table["group"].tolist() == ["body"] * 4 + ["blood"] * 6
    np.testing.assert_allclose(table["alpha"][:2], model.alpha_[0] * np.array([2, 1]))
    text, html = str(summary), summary._repr_html_()
    assert repr(summary) == text
    for word in (
        "s5",
        "blood",
        f"{model.coef_[8]:.4g}",
        f"{summary.effective_dof:.6g}",
    ):
        assert word in text
        assert word in html
    assert "posterior" in text
    again = pickle.loads(pickle.dumps(model)).summary()
    assert str(again) == text


def test_text_without_pandas(monkeypatch):
    """The summary would need a package that this one does not."""
    model = MYHPORidge().fit(*load_diabetes(return_X_y=True))
    summary = model.summary()
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert "x9" in str(summary)
    assert "x9" in summary._repr_html_()
    with pytest.raises(ImportError, match=r"^summary\(\).frame .* needs the package"):
        _ = summary.frame


def test_names_in_the_html_are_text():
    """A column that is named like a tag would run as a script."""
    X, y = load_diabetes(return_X_y=True)
    name = "<script>a & b</script>"
    model = MYHPORidge().fit(X, y)
    assert name not in model.summary(feature_names=[name] * 10)._repr_html_()


def test_many_features_show_the_largest():
    """Thousands of rows would hide the notebook."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 300))
    model = MYHPORidge().fit(X, 5 * X[:, 250] + rng.standard_normal(100))
    text = str(model.summary())
    assert len(text.splitlines()) < 30
    assert "x250" in text
    assert "20 features with the largest shares of the variance, of 300" in text
    assert len(model.summary().frame) == 300


@pytest.mark.one_in(2)
@pytest.mark.parametrize("sparse_threshold", [0.0, 1.0])
def test_names_after_a_grouped_column_transformer(sparse_threshold):
    """Coefficients of one-hot columns would have numbers instead of names."""
    rng = np.random.default_rng(0)
    X = (
        load_diabetes(as_frame=True)
        .data.iloc[:, :3]
        .assign(city=rng.choice(["Rome", "Oslo"], 442))
    )
    columns = [
        ("number", StandardScaler(), ["age", "bmi"]),
        ("place", OneHotEncoder(), ["city"]),
    ]
    transformer = GroupedColumnTransformer(columns, sparse_threshold=sparse_threshold)
    y = load_diabetes().target
    model = make_pipeline(transformer, MYHPORidge(feature_groups="transformer"))
    model.fit(X, y)
    assert sparse.issparse(model[0].transform(X)) == (sparse_threshold == 1.0)
    names = ["number__age", "number__bmi", "place__city_Oslo", "place__city_Rome"]
    assert model[-1].summary().columns["feature"].tolist() == names
    # Nor may predictions warn of names that an array has no place for.
    assert not hasattr(model[-1], "feature_names_in_")
    model.predict(X)
    # The names may be used where columns are named.
    by_name = MYHPORidge(feature_groups=[("age", ["number__age"]), ("rest", names[1:])])
    by_name.fit(model[0].transform(X), y)
    assert by_name.feature_group_labels_.tolist() == [0, 1, 1, 1]
    # A later fit of rows without names forgets them.
    by_name.set_params(feature_groups=None).fit(np.asarray(X.iloc[:, :3]), y)
    assert by_name.summary().columns["feature"].tolist() == ["x0", "x1", "x2"]


def test_names_that_a_transformer_lacks():
    """A transformer without names of its columns would break the fit."""
    X, y = load_diabetes(return_X_y=True)

    class Nameless(StandardScaler):
        get_feature_names_out = property()

    transformer = GroupedColumnTransformer([("a", Nameless(), slice(0, 10))])
    model = make_pipeline(transformer, MYHPORidge()).fit(X, y)
    assert model[-1].summary().columns["feature"][0] == "x0"


def test_names_of_the_users():
    """After scikit-learn's own transformers sparse columns have no names."""
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    encoder = ColumnTransformer(
        [("a", StandardScaler(), ["age"]), ("b", OneHotEncoder(), ["sex"])],
        sparse_threshold=1.0,
    )
    model = make_pipeline(encoder, MYHPORidge()).fit(X, y)
    names = encoder.fit(X).get_feature_names_out()
    summary = model[-1].summary(feature_names=names)
    assert summary.frame["feature"].tolist() == list(names)
    with pytest.raises(ValueError, match=r"feature_names must have 3 names.*Got 2"):
        model[-1].summary(feature_names=["a", "b"])


@pytest.mark.parametrize(
    "model",
    [MYHPORidge(), MYHPOLogisticRegression(), BilevelLogisticRegression()],
    ids=repr,
)
def test_summary_in_other_precisions(model):
    """Single precision would give shares that add up to something else."""
    load = load_breast_cancer if is_classifier(model) else load_diabetes
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = clone(model).set_params(cv=KFold(5))
    wide = clone(model).fit(X, y).summary().columns["variance_share"]
    single = clone(model).fit(X.astype(np.float32), y).summary()
    np.testing.assert_allclose(single.columns["variance_share"], wide, atol=1e-3)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_facts_of_a_sample_are_near_those_of_all_rows(set_limits, n_classes, container):
    """A fit of many rows would pay as much for its summary as for itself."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6000, 5)) * [1.0, 2.0, 0.5, 1.0, 1.0]
    raw = X @ rng.standard_normal((5, n_classes)) + rng.gumbel(size=(6000, n_classes))
    weight = rng.integers(1, 3, 6000)
    model = MYHPOLogisticRegression(lambda_init=-3.0, max_iter=1, tol=1e3)
    given = container(X), raw.argmax(axis=1), weight
    exact = model.fit(*given).summary()
    set_limits(summary_rows=2000, summary_rows_per_weight=1)
    near = model.fit(*given).summary()
    np.testing.assert_allclose(near.effective_dof, exact.effective_dof, rtol=0.02)
    assert near.effective_dof != exact.effective_dof
    for name in near.columns:
        if "share" in name:
            np.testing.assert_allclose(
                near.columns[name], exact.columns[name], atol=0.05
            )
