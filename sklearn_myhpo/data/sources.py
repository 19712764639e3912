"""The choice of the design that reads X."""

import numpy as np
from scipy import sparse

from .dense import DenseDesign
from .design import Design
from .limits import row_limits
from .sparse import SparseDesign
from .streamed import StreamedDesign


def as_design(X):
    """Return the design that reads X, without a copy.

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
    has_gaps = X.itemsize not in X.strides
    if has_gaps and X.size <= row_limits().block_entries:
        X, has_gaps = np.ascontiguousarray(X), False
    if X.dtype == np.float64 and not (has_gaps or is_mapped(X)):
        return DenseDesign(X)
    return StreamedDesign(X)


def is_mapped(X):
    """Whether an array is a view of a file."""
    while X is not None:
        if isinstance(X, np.memmap):
            return True
        X = getattr(X, "base", None)
    return False


def stored_rows(design, index=None):
    """Return the rows of a design about zero as they are stored.

    Parameters
    ----------
    design : Design
        Of rows in memory or in a file.
    index : ndarray of int or None
        Which of them; None for all, which are not copied.

    Returns
    -------
    ndarray or sparse array
    """
    return design.X if index is None else design.X[index]
