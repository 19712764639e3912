"""Gamma loss, for positive amounts whose errors grow with their size."""

import numpy as np

from .interval import Interval
from .log_link import LEAST_TARGET, MOST_TARGET, LogLinkLoss, log_error


class GammaLoss(LogLinkLoss):
    """Half the gamma deviance, ``y / mu - 1 - log(y / mu)`` with ``mu = exp(raw)``."""

    name = "gamma"
    y_range = Interval(LEAST_TARGET, MOST_TARGET, low_closed=True, high_closed=True)

    def _value_and_slope(self, y, raw):
        # Written in log(y / mu), the loss of a constant y is exactly zero at its
        # minimum.
        error = log_error(y, raw)
        rise = np.expm1(-error)
        return error + rise, np.negative(rise, out=rise)

    def _slope(self, y, raw):
        return -np.expm1(-log_error(y, raw))

    def _bend(self, y, raw):
        return y * np.exp(-raw)

    def _third(self, y, raw):
        return -y * np.exp(-raw)

    def _slopes(self, y, raw):
        ratio = np.exp(-raw)
        ratio *= y
        return 1.0 - ratio, ratio, -ratio

    def _bend_and_third(self, y, raw, slope):
        ratio = 1.0 - slope
        return ratio, -ratio
