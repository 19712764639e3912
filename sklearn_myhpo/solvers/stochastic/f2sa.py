"""F2SA: lambda and two sets of weights by gradients alone.

Kwon, Kwon, Wright & Nowak (2023), A fully first-order method for stochastic bilevel
optimization, arXiv:2301.10945, Algorithm 1 (T inner steps). With the multiplier s, z
minimizes L_T and y minimizes ``L_V + s L_T``; then ``s d/dlambda (L_T(y) - L_T(z))`` is
the hypergradient up to a part of 1/s. As ``d L_T / dlambda_g`` is half the sum of
``p w^2``, this is the usual slope with weights (y + z) / 2 and adjoints -s (y - z).
"""

import numpy as np

from .walk import Rule

#: Multiplier at the start. Both losses are convex here, so the paper's lower bound,
#: which ensures convexity, is not needed.
FIRST_MULTIPLIER = 10.0
#: Exponents of ``k + 1`` in the steps of z, in those of y and lambda, and in the
#: multiplier, where both losses are sampled: ibid., corollary of theorem 4.1.
Z_POWER, LAMBDA_POWER, MULTIPLIER_POWER = 4 / 7, 5 / 7, 1 / 7


def multiplier(n_steps: int) -> float:
    """Return s after some steps of lambda."""
    return FIRST_MULTIPLIER * (n_steps + 1.0) ** MULTIPLIER_POWER


class F2SA(Rule):
    """Joint steps on y and z, then one on lambda."""

    has_inner_loops = True

    def epoch(self, walk, memory):
        """Return None after about as many batches as there are."""
        (w, q), n_inner = walk.z, walk.n_inner
        both = np.stack([w - q / multiplier(walk.n_steps), w])
        for numbers in walk.rounds(n_inner + walk.n_outer):
            k, s = walk.n_steps + 1.0, multiplier(walk.n_steps)
            self.step(walk, numbers[:n_inner], both, s, k**-Z_POWER)
            y, z = both
            mean, adjoint = 0.5 * (y + z), -s * (y - z)
            pull = self.pull(walk, numbers[n_inner:], both, s)
            lambda_ = walk.stepped(mean, adjoint, k**-LAMBDA_POWER, pull=pull)
            walk.n_steps += 1
            w[...], q[...] = z, -multiplier(walk.n_steps) * (y - z)
            walk.go_to(lambda_)

    def step(self, walk, numbers, both, s, factor):
        """Step on y and z on batches, in place."""
        n_batches, penalty = len(walk.batches), walk.penalty
        # Twice the size of the multiplier times the step of y is the step of z.
        scale = factor * np.stack([0.5 * walk.scale, walk.scale])
        asked = "n_train_gradients", "n_train_gradients", "n_validation_gradients"
        for batch in walk.visit(numbers, *asked):
            slopes = batch.slopes(batch.forward(both))
            held_out = batch.held_out * slopes[0] / s
            slopes *= batch.train
            slopes[0] += held_out
            both -= scale * (n_batches * batch.adjoint(slopes) + penalty * both)

    def pull(self, walk, numbers, both, s):
        """Return the pull of groups of rows, ``-s`` times a difference of losses."""
        if not len(numbers):
            return None
        share = -s * len(walk.batches) / len(numbers)
        total = 0.0
        for batch in walk.visit(numbers, "n_values", "n_values"):
            y, z = batch.values(batch.forward(both))
            total = total + batch.value_pull(y - z, share)
        return total
