"""The bilevel problem: everything a solver may ask."""

from dataclasses import asdict, dataclass

import numpy as np

from .engine.build import build_splits
from .engine.hessian import CG_TOL
from .engine.newton import NEWTON_TOL
from .outer import outer_model
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
#: exp(lambda) and its square root are finite and positive up to here.
MAX_LAMBDA = 700.0


@dataclass
class OracleCounts:
    """How often a problem was asked for what; each split counts for itself.

    Attributes
    ----------
    n_values : int
        Training or validation losses.
    n_train_gradients, n_validation_gradients : int
    n_consensus_gradients : int
        Gradients of L_T with proximal terms.
    n_hessian_products, n_factorizations : int
    n_inner_solves : int
        Exact minimizations of L_T; what they need is counted above too.
    n_unfinished_solves : int
        Linear solves by conjugate gradients that ended before their tolerance.
    """

    n_values: int = 0
    n_train_gradients: int = 0
    n_validation_gradients: int = 0
    n_consensus_gradients: int = 0
    n_hessian_products: int = 0
    n_factorizations: int = 0
    n_inner_solves: int = 0
    n_unfinished_solves: int = 0

    @property
    def n_gradients(self):
        """The paper's n_g: training and validation gradients."""
        return self.n_train_gradients + self.n_validation_gradients

    def as_dict(self):
        """Return all counts, `n_gradients` included."""
        return {**asdict(self), "n_gradients": self.n_gradients}


