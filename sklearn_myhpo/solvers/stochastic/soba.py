"""SOBA: joint steps of decreasing size.

Dagreou, Ablin, Vaiter & Moreau (2022), A framework for bilevel optimization that
enables stochastic and global variance reduction algorithms, arXiv:2201.13409.
"""

from .walk import BOTH, Rule


class SOBA(Rule):
    """Steps along the gradients of both problems on a batch."""

    def epoch(self, walk, memory):
        """Return None after simultaneous steps of all three on every batch."""
        n_batches = len(walk.batches)
        for batch in walk.visit(walk.order(), *BOTH):
            raw = batch.forward(walk.z)
            scalars = batch.scalars(raw)
            direction = batch.adjoint(scalars)
            direction *= n_batches
            walk.move(direction, walk.falling, batch.pull(scalars, raw, n_batches))
