"""Products of arrays whose last axes belong together."""


def pair_products(left, right):
    """Return the inner products of all pairs of arrays.

    Parameters
    ----------
    left : ndarray of shape (a, ...)
    right : ndarray of shape (b, ...)

    Returns
    -------
    ndarray of shape (a, b)
    """
    return left.reshape(len(left), -1) @ right.reshape(len(right), -1).T
