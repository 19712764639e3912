"""Rows of a source that are kept in memory after all, where these are not too many."""

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


def kept_design(X, head, dtype):
    """Return the design of rows in memory that came from a source.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    head : object
        First rows as they came, for names and dtypes of the columns.
    dtype : dtype
        Precision of the source.

    Returns
    -------
    Design
    """
    design = as_design(X)
    design.head, design.dtype = head, np.dtype(dtype)
    return design


def _below_each_other(parts):
    """Return the rows of CSR arrays."""
    return sparse.csr_array(sparse.vstack(parts, format="csr"))
