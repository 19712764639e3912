"""The rows of a tensor as a `RowSource`: tasks on slices, and sums to the host."""

from typing import NamedTuple

import numpy as np

from ..folds.class_counts import classes_of_block
from ..limits import row_limits
from ..sampling import every_kth
from ..streams.hashed_sample import HashedSample, RowFacts
from ..streams.source import Block, RowSource
from .arrays import Home, fetched, to_host
from .memory import memory_advice

#: Relative error of sums over rows of a device without double precision.
SINGLE_ROUNDING = 1e-6

#: Rows that may come to the host even where there are hardly more.
LEAST_FIRST = 16


class TensorBlock(NamedTuple):
    """Consecutive rows of a tensor; tasks have their own form for it.

    Attributes
    ----------
    X : array of shape (b, n_features)
        Of the array API, where it lives.
    y : ndarray of shape (b,) or (b, n_targets)
    weight : ndarray of shape (b,) or None
    start, number : int
        As in `Block`.
    home : Home
    kept : dict
        What tasks keep of the block from pass to pass.
    key : None
    """

    X: object
    y: np.ndarray
    weight: np.ndarray | None
    start: int
    number: int
    home: Home
    kept: dict
    key: None = None

    @property
    def n_rows(self):
        """Number of rows, b."""
        return self.X.shape[0]


class TensorSource(RowSource):
    """The rows of an array of the array API, which stays where it is.

    A pass is a task per slice; the results are added where X lives, and only the sum
    comes to the host.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        float32 or float64, finite.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    sample_weight : ndarray of shape (n_samples,)
    """

    is_resident = True

    def __init__(self, X, y, sample_weight):
        self.home, self._X, self._y, self._weight = Home.of(X), X, y, sample_weight
        self.n_samples, self._first = X.shape[0], None
        self.rounding = SINGLE_ROUNDING if self.home.is_single else 0.0
        is_single = X.dtype == self.home.xp.float32
        self._dtype = np.dtype(np.float32 if is_single else np.float64)
        size = max(1, row_limits().tensor_entries // max(1, X.shape[1]))
        starts = range(0, self.n_samples, size)
        ends = (min(start + size, self.n_samples) for start in starts)
        self._slices = [(slice(*one), {}) for one in zip(starts, ends, strict=True)]

    @property
    def dtype(self):
        """Precision of X."""
        return self._dtype

    @property
    def n_features(self):
        """Number of columns of X."""
        return self._X.shape[1]

    @property
    def head(self):
        """The first row of X, on the host."""
        return self.first().X[:1]

    @property
    def is_one_block(self):
        """False: rows are not copied to the host."""
        return False

    def first(self):
        """Return a few rows, evenly spaced, as a `Block` of the host."""
        if self._first is None:
            limits = row_limits()
            most = limits.block_entries // max(1, self.n_features)
            # Of few rows some too, so that X as a whole stays where it is.
            most = min(limits.shift_rows, most, max(LEAST_FIRST, self.n_samples // 4))
            rows = every_kth(self.n_samples, max(1, most))
            X = to_host(self._X[rows, :])
            self._first = Block(X, self._y[rows], self._weight[rows], 0, 0)
        return self._first

    def some(self, index):
        """Return some rows of X on the host.

        Parameters
        ----------
        index : ndarray of int
        """
        return to_host(self.home.rows(self._X, index))

    def facts(self, rule, most, has_classes, first_row=0):
        """Return the `RowFacts` of all rows, whose sample alone comes to the host.

        Parameters
        ----------
        rule : FoldRule
        most : int
            Rows of the sample, but for those of rare classes.
        has_classes : bool
            Whether y has classes, of which some rows each are wanted.
        first_row : int, default=0
            Number of the first row.
        """
        columns = self._X, self._y, self._weight
        kinds = rule.kinds(TensorBlock(*columns, first_row, 0, self.home, {}))
        number = first_row + np.arange(self.n_samples)
        columns = self._y, self._weight, None, kinds, number
        whole = HashedSample(None, *columns, self.n_samples, most, has_classes)
        sample = whole.chosen()
        sample = sample._replace(X=self.some(sample.number - first_row))
        low, high, total = self.map_reduce(ends_of_block)[:3]
        block = Block(None, self._y, self._weight, 0, 0)
        counts = classes_of_block(block) if has_classes else None
        has_weight = bool(np.any(self._weight > 0))
        return RowFacts(sample, low, high, total, has_weight, counts)

    def map_reduce(self, task, *args):
        """Return the sum over slices, on the host."""
        total = None
        with memory_advice():
            for number, (rows, kept) in enumerate(self._slices):
                columns = self._X[rows, :], self._y[rows], self._weight[rows]
                block = TensorBlock(*columns, rows.start, number, self.home, kept)
                part = task(block, *args)
                total = part if total is None else total.plus(part)
            self.n_passes += 1
            return fetched(total)

    def close(self):
        """Do nothing: no pass continues between the calls."""


class _Ends(NamedTuple):
    """Smallest and largest entries of the columns, their sums, and their device."""

    low: object
    high: object
    total: object
    home: Home

    def plus(self, other):
        """Return those of both."""
        xp = self.home.xp
        return _Ends(
            xp.minimum(self.low, other.low),
            xp.maximum(self.high, other.high),
            self.total + other.total,
            self.home,
        )


def ends_of_block(block):
    """Return the `_Ends` of a `TensorBlock`: a task."""
    xp, X = block.home.xp, block.home.precise(block.X)
    total = block.home.total(xp.sum(X, axis=0))
    return _Ends(xp.min(X, axis=0), xp.max(X, axis=0), total, block.home)
