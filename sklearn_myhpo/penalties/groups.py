"""Feature groups: the lambda of every feature, and its factor in the penalty."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class FeatureGroups:
    """The lambda of every feature, and its factor in the penalty.

    The penalty is ``sum_j exp(lambda_g(j)) f_j w_j^2``. Features with factor zero are
    never penalized: they belong to no group, and sums over groups leave them out.

    Attributes
    ----------
    labels : ndarray of shape (n_features,)
        The number of the group of every feature, dtype intp; `n_groups` for features
        that are never penalized.
    names : tuple of length n_groups
        The names of the groups, in the order of lambda.
    factors : ndarray of shape (n_features,) or None
        The f_j, positive in a group and zero outside; None for ones.
    """

    labels: np.ndarray
    names: tuple
    factors: np.ndarray | None = None

    @property
    def n_groups(self):
        """The number of groups, which is the number of lambdas."""
        return len(self.names)

    @property
    def of_features(self):
        """The groups of features, without regard to classes: these groups."""
        return self

    @property
    def width(self):
        """Number of penalties of a feature: one, which all outputs share."""
        return 1

    @property
    def is_pinned(self):
        """Whether some weights have a fixed penalty, which no lambda changes."""
        return self.n_unpenalized > 0

    def relabelled(self, labels):
        """Return the same groups of other coordinates, without factors."""
        return FeatureGroups(labels, self.names)

    @cached_property
    def is_penalized(self):
        """Boolean per feature, true if it is in a group, shape (n_features,)."""
        return self.labels < self.n_groups

    @cached_property
    def penalized(self):
        """Indices of the features in some group, increasing."""
        return np.flatnonzero(self.is_penalized)

    @cached_property
    def unpenalized(self):
        """Indices of the features in no group, increasing."""
        return np.flatnonzero(~self.is_penalized)

    @property
    def n_unpenalized(self):
        """The number of features in no group."""
        return len(self.unpenalized)

    @cached_property
    def scale(self):
        """Scale of the features that makes all factors one, or None if they are.

        Rows times this scale have a penalty without factors. The scale is
        ``1 / sqrt(f_j)``, and one for features that are never penalized.
        """
        if self.factors is None or np.all(self.factors[self.is_penalized] == 1.0):
            return None
        return 1.0 / np.sqrt(np.where(self.is_penalized, self.factors, 1.0))

    @property
    def sizes(self):
        """The number of features of every group, a tuple of ints."""
        counts = np.bincount(self.labels, minlength=self.n_groups)[: self.n_groups]
        return tuple(counts.tolist())

    def penalized_only(self):
        """Return the groups of the penalized features only, without factors."""
        return FeatureGroups(self.labels[self.is_penalized], self.names)

    def penalty_weights(self, lambda_):
        """Return the Hessian diagonal of ``sum_j exp(lambda_g(j)) w_j**2``.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs of the penalties.

        Returns
        -------
        ndarray of shape (n_features,)
            ``2 exp(lambda_g(j))``, zero outside the groups; inf where the exponential
            overflows. The `scale` of the features accounts for the factors.
        """
        with np.errstate(over="ignore", under="ignore"):
            return self.expand(2 * np.exp(lambda_))

    def sum_by_group(self, values):
        """Return the sums over the features (and targets) of every group.

        Parameters
        ----------
        values : ndarray of shape (n_features,) or (n_features, n_targets)
            Real values; targets are summed too.

        Returns
        -------
        ndarray of shape (n_groups,)
            The sums, dtype float64.
        """
        per_feature = values.sum(axis=1) if values.ndim == 2 else values
        sums = np.bincount(self.labels, weights=per_feature, minlength=self.n_groups)
        return sums[: self.n_groups]

    def sum_by_pair(self, matrix, index):
        """Return the sums of a matrix over blocks of rows and columns.

        Parameters
        ----------
        matrix : ndarray of shape (k, k)
            Real values.
        index : ndarray of shape (k,)
            Features of the rows and columns of the matrix.

        Returns
        -------
        ndarray of shape (n_groups, n_groups)
            The sums over the features of every pair of groups; `matrix` itself if its
            rows are the groups in order.
        """
        labels = self.labels[index]
        if np.array_equal(labels, np.arange(self.n_groups)):
            return matrix
        if len(self.labels) == self.n_groups:
            out = np.zeros((self.n_groups, self.n_groups))
            out[np.ix_(labels, labels)] = matrix
            return out
        member = self._members(labels)
        return (member @ (member @ matrix).T).T

    def sum_by_weight_pair(self, matrix, index, n_outputs):
        """Return the sums of a matrix over blocks of weights.

        Parameters
        ----------
        matrix : ndarray of shape (k, k)
        index : ndarray of shape (k,)
            Increasing; weight ``j n_outputs + o`` is that of feature j for output o.
            All outputs of a feature, or none.
        n_outputs : int

        Returns
        -------
        ndarray of shape (n_groups, n_groups)
        """
        features = index[::n_outputs] // n_outputs
        if n_outputs > 1:
            size = len(features)
            matrix = matrix.reshape(size, n_outputs, size, n_outputs).sum(axis=(1, 3))
        return self.sum_by_pair(matrix, features)

    def sum_rows(self, matrix):
        """Return the sums (n_groups, k) of rows (n_features, k) over every group."""
        if len(self.labels) == self.n_groups:
            return matrix[np.argsort(self.labels)]
        return self._members(self.labels) @ matrix

    def _members(self, labels):
        """Return a sparse matrix with ones where the label of a column is the row."""
        columns = np.flatnonzero(labels < self.n_groups)
        entries = np.ones(len(columns)), (labels[columns], columns)
        return csr_array(entries, shape=(self.n_groups, len(labels)))

    def expand(self, values):
        """Return for every feature the value, or row of values, of its group.

        Parameters
        ----------
        values : ndarray of shape (n_groups,) or (n_groups, ...)
            In the order of `names`.

        Returns
        -------
        ndarray of shape (n_features,) or (n_features, ...)
            In the order of the features; zero for features in no group.
        """
        if self.n_unpenalized:
            values = np.concatenate([values, np.zeros((1, *np.shape(values)[1:]))])
        return values[self.labels]

    def scatter(self, values):
        """Return one array per group: its values, and zero elsewhere.

        Parameters
        ----------
        values : ndarray of shape (m, k)

        Returns
        -------
        ndarray of shape (n_groups, m, k)
        """
        out = np.zeros((self.n_groups, *values.shape))
        index = self.penalized
        out[self.labels[index], index] = values[index]
        return out

    def output_labels(self, n_outputs):
        """Return the group of every weight, by feature, then output."""
        return np.repeat(self.labels, n_outputs)
