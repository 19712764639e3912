"""The learned lambdas of groups and features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._messages import shown
from ._base import MAX_LEGEND, fitted_model, make_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Largest number of groups whose bars have names.
MAX_NAMES = 40


class GroupPenaltyDisplay:
    """Learned lambdas as bars, along an axis, or as an image.

    Make it with `from_estimator`.

    Parameters
    ----------
    lambda_ : ndarray of shape (n_groups,) or (n_groups, n_classes)
        Natural logs.
    names : sequence of str
        Names of the groups.
    labels : ndarray of shape (n_features,)
        The group of every feature; -1 for unpenalized features.
    class_names : sequence, default=None
        Names of the classes where they have lambdas of their own.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes.
    figure_ : matplotlib.figure.Figure
        The figure of the axes.
    artist_ : BarContainer, Line2D, list of Line2D or AxesImage
        The bars, the line (one per class where they have lambdas of their own) or the
        image.

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
    ) -> None:
        self.lambda_ = np.atleast_1d(np.asarray(lambda_, dtype=np.float64))
        self.names, self.labels, self.class_names = names, labels, class_names

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        positions: ArrayLike | None = None,
        image_shape: tuple[int, int] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the lambdas of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted; a pipeline is taken for its last step.
        positions : array-like of shape (n_features,), default=None
            Positions of the features on an axis, such as wavelengths: draws a step per
            feature in place of a bar per group.
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
            If `positions` or `image_shape` do not have one place per feature, both are
            given, or `image_shape` is given where classes have lambdas of their own.
        """
        model = fitted_model(estimator)
        if model._is_per_target:
            raise ValueError(
                "alpha_per_target=True learns lambdas of targets, not of features: "
                "draw `lambda_` itself."
            )
        given = model.feature_group_names_, model.feature_group_labels_
        if model._is_per_class:
            names = model.classes_.tolist()
            lambda_ = np.reshape(model.lambda_, (-1, len(names)))
            display = cls(lambda_, *given, class_names=names)
        else:
            display = cls(model.lambda_, *given)
        return display.plot(
            positions=positions, image_shape=image_shape, ax=ax, **kwargs
        )

    def plot(
        self,
        *,
        positions: ArrayLike | None = None,
        image_shape: tuple[int, int] | None = None,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the lambdas.

        Parameters
        ----------
        positions, image_shape : array-like or None
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
        self._check(positions, image_shape)
        self.ax_ = make_axes(ax, type(self).__name__)
        self.figure_ = self.ax_.figure
        if image_shape is not None:
            self._draw_image(image_shape, kwargs)
        elif positions is not None:
            self._draw_along(np.asarray(positions), kwargs)
        else:
            self._draw_bars(kwargs)
        return self

    def _check(self, positions, image_shape):
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
        if image_shape is not None and (
            len(image_shape) != 2 or np.prod(image_shape) != n_features
        ):
            raise ValueError(
                f"image_shape must be (rows, columns) of {n_features} features. Got "
                f"{shown(image_shape)}."
            )

    def _per_feature(self):
        """Return the lambdas of every feature, NaN where it is never penalized."""
        found = self.lambda_[self.labels]
        found[self.labels < 0] = np.nan
        return found

    def _draw_image(self, image_shape, kwargs):
        image = self._per_feature().reshape(image_shape)
        self.artist_ = self.ax_.imshow(image, **{"cmap": "viridis", **kwargs})
        self.ax_.set(xticks=[], yticks=[])
        self.figure_.colorbar(self.artist_, ax=self.ax_, label="lambda (natural log)")

    def _draw_along(self, positions, kwargs):
        order = np.argsort(positions, kind="stable")
        values = self._per_feature()[order]
        options = {"drawstyle": "steps-mid", **kwargs}
        lines = self.ax_.plot(positions[order], values, **options)
        self.artist_ = lines[0] if self.class_names is None else lines
        if self.class_names is not None and len(lines) <= MAX_LEGEND:
            self.ax_.legend(lines, [str(name) for name in self.class_names])
        self.ax_.set(xlabel="position of the feature", ylabel="lambda (natural log)")

    def _draw_bars(self, kwargs):
        lambda_, names = np.ravel(self.lambda_), self._bar_names()
        rows = np.arange(len(lambda_))
        # Lambdas have no natural zero: bars start just below the weakest penalty.
        least = np.floor(lambda_.min()) - 1.0
        self.artist_ = self.ax_.barh(rows, lambda_ - least, left=least, **kwargs)
        self.ax_.set(xlabel="lambda (natural log)", xlim=(least, None))
        self.ax_.invert_yaxis()
        if len(rows) <= MAX_NAMES:
            self.ax_.set_yticks(rows, names)
        else:
            self.ax_.set_ylabel("group" if self.class_names is None else "lambda")

    def _bar_names(self):
        """Return the name of every bar: the group, the class, or both."""
        if self.class_names is None:
            return [str(name) for name in self.names]
        if len(self.names) == 1:
            return [str(name) for name in self.class_names]
        return [f"{name}, {one}" for name in self.names for one in self.class_names]
