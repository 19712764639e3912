"""Sums over the training and the held-out rows of the only split."""

import numpy as np


class OneSplitSums:
    """What `PartSums` sums, of one split, whichever rows it holds out.

    Parameters
    ----------
    split_set : GLMSplitSet
        Of one split.
    """

    def __init__(self, split_set):
        (split,) = split_set.splits
        self.rows = split.rows
        self.weights = np.stack([split.train_weight, split.validation_weight])

    def of_values(self, values):
        """Return the mean values (1,) of training and of held-out rows.

        Parameters
        ----------
        values : ndarray of shape (n_samples,)
        """
        means = self.weights @ values
        return means[:1], means[1:]

    def of_slopes(self, slopes):
        """Return the gradients (1, m, j) of training and of held-out rows.

        Parameters
        ----------
        slopes : ndarray of shape (n_samples, j)
        """
        weighted = np.concatenate([(own * slopes.T).T for own in self.weights], axis=1)
        sums = self.rows.adjoint(weighted)
        n_each = slopes.shape[1]
        return sums[None, :, :n_each], sums[None, :, n_each:]
