"""Coordinates in which ridge splits with one lambda have diagonal Hessians."""

import numpy as np

from ..limits import limits
from ..linalg.krylov import krylov_subspace
from ..linalg.rational import rational_subspace


class Diagonalizer:
    """Finds coordinates of a split with one lambda in which its Hessian is diagonal.

    In this order: the Krylov space of the solutions, their rational Krylov space,
    singular vectors of the rows where these are few, eigenvectors of the moments.

    Parameters
    ----------
    design : Design
        The rows, in the coordinates of the splits.
    parts : RowParts
    scale_ratio : float
        Ratio of the largest to the smallest second moment of a feature.
    all_directions : bool
        Whether directions that no solution takes must be kept.

    Attributes
    ----------
    found : str
        Name of the coordinates that were found.
    """

    def __init__(self, design, parts, scale_ratio, all_directions):
        self.design, self.parts = design, parts
        self.all_directions = all_directions
        self.scale_ratio = scale_ratio
        self.found = "Cholesky factors"
        self._subspaces = {}
        if not all_directions and scale_ratio <= limits().eigen_ratio:
            self._subspaces = {
                "Krylov subspace": krylov_subspace,
                "rational Krylov subspace": rational_subspace,
            }
        # One rule for all splits: they are scanned together.
        self.n_rows = parts.n_training_rows.max()

    def __call__(self, split, number):
        """Return a split in other coordinates, or as it is.

        Parameters
        ----------
        split : QuadraticSplit
        number : int
            Which of the splits it is.
        """
        own = split.train.gram, split.train.linear[:, 0]
        while self._subspaces and split.n_outputs == 1:
            name = next(iter(self._subspaces))
            space = self._subspaces[name](*own)
            if space is not None:
                self.found = f"{name} of {len(space.values)} dimensions"
                return split.in_basis(space.basis, space.values)
            # The other splits have the same conditioning.
            del self._subspaces[name]
        few = self.n_rows <= limits().rows_per_coordinate * split.shape[0]
        if self.design.is_sparse or not few:
            if self.scale_ratio > limits().eigen_ratio:
                return split
            self.found = "eigenvectors of the moments"
            return split.diagonalized()
        if self.scale_ratio > limits().singular_ratio:
            return split
        self.found = "singular vectors of the rows"
        rows = training_rows(split, self.design, self.parts.weights(number)[0])
        return split.diagonalized(rows, self.all_directions)


def training_rows(split, design, weight):
    """Return the centred training rows of a split times the roots of their weights.

    Parameters
    ----------
    split : QuadraticSplit
        In the coordinates of the design, before any rotation.
    design : Design
    weight : ndarray of shape (n_samples,)
        Training weights.

    Returns
    -------
    ndarray of shape (n_train, m)
    """
    index = np.flatnonzero(weight)
    root = np.sqrt(weight[index] / weight.sum())
    return root[:, None] * split.own_rows(design.take(index).centred())


def scale_ratio(second_moments):
    """Return the ratio of the largest to the smallest second moment of a feature."""
    positive = second_moments[second_moments > 0]
    return positive.max() / positive.min() if len(positive) else 1.0
