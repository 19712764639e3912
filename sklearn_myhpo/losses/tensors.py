"""Derivatives of losses in the namespace of a tensor.

Each loss has a form here, which prepares y on the host once and computes on the device
of X. Raw predictions have shape (n, n_outputs). The formulas are those of the losses
themselves, with the same care for cancellation and overflow.
"""

import numpy as np

from .class_scores import ClassScoresLoss
from .gamma import GammaLoss
from .log_link import LEAST_TARGET, MOST_LOG_MEAN, nonzero
from .logistic import LARGEST_EXPONENT, LogisticLoss
from .multinomial import MultinomialLoss
from .poisson import PoissonLoss
from .tweedie import TweedieLoss

#: Size of a raw prediction up to which exponentials of it, of its double and of sums
#: over rows are numbers in single precision.
MOST_SINGLE = 40.0


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
        self.most = MOST_SINGLE if home.is_single else np.inf

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
        return self.home.products(images, bend * images)

    def third_slope(self, y, raw, first, second):
        """Return third derivatives of every row along two directions.

        Parameters
        ----------
        y : object
            From `prepare`.
        raw, first, second : array of shape (n, n_outputs)
            Raw predictions, and changes of them.

        Returns
        -------
        array of shape (n, n_outputs)
            Without weights of rows.
        """
        return self._third(y, raw) * first * second


class TensorLogistic(TensorLoss):
    """Of `LogisticLoss`; y is prepared as 1 for the first class, -1 for the second."""

    def prepare(self, y):
        """Return the signs, shape (n, 1)."""
        return self.home.put(1.0 - 2.0 * np.asarray(y, dtype=np.float64)[:, None])

    def value_and_gradient(self, y, raw):
        """Return the loss and ``p - y``, from one exponential."""
        xp, wrong = self.xp, y * raw
        inside = xp.clip(wrong, max=min(LARGEST_EXPONENT, self.most))
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
        contrasts, (left, right) = (
            loss.contrasts,
            np.tril_indices(loss.contrasts.shape[1]),
        )
        self._contrasts = home.put(contrasts)
        self._pairs = home.put(contrasts[:, left] * contrasts[:, right])
        self._left, self._right = home.put_index(left), home.put_index(right)
        self._is_own = home.put((left == right).astype(np.float64)[None])

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
        p, bend = self._bent(raw, along)
        bend = weight * bend
        moves = [self._centred(p, images[:, one, :]) for one in range(images.shape[1])]
        moves = self.xp.stack(moves, axis=1)
        found = None
        for number in range(p.shape[1]):
            own = moves[:, :, number]
            part = self.home.products(own, bend[:, number : number + 1] * own)
            found = part if found is None else found + part
        return found

    def third_slope(self, y, raw, first, second):
        """Return third central co-moments of the scores along two directions."""
        p, bend = self._bent(raw, first)
        bend = bend * self._centred(p, second)
        mean = p @ self._contrasts
        total = self.xp.sum(bend, axis=1, keepdims=True)
        return bend @ self._contrasts - total * mean

    def _bent(self, raw, along):
        """Return the probabilities, and their changes along a direction."""
        _, p, total = self._probabilities(raw)
        p = p / total
        return p, p * self._centred(p, along)

    def _centred(self, p, direction):
        """Return changes of the scores about their means."""
        scores = direction @ self._contrasts.T
        return scores - self.xp.sum(p * scores, axis=1, keepdims=True)


class TensorClassScores(TensorMultinomial):
    """Of `ClassScoresLoss`, whose contrasts are the scores."""

    def curvature(self, y, raw):
        """Return the lower triangles of ``diag(p) - p p'``, without cancellation."""
        _, p, total = self._probabilities(raw)
        p = p / total
        others = p @ self.home.put(1.0 - np.eye(self.loss.n_classes))
        left, right = (
            self.xp.take(p, one, axis=1) for one in (self._left, self._right)
        )
        own = self.xp.take(others, self._right, axis=1)
        return left * (own * self._is_own - right * (1.0 - self._is_own))


class TensorLogLink(TensorLoss):
    """Of a `LogLinkLoss`; y is prepared as targets, their logs and nonzero masks."""

    def prepare(self, y):
        """Return columns y, log(y) and whether y is positive, each (n, 1)."""
        # The logs of zeros are zeros, and so are targets that count as zeros.
        y = np.asarray(y, dtype=np.float64)[:, None]
        is_positive = (y >= LEAST_TARGET).astype(np.float64)
        log = np.log(nonzero(y)) * is_positive
        return tuple(self.home.put(one) for one in (y * is_positive, log, is_positive))

    def _inside(self, raw):
        most = min(MOST_LOG_MEAN, self.most)
        return self.xp.clip(raw, min=-most, max=most)

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
        error = (raw - y[1]) * y[2]
        rise = self.xp.expm1(error)
        # Of a target of zero the loss is the mean.
        mean = self.xp.exp(raw) * (1.0 - y[2])
        return y[0] * (rise - error) + mean, y[0] * rise + mean

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
        xp, error = self.xp, (raw - y[1]) * y[2]
        size = xp.exp(self._b * y[1]) * y[2]
        up, down = xp.expm1(self._b * error), xp.expm1(-self._a * error)
        # Of a target of zero the loss is a power of the mean.
        power = xp.exp(self._b * raw) * (1.0 - y[2])
        value = size * (up / self._b + down / self._a) + power / self._b
        return value, size * (up - down) + power

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
    ClassScoresLoss: TensorClassScores,
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
