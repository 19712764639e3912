"""Second-order models of the splits of rows beyond memory.

Every split is expanded about its own weights. There losses, slopes and Hessians are
those of the rows, so that a solver that converges there has the minimum of the rows.
Third derivatives of the training losses are known along the moves of the weights in
lambda.
"""

from typing import NamedTuple

import numpy as np

from ...penalties.coordinates import Coordinates
from ..linalg.hessian import CG_TOL
from ..split import Origin
from ..split_set import SplitSet
from .quadratic_split import QuadraticModel, quadratic_moments
from .stream_pass import Moves


class Frame(NamedTuple):
    """The coordinates of models, which all splits share.

    Attributes
    ----------
    coordinates : Coordinates
        Of the features.
    shift : ndarray of shape (n_features,)
        Origin of the features.
    fit_intercept : bool
    n_outputs : int
    pinning : ndarray of shape (m, 1)
    counts : OracleCounts
    """

    coordinates: Coordinates
    shift: np.ndarray
    fit_intercept: bool
    n_outputs: int
    pinning: np.ndarray
    counts: object

    @property
    def groups(self):
        """The groups of the coordinates."""
        return self.coordinates.groups

    @property
    def shape(self):
        """Shape of a weight array."""
        return len(self.groups.labels) + self.fit_intercept, self.n_outputs

    def from_features(self, coef, intercept):
        """Return the weights of coef (n_features, n_outputs) and intercepts."""
        w = np.zeros(self.shape)
        w[: len(self.groups.labels)] = self.coordinates.from_features(coef)
        if self.fit_intercept:
            w[-1] = intercept + self.shift @ coef
        return w

    def to_features(self, w):
        """Return coefs (n_features, k) and intercepts (k,) of weights (m, k)."""
        coefs = self.coordinates.to_features(w[: len(self.groups.labels)])
        last = w[-1] if self.fit_intercept else 0.0
        return coefs, last - self.shift @ coefs


class Values(NamedTuple):
    """A mean loss at some weights, with its derivatives.

    Attributes
    ----------
    loss : float
    slope : ndarray of shape (m, n_outputs)
    gram : ndarray of shape (m n_outputs, m n_outputs)
    """

    loss: float
    slope: np.ndarray
    gram: np.ndarray

    def moments(self, at):
        """Return the quadratic function about weights (m, n_outputs)."""
        return quadratic_moments(self.gram, self.loss, self.slope, at)


class StreamedModel(QuadraticModel):
    """The losses of a split, to second order about weights of its own.

    Parameters
    ----------
    frame : Frame
    at : ndarray of shape (m, n_outputs)
    train, held_out : Values
        At these weights.
    penalty_scale : ndarray of shape (m, 1) or None
        Factors of the penalty; None for ones.
    """

    def __init__(self, frame, at, train, held_out, penalty_scale=None):
        super().__init__(frame, train.moments(at), held_out.moments(at), penalty_scale)
        self.frame, self.given = frame, (at, train, held_out, penalty_scale)

    @property
    def about(self):
        """The weights (m, n_outputs) of the model."""
        return self.given[0]

    def in_frame(self, frame):
        """Return the same losses in a frame of other groups."""
        return StreamedModel(frame, *self.given)

    @property
    def origin(self):
        """The `Origin`: the model of zero weights."""
        return Origin(None, np.zeros(1))

    def moves_to_features(self, moves):
        """Return coefs (n_features, k n_outputs) and intercepts of moves (size, k)."""
        m, n_outputs = self.frame.shape
        own = moves.reshape(m, n_outputs, -1).transpose(0, 2, 1).reshape(m, -1)
        return self.frame.to_features(own)

    def from_features(self, coef, intercept):
        """Return the weights that `to_features` would turn into these."""
        return self.frame.from_features(coef, intercept).reshape(-1, 1)

    def weights(self, w):
        """Return weights (m, n_outputs) of those of the model."""
        return w.reshape(self.frame.shape)


class StreamedSplitSet(SplitSet):
    """Models of all splits of rows beyond memory.

    Parameters
    ----------
    splits : list of StreamedModel
    null_losses : ndarray of shape (n_splits,)
        Validation losses of the models without features.
    null_slopes : ndarray of shape (n_splits,)
        Norms of the slopes of the training losses there.
    """

    def __init__(self, splits, null_losses, null_slopes):
        super().__init__(splits)
        self._null_losses, self._null_slopes = null_losses, null_slopes

    def with_splits(self, splits):
        """Return the same set with other models of the same rows."""
        return StreamedSplitSet(splits, self._null_losses, self._null_slopes)

    def null_validation_losses(self):
        """Return the validation loss of every split's model without features."""
        return self._null_losses

    def inner_residuals(self, lambda_, weights):
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        sizes = [
            np.linalg.norm(split.train_gradient(w, lambda_))
            for split, w in zip(self.splits, weights, strict=True)
        ]
        scale = np.where(self._null_slopes > 0, self._null_slopes, 1.0)
        return np.array(sizes) / scale

    def moves(self, lambda_, weights, wants_third):
        """Return the `Moves` of the weights in lambda.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
        weights : list of ndarray
            Exact solutions of the models.
        wants_third : bool
            Whether they are for third derivatives too.
        """
        found = []
        for split, w in zip(self.splits, weights, strict=True):
            force = -split.scatter_by_group(split.penalty(lambda_) * w)
            rights = np.concatenate([force, split.validation_gradient(w)[None]])
            solved = split.hessian(w, lambda_).solve(rights, CG_TOL)
            found.append(solved.reshape(len(solved), *split.frame.shape))
        stacked = np.stack(found)
        return Moves(stacked[:, :-1], stacked[:, -1], wants_third)
