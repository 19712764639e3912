"""Tweedie loss, of amounts that are often exactly zero."""

import numpy as np

from .interval import Interval
from .log_link import LEAST_TARGET, MOST_TARGET, LogLinkLoss, nonzero


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

    def __repr__(self):
        return f"{type(self).__name__}({self.power})"

    def _value_and_slope(self, y, raw):
        size, up, down, zeros = self._rises(y, raw)
        value = up / self._b
        value += down / self._a
        value *= size
        value += zeros / self._b
        up -= down
        up *= size
        up += zeros
        return value, up

    def _slope(self, y, raw):
        size, up, down, zeros = self._rises(y, raw)
        return size * (up - down) + zeros

    def _bend(self, y, raw):
        up, down = self._terms(y, raw)
        return self._b * up + self._a * down

    def _third(self, y, raw):
        up, down = self._terms(y, raw)
        return self._b**2 * up - self._a**2 * down

    def _rises(self, y, raw):
        """Return ``y^b``, ``(mu / y)^b - 1``, ``(mu / y)^-a - 1``; of zeros ``mu^b``.

        With these large amounts lose no digits, and a constant y is met exactly.
        """
        log_y = np.log(nonzero(y))
        error = raw - log_y
        up, down = np.expm1(self._b * error), np.expm1(-self._a * error)
        is_zero = y < LEAST_TARGET
        if not is_zero.any():
            return np.exp(self._b * log_y), up, down, 0.0
        size = np.where(is_zero, 0.0, np.exp(self._b * log_y))
        return size, up, down, np.where(is_zero, np.exp(self._b * raw), 0.0)

    def _terms(self, y, raw):
        """Return ``mu^b`` and ``y mu^-a``."""
        return np.exp(self._b * raw), y * np.exp(-self._a * raw)
