"""Arrays and sparse matrices whose columns carry labels."""

import numpy as np
from scipy import sparse


class LabelledArray(np.ndarray):
    """An array with a label per column, which no view or result of it inherits.

    Rows that are taken out of it, or columns, are arrays without labels: what does
    not know of the labels cannot keep them right.

    Attributes
    ----------
    column_labels_ : sequence of length n_columns or None
        The labels.
    """

    column_labels_ = None

    def __reduce__(self):
        # Caches of pipelines pickle; NumPy would leave the labels out.
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
        A sparse matrix is labelled in place; an ndarray is viewed.
    labels : sequence of length n_columns
        Any objects.

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
    """Return the labels that `X` carries, or None.

    Parameters
    ----------
    X : object
        What `fit` was given.

    Returns
    -------
    sequence of length n_columns or None
        As `with_labels` was given it.
    """
    # A frame may have a column of this name.
    carries = isinstance(X, LabelledArray) or sparse.issparse(X)
    return getattr(X, "column_labels_", None) if carries else None
