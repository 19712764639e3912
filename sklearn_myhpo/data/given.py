"""Rows as the user gave them, for custom functions."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import _safe_indexing, indexable


@dataclass(frozen=True, eq=False)
class GivenRows:
    """X, y and weights in the form in which `fit` got them.

    Attributes
    ----------
    X, y : array-like, frame or sparse array
        The data, with equal numbers of rows.
    sample_weight : ndarray of shape (n_samples,) or None
        None where there are none.
    """

    X: object
    y: object
    sample_weight: np.ndarray | None

    def __post_init__(self):
        # Some sparse formats have no rows.
        for name, value in zip("Xy", indexable(self.X, self.y), strict=True):
            object.__setattr__(self, name, value)

    def features(self, index):
        """Return some rows of X, in the form of X.

        Parameters
        ----------
        index : ndarray of int of shape (n_rows,)

        Returns
        -------
        array-like, frame or sparse array
        """
        return _safe_indexing(self.X, index)

    def scored(self, index, model):
        """Return some rows of X, and the model that a scorer gets with them."""
        return self.features(index), model

    def target(self, index):
        """Return some rows of y, in the form of y."""
        return _safe_indexing(self.y, index)

    def weight(self, index):
        """Return the weights of some rows; None where there are none."""
        return None if self.sample_weight is None else self.sample_weight[index]
