"""SABA: all three at once, with SAGA's tables and so without noise in the limit.

Dagreou, Ablin, Vaiter & Moreau (2022), arXiv:2201.13409.
For linear models a scalar of every row stands for its gradient (Defazio, Bach &
Lacoste-Julien 2014, arXiv:1407.0202, section 4).
"""

from .walk import BOTH, Rule, Sums


class SABA(Rule):
    """Steps along variance-reduced gradients; the memory is `Sums`."""

    #: Defazio et al. (2014), theorem 1.
    safety = 1.0 / 3.0
    streams = False
    needs_pass = True

    def start(self, found):
        """Return tables that have seen all rows."""
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
