"""The story of fit: validate, split, build the problem, solve, refit."""

from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._progress import CallbackSupportMixin, kept_on_error, with_callbacks
from ..bilevel.bounds import MAX_LAMBDA
from ..data.threads import threads_for
from ..diagnostics.certificate import certify
from ..diagnostics.optimism import estimate_optimism, slope_covariance
from ..penalties.groups import make_feature_groups
from ..selection.one_standard_error import standard_error, strongest_within
from ..solvers import minimize_bilevel
from ..solvers.start.scan import scan_lambda
from ._checks import check_weights
from ._frames import FramesMixin
from ._html import PenaltiesHTMLMixin
from ._messages import Messages
from ._own_validation import append, given_rows
from ._problem import ProblemSource
from ._progress import Progress
from ._streaming import learn_part


class BilevelLinearModel(
    Messages, FramesMixin, PenaltiesHTMLMixin, CallbackSupportMixin, BaseEstimator
):
    """Base of the estimators that learn lambda inside fit.

    Subclasses say how y becomes a loss and a target, how weights become
    `coef_`, and which solver runs.
    """

    _shared_constraints = {
        # cv and feature_groups have forms that only their own checks can tell.
        "cv": "no_validation",
        "feature_groups": "no_validation",
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

    def __init__(
        self,
        *,
        cv,
        feature_groups,
        fit_intercept,
        refit,
        lambda_init,
        lambda_bounds,
        max_iter,
        tol,
        warm_start,
        random_state,
        verbose,
    ):
        self.cv = cv
        self.feature_groups = feature_groups
        self.fit_intercept = fit_intercept
        self.refit = refit
        self.lambda_init = lambda_init
        self.lambda_bounds = lambda_bounds
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @abstractmethod
    def _make_solver(self):
        """Return the solver that the parameters describe."""

    @abstractmethod
    def _check_target(self, y, sample_weight):
        """Return the loss and y as the loss wants it, having set `classes_`."""

    @abstractmethod
    def _set_coefficients(self, coef, intercept, alpha, dtype):
        """Set the fitted attributes of the weights and of the penalty."""

    @abstractmethod
    def _strength(self):
        """Return the name and the value of the penalty in scikit-learn's terms."""

    _is_classifier = False
    #: Whether every target has a lambda of its own, for `_fit_targets`.
    _is_per_target = False
    #: What is minimized over lambda; a parameter of those whose solver may do without
    #: a split.
    criterion = "validation"

    #: Which point of the validation loss is taken; a parameter of those that choose.
    selection = "min"

    @with_callbacks
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Learn lambda on the splits of the data, and the weights.

        An error, or an interruption, leaves the estimator as it was before.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target; more than one column only for ridge.
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative weights in the training loss, the validation loss and
            the refit. Rows of weight zero are as good as dropped.
        X_val : array-like or sparse matrix of shape (n_validation, n_features), \
optional
            A validation set of your own. Lambda is learned on it alone, with all of X
            for the training part; `cv` then has no part in it. Its rows are not in the
            refit: the weights are those of X.
        y_val : array-like of shape (n_validation,) or (n_validation, n_targets), \
optional
            Target of `X_val`.
        sample_weight_val : array-like of shape (n_validation,), optional
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
        n_tasks = None if self._may_take_turns else self.max_iter
        progress = Progress(self, X, y, n_tasks)
        with kept_on_error(self):
            progress.begin()
            solver = self._make_solver()
            source, dtype = self._prepare(
                X, y, sample_weight, (X_val, y_val, sample_weight_val), solver
            )
            fit = self._fit_targets if self._is_per_target else self._fit_problem
            with threads_for(*source.X.shape, is_iterative=self._is_classifier):
                fit(source, solver, dtype, progress)
            progress.end()
        return self

    #: Whether a fit may consist of several runs of the solver.
    _may_take_turns = False

    def _prepare(self, X, y, sample_weight, validation, solver):
        """Return what problems are made from, and the dtype of X."""
        original_X = X
        X, y = self._validate_data(X, y)
        weights, pair = check_weights(sample_weight, X), None
        own = given_rows(self, *validation)
        if own is not None:
            X, y, weights, pair = append((X, y, weights), own)
        loss, target = self._check_target(y, weights)
        groups = self._make_groups(original_X)
        source = ProblemSource(self, X, target, loss, groups, weights, solver, pair)
        return source, X.dtype

    def _fit_problem(self, source, solver, dtype, progress):
        """Solve the problem of a target, set the fitted attributes and warn."""
        shrinkage = self._choose_shrinkage(source)
        problem = source.make()
        report = self._reporter(problem, progress, dtype)
        result = self._solve(problem, solver, shrinkage, report)
        chosen = self._select(problem, result, source)
        self._set_results(source, problem, chosen, dtype)
        self._set_curve(result)
        self._set_checks(problem, result, source)
        self._warn(problem, result)
        if source.criterion is None:
            self._warn_of_few_rows(problem.n_held_out)
        if not solver.capabilities.finds_minimizers:
            self._warn_of_gap(problem, result)

    def _reporter(self, problem, progress, dtype):
        """Return what tells of the iterations of a problem."""

        def report(n_iter, info, state):
            def attributes():
                coef, intercept = _mean(problem.to_features(state.weights))
                alpha = self._alpha(problem, info.lambda_)
                return self._as_attributes(coef, intercept, alpha, dtype)

            return progress.report(n_iter, info, attributes)

        return report

    def _select(self, problem, result, source):
        """Return the result at the lambda that `selection` asks for."""
        self.validation_loss_standard_error_ = None
        if source.has_held_out_rows:
            error = standard_error(problem, result.weights, source.rows)
            self.validation_loss_standard_error_ = error
        self.lambda_min_ = self._as_parameter(result.lambda_)
        self.validation_loss_min_ = float(result.validation_loss)
        if self.selection == "min" or not result.lambda_.size:
            return result
        if self.validation_loss_standard_error_ is None:
            raise ValueError(
                "selection='one_se' needs the standard error of the loss of held-out "
                f"rows, which this fit has none of (criterion={self.criterion!r}, or "
                "more rows than fit the memory). Use criterion='validation', or "
                "selection='min'."
            )
        return strongest_within(problem, result, self.validation_loss_standard_error_)

    def _as_attributes(self, coef, intercept, alpha, dtype):
        """Return what a model with these weights would have as fitted attributes."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other._set_coefficients(coef, intercept, alpha, dtype)
        return {
            name: value
            for name, value in vars(other).items()
            if vars(self).get(name) is not value
        }

    def _set_curve(self, result):
        """Keep what was seen of the objective along one shared lambda."""
        self.validation_curve_ = None
        if result.scan is not None:
            places, values = result.scan.places, result.scan.values
            if self.feature_groups is None:
                places = np.append(places, result.lambda_)
                values = np.append(values, result.validation_loss)
            places, first = np.unique(places, return_index=True)
            kept = np.isfinite(values[first])
            self.validation_curve_ = {
                "lambda": places[kept],
                "validation_loss": values[first][kept],
            }

    def _validate_data(self, X, y, reset=True):
        """Return X and y as arrays of numbers, of the features known unless `reset`."""
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
        if sparse.issparse(X):
            # Rows of a column-compressed matrix are slow to take.
            X = X.tocsr()
        return X, y

    def _make_groups(self, original_X):
        """Return the groups; X as it came may know dtypes and transformers."""
        return make_feature_groups(
            self.feature_groups,
            original_X,
            n_features=self.n_features_in_,
            feature_names=getattr(self, "feature_names_in_", None),
        )

    def _choose_shrinkage(self, source):
        """Return how strongly the lambdas are held together: here, not at all."""
        return 0.0

    def _solve(self, problem, solver, shrinkage, report):
        """Run the solver, from where the last fit ended if that is wanted."""
        lambda_init, weights_init, shared = self.lambda_init, None, None
        if shrinkage:
            shared = scan_lambda(problem)
            problem.shrink(shrinkage, problem.objective(shared.lambda_, shared.weights))
            if self.lambda_init == "auto":
                lambda_init, weights_init = shared.lambda_, shared.weights
        if self.warm_start:
            last = getattr(self, "_last_fit", None)
            if last is not None and last.fits(problem):
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

    def _coefficients(self, source, problem, result):
        """Return coef and intercept, and those of every split."""
        weights = problem.to_features(result.weights)
        coef, intercept = _mean(weights)
        if self.refit and not source.has_own_validation:
            start = problem.full.from_features(coef, intercept)
            full = problem.minimize_full(result.lambda_, start)
            coef, intercept = problem.full.to_features(full)
        return coef, intercept, weights

    def _alpha(self, problem, lambda_):
        """Return ``2 n exp(lambda)``, in the form of `lambda_`."""
        return 2.0 * problem.total_weight * np.exp(self._as_parameter(lambda_))

    def _as_parameter(self, lambda_):
        """Return lambda (n_groups,) in the form of the attribute `lambda_`."""
        return float(lambda_[0]) if self.feature_groups is None else lambda_

    def _set_results(self, source, problem, result, dtype):
        """Set the fitted attributes, after the refit if it is wanted."""
        coef, intercept, weights = self._coefficients(source, problem, result)
        self._last_fit = _LastFit(result.lambda_, weights)
        self._stream = None
        self._set_learned(problem.groups, result.lambda_, result.history)
        alpha = self._alpha(problem, result.lambda_)
        self._set_coefficients(coef, intercept, alpha, dtype)
        self.validation_loss_ = float(result.validation_loss)
        self.n_iter_ = result.n_iter
        self.converged_ = result.status.has_converged
        self.oracle_counts_ = problem.counts.as_dict()

    def _set_learned(self, groups, lambda_, history):
        """Set what is known of lambda."""
        names = np.empty(groups.n_groups, dtype=object)
        names[:] = groups.names
        self.feature_group_names_ = names
        self.feature_group_labels_ = groups.labels
        self.history_, self.lambda_ = dict(history), self._as_parameter(lambda_)
        if self.feature_groups is None:
            self.history_["lambda"] = self.history_["lambda"][:, 0]

    def _learn_part(self, X, target, loss, sample_weight, original_X):
        """Go on from the last part of the data, and set the fitted attributes."""
        last = getattr(self, "_stream", None)
        groups = self._make_groups(original_X) if last is None else last.groups
        stream = learn_part(self, X, target, loss, groups, sample_weight, last)
        self._stream, self._last_fit = stream, None
        history = {
            name: np.array([row[name] for row in stream.history])
            for name in stream.history[0]
        }
        self._set_learned(stream.groups, stream.lambda_, history)
        coef, intercept = _mean(stream.weights)
        alpha = 2.0 * stream.total_weight * np.exp(self.lambda_)
        self._set_coefficients(coef, intercept, alpha, X.dtype)
        self.validation_loss_ = float(history["validation_loss"][-1])
        self.n_iter_, self.converged_ = len(stream.history), False
        self.oracle_counts_ = stream.counts
        self.certificate_ = self.optimism_ = self.validation_curve_ = None
        self.shrinkage_ = 0.0

    def _set_checks(self, problem, result, source):
        """Set what tells how far the results can be trusted."""
        self.certificate_ = self.optimism_ = None
        if source.by_rows and not self.refit:
            # Who wants no refit of so many rows wants no exact adjoint of them either.
            return
        with np.errstate(all="ignore"):
            self.certificate_, model = certify(problem, result)
            if model is not None and source.has_held_out_rows:
                covariance = slope_covariance(result.place, source.rows)
                free = problem.is_free(result.lambda_)
                self.optimism_ = estimate_optimism(covariance, model, free)

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
        return X @ np.atleast_2d(self.coef_).T + self.intercept_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _mean(weights):
    """Return the means of coef and intercept over the splits."""
    return tuple(np.mean(part, axis=0) for part in zip(*weights, strict=True))


class _LastFit:
    """Where the last fit ended, in terms of features, for a warm start."""

    def __init__(self, lambda_, weights):
        self.lambda_ = lambda_
        self.weights = weights

    def fits(self, problem):
        """Whether the problem has the shape that this came from."""
        coef, _ = self.weights[0]
        split = problem.splits[0]
        shape = (split.coordinates.n_features, split.n_outputs)
        return (
            len(self.weights) == len(problem.splits)
            and len(self.lambda_) == problem.n_groups
            and coef.shape == shape
        )
