"""Batches of a user as checked arrays, the same in every pass."""

import math
import zlib
from typing import NamedTuple

import numpy as np

from .._messages import shown
from .batch_checks import (
    Checksum,
    as_column,
    as_numbers,
    changed_source,
    check_finite,
    names_of_columns,
)
from .batch_source import check_batch


class Batch(NamedTuple):
    """Rows of a batch, checked.

    Attributes
    ----------
    X : ndarray or CSR array of shape (b, n_features)
    y : ndarray of shape (b,) or (b, n_targets)
    weight, key : ndarray of shape (b,) or None
    """

    X: object
    y: np.ndarray
    weight: np.ndarray | None
    key: np.ndarray | None


class BatchReader:
    """Reads the batches of a `Batches`: checks in the first pass, compares in others.

    Parameters
    ----------
    batches : Batches

    Attributes
    ----------
    head : array-like, sparse matrix or frame
        X of the first batch, as it came; None before.
    n_features : int
    dtype : dtype
        Precision of the batches so far.
    n_samples : int or None
        None before the end of the first pass, where the user did not say it.
    """

    def __init__(self, batches):
        self._batches, self._known, self._is_known = batches, [], False
        self.head = self._first = None
        self.n_features, self.dtype = None, np.dtype(np.float32)
        self.n_samples = batches.n_samples

    @property
    def names(self):
        """Names of the columns of a frame, or None."""
        return names_of_columns(self.head)

    def __iter__(self):
        """Begin a pass: yield a `Batch` after another."""
        number = -1
        for number, given in enumerate(self._batches):
            check_batch(given, number)
            batch = self._compare if self._is_known else self._check
            yield batch(given, number)
        if self._is_known:
            if number + 1 < len(self._known):
                raise changed_source(
                    "no more batches, unlike the first pass", number + 1
                )
            return
        self._end_first_pass(number + 1)

    def _check(self, given, number):
        """Return a batch of the first pass, and keep its checksums."""
        if number < len(self._known):
            # A first pass that began once more.
            self._known = []
        X, y, weight, key = _padded(given)
        if y is None:
            raise ValueError(f"y of batch {number} is missing. Got None.")
        if self.head is None:
            self.head = X
        elif names_of_columns(X) != self.names:
            raise ValueError(
                f"X of batch {number} must have the columns of the first batch, "
                f"{shown(self.names)}, in this order. Got {shown(names_of_columns(X))}."
            )
        X = as_numbers(X, number)
        if self.n_features is None:
            self.n_features = X.shape[1]
        elif X.shape[1] != self.n_features:
            raise ValueError(
                f"X of batch {number} must have {self.n_features} features, as the "
                f"first batch. Got {X.shape[1]}."
            )
        sums = Checksum.of(X)
        if not np.isfinite(sums.total):
            check_finite("X", X, number)
        self.dtype = np.promote_types(self.dtype, X.dtype)
        before = [] if self._first is None else self._first
        columns = {"y": y, "sample_weight": weight, "key": key}
        for position, (name, values) in enumerate(columns.items()):
            if before and (values is None) != (before[position] is None):
                raise ValueError(
                    f"Either all batches or none must have a {name}: batch {number} "
                    "differs from the first."
                )
            if values is not None:
                known = [before[position]] if before else []
                columns[name] = as_column(name, values, X, number, known)
        if columns["sample_weight"] is not None:
            _check_weights(columns["sample_weight"], number)
        batch = Batch(X, *columns.values())
        if self._first is None:
            self._first = [None if one is None else one[:0] for one in batch[1:]]
        self._known.append((sums, *map(_column_sums, batch[1:])))
        return batch

    def _compare(self, given, number):
        """Return a batch of a later pass."""
        if number == len(self._known):
            raise changed_source("more batches than the first pass", number)
        X, *columns = _padded(given)
        X = as_numbers(X, number)
        columns = [None if one is None else np.array(one) for one in columns]
        known, *others = self._known[number]
        if not (
            X.shape[1] == self.n_features
            and Checksum.of(X).equals(known, X.dtype)
            and all(map(_are_equal, map(_column_sums, columns), others))
        ):
            raise changed_source("other rows than in the first pass", number)
        return Batch(X, *columns)

    def _end_first_pass(self, n_batches):
        """Count the rows of the first pass."""
        n_samples = sum(sums.n_rows for sums, *_ in self._known)
        if n_samples < 2:
            raise ValueError(
                f"Batches must yield two rows or more in a pass. Got {n_samples} in "
                f"{n_batches} batches."
            )
        if self.n_samples not in (None, n_samples):
            raise ValueError(
                f"Batches with n_samples={self.n_samples} must yield as many rows in a "
                f"pass. Got {n_samples}."
            )
        self.n_samples, self._is_known = n_samples, True


def _padded(given):
    """Return X, y, the weights and the keys of a batch, None where it has none."""
    return (*given, None, None)[:4]


def _check_weights(weight, number):
    """Raise where weights are no column of numbers >= 0."""
    if weight.ndim != 1 or weight.dtype.kind not in "fiub":
        raise ValueError(
            f"sample_weight of batch {number} must be one number for each row. Got "
            f"{shown(weight)} of type {weight.dtype}."
        )
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise ValueError(
            f"sample_weight of batch {number} must not be negative. Got "
            f"{weight[row]:g}, first in row {row}."
        )


def _column_sums(values):
    """Return the checksum of y, the weights or the keys."""
    if values is None:
        return None
    if values.dtype.kind in "fiub":
        return Checksum.of(values.reshape(len(values), math.prod(values.shape[1:])))
    text = "\0".join(map(str, values.ravel().tolist()))
    return len(values), zlib.crc32(text.encode())


def _are_equal(found, known):
    """Whether two checksums of columns agree."""
    if isinstance(found, Checksum) and isinstance(known, Checksum):
        return found.equals(known, np.float32)
    return found == known
