"""What keeps many lambdas together: a penalty on the spread of log-penalties."""

from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """``strength * mean_g (lambda_g - mean lambda)^2 / 2``.

    Every lambda counts the same, whatever the size of its group: what a further
    lambda can overfit does not depend on how many features share it.

    Attributes
    ----------
    strength : float
        In units of the validation loss; zero for no penalty.
    """

    strength: float = 0.0

    def value(self, lambda_):
        """Return the penalty."""
        return 0.5 * self.strength * np.mean((lambda_ - np.mean(lambda_)) ** 2)

    def gradient(self, lambda_):
        """Return its derivative, shape (n_groups,)."""
        return self.strength * (lambda_ - np.mean(lambda_)) / len(lambda_)

    def hessian(self, lambda_):
        """Return its second derivative, shape (n_groups, n_groups)."""
        size = len(lambda_)
        return self.strength * (np.eye(size) - 1.0 / size) / size
