"""The training and validation parts of a task, in equilibrated coordinates."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

#: Extended precision; where a machine has none, it is double precision.
LONG = np.longdouble
#: Singular values relative to the largest that are the rounding of X, and how far below
#: the least square of the others, in natural logs, a grid goes.
LOST, MARGIN = 1e-12, 6.0


class Part(NamedTuple):
    """One split.

    Attributes
    ----------
    train, held : ndarray of shape (n_rows, k)
        Columns with training norm one; columns without variance are left out.
    y_train, y_held : ndarray
    share, held_weight : ndarray
        Weights of the training rows with sum one, and those of the held-out rows.
    factor : ndarray of shape (k,)
        The penalty of a weight v is ``exp(lambda) factor v^2``.
    label : ndarray of int of shape (k,)
        The number of the lambda of every column.
    has_intercept : bool
    is_centred : bool
        Whether the columns are about their training means, which an intercept makes
        them, and standardizing.
    """

    train: np.ndarray
    held: np.ndarray
    y_train: np.ndarray
    y_held: np.ndarray
    share: np.ndarray
    held_weight: np.ndarray
    factor: np.ndarray
    label: np.ndarray
    has_intercept: bool
    is_centred: bool

    def penalties(self, lambdas):
        """Return ``2 exp(lambda)`` times the factor of every column.

        Parameters
        ----------
        lambdas : ndarray of shape (n_lambdas,) or (n_lambdas, n_groups)

        Returns
        -------
        ndarray of shape (n_lambdas, k)
        """
        lambdas = np.asarray(lambdas, LONG)
        own = lambdas[:, self.label] if lambdas.ndim > 1 else lambdas[:, None]
        return 2 * np.exp(own) * self.factor

    def weighted_rows(self):
        """Return the training rows times the roots of their shares."""
        return np.sqrt(self.share)[:, None] * self.train


def parts_of(task):
    """Return the `Part` of every split, in extended precision."""
    return [part_of(task, train, held) for train, held in task.pairs]


def whole_part(task):
    """Return the `Part` that trains on all rows and holds all out, of a criterion."""
    rows = np.arange(len(task.y))
    return part_of(task, rows, rows)


def part_of(task, train, held):
    """Return the `Part` of training and validation rows, those without weight dropped.

    Standardized features are in units of the standard deviations of the training rows,
    and about their means but for sparse rows.
    """
    weight = task.weight.astype(LONG)
    train, held = (rows[weight[rows] > 0] for rows in map(np.asarray, (train, held)))
    X, share = task.dense.astype(LONG), weight[train] / weight[train].sum()
    standardize = task.options.get("standardize", False)
    centres = task.fit_intercept or (standardize and not sparse.issparse(task.X))
    mean = share @ X[train]
    centre = mean if centres else np.zeros(X.shape[1], LONG)
    own = X[train] - centre
    size = np.sqrt(share @ own**2)
    # A constant column has a mean that is exact to rounding.
    varies = np.ptp(X[train], axis=0) > 0
    kept = size > 1e-17 * np.abs(X[train]).max(axis=0)
    kept &= varies if centres else size > 0
    unit = np.ones(X.shape[1], LONG)
    if standardize:
        deviation = np.sqrt(share @ (X[train] - mean) ** 2)
        unit = np.where(varies, deviation, unit)
    factor = task.factors * (unit / np.where(kept, size, 1)) ** 2
    return Part(
        own[:, kept] / size[kept],
        (X[held] - centre)[:, kept] / size[kept],
        task.y[train],
        task.y[held],
        share,
        weight[held],
        factor[kept],
        task.labels[kept],
        task.fit_intercept,
        centres,
    )


def grid_of(parts, n_points):
    """Return lambdas from far below to far above the range of their effect.

    Parameters
    ----------
    parts : list of Part
    n_points : int

    Returns
    -------
    ndarray of shape (n_points,)
        In decreasing order.
    """
    squares = [1 / part.factor[part.factor > 0] for part in parts]
    both = np.concatenate(squares).astype(float)
    if not len(both):
        return np.zeros(1)
    high = np.log(max(float(own.sum()) for own in squares)) + 23.0
    # Directions in which columns nearly depend are felt further down.
    least = 2.0 * np.log(min(map(_least_singular, parts)))
    low = np.log(both.min()) + min(-32.0, least - MARGIN)
    return np.linspace(high, low, n_points)


def _least_singular(part):
    """Return the smallest singular value of the training rows above rounding."""
    if not part.train.size:
        return 1.0
    rows = part.weighted_rows().astype(float)
    singular = np.linalg.svd(rows, compute_uv=False)
    return singular[singular > LOST * singular[0]][-1]
