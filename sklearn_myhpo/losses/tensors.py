"""Derivatives of losses in the namespace of a tensor.

Each loss has a form here, which prepares y on the host once and computes on the device
of X. Raw predictions have shape (n, n_outputs). The formulas are those of the losses
themselves, with the same care for cancellation and overflow.
"""

import numpy as np

from .gamma import GammaLoss
from .log_link import LEAST_TARGET, MOST_LOG_MEAN, nonzero
from .logistic import LARGEST_EXPONENT, LogisticLoss
from .multinomial import MultinomialLoss
from .poisson import PoissonLoss
from .tweedie import TweedieLoss


class TensorLoss:
    """A loss of one raw prediction per row; subclasses say how y is prepared.

    Parameters
    ----------
    loss : Loss
        The loss of which this is the tensor form.
    home : Home
        Where raw predictions live.
    """

    def __init__(self, loss, home):
        self.loss, self.home, self.xp = loss, home, home.xp

    def prepare(self, y):
        """Return what the other methods need of y (n,), on the device of X."""
        return self.home.put(np.asarray(y, dtype=np.float64))

    def value_and_gradient(self, y, raw):
        """Return losses (n,) and derivatives (n, n_outputs)."""
        raise NotImplementedError

    def curvature(self, y, raw):
        """Return the lower triangles (n, n_pairs) of the second derivatives."""
        raise NotImplementedError

    def _third(self, y, raw):
        """Return the third derivatives, shape (n, 1)."""
        raise NotImplementedError

    def third(self, y, raw, weight, along, images):
        """Return sums of third derivatives along a direction and pairs of others.

        Parameters
        ----------
        y : object
            From `prepare`.
        raw : array of shape (n, n_outputs)
            Raw predictions.
        weight : array of shape (n, 1)
            Of the rows.
        along : array of shape (n, n_outputs)
            Changes of the raw predictions: the one direction.
        images : array of shape (n, k, n_outputs)
            The others.

        Returns
        -------
        array of shape (k, k)
            Symmetric.
        """
        bend = weight * self._third(y, raw) * along
        images = images[:, :, 0]
        return images.T @ (bend * images)


class TensorLogistic(TensorLoss):
    """Of `LogisticLoss`; y is prepared as 1 for the first class, -1 for the second."""

    def prepare(self, y):
        """Return the signs, shape (n, 1)."""
        return self.home.put(1.0 - 2.0 * np.asarray(y, dtype=np.float64)[:, None])

    def value_and_gradient(self, y, raw):
        """Return the loss and ``p - y``, from one exponential."""
        xp, wrong = self.xp, y * raw
        inside = xp.clip(wrong, max=LARGEST_EXPONENT)
        odds = xp.exp(inside)
        value = xp.log1p(odds) + (wrong - inside)
        return value[:, 0], y * odds / (1.0 + odds)

    def curvature(self, y, raw):
        """Return ``p (1 - p)``."""
        small = self.xp.exp(-self.xp.abs(raw))
        total = 1.0 + small
        return small / (total * total)

    def _third(self, y, raw):
        return -self.curvature(y, raw) * self.xp.tanh(0.5 * raw)


class TensorMultinomial(TensorLoss):
    """Of `MultinomialLoss`; y is prepared as a column of zeros and ones per class."""

    def __init__(self, loss, home):
        super().__init__(loss, home)
        contrasts, (left, right) = loss.contrasts, np.tril_indices(loss.n_classes - 1)
        self._contrasts = home.put(contrasts)
        self._pairs = home.put(contrasts[:, left] * contrasts[:, right])
        self._left, self._right = home.put_index(left), home.put_index(right)

    def prepare(self, y):
        """Return zeros and ones, shape (n, n_classes)."""
        classes = np.arange(self.loss.n_classes)
        return self.home.put((np.asarray(y)[:, None] == classes).astype(np.float64))

    def _probabilities(self, raw):
        """Return scores below the largest, exponentials, and the sums of these."""
        scores = raw @ self._contrasts.T
        scores = scores - self.xp.max(scores, axis=1, keepdims=True)
        p = self.xp.exp(scores)
        return scores, p, self.xp.sum(p, axis=1, keepdims=True)

    def value_and_gradient(self, y, raw):
        """Return the cross-entropy and ``(P - onehot(y)) Q``."""
        xp = self.xp
        scores, p, total = self._probabilities(raw)
        own = xp.sum(y * scores, axis=1)
        others = p / total * (1.0 - y)
        # p_y - 1 as minus the sum of the others, without cancellation.
        slope = others - y * xp.sum(others, axis=1, keepdims=True)
        return xp.log(total)[:, 0] - own, slope @ self._contrasts

    def curvature(self, y, raw):
        """Return the lower triangles of ``Q' (diag(p) - p p') Q``."""
        _, p, total = self._probabilities(raw)
        p = p / total
        mean = p @ self._contrasts
        left, right = (
            self.xp.take(mean, one, axis=1) for one in (self._left, self._right)
        )
        return p @ self._pairs - left * right

    def third(self, y, raw, weight, along, images):
        """Return sums of third central co-moments of the scores."""
        xp = self.xp
        _, p, total = self._probabilities(raw)
        p = p / total

        def centred(direction):
            scores = direction @ self._contrasts.T
            return scores - xp.sum(p * scores, axis=1, keepdims=True)

        bend = weight * p * centred(along)
        moves = [centred(images[:, one, :]) for one in range(images.shape[1])]
        moves = xp.stack(moves, axis=1)
        found = None
        for number in range(p.shape[1]):
            own = moves[:, :, number]
            part = own.T @ (bend[:, number : number + 1] * own)
            found = part if found is None else found + part
        return found


