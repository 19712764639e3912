"""How fits came to their end."""

import numpy as np

from ._base import make_axes, named, one_of

#: What can be drawn: its axis title, and whether its values span decades.
QUANTITIES = {
    "validation_loss": ("validation loss", False),
    "train_loss": ("training loss", False),
    "lambda": ("lambda (natural log)", False),
    "hypergradient_norm": ("hypergradient", True),
    "primal_residual": ("primal residual", True),
    "dual_residual": ("dual residual", True),
}
AGAINST = {
    "iterations": "iteration",
    "n_gradients": "gradients",
    "time": "seconds",
}
#: Lambdas up to which each has a line in the legend.
MAX_LEGEND = 10


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
        What was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.
    lines_ : list of matplotlib.lines.Line2D
        A line per fit, or per lambda of every fit.

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

    def __init__(self, histories, group_names=None):
        self.histories = histories
        self.group_names = group_names or {}

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        quantity="validation_loss",
        against="iterations",
        name=None,
        ax=None,
        **line_kwargs,
    ):
        """Draw the history of fitted estimators.

        Parameters
        ----------
        estimator : estimator, list of estimators or dict of str to estimator
            Fitted; a pipeline is taken for its last step.
        quantity : {"validation_loss", "train_loss", "lambda", \
"hypergradient_norm", "primal_residual", "dual_residual"}, default="validation_loss"
            What is drawn; a method without residuals has no line for them.
        against : {"iterations", "n_gradients", "time"}, default="iterations"
            Along what: iterations, gradients computed (the paper's n_g), or seconds.
        name : str, default=None
            Of a single estimator, in the legend.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; new ones without.
        **line_kwargs : dict
            For `matplotlib.axes.Axes.plot`.

        Returns
        -------
        ConvergenceDisplay
            With `ax_`, `figure_` and `lines_`.

        Raises
        ------
        ImportError
            Without matplotlib.
        ValueError
            If a parameter is none of what is allowed.
        """
        models = named(estimator, name)
        display = cls(
            {label: model.history_ for label, model in models.items()},
            {label: model.feature_group_names_ for label, model in models.items()},
        )
        return display.plot(quantity=quantity, against=against, ax=ax, **line_kwargs)

    def plot(
        self,
        *,
        quantity="validation_loss",
        against="iterations",
        ax=None,
        **line_kwargs,
    ):
        """Draw one quantity of all histories.

        Parameters
        ----------
        quantity, against : str
            As of `from_estimator`.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; new ones without.
        **line_kwargs : dict
            For `matplotlib.axes.Axes.plot`.

        Returns
        -------
        ConvergenceDisplay
            Itself.
        """
        one_of(quantity, "quantity", QUANTITIES)
        one_of(against, "against", AGAINST)
        self.ax_ = make_axes(ax, type(self).__name__)
        self.figure_, self.lines_ = self.ax_.figure, []
        title, has_decades = QUANTITIES[quantity]
        for label, history in self.histories.items():
            self._draw(label, history, quantity, against, line_kwargs)
        self.ax_.set(xlabel=AGAINST[against], ylabel=title)
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
        columns = values[:, None] if values.ndim == 1 else values
        groups = self.group_names.get(label, range(columns.shape[1]))
        options = {"marker": "o" if len(values) < 30 else "", "markersize": 4}
        for column, group in zip(columns.T, groups, strict=False):
            if not np.isfinite(column).any():
                continue
            text = label if columns.shape[1] == 1 else f"{label}, {group}"
            kwargs = {**options, "label": text, **line_kwargs}
            self.lines_ += self.ax_.plot(places, column, **kwargs)
