"""Coefficients along the strength of the penalties."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._messages import shown
from ..linear_model._results.at_lambda import AtLambda
from ._base import drawn_name, features_of, fitted_model, make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Number of features that are named in the legend.
NAMED_LINES = 10
#: Largest factor on the learned penalties; the smallest one is its inverse.
SPAN = 1e4


class CoefficientPathDisplay:
    """Coefficients along a common factor on all learned penalties.

    Make it with `from_estimator`.

    Parameters
    ----------
    strengths : ndarray of shape (n_points,)
        Factors on the learned penalties, in ascending order.
    coefs : ndarray of shape (n_points, n_features)
        Coefficients at each of them.
    names : sequence of str, default=None
        Names of the features; None for x0, x1, ...

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    lines_ : list of matplotlib.lines.Line2D
        A line per feature.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_myhpo import MYHPORidge
    >>> from sklearn_myhpo.plotting import CoefficientPathDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MYHPORidge().fit(X, y)
    >>> display = CoefficientPathDisplay.from_estimator(model, X, y)
    >>> len(display.lines_)
    10
    """

    def __init__(
        self,
        strengths: np.ndarray,
        coefs: np.ndarray,
        names: Sequence[str] | None = None,
    ) -> None:
        self.strengths, self.coefs, self.names = strengths, coefs, names

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        fit_params: dict[str, Any] | None = None,
        n_points: int = 41,
        target: Any = None,
        ax: Axes | None = None,
        **line_kwargs: Any,
    ) -> Self:
        """Draw the path of the coefficients of a fitted estimator.

        At every point the estimator is fitted again with all its lambdas moved by the
        same amount. At factor 1 the lines pass through `coef_`.

        Parameters
        ----------
        estimator : estimator
            Fitted; of a pipeline, the last step is drawn, and the other steps transform
            X.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data of the fit.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target of the fit.
        fit_params : dict, default=None
            Arguments of `fit` other than X and y, such as `sample_weight`.
        n_points : int, default=41
            Number of factors between 1/10000 and 10000; the factor 1 is added.
        target : int or class label, default=None
            Which target, or which class of more than two; None for the first.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes new ones.
        **line_kwargs : dict
            Options of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        CoefficientPathDisplay
            With `ax_`, `figure_` and `lines_`.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If the rows are not those of the fit, lambdas are not shared by the targets,
            or `target` or `n_points` have a value that is not allowed.
        """
        model = fitted_model(estimator)
        if not (isinstance(n_points, Integral) and n_points >= 2):
            raise ValueError(f"n_points must be an int >= 2. Got {shown(n_points)}.")
        row = _row_of(model, target)
        at_lambda = AtLambda(model, features_of(estimator, X), y, fit_params)
        moves = np.linspace(-np.log(SPAN), np.log(SPAN), n_points)
        moves = np.union1d(moves, 0.0)
        coefs = [
            np.atleast_2d(at_lambda.coef(place))[row]
            for place in at_lambda.lambda_ + moves[:, None]
        ]
        names = getattr(model, "feature_names_in_", None)
        display = cls(np.exp(moves), np.array(coefs), names)
        return display.plot(ax=ax, **line_kwargs)

    def plot(self, *, ax: Axes | None = None, **line_kwargs: Any) -> Self:
        """Draw a line per feature, with the names of the largest in the legend.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes new ones.
        **line_kwargs : dict
            Options of `matplotlib.axes.Axes.plot`.

        Returns
        -------
        CoefficientPathDisplay
            The display itself.
        """
        self.ax_ = make_axes(ax, type(self).__name__)
        self.figure_ = self.ax_.figure
        n_features = self.coefs.shape[1]
        names = self.names
        if names is None:
            names = [f"x{number}" for number in range(n_features)]
        learned = self.coefs[np.argmin(np.abs(np.log(self.strengths)))]
        largest = set(
            np.argsort(-np.abs(learned), kind="stable")[:NAMED_LINES].tolist()
        )
        self.lines_ = []
        for number, name in enumerate(names):
            options = {"label": drawn_name(name)}
            if number not in largest:
                options = {"color": "0.7", "lw": 0.7, "zorder": 1, "label": "_"}
            (line,) = self.ax_.plot(
                self.strengths, self.coefs[:, number], **{**options, **line_kwargs}
            )
            self.lines_.append(line)
        self.ax_.axvline(1.0, color="0.3", lw=0.8, ls="--", label="learned")
        self.ax_.axhline(0.0, color="0.7", lw=0.6, zorder=0)
        self.ax_.set(
            xscale="log",
            xlabel="penalty strength relative to the learned one",
            ylabel="coefficient",
        )
        self.ax_.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return self


def _row_of(model, target):
    """Return the row of `coef_` of a target or class."""
    coef = np.atleast_2d(model.coef_)
    if target is None:
        return 0
    labels = getattr(model, "classes_", None)
    if labels is None or len(coef) == 1:
        labels = range(len(coef))
    labels = list(labels)
    if target not in labels:
        raise ValueError(
            f"target must be one of {shown(labels)}, or None for the first. Got "
            f"{shown(target)}."
        )
    return labels.index(target)
