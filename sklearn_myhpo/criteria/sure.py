"""Stein's unbiased risk estimate for ridge.

Stein (1981), Estimation of the Mean of a Multivariate Normal Distribution, Annals of
Statistics 9; the Monte Carlo form: Deledalle, Vaiter, Fadili & Peyré (2014), Stein
Unbiased GrAdient estimator of the Risk (SUGAR) for Multiple Parameter Selection, SIAM
Journal on Imaging Sciences 7.
"""

from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)

from .._messages import shown
from ..bilevel.outer import OuterModel
from ..losses import SquaredLoss
from ._base import BoundCriterion, BoundRidgeCriterion, Criterion, Curve, filter_factors
from ._moments import MomentsPoint
from ._noise import noise_variance
from ._probes import ProbePoint, make_probes

#: Largest variance of the noise, in squared units of y, against overflow.
MOST_NOISE = 1e100


@dataclass(frozen=True)
class SURE(Criterion):
    """Half of Stein's estimate of the risk, plus half the variance of the noise.

    ``mean r^2 / 2 + noise_variance tr S / n`` with residuals r, the hat matrix S and n
    rows: an unbiased estimate of the loss of new targets of the same rows, whose noise
    is Gaussian. Without the half noise variance it estimates half the mean squared
    error of the predictions. Several targets are summed.

    Parameters
    ----------
    noise_variance : "auto", float or array-like of shape (n_targets,), default="auto"
        Variance of the noise of a row, in squared units of y, the same for all targets
        or one for each. "auto" is the residual sum of squares of least squares divided
        by the residual degrees of freedom; it is an error if there are none. With
        sample weights it is the variance of a row of mean weight; a row of twice that
        weight has half of it.
    trace : {"exact", "monte-carlo"}, default="exact"
        "exact" computes the trace, for which a matrix is factored. "monte-carlo"
        estimates it by ``delta' S delta`` with standard normal delta, the same for all
        lambda. That needs only products with X, and `noise_variance` must be given. (Up
        to 2500 features a matrix may still be formed and factored, where that is
        cheaper.)
    n_probes : int, default=1
        Number of vectors delta to average over; the paper uses one. The estimate has
        the standard deviation ``sqrt(2 tr S^2 / n_probes)``.
    random_state : int, default=0
        Seed of delta.

    Raises
    ------
    ValueError
        If an option has a value that is not allowed, or ``trace="monte-carlo"`` comes
        without a `noise_variance`.

    References
    ----------
    .. [1] Stein (1981), Estimation of the Mean of a Multivariate Normal
       Distribution, Annals of Statistics 9.
    .. [2] Deledalle, Vaiter, Fadili & Peyré (2014), Stein Unbiased GrAdient estimator
       of the Risk (SUGAR) for Multiple Parameter Selection, SIAM Journal on Imaging
       Sciences 7.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_myhpo import BilevelRidge
    >>> from sklearn_myhpo.criteria import SURE
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = BilevelRidge(criterion=SURE(noise_variance=3000.0)).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.51
    """

    losses: ClassVar[tuple] = (SquaredLoss,)
    needs_rows: ClassVar[bool] = False
    turns_targets: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict] = {
        "trace": [StrOptions({"exact", "monte-carlo"})],
        "n_probes": [Interval(Integral, 1, None, closed="left")],
        "random_state": [Interval(Integral, 0, None, closed="left")],
    }

    noise_variance: str | float | tuple = "auto"
    trace: str = "exact"
    n_probes: int = 1
    random_state: int = 0

    def __post_init__(self):
        options = {name: getattr(self, name) for name in self._parameter_constraints}
        validate_parameter_constraints(self._parameter_constraints, options, "SURE")
        object.__setattr__(self, "noise_variance", _checked(self.noise_variance))
        if self.is_matrix_free and self.noise_variance == "auto":
            raise ValueError(
                "SURE(trace='monte-carlo') factors no matrix, so it cannot estimate "
                "the variance of the noise. Give it, as in "
                "SURE(noise_variance=1.5, trace='monte-carlo')."
            )

    @property
    def is_matrix_free(self):
        """Whether the trace is estimated, by products of X alone."""
        return self.trace == "monte-carlo"

    def of_targets(self, columns, n_targets):
        """Return the criterion with the noise of some targets."""
        if not isinstance(self.noise_variance, tuple):
            return self
        self._check_length(n_targets)
        return replace(self, noise_variance=np.array(self.noise_variance)[columns])

    def of_turned(self, n_targets, n_turned):
        """Return the criterion with the same sum of the variances."""
        noise = self.noise_variance
        if isinstance(noise, str):
            return self
        if isinstance(noise, tuple):
            self._check_length(n_targets)
        total = float(np.sum(np.broadcast_to(noise, n_targets)))
        return replace(self, noise_variance=total / n_turned)

    def in_unit(self, exponent):
        """Return the criterion with the noise of y divided by ``2^exponent``."""
        if isinstance(self.noise_variance, str):
            return self
        with np.errstate(over="ignore"):
            noise = np.ldexp(self.noise_variance, -2 * exponent)
        return replace(self, noise_variance=np.minimum(noise, MOST_NOISE))

    def bind(self, whole):
        """Return `SUREOfRows`, or `SugarOfRows` for the Monte Carlo form."""
        n_targets = whole.split.n_outputs
        noise = self.noise_variance
        if isinstance(noise, str):
            noise = noise_variance(whole)
        elif isinstance(noise, tuple):
            self._check_length(n_targets)
        total = float(np.sum(np.broadcast_to(noise, n_targets)))
        if self.is_matrix_free:
            probes = make_probes(whole, self.n_probes, self.random_state)
            return SugarOfRows(whole, total, probes)
        return SUREOfRows(whole, total)

    def _check_length(self, n_targets):
        n_given = len(self.noise_variance)
        if n_given != n_targets:
            raise ValueError(
                "The 'noise_variance' parameter of SURE must be one number or one for "
                f"each target, of which y has {n_targets}. Got {n_given} numbers."
            )


