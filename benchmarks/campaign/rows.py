"""The training and validation parts of a task, in equilibrated coordinates."""

from typing import NamedTuple

import numpy as np

#: Names of extended precision; where a machine has none, it is double precision.
LONG = np.longdouble


class Part(NamedTuple):
    """One split. Columns are centred at the training means if there is an intercept.

    Attributes
    ----------
    train, held : ndarray of shape (n_rows, k)
        Columns with training norm one; columns without variance are left out.
    y_train, y_held : ndarray
    share, held_weight : ndarray
        Weights of the training rows with sum one, and those of the held-out rows.
    size : ndarray of shape (k,)
        What the columns were divided by.
    has_intercept : bool
    """

    train: np.ndarray
    held: np.ndarray
    y_train: np.ndarray
    y_held: np.ndarray
    share: np.ndarray
    held_weight: np.ndarray
    size: np.ndarray
    has_intercept: bool


def parts_of(task):
    """Return the `Part` of every split, in extended precision."""
    X, weight = task.dense.astype(LONG), task.weight.astype(LONG)
    found = []
    for train, held in task.pairs:
        share = weight[train] / weight[train].sum()
        centre = share @ X[train] if task.fit_intercept else np.zeros(X.shape[1], LONG)
        own = X[train] - centre
        size = np.sqrt(share @ own**2)
        # A constant column has a mean that is exact to rounding.
        kept = size > 1e-17 * np.abs(X[train]).max(axis=0)
        kept &= np.ptp(X[train], axis=0) > 0 if task.fit_intercept else size > 0
        found.append(
            Part(
                own[:, kept] / size[kept],
                (X[held] - centre)[:, kept] / size[kept],
                task.y[train],
                task.y[held],
                share,
                weight[held],
                size[kept],
                task.fit_intercept,
            )
        )
    return found


def grid_of(parts, n_points):
    """Return lambdas from far below to far above where they make a difference.

    Parameters
    ----------
    parts : list of Part
    n_points : int

    Returns
    -------
    ndarray of shape (n_points,)
        In decreasing order.
    """
    sizes = np.concatenate([part.size for part in parts])
    if not len(sizes):
        return np.zeros(1)
    total = max(float(np.sum(part.size**2)) for part in parts)
    low = 2.0 * np.log(float(sizes.min())) - 32.0
    return np.linspace(np.log(total) + 23.0, low, n_points)
