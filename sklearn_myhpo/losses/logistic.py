"""Binary logistic loss."""

import numpy as np

from ._base import Loss


class LogisticLoss(Loss):
    """``log(1 + exp(-s raw))`` with s = -1 for class 0 and +1 for class 1."""

    max_curvature = 0.25
    negligible_sum = 0.01

    def n_outputs(self, y):
        """Return 1: one log-odds a row."""
        return 1

    def value(self, y, raw):
        """Return the loss of every row; `y` holds 0 or 1."""
        margin = (2.0 * y - 1.0) * raw[:, 0]
        return np.log1p(np.exp(-np.abs(margin))) - np.minimum(margin, 0.0)

    def gradient(self, y, raw):
        """Return ``p - y`` as ``-s expit(-s raw)``, which does not cancel."""
        sign = 2.0 * y - 1.0
        return (-sign * _probability(-sign * raw[:, 0]))[:, None]

    def curvature(self, raw):
        """Return ``p (1 - p)``."""
        small = np.exp(-np.abs(raw))
        return (small / np.square(1.0 + small))[:, :, None]

    def third(self, raw, a, b, c):
        """Return ``p (1 - p) (1 - 2 p) a b c``."""
        curvature = self.curvature(raw)[:, :, 0]
        return np.sum(-curvature * np.tanh(0.5 * raw) * a * b * c, axis=-1)

    def spread(self, raw):
        """Return ``|raw|``: the third derivative is at most the second."""
        return np.abs(raw[:, 0])

    def intercept_start(self, y, sample_weight):
        """Return the log-odds of the weighted class frequencies."""
        total = sample_weight.sum()
        share = np.clip(sample_weight @ y / total, 1e-12, 1 - 1e-12)
        return np.array([np.log(share) - np.log1p(-share)])


def _probability(raw):
    """Return ``1 / (1 + exp(-raw))``, small ones to full relative accuracy.

    SciPy's `expit` is exact too, but several times slower than NumPy's `exp`.
    """
    small = np.exp(-np.abs(raw))
    return np.where(raw > 0, 1.0, small) / (1.0 + small)
