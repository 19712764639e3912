"""Tweedie loss, for amounts that are often exactly zero."""

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
        size, up, down, is_zero = self._rises(y, raw)
        value = up + is_zero
        slope = value - down
        slope *= size
        value /= self._b
        down /= self._a
        value += down
        value *= size
        return value, slope

    def _slope(self, y, raw):
        size, up, down, is_zero = self._rises(y, raw)
        up += is_zero
        up -= down
        up *= size
        return up

    def _bend(self, y, raw):
        up, down = self._terms(y, raw)
        return self._b * up + self._a * down

    def _third(self, y, raw):
        up, down = self._terms(y, raw)
        return self._b**2 * up - self._a**2 * down

    def _slopes(self, y, raw):
        up, down = self._terms(y, raw)
        return up - down, *self._bend_and_third_of(up, down)

    def _bend_and_third(self, y, raw, slope):
        return self._bend_and_third_of(*self._terms(y, raw))

    def _bend_and_third_of(self, up, down):
        up *= self._b
        down *= self._a
        return up + down, self._b * up - self._a * down

    def _rises(self, y, raw):
        """Return ``y^b``, ``(mu / y)^b - 1``, ``(mu / y)^-a - 1``, and zeros as ones.

        In these terms large amounts lose no digits, and the loss of a constant y is
        exactly zero at its minimum. A zero counts as the smallest target here, and its
        third term is zero.
        """
        log_y = np.log(nonzero(y))
        error = raw - log_y
        log_y *= self._b
        size = np.exp(log_y, out=log_y)
        up = np.expm1(self._b * error)
        error *= -self._a
        down = np.expm1(error, out=error)
        is_positive = (y >= LEAST_TARGET).astype(float)
        down *= is_positive
        return size, up, down, np.subtract(1.0, is_positive, out=is_positive)

    def _terms(self, y, raw):
        """Return ``mu^b`` and ``y mu^-a``."""
        return np.exp(self._b * raw), y * np.exp(-self._a * raw)
