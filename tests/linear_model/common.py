"""Data, marks and comparisons that several test modules of the estimators share."""

import numpy as np
import pytest
from hypothesis import settings
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    MYHPOLogisticRegression,
    MYHPORidge,
    MYHPORidgeClassifier,
    SHOLogisticRegression,
    SHORidge,
)
from tests.helpers import (
    CLASSIFIERS,
    ESTIMATORS,
    LOGISTICS,
    RIDGES,
    SQUARED,
    data_for,
    folds,
)

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_ridge = pytest.mark.parametrize("cls", RIDGES)
each_logistic = pytest.mark.parametrize("cls", LOGISTICS)
each_classifier = pytest.mark.parametrize("cls", CLASSIFIERS)
no_bound_warning = pytest.mark.filterwarnings(
    "ignore::sklearn_myhpo.LambdaBoundWarning"
)
#: Estimators whose solution is exact to the solver's tolerance.
ACCURATE = [cls for cls in ESTIMATORS if cls not in (SHORidge, SHOLogisticRegression)]
#: Estimators that end at a minimum to the accuracy that is asked for. The general
#: ones run the same solver by default.
MINIMIZERS = (MYHPORidge, MYHPOLogisticRegression, MYHPORidgeClassifier)
each_minimizer = pytest.mark.parametrize("cls", MINIMIZERS)

#: scikit-learn's estimator of the same model, at a given strength.
COUNTERPARTS = {
    **dict.fromkeys(RIDGES, Ridge),
    **dict.fromkeys(LOGISTICS, LogisticRegression),
    MYHPORidgeClassifier: RidgeClassifier,
}

#: Shape of the small data sets.
N_ROWS, N_FEATURES = 60, 4
#: Splits of their rows.
PAIRS = folds(N_ROWS, 3)
#: Accuracy of predictions relative to the largest, at tol=1e-10.
ACCURACY = 1e-6
#: Groups of ten features.
HALVES = ["first"] * 5 + ["second"] * 5

#: Settings of hypothesis for tests that fit.
few = settings(max_examples=3, deadline=None, derandomize=True)


def shuffled(cls, n_folds):
    """Return a splitter of shuffled rows, stratified for classes."""
    splitter = StratifiedKFold if cls in CLASSIFIERS else KFold
    return splitter(n_folds, shuffle=True, random_state=0)


def plain_of(cls, alpha, **options):
    """Return scikit-learn's estimator of the strength alpha = 1/C, to be exact."""
    if cls in SQUARED:
        return COUNTERPARTS[cls](alpha=alpha, solver="svd", **options)
    exact = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000}
    return LogisticRegression(C=1.0 / alpha, **exact, **options)


def uneven_weights(n_rows=N_ROWS):
    """Return positive weights whose sum is not the number of rows."""
    return np.random.default_rng(3).uniform(0.2, 3.0, n_rows)


def long_step_fit(cls, **options):
    """Fit with gradient steps from far away, so that it takes many iterations."""
    X, y = data_for(cls)
    options = {"steps": "gradient", "lambda_init": -1.0, "cv": 2, **options}
    return cls(random_state=0, **options), X, y


def scaled_diabetes(n_targets=1):
    """Return standardized X, and y with squares of itself as further targets."""
    X, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    return StandardScaler().fit_transform(X), np.column_stack([y, y**2])[:, :n_targets]


def iris(n_classes):
    """Return two or three classes with string labels."""
    X, y = load_iris(return_X_y=True)
    kept = y < n_classes if n_classes == 3 else y > 0
    return X[kept], np.array(["a", "b", "c"])[y[kept]]


def fit(cls, X, y, *, sample_weight=None, **options):
    """Fit to high accuracy on fixed splits unless told otherwise."""
    options = {"cv": PAIRS, "tol": 1e-10, "random_state": 0, **options}
    return cls(**options).fit(X, y, sample_weight=sample_weight)


def assert_same_predictions(left, right, accuracy=ACCURACY):
    """Compare relative to the largest of the predictions."""
    size = np.abs(right).max()
    np.testing.assert_allclose(left, right, rtol=0, atol=accuracy * size)


def assert_refused(cls, error, match, options=None, *, X=None, y=None, weight=None):
    """Fit with something bad; everything that is not given is good."""
    good_X, good_y = data_for(cls, N_ROWS, N_FEATURES)
    X = good_X if X is None else X
    y = good_y if y is None else y
    with pytest.raises(error, match=match):
        cls(**(options or {})).fit(X, y, sample_weight=weight)
