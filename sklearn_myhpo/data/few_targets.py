"""Few rotated targets with the same sums as many, and targets in batches."""

import numpy as np

from .blocks import slices
from .limits import row_limits


def target_slices(n_targets, n_rows):
    """Yield slices of targets, so that a number per row and target takes little memory.

    Parameters
    ----------
    n_targets : int
    n_rows : int
        Numbers per target.
    """
    limits = row_limits()
    size = max(limits.least_targets, limits.target_batch_entries // max(1, n_rows))
    for start in range(0, n_targets, size):
        yield slice(start, min(start + size, n_targets))


def largest_square(y, weight):
    """Return the largest sum of weighted squares of a target; inf where it overflows.

    Parameters
    ----------
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    weight : ndarray of shape (n_samples,)
    """
    total = 0.0
    with np.errstate(over="ignore"):
        for rows in slices(len(y), max(1, y[:1].size)):
            total = total + weight[rows] @ y[rows].astype(np.float64) ** 2
    return float(np.max(total))


def turned_targets(y, origin):
    """Return the targets rotated, so that there are no more of them than rows.

    With ``Y = T Q'`` and orthonormal columns of Q, ridge models of T have the sums over
    targets of the squares of models of Y, whatever the rows, splits and penalties are.
    Y is factored some targets at a time, and Q is never formed.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_targets)
    origin : ndarray of shape (n_targets,)
        Subtracted first.

    Returns
    -------
    ndarray of shape (n_samples, min(n_samples, n_targets))
    """
    n_rows, n_targets = y.shape
    triangle = np.empty((0, n_rows))
    # No fewer than the rows of the triangle, whose factorization would dominate.
    least = max(n_rows, row_limits().target_batch_entries // n_rows)
    for start in range(0, n_targets, least):
        part = slice(start, start + least)
        rows = np.concatenate([triangle, (y[:, part] - origin[part]).T])
        triangle = np.linalg.qr(rows, mode="r")
    return np.ascontiguousarray(triangle.T)
