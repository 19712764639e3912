"""The loss of held-out rows along one lambda that many targets share.

Of the targets only sums are needed: with w_0 the solution at a pivot p_0 and
``q_j = (p - p_0) / (s_j + p)``, where s is the diagonal of the training moments, the
solution at p is ``w_0 - q w_0``, and the loss a quadratic function of q.
"""

import numpy as np

from ...data.threads import matmul

#: Smallest loss, relative to that of the pivot, that is accurate. If the lowest loss is
#: smaller, all are computed again with the pivot at its penalty.
LEAST_OF_PIVOT = 1e-3


def shared_path(train, held_out, penalties):
    """Return losses summed over targets, and their derivatives in lambda.

    Parameters
    ----------
    train : Moments
        With a diagonal gram.
    held_out : Moments
    penalties : ndarray of shape (n_lambdas,)
        ``2 exp(lambda)``.

    Returns
    -------
    values, slopes : ndarray of shape (n_lambdas,)
    """
    # With a strong penalty the weights of the pivot are small.
    pivot = float(penalties.max())
    values, slopes = _about(train, held_out, penalties, pivot)
    best = np.argmin(values)
    if values[best] < LEAST_OF_PIVOT * values[np.argmax(penalties)]:
        return _about(train, held_out, penalties, float(penalties[best]))
    return values, slopes


def path_of_each(train, held_out, penalties):
    """Return the same, one target after the other."""
    inverse = 1.0 / (train.gram[:, None] + penalties)
    values, slopes = np.zeros((2, len(penalties)))
    for target in range(train.linear.shape[1]):
        own = slice(target, target + 1)
        w = inverse * train.linear[:, own]
        step = w - held_out.reference[:, own]
        image = held_out.gram @ step - held_out.residual_linear[:, own]
        values += np.sum(step * (image - held_out.residual_linear[:, own]), axis=0)
        slopes -= np.sum(w * inverse * image, axis=0)
    values = np.maximum(0.5 * (values + held_out.residual_square.sum()), 0.0)
    return values, penalties * slopes


def _about(train, held_out, penalties, pivot):
    """Return the same, about the solution of one of the penalties."""
    gram = train.gram[:, None]
    w = train.linear / (gram + pivot)
    image = held_out.gradient(w)
    slope, value = np.einsum("mt,mt->m", w, image), held_out.value(w)
    derivative = penalties * (gram + pivot) / (gram + penalties) ** 2
    if len(penalties) == 1:
        return np.array([value]), -slope @ derivative
    curvature = held_out.gram * matmul(w, w.T)
    move = (penalties - pivot) / (gram + penalties)
    turned = curvature @ move
    values = value - slope @ move + 0.5 * np.einsum("ml,ml->l", move, turned)
    slopes = np.einsum("ml,ml->l", turned - slope[:, None], derivative)
    return np.maximum(values, 0.0), slopes
