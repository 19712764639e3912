"""Rows beyond memory as map and reduce: the contract, and rows in batches.

Work on the rows of a `RowSource` is a task for one block and a sum over the blocks.
Nothing else sees rows, so that the same tasks serve batches of one process and the
blocks of a cluster.
"""

from abc import ABC, abstractmethod
from functools import partial
from typing import NamedTuple

import numpy as np

from .even_blocks import even_blocks, rows_of_blocks
from .read_ahead import ReadAhead
from .reader import BatchReader


class Block(NamedTuple):
    """Consecutive rows. A task must not change them, nor keep views of them.

    Attributes
    ----------
    X : ndarray or CSR array of shape (b, n_features)
        float32 or float64, finite.
    y : ndarray of shape (b,) or (b, n_targets)
        As the user gave it: numbers (finite) or labels.
    weight : ndarray of shape (b,) or None
        Not negative.
    start : int
        Number of the first row, among all.
    number : int
        Number of the block, among all.
    key : ndarray of shape (b,) or None
        What `KeyFolds` divides, where it is no column of X.
    """

    X: object
    y: np.ndarray
    weight: np.ndarray | None
    start: int
    number: int
    key: np.ndarray | None = None

    @property
    def n_rows(self):
        """Number of rows, b."""
        return self.X.shape[0]


class Sums(NamedTuple):
    """Arrays or numbers that are added one by one: a result of a task.

    Attributes
    ----------
    parts : tuple
    """

    parts: tuple

    def plus(self, other):
        """Return the sum."""
        return Sums(tuple(a + b for a, b in zip(self.parts, other.parts, strict=True)))


class RowSource(ABC):
    """Rows in blocks, in one order, the same in every pass.

    Attributes
    ----------
    n_passes : int
        How often all rows have been read so far.
    n_samples : int or None
        None where it is not known before the end of the first pass.
    rounding : float
        Relative error of sums over rows, where it is that of single precision.
    watch : callable or None
        Called with the number of a pass, from one, and the number of rows that it is
        done with; after the last one with None instead of the latter.
    is_resident : bool
        Whether all rows are in the memory of one device.
    """

    is_resident = False
    n_passes = 0
    n_samples = None
    #: Relative error of sums over rows beyond that of double precision.
    rounding = 0.0
    watch = None

    @abstractmethod
    def first(self):
        """Return the first `Block`, for units and types; not a pass.

        Returns
        -------
        Block
            With at least one row.

        Raises
        ------
        ValueError
            If there is no row.
        """

    @property
    @abstractmethod
    def head(self):
        """X of the first rows as given, for names and dtypes of the columns."""

    @property
    @abstractmethod
    def dtype(self):
        """Precision of X, float32 or float64; final after the first pass."""

    @property
    def n_features(self):
        """Number of columns of X."""
        return self.first().X.shape[1]

    @property
    def is_one_block(self):
        """Whether the first block is known to have all rows."""
        return self.n_samples == self.first().n_rows

    @property
    def names(self):
        """Names of the columns of frames, a list, or None."""
        columns = getattr(self.head, "columns", None)
        return None if columns is None else list(columns)

    @abstractmethod
    def map_reduce(self, task, *args):
        """Return the sum of the results of a task for every block: one pass.

        Parameters
        ----------
        task : callable
            ``task(block, *args)``, a function of a module (so that it can be sent to
            other processes), whose result has a method ``plus(other)`` that returns the
            sum, associative, and changes neither.
        *args : object
            The same for every block.

        Returns
        -------
        object
            Of the type of the results.

        Raises
        ------
        ValueError
            If the rows are not numbers of one matrix, or not those of the first pass;
            the message names where.
        """

    def map_held_out(self, task, *args):
        """Return the sum of `map_reduce` for a task that uses only held-out rows.

        Parameters
        ----------
        task, *args
            As in `map_reduce`.

        Returns
        -------
        object
            Of the type of the results.
        """
        return self.map_reduce(task, *args)

    @abstractmethod
    def close(self):
        """End the reading of rows, where `first` has begun it."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class BatchSource(RowSource):
    """The rows of `Batches`, in blocks that do not depend on the sizes of the batches.

    The next batch is read and checked by a second thread while this one computes.

    Parameters
    ----------
    batches : Batches
    """

    def __init__(self, batches):
        self._batches, self._reader = batches, BatchReader(batches)
        self._is_stable = batches.is_stable
        # The pass that `first` began, and its first block.
        self._begun, self._first = None, None

    @property
    def n_samples(self):
        """Number of rows, or None."""
        return self._reader.n_samples

    @property
    def dtype(self):
        """Precision of the batches so far."""
        return self._reader.dtype

    @property
    def head(self):
        """X of the first batch, as given."""
        self.first()
        return self._reader.head

    @property
    def is_one_block(self):
        """Whether the first block is known to have all rows."""
        first = self.first()
        if self.n_samples is None:
            return first.n_rows < rows_of_blocks(first.X)
        return first.n_rows == self.n_samples

    def first(self):
        """Return the first block; the next pass continues from it."""
        if self._first is None:
            begun = self._begin()
            try:
                # Without a row the reader raises its own error.
                self._first = next(begun)
            except BaseException:
                begun.close()
                raise
            self._begun = begun
        return self._first

    def _begin(self):
        """Begin a pass."""
        # Without a reference to this object, whose end must end the reading.
        return ReadAhead(partial(_blocks, self._reader, self._is_stable))

    def map_reduce(self, task, *args):
        """Return the sum over the blocks, added in their order."""
        self.first()
        if self._begun is not None:
            blocks, self._begun = self._begun, None
            total = task(self._first, *args)
        else:
            blocks, total = self._begin(), None
        self.n_passes += 1
        try:
            for block in blocks:
                part = task(block, *args)
                total = part if total is None else total.plus(part)
                self._tell(block.start + block.n_rows)
                # Not held while the next one is waited for.
                del block, part
        finally:
            blocks.close()
        self._tell(None)
        return total

    def _tell(self, n_rows):
        """Report the progress of a pass."""
        if self.watch is not None:
            self.watch(self.n_passes, n_rows)

    def close(self):
        """End a pass that was begun but is not used."""
        if self._begun is not None:
            self._begun.close()
            self._begun, self._first = None, None


def _blocks(reader, is_stable):
    """Yield the blocks of a pass; runs in the thread that reads."""
    start = 0
    for number, (X, y, weight, key) in enumerate(even_blocks(reader, is_stable)):
        yield Block(X, y, weight, start, number, key)
        start += X.shape[0]
