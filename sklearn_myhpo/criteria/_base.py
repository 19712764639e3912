"""The contract of a criterion, and formulas that several criteria share."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from ..bilevel.outer import OuterModel
from ..engine.linalg.products import pair_products


class Curve(NamedTuple):
    """A criterion along one shared lambda, with derivatives in lambda.

    Attributes
    ----------
    value, slope : ndarray of shape (n_lambdas,)
    tangent : ndarray of shape (n_lambdas,) or None
        The positive semidefinite (Gauss-Newton) part of the second derivative.
    bend : ndarray of shape (n_lambdas,) or None
        The rest of the second derivative.
    """

    value: np.ndarray
    slope: np.ndarray
    tangent: np.ndarray | None = None
    bend: np.ndarray | None = None


class Point(ABC):
    """A criterion at one lambda and the exact weights there."""

    @property
    @abstractmethod
    def value(self):
        """The criterion."""

    @property
    @abstractmethod
    def gradient(self):
        """Its derivative in lambda, shape (n_groups,)."""

    @abstractmethod
    def model(self):
        """Return the second-order `OuterModel` in lambda."""


class Criterion(ABC):
    """An estimate of the error on new rows that holds no rows out.

    A criterion is a frozen dataclass of options.
    """

    #: Losses that it is defined for.
    losses: ClassVar[tuple]
    #: Whether the criterion needs single rows; else their moments suffice.
    needs_rows: ClassVar[bool]
    #: Whether the criterion is a mean over rows, each predicted by the model of all
    #: other rows. Its points have these raw predictions in `left_out`; for ridge it
    #: also has `residuals`.
    leaves_out: ClassVar[bool] = False
    #: Whether products with X are enough. Otherwise a matrix is factored.
    is_matrix_free: bool = False
    #: The criterion is a sum of squares over targets, the same after a rotation.
    turns_targets: ClassVar[bool] = False

    def of_targets(self, columns, n_targets):
        """Return the criterion for a subset of the targets, with the options of these.

        Parameters
        ----------
        columns : slice or ndarray of int
            Which targets.
        n_targets : int
            Number of all targets.

        Returns
        -------
        Criterion
        """
        return self

    def of_turned(self, n_targets, n_turned):
        """Return the criterion of a few rotated targets that replace many.

        Parameters
        ----------
        n_targets : int
        n_turned : int
            Number of rotated targets.

        Returns
        -------
        Criterion
        """
        return self

    def in_unit(self, exponent):
        """Return the criterion for y in another unit, its options converted.

        Parameters
        ----------
        exponent : int
            y is divided by ``2^exponent``.

        Returns
        -------
        Criterion
        """
        return self

    @abstractmethod
    def bind(self, whole):
        """Return the criterion of some rows.

        Parameters
        ----------
        whole : Whole
            All rows.

        Returns
        -------
        BoundCriterion
        """


class BoundCriterion(ABC):
    """A criterion of given rows, a function of lambda.

    Parameters
    ----------
    whole : Whole
        All rows.
    """

    def __init__(self, whole):
        self.whole = whole

    @abstractmethod
    def at(self, lambda_, w, hessian):
        """Return the `Point` of some lambda.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Natural logs of the penalties.
        w : ndarray of shape (m, n_outputs)
            The exact weights of all rows there.
        hessian : Hessian
            Of the training loss there.

        Returns
        -------
        Point
        """


class BoundRidgeCriterion(BoundCriterion):
    """A criterion of ridge, cheap along one shared lambda after a decomposition."""

    #: Whether `target_curves` is known, for one lambda per target.
    learns_targets: ClassVar[bool] = False

    def target_curves(self, penalties, targets, *, second=True):
        """Return the criterion of some targets, each at a lambda of its own.

        Parameters
        ----------
        penalties : ndarray of shape (k,)
            ``2 exp(lambda)`` of every target.
        targets : ndarray of shape (k,)
            Their numbers.
        second : bool, default=True
            Whether to compute second derivatives.

        Returns
        -------
        Curve
            With one entry per target.
        """
        raise NotImplementedError

    @abstractmethod
    def curve(self, penalties, *, second=True):
        """Return the criterion at many values of a shared lambda.

        It is defined for problems whose rows have a spectrum.

        Parameters
        ----------
        penalties : ndarray of shape (n_lambdas,)
            ``2 exp(lambda)``.
        second : bool, default=True
            Whether to compute second derivatives.

        Returns
        -------
        Curve
        """


#: Smallest penalty, relative to the largest squared singular value. Smaller ones give
#: the same criterion and would only risk underflow.
LEAST_PENALTY = 1e-100


def filter_factors(squares, penalties):
    """Return ``q = p / (s^2 + p)`` and its first two derivatives in log p.

    Parameters
    ----------
    squares : ndarray of shape (k,)
        The s^2.
    penalties : ndarray of shape (n_lambdas,)
        The p.

    Returns
    -------
    ndarray of shape (3, k, n_lambdas)
    """
    p = np.maximum(penalties, LEAST_PENALTY * squares.max(initial=0.0))
    q = p / (squares[:, None] + p)
    f = squares[:, None] / (squares[:, None] + p)
    return np.stack([q, q * f, q * f * (f - q)])


def quotient_derivatives(numerator, denominator, inverse=None):
    """Return N / D and its derivatives from the derivatives of N and of D.

    Parameters
    ----------
    numerator, denominator : sequences of ndarray
        Values and derivatives, up to the first or the second.
    inverse : ndarray, default=None
        Inverse of the denominator; None computes it, with a guard against zeros.

    Returns
    -------
    list of ndarray
    """
    if inverse is None:
        inverse = 1.0 / np.maximum(denominator[0], np.finfo(float).tiny)
    found = [numerator[0] * inverse]
    found.append((numerator[1] - found[0] * denominator[1]) * inverse)
    if len(numerator) > 2:
        rest = 2.0 * found[1] * denominator[1] + found[0] * denominator[2]
        found.append((numerator[2] - rest) * inverse)
    return found


class WeightTerms(NamedTuple):
    """Derivatives of ``adjoint . w(lambda)``, and the metric of the weights.

    Attributes
    ----------
    slope : ndarray of shape (n_groups,)
        ``-sum_{j in g} p_j w_j q_j``.
    cross : ndarray of shape (n_groups, n_groups)
        ``sum_{j in a} p_j q_j J_jb``.
    metric : ndarray of shape (n_groups, n_groups)
        ``J' H J``.
    """

    slope: np.ndarray
    cross: np.ndarray
    metric: np.ndarray


def responses(split, lambda_, w, hessian):
    """Return the forces ``-P_g w`` and the responses J, one array per group each."""
    forces = -split.scatter_by_group(split.penalty(lambda_) * w)
    return forces, hessian.solve(forces)


def weight_terms(split, lambda_, w, adjoint, forces, jacobian):
    """Return the `WeightTerms` of an adjoint q."""
    p = split.penalty(lambda_)
    cross = pair_products(split.scatter_by_group(p * adjoint), jacobian)
    metric = pair_products(jacobian, forces)
    return WeightTerms(
        -split.by_group(p * w * adjoint), cross, 0.5 * (metric + metric.T)
    )


def group_order(labels, n_groups):
    """Return coordinates in the order of their groups, and where each group starts.

    Parameters
    ----------
    labels : ndarray of shape (m,)
        Group of every coordinate; -1 for none, which is left out. No group is empty.
    n_groups : int

    Returns
    -------
    order : ndarray of shape (n_penalized,)
    starts : ndarray of shape (n_groups,)
    """
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(n_groups + 1))
    return order[: starts[-1]], starts[:-1]


def sum_blocks(matrix, labels, n_groups):
    """Return the sums of a matrix over pairs of groups.

    Parameters
    ----------
    matrix : ndarray of shape (m, m)
    labels, n_groups
        As in `group_order`.

    Returns
    -------
    ndarray of shape (n_groups, n_groups)
    """
    order, starts = group_order(labels, n_groups)
    rows = np.add.reduceat(matrix[order], starts, axis=0)
    return np.add.reduceat(rows[:, order], starts, axis=1)


class CurvePoint(Point):
    """A point of a curve.

    Parameters
    ----------
    curve : Curve
        Of one lambda.
    metric : ndarray of shape (1, 1)
        ``J' H J``.
    """

    def __init__(self, curve, metric):
        self.curve = curve
        self.metric = metric

    @property
    def value(self):
        """The criterion."""
        return float(self.curve.value[0])

    @property
    def gradient(self):
        """Its derivative in lambda, shape (1,)."""
        return self.curve.slope

    def model(self):
        """Return the second-order `OuterModel` in lambda."""
        tangent, bend = self.curve.tangent[:, None], self.curve.bend[:, None]
        return OuterModel(self.gradient, tangent, bend, self.metric)
