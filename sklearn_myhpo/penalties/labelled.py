"""Arrays and sparse matrices with column labels."""

import numpy as np
from scipy import sparse


class LabelledArray(np.ndarray):
    """An array with a label per column.

    Views, selections and results of operations have no labels, because NumPy would not
    select the labels together with the columns.

    Attributes
    ----------
    column_labels_ : sequence of length n_columns or None
        The labels.
    """

    column_labels_ = None

    def __reduce__(self):
        # Pipelines with `memory` pickle their output, and NumPy's pickles drop labels.
        rebuild, arguments, state = super().__reduce__()
        return rebuild, arguments, (state, self.column_labels_)

    def __setstate__(self, state):
        own, self.column_labels_ = state
        super().__setstate__(own)


def with_labels(X, labels):
    """Return `X` with a label per column.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_columns)
        Data. A sparse matrix is labelled in place; an ndarray is viewed.
    labels : sequence of length n_columns
        Labels, any objects.

    Returns
    -------
    LabelledArray or sparse matrix of shape (n_samples, n_columns)
        The same numbers.
    """
    if isinstance(X, np.ndarray):
        X = X.view(LabelledArray)
    X.column_labels_ = labels
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
    # A frame may have a column of this name, which is no label.
    carries = isinstance(X, LabelledArray) or sparse.issparse(X)
    return getattr(X, "column_labels_", None) if carries else None
