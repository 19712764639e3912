"""Rows of a tensor in the coordinates of a ridge model of them all."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..data.tensors.rows import forward


class RowsHere(NamedTuple):
    """Rows of a block of a tensor, on its device.

    Attributes
    ----------
    share : array of shape (b, 1)
        Weights of the rows; those of all rows have the sum one.
    z : array of shape (b, k)
        Coordinates.
    target : array of shape (b, n_targets)
    leverage : array of shape (b, 1)
        In a model of the intercept and of unpenalized features.
    """

    share: object
    z: object
    target: object
    leverage: object


class RowsOfModel(NamedTuple):
    """How rows, targets and leverages of a model are formed on the device of X.

    Attributes
    ----------
    facts : CondensedFacts
    combine : ndarray of shape (n_features, k)
        Maps centred rows of X to coordinates, from which the part that unpenalized
        features explain is removed.
    free : ndarray of shape (n_features, r)
        Maps rows to orthonormal combinations of the unpenalized features.
    free_coef : ndarray of shape (n_features, n_targets) or None
        Maps rows to the part of the targets that unpenalized features explain.
    x_mean : ndarray of shape (n_features,)
    y_mean : ndarray of shape (n_targets,)
        About the origin of `facts`.
    total : float
        Sum of the weights.
    fit_intercept : bool
    """

    facts: object
    combine: np.ndarray
    free: np.ndarray
    free_coef: np.ndarray | None
    x_mean: np.ndarray
    y_mean: np.ndarray
    total: float
    fit_intercept: bool

    @classmethod
    def of_split(cls, split, whole, facts):
        """Return the `RowsOfModel` of a split of all rows.

        Parameters
        ----------
        split : QuadraticSplit
        whole : Whole
            The condensed rows that represent the tensor.
        facts : CondensedFacts
        """
        coordinates, root = split.coordinates, whole.free.root
        if root is not None and coordinates.eliminated is None:
            # Coordinates of the part that unpenalized features do not explain.
            outer, split = coordinates, whole.split
            coordinates = replace(
                split.coordinates, bases=outer.bases, rotation=outer.rotation
            )
        combine = coordinates.to_features(np.eye(len(coordinates.groups.labels)))
        origin = split.origin
        free = np.zeros((len(combine), 0 if root is None else root.shape[1]))
        if root is not None:
            scale = coordinates.scale
            free[coordinates.eliminated.free] = root
            free *= 1.0 if scale is None else scale[:, None]
        x_mean = split.feature_shift if whole.fit_intercept else np.zeros(len(combine))
        y_mean = np.asarray(origin.intercept, dtype=float).reshape(-1)
        if origin.coef is not None:
            y_mean = y_mean + x_mean @ origin.coef
        return cls(
            facts,
            combine,
            free,
            origin.coef,
            x_mean,
            y_mean,
            float(facts.rows.weight.sum()),
            whole.fit_intercept,
        )

    @property
    def source(self):
        """The rows as a `TensorSource`."""
        return self.facts.rows.source

    def of(self, block):
        """Return the `RowsHere` of a block.

        Parameters
        ----------
        block : TensorBlock
        """
        home = block.home
        share = home.put((block.weight / self.total)[:, None])
        matrices = [self.combine, self.free]
        if self.free_coef is not None:
            matrices.append(self.free_coef)
        raw = forward(block, self.x_mean, np.concatenate(matrices, axis=1))
        end = self.combine.shape[1]
        stop = end + self.free.shape[1]
        target = home.put(self.facts.target(block.y) - self.y_mean)
        if self.free_coef is not None:
            target = target - raw[:, stop:]
        leverage = share if self.fit_intercept else 0.0 * share
        if stop > end:
            free = raw[:, end:stop]
            own = home.xp.sum(free * free, axis=1)
            leverage = leverage + share * own[:, None]
        return RowsHere(share, raw[:, :end], target, leverage)
