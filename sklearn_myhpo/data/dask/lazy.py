"""Predictions for collections of Dask: lazy arrays, a task per block."""

import copy
from functools import wraps

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from ..tensors.homes import check_same_home
from .blocks import check_features, is_dask, is_frame

#: Attributes of a fitted estimator that are not sent with every block.
_LEFT_OUT = ("_facts", "_last_fit", "_stream", "_skl_callbacks", "history_")


def lazily(method):
    """Return a method of a fitted estimator that is lazy where X is from Dask.

    Parameters
    ----------
    method : callable
        Takes the estimator and X alone, and returns an array with as many rows as X.

    Returns
    -------
    callable
        For X from Dask it returns a `dask.array.Array` with the blocks of X. It uses
        the weights at the time of the call, even if the estimator is fitted again.
    """

    @wraps(method)
    def of_rows(self, X):
        if not is_dask(X):
            check_same_home(self, X, method.__name__)
            return method(self, X)
        check_is_fitted(self)
        return _by_blocks(for_predictions(self), method.__name__, X)

    return of_rows


def _by_blocks(model, name, X):
    """Return the lazy results of a method for X from Dask."""
    # Blocks of columns are joined, once: predictions read the rows once.
    X = X.rechunk({1: -1}) if _is_divided(X) else X
    check_features(X)
    empty = getattr(model, name)(_some_row(X))[:0]
    if is_frame(X):
        return X.map_partitions(_of_block, model, name, empty, meta=empty)
    if empty.ndim == 1:
        shape = {"drop_axis": 1}
    else:
        shape = {"chunks": (X.chunks[0], (empty.shape[1],))}
    return X.map_blocks(
        _of_block, model, name, empty, dtype=empty.dtype, meta=empty, **shape
    )


def _is_divided(X):
    """Whether an array of Dask has several blocks of columns."""
    return not is_frame(X) and X.ndim == 2 and X.numblocks[1] > 1


def _of_block(X, model, name, empty):
    """Return the results for a block, which may have no rows."""
    return getattr(model, name)(X) if X.shape[0] else empty


def _some_row(X):
    """Return dummy rows like those of X, to find the form of the result."""
    if is_frame(X):
        return X._meta_nonempty
    row = np.zeros((1, X.shape[1]), dtype=X.dtype)
    return sparse.csr_array(row) if sparse.issparse(X._meta) else row


def for_predictions(model):
    """Return a copy of a fitted estimator without what predictions do not need.

    Parameters
    ----------
    model : BilevelLinearModel

    Returns
    -------
    BilevelLinearModel
    """
    own = copy.copy(model)
    for name in _LEFT_OUT:
        vars(own).pop(name, None)
    # `cv` may hold row numbers, as many as X has rows.
    own.cv = None
    return own
