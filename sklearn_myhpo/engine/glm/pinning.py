"""A penalty too small to be felt, for features that are never penalized."""

import numpy as np

from ...data.partial import CONSTANT

#: Curvature of the penalty on unpenalized features, relative to that of the data: next
#: to nothing, but above the rounding of a Hessian.
PINNED = 1e-12


def pinning(design, groups, curvature):
    """Return a penalty on unpenalized features that is too small to be felt.

    Without any, weights of features that depend on each other, or separate the classes,
    would have no end. Constant features are held at zero.

    Parameters
    ----------
    design : Design
        About its means where there is an intercept.
    groups : FeatureGroups
        Of its features.
    curvature : float
        A typical curvature of the loss.

    Returns
    -------
    ndarray of shape (n_coordinates, 1)
        Second derivatives of the penalty.
    """
    out = np.zeros((design.n_coordinates, 1))
    free = groups.unpenalized
    if len(free):
        squares = design.mean_squares[free]
        offset = design.scaled(design.shift)[free] ** 2
        varies = squares > CONSTANT * offset
        held = np.where(squares + offset > 0, squares + offset, 1.0)
        out[free, 0] = curvature * np.where(varies, PINNED * squares, held)
    return out
