"""Partial effects of terms, with confidence bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtri
from sklearn.utils.validation import check_is_fitted

from .._messages import shown
from ..linear_model._results.frames import import_pandas
from ..penalties.columns import spell

if TYPE_CHECKING:
    import pandas

#: Number of observed values that are kept for every feature.
MOST_OBSERVED = 200
#: Maximum number of points along each feature of a pair.
MOST_PER_SIDE = 40


@dataclass(frozen=True, eq=False)
class PartialEffect:
    """The effect of a term on the prediction, about its mean over the rows of `fit`.

    For a classifier it is in units of the log-odds, or of the score of a class, and
    for counts, rates and costs in those of the logarithm of the mean.

    Attributes
    ----------
    term : str
        The feature, or the pair.
    kind : {"curve", "categories", "surface"}
        Of a number, of categories, or of a pair of numbers.
    values : ndarray of shape (n_points,) or (n_points, 2)
        Values of the feature or of both features; categories.
    effect : ndarray of shape (n_points,) or (n_classes, n_points)
        The effect at these values; a row per class with more than two classes.
    standard_error : ndarray like `effect`, or None
        Root of the expected squared distance of the true effect, given the data, which
        counts the uncertainty of the learned strengths too; None where there are too
        many weights, or no more rows than degrees of freedom.
    low, high : ndarray like `effect`, or None
        The band: effect minus and plus a number of standard errors.
    observed : ndarray or list of ndarray
        Observed values, at most 200, evenly spaced by rank; the sum of the sample
        weights of every category; of a pair the values of each feature.
    """

    term: str
    kind: Literal["curve", "categories", "surface"]
    values: np.ndarray
    effect: np.ndarray
    standard_error: np.ndarray | None
    low: np.ndarray | None
    high: np.ndarray | None
    observed: np.ndarray | list[np.ndarray]

    @property
    def frame(self) -> pandas.DataFrame:
        """A row per point: "value", "effect", "standard_error", "low" and "high".

        A pair has "value0" and "value1"; with more than two classes "effect[0]" is that
        of the first one, and so on.

        Returns
        -------
        pandas.DataFrame
            In the order of the points.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = import_pandas("frame")
        if self.values.ndim == 1:
            columns = {"value": self.values}
        else:
            columns = {f"value{k}": own for k, own in enumerate(self.values.T)}
        for name in ("effect", "standard_error", "low", "high"):
            found = getattr(self, name)
            if found is None:
                continue
            if found.ndim == 1:
                columns[name] = found
            else:
                columns.update({f"{name}[{k}]": own for k, own in enumerate(found)})
        return pd.DataFrame(columns)


