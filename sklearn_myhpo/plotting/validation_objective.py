"""The validation loss along lambda, with what was learned on it."""

import numpy as np

from ._base import fitted, make_axes

#: Width of the picture to either side of what it shows, in units of lambda.
MARGIN = 6.0


class ValidationObjectiveDisplay:
    """The objective along one lambda for all features, and the learned value.

    Make it with `from_estimator`.

    Parameters
    ----------
    places, values : ndarray of shape (n_points,)
        Lambdas, natural logs, and the validation loss there.
    lambda_ : float
        The learned value.
    validation_loss : float
        The loss there.
    lowest : (float, float)
        Lambda and loss at the minimum.
    standard_error : float, default=None
        Of the loss at the minimum.
    grid : ndarray, default=None
        Lambdas that a search tries.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        What was drawn on.
    figure_ : matplotlib.figure.Figure
        Its figure.
    line_ : matplotlib.lines.Line2D
        The curve.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_myhpo import MYHPORidge
    >>> from sklearn_myhpo.plotting import ValidationObjectiveDisplay
    >>> model = MYHPORidge(random_state=0).fit(*load_diabetes(return_X_y=True))
    >>> display = ValidationObjectiveDisplay.from_estimator(model)
    >>> display.ax_.get_ylabel()
    'validation loss'
    """

    def __init__(
        self,
        places,
        values,
        lambda_,
        validation_loss,
        lowest,
        *,
        standard_error=None,
        grid=None,
    ):
        self.places, self.values = places, values
        self.lambda_, self.validation_loss = lambda_, validation_loss
        self.lowest, self.standard_error, self.grid = lowest, standard_error, grid

    @classmethod
    def from_estimator(cls, estimator, *, alphas=None, Cs=None, ax=None, **line_kwargs):
        """Draw the curve that a fit has seen.

        Parameters
        ----------
        estimator : estimator
            Fitted, with one lambda and from ``lambda_init="auto"``; a pipeline is taken
            for its last step.
        alphas, Cs : array-like of shape (n_values,), default=None
            The grid of a search on the same rows for comparison, as `Ridge` or
            `LogisticRegression` understand it; marked along the curve at
            ``lambda = log(alpha / (2 n))``, n the rows of the fit. Give the one that
            the estimator has, of `alpha_` and `C_`.
        ax : matplotlib.axes.Axes, default=None
            What to draw on; new ones without.
        **line_kwargs : dict
            For `matplotlib.axes.Axes.plot`.

        Returns
        -------
        ValidationObjectiveDisplay
            With `ax_`, `figure_` and `line_`.

        Raises
        ------
        ImportError
            Without matplotlib.
        ValueError
            If the fit has seen no such curve, or the grid is of another estimator.
        """
        model = fitted(estimator)
        if model.validation_curve_ is None or np.ndim(model.lambda_):
            raise ValueError(
                "There is no curve of one lambda: the estimator must be fitted with "
                "feature_groups=None and lambda_init='auto', without alpha_per_target "
                f"or warm_start. Got feature_groups={model.feature_groups!r} and "
                f"lambda_init={model.lambda_init!r}."
            )
        display = cls(
            *model.validation_curve_.values(),
            model.lambda_,
            model.validation_loss_,
            (model.lambda_min_, model.validation_loss_min_),
            standard_error=model.validation_loss_standard_error_,
            grid=_lambdas(model, alphas, Cs),
        )
        return display.plot(ax=ax, **line_kwargs)

    def plot(self, *, ax=None, **line_kwargs):
        """Draw the curve, the learned value, the grid, and the band of one error.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            What to draw on; new ones without.
        **line_kwargs : dict
            For `matplotlib.axes.Axes.plot`.

        Returns
        -------
        ValidationObjectiveDisplay
            Itself.
        """
        self.ax_ = make_axes(ax, type(self).__name__)
        self.figure_ = self.ax_.figure
        shown = self._shown()
        places, values = self.places[shown], self.values[shown]
        kwargs = {"marker": ".", "color": "C0", "label": "seen by the fit"}
        (self.line_,) = self.ax_.plot(places, values, **{**kwargs, **line_kwargs})
        if self.standard_error is not None:
            low = self.lowest[1]
            self.ax_.axhspan(
                low,
                low + self.standard_error,
                color="C0",
                alpha=0.15,
                lw=0,
                label="one standard error",
            )
        if self.grid is not None:
            inside = self.grid[(self.grid >= places[0]) & (self.grid <= places[-1])]
            on_curve = np.interp(inside, places, values)
            self.ax_.plot(inside, on_curve, "|", color="C1", ms=12, label="grid")
        self.ax_.plot(
            self.lambda_,
            self.validation_loss,
            "o",
            color="C3",
            zorder=3,
            label=f"learned: {self.lambda_:.3g}",
        )
        self.ax_.set(xlabel="lambda (natural log)", ylabel="validation loss")
        self.ax_.legend()
        return self

    def _shown(self):
        """Return the points near enough to what matters to be drawn."""
        marks = [
            self.lambda_,
            self.lowest[0],
            *([] if self.grid is None else self.grid),
        ]
        low, high = min(marks) - MARGIN, max(marks) + MARGIN
        near = (self.places >= low) & (self.places <= high)
        return near if near.sum() > 1 else np.ones(len(near), dtype=bool)


def _lambdas(model, alphas, Cs):
    """Return a grid as lambdas, or None without one."""
    if alphas is None and Cs is None:
        return None
    has_alpha = hasattr(model, "alpha_")
    if (alphas is None) is has_alpha:
        given, wanted = ("Cs", "alphas") if has_alpha else ("alphas", "Cs")
        raise ValueError(
            f"{given} is the grid of another estimator: {type(model).__name__} needs "
            f"{wanted}."
        )
    # alpha = 2 n e^lambda, with the n of the fit.
    if has_alpha:
        scale = np.log(model.alpha_) - model.lambda_
        return np.sort(np.log(np.asarray(alphas, dtype=float)) - scale)
    scale = -np.log(model.C_) - model.lambda_
    return np.sort(-np.log(np.asarray(Cs, dtype=float)) - scale)
