"""Gamma loss, of positive amounts whose errors grow with their size."""

import numpy as np

from .base import Interval
from .log_link import LEAST_TARGET, MOST_TARGET, LogLinkLoss, log_error


class GammaLoss(LogLinkLoss):
    """Half the gamma deviance, ``y / mu - 1 - log(y / mu)`` with ``mu = exp(raw)``."""

    name = "gamma"
    y_range = Interval(LEAST_TARGET, MOST_TARGET, low_closed=True, high_closed=True)

    def _value_and_slope(self, y, raw):
        error = log_error(y, raw)
        excess = np.expm1(-error)
        return error + excess, np.negative(excess, out=excess)

    def _slope(self, y, raw):
        return -np.expm1(-log_error(y, raw))

    def _slope_and_bend(self, y, raw):
        ratio = y * np.exp(-raw)
        return 1.0 - ratio, ratio

    def _third(self, y, raw):
        return -y * np.exp(-raw)