class EffectsMixin:
    """The method `partial_effects` of an additive model."""

    def partial_effects(
        self,
        terms: str | Sequence[str] | None = None,
        *,
        n_points: int = 100,
        level: float = 0.95,
    ) -> dict[str, PartialEffect]:
        """Return what every term adds to the prediction, with confidence bands.

        The bands count the uncertainty of the weights of a term and of its learned
        strengths. The weights of a line, a curve or a category have a normal prior,
        whose standard deviation has a half-Cauchy prior: flat from zero, where no
        effect is, to effects that vary as much as the response (Gelman 2006, Bayesian
        Analysis 1(3)). The posterior is a mixture over all standard deviations of the
        term. The likelihood of the weights is normal, with the Hessian of the training
        loss over the dispersion: 1 for classes, otherwise estimated, for squares by the
        sum of squared residuals, for other families by Pearson's statistic, over n
        minus the effective degrees of freedom. The other terms have their learned
        strengths, but priors at least as wide as their standard errors.

        The bands are about the reported effect, and count its distance from the mean of
        the mixture. Of a removed term they are about zero, as wide as the effects that
        the data cannot exclude. On average over the points of a curve their coverage
        is about `level`, as that of Marra and Wood (2012, Scandinavian Journal of
        Statistics 39(1)), who take the strengths as known.

        Parameters
        ----------
        terms : str, list of str or None, default=None
            Names of terms, from `term_names_`; None for all.
        n_points : int, default=100
            Points between the smallest and the largest value of a numeric feature; for
            a pair, up to 40 for each of its features.
        level : float, default=0.95
            Probability of the bands, between 0 and 1.

        Returns
        -------
        dict of str to PartialEffect
            In the order of `term_names_`, or of `terms`.

        Raises
        ------
        ValueError
            If a name is not that of a term, or a number is out of its range.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        if not (isinstance(n_points, Integral) and n_points >= 2):
            raise ValueError(f"n_points must be an int >= 2. Got {shown(n_points)}.")
        if not (isinstance(level, Real) and 0.0 < level < 1.0):
            raise ValueError(f"level must be between 0 and 1. Got {shown(level)}.")
        if terms is None:
            names = list(self.term_names_)
        else:
            names = [terms] if isinstance(terms, str) else list(terms)
        position = {name: k for k, name in enumerate(self.term_names_)}
        unknown = [name for name in names if name not in position]
        if unknown:
            raise ValueError(
                f"terms has {spell(unknown)}, but the terms are "
                f"{spell(list(self.term_names_), most=20)}."
            )
        width = ndtri(0.5 + level / 2.0)
        return {name: self._effect(position[name], n_points, width) for name in names}

    def _effect(self, position, n_points, width):
        """Return the `PartialEffect` of a term."""
        term, observed = self._terms.terms[position], self._observed[position]
        if term.categories is not None:
            kind, values = "categories", term.categories
            at = np.arange(len(values))[:, None]
        elif len(term.features) == 1:
            kind = "curve"
            values = np.linspace(*self._ranges[position][0], n_points)
            at = values[:, None]
        else:
            kind = "surface"
            size = min(n_points, MOST_PER_SIDE)
            sides = [np.linspace(*ends, size) for ends in self._ranges[position]]
            at = values = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
        rows = self._terms.rows_of(term, at) - self._means[term.columns]
        effect = self._coef[:, term.columns] @ rows.T
        error = low = high = None
        if self._likelihoods is not None:
            error = np.sqrt(np.maximum(self._variance(rows, position), 0.0))
            low, high = effect - width * error, effect + width * error
        if len(effect) == 1:
            one = (None if part is None else part[0] for part in (error, low, high))
            return PartialEffect(term.name, kind, values, effect[0], *one, observed)
        return PartialEffect(
            term.name, kind, values, effect, error, low, high, observed
        )

    def _variance(self, rows, position):
        """Return the expected squared errors (n_rows_of_coef, n) of rows of a term."""
        weights = self._raw_weights()[:, self._terms.terms[position].columns]
        n_outputs, size = weights.shape
        own = self._likelihoods[position].second_moments(weights.ravel())
        own = own.reshape(n_outputs, size, n_outputs, size)
        combine = self._combine(np.eye(n_outputs))
        own = np.einsum("ka,kb,aibj->kij", combine, combine, own)
        return np.einsum("ni,kij,nj->kn", rows, own, rows, optimize=True)

    def _combine(self, raw):
        """Return the scores of raw predictions (n, n_outputs), transposed."""
        return raw.T

    def _keep_observed(self, rows, weight):
        """Keep ranges and a few observed values of every term."""
        self._observed, self._ranges = [], []
        kept = weight > 0.0
        for term in self._terms.terms:
            values = self._terms.values_of(rows, term)
            if term.categories is not None:
                n_categories = len(term.categories)
                self._observed.append(np.bincount(values, weight, n_categories))
                self._ranges.append(None)
                continue
            if not kept.all():
                values = values[kept]
            few = [_by_rank(column[~np.isnan(column)]) for column in values.T]
            # A period is wider than the values in it.
            curve = term.curve
            curves = (curve,) if len(few) == 1 else (curve.first, curve.second)
            ends = [
                (one.low, one.low + one.width * (one.spline is not None))
                for one in curves
            ]
            self._observed.append(few[0] if len(few) == 1 else few)
            self._ranges.append(ends)


def _by_rank(values):
    """Return at most `MOST_OBSERVED` of the values, evenly spaced by rank."""
    values = np.sort(values)
    if len(values) <= MOST_OBSERVED:
        return values
    return values[np.linspace(0, len(values) - 1, MOST_OBSERVED).astype(int)]
