"""The outer problem of a criterion: all rows train, none are held out."""

from functools import cached_property

import numpy as np

from .._messages import shown
from ..bilevel.bounds import resolve_bounds
from ..bilevel.contract import Offers
from ..bilevel.counts import OracleCounts
from ..bilevel.evaluation import SecondOrderEvaluation
from ..bilevel.outer import ADJOINT_TOL
from ..bilevel.parts import ProblemParts, measure_scales
from ..bilevel.problem import Problem
from ..data.statistics import standard_rows
from ..engine.linalg.hessian import CG_TOL
from ..engine.linalg.products import pair_products
from ..engine.whole import build_whole
from ._base import CurvePoint, responses
from .per_target import CriterionTargets


class CriterionProblem(Problem):
    """Minimize a criterion over lambda, weights minimizing the loss of all rows.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
        Features, float64; sparse in CSR format.
    y : ndarray
        As the loss expects it: (n_samples, n_targets) for the squared loss, class
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
    lambda_bounds : "auto" or (low, high)
        Bounds of every lambda, natural logs: floats, or of shape (n_groups,).
    standardize : bool
        Whether to centre and scale the features by all rows; sparse X is only scaled.

    Attributes
    ----------
    criterion : Criterion
    bound : BoundCriterion
        The criterion as a function of lambda, for these rows.
    whole : Whole
        All rows; see `sklearn_myhpo.engine.whole`.
    """

    #: Abilities of the problem of any criterion.
    OFFERS = Offers(splits=False)
    #: Axes of its split are not used for other targets.
    axes = None

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
        standardize=False,
    ):
        if sample_weight is None:
            sample_weight = np.ones(len(y))
        loss.check_target(y)
        if standardize:
            X = standard_rows(X, sample_weight, fit_intercept)
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
        parts = ProblemParts(
            loss,
            groups,
            counts,
            whole.split_set,
            whole.split,
            curvature_scale=loss.curvature_scale(y, sample_weight),
            split_weights=np.ones(1),
            total_weight=sample_weight.sum(),
            n_held_out=whole.n_rows,
        )
        moments = whole.second_moments, whole.n_rows, whole.least_moment
        scales = measure_scales(parts, *moments)
        bounds = resolve_bounds(lambda_bounds, scales.auto_bounds)
        super().__init__(parts, scales, bounds, offers=self.OFFERS)
        self._keep_above_rounding(lambda_bounds)

    def _keep_above_rounding(self, lambda_bounds):
        """Raise lower bounds of several lambdas until penalties exceed rounding errors.

        One lambda needs no such bound: singular vectors keep the directions in which
        rows are interpolated.
        """
        self._lowest = np.full(self.n_groups, -np.inf)
        if self.n_groups == 1:
            return
        self._lowest = self.auto_bounds[0]
        wrong = np.flatnonzero(self.bounds[1] < self._lowest)
        if len(wrong):
            given = lambda_bounds
            if np.ndim(given[0]):
                pairs = self.bounds[:, wrong].T.tolist()
                names = [self.groups.names[number] for number in wrong]
                given = dict(zip(names, map(tuple, pairs), strict=True))
            raise ValueError(
                f"lambda_bounds={shown(given)} allows only penalties so weak that "
                "rounding hides them: with several lambdas the upper bound must be at "
                f"least {self._lowest[0]:.3g} for these features."
            )
        self.bounds = np.stack(
            [np.maximum(self.bounds[0], self._lowest), self.bounds[1]]
        )

    def widen_bounds(self, lambda_):
        """Widen the bounds to include `lambda_`, as far as penalties have an effect."""
        super().widen_bounds(np.maximum(lambda_, self._lowest))

    @property
    def scans_by(self):
        """The cost of a scan of one shared lambda: little after a decomposition."""
        return super().scans_by if self.whole.find_spectrum is None else "diagonal"

    def per_target(self):
        """Return the problem of one lambda per target; None where there is none."""
        has_spectrum = self.whole.find_spectrum is not None and self.n_groups == 1
        knows = has_spectrum and self.bound.learns_targets
        return CriterionTargets(self) if knows else None

    def at(self, lambda_, weights):
        """Return the evaluation of the criterion at a lambda and weights."""
        return CriterionEvaluation(self, lambda_, weights)

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


class CriterionEvaluation(SecondOrderEvaluation):
    """A criterion, with derivatives, at one lambda and the exact weights there."""

    def __init__(self, problem, lambda_, weights):
        super().__init__(problem, lambda_, weights)
        self._model = None

    @cached_property
    def estimate(self):
        """The criterion."""
        self.problem.counts.n_values += 1
        return self._value

    def hypergradient(self, rtol=CG_TOL):
        """Return the derivative of the objective in lambda.

        Parameters
        ----------
        rtol : float
            Not needed.

        Returns
        -------
        ndarray of shape (n_groups,)
            Derivatives in every lambda.
        """
        self.problem.counts.n_validation_gradients += 1
        known = self._point if self._model is None else self._model
        return self.problem.total_gradient(self.lambda_, known.gradient)

    def model(self, rtol=ADJOINT_TOL):
        """Return the second-order `OuterModel` of the objective in lambda; it is kept.

        Parameters
        ----------
        rtol : float
            Not needed.

        Returns
        -------
        OuterModel
            Of the criterion and the shrinkage.
        """
        self.problem.counts.n_validation_gradients += 1
        if self._model is None:
            self._value, self._model = self._point.value, self._point.model()
            # The point takes much memory, and its results are kept in the model.
            del self._point
        return self._model.shrunken(self.problem.shrinkage, self.lambda_)

    def release(self):
        """Free the memory of the Hessian and of the point that was made of it."""
        super().release()
        vars(self).pop("_point", None)

    @cached_property
    def _value(self):
        """The value of the criterion."""
        return self._point.value

    @cached_property
    def _point(self):
        """The `Point` of the criterion."""
        problem, lambda_, (w,) = self.problem, self.lambda_, self.weights
        split = problem.whole.split
        if split.solves_by != "diagonal":
            return problem.bound.at(lambda_, w, self.hessians[0])
        penalty = 2.0 * np.exp(lambda_)
        forces, jacobian = responses(split, lambda_, w, self.hessians[0])
        metric = pair_products(jacobian, forces)
        return CurvePoint(problem.bound.curve(penalty), metric)
