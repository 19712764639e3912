"""Scores and predictions of held-out rows of tensors: those of NumPy arrays."""

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import RepeatedKFold

from sklearn_myhpo import (
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
    MYHPOTweedieRegressor,
)
from sklearn_myhpo.linear_model._streams.fit import StreamedFit
from sklearn_myhpo.linear_model._tensors import scores
from tests import tensor_namespace as counted
from tests.tensor_spaces import data, dispatching, each_space, fit_both, load_space

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.FewRowsWarning"),
]
RESULTS = ("cv_scores_", "cv_rows_", "cv_predictions_", "cv_losses_")
SCORERS = {"first": "r2", "second": make_scorer(mean_absolute_error)}
CASES = {
    "one target": (MYHPORidge(scoring="r2"), lambda y: y),
    "one column": (MYHPORidge(scoring=SCORERS), lambda y: y[:, None]),
    "two targets": (
        MYHPORidge(scoring=["r2"], alpha_per_target=True),
        lambda y: np.column_stack([y, np.sin(y)]),
    ),
    "two classes": (
        MYHPORidgeClassifier(scoring=["accuracy", "roc_auc"]),
        lambda y: np.where(y > 0, "yes", "no"),
    ),
    "three classes": (
        MYHPORidgeClassifier(scoring="balanced_accuracy", class_weight="balanced"),
        lambda y: np.digitize(y, [-1.0, 1.0]),
    ),
    "logistic": (
        MYHPOLogisticRegression(
            scoring=["accuracy", "neg_log_loss", "roc_auc"], class_weight="balanced"
        ),
        lambda y: np.where(y > 0, "yes", "no"),
    ),
    "multinomial": (
        MYHPOLogisticRegression(scoring="neg_log_loss", standardize=True),
        lambda y: np.digitize(y, [-1.0, 1.0]),
    ),
    "multinomial, overlapping splits": (
        MYHPOLogisticRegression(
            scoring="accuracy", cv=RepeatedKFold(n_splits=3, n_repeats=2)
        ),
        lambda y: np.digitize(y, [-1.0, 1.0]),
    ),
    "poisson": (
        MYHPOPoissonRegressor(scoring=["d2_absolute_error_score"], cv=0.3),
        lambda y: np.round(np.exp(0.3 * y)),
    ),
    "gamma": (
        MYHPOGammaRegressor(
            scoring="neg_mean_gamma_deviance",
            feature_groups=[0, 1, 0, 1, 0],
        ),
        lambda y: np.exp(0.3 * y),
    ),
    "tweedie": (
        MYHPOTweedieRegressor(scoring="neg_mean_absolute_error", power=1.5),
        lambda y: np.maximum(y, 0.0),
    ),
    "repeated folds": (
        MYHPORidge(scoring="r2", cv=RepeatedKFold(n_splits=3, n_repeats=2)),
        lambda y: y,
    ),
}


@pytest.fixture(autouse=True)
def _dispatch(monkeypatch):
    """Turn scikit-learn's dispatch of arrays on."""
    with dispatching(monkeypatch):
        yield


def same(found, expected):
    """Compare results of held-out rows."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        found, expected = (np.array(list(one.values())) for one in (found, expected))
    assert found.dtype == expected.dtype
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)
    else:
        np.testing.assert_array_equal(found, expected)


@each_space
@pytest.mark.parametrize("name", CASES)
def test_results_are_those_of_numpy(name, space):
    """Scores would be those of other rows or models."""
    X, y, weight = data(90)
    model, target = CASES[name]
    model = clone(model).set_params(store_cv_results=True, tol=1e-9)
    if name.endswith(("folds", "splits")):
        model.cv.random_state = 0
    if isinstance(model.cv, float):
        model.random_state = 0
    xp = load_space(space)
    weight = None if name == "two targets" else weight
    labels = target(y)
    if labels.dtype.kind == "U":
        plain = clone(model).fit(X, labels, weight)
        found = model.fit(xp.asarray(X), labels, weight)
    else:
        plain, found = fit_both(model, X, labels, weight, xp=xp)
    for attribute in RESULTS:
        same(getattr(found, attribute), getattr(plain, attribute))


#: Estimators, and y for them, of a fit with one scorer and all results.
ONE_SCORER = {
    "ridge": (MYHPORidge(scoring="r2", store_cv_results=True), lambda y: y),
    "logistic": (
        MYHPOLogisticRegression(scoring="neg_log_loss", store_cv_results=True),
        lambda y: (y > 0).astype(int),
    ),
}


@pytest.mark.parametrize("name", ONE_SCORER)
def test_results_of_a_validation_set(name):
    """Rows of the training set would be scored."""
    X, y, weight = data(90)
    model, target = ONE_SCORER[name]
    y, own_weight = target(y), weight[60:]
    own = {"X_val": X[60:], "y_val": y[60:], "sample_weight_val": own_weight}
    plain = clone(model).fit(X[:60], y[:60], **own)
    found = clone(model).fit(counted.asarray(X[:60]), y[:60], **own)
    for attribute in RESULTS:
        same(getattr(found, attribute), getattr(plain, attribute))


@pytest.mark.parametrize("name", ONE_SCORER)
def test_scored_rows_stay_where_they_are(name, monkeypatch):
    """Held-out rows would be copied to the host, all features of them."""
    X, y, _ = data(600)
    (model, target), largest = ONE_SCORER[name], []
    plain = scores.to_host

    def to_host(array):
        largest.append(int(np.prod(array.shape)))
        return plain(array)

    monkeypatch.setattr(scores, "to_host", to_host)
    clone(model).fit(counted.asarray(X), target(y))
    # The predictions of a fold, once for the scores and once for the results.
    assert len(largest) == 10
    assert sum(largest) == 1200
    assert max(largest) <= 121


def test_bad_scorers_of_likelihoods_are_named_before_the_fit(monkeypatch):
    """A user would wait for a fit whose results cannot be made."""
    X, y, _ = data(90)
    model = MYHPOLogisticRegression(scoring=lambda model, X, y: 0.0)
    monkeypatch.setattr(StreamedFit, "run", lambda self: pytest.fail("fitted"))
    with pytest.raises(ValueError, match="is given X, which is an array of"):
        model.fit(counted.asarray(X), y > 0)


REFUSED = {
    "a function of X": (
        MYHPORidge(scoring=lambda model, X, y: 0.0),
        "scoring=<lambda> is given X, which is an array of tests.tensor_namespace "
        "here. Use the name of a scorer, or sklearn.metrics.make_scorer of a function "
        "of y and predictions; or fit NumPy arrays.",
    ),
    "a criterion": (
        MYHPORidge(store_cv_results=True, criterion="loo"),
        "store_cv_results=True predicts held-out rows; leave it out, or use "
        "criterion='validation'.",
    ),
    "a likelihood with a criterion": (
        MYHPOLogisticRegression(scoring="accuracy", criterion="alo"),
        "scoring='accuracy' predicts held-out rows; leave it out, or use "
        "criterion='validation'.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_say_what_to_do(name):
    """A user would not know what works instead."""
    X, y, _ = data(90)
    model, text = REFUSED[name]
    y = (y > 0).astype(int) if "likelihood" in name else y
    with pytest.raises(ValueError, match=re.escape(text)):
        model.fit(counted.asarray(X), y)
