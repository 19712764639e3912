"""The penalty that holds several lambdas together."""

from typing import NamedTuple

import numpy as np


class Shrinkage(NamedTuple):
    """``strength * mean_g (lambda_g - mean lambda)^2 / 2``.

    Every lambda counts the same, whatever the size of its group: the overfitting of one
    more lambda does not depend on the number of features that share it.

    Attributes
    ----------
    strength : float
        In units of the validation loss; zero for no penalty.
    """

    strength: float = 0.0

    def value(self, lambda_: np.ndarray) -> float:
        """Return the penalty."""
        if not self.strength:
            return 0.0
        return 0.5 * self.strength * np.mean((lambda_ - np.mean(lambda_)) ** 2)

    def gradient(self, lambda_: np.ndarray) -> np.ndarray:
        """Return its derivative, shape (n_groups,)."""
        return self.strength * (lambda_ - np.mean(lambda_)) / len(lambda_)

    def hessian(self, lambda_: np.ndarray) -> np.ndarray:
        """Return its second derivative, shape (n_groups, n_groups)."""
        size = len(lambda_)
        return self.strength * (np.eye(size) - 1.0 / size) / size

    def max_curvature(self, n_groups: int) -> float:
        """Return the largest eigenvalue of the second derivative."""
        return self.strength / n_groups
