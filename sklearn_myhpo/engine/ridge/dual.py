"""Ridge splits with one lambda and more features than rows, from row products."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ...data.design import Design
from ...penalties.coordinates import Coordinates
from ...penalties.groups import FeatureGroups
from ..linalg.block_krylov import block_krylov_subspace
from ..linalg.krylov import krylov_subspace, range_subspace
from ..linalg.triangle import triangle_of
from ..split import Origin
from ..split_set import SplitSet
from .mean_square import Moments
from .quadratic import QuadraticSplit


def build_dual_splits(designs, y, parts, groups, counts):
    """Build a `QuadraticSplit` for every split and one of all rows, or none of them.

    The solutions are combinations of the training rows. So only the products of pairs
    of rows are needed, and of these only the directions that y reaches.

    Parameters
    ----------
    designs : list of Design
        The rows in the units of every split and, last, of all rows. They are relative
        to the means of all rows if there is an intercept, else to an origin per split.
    y : ndarray of shape (n_samples, n_outputs)
    parts : RowParts
    groups : FeatureGroups
        One group.
    counts : OracleCounts

    Returns
    -------
    list of QuadraticSplit or None
        None where the rows are so ill-conditioned that their singular vectors are
        needed.
    """
    full = designs[-1]
    if full.is_sparse and any(design.has_large_means for design in designs):
        return None
    everything = parts.sample_weight, parts.sample_weight
    weights = [*map(parts.weights, range(parts.n_splits)), everything]
    shares = np.array([train / train.sum() for train, _ in weights])
    origins = [design.shift for design in designs]
    if full.fit_intercept:
        # One pass over the rows serves all splits. The mean of all rows is the origin.
        means = full.adjoint(shares[:-1].T)[: full.n_features].T
        origins[:-1] = map(full.moved_origin, means)
    splits, products = [], None
    for number, design in enumerate(designs):
        if products is None or design is not designs[number - 1]:
            products = design.row_products()
        facts = shares[number], weights[number][1], origins[number]
        rows = _SplitRows(design, products, *facts)
        is_full = number == parts.n_splits
        split = _build_split(rows, y, groups, counts, is_full)
        if split is None:
            return None
        splits.append(split)
    return splits


class Kernel(NamedTuple):
    """Products of centred rows, each times the root of its share of the weight.

    Attributes
    ----------
    products : ndarray of shape (n_rows, n_rows)
    root : ndarray of shape (n_rows,)
        Roots of the shares.
    """

    products: np.ndarray
    root: np.ndarray


@dataclass(frozen=True, eq=False)
class RowCoordinates(Coordinates):
    """Coordinates that are combinations of centred rows.

    The basis itself is not stored, since it would take as much memory as X for every
    split. Means over features are not defined: the mean response needs all directions.

    Attributes
    ----------
    design : Design
    index : ndarray of shape (n_train,)
    combine : ndarray of shape (n_train, n_coordinates)
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows in the mean that is subtracted; None if it is zero.
    kernel : Kernel or None
        Kernel of all rows if the coordinates may not span them; None if they do.
    """

    design: Design = None
    index: np.ndarray = None
    combine: np.ndarray = None
    weight: np.ndarray | None = None
    kernel: Kernel | None = None

    def shares(self, w):
        """Return the share of every row (n_samples, k) in coordinates (n, k)."""
        own = self.combine @ w
        shares = np.zeros((self.design.n_samples, w.shape[1]))
        shares[self.index] = own
        if self.weight is not None:
            shares -= np.outer(self.weight, own.sum(axis=0))
        return shares

    def rotated(self, rotation):
        """Return these coordinates in an orthonormal basis (n, k)."""
        labels = np.zeros(rotation.shape[1], dtype=np.intp)
        groups = FeatureGroups(labels, self.groups.names)
        return replace(self, groups=groups, combine=self.combine @ rotation)

    def _expand(self, w):
        return self.design.adjoint(self.shares(w))[: self.design.n_features]

    def _contract(self, weights):
        padded = np.zeros((self.design.n_coordinates, weights.shape[1]))
        padded[: self.design.n_features] = weights
        image = self.design.forward(padded)
        own = image[self.index]
        if self.weight is not None:
            own = own - self.weight @ image
        return self.combine.T @ own


class RowSplitSet(SplitSet):
    """Splits whose coordinates are combinations of the same rows.

    Every split may have rows in its own units.
    """

    def moves_to_features(self, moves):
        """Return coefs and intercepts of every split's moves, in one pass over X."""
        shares = [
            split.coordinates.shares(own)
            for split, own in zip(self.splits, moves, strict=True)
        ]
        first = self.splits[0].coordinates.design
        rows = first.about(first.shift, None, False, first.has_large_means)
        sums = rows.adjoint(np.hstack(shares))
        ends = np.cumsum([own.shape[1] for own in shares])[:-1]
        models = []
        for split, share, own, move in zip(
            self.splits, shares, np.split(sums, ends, axis=1), moves, strict=True
        ):
            design = split.coordinates.design
            if design.shift is not first.shift:
                own = own - np.outer(design.shift - first.shift, share.sum(axis=0))
            coefs = split.coordinates.complete(design.scaled(own.T).T)
            models.append((coefs, split.intercepts_of(coefs, move)))
        return models


