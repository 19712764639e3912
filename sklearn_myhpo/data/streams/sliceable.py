"""Arrays that are read by slices: in files, mapped or of a file format."""

from numbers import Integral

import numpy as np
from scipy import sparse

from ..limits import row_limits
from ..sources import is_mapped


def is_read_by_slices(X, maps_too):
    """Whether X is an array in a file that is read by slices.

    Parameters
    ----------
    X : object
        The argument of `fit`.
    maps_too : bool
        Whether large arrays that are mapped into memory are meant too.

    Returns
    -------
    bool
        True of objects such as those of HDF5 and Zarr: with a shape, a dtype and
        slices, but neither frames nor arrays that compute.
    """
    if sparse.issparse(X) or len(getattr(X, "shape", ())) != 2:
        return False
    if isinstance(X, np.ndarray):
        is_large = X.size > row_limits().block_entries
        return maps_too and is_large and X.dtype.kind in "fiub" and is_mapped(X)
    computes = ("__array_namespace__", "__dlpack__", "__dask_graph__", "__matmul__")
    if any(
        hasattr(X, name) for name in (*computes, "iloc", "columns", "__dataframe__")
    ):
        return False
    has_numbers = isinstance(getattr(X, "dtype", None), np.dtype)
    return has_numbers and hasattr(X, "__getitem__")


def as_sliceable(values):
    """Return y or weights as an array of one type, or a series; None of None."""
    if values is None or hasattr(values, "shape"):
        return values
    return np.asarray(values)


def with_texts(values):
    """Return an array whose slices are texts, where those of HDF5 would be bytes."""
    is_text = hasattr(values, "asstr") and values.dtype.kind in "OS"
    return values.asstr() if is_text else values


def rows_of_slices(X):
    """Return how many rows to read at once: whole chunks, where a file has chunks.

    Reading any part of a compressed chunk unpacks all of it.

    Parameters
    ----------
    X : object of shape (n_samples, n_features)
        Sliceable. Arrays of HDF5 and Zarr have `chunks`, the shape of a chunk or None.

    Returns
    -------
    int
        Rows of about a million numbers, or of one chunk where a chunk has more.
    """
    n_rows = max(1, row_limits().block_entries // max(1, X.shape[1]))
    chunks = getattr(X, "chunks", None)
    if not (isinstance(chunks, tuple) and chunks and isinstance(chunks[0], Integral)):
        return n_rows
    chunk_rows = max(1, int(chunks[0]))
    return max(1, n_rows // chunk_rows) * chunk_rows
