"""Weighted sums over rows, from which the moments of every fold follow."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..engine.linalg.symmetric import symmetric_solver
from .rows import LARGE_MEAN

#: Size of the largest entry of X below which its squares underflow.
MIN_ENTRY = 1e-150
#: Entries of the buffer that rows are shifted in.
BUFFER_ENTRIES = 2**20
#: Rows whose mean is subtracted before anything is squared.
SHIFT_ROWS = 1000
#: Outputs whose products with each other cost less than leaving them out.
MANY_OUTPUTS = 16
#: Ridge of the reference weights, relative to each second moment.
REFERENCE_RIDGE = 1e-10
#: Relative error of the least squares residual up to which sums of products give
#: it; below, the residuals themselves are formed in a second pass.
RESIDUAL_TOL = 1e-11


class Sums(NamedTuple):
    """Sums over some rows that add up over disjoint rows.

    Attributes
    ----------
    matrix : ndarray of shape (m + 1 + n_outputs, m + 1 + n_outputs)
        Of the products of (x, 1, y), shifted; where there are many outputs, of y
        with itself only the squares.
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


def column_shift(X):
    """Return a value near the mean of every column.

    That of a constant column is its value, free of rounding.
    """
    sample = X[:: max(1, len(X) // SHIFT_ROWS)]
    return X[0] + (sample - X[0]).mean(axis=0)


def dense_sums(X, y, atoms, fit_intercept):
    """Return the sums over every atom in one pass over X.

    Parameters
    ----------
    X : ndarray of shape (n_samples, m)
    y : ndarray of shape (n_samples, n_outputs)
    atoms : list of ndarray of shape (n_samples,)
        Non-negative row weights.
    fit_intercept : bool
        Whether X and y may be shifted.

    Returns
    -------
    sums : list of Sums
    shift : ndarray of shape (m,)
        What was subtracted from X before the products.
    y_shift : ndarray of shape (n_outputs,)
    reference : ndarray of shape (m, n_outputs)
    """
    shift, y_shift = np.zeros(X.shape[1]), np.zeros(y.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        if fit_intercept:
            shift, y_shift = column_shift(X), column_shift(y)
        blocks = _DenseBlocks(X, y, atoms, shift, y_shift)
        matrices = blocks.products()
        total = sum(matrices)
    check_scale(X, np.diag(total)[: X.shape[1]])
    if fit_intercept:
        mean, is_far = _means(total, X.shape[1])
        if is_far:
            # The sample was not like the rest: again, about the means.
            shift, y_shift = shift + mean[: len(shift)], y_shift + mean[len(shift) :]
            blocks = _DenseBlocks(X, y, atoms, shift, y_shift)
            matrices = blocks.products()
    sums, reference = _about_reference(matrices, y.shape[1], blocks.residuals)
    return sums, shift, y_shift, reference


def _means(total, one):
    """Return the means of x and y, and whether any is far from zero."""
    square = np.delete(np.diag(total), one) / total[one, one]
    mean = np.delete(total[one], one) / total[one, one]
    spread = np.maximum(square - mean**2, 0.0)
    return mean, bool(np.any(mean**2 > LARGE_MEAN * spread))


def check_scale(X, squares):
    """Raise where squares of X leave the range of floating point numbers.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    squares : ndarray of shape (n_features,)
        Sums or means of the squares of its columns.
    """
    if np.all(np.isfinite(squares)) and squares.max() > MIN_ENTRY:
        return
    entries = X.data if sparse.issparse(X) else X
    largest = np.abs(entries).max(initial=0.0)
    if not np.all(np.isfinite(squares)) or 0 < largest < MIN_ENTRY:
        raise ValueError(
            f"X has entries up to {largest:.1e} in size, whose squares are not "
            f"floating point numbers; allowed are sizes from {MIN_ENTRY:.0e} to "
            "about 1e150. Rescale the features."
        )


def row_sums(rows, y, atoms):
    """Return the same sums from `Rows` that are sparse, and the reference.

    Parameters
    ----------
    rows : Rows
        Shifted as it says.
    y : ndarray of shape (n_samples, n_outputs)
        Shifted.
    atoms : list of ndarray of shape (n_samples,)
    """

    def blocks():
        """Yield the rows of one atom at a time: all together are copies of X."""
        for weight in atoms:
            index = np.flatnonzero(weight)
            yield index, weight[index], rows.take(index)

    def with_one(block, weight, values):
        """Return (x, 1)' times weighted values; the shift is part of x."""
        products = block.adjoint(weight[:, None] * values)
        if rows.fit_intercept:
            return products
        return np.vstack([products, weight @ values])

    def residuals(reference):
        for index, weight, block in blocks():
            w = reference
            if rows.fit_intercept:
                w = np.vstack([reference, np.zeros(y.shape[1])])
            residual = y[index] - block.forward(w)
            yield (
                with_one(block, weight, residual),
                np.sum(weight[:, None] * residual**2, axis=0),
            )

    matrices = []
    for index, weight, block in blocks():
        size, target = rows.n_features, y[index]
        matrix = np.zeros((size + 1 + y.shape[1],) * 2)
        gram = block.gram(weight)
        matrix[: len(gram), : len(gram)] = gram
        matrix[size, size] = weight.sum()
        edge = with_one(block, weight, target)
        matrix[: size + 1, size + 1 :] = edge
        matrix[size + 1 :, : size + 1] = edge.T
        matrix[size + 1 :, size + 1 :] = target.T @ (weight[:, None] * target)
        matrices.append(matrix)
    return _about_reference(matrices, y.shape[1], residuals)


def _about_reference(matrices, n_outputs, residuals):
    """Return `Sums` with the residuals of the reference, and the reference.

    The reference is close to the least squares solution of all rows. Losses are
    computed about it: a sum of products would cancel where the model explains
    nearly everything. For the residuals themselves the products do unless that
    is so, or the columns nearly depend on each other.
    """
    total = sum(matrices)
    one = len(total) - n_outputs - 1
    gram, linear = total[:one, :one], total[:one, one + 1 :]
    scale = np.diag(gram)
    ridge = np.where(scale > 0, REFERENCE_RIDGE * scale, 1.0)
    reference = symmetric_solver(gram + np.diag(ridge))(linear)
    found = []
    for matrix in matrices:
        edge, square = matrix[: one + 1, one + 1 :], np.diag(matrix)[one + 1 :]
        products = edge - matrix[: one + 1, :one] @ reference
        own = square - np.sum(reference * (edge[:one] + products[:one]), axis=0)
        found.append((products, own))
    # The sum of these sizes is what rounding is relative to.
    root = np.sqrt(np.maximum(np.diag(total), 0.0))
    sizes = root[:one] @ np.abs(reference) + root[one + 1 :]
    error = np.finfo(float).eps * sizes**2
    if np.any(error > RESIDUAL_TOL * sum(square for _, square in found)):
        found = list(residuals(reference))
    sums = [Sums(matrix, *own) for matrix, own in zip(matrices, found, strict=True)]
    return sums, reference


class _DenseBlocks:
    """The rows of every atom, shifted, a block at a time."""

    def __init__(self, X, y, atoms, shift, y_shift):
        self.X, self.y = X, y
        self.shift, self.y_shift = shift, y_shift
        self.parts = []
        for weight in atoms:
            index = np.flatnonzero(weight)
            own = weight[index]
            self.parts.append((index, None if np.all(own == 1.0) else np.sqrt(own)))
        width = X.shape[1] + 1 + y.shape[1]
        longest = max(len(index) for index, _ in self.parts)
        size = min(max(BUFFER_ENTRIES // width, 256), longest)
        self.buffer = np.empty((size, width))

    def _blocks(self, index, root):
        """Yield rows (x, 1, y), shifted, times the roots of their weights."""
        one = self.X.shape[1]
        for start in range(0, len(index), len(self.buffer)):
            own = index[start : start + len(self.buffer)]
            block = self.buffer[: len(own)]
            np.subtract(self.X[own], self.shift, out=block[:, :one])
            block[:, one] = 1.0
            np.subtract(self.y[own], self.y_shift, out=block[:, one + 1 :])
            if root is not None:
                block *= root[start : start + len(own), None]
            yield block

    def products(self):
        """Return the matrix of products of every atom."""
        width, one = self.buffer.shape[1], self.X.shape[1]
        # Products of outputs with each other are nobody's need.
        end = one + 1 if width - one > MANY_OUTPUTS else width
        product, matrices = np.empty((end, end)), []
        for index, root in self.parts:
            matrix = np.zeros((width, width))
            edge, corner = matrix[:end, end:], matrix[end:, end:]
            for block in self._blocks(index, root):
                left, right = block[:, :end], block[:, end:]
                matrix[:end, :end] += np.matmul(left.T, left, out=product)
                if end < width:
                    edge += left.T @ right
                    corner[np.diag_indices_from(corner)] += np.sum(right**2, axis=0)
            matrix[end:, :end] = edge.T
            matrices.append(matrix)
        return matrices

    def residuals(self, reference):
        """Yield the sums with the residuals of the reference for every atom."""
        one = self.X.shape[1]
        for index, root in self.parts:
            linear, square = 0.0, np.zeros(reference.shape[1])
            for block in self._blocks(index, root):
                residual = block[:, one + 1 :] - block[:, :one] @ reference
                linear = linear + block[:, : one + 1].T @ residual
                square += np.sum(residual**2, axis=0)
            yield linear, square
