"""Ridge regressions that learn their penalties."""

from __future__ import annotations

from numbers import Integral
from typing import Literal

from .._typing import (
    AutoFloat,
    CVLike,
    FactorsLike,
    GroupsLike,
    LambdaBoundsLike,
    LambdaInitLike,
    RandomStateLike,
    ScoringLike,
)
from ..criteria import Criterion
from ..solvers import Solver
from ._parameters import AnySolverModel, MYHPOModel, SHOModel
from ._ridge import RidgeModel
from ._streaming import StreamingMixin


class MYHPORidge(RidgeModel, MYHPOModel):
    """Ridge regression whose penalties MY-HPO learns inside `fit`.

    The log-penalties lambda minimize the mean validation loss, while the weights
    minimize the training loss: the mean of ``(y - x w)^2 / 2`` of the training part
    plus ``exp(lambda_g) w_j^2`` for every feature j of every group g.

    The defaults end at a minimum of the validation loss. The published method [1]_ has
    ``steps="exact"`` or ``"gradient"``, ``response="mean"``, ``metric="identity"``,
    ``rho=1.0``, ``lambda_init=-1.0``, ``refit=False``, ``fit_intercept=False`` and one
    split.

    Parameters
    ----------
    cv : None, int, float, splitter or iterable, default=5
        Splits of the rows into training and validation parts. An int >= 2, or None for
        5: that many folds as scikit-learn makes them, in the order of the rows, never
        shuffled, and stratified by class in classifiers. A float in (0, 1): one
        hold-out split with that validation fraction, shuffled with `random_state`, and
        stratified. Otherwise a scikit-learn splitter, which gets X, y and `groups` as
        `fit` does, or an iterable of (train, validation) indices. Every training part
        must have rows of every class.
    feature_groups : None, "each", "transformer", array-like or list, default=None
        Which features share a lambda. None: all of them. "each": every feature has its
        own. "transformer": the features that one transformer of a
        `GroupedColumnTransformer` made share one. Otherwise an array-like of n_features
        labels, or a list of (name, columns) with columns as in
        `sklearn.compose.ColumnTransformer`; every feature belongs to exactly one group.
    criterion : {"validation", "loo", "gcv", "sure", "reml", "mlr"} or Criterion, \
default="validation"
        Function that is minimized over lambda: the loss of held-out rows
        ("validation"); or, for a model of all rows, the exact leave-one-out error
        ("loo"), generalized cross-validation ("gcv"), Stein's unbiased risk estimate
        ("sure"), restricted maximum likelihood ("reml"), or the training error minus
        its mean over permuted labels ("mlr"). The last five hold out no rows and ignore
        `cv`. An object such as ``sklearn_myhpo.criteria.SURE(noise_variance=2.0)`` has
        options.
    selection : {"min", "one_se"}, default="min"
        "min" takes the lambda with the least validation loss. "one_se" takes the
        strongest penalty whose validation loss is within one standard error of the
        least: all lambdas are raised by the same amount. It needs held-out rows.
    shrinkage : "auto" or float, default=0.0
        Pulls several lambdas towards each other: adds
        ``shrinkage * mean((lambda - mean)^2) / 2``, in units of the validation loss of
        the best shared lambda, to the objective. "auto" chooses it by nested splits,
        between no shrinkage and one lambda, at three to eight times the cost; it needs
        three splits or more.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalized.
    standardize : bool, default=False
        Whether to centre every feature by its mean and to scale it by its standard
        deviation, both weighted and computed from the training rows of each split, like
        `sklearn.preprocessing.StandardScaler` in a pipeline inside
        `sklearn.model_selection.GridSearchCV`; the final fit uses those of all rows.
        Sparse X is only scaled. The penalty then does not depend on the units of X, and
        `coef_` and `intercept_` are in the units of X.
    penalty_factors : None, array-like of shape (n_features,) or list, default=None
        Factors of the features in the penalty, which is ``exp(lambda_g) f_j w_j^2`` for
        feature j of group g: numbers >= 0, or a list of (columns, factor) with columns
        as in `sklearn.compose.ColumnTransformer`. None, and features that the list does
        not name: 1. Features with factor 0 are never penalized, like the intercept.
    alpha_per_target : bool, default=False
        Whether every column of y gets its own lambda, as in
        `sklearn.linear_model.RidgeCV`; needs ``feature_groups=None``. MY-HPO with its
        default options learns them all at once, other solvers one after the other.
    random_state : int, RandomState instance or None, default=None
        Shuffles the rows if `cv` is a float, and seeds stochastic solvers.
    verbose : int, default=0
        Whether to print a line per iteration.
    scoring : str, callable, list, tuple, set, dict or None, default=None
        Scores of the splits' models on their held-out rows, for `cv_scores_`: the name
        of a scorer of scikit-learn, a callable ``scorer(estimator, X, y)``, several
        names, or a dict of them, as in `sklearn.model_selection.cross_validate`. They
        are only reported; the loss is minimized. A scorer that takes `sample_weight`
        gets the weights of `fit`; with metadata routing, one that requests them.
    store_cv_results : bool, default=False
        Whether to keep the predictions of held-out rows and the loss of every split:
        `cv_rows_`, `cv_predictions_` and `cv_losses_`.
    n_jobs : int or None, default=None
        How many parts of a fit are computed at once: the training parts that
        ``shrinkage="auto"`` splits again, or the targets of ``alpha_per_target=True``
        that the solver learns one by one. With a number, each uses one thread and the
        result does not depend on the number. None processes one after the other, with
        the threads of linear algebra, except in a `joblib.parallel_config` context. -1
        means all processors. Other fits have no such parts.
    refit : bool, default=True
        Whether to fit all rows with the learned lambda. False keeps the weights of the
        bilevel solution, averaged over the splits.
    store_coef : bool, default=True
        Whether to keep `coef_`. False keeps the weights of the training rows,
        `dual_coef_`, and these rows, `X_fit_`, as `sklearn.kernel_ridge.KernelRidge`
        does: predictions are the same, and where there are more features than rows and
        many targets the model takes n_samples x n_targets numbers in the place of
        n_features x n_targets. It needs ``refit=True``, all rows at once and a penalty
        for every feature.
    lambda_init : "auto", float, dict or array-like of shape (n_groups,), \
default="auto"
        Natural log of the first penalty. "auto" takes the best shared value of a scan;
        a number starts there with zero weights, as the paper does with -1. A dict from
        the name of every group to a number, or n_groups numbers in the order of
        `feature_group_names_`, start every group at its own.
    lambda_bounds : "auto", (float, float) or dict, default="auto"
        Lowest and highest lambda. "auto", or an infinite bound, covers the range of
        every group from no effect to zero weights. A dict from names of groups to
        "auto" or (low, high) bounds every group by its own; groups that it does not
        name have "auto".
    n_starts : int, default=1
        Number of runs of the solver; the one with the lowest validation loss is kept.
        With several lambdas there may be several minima. The first run starts at
        `lambda_init`, the others near it, with every lambda shifted by a normal random
        number of standard deviation 2, seeded by `random_state`.
    max_iter : int, default=200
        Largest number of iterations of the solver.
    max_time : float or None, default=None
        Seconds after which the search for lambda ends, also in the middle of a step,
        with the best lambda so far, `converged_` False and a warning; None for no
        limit. The first pass over the data and the refit are not cut short.
    tol : float, default=1e-6
        The solver has converged when its full relative residual is at most `tol`.
    warm_start : bool, default=False
        Whether to start from the lambda and the weights of the last fit, if it had the
        same numbers of splits, features and lambdas.
    steps : {"exact", "gradient"}, default="exact"
        Exact minimizations (Algorithm 3 of the paper) or gradient steps (Algorithm 1).
    response : {"tangent", "mean"}, default="tangent"
        Response of the weights to lambda: their derivative, or eq. (4) of the paper.
    metric : {"hessian", "identity"}, default="hessian"
        Norm of the proximal terms: that of the training Hessian, or the paper's.
    rho : "auto" or float, default="auto"
        Weight of the proximal terms. "auto" adapts it with exact steps, the tangent
        response and the Hessian metric, and is 1 otherwise.
    step_sizes : "auto" or (float, float, float), default="auto"
        alpha, beta and delta of the gradient steps on v, w and lambda. "auto" takes
        them from a Lipschitz constant and the size of the loss.
    backtracking : bool, default=True
        Whether to halve a gradient step until its objective decreases sufficiently.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Weights; a vector for one column of y too, as those of
        `sklearn.linear_model.Ridge`.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept.
    dual_coef_ : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Weights of the rows `X_fit_`, in the place of `coef_`; with ``store_coef=False``
        only. With one lambda ``coef_ = (X_fit_.T @ dual_coef_).T``, over the squares of
        the standard deviations with `standardize` and over `penalty_factors`.
    X_fit_ : ndarray or sparse array of shape (n_rows, n_features)
        The training rows of positive weight, which predictions need; with
        ``store_coef=False`` only. They are part of a pickle.
    lambda_ : float or ndarray of shape (n_groups,) or (n_targets,)
        Learned natural logs of the penalties, in the order of `feature_group_names_`; a
        float if `feature_groups` is None. One per column of y with `alpha_per_target`.
    alpha_ : float or ndarray of shape (n_groups,) or (n_targets,)
        ``2 n exp(lambda_)`` with n the sum of the sample weights. With one lambda, or
        one per target, ``Ridge(alpha=alpha_)`` on the same rows has the same `coef_`.
        With `penalty_factors`, feature j has that of its group times its factor.
    plan_ : Plan or None
        How the fit was computed, and its memory beside X; it can be printed. None after
        `partial_fit`.
    feature_group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    feature_group_labels_ : ndarray of shape (n_features,)
        The group of every feature, as an index into `feature_group_names_`; -1 for
        features that are never penalized.
    penalty_factors_ : ndarray of shape (n_features,)
        The factor of every feature in the penalty.
    validation_loss_ : float or ndarray of shape (n_targets,)
        Mean loss of all held-out rows at `lambda_`, or the value of `criterion` there,
        with the solver's weights of each split, not those of a refit; one value per
        column of y with `alpha_per_target`.
    lambda_min_, validation_loss_min_ : float or ndarray
        Lambda and validation loss at the least validation loss; not the same as
        `lambda_` and `validation_loss_` with ``selection="one_se"``.
    validation_loss_standard_error_ : float or None
        Standard error of `validation_loss_min_`, over the splits, or over the rows if
        there is one split. None without held-out rows, and with `alpha_per_target`.
    cv_rows_ : ndarray of int of shape (n_held_out,) or None
        The rows of X, or of `X_val`, with a positive weight that a split holds out, in
        increasing order; all of them with K folds. None unless `store_cv_results`.
    cv_predictions_ : ndarray of shape (n_held_out,) or (n_held_out, n_targets) or None
        Predictions of the rows `cv_rows_` by models that have not seen them: by those
        of the splits that hold the row out, their mean if there are several, or with
        ``criterion="loo"`` by that of all other rows. None unless `store_cv_results`.
    cv_losses_ : ndarray of shape (n_splits,) or (n_splits, n_targets) or None
        Mean loss of the rows that every split holds out; their mean, weighted by the
        weights of those rows, is `validation_loss_`. A column per target with
        `alpha_per_target`; a row per row of X with ``criterion="loo"``. None unless
        `store_cv_results`.
    cv_scores_ : ndarray of shape (n_splits,), dict of str to ndarray, or None
        Score of every split's model on the rows that it holds out; with several scores,
        an array per name. The scorer gets scikit-learn's own estimator, with the
        weights of the split. None without `scoring`.
    validation_curve_ : dict of str to ndarray or None
        The objective along one lambda for all features, as the scan for the first
        lambda saw it: "lambda", in increasing order, and "validation_loss". None if the
        fit started without a scan, and with `alpha_per_target`.
    start_losses_ : ndarray of shape (n_starts,) or None
        Validation loss at the end of every run; of fewer runs if `max_time` ended the
        search. None with `alpha_per_target`, and after `partial_fit`.
    row_weights_ : ndarray of shape (n_row_groups,) or None
        Weight in the training loss of every label in `row_groups_`, learned on the
        validation set; the largest is 1. None if `fit` got no `row_groups`.
    row_groups_ : ndarray of shape (n_row_groups,) or None
        Labels of rows, sorted; with ``row_groups="each"`` the numbers of the rows. None
        if `fit` got no `row_groups`.
    optimism_ : float or None
        Estimate of how much lower `validation_loss_` is than the loss of new rows
        because the lambdas were fitted to the held-out rows. None if `max_time` ended
        the search, without held-out rows, with too many lambdas, and with
        `alpha_per_target`. The user guide states its limits.
    certificate_ : Certificate or None
        Report on how close the fit came to a minimum; it can be printed. None if
        `max_time` ended the search, with `alpha_per_target`.
    shrinkage_ : float
        The shrinkage of this fit; 0 with one lambda.
    shrinkage_path_ : dict of str to ndarray or None
        Shrinkages that ``shrinkage="auto"`` tried, "shrinkage", and the mean losses of
        rows not used in the fits, "nested_loss". None otherwise, and with one lambda.
    n_iter_ : int
        Number of iterations of the solver.
    converged_ : bool
        Whether the solver reached `tol`.
    history_ : dict of str to ndarray
        One entry per iteration; `history_frame` returns it as a frame: "lambda",
        "train_loss", "validation_loss", "primal_residual", "dual_residual",
        "hypergradient_norm", cumulative oracle counts ("n_gradients" is the paper's
        n_g) and "time" in seconds.
    oracle_counts_ : dict of str to int
        Numbers of evaluations in the whole fit by kind, the scan and the refit
        included; with batches also "n_passes", the number of passes over their rows.
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
    >>> model = MYHPORidge().fit(X, y)
    >>> print(round(model.alpha_, 6))
    0.000586
    >>> round(model.score(X, y), 2)
    0.52
    """

    _parameter_constraints = {
        **MYHPOModel._parameter_constraints,
        "alpha_per_target": ["boolean"],
        "store_coef": ["boolean"],
    }

    def __init__(
        self,
        *,
        cv: CVLike = 5,
        feature_groups: GroupsLike = None,
        criterion: str | Criterion = "validation",
        selection: Literal["min", "one_se"] = "min",
        shrinkage: AutoFloat = 0.0,
        fit_intercept: bool = True,
        standardize: bool = False,
        penalty_factors: FactorsLike = None,
        alpha_per_target: bool = False,
        random_state: RandomStateLike = None,
        verbose: int = 0,
        scoring: ScoringLike = None,
        store_cv_results: bool = False,
        n_jobs: int | None = None,
        refit: bool = True,
        store_coef: bool = True,
        lambda_init: LambdaInitLike = "auto",
        lambda_bounds: LambdaBoundsLike = "auto",
        n_starts: int = 1,
        max_iter: int = 200,
        max_time: float | None = None,
        tol: float = 1e-6,
        warm_start: bool = False,
        steps: Literal["exact", "gradient"] = "exact",
        response: Literal["tangent", "mean"] = "tangent",
        metric: Literal["hessian", "identity"] = "hessian",
        rho: AutoFloat = "auto",
        step_sizes: Literal["auto"] | tuple[float, float, float] = "auto",
        backtracking: bool = True,
    ) -> None:
        self.cv = cv
        self.feature_groups = feature_groups
        self.criterion = criterion
        self.selection = selection
        self.shrinkage = shrinkage
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.penalty_factors = penalty_factors
        self.alpha_per_target = alpha_per_target
        self.random_state = random_state
        self.verbose = verbose
        self.scoring = scoring
        self.store_cv_results = store_cv_results
        self.n_jobs = n_jobs
        self.refit = refit
        self.store_coef = store_coef
        self.lambda_init = lambda_init
        self.lambda_bounds = lambda_bounds
        self.n_starts = n_starts
        self.max_iter = max_iter
        self.max_time = max_time
        self.tol = tol
        self.warm_start = warm_start
        self.steps = steps
        self.response = response
        self.metric = metric
        self.rho = rho
        self.step_sizes = step_sizes
        self.backtracking = backtracking


