"""Logistic regression: the model of scikit-learn's at the learned C."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from sklearn_myhpo import (
    BilevelLogisticRegression,
    MYHPOLogisticRegression,
)
from tests.helpers import LOGISTICS, covering_pairs, data_for
from tests.linear_model.common import N_ROWS, each_logistic, uneven_weights


@pytest.mark.one_in(5)
@pytest.mark.parametrize(
    ("cls", "n_classes", "fit_intercept", "weighted", "container"),
    covering_pairs(
        LOGISTICS, [2, 3], [True, False], [True, False], [np.asarray, sparse.csr_array]
    ),
)
def test_c_is_that_of_logistic_regression(
    cls, n_classes, fit_intercept, weighted, container
):
    """The learned C would give another model in scikit-learn's estimator."""
    X, y = data_for(cls, n_classes=n_classes)
    X = np.where(np.abs(X) < 0.3, 0.0, X)
    weight = uneven_weights() if weighted else None
    model = cls(fit_intercept=fit_intercept, cv=2, random_state=0)
    model.fit(container(X), y, sample_weight=weight)
    reference = LogisticRegression(
        C=model.C_,
        fit_intercept=fit_intercept,
        solver="newton-cholesky",
        tol=1e-12,
        max_iter=1000,
    ).fit(X, y, sample_weight=weight)
    assert model.coef_.shape == reference.coef_.shape
    assert model.intercept_.shape == (len(reference.coef_),)
    # The inner solutions are accurate to 1e-10 in the norm of the Hessian.
    tolerance = {"rtol": 1e-7, "atol": 1e-7 * np.abs(reference.coef_).max()}
    coef, intercept = model.coef_, model.intercept_
    if n_classes > 2:  # the penalty fixes the shift of coef_, nothing that of the rest
        np.testing.assert_allclose(coef.sum(axis=0), 0.0, atol=1e-9)
        intercept = intercept - intercept.mean() + np.mean(reference.intercept_)
    np.testing.assert_allclose(coef, reference.coef_, **tolerance)
    np.testing.assert_allclose(intercept, reference.intercept_, **tolerance)
    np.testing.assert_allclose(
        model.predict_proba(container(X)), reference.predict_proba(X), rtol=1e-6
    )


@pytest.mark.parametrize("cls", [BilevelLogisticRegression, MYHPOLogisticRegression])
def test_without_refit_logistic_of_one_split_is_its_training_fit(cls):
    """The paper's setting: one split and no refit."""
    X, y = data_for(cls)
    train, validation = np.arange(40), np.arange(40, N_ROWS)
    model = cls(cv=[(train, validation)], refit=False).fit(X, y)
    C = 1 / (2 * len(train) * np.exp(model.lambda_))
    fit = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12)
    fit.fit(X[train], y[train])
    np.testing.assert_allclose(model.coef_, fit.coef_, rtol=1e-7)
    np.testing.assert_allclose(model.intercept_, fit.intercept_, rtol=1e-7)


@pytest.mark.one_in(5)
@each_logistic
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities(cls, n_classes):
    """Probabilities would not sum to one, or logs be -inf far from the boundary."""
    X, y = data_for(cls, n_classes=n_classes)
    labels = np.array(["ant", "bee", "cat"])[y]
    model = cls(cv=2, random_state=0).fit(X, labels)
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    assert set(model.predict(X)) <= set(labels)
    far = np.vstack([X, 1e4 * X])
    probabilities = model.predict_proba(far)
    assert probabilities.shape == (len(far), n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    logs = model.predict_log_proba(far)
    assert np.all(np.isfinite(logs))
    np.testing.assert_allclose(np.exp(logs), probabilities, rtol=1e-9, atol=1e-300)
    best = model.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(model.predict(far), best)
    numbers = cls(cv=2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(numbers.coef_, model.coef_)


@each_logistic
def test_bool_labels(cls):
    """Flags as labels come back as flags."""
    X, y = data_for(cls)
    model = cls(cv=2).fit(X, y == 1)
    assert model.predict(X).dtype == bool
