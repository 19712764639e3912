"""A validation set of the user's own: X_val, y_val, sample_weight_val."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import PredefinedSplit

from sklearn_myhpo import (
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
)
from tests.helpers import data_for, no_warnings
from tests.linear_model.common import each_estimator, plain_of


@pytest.mark.one_in(3)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_own_validation_set(cls, container, diabetes, cancer):
    """Lambda would be learned on other rows, or the weights on the validation set."""
    X, y = diabetes if cls is MYHPORidge else cancer
    train, held_out = slice(0, 300), slice(300, None)
    model = cls(cv=3).fit(
        container(X[train]), y[train], X_val=container(X[held_out]), y_val=y[held_out]
    )
    pair = PredefinedSplit(np.where(np.arange(len(y)) < 300, -1, 0))
    other = cls(cv=pair, refit=False).fit(X, y)
    assert model.lambda_ == pytest.approx(other.lambda_, rel=1e-6)
    assert model.validation_loss_ == pytest.approx(other.validation_loss_)
    if cls is MYHPORidge:
        plain = Ridge(alpha=model.alpha_)
    else:
        plain = LogisticRegression(C=model.C_, tol=1e-10, max_iter=10000)
    plain.fit(X[train], y[train])
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-4, atol=1e-5)


def test_own_validation_weights(diabetes):
    """A weight of k in the validation set would not be k rows."""
    X, y = diabetes
    repeats = np.arange(142) % 3
    by_weight, by_rows = (MYHPORidge() for _ in range(2))
    by_weight.fit(
        X[:300], y[:300], X_val=X[300:], y_val=y[300:], sample_weight_val=repeats
    )
    rows = np.repeat(np.arange(300, 442), repeats)
    by_rows.fit(X[:300], y[:300], X_val=X[rows], y_val=y[rows])
    assert by_weight.lambda_ == pytest.approx(by_rows.lambda_, rel=1e-6)
    np.testing.assert_allclose(by_weight.coef_, by_rows.coef_, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "given", "message"),
    [
        ({}, {"X_val": 1}, "X_val needs y_val too"),
        ({}, {"y_val": 1}, "y_val needs X_val too"),
        ({}, {"sample_weight_val": 1}, "needs X_val and y_val"),
        ({"criterion": "loo"}, {"X_val": 1, "y_val": 1}, "holds no rows out"),
        ({"shrinkage": "auto"}, {"X_val": 1, "y_val": 1}, "three splits"),
        ({}, {"X_val": 2, "y_val": 1}, "X_val, y_val: .*9 features"),
    ],
)
def test_own_validation_set_that_does_not_fit(options, given, message, diabetes):
    """A set that is half there would be left out in silence."""
    X, y = diabetes
    values = {
        "X_val": X[:50] if given.get("X_val") == 1 else X[:50, :9],
        "y_val": y[:50],
        "sample_weight_val": np.ones(50),
    }
    given = {name: values[name] for name in given}
    with pytest.raises(ValueError, match=message):
        BilevelRidge(**options).fit(X, y, **given)


@each_estimator
@pytest.mark.parametrize("standardize", [False, True])
@no_warnings
def test_weights_are_those_of_the_counterpart(cls, standardize):
    """`alpha_` would give other weights where a method only comes near to them."""
    X, y = data_for(cls, n_samples=90)
    options = {"max_iter": 20, "random_state": 0, "standardize": standardize}
    own = {"X_val": X[60:], "y_val": y[60:]}
    model = cls(**options).fit(X[:60], y[:60], **own)
    name, strength = model._strength()
    alpha = strength if name == "alpha" else 1.0 / strength
    scale = X[:60].std(axis=0) if standardize else np.ones(4)
    plain = plain_of(cls, alpha).fit(X[:60] / scale, y[:60])
    atol = 1e-5 * np.abs(plain.coef_).max()
    np.testing.assert_allclose(model.coef_ * scale, plain.coef_, atol=atol)
    np.testing.assert_allclose(model.intercept_, plain.intercept_, atol=atol)
    # Without a refit they are those of the method.
    kept = cls(**options, refit=False).fit(X[:60], y[:60], **own)
    assert kept.validation_loss_ == model.validation_loss_
