"""The validation loss along lambda, and the learned value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_regressor

from .._messages import shown
from ..linear_model._per_class import lambda_names
from ..linear_model._results.at_lambda import AtLambda
from ._base import drawn_name, features_of, fitted_model, make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Width of the margins beside the marked lambdas, in units of lambda.
MARGIN = 6.0
#: Maximum number of groups with a slice, unless they are named.
MAX_SLICES = 6
#: Points of a slice.
N_POINTS = 25


class ValidationObjectiveDisplay:
    """The objective along one lambda, and the learned value.

    With groups it draws slices through the optimum: the lambda of one group moves, and
    all others stay. Make it with `from_estimator`.

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
    slices : dict of str to (ndarray, ndarray, float), default=None
        Lambdas, losses and the learned lambda by the name of the group; they are drawn
        instead of the curve.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    line_ : matplotlib.lines.Line2D or None
        The curve; None for slices.
    lines_ : list of matplotlib.lines.Line2D
        The curve, or a line per slice.

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
        slices: dict[str, tuple[np.ndarray, np.ndarray, float]] | None = None,
    ) -> None:
        self.places, self.values = places, values
        self.lambda_, self.validation_loss = lambda_, validation_loss
        self.lowest, self.standard_error, self.grid = lowest, standard_error, grid
        self.slices = slices

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        fit_params: dict[str, Any] | None = None,
        feature_groups: str | Sequence[str] | None = None,
        alphas: ArrayLike | None = None,
        Cs: ArrayLike | None = None,
        ax: Axes | None = None,
        **line_kwargs: Any,
    ) -> Self:
        """Draw the objective from the scan of a fit, or slices through the optimum.

        Parameters
        ----------
        estimator : estimator
            Fitted; of a pipeline, the last step is drawn, and the other steps transform
            X. Without X it must have one lambda, from ``lambda_init="auto"``.
        X : array-like or sparse matrix of shape (n_samples, n_features), default=None
            Data of the fit, for slices: the inner problems are solved again at 25
            lambdas of every group.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Target of the fit, for slices.
        fit_params : dict, default=None
            Arguments of `fit` other than X and y, such as `sample_weight`.
        feature_groups : str or sequence of str, default=None
            Names of the groups to draw, such as "body"; with a lambda per class, such
            as "body, red". None for the first six.
        alphas, Cs : array-like of shape (n_values,), default=None
            Grid of a search on the same rows, for comparison: alphas of `Ridge`, or Cs
            of `LogisticRegression`, all positive. It is marked along the curve at
            ``lambda = log(alpha / (2 n))``, n the rows of the fit. Not with X: slices
            have no grid.
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
            If the fit has no such curve, the grid is for the other kind of estimator,
            X and y are not those of the fit, or a group is unknown.
        """
        model = fitted_model(estimator)
        if X is not None:
            _check_no_grid(alphas, Cs)
            at_lambda = AtLambda(model, features_of(estimator, X), y, fit_params)
            display = cls(
                np.empty(0),
                np.empty(0),
                model.lambda_,
                model.validation_loss_,
                (model.lambda_min_, model.validation_loss_min_),
                standard_error=model.validation_loss_standard_error_,
                slices=_slices(model, at_lambda, feature_groups),
            )
            return display.plot(ax=ax, **line_kwargs)
        if model.validation_curve_ is None or np.ndim(model.lambda_):
            raise ValueError(
                "There is no curve of one lambda: give X and y for slices through the "
                "optimum, or fit with feature_groups=None and lambda_init='auto', "
                "without alpha_per_target or warm_start. Got "
                f"feature_groups={shown(model.feature_groups)} and "
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
        self.ax_.set(xlabel="lambda (natural log)", ylabel="validation loss")
        # Matplotlib would label a flat curve with differences from an offset.
        self.ax_.ticklabel_format(axis="y", style="plain", useOffset=False)
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
        if self.slices is None:
            self._draw_curve(line_kwargs)
        else:
            self._draw_slices(line_kwargs)
        self.ax_.legend()
        return self

    def _draw_slices(self, line_kwargs):
        self.line_, self.lines_ = None, []
        for name, (places, values, learned) in self.slices.items():
            options = {"label": drawn_name(name), **line_kwargs}
            (line,) = self.ax_.plot(places, values, **options)
            on_line = np.interp(learned, places, values)
            color = line.get_color()
            self.ax_.plot(learned, on_line, "o", color=color, zorder=3, label="_")
            self.lines_.append(line)
        self.ax_.set(xlabel="lambda of the group (natural log)")
        if self.standard_error:
            # High losses far from the optimum would make slices near it look flat.
            low, error = self.lowest[1], self.standard_error
            bottom, top = self.ax_.get_ylim()
            self.ax_.set_ylim(max(bottom, low - error), min(top, low + 3.0 * error))

    def _draw_curve(self, line_kwargs):
        near = self._shown()
        places, values = self.places[near], self.values[near]
        kwargs = {"marker": ".", "color": "C0", "label": "seen by the fit"}
        (self.line_,) = self.ax_.plot(places, values, **{**kwargs, **line_kwargs})
        self.lines_ = [self.line_]
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
        return np.sort(_logs(alphas, "alphas") - scale)
    scale = -np.log(model.C_) - model.lambda_
    return np.sort(-_logs(Cs, "Cs") - scale)


def _logs(values, name):
    """Return the natural logs of a grid, or raise if it has none."""
    try:
        found = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        found = np.empty(0)
    is_grid = found.ndim == 1 and found.size > 0
    if not (is_grid and np.all((found > 0.0) & np.isfinite(found))):
        raise ValueError(
            f"{name} must be an array of finite numbers > 0. Got {shown(values)}."
        )
    return np.log(found)


def _check_no_grid(alphas, Cs):
    """Raise if a grid is given for slices, on which it cannot be marked."""
    for name, grid in (("alphas", alphas), ("Cs", Cs)):
        if grid is not None:
            raise ValueError(
                f"{name} is marked along the curve of one lambda, which is drawn "
                "without X and y; with them, slices are drawn. Leave out X and y, or "
                f"{name}."
            )


def _slices(model, at_lambda, feature_groups):
    """Return lambdas, losses and the learned lambda, by the name of the group."""
    names = [str(name) for name in lambda_names(model)]
    if feature_groups is None:
        feature_groups = names[:MAX_SLICES]
    elif isinstance(feature_groups, str) or not np.iterable(feature_groups):
        feature_groups = [feature_groups]
    found = {}
    for name in map(str, feature_groups):
        if name not in names:
            raise ValueError(
                "feature_groups must be names of groups of the estimator, "
                f"{shown(names)}. Got {shown(name)}."
            )
        group = names.index(name)
        learned = at_lambda.lambda_[group]
        low, high = at_lambda.bounds[:, group]
        ends = max(low, learned - MARGIN), min(high, learned + MARGIN)
        places = np.union1d(np.linspace(*ends, N_POINTS), learned)
        steps = np.eye(len(names))[group] * (places - learned)[:, None]
        values = [at_lambda.loss(place) for place in at_lambda.lambda_ + steps]
        found[name] = places, np.array(values), learned
    return found
