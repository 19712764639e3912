"""Arrays and sparse matrices with column labels and column names."""

import numpy as np
from scipy import sparse


class LabelledArray(np.ndarray):
    """An array with a label, and maybe a name, per column.

    Views, selections and results of operations have none, because NumPy would not
    select them together with the columns.

    Attributes
    ----------
    column_labels_, column_names_ : sequence of length n_columns or None
        The labels, and the names.
    """

    column_labels_ = column_names_ = None

    def __reduce__(self):
        # Pipelines with `memory` pickle their output, and NumPy's pickles drop labels.
        rebuild, arguments, state = super().__reduce__()
        return rebuild, arguments, (state, self.column_labels_, self.column_names_)

    def __setstate__(self, state):
        own, self.column_labels_, self.column_names_ = state
        super().__setstate__(own)


def with_labels(X, labels, names=None):
    """Return `X` with a label, and maybe a name, per column.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_columns)
        Data. A sparse matrix is labelled in place; an ndarray is viewed.
    labels : sequence of length n_columns
        Labels, any objects.
    names : ndarray of str of shape (n_columns,), default=None
        Names, if there are any.

    Returns
    -------
    LabelledArray or sparse matrix of shape (n_samples, n_columns)
        The same numbers.
    """
    if isinstance(X, np.ndarray):
        X = X.view(LabelledArray)
    X.column_labels_, X.column_names_ = labels, names
    return X


def labels_of(X):
    """Return the column labels of `X`, or None.

    Parameters
    ----------
    X : object
        Argument of `fit`.

    Returns
    -------
    sequence of length n_columns or None
        Labels from `with_labels`.
    """
    return _carried(X, "column_labels_")


def names_of(X):
    """Return the column names that an array or sparse matrix carries, or None.

    Parameters
    ----------
    X : object
        Argument of `fit`.

    Returns
    -------
    ndarray of str of shape (n_columns,) or None
        Names from `with_labels`; None if their number differs from that of the columns.
    """
    names = _carried(X, "column_names_")
    return names if names is not None and len(names) == X.shape[1] else None


def _carried(X, name):
    # A frame may have a column of this name, which is not a label.
    carries = isinstance(X, LabelledArray) or sparse.issparse(X)
    return getattr(X, name, None) if carries else None
