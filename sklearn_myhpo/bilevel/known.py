"""An evaluation that the search for a start has already made."""

from typing import NamedTuple

import numpy as np

from .evaluation import SecondOrderEvaluation


class KnownPlace(NamedTuple):
    """An evaluation with its model, and the accuracy of its weights.

    Attributes
    ----------
    place : SecondOrderEvaluation
    inner : float
        Error of the weights, relative in the norm of the Hessian.
    error : float
        Error of the hypergradient by that, relative to the objective.
    freedom : float
        Degrees of freedom of the model of all rows there, the intercept included.
    full : ndarray of shape (m, 1) or None
        The exact weights of all rows, where they are known too.
    """

    place: SecondOrderEvaluation
    inner: float
    error: float
    freedom: float
    full: np.ndarray | None

    def is_at(self, lambda_: np.ndarray, weights: list[np.ndarray]) -> bool:
        """Whether this is the place of a lambda and a list of weights."""
        is_same = weights is self.place.weights
        return is_same and np.array_equal(lambda_, self.place.lambda_)
