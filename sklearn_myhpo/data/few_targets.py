"""Few rotated targets with the same sums as many, and targets in batches."""

import numpy as np
from scipy.linalg.lapack import dtpqrt

from .blocks import slices
from .limits import row_limits

#: Reflections that a factorization applies together.
REFLECTORS = 64


def target_slices(n_targets, n_rows, least=0):
    """Yield slices of targets, so that a number per row and target takes little memory.

    Parameters
    ----------
    n_targets : int
    n_rows : int
        Numbers per target.
    least : int, default=0
        Targets of a slice in any case.
    """
    limits = row_limits()
    least = max(least, limits.least_targets)
    size = max(least, limits.target_batch_entries // max(1, n_rows))
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
    # No fewer than the rows of the triangle, whose factorization would dominate.
    least = max(n_rows, row_limits().target_batch_entries // n_rows)
    parts = (slice(start, start + least) for start in range(0, n_targets, least))
    rotation = Rotation(n_rows)
    for part in parts:
        rotation.add(y[:, part] - origin[part])
    return np.ascontiguousarray(rotation.turned[:, : min(n_rows, n_targets)])


class Rotation:
    """A rotation of targets, some of which are added at a time, to few ones.

    Parameters
    ----------
    n_rows : int

    Attributes
    ----------
    turned : ndarray of shape (n_rows, n_rows)
        The rotated targets, which have the products of rows of all targets so far.
    """

    def __init__(self, n_rows):
        self._triangle = np.zeros((n_rows, n_rows), order="F")

    @property
    def turned(self):
        """The rotated targets."""
        return self._triangle.T

    def add(self, targets):
        """Add targets (n_rows, k).

        A factorization that knows the triangle takes half the work of one of its rows.
        """
        rows, n_rows = np.asfortranarray(targets.T), len(targets)
        block = min(REFLECTORS, n_rows)
        given = 0, block, self._triangle, rows
        self._triangle = dtpqrt(*given, overwrite_a=1, overwrite_b=1)[0]
