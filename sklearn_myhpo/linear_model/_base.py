"""The story of fit: validate, split, build the problem, solve, refit, report."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from numbers import Integral, Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._progress import CallbackSupportMixin, kept_on_error, with_callbacks
from .._typing import MatrixLike
from ..bilevel.bounds import MAX_LAMBDA
from ..data.arrays import as_rows, linear_predictor
from ..data.cv import make_splits
from ..data.threads import threads_for
from ..penalties.factors import make_penalty_factors, with_factors
from ..penalties.parsing import make_feature_groups
from ..selection.one_standard_error import standard_error, strongest_within
from ..solvers import minimize_bilevel
from ..solvers.start.scan import scan_lambda
from ._checks import check_bounds, check_not_missing, check_weights, drop_weightless
from ._frames import FramesMixin
from ._html import PenaltiesHTMLMixin
from ._own_validation import append, check_own_validation
from ._problem import LastFit, ProblemSource
from ._progress import Progress
from ._reporting import Attributes, Warnings, mean_over_splits
from ._verify import solve_and_verify


class BilevelLinearModel(
    Attributes,
    Warnings,
    FramesMixin,
    PenaltiesHTMLMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Base of the estimators that learn lambda inside fit.

    Subclasses turn y into a loss and a target, turn weights into `coef_`, and make the
    solver.
    """

    _parameter_constraints = {
        # These have forms that only their own checks can tell.
        "cv": "no_validation",
        "feature_groups": "no_validation",
        "penalty_factors": "no_validation",
        "fit_intercept": ["boolean"],
        "refit": ["boolean"],
        "lambda_init": [
            StrOptions({"auto"}),
            Interval(Real, -MAX_LAMBDA, MAX_LAMBDA, closed="both"),
        ],
        "lambda_bounds": [StrOptions({"auto"}), tuple, list],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # Values of the parameters that some estimators do not have.
    criterion = "validation"
    selection = "min"
    shrinkage = 0.0
    alpha_per_target = False

    _has_shrinkage = False
    _is_classifier = False
    #: Whether the last fit learned one lambda per target.
    _is_per_target = False
    #: End of the last `fit`, for a warm start; None before.
    _last_fit = None
    #: State of `partial_fit`; None before the first part.
    _stream = None

    @abstractmethod
    def _make_solver(self):
        """Return the solver that the parameters describe."""

    @abstractmethod
    def _check_target(self, y, sample_weight):
        """Return the loss, y in the form of the loss, and the classes or None."""

    @abstractmethod
    def _strength(self):
        """Return the name and the value of the penalty in scikit-learn's terms."""

    def _choose_criterion(self, loss, solver):
        """Return the criterion that is minimized, None for the validation loss."""
        return None

    def _choose_shrinkage(self, source):
        """Return how strongly the lambdas are held together, and set attributes."""
        return 0.0

    @with_callbacks
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Learn lambda on the splits of the data, and the weights.

        An error or an interruption leaves the estimator as it was before.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target; more than one column only for ridge regression.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights in the training loss, the validation loss and
            the refit. Rows of weight zero are dropped.
        X_val : array-like or sparse matrix of shape (n_validation, n_features), \
default=None
            A validation set of your own. Lambda is learned on it alone, with all of X
            for training, and `cv` is ignored. The final weights are fitted to X
            without it.
        y_val : array-like of shape (n_validation,) or (n_validation, n_targets), \
default=None
            Target of `X_val`.
        sample_weight_val : array-like of shape (n_validation,), default=None
            Non-negative weights of `X_val` in the validation loss.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data do not fit; the message names what came
            and what is allowed.
        """
        self._validate_params()
        # With one lambda per target the solver may run once per target.
        n_tasks = None if self.alpha_per_target else self.max_iter
        progress = Progress(self, X, y, n_tasks)
        with kept_on_error(self):
            progress.begin()
            solver = self._make_solver()
            validation = X_val, y_val, sample_weight_val
            source = self._prepare(X, y, sample_weight, validation, solver)
            with threads_for(*source.design.shape, is_iterative=self._is_classifier):
                self._learn(source, solver, progress)
            progress.end()
        return self

    def _prepare(self, X, y, sample_weight, validation, solver):
        """Return the `ProblemSource` of the data."""
        original_X = X
        X, y = self._check_data(X, y)
        dtype = X.dtype
        weights, pair = check_weights(sample_weight, X), None
        check_again = partial(self._check_data, reset=False)
        own = check_own_validation(
            validation, self.criterion, self.shrinkage, check_again
        )
        if own is not None:
            X, y, weights, pair = append((X, y, weights), own)
        loss, target, classes = self._check_target(y, weights)
        groups = self._make_groups(original_X)
        criterion = self._choose_criterion(loss, solver)
        bounds = check_bounds(self.lambda_bounds, self.lambda_init)
        pairs = []
        if criterion is None:
            pairs = make_splits(
                self.cv if pair is None else [pair],
                X,
                target,
                classifier=self._is_classifier,
                rows=np.flatnonzero(weights),
                classes=classes,
                random_state=self.random_state,
            )
        design, target, weights, pairs = drop_weightless(X, target, weights, pairs)
        return ProblemSource(
            design=design,
            target=target,
            loss=loss,
            groups=groups,
            weights=weights,
            pairs=pairs,
            classes=classes,
            criterion=criterion,
            fit_intercept=self.fit_intercept,
            lambda_bounds=bounds,
            lambda_init=self.lambda_init,
            dtype=dtype,
            needs_rows=solver.capabilities.needs_rows,
            all_directions=solver.capabilities.all_directions,
            has_own_validation=own is not None,
        )

    def _check_data(self, X, y, reset=True):
        """Return X and y as arrays of numbers; unless `reset`, of known features."""
        check_not_missing(y)
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=("csr", "csc"),
            dtype=(np.float64, np.float32),
            multi_output=not self._is_classifier,
            y_numeric=not self._is_classifier,
            ensure_min_samples=2,
            reset=reset,
        )
        return as_rows(X), y

    def _make_groups(self, original_X):
        """Return the groups; X as given may know dtypes and transformers."""
        features = {
            "n_features": self.n_features_in_,
            # scikit-learn sets the attribute only where X has string names.
            "feature_names": getattr(self, "feature_names_in_", None),
        }
        groups = make_feature_groups(self.feature_groups, original_X, **features)
        factors = make_penalty_factors(self.penalty_factors, original_X, **features)
        # Groups that the user did not name follow from the features.
        is_automatic = isinstance(self.feature_groups, str)
        return with_factors(groups, factors, may_drop=is_automatic)

    def _learn(self, source, solver, progress):
        """Solve the problem, set the fitted attributes and warn."""
        shrinkage = self._choose_shrinkage(source)

        def solve(problem):
            report = self._reporter(problem, progress, source.dtype)
            return self._solve(problem, solver, shrinkage, report)

        problem, result = solve_and_verify(source, solve)
        chosen = self._select(problem, result, source)
        weights = problem.to_features(chosen.weights)
        coef, intercept = self._final_weights(source, problem, chosen.lambda_, weights)
        self._set_results(problem, chosen, coef, intercept, source.dtype)
        self._last_fit, self._stream = LastFit(chosen.lambda_, weights), None
        self._set_curve(result)
        self._set_checks(problem, result, source)
        self._warn(problem, result)
        if source.criterion is None:
            self._warn_of_few_rows(problem.n_held_out)
        if not solver.capabilities.finds_minimizers:
            self._warn_of_gap(problem, result)

    def _solve(self, problem, solver, shrinkage, report):
        """Run the solver, from the end of the last fit if that is wanted."""
        lambda_init, weights_init, shared = self.lambda_init, None, None
        if shrinkage:
            shared = scan_lambda(problem)
            problem.shrink(shrinkage, problem.objective(shared.lambda_, shared.weights))
            if self.lambda_init == "auto":
                lambda_init, weights_init = shared.lambda_, shared.weights
        last = self._last_fit
        if self.warm_start and last is not None and last.fits(problem):
            lambda_init = last.lambda_
            weights_init = [
                split.from_features(*weights)
                for split, weights in zip(problem.splits, last.weights, strict=True)
            ]
        result = self._minimize(problem, solver, lambda_init, weights_init, report)
        return result if shared is None else result._replace(scan=shared)

    def _minimize(self, problem, solver, lambda_init, weights_init=None, report=None):
        """Run the solver from lambda_init."""
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return minimize_bilevel(
            problem,
            solver,
            lambda_init=lambda_init,
            weights_init=weights_init,
            max_iter=self.max_iter,
            tol=self.tol,
            random_state=seed,
            callback=report,
        )

    def _select(self, problem, result, source):
        """Return the result at the lambda that `selection` asks for."""
        error = None
        if source.has_held_out_rows:
            error = standard_error(problem, result.weights, source.rows)
        lambda_, loss = self._as_parameter(result.lambda_), result.validation_loss
        self._set_minimum(lambda_, float(loss), error)
        if self.selection == "min" or not result.lambda_.size:
            return result
        if error is None:
            raise ValueError(
                "selection='one_se' needs the standard error of the loss of held-out "
                f"rows, but criterion={self.criterion!r} holds none out. Use "
                "criterion='validation', or selection='min'."
            )
        return strongest_within(problem, result, error)

    def _final_weights(self, source, problem, lambda_, weights):
        """Return coef and intercept of a refit, or the means over the splits."""
        coef, intercept = mean_over_splits(weights)
        if self.refit and not source.has_own_validation:
            start = problem.full.from_features(coef, intercept)
            full = problem.minimize_full(lambda_, start)
            coef, intercept = problem.full.to_features(full)
        return coef, intercept

    def _linear_predictor(self, X):
        """Return ``X coef_' + intercept_``, shape (n_samples, n_rows_of_coef)."""
        check_is_fitted(self)
        X = validate_data(
            self,
            X,
            accept_sparse=("csr", "csc"),
            dtype=(np.float64, np.float32),
            reset=False,
        )
        return linear_predictor(X, np.atleast_2d(self.coef_).T, self.intercept_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
