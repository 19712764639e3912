"""Facts of the first pass over batches, and the check that later ones agree.

The first pass counts rows, keeps y, the weights and a checksum per batch, and refuses
what is not a matrix of finite numbers.
"""

from functools import cached_property

import numpy as np
from scipy import sparse

from ..limits import row_limits
from .checks import as_dense
from .reader import BatchReader

#: Rows of the sample that the first pass keeps.
SAMPLE_ROWS = 1024


class ThinnedRows:
    """Every k-th row of a matrix of unknown length, k a power of two.

    Attributes
    ----------
    rows : ndarray of shape (n_rows, n_features)
        From `SAMPLE_ROWS` to twice as many, or all; fewer of very many features.
    """

    def __init__(self):
        self._parts, self._step, self._n_seen, self._n_kept = [], 1, 0, 0

    def add(self, X):
        """Add rows, dense or sparse, that follow those before."""
        own = X[-self._n_seen % self._step :: self._step]
        # Copied: a view would keep the batch.
        self._parts.append(np.array(as_dense(own), dtype=np.float64))
        self._n_seen += X.shape[0]
        self._n_kept += own.shape[0]
        most = min(2 * SAMPLE_ROWS, row_limits().block_entries // X.shape[1])
        while self._n_kept > max(1, most):
            self._parts = [self.rows[::2]]
            self._step, self._n_kept = 2 * self._step, len(self._parts[0])

    @property
    def rows(self):
        """The rows so far."""
        return np.concatenate(self._parts)


class BatchRows:
    """The rows of a `Batches`, numbers of finite size, the same in every pass.

    Parameters
    ----------
    batches : Batches
        Read once here.

    Attributes
    ----------
    shape : (int, int)
        Numbers of rows and features.
    dtype : dtype
        Precision of all batches.
    head : array-like, sparse matrix or frame
        X of the first batch, as it came, for names and dtypes of the columns.
    y : ndarray of shape (n_samples, ...)
    sample_weight : ndarray of shape (n_samples,) or None
    low, high : ndarray of shape (n_features,)
        Least and largest entry of every column.
    sample : ndarray of shape (n_sample, n_features)
        Some of the rows, evenly spaced.

    Raises
    ------
    ValueError
        If the batches are not rows of one matrix; the message names batch and row.
    """

    #: Folds of the rows where a rule has made them, else None.
    labels = None

    def __init__(self, batches):
        self.batches, self._reader = batches, BatchReader(batches)
        self._n_before = batches.n_passes
        self.low = self.high = None
        thinned = ThinnedRows()
        targets, weights = [], []
        for rows in self._reader:
            self._extend_range(rows.X)
            thinned.add(rows.X)
            targets.append(rows.y)
            weights.append(rows.weight)
        self.head, self.dtype = self._reader.head, self._reader.dtype
        self.shape = self._reader.n_samples, len(self.low)
        self.sample = thinned.rows
        self.y = _joined(targets)
        self.sample_weight = None if weights[0] is None else _joined(weights)

    def __iter__(self):
        """Yield X of the batches, dense or CSR, after the check of their checksums."""
        for rows in self._reader:
            if rows.X.shape[0]:
                yield rows.X

    @property
    def n_passes(self):
        """How often the rows have been read."""
        return self.batches.n_passes - self._n_before

    @property
    def are_few(self):
        """Whether all rows fit in a block of the limits in force."""
        return self.shape[0] * self.shape[1] <= row_limits().block_entries

    @cached_property
    def kept(self):
        """All rows, shape (n_samples, n_features), read in one pass: for few rows."""
        return np.concatenate([as_dense(batch) for batch in self], dtype=np.float64)

    def _extend_range(self, X):
        """Take the least and largest entries of the columns of a batch in."""
        if not X.shape[0]:
            ends = np.full(X.shape[1], np.inf), np.full(X.shape[1], -np.inf)
        elif sparse.issparse(X):
            ends = (one(axis=0).toarray().ravel() for one in (X.min, X.max))
        else:
            ends = X.min(axis=0), X.max(axis=0)
        low, high = (np.asarray(one, dtype=np.float64) for one in ends)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)


def _joined(parts):
    """Return the rows of all batches; of those without rows nothing."""
    return np.concatenate([part for part in parts if len(part)])
