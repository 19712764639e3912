"""Ridge splits with one lambda and more features than rows, from products of rows."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

from ...penalties.coordinates import Coordinates
from ...penalties.groups import FeatureGroups
from ..glm.split import DENSE_LIMIT
from ..linalg.krylov import krylov_subspace, range_subspace
from ..split_set import SplitSet
from .mean_square import Moments
from .quadratic import QuadraticSplit


def build_dual_splits(rows, y, parts, groups, counts):
    """Build a `QuadraticSplit` for every pair of row weights, or none of them.

    The solutions are combinations of the training rows, so only the products of
    rows with each other are needed, and of those only the directions that y reaches.

    Parameters
    ----------
    rows : Rows
        Centred if dense, else as they are.
    y : ndarray of shape (n_samples, n_outputs)
    parts : list of (ndarray, ndarray)
        Training and validation weights over all rows.
    groups : FeatureGroups
    counts : OracleCounts

    Returns
    -------
    list of QuadraticSplit or None
        None for several groups, for sparse rows that are too many or far from
        zero, and where the rows are so ill-conditioned that their singular vectors
        are needed.
    """
    if groups.n_groups > 1:
        return None
    if rows.is_sparse and (rows.has_large_means or rows.n_samples > DENSE_LIMIT):
        return None
    products = rows.X @ rows.X.T
    if rows.is_sparse:
        products = products.toarray()
    shares = np.array([train / train.sum() for train, _ in parts])
    means = np.zeros((len(parts), rows.n_features))
    if rows.fit_intercept:
        # In one pass over the rows for all splits.
        means = _combined_rows(rows.X, shares.T).T
    splits = []
    for share, mean, (_, validation) in zip(shares, means, parts, strict=True):
        split = _build_split(rows, products, y, share, mean, validation, groups, counts)
        if split is None:
            return None
        splits.append(split)
    return splits


@dataclass(frozen=True)
class _RowCoordinates(Coordinates):
    """Coordinates that are combinations of centred rows.

    The basis itself would take as much memory as X for every split. There are no
    means over features: what needs them asks for all directions.

    Attributes
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    index : ndarray of shape (n_train,)
    combine : ndarray of shape (n_train, n_coordinates)
    weight : ndarray of shape (n_samples,) or None
        Of the rows in the mean that is subtracted; None where it is zero.
    """

    X: np.ndarray = None
    index: np.ndarray = None
    combine: np.ndarray = None
    weight: np.ndarray | None = None

    def shares(self, w):
        """Return what every row contributes (n_samples, k) to coordinates (n, k)."""
        own = self.combine @ w
        shares = np.zeros((self.X.shape[0], w.shape[1]))
        shares[self.index] = own
        if self.weight is not None:
            shares -= np.outer(self.weight, own.sum(axis=0))
        return shares

    def to_features(self, w):
        """Return feature weights (n_features, k) of coordinates (n, k)."""
        return _combined_rows(self.X, self.shares(w))

    def from_features(self, coef):
        """Return the coordinates (n, k) of feature weights (n_features, k)."""
        image = self.X @ coef
        own = image[self.index]
        if self.weight is not None:
            own = own - self.weight @ image
        return self.combine.T @ own


def _combined_rows(X, shares):
    """Return ``X' shares``."""
    # Few rows times a large matrix is faster than its transpose.
    return X.T @ shares if issparse(X) else (shares.T @ X).T


class RowSplitSet(SplitSet):
    """Splits whose coordinates are combinations of the same rows."""

    def moves_to_features(self, moves):
        """Return coefs and intercepts of every split's moves, in one pass."""
        shares = [
            split.coordinates.shares(own)
            for split, own in zip(self.splits, moves, strict=True)
        ]
        coefs = _combined_rows(self.splits[0].coordinates.X, np.hstack(shares))
        ends = np.cumsum([own.shape[1] for own in shares])[:-1]
        return [
            (own, split.intercepts_of(own))
            for split, own in zip(
                self.splits, np.split(coefs, ends, axis=1), strict=True
            )
        ]


def row_coordinates(X, weight, combine, groups, index=None):
    """Return coordinates that are combinations of rows minus a mean.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
    weight : ndarray of shape (n_samples,) or None
        Of the rows in the mean; None where that is zero.
    combine : ndarray of shape (n_rows, n_coordinates)
    groups : FeatureGroups
        One group.
    index : ndarray of shape (n_rows,) or None
        The rows that are combined; None for all.

    Returns
    -------
    Coordinates
    """
    return _RowCoordinates(
        FeatureGroups(np.zeros(combine.shape[1], dtype=np.intp), groups.names),
        X.shape[1],
        None,
        np.array([X.shape[1]]),
        X=X,
        index=np.arange(X.shape[0]) if index is None else index,
        combine=combine,
        weight=weight,
    )


def _build_split(rows, products, y, shares, mean, validation, groups, counts):
    index = np.flatnonzero(shares)
    share = shares[index]
    held_out = np.flatnonzero(validation)
    y_mean = np.zeros(y.shape[1])
    own = products[np.ix_(index, index)]
    cross = products[np.ix_(held_out, index)]
    if rows.fit_intercept:
        y_mean = share @ y[index]
        along = own @ share
        square = share @ along
        cross = cross - cross @ share[:, None] - along + square
        own = own - along[:, None] - along + square
    root = np.sqrt(share)
    target = root[:, None] * (y[index] - y_mean)
    own = root[:, None] * own * root
    space = krylov_subspace(own, target[:, 0]) if y.shape[1] == 1 else None
    space = space or range_subspace(own)
    if space is None:
        return None
    singular = np.sqrt(space.values)
    linear = singular[:, None] * (space.basis.T @ target)
    reference = linear / space.values[:, None]
    residual = target - space.basis @ (singular[:, None] * reference)
    train_moments = Moments(
        space.values,
        linear,
        reference,
        np.zeros_like(linear),
        np.sum(residual**2, axis=0),
    )
    # Coordinates are A' u / s for left singular pairs (u, s) of the rows A.
    combine = root[:, None] * space.basis / singular
    weight = validation[held_out] / validation[held_out].sum()
    validation_moments = _explicit_moments(
        cross @ combine, y[held_out] - y_mean, weight, reference
    )
    centre = shares if rows.fit_intercept else None
    coordinates = row_coordinates(rows.X, centre, combine, groups, index)
    return QuadraticSplit(
        train_moments,
        validation_moments,
        coordinates,
        mean if rows.is_sparse else rows.shift + mean,
        y_mean,
        counts,
    )


def _explicit_moments(rows, y, weight, reference):
    """Return the moments of rows (n, m) with weights of sum one."""
    residual = y - rows @ reference
    weighted = rows.T * weight
    return Moments(
        weighted @ rows,
        weighted @ y,
        reference,
        weighted @ residual,
        weight @ residual**2,
    )