class SHORidge(RidgeModel, SHOModel):
    """Ridge regression whose penalties a local hypernetwork learns (SHO).

    The log-penalties lambda minimize the mean validation loss, while the weights
    minimize the training loss: the mean of ``(y - x w)^2 / 2`` of the training part
    plus ``exp(lambda_g) w_j^2`` for every feature j of every group g.

    A linear hypernetwork ``w = lambda phi_1 + phi_0`` is trained on the training part,
    while gradient steps on lambda lower the validation loss of its weights [1]_. Large
    steps diverge; the fit then stops at the last finite iterate and warns.

    Parameters
    ----------
    cv : None, int, float, splitter or iterable, default=5
        Splits of the rows into training and validation parts. An int >= 2, or None for
        5: that many folds as scikit-learn makes them, in the order of the rows, never
        shuffled, and stratified by class in classifiers. A float in (0, 1): one
        hold-out split with that validation fraction, shuffled with `random_state`, and
        stratified. Otherwise a scikit-learn splitter, which gets X, y and `groups` as
        `fit` does, or an iterable of (train, validation) indices. Every training part
        must have rows of every class.
    feature_groups : None, "each", "transformer", array-like or list, default=None
        Which features share a lambda. None: all of them. "each": every feature has its
        own. "transformer": the features that one transformer of a
        `GroupedColumnTransformer` made share one. Otherwise an array-like of n_features
        labels, or a list of (name, columns) with columns as in
        `sklearn.compose.ColumnTransformer`; every feature belongs to exactly one group.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalized.
    standardize : bool, default=False
        Whether to centre every feature by its mean and to scale it by its standard
        deviation, both weighted and computed from the training rows of each split, like
        `sklearn.preprocessing.StandardScaler` in a pipeline inside
        `sklearn.model_selection.GridSearchCV`; the final fit uses those of all rows.
        Sparse X is only scaled. The penalty then does not depend on the units of X, and
        `coef_` and `intercept_` are in the units of X.
    penalty_factors : None, array-like of shape (n_features,) or list, default=None
        Factors of the features in the penalty, which is ``exp(lambda_g) f_j w_j^2`` for
        feature j of group g: numbers >= 0, or a list of (columns, factor) with columns
        as in `sklearn.compose.ColumnTransformer`. None, and features that the list does
        not name: 1. Features with factor 0 are never penalized, like the intercept.
    alpha_per_target : bool, default=False
        Whether every column of y gets its own lambda, as in
        `sklearn.linear_model.RidgeCV`; needs ``feature_groups=None``. MY-HPO with its
        default options learns them all at once, other solvers one after the other.
    random_state : int, RandomState instance or None, default=None
        Shuffles the rows if `cv` is a float, and seeds stochastic solvers.
    verbose : int, default=0
        Whether to print a line per iteration.
    scoring : str, callable, list, tuple, set, dict or None, default=None
        Scores of the splits' models on their held-out rows, for `cv_scores_`: the name
        of a scorer of scikit-learn, a callable ``scorer(estimator, X, y)``, several
        names, or a dict of them, as in `sklearn.model_selection.cross_validate`. They
        are only reported; the loss is minimized. A scorer that takes `sample_weight`
        gets the weights of `fit`; with metadata routing, one that requests them.
    store_cv_results : bool, default=False
        Whether to keep the predictions of held-out rows and the loss of every split:
        `cv_rows_`, `cv_predictions_` and `cv_losses_`.
    n_jobs : int or None, default=None
        How many targets ``alpha_per_target=True`` learns at once. With a number, each
        uses one thread and the result does not depend on the number. None learns one
        after the other, with the threads of linear algebra, unless in a
        `joblib.parallel_config` context. -1 is all processors. Other fits have no such
        parts.
    refit : bool, default=True
        Whether to fit all rows with the learned lambda. False keeps the weights of the
        bilevel solution, averaged over the splits.
    store_coef : bool, default=True
        Whether to keep `coef_`. False keeps the weights of the training rows,
        `dual_coef_`, and these rows, `X_fit_`, as `sklearn.kernel_ridge.KernelRidge`
        does: predictions are the same, and where there are more features than rows and
        many targets the model takes n_samples x n_targets numbers in the place of
        n_features x n_targets. It needs ``refit=True``, all rows at once and a penalty
        for every feature.
    lambda_init : "auto", float, dict or array-like of shape (n_groups,), \
default="auto"
        Natural log of the first penalty. "auto" takes the best shared value of a scan;
        a number starts there with zero weights, as the paper does with -1. A dict from
        the name of every group to a number, or n_groups numbers in the order of
        `feature_group_names_`, start every group at its own.
    lambda_bounds : "auto", (float, float) or dict, default="auto"
        Lowest and highest lambda. "auto", or an infinite bound, covers the range of
        every group from no effect to zero weights. A dict from names of groups to
        "auto" or (low, high) bounds every group by its own; groups that it does not
        name have "auto".
    n_starts : int, default=1
        Number of runs of the solver; the one with the lowest validation loss is kept.
        With several lambdas there may be several minima. The first run starts at
        `lambda_init`, the others near it, with every lambda shifted by a normal random
        number of standard deviation 2, seeded by `random_state`.
    max_iter : int, default=200
        Largest number of iterations of the solver.
    max_time : float or None, default=None
        Seconds after which the search for lambda ends, also in the middle of a step,
        with the best lambda so far, `converged_` False and a warning; None for no
        limit. The first pass over the data and the refit are not cut short.
    tol : float, default=1e-4
        The solver has converged when its full relative residual is at most `tol`.
    warm_start : bool, default=False
        Whether to start from the lambda and the weights of the last fit, if it had the
        same numbers of splits, features and lambdas.
    step_sizes : "auto" or (float, float), default="auto"
        alpha of the hypernetwork and beta of lambda. "auto" takes them from a Lipschitz
        constant and the size of the loss.
    noise_scale : float, default=1e-4
        sigma, the standard deviation of the sampled lambda.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Weights; a vector for one column of y too, as those of
        `sklearn.linear_model.Ridge`.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept.
    dual_coef_ : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Weights of the rows `X_fit_`, in the place of `coef_`; with ``store_coef=False``
        only. With one lambda ``coef_ = (X_fit_.T @ dual_coef_).T``, over the squares of
        the standard deviations with `standardize` and over `penalty_factors`.
    X_fit_ : ndarray or sparse array of shape (n_rows, n_features)
        The training rows of positive weight, which predictions need; with
        ``store_coef=False`` only. They are part of a pickle.
    lambda_ : float or ndarray of shape (n_groups,) or (n_targets,)
        Learned natural logs of the penalties, in the order of `feature_group_names_`; a
        float if `feature_groups` is None. One per column of y with `alpha_per_target`.
    alpha_ : float or ndarray of shape (n_groups,) or (n_targets,)
        ``2 n exp(lambda_)`` with n the sum of the sample weights. With one lambda, or
        one per target, ``Ridge(alpha=alpha_)`` on the same rows has the same `coef_`.
        With `penalty_factors`, feature j has that of its group times its factor.
    plan_ : Plan or None
        How the fit was computed, and its memory beside X; it can be printed. None after
        `partial_fit`.
    feature_group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    feature_group_labels_ : ndarray of shape (n_features,)
        The group of every feature, as an index into `feature_group_names_`; -1 for
        features that are never penalized.
    penalty_factors_ : ndarray of shape (n_features,)
        The factor of every feature in the penalty.
    validation_loss_ : float or ndarray of shape (n_targets,)
        Mean loss of all held-out rows at `lambda_`, with the solver's weights of each
        split, not those of a refit; one value per column of y with
        `alpha_per_target`.
    lambda_min_, validation_loss_min_ : float or ndarray
        Lambda and validation loss at the least validation loss; here the same as
        `lambda_` and `validation_loss_`.
    validation_loss_standard_error_ : float or None
        Standard error of `validation_loss_min_`, over the splits, or over the rows if
        there is one split. None without held-out rows, and with `alpha_per_target`.
    cv_rows_ : ndarray of int of shape (n_held_out,) or None
        The rows of X, or of `X_val`, with a positive weight that a split holds out, in
        increasing order; all of them with K folds. None unless `store_cv_results`.
    cv_predictions_ : ndarray of shape (n_held_out,) or (n_held_out, n_targets) or None
        Predictions of the rows `cv_rows_` by models that have not seen them: by those
        of the splits that hold the row out, their mean if there are several. None
        unless `store_cv_results`.
    cv_losses_ : ndarray of shape (n_splits,) or (n_splits, n_targets) or None
        Mean loss of the rows that every split holds out; their mean, weighted by the
        weights of those rows, is `validation_loss_`. A column per target with
        `alpha_per_target`. None unless `store_cv_results`.
    cv_scores_ : ndarray of shape (n_splits,), dict of str to ndarray, or None
        Score of every split's model on the rows that it holds out; with several scores,
        an array per name. The scorer gets scikit-learn's own estimator, with the
        weights of the split. None without `scoring`.
    validation_curve_ : dict of str to ndarray or None
        The objective along one lambda for all features, as the scan for the first
        lambda saw it: "lambda", in increasing order, and "validation_loss". None if the
        fit started without a scan, and with `alpha_per_target`.
    start_losses_ : ndarray of shape (n_starts,) or None
        Validation loss at the end of every run; of fewer runs if `max_time` ended the
        search. None with `alpha_per_target`, and after `partial_fit`.
    row_weights_ : ndarray of shape (n_row_groups,) or None
        Weight in the training loss of every label in `row_groups_`, learned on the
        validation set; the largest is 1. None if `fit` got no `row_groups`.
    row_groups_ : ndarray of shape (n_row_groups,) or None
        Labels of rows, sorted; with ``row_groups="each"`` the numbers of the rows. None
        if `fit` got no `row_groups`.
    optimism_ : float or None
        Estimate of how much lower `validation_loss_` is than the loss of new rows
        because the lambdas were fitted to the held-out rows. None if `max_time` ended
        the search, without held-out rows, with too many lambdas, and with
        `alpha_per_target`. The user guide states its limits.
    certificate_ : Certificate or None
        Report on how close the fit came to a minimum; it can be printed. None if
        `max_time` ended the search, with `alpha_per_target`.
    n_iter_ : int
        Number of iterations of the solver.
    converged_ : bool
        Whether the solver reached `tol`.
    history_ : dict of str to ndarray
        One entry per iteration; `history_frame` returns it as a frame: "lambda",
        "train_loss", "validation_loss", "primal_residual", "dual_residual",
        "hypergradient_norm", cumulative oracle counts ("n_gradients" is the paper's
        n_g) and "time" in seconds.
    oracle_counts_ : dict of str to int
        Numbers of evaluations in the whole fit by kind, the scan and the refit
        included; with batches also "n_passes", the number of passes over their rows.
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

    _parameter_constraints = {
        **SHOModel._parameter_constraints,
        "alpha_per_target": ["boolean"],
        "store_coef": ["boolean"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        *,
        cv: CVLike = 5,
        feature_groups: GroupsLike = None,
        fit_intercept: bool = True,
        standardize: bool = False,
        penalty_factors: FactorsLike = None,
        alpha_per_target: bool = False,
        random_state: RandomStateLike = None,
        verbose: int = 0,
        scoring: ScoringLike = None,
        store_cv_results: bool = False,
        n_jobs: int | None = None,
        refit: bool = True,
        store_coef: bool = True,
        lambda_init: LambdaInitLike = "auto",
        lambda_bounds: LambdaBoundsLike = "auto",
        n_starts: int = 1,
        max_iter: int = 200,
        max_time: float | None = None,
        tol: float = 1e-4,
        warm_start: bool = False,
        step_sizes: Literal["auto"] | tuple[float, float] = "auto",
        noise_scale: float = 1e-4,
    ) -> None:
        self.cv = cv
        self.feature_groups = feature_groups
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.penalty_factors = penalty_factors
        self.alpha_per_target = alpha_per_target
        self.random_state = random_state
        self.verbose = verbose
        self.scoring = scoring
        self.store_cv_results = store_cv_results
        self.n_jobs = n_jobs
        self.refit = refit
        self.store_coef = store_coef
        self.lambda_init = lambda_init
        self.lambda_bounds = lambda_bounds
        self.n_starts = n_starts
        self.max_iter = max_iter
        self.max_time = max_time
        self.tol = tol
        self.warm_start = warm_start
        self.step_sizes = step_sizes
        self.noise_scale = noise_scale


class BilevelRidge(StreamingMixin, RidgeModel, AnySolverModel):
    """Ridge regression that learns its penalties with any bilevel solver.

    The log-penalties lambda minimize the mean validation loss, while the weights
    minimize the training loss: the mean of ``(y - x w)^2 / 2`` of the training part
    plus ``exp(lambda_g) w_j^2`` for every feature j of every group g. Defaults to
    MY-HPO [1]_.

    Parameters
    ----------
    solver : str or Solver, default="myhpo"
        Method that minimizes over lambda: a name in `sklearn_myhpo.solvers.SOLVERS`, or
        a solver object such as ``sklearn_myhpo.solvers.Implicit(steps="newton")``.
    cv : None, int, float, splitter or iterable, default=5
        Splits of the rows into training and validation parts. An int >= 2, or None for
        5: that many folds as scikit-learn makes them, in the order of the rows, never
        shuffled, and stratified by class in classifiers. A float in (0, 1): one
        hold-out split with that validation fraction, shuffled with `random_state`, and
        stratified. Otherwise a scikit-learn splitter, which gets X, y and `groups` as
        `fit` does, or an iterable of (train, validation) indices. Every training part
        must have rows of every class.
    feature_groups : None, "each", "transformer", array-like or list, default=None
        Which features share a lambda. None: all of them. "each": every feature has its
        own. "transformer": the features that one transformer of a
        `GroupedColumnTransformer` made share one. Otherwise an array-like of n_features
        labels, or a list of (name, columns) with columns as in
        `sklearn.compose.ColumnTransformer`; every feature belongs to exactly one group.
    criterion : {"validation", "loo", "gcv", "sure", "reml", "mlr"} or Criterion, \
