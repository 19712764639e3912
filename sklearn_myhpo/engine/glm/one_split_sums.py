"""Sums over the training and the held-out rows of the only split."""

import numpy as np


class OneSplitSums:
    """The sums of `PartSums` for one split, whose held-out rows may be any.

    Parameters
    ----------
    split_set : FactoredSplitSet
        Of one split.
    """

    def __init__(self, split_set):
        (split,) = split_set.splits
        self.rows, self._shared = split.rows, split_set.shared_curvature
        self.weights = np.stack([split.train_weight, split.validation_weight])

    def matrices(self, weight):
        """Return the matrices (1, m, m) of training, of held-out and of all rows.

        Rows in neither part have no curvature in the last one.

        Parameters
        ----------
        weight : ndarray of shape (n_samples,)
            Of all rows.
        """
        train = self._shared.matrix
        held_out = self._shared.matrix_of(self.weights[1])
        shares = [weight[own > 0].sum() for own in self.weights]
        whole = shares[0] * train + shares[1] * held_out
        return train[None], held_out[None], whole[None]

    def of_values(self, values):
        """Return the mean values (1,) of training and of held-out rows.

        Parameters
        ----------
        values : ndarray of shape (n_samples,)
        """
        means = self.weights @ values
        return means[:1], means[1:]

    def of_slopes(self, slopes, *weights):
        """Return the gradients (1, m, j) of training and of held-out rows.

        Parameters
        ----------
        slopes : ndarray of shape (n_samples, j)
        *weights : ndarray of shape (n_samples,)
            Further weights of rows, whose gradients are returned too.
        """
        weighted = [slopes.T * own for own in (*self.weights, *weights)]
        sums = self.rows.adjoint(np.concatenate(weighted).T)
        return tuple(one[None] for one in np.split(sums, len(weighted), axis=1))
