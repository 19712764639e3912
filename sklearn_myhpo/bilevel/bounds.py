"""Bounds of lambda: automatic ones, and lambdas that a bound holds."""

import numpy as np

#: Automatic bounds of lambda: BELOW_LEAST under the log of the least second moment of a
#: feature, where the penalty is lost in the rounding of the moments.
BELOW_LEAST = 25.0
#: The same for several lambdas and more features than training rows: the rounding of
#: rank-deficient moments is felt sooner.
BELOW_LEAST_WIDE = 15.0
#: And ABOVE_SUM over the log of the sum of the second moments, where the weights are
#: zero to seven digits of the loss.
ABOVE_SUM = 18.0
#: exp(lambda) and its square root are finite and positive up to here.
MAX_LAMBDA = 700.0


def automatic_bounds(
    curvature: np.ndarray,
    n_groups: int,
    is_wide: bool,
    least_curvature: float | None = None,
) -> np.ndarray:
    """Return bounds, equal for all groups: each lambda may go as far as a shared one.

    Parameters
    ----------
    curvature : ndarray of shape (n_features,)
        Bound of the second derivative of the data term in every weight.
    n_groups : int
        Number of lambdas.
    is_wide : bool
        Whether there are at least as many features as training rows.
    least_curvature : float or None
        The same along the direction with the least one; None for that of a feature.

    Returns
    -------
    ndarray of shape (2, n_groups)
        Natural logs.
    """
    positive = curvature[curvature > 0]
    total = curvature.sum() or 1.0
    least = least_curvature
    if least is None:
        least = positive.min() if len(positive) else total
    below = BELOW_LEAST_WIDE if is_wide and n_groups > 1 else BELOW_LEAST
    low, high = np.log(least) - below, np.log(total) + ABOVE_SUM
    return np.outer([low, high], np.ones(n_groups))


def resolve_bounds(
    lambda_bounds: str | tuple[float | np.ndarray, float | np.ndarray],
    auto: np.ndarray,
) -> np.ndarray:
    """Return the bounds of all lambdas, automatic ones instead of infinite ones.

    Parameters
    ----------
    lambda_bounds : "auto" or (low, high)
        Bounds of every lambda, natural logs: floats, or of shape (n_groups,).
    auto : ndarray of shape (2, n_groups)
        The automatic bounds.

    Returns
    -------
    ndarray of shape (2, n_groups)
        Natural logs.
    """
    if isinstance(lambda_bounds, str):
        return auto
    low, high = (np.broadcast_to(one, auto.shape[1:]) for one in lambda_bounds)
    limit = np.where(np.isfinite(high), high - 1.0, np.inf)
    low = np.where(np.isfinite(low), low, np.minimum(auto[0], limit))
    high = np.where(np.isfinite(high), high, np.maximum(auto[1], low + 1.0))
    return np.stack([low, high])


def outward(
    bounds: np.ndarray, lambda_: np.ndarray, slope: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the lambdas at a bound towards which the objective falls.

    Parameters
    ----------
    bounds : ndarray of shape (2, n_groups)
        Lowest and highest lambda.
    lambda_, slope : ndarray of shape (n_groups,)
        A place, and the derivative of the objective there.

    Returns
    -------
    lower, upper : ndarray of bool of shape (n_groups,)
        At the lower bound and at the upper one.
    """
    low, high = bounds
    return (lambda_ <= low) & (slope > 0), (lambda_ >= high) & (slope < 0)
