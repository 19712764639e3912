"""Poisson loss, of counts and rates."""

import numpy as np

from .base import Interval
from .log_link import LEAST_TARGET, MOST_TARGET, LogLinkLoss, log_error


class PoissonLoss(LogLinkLoss):
    """Half the Poisson deviance, ``mu - y + y log(y / mu)`` with ``mu = exp(raw)``."""

    name = "poisson"
    y_range = Interval(0.0, MOST_TARGET, low_closed=True, high_closed=True)

    def _value_and_slope(self, y, raw):
        mean, error = np.exp(raw), log_error(y, raw)
        # In the error of the log, large counts lose no digits.
        value = np.expm1(error)
        value -= error
        value *= y
        value += mean * (y < LEAST_TARGET)
        return value, mean - y

    def _slope(self, y, raw):
        return np.exp(raw) - y

    def _slope_and_bend(self, y, raw):
        mean = np.exp(raw)
        return mean - y, mean

    def _third(self, y, raw):
        return np.exp(raw)
