"""Checks of the rows of one batch or block, in any process."""

import zlib
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..._messages import shown
from ..folds.hashes import odd_factors
from .checks import (
    Checksum,
    as_column,
    as_numbers,
    check_finite,
    names_of_columns,
)

#: Names of the columns beside X in messages.
_OTHERS = ("y", "sample_weight", "key")
_PLURAL = {"batch": "batches", "block": "blocks"}
#: Factors of the words of 64 bits that a checksum of texts adds up first.
WORDS = odd_factors(64)


class CheckedRows(NamedTuple):
    """Rows of a block after their checks.

    Attributes
    ----------
    X : ndarray or CSR array of shape (b, n_features)
    y : ndarray of shape (b,) or (b, n_targets)
    weight, key : ndarray of shape (b,) or None
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    key: np.ndarray | None


class RowForm(NamedTuple):
    """Names, width and types that the rows of all blocks share.

    Attributes
    ----------
    names : list or None
        Of the columns of a frame.
    n_features : int
    others : tuple of (ndarray or None)
        No rows of y, of the weights and of the keys.
    """

    names: list | None
    n_features: int
    others: tuple

    @classmethod
    def of(cls, columns, where):
        """Return the form of the first block, whose columns are as given."""
        X, *others = columns
        check_target(others[0], where)
        names, X = names_of_columns(X), as_numbers(X, where)
        for number, (name, values) in enumerate(zip(_OTHERS, others, strict=True)):
            if values is not None:
                others[number] = as_column(name, values, X, where, [])[:0]
        return cls(names, X.shape[1], tuple(others))


class BlockFacts(NamedTuple):
    """Facts of a block for comparison in later passes.

    Attributes
    ----------
    dtype : dtype
        Of X.
    sums : tuple
        Checksums of X, y, the weights and the keys.
    """

    dtype: np.dtype
    sums: tuple

    @property
    def n_rows(self):
        """Number of rows."""
        return self.sums[0].n_rows


def check_rows(columns, where, form):
    """Return the `CheckedRows` of a block of the first pass, and their `BlockFacts`.

    Parameters
    ----------
    columns : sequence
        X, y, weights and keys as given; None where there are none.
    where : str
        Kind and number of the block, for messages, such as "batch 3".
    form : RowForm
        Of the first block.

    Returns
    -------
    rows : CheckedRows
    facts : BlockFacts

    Raises
    ------
    ValueError
        If they are not rows of the same matrix of finite numbers.
    """
    X, *others = columns
    check_target(others[0], where)
    kind = where.split()[0]
    names = names_of_columns(X)
    if names != form.names:
        raise ValueError(
            f"X of {where} must have the columns of the first {kind}, "
            f"{shown(form.names)}, in this order. Got {shown(names)}."
        )
    X = as_numbers(X, where)
    if X.shape[1] != form.n_features:
        raise ValueError(
            f"X of {where} must have {form.n_features} features, as the first {kind}. "
            f"Got {X.shape[1]}."
        )
    sums = Checksum.of(X)
    if not np.isfinite(sums.total):
        check_finite("X", X, where)
    for number, (name, first) in enumerate(zip(_OTHERS, form.others, strict=True)):
        if (others[number] is None) != (first is None):
            raise ValueError(
                f"Either all {_PLURAL[kind]} or none must have a {name}: {where} "
                "differs from the first."
            )
        if first is not None:
            others[number] = as_column(name, others[number], X, where, [first])
    if others[1] is not None:
        check_weights(others[1], where)
    return CheckedRows(X, *others), BlockFacts(
        X.dtype, (sums, *map(column_sums, others))
    )


def compare_rows(columns, form, facts):
    """Return the `CheckedRows` of a block of a later pass; None of other rows.

    Parameters
    ----------
    columns : sequence
        X, y, weights and keys as given; None where there are none.
    form : RowForm
        Of the first block.
    facts : BlockFacts
        From the first pass.

    Returns
    -------
    CheckedRows or None
    """
    X, *others = columns
    X = as_numbers(X, "a later pass")
    others = [None if one is None else np.array(one) for one in others]
    own, *known = facts.sums
    is_same = (
        X.shape[1] == form.n_features
        and Checksum.of(X).equals(own, X.dtype)
        and all(map(are_equal, map(column_sums, others), known))
    )
    return CheckedRows(X, *others) if is_same else None


def check_target(y, where):
    """Raise if y is missing."""
    if y is None:
        raise ValueError(f"y of {where} is missing. Got None.")


def check_weights(weight, where):
    """Raise if weights are not a column of numbers >= 0."""
    if weight.ndim != 1 or weight.dtype.kind not in "fiub":
        raise ValueError(
            f"sample_weight of {where} must be one number for each row. Got "
            f"{shown(weight)} of type {weight.dtype}."
        )
    if (weight < 0).any():
        row = int(np.argmax(weight < 0))
        raise ValueError(
            f"sample_weight of {where} must not be negative. Got {weight[row]:g}, "
            f"first in row {row}."
        )


def column_sums(values):
    """Return the checksum of y, the weights or the keys; None where there are none."""
    if values is None:
        return None
    if values.dtype.kind in "fiub":
        # Without rows, -1 would be any number.
        return Checksum.of(values.reshape(len(values), prod(values.shape[1:])))
    if values.dtype.kind in "USmM":
        return len(values), _sum_of_bytes(values)
    texts = values.ravel().tolist()
    if set(map(type, texts)) != {str}:
        texts = map(str, texts)
    return len(values), zlib.crc32("\0".join(texts).encode())


def _sum_of_bytes(values):
    """Return a sum of the words of an array, each with a factor of its place."""
    data = np.frombuffer(np.ascontiguousarray(values), dtype=np.uint8)
    n_rows, size = len(data) // WORDS.nbytes, WORDS.nbytes
    words = data[: n_rows * size].view(np.uint64).reshape(n_rows, len(WORDS))
    # Integers wrap around, so that no digit is lost.
    total = np.dot(np.dot(words, WORDS), odd_factors(n_rows))
    return int(total), zlib.crc32(data[n_rows * size :])


def are_equal(found, known):
    """Whether two checksums of columns agree."""
    if isinstance(found, Checksum) and isinstance(known, Checksum):
        return found.equals(known, np.float32)
    return found == known