def _checked(variance):
    """Return "auto", a number, or a tuple of numbers."""
    if isinstance(variance, str) and variance == "auto":
        return variance
    numbers = variance if np.ndim(variance) == 1 else [variance]
    if not all(
        isinstance(one, Real) and np.isfinite(one) and one >= 0 for one in numbers
    ):
        raise ValueError(
            "The 'noise_variance' parameter of SURE must be \"auto\", a finite number "
            f"not below zero, or one such number per target. Got {shown(variance)} "
            "instead."
        )
    numbers = tuple(map(float, numbers))
    return numbers if np.ndim(variance) == 1 else numbers[0]


class SUREOfRows(BoundRidgeCriterion):
    """SURE of given rows with the exact trace.

    Parameters
    ----------
    whole : Whole
        All rows.
    noise : float
        Variance of the noise, summed over targets.
    """

    def __init__(self, whole, noise):
        super().__init__(whole)
        self.noise = noise

    def curve(self, penalties, *, second=True):
        """Return the criterion at many values of a shared lambda, O(k) each."""
        spectrum = self.whole.spectrum
        orders = filter_factors(spectrum.squares, penalties)[: 3 if second else 2]
        square = np.sum(spectrum.along**2, axis=1)
        q, used = orders[0], spectrum.n_rows - spectrum.n_outside
        noise = self.noise / spectrum.n_rows
        value = 0.5 * (square @ q**2 + spectrum.outside_square)
        value += noise * (used - q.sum(axis=0))
        slope = square @ (q * orders[1]) - noise * orders[1].sum(axis=0)
        if not second:
            return Curve(value, slope)
        bend = square @ (q * orders[2]) - noise * orders[2].sum(axis=0)
        return Curve(value, slope, square @ orders[1] ** 2, bend)

    def at(self, lambda_, w, hessian):
        """Return the `SUREPoint` of some lambda."""
        return SUREPoint(self.whole, lambda_, w, hessian, self.noise)


class SugarOfRows(BoundCriterion):
    """SURE of given rows with a trace that is estimated by probes.

    Parameters
    ----------
    whole : Whole
        All rows, as a map.
    noise : float
        Variance of the noise, summed over targets.
    probes : ndarray of shape (m, n_probes)
        From `make_probes`.
    """

    def __init__(self, whole, noise, probes):
        super().__init__(whole)
        self.noise, self.probes = noise, probes

    def at(self, lambda_, w, hessian):
        """Return the `ProbePoint` of some lambda."""
        place = self.whole, lambda_, w, hessian
        return ProbePoint(*place, self.probes, self.noise)


class SUREPoint(MomentsPoint):
    """SURE at one lambda per group, from second moments.

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
    noise : float
        Variance of the noise, summed over targets.
    """

    def __init__(self, whole, lambda_, w, hessian, noise):
        super().__init__(whole, lambda_, w, hessian)
        self.noise = noise

    @property
    def value(self):
        """The criterion."""
        return float(self.half_square + self.noise * (1.0 - self.left))

    @property
    def gradient(self):
        """Its derivative in lambda, shape (n_groups,)."""
        return self.half_slope - self.noise * self.left_slope

    def model(self):
        """Return the second-order `OuterModel` in lambda; it is exact."""
        own = self.half_model
        bend = own.bend - self.noise * self.left_bend
        return OuterModel(self.gradient, own.tangent, bend, own.metric)
