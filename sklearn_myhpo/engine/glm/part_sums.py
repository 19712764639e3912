"""Sums over parts of the rows, from which those over all training parts follow."""

import numpy as np

from ...data.blocks import rows_by_label

#: Blocks of rows that fill a cache together.
BLOCKS_OF_A_CACHE = 8


class PartSums:
    """Sums of slopes at raw predictions that all splits share.

    Parameters
    ----------
    split_set : GLMSplitSet
        Whose rows are shared, and whose held-out rows are a union of parts.
    """

    def __init__(self, split_set):
        self._shared = split_set.shared_curvature
        parts, self.rows = self._shared.parts, split_set.rows.of(0)
        self.labels, self.weight = parts.labels, parts.weight
        self.train_shares, self.held_shares = parts.shares, parts.held_out_shares
        self.n_parts = parts.shares.shape[1]

    def matrices(self, weight):
        """Return the matrices (k, m, m) of training, of held-out and of all rows.

        Parameters
        ----------
        weight : ndarray of shape (n_samples,)
            Of all rows.
        """
        shares = self.train_shares, self.held_shares, self._shares_of(weight)[None]
        return tuple(np.asarray(self._shared.matrices_of(own)) for own in shares)

    def _shares_of(self, weight):
        """Return a weight (n_samples,) of rows relative to the parts', (n_parts,)."""
        used = self.labels >= 0
        own, parts = (
            np.bincount(self.labels[used], each[used], minlength=self.n_parts)
            for each in (weight, self.weight)
        )
        return own / parts

    def of_values(self, values):
        """Return the mean values (k,) of training and of held-out rows.

        Parameters
        ----------
        values : ndarray of shape (n_samples,)
        """
        used = self.labels >= 0
        labels, weighted = self.labels, self.weight * values
        if not used.all():
            labels, weighted = labels[used], weighted[used]
        sums = np.bincount(labels, weighted, minlength=self.n_parts)
        return self.train_shares @ sums, self.held_shares @ sums

    def of_slopes(self, slopes, *weights):
        """Return the gradients (k, m, j) of training and of held-out rows.

        Parameters
        ----------
        slopes : ndarray of shape (n_samples, j)
        *weights : ndarray of shape (n_samples,)
            Further weights of rows, whose gradients are returned too.
        """
        # One vector after the other, as they are multiplied.
        weighted = (self.weight * slopes.T).T
        shape = self.n_parts, self.rows.n_coordinates, slopes.shape[1]

        def own(block, labels, weighted):
            sums = np.zeros(shape)
            for part, index in rows_by_label(labels, self.n_parts):
                if isinstance(index, slice):
                    sums[part] += block.take(index).adjoint(weighted[index])
                else:
                    masked = np.where(labels == part, weighted.T, 0.0)
                    sums[part] += block.adjoint(masked.T)
            return sums

        # Small blocks have rows of few parts, where these are nearly in order.
        width = BLOCKS_OF_A_CACHE * int(self.rows.entries_per_row + 1)
        sums = self.rows.reduce(own, self.labels, weighted, entries_per_row=width)
        more = [self._shares_of(weight)[None] for weight in weights]
        shares = self.train_shares, self.held_shares, *more
        return tuple(np.tensordot(own, sums, axes=1) for own in shares)
