"""Operations on the rows of X, dense or sparse, as the estimators need them."""

import numpy as np
from scipy import sparse

from .blocks import slices


def linear_predictor(X, coef, intercept):
    """Return ``X @ coef + intercept``.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Validated features.
    coef : ndarray of shape (n_features, n_outputs)
        Weights, a column per output.
    intercept : float or ndarray of shape (n_outputs,)
        Intercepts.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        Raw predictions.
    """
    return X @ coef + intercept


def dual_predictor(X, rows, scale, dual, intercept, *, is_balanced=False):
    """Return ``X diag(scale) rows' dual + intercept``, some rows of X at a time.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    rows : ndarray or sparse matrix of shape (n_rows, n_features)
    scale : ndarray of shape (n_features,) or None
        None for ones.
    dual : ndarray of shape (n_rows, n_outputs)
    intercept : float or ndarray of shape (n_outputs,)
    is_balanced : bool, default=False
        Whether `dual` adds up to zero, but for rounding.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
    """
    if is_balanced and not (sparse.issparse(rows) or sparse.issparse(X)):
        # Products of rows with large means would lose the digits of their differences.
        rows = rows - rows.mean(axis=0)
    out = np.empty((X.shape[0], dual.shape[1]), dtype=np.result_type(X, dual))
    for part in slices(X.shape[0], rows.shape[0]):
        own = X[part]
        if scale is not None:
            own = own.multiply(scale).tocsr() if sparse.issparse(own) else own * scale
        products = own @ rows.T
        if sparse.issparse(products):
            products = products.toarray()
        out[part] = products @ dual
    out += intercept
    return out


def select_rows(X, index):
    """Return some rows of X.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        Features.
    index : ndarray of int or bool, or slice
        Row numbers in the order wanted, or a mask of length n_samples.

    Returns
    -------
    ndarray or CSR matrix of shape (n_rows, n_features)
        A view for a slice of an ndarray, otherwise a copy.
    """
    return X[index]


def columns_where(X, kept):
    """Return some columns of X, copied.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    kept : ndarray of bool of shape (n_features,)

    Returns
    -------
    ndarray or CSR matrix of shape (n_samples, n_kept)
    """
    few = X[:, kept]
    return np.ascontiguousarray(few) if isinstance(few, np.ndarray) else few


def head_of(X):
    """Return the first row of X in the form of X, for names and dtypes.

    Parameters
    ----------
    X : array-like, sparse matrix or frame of shape (n_samples, n_features)
        Features.

    Returns
    -------
    array-like, sparse matrix or frame of shape (1, n_features)
        None if X cannot be sliced, such as a list of lists.
    """
    return X[:1] if hasattr(X, "shape") else None


def as_rows(X):
    """Return X in a layout whose rows are fast to select.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Features.

    Returns
    -------
    ndarray or CSR matrix of shape (n_samples, n_features)
        `X` itself if it is dense or has this layout.
    """
    return X.tocsr() if sparse.issparse(X) else X
