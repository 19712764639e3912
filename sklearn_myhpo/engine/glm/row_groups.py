"""Groups of training rows, and the weights of their losses."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit


@dataclass(frozen=True, eq=False)
class RowGroups:
    """The group of every training row; the losses of a group share one weight.

    The weight of group g is ``sigmoid(s_g)``, with s_g a hyperparameter.

    Attributes
    ----------
    labels : ndarray of shape (n_samples,)
        The number of the group of every row, dtype intp; `n_groups` for rows in no
        group, whose weight is one.
    names : ndarray of shape (n_groups,)
    """

    labels: np.ndarray
    names: np.ndarray

    @property
    def n_groups(self):
        """The number of groups."""
        return len(self.names)

    def weights(self, logits):
        """Return the weight of every row, (n_samples,), given the s (n_groups,)."""
        return np.append(expit(logits), 1.0)[self.labels]

    def expand(self, values):
        """Return the value of the group of every row, zero for rows in no group."""
        return np.append(values, 0.0)[self.labels]

    def sums(self, values):
        """Return the sums (n_groups,) over groups of values (n_samples,) of rows."""
        return np.bincount(self.labels, values, self.n_groups + 1)[: self.n_groups]

    @property
    def are_used(self):
        """Whether each group has any row, shape (n_groups,)."""
        return np.bincount(self.labels, minlength=self.n_groups)[: self.n_groups] > 0

    def take(self, index):
        """Return the groups of some rows."""
        return RowGroups(self.labels[index], self.names)


def slopes(logits):
    """Return the derivatives of the weights, ``sigmoid'(s)``."""
    return expit(logits) * expit(-logits)
