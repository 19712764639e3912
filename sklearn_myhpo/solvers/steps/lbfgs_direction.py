"""The direction of limited-memory BFGS in the lambdas that are free to move.

Nocedal (1980); the projection to bounds is that of L-BFGS-B (Byrd et al. 1995) in its
simplest form: lambdas at active bounds are left out of the direction.
"""

import numpy as np

from ...engine.linalg.lbfgs import inverse_product

#: Longest step of a lambda, a natural log, and of the first one.
LONGEST_STEP, FIRST_LENGTH = 5.0, 1.0


def free_direction(
    projected: np.ndarray, pairs: tuple, curvature: np.ndarray | None = None
) -> np.ndarray:
    """Return the direction of the free lambdas, no longer than a step may be.

    Parameters
    ----------
    projected : ndarray of shape (n_groups,)
        Gradient, zero where it points out of the bounds.
    pairs : tuple of (ndarray, ndarray)
        Steps and changes of the gradient, the last one last.
    curvature : ndarray of shape (n_groups,) or None
        Positive: about the curvature in every lambda, up to a common factor. None where
        all are alike.

    Returns
    -------
    ndarray of shape (n_groups,)
        A descent direction.
    """
    free = projected != 0
    unit = free * np.sqrt(1.0 if curvature is None else curvature)
    inverse = np.divide(1.0, unit, out=np.zeros(len(free)), where=free)
    pairs = [(s * unit, y * inverse) for s, y in pairs]
    pairs = [pair for pair in pairs if np.vdot(*pair) > 0]
    direction = -inverse_product(pairs, projected * inverse) * inverse
    longest = np.max(np.abs(direction), initial=np.finfo(float).tiny)
    limit = LONGEST_STEP if pairs else FIRST_LENGTH
    if not pairs or longest > limit:
        direction *= limit / longest
    return direction
