"""Rows of a source that are kept in memory if they are few."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ..sources import as_design
from .source import Block


class TooManyRowsError(Exception):
    """The rows of a source take more memory than is allowed."""


class KeptRows(NamedTuple):
    """Blocks of rows, by the first row of each.

    Attributes
    ----------
    blocks : dict of int to Block
    n_bytes, most : int
        Bytes of these, and most.
    """

    blocks: dict
    n_bytes: int
    most: int

    def plus(self, other):
        """Return the rows of both."""
        n_bytes = self.n_bytes + other.n_bytes
        if n_bytes > self.most:
            raise TooManyRowsError
        return KeptRows({**self.blocks, **other.blocks}, n_bytes, self.most)

    def joined(self):
        """Return a `Block` of all rows, in their order."""
        blocks = [self.blocks[start] for start in sorted(self.blocks)]
        X = [block.X for block in blocks]
        stack = np.concatenate
        if any(map(sparse.issparse, X)):
            X, stack = [sparse.csr_array(one) for one in X], _below_each_other
        y = np.concatenate([block.y for block in blocks])
        first = blocks[0]
        weight = key = None
        if first.weight is not None:
            weight = np.concatenate([block.weight for block in blocks])
        if first.key is not None:
            key = np.concatenate([block.key for block in blocks])
        return Block(stack(X), y, weight, first.start, first.number, key)


def rows_of_block(block, most):
    """Return the `KeptRows` of a block, copied: a task."""
    columns = [
        None if one is None else one.copy()
        for one in (block.X, block.y, block.weight, block.key)
    ]
    X, y, weight, key = columns
    n_bytes = sum(bytes_of(one) for one in columns if one is not None)
    if n_bytes > most:
        raise TooManyRowsError
    kept = Block(X, y, weight, block.start, block.number, key)
    return KeptRows({block.start: kept}, n_bytes, most)


def bytes_of(array):
    """Return the bytes of an array, dense or CSR."""
    if sparse.issparse(array):
        return array.data.nbytes + array.indices.nbytes + array.indptr.nbytes
    return array.nbytes


def kept_design(X, source, pairs=None):
    """Return the design of rows in memory that came from a source.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    source : RowSource
    pairs : list of (ndarray, ndarray), default=None
        Splits of the rows, where these are known.

    Returns
    -------
    Design
        With the precision of the source, its first rows as given, for names and
        dtypes of the columns, and the number of its passes.
    """
    design = as_design(X)
    design.head, design.dtype = source.head, np.dtype(source.dtype)
    design.pairs, design.n_passes = pairs, source.n_passes
    return design


def parts_of(rows, n_first):
    """Return X, y and weights of the first rows, and of the others.

    Parameters
    ----------
    rows : Block or HashedSample
    n_first : int

    Returns
    -------
    list of (ndarray or CSR array, ndarray, ndarray or None)
    """
    found = []
    for own in (slice(n_first), slice(n_first, None)):
        weight = None if rows.weight is None else rows.weight[own]
        found.append((rows.X[own], rows.y[own], weight))
    return found


def in_double(sample):
    """Return a `HashedSample` with dense rows in double precision."""
    X = sample.X.toarray() if sparse.issparse(sample.X) else sample.X
    return sample._replace(X=np.ascontiguousarray(X, dtype=np.float64))


def named(X, names):
    """Return dense rows as a frame, where the columns have names."""
    if names is None or sparse.issparse(X):
        return X
    from pandas import DataFrame

    return DataFrame(X, columns=names)


def _below_each_other(parts):
    """Return the rows of CSR arrays."""
    return sparse.csr_array(sparse.vstack(parts, format="csr"))
