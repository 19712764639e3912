"""Poisson loss, of counts and rates."""

import numpy as np

from .base import Interval
from .log_link import MOST_TARGET, LogLinkLoss, log_target


class PoissonLoss(LogLinkLoss):
    """Half the Poisson deviance, ``mu - y + y log(y / mu)`` with ``mu = exp(raw)``."""

    name = "poisson"
    y_range = Interval(0.0, MOST_TARGET, low_closed=True, high_closed=True)

    def _value_and_slope(self, y, raw):
        mean = np.exp(raw)
        positive, log_y = log_target(y)
        # In the error of the log, large counts lose no digits.
        error = raw - log_y
        value = np.where(positive, y * (np.expm1(error) - error), mean)
        return value, mean - y

    def _slope(self, y, raw):
        return np.exp(raw) - y

    def _slope_and_bend(self, y, raw):
        mean = np.exp(raw)
        return mean - y, mean

    def _third(self, y, raw):
        return np.exp(raw)
