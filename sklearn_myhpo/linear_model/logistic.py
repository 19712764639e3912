"""Logistic regression that learns its penalty."""

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from ..losses import LogisticLoss, MultinomialLoss
from ._base import BilevelLinearModel, kept_on_error
from ._export import hand_over, typical_strength
from ._parameters import AnySolver, MYHPOSolver, SHOSolver
from ._streaming import can_stream


class _LogisticMixin(ClassifierMixin, BilevelLinearModel):
    """Logistic loss for two classes, one softmax for more, `C_`."""

    _is_classifier = True

    def _check_target(self, y, sample_weight):
        check_classification_targets(y)
        # A class without weight is as good as dropped, and so are its rows.
        counts = sample_weight > 0
        index = np.zeros(len(y), dtype=np.intp)
        self.classes_, index[counts] = np.unique(y[counts], return_inverse=True)
        self._set_classes(self.classes_)
        return self._loss, index

    def _set_classes(self, classes):
        """Set `classes_`, of which there must be two, and the loss."""
        self.classes_ = classes
        if len(classes) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least 2 classes with a "
                f"positive weight. Got only the class {classes[0]!r}."
            )
        n_classes = len(classes)
        self._loss = LogisticLoss() if n_classes == 2 else MultinomialLoss(n_classes)

    def _set_coefficients(self, coef, intercept, alpha, dtype):
        if len(self.classes_) > 2:
            coef, intercept = self._loss.scores(coef), self._loss.scores(intercept)
        self.coef_ = coef.T.astype(dtype)
        self.intercept_ = intercept.astype(dtype)
        self.C_ = 1.0 / alpha

    def _strength(self):
        return "C", self.C_

    def decision_function(self, X):
        """Return the log-odds of the second class, or the scores of all classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Scores.
        """
        raw = self._linear_predictor(X)
        return raw[:, 0] if len(self.classes_) == 2 else raw

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        scores = self.decision_function(X)
        index = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[index]

    def predict_proba(self, X):
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities, in the order of `classes_`.
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return np.column_stack([expit(-scores), expit(scores)])
        return softmax(scores, axis=1)

    def predict_log_proba(self, X):
        """Return the logs of the probabilities, accurate for tiny ones.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Log-probabilities, in the order of `classes_`.
        """
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return np.column_stack([log_expit(-scores), log_expit(scores)])
        return log_softmax(scores, axis=1)

    def to_sklearn(self):
        """Return a fitted `sklearn.linear_model.LogisticRegression`, predicting alike.

        For tools that know only scikit-learn's own estimators. Its `C` is `C_`, so
        that with one lambda and ``refit=True`` fitting it to the same rows gives the
        same weights, for which it has a smaller `tol` and more `max_iter` than
        usual. With one lambda per group no single C can: it is then the geometric
        mean of `C_` over the features, and the estimator is for predictions, not for
        another fit.

        Returns
        -------
        sklearn.linear_model.LogisticRegression
            Fitted, with copies of the weights.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        plain = LogisticRegression(
            C=typical_strength(self, self.C_),
            fit_intercept=self.fit_intercept,
            tol=1e-6,
            max_iter=10_000,
        )
        n_iter = np.array([self.n_iter_], dtype=np.int32)
        return hand_over(self, plain, n_iter_=n_iter)


class BilevelLogisticRegression(_LogisticMixin, AnySolver):
    """Logistic regression that learns its penalties with any bilevel solver.

    The mean validation loss is minimized over the log-penalties lambda while the
    weights minimize the mean logistic loss on the training part, plus
    ``exp(lambda_g) w_j^2`` for every feature j of a group g. More than two classes
    share one softmax.

    Parameters
    ----------
    solver : str or Solver, default="myhpo"
        A name in `sklearn_myhpo.solvers.SOLVERS` or a solver object.
    criterion : {"validation", "alo"} or Criterion, default="validation"
        What is minimized over lambda: the loss of held-out rows; or, of a model of
        all rows, the approximate leave-one-out loss. With "alo" no rows are held out
        and `cv` is ignored.
    cv : float, int, splitter or iterable, default=5
        How rows are split into training and validation parts. A float in (0, 1)
        is one hold-out split with that validation fraction, an int >= 2 the
        number of folds; both are shuffled with `random_state` and
        stratified. Otherwise a
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

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights; one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    lambda_ : float or ndarray of shape (n_groups,)
        Learned natural logs of the penalties, in the order of
        `feature_group_names_`; a float if `feature_groups` is None.
    C_ : float or ndarray of shape (n_groups,)
        ``1 / (2 n exp(lambda_))`` with n the sum of the sample weights, so that
        ``LogisticRegression(C=C_)`` on the same rows has the same `coef_`.
    feature_group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    feature_group_labels_ : ndarray of shape (n_features,)
        The group of every feature, as an index into `feature_group_names_`.
    validation_loss_ : float
        Mean loss over all held-out rows at `lambda_`, or the value of `criterion`.
    lambda_min_, validation_loss_min_ : float or ndarray
        Both at the least validation loss, whatever `selection` took.
    validation_loss_standard_error_ : float or None
        Of the validation loss at its least, over the splits; over the rows if there is
        one split. None without held-out rows, and with one lambda per target.
    validation_curve_ : dict of str to ndarray or None
        "lambda", in increasing order, and "validation_loss": the objective along one
        lambda for all features as the scan saw it from which the solver started; of
        many rows only around the minimum. None where it started elsewhere.
    optimism_ : float or None
        Estimate of how much lower `validation_loss_` is than the loss on new rows
        because the lambdas were fitted to the held-out ones; None with too many
        lambdas to tell. See the user guide for what it does not see.
    certificate_ : Certificate
        What tells how close the fit came to a minimum; print it.
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
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_myhpo import BilevelLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> model = BilevelLogisticRegression(random_state=0, solver="implicit").fit(X, y)
    >>> round(model.score(X, y), 2)
    0.99
    """

    @available_if(can_stream)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
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
        y : array-like of shape (n_samples,)
            Target.
        classes : array-like of shape (n_classes,), optional
            All labels that any part may have; needed in the first call.
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
            first = getattr(self, "_stream", None) is None
            original_X = X
            X, y = self._validate_data(X, y, reset=first)
            check_classification_targets(y)
            self._check_classes(classes, first)
            known = np.isin(y, self.classes_)
            if not known.all():
                unknown = y[~known].tolist()[0]
                raise ValueError(
                    f"y has the label {unknown!r}, which is none of the classes "
                    f"{self.classes_.tolist()} of the first call of partial_fit."
                )
            target = np.searchsorted(self.classes_, y)
            self._learn_part(X, target, self._loss, sample_weight, original_X)
        return self

    def _check_classes(self, classes, first):
        """Set `classes_` in the first call, and check them in the others."""
        if first:
            if classes is None:
                raise ValueError(
                    "The first call of partial_fit needs classes=, all labels that "
                    "any part may have. Got None."
                )
            self._set_classes(np.unique(classes))
        elif classes is not None and not np.array_equal(
            np.unique(classes), self.classes_
        ):
            raise ValueError(
                f"classes={classes!r} are not those of the first call of partial_fit, "
                f"{self.classes_.tolist()}."
            )


class MYHPOLogisticRegression(_LogisticMixin, MYHPOSolver):
    """Logistic regression whose penalties MY-HPO learns inside `fit`.

    The mean validation loss is minimized over the log-penalties lambda while the
    weights minimize the mean logistic loss on the training part, plus
    ``exp(lambda_g) w_j^2`` for every feature j of a group g.
    More than two classes share one softmax. The published method is the one
    described for `MYHPORidge` [1]_.

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
    criterion : {"validation", "alo"} or Criterion, default="validation"
        What is minimized over lambda: the loss of held-out rows; or, of a model of
        all rows, the approximate leave-one-out loss. With "alo" no rows are held out
        and `cv` is ignored.
    cv : float, int, splitter or iterable, default=5
        How rows are split into training and validation parts. A float in (0, 1)
        is one hold-out split with that validation fraction, an int >= 2 the
        number of folds; both are shuffled with `random_state` and
        stratified. Otherwise a
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

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights; one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    lambda_ : float or ndarray of shape (n_groups,)
        Learned natural logs of the penalties, in the order of
        `feature_group_names_`; a float if `feature_groups` is None.
    C_ : float or ndarray of shape (n_groups,)
        ``1 / (2 n exp(lambda_))`` with n the sum of the sample weights, so that
        ``LogisticRegression(C=C_)`` on the same rows has the same `coef_`.
    feature_group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    feature_group_labels_ : ndarray of shape (n_features,)
        The group of every feature, as an index into `feature_group_names_`.
    validation_loss_ : float
        Mean loss over all held-out rows at `lambda_`, or the value of `criterion`.
    lambda_min_, validation_loss_min_ : float or ndarray
        Both at the least validation loss, whatever `selection` took.
    validation_loss_standard_error_ : float or None
        Of the validation loss at its least, over the splits; over the rows if there is
        one split. None without held-out rows, and with one lambda per target.
    validation_curve_ : dict of str to ndarray or None
        "lambda", in increasing order, and "validation_loss": the objective along one
        lambda for all features as the scan saw it from which the solver started; of
        many rows only around the minimum. None where it started elsewhere.
    optimism_ : float or None
        Estimate of how much lower `validation_loss_` is than the loss on new rows
        because the lambdas were fitted to the held-out ones; None with too many
        lambdas to tell. See the user guide for what it does not see.
    certificate_ : Certificate
        What tells how close the fit came to a minimum; print it.
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
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_myhpo import MYHPOLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> model = MYHPOLogisticRegression(random_state=0).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.99
    """


class SHOLogisticRegression(_LogisticMixin, SHOSolver):
    """Logistic regression whose penalties a local hypernetwork learns (SHO).

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
        number of folds; both are shuffled with `random_state` and
        stratified. Otherwise a
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

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Weights; one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    lambda_ : float or ndarray of shape (n_groups,)
        Learned natural logs of the penalties, in the order of
        `feature_group_names_`; a float if `feature_groups` is None.
    C_ : float or ndarray of shape (n_groups,)
        ``1 / (2 n exp(lambda_))`` with n the sum of the sample weights, so that
        ``LogisticRegression(C=C_)`` on the same rows has the same `coef_`.
    feature_group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    feature_group_labels_ : ndarray of shape (n_features,)
        The group of every feature, as an index into `feature_group_names_`.
    validation_loss_ : float
        Mean loss over all held-out rows at `lambda_`.
    lambda_min_, validation_loss_min_ : float or ndarray
        Both at the least validation loss, whatever `selection` took.
    validation_loss_standard_error_ : float or None
        Of the validation loss at its least, over the splits; over the rows if there is
        one split. None without held-out rows, and with one lambda per target.
    validation_curve_ : dict of str to ndarray or None
        "lambda", in increasing order, and "validation_loss": the objective along one
        lambda for all features as the scan saw it from which the solver started; of
        many rows only around the minimum. None where it started elsewhere.
    optimism_ : float or None
        Estimate of how much lower `validation_loss_` is than the loss on new rows
        because the lambdas were fitted to the held-out ones; None with too many
        lambdas to tell. See the user guide for what it does not see.
    certificate_ : Certificate
        What tells how close the fit came to a minimum; print it.
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
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_myhpo import SHOLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X = StandardScaler().fit_transform(X)
    >>> model = SHOLogisticRegression(tol=0.1, random_state=0).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.99
    """
