"""The rows of all splits, multiplied with the weights of every split in one pass."""

from abc import ABC, abstractmethod

import numpy as np

from .design import Design


def forward_all(rows, weights):
    """Return raw predictions (k, n_outputs, n_samples) of weights (k, m, n_outputs)."""
    columns = weights.transpose(0, 2, 1).reshape(-1, weights.shape[1]).T
    return rows.forward(columns).T.reshape(len(weights), weights.shape[2], -1)


def adjoint_all(rows, slopes):
    """Return the transposed map of (k, n_outputs, n_samples)."""
    columns = slopes.reshape(-1, slopes.shape[2]).T
    out = rows.adjoint(columns).T.reshape(len(slopes), slopes.shape[1], -1)
    return out.transpose(0, 2, 1)


class SplitRows(ABC):
    """The rows of all splits, in the coordinates of each.

    Attributes
    ----------
    n_splits, n_samples, n_coordinates : int
        Rows and coordinates of a split.
    n_features : int
        Entries of a row that a pass reads.
    is_sparse : bool
    """

    #: Whether all splits have the same coordinates.
    are_shared = False
    #: Whether matrices of parts of the rows add up to those of the splits.
    has_parts = True

    n_splits: int
    n_samples: int
    n_features: int
    n_coordinates: int
    is_sparse: bool

    @abstractmethod
    def of(self, number) -> Design:
        """Return the rows of one split."""

    @abstractmethod
    def take(self, index):
        """Return some of the rows, an increasing index, of all splits."""

    @abstractmethod
    def forward(self, weights, owners=None):
        """Return raw predictions (k, n_outputs, n_samples).

        Parameters
        ----------
        weights : ndarray of shape (k, m, n_outputs)
        owners : ndarray of int of shape (k,) or None
            The split of each; None for equal numbers of vectors per split, in order.
        """

    @abstractmethod
    def adjoint(self, slopes, owners=None):
        """Return the transposed map (k, m, n_outputs) of (k, n_outputs, n_samples)."""

    @abstractmethod
    def reduce(self, function, *columns, entries_per_row=1):
        """Return the sum over blocks of rows, as `Design.reduce` does.

        The function is called with the `SplitRows` of a block.
        """

    @abstractmethod
    def grams(self, weights):
        """Return Gram matrices (k, m, m) of k weightings (n_samples, k).

        There are equal numbers of weightings per split, in order.
        """

    @abstractmethod
    def sum_curvature(self, weights, labels, n_parts, own_shares):
        """Return the sums from which the matrices of all splits follow.

        Parameters
        ----------
        weights : ndarray of shape (n_samples, n_pairs)
            Lower triangle of a symmetric matrix of weights of every row.
        labels : ndarray of int of shape (n_samples,) or None
            Part of every row; None where all rows are one part.
        n_parts : int
        own_shares : callable or None
            Returns the share (n_splits, n_samples) that every split has in the weights;
            None if only a common matrix is needed.
        """

    @abstractmethod
    def common_matrix(self, sums):
        """Return a matrix near those of all splits."""

    @abstractmethod
    def own_matrices(self, sums, shares):
        """Return a matrix for every split.

        Parameters
        ----------
        sums
            From `sum_curvature`.
        shares : ndarray of shape (n_splits, n_parts) or None
            The share of a split in every part; None if all rows are one part.
        """

    def mean_squares(self):
        """Return the mean squares of the coordinates of the splits."""
        return np.mean([self.of(n).mean_squares for n in range(self.n_splits)], axis=0)
