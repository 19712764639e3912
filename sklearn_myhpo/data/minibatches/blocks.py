"""The rows of one batch: a linear map, and derivatives of the loss of its rows.

Vectors are rows of arrays: (..., m) in the coordinates, (..., b) of the batch's rows.
So weights and adjoints of all splits are multiplied with the rows at once.
"""

import math

import numpy as np

#: Vectors up to which a batch of more than `SMALL_ENTRIES` is multiplied with one after
#: the other: the general product repacks large matrices of more than some hundred
#: columns first.
FEW_VECTORS, SMALL_ENTRIES = 3, 20_000


class DenseBlock:
    """Some rows in memory, the column of the intercept included.

    Parameters
    ----------
    matrix : ndarray of shape (b, m)
    """

    __slots__ = ("few", "matrix", "transposed")

    def __init__(self, matrix):
        self.matrix, self.transposed = matrix, matrix.T
        self.few = FEW_VECTORS if matrix.size > SMALL_ENTRIES else 0

    def forward(self, vectors):
        """Return the raw predictions (k, b) of weights (k, m)."""
        if len(vectors) > self.few:
            return vectors @ self.transposed
        return _one_by_one(self.matrix, vectors)

    def adjoint(self, values):
        """Return the products (k, m) of values (k, b) with the columns."""
        if len(values) > self.few:
            return values @ self.matrix
        return _one_by_one(self.transposed, values)

    def squares(self, weights):
        """Return sums (k, m) of the squares of the columns, weighted by (k, b)."""
        return weights @ np.square(self.matrix)


def _one_by_one(matrix, vectors):
    """Return the products (k, n) of a matrix (n, m) with vectors (k, m)."""
    out = np.empty((len(vectors), len(matrix)))
    for vector, image in zip(vectors, out, strict=True):
        np.dot(matrix, vector, out=image)
    return out


class SparseBlock:
    """Some sparse rows, centred in the products.

    Parameters
    ----------
    rows : SparseDesign
    """

    __slots__ = ("X", "rows", "shift")

    def __init__(self, rows):
        self.rows, self.X, shift = rows, rows.X, rows.shift
        if rows.scale is not None:
            self.X, shift = self.X * rows.scale, shift * rows.scale
        self.shift = shift if rows.fit_intercept else None

    def forward(self, vectors):
        """Return the raw predictions (k, b) of weights (k, m)."""
        if self.shift is None:
            return (self.X @ vectors.T).T
        w = vectors.T
        return (self.X @ w[:-1] + (w[-1] - self.shift @ w[:-1])).T

    def adjoint(self, values):
        """Return the products (k, m) of values (k, b) with the columns."""
        if self.shift is None:
            return (self.X.T @ values.T).T
        total = values.sum(axis=1, keepdims=True)
        return np.hstack([(self.X.T @ values.T).T - total * self.shift, total])

    def squares(self, weights):
        """Return sums (k, m) of the squares of the columns, weighted by (k, b)."""
        return self.rows.squares(weights.T).T


class DesignBlock:
    """The rows of a design, however many.

    Parameters
    ----------
    rows : Design
    """

    __slots__ = ("rows",)

    def __init__(self, rows):
        self.rows = rows

    def forward(self, vectors):
        """Return the raw predictions (k, b) of weights (k, m)."""
        return self.rows.forward(np.ascontiguousarray(vectors.T)).T

    def adjoint(self, values):
        """Return the products (k, m) of values (k, b) with the columns."""
        return self.rows.adjoint(np.ascontiguousarray(values.T)).T


