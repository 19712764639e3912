"""Moves of lambda, rescaled by their effect on the weights.

A penalty leaves to its group the freedom t in (0, 1),
``1 - t = J_g' H J_g / (w_g' P w_g)``. A move of lambda by delta is rescaled to
``x = (e^delta - 1) / (t + (1 - t) e^delta)``: the weights of a quadratic loss are
linear in the x of a feature, however far its lambda moves (Sherman & Morrison 1950).
"""

import numpy as np

#: Freedom is known up to this, and e^delta is a number up to here.
MIN_FREEDOM, MAX_DELTA = 1e-13, 500.0


def freedom_taken(metric: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """Return ``1 - t``, the fraction of freedom removed by the penalties.

    Parameters
    ----------
    metric : ndarray of shape (n_groups,)
        ``J_g' H J_g``.
    energy : ndarray of shape (n_groups,)
        ``w_g' P w_g``; a half where it is zero.

    Returns
    -------
    ndarray of shape (n_groups,)
        Strictly between 0 and 1.
    """
    share = np.full(len(energy), 0.5)
    np.divide(metric, energy, out=share, where=energy > 0)
    return np.clip(share, MIN_FREEDOM, 1.0 - MIN_FREEDOM)


def felt(delta: float | np.ndarray, taken: float | np.ndarray) -> float | np.ndarray:
    """Return moves of lambda, rescaled by their effect on the weights.

    Parameters
    ----------
    delta : float or ndarray
        Moves of lambda, natural logs; infinite ones are cut off.
    taken : float or ndarray
        From `freedom_taken`.

    Returns
    -------
    float or ndarray
        The x of the module's text.
    """
    growth = np.expm1(np.clip(delta, -MAX_DELTA, MAX_DELTA))
    return growth / (1.0 + taken * growth)


def unfelt(x: float | np.ndarray, taken: float | np.ndarray) -> float | np.ndarray:
    """Return the moves of lambda for rescaled moves x, the inverse of `felt`.

    Parameters
    ----------
    x : float or ndarray
        Between the x of two moves.
    taken : float or ndarray
        From `freedom_taken`.

    Returns
    -------
    float or ndarray
        Moves of lambda.
    """
    return np.log1p((1.0 - taken) * x) - np.log1p(-taken * x)
