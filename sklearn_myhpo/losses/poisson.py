"""Poisson loss, for counts and rates."""

import numpy as np

from .interval import Interval
from .log_link import MOST_TARGET, LogLinkLoss, log_error, nonzero


class PoissonLoss(LogLinkLoss):
    """Half the Poisson deviance, ``mu - y + y log(y / mu)`` with ``mu = exp(raw)``."""

    name = "poisson"
    y_range = Interval(0.0, MOST_TARGET, low_closed=True, high_closed=True)

    def _value_and_slope(self, y, raw):
        y = nonzero(y)
        error = log_error(y, raw)
        rise = np.expm1(error)
        np.subtract(rise, error, out=error)
        error *= y
        rise *= y
        return error, rise

    def _slope(self, y, raw):
        # Written in log(mu / y), large counts lose no digits, and the loss of a
        # constant y is exactly zero at its minimum.
        y = nonzero(y)
        return y * np.expm1(log_error(y, raw))

    def _bend(self, y, raw):
        return np.exp(raw)

    def _third(self, y, raw):
        return np.exp(raw)

    def _slopes(self, y, raw):
        mean = np.exp(raw)
        return mean - y, mean, mean

    def _bend_and_third(self, y, raw, slope):
        # To the rounding of the slope, which is what curvature is compared with.
        mean = slope + y
        return mean, mean
