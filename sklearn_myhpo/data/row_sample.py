"""A sample of rows of unknown number, evenly spaced: the sum of those of blocks."""

from typing import NamedTuple

import numpy as np

from .batch_checks import as_dense


class RowSample(NamedTuple):
    """The rows whose number is a multiple of a step.

    Attributes
    ----------
    step : int
        A given one times a power of two.
    most : int
        Rows beyond which the step is doubled.
    number : ndarray of int of shape (n_rows,)
        Numbers of the rows, not sorted.
    label : ndarray of int of shape (n_rows,)
        The split that holds them out; -1 for none.
    X : ndarray of shape (n_rows, n_features)
    y : ndarray of shape (n_rows, n_targets)
    weight : ndarray of shape (n_rows,)
    """

    step: int
    most: int
    number: np.ndarray
    label: np.ndarray
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray

    def __len__(self):
        return len(self.number)

    def plus(self, other):
        """Return the sample of the rows of both."""
        step = max(self.step, other.step)
        parts = [one._thinned(step) for one in (self, other)]
        columns = [
            np.concatenate(pair)
            for pair in zip(*(one[2:] for one in parts), strict=True)
        ]
        both = RowSample(step, self.most, *columns)
        while len(both.number) > self.most:
            both = both._thinned(2 * both.step)
        return both

    def sorted(self):
        """Return the same rows in their order."""
        order = np.argsort(self.number)
        return RowSample(self.step, self.most, *(one[order] for one in self[2:]))

    def _thinned(self, step):
        """Return the rows of a larger step."""
        if step == self.step:
            return self
        kept = self.number % step == 0
        return RowSample(step, self.most, *(one[kept] for one in self[2:]))


def sample_block(block, labels, step, most):
    """Return the `RowSample` of a block.

    Parameters
    ----------
    block : Block
    labels : ndarray of int of shape (b,)
    step, most : int

    Returns
    -------
    RowSample
    """
    own = slice(-block.start % step, None, step)
    number = np.arange(block.start, block.start + block.n_rows)[own]
    # Copied: a view would keep the block.
    X = np.array(as_dense(block.X[own]))
    y = np.array(block.y[own], dtype=np.float64).reshape(len(number), -1)
    weight = np.ones(len(number))
    if block.weight is not None:
        weight = np.array(block.weight[own], dtype=np.float64)
    return RowSample(step, most, number, labels[own], X, y, weight)
