"""Sums over rows, from which the second moments of every split follow.

The moments of all folds are computed here, in one pass over the rows.
"""

from typing import NamedTuple

import numpy as np

from .blocks import Space, gram_block, rows_by_label
from .product_sum import product_sum

#: Largest number of kinds for which a block has enough rows of each for fast products.
MOST_SHARING = 10
#: Size of the largest entry of X below which its squares underflow.
MIN_ENTRY = 1e-150


class Sums(NamedTuple):
    """Sums over some rows that add up over disjoint rows.

    Attributes
    ----------
    matrix : ndarray of shape (m + 2, m + 1 + n_outputs)
        Of the products of (x, 1) with (x, 1, y), about their origins; the last row has
        the squares of y, after zeros.
    residual_linear : ndarray of shape (m + 1, n_outputs)
        Of (x, 1) times the residual of the reference weights.
    residual_square : ndarray of shape (n_outputs,)
    """

    matrix: np.ndarray
    residual_linear: np.ndarray
    residual_square: np.ndarray

    @property
    def one(self):
        """Index of the constant one, the number of coordinates of x."""
        return len(self.residual_linear) - 1

    @property
    def total(self):
        """Sum of the weights."""
        return self.matrix[self.one, self.one]

    @property
    def squares(self):
        """Sums of the squares of (x, 1, y)."""
        return squares_of(self.matrix)

    def means(self):
        """Return the `Means` of x, of y and of the residual."""
        one = self.one
        return Means(
            self.matrix[one, :one] / self.total,
            self.matrix[one, one + 1 :] / self.total,
            self.residual_linear[one] / self.total,
        )


class Means(NamedTuple):
    """Means over some rows."""

    x: np.ndarray
    y: np.ndarray
    residual: np.ndarray


def squares_of(matrix):
    """Return the sums of the squares of (x, 1, y), given a `Sums.matrix`."""
    end = len(matrix) - 1
    return np.concatenate([np.diag(matrix)[:end], matrix[end, end:]])


def sums_of(matrices, residuals):
    """Return the `Sums` of every atom from its parts."""
    return [Sums(matrix, *own) for matrix, own in zip(matrices, residuals, strict=True)]


def sum_products(design, y, parts, y_shift=0.0):
    """Return the matrix of products of (x, 1, y) of every atom, in one visit.

    Parameters
    ----------
    design : Design
        Without a last coordinate of its own.
    y : ndarray of shape (n_samples, n_outputs)
    parts : RowParts
    y_shift : float or ndarray of shape (n_outputs,), default=0.0
        Origin of y.

    Returns
    -------
    list of ndarray of shape (m + 2, m + 1 + n_outputs)
        The atoms of all visits.
    """
    if design.is_sparse and not (design.has_large_means or design.is_filled):
        return [
            _sparse_products(*own)
            for visit in parts.visits()
            for own in _atoms(design, y - y_shift, visit)
        ]
    matrices = []
    for visit in parts.visits():
        matrices.extend(_dense_products(design, y, visit, y_shift))
    return matrices


def sum_residuals(design, y, parts, reference, y_shift=0.0):
    """Return the sums with the residuals of reference weights, of every atom.

    Parameters
    ----------
    design, y, parts, y_shift
        As in `sum_products`.
    reference : ndarray of shape (m, n_outputs)

    Returns
    -------
    list of (ndarray of shape (m + 1, n_outputs), ndarray of shape (n_outputs,))
        Of (x, 1) times the residual, and of its square.
    """
    found, entries = [], max(design.n_features, y.shape[1])
    for visit in parts.visits():
        linear = np.zeros((visit.n_atoms, design.n_features + 1, y.shape[1]))
        square = np.zeros((visit.n_atoms, y.shape[1]))
        for rows, block in design.blocks(entries):
            residual = y[rows] - y_shift
            residual -= block.forward(reference)
            weighted = visit.weight[rows, None] * residual
            for atom, own in rows_by_label(visit.labels[rows], visit.n_atoms):
                values = weighted[own]
                linear[atom, :-1] += block.take(own).adjoint(values)
                linear[atom, -1] += values.sum(axis=0)
                square[atom] += np.sum(values * residual[own], axis=0)
        found.extend(zip(linear, square, strict=True))
    return found


