"""The log link of losses of positive means, and its safety from overflow."""

from abc import abstractmethod

import numpy as np

from .base import Loss

#: Size of a raw prediction, a log mean, beyond which the loss goes on along its
#: tangent: no exponential overflows for any target in range.
MOST_LOG_MEAN = 400.0
#: Range of positive targets; smaller ones count as zero.
LEAST_TARGET, MOST_TARGET = 1e-100, 1e100


class LogLinkLoss(Loss):
    """Half a unit deviance of the mean ``mu = exp(raw)``, for one target.

    The size of the third derivative is at most the second derivative. Subclasses have
    the functions of y (n_samples,) and of raw predictions (..., n_samples) that do not
    overflow.
    """

    link = "log"

    @abstractmethod
    def _value_and_slope(self, y, raw):
        """Return the loss and its first derivative, of the shape of `raw`."""

    @abstractmethod
    def _slope(self, y, raw):
        """Return the first derivative, of the shape of `raw`."""

    @abstractmethod
    def _bend(self, y, raw):
        """Return the second derivative, of the shape of `raw`."""

    @abstractmethod
    def _third(self, y, raw):
        """Return the third derivative, of the shape of `raw`."""

    def n_outputs(self, y):
        """Return 1, for one log mean per row."""
        return 1

    def value(self, y, raw):
        """Return half the unit deviance of every row."""
        return self.value_and_gradient(y, raw)[0]

    def gradient(self, y, raw):
        """Return the first derivative in the log mean."""
        return self._slope(y, _clipped(raw[:, 0])[0])[:, None]

    def value_and_gradient(self, y, raw):
        """Return the loss and its first derivative, which share exponentials."""
        value, slope, _ = self._value_and_slope_of(y, raw[:, 0])
        return value, slope[:, None]

    def curvature(self, y, raw):
        """Return the second derivative in the log mean."""
        return self._bend(y, _clipped(raw[:, 0])[0])[:, None, None]

    def mean_curvature(self, y, raw, sample_weight):
        """Return the weighted mean of the second derivative at one log mean."""
        bend = self._bend(y, _clipped(raw)[0])
        if bend.shape != y.shape:
            # It does not depend on y.
            return bend.reshape(1, 1)
        return np.array([[sample_weight @ bend / sample_weight.sum()]])

    def third(self, y, raw, a, b, c):
        """Return the third derivative in the log mean times ``a b c``."""
        third = self._third(y, _clipped(raw[:, 0])[0])
        return (third[:, None] * a * b * c)[..., 0]

    def derivatives(self, y, raw):
        """Return values and three derivatives in the raw prediction."""
        value, first, inside = self._value_and_slope_of(y, raw)
        return value, first, *self._bend_and_third(y, inside, first)

    def slopes(self, y, raw):
        """Return three derivatives in the log mean, without values."""
        return self._slopes(y, _clipped(raw)[0])

    @abstractmethod
    def _slopes(self, y, raw):
        """Return three derivatives; rounding is relative to the mean."""

    def _value_and_slope_of(self, y, raw):
        """Return the loss, its first derivative, and the log means that are not far."""
        inside, excess = _clipped(raw)
        value, slope = self._value_and_slope(y, inside)
        # Rounding may make the result slightly negative.
        np.maximum(value, 0.0, out=value)
        if excess is not None:
            value += slope * excess
        return value, slope, inside

    def _bend_and_third(self, y, raw, slope):
        """Return the second and third derivatives, given the first one."""
        return self._bend(y, raw), self._third(y, raw)

    def curvature_change(self, move):
        """Return ``|move|``, since the third derivative is at most the second."""
        return np.abs(move[:, 0])

    def has_constant(self, y, sample_weight):
        """Return whether any target is positive; else the best mean is zero."""
        return bool(np.any((y >= LEAST_TARGET) & (sample_weight > 0)))

    def intercept_start(self, y, sample_weight):
        """Return the log of the weighted mean; log(1e-100) if all targets are zero."""
        # The mean of a constant target is that constant, without rounding error.
        one = y[np.argmax(sample_weight)]
        mean = one + sample_weight @ (y - one) / sample_weight.sum()
        return np.array([np.log(np.maximum(mean, LEAST_TARGET))])


def nonzero(y):
    """Return targets with finite logs: zeros become the smallest target."""
    return np.maximum(y, LEAST_TARGET)


def log_error(y, raw):
    """Return ``raw - log(y)``, of positive targets."""
    return raw - np.log(y)


def _clipped(raw):
    """Return log means (..., n_samples) clipped to a safe range, and the excess."""
    if not raw.size or (raw.max() <= MOST_LOG_MEAN and raw.min() >= -MOST_LOG_MEAN):
        return raw, None
    inside = np.clip(raw, -MOST_LOG_MEAN, MOST_LOG_MEAN)
    return inside, raw - inside
