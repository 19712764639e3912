"""Unpenalized features of ridge, eliminated as the intercept is by centring.

With z the unpenalized features about their training means, x the others, and B and b
the training rows' regressions of x and y on z, the best weights of z for weights w of x
are ``b - B w``. So ridge of y - z b on x - z B has the same w. The validation rows are
moved by the same B and b, since these are a part of the model.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...data.partial import CONSTANT, EXPLAINED
from ..linalg.krylov import ZERO_RATIO
from ..linalg.symmetric import eigensystem
from ..split import Origin
from .mean_square import Moments
from .quadratic import QuadraticSplit


class Regression(NamedTuple):
    """Regression of the penalized coordinates and of the target on the others.

    Attributes
    ----------
    kept, free : ndarray of int
        Penalized coordinates, and unpenalized ones.
    follow : ndarray of shape (n_free, n_kept)
        Weights of the latter per weight of the former, -B.
    start : ndarray of shape (n_free, n_outputs)
        Weights of the latter if the weights of the former are zero, b.
    root : ndarray of shape (n_free, rank)
        ``root root'`` is the pseudoinverse of the moments of the latter.
    mean : ndarray of shape (n_free,)
        Training mean of the latter.
    """

    kept: np.ndarray
    free: np.ndarray
    follow: np.ndarray
    start: np.ndarray
    root: np.ndarray
    mean: np.ndarray

    def rows(self, rows):
        """Return the residual of rows (n_rows, n) on the unpenalized coordinates."""
        return rows[:, self.kept] + rows[:, self.free] @ self.follow

    def of(self, moments):
        """Return moments as a function of the weights of the penalized coordinates.

        Parameters
        ----------
        moments : Moments

        Returns
        -------
        Moments
        """
        kept, free, follow, start, *_ = self
        rows = moments.gram[kept]
        cross, corner = rows[:, free], moments.gram[np.ix_(free, free)]
        along = cross + 0.5 * (follow.T @ corner)
        gram = along @ follow
        gram += gram.T
        gram += rows[:, kept]
        reference = moments.reference[kept]
        # Losses are computed relative to the best weights of z at the reference.
        move = start + follow @ reference - moments.reference[free]
        residual = moments.residual_linear
        image = corner @ move
        rest = np.sum(move * (image - 2.0 * residual[free]), axis=0)
        linear = moments.linear
        return Moments(
            gram,
            linear[kept] - cross @ start + follow.T @ (linear[free] - corner @ start),
            reference,
            residual[kept] - cross @ move + follow.T @ (residual[free] - image),
            np.maximum(moments.residual_square + rest, 0.0),
        )


def eliminate_unpenalized(split):
    """Return a ridge split without its unpenalized coordinates.

    The weights of collinear unpenalized features are those of least norm, in units of
    standard deviations; those of constant features are zero.

    Parameters
    ----------
    split : QuadraticSplit
        In coordinates of which some are in no group.

    Returns
    -------
    QuadraticSplit
    """
    kept = split.groups.penalized
    free = split.groups.unpenalized
    root = _inverse_root(split, free)
    gram, linear = split.train.gram, split.train.linear
    follow = -root @ (root.T @ gram[np.ix_(free, kept)])
    start = root @ (root.T @ linear[free])
    regression = Regression(kept, free, follow, start, root, split.x_mean[free])
    train = _without_explained(regression.of(split.train), np.diag(gram)[kept])
    validation = train
    if split.validation is not split.train:
        validation = regression.of(split.validation)
    weights = np.zeros(split.shape)
    weights[free] = start
    return QuadraticSplit(
        train,
        validation,
        split.coordinates.without_unpenalized(follow),
        split.feature_shift,
        split.x_mean[kept] + follow.T @ split.x_mean[free],
        Origin(*split.to_features(weights)),
        split.counts,
        regression,
    )


def _inverse_root(split, free):
    """Return R (n_free, rank) with ``R R'`` the pseudoinverse of the moments of z."""
    gram = split.train.gram[np.ix_(free, free)]
    squares = np.diag(gram)
    offset = split.x_mean[free] ** 2
    if not split.coordinates.bases:
        offset += (split.feature_shift[free] * split.coordinates.scale_of(free)) ** 2
    varies = squares > CONSTANT * offset
    unit = np.sqrt(np.where(varies, squares, 1.0))
    values, vectors = eigensystem(
        gram / np.outer(unit, unit) * np.outer(varies, varies)
    )
    used = values > ZERO_RATIO * max(values[-1], 0.0)
    return vectors[:, used] / np.sqrt(values[used]) / unit[:, None]


def _without_explained(moments, squares):
    """Return moments without the rounding errors of features that z explains.

    Parameters
    ----------
    moments : Moments
    squares : ndarray of shape (m,)
        Second moments before the elimination.
    """
    is_left = np.diag(moments.gram) > EXPLAINED * squares
    if np.all(is_left):
        return moments
    left = is_left[:, None]
    return replace(
        moments,
        gram=moments.gram * left * left.T,
        linear=moments.linear * left,
        residual_linear=moments.residual_linear * left,
    )
