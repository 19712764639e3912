"""Sums over parts of the rows, from which those over all training parts follow."""

from itertools import pairwise

import numpy as np


class PartSums:
    """Sums of slopes at raw predictions that all splits share.

    Parameters
    ----------
    split_set : GLMSplitSet
        Whose rows are shared, and whose held-out rows are a union of parts.
    """

    def __init__(self, split_set):
        parts = split_set.shared_curvature.parts
        self.rows = split_set.rows.of(0)
        self.labels, self.weight = parts.labels, parts.weight
        self.train_shares, self.held_shares = parts.shares, parts.held_out_shares
        self.n_parts = parts.shares.shape[1]

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

    def of_slopes(self, slopes):
        """Return the gradients (k, m, j) of training and of held-out rows.

        Parameters
        ----------
        slopes : ndarray of shape (n_samples, j)
        """
        # One vector after the other, as they are multiplied.
        weighted = (self.weight * slopes.T).T
        ends = np.flatnonzero(np.diff(self.labels)) + 1
        sums = np.zeros((self.n_parts, self.rows.n_coordinates, slopes.shape[1]))
        if len(ends) < 2 * self.n_parts:
            edges = [0, *ends, len(self.labels)]
            for start, end in pairwise(edges):
                part = self.labels[start]
                if part >= 0:
                    own = slice(start, end)
                    sums[part] += self.rows.take(own).adjoint(weighted[own])
        else:
            for part in range(self.n_parts):
                own = np.where(self.labels == part, weighted.T, 0.0)
                sums[part] = self.rows.adjoint(own.T)
        shares = self.train_shares, self.held_shares
        return tuple(np.tensordot(own, sums, axes=1) for own in shares)
