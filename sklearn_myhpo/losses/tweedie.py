"""Tweedie loss, of amounts that are often exactly zero."""

import numpy as np

from .base import Interval
from .log_link import LEAST_TARGET, MOST_TARGET, LogLinkLoss, log_error


class TweedieLoss(LogLinkLoss):
    """Half the Tweedie deviance of a compound Poisson-gamma distribution.

    With ``a = power - 1``, ``b = 2 - power`` and ``mu = exp(raw)`` it is
    ``mu^b / b + y mu^-a / a - y^b / (a b)``.

    Parameters
    ----------
    power : float
        Between 1 (Poisson) and 2 (gamma): the variance grows like ``mu^power``.
    """

    name = "tweedie"
    y_range = Interval(0.0, MOST_TARGET, low_closed=True, high_closed=True)

    def __init__(self, power):
        if not 1.0 < power < 2.0:
            raise ValueError(
                f"The power of a Tweedie loss must be between 1 and 2. Got {power}."
            )
        self.power = float(power)
        self._a, self._b = self.power - 1.0, 2.0 - self.power

    def _value_and_slope(self, y, raw):
        a, b = self._a, self._b
        up, down = self._terms(y, raw)
        # In the error of the log, large amounts lose no digits.
        error = log_error(y, raw)
        value = np.expm1(b * error) / b + np.expm1(-a * error) / a
        value *= y**b
        value += up * ((y < LEAST_TARGET) / b)
        return value, up - down

    def _slope(self, y, raw):
        up, down = self._terms(y, raw)
        return up - down

    def _slope_and_bend(self, y, raw):
        up, down = self._terms(y, raw)
        return up - down, self._b * up + self._a * down

    def _third(self, y, raw):
        up, down = self._terms(y, raw)
        return self._b**2 * up - self._a**2 * down

    def _terms(self, y, raw):
        """Return ``mu^b`` and ``y mu^-a``."""
        return np.exp(self._b * raw), y * np.exp(-self._a * raw)
