"""The table of learned penalties in the HTML of a linear model."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from .._html import LearnedHTMLMixin, indices_to_show

#: Groups whose penalties are in the line below the name of the estimator.
MOST_IN_SHORT = 4


class PenaltiesHTMLMixin(LearnedHTMLMixin):
    """Adds a table of the penalties to the HTML of a fitted linear model."""

    def _learned(self):
        try:
            check_is_fitted(self)
        except NotFittedError:
            return None
        lambda_ = np.atleast_1d(self.lambda_)
        name, strength = self._strength()
        strength = np.atleast_1d(strength)
        shown = indices_to_show(lambda_)
        if self._is_per_target:
            kind, keys = "target", np.arange(len(lambda_))
            n_features = np.full(len(lambda_), self.n_features_in_)
        else:
            kind, keys = "group", self.feature_group_names_
            labels = self.feature_group_labels_
            n_features = np.bincount(labels[labels >= 0], minlength=len(lambda_))
        if self.feature_groups is None and not self._is_per_target:
            keys = ["all features"]
        rows = [
            [
                str(keys[index]),
                str(n_features[index]),
                f"{strength[index]:.4g}",
                f"{lambda_[index]:.3f}",
            ]
            for index in shown
        ]
        caption = self._describe_fit()
        if len(shown) < len(lambda_):
            half = len(shown) // 2
            caption += (
                f" The {half} weakest and the {half} strongest penalties of "
                f"{len(lambda_)}; penalties_frame() has all."
            )
        return caption, [kind, "features", name, "lambda"], rows

    def _learned_in_short(self):
        try:
            check_is_fitted(self)
        except NotFittedError:
            return None
        name, strength = self._strength()
        strength = np.atleast_1d(strength)
        if len(strength) == 1:
            return f"{name} {strength[0]:.4g}"
        if self._is_per_target or len(strength) > MOST_IN_SHORT:
            ends = f"{strength.min():.3g} to {strength.max():.3g}"
            return f"{len(strength)} values of {name}, {ends}"
        pairs = zip(self.feature_group_names_, strength, strict=True)
        return f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in pairs)

    def _describe_fit(self):
        loss = np.mean(self.validation_loss_)
        end = "converged" if self.converged_ else "did not converge"
        unit = "iteration" if self.n_iter_ == 1 else "iterations"
        return (
            f"Learned in fit: {self._criterion_name()} {loss:.6g}; {end} after "
            f"{self.n_iter_} {unit}."
        )
