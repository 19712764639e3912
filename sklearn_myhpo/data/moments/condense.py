"""Condensed rows: few rows with the second moments of many.

The rows (x, 1, y) times the roots of their weights are a matrix A. Ridge depends on it
through A'A only. A factor R with R'R = A'A has as many rows as columns; a reflection Q
leaves R'Q'QR as it is and makes the column of ones constant, so that the rows of QR are
rows (x, 1, y) of one weight. Of the products of targets with each other only squares
are kept: one more row, with the square roots of the rest of these squares, replaces all
rows that only the squares would need.
"""

import numpy as np
from scipy.linalg import qr, solve_triangular
from scipy.linalg.lapack import dormqr, dpotrf, dpstrf

from ..sums import squares_of

#: Smallest relative residual square of a column, after regression on those before it,
#: for a Cholesky factor without pivots. Below it the columns depend on each other.
LEAST_PIVOT = 1e-13


def factor_of_moments(matrix, end):
    """Return rows whose products are given, by Cholesky factors.

    Parameters
    ----------
    matrix : ndarray of shape (end + 1, p)
        Of the first `end` columns all products with all columns; the last row has the
        squares of the others, after zeros.
    end : int

    Returns
    -------
    ndarray of shape (end + 1, p)
    """
    squares = squares_of(matrix)
    scale = np.where(squares > 0, np.sqrt(np.where(squares > 0, squares, 1.0)), 1.0)
    scaled = matrix[:end] / scale / scale[:end, None]
    rows = np.zeros((end + 1, matrix.shape[1]))
    factor, order, rank = _cholesky(scaled[:end, :end])
    rows[:rank, order] = factor[:rank]
    cross = scaled[order[:rank], end:]
    along = solve_triangular(factor[:rank, :rank], cross, trans="T", check_finite=False)
    rows[:rank, end:] = along
    left = (squares[end:] > 0) - np.einsum("kt,kt->t", along, along)
    rows[end, end:] = np.sqrt(np.maximum(left, 0.0))
    return rows * scale


def _cholesky(matrix):
    """Return an upper factor, the order of the columns, and the rank."""
    order, size = np.arange(len(matrix)), len(matrix)
    kept = np.flatnonzero(np.diag(matrix) > 0)
    if len(kept) == size:
        factor, failed = dpotrf(matrix, lower=0, clean=1)
        if not failed and np.diag(factor).min() ** 2 > LEAST_PIVOT:
            return factor, order, size
    tol = size * np.finfo(float).eps
    factor, pivots, rank, _ = dpstrf(matrix, lower=0, tol=tol)
    return np.triu(factor), pivots - 1, rank


def factor_of_rows(rows, end):
    """Return rows with the same products, by a QR factorization.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, p)
        Overwritten.
    end : int
        Columns of which all products are kept; of others those with these and their
        squares.

    Returns
    -------
    ndarray of shape (at most end + 1, p)
    """
    if len(rows) <= end + 1:
        return rows
    # Columns of very different sizes are scaled before the factorization.
    scale = np.abs(rows).max(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    rows = rows / scale
    (reflectors, tau), triangle = qr(
        rows[:, :end], mode="raw", overwrite_a=True, check_finite=False
    )
    others = np.asfortranarray(rows[:, end:])
    work = dormqr("L", "T", reflectors, tau, others, -1)[1]
    along = dormqr("L", "T", reflectors, tau, others, int(work[0]))[0]
    found = np.zeros((end + 1, rows.shape[1]))
    found[:end, :end] = np.triu(triangle[:end])
    found[:end, end:] = along[:end]
    found[end, end:] = np.linalg.norm(along[end:], axis=0)
    return found * scale


def with_equal_ones(rows, one):
    """Return rows with the same products whose entries in one column are equal.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, p)
    one : int
        The column, not zero.

    Returns
    -------
    ndarray of shape (n_rows, p)
    """
    column = rows[:, one]
    size = np.linalg.norm(column)
    # The reflection without cancellation; it may change the sign of the column of ones.
    sign = -1.0 if column.sum() > 0 else 1.0
    wanted = np.full(len(rows), sign * size / np.sqrt(len(rows)))
    axis = column - wanted
    turned = rows - np.outer(axis, (2.0 / (axis @ axis)) * (axis @ rows))
    turned[:, one] = wanted
    return sign * turned
