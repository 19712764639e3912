"""Minimizers of MY-HPO's model in lambda where its second derivatives are a matrix."""

import numpy as np

from ..steps.box import is_positive_definite, minimize_in_box
from .truncated import Minimizer

#: Added to the unit diagonal of the scaled tangent, which rounding may leave
#: indefinite.
SHIFT = 1e-10


def minimize_by_matrix(model, rho, curvature, box, free, is_near):
    """Return the `Minimizer` of a proximal model in the free lambdas.

    Parameters
    ----------
    model : OuterModel
    rho : float
        Weight of the proximal term.
    curvature : ndarray of shape (n_groups,)
        Second derivative of the objective through that of the rescaled lambda.
    box : ndarray of shape (2, n_groups)
        Bounds of the move.
    free : ndarray of bool of shape (n_groups,)
    is_near : bool
        Whether negative curvature counts by its size.

    Returns
    -------
    Minimizer
    """
    move = np.zeros(len(free))
    if not free.any():
        return Minimizer(move, 0.0, 0.0)
    index = np.ix_(free, free)
    metric = model.metric[index]
    bend = model.bend[index] + np.diag(curvature[free])
    tangent = model.tangent[index] + rho * metric
    # In units of its own curvature every lambda weighs the same in rounding.
    unit = np.sqrt(np.maximum(np.diag(tangent), 0.0))
    unit[unit == 0] = 1.0
    scaled = tangent / np.outer(unit, unit) + SHIFT * np.eye(len(unit))
    curved = scaled + bend / np.outer(unit, unit)
    # The second-order response where it leaves the step convex, or near the end, else
    # the tangent.
    matrix = curved
    if not is_positive_definite(curved):
        matrix = _by_size(curved) if is_near else _make_definite(scaled)
    slope, ends = model.gradient[free] / unit, box[:, free] * unit
    own = minimize_in_box(matrix, slope, *ends)
    move[free] = own / unit
    predicted = -slope @ own - 0.5 * own @ matrix @ own
    # The proximal term shortens a step, and so would excuse an end before a minimum.
    curved = curved - rho * metric / np.outer(unit, unit)
    promise = 0.0
    if is_positive_definite(curved):
        own = minimize_in_box(curved, slope, *ends)
        promise = -slope @ own - 0.5 * own @ curved @ own
    return Minimizer(move, predicted, move[free] @ metric @ move[free], promise)


def _by_size(matrix):
    """Return a matrix with the sizes of the eigenvalues in their place."""
    values, vectors = np.linalg.eigh(matrix)
    floor = SHIFT * max(values[-1], 1.0)
    return (vectors * np.maximum(np.abs(values), floor)) @ vectors.T


def _make_definite(matrix):
    """Return a semidefinite matrix without the negative eigenvalues of rounding."""
    if is_positive_definite(matrix):
        return matrix
    values, vectors = np.linalg.eigh(matrix)
    floor = SHIFT * max(values[-1], 1.0)
    return (vectors * np.maximum(values, floor)) @ vectors.T
