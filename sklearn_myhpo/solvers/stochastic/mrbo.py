"""MRBO: both directions with recursive momentum, in a single loop.

Yang, Ji & Liang (2021), Provably faster algorithms for bilevel optimization,
arXiv:2106.04692, Algorithm 1, with the hypergradient of its equation (4).
"""

from typing import NamedTuple

import numpy as np

from .neumann import Places
from .walk import Rule

#: Exponent of ``k + 1`` in the sizes of the steps; one minus the momentum falls with
#: its double (ibid., theorem 1), from `FIRST_SHARE` on.
MOMENTUM_POWER, FIRST_SHARE = 1 / 3, 0.5


class Momentum(NamedTuple):
    """Directions of w and of lambda, and the place before the last step.

    Attributes
    ----------
    direction : ndarray of shape (n_splits, n_outputs, m)
    slope : ndarray of shape (n_groups,)
    weights : ndarray of shape (n_splits, n_outputs, m)
    lambda_ : ndarray of shape (n_groups,)
    n_steps : int
        Steps since the directions were begun.
    """

    direction: np.ndarray
    slope: np.ndarray
    weights: np.ndarray
    lambda_: np.ndarray
    n_steps: int


class MRBO(Rule):
    """Steps on w and lambda; q is a Neumann series of batches at every step."""

    #: Its directions carry the noise of single rows on.
    row_ratio = 0.3

    def epoch(self, walk, memory):
        """Return the `Momentum` after about one epoch of batches."""
        w = walk.z[0]
        for numbers in walk.rounds(walk.n_inner + 2):
            memory = self.step(walk, numbers, memory)
            factor = (walk.n_steps + 1.0) ** -MOMENTUM_POWER
            lambda_ = walk.stepped(factor=factor, slope=memory.slope)
            w -= factor * walk.scale * memory.direction
            walk.n_steps += 1
            walk.go_to(lambda_)
        return memory

    def step(self, walk, numbers, memory):
        """Return the directions at this place, and store the adjoints."""
        w, q = walk.z
        weights, lambdas, share, n_steps = [w], [walk.lambda_], 1.0, 0
        if memory is not None:
            weights, lambdas = [w, memory.weights], [walk.lambda_, memory.lambda_]
            n_steps = memory.n_steps + 1
            share = FIRST_SHARE * n_steps ** (-2 * MOMENTUM_POWER)
        places = Places(walk, weights, lambdas)
        gradients = places.gradients(numbers[:1])
        right = places.held_out(numbers[1:2])
        adjoints = places.adjoints(right, numbers[2:, None])
        slopes = places.slopes(adjoints, numbers[:1])
        q[...], direction, slope = adjoints[0], gradients[0], slopes[0]
        if memory is not None:
            direction = direction + (1.0 - share) * (memory.direction - gradients[1])
            slope = slope + (1.0 - share) * (memory.slope - slopes[1])
        return Momentum(direction, slope, w.copy(), walk.lambda_, n_steps)
