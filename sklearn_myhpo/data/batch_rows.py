"""Facts of the first pass over batches, and the check that later ones agree.

The first pass counts rows, keeps y, the weights and a checksum per batch, and refuses
what is not a matrix of finite numbers.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array

from .._messages import shown
from .batch_source import check_batch
from .blocks import slices
from .limits import row_limits

#: Difference of two checksums of the same rows, relative to their sizes, that may be
#: rounding, by the bytes of a number.
ROUNDING = {4: 1e-8, 8: 1e-11}


#: Rows of the sample that the first pass keeps.
SAMPLE_ROWS = 1024


class Checksum(NamedTuple):
    """Numbers that other rows, or the same in another order, would not have.

    Attributes
    ----------
    n_rows : int
    total : float
        Sum of all entries, each with a weight of its own.
    size : float
        Bound of `total` by the norms of its factors.
    """

    n_rows: int
    total: float
    size: float

    @classmethod
    def of(cls, X):
        """Return the checksum of rows, dense or sparse."""
        n_rows, n_features = X.shape
        with np.errstate(over="ignore", invalid="ignore"):
            columns, weights, sums = _weights(n_features), _weights(n_rows), []
            for rows in slices(n_rows, n_features, cached=True):
                # Single precision, a few rows at a time, in double.
                part = X[rows].astype(np.float64, copy=False)
                sums.append(part @ columns)
            sums = np.concatenate(sums) if sums else np.zeros(0)
            total = float(weights @ sums)
            size = float(np.linalg.norm(weights) * np.linalg.norm(sums))
        return cls(n_rows, total, size)

    def equals(self, other, dtype):
        """Whether two checksums are of the same rows, in a precision."""
        if self.n_rows != other.n_rows or not np.isfinite(other.size):
            # Entries too large for a sum are refused by the fit.
            return self.n_rows == other.n_rows
        rounding = ROUNDING[np.dtype(dtype).itemsize] * other.size
        return bool(abs(self.total - other.total) <= rounding)


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


def _weights(n):
    """Return n numbers from 1 to 2, no two alike: multiples of the golden ratio."""
    return 1.0 + (np.arange(1, n + 1) * ((np.sqrt(5.0) - 1.0) / 2.0)) % 1.0


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

    def __init__(self, batches):
        self.batches, self.head, self._names = batches, None, None
        self._checksums, self.dtype = [], np.dtype(np.float32)
        self.low = self.high = None
        thinned = ThinnedRows()
        targets, weights = [], []
        for number, batch in enumerate(batches):
            X = self._first(batch, number)
            thinned.add(X)
            targets.append(_column("y", batch[1], X, number, targets))
            own = batch[2] if len(batch) == 3 else None
            if number and (own is None) != (weights[0] is None):
                raise ValueError(
                    "Either all batches or none must have a sample_weight: batch "
                    f"{number} differs from the first."
                )
            if own is not None:
                own = _column("sample_weight", own, X, number, weights)
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
                raise _changed("more batches than the first pass", number)
            check_batch(batch, number)
            X = self._as_numbers(batch[0], number)
            found, known = Checksum.of(X), self._checksums[number]
            own = slice(start, start := start + X.shape[0])
            is_same = X.shape[1] == self.shape[1] and found.equals(known, X.dtype)
            if not (is_same and self._has_same_columns(batch, own)):
                raise _changed("other rows than in the first pass", number)
            if X.shape[0]:
                yield X
        if number + 1 < len(self._checksums):
            raise _changed("no more batches, unlike the first pass", number + 1)

    def _has_same_columns(self, batch, rows):
        """Whether y and the weights of a batch are those of the first pass."""
        known = [self.y] if self.sample_weight is None else [self.y, self.sample_weight]
        return all(
            _equal(np.asarray(own), values[rows])
            for own, values in zip(batch[1:], known, strict=False)
        )

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
        names = _names_of(batch[0])
        if self.head is None:
            self.head, self._names = batch[0], names
        elif names != self._names:
            raise ValueError(
                f"X of batch {number} must have the columns of the first batch, "
                f"{shown(self._names)}, in this order. Got {shown(names)}."
            )
        X = self._as_numbers(batch[0], number)
        if self.low is not None and X.shape[1] != len(self.low):
            raise ValueError(
                f"X of batch {number} must have {len(self.low)} features, as the first "
                f"batch. Got {X.shape[1]}."
            )
        _check_finite("X", X, number)
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

    @staticmethod
    def _as_numbers(X, number):
        """Return X of a batch as an array of floats, dense or CSR."""
        try:
            return check_array(
                X,
                accept_sparse="csr",
                dtype=(np.float64, np.float32),
                ensure_all_finite=False,
                ensure_min_samples=0,
            )
        except (TypeError, ValueError) as error:
            raise ValueError(f"X of batch {number}: {error}") from error


def as_dense(X):
    """Return rows as an ndarray, copied where they are sparse."""
    return X.toarray() if sparse.issparse(X) else X


def _column(name, values, X, number, before):
    """Return y or the weights of a batch, copied: a view would keep the batch."""
    values = np.array(values)
    if values.ndim == 0 or len(values) != X.shape[0]:
        raise ValueError(
            f"{name} of batch {number} must have as many rows as its X, {X.shape[0]}. "
            f"Got the shape {values.shape}."
        )
    if before and values.shape[1:] != before[0].shape[1:]:
        raise ValueError(
            f"{name} of batch {number} must have the shape of the first batch but for "
            f"the rows, {before[0].shape}. Got {values.shape}."
        )
    if before and (values.dtype.kind in "US") != (before[0].dtype.kind in "US"):
        raise ValueError(
            f"{name} of batch {number} must be of the type of the first batch, "
            f"{before[0].dtype}. Got {values.dtype}."
        )
    if values.dtype.kind == "f":
        _check_finite(name, values, number)
    return values


def _equal(values, known):
    """Whether two arrays are equal, floats up to rounding."""
    if values.shape != known.shape:
        return False
    if {values.dtype.kind, known.dtype.kind} <= set("fiub"):
        return np.allclose(values, known, rtol=1e-6, atol=0.0)
    return bool(np.all(values == known))


def _joined(name, parts):
    """Return the rows of all batches; of those without rows nothing."""
    return np.concatenate([part for part in parts if len(part)])


def _check_finite(name, values, number):
    """Raise a ValueError that names the first row that is not finite."""
    entries = values.data if sparse.issparse(values) else values
    # The sum is finite where all entries are, but for overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(entries.sum()) or np.all(np.isfinite(entries)):
            return
    is_bad = ~np.isfinite(entries)
    if sparse.issparse(values):
        entry = np.flatnonzero(is_bad)[0]
        row = int(np.searchsorted(values.indptr, entry, "right")) - 1
    else:
        row = int(np.argwhere(is_bad)[0][0])
    kind = "NaN" if np.isnan(entries[is_bad]).any() else "infinity"
    raise ValueError(f"{name} of batch {number} contains {kind}, first in row {row}.")


def _names_of(X):
    """Return the names of the columns of a frame, or None."""
    columns = getattr(X, "columns", None)
    return None if columns is None else list(columns)


def _changed(what, number):
    """Return the error of a source that is not the same in every pass."""
    return ValueError(
        f"Batches must yield the same rows in every pass, but a later pass had {what}, "
        f"at batch {number}. Rows must not be shuffled or drawn anew, and a function "
        "must return a new iterator whenever it is called."
    )
