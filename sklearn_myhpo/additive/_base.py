"""Additive models: curves and categories as groups of a linear model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from .._deadline import Deadline
from .._documentation import DocumentationLinkMixin
from .._progress import kept_on_error
from .._typing import AutoFloat, CVLike, MatrixLike, RandomStateLike
from ..criteria import Criterion
from ..data.blocks import slices
from ..data.dask.blocks import is_dask
from ..data.frames import is_frame
from ..data.streams.batches import Batches
from ..linear_model._checks import check_weights
from ..preprocessing import PenalizedSplineTransformer
from ._columns import Columns
from ._effects import EffectsMixin
from ._export import KEPT_ROWS, ExportMixin
from ._learning import LearningMixin
from ._restricted import RestrictedFitMixin
from ._shared_start import SharedStartMixin
from ._summary import TermSummaryMixin
from ._terms import TermColumns

_SPLINES = PenalizedSplineTransformer._parameter_constraints


class AdditiveModel(
    SharedStartMixin,
    RestrictedFitMixin,
    LearningMixin,
    EffectsMixin,
    TermSummaryMixin,
    ExportMixin,
    DocumentationLinkMixin,
    BaseEstimator,
):
    """Base of the additive models.

    A subclass for another linear model sets `_linear_model` and, where the dispersion
    of its targets is known, `_dispersion`.
    """

    #: The class of the linear model.
    _linear_model: type
    #: Dispersion of the target about its mean; None if it is estimated.
    _dispersion = None
    #: Whether a row of weight two is two rows where a dispersion is estimated.
    _weights_count_rows = True

    _parameter_constraints = {
        "n_splines": [Interval(Integral, 4, None, closed="left")],
        "knots": _SPLINES["knots"],
        "cyclic": _SPLINES["cyclic"],
        "pairs": _SPLINES["pairs"],
        "categorical": "no_validation",
        "missing": _SPLINES["missing"],
        "penalize_linear": ["boolean"],
        "select": [
            StrOptions({"auto"}),
            Interval(Real, 0, 1, closed="neither"),
            None,
        ],
        "cv": "no_validation",
        "criterion": "no_validation",
        "selection": [StrOptions({"min", "one_se"})],
        "shrinkage": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "n_jobs": [Integral, None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
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
        select: Literal["auto"] | float | None = "auto",
        cv: CVLike = 5,
        criterion: str | Criterion = "validation",
        selection: Literal["min", "one_se"] = "min",
        shrinkage: AutoFloat = 0.0,
        random_state: RandomStateLike = None,
        verbose: int = 0,
        n_jobs: int | None = None,
        max_iter: int = 200,
        max_time: float | None = None,
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
        self.max_time = max_time
        self.tol = tol

    def _linear_estimator(self, **options):
        """Return the linear model with some options, not fitted."""
        return self._linear_model(**options)

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
            Non-negative weights of the rows, in every sum over rows. For `select` and
            the bands a row of weight two is two rows.
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
            If a parameter or the data are invalid; the message names the value and what
            is allowed.
        """
        self._validate_params()
        with kept_on_error(self):
            self._deadline = Deadline(self.max_time)
            X = self._check_features(X, reset=True)
            if y is None:
                raise ValueError(
                    f"{type(self).__name__} requires y to be passed, but the target y "
                    "is None."
                )
            y = column_or_1d(y, warn=True)
            check_consistent_length(X, y)
            weight = check_weights(sample_weight, X)
            names = getattr(self, "feature_names_in_", None)
            self._terms = TermColumns(self, X, names, weight)
            rows = self._terms.read(X, self)
            columns = Columns(self._terms, rows)
            data = self._data_of_fit(X, columns, y, weight, groups)
            self.dropped_, self._posterior = [], None
            if self._chosen_criterion() == "reml":
                self._fit_restricted(data)
            else:
                self._fit_shared_first(data)
            self._keep_likelihoods(weight)
            self._keep_observed(rows, weight)
            self._head = _safe_indexing(X, np.arange(min(len(y), KEPT_ROWS)))
            del self._deadline
        return self

    def _check_features(self, X, reset):
        """Return X with its features checked; a frame stays one."""
        if isinstance(X, Batches):
            raise ValueError(
                f"{type(self).__name__} takes an array or a frame for X, not Batches. "
                "Fit a PenalizedSplineTransformer to some rows, and a linear model "
                "with feature_groups='transformer' to batches.map(transformer)."
            )
        if is_dask(X):
            raise ValueError(
                f"{type(self).__name__} takes an array or a frame in memory for X, not "
                "a collection of Dask. Fit a PenalizedSplineTransformer to some rows, "
                "and a linear model with feature_groups=transformer."
                "get_feature_groups_out() to the blocks of transformer.transform."
            )
        n_least = 2 if reset else 1
        if is_frame(X):
            validate_data(self, X, skip_check_array=True, reset=reset)
            for size, least, kind in zip(
                X.shape, (n_least, 1), ("sample", "feature"), strict=True
            ):
                if size < least:
                    raise ValueError(
                        f"Found array with {size} {kind}(s) (shape={X.shape}) while a "
                        f"minimum of {least} is required by {type(self).__name__}."
                    )
            return X
        options = {"dtype": None, "ensure_all_finite": False}
        if self._is_numeric():
            options["dtype"] = (np.float64, np.float32)
            # Missing values are reported with their features, as those of a frame.
            options["ensure_all_finite"] = "allow-nan"
        return validate_data(
            self, X, ensure_min_samples=n_least, reset=reset, **options
        )

    def _is_numeric(self):
        """Return whether all columns of an array must be numbers."""
        return isinstance(self.categorical, str) and self.categorical == "auto"

    def _of_rows(self, method, X):
        """Return what a method of the linear model returns for rows, by blocks."""
        check_is_fitted(self)
        rows = self._terms.read(self._check_features(X, reset=False), self)
        method = getattr(self.model_, method)
        found = [
            method(self._terms.form(rows.take(block), self._kept))
            for block in slices(rows.n_samples, self._terms.n_columns)
        ]
        return np.concatenate(found)

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict the target.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Features as in `fit`. Beyond the range of `fit`, curves continue as straight
            lines; categories that `fit` has not seen have no effect.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predictions, or labels of a classifier.
        """
        return self._of_rows("predict", X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "indicator"
        return tags
