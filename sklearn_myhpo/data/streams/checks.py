"""Checks of single batches: numbers, columns, checksums, and error messages.

What is called `where` is kind and number of the rows in messages, such as "batch 3".
"""

from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array

from ..blocks import slices
from ..folds.hashes import are_missing

#: Difference of two checksums of the same rows, relative to their sizes, that may be
#: rounding, by the bytes of a number.
ROUNDING = {4: 1e-8, 8: 1e-11}
#: The same of the sum of one row, which is made in single precision.
ROUNDING_OF_SUMS = 4e-7


class Checksum(NamedTuple):
    """Checksums that change with the rows and their order.

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
        n_rows = X.shape[0]
        with np.errstate(over="ignore", invalid="ignore"):
            sums = _row_sums(X)
            total = float(_weights(n_rows) @ sums)
            size = _norm_of_weights(n_rows) * float(np.linalg.norm(sums))
        return cls(n_rows, total, size)

    def equals(self, other, dtype):
        """Whether two checksums are of the same rows, in a precision."""
        if self.n_rows != other.n_rows or not np.isfinite(other.size):
            # Entries too large for a sum are refused by the fit.
            return self.n_rows == other.n_rows
        rounding = ROUNDING[np.dtype(dtype).itemsize]
        if np.dtype(dtype).itemsize == 4:
            # Sums of rows in single precision, whose errors are independent.
            rounding += ROUNDING_OF_SUMS / np.sqrt(max(1, self.n_rows))
        return bool(abs(self.total - other.total) <= rounding * other.size)


def _row_sums(X):
    """Return the sum of every row, with one weight per column."""
    n_rows, n_features = X.shape
    columns = _weights(n_features)
    if n_features == 1 and not sparse.issparse(X):
        return X[:, 0] * columns[0]
    if X.dtype == np.float32 and not sparse.issparse(X):
        # In double it would take as long as a fifth of the products X'X.
        sums = (X @ columns.astype(np.float32)).astype(np.float64)
        if np.all(np.isfinite(sums)):
            return sums
    sums = [
        X[rows].astype(np.float64, copy=False) @ columns
        for rows in slices(n_rows, n_features, cached=True)
    ]
    return np.concatenate(sums) if sums else np.zeros(0)


@lru_cache(maxsize=8)
def _weights(n):
    """Return n numbers from 1 to 2, no two alike: multiples of the golden ratio."""
    return 1.0 + (np.arange(1, n + 1) * ((np.sqrt(5.0) - 1.0) / 2.0)) % 1.0


@lru_cache(maxsize=8)
def _norm_of_weights(n):
    """Return the norm of as many weights."""
    return float(np.linalg.norm(_weights(n)))


def as_numbers(X, where):
    """Return X of a batch as an array of floats, dense or CSR."""
    is_array = type(X) in (np.ndarray, np.memmap) and X.ndim == 2 and X.shape[1]
    if is_array and X.dtype in (np.float32, np.float64):
        # Nothing to convert; `check_array` would take as long as the checksum.
        return np.asarray(X)
    _check_plain("X", X, where)
    try:
        return check_array(
            X,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            ensure_all_finite=False,
            ensure_min_samples=0,
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"X of {where}: {error}") from error


def _check_plain(name, values, where):
    """Raise a ValueError if entries are complex or masked: neither would be used."""
    if getattr(getattr(values, "dtype", None), "kind", "") == "c":
        raise ValueError(
            f"{name} of {where} has complex numbers. Give real and imaginary parts "
            "apart."
        )
    if np.ma.is_masked(values):
        mask = np.ma.getmaskarray(values)
        row = int(np.argmax(mask.reshape(len(mask), -1).any(axis=1)))
        raise ValueError(
            f"{name} of {where} has masked entries, first in row {row}. Fill them, or "
            "leave these rows out."
        )


def as_dense(X):
    """Return rows as an ndarray, copied where they are sparse."""
    return X.toarray() if sparse.issparse(X) else X


def as_column(name, values, X, where, before):
    """Return y or the weights of a batch, copied: a view would keep the batch."""
    _check_plain(name, values, where)
    values = np.array(values)
    if values.ndim == 0 or len(values) != X.shape[0]:
        raise ValueError(
            f"{name} of {where} must have as many rows as its X, {X.shape[0]}. "
            f"Got the shape {values.shape}."
        )
    if before and values.shape[1:] != before[0].shape[1:]:
        raise ValueError(
            f"{name} of {where} must have the shape of the first except for the number "
            f"of rows, {before[0].shape}. Got {values.shape}."
        )
    if before and (values.dtype.kind in "US") != (before[0].dtype.kind in "US"):
        raise ValueError(
            f"{name} of {where} must be of the type of the first, "
            f"{before[0].dtype}. Got {values.dtype}."
        )
    if values.dtype.kind == "f":
        check_finite(name, values, where)
    if values.dtype.kind == "O":
        _check_objects(name, values, where)
    return values


def _check_objects(name, values, where):
    """Raise a ValueError that names the first row with a missing object."""
    missing = are_missing(values.ravel().tolist())
    if missing.any():
        row = int(np.argmax(missing)) // prod(values.shape[1:])
        raise ValueError(f"{name} of {where} contains NaN or None, first in row {row}.")


def check_finite(name, values, where):
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
    raise ValueError(f"{name} of {where} contains {kind}, first in row {row}.")


def names_of_columns(X):
    """Return the names of the columns of a frame, or None."""
    columns = getattr(X, "columns", None)
    return None if columns is None else list(columns)


def changed_source(what, number):
    """Return the error of a source that is not the same in every pass."""
    return ValueError(
        f"Batches must yield the same rows in every pass, but a later pass had {what}, "
        f"at batch {number}. Rows must not be shuffled or drawn anew, and a function "
        "must return a new iterator whenever it is called."
    )
