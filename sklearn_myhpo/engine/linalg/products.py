"""Products of arrays whose last axes belong together, and diagonals of weights."""

import numpy as np


def pair_products(left, right):
    """Return the inner products of all pairs of arrays.

    Parameters
    ----------
    left : ndarray of shape (a, ...)
    right : ndarray of shape (b, ...)

    Returns
    -------
    ndarray of shape (a, b)
    """
    return left.reshape(len(left), -1) @ right.reshape(len(right), -1).T


def weight_diagonal(penalty, n_outputs):
    """Return the penalty of every weight, by coordinate, then output.

    Parameters
    ----------
    penalty : ndarray of shape (..., m, 1) or (..., m, n_outputs)
    n_outputs : int

    Returns
    -------
    ndarray of shape (..., m n_outputs)
    """
    if penalty.shape[-1] != n_outputs:
        penalty = np.broadcast_to(penalty, (*penalty.shape[:-1], n_outputs))
    return penalty.reshape(*penalty.shape[:-2], -1)
