"""A quadratic model of the objective, made convex and minimized in a box."""

import numpy as np
from scipy.optimize import lsq_linear

from ...engine.linalg.symmetric import symmetric_solver

#: Number of iterations after which the active set method is assumed to cycle.
MAX_ACTIVE_SETS = 30


def is_positive_definite(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix has a Cholesky factor."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def minimize_in_box(
    matrix: np.ndarray, gradient: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Return the minimizer of ``g.x + x'Mx/2`` between low and high.

    By the primal-dual active set method, which is semismooth Newton on the
    optimality conditions (Hintermueller, Ito & Kunisch 2002); in the rare case
    that it cycles, by a trust-region method.

    Parameters
    ----------
    matrix : ndarray of shape (n, n)
        Positive definite.
    gradient : ndarray of shape (n,)
    low, high : ndarray of shape (n,)
        Infinite where there is no bound.

    Returns
    -------
    ndarray of shape (n,)
    """
    x, force = np.zeros(len(gradient)), -gradient
    scale = np.diag(matrix)
    for _ in range(MAX_ACTIVE_SETS):
        at_high = force + scale * (x - high) > 0
        at_low = force + scale * (x - low) < 0
        free = ~(at_high | at_low)
        new = np.where(at_high, high, np.where(at_low, low, 0.0))
        if free.any():
            slope = gradient[free] + matrix[free] @ new
            solve = symmetric_solver(matrix[np.ix_(free, free)])
            new[free] = -solve(slope[:, None])[:, 0]
        force = np.where(free, 0.0, -(gradient + matrix @ new))
        if np.array_equal(new, x):
            return np.clip(x, low, high)
        x = new
    factor = np.linalg.cholesky(matrix)
    target = -np.linalg.solve(factor, gradient)
    return lsq_linear(factor.T, target, bounds=(low, high)).x
