"""Ridge models that keep the weights of their rows, not those of the features."""

from sklearn.kernel_ridge import KernelRidge

from .._messages import shown
from ..data.arrays import dual_predictor
from ..data.tensors.arrays import as_numpy

#: Attributes that replace `coef_`, and are arrays like X.
DUAL = ("dual_coef_", "X_fit_")


class DualMixin:
    """The dual form of a fit with ``store_coef=False``; a mixin."""

    #: Factors of the features in sums of rows; None for ones. And the sums of the
    #: weights of rows, without the rounding of single ones.
    _dual_scale = _dual_total = None

    def __getattr__(self, name):
        if name == "coef_" and self._has_dual:
            raise AttributeError(
                f"{self._name()} was fitted with store_coef=False and has no coef_. "
                "predict and score do without. Where coefficients are needed, fit with "
                "store_coef=True."
            )
        return super().__getattr__(name)

    @property
    def _has_dual(self):
        """Whether the last fit has kept weights of rows."""
        # Models of splits are copies with coefficients of their own.
        return "dual_coef_" in vars(self) and "coef_" not in vars(self)

    def __sklearn_is_fitted__(self):
        return super().__sklearn_is_fitted__() or self._has_dual

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Of tensors, rows with fewer features need `coef_`.
        tags.array_api_support = self.store_coef
        return tags

    def _set_weights(self, coef, intercept, alpha, dtype):
        for name in DUAL:
            vars(self).pop(name, None)
        self._dual_scale = self._dual_total = None
        super()._set_weights(coef, intercept, alpha, dtype)

    def _set_dual(self, dual, rows, scale, total):
        """Set the weights of rows (n_rows, n_targets) in the place of `coef_`."""
        vars(self).pop("coef_", None)
        self.dual_coef_ = dual[:, 0] if self._one_target else dual
        self.X_fit_, self._dual_scale, self._dual_total = rows, scale, total

    def _dual_predictions(self, X):
        """Return predictions (n_samples, n_targets) for checked NumPy rows."""
        dual = self.dual_coef_.reshape(len(self.dual_coef_), -1)
        given = X, self.X_fit_, self._dual_scale, dual, self.intercept_
        return dual_predictor(*given, self._dual_total)

    def _dual_as_sklearn(self):
        """Return a fitted `KernelRidge` with the same predictions."""
        if self.fit_intercept or self._dual_scale is not None:
            found = f"fit_intercept={shown(self.fit_intercept)}"
            if not self.fit_intercept:
                found = "features with penalties of their own"
            raise ValueError(
                f"{self._name()} was fitted with store_coef=False, of which "
                "scikit-learn has the like only as KernelRidge(kernel='linear'), "
                "without an intercept and with one penalty for all features. Got "
                f"{found}; use store_coef=True, which gives a Ridge."
            )
        plain = KernelRidge(alpha=as_numpy(self.alpha_), kernel="linear")
        plain.dual_coef_ = as_numpy(self.dual_coef_).copy()
        plain.X_fit_ = as_numpy(self.X_fit_)
        plain.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            plain.feature_names_in_ = self.feature_names_in_.copy()
        return plain


def check_dual(model, source):
    """Raise a ValueError if a fit cannot keep weights of rows.

    Parameters
    ----------
    model : RidgeModel
        With ``store_coef=False``.
    source : ProblemSource
        Its data.
    """
    obstacle = None
    if not model.refit:
        obstacle = (
            "are those of the final fit, of which refit=False has none",
            "refit=True",
        )
    elif source.condensed is not None:
        obstacle = (
            "need the training rows, and these come in parts that are not kept",
            "an array, a frame or a sparse matrix",
        )
    elif source.groups.n_unpenalized:
        obstacle = "give no weights without a penalty", "penalty_factors > 0"
    elif source.row_groups is not None:
        obstacle = "do not follow the weights of row_groups", "no row_groups"
    if obstacle is not None:
        raise ValueError(
            f"store_coef=False keeps weights of the rows, which {obstacle[0]}. Use "
            f"{obstacle[1]}, or store_coef=True."
        )
