"""The learned penalties of groups and features."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._messages import import_optional, shown
from ..linear_model._per_class import names_with_classes
from ._base import (
    MAX_LEGEND,
    check_one_of,
    drawn_name,
    fitted_model,
    log_unit,
    make_axes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Strength: TypeAlias = Literal["relative", "alpha", "C", "lambda"]

#: Axis title of every measure of strength.
STRENGTHS = {
    "relative": "penalty strength relative to one shared strength",
    "alpha": "penalty strength alpha",
    "C": "inverse penalty strength C",
    "lambda": "lambda (natural log)",
}
#: Largest number of groups whose bars have names.
NAMED_BARS = 40


class GroupPenaltyDisplay:
    """Learned penalties as bars or dots, along an axis, or as an image.

    Make it with `from_estimator`.

    Parameters
    ----------
    lambda_ : ndarray of shape (n_groups,), (n_classes,) or (n_groups, n_classes)
        Natural logs. With `class_names`, the shape (n_classes,) means that there are
        no groups of features.
    names : sequence of str
        Names of the groups.
    labels : ndarray of shape (n_features,)
        The group of every feature; -1 for unpenalized features.
    class_names : sequence, default=None
        Names of the classes if they have separate lambdas.
    shared_lambda : float, default=None
        The best lambda that all groups share; None for the median over the features.
    log_unit : float, default=0.0
        ``log(alpha) - lambda``, the same for all groups.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    artist_ : BarContainer, Line2D, list of Line2D or AxesImage
        The bars, the line or dots, one line per class if they have separate lambdas, or
        the image.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_myhpo import MYHPORidge
    >>> from sklearn_myhpo.plotting import GroupPenaltyDisplay
    >>> groups = ["body"] * 4 + ["serum"] * 6
    >>> model = MYHPORidge(feature_groups=groups, random_state=0)
    >>> model = model.fit(*load_diabetes(return_X_y=True))
    >>> display = GroupPenaltyDisplay.from_estimator(model)
    >>> [text.get_text() for text in display.ax_.get_yticklabels()]
    ['body', 'serum']
    """

    def __init__(
        self,
        lambda_: ArrayLike,
        names: Sequence[str],
        labels: np.ndarray,
        class_names: Sequence | None = None,
        *,
        shared_lambda: float | None = None,
        log_unit: float = 0.0,
    ) -> None:
        self.lambda_ = np.atleast_1d(np.asarray(lambda_, dtype=np.float64))
        self.names, self.labels, self.class_names = names, labels, class_names
        self._has_groups = class_names is None or self.lambda_.ndim == 2
        if class_names is not None:
            self.lambda_ = self.lambda_.reshape(-1, len(class_names))
        self.shared_lambda, self.log_unit = shared_lambda, log_unit

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        strength: Strength = "relative",
        positions: ArrayLike | None = None,
        image_shape: tuple[int, int] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the penalties of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted; of a pipeline, the last step is drawn.
        strength : {"relative", "alpha", "C", "lambda"}, default="relative"
            Measure of strength. ``"relative"``: alpha of every group over the best
            alpha that all groups share; 1 means "as without groups". ``"alpha"``,
            ``"C"``: the parameters of scikit-learn, with ``C = 1 / alpha``.
            ``"lambda"``: the natural log that is learned.
        positions : array-like of shape (n_features,), default=None
            Positions of the features on an axis, such as wavelengths: draws a step per
            feature instead of a bar per group.
        image_shape : (int, int), default=None
            Rows and columns of an image whose pixels are the features.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes new ones.
        **kwargs : dict
            Options of `barh`, `plot` or `imshow` of the axes.

        Returns
        -------
        GroupPenaltyDisplay
            With `ax_`, `figure_` and `artist_`.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `strength` has a value that is not allowed, `positions` or `image_shape`
            do not have one place per feature, both are given, or `image_shape` is given
            although classes have separate lambdas.
        """
        model = fitted_model(estimator)
        if model._is_per_target:
            raise ValueError(
                "alpha_per_target=True learns lambdas of targets, not of features: "
                "draw `lambda_` itself."
            )
        display = cls(
            model.lambda_,
            model.feature_group_names_,
            model.feature_group_labels_,
            model.classes_.tolist() if model._is_per_class else None,
            shared_lambda=_shared_lambda(model),
            log_unit=log_unit(model),
        )
        return display.plot(
            strength=strength,
            positions=positions,
            image_shape=image_shape,
            ax=ax,
            **kwargs,
        )

    def plot(
        self,
        *,
        strength: Strength = "relative",
        positions: ArrayLike | None = None,
        image_shape: tuple[int, int] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the penalties.

        Parameters
        ----------
        strength, positions, image_shape : str, array-like or None
            As in `from_estimator`.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on; None makes new ones.
        **kwargs : dict
            Options of `barh`, `plot` or `imshow` of the axes.

        Returns
        -------
        GroupPenaltyDisplay
            The display itself.
        """
        self._check(strength, positions, image_shape)
        self.ax_ = make_axes(ax, type(self).__name__)
        self.figure_ = self.ax_.figure
        if image_shape is not None:
            self._draw_image(strength, image_shape, kwargs)
        elif positions is not None:
            self._draw_along(strength, np.asarray(positions), kwargs)
        else:
            self._draw_groups(strength, kwargs)
        return self

    def _check(self, strength, positions, image_shape):
        check_one_of(strength, "strength", STRENGTHS)
        n_features = len(self.labels)
        if positions is not None and image_shape is not None:
            raise ValueError("Give positions or image_shape, not both.")
        if positions is not None and np.shape(positions) != (n_features,):
            raise ValueError(
                f"positions must have the shape ({n_features},), one per feature. Got "
                f"{np.shape(positions)}."
            )
        if image_shape is not None and self.class_names is not None:
            raise ValueError(
                "image_shape draws one lambda per feature, but with "
                f"alpha_per_target=True there are {len(self.class_names)}. Draw "
                "class k by GroupPenaltyDisplay(lambda_[:, k], feature_group_names_, "
                "feature_group_labels_).plot(image_shape=...)."
            )
        if image_shape is not None and not _is_shape_of(image_shape, n_features):
            raise ValueError(
                f"image_shape must be (rows, columns) of {n_features} features. Got "
                f"{shown(image_shape)}."
            )

    def _in(self, strength, lambda_):
        """Return lambdas converted to a measure of strength."""
        if strength == "lambda":
            return lambda_
        if strength == "relative":
            return np.exp(lambda_ - self._shared())
        alpha = np.exp(lambda_ + self.log_unit)
        return 1.0 / alpha if strength == "C" else alpha

    def _shared(self):
        """Return the lambda that relative strengths are relative to."""
        if self.shared_lambda is not None:
            return self.shared_lambda
        penalized = self.labels[self.labels >= 0]
        return np.median(self.lambda_[penalized])

    def _per_feature(self, strength):
        """Return the strengths of every feature, NaN where it is never penalized."""
        found = self._in(strength, self.lambda_)[self.labels]
        found[self.labels < 0] = np.nan
        return found

    def _draw_image(self, strength, image_shape, kwargs):
        image = self._per_feature(strength).reshape(image_shape)
        options = {"cmap": "viridis"}
        if strength != "lambda" and "norm" not in kwargs:
            options["norm"] = _log_norm(image, strength == "relative")
            options["cmap"] = "PuOr_r" if strength == "relative" else "viridis"
        self.artist_ = self.ax_.imshow(image, **{**options, **kwargs})
        self.ax_.set(xticks=[], yticks=[])
        title = _title_in_two_lines(strength)
        self.figure_.colorbar(self.artist_, ax=self.ax_, label=title)

    def _draw_along(self, strength, positions, kwargs):
        order = np.argsort(positions, kind="stable")
        values = self._per_feature(strength)[order]
        options = {"drawstyle": "steps-mid", **kwargs}
        lines = self.ax_.plot(positions[order], values, **options)
        self.artist_ = lines[0] if self.class_names is None else lines
        if self.class_names is not None and len(lines) <= MAX_LEGEND:
            self.ax_.legend(lines, list(map(drawn_name, self.class_names)))
        self.ax_.axhline(self._in(strength, self._shared()), color="0.5", lw=0.8)
        title = _title_in_two_lines(strength)
        self.ax_.set(xlabel="position of the feature", ylabel=title)
        if strength != "lambda":
            self.ax_.set_yscale("log")

    def _draw_groups(self, strength, kwargs):
        values = self._in(strength, self.lambda_.ravel())
        rows = np.arange(len(values))
        names = self.names
        if self.class_names is not None:
            groups = self.names if self._has_groups else None
            names = names_with_classes(groups, self.class_names)
        shared = self._in(strength, self._shared())
        if strength != "lambda":
            self.ax_.set_xscale("log")
        if strength == "relative":
            # Bars start at 1, the penalty without groups.
            left, width = np.minimum(values, 1.0), np.abs(values - 1.0)
            self.artist_ = self.ax_.barh(rows, width, left=left, **kwargs)
            # Limits of a log axis would ignore bars to the left of 1.
            ends = [1.0 / 1.5, 1.5, *values[np.isfinite(values)]]
            self.ax_.set_xlim(min(ends) / 1.2, max(ends) * 1.2)
        else:
            # Bars would need an origin, which these measures do not have.
            options = {"marker": "o", "linestyle": "", **kwargs}
            (self.artist_,) = self.ax_.plot(values, rows, **options)
            self.ax_.grid(axis="y", alpha=0.3)
        self.ax_.axvline(shared, color="0.5", lw=0.8, label="one strength for all")
        self.ax_.set(xlabel=STRENGTHS[strength], ylim=(len(rows) - 0.5, -0.5))
        if len(rows) <= NAMED_BARS:
            self.ax_.set_yticks(rows, list(map(drawn_name, names)))
        else:
            self.ax_.set_ylabel("group" if self.class_names is None else "lambda")
        if strength != "relative":
            self.ax_.legend()


def _title_in_two_lines(strength):
    """Return the title of a measure, which is too long for a vertical axis."""
    return STRENGTHS[strength].replace(" relative", "\nrelative")


def _shared_lambda(model):
    """Return the lambda with the lowest loss in the scan, None without a scan."""
    curve = model.validation_curve_
    if curve is None:
        return None
    places, values = curve.values()
    return float(places[np.argmin(values)])


def _log_norm(image, is_relative):
    """Return a log scale of colours, symmetric about 1 if it is relative."""
    colors = import_optional("matplotlib.colors", "GroupPenaltyDisplay", extra="plot")
    low, high = np.nanmin(image), np.nanmax(image)
    if is_relative:
        high = max(high, 1.0 / low, 1.001)
        low = 1.0 / high
    return colors.LogNorm(low, high)


def _is_shape_of(image_shape, n_features):
    """Return whether a value is the shape of an image of the features."""
    sizes = np.asarray(image_shape, dtype=object)
    return (
        sizes.shape == (2,)
        and all(isinstance(size, Integral) and size > 0 for size in sizes)
        and sizes.prod() == n_features
    )
