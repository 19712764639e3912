"""Coordinates of inner problems: the features, or a row space per group."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from .groups import FeatureGroups


class Eliminated(NamedTuple):
    """Unpenalized features, with weights that are linear in the other weights.

    Attributes
    ----------
    kept, free : ndarray of int
        Features with coordinates, and features without.
    follow : ndarray of shape (n_free, n_kept)
        Weights of `free` per weight of `kept`, in the units of the rows.
    """

    kept: np.ndarray
    free: np.ndarray
    follow: np.ndarray


@dataclass(frozen=True, eq=False)
class Coordinates:
    """A map between feature weights and the coordinates of a solver.

    The penalty of every group is ``exp(lambda) |w|^2`` in the coordinates. Up to the
    units of the features the map is an isometry, so proximal terms and gradient steps
    are equal in both. A rotation within a group only reduces the size of the arrays.

    Attributes
    ----------
    groups : FeatureGroups
        Group of every coordinate.
    n_features : int
        Number of features.
    ones : ndarray of shape (n_coordinates,)
        Coordinates of feature weights that are all one, in the units of the rows; for
        means over features.
    group_sizes : ndarray of shape (n_groups,)
        Number of features in every group.
    bases : tuple of (columns, ndarray or None)
        Per block of coordinates, its features and an orthonormal basis
        (n_columns, n_block) of their row space; None for the features themselves.
        Indices of features leave out the eliminated ones.
    rotation : ndarray of shape (n, n_coordinates) or None
        Orthonormal columns, applied before the bases.
    scale : ndarray of shape (n_features,) or None
        Units of the rows: the weight of a feature is its scale times its weight in
        the units of the rows. None for ones.
    eliminated : Eliminated or None
        Features without a coordinate.
    """

    groups: FeatureGroups
    n_features: int
    ones: np.ndarray
    group_sizes: np.ndarray
    bases: tuple = ()
    rotation: np.ndarray | None = None
    scale: np.ndarray | None = None
    eliminated: Eliminated | None = None

    def to_features(self, w):
        """Return feature weights (n_features, k) of coordinates (n, k)."""
        return self.complete(self._expand(w))

    def from_features(self, coef):
        """Return the coordinates (n, k) of feature weights (n_features, k)."""
        if self.scale is not None:
            coef = coef / self.scale[:, None]
        if self.eliminated is not None:
            coef = coef[self.eliminated.kept]
        return self._contract(coef)

    def complete(self, weights):
        """Return feature weights (n_features, k) of weights in the units of the rows.

        Parameters
        ----------
        weights : ndarray of shape (n_kept, k)
            Weights of the features that are not eliminated.
        """
        if self.eliminated is not None:
            kept, free, follow = self.eliminated
            own, weights = weights, np.empty((self.n_features, weights.shape[1]))
            weights[kept], weights[free] = own, follow @ own
        return weights if self.scale is None else self.scale[:, None] * weights

    def in_units(self, unit):
        """Return the coordinates of rows times a unit (n_features,)."""
        scale = unit if self.scale is None else self.scale * unit
        return replace(self, scale=scale)

    def scale_of(self, features):
        """Return the scale of some features, an array or 1."""
        return 1.0 if self.scale is None else self.scale[features]

    def _expand(self, w):
        """Return the weights of the features that are not eliminated."""
        if self.rotation is not None:
            w = self.rotation @ w
        if not self.bases:
            return w
        size = sum(len(columns) for columns, _ in self.bases)
        out = np.empty((size, w.shape[1]))
        start = 0
        for columns, basis in self.bases:
            stop = start + (len(columns) if basis is None else basis.shape[1])
            block = w[start:stop]
            out[columns] = block if basis is None else basis @ block
            start = stop
        return out

    def _contract(self, weights):
        """Return the coordinates of weights of the features that are not eliminated."""
        w = weights
        if self.bases:
            w = np.vstack(
                [
                    weights[columns] if basis is None else basis.T @ weights[columns]
                    for columns, basis in self.bases
                ]
            )
        return w if self.rotation is None else self.rotation.T @ w

    def rotated(self, rotation):
        """Return these coordinates of one group in an orthonormal basis (n, k)."""
        labels = np.zeros(rotation.shape[1], dtype=np.intp)
        return replace(
            self,
            groups=self.groups.relabelled(labels),
            rotation=rotation,
            ones=rotation.T @ self.ones,
        )

    def without_unpenalized(self, follow):
        """Return coordinates of the grouped features, unpenalized ones eliminated.

        Parameters
        ----------
        follow : ndarray of shape (n_unpenalized, n_kept)
            Weights of the unpenalized coordinates per weight of the penalized ones.

        Returns
        -------
        Coordinates
        """
        kept = self.groups.is_penalized
        features, bases = np.flatnonzero(kept), ()
        free = self.groups.unpenalized
        if self.bases:
            # The unpenalized features are the last block.
            *blocks, (free, _) = self.bases
            features = np.setdiff1d(np.arange(self.n_features), free)
            bases = tuple(
                (np.searchsorted(features, columns), basis) for columns, basis in blocks
            )
        own = replace(
            self,
            groups=self.groups.penalized_only(),
            ones=self.ones[kept],
            bases=bases,
        )
        follow = own._expand(follow.T).T
        return replace(own, eliminated=Eliminated(features, free, follow))

    def group_means(self, w):
        """Return coordinates in which every feature weight is the mean of its group.

        The means are over weights in the units of the rows, where the penalty is
        ``exp(lambda) |w|^2``. Weights outside the groups are unchanged.
        """
        groups = self.groups.of_features
        sums = np.stack(
            [groups.sum_by_group(column) for column in (w.T * self.ones)], axis=1
        )
        means = groups.expand(sums / self.group_sizes[:, None])
        means *= self.ones[:, None]
        free = groups.unpenalized
        means[free] = w[free]
        return means


@dataclass(frozen=True, eq=False)
class UnitCoordinates(Coordinates):
    """Coordinates in row spaces for rows in other units than the bases.

    Attributes
    ----------
    units : ndarray of shape (n_features,)
        Units of the rows relative to those of the bases.
    factors : tuple of (ndarray of shape (n_block, n_block) or None)
        Lower Cholesky factor of ``basis' diag(units^2) basis`` of every block, None
        for a block of features.
    """

    units: np.ndarray | None = None
    factors: tuple = ()

    def from_base(self, w):
        """Return the weights with the predictions of weights (n, k) without units."""
        out, start = np.empty_like(w), 0
        for (columns, basis), factor in zip(self.bases, self.factors, strict=True):
            stop = start + (len(columns) if basis is None else basis.shape[1])
            block = w[start:stop]
            if basis is None:
                out[start:stop] = block / self.units[columns, None]
            else:
                out[start:stop] = solve_triangular(factor, block, lower=True)
            start = stop
        return out

    def _expand(self, w):
        out = np.empty((self.n_features, w.shape[1]))
        start = 0
        for (columns, basis), factor in zip(self.bases, self.factors, strict=True):
            stop = start + (len(columns) if basis is None else basis.shape[1])
            block = w[start:stop]
            if basis is not None:
                solved = solve_triangular(factor, block, lower=True, trans=1)
                block = self.units[columns, None] * (basis @ solved)
            out[columns] = block
            start = stop
        return out

    def _contract(self, weights):
        blocks = []
        for (columns, basis), factor in zip(self.bases, self.factors, strict=True):
            block = weights[columns]
            if basis is not None:
                block = basis.T @ (self.units[columns, None] * block)
                block = solve_triangular(factor, block, lower=True)
            blocks.append(block)
        return np.vstack(blocks)


def feature_coordinates(groups, scale=None):
    """Return one coordinate per feature, in the units of the rows.

    Parameters
    ----------
    groups : FeatureGroups
    scale : ndarray of shape (n_features,) or None
        As in `Coordinates`.

    Returns
    -------
    Coordinates
    """
    n_features = len(groups.labels)
    return Coordinates(
        groups.relabelled(groups.labels),
        n_features,
        np.ones(n_features),
        np.array(groups.sizes),
        scale=scale,
    )
