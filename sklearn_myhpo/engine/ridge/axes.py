"""Axes along which the training moments of a ridge split are diagonal."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import svd

from ..linalg.symmetric import eigensystem


class Axes(NamedTuple):
    """Axes along which the training moments of a split are diagonal.

    Attributes
    ----------
    vectors : ndarray of shape (m, k)
    values : ndarray of shape (k,)
        Moments along them; zero for those at the level of rounding.
    held_out : ndarray of shape (k, k) or None
        Moments of the held-out rows in them, where they are known.
    """

    vectors: np.ndarray
    values: np.ndarray
    held_out: np.ndarray | None = None


def axes_of_moments(gram):
    """Return the eigenvectors of second moments (m, m) as `Axes`."""
    values, vectors = eigensystem(gram)
    floor = len(values) * np.finfo(float).eps * max(values[-1], 0.0)
    return Axes(vectors, np.where(values > floor, values, 0.0))


def axes_of_rows(rows, all_directions):
    """Return singular vectors of rows as axes.

    They keep small directions that squaring the rows would lose.

    Parameters
    ----------
    rows : ndarray of shape (n_train, m)
        Centred, times the roots of their weights.
    all_directions : bool
        False leaves out the directions that no row has.

    Returns
    -------
    Axes
    """
    _, singular, transposed = svd(
        rows, full_matrices=all_directions, check_finite=False
    )
    values = np.zeros(len(transposed))
    values[: len(singular)] = singular**2
    floor = (max(rows.shape) * np.finfo(float).eps * singular[0]) ** 2
    return Axes(transposed.T, np.where(values > floor, values, 0.0))
