"""Columns of frames and arrays, and whether they hold numbers or categories."""

import numpy as np
from sklearn.utils import _safe_indexing

#: Kinds of NumPy's and pandas' types of numbers.
_NUMBERS = "iuf"
#: Kinds of types whose values are categories: booleans, objects and strings.
_CATEGORIES = "bOSUT"
#: polars' types of the same.
_POLARS_CATEGORIES = ("Boolean", "String", "Categorical", "Enum", "Object")


def is_frame(X):
    """Return whether X is a frame, whose columns have types of their own.

    Parameters
    ----------
    X : object

    Returns
    -------
    bool
    """
    return hasattr(X, "columns") and hasattr(X, "dtypes")


def column_kinds(X):
    """Return "number", "category" or "other" for every column of X.

    Parameters
    ----------
    X : array-like or dataframe of shape (n_samples, n_features)
        pandas' or polars' frame; all columns of anything else are numbers.

    Returns
    -------
    list of str
    """
    if not is_frame(X):
        return ["number"] * np.shape(X)[1]
    # Object columns that hold only numbers, as from databases, are not categories.
    found = X.infer_objects() if hasattr(X, "infer_objects") else X
    return [_kind(dtype) for dtype in found.dtypes]


def _kind(dtype):
    if hasattr(dtype, "is_numeric"):  # polars
        if dtype.is_numeric():
            return "number"
        name = str(dtype.base_type())
        return "category" if name in _POLARS_CATEGORIES else "other"
    kind = getattr(dtype, "kind", "")
    if str(dtype) == "category" or kind in _CATEGORIES:
        return "category"
    return "number" if kind in _NUMBERS else "other"


def columns_without_numbers(X, error):
    """Return the names of the columns of a frame that made its conversion fail.

    Parameters
    ----------
    X : object
        Anything but a frame has no such columns.
    error : Exception
        What the conversion of X to an array of floats raised.

    Returns
    -------
    list of str
    """
    if not is_frame(X):
        return []
    kinds = column_kinds(X)
    failed = {i for i, kind in enumerate(kinds) if kind == "category"}
    failed = {i for i in failed if not _converts(X, i)}
    # Dates convert where all columns are dates.
    if failed or isinstance(error, TypeError):
        failed |= {i for i, kind in enumerate(kinds) if kind == "other"}
    return [str(X.columns[i]) for i in sorted(failed)]


def _converts(X, index):
    """Return whether the values of a column are numbers, or texts of numbers."""
    try:
        np.asarray(some_columns(X, [index]), dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True


def some_columns(X, index):
    """Return some columns of X, in its own form.

    Parameters
    ----------
    X : array-like or dataframe of shape (n_samples, n_features)
    index : list of int

    Returns
    -------
    array or dataframe of shape (n_samples, n_columns)
    """
    if list(index) == list(range(X.shape[1])):
        return X
    return _safe_indexing(X, index, axis=1)


def with_one_missing(X):
    """Return a frame with NaN in place of None and NA in its texts and objects.

    Anything but a frame of pandas is returned as it is.

    Parameters
    ----------
    X : array-like or dataframe of shape (n_samples, n_features)

    Returns
    -------
    array or dataframe of shape (n_samples, n_features)
    """
    if not hasattr(X, "infer_objects"):
        return X
    names = [
        name
        for name, dtype in X.dtypes.items()
        if getattr(dtype, "kind", "") == "O" and str(dtype) != "category"
    ]
    found = X[names].astype(object)
    out = X.copy(deep=False)
    out[names] = found.mask(found.isna(), np.nan).infer_objects()
    return out