def row_coordinates(design, weight, combine, groups, index=None):
    """Return coordinates that are combinations of rows minus a mean.

    Parameters
    ----------
    design : Design
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows in the mean; None if that is zero.
    combine : ndarray of shape (n_rows, n_coordinates)
    groups : FeatureGroups
        One group.
    index : ndarray of shape (n_rows,) or None
        The rows that are combined; None for all.

    Returns
    -------
    Coordinates
    """
    return RowCoordinates(
        FeatureGroups(np.zeros(combine.shape[1], dtype=np.intp), groups.names),
        design.n_features,
        None,
        np.array([design.n_features]),
        scale=design.scale,
        design=design,
        index=np.arange(design.n_samples) if index is None else index,
        combine=combine,
        weight=weight,
    )


@dataclass(frozen=True, eq=False)
class _SplitRows:
    """The rows of one split.

    Attributes
    ----------
    design : Design
    products : ndarray of shape (n_samples, n_samples)
        Of all pairs of rows.
    share : ndarray of shape (n_samples,)
        Training weights with sum one.
    validation : ndarray of shape (n_samples,)
        Validation weights.
    origin : ndarray of shape (n_features,)
        Origin of the features of the model.
    """

    design: Design
    products: np.ndarray
    share: np.ndarray
    validation: np.ndarray
    origin: np.ndarray

    def centred_products(self, train, *others):
        """Return the products of training rows, and of all rows with these.

        All rows are relative to the training mean.
        """
        own = self.products[np.ix_(train, train)]
        cross = [self.products[np.ix_(other, train)] for other in others]
        if self.design.fit_intercept:
            share = self.share[train]
            along = own @ share
            square = share @ along
            for products in (*cross, own):
                products -= (products @ share)[:, None]
                products -= along
                products += square
        return own, *cross

    def target(self, y):
        """Return the training rows, the roots of their shares, y times these, mean y.

        y is centred if there is an intercept.
        """
        index = np.flatnonzero(self.share)
        share = self.share[index]
        has_mean = self.design.fit_intercept
        y_mean = share @ y[index] if has_mean else np.zeros(y.shape[1])
        root = np.sqrt(share)
        return index, root, root[:, None] * (y[index] - y_mean), y_mean

    def split(self, moments, coordinates, y_mean, counts):
        """Return the split of training and validation moments in some coordinates."""
        return QuadraticSplit(
            *moments,
            coordinates,
            self.origin,
            np.zeros(coordinates.combine.shape[1]),
            Origin(None, y_mean),
            counts,
        )

    def coordinates(self, combine, groups, index, kernel):
        """Return the coordinates of combinations of the training rows."""
        centre = self.share if self.design.fit_intercept else None
        found = row_coordinates(self.design, centre, combine, groups, index)
        return replace(found, kernel=kernel)


def _build_split(rows, y, groups, counts, is_full):
    """Return the split, or None where its rows are ill-conditioned.

    The split of all rows is solved for one penalty only, for which no eigenvectors are
    needed.
    """
    index, root, target, y_mean = rows.target(y)
    held_out = np.flatnonzero([] if is_full else rows.validation)
    own, cross = rows.centred_products(index, held_out)
    own *= root[:, None]
    own *= root
    dependent = root if rows.design.fit_intercept else None
    space = _krylov(own, target, dependent)
    if space is None and is_full and y.shape[1] > 1:
        triangle = triangle_of(own, dependent)
        if triangle is not None:
            moments = _moments_of_triangle(triangle, target)
            combine = root[:, None] * triangle.combine
            coordinates = rows.coordinates(combine, groups, index, Kernel(own, root))
            return rows.split((moments, moments), coordinates, y_mean, counts)
    space = space or range_subspace(own)
    if space is None:
        return None
    train = _moments_of_space(space, target)
    # Coordinates are A' u / s for left singular pairs (u, s) of the rows A.
    combine = root[:, None] * space.basis / np.sqrt(space.values)
    if is_full:
        validation = replace(train, gram=np.diag(train.gram))
    else:
        weight = rows.validation[held_out] / rows.validation[held_out].sum()
        left = y[held_out] - y_mean
        validation = _explicit_moments(cross @ combine, left, weight, train.reference)
    kernel = Kernel(own, root) if is_full else None
    coordinates = rows.coordinates(combine, groups, index, kernel)
    return rows.split((train, validation), coordinates, y_mean, counts)


def _krylov(own, target, dependent):
    """Return the subspace of the solutions of all targets, or None if it is large."""
    if target.shape[1] == 1:
        return krylov_subspace(own, target[:, 0])
    if dependent is not None:
        # Rounding introduces the null direction of centred rows. With a value like
        # those of the others it does no harm, since the targets have no component along
        # it.
        own = own + np.trace(own) / len(own) * np.outer(dependent, dependent)
    return block_krylov_subspace(own, target)


def _moments_of_space(space, target):
    """Return the training moments in coordinates that are eigenvectors."""
    singular = np.sqrt(space.values)
    linear = singular[:, None] * (space.basis.T @ target)
    reference = linear / space.values[:, None]
    left = target - space.basis @ (singular[:, None] * reference)
    return Moments(
        space.values,
        linear,
        reference,
        np.zeros_like(linear),
        np.sum(left**2, axis=0),
    )


def _moments_of_triangle(triangle, target):
    """Return the training moments in the coordinates of a triangle."""
    reference, linear = triangle.least_squares(target), triangle.linear(target)
    left = target - triangle.rows(reference)
    return Moments(
        triangle.gram,
        linear,
        reference,
        np.zeros_like(linear),
        np.sum(left**2, axis=0),
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
