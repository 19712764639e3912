"""The columns of terms for the rows of a fit, in memory or formed by blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.arrays import columns_where
from ..data.formed import FormedDesign
from ..data.limits import row_limits
from ..data.sources import as_design
from ..penalties.labelled import with_labels

#: Rows of the head of columns that are formed by blocks.
HEAD_ROWS = 100


@dataclass(frozen=True, eq=False)
class TermRows:
    """Rows of X in the form of which columns are made.

    Attributes
    ----------
    numbers : ndarray of shape (n_samples, n_numbers) or None
        NaN where missing; None without numbers.
    codes : ndarray of int of shape (n_samples, n_features) or None
        Numbers of categories, -1 of unknown ones; None without such features.
    """

    numbers: np.ndarray | None
    codes: np.ndarray | None

    @property
    def n_samples(self):
        """The number of rows."""
        return len(self.codes if self.numbers is None else self.numbers)

    def take(self, index):
        """Return the rows of an index or slice."""
        parts = self.numbers, self.codes
        return TermRows(*(None if part is None else part[index] for part in parts))


class Columns:
    """The columns of some terms, for the rows of a fit.

    Parameters
    ----------
    terms : TermColumns
    rows : TermRows
    kept : ndarray of bool of shape (n_columns,), default=None
        Which columns; all of a term or none. None for all.
    X : ndarray or CSR matrix of shape (n_samples, n_kept), default=None
        The columns if they are known.

    Attributes
    ----------
    X : LabelledArray, CSR matrix or FormedDesign of shape (n_samples, n_kept)
        The input of the linear model.
    labels, names : ndarray of str of shape (n_kept,)
        The group, and the name, of every column.
    """

    def __init__(self, terms, rows, kept=None, X=None):
        self._terms, self._rows = terms, rows
        self.kept = np.ones(terms.n_columns, dtype=bool) if kept is None else kept
        self.labels = terms.labels()[self.kept]
        self.names = terms.column_names()[self.kept]
        if X is None:
            few = rows.take(slice(HEAD_ROWS))
            X = with_labels(terms.form(few, self.kept), self.labels, self.names)
            n_entries = as_design(X).entries_per_row * rows.n_samples
            if n_entries > row_limits().formed_entries:
                X = FormedDesign(self._form, rows.n_samples, X)
            else:
                X = terms.form(rows, self.kept)
        if not isinstance(X, FormedDesign):
            X = with_labels(X, self.labels, self.names)
        self.X = X

    def _form(self, index):
        """Return the columns of some rows."""
        return self._terms.form(self._rows.take(index), self.kept)

    @property
    def design(self):
        """The columns as a `Design`."""
        return as_design(self.X)

    def of(self, kept):
        """Return the columns of some of the terms.

        Parameters
        ----------
        kept : ndarray of bool of shape (n_columns,)
            Of all columns, also those that are not among these.

        Returns
        -------
        Columns
        """
        if np.array_equal(kept, self.kept):
            return self
        few = None
        if not isinstance(self.X, FormedDesign):
            few = columns_where(self.X, kept[self.kept])
        return Columns(self._terms, self._rows, kept, few)

    def labelled(self, labels):
        """Return `X` with other labels of the columns."""
        if isinstance(self.X, FormedDesign):
            head = self._terms.form(self._rows.take(slice(HEAD_ROWS)), self.kept)
            head = with_labels(head, labels, self.names)
            return FormedDesign(self._form, self._rows.n_samples, head)
        # Sparse matrices are labelled in place.
        own = self.X if isinstance(self.X, np.ndarray) else self.X.copy()
        return with_labels(own, labels, self.names)

    def means(self, weight):
        """Return the weighted means of the columns, shape (n_kept,).

        Parameters
        ----------
        weight : ndarray of shape (n_samples,)
            As in the fit of the terms.
        """
        return self._terms.means(self._rows, weight)[self.kept]
