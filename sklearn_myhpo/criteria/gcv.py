"""Generalized cross-validation.

Golub, Heath & Wahba (1979), Generalized Cross-Validation as a Method for Choosing a
Good Ridge Parameter, Technometrics 21.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..bilevel.outer import OuterModel
from ..losses import SquaredLoss
from ._base import (
    BoundRidgeCriterion,
    Criterion,
    Curve,
    filter_factors,
    quotient_derivatives,
)
from ._moments import MomentsPoint

#: Smallest value of ``1 - tr S / n``, the share of the degrees of freedom that is left.
LEAST_LEFT = 1e-100


@dataclass(frozen=True)
class GCV(Criterion):
    """Half the mean squared residual over ``(1 - tr S / n)^2``, S the hat matrix.

    Leave-one-out with the leverage of every row replaced by their mean, so that the
    criterion does not change when the rows are rotated. n is the number of rows.
    """

    losses: ClassVar[tuple] = (SquaredLoss,)
    needs_rows: ClassVar[bool] = False
    turns_targets: ClassVar[bool] = True

    def bind(self, whole):
        """Return the `GCVOfRows`."""
        return GCVOfRows(whole)


class GCVOfRows(BoundRidgeCriterion):
    """GCV of given rows."""

    learns_targets = True

    def curve(self, penalties, *, second=True):
        """Return the criterion at many values of a shared lambda, O(k) each."""
        spectrum = self.whole.spectrum
        square = np.sum(spectrum.along**2, axis=1)[:, None]
        return self._curve(penalties, square, spectrum.outside_square, second)

    def target_curves(self, penalties, targets, *, second=True):
        """Return the criterion of targets with a lambda each, O(k) for each."""
        spectrum = self.whole.spectrum
        squares = spectrum.along[:, targets] ** 2
        return self._curve(
            penalties, squares, spectrum.outside_squares[targets], second
        )

    def _curve(self, penalties, squares, outside_squares, second):
        """Return the `Curve` of squares of the targets along U, and outside of it."""
        spectrum = self.whole.spectrum
        orders = filter_factors(spectrum.squares, penalties)[: 3 if second else 2]
        left = orders.sum(axis=1) / spectrum.n_rows
        left[0] += spectrum.n_outside / spectrum.n_rows
        residuals = orders * np.sqrt(squares)
        outside = np.zeros((len(orders), 1, len(penalties)))
        outside[0] = np.sqrt(outside_squares)
        e = quotient_derivatives(
            np.concatenate([residuals, outside], axis=1), left[:, None]
        )
        value, slope = 0.5 * np.sum(e[0] ** 2, axis=0), np.sum(e[0] * e[1], axis=0)
        if not second:
            return Curve(value, slope)
        return Curve(
            value, slope, np.sum(e[1] ** 2, axis=0), np.sum(e[0] * e[2], axis=0)
        )

    def at(self, lambda_, w, hessian):
        """Return the `GCVPoint` of some lambda."""
        return GCVPoint(self.whole, lambda_, w, hessian)


class GCVPoint(MomentsPoint):
    """GCV at one lambda per group, from second moments."""

    @property
    def _left(self):
        return max(self.left, LEAST_LEFT)

    @property
    def value(self):
        """The criterion."""
        return float(self.half_square / self._left**2)

    @property
    def gradient(self):
        """Its derivative in lambda, shape (n_groups,)."""
        relative = self.left_slope / self._left
        return (self.half_slope - 2.0 * self.half_square * relative) / self._left**2

    def model(self):
        """Return the second-order `OuterModel` in lambda; it is exact."""
        half, t, own = self.half_square, self._left, self.half_model
        t_a = self.left_slope / t
        mixed = np.outer(own.slope, t_a)
        mixed = mixed + mixed.T
        outer = half * np.outer(t_a, t_a)
        tangent = (own.tangent - mixed + 2.0 * outer) / t**2
        rest = own.bend - mixed - 2.0 * half * self.left_bend / t + 4.0 * outer
        return OuterModel(self.gradient, tangent, rest / t**2, own.metric)
