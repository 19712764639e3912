"""Limited-memory BFGS (Nocedal 1980)."""

import numpy as np


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
