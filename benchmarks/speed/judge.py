"""Plain estimators and losses: the same functions for every tool."""

from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error

from benchmarks.page import rounded

#: Fits that are timed; the faster one is "a plain fit".
PLAIN_SOLVERS = {"ridge": ("auto",), "logistic": ("lbfgs", "newton-cholesky")}
#: Coefficients up to which the judge affords second derivatives.
MANY_COEFFICIENTS = 2000
#: The largest C of a feature that is told from no penalty. Beyond, scikit-learn's
#: solvers end far from the minimum, and some without saying so.
MOST_C = 1e8


class Strength(NamedTuple):
    """The alpha or C of a tool: one number, or one per feature or target."""

    values: object
    of: str = "all"

    def __str__(self):
        """Return the number, or the range of the numbers."""
        if np.size(self.values) == 1:
            return rounded(float(np.ravel(self.values)[0]), "strength")
        return f"{np.min(self.values):.2g} to {np.max(self.values):.2g}"


def rescaled(kind, X, strength):
    """Return X and the strengths with which it is as if each feature had its own.

    ``|y - X w|^2 + sum_j alpha_j w_j^2`` is a plain ridge in ``sqrt(alpha_j) w_j``;
    with ``C_j`` in place of ``1 / alpha_j`` the same holds for logistic regression.
    """
    if strength.of != "features":
        return X, strength.values
    if kind == "ridge":
        return X / np.sqrt(strength.values), 1.0
    return X * np.sqrt(np.minimum(strength.values, MOST_C)), 1.0


def plain(kind, strength, solver, **options):
    """Return scikit-learn's estimator."""
    if kind == "ridge":
        return Ridge(alpha=strength, solver=solver, **options)
    return LogisticRegression(C=strength, solver=solver, max_iter=1000, **options)


def loss(kind, model, X, y, data):
    """Return half the mean squared error, or the mean logistic loss, on some rows."""
    if kind == "ridge":
        return 0.5 * mean_squared_error(y, model.predict(X))
    return log_loss(y, model.predict_proba(X), labels=data.classes)


def cv_loss(kind, data, strength, per_row):
    """Return the mean held-out loss of the folds.

    A tool is judged by what it minimizes. Most keep alpha or C on the fewer rows of a
    fold, as `cross_val_score` does; with `per_row` the strength per row stays, as in
    sklearn_myhpo, where losses are means.
    """
    X, values = rescaled(kind, data.X, strength)
    losses, sizes = [], []
    for train, held_out in data.folds:
        share = len(train) / X.shape[0] if per_row else 1.0
        on_fold = values * share if kind == "ridge" else values / share
        model = judge(kind, on_fold, data).fit(X[train], data.y[train])
        losses.append(loss(kind, model, X[held_out], data.y[held_out], data))
        sizes.append(len(held_out))
    return float(np.average(losses, weights=sizes))


def judge(kind, strength, data):
    """Return an estimator that is exact enough to tell losses apart."""
    if kind == "ridge":
        return plain(kind, strength, "auto")
    if data.X.shape[1] * len(data.classes) > MANY_COEFFICIENTS:
        return plain(kind, strength, "lbfgs", tol=1e-6)
    return plain(kind, strength, "newton-cholesky", tol=1e-8)
