"""Which design reads which X."""

import numpy as np
from scipy import sparse

from .dense import DenseDesign
from .design import Design
from .sparse import SparseDesign
from .streamed import StreamedDesign


def as_design(X):
    """Return the design that reads X, which is not copied.

    Parameters
    ----------
    X : Design, ndarray or sparse array of shape (n_samples, n_features)
        float64 or float32, in memory or memory-mapped; sparse in CSR format.

    Returns
    -------
    Design
        About zero, without an intercept; a design as it is.
    """
    if isinstance(X, Design):
        return X
    if sparse.issparse(X):
        return SparseDesign(sparse.csr_array(X, dtype=np.float64))
    if X.dtype == np.float64 and not _is_mapped(X):
        return DenseDesign(X)
    return StreamedDesign(X)


def in_memory(X):
    """Return the design that reads X, in memory and in double precision.

    For methods that read X many times; single precision is converted once, in a copy.

    Parameters
    ----------
    X : Design, ndarray or sparse array of shape (n_samples, n_features)

    Returns
    -------
    Design
    """
    if isinstance(X, Design) or sparse.issparse(X):
        return as_design(X)
    if X.itemsize not in X.strides:
        # Every product would copy rows and columns with gaps.
        X = np.ascontiguousarray(X)
    return DenseDesign(X.astype(np.float64, copy=False))


def _is_mapped(X):
    """Whether an array is a view of a file."""
    while X is not None:
        if isinstance(X, np.memmap):
            return True
        X = getattr(X, "base", None)
    return False
