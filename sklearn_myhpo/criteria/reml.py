"""Restricted maximum likelihood of ridge, with weights as random effects.

Patterson & Thompson (1971), Recovery of Inter-Block Information when Block Sizes are
Unequal, Biometrika 58; in the form of a loss: Wahba (1985), A Comparison of GCV and GML
for Choosing the Smoothing Parameter in the Generalized Spline Smoothing Problem, Annals
of Statistics 13.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from ..bilevel.outer import OuterModel
from ..losses import SquaredLoss
from ._base import (
    BoundRidgeCriterion,
    Criterion,
    Curve,
    Point,
    filter_factors,
    sum_blocks,
)
from ._wide import refined


@dataclass(frozen=True)
class REML(Criterion):
    """Restricted likelihood, as half a mean square.

    Penalized weights are normal with variances ``noise / (2 n exp(lambda))``. Weights
    without a penalty and the intercept are fixed effects. The noise is normal, and its
    variance is estimated too. Let S be the hat matrix, and k the degrees of freedom
    that the fixed effects leave. The criterion is ``y' (I - S) y / (2 n)`` over the
    k-th root of the product of the nonzero eigenvalues of I - S: the restricted
    likelihood to the power of -2 / k, in units of the loss. For the model without
    features it is the loss of that model. Several targets are summed, and so share one
    variance of the noise.
    """

    losses: ClassVar[tuple] = (SquaredLoss,)
    needs_rows: ClassVar[bool] = False

    def bind(self, whole):
        """Return the `REMLOfRows`."""
        return REMLOfRows(whole)


class REMLOfRows(BoundRidgeCriterion):
    """Restricted likelihood of given rows."""

    learns_targets = True

    def curve(self, penalties, *, second=True):
        """Return the criterion at many values of a shared lambda, O(k) each."""
        spectrum = self.whole.spectrum
        squares = np.sum(spectrum.along**2, axis=1)[:, None]
        return self._curve(penalties, squares, spectrum.outside_square, second)

    def target_curves(self, penalties, targets, *, second=True):
        """Return the criterion of every target at a lambda of its own, O(k) each."""
        spectrum = self.whole.spectrum
        squares = spectrum.along[:, targets] ** 2
        return self._curve(
            penalties, squares, spectrum.outside_squares[targets], second
        )

    def _curve(self, penalties, squares, outside, second):
        """Return the `Curve` of the squared targets along U, and outside of U."""
        squared = self.whole.spectrum.squares
        q, bent, turned = filter_factors(squared, penalties)
        share = 1.0 / degrees_left(self.whole)
        root = np.exp(-share * np.sum(np.log(q), axis=0))
        value = 0.5 * root * (np.sum(squares * q, axis=0) + outside)
        energy = 0.5 * root * np.sum(squares * bent, axis=0)
        used = share * np.sum(1.0 - q, axis=0)
        slope = energy - value * used
        if not second:
            return Curve(value, slope)
        tangent = value * (share * np.sum((1.0 - q) ** 2, axis=0) - used**2)
        second = 0.5 * root * np.sum(squares * turned, axis=0) - 2.0 * energy * used
        second += value * (share * np.sum(bent, axis=0) + used**2)
        return Curve(value, slope, tangent, second - tangent)

    def at(self, lambda_, w, hessian):
        """Return the `REMLPoint` at a lambda."""
        return REMLPoint(self.whole, lambda_, w, hessian)


class REMLPoint(Point):
    """Restricted likelihood at one lambda per group, from second moments.

    With W = H^-1, the penalized mean square ``Q = y' (I - S) y`` has the derivative
    ``E_a = sum_a p w^2`` and ``delta_ab E_a - 2 J_a' H J_b``; the log determinant of
    ``P^-1 H`` has ``sum_a (p W - 1)`` and, semidefinite, ``delta_ab sum_a p W -
    sum_{j in a, k in b} p_j p_k W_jk^2``.

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
        self.split, self.lambda_, self.hessian = whole.split, lambda_, hessian
        self.whole, self.p = whole, whole.split.penalty(lambda_)
        if whole.is_wide:
            w, raw = refined(whole, w, hessian, self.p)
            half = whole.share @ whole.loss.value(whole.y, raw)
        else:
            half = self.split.validation_loss(w)
        self.w, self.half_square = w, float(half + 0.5 * np.sum(self.p * w**2))
        self.share = 1.0 / degrees_left(whole)

    @cached_property
    def inverse(self):
        """The matrix W."""
        size = len(self.w)
        return self.whole.padded_inverse(self.hessian, 1)[:size, :size]

    @cached_property
    def root(self):
        """The determinant of ``P^-1 H`` to the power of `share`."""
        return np.exp(self.share * self._log_determinant())

    def _log_determinant(self):
        """Return the log determinant of ``P^-1 H``, by the smaller of two matrices."""
        whole, p = self.whole, self.p
        if whole.is_wide:
            x = np.sqrt(whole.share)[:, None] * whole.rows.to_dense()[:, : len(p)]
            gram = (x / p[:, 0]) @ x.T
        else:
            gram = self.split.train.gram
            known = self.hessian.log_determinant()
            if known is not None:
                return known + np.sum(np.log1p(np.diag(gram) / p[:, 0]))
            gram = gram / np.sqrt(p) / np.sqrt(p.T)
        return np.linalg.slogdet(gram + np.eye(len(gram)))[1]

    @property
    def value(self):
        """The criterion."""
        return float(self.root * self.half_square)

    @cached_property
    def _energy(self):
        """Derivative of `half_square`."""
        return 0.5 * self.split.by_group(self.p * self.w**2)

    @cached_property
    def _bound(self):
        """Sums of p W."""
        return self.split.by_group(self.p * np.diag(self.inverse)[:, None])

    @cached_property
    def _used(self):
        """Minus the derivative of the log of `root`."""
        sizes = self.split.by_group(np.ones_like(self.p))
        return self.share * (sizes - self._bound)

    def _pair_sums(self, matrix):
        """Return the sums of a matrix over pairs of groups."""
        groups = self.split.groups
        return sum_blocks(matrix, groups.labels, groups.n_groups)

    @cached_property
    def gradient(self):
        """Its derivative in lambda, shape (n_groups,)."""
        return self.root * (self._energy - self.half_square * self._used)

    def model(self):
        """Return the exact second-order `OuterModel` in lambda."""
        # Its tangent is the expected one, as in Fisher's scoring.
        used, energy, force = self._used, self._energy, self.p * self.w
        metric = self._pair_sums(force @ force.T * self.inverse)
        bound = self.p * self.inverse
        pairs = self.share * self._pair_sums(bound * bound.T)
        free, bound = used - self.share * self._bound, self.share * self._bound
        half, square = self.half_square, np.outer(used, used)
        tangent = half * (np.diag(free) + pairs - square)
        mixed = np.outer(energy, used)
        whole = np.diag(energy + half * bound) - half * (pairs - square)
        bend = whole - mixed - mixed.T - metric - tangent
        return OuterModel(self.gradient, self.root * tangent, self.root * bend, metric)


def degrees_left(whole):
    """Return the degrees of freedom that the fixed effects leave, at least one."""
    return max(whole.n_rows - whole.free.rank, 1)
