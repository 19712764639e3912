"""A feature or a pair of features, and the kinds of its columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..data.blocks import slices
from ._pair import Pair
from ._smooth import Smooth


class Term(NamedTuple):
    """A feature or a pair of features, and its columns.

    Attributes
    ----------
    features : tuple of int
    curve : Smooth or Pair
    has_indicator : bool
        Whether the last column indicates missing values of the feature.
    """

    features: tuple[int, ...]
    curve: Smooth | Pair
    has_indicator: bool = False

    @property
    def n_columns(self):
        """The number of columns."""
        return self.curve.n_columns + self.has_indicator

    def kinds(self):
        """Return "linear", "smooth" or "missing" of every column."""
        n_linear = self.curve.n_linear
        n_smooth = self.curve.n_columns - n_linear
        indicator = ["missing"] * self.has_indicator
        return ["linear"] * n_linear + ["smooth"] * n_smooth + indicator

    def write(self, rows, out):
        """Write the columns of rows (n, n_features) into an array.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)
            Values, NaN where missing.
        out : ndarray of shape (n, n_columns)
            Is overwritten.
        """
        values = [np.asarray(rows[:, index], np.float64) for index in self.features]
        out[:, : self.curve.n_columns] = self.curve.columns(*values)
        if self.has_indicator:
            out[:, -1] = np.isnan(values[0])


def write_terms(terms, rows, out=None):
    """Return the columns of some terms, side by side.

    Parameters
    ----------
    terms : list of Term
    rows : ndarray of shape (n, n_features)
        Values, NaN where missing.
    out : ndarray of shape (n, n_columns), default=None
        Is overwritten; None for a new one in the precision of the rows.

    Returns
    -------
    ndarray of shape (n, n_columns)
    """
    ends = np.cumsum([0, *(term.n_columns for term in terms)])
    if out is None:
        out = np.empty((len(rows), ends[-1]), dtype=rows.dtype)
    widest = max((term.n_columns for term in terms), default=1)
    for block in slices(len(rows), widest, cached=True):
        for term, start, end in zip(terms, ends, ends[1:], strict=False):
            term.write(rows[block], out[block, start:end])
    return out
