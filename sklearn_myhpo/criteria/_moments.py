"""Mean squared residual and degrees of freedom of ridge, by second moments."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from ._base import Point, responses, sum_blocks, weight_terms
from ._wide import wide_model


class SquareModel(NamedTuple):
    """Half a mean squared residual to second order in lambda.

    Attributes
    ----------
    slope : ndarray of shape (n_groups,)
    tangent, bend, metric : ndarray of shape (n_groups, n_groups)
        As in `OuterModel`.
    """

    slope: np.ndarray
    tangent: np.ndarray
    bend: np.ndarray
    metric: np.ndarray


class MomentsPoint(Point):
    """Residual and degrees of freedom of ridge at one lambda per group.

    With W = H^-1, G the data's part of H and Q = W G W, the degrees of freedom are
    tr S = tr G W, with derivatives -sum_a p Q and, twice,
    -delta_ab sum_a p Q + 2 sum_{j in a, k in b} p_j p_k W_jk Q_jk.

    Parameters
    ----------
    whole : Whole
        All rows.
    lambda_ : ndarray of shape (n_groups,)
        Natural logs of the penalties.
    w : ndarray of shape (m, n_targets)
        The exact weights there.
    hessian : Hessian
        Of the training loss.

    Attributes
    ----------
    half_square : float
        Half the mean squared residual, summed over targets.
    left : float
        Share of the degrees of freedom that is left, ``1 - tr S / n``.
    """

    def __init__(self, whole, lambda_, w, hessian):
        self.split = split = whole.split
        self.lambda_, self.w, self.hessian = lambda_, w, hessian
        self.whole, self.n_rows = whole, whole.n_rows
        self.p = split.penalty(lambda_)
        inverse, size = whole.padded_inverse(hessian, 1), len(w)
        self.inverse = inverse[:size, :size]
        self._z = None
        if whole.is_wide:
            wide = wide_model(whole, lambda_, w, hessian, inverse)
            self.w, self._z = wide.w, wide.z[:, :size]
            losses = whole.loss.value(whole.y, wide.raw)
            self.half_square = float(whole.share @ losses)
            left = np.sum(wide.gap[whole.share > 0])
        else:
            self.half_square = split.validation_loss(w)
            used = np.vdot(split.train.gram, self.inverse) + whole.free.rank
            left = self.n_rows - used
        self.left = left / self.n_rows

    @cached_property
    def shrunk(self):
        """The matrix Q."""
        if self._z is not None:
            return self._z.T @ (self.whole.share[:, None] * self._z)
        return self.inverse @ self.split.train.gram @ self.inverse

    @cached_property
    def left_slope(self):
        """Derivative of `left`."""
        own = self.split.by_group(self.p * np.diag(self.shrunk)[:, None])
        return own / self.n_rows

    @property
    def left_bend(self):
        """Second derivative of `left`."""
        twice = self.pair_sums(self.inverse * self.shrunk)
        return np.diag(self.left_slope) - 2.0 * twice / self.n_rows

    def pair_sums(self, matrix):
        """Return the sums of ``p_j p_k M_jk`` over pairs of groups."""
        groups = self.split.groups
        return sum_blocks(self.p * self.p.T * matrix, groups.labels, groups.n_groups)

    @cached_property
    def half_slope(self):
        """Derivative of `half_square`."""
        return self.square_slope(self.w)

    @property
    def half_model(self):
        """The `SquareModel` of `half_square`."""
        return self.square_model(self.w)

    def square_slope(self, w):
        """Return the derivative of half the mean squared residual.

        Parameters
        ----------
        w : ndarray of shape (m, n_targets)
            Exact weights for some targets, here and in `square_model`.

        Returns
        -------
        ndarray of shape (n_groups,)
        """
        return -self.split.by_group(self.p * w * self._adjoint(w))

    def square_model(self, w):
        """Return the `SquareModel` of half the mean squared residual."""
        split, lambda_ = self.split, self.lambda_
        forces, jacobian = responses(split, lambda_, w, self.hessian)
        terms = weight_terms(split, lambda_, w, self._adjoint(w), forces, jacobian)
        bend = np.diag(terms.slope) - terms.cross - terms.cross.T
        return SquareModel(terms.slope, self._gram(jacobian), bend, terms.metric)

    def _adjoint(self, w):
        # At the minimum the gradient of the data term is minus that of the penalty.
        return -self.hessian.solve(self.p * w)

    def _gram(self, jacobian):
        """Return ``J' G J``."""
        if self._z is None:
            return self.split.validation_gram(self.w, jacobian)
        columns = np.moveaxis(jacobian, 1, 0).reshape(len(self.w), -1)
        raw = self.whole.rows.forward(self.whole.pad(columns))
        raw = raw.reshape(len(raw), len(jacobian), -1)
        weighted = self.whole.share[:, None, None] * raw
        return np.einsum("nat,nbt->ab", raw, weighted, optimize=True)
