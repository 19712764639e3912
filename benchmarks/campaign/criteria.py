"""Leave-one-out error and GCV of ridge, by singular vectors of the rows."""

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
    n, b = len(whole.A), whole.b.astype(float)
    rows = (whole.A * whole.size / np.sqrt(LONG(n))).astype(float)
    left, singular, _ = np.linalg.svd(rows, full_matrices=False)
    kept = singular > 1e-13 * singular.max(initial=0.0)
    left, squares = left[:, kept], singular[kept] ** 2
    # The part of y outside of all models: exactly zero without dimensions left.
    outside = np.eye(n) - left @ left.T - whole.has_intercept / n
    if n == len(squares) + whole.has_intercept:
        outside[:] = 0.0
    found = np.empty(len(lambdas))
    for number, penalty in enumerate(2.0 * np.exp(lambdas)):
        # The matrix M of the residuals M b, over the penalty: 1 - h would cancel.
        own = left / (squares + penalty) @ left.T + outside / penalty
        diagonal = np.diag(own)
        if criterion == "gcv":
            diagonal = diagonal.mean()
        found[number] = 0.5 * np.mean((own @ b / diagonal) ** 2)
    return found
