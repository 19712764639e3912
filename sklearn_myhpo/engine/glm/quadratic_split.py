"""A second-order model of the losses of a split, in the form of ridge regression."""

import numpy as np

from ...penalties.coordinates import feature_coordinates
from ...penalties.groups import FeatureGroups
from ..ridge.mean_square import Moments
from ..ridge.quadratic import QuadraticSplit
from ..split import Split


class QuadraticModel(QuadraticSplit):
    """The losses of a split, to second order about a point.

    Every output of a feature is a separate coordinate with the lambda of the feature.
    The intercepts are coordinates without a lambda.

    Parameters
    ----------
    split : GLMSplit or Frame
        The coordinates.
    train, validation : Moments
        Whose reference is the point.
    penalty_scale : ndarray of shape (m, 1) or None
        Factors of the penalty; None for ones.
    """

    def __init__(self, split, train, validation, penalty_scale=None):
        n_outputs, groups = split.n_outputs, split.groups
        labels = np.minimum(groups.output_labels(n_outputs), groups.n_groups)
        free = np.full(split.shape[0] * n_outputs - len(labels), groups.n_groups)
        own = FeatureGroups(np.concatenate([labels, free]), groups.names)
        Split.__init__(self, feature_coordinates(own), 1, False, split.counts)
        # One column per output if the outputs differ, else one for all.
        shared = np.ones((1, n_outputs // split.pinning.shape[1]))
        self.pinning = (split.pinning * shared).reshape(-1, 1)
        if penalty_scale is not None:
            self.penalty_scale = np.repeat(penalty_scale, n_outputs, axis=0)
        self.train, self.validation = train, validation
        self.regression = self._last = None


def quadratic_moments(gram, loss, gradient, reference):
    """Return the quadratic function with a value and derivatives at a reference.

    Parameters
    ----------
    gram : ndarray of shape (size, size)
    loss : float
    gradient, reference : ndarray with `size` entries

    Returns
    -------
    Moments
    """
    reference, gradient = reference.reshape(-1, 1), gradient.reshape(-1, 1)
    return Moments(
        gram, gram @ reference - gradient, reference, -gradient, np.array([2.0 * loss])
    )
