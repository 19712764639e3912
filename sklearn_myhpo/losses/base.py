"""The contract of a loss: functions of the target and the raw prediction."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from .combinations import Combinations
from .interval import Interval


class Loss(Combinations, ABC):
    """Loss per row, as a function of the target and the raw prediction.

    Raw predictions have shape (n_samples, n_outputs). A loss does not depend on X: the
    engine adds the linear part.

    A loss is never negative, because solvers compare the predicted decrease of a step
    with the loss. Half a unit deviance is suitable; a negative log likelihood without
    its constant may be negative. A problem with a negative mean loss raises a
    ValueError. A loss is convex: its curvature is positive semidefinite.
    """

    #: Name in messages.
    name: ClassVar[str]
    #: Function from the expected target to the raw prediction: "identity", "log",
    #: "logit" or "softmax".
    link: ClassVar[str]
    #: Range of y; None for class indices.
    y_range: ClassVar[Interval | None]
    #: Number of classes; None if y holds no class indices.
    n_classes: int | None = None
    #: Whether the loss is ``|y - raw|^2 / 2``, so that second moments of the data are
    #: enough for the engine.
    is_quadratic: ClassVar[bool] = False
    #: Upper bound of the eigenvalues of the curvature; None if there is no bound.
    max_curvature: ClassVar[float | None] = None
    #: Number of directions of the raw prediction along which the loss is constant.
    n_flat: ClassVar[int] = 0
    #: A fit ends when the sum of the losses of all rows is below this limit: 0.01 nats
    #: of likelihoods. A squared error has no natural unit.
    negligible_sum: ClassVar[float] = 0.0

    def __repr__(self):
        return f"{type(self).__name__}()"

    @abstractmethod
    def n_outputs(self, y):
        """Return the number of columns of the raw prediction.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.

        Returns
        -------
        int
            At least 1.
        """

    @abstractmethod
    def value(self, y, raw):
        """Return the loss of every row, never negative.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw prediction.

        Returns
        -------
        ndarray of shape (n_samples,)
            The loss.
        """

    @abstractmethod
    def gradient(self, y, raw):
        """Return the first derivative in the raw prediction.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw prediction.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            The first derivative.
        """

    @abstractmethod
    def curvature(self, y, raw):
        """Return the second derivative in the raw prediction.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw prediction.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_outputs)
            The second derivative; it may be a read-only view.
        """

    @abstractmethod
    def third(self, y, raw, a, b, c):
        """Return the third derivative contracted with three directions.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        raw : ndarray of shape (n_samples, n_outputs)
            Raw prediction.
        a, b, c : ndarray
            Directions, broadcastable to shape (..., n_samples, n_outputs).

        Returns
        -------
        ndarray of shape (..., n_samples)
            The contraction.
        """

    @abstractmethod
    def curvature_change(self, move):
        """Return a bound on the change of the log curvature along a move.

        The second derivative stays between ``exp(-change)`` and ``exp(change)`` times
        its initial value.

        Parameters
        ----------
        move : ndarray of shape (n_samples, n_outputs)
            Change of the raw prediction.

        Returns
        -------
        ndarray of shape (n_samples,)
            The bound, at least zero.
        """

    @abstractmethod
    def intercept_start(self, y, sample_weight):
        """Return the intercepts of the best constant raw prediction.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        sample_weight : ndarray of shape (n_samples,)
            Non-negative, with a positive sum.

        Returns
        -------
        ndarray of shape (n_outputs,)
            Intercepts; finite numbers even if the best ones are infinite.
        """

    def has_constant(self, y, sample_weight):
        """Return whether the best constant raw prediction is finite.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        sample_weight : ndarray of shape (n_samples,)
            Non-negative, with a positive sum.

        Returns
        -------
        bool
            False if the loss keeps falling as the constant goes to infinity.
        """
        return True

    def check_target(self, y):
        """Raise a ValueError if a target is out of range.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        """
        if self.y_range is None:
            allowed = f"class indices, integers from 0 to {self.n_classes - 1}"
            is_inside = (y >= 0) & (y < self.n_classes)
            if np.asarray(y).dtype.kind not in "biu":
                is_inside = np.zeros_like(is_inside)
        else:
            allowed = f"numbers in {self.y_range}"
            is_inside = self.y_range.contains(y)
        if not np.all(is_inside):
            value = y[~is_inside].flat[0]
            raise ValueError(
                f"The {self.name} loss needs a y of {allowed}. Got {value!s} of type "
                f"{np.asarray(y).dtype} instead."
            )

    def mean_curvature(self, y, raw, sample_weight):
        """Return the weighted mean of the second derivative.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        raw : ndarray of shape (n_outputs,)
            Raw prediction, the same for all rows.
        sample_weight : ndarray of shape (n_samples,)
            Non-negative, with a positive sum.

        Returns
        -------
        ndarray of shape (n_outputs, n_outputs)
            The mean.
        """
        curvature = self.curvature(y, np.broadcast_to(raw, (len(y), len(raw))))
        return np.tensordot(sample_weight / sample_weight.sum(), curvature, axes=1)

    def curvature_scale(self, y, sample_weight):
        """Return a typical curvature, the unit of the bounds of lambda.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Target.
        sample_weight : ndarray of shape (n_samples,)
            Non-negative, with a positive sum.

        Returns
        -------
        float
            `max_curvature`; if it is None, the largest eigenvalue of the mean curvature
            at the best constant raw prediction. Positive.
        """
        if self.max_curvature is not None:
            return self.max_curvature
        start = self.intercept_start(y, sample_weight)
        mean = self.mean_curvature(y, start, sample_weight)
        return float(np.linalg.eigvalsh(mean)[-1])

    def curvature_bound(self, needed_by):
        """Return `max_curvature`, or raise a ValueError if there is none.

        Parameters
        ----------
        needed_by : str
            Subject of the message, such as a solver.

        Returns
        -------
        float
            The bound.
        """
        if self.max_curvature is None:
            raise ValueError(
                f"{needed_by} needs a bound of the curvature of the loss, and the "
                f"{self.name} loss has none. Use a solver that minimizes the inner "
                "problems, such as 'myhpo', 'implicit' or 'hoag', or give step sizes "
                "where the solver takes them."
            )
        return self.max_curvature
