"""The story of fit: validate, split, build the problem, solve, refit."""

import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._columns import spell
from ..certificate import certify
from ..engine.threads import threads_for
from ..exceptions import LambdaBoundWarning
from ..optimism import estimate_optimism, slope_covariance
from ..penalty import make_feature_groups
from ..problem_base import MAX_LAMBDA
from ..solvers import Status, minimize_bilevel
from ..solvers.scan import scan_lambda
from ._checks import check_weights
from ._frames import FramesMixin
from ._inexact import describe_gap
from ._problem import ProblemSource
from ._streaming import learn_part

_UNFINISHED = (
    "Conjugate gradients reached their limit of iterations: standardize the features, "
    "or raise the lower end of lambda_bounds."
)


def spell_some(kind, names):
    """Return the first names in words, after what they are names of.

    Parameters
    ----------
    kind : str
        "group" or the like.
    names : sequence
        What to spell out, up to a limit.

    Returns
    -------
    str
        Words.
    """
    return f"{kind}{'' if len(names) == 1 else 's'} {spell(names, word=str)}"


class BilevelLinearModel(FramesMixin, BaseEstimator):
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

    def fit(self, X, y, sample_weight=None):
        """Learn lambda on the splits of the data, and the weights.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target; more than one column only for ridge.
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative weights in the training loss, the validation loss and
            the refit. Rows of weight zero are as good as dropped.

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
        solver = self._make_solver()
        original_X = X
        X, y = self._validate_data(X, y)
        dtype = X.dtype
        weights = check_weights(sample_weight, X)
        loss, target = self._check_target(y, weights)
        groups = self._make_groups(original_X)
        source = ProblemSource(self, X, target, loss, groups, weights, solver)
        fit = self._fit_targets if self._is_per_target else self._fit_problem
        with threads_for(*X.shape):
            fit(source, solver, dtype)
        return self

    def _fit_problem(self, source, solver, dtype):
        """Solve the problem of a target, set the fitted attributes and warn."""
        shrinkage = self._choose_shrinkage(source)
        problem = source.make()
        result = self._solve(problem, solver, shrinkage)
        self._set_results(problem, result, dtype)
        self._set_checks(problem, result, source)
        self._warn(problem, result)
        if not getattr(solver, "finds_minimizers", True):
            self._warn_of_gap(problem, result)

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

    def _solve(self, problem, solver, shrinkage):
        """Run the solver, from where the last fit ended if that is wanted."""
        lambda_init, weights_init = self.lambda_init, None
        if shrinkage:
            shared = scan_lambda(problem)
            problem.shrink(shrinkage, problem.objective(*shared))
            if self.lambda_init == "auto":
                lambda_init, weights_init = shared
        if self.warm_start:
            last = getattr(self, "_last_fit", None)
            if last is not None and last.fits(problem):
                lambda_init = last.lambda_
                weights_init = [
                    split.from_features(*weights)
                    for split, weights in zip(problem.splits, last.weights, strict=True)
                ]
        return self._minimize(problem, solver, lambda_init, weights_init)

    def _minimize(self, problem, solver, lambda_init, weights_init=None):
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
            callback=self._print_iteration if self.verbose else None,
        )

    def _coefficients(self, problem, result):
        """Return coef and intercept, and those of every split."""
        weights = problem.to_features(result.weights)
        coef = np.mean([one for one, _ in weights], axis=0)
        intercept = np.mean([one for _, one in weights], axis=0)
        if self.refit:
            start = problem.full.from_features(coef, intercept)
            full = problem.minimize_full(result.lambda_, start)
            coef, intercept = problem.full.to_features(full)
        return coef, intercept, weights

    def _set_results(self, problem, result, dtype):
        """Set the fitted attributes, after the refit if it is wanted."""
        coef, intercept, weights = self._coefficients(problem, result)
        self._last_fit = _LastFit(result.lambda_, weights)
        self._stream = None
        self._set_learned(problem.groups, result.lambda_, result.history)
        alpha = 2.0 * problem.total_weight * np.exp(self.lambda_)
        self._set_coefficients(coef, intercept, alpha, dtype)
        self.validation_loss_ = float(result.validation_loss)
        self.n_iter_ = result.n_iter
        self.converged_ = result.status is Status.CONVERGED
        self.oracle_counts_ = problem.counts.as_dict()

    def _set_learned(self, groups, lambda_, history):
        """Set what is known of lambda."""
        names = np.empty(groups.n_groups, dtype=object)
        names[:] = groups.names
        self.feature_group_names_ = names
        self.feature_group_labels_ = groups.labels
        self.history_, self.lambda_ = dict(history), lambda_
        if self.feature_groups is None:
            self.lambda_ = float(lambda_[0])
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
        coef, intercept = (
            np.mean(part, axis=0) for part in zip(*stream.weights, strict=True)
        )
        alpha = 2.0 * stream.total_weight * np.exp(self.lambda_)
        self._set_coefficients(coef, intercept, alpha, X.dtype)
        self.validation_loss_ = float(history["validation_loss"][-1])
        self.n_iter_, self.converged_ = len(stream.history), False
        self.oracle_counts_ = stream.counts
        self.certificate_ = self.optimism_ = None
        self.shrinkage_ = 0.0

    def _set_checks(self, problem, result, source):
        """Set what tells how far the results can be trusted."""
        self.certificate_ = self.optimism_ = None
        if source.by_rows and not self.refit:
            # Who wants no refit of so many rows wants no exact adjoint of them either.
            return
        place = result.lambda_, result.weights
        with np.errstate(all="ignore"):
            hessians = problem.hessians(*place)
            self.certificate_, model = certify(problem, result, hessians)
            if model is not None and source.has_held_out_rows:
                covariance = slope_covariance(problem, source.rows, *place, hessians)
                free = problem.is_free(result.lambda_)
                self.optimism_ = estimate_optimism(covariance, model, free)

    def _warn(self, problem, result):
        """Warn of a run that did not converge and of lambdas at a bound."""
        name = type(self).__name__
        if result.status is not Status.CONVERGED:
            message = f"{name} {result.message}."
            if problem.counts.n_unfinished_solves:
                message += f" {_UNFINISHED}"
            warnings.warn(message, ConvergenceWarning, stacklevel=4)
            return
        certificate = self.certificate_
        if certificate is None:
            return
        if certificate.n_unfinished_solves:
            message = f"{name} converged to an inexact lambda. {_UNFINISHED}"
            warnings.warn(message, ConvergenceWarning, stacklevel=4)
        objective = self._criterion_name()
        if problem.spread.strength:
            objective += " with its shrinkage"
        self._warn_at_bounds(certificate.lower, certificate.upper, objective)

    def _warn_of_gap(self, problem, result):
        """Warn of a lambda that was learned for other weights than those of a refit."""
        gap = describe_gap(problem, result)
        if gap:
            message = f"{type(self).__name__} {gap}."
            warnings.warn(message, ConvergenceWarning, stacklevel=4)

    def _warn_at_bounds(self, lower, upper, objective):
        """Warn of lambdas at a bound where the objective is still falling."""
        for where, side, meaning in (
            (lower, "lower", "no penalty is wanted"),
            (upper, "upper", "these features are not wanted"),
        ):
            if where.any():
                advice = (
                    "Weights and predictions are as good as at the limit."
                    if isinstance(self.lambda_bounds, str)
                    else f"Widen lambda_bounds={self.lambda_bounds!r} to see."
                )
                message = (
                    f"{type(self).__name__} found no minimum inside the bounds of "
                    f"lambda: the {objective} is still falling at the "
                    f"{side} bound for {self._describe(where)}, so {meaning}. {advice}"
                )
                warnings.warn(message, LambdaBoundWarning, stacklevel=5)

    def _criterion_name(self):
        """Return what is minimized over lambda, in words."""
        if isinstance(self.criterion, str) and self.criterion == "validation":
            return "validation loss"
        return f"criterion {self.criterion!r}"

    def _describe(self, where):
        """Return the names of some groups, in words."""
        if self.feature_groups is None:
            return "all features"
        return spell_some("group", self.feature_group_names_[where])

    def _print_iteration(self, n_iter, info):
        lambda_ = np.array2string(info.lambda_, precision=4, threshold=6)
        print(
            f"{type(self).__name__} iteration {n_iter}: lambda={lambda_} "
            f"validation_loss={info.validation_loss:.6g} "
            f"hypergradient={info.hypergradient_norm:.2e}"
        )

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
