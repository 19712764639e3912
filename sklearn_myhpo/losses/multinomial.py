"""Softmax cross-entropy in identified coordinates."""

from functools import reduce

import numpy as np
from scipy.linalg import helmert

from ._base import Loss


class MultinomialLoss(Loss):
    """Softmax cross-entropy of K classes with K - 1 raw predictions.

    The raw prediction z has one column for each of K - 1 orthonormal contrasts
    Q (K, K - 1) that are orthogonal to the vector of ones; the class scores are
    z Q'. A softmax does not see a common shift of the scores and a squared
    penalty puts that shift at zero, so nothing is lost, ``|W|^2`` is unchanged,
    and the Hessian has no null space from over-parametrization.

    Parameters
    ----------
    n_classes : int
        Number of classes K, at least 2.
    """

    max_curvature = 0.5
    negligible_sum = 0.01

    def __init__(self, n_classes):
        self.contrasts = helmert(n_classes).T

    def n_outputs(self, y):
        """Return K - 1."""
        return self.contrasts.shape[1]

    def scores(self, raw):
        """Return the K class scores, shape (n_samples, K), of raw predictions."""
        return raw @ self.contrasts.T

    def value(self, y, raw):
        """Return the cross-entropy of every row; `y` holds class indices."""
        scores = self.scores(raw)
        scores -= _largest(scores)[:, None]
        own = scores[np.arange(len(y)), y]
        return np.log(np.exp(scores) @ np.ones(scores.shape[1])) - own

    def gradient(self, y, raw):
        """Return ``(P - onehot(y)) Q``."""
        residual = _probabilities(self.scores(raw))
        rows = np.arange(len(y))
        # p_y - 1 as minus the sum of the others, which does not cancel.
        residual[rows, y] = 0.0
        residual[rows, y] = -residual.sum(axis=1)
        return residual @ self.contrasts

    def curvature(self, raw):
        """Return ``Q' (diag(p) - p p') Q`` of every row."""
        p = _probabilities(self.scores(raw))
        mean = p @ self.contrasts
        n_outputs = mean.shape[1]
        pairs = self.contrasts[:, :, None] * self.contrasts[:, None, :]
        second = p @ pairs.reshape(len(pairs), -1)
        second = second.reshape(-1, n_outputs, n_outputs)
        return second - mean[:, :, None] * mean[:, None, :]

    def third(self, raw, a, b, c):
        """Return the third central co-moment of the scores of a, b and c."""
        p = _probabilities(self.scores(raw))
        # A product with ones is a faster sum along a short axis than a sum.
        ones = np.ones(p.shape[1])

        def centred(direction):
            scores = self.scores(direction)
            return scores - ((p * scores) @ ones)[..., None]

        return (p * centred(a) * centred(b) * centred(c)) @ ones

    def spread(self, raw):
        """Return the range of the class scores, which bounds the third derivative."""
        scores = self.scores(raw)
        return _largest(scores) + _largest(-scores)

    def intercept_start(self, y, sample_weight):
        """Return the contrasts of the log class frequencies."""
        share = np.bincount(y, sample_weight, minlength=len(self.contrasts))
        share = np.maximum(share / share.sum(), 1e-12)
        return np.log(share) @ self.contrasts


def _largest(scores):
    """Return the largest score of every row; NumPy is slow along a short axis."""
    return reduce(np.maximum, scores.T)


def _probabilities(scores):
    """Return the softmax of every row."""
    exponentials = np.exp(scores - _largest(scores)[:, None])
    exponentials /= (exponentials @ np.ones(scores.shape[1]))[:, None]
    return exponentials
