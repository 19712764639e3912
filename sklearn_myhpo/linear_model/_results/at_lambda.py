"""The objective and the coefficients of a fitted estimator at other lambdas."""

from collections.abc import Mapping

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from ..._messages import shown
from .._row_weights import at_row_weights

#: Relative difference between the loss of the given rows and that of the fit, above
#: which the rows or the splits must differ. Inexact solutions differ by less.
SAME_LOSS = 1e-4


class AtLambda:
    """A fitted estimator at any lambda, on the rows of its fit.

    Parameters
    ----------
    estimator : BilevelLinearModel
        Fitted, without a lambda per target; it is not changed.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
    fit_params : dict, default=None
        Arguments of `fit` other than X and y, such as `sample_weight`.

    Attributes
    ----------
    lambda_ : ndarray of shape (n_lambdas,)
        The learned ones; one per group, or per group and class.
    bounds : ndarray of shape (2, n_lambdas)
        Lowest and highest lambda.

    Raises
    ------
    ValueError
        If the loss of these rows is not that of the fit.
    """

    def __init__(self, estimator, X, y, fit_params=None):
        check_is_fitted(estimator)
        if not isinstance(fit_params, Mapping | None):
            raise ValueError(
                "fit_params must be None or a dict of the arguments of fit besides X "
                f"and y, such as {{'sample_weight': ...}}. Got {shown(fit_params)}."
            )
        given = dict(fit_params or {})
        validation = [given.pop(f"{name}_val", None) for name in ("X", "y")]
        validation.append(given.pop("sample_weight_val", None))
        weights, groups = given.pop("sample_weight", None), given.pop("groups", None)
        row_groups = given.pop("row_groups", None)
        self._model = model = clone(estimator)
        solver = model._make_solver()
        given = X, y, weights, validation, (groups, given), solver, row_groups
        self._source = model._prepare(*given)
        self._problem = problem = self._source.make()
        self._of_penalties = np.asarray
        self.lambda_ = np.ravel(estimator.lambda_)
        if self.lambda_.shape != (problem.n_groups,):
            raise ValueError(
                "The lambdas must be shared by all targets. Got an estimator with "
                f"alpha_per_target={shown(estimator.alpha_per_target)}: fit the "
                "targets one by one."
            )
        problem.widen_bounds(self.lambda_)
        self.bounds = problem.bounds
        if self._source.row_groups is not None:
            self._problem, self._of_penalties = at_row_weights(self._source, estimator)
        found, known = self.loss(self.lambda_), estimator.validation_loss_
        if not abs(found - known) <= SAME_LOSS * max(abs(known), problem.null_loss):
            raise ValueError(
                "X, y and fit_params must be those of the fit. At its lambda they have "
                f"the validation loss {found:.6g}, and the fit had {known:.6g}. If "
                "these are the same rows, the splits are drawn at random in every fit: "
                "set random_state before."
            )

    def loss(self, lambda_):
        """Return the validation loss, or the criterion, at lambda (n_lambdas,)."""
        problem, lambda_ = self._problem, self._of_penalties(lambda_)
        return float(problem.at(lambda_, problem.minimize(lambda_)).estimate)

    def coef(self, lambda_):
        """Return what `coef_` would be at lambda (n_lambdas,)."""
        problem, model = self._problem, self._model
        lambda_ = self._of_penalties(lambda_)
        weights = problem.to_features(problem.minimize(lambda_))
        given = problem, lambda_, weights, model.refit
        coef, intercept = self._source.final_weights(*given)
        attributes = model._weight_attributes(coef, intercept, np.ones(1), float)
        return attributes["coef_"]
