"""Poisson loss, of counts and rates."""

import numpy as np

from .interval import Interval
from .log_link import LEAST_TARGET, MOST_TARGET, LogLinkLoss, log_error


class PoissonLoss(LogLinkLoss):
    """Half the Poisson deviance, ``mu - y + y log(y / mu)`` with ``mu = exp(raw)``."""

    name = "poisson"
    y_range = Interval(0.0, MOST_TARGET, low_closed=True, high_closed=True)

    def _value_and_slope(self, y, raw):
        error, rise = self._rise(y, raw)
        zeros = np.exp(raw) * (y < LEAST_TARGET)
        value = rise - error
        value *= y
        value += zeros
        rise *= y
        return value, np.add(rise, zeros, out=rise)

    def _slope(self, y, raw):
        _, rise = self._rise(y, raw)
        rise *= y
        return rise + np.exp(raw) * (y < LEAST_TARGET)

    def _slope_and_bend(self, y, raw):
        return self._slope(y, raw), np.exp(raw)

    def _third(self, y, raw):
        return np.exp(raw)

    @staticmethod
    def _rise(y, raw):
        """Return the error of the log, and ``mu / y - 1``.

        With these large counts lose no digits, and a constant y is met exactly.
        """
        error = log_error(y, raw)
        return error, np.expm1(error)
