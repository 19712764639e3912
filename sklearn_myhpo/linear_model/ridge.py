"""Ridge regression that learns its penalty."""

import reprlib

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ..bilevel.bounds import outward
from ..losses import SquaredLoss
from ._base import BilevelLinearModel, kept_on_error
from ._checks import check_weights
from ._export import hand_over, typical_strength
from ._messages import spell_some
from ._parameters import AnySolver, MYHPOSolver, SHOSolver, with_parameters
from ._streaming import can_stream
from ._targets import learn_targets

#: What ridge has and logistic regression has not.
_with_targets = with_parameters(alpha_per_target=(False, ["boolean"]))


class _RidgeMixin(MultiOutputMixin, RegressorMixin, BilevelLinearModel):
    """Squared loss, numeric targets, `alpha_`."""

    @property
    def _is_per_target(self):
        return self.alpha_per_target and not self._one_target

    @property
    def _may_take_turns(self):
        return self.alpha_per_target

    def _check_target(self, y, sample_weight):
        if self.alpha_per_target and self.feature_groups is not None:
            raise ValueError(
                "alpha_per_target=True learns one lambda per target and needs "
                "feature_groups=None, one lambda for all features. Got "
                f"feature_groups={reprlib.repr(self.feature_groups)}; use "
                "alpha_per_target=False, or fit one model per target."
            )
        if self.alpha_per_target and self.selection != "min":
            raise ValueError(
                f"selection={self.selection!r} chooses one lambda for all targets. Use "
                "selection='min' with alpha_per_target=True, or one model per target."
            )
        with np.errstate(over="ignore"):
            squares = sample_weight @ y.astype(np.float64) ** 2
        if not np.all(np.isfinite(squares)):
            raise ValueError(
                f"y has entries up to {np.abs(y).max():.1e} in size, whose squares are "
                "not floating point numbers. Rescale it."
            )
        self._one_target = y.ndim == 1
        return SquaredLoss(), y.astype(np.float64).reshape(len(y), -1)

    def _validate_data(self, X, y, reset=True):
        # scikit-learn would turn strings of digits into numbers.
        values = np.asarray(y)
        text = values.dtype.kind in "US" or (
            values.dtype.kind == "O" and any(isinstance(v, str) for v in values.flat)
        )
        if text:
            raise ValueError(
                f"y must be numeric for a regressor. Got strings ({values.dtype})."
            )
        return super()._validate_data(X, y, reset)

    def _set_coefficients(self, coef, intercept, alpha, dtype):
        self.coef_ = coef.T.astype(dtype)
        self.intercept_ = intercept.astype(dtype)
        if self._one_target:
            self.coef_, self.intercept_ = self.coef_[0], self.intercept_[0]
        self.alpha_ = alpha

    def _strength(self):
        return "alpha", self.alpha_

    def _as_parameter(self, lambda_):
        return lambda_ if self._is_per_target else super()._as_parameter(lambda_)

    def _fit_targets(self, source, solver, dtype, progress):
        """Learn one lambda per target, set the fitted attributes and warn."""
        found = learn_targets(self, source, solver, progress, dtype)
        self.feature_group_names_ = np.array(["all"], dtype=object)
        self.feature_group_labels_ = source.groups.labels
        self.history_, self.lambda_ = found.history, found.lambda_
        alpha = 2.0 * found.total_weight * np.exp(found.lambda_)
        self._set_coefficients(found.coef, found.intercept, alpha, dtype)
        self.validation_loss_ = found.validation_loss
        self.n_iter_ = found.n_iter
        self.converged_ = not found.unfinished
        self.oracle_counts_ = found.counts
        self._last_fit = self.certificate_ = self.optimism_ = self._stream = None
        self.validation_curve_ = self.validation_loss_standard_error_ = None
        self.lambda_min_, self.validation_loss_min_ = (
            found.lambda_,
            found.validation_loss,
        )
        self.shrinkage_ = 0.0
        self._warn_targets(found)

    def _warn_targets(self, found):
        """Warn of targets that did not converge and of lambdas at a bound."""
        if found.unfinished:
            text = found.unfinished[0]
            if len(found.unfinished) > 1:
                text += f" ({len(found.unfinished)} targets did not converge)"
            self._say(f"{text}.", ConvergenceWarning)
            return
        lower, upper = outward(found.bounds, found.lambda_, found.slope)
        self._warn_at_bounds(lower, upper, self._criterion_name())

    def _describe(self, where):
        if not self._is_per_target:
            return super()._describe(where)
        return spell_some("target", np.flatnonzero(where))

    def predict(self, X):
        """Predict the target.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions.
        """
        raw = self._linear_predictor(X)
        return raw[:, 0] if self.coef_.ndim == 1 else raw

    def to_sklearn(self):
        """Return a fitted `sklearn.linear_model.Ridge` with the same predictions.

        For tools that know only scikit-learn's own estimators. Its `alpha` is
        `alpha_`, so that with one lambda, or one per target, and ``refit=True``
        fitting it to the same rows gives the same weights. With one lambda per group
        no single alpha can: it is then the geometric mean of `alpha_` over the
        features, and the estimator is for predictions, not for another fit.

        Returns
        -------
        sklearn.linear_model.Ridge
            Fitted, with copies of the weights.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        alpha = self.alpha_
        if self._is_per_target:
            alpha = alpha.copy()
        else:
            alpha = typical_strength(self, alpha)
        plain = Ridge(alpha=alpha, fit_intercept=self.fit_intercept)
        return hand_over(self, plain, n_iter_=None, solver_="auto")


@_with_targets
class BilevelRidge(_RidgeMixin, AnySolver):
    """Ridge regression that learns its penalties with any bilevel solver.

    The mean validation loss is minimized over the log-penalties lambda while the
    weights minimize the mean of ``(y - x w)^2 / 2`` on the training part, plus
    ``exp(lambda_g) w_j^2`` for every feature j of a group g.

    Parameters
    ----------
    solver : str or Solver, default="myhpo"
        A name in `sklearn_myhpo.solvers.SOLVERS` or a solver object.
    criterion : {"validation", "loo", "gcv", "sure", "mlr"} or Criterion, \
