"""From the parameters of an estimator and its data to the outer problem."""

import numpy as np

from ..criteria import CriterionProblem
from ..problem import BilevelProblem
from ..splits import make_splits
from ._checks import check_bounds, drop_weightless, resolve_criterion


def problem_maker(estimator, X, target, loss, groups, weights, solver):
    """Return what makes the outer problem, of the splits or of a criterion.

    Parameters
    ----------
    estimator : BilevelLinearModel
        Its parameters count.
    X : ndarray or sparse array of shape (n_samples, n_features)
        Validated features.
    target : ndarray
        As the loss wants it.
    loss : Loss
        Of the rows.
    groups : FeatureGroups
        Which lambda penalizes which feature.
    weights : ndarray of shape (n_samples,)
        Non-negative sample weights.
    solver : Solver
        What the problem must suit.

    Returns
    -------
    make_problem : callable
        Takes the target, or some of its columns, and returns a `Problem`.
    target : ndarray
        Of the rows that count.
    """
    criterion = resolve_criterion(estimator.criterion, loss, solver)
    options = {
        "fit_intercept": estimator.fit_intercept,
        "lambda_bounds": check_bounds(estimator.lambda_bounds, estimator.lambda_init),
    }
    pairs = []
    if criterion is None:
        pairs = make_splits(
            estimator.cv,
            X,
            target,
            classifier=estimator._is_classifier,
            rows=np.flatnonzero(weights),
            classes=getattr(estimator, "classes_", None),
            random_state=estimator.random_state,
        )
        options["all_directions"] = getattr(solver, "all_directions", True)
    X, target, weights, pairs = drop_weightless(X, target, weights, pairs)
    X = X.astype(np.float64, copy=False)
    options["sample_weight"] = weights

    def make_problem(target):
        if criterion is None:
            problem = BilevelProblem(X, target, loss, groups, pairs, **options)
        else:
            problem = CriterionProblem(X, target, loss, groups, criterion, **options)
        if estimator.lambda_bounds == "auto" and estimator.lambda_init != "auto":
            problem.widen_bounds(estimator.lambda_init)
        return problem

    return make_problem, target
