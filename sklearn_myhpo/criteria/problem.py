"""The outer problem of a criterion: all rows train, none are held out."""

from functools import cached_property

import numpy as np

from ..bilevel.counts import OracleCounts
from ..bilevel.outer import ADJOINT_TOL
from ..bilevel.problem import Problem
from ..engine.linalg.hessian import CG_TOL
from ..engine.whole import build_whole
from ._base import CurvePoint, responses


class CriterionProblem(Problem):
    """Minimize a criterion over lambda, weights minimizing the loss of all rows.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
        Features, float64; sparse in CSR format.
    y : ndarray
        As the loss wants it: (n_samples, n_targets) for the squared loss, class
        indices (n_samples,) for the others.
    loss : Loss
        Of the rows.
    groups : FeatureGroups
        Which lambda penalizes which feature.
    criterion : Criterion
        Defined for the loss, and for the targets of `y`.
    sample_weight : ndarray of shape (n_samples,) or None
        Non-negative weights; None for ones.
    fit_intercept : bool
        Whether there is an intercept, never penalized.
    lambda_bounds : "auto" or (float, float)
        Bounds of every lambda, a natural log.

    Attributes
    ----------
    criterion : Criterion
    bound : BoundCriterion
        The same of the rows.
    whole : Whole
        All rows; see `sklearn_myhpo.engine.whole`.
    """

    def __init__(
        self,
        X,
        y,
        loss,
        groups,
        criterion,
        *,
        sample_weight=None,
        fit_intercept=True,
        lambda_bounds="auto",
    ):
        if sample_weight is None:
            sample_weight = np.ones(len(y))
        loss.check_target(y)
        counts = OracleCounts()
        self.criterion = criterion
        self.whole = whole = build_whole(
            X,
            y,
            loss,
            groups,
            sample_weight,
            fit_intercept,
            counts,
            criterion,
        )
        self.plan = whole.plan
        self.bound = criterion.bind(whole)
        self._last = None
        super().__init__(
            loss,
            groups,
            counts,
            whole.split_set,
            whole.split,
            split_weights=np.ones(1),
            total_weight=sample_weight.sum(),
            n_held_out=whole.n_rows,
            second_moments=whole.second_moments,
            curvature_scale=loss.curvature_scale(y, sample_weight),
            n_train=whole.n_rows,
            lambda_bounds=lambda_bounds,
        )
        self._keep_above_rounding(lambda_bounds)

    def _keep_above_rounding(self, lambda_bounds):
        """Raise the lower bounds of several lambdas to where they can be told apart.

        One lambda needs none: singular vectors do not lose the directions in which
        rows are interpolated.
        """
        self._lowest = np.full(self.n_groups, -np.inf)
        if self.n_groups == 1:
            return
        self._lowest = self.auto_bounds[0]
        if np.any(self.bounds[1] < self._lowest):
            raise ValueError(
                f"lambda_bounds={lambda_bounds!r} allows no penalty that several "
                "lambdas can feel beside rounding: the upper bound must be at least "
                f"{self._lowest[0]:.3g} for these features."
            )
        self.bounds = np.stack(
            [np.maximum(self.bounds[0], self._lowest), self.bounds[1]]
        )

    def widen_bounds(self, lambda_):
        """Move the bounds out to `lambda_`, as far as penalties are felt."""
        super().widen_bounds(np.maximum(lambda_, self._lowest))

    @property
    def scans_by(self):
        """What a scan of one shared lambda costs: little after a decomposition."""
        return super().scans_by if self.whole.spectrum is None else "diagonal"

    def estimate(self, lambda_, weights):
        """Return the criterion."""
        self.counts.n_values += 1
        return self._at(lambda_, weights).point.value

    def hypergradient(self, lambda_, weights, hessians=None, rtol=CG_TOL):
        """Return the derivative of the criterion in lambda.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
            Where to evaluate.
        weights : list of ndarray
            Exact inner solutions.
        hessians : list of Hessian or None
            Not needed.
        rtol : float
            Not needed.

        Returns
        -------
        ndarray of shape (n_groups,)
            Derivatives in every lambda.
        """
        self.counts.n_validation_gradients += 1
        slope = self._at(lambda_, weights).point.gradient
        return slope + self.spread.gradient(lambda_)

    def model(self, lambda_, weights, hessians, rtol=ADJOINT_TOL):
        """Return the second-order `OuterModel` of the criterion in lambda."""
        self.counts.n_validation_gradients += 1
        model = self._at(lambda_, weights).model
        return self._with_spread(model, lambda_)

    def hessians(self, lambda_, weights):
        """Return the Hessian of the training loss at the weights."""
        return [self._at(lambda_, weights).hessian]

    def path(self, lambdas):
        """Return the criterion and its slope at many values of a shared lambda.

        Parameters
        ----------
        lambdas : ndarray of shape (n_lambdas,)
            Natural logs.

        Returns
        -------
        values, slopes : ndarray of shape (n_lambdas,)
            At the exact solutions; slopes are derivatives in lambda.
        """
        self.counts.n_values += len(lambdas)
        self.counts.n_validation_gradients += len(lambdas)
        penalties = 2.0 * np.exp(lambdas)
        curve = self.bound.curve(penalties, second=False)
        return curve.value, curve.slope

    def _at(self, lambda_, weights):
        """Return the criterion at a lambda; the last one is kept."""
        (w,) = weights
        last = self._last
        if last is None or last.w is not w or np.any(last.lambda_ != lambda_):
            self._last = _Evaluation(self, np.array(lambda_), w)
        return self._last


class _Evaluation:
    """The criterion at a lambda, as far as it is asked for."""

    def __init__(self, problem, lambda_, w):
        self.bound, self.whole = problem.bound, problem.whole
        self.lambda_, self.w = lambda_, w

    @cached_property
    def hessian(self):
        """The Hessian of the training loss."""
        return self.whole.split_set.hessians(self.lambda_, [self.w])[0]

    @cached_property
    def point(self):
        """The `Point` of the criterion."""
        whole, lambda_, w = self.whole, self.lambda_, self.w
        if whole.split.solves_by != "diagonal":
            return self.bound.at(lambda_, w, self.hessian)
        penalty = 2.0 * np.exp(lambda_)
        forces, jacobian = responses(whole.split, lambda_, w, self.hessian)
        metric = np.tensordot(jacobian, forces, axes=([1, 2], [1, 2]))
        return CurvePoint(self.bound.curve(penalty), metric)

    @cached_property
    def model(self):
        """The second-order `OuterModel` of the criterion."""
        return self.point.model()
