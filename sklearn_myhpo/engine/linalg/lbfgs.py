"""Limited-memory BFGS (Nocedal 1980)."""

import numpy as np

#: Pairs that are kept.
LBFGS_MEMORY = 10
#: Largest rise, and largest fall, of the slope along a step, as shares of the fall at
#: its start (the approximate condition of Wolfe, Hager & Zhang 2005).
MOST_RISE, MOST_FALL = 0.8, 0.9
LEAST_FACTOR, MOST_FACTOR = 0.1, 4.0
LBFGS_MAX_ITER, LBFGS_MAX_TRIALS = 1000, 30


def inverse_product(pairs, gradient):
    """Return the estimate of the inverse Hessian times a gradient.

    Parameters
    ----------
    pairs : sequence of (ndarray, ndarray)
        Steps and changes of the gradient, the oldest first, with positive products;
        without any the estimate is the identity.
    gradient : ndarray

    Returns
    -------
    ndarray of the shape of `gradient`
    """
    out, used = gradient.copy(), []
    for s, y in reversed(pairs):
        product = np.vdot(s, y)
        a = np.vdot(s, out) / product
        out -= a * y
        used.append((s, y, product, a))
    if used:
        s, y, product, _ = used[0]
        out *= product / np.vdot(y, y)
    for s, y, product, a in reversed(used):
        out += (a - np.vdot(y, out) / product) * s
    return out


def minimize_lbfgs(gradient, start, limit, first_step):
    """Minimize a convex function until its gradient is small.

    Parameters
    ----------
    gradient : callable
        The gradient at a point. The value of the function is not needed.
    start : ndarray
    limit : float
        Largest norm of the gradient at the end.
    first_step : float
        Length of the first step along the negative gradient.

    Returns
    -------
    x : ndarray
        A point with a norm below `limit`, or the last point that could be reached.
    slope : ndarray
        The gradient there.
    """
    x, slope, pairs = start, gradient(start), []
    for _ in range(LBFGS_MAX_ITER):
        if not np.linalg.norm(slope) > limit:
            break
        direction = -inverse_product(pairs, slope)
        if not pairs:
            direction *= first_step
        found = _search(gradient, x, slope, direction)
        if found is None and not pairs:
            break
        if found is None:
            pairs = []
            continue
        pair = found[0] - x, found[1] - slope
        x, slope = found
        if np.vdot(*pair) > 0:
            pairs = [*pairs, pair][-LBFGS_MEMORY:]
    return x, slope


def _search(gradient, x, slope, direction):
    """Return a point along a direction and its gradient, or None."""
    fall = -np.vdot(slope, direction)
    if not fall > 0:
        return None
    size, low, high = 1.0, 0.0, np.inf
    for _ in range(LBFGS_MAX_TRIALS):
        point = x + size * direction
        there = gradient(point)
        rise = np.vdot(there, direction)
        if -MOST_FALL * fall <= rise <= MOST_RISE * fall:
            return point, there
        if rise < 0:
            low = size
        else:
            high = size
        # The secant through the slopes at zero and here.
        wanted = size * np.clip(fall / (fall + rise), LEAST_FACTOR, MOST_FACTOR)
        size = wanted if low < wanted < high else 0.5 * (low + min(high, 4.0 * low))
    return None
