"""What every problem offers to a solver, whatever is minimized over lambda."""

from abc import ABC, abstractmethod

import numpy as np

from ..engine.linalg.hessian import CG_TOL
from ..engine.linalg.newton import NEWTON_TOL
from .outer import ADJOINT_TOL
from .shrinkage import Spread

#: Automatic bounds of lambda: below the log of the least second moment of a feature,
#: where the penalty is lost in the rounding of them all; and above the log of their
#: sum, where the weights are zero to seven digits of the loss.
BELOW_LEAST, ABOVE_SUM = 25.0, 18.0
#: The same where several lambdas meet more features than training rows: there the
#: rounding of rank-deficient moments is felt sooner.
BELOW_LEAST_WIDE = 15.0
#: Least curvature of the data relative to a penalty that none of it feels.
UNPENALIZED = 10.0
#: Accuracy of a prediction where Hessians are solved with by iterations.
PREDICT_TOL = 1e-2
#: Rounding of a mean loss that is zero, relative to the curvature.
NEGATIVE = 1e-8
#: exp(lambda) and its square root are finite and positive up to here.
MAX_LAMBDA = 700.0


class Problem(ABC):
    """Minimize an estimate of the error on new rows over lambda.

    The weights of every split minimize its training loss for the given lambda.

    Parameters
    ----------
    loss : Loss
        Of the rows.
    groups : FeatureGroups
        Which lambda penalizes which feature.
    counts : OracleCounts
        What the splits were told to count in.
    split_set : SplitSet
        What a solver works with.
    full : Split
        All rows, for the refit.
    split_weights : ndarray of shape (n_splits,)
        Share of every split in the means over splits.
    total_weight : float
        Sum of the sample weights.
    n_held_out : int
        Rows that the objective is a mean over.
    second_moments : ndarray of shape (n_features,)
        Weighted mean squares of the centred features.
    curvature_scale : float
        A typical curvature of the loss.
    n_train : int
        Least number of training rows.
    lambda_bounds : "auto" or (float, float)
        Bounds of every lambda, a natural log.
    """

    #: Whether the lambdas do not feel each other.
    is_separable = False

    def __init__(
        self,
        loss,
        groups,
        counts,
        split_set,
        full,
        *,
        split_weights,
        total_weight,
        n_held_out,
        second_moments,
        curvature_scale,
        n_train,
        lambda_bounds,
    ):
        self.loss = loss
        self.groups = groups
        self.counts = counts
        self._set, self.full = split_set, full
        self.splits = split_set.splits
        self.split_weights = split_weights
        self.spread = Spread()
        self.total_weight = total_weight
        self.n_held_out = n_held_out
        self._least_loss = -NEGATIVE * curvature_scale
        self.null_loss = self._mean_validation_loss(self.starts())
        curvature = curvature_scale * second_moments
        self.curvature = float(curvature.sum()) or 1.0
        # Bounds and starts are those of the features that feel a lambda.
        curvature = curvature[groups.is_penalized]
        felt = float(curvature.sum()) or 1.0
        own = groups.penalized_only().sum_by_group(curvature)
        # A group of constant features has no scale: it takes the data's.
        self.group_curvature = np.where(own > 0, own, felt)
        auto = self._auto_bounds(curvature, len(second_moments) >= n_train)
        self.auto_bounds = auto
        if isinstance(lambda_bounds, str):
            self.bounds = auto
        else:
            self.bounds = np.outer(_finite(lambda_bounds, auto), np.ones(self.n_groups))
        self.scan_bounds = np.clip(auto, *self.bounds)

    def _auto_bounds(self, curvature, wide):
        """Return bounds that are the same for all groups.

        What one lambda may reach, each of several may.
        """
        positive, total = curvature[curvature > 0], float(curvature.sum()) or 1.0
        least = positive.min() if len(positive) else total
        below = BELOW_LEAST_WIDE if wide and self.n_groups > 1 else BELOW_LEAST
        low, high = np.log(least) - below, np.log(total) + ABOVE_SUM
        return np.outer([low, high], np.ones(self.n_groups))

    @abstractmethod
    def estimate(self, lambda_, weights):
        """Return the estimate of the error on new rows, at exact inner solutions."""

    def objective(self, lambda_, weights):
        """Return what is minimized over lambda, at exact inner solutions."""
        return self.with_spread(lambda_, self.estimate(lambda_, weights))

    def with_spread(self, lambda_, estimate):
        """Return the objective of an estimate of the error."""
        return estimate + self.spread.value(lambda_)

    def without_spread(self, lambda_, objective):
        """Return the part of an objective that the weights decide."""
        return objective - self.spread.value(lambda_)

    def is_certain(self, lambda_, estimate):
        """Whether the objective says that no row is predicted with any doubt."""
        total = self.n_held_out * self.with_spread(lambda_, estimate)
        return total < self.loss.negligible_sum

    def shrink(self, shrinkage, reference_loss):
        """Make the spread of the lambdas a part of the objective.

        Parameters
        ----------
        shrinkage : float
            Not negative.
        reference_loss : float
            Objective at the best shared lambda, the unit of `shrinkage`.
        """
        self.spread = Spread(shrinkage * reference_loss)

    def _with_spread(self, model, lambda_):
        """Return an `OuterModel` of what the weights decide, the spread added."""
        return model._replace(
            gradient=model.gradient + self.spread.gradient(lambda_),
            tangent=model.tangent + self.spread.hessian(lambda_),
        )

    @abstractmethod
    def hypergradient(self, lambda_, weights, hessians=None, rtol=CG_TOL):
        """Return the derivative of the objective in lambda, shape (n_groups,).

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Where to evaluate.
        weights : list of ndarray
            Exact inner solutions.
        hessians : list of Hessian or None
            Of L_T at the weights, where the caller has them.
        rtol : float
            Relative residual of an iterative solve.
        """

    @abstractmethod
    def model(self, lambda_, weights, hessians, rtol=ADJOINT_TOL):
        """Return the second-order `OuterModel` of the objective in lambda.

        Where `prefers_products`, `OuterProducts`.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Where to evaluate.
        weights : list of ndarray
            Exact inner solutions.
        hessians : list of Hessian
            Of L_T at the weights.
        rtol : float
            Relative residual of an iterative solve for the gradient; the default is
            what a step needs.
        """

    @abstractmethod
    def path(self, lambdas):
        """Return the objective and its slope at many values of a shared lambda.

        Where `scans_by` is "diagonal".

        Parameters
        ----------
        lambdas : ndarray of shape (n_lambdas,)
            Natural logs.

        Returns
        -------
        values, slopes : ndarray of shape (n_lambdas,)
            At the exact solutions; slopes are derivatives in lambda.
        """

    def of_fewer_rows(self):
        """Return the problem of a sample of the rows; None if all are few, as here."""
        return None

    def for_scan(self):
        """Return the problem that is scanned for a start: this one."""
        return self

    @property
    def scans_by(self):
        """How a shared lambda is solved with, in the words of a split's `solves_by`."""
        return self._set.shared[0].solves_by

    def relative(self, hypergradient, objective):
        """Return the largest entry of a hypergradient relative to the objective."""
        # Below ten digits of the null loss a loss counts as zero.
        size = np.max(np.abs(hypergradient))
        return size / (objective + 1e-10 * self.null_loss) if size else 0.0

    @property
    def n_groups(self):
        """Number of lambdas."""
        return self.groups.n_groups

    def widen_bounds(self, lambda_):
        """Move the bounds so far out that `lambda_` lies inside."""
        self.bounds = np.stack(
            [np.minimum(self.bounds[0], lambda_), np.maximum(self.bounds[1], lambda_)]
        )

    def project(self, lambda_):
        """Return lambda moved into its bounds."""
        return np.clip(lambda_, *self.bounds)

    def projected(self, lambda_, hypergradient):
        """Return the hypergradient without what points out of the bounds."""
        lower, upper = outward(self.bounds, lambda_, hypergradient)
        return np.where(lower | upper, 0.0, hypergradient)

    def is_free(self, lambda_):
        """Return which lambdas are at none of their bounds."""
        return (lambda_ > self.bounds[0]) & (lambda_ < self.bounds[1])

    def inner_residuals(self, lambda_, weights):
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        return self._set.inner_residuals(lambda_, weights)

    def minimize(self, lambda_, starts, tol=NEWTON_TOL):
        """Return the exact inner solutions of all splits, warm-started."""
        return self._set.minimize(lambda_, starts, tol)

    def minimize_full(self, lambda_, start):
        """Return the exact inner solution of all rows, for the refit."""
        return self._set.minimize_full(self.full, lambda_, start)

    def to_features(self, weights):
        """Return coef (n_features, n_outputs) and intercept of every split."""
        return [
            split.origin.moved(*model)
            for split, model in zip(
                self.splits, self.moves_to_features(weights), strict=True
            )
        ]

    def moves_to_features(self, moves):
        """Return what moves of the weights do to the model of every split.

        Parameters
        ----------
        moves : list of ndarray of shape (m, k)
            One column per output of a move, of any number of moves.

        Returns
        -------
        list of (ndarray of shape (n_features, k), ndarray of shape (k,))
            Coefficients and intercepts.
        """
        return self._set.moves_to_features(moves)

    def penalty_energy(self, lambda_, weights):
        """Return the splits' mean of ``w' P w`` by groups, shape (n_groups,)."""
        return self.mean_by_group(
            split.penalty(lambda_) * w**2
            for split, w in zip(self.splits, weights, strict=True)
        )

    def starts(self):
        """Return weights to start exact inner solves from."""
        return [split.start() for split in self.splits]

    def zeros(self):
        """Return zero weights for all splits, where the paper starts."""
        return [np.zeros(split.shape) for split in self.splits]

    def train_loss(self, weights, lambda_):
        """Return the splits' mean training loss, the penalty included."""
        return self._mean(
            split.train_loss(w, lambda_)
            for split, w in zip(self.splits, weights, strict=True)
        )

    def hessians(self, lambda_, weights):
        """Return the Hessian of every split's L_T at its weights."""
        return self._set.hessians(lambda_, weights)

    def solve(self, hessians, rights, rtol=CG_TOL):
        """Return the inverse of every split's Hessian applied to its right-hand sides.

        Parameters
        ----------
        hessians : list of Hessian
            From `hessians`.
        rights : list of ndarray of shape (..., m, n_outputs)
            Right-hand sides, one array per split.
        rtol : float
            Relative residual of an iterative solve.

        Returns
        -------
        list of ndarray
            Of the shapes of `rights`.
        """
        return self._set.solve(hessians, rights, rtol)

    def solutions(self, hessians, rights, rtol=CG_TOL):
        """Return the `Solution` of every split's Hessian for its right-hand sides.

        Parameters
        ----------
        hessians : list of Hessian
            From `hessians`.
        rights : list of ndarray of shape (..., m, n_outputs)
            Right-hand sides, one array per split.
        rtol : float
            Relative residual of an iterative solve.

        Returns
        -------
        list of Solution
            What `solve` returns, with what is known about it.
        """
        return self._set.solutions(hessians, rights, rtol)

    @property
    def iterates(self):
        """Whether exact inner solutions are found by iterations."""
        return self.splits[0].solves_by in ("newton", "iterative")

    @property
    def prefers_inverse(self):
        """Whether curvature in lambda is cheaper from inverses of the Hessians."""
        return self._set.prefers_inverse

    def curvatures_in_lambda(self, lambda_, weights, hessians, adjoints):
        """Return the `LambdaCurvature` of every split, where inverses are preferred."""
        return self._set.curvatures_in_lambda(
            lambda_, weights, hessians, adjoints, self.split_weights
        )

    def responses_by_inverse(self, lambda_, weights, hessians):
        """Return the derivative J of all weights, where inverses are preferred."""
        return self._set.responses_by_inverse(lambda_, weights, hessians)

    @property
    def prefers_products(self):
        """Whether there are too many lambdas for a response of the weights to each."""
        return self._set.prefers_products

    def own_curvatures(self, hessians):
        """Return the curvature of every split's L_T along every coordinate."""
        return self._set.own_curvatures(hessians)

    def bends(self, weights, adjoints, moves):
        """Return what moves of the weights do to the slopes of L_V and L_T."""
        return self._set.bends(weights, adjoints, moves)

    def mean_by_group(self, values):
        """Return the splits' mean of the sums over groups, shape (n_groups,)."""
        return self._mean(
            split.by_group(value)
            for split, value in zip(self.splits, values, strict=True)
        )

    def per_coordinate(self, values):
        """Return each coordinate's entry of values (n_groups,), 0 for the intercept."""
        return self.splits[0].per_coordinate(values)

    def validation_gradients(self, weights):
        """Return the gradient of every split's L_V at its weights."""
        return self._set.validation_gradients(weights)

    def is_unpenalized(self, lambda_):
        """Whether a shared lambda is below all that the data can feel.

        Then weights only move like ``exp(lambda)`` from here on down.

        Parameters
        ----------
        lambda_ : float
            A natural log.

        Returns
        -------
        bool
            False where it is not known.
        """
        return UNPENALIZED * 2.0 * np.exp(lambda_) < self._set.least_curvature()

    def predict(self, lambda_, weights, hessians, move):
        """Return the weights along their tangent at lambda, ``w + J move``."""
        rights = [
            -split.penalty(lambda_) * w * split.per_coordinate(move)
            for split, w in zip(self.splits, weights, strict=True)
        ]
        steps = self.solve(hessians, rights, PREDICT_TOL)
        return [w + step for w, step in zip(weights, steps, strict=True)]

    def _mean_validation_loss(self, weights):
        """Return the mean loss of the held-out rows; raise if it is negative."""
        loss = self._mean(
            split.validation_loss(w)
            for split, w in zip(self.splits, weights, strict=True)
        )
        # Squares are summed from second moments, whose rounding may be large.
        if loss < self._least_loss and not self.loss.is_quadratic:
            raise ValueError(
                f"The mean {self.loss.name} loss of the held-out rows is {loss:.3g}, "
                "and a loss must not be negative: a step is accepted by its decrease "
                "relative to the loss. Add to the loss of every row minus its least "
                "value, as in half a unit deviance."
            )
        return loss

    def _mean(self, values):
        return sum(
            weight * value
            for weight, value in zip(self.split_weights, values, strict=True)
        )


def outward(bounds, lambda_, slope):
    """Return which lambdas are at a bound with the objective falling towards it.

    Parameters
    ----------
    bounds : ndarray of shape (2, n_groups)
        Lowest and highest lambda.
    lambda_, slope : ndarray of shape (n_groups,)
        Where, and the derivative of the objective there.

    Returns
    -------
    lower, upper : ndarray of bool of shape (n_groups,)
        At the lower bound and at the upper one.
    """
    low, high = bounds
    return (lambda_ <= low) & (slope > 0), (lambda_ >= high) & (slope < 0)


def _finite(bounds, auto):
    """Return bounds with automatic ones in the place of infinite ones."""
    low, high = bounds
    if not np.isfinite(low):
        low = min(auto[0, 0], high - 1.0) if np.isfinite(high) else auto[0, 0]
    if not np.isfinite(high):
        high = max(auto[1, 0], low + 1.0)
    return low, high