class TensorLogLink(TensorLoss):
    """Of a `LogLinkLoss`; y is prepared as targets, their logs and nonzero masks."""

    def prepare(self, y):
        """Return columns y, log(y) and whether y is positive, each (n, 1)."""
        y = np.asarray(y, dtype=np.float64)[:, None]
        is_positive = (y >= LEAST_TARGET).astype(np.float64)
        return tuple(self.home.put(one) for one in (y, np.log(nonzero(y)), is_positive))

    def _inside(self, raw):
        return self.xp.clip(raw, min=-MOST_LOG_MEAN, max=MOST_LOG_MEAN)

    def value_and_gradient(self, y, raw):
        """Return the loss and its first derivative, which share exponentials."""
        inside = self._inside(raw)
        value, slope = self._value_and_slope(y, inside)
        value = self.xp.clip(value, min=0.0) + slope * (raw - inside)
        return value[:, 0], slope

    def curvature(self, y, raw):
        """Return the second derivative in the log mean."""
        return self._bend(y, self._inside(raw))

    def _third(self, y, raw):
        return self._bend_slope(y, self._inside(raw))


class TensorPoisson(TensorLogLink):
    """Of `PoissonLoss`."""

    def _value_and_slope(self, y, raw):
        error = raw - y[1]
        rise = self.xp.expm1(error)
        size = self.xp.clip(y[0], min=LEAST_TARGET)
        return size * (rise - error), size * rise

    def _bend(self, y, raw):
        return self.xp.exp(raw)

    _bend_slope = _bend


class TensorGamma(TensorLogLink):
    """Of `GammaLoss`."""

    def _value_and_slope(self, y, raw):
        error = raw - y[1]
        rise = self.xp.expm1(-error)
        return error + rise, -rise

    def _bend(self, y, raw):
        return y[0] * self.xp.exp(-raw)

    def _bend_slope(self, y, raw):
        return -self._bend(y, raw)


class TensorTweedie(TensorLogLink):
    """Of `TweedieLoss`."""

    def __init__(self, loss, home):
        super().__init__(loss, home)
        self._a, self._b = loss.power - 1.0, 2.0 - loss.power

    def _value_and_slope(self, y, raw):
        xp, error = self.xp, raw - y[1]
        size = xp.exp(self._b * y[1])
        up = xp.expm1(self._b * error)
        down = xp.expm1(-self._a * error) * y[2]
        value = up + (1.0 - y[2])
        slope = size * (value - down)
        return size * (value / self._b + down / self._a), slope

    def _terms(self, y, raw):
        return self.xp.exp(self._b * raw), y[0] * self.xp.exp(-self._a * raw)

    def _bend(self, y, raw):
        up, down = self._terms(y, raw)
        return self._b * up + self._a * down

    def _bend_slope(self, y, raw):
        up, down = self._terms(y, raw)
        return self._b**2 * up - self._a**2 * down


#: Tensor forms by the class of the loss.
TENSOR_LOSSES = {
    LogisticLoss: TensorLogistic,
    MultinomialLoss: TensorMultinomial,
    PoissonLoss: TensorPoisson,
    GammaLoss: TensorGamma,
    TweedieLoss: TensorTweedie,
}


def tensor_loss(loss, home):
    """Return the `TensorLoss` of a loss.

    Parameters
    ----------
    loss : Loss
        Any one.
    home : Home
        Where raw predictions live.

    Returns
    -------
    TensorLoss
        Its form there.

    Raises
    ------
    ValueError
        If it is a custom loss of the user.
    """
    found = TENSOR_LOSSES.get(type(loss))
    if found is None:
        known = sorted(one.name for one in TENSOR_LOSSES)
        raise ValueError(
            f"The {loss.name} loss is not defined on arrays other than NumPy's. "
            f"Defined are {known}."
        )
    return found(loss, home)
