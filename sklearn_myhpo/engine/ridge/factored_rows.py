"""Ridge splits of ill-conditioned rows, by QR factors and without squares.

Second moments lose the small directions of columns whose sizes differ by many orders
of magnitude, or that nearly depend on each other. QR factors of the rows above the
roots of the penalties keep them, at several times the cost.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr, solve_triangular, svd

from ...penalties.coordinates import feature_coordinates
from ..linalg.hessian import DenseHessian
from ..linalg.newton import NEWTON_TOL
from ..linalg.symmetric import SymmetricInverse
from ..split import Origin
from .eliminate import Regression
from .mean_square import Moments
from .quadratic import QuadraticSplit

#: Norm of the residual of a column, relative to its norm, below which unpenalized
#: columns explain it.
EXPLAINED_BY_ROWS = 1e-13
#: Norm of a centred column, relative to the mean, below which it counts as constant.
CONSTANT_IN_ROWS = 1e-13


@dataclass(frozen=True, eq=False)
class RowMoments(Moments):
    """``w -> |target - rows w|^2 / 2``, evaluated by the rows themselves.

    Attributes
    ----------
    rows : ndarray of shape (k, m)
        Times the roots of their shares.
    target : ndarray of shape (k, n_outputs)
        The same.
    """

    rows: np.ndarray = None
    target: np.ndarray = None

    def product(self, w):
        """Return ``rows' rows w``."""
        return self.rows.T @ (self.rows @ w)

    def values(self, w, outputs=slice(None)):
        """Return half the mean squared error of every output, `w` of `outputs`."""
        return 0.5 * np.sum((self.target[:, outputs] - self.rows @ w) ** 2, axis=0)

    def gradient(self, w):
        """Return the gradient of `value`."""
        return self.rows.T @ (self.rows @ w - self.target)


class FactoredHessian(DenseHessian):
    """``rows' rows + diag(penalty)``, solved with by QR factors.

    Parameters
    ----------
    train : RowMoments
    penalty : ndarray of shape (m, 1)
    counts : OracleCounts
        It counts the factorization.

    Attributes
    ----------
    minimizer : ndarray of shape (m, n_outputs)
        Of the training loss.
    """

    def __init__(self, train, penalty, counts):
        super().__init__(train.gram + np.diag(penalty[:, 0]), counts)
        counts.n_factorizations += 1
        n, m = train.rows.shape
        # Columns are scaled to norm one and large rows come first, so that neither
        # sizes of columns nor of rows matter.
        scale = 1.0 / np.sqrt(np.maximum(np.diag(self.matrix), np.finfo(float).tiny))
        stacked = np.zeros((n + m, m + train.target.shape[1]))
        stacked[:n, :m], stacked[:n, m:] = train.rows * scale, train.target
        stacked[n:, :m] = np.diag(np.sqrt(penalty[:, 0]) * scale)
        (triangle,) = qr(stacked, mode="r", overwrite_a=True, check_finite=False)
        own = triangle[:m, :m]
        self._inverse = SymmetricInverse(scale[:, None], np.asfortranarray(own.T), None)
        found = solve_triangular(own, triangle[:m, m:], check_finite=False)
        self.minimizer = scale[:, None] * found


class FactoredRowsSplit(QuadraticSplit):
    """A ridge split that keeps its rows, or triangular factors of them."""

    def hessian(self, w, lambda_):
        """Return the Hessian of L_T, the same at every `w`; the last one is kept."""
        penalty = self.penalty(lambda_)
        key = penalty.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, FactoredHessian(self.train, penalty, self.counts)
        return self._last[1]

    def minimize(self, lambda_, start, proximal=None, tol=NEWTON_TOL):
        """Return the minimizer of L_T plus `proximal`, in closed form."""
        if proximal is not None:
            return super().minimize(lambda_, start, proximal, tol)
        self.counts.n_inner_solves += 1
        return self.hessian(start, lambda_).minimizer

    def along_axes(self, all_directions):
        """Return this split along the principal axes of its training rows.

        Only for one group, of features whose sizes are not too different.

        Parameters
        ----------
        all_directions : bool
            False leaves out the directions that no row has.
        """
        rows, target = self.train.rows, self.train.target
        left, singular, right = svd(
            rows, full_matrices=all_directions, check_finite=False
        )
        kept = singular > max(rows.shape) * np.finfo(float).eps * singular[0]
        if not all_directions:
            right = right[: len(singular)][kept]
        along = left[:, : len(singular)][:, kept].T @ target
        squares = np.zeros(len(right))
        linear, reference = np.zeros((2, len(right), target.shape[1]))
        own = slice(along.shape[0])
        squares[own], singular = singular[kept] ** 2, singular[kept, None]
        linear[own], reference[own] = singular * along, along / singular
        outside = target - left[:, own] @ along
        train = Moments(
            squares,
            linear,
            reference,
            np.zeros_like(linear),
            np.sum(outside**2, axis=0),
        )
        return AxesSplit(
            train,
            row_moments(self.validation.rows @ right.T, self.validation.target),
            self.coordinates.rotated(right.T),
            self.feature_shift,
            self.x_mean @ right.T,
            self.origin,
            self.counts,
        )


