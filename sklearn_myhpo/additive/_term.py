"""A term of an additive model, and its parts with one strength each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Part(NamedTuple):
    """Columns that share a lambda.

    Attributes
    ----------
    term : str
        The feature, or the two features of a pair, such as "age:income".
    kind : {"linear", "smooth", "missing", "category"}
    columns : slice
    """

    term: str
    kind: str
    columns: slice

    @property
    def name(self):
        """The name of its group."""
        return self.term if self.kind == "category" else f"{self.term}_{self.kind}"


class Term(NamedTuple):
    """All columns of a feature or of a pair of features.

    Attributes
    ----------
    name : str
    features : tuple of int
        Indices of columns of X.
    columns : slice
    curve_columns : preprocessing._term.Term or None
        None for categories.
    categories : ndarray or None
        None for numbers.
    mix : ndarray of shape (n_categories, n_columns) or None
        The columns of every category; None where each has an indicator.
    """

    name: str
    features: tuple[int, ...]
    columns: slice
    curve_columns: object = None
    categories: np.ndarray | None = None
    mix: np.ndarray | None = None

    @property
    def curve(self):
        """The `Smooth` or the `Pair`."""
        return self.curve_columns.curve

    def of_categories(self, values):
        """Return columns (k, n_columns) of values (k, n_categories) of categories."""
        return values if self.mix is None else values @ self.mix