default="validation"
        Function that is minimized over lambda: the loss of held-out rows
        ("validation"); or, for a model of all rows, the exact leave-one-out error
        ("loo"), generalized cross-validation ("gcv"), Stein's unbiased risk estimate
        ("sure"), restricted maximum likelihood ("reml"), or the training error minus
        its mean over permuted labels ("mlr"). The last five hold out no rows and ignore
        `cv`. An object such as ``sklearn_myhpo.criteria.SURE(noise_variance=2.0)`` has
        options.
    selection : {"min", "one_se"}, default="min"
        "min" takes the lambda with the least validation loss. "one_se" takes the
        strongest penalty whose validation loss is within one standard error of the
        least: all lambdas are raised by the same amount. It needs held-out rows.
    shrinkage : "auto" or float, default=0.0
        Pulls several lambdas towards each other: adds
        ``shrinkage * mean((lambda - mean)^2) / 2``, in units of the validation loss of
        the best shared lambda, to the objective. "auto" chooses it by nested splits,
        between no shrinkage and one lambda, at three to eight times the cost; it needs
        three splits or more.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalized.
    standardize : bool, default=False
        Whether to centre every feature by its mean and to scale it by its standard
        deviation, both weighted and computed from the training rows of each split, like
        `sklearn.preprocessing.StandardScaler` in a pipeline inside
        `sklearn.model_selection.GridSearchCV`; the final fit uses those of all rows.
        Sparse X is only scaled. The penalty then does not depend on the units of X, and
        `coef_` and `intercept_` are in the units of X.
    penalty_factors : None, array-like of shape (n_features,) or list, default=None
        Factors of the features in the penalty, which is ``exp(lambda_g) f_j w_j^2`` for
        feature j of group g: numbers >= 0, or a list of (columns, factor) with columns
        as in `sklearn.compose.ColumnTransformer`. None, and features that the list does
        not name: 1. Features with factor 0 are never penalized, like the intercept.
    alpha_per_target : bool, default=False
        Whether every column of y gets its own lambda, as in
        `sklearn.linear_model.RidgeCV`; needs ``feature_groups=None``. MY-HPO with its
        default options learns them all at once, other solvers one after the other.
    random_state : int, RandomState instance or None, default=None
        Shuffles the rows if `cv` is a float, and seeds stochastic solvers.
    verbose : int, default=0
        Whether to print a line per iteration.
    scoring : str, callable, list, tuple, set, dict or None, default=None
        Scores of the splits' models on their held-out rows, for `cv_scores_`: the name
        of a scorer of scikit-learn, a callable ``scorer(estimator, X, y)``, several
        names, or a dict of them, as in `sklearn.model_selection.cross_validate`. They
        are only reported; the loss is minimized. A scorer that takes `sample_weight`
        gets the weights of `fit`; with metadata routing, one that requests them.
    store_cv_results : bool, default=False
        Whether to keep the predictions of held-out rows and the loss of every split:
        `cv_rows_`, `cv_predictions_` and `cv_losses_`.
    n_jobs : int or None, default=None
        How many parts of a fit are computed at once: the training parts that
        ``shrinkage="auto"`` splits again, or the targets of ``alpha_per_target=True``
        that the solver learns one by one. With a number, each uses one thread and the
        result does not depend on the number. None processes one after the other, with
        the threads of linear algebra, except in a `joblib.parallel_config` context. -1
        means all processors. Other fits have no such parts.
    refit : bool, default=True
        Whether to fit all rows with the learned lambda. False keeps the weights of the
        bilevel solution, averaged over the splits.
    store_coef : bool, default=True
        Whether to keep `coef_`. False keeps the weights of the training rows,
        `dual_coef_`, and these rows, `X_fit_`, as `sklearn.kernel_ridge.KernelRidge`
        does: predictions are the same, and where there are more features than rows and
        many targets the model takes n_samples x n_targets numbers in the place of
        n_features x n_targets. It needs ``refit=True``, all rows at once and a penalty
        for every feature.
    lambda_init : "auto", float, dict or array-like of shape (n_groups,), \
