"""Coordinates in which a split works: features, or a row space per group."""

from dataclasses import dataclass, replace

import numpy as np

from .groups import FeatureGroups


@dataclass(frozen=True)
class Coordinates:
    """An isometry between feature weights and the coordinates of a solver.

    ``|w|^2`` of every group is the same in both, so penalties, proximal terms
    and gradient steps are too; a rotation within a group changes nothing but
    the size of the arrays.

    Attributes
    ----------
    groups : FeatureGroups
        Group of every coordinate.
    n_features : int
        Number of features on the other side.
    ones : ndarray of shape (n_coordinates,)
        The vector whose feature weights are all one, for means over features.
    group_sizes : ndarray of shape (n_groups,)
        Number of features in every group.
    bases : tuple of (columns, ndarray or None)
        Per block of coordinates, the features it stands for and an orthonormal
        basis (n_columns, n_block) of their row space; None for the features
        themselves.
    rotation : ndarray of shape (n, n_coordinates) or None
        Orthonormal columns, applied before the bases.
    """

    groups: FeatureGroups
    n_features: int
    ones: np.ndarray
    group_sizes: np.ndarray
    bases: tuple = ()
    rotation: np.ndarray | None = None

    def to_features(self, w):
        """Return feature weights (n_features, k) of coordinates (n, k)."""
        if self.rotation is not None:
            w = self.rotation @ w
        if not self.bases:
            return w
        out = np.empty((self.n_features, w.shape[1]))
        start = 0
        for columns, basis in self.bases:
            stop = start + (len(columns) if basis is None else basis.shape[1])
            block = w[start:stop]
            out[columns] = block if basis is None else basis @ block
            start = stop
        return out

    def from_features(self, coef):
        """Return the coordinates (n, k) of feature weights (n_features, k)."""
        w = coef
        if self.bases:
            w = np.vstack(
                [
                    coef[columns] if basis is None else basis.T @ coef[columns]
                    for columns, basis in self.bases
                ]
            )
        return w if self.rotation is None else self.rotation.T @ w

    def rotated(self, rotation):
        """Return these coordinates, of one group, in an orthonormal basis (n, k)."""
        labels = np.zeros(rotation.shape[1], dtype=np.intp)
        return replace(
            self,
            groups=FeatureGroups(labels, self.groups.names),
            rotation=rotation,
            ones=rotation.T @ self.ones,
        )

    def group_means(self, w):
        """Return the vector of the same shape whose features are group means."""
        sums = np.stack(
            [self.groups.sum_by_group(column) for column in (w.T * self.ones)], axis=1
        )
        means = sums / self.group_sizes[:, None]
        return self.ones[:, None] * means[self.groups.labels]


def feature_coordinates(groups):
    """Return the identity: coordinates that are the features."""
    n_features = len(groups.labels)
    return Coordinates(
        groups,
        n_features,
        np.ones(n_features),
        np.bincount(groups.labels, minlength=groups.n_groups),
    )
