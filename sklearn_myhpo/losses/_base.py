"""What a loss must offer: functions of the target and the raw prediction."""

from abc import ABC, abstractmethod

import numpy as np


class Loss(ABC):
    """A loss per row, as a function of the target and the raw prediction.

    Raw predictions have shape (n_samples, n_outputs). A loss never sees X:
    the linear part is composed around it by the engine.
    """

    #: Upper bound of the second derivative, for scale-free bounds and steps.
    max_curvature: float
    #: Sum of the losses of rows that counts as none. A likelihood's is in nats, a
    #: hundredth of which decides nothing; squares have no such unit.
    negligible_sum = 0.0

    @abstractmethod
    def n_outputs(self, y):
        """Return the number of columns of the raw prediction for target `y`."""

    @abstractmethod
    def value(self, y, raw):
        """Return the loss of every row, shape (n_samples,)."""

    @abstractmethod
    def gradient(self, y, raw):
        """Return the derivative in `raw`, shape (n_samples, n_outputs)."""

    @abstractmethod
    def curvature(self, raw):
        """Return the second derivative, shape (n_samples, n_outputs, n_outputs)."""

    @abstractmethod
    def third(self, raw, a, b, c):
        """Return the third derivative contracted with three directions.

        Parameters
        ----------
        raw : ndarray of shape (n_samples, n_outputs)
        a, b, c : ndarrays broadcastable to shape (..., n_samples, n_outputs)

        Returns
        -------
        ndarray of shape (..., n_samples)
        """

    @abstractmethod
    def spread(self, raw):
        """Return by how much a move of the raw prediction can change the curvature.

        The second derivative stays within the factors ``exp(-spread)`` and
        ``exp(spread)`` along it.

        Parameters
        ----------
        raw : ndarray of shape (n_samples, n_outputs)
            The move.

        Returns
        -------
        ndarray of shape (n_samples,)
        """

    def intercept_start(self, y, sample_weight):
        """Return the intercepts of the best constant raw prediction.

        Parameters
        ----------
        y : ndarray
            Target.
        sample_weight : ndarray of shape (n_samples,)
            Non-negative, with a positive sum.

        Returns
        -------
        ndarray of shape (n_outputs,)
        """
        return np.zeros(self.n_outputs(y))
