"""Sums over parts of the rows, from which those over all training parts follow."""

import numpy as np

from ...data.blocks import runs_by_label, sums_by_label
from ...data.limits import row_limits

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
        # The last weight of all rows, and its shares of the parts.
        self._whole = None, None

    def matrices(self, weight):
        """Return the matrices (k, m, m) of training, of held-out and of all rows.

        Parameters
        ----------
        weight : ndarray of shape (n_samples,)
            Of all rows.
        """
        shares = self.train_shares, self.held_shares, self.shares_of(weight)[None]
        return tuple(np.asarray(self._shared.matrices_of(own)) for own in shares)

    def shares_of(self, weight):
        """Return a weight (n_samples,) of rows relative to the parts', (n_parts,)."""
        known, shares = self._whole
        if known is not weight:
            shares = self._summed(weight) / self._summed(self.weight)
            self._whole = weight, shares
        return shares

    def _summed(self, values):
        """Return the sums of values (n_samples,) over every part, (n_parts,)."""
        labels, used = self.labels, self.labels >= 0
        if not used.all():
            labels, values = labels[used], values[used]
        return sums_by_label(labels, values, self.n_parts)

    def of_values(self, values):
        """Return the mean values (k,) of training and of held-out rows.

        Parameters
        ----------
        values : ndarray of shape (n_samples,)
        """
        sums = self._summed(self.weight * values)
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
        shape = self.n_parts, self.rows.n_features + 1, slopes.shape[1]
        few = row_limits().few_rows

        def own(block, labels, weighted):
            sums = np.zeros(shape)
            for part, index in runs_by_label(labels):
                if part < 0:
                    continue
                if isinstance(index, slice) or len(index) <= few * len(labels):
                    sums[part] += block.take(index).sums(weighted[index])
                else:
                    # A copy of many rows costs more than other rows times zero.
                    masked = np.zeros(weighted.T.shape)
                    masked[:, index] = weighted[index].T
                    sums[part] += block.sums(masked.T)
            return sums

        # Small blocks have rows of few parts, where these are nearly in order.
        width = BLOCKS_OF_A_CACHE * int(self.rows.entries_per_row + 1)
        sums = self.rows.reduce(own, self.labels, weighted, entries_per_row=width)
        sums = np.stack([self.rows.of_sums(part) for part in sums])
        more = [self.shares_of(weight)[None] for weight in weights]
        shares = self.train_shares, self.held_shares, *more
        return tuple(np.tensordot(own, sums, axes=1) for own in shares)