default="auto"
        Natural log of the first penalty. "auto" takes the best shared value of a scan;
        a number starts there with zero weights, as the paper does with -1. A dict from
        the name of every group to a number, or n_groups numbers in the order of
        `feature_group_names_`, start every group at its own.
    lambda_bounds : "auto", (float, float) or dict, default="auto"
        Lowest and highest lambda. "auto", or an infinite bound, covers the range of
        every group from no effect to zero weights. A dict from names of groups to
        "auto" or (low, high) bounds every group by its own; groups that it does not
        name have "auto".
    n_starts : int, default=1
        Number of runs of the solver; the one with the lowest validation loss is kept.
        With several lambdas there may be several minima. The first run starts at
        `lambda_init`, the others near it, with every lambda shifted by a normal random
        number of standard deviation 2, seeded by `random_state`.
    max_iter : int, default=200
        Largest number of iterations of the solver.
    max_time : float or None, default=None
        Seconds after which the search for lambda ends, also in the middle of a step,
        with the best lambda so far, `converged_` False and a warning; None for no
        limit. The first pass over the data and the refit are not cut short.
    tol : float, default=1e-6
        The solver has converged when its full relative residual is at most `tol`.
    warm_start : bool, default=False
        Whether to start from the lambda and the weights of the last fit, if it had the
        same numbers of splits, features and lambdas.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        Weights; a vector for one column of y too, as those of
        `sklearn.linear_model.Ridge`.
    intercept_ : float or ndarray of shape (n_targets,)
        Intercept.
    dual_coef_ : ndarray of shape (n_rows,) or (n_rows, n_targets)
        Weights of the rows `X_fit_`, in the place of `coef_`; with ``store_coef=False``
        only. With one lambda ``coef_ = (X_fit_.T @ dual_coef_).T``, over the squares of
        the standard deviations with `standardize` and over `penalty_factors`.
    X_fit_ : ndarray or sparse array of shape (n_rows, n_features)
        The training rows of positive weight, which predictions need; with
        ``store_coef=False`` only. They are part of a pickle.
    lambda_ : float or ndarray of shape (n_groups,) or (n_targets,)
        Learned natural logs of the penalties, in the order of `feature_group_names_`; a
        float if `feature_groups` is None. One per column of y with `alpha_per_target`.
    alpha_ : float or ndarray of shape (n_groups,) or (n_targets,)
        ``2 n exp(lambda_)`` with n the sum of the sample weights. With one lambda, or
        one per target, ``Ridge(alpha=alpha_)`` on the same rows has the same `coef_`.
        With `penalty_factors`, feature j has that of its group times its factor.
    plan_ : Plan or None
        How the fit was computed, and its memory beside X; it can be printed. None after
        `partial_fit`.
    feature_group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    feature_group_labels_ : ndarray of shape (n_features,)
        The group of every feature, as an index into `feature_group_names_`; -1 for
        features that are never penalized.
    penalty_factors_ : ndarray of shape (n_features,)
        The factor of every feature in the penalty.
    validation_loss_ : float or ndarray of shape (n_targets,)
        Mean loss of all held-out rows at `lambda_`, or the value of `criterion` there,
        with the solver's weights of each split, not those of a refit; one value per
        column of y with `alpha_per_target`.
    lambda_min_, validation_loss_min_ : float or ndarray
        Lambda and validation loss at the least validation loss; not the same as
        `lambda_` and `validation_loss_` with ``selection="one_se"``.
    validation_loss_standard_error_ : float or None
        Standard error of `validation_loss_min_`, over the splits, or over the rows if
        there is one split. None without held-out rows, and with `alpha_per_target`.
    cv_rows_ : ndarray of int of shape (n_held_out,) or None
        The rows of X, or of `X_val`, with a positive weight that a split holds out, in
        increasing order; all of them with K folds. None unless `store_cv_results`.
    cv_predictions_ : ndarray of shape (n_held_out,) or (n_held_out, n_targets) or None
        Predictions of the rows `cv_rows_` by models that have not seen them: by those
        of the splits that hold the row out, their mean if there are several, or with
        ``criterion="loo"`` by that of all other rows. None unless `store_cv_results`.
    cv_losses_ : ndarray of shape (n_splits,) or (n_splits, n_targets) or None
        Mean loss of the rows that every split holds out; their mean, weighted by the
        weights of those rows, is `validation_loss_`. A column per target with
        `alpha_per_target`; a row per row of X with ``criterion="loo"``. None unless
        `store_cv_results`.
    cv_scores_ : ndarray of shape (n_splits,), dict of str to ndarray, or None
        Score of every split's model on the rows that it holds out; with several scores,
        an array per name. The scorer gets scikit-learn's own estimator, with the
        weights of the split. None without `scoring`.
    validation_curve_ : dict of str to ndarray or None
        The objective along one lambda for all features, as the scan for the first
        lambda saw it: "lambda", in increasing order, and "validation_loss". None if the
        fit started without a scan, and with `alpha_per_target`.
    start_losses_ : ndarray of shape (n_starts,) or None
        Validation loss at the end of every run; of fewer runs if `max_time` ended the
        search. None with `alpha_per_target`, and after `partial_fit`.
    row_weights_ : ndarray of shape (n_row_groups,) or None
        Weight in the training loss of every label in `row_groups_`, learned on the
        validation set; the largest is 1. None if `fit` got no `row_groups`.
    row_groups_ : ndarray of shape (n_row_groups,) or None
        Labels of rows, sorted; with ``row_groups="each"`` the numbers of the rows. None
        if `fit` got no `row_groups`.
    optimism_ : float or None
        Estimate of how much lower `validation_loss_` is than the loss of new rows
        because the lambdas were fitted to the held-out rows. None if `max_time` ended
        the search, without held-out rows, with too many lambdas, and with
        `alpha_per_target`. The user guide states its limits.
    certificate_ : Certificate or None
        Report on how close the fit came to a minimum; it can be printed. None if
        `max_time` ended the search, with `alpha_per_target`, after `partial_fit`, and
        for a solver that reads rows in batches if ``refit=False``.
    shrinkage_ : float
        The shrinkage of this fit; 0 with one lambda.
    shrinkage_path_ : dict of str to ndarray or None
        Shrinkages that ``shrinkage="auto"`` tried, "shrinkage", and the mean losses of
        rows not used in the fits, "nested_loss". None otherwise, and with one lambda.
    n_iter_ : int
        Number of iterations of the solver.
    converged_ : bool
        Whether the solver reached `tol`.
    history_ : dict of str to ndarray
        One entry per iteration; `history_frame` returns it as a frame: "lambda",
        "train_loss", "validation_loss", "primal_residual", "dual_residual",
        "hypergradient_norm", cumulative oracle counts ("n_gradients" is the paper's
        n_g) and "time" in seconds.
    oracle_counts_ : dict of str to int
        Numbers of evaluations in the whole fit by kind, the scan and the refit
        included; with batches also "n_passes", the number of passes over their rows.
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
    >>> model = BilevelRidge(solver="implicit").fit(X, y)
    >>> round(model.score(X, y), 2)
    0.52
    """

    _parameter_constraints = {
        **AnySolverModel._parameter_constraints,
        "alpha_per_target": ["boolean"],
        "store_coef": ["boolean"],
    }

    def __init__(
        self,
        *,
        solver: str | Solver = "myhpo",
        cv: CVLike = 5,
        feature_groups: GroupsLike = None,
        criterion: str | Criterion = "validation",
        selection: Literal["min", "one_se"] = "min",
        shrinkage: AutoFloat = 0.0,
        fit_intercept: bool = True,
        standardize: bool = False,
        penalty_factors: FactorsLike = None,
        alpha_per_target: bool = False,
        random_state: RandomStateLike = None,
        verbose: int = 0,
        scoring: ScoringLike = None,
        store_cv_results: bool = False,
        n_jobs: int | None = None,
        refit: bool = True,
        store_coef: bool = True,
        lambda_init: LambdaInitLike = "auto",
        lambda_bounds: LambdaBoundsLike = "auto",
        n_starts: int = 1,
        max_iter: int = 200,
        max_time: float | None = None,
        tol: float = 1e-6,
        warm_start: bool = False,
    ) -> None:
        self.solver = solver
        self.cv = cv
        self.feature_groups = feature_groups
        self.criterion = criterion
        self.selection = selection
        self.shrinkage = shrinkage
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.penalty_factors = penalty_factors
        self.alpha_per_target = alpha_per_target
        self.random_state = random_state
        self.verbose = verbose
        self.scoring = scoring
        self.store_cv_results = store_cv_results
        self.n_jobs = n_jobs
        self.refit = refit
        self.store_coef = store_coef
        self.lambda_init = lambda_init
        self.lambda_bounds = lambda_bounds
        self.n_starts = n_starts
        self.max_iter = max_iter
        self.max_time = max_time
        self.tol = tol
        self.warm_start = warm_start
