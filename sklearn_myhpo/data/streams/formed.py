"""Rows that are formed when a pass reads them, as blocks."""

from .even_blocks import rows_of_blocks
from .source import Block, RowSource


class FormedSource(RowSource):
    """The rows of a `FormedDesign`, with targets and weights that are in memory.

    Parameters
    ----------
    design : FormedDesign
    y : ndarray of shape (n_samples,)
    weight : ndarray of shape (n_samples,) or None
    """

    def __init__(self, design, y, weight=None):
        self._design, self._y, self._weight = design, y, weight
        self._size = rows_of_blocks(design.head)
        self._first = None

    @property
    def n_samples(self):
        """Number of rows."""
        return self._design.n_samples

    @property
    def n_features(self):
        """Number of columns."""
        return self._design.n_features

    @property
    def dtype(self):
        """Precision of the columns."""
        return self._design.dtype

    @property
    def head(self):
        """A few of the rows, with names of the columns."""
        return self._design.head

    def first(self):
        """Return the first block, which is kept."""
        if self._first is None:
            self._first = self._block(0)
        return self._first

    def _block(self, number):
        """Return a block, its rows formed anew."""
        start = number * self._size
        rows = slice(start, min(start + self._size, self.n_samples))
        weight = None if self._weight is None else self._weight[rows]
        X = self._design.take(rows).raw()
        return Block(X, self._y[rows], weight, start, number)

    def map_reduce(self, task, *args):
        """Return the sum over the blocks, added in their order."""
        self.n_passes += 1
        total = None
        for number in range(-(-self.n_samples // self._size)):
            block = self._block(number)
            part = task(block, *args)
            total = part if total is None else total.plus(part)
            if self.watch is not None:
                self.watch(self.n_passes, block.start + block.n_rows)
        if self.watch is not None:
            self.watch(self.n_passes, None)
        return total

    def close(self):
        """Do nothing: there is no reading ahead."""
