"""Leave-one-out error and GCV of ridge, by QR factors of equilibrated rows."""

from typing import NamedTuple

import numpy as np

from .rows import LONG


class Whole(NamedTuple):
    """All rows of a task, centred with an intercept, their columns of norm one."""

    A: np.ndarray
    b: np.ndarray
    size: np.ndarray
    has_intercept: bool


def whole_part(task):
    """Return the `Whole` of a task with equal weights."""
    X, y = task.dense.astype(LONG), task.y.astype(LONG)
    if task.fit_intercept:
        X, y = X - X.mean(axis=0), y - y.mean()
    size = np.sqrt(np.mean(X**2, axis=0))
    kept = size > 0
    return Whole(X[:, kept] / size[kept], y, size[kept], task.fit_intercept)


def values(whole, lambdas, criterion):
    """Return the criterion at some lambdas.

    Parameters
    ----------
    whole : Whole
    lambdas : ndarray of shape (n_lambdas,)
    criterion : {"loo", "gcv"}
    """
    n = len(whole.A)
    A, b = whole.A.astype(float) / np.sqrt(n), whole.b.astype(float) / np.sqrt(n)
    found = np.empty(len(lambdas))
    for number, lambda_ in enumerate(lambdas):
        damp = np.sqrt(2.0) * np.exp(0.5 * lambda_) / whole.size.astype(float)
        scale = 1.0 / np.hypot(1.0, damp)
        Q = np.linalg.qr(np.vstack([A * scale, np.diag(damp * scale)]))[0][:n]
        residual = np.sqrt(n) * (b - Q @ (Q.T @ b))
        leverage = np.sum(Q**2, axis=1) + whole.has_intercept / n
        if criterion == "gcv":
            leverage = leverage.mean()
        found[number] = 0.5 * np.mean((residual / (1.0 - leverage)) ** 2)
    return found
