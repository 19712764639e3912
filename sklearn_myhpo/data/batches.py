"""Mini-batches of rows for stochastic solvers.

A batch holds training and validation rows of all splits alike, as every row has a
weight in every part. Its sums over rows times the number of batches are unbiased
estimates of gradients and Hessian products: their mean over all batches is exact.
"""

from typing import NamedTuple

import numpy as np

#: Least number of batches, if there are as many rows.
MIN_BATCHES = 10
#: Batches whose curvature is measured, and products with each.
MEASURED, BATCH_POWER_STEPS = 64, 8


def sample_batches(rng, n_samples, batch_size, strata=None):
    """Return random disjoint batches of nearly equal size that make up all rows.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of chance.
    n_samples : int
        Number of rows.
    batch_size : int
        Most rows of a batch; fewer where there would be less than ten batches.
    strata : ndarray of int of shape (n_samples,), optional
        Kinds of rows, of which every batch gets its share, up to a row or so.

    Returns
    -------
    list of ndarray of int
        Row indices, increasing in every batch.
    """
    n_batches = max(-(-n_samples // batch_size), min(n_samples, MIN_BATCHES))
    order = rng.permutation(n_samples)
    if strata is not None:
        # Row number r of s of a kind goes to about the r/s-th part of all.
        kinds, size = np.unique(strata[order], return_inverse=True, return_counts=True)[
            1:
        ]
        by_kind = np.argsort(kinds, kind="stable")
        place = np.empty(n_samples)
        place[by_kind] = np.arange(n_samples) - np.repeat(np.cumsum(size) - size, size)
        order = order[np.argsort((place + rng.random(n_samples)) / size[kinds])]
    return [np.sort(part) for part in np.array_split(order, n_batches)]


def strata_of(splits):
    """Return a number for each row that says of which parts it is, (n_samples,)."""
    strata = np.zeros(len(splits[0].y), dtype=np.intp)
    for split in splits:
        own = 2 * (split.train_weight > 0) + (split.validation_weight > 0)
        strata = np.unique(4 * strata + own, return_inverse=True)[1]
    return strata


class _DenseBlock:
    """Some rows in memory, the column of the intercept included."""

    def __init__(self, matrix):
        self.matrix = matrix

    def forward(self, w):
        """Return the raw predictions (n_rows, k) of weights (m, k)."""
        return self.matrix @ w

    def adjoint(self, values):
        """Return the products (m, k) of the columns with values (n_rows, k)."""
        return self.matrix.T @ values


class _SparseBlock:
    """Some sparse rows, centred in the products."""

    def __init__(self, rows):
        self.X, shift = rows.X, rows.shift
        if rows.scale is not None:
            self.X, shift = self.X * rows.scale, shift * rows.scale
        self.transposed = self.X.T
        self.shift = shift if rows.fit_intercept else None

    def forward(self, w):
        """Return the raw predictions (n_rows, k) of weights (m, k)."""
        if self.shift is None:
            return self.X @ w
        return self.X @ w[:-1] + (w[-1] - self.shift @ w[:-1])

    def adjoint(self, values):
        """Return the products (m, k) of the columns with values (n_rows, k)."""
        if self.shift is None:
            return self.transposed @ values
        total = values.sum(axis=0)
        core = self.transposed @ values - self.shift[:, None] * total
        return np.concatenate([core, total[None]])


class _Part(NamedTuple):
    """Targets and weights of a batch.

    Attributes
    ----------
    index : ndarray of shape (b,)
    target : ndarray
        Of every row, repeated for every split.
    train, held_out : ndarray of shape (b, n_splits, 1)
        Weights of the rows.
    """

    index: np.ndarray
    target: np.ndarray
    train: np.ndarray
    held_out: np.ndarray


class Pass(NamedTuple):
    """Sums over all rows at the weights and adjoints of every split.

    Attributes
    ----------
    gradients : ndarray of shape (m, 2, n_splits, n_outputs)
        Of the mean training losses; and of the adjoint problems, the Hessian of the
        mean training loss times the adjoint minus the gradient of L_V. No penalty.
    held_out : ndarray of shape (m, n_splits, n_outputs)
        Gradients of L_V.
    train_losses, validation_losses : ndarray of shape (n_splits,)
        The former without the penalty.
    scalars : ndarray of shape (n_samples, 2, n_splits, n_outputs)
        Derivatives in raw predictions, of which the gradients are sums over rows.
    """

    gradients: np.ndarray
    held_out: np.ndarray
    train_losses: np.ndarray
    validation_losses: np.ndarray
    scalars: np.ndarray


class RowBatches:
    """Derivatives of all splits on batches of rows, counted as parts of a pass.

    Weights and adjoints of all splits are columns of one array `z` of shape
    (m, 2, n_splits, n_outputs), so that a batch is multiplied with once.

    Parameters
    ----------
    splits : list of GLMSplit
        On the same rows.
    batches : list of ndarray
        Row indices, disjoint.
    """

    def __init__(self, splits, batches):
        first = splits[0]
        self.rows, self.loss, self.counts = first.rows, first.loss, first.counts
        self.n_splits, self.n_outputs = len(splits), first.n_outputs
        self.target = first.y
        self.train = np.stack([split.train_weight for split in splits], axis=1)[
            ..., None
        ]
        self.held_out = np.stack([split.validation_weight for split in splits], axis=1)[
            ..., None
        ]
        self._parts = [self._part(index) for index in batches]
        self._blocks = None
        if self.rows.is_sparse:
            self._blocks = [_SparseBlock(self.rows.take(one)) for one in batches]

    def __len__(self):
        return len(self._parts)

    def _part(self, index):
        target = np.repeat(self.target[index], self.n_splits, axis=0)
        return _Part(index, target, self.train[index], self.held_out[index])

    def index(self, number):
        """Return the rows of a batch."""
        return self._parts[number].index

    def block(self, number):
        """Return the rows of X of a batch as a linear map."""
        if self._blocks is not None:
            return self._blocks[number]
        return _DenseBlock(self.rows.take(self._parts[number].index).to_dense())

    def _forward(self, block, z):
        return block.forward(z.reshape(len(z), -1)).reshape(-1, *z.shape[1:])

    def sums(self, block, scalars):
        """Return the sums over the rows of a block, times the scalars."""
        flat = block.adjoint(scalars.reshape(len(scalars), -1))
        return flat.reshape(-1, *scalars.shape[1:])

    def _slopes(self, part, raw):
        """Return the derivative of the loss in raw predictions (b, n_splits, k)."""
        flat = raw.reshape(-1, self.n_outputs)
        return self.loss.gradient(part.target, flat).reshape(raw.shape)

    def _bent(self, part, raw, along):
        """Return the second derivative times a move of the raw predictions."""
        flat = raw.reshape(-1, self.n_outputs)
        curvature = self.loss.curvature(part.target, flat)
        if self.n_outputs == 1:
            return curvature.reshape(raw.shape) * along
        bent = np.matmul(curvature, along.reshape(*flat.shape, 1))
        return bent.reshape(raw.shape)

    def _scalars(self, part, raw):
        """Return the factors of the rows in the gradients of both problems."""
        slopes = self._slopes(part, raw[:, 0])
        out = np.empty_like(raw)
        out[:, 0] = part.train * slopes
        out[:, 1] = part.train * self._bent(part, raw[:, 0], raw[:, 1])
        out[:, 1] -= part.held_out * slopes
        return out

    def _count(self, *names):
        for name in names:
            value = getattr(self.counts, name) + self.n_splits / len(self)
            setattr(self.counts, name, value)

    def joint(self, number, z):
        """Return the block of a batch and its scalars for both problems."""
        self._count("n_train_gradients", "n_hessian_products", "n_validation_gradients")
        block = self.block(number)
        return block, self._scalars(self._parts[number], self._forward(block, z))

    def inner(self, number, w):
        """Return the gradient of the mean training losses on a batch."""
        self._count("n_train_gradients")
        block, part = self.block(number), self._parts[number]
        slopes = part.train * self._slopes(part, self._forward(block, w))
        return len(self) * self.sums(block, slopes)

    def curved(self, number, z):
        """Return the Hessian of the mean training losses times the adjoints."""
        self._count("n_hessian_products")
        block, part = self.block(number), self._parts[number]
        raw = self._forward(block, z)
        bent = part.train * self._bent(part, raw[:, 0], raw[:, 1])
        return len(self) * self.sums(block, bent)

    def outer(self, number, w):
        """Return the gradient of the validation losses on a batch."""
        self._count("n_validation_gradients")
        block, part = self.block(number), self._parts[number]
        slopes = part.held_out * self._slopes(part, self._forward(block, w))
        return len(self) * self.sums(block, slopes)

    def everything(self, z):
        """Return the `Pass` at weights and adjoints; X is read once."""
        for name in ("n_train_gradients", "n_hessian_products"):
            setattr(self.counts, name, getattr(self.counts, name) + self.n_splits)
        self.counts.n_validation_gradients += self.n_splits
        self.counts.n_values += 2 * self.n_splits
        gradients, held_out = np.zeros_like(z), np.zeros_like(z[:, 0])
        losses = np.zeros((2, self.n_splits))
        scalars = np.empty((self.rows.n_samples, *z.shape[1:]))
        for index, block in self.rows.blocks(self.rows.n_coordinates + z[0].size):
            part = self._part(index)
            raw = self._forward(block, z)
            scalars[index] = self._scalars(part, raw)
            gradients += self.sums(block, scalars[index])
            slopes = part.held_out * self._slopes(part, raw[:, 0])
            held_out += self.sums(block, slopes)
            value = self.loss.value(part.target, raw[:, 0].reshape(-1, self.n_outputs))
            value = value.reshape(-1, self.n_splits)
            losses[0] += np.sum(part.train[..., 0] * value, axis=0)
            losses[1] += np.sum(part.held_out[..., 0] * value, axis=0)
        return Pass(gradients, held_out, *losses, scalars)

    @property
    def _curvature_bound(self):
        return self.loss.curvature_bound("The solver 'stochastic'")

    def largest_moments(self):
        """Return the largest mean square of every coordinate on one batch, (m, 1).

        Means over training rows, times the bound of the loss's curvature.
        """
        largest = np.zeros((self.rows.n_coordinates, 1))
        for part in self._parts:
            rows = self.rows.take(part.index)
            moments = rows.squares(part.train[..., 0])
            np.maximum(largest, moments.max(axis=1, keepdims=True), out=largest)
        return self._curvature_bound * len(self) * largest

    def largest_curvature(self, scale):
        """Return the largest eigenvalue of the Hessian of a batch, by power steps.

        Parameters
        ----------
        scale : ndarray of shape (m, 1)
            Squares of the units in which the coordinates are measured.

        Returns
        -------
        float
            Over an even choice of the batches; that of the bound of the Hessian.
        """
        root, largest = np.sqrt(scale), 0.0
        numbers = np.linspace(0, len(self) - 1, min(len(self), MEASURED)).astype(int)
        for number in numbers:
            block, train = self.block(number), self._parts[number].train[..., 0]
            # A start that no symmetry of the data makes orthogonal to the answer.
            vector = root * block.adjoint(train * np.arange(1, len(train) + 1)[:, None])
            for _ in range(BATCH_POWER_STEPS):
                size = np.linalg.norm(vector, axis=0)
                vector = vector / np.where(size > 0, size, 1.0)
                image = block.forward(root * vector)
                vector = root * block.adjoint(train * image)
            largest = max(largest, np.linalg.norm(vector, axis=0).max())
        return float(self._curvature_bound * len(self) * largest)
