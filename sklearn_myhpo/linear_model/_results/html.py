"""The table of learned penalties in the HTML of a linear model."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ..._html import LearnedHTMLMixin, indices_to_show
from .._per_class import class_penalties, lambda_names

#: Maximum number of penalties in the line below the name of the estimator.
MOST_IN_SHORT = 4


class PenaltiesHTMLMixin(LearnedHTMLMixin):
    """Adds a table of the penalties to the HTML of a fitted linear model."""

    def _learned(self):
        try:
            check_is_fitted(self)
        except NotFittedError:
            return None
        lambda_ = np.ravel(self.lambda_)
        name, strength = self._strength()
        strength = np.ravel(strength)
        shown = indices_to_show(lambda_)
        keys, n_features = self._keys_of_rows(len(lambda_))
        rows = [
            [
                *(str(values[index]) for values in keys.values()),
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
        return caption, [*keys, "features", name, "lambda"], rows

    def _keys_of_rows(self, n_lambdas):
        """Return the columns that name the lambdas, and how many features each has."""
        if self._is_per_class:
            keys, n_features, _ = class_penalties(self)
            return keys, n_features
        if self._is_per_target:
            n_features = np.full(n_lambdas, self.n_features_in_)
            return {"target": np.arange(n_lambdas)}, n_features
        labels, names = self.feature_group_labels_, self.feature_group_names_
        n_features = np.bincount(labels[labels >= 0], minlength=n_lambdas)
        names = ["all features"] if self.feature_groups is None else names
        return {"group": names}, n_features

    def _learned_in_short(self):
        try:
            check_is_fitted(self)
        except NotFittedError:
            return None
        name, strength = self._strength()
        strength = np.ravel(strength)
        if len(strength) == 1:
            return f"{name} {strength[0]:.4g}"
        if self._is_per_target or len(strength) > MOST_IN_SHORT:
            ends = f"{strength.min():.3g} to {strength.max():.3g}"
            return f"{len(strength)} values of {name}, {ends}"
        pairs = zip(lambda_names(self), strength, strict=True)
        return f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in pairs)

    def _describe_fit(self):
        loss = np.mean(self.validation_loss_)
        end = "converged" if self.converged_ else "did not converge"
        unit = "iteration" if self.n_iter_ == 1 else "iterations"
        return (
            f"Learned in fit: {self._criterion_name()} {loss:.6g}; {end} after "
            f"{self.n_iter_} {unit}."
        )
