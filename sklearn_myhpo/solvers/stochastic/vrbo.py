"""VRBO: SPIDER's recursion for both directions, in inner loops on w.

Yang, Ji & Liang (2021), Provably faster algorithms for bilevel optimization,
arXiv:2106.04692, Algorithm 2, with the hypergradient of its equation (4).
"""

import numpy as np

from .neumann import Places
from .walk import Rule


class VRBO(Rule):
    """One step on lambda, then several on w, along recursive directions.

    A period is an epoch. It begins with directions of all rows, for which every term of
    the Neumann series is a pass.
    """

    safety = 1.0 / 3.0
    has_inner_loops = True

    def epoch(self, walk, memory):
        """Return None after a pass or more for the first directions, and an epoch."""
        every, n_inner = np.arange(len(walk.batches)), walk.n_inner
        w, q = walk.z
        places = Places(walk, [w], [walk.lambda_])
        direction = places.gradients(every)[0]
        q[...] = places.adjoints(every, [every] * n_inner)[0]
        slope = places.slopes(q[None], every)[0]
        # Every step on w takes a batch for its gradient and a series of others.
        for numbers in walk.rounds(n_inner * (n_inner + 2)):
            before, lambda_ = w.copy(), walk.lambda_
            walk.go_to(walk.stepped(slope=slope))
            walk.n_steps += 1
            for own in numbers.reshape(n_inner, n_inner + 2):
                places = Places(walk, [w, before], [walk.lambda_, lambda_])
                gradients = places.gradients(own[:1])
                adjoints = places.adjoints(own[1:2], list(own[2:, None]))
                slopes = places.slopes(adjoints, own[:1])
                direction = direction + gradients[0] - gradients[1]
                slope = slope + slopes[0] - slopes[1]
                before, lambda_, q[...] = w.copy(), walk.lambda_, adjoints[0]
                w -= walk.scale * direction
