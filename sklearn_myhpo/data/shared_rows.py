"""Rows that are the same for all splits."""

import numpy as np

from .blocks import interleaved
from .split_rows import SplitRows, adjoint_all, forward_all


class SharedRows(SplitRows):
    """The same rows for all splits.

    Parameters
    ----------
    design : Design
    n_splits : int
    """

    are_shared = True

    def __init__(self, design, n_splits):
        self.design, self.n_splits = design, n_splits
        self.n_samples, self.n_features = design.shape
        self.n_coordinates, self.is_sparse = design.n_coordinates, design.is_sparse

    def of(self, number):
        """Return the rows of one split."""
        return self.design

    def take(self, index):
        """Return some of the rows of all splits."""
        return SharedRows(self.design.take(index), self.n_splits)

    def roughly(self):
        """Return the rows with Gram matrices in single precision if it pays."""
        design = self.design.roughly()
        return self if design is self.design else SharedRows(design, self.n_splits)

    def forward(self, weights, owners=None):
        """Return raw predictions (k, n_outputs, n_samples)."""
        return forward_all(self.design, weights)

    def adjoint(self, slopes, owners=None):
        """Return the transposed map of (k, n_outputs, n_samples)."""
        return adjoint_all(self.design, slopes)

    def reduce(self, function, *columns, entries_per_row=1):
        """Return the sum over blocks of rows."""

        def own(block, *own_columns):
            return function(SharedRows(block, self.n_splits), *own_columns)

        return self.design.reduce(own, *columns, entries_per_row=entries_per_row)

    def grams(self, weights):
        """Return Gram matrices (k, m, m) of k weightings (n_samples, k)."""
        return self.design.grams(weights)

    def sum_curvature(self, weights, labels, n_parts, own_shares):
        """Return one matrix per part."""
        if labels is None:
            return [self.design.block_gram(weights)]
        grams = self.design.part_grams(weights, labels, n_parts)
        return [interleaved(own) for own in grams]

    def common_matrix(self, sums):
        """Return the sum over all parts."""
        return sum(sums[1:], start=sums[0])

    def own_matrices(self, sums, shares):
        """Return a matrix for every split; the same one where all rows are one part."""
        if shares is None:
            return [self.common_matrix(sums)] * self.n_splits
        return np.tensordot(shares, sums, axes=1)

    def mean_squares(self):
        """Return the mean squares of the coordinates."""
        return self.design.mean_squares
