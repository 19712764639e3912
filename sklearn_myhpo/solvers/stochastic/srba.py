"""SRBA: joint steps along gradients that SARAH's recursion updates.

Dagreou, Moreau, Vaiter & Ablin (2024), A lower bound and a near-optimal algorithm for
bilevel empirical risk minimization, arXiv:2302.08766, Algorithm 1.
"""

import numpy as np

from .walk import BOTH, Rule


class SRBA(Rule):
    """Steps along the gradients of all rows at the start, and their changes since.

    A change is measured on a batch, at the last place and at this one. The direction of
    lambda depends on no rows, so its recursion equals the direction itself. A period is
    an epoch: the pass that the residual takes anyway begins the next one.
    """

    is_steady = True
    needs_pass = True

    def start(self, found):
        """Return the gradients of all rows, and the pulls of groups of rows."""
        return found.gradients, None if found.rows is None else found.rows.pull

    def renewed(self, memory, found):
        """Return the gradients of all rows at the end of the period."""
        return self.start(found)

    def epoch(self, walk, memory):
        """Return the memory after simultaneous steps of all three on every batch."""
        n_batches, (direction, pull) = len(walk.batches), memory
        direction = direction.copy()
        places = np.stack([walk.z, walk.z], axis=1)
        walk.z = places[:, 0]
        for batch in walk.batches.visit(walk.order(), *BOTH, *BOTH):
            before = walk.lambda_
            walk.move(direction.copy(), pull=pull)
            both = batch.at(np.stack([walk.lambda_, before]))
            raw = batch.forward(places)
            found = both.scalars(raw)
            direction += n_batches * batch.adjoint(found[:, 0] - found[:, 1])
            if pull is not None:
                now, last = both.pull(found, raw, n_batches)
                pull = pull + now - last
            places[:, 1] = places[:, 0]
        return direction, pull
