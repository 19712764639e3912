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
        """Return tables that have seen all rows."""
        return Sums(found.scalars, found.gradients, found.rows)

    def epoch(self, walk, memory):
        """Return the tables after simultaneous steps of all three on every batch."""
        scalars, sums = memory.scalars.copy(), memory.gradients.copy()
        rows = None if memory.rows is None else _Pulls(memory.rows)
        n_batches, pull = len(walk.batches), None
        for batch in walk.visit(walk.order(), *BOTH):
            raw = batch.forward(walk.z)
            new, old = batch.scalars(raw), scalars[..., batch.place]
            if rows is not None:
                pull = rows.renewed(batch, batch.pulls(new, raw), n_batches)
            change = batch.adjoint(new - old)
            old[...] = new
            direction = n_batches * change
            direction += sums
            sums += change
            walk.move(direction, pull=pull)
        return Sums(scalars, sums, None if rows is None else rows.totals)


class _Pulls:
    """SAGA's table of the pulls of rows whose weights are learned."""

    def __init__(self, totals):
        pulls, pull = totals.pulls.copy(), totals.pull.copy()
        self.totals = totals._replace(pulls=pulls, pull=pull)

    def renewed(self, batch, new, n_batches):
        """Put new pulls of a batch down; return the estimate of those of groups."""
        old, total = self.totals.pulls[batch.place], self.totals.pull
        change = batch.group_sums(new - old)
        old[...] = new
        estimate = n_batches * change + total
        total += change
        return estimate
