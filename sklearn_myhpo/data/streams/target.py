"""Targets and weights of a block of rows, in the form of a loss."""

from typing import NamedTuple

import numpy as np


class RowTarget(NamedTuple):
    """Recipe for targets and weights of a block; small, to be sent.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,) or None
        In increasing order; None for numbers.
    class_weight : ndarray of shape (n_classes,) or None
        Factors of the weights; None for ones.
    """

    classes: np.ndarray | None = None
    class_weight: np.ndarray | None = None

    def of(self, block):
        """Return targets and weights of a block.

        Parameters
        ----------
        block : Block or HashedSample

        Returns
        -------
        y : ndarray of shape (b,)
            Numbers, float64; or indices of classes, zero for labels without weight.
        weight : ndarray of shape (b,)
            float64.
        """
        n_rows = block.X.shape[0]
        weight = np.ones(n_rows)
        if block.weight is not None:
            weight = block.weight.astype(np.float64)
        if self.classes is None:
            return block.y.reshape(n_rows).astype(np.float64), weight
        y = block.y.reshape(n_rows)
        index = np.searchsorted(self.classes, y).clip(max=len(self.classes) - 1)
        known = self.classes[index] == y
        if self.class_weight is not None:
            weight = weight * self.class_weight[index]
        return np.where(known, index, 0), np.where(known, weight, 0.0)
