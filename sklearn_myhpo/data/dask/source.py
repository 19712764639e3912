"""Rows in arrays and frames of Dask: a task per block, and the sum of the results."""

from itertools import accumulate

import numpy as np

from ..streams.block_checks import RowForm, check_rows
from ..streams.source import RowSource
from .blocks import DaskColumns, aligned, sizes_of
from .graph import BlockGraph
from .tasks import (
    BlockPlace,
    SharedWork,
    add,
    block_of,
    count,
    first_rows,
    join,
    work_on,
)

#: Largest number of features, since one machine holds matrices of all their pairs.
MOST_DASK_FEATURES = 20_000
#: Maximum numbers of rows and of entries of the first block that are sent to the
#: caller, for units and types.
FIRST_ROWS, FIRST_ENTRIES = 2048, 2**22
#: Number of results that one task adds; only two if a matrix of all pairs of features
#: has more than these bytes, since a worker holds all that it adds.
ADDED, LARGE_MATRIX = 8, 2**24


class DaskSource(RowSource):
    """The rows of Dask collections; a pass is one task per block and a tree of sums.

    The scheduler is the one that is current: threads, processes or a cluster.

    Parameters
    ----------
    X : dask.array.Array of shape (n_samples, n_features) or dask.dataframe.DataFrame
        Blocks of whole rows, dense or of `scipy.sparse`.
    y : dask.array.Array, dask.dataframe.Series or dask.dataframe.DataFrame
    sample_weight, groups : dask.array.Array or dask.dataframe.Series, default=None

    Attributes
    ----------
    n_blocks : int

    Raises
    ------
    TypeError, ValueError
        If the collections do not fit together, or have too many features.
    """

    def __init__(self, X, y, sample_weight=None, groups=None):
        columns = aligned(DaskColumns(X, y, sample_weight, groups))
        self._n_features = columns.X.shape[1]
        check_n_features(self._n_features)
        self._dtype = np.dtype(np.float32)
        self._graph, self._sizes = BlockGraph(columns), sizes_of(columns.X)
        self._first = self._head = self._form = self._known = None
        self.n_blocks, self.n_passes = self._graph.n_blocks, 0

    @property
    def n_features(self):
        """Number of columns of X."""
        return self._n_features

    @property
    def dtype(self):
        """Precision of the blocks of X read so far."""
        self.first()
        return self._dtype

    @property
    def n_samples(self):
        """Number of rows; if Dask does not know it, y is read to count them."""
        return sum(self._counted())

    def _counted(self):
        """Return the numbers of rows of all blocks."""
        if self._sizes is None:
            places = range(self.n_blocks)
            self._sizes = self._graph.sum_of_blocks(count, places, join, wanted=[1])
        if sum(self._sizes) < 2:
            raise ValueError(f"X must have two rows or more. Got {sum(self._sizes)}.")
        return self._sizes

    @property
    def head(self):
        """X of the first rows, as given."""
        self.first()
        return self._head

    def first(self):
        """Return the first rows of the first block that has some."""
        n_rows = max(2, min(FIRST_ROWS, FIRST_ENTRIES // max(1, self.n_features)))
        for number in range(self.n_blocks if self._first is None else 0):
            if self._sizes is not None and not self._sizes[number]:
                continue
            found = self._graph.of_block(first_rows, number, n_rows, f"block {number}")
            if found[0].shape[0]:
                self._form = RowForm.of(found, f"block {number}")
                rows, facts = check_rows(found, f"block {number}", self._form)
                self._head, self._dtype = found[0], facts.dtype
                self._first = block_of(rows, 0, number)
                break
        if self._first is None:
            raise ValueError("X must have two rows or more. Got none.")
        return self._first

    def map_reduce(self, task, *args):
        """Return the sum over the blocks."""
        self.first()
        sizes, known = self._counted(), self._known or {}
        starts = accumulate(sizes, initial=0)
        places = (
            BlockPlace(number, start, size, known.get(number))
            for number, (start, size) in enumerate(zip(starts, sizes, strict=False))
        )
        matrix, watch = 8 * self.n_features**2, None
        if self.watch is not None:

            def watch(done):
                self.watch(self.n_passes + 1, sum(sizes[one] for one in done))

        found = self._graph.sum_of_blocks(
            work_on,
            places,
            add,
            shared=SharedWork(task, args, self._form),
            n_added=2 if matrix > LARGE_MATRIX else ADDED,
            watch=watch,
        )
        self.n_passes += 1
        if watch is not None:
            self.watch(self.n_passes, None)
        if self._known is None:
            self._known = found.facts
            for facts in found.facts.values():
                self._dtype = np.promote_types(self._dtype, facts.dtype)
        return found.total

    def close(self):
        """Do nothing, since no pass stays open between calls."""


def check_n_features(n_features):
    """Raise a ValueError where matrices of all pairs of features are too large."""
    if n_features > MOST_DASK_FEATURES:
        raise ValueError(
            f"X has {n_features} features. One matrix of all their pairs takes "
            f"{8e-9 * n_features**2:.1f} GB, and a fit to rows from Dask holds one for "
            "every fold, and others, on the machine that calls it. It takes at most "
            f"{MOST_DASK_FEATURES} features. Leave some out, make fewer of them block "
            "by block as sklearn.random_projection does, or fit to rows in memory."
        )
