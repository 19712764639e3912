"""VRBO: SPIDER's recursion for both directions, in inner loops on w.

Yang, Ji & Liang (2021), Provably faster algorithms for bilevel optimization,
arXiv:2106.04692, Algorithm 2, with the hypergradient of its equation (4).
"""

import numpy as np

from .neumann import Places
from .walk import Rule


class VRBO(Rule):
    """One step on lambda, then several on w, along recursive directions.

    A period is an epoch. It begins with the gradients of all rows, which the pass for
    the residual has summed, and a Neumann series whose terms share the rows: its large
    batches have the size ``n_rows / n_inner``.
    """

    safety = 1.0 / 3.0
    has_inner_loops = True
    needs_pass = True

    def start(self, found):
        """Return the gradients of all rows, of L_T and of L_V."""
        return found.gradients[0], found.held_out

    def renewed(self, memory, found):
        """Return the gradients of all rows at the end of the period."""
        return self.start(found)

    def epoch(self, walk, memory):
        """Return the memory after a pass for the first adjoints, and an epoch."""
        (w, q), n_inner, every = walk.z, walk.n_inner, walk.order()
        places = Places(walk, [w], [walk.lambda_])
        direction = memory[0] + walk.penalty * w
        terms = np.array_split(np.resize(every, max(len(every), n_inner)), n_inner)
        q[...] = places.adjoints(memory[1][None], terms)[0]
        slope = places.slopes(q[None], every)[0]
        # Every step on w takes a batch for its gradient and a series of others.
        for numbers in walk.rounds(n_inner * (n_inner + 2)):
            before, lambda_ = w.copy(), walk.lambda_
            walk.go_to(walk.stepped(slope=slope))
            walk.n_steps += 1
            for own in numbers.reshape(n_inner, n_inner + 2):
                places = Places(walk, [w, before], [walk.lambda_, lambda_])
                gradients = places.gradients(own[:1])
                right = places.held_out(own[1:2])
                adjoints = places.adjoints(right, own[2:, None])
                slopes = places.slopes(adjoints, own[:1])
                direction = direction + gradients[0] - gradients[1]
                slope = slope + slopes[0] - slopes[1]
                before, lambda_, q[...] = w.copy(), walk.lambda_, adjoints[0]
                w -= walk.scale * direction
        return memory
