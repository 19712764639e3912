"""Generalized cross-validation.

Golub, Heath & Wahba (1979), Generalized Cross-Validation as a Method for Choosing a
Good Ridge Parameter, Technometrics 21.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ..losses import SquaredLoss
from ..outer import OuterModel
from ._base import (
    Curve,
    Point,
    RidgeCriterion,
    quotient_derivatives,
    responses,
    shrinkage,
    sum_blocks,
    weight_terms,
)
from ._wide import wide_model

#: Least share of the degrees of freedom that is taken to be left.
LEAST_LEFT = 1e-100


@dataclass(frozen=True)
class GCV(RidgeCriterion):
    """Half the mean squared residual over ``(1 - tr S / n)^2``, S the hat matrix.

    Leave-one-out with the leverage of every row replaced by their mean, so that the
    criterion does not change when the rows are rotated. n is the number of rows.
    """

    losses: ClassVar[tuple] = (SquaredLoss,)
    needs_rows: ClassVar[bool] = False

    def curve(self, spectrum, penalties, *, second=True):
        """Return the criterion at many values of a shared lambda, O(k) each."""
        orders = shrinkage(spectrum.squares, penalties)[: 3 if second else 2]
        left = orders.sum(axis=1) / spectrum.n_rows
        left[0] += spectrum.n_outside / spectrum.n_rows
        square = np.sum(spectrum.along**2, axis=1)
        residuals = orders * np.sqrt(square)[:, None]
        outside = np.zeros((len(orders), 1, len(penalties)))
        outside[0] = np.sqrt(spectrum.outside_square)
        e = quotient_derivatives(
            np.concatenate([residuals, outside], axis=1), left[:, None]
        )
        value, slope = 0.5 * np.sum(e[0] ** 2, axis=0), np.sum(e[0] * e[1], axis=0)
        if not second:
            return Curve(value, slope)
        return Curve(
            value, slope, np.sum(e[1] ** 2, axis=0), np.sum(e[0] * e[2], axis=0)
        )

    def at(self, whole, lambda_, w, hessian):
        """Return the `GCVPoint` of some lambda."""
        return GCVPoint(whole, lambda_, w, hessian)


class GCVPoint(Point):
    """GCV at one lambda per group, from second moments.

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
    """

    def __init__(self, whole, lambda_, w, hessian):
        self.split = split = whole.split
        self.lambda_, self.w, self.hessian = lambda_, w, hessian
        self.whole, self.n_rows = whole, whole.n_rows
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
            used = np.vdot(split.train.gram, self.inverse) + whole.fit_intercept
            left = self.n_rows - used
        self.left = max(left / self.n_rows, LEAST_LEFT)

    @property
    def value(self):
        """The criterion."""
        return float(self.half_square / self.left**2)

    @cached_property
    def _shrunk(self):
        """The matrix Q."""
        if self._z is not None:
            return self._z.T @ (self.whole.share[:, None] * self._z)
        return self.inverse @ self.split.train.gram @ self.inverse

    @cached_property
    def _left_slope(self):
        p = self.split.penalty(self.lambda_)
        own = self.split.by_group(p * np.diag(self._shrunk)[:, None])
        return own / self.n_rows

    @cached_property
    def _adjoint(self):
        # The data's gradient is that of the penalty, with the other sign.
        return -self.hessian.solve(self.split.penalty(self.lambda_) * self.w)

    @cached_property
    def _half_slope(self):
        """Derivative of half the mean square."""
        p = self.split.penalty(self.lambda_)
        return -self.split.by_group(p * self.w * self._adjoint)

    @cached_property
    def gradient(self):
        """Its derivative in lambda, shape (n_groups,)."""
        relative = self._left_slope / self.left
        return (self._half_slope - 2.0 * self.half_square * relative) / self.left**2

    def _response_gram(self, jacobian):
        """Return ``J' G J``."""
        if self._z is None:
            return self.split.validation_gram(self.w, jacobian)
        columns = np.moveaxis(jacobian, 1, 0).reshape(len(self.w), -1)
        raw = self.whole.rows.forward(self.whole.pad(columns))
        raw = raw.reshape(len(raw), len(jacobian), -1)
        weighted = self.whole.share[:, None, None] * raw
        return np.einsum("nat,nbt->ab", raw, weighted, optimize=True)

    def model(self):
        """Return the second-order `OuterModel` in lambda; it is exact."""
        split, lambda_, t = self.split, self.lambda_, self.left
        forces, jacobian = responses(split, lambda_, self.w, self.hessian)
        terms = weight_terms(split, lambda_, self.w, self._adjoint, forces, jacobian)
        gram = self._response_gram(jacobian)
        half, t_a = self.half_square, self._left_slope / t
        mixed = np.outer(self._half_slope, t_a)
        mixed = mixed + mixed.T
        outer = half * np.outer(t_a, t_a)
        tangent = (gram - mixed + 2.0 * outer) / t**2
        p = split.penalty(lambda_)
        pairs = p * p.T * self.inverse * self._shrunk
        t_ab = np.diag(self._left_slope)
        t_ab = t_ab - 2.0 * sum_blocks(pairs, split.groups.labels) / self.n_rows
        bend = np.diag(terms.slope) - terms.cross - terms.cross.T
        bend = (bend - mixed - 2.0 * half * t_ab / t + 4.0 * outer) / t**2
        return OuterModel(self.gradient, tangent, bend, terms.metric)
