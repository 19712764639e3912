"""Additive models: curves and categories as groups of a linear model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from .._documentation import DocumentationLinkMixin
from .._progress import kept_on_error
from .._typing import AutoFloat, CVLike, MatrixLike, RandomStateLike
from ..bilevel.bounds import ABOVE_SUM
from ..criteria import Criterion
from ..data.frames import is_frame
from ..exceptions import LambdaBoundWarning
from ..linear_model._checks import check_weights
from ..preprocessing import PenalizedSplineTransformer
from ._effects import EffectsMixin
from ._evidence import Evidence, terms_without_effect
from ._posterior import term_posterior
from ._summary import TermSummaryMixin
from ._terms import TermColumns

_SPLINES = PenalizedSplineTransformer._parameter_constraints


class AdditiveModel(
    EffectsMixin, TermSummaryMixin, DocumentationLinkMixin, BaseEstimator
):
    """Base of the additive models.

    A subclass for another family sets `_linear_model` and, where the dispersion of its
    targets is known, `_dispersion`; parameters that only this linear model has are
    named in `_own_options`.
    """

    #: The class of the linear model.
    _linear_model: type
    #: Of the target about its mean; None where it is estimated.
    _dispersion = None
    #: Names of parameters that go to the linear model beside the common ones.
    _own_options = ()

    _parameter_constraints = {
        "n_splines": [Interval(Integral, 4, None, closed="left")],
        "knots": _SPLINES["knots"],
        "cyclic": _SPLINES["cyclic"],
        "pairs": _SPLINES["pairs"],
        "categorical": "no_validation",
        "missing": _SPLINES["missing"],
        "penalize_linear": ["boolean"],
        "select": [Interval(Real, 0, 1, closed="neither"), None],
        "cv": "no_validation",
        "criterion": "no_validation",
        "selection": [StrOptions({"min", "one_se"})],
        "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "n_jobs": [Integral, None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        n_splines: int = 20,
        knots: Literal["quantile", "uniform"] = "quantile",
        cyclic: bool | Sequence[Any] | Mapping[Any, tuple[float, float]] = False,
        pairs: Sequence[tuple[Any, Any]] | None = None,
        categorical: Literal["auto"] | Sequence[Any] = "auto",
        missing: Literal["error", "indicator"] = "error",
        penalize_linear: bool = True,
        select: float | None = 0.01,
        cv: CVLike = 5,
        criterion: str | Criterion = "validation",
        selection: Literal["min", "one_se"] = "min",
        shrinkage: AutoFloat = 0.0,
        random_state: RandomStateLike = None,
        verbose: int = 0,
        n_jobs: int | None = None,
        max_iter: int = 200,
        tol: float = 1e-6,
    ) -> None:
        self.n_splines = n_splines
        self.knots = knots
        self.cyclic = cyclic
        self.pairs = pairs
        self.categorical = categorical
        self.missing = missing
        self.penalize_linear = penalize_linear
        self.select = select
        self.cv = cv
        self.criterion = criterion
        self.selection = selection
        self.shrinkage = shrinkage
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.max_iter = max_iter
        self.tol = tol

    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Learn the strength of every line, curve and category, and their weights.

        An error leaves the estimator as it was before.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Numbers, and in a frame categories too.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows, in every sum over rows.
        groups : array-like of shape (n_samples,), default=None
            Labels of rows that belong together, for a splitter `cv` that keeps them
            together, such as `sklearn.model_selection.GroupKFold`.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data do not fit; the message names what came and what
            is allowed.
        """
        self._validate_params()
        with kept_on_error(self):
            X = self._check_features(X, reset=True)
            if y is not None:
                y = column_or_1d(y, warn=True)
                check_consistent_length(X, y)
            weight = check_weights(sample_weight, X)
            names = getattr(self, "feature_names_in_", None)
            terms = TermColumns(self, X, names, weight)
            columns = terms.transform(X, self)
            self._fit_linear_model(terms, columns, y, weight, groups)
            self._keep_blocks()
            self._keep_observed(X, weight)
        return self

    def _fit_linear_model(self, terms, columns, y, weight, groups):
        """Fit the linear model, once more if there are terms without effect."""
        model, self.dropped_ = self._make_linear_model(terms), []
        with warnings.catch_warnings():
            # A curve that is straight, or not there, is a result, not a problem.
            warnings.simplefilter("ignore", LambdaBoundWarning)
            model.fit(columns, y, weight, groups=groups)
            self._set_fitted(model, terms, columns, y, weight)
            if self.select is None or self._posterior is None:
                return
            names = terms_without_effect(*self._evidence(), self.select)
            if not names:
                return
            own = [part.name for part in terms.parts if part.term in names]
            # The automatic upper bound, where a term has no effect.
            high = float(np.log(self._posterior.curvature or 1.0) + ABOVE_SUM)
            start = dict(zip(self.group_names_, self.lambda_, strict=True))
            start.update(dict.fromkeys(own, high))
            bounds = dict.fromkeys(own, (high, high + 1.0))
            fewer = clone(model).set_params(lambda_bounds=bounds, lambda_init=start)
            fewer.fit(columns, y, weight, groups=groups)
        # The statistic may be wrong where classes are nearly separable.
        error = model.validation_loss_standard_error_
        if error is None:
            error = model.validation_loss_ * np.sqrt(2.0 / weight.sum())
        if fewer.validation_loss_ <= model.validation_loss_ + error:
            self._set_fitted(fewer, terms, columns, y, weight)
            self.dropped_ = [name for name in self.term_names_ if name in names]

    def _evidence(self):
        """Return the `Evidence` of the fitted weights, and the weights of terms."""
        weights = self._raw(np.atleast_2d(self.model_.coef_).T.astype(np.float64)).T
        n_outputs, size = weights.shape
        n_all = n_outputs * size
        covariances = (
            matrix.transpose(0, 2, 1, 3).reshape(n_all, n_all)
            for matrix in (self._posterior.covariance, self._posterior.sampling)
        )
        number = np.arange(n_all).reshape(n_outputs, size)
        penalized = set(self.group_names_)
        free = {part.term for part in self._terms.parts if part.name not in penalized}
        terms = {
            term.name: number[:, term.columns].ravel()
            for term in self._terms.terms
            if term.name not in free
        }
        return Evidence(weights.ravel(), *covariances), terms

    def _make_linear_model(self, terms):
        """Return the linear model, not fitted."""
        common = ("cv", "criterion", "selection", "shrinkage", "random_state")
        common += ("verbose", "n_jobs", "max_iter", "tol", *self._own_options)
        options = {name: getattr(self, name) for name in common}
        if not self.penalize_linear:
            factors = np.ones(terms.n_columns)
            for part in terms.parts:
                if part.kind == "linear":
                    factors[part.columns] = 0.0
            options["penalty_factors"] = factors
        return self._linear_model(feature_groups="transformer", **options)

    def _set_fitted(self, model, terms, columns, y, weight):
        """Set the attributes of a fit."""
        self.model_, self._terms = model, terms
        self.term_names_ = np.array([term.name for term in terms.terms], dtype=object)
        self.group_names_ = model.feature_group_names_
        name, strength = model._strength()
        self.lambda_ = np.atleast_1d(model.lambda_)
        setattr(self, f"{name}_", np.atleast_1d(strength))
        self.validation_loss_ = model.validation_loss_
        self.n_iter_, self.converged_ = model.n_iter_, model.converged_
        if hasattr(model, "classes_"):
            self.classes_ = model.classes_
        self._means = np.asarray(weight @ columns).ravel() / weight.sum()
        self._posterior, self.edof_ = self._find_posterior(columns, y, weight), None
        if self._posterior is not None:
            freedom = self._posterior.freedom
            self.edof_ = np.array([freedom[t.columns].sum() for t in terms.terms])

    def _find_posterior(self, columns, y, weight):
        """Return the `TermPosterior` of the fitted weights, or None."""
        model = self.model_
        loss, target, _ = model._check_target(np.asarray(y), weight)
        raw = self._raw(model._linear_predictor(columns).astype(np.float64))
        labels = model.feature_group_labels_
        penalty = 2.0 * weight.sum() * np.exp(self.lambda_)[np.maximum(labels, 0)]
        penalty = penalty * model.penalty_factors_
        given = columns, loss, target, raw, weight, penalty
        return term_posterior(*given, dispersion=self._dispersion)

    def _raw(self, scores):
        """Return the raw predictions of a loss, given those of the linear model."""
        return scores

    def _check_features(self, X, reset):
        """Return X with its features checked; a frame stays one."""
        if is_frame(X):
            validate_data(self, X, skip_check_array=True, reset=reset)
            return X
        options = {"dtype": None, "ensure_all_finite": False}
        if self._is_numeric():
            options["dtype"] = (np.float64, np.float32)
            options["ensure_all_finite"] = (
                "allow-nan" if self.missing == "indicator" else True
            )
        n_least = 2 if reset else 1
        return validate_data(
            self, X, ensure_min_samples=n_least, reset=reset, **options
        )

    def _is_numeric(self):
        """Return whether all columns of an array must be numbers."""
        return isinstance(self.categorical, str) and self.categorical == "auto"

    def _columns_of(self, X):
        """Return the columns of the terms for X."""
        check_is_fitted(self)
        return self._terms.transform(self._check_features(X, reset=False), self)

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict the target.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Features as in `fit`. Curves go on as straight lines beyond the range of
            `fit`, and categories that `fit` has not seen have no effect.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predictions, or labels of a classifier.
        """
        columns = self._columns_of(X)
        return self.model_.predict(columns)

    def score(
        self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the score of the linear model: R2, or the accuracy of a classifier.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Features as in `fit`.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            At most 1.
        """
        columns = self._columns_of(X)
        return self.model_.score(columns, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "indicator"
        return tags
