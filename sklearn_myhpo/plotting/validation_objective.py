"""The validation loss along lambda, and the learned value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_regressor

from .._messages import shown
from ._base import fitted_model, make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Width of the margins beside the marked lambdas, in units of lambda.
MARGIN = 6.0


class ValidationObjectiveDisplay:
    """The objective along one lambda for all features, and the learned value.

    Make it with `from_estimator`.

    Parameters
    ----------
    places, values : ndarray of shape (n_points,)
        Lambdas, natural logs, and the validation loss there.
    lambda_ : float
        Learned lambda.
    validation_loss : float
        Validation loss at the learned lambda.
    lowest : (float, float)
        Lambda and validation loss at the minimum.
    standard_error : float, default=None
        Standard error of the loss at the minimum.
    grid : ndarray, default=None
        Lambdas of a search, to mark.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
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
        places: np.ndarray,
        values: np.ndarray,
        lambda_: float,
        validation_loss: float,
        lowest: tuple[float, float],
        *,
        standard_error: float | None = None,
        grid: np.ndarray | None = None,
    ) -> None:
        self.places, self.values = places, values
        self.lambda_, self.validation_loss = lambda_, validation_loss
        self.lowest, self.standard_error, self.grid = lowest, standard_error, grid

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        alphas: ArrayLike | None = None,
        Cs: ArrayLike | None = None,
        ax: Axes | None = None,
        **line_kwargs: Any,
    ) -> Self:
        """Draw the objective as the scan of a fit evaluated it.

        Parameters
        ----------
        estimator : estimator
            Fitted, with one lambda and from ``lambda_init="auto"``; a pipeline is taken
            for its last step.
        alphas, Cs : array-like of shape (n_values,), default=None
            Grid of a search on the same rows, for comparison: alphas of `Ridge`, or Cs
            of `LogisticRegression`. It is marked along the curve at
            ``lambda = log(alpha / (2 n))``, n the rows of the fit.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes new ones.
        **line_kwargs : dict
            Options of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        ValidationObjectiveDisplay
            With `ax_`, `figure_` and `line_`.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the fit has no such curve, or the grid is for the other kind of
            estimator.
        """
        model = fitted_model(estimator)
        if model.validation_curve_ is None or np.ndim(model.lambda_):
            raise ValueError(
                "There is no curve of one lambda: the estimator must be fitted with "
                "feature_groups=None and lambda_init='auto', without alpha_per_target "
                f"or warm_start. Got feature_groups={shown(model.feature_groups)} and "
                f"lambda_init={shown(model.lambda_init)}."
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

    def plot(self, *, ax: Axes | None = None, **line_kwargs: Any) -> Self:
        """Draw the curve, the learned value, the grid and a band of one standard error.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes new ones.
        **line_kwargs : dict
            Options of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        ValidationObjectiveDisplay
            The display itself.
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
        """Return a mask of the points near the learned value, minimum and grid."""
        marks = [
            self.lambda_,
            self.lowest[0],
            *([] if self.grid is None else self.grid),
        ]
        low, high = min(marks) - MARGIN, max(marks) + MARGIN
        near = (self.places >= low) & (self.places <= high)
        return near if near.sum() > 1 else np.ones(len(near), dtype=bool)


def _lambdas(model, alphas, Cs):
    """Return the lambdas of a grid, or None without a grid."""
    if alphas is None and Cs is None:
        return None
    has_alpha = is_regressor(model)
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
