"""Softmax problems with a penalty per class, and what they must give."""

import numpy as np
from scipy.optimize import minimize

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import ClassScoresLoss
from sklearn_myhpo.penalties.class_groups import ClassGroups
from sklearn_myhpo.penalties.groups import FeatureGroups
from tests.helpers import folds


def make_classes(n_samples=90, n_features=5, n_classes=4, seed=0, flat=0):
    """Return rows and class indices; the last `flat` classes do not depend on X."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features)) + 0.3
    coef = 1.5 * rng.standard_normal((n_features, n_classes))
    if flat:
        coef[:, -flat:] = 0.0
    noise = rng.gumbel(size=(n_samples, n_classes))
    return X, (X @ coef + noise).argmax(axis=1)


def class_groups(labels, n_classes):
    """Return the lambdas of groups by number, in classes by number."""
    labels = np.asarray(labels)
    groups = FeatureGroups(labels, tuple(range(labels.max() + 1)))
    return ClassGroups.of(groups, range(n_classes))


def class_problem(n_classes=4, labels=(0,) * 5, n_folds=3, seed=0, **options):
    """Return a problem with a lambda per group and class."""
    X, y = make_classes(n_classes=n_classes, n_features=len(labels), seed=seed)
    groups = class_groups(labels, n_classes)
    given = X, y, ClassScoresLoss(n_classes), groups, folds(len(y), n_folds)
    return BilevelProblem(*given, **options)


def some_lambdas(problem, seed=2):
    """Return lambdas that differ."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-5.0, -1.0, problem.n_groups)


def softmax_weights(X, y, penalty, fit_intercept=True, weight=None):
    """Return the weights and intercepts with the least loss, by SciPy.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
        Class indices.
    penalty : ndarray of shape (n_features, n_classes)
        Factors of the squares of the weights.
    fit_intercept : bool
    weight : ndarray of shape (n_samples,) or None

    Returns
    -------
    coef : ndarray of shape (n_features, n_classes)
    intercept : ndarray of shape (n_classes,)
        With a mean of zero.
    """
    (n_samples, n_features), n_classes = X.shape, penalty.shape[1]
    weight = np.ones(n_samples) if weight is None else weight
    share, rows = weight / weight.sum(), np.arange(n_samples)
    # In these units no weight is stiff.
    unit = 1.0 / np.sqrt(np.maximum(penalty, 1e-3))
    size = n_features * n_classes

    def loss(z):
        own, intercept = z[:size].reshape(unit.shape), z[size:]
        scores = X @ (unit * own) + (intercept if fit_intercept else 0.0)
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        slope = np.exp(logs)
        slope[rows, y] -= 1.0
        slope *= share[:, None]
        gradient = unit * (X.T @ slope) + 2.0 * penalty * unit**2 * own
        value = -share @ logs[rows, y] + np.sum(penalty * (unit * own) ** 2)
        by_intercept = slope.sum(axis=0) * fit_intercept
        return value, np.concatenate([gradient.ravel(), by_intercept])

    z = np.zeros(size + n_classes)
    for _ in range(3):
        options = {"maxiter": 20_000, "ftol": 1e-16, "gtol": 1e-12, "maxcor": 40}
        z = minimize(loss, z, jac=True, method="L-BFGS-B", options=options).x
    return unit * z[:size].reshape(unit.shape), z[size:] - z[size:].mean()
