"""Rows to fit, folds that all tools share, and rows that no tool sees."""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import (
    GroupShuffleSplit,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    train_test_split,
)
from sklearn.preprocessing import StandardScaler

from benchmarks.data import binary_file
from sklearn_myhpo.datasets import fetch_gtsrb_hog, fetch_mnist

#: Condition number of the correlated features, as of an unscaled real table.
CONDITION = 1e3
TEST_SHARE = 0.25
N_TEST = (500, 5000)
#: The signal of a group, or feature, relative to the strongest: three decades.
WEAKEST = 1e-3


class Data(NamedTuple):
    """Training and test data of the tools of one task."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    folds: list
    groups: object = None

    @property
    def classes(self):
        """Values that y can have; a part of the rows may lack some of them."""
        return np.unique(self.y)


def linear_model(X, n_samples, coef, noise=1.0, groups=None):
    """Return the data of a linear model; `noise` is relative to the signal.

    The first `n_samples` rows are for the tools, the others for the test.
    """
    signal = X @ coef
    errors = np.random.default_rng(1).standard_normal(signal.shape)
    y = signal / signal.std(axis=0) + noise * errors
    folds = list(KFold(5, shuffle=True, random_state=0).split(X[:n_samples]))
    return Data(
        X[:n_samples], y[:n_samples], X[n_samples:], y[n_samples:], folds, groups
    )


def with_test_rows(n_samples):
    """Return how many rows to draw so that there are enough for the test."""
    return n_samples + int(np.clip(n_samples * TEST_SHARE, *N_TEST))


def one_strength(n_samples, n_features, is_correlated=False):
    """Return features that all matter alike."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((with_test_rows(n_samples), n_features))
    if is_correlated:
        left, _, right = np.linalg.svd(rng.standard_normal((n_features, n_features)))
        scales = np.geomspace(1.0, 1.0 / CONDITION, n_features)
        X = X @ (left * scales) @ right
    return linear_model(X, n_samples, rng.standard_normal(n_features))


def many_strengths(n_samples, n_features, n_groups):
    """Return equal groups of features whose signals differ by decades.

    With as many groups as features the groups are "each".
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((with_test_rows(n_samples), n_features))
    labels = np.arange(n_features) * n_groups // n_features
    signal = rng.permutation(np.geomspace(1.0, WEAKEST, n_groups))[labels]
    groups = "each" if n_groups == n_features else labels
    return linear_model(
        X, n_samples, signal * rng.standard_normal(n_features), groups=groups
    )


def many_targets(n_samples, n_features, n_targets):
    """Return targets with more and less signal than noise."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((with_test_rows(n_samples), n_features))
    coef = rng.standard_normal((n_features, n_targets))
    return linear_model(X, n_samples, coef, noise=np.geomspace(0.1, 10.0, n_targets))


def classification(X, y, X_test=None, y_test=None):
    """Return stratified folds, and a quarter for the test if no rows are given."""
    if X_test is None:
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=TEST_SHARE, stratify=y, random_state=0
        )
    folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
    return Data(X, y, X_test, y_test, folds)


def breast_cancer():
    """Return the standardized features."""
    X, y = load_breast_cancer(return_X_y=True)
    return classification(StandardScaler().fit_transform(X), y)


def digits():
    """Return the small images of ten digits."""
    X, y = load_digits(return_X_y=True)
    return classification(X / 16.0, y)


def file(name):
    """Return a file of the shared folder."""
    return classification(*binary_file(name))


def mnist(n_classes=10, groups=None):
    """Return 1500 images of each digit below `n_classes`, and all test images."""
    parts = []
    for subset in ("train15k", "test10k"):
        images = fetch_mnist(subset=subset)
        keep = images.target < n_classes
        parts += [images.data[keep] / 255.0, images.target[keep]]
    return classification(*parts)._replace(groups=groups)


def gtsrb():
    """Return the gradients of two traffic signs.

    Frames of one track are near copies: folds and test keep them together.
    """
    signs = fetch_gtsrb_hog()
    X, y, track = signs.data.astype(float), signs.target, signs.track
    if track is None:
        return classification(X, y)
    split = GroupShuffleSplit(1, test_size=TEST_SHARE, random_state=0)
    train, test = next(split.split(X, y, track))
    by_track = StratifiedGroupKFold(5, shuffle=True, random_state=0)
    folds = list(by_track.split(X[train], y[train], track[train]))
    return Data(X[train], y[train], X[test], y[test], folds)
