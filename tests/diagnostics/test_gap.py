"""The warning of a lambda that was learned for weights other than the minimizers."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import BilevelLogisticRegression, BilevelRidge
from sklearn_myhpo.solvers import Unrolled

FOLDS = KFold(5)


def gap_of(model, X, y):
    """Return what the warning says of the loss, of the least one and of its place."""
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y)
    text = next(str(w.message) for w in caught if "do not minimize" in str(w.message))
    number = r"(-?[\d.e+-]+\d)"
    loss = re.search(
        rf"The minimizer has the validation loss {number} at this lambda", text
    )
    least = re.search(rf"the smallest found is {number}, at lambda {number}", text)
    return float(loss[1]), float(least[1]), float(least[2])


def ridge_loss(X, y, lambda_):
    """Return the validation loss of `Ridge` at a lambda."""
    losses = []
    for train, held in FOLDS.split(X):
        ridge = Ridge(alpha=2 * len(train) * np.exp(lambda_), solver="cholesky")
        losses.append(
            0.5 * (y[held] - ridge.fit(X[train], y[train]).predict(X[held])) ** 2
        )
    return np.mean(np.concatenate(losses))


def logistic_loss(X, y, lambda_):
    """Return the validation loss of `LogisticRegression` at a lambda."""
    total = 0.0
    for train, held in FOLDS.split(X):
        model = LogisticRegression(
            C=0.5 / len(train) / np.exp(lambda_), tol=1e-8, solver="newton-cholesky"
        ).fit(X[train], y[train])
        total += log_loss(y[held], model.predict_proba(X[held]), normalize=False)
    return total / len(y)


def test_a_small_miss_is_told():
    """A loss of 1e-3 above the minimum was called converged without a word."""
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = BilevelRidge(solver="unrolled", cv=FOLDS)
    loss, least, where = gap_of(model, X, y)
    assert loss == pytest.approx(ridge_loss(X, y, model.lambda_), rel=1e-5)
    points = [*np.linspace(-12.0, 2.0, 40), *(where + np.linspace(-0.3, 0.3, 25))]
    grid = [ridge_loss(X, y, one) for one in points]
    assert least == pytest.approx(min(grid), rel=1e-5)
    assert least == pytest.approx(ridge_loss(X, y, where), rel=1e-5)


def test_a_lambda_far_from_the_minimum_is_told():
    """Few steps are a penalty of their own: lambda went where no minimum is."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = BilevelLogisticRegression(solver="unrolled", cv=FOLDS)
    loss, least, where = gap_of(model, X, y)
    grid = [logistic_loss(X, y, one) for one in np.linspace(-8.0, -6.0, 21)]
    assert least == pytest.approx(min(grid), rel=1e-3)
    assert least <= min(grid) * (1 + 1e-6)
    assert least == pytest.approx(logistic_loss(X, y, where), rel=1e-4)
    assert loss > 1.1 * least


@pytest.mark.slow
@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_enough_steps_need_no_warning():
    """The warning where its advice was followed would be noise."""
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = BilevelRidge(solver=Unrolled(n_steps=20_000), cv=FOLDS).fit(X, y)
    exact = BilevelRidge(solver="implicit", cv=FOLDS).fit(X, y)
    assert model.lambda_ == pytest.approx(exact.lambda_, abs=1e-2)
