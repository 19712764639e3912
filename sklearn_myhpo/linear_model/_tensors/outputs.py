"""Predictions from raw predictions in arrays of the array API, on their device."""

import numpy as np

from ...data.tensors.arrays import Home, to_host
from ...losses.tensors import tensor_loss


def tensor_positive(scores):
    """Return ones where scores are positive, and zeros elsewhere, as integers."""
    xp = Home.of(scores).xp
    return xp.astype(scores > 0, xp.int64)


def tensor_labels(scores, classes):
    """Return the label of every row, as `labels_of`.

    Labels that are not numbers are NumPy arrays, whatever the scores are.

    Parameters
    ----------
    scores : array of shape (n,) or (n, n_classes)
    classes : ndarray of shape (n_classes,)

    Returns
    -------
    array of shape (n,)
    """
    home = Home.of(scores)
    xp = home.xp
    if len(scores.shape) == 1:
        index = tensor_positive(scores)
    else:
        index = xp.argmax(scores, axis=1)
    if classes.dtype.kind not in "biuf":
        return classes[to_host(index)]
    return xp.take(home.put(classes), index, axis=0)


def tensor_probabilities(scores):
    """Return the probabilities of the classes, given their scores or log-odds."""
    xp = Home.of(scores).xp
    if len(scores.shape) == 1:
        small = xp.exp(-xp.abs(scores))
        likely, other = 1.0 / (1.0 + small), small / (1.0 + small)
        is_second = scores >= 0
        first = xp.where(is_second, other, likely)
        return xp.stack([first, xp.where(is_second, likely, other)], axis=1)
    p = xp.exp(scores - xp.max(scores, axis=1, keepdims=True))
    return p / xp.sum(p, axis=1, keepdims=True)


def tensor_log_probabilities(scores):
    """Return the logs of the probabilities, accurate for tiny ones."""
    xp = Home.of(scores).xp
    if len(scores.shape) == 1:
        rest = xp.log1p(xp.exp(-xp.abs(scores)))
        first, second = (xp.clip(one, max=0.0) - rest for one in (-scores, scores))
        return xp.stack([first, second], axis=1)
    moved = scores - xp.max(scores, axis=1, keepdims=True)
    return moved - xp.log(xp.sum(xp.exp(moved), axis=1, keepdims=True))


def tensor_means(raw):
    """Return the means of log means, finite and in their precision."""
    xp = Home.of(raw).xp
    most = float(np.log(float(xp.finfo(raw.dtype).max)) - 1.0)
    return xp.exp(xp.clip(raw, min=-most, max=most))


def tensor_mean_loss(loss, raw, y, weight):
    """Return the sum of the losses of rows times their weights.

    Parameters
    ----------
    loss : Loss
    raw : array of shape (n, 1)
        Raw predictions.
    y, weight : ndarray of shape (n,)

    Returns
    -------
    float
    """
    home = Home.of(raw)
    own = tensor_loss(loss, home)
    value, _ = own.value_and_gradient(own.prepare(y), home.precise(raw))
    return float(home.xp.sum(home.put(weight) * value))
