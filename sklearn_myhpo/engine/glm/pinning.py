"""A negligible penalty, for unpenalized features."""

import numpy as np

from ...data.partial import CONSTANT

#: Curvature of the penalty on unpenalized features, relative to that of the data:
#: negligible, but above the rounding errors of a Hessian.
PINNED = 1e-12


def pinning(design, groups, curvature):
    """Return a negligible penalty on unpenalized features.

    Without it the weights of collinear features would not be unique, and those of
    features that separate the classes not finite. Constant features get zero weights.

    Parameters
    ----------
    design : Design
        Centred if there is an intercept.
    groups : FeatureGroups
        Of its features.
    curvature : float
        A typical curvature of the loss.

    Returns
    -------
    ndarray of shape (n_coordinates, 1)
        Second derivatives of the penalty; (n_coordinates, n_classes) with a lambda per
        class.
    """
    out = np.zeros((design.n_coordinates, 1))
    if groups.n_unpenalized:
        offsets = design.scaled(design.shift) ** 2
        out = pinning_of(design.mean_squares, offsets, groups, curvature)
    if groups.width == 1:
        return out
    return _held(out, curvature * design.mean_squares, groups)


def holding(mean_squares, offsets, groups, curvature):
    """Return `pinning_of` with a lambda per class: of shape (n_coordinates, n_classes).

    Parameters
    ----------
    mean_squares, offsets, groups, curvature
        As in `pinning_of`.
    """
    out = pinning_of(mean_squares, offsets, groups, curvature)
    return _held(out, curvature * mean_squares, groups)


def _held(out, curvature, groups):
    """Return the penalty that also fixes the last class if nothing is penalized.

    A common shift of all classes changes no probability, so that one class may be held
    at zero.
    """
    out = np.repeat(out, groups.width, axis=1)
    is_free = np.ones(len(out), dtype=bool)
    is_free[groups.penalized] = False
    out[is_free, -1] += curvature[is_free]
    return out


def pinning_of(mean_squares, offsets, groups, curvature):
    """Return the penalty, given moments of the coordinates.

    Parameters
    ----------
    mean_squares : ndarray of shape (n_coordinates,)
        About the origin of the rows.
    offsets : ndarray of shape (n_features,)
        Squares of the origin.
    groups, curvature
        As in `pinning`.

    Returns
    -------
    ndarray of shape (n_coordinates, 1)
    """
    out, free = np.zeros((len(mean_squares), 1)), groups.unpenalized
    squares, offset = mean_squares[free], offsets[free]
    varies = squares > CONSTANT * offset
    held = np.where(squares + offset > 0, squares + offset, 1.0)
    out[free, 0] = curvature * np.where(varies, PINNED * squares, held)
    return out
