"""Losses, lambda and residuals along the iterations of fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator

from ..linear_model._per_class import lambda_names
from ._base import MAX_LEGEND, check_one_of, drawn_name, make_axes, named_models

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Quantity: TypeAlias = Literal[
    "validation_loss",
    "train_loss",
    "lambda",
    "hypergradient_norm",
    "primal_residual",
    "dual_residual",
]
Against: TypeAlias = Literal["iterations", "n_gradients", "time"]

#: Axis title of every quantity, and whether its values span decades.
QUANTITIES = {
    "validation_loss": ("validation loss", False),
    "train_loss": ("training loss", False),
    "lambda": ("lambda (natural log)", False),
    "hypergradient_norm": ("hypergradient", True),
    "primal_residual": ("primal residual", True),
    "dual_residual": ("dual residual", True),
}
#: Axis title of every horizontal axis.
AGAINST = {
    "iterations": "iteration",
    "n_gradients": "gradients",
    "time": "seconds",
}


class ConvergenceDisplay:
    """Losses, lambda or residuals along the iterations of one fit or of several.

    Make it with `from_estimator`.

    Parameters
    ----------
    histories : dict of str to dict
        The `history_` of every fit, by its name.
    group_names : dict of str to sequence of str, default=None
        Names of the lambdas of every fit.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    lines_ : list of matplotlib.lines.Line2D
        A line per fit, or per lambda of every fit. With more than ten lambdas the line
        is their median; one band contains half of them, another one all.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_myhpo import MYHPORidge
    >>> from sklearn_myhpo.plotting import ConvergenceDisplay
    >>> model = MYHPORidge(lambda_init=-1.0, random_state=0)
    >>> model = model.fit(*load_diabetes(return_X_y=True))
    >>> display = ConvergenceDisplay.from_estimator(model)
    >>> display.ax_.get_xlabel()
    'iteration'
    """

    def __init__(
        self,
        histories: Mapping[str, Mapping[str, np.ndarray]],
        group_names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.histories = histories
        self.group_names = group_names or {}

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator | Sequence[BaseEstimator] | dict[str, BaseEstimator],
        *,
        quantity: Quantity = "validation_loss",
        against: Against = "iterations",
        name: str | None = None,
        ax: Axes | None = None,
        **line_kwargs: Any,
    ) -> Self:
        """Draw the history of fitted estimators.

        Parameters
        ----------
        estimator : estimator, list of estimators or dict of str to estimator
            Fitted; of a pipeline, the last step is drawn.
        quantity : {"validation_loss", "train_loss", "lambda", \
"hypergradient_norm", "primal_residual", "dual_residual"}, default="validation_loss"
            Vertical axis; methods without residuals have no lines for them.
        against : {"iterations", "n_gradients", "time"}, default="iterations"
            Horizontal axis: iterations, number of gradients (the paper's n_g), or
            seconds.
        name : str, default=None
            Name of a single estimator in the legend; None for that of its class.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes new ones.
        **line_kwargs : dict
            Options of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        ConvergenceDisplay
            With `ax_`, `figure_` and `lines_`.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If a parameter has a value that is not allowed.
        """
        models = named_models(estimator, name)
        display = cls(
            {label: model.history_ for label, model in models.items()},
            {label: lambda_names(model) for label, model in models.items()},
        )
        return display.plot(quantity=quantity, against=against, ax=ax, **line_kwargs)

    def plot(
        self,
        *,
        quantity: Quantity = "validation_loss",
        against: Against = "iterations",
        ax: Axes | None = None,
        **line_kwargs: Any,
    ) -> Self:
        """Draw one quantity of all histories.

        Parameters
        ----------
        quantity, against : str
            As in `from_estimator`.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes new ones.
        **line_kwargs : dict
            Options of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        ConvergenceDisplay
            The display itself.
        """
        check_one_of(quantity, "quantity", QUANTITIES)
        check_one_of(against, "against", AGAINST)
        self.ax_ = make_axes(ax, type(self).__name__)
        self.figure_, self.lines_ = self.ax_.figure, []
        title, has_decades = QUANTITIES[quantity]
        for label, history in self.histories.items():
            self._draw(label, history, quantity, against, line_kwargs)
        self.ax_.set(xlabel=AGAINST[against], ylabel=title)
        # Matplotlib would label a flat curve with differences from an offset.
        if self.ax_.get_yscale() == "linear":
            self.ax_.ticklabel_format(axis="y", style="plain", useOffset=False)
        if has_decades and self.lines_:
            self.ax_.set_yscale("log")
        if against == "iterations":
            self.ax_.xaxis.get_major_locator().set_params(integer=True)
        if self.lines_ and len(self.lines_) <= MAX_LEGEND:
            self.ax_.legend()
        return self

    def _draw(self, label, history, quantity, against, line_kwargs):
        values = np.asarray(history[quantity], dtype=float)
        places = np.arange(1, len(values) + 1)
        if against != "iterations":
            places = history[against]
        columns = values.reshape(len(values), -1)
        groups = self.group_names.get(label, range(columns.shape[1]))
        options = {"marker": "o" if len(values) < 30 else "", "markersize": 4}
        if columns.shape[1] > MAX_LEGEND:
            text = f"{label}, median of {columns.shape[1]}"
            kwargs = {**options, "label": drawn_name(text), **line_kwargs}
            low, first, median, third, high = np.nanquantile(
                columns, [0.0, 0.25, 0.5, 0.75, 1.0], axis=1
            )
            (line,) = self.ax_.plot(places, median, **kwargs)
            bands = ((low, high, "all of them"), (first, third, "half of them"))
            for under, over, part in bands:
                band = {"color": line.get_color(), "alpha": 0.2, "lw": 0}
                self.ax_.fill_between(places, under, over, label=part, **band)
            self.lines_.append(line)
            return
        for column, group in zip(columns.T, groups, strict=False):
            if not np.isfinite(column).any():
                continue
            text = label if columns.shape[1] == 1 else f"{label}, {group}"
            kwargs = {**options, "label": drawn_name(text), **line_kwargs}
            self.lines_ += self.ax_.plot(places, column, **kwargs)
