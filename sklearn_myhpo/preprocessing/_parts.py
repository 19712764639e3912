"""Columns that are orthogonal over rows, made from second moments of other columns."""

from typing import NamedTuple

import numpy as np

from ..data.blocks import slices

#: Share of a column's size below which its residual is rounding error.
LEAST_PART = 1e-10


class Parts(NamedTuple):
    """Combinations of raw columns.

    Attributes
    ----------
    mix : ndarray of shape (n_raw, n_linear + n_smooth)
        Raw columns times this are the new ones.
    n_linear : int
        The first columns: mean zero, mean square one, orthogonal to each other.
    scale : float
        Divisor of the smooth columns, which makes the sum of their mean squares one; 0
        if there are none.
    """

    mix: np.ndarray
    n_linear: int
    scale: float


def orthogonal_parts(gram, n_fixed, n_linear):
    """Return linear columns orthogonal to fixed ones, and smooth ones to both.

    Parameters
    ----------
    gram : ndarray of shape (n_raw, n_raw)
        Weighted means of the products of raw columns: fixed ones, such as a constant,
        then linear and then smooth ones.
    n_fixed, n_linear : int

    Returns
    -------
    Parts
        A linear column that the others explain is zero.
    """
    n_raw, end = len(gram), n_fixed + n_linear
    linear = np.zeros((n_raw, n_linear))
    for number, index in enumerate(range(n_fixed, end)):
        one = _without(gram, index, np.array([index]))
        size = np.sqrt(max((one.T @ gram @ one).item(), 0.0))
        if size > LEAST_PART * np.sqrt(gram[index, index]):
            linear[:, [number]] = one / size
    smooth = _without(gram, end, np.arange(end, n_raw))
    squares = np.sum(smooth * (gram @ smooth))
    total = np.trace(gram[end:, end:])
    if not squares > LEAST_PART**2 * total:
        return Parts(linear, n_linear, 0.0)
    scale = float(np.sqrt(squares))
    return Parts(np.hstack([linear, smooth / scale]), n_linear, scale)


def _without(gram, n_first, own):
    """Return columns without their projections on the first ones."""
    mix = np.zeros((len(gram), len(own)))
    mix[own, np.arange(len(own))] = 1.0
    first = gram[:n_first, :n_first]
    # Relative to the columns, since a column of zeros differs from one of 1e-8.
    size = np.sqrt(np.diag(first))
    size[size == 0.0] = 1.0
    values, vectors = np.linalg.eigh(first / size / size[:, None])
    kept = values > LEAST_PART * values[-1]
    root = vectors[:, kept] / size[:, None]
    mix[:n_first] -= (root / values[kept]) @ (root.T @ gram[:n_first, own])
    return mix


def mean_products(columns, weight, entries_per_row):
    """Return the weighted means of products of columns, summed over blocks of rows.

    Parameters
    ----------
    columns : callable
        From a slice of rows to an array of columns.
    weight : ndarray of shape (n_rows,)
        Not negative, with a positive sum.
    entries_per_row : int
        Numbers that are computed per row.

    Returns
    -------
    ndarray of shape (n_columns, n_columns)
    """
    total = 0.0
    for rows in slices(len(weight), entries_per_row, cached=True):
        block = columns(rows)
        total = total + (block * weight[rows, None]).T @ block
    return total / weight.sum()
