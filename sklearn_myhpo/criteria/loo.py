"""Leave-one-out for ridge, exact.

Allen (1974), The Relationship between Variable Selection and Data Augmentation and a
Method for Prediction, Technometrics 16.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ..data.limits import row_limits
from ..losses import SquaredLoss
from ._base import (
    BoundRidgeCriterion,
    Criterion,
    Curve,
    filter_factors,
    quotient_derivatives,
)
from ._leave_one_out import LeaveOneOutPoint
from ._shared_loo import add_shared, sum_targets

#: A row whose leverage without a penalty is within this of one counts as interpolated.
INTERPOLATED = 1e-7


@dataclass(frozen=True)
class LeaveOneOut(Criterion):
    """Half the mean squared error of rows, each predicted by the model of the others.

    A row is left out together with its weight, while the penalty on the sum of squares
    stays the same, as in scikit-learn's `RidgeCV`. The squared error of the row counts
    with its weight.
    """

    losses: ClassVar[tuple] = (SquaredLoss,)
    needs_rows: ClassVar[bool] = True
    turns_targets: ClassVar[bool] = True
    leaves_out: ClassVar[bool] = True

    def bind(self, whole):
        """Return the `LooOfRows`."""
        return LooOfRows(whole)


class LooOfRows(BoundRidgeCriterion):
    """Leave-one-out of given rows."""

    learns_targets = True

    def curve(self, penalties, *, second=True):
        """Return the criterion at many values of a shared lambda, O(n k) each."""
        spectrum = self.whole.spectrum
        orders = filter_factors(spectrum.squares, penalties)[: 3 if second else 2]
        n_orders, size, n_lambdas = orders.shape
        sums = np.zeros((4, n_lambdas))
        if spectrum.along.shape[1] > max(size, row_limits().many_outputs):
            for rows, left in spectrum.blocks(4 * size):
                add_shared(sums, self._target_sums, rows, left, orders)
            return Curve(*sums) if second else Curve(*sums[:2])
        width = 2 * n_orders * n_lambdas
        for rows, left in spectrum.blocks(width):
            gap, outside = _without_penalty(spectrum, rows, left)
            below = left**2 @ np.concatenate(orders, axis=1)
            below[:, :n_lambdas] += gap[:, None]
            below = np.hsplit(below, n_orders)
            for along, rest in zip(spectrum.along.T, outside.T, strict=True):
                above = left @ np.concatenate(orders * along[:, None], axis=1)
                above[:, :n_lambdas] += rest[:, None]
                e = quotient_derivatives(np.hsplit(above, n_orders), below)
                sums[0] += 0.5 * np.einsum("nl,nl->l", e[0], e[0])
                sums[1] += np.einsum("nl,nl->l", e[0], e[1])
                if second:
                    sums[2] += np.einsum("nl,nl->l", e[1], e[1])
                    sums[3] += np.einsum("nl,nl->l", e[0], e[2])
        return Curve(*sums) if second else Curve(*sums[:2])

    @cached_property
    def _target_sums(self):
        """The `TargetSums` of all targets."""
        return sum_targets(self.whole.spectrum, _without_penalty)

    def target_curves(self, penalties, targets, *, second=True):
        """Return the criterion of targets with a lambda each, O(n k) for each."""
        spectrum = self.whole.spectrum
        orders = filter_factors(spectrum.squares, penalties)[: 3 if second else 2]
        # Where targets share a lambda they share the leverages.
        shared, number = np.unique(penalties, return_inverse=True)
        below_orders = filter_factors(spectrum.squares, shared)[: len(orders)]
        number = slice(None) if len(shared) == 1 else number
        weighted = orders * spectrum.along[:, targets]
        sums = np.zeros((4, len(targets)))
        for left, squared, gap, outside in self._blocks(targets):
            below = squared @ below_orders
            below[0] += gap[:, None]
            above = [left @ own for own in weighted]
            above[0] += outside
            _add_sums(sums, above, below[:, :, number])
        return Curve(*sums) if second else Curve(*sums[:2])

    def residuals(self, penalties):
        """Return y minus the prediction of every row by the model of the other rows.

        Parameters
        ----------
        penalties : ndarray of shape (1,) or (n_targets,)
            ``2 exp(lambda)`` of all targets, or of every target.

        Returns
        -------
        ndarray of shape (n_samples, n_targets)
            In the units of y.
        """
        spectrum = self.whole.spectrum
        targets = np.arange(spectrum.along.shape[1])
        penalties = np.broadcast_to(penalties, targets.shape)
        factors = filter_factors(spectrum.squares, penalties)[0]
        parts = []
        for left, squared, gap, outside in self._blocks(targets):
            below = squared @ factors + gap[:, None]
            above = left @ (factors * spectrum.along) + outside
            parts.append(above / np.maximum(below, np.finfo(float).tiny))
        return np.concatenate(parts) / np.sqrt(spectrum.share)[:, None]

    def _blocks(self, targets):
        """Yield rows of U, their squares, and `_without_penalty` of some targets."""
        spectrum = self.whole.spectrum
        for rows, left in spectrum.blocks(6 * len(targets)):
            gap, outside = _without_penalty(spectrum, rows, left, targets)
            yield left, left**2, gap, outside

    def at(self, lambda_, w, hessian):
        """Return the `LeaveOneOutPoint` of some lambda."""
        return LeaveOneOutPoint(self.whole, lambda_, w, hessian)


def _without_penalty(spectrum, rows, left, targets=slice(None)):
    """Return one minus leverage, and residuals, of a model without a penalty."""
    used = np.einsum("nk,nk->n", left, left)
    gap = 1.0 - used - spectrum.free.leverage[rows]
    # Where one is below rounding error, both are set to zero.
    gap = np.where((gap < INTERPOLATED) | (spectrum.n_outside == 0), 0.0, gap)
    outside = spectrum.target[rows][:, targets] - left @ spectrum.along[:, targets]
    return gap, np.where(gap[:, None] > 0, outside, 0.0)


def _add_sums(sums, above, below):
    """Add half the sums of squares of quotients, and their derivatives, of targets."""
    if len(above) > 2:
        e = quotient_derivatives(above, below)
        sums[2] += np.einsum("nt,nt->t", e[1], e[1])
        sums[3] += np.einsum("nt,nt->t", e[0], e[2])
        sums[1] += np.einsum("nt,nt->t", e[0], e[1])
        sums[0] += 0.5 * np.einsum("nt,nt->t", e[0], e[0])
        return
    # Faster: the derivative of every single quotient is not formed.
    inverse = 1.0 / np.maximum(below[0], np.finfo(float).tiny)
    error = np.multiply(above[0], inverse, out=above[0])
    sums[0] += 0.5 * np.einsum("nt,nt->t", error, error)
    own = error * inverse
    sums[1] += np.einsum("nt,nt->t", own, above[1])
    own *= error
    if below.shape[2] == 1:
        sums[1] -= below[1, :, 0] @ own
    else:
        sums[1] -= np.einsum("nt,nt->t", own, below[1])
