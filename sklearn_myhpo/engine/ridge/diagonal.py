"""Coordinates in which ridge splits with one lambda have diagonal Hessians."""

import numpy as np

from ..limits import limits
from ..linalg.krylov import krylov_subspace
from ..linalg.rational import rational_subspace
from .axes import axes_of_rows


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
    units : ndarray of shape (n_splits, n_features) or None
        Factors of the features of every split.
    is_start : bool
        Whether the single lambda is only the start for several. Then the eigenvectors
        of the moments are accurate enough, at a fraction of the cost.
    known : list of Axes or None
        Of every split, if they are known.

    Attributes
    ----------
    found : str
        Name of the coordinates that were found.
    axes : list of Axes
        Of the splits that were decomposed.
    """

    def __init__(
        self,
        design,
        parts,
        scale_ratio,
        all_directions,
        units=None,
        is_start=False,
        known=None,
    ):
        self.design, self.parts, self.units = design, parts, units
        self.all_directions = all_directions
        self.scale_ratio, self.is_start = scale_ratio, is_start
        self.found = "Cholesky factors"
        self.known, self.axes = known, []
        self._subspaces = {}
        if not all_directions and scale_ratio <= limits().eigen_ratio:
            self._subspaces = {
                "Krylov subspace": krylov_subspace,
                "rational Krylov subspace": rational_subspace,
            }
        # The same rule for all splits, which are scanned together.
        self.n_rows = parts.n_training_rows.max()

    def __call__(self, split, number):
        """Return a split in coordinates with a diagonal Hessian, or unchanged.

        Parameters
        ----------
        split : QuadraticSplit
        number : int
            Number of the split.
        """
        if self.known is not None:
            self.found = "axes of other targets"
            return self._along(split, self.known[number])
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
        is_even = self.scale_ratio <= limits().eigen_ratio
        if self.design.is_sparse or not few or (self.is_start and is_even):
            if not is_even:
                return split
            self.found = "eigenvectors of the moments"
            return self._along(split, split.axes)
        if self.scale_ratio > limits().singular_ratio:
            return split
        self.found = "singular vectors of the rows"
        weight, _ = self.parts.weights(number)
        own = None if self.units is None else self.units[number]
        rows = training_rows(split, self.design, weight, own)
        return self._along(split, axes_of_rows(rows, self.all_directions))

    def _along(self, split, axes):
        """Return a split in coordinates along axes, which are kept."""
        split = split.in_basis(*axes)
        self.axes.append(axes._replace(held_out=split.validation.gram))
        return split


def training_rows(split, design, weight, units=None):
    """Return the centred training rows of a split times the roots of their weights.

    Parameters
    ----------
    split : QuadraticSplit
        In the coordinates of the design, before any rotation.
    design : Design
    weight : ndarray of shape (n_samples,)
        Training weights.
    units : ndarray of shape (n_features,) or None
        Factors of the features.

    Returns
    -------
    ndarray of shape (n_train, m)
    """
    index = np.flatnonzero(weight)
    root = np.sqrt(weight[index] / weight.sum())
    centred = design.take(index).centred()
    if units is not None:
        centred *= units
    return root[:, None] * split.own_rows(centred)


def scale_ratio(second_moments):
    """Return the ratio of the largest to the smallest second moment of a feature."""
    positive = second_moments[second_moments > 0]
    return positive.max() / positive.min() if len(positive) else 1.0
