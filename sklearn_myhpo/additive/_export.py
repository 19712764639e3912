"""Fitted additive models as pipelines of scikit-learn, for other tools.

A curve lies in the space of `sklearn.preprocessing.SplineTransformer` with the same
knots, whose coordinates are local: weights there follow from values at some points. A
surface is a sum of products of such columns of two features. A number that may be
missing is set to its least value, whose effect the weight of an indicator takes away.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, SplineTransformer
from sklearn.utils.validation import check_is_fitted

#: Interpolation points of a curve in every interval.
POINTS_PER_INTERVAL = 8
#: Number of rows that a fit keeps, for names and types of the columns of X.
KEPT_ROWS = 2


class ExportMixin:
    """The method `to_sklearn` of an additive model."""

    def to_sklearn(self) -> Pipeline:
        """Return a fitted pipeline of scikit-learn's classes with equal predictions.

        For tools and machines that have only scikit-learn: a
        `sklearn.compose.ColumnTransformer`, with a
        `sklearn.preprocessing.SplineTransformer` per curve and a
        `sklearn.preprocessing.OneHotEncoder`, then a linear model such as
        `sklearn.linear_model.Ridge`. It does not contain the terms that `select` has
        removed. It takes X in the form of `fit`; missing texts must be None or NaN.

        The columns are local B-splines, in which the learned penalty is not diagonal,
        so the pipeline is for predictions, not for another fit.

        Returns
        -------
        sklearn.pipeline.Pipeline
            Fitted, with its own copies of the weights.

        Raises
        ------
        ValueError
            If the loss is your own, for which scikit-learn has no estimator.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        last, pieces = self.model_.to_sklearn(), self._pieces()
        names = [piece.name for piece in pieces]
        if any("__" in name for name in names) or len(set(names)) < len(names):
            names = [f"term{number}" for number in range(len(names))]
        columns = ColumnTransformer(
            [
                (name, piece.transformer, list(piece.features))
                for name, piece in zip(names, pieces, strict=True)
            ]
        ).fit(self._head)
        coef = np.hstack([piece.coef for piece in pieces])
        last.coef_ = coef if np.ndim(self.model_.coef_) == 2 else coef[0]
        last.n_features_in_ = coef.shape[1]
        return Pipeline([("columns", columns), ("model", last)])

    def _pieces(self):
        """Return a `Piece` per number and pair that is kept, and one for categories."""
        coef, pieces, categories = self._coef.astype(np.float64), [], []
        allows_missing = self.missing == "indicator"
        for term in self._terms.terms:
            own = coef[:, term.columns]
            if not self._kept[term.columns.start]:
                continue
            if term.categories is not None:
                categories.append((term, own))
            elif len(term.features) == 1:
                pieces.append(_of_number(term, own, allows_missing))
            else:
                pieces.append(_of_pair(term, own, allows_missing))
        if categories:
            pieces.append(_of_categories(categories))
        return pieces


class Piece(NamedTuple):
    """A part of the model as a transformer of scikit-learn.

    Attributes
    ----------
    name : str
    features : tuple of int
        Indices of columns of X.
    transformer : object
        Not fitted; it learns nothing from the rows that it is fitted to.
    coef : ndarray of shape (n_rows_of_coef, n_columns)
        Weights of its columns.
    """

    name: str
    features: tuple[int, ...]
    transformer: object
    coef: np.ndarray


def _of_number(term, coef, allows_missing):
    """Return the `Piece` of a number."""
    transformer, mix, at_missing = _local_columns(term.curve, allows_missing)
    n_curve = term.curve.n_columns
    own = coef[:, :n_curve] @ mix.T
    if allows_missing:
        # Without missing values in `fit` these have no effect.
        extra = coef[:, n_curve:].sum(axis=1, keepdims=True)
        own = np.hstack([own, extra - own @ at_missing[:, None]])
    return Piece(term.name, term.features, transformer, own)