class AxesSplit(QuadraticSplit):
    """A ridge split with a diagonal Hessian that keeps its validation rows."""

    def _path(self, penalties):
        """Return the same, one target after the other."""
        inverse = 1.0 / (self.train.gram[:, None] + penalties)
        values, slopes = np.zeros((2, len(penalties)))
        held_out = self.validation
        for target in range(self.n_outputs):
            own = slice(target, target + 1)
            w = inverse * self.train.linear[:, own]
            residual = held_out.rows @ w - held_out.target[:, own]
            values += 0.5 * np.sum(residual**2, axis=0)
            slopes -= np.sum(w * inverse * (held_out.rows.T @ residual), axis=0)
        return values, penalties * slopes


def build_row_splits(design, y, parts, groups, counts):
    """Build a `FactoredRowsSplit` for every split, and one of all rows.

    Parameters
    ----------
    design : Design
        Centred if there is an intercept.
    y : ndarray of shape (n_samples, n_outputs)
    parts : RowParts
    groups : FeatureGroups
    counts : OracleCounts

    Returns
    -------
    list of FactoredRowsSplit
        That of all rows is the last one. Unpenalized features are eliminated.
    """
    coordinates = feature_coordinates(groups, design.scale)
    weights = [parts.weights(split) for split in range(parts.n_splits)]
    weights.append((parts.sample_weight, parts.sample_weight))
    splits = []
    for train, held_out in weights:
        index, share = np.flatnonzero(train), train[train > 0] / train.sum()
        rows, target = design.take(index).centred(), y[index]
        mean, y_mean = np.zeros(rows.shape[1]), np.zeros(y.shape[1])
        if design.fit_intercept:
            mean, y_mean = share @ rows, share @ target
        own = _moments(rows - mean, target - y_mean, share)
        index = np.flatnonzero(held_out)
        share = held_out[index] / held_out.sum()
        rows = design.take(index).centred() - mean
        other = _moments(rows, y[index] - y_mean, share)
        split = FactoredRowsSplit(
            own, other, coordinates, design.shift, mean, Origin(None, y_mean), counts
        )
        splits.append(_without_unpenalized(split) if groups.n_unpenalized else split)
    return splits


def _without_unpenalized(split):
    """Return a split without its unpenalized coordinates, as `eliminate_unpenalized`.

    It uses an orthonormal basis of their training rows, without squares.
    """
    kept, free = split.groups.penalized, split.groups.unpenalized
    rows, target = split.train.rows, split.train.target
    scale = split.coordinates.scale_of(free)
    offset = np.abs(split.x_mean[free]) + np.abs(split.feature_shift[free] * scale)
    unit = np.linalg.norm(rows[:, free], axis=0)
    varies = unit > CONSTANT_IN_ROWS * offset
    unit = np.where(varies, unit, 1.0)
    left, singular, right = svd(
        rows[:, free] * (varies / unit), full_matrices=False, check_finite=False
    )
    rank = np.finfo(float).eps * max(rows.shape) * max(singular[0], 1.0)
    used = singular > rank
    left, root = left[:, used], right[used].T / singular[used] / unit[:, None]
    follow, start = -root @ (left.T @ rows[:, kept]), root @ (left.T @ target)
    inside, target = _beside(left, rows[:, kept]), _beside(left, target)
    before = np.linalg.norm(rows[:, kept], axis=0)
    is_left = np.linalg.norm(inside, axis=0) > EXPLAINED_BY_ROWS * before
    train = row_moments(inside * is_left, target)
    held_out = split.validation
    outside = held_out.rows[:, kept] + held_out.rows[:, free] @ follow
    held_out_target = held_out.target - held_out.rows[:, free] @ start
    weights = np.zeros(split.shape)
    weights[free] = start
    return FactoredRowsSplit(
        train,
        row_moments(outside * is_left, held_out_target),
        split.coordinates.without_unpenalized(follow),
        split.feature_shift,
        split.x_mean[kept] + follow.T @ split.x_mean[free],
        Origin(*split.to_features(weights)),
        split.counts,
        Regression(kept, free, follow, start, root, split.x_mean[free]),
    )


def _beside(basis, columns):
    """Return columns without their parts along an orthonormal basis."""
    # Orthogonalizing twice is enough (Kahan, in Parlett 1980).
    columns = columns - basis @ (basis.T @ columns)
    return columns - basis @ (basis.T @ columns)


def _moments(rows, target, share):
    """Return the `RowMoments` of the fewest rows with the same losses."""
    root, m = np.sqrt(share)[:, None], rows.shape[1]
    both = root * np.column_stack([rows, target])
    if len(both) > both.shape[1]:
        (triangle,) = qr(both, mode="r", overwrite_a=True, check_finite=False)
        both = triangle[: both.shape[1]]
    return row_moments(np.ascontiguousarray(both[:, :m]), both[:, m:])


def row_moments(rows, target):
    """Return the `RowMoments` of rows (k, m) and targets (k, n_outputs)."""
    linear = rows.T @ target
    none = np.zeros_like(linear)
    squares = np.sum(target**2, axis=0)
    return RowMoments(rows.T @ rows, linear, none, linear, squares, rows, target)
