"""Half squared error; two operations per number need no compiled kernel."""

import numpy as np

from .base import Loss
from .interval import Interval


class SquaredLoss(Loss):
    """Half squared error, summed over targets: ``|y - raw|^2 / 2``."""

    name = "squared"
    link = "identity"
    y_range = Interval(-np.inf, np.inf)
    is_quadratic = True
    max_curvature = 1.0

    def n_outputs(self, y):
        """Return the number of targets."""
        return y.shape[1]

    def value(self, y, raw):
        """Return ``|y - raw|^2 / 2`` of every row."""
        return 0.5 * np.sum((raw - y) ** 2, axis=1)

    def gradient(self, y, raw):
        """Return ``raw - y``."""
        return raw - y

    def curvature(self, y, raw):
        """Return the identity for every row."""
        n_samples, n_outputs = raw.shape
        return np.broadcast_to(np.eye(n_outputs), (n_samples, n_outputs, n_outputs))

    def third(self, y, raw, a, b, c):
        """Return zeros, since the loss is quadratic."""
        return np.zeros(np.broadcast_shapes(a.shape, b.shape, c.shape)[:-1])

    def curvature_change(self, move):
        """Return zeros, since the curvature is constant."""
        return np.zeros(len(move))

    def mean_curvature(self, y, raw, sample_weight):
        """Return the identity."""
        return np.eye(len(raw))

    def intercept_start(self, y, sample_weight):
        """Return the weighted mean of every target."""
        return sample_weight @ y / sample_weight.sum()
