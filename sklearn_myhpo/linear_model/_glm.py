"""Shared code of the regressors of means: families, log link, D2, `alpha_`."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor
from sklearn.utils.validation import (
    assert_all_finite,
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
)

from .._messages import shown
from .._typing import MatrixLike
from ..data.dask.lazy import lazily
from ..data.streams.target import RowTarget
from ..data.tensors.arrays import on_host
from ..losses import GammaLoss, Loss, PoissonLoss, TweedieLoss
from ._base import BilevelLinearModel
from ._checks import check_not_text, check_weights
from ._results.export import export, typical_strength
from ._tensors.outputs import tensor_mean_loss, tensor_means

#: Losses of one mean per row, by name; "tweedie" has a power.
FAMILIES = {"poisson": PoissonLoss, "gamma": GammaLoss, "tweedie": TweedieLoss}

#: Rows of a training part that usually show by themselves that not all y are zero.
FIRST_OF_TRAINING = 256


class GeneralizedLinearModel(RegressorMixin, BilevelLinearModel):
    """Base of the regressors whose loss is half a unit deviance."""

    @abstractmethod
    def _family_loss(self):
        """Return the loss that the parameters describe, or raise a ValueError."""

    @abstractmethod
    def _plain(self, **options):
        """Return scikit-learn's estimator, not fitted."""

    _reads_in_passes = True

    def _target_of_counts(self, counts):
        """Return the loss, and the `RowTarget`, of rows that are not in memory."""
        return self._family_loss(), RowTarget()

    def _check_data(self, X, y, reset=True):
        check_not_text(y)
        X, y = super()._check_data(X, y, reset)
        # Infinities in an array of objects are detected only after its conversion.
        assert_all_finite(y, input_name="y")
        y = y.astype(np.float64)
        self._family_loss().check_target(y)
        return X, y

    def _check_target(self, y, sample_weight):
        loss = self._family_loss()
        if not loss.has_constant(y, sample_weight):
            raise ValueError(
                "y is zero in all rows with a positive weight, and a mean of zero has "
                f"no logarithm. {self._name()} needs a positive y."
            )
        return loss, y, None

    def _choose_pairs(self, given, checked, weights, metadata, *, own, criterion):
        pairs = super()._choose_pairs(
            given, checked, weights, metadata, own=own, criterion=criterion
        )
        loss, y = self._family_loss(), checked[1]
        for number, (train, _) in enumerate(pairs):
            if _has_constant(loss, y, weights, train):
                continue
            if own is not None:
                raise ValueError(
                    "y is zero in all rows with a positive weight, only y_val is not. "
                    f"{self._name()} needs a positive y to train on."
                )
            raise ValueError(
                f"cv={shown(self.cv)}: the training part of split {number} (counted "
                "from 0) has only rows with y = 0, and a mean of zero has no "
                "logarithm. Use cv=KFold(5, shuffle=True, random_state=0) of "
                "sklearn.model_selection, or fewer splits."
            )
        return pairs

    def _alpha_of(self, total_weight, lambda_):
        # In scikit-learn, these losses are a mean plus the penalty, not a sum.
        return 2.0 * np.exp(lambda_)

    def _weight_attributes(self, coef, intercept, alpha, dtype):
        own = {"coef_": coef[:, 0].astype(dtype), "alpha_": alpha}
        return {**own, "intercept_": intercept.astype(dtype)[0]}

    def _response_of(self, raw):
        return mean_of(raw[:, 0], self._family_loss().link)

    def _strength(self):
        return "alpha", self.alpha_

    @lazily
    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict the mean of the target, ``exp(X coef_ + intercept_)``.

        A loss of your own with the identity link predicts ``X coef_ + intercept_``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,)
            Means. With the log link they are positive and finite, since exponents are
            clipped to the range of the precision of X.
        """
        return self._response_of(self._linear_predictor(X))

    def score(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Return D2, the share of the deviance that the model explains.

        One minus the deviance of the predictions over that of the weighted mean of y,
        as `sklearn.metrics.d2_tweedie_score`. For a constant y it is 1 for perfect
        predictions and 0 otherwise.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights.

        Returns
        -------
        float
            At most 1.
        """
        raw = self._linear_predictor(X)
        y, sample_weight = on_host(y), on_host(sample_weight)
        return explained_deviance(self._family_loss(), raw, y, sample_weight)

    def to_sklearn(self) -> PoissonRegressor | GammaRegressor | TweedieRegressor:
        """Return scikit-learn's fitted estimator of the family, with equal predictions.

        For tools that accept only scikit-learn's own estimators. Its `alpha` is
        `alpha_`, so that with one lambda and ``refit=True`` fitting it to the same rows
        gives the same weights, for which it has a smaller `tol` and more `max_iter`
        than usual. With one lambda per group, or with `penalty_factors`, no single
        alpha can: it is then the geometric mean over the penalized features of `alpha_`
        times the factor, and the estimator is for predictions, not for another fit.

        Returns
        -------
        sklearn.linear_model.PoissonRegressor, GammaRegressor or TweedieRegressor
            Fitted, with copies of the weights.

        Raises
        ------
        ValueError
            If the loss is a custom one, which scikit-learn does not have.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        plain = self._plain(
            alpha=typical_strength(
                self.alpha_, self.feature_group_labels_, self.penalty_factors_
            ),
            fit_intercept=self.fit_intercept,
            tol=1e-6,
            max_iter=10_000,
        )
        # Its `fit` keeps the loss, and `predict` uses the link of the loss.
        return export(self, plain, n_iter_=self.n_iter_, _base_loss=plain._get_loss())

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        try:
            y_range = self._family_loss().y_range
        except (ValueError, TypeError):
            # Parameters for which `fit` raises an error.
            return tags
        tags.target_tags.positive_only = not y_range.contains(np.float64(-1.0))
        return tags


def _has_constant(loss, y, weights, rows):
    """Return whether the best constant of some rows is finite."""
    # It is finite for all rows where it is for a part of them.
    first = rows[:FIRST_OF_TRAINING]
    if np.any(weights[first]) and loss.has_constant(y[first], weights[first]):
        return True
    return loss.has_constant(y[rows], weights[rows])


def explained_deviance(loss, raw, y, sample_weight=None):
    """Return D2, the share of the deviance that raw predictions explain.

    Parameters
    ----------
    loss : Loss
    raw : ndarray of shape (n_samples, 1)
        Raw predictions.
    y : array-like of shape (n_samples,)
        Target.
    sample_weight : array-like of shape (n_samples,), default=None

    Returns
    -------
    float
        At most 1. For a constant y it is 1 for perfect predictions and 0 otherwise.
    """
    y = column_or_1d(
        check_array(y, dtype=np.float64, ensure_2d=False, input_name="y"), warn=True
    )
    check_consistent_length(raw, y)
    loss.check_target(y)
    weight = check_weights(sample_weight, y)
    null = np.repeat(loss.intercept_start(y, weight)[None], len(y), axis=0)
    most = weight @ loss.value(y, null)
    if isinstance(raw, np.ndarray):
        own = weight @ loss.value(y, raw.astype(np.float64))
    else:
        own = tensor_mean_loss(loss, raw, y, weight)
    if np.ptp(y[weight > 0]) == 0:
        return float(own == 0)
    return float(1.0 - own / most)


def loss_of_power(power):
    """Return the loss whose variance grows like the mean to a power from 1 to 2."""
    if power == 1:
        return PoissonLoss()
    return GammaLoss() if power == 2 else TweedieLoss(power)


def check_power(power, name, normal="MYHPORidge"):
    """Raise a ValueError for a power outside of [1, 2].

    Parameters
    ----------
    power : object
        Parameter of the estimator.
    name : str
        Name of the estimator.
    normal : str, default="MYHPORidge"
        What to use for the normal distribution.
    """
    is_number = isinstance(power, int | float | np.number)
    if is_number and not isinstance(power, bool) and 1 <= power <= 2:
        return
    raise ValueError(
        f"The 'power' parameter of {name} must be a number from 1 (Poisson) to 2 "
        f"(gamma). Got {shown(power)} instead. {normal} is for power=0, the normal "
        "distribution, and others have losses that are not convex with a log link."
    )


def family_loss(family, power, name):
    """Return the loss of a family.

    Parameters
    ----------
    family : str or Loss
        Parameter of the estimator.
    power : float
        Of the family "tweedie".
    name : str
        Name of the estimator, for messages.

    Returns
    -------
    Loss
        Of one raw prediction per row.

    Raises
    ------
    ValueError
        If it is not a family.
    """
    if isinstance(family, str) and family in FAMILIES:
        if family == "tweedie":
            check_power(power, name)
            return loss_of_power(power)
        return FAMILIES[family]()
    if not isinstance(family, Loss):
        raise ValueError(
            f"The 'family' parameter of {name} must be one of {list(FAMILIES)} or a "
            "loss object such as sklearn_myhpo.losses.TweedieLoss(1.5), of a subclass "
            f"of sklearn_myhpo.losses.Loss. Got {shown(family)} instead."
        )
    if family.is_quadratic or family.link not in ("log", "identity"):
        raise ValueError(
            f"family={shown(family)} must have the link 'log', or 'identity' and not "
            f"be the squared loss. Got the link {family.link!r}. Use BilevelRidge for "
            "squares, BilevelLogisticRegression for classes."
        )
    return family


def mean_of(raw, link):
    """Return the means of raw predictions, finite and in their precision.

    Parameters
    ----------
    raw : ndarray
        Raw predictions.
    link : {"log", "identity"}
        Name of the link.

    Returns
    -------
    ndarray
        In the shape of `raw`.
    """
    if link == "identity":
        return raw
    if not isinstance(raw, np.ndarray):
        return tensor_means(raw)
    most = np.log(np.finfo(raw.dtype).max) - 1.0
    return np.exp(np.clip(raw, -most, most))
