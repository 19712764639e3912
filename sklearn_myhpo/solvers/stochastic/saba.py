"""SABA: joint steps with SAGA's tables, so without noise in the limit.

Dagreou, Ablin, Vaiter & Moreau (2022), arXiv:2201.13409.
For linear models a scalar of every row stands for its gradient (Defazio, Bach &
Lacoste-Julien 2014, arXiv:1407.0202, section 4).
"""

from .walk import BOTH, Rule, Sums


class SABA(Rule):
    """Steps along variance-reduced gradients; the memory is `Sums`."""

    #: Where all batches have the same curvature h, a step of c / h leaves the share
    #: ``c / (2 - c)`` of the variance of the tables in an epoch: here two thirds. The
    #: third of Defazio et al. (2014), theorem 1, is for any batches; as the largest
    #: curvature of a batch is far above the mean, it is needlessly short.
    safety = 0.8
    streams = False
    is_steady = True
    needs_pass = True

    def start(self, found):
        """Return tables filled from all rows."""
        return Sums(found.scalars, found.gradients)

    def epoch(self, walk, memory):
        """Return the tables after simultaneous steps of all three on every batch."""
        scalars, sums = (part.copy() for part in memory)
        n_batches = len(walk.batches)
        for batch in walk.visit(walk.order(), *BOTH):
            new, old = batch.scalars(batch.forward(walk.z)), scalars[..., batch.place]
            change = batch.adjoint(new - old)
            old[...] = new
            direction = n_batches * change
            direction += sums
            sums += change
            walk.move(direction)
        return Sums(scalars, sums)
