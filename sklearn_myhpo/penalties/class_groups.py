"""One lambda per class, or per group of features and class."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from .groups import FeatureGroups


@dataclass(frozen=True, eq=False)
class ClassGroups(FeatureGroups):
    """The lambda of every feature in every class, and its factor in the penalty.

    The penalty is ``sum_jk exp(lambda_g(j),k) f_j w_jk^2``; the outputs k are the
    classes. Lambdas are one vector, in which the classes of a group are adjacent.

    Attributes
    ----------
    labels, factors
        As in `FeatureGroups`, one per feature.
    names : tuple of length n_groups
        Name of every lambda: the class, or a tuple of group and class.
    of_features : FeatureGroups
        The groups of the features.
    n_classes : int
        Number of classes, which is the number of outputs.
    """

    of_features: FeatureGroups = None
    n_classes: int = 0

    @classmethod
    def of(cls, groups, classes):
        """Return the lambdas of groups of features and classes.

        Parameters
        ----------
        groups : FeatureGroups
        classes : sequence of length n_classes
            Names of the classes.

        Returns
        -------
        ClassGroups
        """
        names = tuple(classes)
        if groups.n_groups > 1:
            names = tuple((group, one) for group in groups.names for one in classes)
        given = groups.labels, names, groups.factors
        return cls(*given, of_features=groups, n_classes=len(classes))

    @property
    def is_pinned(self):
        """Whether some weights have a fixed penalty, which no lambda changes."""
        return True

    @property
    def width(self):
        """Number of penalties of a feature: one per class."""
        return self.n_classes

    @cached_property
    def is_penalized(self):
        """Boolean per feature, true if it is in a group, shape (n_features,)."""
        return self.of_features.is_penalized

    @property
    def sizes(self):
        """The number of features of every group of features, a tuple of ints."""
        return self.of_features.sizes

    def relabelled(self, labels):
        """Return the same groups of other coordinates, without factors."""
        own = self.of_features.relabelled(labels)
        return replace(self, labels=labels, factors=None, of_features=own)

    def sum_by_group(self, values):
        """Return the sums over the features of every group, for each class.

        Parameters
        ----------
        values : ndarray of shape (n_features,) or (n_features, n_classes)
            One-dimensional values hold for every class.

        Returns
        -------
        ndarray of shape (n_groups,)
        """
        if values.ndim == 1:
            values = np.broadcast_to(values[:, None], (len(values), self.n_classes))
        weights, n_groups = np.ravel(values), self.n_groups
        return np.bincount(self._numbers, weights, n_groups)[:n_groups]

    def sum_by_weight_pair(self, matrix, index, n_outputs):
        """Return the sums of a matrix over blocks of weights.

        Parameters
        ----------
        matrix : ndarray of shape (k, k)
        index : ndarray of shape (k,)
            Weight ``j n_classes + c`` is that of feature j in class c.
        n_outputs : int
            Number of classes.

        Returns
        -------
        ndarray of shape (n_groups, n_groups)
        """
        numbers = self._numbers[index]
        used = np.flatnonzero(numbers < self.n_groups)
        entries = np.ones(len(used)), (numbers[used], used)
        member = csr_array(entries, shape=(self.n_groups, len(numbers)))
        return (member @ (member @ matrix).T).T

    def expand(self, values):
        """Return the values of the group of every feature, (n_features, n_classes)."""
        return self.of_features.expand(np.reshape(values, (-1, self.n_classes)))

    def scatter(self, values):
        """Return one array (m, n_classes) per lambda: its values, zero elsewhere."""
        out = np.zeros((self.n_groups, *values.shape))
        index = self.penalized
        numbers = self._numbers.reshape(-1, self.n_classes)[index]
        classes = np.arange(self.n_classes)
        out[numbers, index[:, None], classes] = values[index]
        return out

    def output_labels(self, n_outputs):
        """Return the number of the lambda of every weight, by feature, then output."""
        return self._numbers

    @cached_property
    def _numbers(self):
        """The number of the lambda of every weight; at least `n_groups` for none."""
        first = self.n_classes * self.labels[:, None]
        return np.ravel(first + np.arange(self.n_classes))
