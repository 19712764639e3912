"""The terms of an additive model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._messages import import_optional, shown
from ..additive import PartialEffect
from ..additive._base import AdditiveModel
from ._base import FITTED_PART, drawn_name, last_step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Panels side by side.
MOST_COLUMNS = 3


class PartialEffectDisplay:
    """The effect of every term with its confidence band, one panel each.

    A number is a curve with its band and a rug, ticks at observed values; categories
    are bars with whiskers; a pair of numbers is an image. Make it with
    `from_estimator`.

    Parameters
    ----------
    effects : dict of str to PartialEffect
        From `partial_effects` of an additive model.
    class_names : sequence of str, default=None
        Names of the rows of effects of more than two classes.

    Attributes
    ----------
    axes_ : ndarray of matplotlib.axes.Axes of shape (n_terms,)
        The panels, in the order of `effects`.
    figure_ : matplotlib.figure.Figure
        The figure of the panels.
    artists_ : list of list
        The lines, bars or the image of every panel.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_myhpo import MYHPOAdditiveRegressor
    >>> from sklearn_myhpo.plotting import PartialEffectDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MYHPOAdditiveRegressor().fit(X, y)
    >>> display = PartialEffectDisplay.from_estimator(model, terms=["x2", "x3"])
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['x2', 'x3']
    """

    def __init__(
        self,
        effects: Mapping[str, PartialEffect],
        class_names: Sequence[str] | None = None,
    ) -> None:
        self.effects, self.class_names = effects, class_names

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        terms: str | Sequence[str] | None = None,
        n_points: int = 100,
        level: float = 0.95,
        rug: bool = True,
        ax: Axes | Sequence[Axes] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the terms of a fitted additive model.

        Parameters
        ----------
        estimator : estimator
            Fitted; of a pipeline, the last step is drawn.
        terms : str, list of str or None, default=None
            Names of terms; None for all that the model has not removed.
        n_points, level : int and float
            As in `partial_effects`: points of a curve, and probability of the bands.
        rug : bool, default=True
            Whether to draw ticks at observed values.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            One per term; None makes new ones.
        **kwargs : dict
            Options of `plot` of the axes, for the curves.

        Returns
        -------
        PartialEffectDisplay
            With `axes_`, `figure_` and `artists_`.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If it is not an additive model of this package.
        ValueError
            If a term is unknown, or there is not one axes object per term.
        """
        model = last_step(estimator)
        if not isinstance(model, AdditiveModel):
            raise TypeError(
                "estimator must be a fitted additive model of sklearn_myhpo, or a "
                f"pipeline that ends with one; {FITTED_PART}. Got {shown(model)}."
            )
        check_is_fitted(model)
        if terms is None:
            dropped = set(model.dropped_)
            terms = [name for name in model.term_names_ if name not in dropped]
        effects = model.partial_effects(terms, n_points=n_points, level=level)
        names = [str(one) for one in getattr(model, "classes_", ())]
        display = cls(effects, names if len(names) > 2 else None)
        return display.plot(rug=rug, ax=ax, **kwargs)

    def plot(
        self,
        *,
        rug: bool = True,
        ax: Axes | Sequence[Axes] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the terms.

        Parameters
        ----------
        rug : bool, default=True
            Whether to draw ticks at observed values.
        ax : matplotlib.axes.Axes or sequence of them, default=None
            One per term; None makes new ones.
        **kwargs : dict
            Options of `plot` of the axes, for the curves.

        Returns
        -------
        PartialEffectDisplay
            The display itself.
        """
        self.axes_ = self._make_axes(ax)
        self.figure_ = self.axes_[0].figure
        self.artists_ = []
        for own, effect in zip(self.axes_, self.effects.values(), strict=True):
            if effect.kind == "surface":
                drawn = self._draw_surface(own, effect)
            elif effect.kind == "categories":
                drawn = self._draw_bars(own, effect)
            else:
                drawn = self._draw_curve(own, effect, rug, kwargs)
            self.artists_.append(drawn)
        if self.class_names is not None:
            self.axes_[0].legend(title="class")
        return self

    def _make_axes(self, ax):
        """Return one of the axes per term."""
        plt = import_optional("matplotlib.pyplot", type(self).__name__, extra="plot")
        n_terms = len(self.effects)
        if ax is None:
            n_columns = min(n_terms, MOST_COLUMNS)
            n_rows = -(-n_terms // n_columns)
            _, axes = plt.subplots(
                n_rows,
                n_columns,
                squeeze=False,
                layout="constrained",
                figsize=(1.0 + 3.2 * n_columns, 2.8 * n_rows),
            )
            axes = axes.ravel()
            for spare in axes[n_terms:]:
                spare.remove()
            return axes[:n_terms]
        axes = np.array(ax, dtype=object).ravel()
        if len(axes) != n_terms:
            raise ValueError(
                f"ax must be one of matplotlib's axes per term, {n_terms}. Got "
                f"{len(axes)}."
            )
        return axes

    def _rows(self, effect):
        """Yield the label, effect, low and high of every row of an effect."""
        names = list(map(drawn_name, self.class_names or [])) or [None]
        parts = [np.atleast_2d(effect.effect)]
        for band in (effect.low, effect.high):
            parts.append([None] * len(names) if band is None else np.atleast_2d(band))
        yield from zip(names, *parts, strict=True)

    def _draw_curve(self, ax, effect, rug, kwargs):
        drawn = []
        for label, centre, low, high in self._rows(effect):
            (line,) = ax.plot(effect.values, centre, **{"label": label, **kwargs})
            drawn.append(line)
            if low is not None:
                band = {"color": line.get_color(), "alpha": 0.2, "linewidth": 0}
                ax.fill_between(effect.values, low, high, **band)
        if rug:
            ax.plot(
                effect.observed,
                np.zeros(len(effect.observed)),
                "|",
                color="black",
                alpha=0.4,
                transform=ax.get_xaxis_transform(),
                clip_on=False,
            )
        ax.set(xlabel=drawn_name(effect.term), ylabel="effect")
        return drawn

    def _draw_bars(self, ax, effect):
        drawn, rows = [], list(self._rows(effect))
        width = 0.8 / len(rows)
        for number, (label, centre, low, high) in enumerate(rows):
            places = np.arange(len(centre)) + (number - (len(rows) - 1) / 2) * width
            whiskers = None if low is None else [centre - low, high - centre]
            bars = ax.bar(places, centre, width, yerr=whiskers, label=label, alpha=0.7)
            drawn.append(bars)
        ax.set_xticks(
            np.arange(len(effect.values)), list(map(drawn_name, effect.values))
        )
        ax.set(xlabel=drawn_name(effect.term), ylabel="effect")
        return drawn

    def _draw_surface(self, ax, effect):
        sides = [np.unique(column) for column in effect.values.T]
        # With several classes it is the surface of the last one.
        values = np.atleast_2d(effect.effect)[-1].reshape(len(sides[1]), len(sides[0]))
        most = np.abs(values).max()
        image = ax.pcolormesh(
            *sides, values, cmap="RdBu_r", vmin=-most, vmax=most, shading="nearest"
        )
        ax.figure.colorbar(image, ax=ax, label="effect")
        first, second = effect.term.split(":", 1)
        ax.set(xlabel=drawn_name(first), ylabel=drawn_name(second))
        return [image]
