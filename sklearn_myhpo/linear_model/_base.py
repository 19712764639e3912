"""The steps of fit: validate, split, build the problem, solve, refit, report."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import validate_data

from .._documentation import DocumentationLinkMixin
from .._progress import CallbackSupportMixin, kept_on_error, with_callbacks
from .._typing import MatrixLike
from ..bilevel.bounds import MAX_LAMBDA
from ..data.arrays import as_rows
from ..data.streams.batches import Batches
from ..data.threads import threads_for
from ..penalties.factors import make_penalty_factors, with_factors
from ..penalties.labelled import names_of
from ..penalties.parsing import make_feature_groups
from ._checks import (
    check_not_missing,
    check_standardize,
    check_weights,
    drop_weightless,
    naming_columns,
)
from ._lambda import check_lambda
from ._own_validation import append, check_own_validation
from ._owner import OwnerMixin
from ._problem import ProblemSource
from ._results.cv_results import CVResults
from ._results.facts import FactsMixin
from ._results.frames import FramesMixin
from ._results.html import PenaltiesHTMLMixin
from ._results.progress import Progress
from ._results.reporting import Attributes, Warnings
from ._results.summary import SummaryMixin
from ._row_weights import RowWeightsMixin, check_row_groups, number_rows
from ._splits import SplitsMixin
from ._streams.batches import (
    check_batches,
    columns_of,
    is_from_batches,
    metadata_of,
    read_batches,
    report_passes,
)
from ._streams.criterion import streamed_fit
from ._streams.long_rows import LongRows
from ._streams.moments import facts_of, validates_alone
from ._tensors.fit import FollowingMixin, following_rows


class BilevelLinearModel(
    OwnerMixin,
    Attributes,
    Warnings,
    RowWeightsMixin,
    SplitsMixin,
    FactsMixin,
    SummaryMixin,
    FramesMixin,
    FollowingMixin,
    PenaltiesHTMLMixin,
    CallbackSupportMixin,
    DocumentationLinkMixin,
    BaseEstimator,
):
    """Base of the estimators that learn lambda inside fit.

    Subclasses turn y into a loss and a target, turn weights into `coef_`, and make the
    solver.
    """

    _parameter_constraints = {
        # These have forms that only separate checks can validate.
        "cv": "no_validation",
        "feature_groups": "no_validation",
        "penalty_factors": "no_validation",
        "fit_intercept": ["boolean"],
        "standardize": ["boolean"],
        "refit": ["boolean"],
        "lambda_init": [
            StrOptions({"auto"}),
            Interval(Real, -MAX_LAMBDA, MAX_LAMBDA, closed="both"),
            dict,
            "array-like",
        ],
        "lambda_bounds": [StrOptions({"auto"}), tuple, list, dict],
        "n_starts": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "scoring": [str, callable, list, tuple, set, dict, None],
        "store_cv_results": ["boolean"],
    }

    # Values of parameters that some estimators lack.
    criterion = "validation"
    selection = "min"
    shrinkage = 0.0
    alpha_per_target = False
    n_jobs = None
    class_weight = None

    #: Whether a fit needs only the second moments of the folds.
    _is_from_moments = False
    #: Whether this holds once labels are numbers.
    _codes_classes = False
    #: Origin of y, which is added back when the weights are set; None for zero.
    _y_origin = None
    #: Moments of the parts of `partial_fit`, and whether the fit to them is still due.
    _parts, _is_stale = None, False
    _has_shrinkage = False
    #: Whether batches can be read in few passes, without a list of their rows.
    _reads_in_passes = False
    _is_classifier = False
    #: Whether y may have several columns.
    _is_multi_output = False
    #: Whether the last fit learned one lambda per target, or per class of a softmax.
    _is_per_target = _is_per_class = False
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

    def _as_plain(self):
        """Return scikit-learn's estimator of the fitted weights."""
        return self.to_sklearn()

    @abstractmethod
    def _strength(self):
        """Return the name and the value of the penalty in scikit-learn's terms."""

    def _weigh_classes(self, y, weights, own):
        """Return the weights of the rows, and of a validation set, with classes'."""
        return weights, own

    def _choose_criterion(self, loss, solver):
        """Return the criterion that is minimized, None for the validation loss."""
        return None

    def _choose_shrinkage(self, source, progress):
        """Return how strongly the lambdas are held together, and set attributes."""
        return 0.0

    @with_callbacks
    @following_rows
    def fit(
        self,
        X: MatrixLike | Batches,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        row_groups: ArrayLike | str | None = None,
        **params: Any,
    ) -> Self:
        """Learn lambda on the splits of the data, and the weights.

        An error or an interruption leaves the estimator as it was before.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or \
sklearn_myhpo.data.Batches
            Training data; `Batches` hold y and the weights too. Or from Dask, with y
            and the others too; or an array of the array API (user guide).
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Target; more than one column only for ridge regression, or with several
            labels per row in ridge classification. None only with `Batches`.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights in the training loss, the validation loss and
            the refit. Rows of weight zero are divided by `cv` as the others, and then
            dropped.
        groups : array-like of shape (n_samples,), default=None
            Labels of rows that belong together, for a splitter `cv` that keeps them
            together, such as `sklearn.model_selection.GroupKFold`.
        X_val : array-like or sparse matrix of shape (n_validation, n_features), or \
sklearn_myhpo.data.Batches, default=None
            A validation set of your own; where X is `Batches` or from Dask, it may be
            too, and `Batches` hold `y_val` and the weights. Lambda is learned on it
            alone, with all of X for training, and `cv` is ignored. The final weights
            are fitted to X without it.
        y_val : array-like of shape (n_validation,) or (n_validation, n_targets), \
default=None
            Target of `X_val`.
        sample_weight_val : array-like of shape (n_validation,), default=None
            Non-negative weights of `X_val` in the validation loss.
        row_groups : array-like of shape (n_samples,) or "each", default=None
            Labels of rows that share a weight, such as their source or annotator;
            "each" for one weight per row. The weights in the training loss are learned
            on `X_val`, at the lambda that is best for equal weights.
        **params : dict
            Other metadata that a splitter `cv` requests; only with scikit-learn's
            metadata routing.

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
        progress = Progress(self, X, y)
        with kept_on_error(self):
            progress.begin()
            solver = self._make_solver()
            validation = X_val, y_val, sample_weight_val
            metadata = groups, params
            check_row_groups(self, X, row_groups, X_val)
            given = X, y, sample_weight, metadata, validation
            X, y, sample_weight, validation = read_batches(self, solver, *given)
            if isinstance(X, LongRows):
                streamed_fit(self, X, solver, progress).run()
                progress.end()
                return self
            metadata = metadata_of(X, metadata)
            given = X, y, sample_weight, validation, metadata, solver, row_groups
            source = self._prepare(*given)
            results = CVResults(self, source, (X, y, sample_weight), validation)
            with threads_for(*source.design.shape):
                models = self._learn(source, solver, progress)
                vars(self).update(results.attributes(models))
            report_passes(self, X)
            progress.end()
        return self

    def _prepare(
        self, X, y, sample_weight, validation, metadata, solver, row_groups=None
    ):
        """Return the `ProblemSource` of the data."""
        given = X, y
        X, y = self._check_data(X, y)
        check_standardize(self, issparse(X), solver)
        metadata, dtype = self._metadata_of_splits(X, *metadata), X.dtype
        weights, pair = check_weights(sample_weight, X), None
        check_again = partial(self._check_data, reset=False)
        own = check_own_validation(
            validation, self.criterion, self.shrinkage, check_again
        )
        weights, own = self._weigh_classes(y, weights, own)
        if own is not None:
            X, y, weights, pair = append((X, y, weights), own)
        loss, target, classes = self._check_target(y, weights)
        groups = self._make_groups(given[0])
        criterion = self._choose_criterion(loss, solver)
        bounds, start = check_lambda(self.lambda_bounds, self.lambda_init, groups)
        kept = np.flatnonzero(weights)
        pairs = self._choose_pairs(
            given, (X, y), weights, metadata, own=pair, criterion=criterion
        )
        design, target, weights, pairs = drop_weightless(X, target, weights, pairs)
        return ProblemSource(
            design=design,
            target=target,
            loss=loss,
            groups=groups,
            weights=weights,
            kept=kept,
            pairs=pairs,
            classes=classes,
            criterion=criterion,
            fit_intercept=self.fit_intercept,
            standardize=self.standardize,
            lambda_bounds=bounds,
            lambda_init=start,
            dtype=dtype,
            needs_rows=solver.capabilities.needs_rows,
            all_directions=solver.capabilities.all_directions,
            has_own_validation=own is not None or validates_alone(X),
            condensed=facts_of(X),
            row_groups=number_rows(row_groups, pair, kept),
        )

    def _check_data(self, X, y, reset=True, least=2):
        """Return X and y as arrays of numbers; unless `reset`, of known features.

        There must be `least` rows.
        """
        check_not_missing(y)
        if is_from_batches(X):
            return check_batches(self, X, y)
        with naming_columns(X):
            X, y = validate_data(
                self,
                X,
                y,
                accept_sparse=("csr", "csc"),
                dtype=(np.float64, np.float32),
                multi_output=self._is_multi_output,
                y_numeric=not self._is_classifier,
                ensure_min_samples=least,
                reset=reset,
            )
        return as_rows(X), y

    def _make_groups(self, original_X):
        """Return the groups; X as given may know dtypes and transformers."""
        original_X = columns_of(original_X)
        self._carried_names = names_of(original_X)
        features = {
            "n_features": self.n_features_in_,
            "feature_names": self._known_names(),
        }
        groups = make_feature_groups(self.feature_groups, original_X, **features)
        factors = make_penalty_factors(self.penalty_factors, original_X, **features)
        # Groups that the user did not name follow from the features.
        is_automatic = isinstance(self.feature_groups, str)
        return with_factors(groups, factors, may_drop=is_automatic)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.array_api_support = True
        return tags
