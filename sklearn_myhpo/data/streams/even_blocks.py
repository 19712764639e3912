"""Blocks of equal numbers of rows from batches of any."""

import numpy as np
from scipy import sparse

from ..limits import row_limits
from .checks import as_dense

#: Rows that a block has at least, unless they take more memory than this many blocks:
#: a sum of matrices d x d costs as much as the products of some hundred rows.
ROWS_OF_SUMS, MOST_BLOCKS = 2048, 8


def rows_of_blocks(X):
    """Return how many rows the blocks have, from some of the first rows.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n_rows, n_features)
        Of dense rows the number of features decides alone.

    Returns
    -------
    int
    """
    most, per_row = row_limits().block_entries, max(1, X.shape[1])
    if sparse.issparse(X):
        # A power of two, which does not depend on how many rows came first.
        per_row = 2 ** round(np.log2(max(1.0, X.nnz / max(1, X.shape[0]))))
    rows = max(1, most // per_row)
    return max(rows, min(ROWS_OF_SUMS, MOST_BLOCKS * most // per_row))


def even_blocks(batches, is_stable):
    """Yield the columns of blocks; all but the last have the same number of rows.

    Parameters
    ----------
    batches : iterable of tuple
        X, y, weights and keys of batches, None where there are none.
    is_stable : bool
        Whether the arrays of a batch stay as they are when the next is read, so that
        blocks may be views.

    Yields
    ------
    list
        X, y, weights and keys.
    """
    block, size = None, None
    for batch in batches:
        n_rows, start = batch[0].shape[0], 0
        if size is None and n_rows:
            size = rows_of_blocks(batch[0])
        while start < n_rows:
            if block is None:
                block = _Block(batch, size)
            stop = min(n_rows, start + block.n_missing)
            part = [None if one is None else one[start:stop] for one in batch]
            start = stop
            if is_stable and part[0].shape[0] == size:
                yield part
                continue
            block.add(part)
            if not block.n_missing:
                yield block.columns()
                block = None
    if block is not None and block.filled:
        yield block.columns()


class _Block:
    """Rows of one batch after the other, copied.

    Parameters
    ----------
    batch : tuple
        The columns of a batch.
    size : int
        Number of rows of a whole block.
    """

    def __init__(self, batch, size):
        self.size, self.filled, self._parts = size, 0, [[] for _ in batch]
        self._rows, self._n_features = None, batch[0].shape[1]
        self._is_sparse = sparse.issparse(batch[0])

    @property
    def n_missing(self):
        """Rows that would make the block whole."""
        return self.size - self.filled

    def add(self, part):
        """Add rows."""
        X, *others = part
        stop = self.filled + X.shape[0]
        if self._is_sparse:
            self._parts[0].append(sparse.csr_array(X))
        else:
            self._room(X.dtype)[self.filled : stop] = as_dense(X)
        for parts, one in zip(self._parts[1:], others, strict=True):
            if one is not None:
                parts.append(one)
        self.filled = stop

    def _room(self, dtype):
        """Return the array of the rows, in a precision that they all have."""
        if self._rows is None:
            self._rows = np.empty((self.size, self._n_features), dtype)
        elif np.promote_types(self._rows.dtype, dtype) != self._rows.dtype:
            # Of the rows so far alone: the others may be anything.
            before, shape = self._rows[: self.filled], self._rows.shape
            self._rows = np.empty(shape, np.float64)
            self._rows[: self.filled] = before
        return self._rows

    def columns(self):
        """Return the columns of the block."""
        if self._is_sparse:
            X = sparse.csr_array(sparse.vstack(self._parts[0], format="csr"))
        else:
            X = self._rows[: self.filled]
        others = [np.concatenate(one) if one else None for one in self._parts[1:]]
        return [X, *others]
