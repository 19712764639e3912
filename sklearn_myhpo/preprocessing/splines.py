"""Penalized splines as columns of a linear model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    check_is_fitted,
    validate_data,
)

from .._documentation import DocumentationLinkMixin
from ..linear_model._checks import check_weights
from ..penalties.labelled import with_labels
from ._columns import (
    check_not_missing,
    check_range,
    resolve_pairs,
    resolve_periods,
)
from ._pair import fit_pair
from ._smooth import Options, fit_smooth
from ._term import Term, write_terms


class PenalizedSplineTransformer(
    DocumentationLinkMixin, TransformerMixin, BaseEstimator
):
    """Spline columns of features, whose ridge penalty is on the curvature.

    Every feature becomes the columns of a cubic spline in the coordinates of a linear
    model with a ridge penalty: a line, one column, and deviations from the line. The
    sum of the squared weights of the deviations is the integral of the squared second
    derivative of the curve, with more weight where knots are far apart, up to a factor
    per feature (`roughness_`). So one lambda for the deviations is the smoothing
    parameter of the curve, and another one for the line removes a feature without
    effect.

    An estimator of this package learns one lambda for every line and every curve with
    ``feature_groups="transformer"``, directly after this transformer, or after a
    `GroupedColumnTransformer` with this transformer in it. Both must give arrays, as
    they do by default: frames of ``set_output`` do not carry the groups.

    Over the rows of `fit`, with their weights, all columns have mean zero, the line is
    orthogonal to the deviations and has mean square one, and the mean squares of the
    deviations add up to one, so that lambdas of different features compare.

    Parameters
    ----------
    n_splines : int, default=20
        Number of B-splines of a feature, at least ``degree + 1``; a feature with fewer
        distinct values has as many as values. Thanks to the penalty a large number does
        no harm; the default is enough except for curves with many turns.
    degree : int, default=3
        Degree of the polynomials between knots.
    knots : {"quantile", "uniform"}, default="quantile"
        Knots at quantiles of the distinct values of a feature, or at equal distances.
    penalty_order : int, default=2
        The penalty is the integral of the squared derivative of this order, at most
        `degree`, with the weight of the Notes. Lines are free of it with 2, constants
        with 1 (then there is no column of a line), and parabolas with 3 (then the
        "linear" part has two columns).
    cyclic : bool, list of columns or dict, default=False
        Features whose curve has the same value and slopes at both ends of a period,
        such as hours: there is no line, and values beyond the period wrap around. True
        means all features. The period is the range of the values in `fit`; for hours 0
        to 23 that is one too short, and a dict from column to (low, high) gives the
        right one, such as ``{"hour": (0, 24)}``. Columns are names or indices.
    pairs : list of pairs of columns, default=None
        Pairs of features, names or indices, whose interaction gets columns too:
        products of lines, one column, and of curves. The curves of each feature alone
        stay beside them.
    n_splines_pairs : int, default=6
        Number of B-splines along each feature of a pair; its columns are up to
        ``(n_splines_pairs - 1) ** 2``.
    missing : {"error", "indicator"}, default="error"
        What to do with NaN: raise an error, or set all columns of the feature to zero,
        their mean, and add a column that is one there, for every feature with some
        missing values in `fit`.

    Attributes
    ----------
    knots_ : list of ndarray
        Knots of every feature, in its units, without repetitions; one value for a
        constant feature.
    roughness_ : ndarray of shape (n_features,)
        For every feature, the weighted integral of the squared derivative of its curve,
        in its units, over the sum of the squared weights of its columns "smooth"; 0 for
        features without such columns.
    pairs_ : list of (int, int)
        Indices of the pairs.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names.

    See Also
    --------
    sklearn.preprocessing.SplineTransformer : The same splines in local coordinates, in
        which a ridge penalty is not one on curvature.

    Notes
    -----
    Between two knots the squared derivative has the weight
    ``h ** (penalty_order - 0.5)``, where h is their distance over the mean distance. So
    the curve of a feature with a long tail may turn where values are dense, and stays
    smooth where they are rare. All weights are one with ``knots="uniform"``.

    Beyond the range of `fit`, curves continue as straight lines. A constant feature, or
    one without any value, has one column of zeros; a feature with at most `degree`
    distinct values has only its line.

    The output is dense. With local B-splines it would be sparse, but the penalty would
    not be diagonal. In the coordinates in which the penalty is the identity, every
    function extends over the whole range. The columns are evaluated as one
    vector-valued spline, in less time than the sparse matrix of B-splines takes to
    build.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_myhpo import MYHPORidge
    >>> from sklearn_myhpo.preprocessing import PenalizedSplineTransformer
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(size=(400, 2))
    >>> y = np.sin(6 * X[:, 0]) + 2 * X[:, 1] + 0.3 * rng.normal(size=400)
    >>> splines = PenalizedSplineTransformer()
    >>> model = make_pipeline(splines, MYHPORidge(feature_groups="transformer"))
    >>> model.fit(X, y)[-1].feature_group_names_.tolist()
    ['x0_linear', 'x0_smooth', 'x1_linear', 'x1_smooth']
    >>> bool(model.score(X, y) > 0.85)
    True
    """

    _parameter_constraints = {
        "n_splines": [Interval(Integral, 2, None, closed="left")],
        "degree": [Interval(Integral, 1, None, closed="left")],
        "knots": [StrOptions({"quantile", "uniform"})],
        "penalty_order": [Interval(Integral, 1, 3, closed="both")],
        "cyclic": ["boolean", dict, list, tuple, np.ndarray],
        "pairs": [list, tuple, np.ndarray, None],
        "n_splines_pairs": [Interval(Integral, 2, None, closed="left")],
        "missing": [StrOptions({"error", "indicator"})],
    }

    def __init__(
        self,
        *,
        n_splines: int = 20,
        degree: int = 3,
        knots: Literal["quantile", "uniform"] = "quantile",
        penalty_order: int = 2,
        cyclic: bool | Sequence[Any] | Mapping[Any, tuple[float, float]] = False,
        pairs: Sequence[tuple[Any, Any]] | None = None,
        n_splines_pairs: int = 6,
        missing: Literal["error", "indicator"] = "error",
    ) -> None:
        self.n_splines = n_splines
        self.degree = degree
        self.knots = knots
        self.penalty_order = penalty_order
        self.cyclic = cyclic
        self.pairs = pairs
        self.n_splines_pairs = n_splines_pairs
        self.missing = missing

    def fit(
        self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Choose knots and coordinates.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Numbers.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows in means and products; rows of weight zero
            are left out.

        Returns
        -------
        PenalizedSplineTransformer
            The transformer itself.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid; the message names the value and
            what is allowed.
        """
        self._validate_params()
        self._check_sizes()
        rows = self._check(X, reset=True)
        weight = check_weights(sample_weight, rows)
        kept = weight > 0.0
        if not kept.all():
            rows, weight = rows[kept], weight[kept]
        rows = np.asarray(rows, dtype=np.float64)
        names = getattr(self, "feature_names_in_", None)
        check_range(rows, names)
        periods = resolve_periods(self.cyclic, self.n_features_in_, names)
        self.pairs_ = resolve_pairs(self.pairs, self.n_features_in_, names)
        terms = self._fit_terms(rows, weight, periods)
        self._terms = terms
        own = [term.curve for term in terms[: self.n_features_in_]]
        self.knots_ = [curve.breaks for curve in own]
        self.roughness_ = np.array([curve.roughness for curve in own])
        return self

    def _fit_terms(self, rows, weight, periods):
        """Return the terms: features first, then pairs."""
        options = Options(self.n_splines, self.degree, self.knots, self.penalty_order)
        small = options._replace(n_splines=self.n_splines_pairs)
        terms = []
        for index, period in enumerate(periods):
            values = rows[:, index]
            curve = fit_smooth(values, weight, options, period=period)
            missing = np.isnan(values)
            is_some = bool(missing.any() and not missing.all())
            terms.append(Term((index,), curve, is_some))
        for first, second in self.pairs_:
            given = rows[:, first], rows[:, second], weight, small
            curve = fit_pair(*given, periods=(periods[first], periods[second]))
            terms.append(Term((first, second), curve))
        return terms

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Return the columns of the curves.

        Parameters
        ----------
        X : {array-like, dataframe} of shape (n_samples, n_features)
            Numbers.

        Returns
        -------
        ndarray of shape (n_samples, n_columns)
            Of every feature the line, the deviations and the indicator of missing
            values, then the columns of pairs. It carries the names and the groups of
            the columns.
        """
        check_is_fitted(self)
        rows = self._check(X, reset=False)
        groups = np.array(self.get_feature_groups_out(), dtype=object)
        out = write_terms(self._terms, rows)
        return with_labels(out, groups, self.get_feature_names_out())

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> np.ndarray:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features; None for those of `fit`, or "x0", "x1" and so on.

        Returns
        -------
        ndarray of str of shape (n_columns,)
            Such as "age_linear", "age_smooth0", "age_missing", and for pairs
            "age:income_linear".
        """
        columns = self._columns(input_features)
        names = [f"{term}_{kind}{number}" for term, kind, number in columns]
        return np.array(names, dtype=object)

    def get_feature_groups_out(
        self, input_features: ArrayLike | None = None
    ) -> list[str]:
        """Return the group of every column, for ``feature_groups="transformer"``.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features; None for those of `fit`, or "x0", "x1" and so on.

        Returns
        -------
        list of str
            Such as "age_linear", "age_smooth", "age_missing".
        """
        return [f"{term}_{kind}" for term, kind, _ in self._columns(input_features)]

    def _columns(self, input_features):
        """Yield the term, the kind, and "" or the number of it, of every column."""
        check_is_fitted(self)
        features = _check_feature_names_in(self, input_features)
        for term in self._terms:
            name = ":".join(str(features[index]) for index in term.features)
            kinds = term.kinds()
            for kind in dict.fromkeys(kinds):
                n_own = kinds.count(kind)
                is_one = n_own == 1 and kind != "smooth"
                for number in range(n_own):
                    yield name, kind, "" if is_one else number

    def _check_sizes(self):
        for name in ("n_splines", "n_splines_pairs"):
            size = getattr(self, name)
            if size <= self.degree:
                raise ValueError(
                    f"{name} must be at least degree + 1 = {self.degree + 1}. Got "
                    f"{size}."
                )
        if self.penalty_order > self.degree:
            raise ValueError(
                f"penalty_order must be at most degree={self.degree}. Got "
                f"{self.penalty_order}."
            )

    def _check(self, X, reset):
        """Return the rows as an array of numbers."""
        rows = validate_data(
            self,
            X,
            dtype=(np.float64, np.float32),
            ensure_all_finite="allow-nan",
            reset=reset,
        )
        if self.missing == "error":
            check_not_missing(rows, getattr(self, "feature_names_in_", None))
        return rows

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "indicator"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
