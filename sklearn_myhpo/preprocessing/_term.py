"""A feature or a pair of features, and what its columns are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._pair import Pair
from ._smooth import Smooth


class Term(NamedTuple):
    """A feature or a pair of features, and its columns.

    Attributes
    ----------
    features : tuple of int
    curve : Smooth or Pair
    has_indicator : bool
        Whether a last column says where the feature is missing.
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
        values = [rows[:, index].astype(np.float64) for index in self.features]
        out[:, : self.curve.n_columns] = self.curve.columns(*values)
        if self.has_indicator:
            out[:, -1] = np.isnan(values[0])
