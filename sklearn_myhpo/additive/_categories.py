"""The columns of categories: contrasts, or indicators if there are many."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.linalg import helmert
from sklearn.preprocessing import OneHotEncoder

from .._warn import warn
from ..penalties.columns import spell


class Categories:
    """The categories of the features, and their columns in the model.

    Contrasts are orthonormal and orthogonal to a constant. The weights of indicators
    that a ridge penalty leaves add up to zero where there is an intercept, so that
    those of contrasts, one fewer, have the same penalty. They are not linearly
    dependent, as indicators are.

    Parameters
    ----------
    X : array-like or dataframe of shape (n_samples, n_features)
        Columns of categories.

    Attributes
    ----------
    values : list of ndarray
        The categories of every feature.
    """

    def __init__(self, X):
        self._encoder = OneHotEncoder(handle_unknown="ignore").fit(X)
        self.values = self._encoder.categories_

    def codes(self, X):
        """Return the numbers of categories, -1 of unknown ones.

        Parameters
        ----------
        X : array-like or dataframe of shape (n_samples, n_features)

        Returns
        -------
        ndarray of int32 of shape (n_samples, n_features)
        """
        found = sparse.coo_array(self._encoder.transform(self._as_objects(X)))
        sizes = [len(values) for values in self.values]
        feature = np.repeat(np.arange(len(sizes)), sizes)[found.col]
        codes = np.full((found.shape[0], len(sizes)), -1, dtype=np.int32)
        codes[found.row, feature] = found.col - (np.cumsum(sizes) - sizes)[feature]
        return codes

    def _as_objects(self, X):
        """Return a frame whose missing values alone are objects where texts were."""
        if not hasattr(X, "infer_objects"):
            return X
        index = [
            number
            for number, values in enumerate(self.values)
            if values.dtype == object and X.dtypes.iloc[number].kind == "f"
        ]
        return X.astype({X.columns[number]: object for number in index})


def identifiers(categories, X, weight):
    """Return the positions of features with a category of its own in every row.

    The effects of such categories cannot be told from noise: the likelihood depends on
    the sum of both variances only, and held-out rows have none of them.

    Parameters
    ----------
    categories : Categories
    X : array-like or dataframe of shape (n_samples, n_features)
        The rows that `categories` was made of.
    weight : ndarray of shape (n_samples,)
        Rows of weight zero do not count.

    Returns
    -------
    list of int
    """
    own = weight > 0.0
    n_rows = np.count_nonzero(own)
    # Codes take time: fewer categories than rows cannot be one for every row.
    if n_rows < 2 or max(map(len, categories.values)) < n_rows:
        return []
    codes = categories.codes(X)[own]
    return [
        position
        for position, column in enumerate(codes.T)
        if len(np.unique(column)) == n_rows
    ]


def leave_out(names, *, is_all):
    """Warn of columns that are left out, or raise a ValueError if these are all.

    Parameters
    ----------
    names : list of str
        Of the columns that `identifiers` has found.
    is_all : bool
    """
    if is_all:
        raise ValueError(
            f"X has no column but {spell(names)}, with a category of its own in every "
            "row, of which nothing can be learned for other rows. Add other columns."
        )
    warn(
        f"Every row has a category of its own in {spell(names)}, as in names of rows: "
        "its effect cannot be told from noise. The model leaves it out. Remove it from "
        "X, or from categorical if it is a number.",
        UserWarning,
    )


def contrasts(n_categories):
    """Return the contrasts of categories, a row each.

    Parameters
    ----------
    n_categories : int

    Returns
    -------
    ndarray of shape (n_categories, max(1, n_categories - 1))
        Zero for a single category.
    """
    if n_categories == 1:
        return np.zeros((1, 1))
    return np.ascontiguousarray(helmert(n_categories).T)


def dense_columns(codes, mixes, out):
    """Write the contrasts of rows; those of unknown categories are zero.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples, n_features)
    mixes : list of ndarray of shape (n_categories, n_own)
        Of every feature.
    out : ndarray of shape (n_samples, n_columns)
        Is overwritten.
    """
    end = 0
    for own, mix in zip(codes.T, mixes, strict=True):
        start, end = end, end + mix.shape[1]
        out[:, start:end] = np.vstack([mix, np.zeros(mix.shape[1])])[own]


def sparse_columns(codes, sizes):
    """Return indicators of the categories of rows, none of unknown ones.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples, n_features)
    sizes : list of int
        Numbers of categories of every feature.

    Returns
    -------
    CSR matrix of shape (n_samples, n_categories)
    """
    known = codes >= 0
    first = np.cumsum(sizes) - sizes
    indices = (codes + first)[known]
    ends = np.concatenate([[0], np.cumsum(known.sum(axis=1))])
    shape = len(codes), int(np.sum(sizes))
    return sparse.csr_matrix((np.ones(len(indices)), indices, ends), shape=shape)
