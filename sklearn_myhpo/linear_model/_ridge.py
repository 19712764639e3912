"""Shared code of the ridge estimators: squared loss, numeric targets, `alpha_`."""

from __future__ import annotations

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from .._messages import shown
from .._typing import MatrixLike
from ..data.dask.lazy import lazily
from ..data.few_targets import largest_square
from ..data.tensors.arrays import on_host
from ..losses import SquaredLoss
from ._base import BilevelLinearModel
from ._checks import check_not_text
from ._dual import DualMixin
from ._exact_parts import ExactPartsMixin
from ._many_targets import ManyTargetsMixin
from ._results.export import export, typical_strength
from ._streams.dask_score import DaskScoreMixin
from ._targets import PerTargetMixin
from ._units import UnitsMixin, unit_exponents


class RidgeModel(
    DaskScoreMixin,
    MultiOutputMixin,
    RegressorMixin,
    DualMixin,
    ExactPartsMixin,
    UnitsMixin,
    ManyTargetsMixin,
    PerTargetMixin,
    BilevelLinearModel,
):
    """Base of the ridge estimators."""

    _is_multi_output = _is_from_moments = True
    #: Whether the last y was a vector or one column, so that `coef_` is a vector.
    _one_target = False
    #: Whether y was one column. Then `intercept_` is an array, as in `Ridge`.
    _one_column = False

    @property
    def _is_per_target(self):
        return self.alpha_per_target and not self._one_target

    def _check_target(self, y, sample_weight):
        if self.alpha_per_target and self.feature_groups is not None:
            raise ValueError(
                "alpha_per_target=True learns one lambda per target and needs "
                "feature_groups=None, one lambda for all features. Got "
                f"feature_groups={shown(self.feature_groups)}; use "
                "alpha_per_target=False, or fit one model per target."
            )
        if self.alpha_per_target and self.selection != "min":
            raise ValueError(
                f"selection={shown(self.selection)} chooses one lambda for all "
                "targets. Use selection='min' with alpha_per_target=True, or one "
                "model per target."
            )
        if self.alpha_per_target and self.n_starts > 1:
            raise ValueError(
                f"n_starts={shown(self.n_starts)} is for lambdas that interact, but "
                "with alpha_per_target=True every lambda has a scan of its own. Use "
                "n_starts=1."
            )
        if not np.isfinite(largest_square(y, sample_weight)):
            raise ValueError(
                f"y has entries up to {np.abs(y).max():.1e} in size, whose squares are "
                "not floating point numbers. Rescale y."
            )
        target = y.astype(np.float64, copy=False).reshape(len(y), -1)
        self._one_target, self._one_column = target.shape[1] == 1, y.shape[1:] == (1,)
        return SquaredLoss(), target, None

    def _check_part(self, y, sample_weight, classes, is_first):
        if self.alpha_per_target:
            raise ValueError(
                "alpha_per_target=True is not possible with partial_fit, which "
                "learns lambdas that all targets share. Use "
                "alpha_per_target=False, or one model per target."
            )
        n_before = None if is_first else len(np.atleast_2d(on_host(self.coef_)))
        loss, target, _ = self._check_target(y, sample_weight)
        if unit_exponents(target.reshape(-1, 1)).any():
            raise ValueError(
                f"y has entries up to {np.abs(target).max():.1e} in size, and "
                "partial_fit needs entries between 1e-30 and 1e30. Rescale it."
            )
        if not is_first and target.shape[1] != n_before:
            raise ValueError(
                f"y has {target.shape[1]} targets, but the first part had {n_before}."
            )
        return loss, target, sample_weight

    def _check_data(self, X, y, reset=True, least=2):
        check_not_text(y)
        X, y = super()._check_data(X, y, reset, least)
        # Infinities in an array of objects are detected only after its conversion.
        assert_all_finite(y, input_name="y")
        return X, y

    def _weight_attributes(self, coef, intercept, alpha, dtype):
        coef = coef.T.astype(dtype)
        coef = coef[0] if self._one_target else coef
        intercept = self._intercept_form(intercept, dtype)
        return {"coef_": coef, "intercept_": intercept, "alpha_": alpha}

    def _intercept_form(self, intercept, dtype):
        """Return intercepts (n_targets,) in the form of the attribute."""
        if self._y_origin is not None:
            # All targets have the same unit until `_restore_unit`.
            exponent = 0 if self._is_per_target else self._exponent
            intercept = intercept + np.ldexp(self._y_origin, -exponent)
        intercept = intercept.astype(dtype)
        is_array = self._one_column and self.fit_intercept
        return intercept[0] if self._one_target and not is_array else intercept

    def _response_of(self, raw):
        return raw[:, 0] if self._one_target else raw

    def _strength(self):
        return "alpha", self.alpha_

    @lazily
    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict the target.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions; a vector for one column of y too.
        """
        raw = self._linear_predictor(X)
        return raw[:, 0] if self._one_target else raw

    def to_sklearn(self) -> Ridge | KernelRidge:
        """Return a fitted `sklearn.linear_model.Ridge` with the same predictions.

        For tools that accept only scikit-learn's own estimators. Its `alpha` is
        `alpha_`, so that with one lambda, or one per target, and ``refit=True``
        fitting it to the same rows gives the same weights. With one lambda per group,
        or with `penalty_factors`, no single alpha can: it is then the geometric mean
        over the penalized features of `alpha_` times the factor, and the estimator is
        for predictions, not for another fit.

        Returns
        -------
        sklearn.linear_model.Ridge or sklearn.kernel_ridge.KernelRidge
            Fitted, with copies of the weights; the latter, with a linear kernel, after
            a fit with ``store_coef=False``.

        Raises
        ------
        ValueError
            After a fit with ``store_coef=False``, if there is an intercept, or features
            have penalties of their own.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        if self._has_dual:
            return self._dual_as_sklearn()
        if self._is_per_target:
            alpha = self.alpha_.copy()
        else:
            alpha = typical_strength(
                self.alpha_, self.feature_group_labels_, self.penalty_factors_
            )
        plain = Ridge(alpha=alpha, fit_intercept=self.fit_intercept)
        return export(self, plain, n_iter_=None, solver_="auto")
