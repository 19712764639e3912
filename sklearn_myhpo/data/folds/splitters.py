"""Folds that a user names: by the number of the row, or by a key."""

from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse

from ..._messages import shown
from .hashes import hash_keys, uniform
from .uses import LabelRule, type_of_labels


class FoldSplitter(LabelRule):
    """A fold rule that is also a splitter of rows in memory."""

    #: Whether the groups of `fit` are the keys.
    takes_groups = False

    def __init__(self, n_splits):
        if isinstance(n_splits, bool) or not (
            isinstance(n_splits, Integral) and n_splits >= 2
        ):
            raise ValueError(f"n_splits must be an int >= 2. Got {shown(n_splits)}.")
        self.n_splits = n_splits

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Not used.

        Returns
        -------
        int
        """
        return self.n_splits

    def _pairs(self, fold):
        """Yield the training and validation rows of every fold that has rows."""
        for number in range(self.n_splits):
            is_held_out = fold == number
            if is_held_out.any():
                yield np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)


class RowFolds(FoldSplitter):
    """Folds by the number of the row: row i is held out by fold i modulo `n_splits`.

    The folds do not depend on the number of rows and stay the same when rows are added.
    As ``cv=`` of the linear estimators it works for rows in memory and for `Batches`,
    whose rows are then read once.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.

    See Also
    --------
    KeyFolds : Folds that keep the rows of a key together.

    Examples
    --------
    >>> from sklearn_myhpo.data import RowFolds
    >>> [held_out.tolist() for _, held_out in RowFolds(2).split([[0.0]] * 5)]
    [[0, 2, 4], [1, 3]]
    """

    def __init__(self, n_splits: int = 5) -> None:
        super().__init__(n_splits)

    def __repr__(self):
        return f"RowFolds(n_splits={self.n_splits})"

    def labels(self, block: Any) -> np.ndarray:
        """Return the fold of every row of a block.

        Parameters
        ----------
        block : Block
            Of a source of rows.

        Returns
        -------
        ndarray of int of shape (b,)
        """
        folds = np.arange(self.n_splits, dtype=type_of_labels(self.n_splits))
        first = block.start % self.n_splits
        return np.tile(folds, 2 + block.n_rows // self.n_splits)[first:][: block.n_rows]

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Any:
        """Yield the training and validation rows of every fold.

        Parameters
        ----------
        X : array-like of length n_samples
        y, groups : object, default=None
            Not used.

        Yields
        ------
        train, test : ndarray of int
        """
        yield from self._pairs(np.arange(_length(X)) % self.n_splits)


class KeyFolds(FoldSplitter):
    """Folds by a hash of a key, such as a user or a site: rows of a key stay together.

    The hash is the same in every run and on every machine, and the folds do not depend
    on the order of the rows. Folds have about equal numbers of keys, if these are many;
    of few keys a fold may have none, and is left out.
    As ``cv=`` of the linear estimators it works for rows in memory and for `Batches`,
    whose rows are then read once.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    key : str or int, default=None
        Name or index of the column of X that holds the keys, which must be numbers.
        None for the keys that batches hold (``Batches.from_parquet(..., key="user")``),
        or for the `groups` of `fit`; these may be numbers, dates or texts.

    See Also
    --------
    RowFolds : Folds by the number of the row.

    Examples
    --------
    >>> from sklearn_myhpo.data import KeyFolds
    >>> users = ["ann", "bob", "ann", "cid", "bob", "ann"]
    >>> for _, held_out in KeyFolds(2).split(users, groups=users):
    ...     print(held_out.tolist())
    [0, 2, 5]
    [1, 3, 4]
    """

    def __init__(self, n_splits: int = 5, key: str | int | None = None) -> None:
        super().__init__(n_splits)
        if isinstance(key, bool) or not (
            key is None or isinstance(key, str | Integral)
        ):
            raise TypeError(
                "key must be the name or the number of a column of X, or None. Got "
                f"{shown(key)}."
            )
        self.key = key

    @property
    def takes_groups(self) -> bool:
        """Whether the groups of `fit` are the keys."""
        return self.key is None

    def __repr__(self):
        return f"KeyFolds(n_splits={self.n_splits}, key={shown(self.key)})"

    def labels(self, block: Any) -> np.ndarray:
        """Return the fold of every row of a block.

        Parameters
        ----------
        block : Block
            A block of a source of rows. A `key` that is a name must be converted to an
            index before.

        Returns
        -------
        ndarray of int of shape (b,)
        """
        if self.key is not None:
            return self._folds(_column_of(block.X, self.key))
        if block.key is None:
            raise ValueError(
                f"{self} needs the keys of the rows, but there are none. Give the "
                "column of X, KeyFolds(key=...), the groups of fit, or keys to "
                "Batches, as in Batches.from_parquet(..., key=...)."
            )
        return self._folds(block.key)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Any:
        """Yield the training and validation rows of every fold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            An array, a sparse matrix or a frame, with the column `key`.
        y : object, default=None
            Not used.
        groups : array-like of shape (n_samples,), default=None
            The keys, where `key` is None.

        Yields
        ------
        train, test : ndarray of int
        """
        if self.key is not None:
            names = getattr(X, "columns", None)
            rule = self.of_columns(names, np.shape(X)[1])
            fold = self._folds(_column_of(X, rule.key))
        elif groups is None:
            raise ValueError(
                f"{self} needs the groups of the rows, or key=, a column of X. Pass "
                "them to fit: fit(X, y, groups=...)."
            )
        else:
            fold = self._folds(groups)
        yield from self._pairs(fold)

    def of_columns(self, names: Any, n_features: int) -> Any:
        """Return the same folds with the index of the column instead of its name.

        Parameters
        ----------
        names : sequence of str or None
            Of the columns.
        n_features : int
            Number of the columns.

        Returns
        -------
        KeyFolds
        """
        key = self.key
        if isinstance(key, str):
            found = [] if names is None else list(names)
            if key not in found:
                raise ValueError(
                    f"{self} needs X with a column {shown(key)}. Got "
                    f"{'no names' if names is None else shown(found)}."
                )
            key = found.index(key)
        if key is not None and not -n_features <= key < n_features:
            raise ValueError(f"{self} needs a column {key} of X with {n_features}.")
        return KeyFolds(self.n_splits, key)

    def _folds(self, keys):
        """Return the fold of every key."""
        chance = uniform(hash_keys(keys, "the key of KeyFolds"))
        own = type_of_labels(self.n_splits)
        # The product may be rounded up to the number of folds.
        return np.minimum((chance * self.n_splits).astype(own), self.n_splits - 1)


def _column_of(X, number):
    """Return a column of an array, a sparse matrix or a frame."""
    if hasattr(X, "iloc"):
        column = np.asarray(X.iloc[:, number])
    elif sparse.issparse(X):
        column = X[:, [number]].toarray().ravel()
    else:
        column = np.asarray(X)[:, number]
    # Read in the same way as by a fit.
    return column.astype(np.float64) if column.dtype.kind in "fiub" else column


def _length(X):
    """Return the number of rows."""
    shape = getattr(X, "shape", None)
    return shape[0] if shape else len(X)
