"""A network from lambda to weights, with one hidden layer, and Adam to train it."""

from typing import NamedTuple

import numpy as np

#: Published constants of Adam (Kingma & Ba 2015).
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Hypernetwork(NamedTuple):
    """``lambda -> B relu(A lambda + a) + b``.

    Attributes
    ----------
    inner : ndarray of shape (n_hidden, n_groups)
        A.
    inner_bias : ndarray of shape (n_hidden,)
    outer : ndarray of shape (n_outputs, n_hidden)
        B.
    outer_bias : ndarray of shape (n_outputs,)
    """

    inner: np.ndarray
    inner_bias: np.ndarray
    outer: np.ndarray
    outer_bias: np.ndarray

    def __call__(self, inputs):
        """Return the hidden layer and the outputs of inputs (..., n_groups)."""
        hidden = np.maximum(inputs @ self.inner.T + self.inner_bias, 0.0)
        return hidden, hidden @ self.outer.T + self.outer_bias

    def parameter_gradient(
        self, inputs: np.ndarray, hidden: np.ndarray, slopes: np.ndarray
    ) -> "Hypernetwork":
        """Return the gradient of a sum over a batch in the parameters.

        Parameters
        ----------
        inputs : ndarray of shape (n_batch, n_groups)
            Of the network.
        hidden : ndarray of shape (n_batch, n_hidden)
            Values of the hidden layer.
        slopes : ndarray of shape (n_batch, n_outputs)
            Gradients in the outputs.

        Returns
        -------
        Hypernetwork
            Of the shapes of the parameters.
        """
        pulled = (slopes @ self.outer) * (hidden > 0)
        return Hypernetwork(
            pulled.T @ inputs, pulled.sum(axis=0), slopes.T @ hidden, slopes.sum(axis=0)
        )

    def input_gradient(self, hidden: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Return the gradient (n_groups,) of a function of the outputs of one input."""
        return ((slope @ self.outer) * (hidden > 0)) @ self.inner


class Adam(NamedTuple):
    """A network and the moments of its gradient, after some steps of Adam."""

    network: Hypernetwork
    first: Hypernetwork
    second: Hypernetwork
    n_steps: int = 0

    @classmethod
    def start(cls, network: Hypernetwork) -> "Adam":
        """Return the state before the first step."""
        zeros = Hypernetwork(*map(np.zeros_like, network))
        return cls(network, zeros, zeros)

    def step(self, gradient: Hypernetwork, size: float) -> "Adam":
        """Return the state after one more step of a size (algorithm 1 there)."""
        n_steps = self.n_steps + 1
        size = size * np.sqrt(1.0 - BETA_2**n_steps) / (1.0 - BETA_1**n_steps)
        epsilon = EPSILON * np.sqrt(1.0 - BETA_2**n_steps)
        network, first, second = [], [], []
        for x, m, v, g in zip(
            self.network, self.first, self.second, gradient, strict=True
        ):
            m, v = m + (1.0 - BETA_1) * (g - m), v + (1.0 - BETA_2) * (g * g - v)
            network.append(x - size * m / (np.sqrt(v) + epsilon))
            first.append(m)
            second.append(v)
        parts = (Hypernetwork(*part) for part in (network, first, second))
        return Adam(*parts, n_steps)
