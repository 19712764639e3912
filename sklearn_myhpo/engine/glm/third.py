"""Third derivatives of sums of losses over rows."""

import numpy as np


def third_of(loss, y, weight, raw, along, images):
    """Return the third derivatives of a sum of losses along (q, J_a, J_b), (k, k).

    Parameters
    ----------
    raw, along : ndarray of shape (n_rows, n_outputs)
    images : ndarray of shape (n_rows, k, n_outputs)
    """
    if raw.shape[1] == 1:
        one = np.ones((1, 1))
        bend = weight * loss.third(y, raw, along, one, one)
        return images[..., 0].T @ (bend[:, None] * images[..., 0])
    bent = loss.third_product(y, raw, along, images.transpose(1, 0, 2))
    return np.tensordot(weight[:, None] * bent, images, axes=([1, 2], [0, 2]))
