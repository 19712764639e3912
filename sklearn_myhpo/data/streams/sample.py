"""A sample of rows of unknown number, evenly spaced: the sum of those of blocks."""

from typing import NamedTuple

import numpy as np

from .checks import as_dense

#: Parts of a sample from which they are joined.
MOST_PARTS = 32


class SampledRows(NamedTuple):
    """Some rows.

    Attributes
    ----------
    number : ndarray of int of shape (n_rows,)
        Numbers of the rows among all.
    kind : ndarray of int of shape (n_rows, n_families)
        Their kinds, as in `FoldUses`.
    X : ndarray of shape (n_rows, n_features)
    y : ndarray of shape (n_rows, n_targets)
    weight : ndarray of shape (n_rows,)
    """

    number: np.ndarray
    kind: np.ndarray
    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray

    def __len__(self):
        return len(self.number)

    def take(self, index):
        """Return the rows of an index or a mask."""
        return SampledRows(*(column[index] for column in self))


class RowSample(NamedTuple):
    """The rows whose number is a multiple of a step.

    Attributes
    ----------
    step : int
        A given one times a power of two.
    most : int
        Rows beyond which the step is doubled.
    parts : tuple of SampledRows
        The rows, in some parts: to join them for every block would cost more than the
        rest, and so would the sums over many parts.
    """

    step: int
    most: int
    parts: tuple

    @property
    def n_rows(self):
        """Number of rows."""
        return sum(len(part.number) for part in self.parts)

    def plus(self, other):
        """Return the sample of the rows of both."""
        step = max(self.step, other.step)
        parts = self._thinned(step).parts + other._thinned(step).parts
        both = RowSample(step, self.most, parts)
        if len(parts) > MOST_PARTS or (len(parts) > 1 and both.n_rows > self.most):
            both = both._replace(parts=(both.joined(),))
        while both.n_rows > self.most:
            both = both._thinned(2 * both.step)
        return both

    def joined(self):
        """Return the `SampledRows` in their order."""
        columns = map(np.concatenate, zip(*self.parts, strict=True))
        rows = SampledRows(*columns)
        return rows.take(np.argsort(rows.number, kind="stable"))

    def _thinned(self, step):
        """Return the rows of a larger step."""
        if step == self.step:
            return self
        parts = tuple(part.take(part.number % step == 0) for part in self.parts)
        return RowSample(step, self.most, parts)


def sample_block(block, kinds, step, most):
    """Return the `RowSample` of a block.

    Parameters
    ----------
    block : Block
    kinds : ndarray of int of shape (b, n_families)
    step, most : int

    Returns
    -------
    RowSample
    """
    while block.n_rows > most * step:
        step *= 2
    first = -block.start % step
    number = block.start + np.arange(first, block.n_rows, step)
    own = slice(first, None, step)
    # All copied: a view would keep the block.
    X = np.array(as_dense(block.X[own]))
    y = np.array(block.y[own], dtype=np.float64)
    weight = np.ones(len(number))
    if block.weight is not None:
        weight = np.array(block.weight[own], dtype=np.float64)
    if not len(number):
        return RowSample(step, most, ())
    rows = SampledRows(number, kinds[own].copy(), X, y.reshape(len(y), -1), weight)
    return RowSample(step, most, (rows,))
