"""Gradient descent of a training loss at fixed lambda, without passes over X.

A black-box trial is n_T gradient steps from zero. For least squares the recursion is
linear, and the spectrum of the training rows gives any of its steps at once. For
logistic loss weights stay combinations of training rows, w = X' a, and a step in `a`
asks for one product with the Gram matrix of the rows. Both are the same recursion as
the one in w.
"""

import numpy as np
from scipy.special import expit


class SquaredDescent:
    """Descent of sum (y - w.x)^2 / 2n + e^lambda |w|^2.

    Parameters
    ----------
    X, y : ndarray of shape (n, d), (n,)
        Training rows.
    """

    def __init__(self, X, y):
        left, singular, right = np.linalg.svd(X, full_matrices=False)
        self.curvature = singular**2 / len(y)
        self.slope = singular * (left.T @ y) / len(y)
        self.basis = right.T

    @property
    def start(self):
        """Coordinates of zero weights."""
        return np.zeros_like(self.slope)

    def move(self, lambda_, alpha, n_steps, state):
        """Return the coordinates after `n_steps` more steps of size `alpha`."""
        curvature = self.curvature + 2.0 * np.exp(lambda_)
        end = self.slope / curvature
        return end + (1.0 - alpha * curvature) ** n_steps * (state - end)

    def weights(self, state):
        """Return the weights of some coordinates."""
        return self.basis @ state


class LogisticDescent:
    """Descent of the mean of log(1 + exp(-y w.x)) + e^lambda |w|^2.

    Parameters
    ----------
    X, y : ndarray of shape (n, d), (n,)
        Training rows and their classes, 0 and 1.
    """

    def __init__(self, X, y):
        self.X = X
        self.gram = X @ X.T
        self.signs = 2.0 * y - 1.0

    @property
    def start(self):
        """Coordinates of zero weights."""
        return np.zeros(len(self.signs))

    def move(self, lambda_, alpha, n_steps, state):
        """Return the coordinates after `n_steps` more steps of size `alpha`."""
        keep = 1.0 - 2.0 * alpha * np.exp(lambda_)
        pull = alpha * self.signs / len(self.signs)
        for _ in range(n_steps):
            state = keep * state + pull * expit(-self.signs * (self.gram @ state))
        return state

    def weights(self, state):
        """Return the weights of some coordinates."""
        return self.X.T @ state