default="validation"
        What is minimized over lambda: the loss of held-out rows; or, of a model of
        all rows, the exact leave-one-out error, generalized cross-validation, Stein's
        unbiased risk estimate, or the training error less that on permuted labels.
        With these four no rows are held out and `cv` is ignored. An object such as
        ``sklearn_myhpo.criteria.SURE(noise_variance=2.0)`` has options.
    cv : float, int, splitter or iterable, default=5
        How rows are split into training and validation parts. A float in (0, 1)
        is one hold-out split with that validation fraction, an int >= 2 the
        number of folds; both are shuffled with `random_state`. Otherwise a
        scikit-learn splitter, or an iterable of (train, validation) indices.
    feature_groups : None, "each", "transformer", array-like or list, default=None
        Which features share a lambda. None: all of them. "each": none of them.
        "transformer": those that one transformer of a `GroupedColumnTransformer` made.
        An array-like of n_features labels, or a list of (name, columns) with
        columns as in `sklearn.compose.ColumnTransformer`; every feature belongs
        to exactly one group.
    shrinkage : "auto" or float, default=0.0
        Holds many lambdas together: adds ``shrinkage * mean((lambda - mean)^2) / 2``,
        in units of the validation loss of the best shared lambda, to what is
        minimized. "auto" chooses by splits within the splits, between none and one
        lambda, at three to eight times the cost; it needs three splits or more.
    selection : {"min", "one_se"}, default="min"
        "min" takes the lambda with the least validation loss. "one_se" takes the
        strongest penalty whose validation loss is within one standard error of it:
        all lambdas are raised by the same amount. It needs held-out rows.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalized.
    refit : bool, default=True
        Whether to fit all rows with the learned lambda. False keeps the weights
        of the bilevel solution, averaged over the splits.
    lambda_init : "auto" or float, default="auto"
        Natural log of the first penalty. "auto" takes the best shared value of a
        scan; a number starts there with zero weights, as the paper does with -1.
    lambda_bounds : "auto" or (float, float), default="auto"
        Lowest and highest lambda. "auto", or an infinite one, covers every group's
        range from no effect to no weights.
    max_iter : int, default=200
        Most iterations of the solver.
    tol : float, default=1e-6
        The solver has converged when its full relative residual is this small.
    warm_start : bool, default=False
        Whether to start from the lambda and the weights of the last fit.
    random_state : int, RandomState instance or None, default=None
        Shuffles the splits and seeds stochastic solvers.
    verbose : int, default=0
        Print one line per iteration if positive.
    alpha_per_target : bool, default=False
        Whether every column of y gets a lambda of its own, as in
        `sklearn.linear_model.RidgeCV`; needs ``feature_groups=None``.
        MY-HPO with its default options learns all of them at once, other solvers
        one after the other.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Weights.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept.
    lambda_ : float or ndarray of shape (n_groups,) or (n_targets,)
        Learned natural logs of the penalties, in the order of
        `feature_group_names_`; a float if `feature_groups` is None. One per column
        of y with `alpha_per_target`.
    alpha_ : float or ndarray of shape (n_groups,) or (n_targets,)
        ``2 n exp(lambda_)`` with n the sum of the sample weights, so that
        ``Ridge(alpha=alpha_)`` on the same rows has the same `coef_`.
    feature_group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    feature_group_labels_ : ndarray of shape (n_features,)
        The group of every feature, as an index into `feature_group_names_`.
    validation_loss_ : float or ndarray of shape (n_targets,)
        Mean loss over all held-out rows at `lambda_`, or the value of `criterion`; of
        every column of y with `alpha_per_target`.
    lambda_min_, validation_loss_min_ : float or ndarray
        Both at the least validation loss, whatever `selection` took.
    validation_loss_standard_error_ : float or None
        Of the validation loss at its least, over the splits; over the rows if there is
        one split. None without held-out rows, and with one lambda per target.
    validation_curve_ : dict of str to ndarray or None
        "lambda", in increasing order, and "validation_loss": the objective along one
        lambda for all features as the scan saw it from which the solver started. None
        where it started elsewhere.
    optimism_ : float or None
        Estimate of how much lower `validation_loss_` is than the loss on new rows
        because the lambdas were fitted to the held-out ones; None with too many
        lambdas to tell. See the user guide for what it does not see.
    certificate_ : Certificate or None
        What tells how close the fit came to a minimum; print it. None with
        `alpha_per_target`.
    shrinkage_ : float
        The shrinkage of this fit; 0 with one lambda.
    shrinkage_path_ : dict of str to ndarray
        With ``shrinkage="auto"`` and several lambdas: "shrinkage", what was tried, and
        "nested_loss", the mean loss of rows that had no part in it.
    n_iter_ : int
        Iterations of the solver.
    converged_ : bool
        Whether the solver reached `tol`.
    history_ : dict of str to ndarray
        One entry per iteration, as a frame by `history_frame`: "lambda",
        "train_loss", "validation_loss", "primal_residual", "dual_residual",
        "hypergradient_norm", cumulative oracle counts ("n_gradients" is the
        paper's n_g) and "time" in seconds.
    oracle_counts_ : dict of str to int
        What the whole fit asked of the problem, the scan and refit included.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names.

    References
    ----------
    .. [1] Dhar, Kurup & Shah (2020), Stabilizing Bi-Level Hyperparameter
       Optimization using Moreau-Yosida Regularization, arXiv:2007.13322.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_myhpo import BilevelRidge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = BilevelRidge(random_state=0, solver="implicit").fit(X, y)
    >>> round(model.score(X, y), 2)
    0.52
    """

    @available_if(can_stream)
    def partial_fit(self, X, y, sample_weight=None):
        """Go on learning from some rows, once over them.

        For data that is too large for `fit`, with a solver that goes on with new rows,
        as ``solver=Stochastic(method="soba")``. Rows are divided into training and
        validation parts by `cv`, a float or an int. The first call starts as `fit`
        does and counts the features; `warm_start`, `refit`, `shrinkage`, `max_iter` and
        `tol` have no part in it. Nothing is refitted: `coef_` is the mean over the
        splits of the solver's weights. `history_` has a row a call, and
        `validation_loss_` is that of the last rows held out, before they were learned
        from (after it, for the first call). `fit` starts anew.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Some of the training data.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Target.
        sample_weight : array-like of shape (n_samples,), optional
            Non-negative weights.

        Returns
        -------
        self : object
            The estimator, fitted to all rows so far.

        Raises
        ------
        ValueError
            If a parameter or the data do not fit.
        """
        self._validate_params()
        with kept_on_error(self):
            if self.alpha_per_target:
                raise ValueError(
                    "alpha_per_target=True is not possible with partial_fit, which "
                    "learns lambdas that all targets share. Use "
                    "alpha_per_target=False, or one model per target."
                )
            first = getattr(self, "_stream", None) is None
            original_X = X
            X, y = self._validate_data(X, y, reset=first)
            loss, target = self._check_target(y, check_weights(sample_weight, X))
            width = target.shape[1:] if first else np.atleast_2d(self.coef_).shape[:1]
            if target.shape[1:] != width:
                raise ValueError(
                    f"y has {target.shape[1]} targets, but the first part had "
                    f"{width[0]}."
                )
            self._learn_part(X, target, loss, sample_weight, original_X)
        return self


@_with_targets
class MYHPORidge(_RidgeMixin, MYHPOSolver):
    """Ridge regression whose penalties MY-HPO learns inside `fit`.

    The mean validation loss is minimized over the log-penalties lambda while the
    weights minimize the mean of ``(y - x w)^2 / 2`` on the training part, plus
    ``exp(lambda_g) w_j^2`` for every feature j of a group g.
    The defaults end at a minimum; ``steps, response, metric`` = "exact" or
    "gradient", "mean", "identity" with ``rho=1.0, lambda_init=-1.0, refit=False,
    fit_intercept=False`` and one split are the published method [1]_.

    Parameters
    ----------
    steps : {"exact", "gradient"}, default="exact"
        Argmins (Algorithm 3 of the paper) or gradient steps (Algorithm 1).
    response : {"tangent", "mean"}, default="tangent"
        How weights respond to lambda: their derivative, or eq. (4) of the paper.
    metric : {"hessian", "identity"}, default="hessian"
        Norm of the proximal terms: the training Hessian's, or the paper's.
    rho : "auto" or float, default="auto"
        Weight of the proximal terms. "auto" adapts it with exact steps, the
        tangent response and the Hessian metric, and is 1 otherwise.
    step_sizes : "auto" or (float, float, float), default="auto"
        alpha, beta and delta of the gradient steps on v, w and lambda.
    backtracking : bool, default=True
        Halve a gradient step until its objective decreases sufficiently.
    criterion : {"validation", "loo", "gcv", "sure", "mlr"} or Criterion, \
default="validation"
        What is minimized over lambda: the loss of held-out rows; or, of a model of
        all rows, the exact leave-one-out error, generalized cross-validation, Stein's
        unbiased risk estimate, or the training error less that on permuted labels.
        With these four no rows are held out and `cv` is ignored. An object such as
        ``sklearn_myhpo.criteria.SURE(noise_variance=2.0)`` has options.
    cv : float, int, splitter or iterable, default=5
        How rows are split into training and validation parts. A float in (0, 1)
        is one hold-out split with that validation fraction, an int >= 2 the
        number of folds; both are shuffled with `random_state`. Otherwise a
        scikit-learn splitter, or an iterable of (train, validation) indices.
    feature_groups : None, "each", "transformer", array-like or list, default=None
        Which features share a lambda. None: all of them. "each": none of them.
        "transformer": those that one transformer of a `GroupedColumnTransformer` made.
        An array-like of n_features labels, or a list of (name, columns) with
        columns as in `sklearn.compose.ColumnTransformer`; every feature belongs
        to exactly one group.
    shrinkage : "auto" or float, default=0.0
        Holds many lambdas together: adds ``shrinkage * mean((lambda - mean)^2) / 2``,
        in units of the validation loss of the best shared lambda, to what is
        minimized. "auto" chooses by splits within the splits, between none and one
        lambda, at three to eight times the cost; it needs three splits or more.
    selection : {"min", "one_se"}, default="min"
        "min" takes the lambda with the least validation loss. "one_se" takes the
        strongest penalty whose validation loss is within one standard error of it:
        all lambdas are raised by the same amount. It needs held-out rows.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalized.
    refit : bool, default=True
        Whether to fit all rows with the learned lambda. False keeps the weights
        of the bilevel solution, averaged over the splits.
    lambda_init : "auto" or float, default="auto"
        Natural log of the first penalty. "auto" takes the best shared value of a
        scan; a number starts there with zero weights, as the paper does with -1.
    lambda_bounds : "auto" or (float, float), default="auto"
        Lowest and highest lambda. "auto", or an infinite one, covers every group's
        range from no effect to no weights.
    max_iter : int, default=200
        Most iterations of the solver.
    tol : float, default=1e-6
        The solver has converged when its full relative residual is this small.
    warm_start : bool, default=False
        Whether to start from the lambda and the weights of the last fit.
    random_state : int, RandomState instance or None, default=None
        Shuffles the splits and seeds stochastic solvers.
    verbose : int, default=0
        Print one line per iteration if positive.
    alpha_per_target : bool, default=False
        Whether every column of y gets a lambda of its own, as in
        `sklearn.linear_model.RidgeCV`; needs ``feature_groups=None``.
        With the default steps, response, metric and rho all of them are learned at
        once, otherwise one after the other.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Weights.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept.
    lambda_ : float or ndarray of shape (n_groups,) or (n_targets,)
        Learned natural logs of the penalties, in the order of
        `feature_group_names_`; a float if `feature_groups` is None. One per column
        of y with `alpha_per_target`.
    alpha_ : float or ndarray of shape (n_groups,) or (n_targets,)
        ``2 n exp(lambda_)`` with n the sum of the sample weights, so that
        ``Ridge(alpha=alpha_)`` on the same rows has the same `coef_`.
    feature_group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    feature_group_labels_ : ndarray of shape (n_features,)
        The group of every feature, as an index into `feature_group_names_`.
    validation_loss_ : float or ndarray of shape (n_targets,)
        Mean loss over all held-out rows at `lambda_`, or the value of `criterion`; of
        every column of y with `alpha_per_target`.
    lambda_min_, validation_loss_min_ : float or ndarray
        Both at the least validation loss, whatever `selection` took.
    validation_loss_standard_error_ : float or None
        Of the validation loss at its least, over the splits; over the rows if there is
        one split. None without held-out rows, and with one lambda per target.
    validation_curve_ : dict of str to ndarray or None
        "lambda", in increasing order, and "validation_loss": the objective along one
        lambda for all features as the scan saw it from which the solver started. None
        where it started elsewhere.
    optimism_ : float or None
        Estimate of how much lower `validation_loss_` is than the loss on new rows
        because the lambdas were fitted to the held-out ones; None with too many
        lambdas to tell. See the user guide for what it does not see.
    certificate_ : Certificate or None
        What tells how close the fit came to a minimum; print it. None with
        `alpha_per_target`.
    shrinkage_ : float
        The shrinkage of this fit; 0 with one lambda.
    shrinkage_path_ : dict of str to ndarray
        With ``shrinkage="auto"`` and several lambdas: "shrinkage", what was tried, and
        "nested_loss", the mean loss of rows that had no part in it.
    n_iter_ : int
        Iterations of the solver.
    converged_ : bool
        Whether the solver reached `tol`.
    history_ : dict of str to ndarray
        One entry per iteration, as a frame by `history_frame`: "lambda",
        "train_loss", "validation_loss", "primal_residual", "dual_residual",
        "hypergradient_norm", cumulative oracle counts ("n_gradients" is the
        paper's n_g) and "time" in seconds.
    oracle_counts_ : dict of str to int
        What the whole fit asked of the problem, the scan and refit included.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names.

    References
    ----------
    .. [1] Dhar, Kurup & Shah (2020), Stabilizing Bi-Level Hyperparameter
       Optimization using Moreau-Yosida Regularization, arXiv:2007.13322.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_myhpo import MYHPORidge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MYHPORidge(random_state=0).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.52
    """


@_with_targets
class SHORidge(_RidgeMixin, SHOSolver):
    """Ridge regression whose penalties a local hypernetwork learns (SHO).

    A linear hypernetwork ``w = lambda phi_1 + phi_0`` is trained on the training
    part while lambda descends the validation loss through it [1]_. Large steps
    diverge; the fit then stops at the last finite iterate and warns.

    Parameters
    ----------
    step_sizes : "auto" or (float, float), default="auto"
        alpha of the hypernetwork and beta of lambda.
    noise_scale : float, default=1e-4
        sigma, the standard deviation of the sampled lambda.
    cv : float, int, splitter or iterable, default=5
        How rows are split into training and validation parts. A float in (0, 1)
        is one hold-out split with that validation fraction, an int >= 2 the
        number of folds; both are shuffled with `random_state`. Otherwise a
        scikit-learn splitter, or an iterable of (train, validation) indices.
    feature_groups : None, "each", "transformer", array-like or list, default=None
        Which features share a lambda. None: all of them. "each": none of them.
        "transformer": those that one transformer of a `GroupedColumnTransformer` made.
        An array-like of n_features labels, or a list of (name, columns) with
        columns as in `sklearn.compose.ColumnTransformer`; every feature belongs
        to exactly one group.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalized.
    refit : bool, default=True
        Whether to fit all rows with the learned lambda. False keeps the weights
        of the bilevel solution, averaged over the splits.
    lambda_init : "auto" or float, default="auto"
        Natural log of the first penalty. "auto" takes the best shared value of a
        scan; a number starts there with zero weights, as the paper does with -1.
    lambda_bounds : "auto" or (float, float), default="auto"
        Lowest and highest lambda. "auto", or an infinite one, covers every group's
        range from no effect to no weights.
    max_iter : int, default=200
        Most iterations of the solver.
    tol : float, default=1e-4
        The solver has converged when its full relative residual is this small.
    warm_start : bool, default=False
        Whether to start from the lambda and the weights of the last fit.
    random_state : int, RandomState instance or None, default=None
        Shuffles the splits and seeds stochastic solvers.
    verbose : int, default=0
        Print one line per iteration if positive.
    alpha_per_target : bool, default=False
        Whether every column of y gets a lambda of its own, as in
        `sklearn.linear_model.RidgeCV`; needs ``feature_groups=None``.
        They are learned one after the other.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Weights.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept.
    lambda_ : float or ndarray of shape (n_groups,) or (n_targets,)
        Learned natural logs of the penalties, in the order of
        `feature_group_names_`; a float if `feature_groups` is None. One per column
        of y with `alpha_per_target`.
    alpha_ : float or ndarray of shape (n_groups,) or (n_targets,)
        ``2 n exp(lambda_)`` with n the sum of the sample weights, so that
        ``Ridge(alpha=alpha_)`` on the same rows has the same `coef_`.
    feature_group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    feature_group_labels_ : ndarray of shape (n_features,)
        The group of every feature, as an index into `feature_group_names_`.
    validation_loss_ : float or ndarray of shape (n_targets,)
        Mean loss over all held-out rows at `lambda_`, of every column of y with
        `alpha_per_target`.
    lambda_min_, validation_loss_min_ : float or ndarray
        Both at the least validation loss, whatever `selection` took.
    validation_loss_standard_error_ : float or None
        Of the validation loss at its least, over the splits; over the rows if there is
        one split. None without held-out rows, and with one lambda per target.
    validation_curve_ : dict of str to ndarray or None
        "lambda", in increasing order, and "validation_loss": the objective along one
        lambda for all features as the scan saw it from which the solver started. None
        where it started elsewhere.
    optimism_ : float or None
        Estimate of how much lower `validation_loss_` is than the loss on new rows
        because the lambdas were fitted to the held-out ones; None with too many
        lambdas to tell. See the user guide for what it does not see.
    certificate_ : Certificate or None
        What tells how close the fit came to a minimum; print it. None with
        `alpha_per_target`.
    n_iter_ : int
        Iterations of the solver.
    converged_ : bool
        Whether the solver reached `tol`.
    history_ : dict of str to ndarray
        One entry per iteration, as a frame by `history_frame`: "lambda",
        "train_loss", "validation_loss", "primal_residual", "dual_residual",
        "hypergradient_norm", cumulative oracle counts ("n_gradients" is the
        paper's n_g) and "time" in seconds.
    oracle_counts_ : dict of str to int
        What the whole fit asked of the problem, the scan and refit included.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X has string names.

    References
    ----------
    .. [1] Lorraine & Duvenaud (2018), Stochastic Hyperparameter Optimization
       through Hypernetworks, arXiv:1802.09419.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_myhpo import SHORidge
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = SHORidge(tol=1e-2, random_state=0).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.52
    """