def _of_pair(term, coef, allows_missing):
    """Return the `Piece` of a pair: some of the products of the columns of both."""
    curves, steps, maps = (term.curve.first, term.curve.second), [], []
    for number, curve in enumerate(curves):
        transformer, mix, at_missing = _local_columns(curve, allows_missing)
        steps.append((f"curve{number}", transformer, [number]))
        # Local columns add up to one.
        own = np.hstack([np.ones((len(mix), 1)), mix])
        if allows_missing:
            own = np.vstack([own, -at_missing @ own])
        maps.append(own)
    products = PolynomialFeatures(2, interaction_only=True, include_bias=False)
    transformer = Pipeline(
        [("curves", ColumnTransformer(steps)), ("products", products)]
    )
    sizes = [len(own) for own in maps]
    shape = 1 + curves[0].n_columns, 1 + curves[1].n_columns
    weights = [
        maps[0] @ (term.curve.mix @ row).reshape(shape) @ maps[1].T for row in coef
    ]
    # The powers of every column tell which two columns it multiplies.
    powers = products.fit(np.zeros((1, sum(sizes)))).powers_.astype(bool)
    own = np.zeros((len(coef), len(powers)))
    for number, used in enumerate(map(np.flatnonzero, powers)):
        if len(used) == 2 and used[0] < sizes[0] <= used[1]:
            first, second = used[0], used[1] - sizes[0]
            own[:, number] = [one[first, second] for one in weights]
    return Piece(term.name, term.features, transformer, own)


def _of_categories(found):
    """Return the `Piece` of all categories."""
    values, coefs = [], []
    for term, coef in found:
        own = list(term.categories)
        coef = coef if term.mix is None else coef @ term.mix.T
        if term.categories.dtype == object and own[-1] != own[-1]:
            # Missing values are one category here, two in scikit-learn.
            own, coef = [*own[:-1], None, own[-1]], np.hstack([coef, coef[:, -1:]])
        values.append(own)
        coefs.append(coef)
    encoder = OneHotEncoder(categories=values, handle_unknown="ignore")
    features = tuple(term.features[0] for term, _ in found)
    return Piece("categories", features, encoder, np.hstack(coefs))


def _local_columns(curve, allows_missing):
    """Return scikit-learn's splines for a curve, and what is needed to use them.

    Parameters
    ----------
    curve : Smooth
    allows_missing : bool
        Whether the last column indicates missing values.

    Returns
    -------
    transformer : object
    mix : ndarray of shape (n_local, n_columns)
        Local columns times this are those of the curve.
    at_missing : ndarray of shape (n_local,)
        Local columns where the number is missing.
    """
    knots, degree = curve.breaks, 3
    if curve.spline is None:
        knots = np.array([curve.low, curve.low + curve.width])
    else:
        degree = curve.spline.k
    while curve.is_cyclic and len(knots) <= degree:
        knots = np.sort(np.concatenate([knots, (knots[1:] + knots[:-1]) / 2.0]))
    splines = SplineTransformer(
        degree=degree,
        knots=knots[:, None],
        extrapolation="periodic" if curve.is_cyclic else "linear",
    )
    share = (np.arange(POINTS_PER_INTERVAL) + 0.5) / POINTS_PER_INTERVAL
    points = (knots[:-1, None] + np.diff(knots)[:, None] * share).ravel()
    local = splines.fit(knots[:, None]).transform(points[:, None])
    mix = np.linalg.lstsq(local, curve.columns(points), rcond=None)[0]
    if not allows_missing:
        return splines, mix, None
    # An int is right for columns of integers too.
    least = int(knots[0]) if float(knots[0]).is_integer() else float(knots[0])
    at_missing = splines.transform([[float(least)]])[0]
    # Columns of NaN alone stay columns.
    fill = SimpleImputer(
        strategy="constant", fill_value=least, keep_empty_features=True
    )
    filled = Pipeline([("fill", fill), ("splines", splines)])
    indicator = MissingIndicator(features="all")
    both = FeatureUnion([("curve", filled), ("missing", indicator)])
    return both, mix, at_missing
