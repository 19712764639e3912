"""Gamma loss, of positive amounts whose errors grow with their size."""

import numpy as np

from .base import Interval
from .log_link import LEAST_TARGET, MOST_TARGET, LogLinkLoss


class GammaLoss(LogLinkLoss):
    """Half the gamma deviance, ``y / mu - 1 - log(y / mu)`` with ``mu = exp(raw)``."""

    name = "gamma"
    y_range = Interval(LEAST_TARGET, MOST_TARGET, low_closed=True, high_closed=True)

    def _value_and_slope(self, y, raw):
        error = raw - np.log(y)
        excess = np.expm1(-error)
        return excess + error, -excess

    def _slope(self, y, raw):
        return -np.expm1(np.log(y) - raw)

    def _slope_and_bend(self, y, raw):
        log_ratio = np.log(y) - raw
        return -np.expm1(log_ratio), np.exp(log_ratio)

    def _third(self, y, raw):
        return -np.exp(np.log(y) - raw)