class Batch:
    """Some rows with their targets and their weights in the parts of every split.

    Parameters
    ----------
    loss : Loss
    n_outputs : int
    place : slice
        The rows, in the order of all batches.
    block : DenseBlock, SparseBlock or DesignBlock
    target : ndarray
        Of every row, for every split again.
    train, held_out : ndarray of shape (n_splits, 1, b)
        Weights of the rows.
    """

    __slots__ = (
        *("loss", "n_outputs", "place", "block", "target", "train", "held_out"),
        "tiled",
    )

    def __init__(self, loss, n_outputs, place, block, target, train, held_out):
        self.loss, self.n_outputs, self.place = loss, n_outputs, place
        self.block, self.target = block, target
        self.train, self.held_out = train, held_out
        # Targets for several places, by their number.
        self.tiled = {}

    def at(self, lambda_):
        """Return the batch with the weights of rows at lambda: here, itself."""
        return self

    def pull(self, scalars, raw, factor):
        """Return None: no weights of rows are learned."""
        return None

    def forward(self, vectors):
        """Return the raw predictions (..., b) of vectors (..., m)."""
        flat = vectors.reshape(-1, vectors.shape[-1])
        return self.block.forward(flat).reshape(*vectors.shape[:-1], -1)

    def adjoint(self, values):
        """Return the sums (..., m) over the rows, times values (..., b)."""
        flat = values.reshape(-1, values.shape[-1])
        return self.block.adjoint(flat).reshape(*values.shape[:-1], -1)

    def _flat(self, raw):
        """Return values (..., n_outputs, b) with a row per place, split and row."""
        if self.n_outputs == 1:
            return raw.reshape(-1, 1)
        return raw.swapaxes(-1, -2).reshape(-1, self.n_outputs)

    def _back(self, flat, raw):
        """Undo `_flat`, for values shaped as `raw`."""
        if self.n_outputs == 1:
            return flat.reshape(raw.shape)
        *others, n_outputs, size = raw.shape
        return flat.reshape(*others, size, n_outputs).swapaxes(-1, -2)

    def _target_of(self, raw):
        """Return the target of every row of `_flat`."""
        n_places = math.prod(raw.shape[:-3])
        if n_places == 1:
            return self.target
        if n_places not in self.tiled:
            repeats = (n_places,) + (1,) * (self.target.ndim - 1)
            self.tiled[n_places] = np.tile(self.target, repeats)
        return self.tiled[n_places]

    def slopes(self, raw):
        """Return the derivatives of the loss in raw (..., n_splits, n_outputs, b)."""
        flat = self.loss.gradient(self._target_of(raw), self._flat(raw))
        return self._back(flat, raw)

    def slopes_and_bent(self, raw, along):
        """Return the derivatives, and the second ones times a move of the raw."""
        given = self._target_of(raw), self._flat(raw)
        slopes, curvature = self.loss.gradient_and_curvature(*given)
        if self.n_outputs == 1:
            return slopes.reshape(raw.shape), curvature.reshape(raw.shape) * along
        bent = np.matmul(curvature, self._flat(along)[..., None])[..., 0]
        return self._back(slopes, raw), self._back(bent, raw)

    def values(self, raw):
        """Return the loss of every row, (..., n_splits, b)."""
        value = self.loss.value(self._target_of(raw), self._flat(raw))
        return value.reshape(*raw.shape[:-2], -1)

    def scalars(self, raw):
        """Return the factors of the rows in the gradients of both problems.

        Parameters
        ----------
        raw : ndarray of shape (2, ..., n_splits, n_outputs, b)
            Raw predictions of weights, and of adjoints; at several places, if there is
            one more axis.

        Returns
        -------
        ndarray shaped as `raw`
            For the gradients of the mean training losses; and for the Hessian of the
            mean training losses times the adjoints minus the gradients of L_V.
        """
        slopes, bent = self.slopes_and_bent(raw[0], raw[1])
        out = np.empty_like(raw)
        np.multiply(self.train, slopes, out=out[0])
        np.multiply(self.train, bent, out=out[1])
        out[1] -= self.held_out * slopes
        return out

    def all_scalars(self, raw):
        """Return `scalars`, and the factors in the gradients of L_V as a third."""
        slopes, bent = self.slopes_and_bent(raw[0], raw[1])
        held_out = self.held_out * slopes
        return np.stack([self.train * slopes, self.train * bent - held_out, held_out])
