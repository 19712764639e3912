"""Blocks of rows: their sizes, and the rows of a block that belong together."""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from .limits import row_limits

#: A run of rows of one label is long from this share of a block, one over it.
LONG_RUN = 8


def slices(n_rows, entries_per_row, least_rows=1, *, cached=False):
    """Yield slices of rows of bounded size.

    Parameters
    ----------
    n_rows : int
    entries_per_row : int
        Numbers that are computed per row.
    least_rows : int, default=1
        Minimum number of rows of a slice.
    cached : bool, default=False
        Whether the numbers should fit in a cache.
    """
    limits = row_limits()
    most = limits.cached_entries if cached else limits.block_entries
    size = max(1, least_rows, most // max(1, entries_per_row))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def cached_block(entries_per_row, least_rows=1):
    """Return the parameters of `Design.blocks` for blocks that fit in a cache.

    Parameters
    ----------
    entries_per_row : int
        Numbers that are computed per row.
    least_rows : int, default=1

    Returns
    -------
    entries_per_row, least_rows : int
    """
    limits = row_limits()
    share = max(1, limits.block_entries // limits.cached_entries)
    return entries_per_row * share, least_rows


def as_slice(index):
    """Return an increasing index as a slice if its rows are neighbours."""
    if len(index) and index[-1] - index[0] + 1 == len(index):
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def gram_block(size, n_parts=1):
    """Return the parameters of `Design.blocks` for a sum of Gram matrices.

    A block has few enough rows to fit in a cache, and enough rows that adding up its
    Gram matrices costs little.

    Parameters
    ----------
    size : int
        Side of a Gram matrix.
    n_parts : int, default=1
        Parts of the rows with a matrix each.

    Returns
    -------
    entries_per_row, least_rows : int
    """
    limits = row_limits()
    most = limits.block_entries // size
    rows = max(min(limits.gram_rows, most), min(size, 4 * most), 1) * n_parts
    return max(1, limits.block_entries // rows), rows


def interleaved(grams):
    """Return matrices (..., m k, m k) of Gram matrices (..., k (k + 1) / 2, m, m).

    Their blocks of k rows and columns belong to one pair of coordinates.
    """
    *others, n_pairs, size, _ = grams.shape
    if n_pairs == 1:
        return grams[..., 0, :, :]
    k = int(np.sqrt(2 * n_pairs))
    blocks = np.empty((*others, size, k, size, k))
    for pair, (a, b) in enumerate(zip(*lower_triangle(k), strict=True)):
        own = grams[..., pair, :, :]
        blocks[..., a, :, b] = blocks[..., b, :, a] = own
    return blocks.reshape(*others, size * k, size * k)


@lru_cache(maxsize=32)
def lower_triangle(k):
    """Return the indices of the lower triangle of a matrix (k, k), row by row."""
    return np.tril_indices(k)


def long_runs(labels, least):
    """Return the runs of one label, of a least length, and the other rows.

    Stratified folds of rows in any order have long runs, and a few rows between them.

    Parameters
    ----------
    labels : ndarray of int of shape (n_rows,)
    least : int
        Rows of the shortest long run.

    Returns
    -------
    runs : list of (int, int)
        First row, and end, of every long run.
    others : ndarray of int
        Rows in no long run, in the order of their labels.
    """
    ends = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    starts, stops = np.append(0, ends), np.append(ends, len(labels))
    is_long = stops - starts >= least
    others = np.empty(0, dtype=np.intp)
    if not is_long.all():
        others = np.flatnonzero(np.repeat(~is_long, stops - starts))
        others = others[np.argsort(labels[others], kind="stable")]
    runs = zip(starts[is_long].tolist(), stops[is_long].tolist(), strict=True)
    return list(runs), others


def runs_by_label(labels):
    """Yield (label, rows) of a block: slices for long runs, indices for other rows.

    The order of the rows depends on the block, and with it the rounding of sums.
    """
    if not len(labels):
        return
    runs, others = long_runs(labels, -(-len(labels) // LONG_RUN))
    for start, stop in runs:
        yield labels[start], slice(start, stop)
    for index in one_label_each(others, labels):
        yield labels[index[0]], index


def one_label_each(index, labels):
    """Return the parts of an index, in the order of labels, that have one label."""
    if not len(index):
        return []
    return np.split(index, np.flatnonzero(np.diff(labels[index])) + 1)


def rows_by_label(labels, n_labels):
    """Yield (label, rows) of a block, a slice where the rows are neighbours."""
    if not len(labels):
        return
    steps = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    if len(steps) < n_labels:
        # Rows of a label may still come in several runs.
        starts = np.concatenate([[0], steps, [len(labels)]])
        for start, stop in pairwise(starts):
            if labels[start] >= 0:
                yield int(labels[start]), slice(int(start), int(stop))
        return
    order = order_by_label(labels, n_labels)
    ends = np.searchsorted(labels[order], np.arange(n_labels + 1))
    for label, (start, stop) in enumerate(pairwise(ends)):
        if start < stop:
            yield label, order[start:stop]


def order_by_label(labels, n_labels):
    """Return the rows of labels below a number, sorted by label, shape (n_rows,)."""
    if labels.itemsize > 2 and n_labels < np.iinfo(np.int16).max:
        # Small numbers are sorted in time that is linear.
        labels = labels.astype(np.int16)
    return np.argsort(labels, kind="stable")


def sums_by_label(labels, values, n_labels):
    """Return the sums (n_labels,) of values (n_rows,) over the rows of every label.

    Neighbours of one label are added at once, which is several times faster.
    """
    starts = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    if len(labels) and len(starts) < n_labels:
        starts = np.append(0, starts)
        labels, values = labels[starts], np.add.reduceat(values, starts)
    return np.bincount(labels, values, minlength=n_labels)


def rows_in_use(used):
    """Yield (rows, columns) of a block: columns together unless they share few rows."""
    if 2 * np.count_nonzero(used) > used.size:
        # Selecting the rows would cost more than multiplying the others by zero.
        yield slice(None), slice(None)
        return
    index = np.flatnonzero(used.any(axis=1))
    if 2 * np.count_nonzero(used) > len(index) * used.shape[1]:
        yield index, slice(None)
        return
    for column in range(used.shape[1]):
        index = np.flatnonzero(used[:, column])
        if len(index):
            yield index, slice(column, column + 1)


def add_up(total, found):
    """Return the sum of two arrays, or of two tuples of arrays."""
    if isinstance(total, tuple):
        return tuple(map(np.add, total, found))
    return total + found


def add_all(found):
    """Return the sum of arrays, or of tuples of arrays; None if there are none."""
    total = None
    for one in found:
        total = one if total is None else add_up(total, one)
    return total


class Space:
    """A buffer that is reused for every block; fresh memory is slow at first access."""

    def __init__(self):
        self._array = np.empty((0, 0))

    def of(self, n_rows, n_columns):
        """Return an array of this shape, with any content."""
        if len(self._array) < n_rows or self._array.shape[1] != n_columns:
            self._array = np.empty((n_rows, n_columns))
        return self._array[:n_rows]


def rows_of_one(rows):
    """Return arrays (n,) as a matrix, which is not copied where they are its rows."""
    whole = rows[0].base
    shape = len(rows), len(rows[0])
    if isinstance(whole, np.ndarray) and whole.shape == shape:
        places = [own.__array_interface__["data"] for own in whole]
        if places == [row.__array_interface__["data"] for row in rows]:
            return whole
    return np.stack(rows)
