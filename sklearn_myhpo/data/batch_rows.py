"""Facts of the first pass over batches, and the check that later ones agree.

The first pass counts rows, keeps y, the weights and a checksum per batch, and refuses
what is not a matrix of finite numbers.
"""

from functools import cached_property

import numpy as np
from scipy import sparse

from .._messages import shown
from .batch_checks import (
    Checksum,
    as_column,
    as_dense,
    as_numbers,
    changed_source,
    check_finite,
    equal_columns,
    names_of_columns,
)
from .batch_source import check_batch
from .limits import row_limits

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
        self.batches, self.head, self._names = batches, None, None
        self._checksums, self.dtype = [], np.dtype(np.float32)
        self._n_before = batches.n_passes
        self.low = self.high = None
        thinned = ThinnedRows()
        targets, weights = [], []
        for number, batch in enumerate(batches):
            X = self._first(batch, number)
            thinned.add(X)
            targets.append(as_column("y", batch[1], X, f"batch {number}", targets))
            own = batch[2] if len(batch) > 2 else None
            if number and (own is None) != (weights[0] is None):
                raise ValueError(
                    "Either all batches or none must have a sample_weight: batch "
                    f"{number} differs from the first."
                )
            if own is not None:
                where = f"batch {number}"
                own = as_column("sample_weight", own, X, where, weights)
            weights.append(own)
        n_samples = sum(one.n_rows for one in self._checksums)
        if n_samples < 2:
            raise ValueError(
                f"Batches must yield two rows or more in a pass. Got {n_samples} in "
                f"{len(targets)} batches."
            )
        self.shape, self.sample = (n_samples, len(self.low)), thinned.rows
        self.y = _joined("y", targets)
        has_weights = weights[0] is not None
        self.sample_weight = _joined("sample_weight", weights) if has_weights else None

    def __iter__(self):
        """Yield X of the batches, dense or CSR, after the check of their checksums."""
        number, start = -1, 0
        for number, batch in enumerate(self.batches):
            if number == len(self._checksums):
                raise changed_source("more batches than the first pass", number)
            check_batch(batch, number)
            X = as_numbers(batch[0], f"batch {number}")
            found, known = Checksum.of(X), self._checksums[number]
            own = slice(start, start := start + X.shape[0])
            is_same = X.shape[1] == self.shape[1] and found.equals(known, X.dtype)
            if not (is_same and self._has_same_columns(batch, own)):
                raise changed_source("other rows than in the first pass", number)
            if X.shape[0]:
                yield X
        if number + 1 < len(self._checksums):
            raise changed_source("no more batches, unlike the first pass", number + 1)

    def _has_same_columns(self, batch, rows):
        """Whether y and the weights of a batch are those of the first pass."""
        known = [self.y] if self.sample_weight is None else [self.y, self.sample_weight]
        return all(
            equal_columns(np.asarray(own), values[rows])
            for own, values in zip(batch[1:], known, strict=False)
        )

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

    def _first(self, batch, number):
        """Return X of a batch of the first pass, and keep its facts."""
        check_batch(batch, number)
        if batch[1] is None:
            raise ValueError(f"y of batch {number} is missing. Got None.")
        names = names_of_columns(batch[0])
        if self.head is None:
            self.head, self._names = batch[0], names
        elif names != self._names:
            raise ValueError(
                f"X of batch {number} must have the columns of the first batch, "
                f"{shown(self._names)}, in this order. Got {shown(names)}."
            )
        X = as_numbers(batch[0], f"batch {number}")
        if self.low is not None and X.shape[1] != len(self.low):
            raise ValueError(
                f"X of batch {number} must have {len(self.low)} features, as the first "
                f"batch. Got {X.shape[1]}."
            )
        check_finite("X", X, f"batch {number}")
        self.dtype = np.promote_types(self.dtype, X.dtype)
        self._checksums.append(Checksum.of(X))
        if not X.shape[0]:
            ends = np.full(X.shape[1], np.inf), np.full(X.shape[1], -np.inf)
        elif sparse.issparse(X):
            ends = (one(axis=0).toarray().ravel() for one in (X.min, X.max))
        else:
            ends = X.min(axis=0), X.max(axis=0)
        low, high = (np.asarray(one, dtype=np.float64) for one in ends)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)
        return X


def _joined(name, parts):
    """Return the rows of all batches; of those without rows nothing."""
    return np.concatenate([part for part in parts if len(part)])