def _atoms(design, y, visit):
    """Yield the rows, targets and weights of one atom at a time."""
    for atom in range(visit.n_atoms):
        index = np.flatnonzero(visit.labels == atom)
        yield design.take(index), y[index], visit.weight[index]


def _sparse_products(rows, y, weight):
    """Return the matrix of products of (x, 1, y) of sparse rows."""
    size = rows.n_features
    matrix = np.zeros((size + 2, size + 1 + y.shape[1]))
    matrix[:size, :size] = rows.gram(weight)
    matrix[size, size] = weight.sum()
    weighted = weight[:, None] * np.column_stack([np.ones(len(y)), y])
    matrix[:size, size:] = rows.adjoint(weighted)
    matrix[size, size + 1 :] = weighted[:, 1:].sum(axis=0)
    matrix[size, :size] = matrix[:size, size]
    matrix[size + 1, size + 1 :] = np.einsum("nt,nt->t", y, weighted[:, 1:])
    return matrix


def _dense_products(design, y, visit, y_shift):
    """Return the matrix of products of (x, 1, y) of every atom of a visit."""
    one = design.n_features
    width = one + 1 + y.shape[1]
    root = None if np.all(visit.weight == 1.0) else np.sqrt(visit.weight)

    def own(blocks):
        sums = [product_sum(one + 1, width) for _ in range(visit.n_atoms)]
        space = Space()
        for rows, block in blocks:
            for atom, index in rows_by_label(visit.labels[rows], visit.n_atoms):
                target = y[rows][index]
                filled = space.of(len(target), width)
                block.fill(index, filled[:, :one])
                filled[:, one] = 1.0
                np.subtract(target, y_shift, out=filled[:, one + 1 :])
                if root is not None:
                    filled *= root[rows][index, None]
                sums[atom].add(filled)
        return np.stack([own.matrix() for own in sums])

    shape = gram_block(width, min(visit.n_atoms, MOST_SHARING))
    n_entries = visit.n_atoms * (one + 2) * width
    return list(design.sum_of_shares(own, n_entries, width, *shape))


def origin(rows):
    """Return a value near the mean of every column of an array (n_rows, k).

    For a constant column it is its value, without rounding error.
    """
    return rows[0] + (rows - rows[0]).mean(axis=0)


def check_scale(design, squares):
    """Raise where squares of X leave the range of floating point numbers.

    Parameters
    ----------
    design : Design
    squares : ndarray of shape (n_features,)
        Sums or means of the squares of its columns.
    """
    check_range(squares, design.largest, _units(design))


def check_range(squares, find_largest, units=""):
    """Raise where squares of X leave the range of floating point numbers.

    Parameters
    ----------
    squares : ndarray of shape (n_features,)
        Sums or means of the squares of its columns.
    find_largest : callable
        Returns the largest size of an entry.
    units : str, default=""
        Description of the units for the message.
    """
    if np.all(np.isfinite(squares)) and squares.max() > MIN_ENTRY:
        return
    largest = find_largest()
    if not np.all(np.isfinite(squares)) or 0 < largest < MIN_ENTRY:
        raise ValueError(
            f"X has entries up to {largest:.1e} in size{units}, whose squares "
            f"are not floating point numbers; allowed are sizes from {MIN_ENTRY:.0e} "
            "to about 1e150. Rescale the features."
        )


def _units(design):
    """Return the largest unit of the features in words, if they have units."""
    # Columns that others explain are in units of zero.
    used = () if design.scale is None else design.scale[design.scale > 0]
    if not len(used):
        return ""
    return f", in units of up to {1.0 / used.min():.1e}"
