"""Ridge splits from second moments."""

from typing import NamedTuple

import numpy as np
from scipy.linalg.blas import dger

from ...data.atoms import disjoint_atoms
from ...data.sums import dense_sums, row_sums
from ..linalg.krylov import krylov_subspace
from ..linalg.rational import rational_subspace
from .mean_square import Moments
from .quadratic import QuadraticSplit

#: Ratios of the largest to the smallest second moment of a feature beyond which
#: eigenvectors of the moments, or singular vectors of the rows, would lose the
#: small ones, and Cholesky factors are used.
MAX_EIGEN_RATIO, MAX_SINGULAR_RATIO = 1e10, 1e16
#: Training rows per coordinate up to which singular vectors of the rows are
#: taken instead of eigenvectors of their moments.
ROWS_PER_COORDINATE = 3


class Sources(NamedTuple):
    """Sums over all parts, and what they are relative to.

    Attributes
    ----------
    parts : list of (Sums, Sums)
        Over the training and the validation rows; all rows are the last pair.
    shift : ndarray of shape (m,)
    y_shift : ndarray of shape (n_outputs,)
        What was subtracted from x and y.
    reference : ndarray of shape (m, n_outputs)
        Weights close to the least squares solution.
    fit_intercept : bool
    """

    parts: list
    shift: np.ndarray
    y_shift: np.ndarray
    reference: np.ndarray
    fit_intercept: bool

    def second_moments(self):
        """Return the mean squares of the (centred) coordinates over all rows."""
        sums = self.parts[-1][0]
        mean = self.means(sums).x
        squares = np.diag(sums.matrix)[: len(mean)] / sums.total
        return np.maximum(squares - mean**2, 0.0)

    def means(self, sums):
        """Return the means over some rows; zeros without an intercept."""
        one = sums.one
        means = _Means(
            sums.matrix[one, :one] / sums.total,
            sums.matrix[one, one + 1 :] / sums.total,
            sums.residual_linear[one] / sums.total,
        )
        if self.fit_intercept:
            return means
        return _Means(*(np.zeros_like(mean) for mean in means))

    def moments(self, sums, centre):
        """Return the moments about `centre`, which may be other rows' means."""
        one = sums.one
        gram = np.divide(sums.matrix[:one, :one], sums.total, order="C")
        linear = sums.matrix[:one, one + 1 :] / sums.total
        residual_linear = sums.residual_linear[:one] / sums.total
        residual_square = sums.residual_square / sums.total
        if self.fit_intercept:
            x, y, residual = self.means(sums)
            _move_centre(gram, x, centre.x)
            linear = _about(linear, x, y, centre.x, centre.y)
            residual_linear = _about(
                residual_linear, x, residual, centre.x, centre.residual
            )
            residual_square = residual_square + centre.residual * (
                centre.residual - 2 * residual
            )
        return Moments(
            gram,
            linear,
            self.reference,
            residual_linear,
            np.maximum(residual_square, 0.0),
        )


class _Means(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    residual: np.ndarray


def _move_centre(gram, mean, centre):
    """Make moments about zero, of rows with this mean, those about `centre`."""
    half = mean - 0.5 * centre
    for left, right in ((half, centre), (centre, half)):
        # In place: the transpose is what BLAS takes for a matrix, and symmetric.
        dger(-1.0, left, right, a=gram.T, overwrite_a=1)


def _about(product, x, y, x_centre, y_centre):
    """Return mean (x - x_centre)(y - y_centre) from the mean of x y."""
    return product - np.outer(x_centre, y) - np.outer(x - x_centre, y_centre)


def sum_dense(X, y, parts, fit_intercept):
    """Return the sums of dense rows in one pass over X, without a copy of it.

    Parameters
    ----------
    X : ndarray of shape (n_samples, m)
    y : ndarray of shape (n_samples, n_outputs)
    parts : list of (ndarray, ndarray)
        Training and validation weights over all rows; the last pair is all rows.
    fit_intercept : bool
    """
    atoms, combine = disjoint_atoms(parts)
    sums, *relative = dense_sums(X, y, atoms, fit_intercept)
    return Sources(combine(sums), *relative, fit_intercept)


def sum_rows(rows, y, parts):
    """Return the sums of `Rows`, as `sum_dense` does."""
    y_shift = np.zeros(y.shape[1])
    if rows.fit_intercept:
        everything = parts[-1][0]
        y_shift = everything @ y / everything.sum()
        # The mean of a constant is that constant, free of rounding.
        y_shift = np.where(y.min(axis=0) == y.max(axis=0), y[0], y_shift)
    atoms, combine = disjoint_atoms(parts)
    sums, reference = row_sums(rows, y - y_shift, atoms)
    shift = np.zeros(rows.n_features)
    return Sources(combine(sums), shift, y_shift, reference, rows.fit_intercept)


def build_quadratic_splits(sources, coordinates, feature_shift, counts):
    """Build a `QuadraticSplit` for every pair of sums.

    Parameters
    ----------
    sources : Sources
    coordinates : Coordinates
    feature_shift : ndarray of shape (n_features,)
        What was subtracted from the features before `sources`.
    counts : OracleCounts

    Returns
    -------
    list of QuadraticSplit
    """
    splits = []
    for train, validation in sources.parts:
        means = sources.means(train)
        x_mean = coordinates.to_features((sources.shift + means.x)[:, None])[:, 0]
        own = sources.moments(train, means)
        held_out = own if validation is train else sources.moments(validation, means)
        split = QuadraticSplit(
            own,
            held_out,
            coordinates,
            feature_shift + x_mean,
            sources.y_shift + means.y,
            counts,
        )
        splits.append(split)
    return splits


class Diagonalizer:
    """Finds coordinates of a split with one lambda in which its Hessian is diagonal.

    Parameters
    ----------
    X : ndarray of shape (n_samples, m) or None
        Dense rows, where there are any.
    weights : list of ndarray of shape (n_samples,)
        Training weights of every split.
    scale_ratio : float
        Ratio of the largest to the smallest second moment of a feature.
    all_directions : bool
        Whether directions that no solution takes must be kept.
    """

    def __init__(self, X, weights, scale_ratio, all_directions):
        self.X = X
        self.weights = weights
        self.all_directions = all_directions
        self.scale_ratio = scale_ratio
        self.find_subspace = []
        if not all_directions and scale_ratio <= MAX_EIGEN_RATIO:
            self.find_subspace = [krylov_subspace, rational_subspace]
        # One rule for all splits: they are scanned together.
        self.n_rows = max(np.count_nonzero(weight) for weight in weights)

    def __call__(self, split, number, mean):
        """Return the split in other coordinates, or as it is.

        Parameters
        ----------
        split : QuadraticSplit
        number : int
            Which of the splits it is.
        mean : ndarray of shape (m,)
            Of its training rows.
        """
        own = split.train.gram, split.train.linear[:, 0]
        while self.find_subspace and split.n_outputs == 1:
            space = self.find_subspace[0](*own)
            if space is not None:
                return split.in_basis(space.basis, space.values)
            # What one fold needs, the others need too.
            self.find_subspace.pop(0)
        if self.X is None or self.n_rows > ROWS_PER_COORDINATE * split.shape[0]:
            return split if self.scale_ratio > MAX_EIGEN_RATIO else split.diagonalized()
        if self.scale_ratio > MAX_SINGULAR_RATIO:
            return split
        index = np.flatnonzero(self.weights[number])
        weight = self.weights[number][index]
        root = np.sqrt(weight / weight.sum())
        rows = root[:, None] * (self.X[index] - mean)
        return split.diagonalized(rows, self.all_directions)
