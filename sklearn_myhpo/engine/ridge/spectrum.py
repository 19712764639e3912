"""All rows of a ridge problem with one lambda, by one singular value decomposition."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import qr, svd

from ...data.blocks import slices
from ...data.few_targets import target_slices
from ...penalties.coordinates import feature_coordinates
from ..limits import limits
from ..linalg.krylov import range_subspace
from ..linalg.symmetric import eigensystem
from ..split import Origin
from .dual import row_coordinates
from .mean_square import Moments
from .quadratic import QuadraticSplit


class FreeModel(NamedTuple):
    """The part of a ridge model that is never penalized, and eliminated.

    Attributes
    ----------
    rank : int
        Its degrees of freedom; one if there is only an intercept.
    leverage : ndarray of shape (n_samples,)
        Leverage of every row in this part.
    root : ndarray of shape (n_unpenalized, rank) or None
        ``root root'`` is the pseudoinverse of the moments of the unpenalized features;
        None without any.
    n_rows : int
        Number of rows of positive weight; `rank` of their degrees of freedom are used.
    """

    rank: int
    leverage: np.ndarray
    root: np.ndarray | None
    n_rows: int


@dataclass(frozen=True, eq=False)
class Spectrum:
    """``A = U S V'``: centred rows times the roots of their shares of the weight.

    Attributes
    ----------
    split : QuadraticSplit
        Trained on all rows, in the coordinates V.
    share : ndarray of shape (n_samples,)
        Weights with sum one.
    target : ndarray of shape (n_samples, n_outputs)
        Centred, times the roots of the shares.
    squares : ndarray of shape (k,)
        Of the singular values that are not zero.
    along : ndarray of shape (k, n_outputs)
        U' target.
    outside_squares : ndarray of shape (n_outputs,)
        Sums of squares of target - U along.
    free : FreeModel
    left : callable
        Returns the rows of U for a slice.
    is_kept : bool
        Whether U may be kept.
    """

    split: QuadraticSplit
    share: np.ndarray
    target: np.ndarray
    squares: np.ndarray
    along: np.ndarray
    outside_squares: np.ndarray
    free: FreeModel
    left: object
    is_kept: bool

    @property
    def n_rows(self):
        """Number of rows of positive weight."""
        return self.free.n_rows

    @property
    def outside_square(self):
        """Sum of `outside_squares`."""
        return float(self.outside_squares.sum())

    @property
    def n_outside(self):
        """Dimension of the targets that no model reaches, among `n_rows`."""
        return max(self.n_rows - len(self.squares) - self.free.rank, 0)

    @cached_property
    def _kept(self):
        kept = np.empty((len(self.share), len(self.squares)))
        for rows in self._slices():
            kept[rows] = self.left(rows)
        return kept

    def _slices(self, entries_per_row=1):
        width = max(1, len(self.squares), entries_per_row)
        return list(slices(len(self.share), width))

    def blocks(self, entries_per_row):
        """Yield blocks (slice, rows of U) that bound temporary memory."""
        for rows in self._slices(entries_per_row):
            yield rows, self._kept[rows] if self.is_kept else self.left(rows)


def narrow_spectrum(y, sources, groups, share, free, counts):
    """Return the spectrum of dense rows with at least as many rows as features.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_outputs)
    sources : Sources
        The sums over all rows.
    groups : FeatureGroups
    share : ndarray of shape (n_samples,)
    free : FreeModel
    counts : OracleCounts

    Returns
    -------
    Spectrum
    """
    sums, design = sources.parts[-1][0], sources.design
    means = sources.centre(sums)
    y_mean = sources.y_shift + means.y
    x_mean = design.moved_origin(means.x)
    is_far = sources.fit_intercept or design.has_large_means
    design = design.about(x_mean, design.scale, False, is_far)
    moments = sources.moments(sums, means)
    root = np.sqrt(share)[:, None]
    target = y - y_mean
    target *= root
    space = range_subspace(moments.gram)
    if space is not None:
        basis, squares = space
        combine = basis / np.sqrt(squares)
        along = combine.T @ moments.linear
        outside = 2.0 * moments.values(combine @ along)

        def left(rows):
            return root[rows] * design.take(rows).forward(combine)

    else:
        # Eigenvectors would lose directions that singular vectors keep.
        triangular, factor = qr(
            root * design.centred(),
            mode="economic",
            overwrite_a=True,
            check_finite=False,
        )
        inner, squares, basis = _singular(factor)
        triangular = triangular @ inner
        left = triangular.__getitem__
        along = triangular.T @ target
        outside = _outside_squares(target, triangular, along)
    return _spectrum(
        feature_coordinates(groups, design.scale).rotated(basis),
        (x_mean, y_mean),
        (share, target, squares, along, outside),
        free,
        counts,
        left,
    )


def wide_spectrum(design, y, groups, share, free, counts):
    """Return the spectrum of rows with more features than rows.

    Parameters
    ----------
    design : Design
        Centred if there is an intercept.
    y : ndarray of shape (n_samples, n_outputs)
    groups : FeatureGroups
    share : ndarray of shape (n_samples,)
    free : FreeModel
    counts : OracleCounts

    Returns
    -------
    Spectrum
    """
    y_mean, target = _centred_target(y, share, design.fit_intercept)
    root = np.sqrt(share)[:, None]
    products = root * design.row_products() * root.T
    space = range_subspace(products)
    if space is None and not design.is_sparse:
        own, squares, basis = _singular(root * design.centred())
        coordinates = feature_coordinates(groups, design.scale).rotated(basis)
    else:
        own, squares = space or _cut_range(products)
        combine = root * own / np.sqrt(squares)
        coordinates = row_coordinates(design, None, combine, groups)
    along = own.T @ target
    outside = _outside_squares(target, own, along)
    return _spectrum(
        coordinates,
        (design.shift, y_mean),
        (share, target, squares, along, outside),
        free,
        counts,
        own.__getitem__,
    )


def sparse_spectrum(design, y, groups, share, free, counts):
    """Return the spectrum of sparse rows with at least as many rows as features.

    Parameters
    ----------
    design : Design
        Centred if there is an intercept.
    y : ndarray of shape (n_samples, n_outputs)
    groups : FeatureGroups
    share : ndarray of shape (n_samples,)
    free : FreeModel
    counts : OracleCounts

    Returns
    -------
    Spectrum
    """
    y_mean, target = _centred_target(y, share, design.fit_intercept)
    root = np.sqrt(share)[:, None]
    size = design.n_features
    gram = design.gram(share)[:size, :size]
    basis, squares = range_subspace(gram) or _cut_range(gram)
    combine = np.zeros((design.n_coordinates, len(squares)))
    combine[:size] = basis / np.sqrt(squares)

    def left(index):
        return root[index] * design.take(index).forward(combine)

    along = combine.T @ design.adjoint(root * target)
    fitted = root * design.forward(combine @ along)
    return _spectrum(
        feature_coordinates(groups, design.scale).rotated(basis),
        (design.shift, y_mean),
        (share, target, squares, along, np.sum((target - fitted) ** 2, axis=0)),
        free,
        counts,
        left,
        is_kept=design.n_samples * len(squares) <= limits().spectrum_entries,
    )


def _spectrum(coordinates, means, factors, free, counts, left, *, is_kept=True):
    share, target, squares, along, outside = factors
    singular = np.sqrt(squares)[:, None]
    none_outside = free.n_rows <= len(squares) + free.rank
    outside = np.zeros(along.shape[1]) if none_outside else outside
    moments = Moments(
        squares, singular * along, along / singular, np.zeros_like(along), outside
    )
    feature_shift, y_mean = means
    none = np.zeros(len(squares))
    split = QuadraticSplit(
        moments, moments, coordinates, feature_shift, none, Origin(None, y_mean), counts
    )
    return Spectrum(split, share, target, squares, along, outside, free, left, is_kept)


def _outside_squares(target, left, along):
    """Return the sums of squares of ``target - left along``, some targets at a time."""
    found = np.empty(target.shape[1])
    for part in target_slices(*target.shape[::-1]):
        rest = target[:, part] - left @ along[:, part]
        found[part] = np.einsum("nt,nt->t", rest, rest)
    return found


def _centred_target(y, share, fit_intercept):
    """Return the mean of y and the centred target times the roots of the shares."""
    y_mean = np.zeros(y.shape[1])
    if fit_intercept:
        # The mean of a constant is that constant, without rounding error.
        y_mean = np.where(y.min(axis=0) == y.max(axis=0), y[0], share @ y)
    target = y - y_mean
    target *= np.sqrt(share)[:, None]
    return y_mean, target


def _singular(matrix):
    """Return U, S^2 and V of a matrix, without singular values at rounding level."""
    left, singular, right = svd(matrix, full_matrices=False, check_finite=False)
    floor = max(matrix.shape) * np.finfo(float).eps * singular.max(initial=0.0)
    kept = singular > floor
    return left[:, kept], singular[kept] ** 2, right[kept].T


def _cut_range(gram):
    """Return eigenvectors and values above rounding."""
    values, vectors = eigensystem(gram)
    kept = values > len(values) * np.finfo(float).eps * max(values[-1], 0.0)
    return vectors[:, kept], values[kept]
