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


def dual_predictor(X, rows, scale, dual, intercept, total):
    """Return ``X diag(scale) rows' dual + intercept``, some rows of X at a time.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    rows : ndarray or sparse matrix of shape (n_rows, n_features)
    scale : ndarray of shape (n_features,) or None
        None for ones.
    dual : ndarray of shape (n_rows, n_outputs)
    intercept : float or ndarray of shape (n_outputs,)
    total : ndarray of shape (n_outputs,)
        Sums of `dual` over the rows. With large means of the features, the rounding of
        `dual` would change them too much.

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
    """
    # Products of rows with large means would lose the digits of their differences.
    if sparse.issparse(rows):
        given, mean = rows_about_means(rows)
        products = _products
    else:
        mean = rows.mean(axis=0, dtype=np.float64)
        given, products = (rows, mean), _dense_products
    out = np.empty((X.shape[0], dual.shape[1]), dtype=np.result_type(X, dual))
    # Scaled rows are copies.
    width = rows.shape[0] if scale is None else max(rows.shape)
    for part in slices(X.shape[0], width):
        own = X[part]
        if scale is not None:
            own = own.multiply(scale).tocsr() if sparse.issparse(own) else own * scale
        out[part] = products(own, *given) @ dual + np.outer(own @ mean, total)
    out += intercept
    return out


def rows_about_means(rows):
    """Return sparse rows about means that may be large, in two parts, and these means.

    Parameters
    ----------
    rows : sparse matrix of shape (n_rows, n_features)

    Returns
    -------
    parts : (sparse matrix, ndarray of int, ndarray)
        The rows where nothing is subtracted, the columns of other features, and the
        rows of these (n_rows, n_columns) about their means.
    mean : ndarray of shape (n_features,)
        What is subtracted: the means of columns without zeros.
    """
    mean = np.zeros(rows.shape[1])
    full = np.flatnonzero(np.diff(rows.tocsc().indptr) == rows.shape[0])
    dense = rows[:, full].toarray()
    mean[full] = dense.mean(axis=0, dtype=np.float64)
    empty = np.ones(rows.shape[1])
    empty[full] = 0.0
    return (rows.multiply(empty).tocsr(), full, dense - mean[full]), mean


def _products(own, rows, columns, more):
    """Return the products of dense or sparse rows with those of `rows_about_means`."""
    products = own @ rows.T
    if sparse.issparse(products):
        products = products.toarray()
    if len(columns):
        products = products + own[:, columns] @ more.T
    return products


def _dense_products(own, rows, mean):
    """Return the products of rows with dense ones about their mean.

    Some columns at a time, so that these rows are not copied as a whole.
    """
    products = 0.0
    for columns in slices(rows.shape[1], rows.shape[0]):
        moved = (rows[:, columns] - mean[columns]).astype(rows.dtype, copy=False)
        products = products + own[:, columns] @ moved.T
    return products


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