class BilevelProblem:
    """Minimize the validation loss over lambda, weights minimizing the training loss.

    ``min_lambda sum_i omega_i L_V,i(w_i(lambda))`` with
    ``w_i(lambda) = argmin_w L_T,i(w, lambda)``, where omega_i is split i's share
    of the held-out weight (Dhar, Kurup & Shah 2020, eq. (1), for one split).

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
        Features, float64; sparse in CSR format.
    y : ndarray
        As the loss wants it: (n_samples, n_targets) for the squared loss, class
        indices (n_samples,) for the others.
    loss : Loss
        Of the training and the validation rows.
    groups : FeatureGroups
        Which lambda penalizes which feature.
    pairs : list of (ndarray, ndarray)
        Indices of training and validation rows, one pair per split.
    sample_weight : ndarray of shape (n_samples,) or None
        Positive weights; None for ones.
    fit_intercept : bool
        Whether there is an intercept, never penalized.
    lambda_bounds : "auto" or (float, float)
        Bounds of every lambda, a natural log.
    all_directions : bool, default=True
        False lets ridge with one lambda work in the subspace of its solutions,
        which is all that any method but MY-HPO's mean response looks at.

    Attributes
    ----------
    splits : list of Split
        What a solver works with; see `sklearn_myhpo.engine.split.Split`.
    full : Split
        All rows, for the refit.
    split_weights : ndarray of shape (n_splits,)
        The omega_i.
    groups : FeatureGroups
    bounds : ndarray of shape (2, n_groups)
        Lowest and highest lambda of every group.
    group_curvature : ndarray of shape (n_groups,)
        Bound of the trace of the data term's Hessian over every group.
    curvature : float
        Their sum, a Lipschitz constant of the data term's gradient.
    null_loss : float
        Validation loss of the best constant model of the training rows.
    total_weight : float
        Sum of the sample weights, the n of ``alpha = 2 n exp(lambda)``.
    scan_bounds : ndarray of shape (2, n_groups)
        The part of `bounds` where lambda makes a difference; finite.
    spread : Spread
        Penalty on the spread of the lambdas, a part of the objective.
    counts : OracleCounts
    """

    def __init__(
        self,
        X,
        y,
        loss,
        groups,
        pairs,
        *,
        sample_weight=None,
        fit_intercept=True,
        lambda_bounds="auto",
        all_directions=True,
    ):
        if sample_weight is None:
            sample_weight = np.ones(X.shape[0])
        self.loss = loss
        self.groups = groups
        self.counts = OracleCounts()
        self.spread = Spread()
        self._set, self.full, second_moments = build_splits(
            X,
            y,
            loss,
            groups,
            pairs,
            sample_weight,
            fit_intercept,
            self.counts,
            all_directions=all_directions,
        )
        self.splits = self._set.splits
        held_out = np.array([sample_weight[part].sum() for _, part in pairs])
        self.split_weights = held_out / held_out.sum()
        self.total_weight = sample_weight.sum()
        self.null_loss = self.validation_loss(self.starts())
        curvature = loss.max_curvature * second_moments
        self.curvature = float(curvature.sum()) or 1.0
        own = groups.sum_by_group(curvature)
        # A group of constant features has no scale: it takes the data's.
        self.group_curvature = np.where(own > 0, own, self.curvature)
        wide = X.shape[1] >= min(len(np.unique(train)) for train, _ in pairs)
        auto = self._auto_bounds(curvature, wide)
        if isinstance(lambda_bounds, str):
            self.bounds = auto
        else:
            self.bounds = np.outer(lambda_bounds, np.ones(groups.n_groups))
        self.scan_bounds = np.clip(auto, *self.bounds)

    def _auto_bounds(self, curvature, wide):
        """Return bounds that are the same for all groups.

        What one lambda may reach, each of several may.
        """
        positive = curvature[curvature > 0]
        least = positive.min() if len(positive) else self.curvature
        below = BELOW_LEAST_WIDE if wide and self.n_groups > 1 else BELOW_LEAST
        low, high = np.log(least) - below, np.log(self.curvature) + ABOVE_SUM
        return np.outer([low, high], np.ones(self.n_groups))

    def relative(self, hypergradient, validation_loss):
        """Return the largest entry of a hypergradient relative to the loss."""
        # Below ten digits of the null loss a loss counts as zero.
        size = np.max(np.abs(hypergradient))
        return size / (validation_loss + 1e-10 * self.null_loss) if size else 0.0

    @property
    def n_groups(self):
        """Number of lambdas."""
        return self.groups.n_groups

    def shrink(self, shrinkage, reference_loss):
        """Make the spread of the lambdas a part of the objective.

        Parameters
        ----------
        shrinkage : float
            Not negative.
        reference_loss : float
            Validation loss of the best shared lambda, the unit of `shrinkage`.
        """
        self.spread = Spread(shrinkage * reference_loss)

    def widen_bounds(self, lambda_):
        """Move the bounds so far out that `lambda_` lies inside."""
        self.bounds = np.stack(
            [np.minimum(self.bounds[0], lambda_), np.maximum(self.bounds[1], lambda_)]
        )

    def project(self, lambda_):
        """Return lambda moved into its bounds."""
        return np.clip(lambda_, *self.bounds)

    def minimize(self, lambda_, starts, tol=NEWTON_TOL):
        """Return the exact inner solutions of all splits, warm-started."""
        return self._set.minimize(lambda_, starts, tol)

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

    def validation_loss(self, weights):
        """Return the mean loss over all held-out rows."""
        return self._mean(
            split.validation_loss(w)
            for split, w in zip(self.splits, weights, strict=True)
        )

    def objective(self, lambda_, weights):
        """Return what is minimized over lambda, at exact inner solutions."""
        return self.validation_loss(weights) + self.spread.value(lambda_)

    def without_spread(self, lambda_, objective):
        """Return the part of an objective that the weights decide."""
        return objective - self.spread.value(lambda_)

    def model(self, lambda_, weights, hessians):
        """Return the second-order `OuterModel` of the objective in lambda."""
        model = outer_model(self, lambda_, weights, hessians)
        return model._replace(
            gradient=model.gradient + self.spread.gradient(lambda_),
            tangent=model.tangent + self.spread.hessian(lambda_),
        )

    def path(self, lambdas):
        """Return validation losses and slopes at many values of a shared lambda.

        Where `solves_by` of the splits is "diagonal".

        Parameters
        ----------
        lambdas : ndarray of shape (n_lambdas,)
            Natural logs.

        Returns
        -------
        values, slopes : ndarray of shape (n_lambdas,)
            Losses at the exact solutions, and their derivatives in lambda.
        """
        penalties = 2.0 * np.exp(lambdas)
        return self._mean(np.stack(split.path(penalties)) for split in self.splits)

    def _mean(self, values):
        return sum(
            weight * value
            for weight, value in zip(self.split_weights, values, strict=True)
        )

    def hypergradient(self, lambda_, weights, hessians=None, rtol=CG_TOL):
        """Return the derivative of the objective in lambda.

        That of the validation loss, by the implicit function theorem at exact inner
        solutions, is ``-sum_{j in g} p_j w_j q_j`` with H q = the gradient of L_V.

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

        Returns
        -------
        ndarray of shape (n_groups,)
            Derivatives in every lambda.
        """
        if hessians is None:
            hessians = self.hessians(lambda_, weights)
        gradients = self.validation_gradients(weights)
        adjoints = self.solve(hessians, gradients, rtol)
        slope = self._mean(
            -split.by_group(split.penalty(lambda_) * w * adjoint)
            for split, w, adjoint in zip(self.splits, weights, adjoints, strict=True)
        )
        return slope + self.spread.gradient(lambda_)

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

    def inner_residuals(self, lambda_, weights):
        """Return the relative gradient of every split's L_T, shape (n_splits,)."""
        return self._set.inner_residuals(lambda_, weights)

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

    def predict(self, lambda_, weights, hessians, move, rtol=CG_TOL):
        """Return the weights along their tangent at lambda, ``w + J move``."""
        rights = [
            -split.penalty(lambda_) * w * split.per_coordinate(move)
            for split, w in zip(self.splits, weights, strict=True)
        ]
        steps = self.solve(hessians, rights, rtol)
        return [w + step for w, step in zip(weights, steps, strict=True)]

    def is_free(self, lambda_):
        """Return which lambdas are at none of their bounds."""
        return (lambda_ > self.bounds[0]) & (lambda_ < self.bounds[1])

    def projected(self, lambda_, hypergradient):
        """Return the hypergradient without what points out of the bounds."""
        low, high = self.bounds
        outward = ((lambda_ <= low) & (hypergradient > 0)) | (
            (lambda_ >= high) & (hypergradient < 0)
        )
        return np.where(outward, 0.0, hypergradient)
