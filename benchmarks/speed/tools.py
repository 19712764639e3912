"""The compared tools: our estimators and those of other packages."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature

import numpy as np
from sklearn.linear_model import LogisticRegressionCV, RidgeCV

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge

from .judge import Strength
from .peers import (
    ALPHAS,
    CS,
    OptunaRidge,
    bbai_logistic,
    bbai_ridge,
    fastridge_em,
    glmnet_logistic,
    glmnet_ridge,
    himalaya_group_ridge,
    himalaya_kernel_ridge,
    himalaya_ridge,
    snapml_logistic,
)

#: Seconds that a fit of any tool may take, ours too.
LIMIT = 60.0


@dataclass(frozen=True)
class Tool:
    """How to make an unfitted tool for some data, and what to read when it is fitted.

    Attributes
    ----------
    make : callable
        `make(data)` returns an estimator. An ImportError names what is missing.
    strength : callable
        `strength(model, data)` returns the `Strength` that a fit chose.
    per_row : bool
        Whether the tool itself keeps the strength per row on fewer rows.
    limit : float
        Seconds that a fit may take.
    traced : bool
        Whether its memory comes from Python's allocators, where it can be traced.
    """

    make: Callable
    strength: Callable
    per_row: bool = False
    limit: float = LIMIT
    traced: bool = True


def attribute_strength(model, data):
    """Return what `C_` or `alpha_` says; bbai has both, and another alpha."""
    values = np.asarray(model.C_ if hasattr(model, "C_") else model.alpha_)
    if values.size == 1:
        return Strength(float(values.ravel()[0]))
    groups = getattr(model, "feature_groups", None)
    if groups is None:
        return Strength(values, "targets")
    if isinstance(groups, str):
        return Strength(values, "features")
    of_group = dict(zip(model.feature_group_names_, values, strict=True))
    return Strength(np.array([of_group[label] for label in groups]), "features")


def himalaya_strength(model, data):
    """Return alphas from himalaya's logarithms of the groups' scales."""
    _, place = np.unique(data.groups, return_inverse=True)
    return Strength(np.exp(-np.ravel(model.deltas_))[place], "features")


def himalaya_kernel_strength(model, data):
    """Return the same of the last step, after the one that makes kernels."""
    return himalaya_strength(model[-1], data)


def himalaya_best(model, data):
    """Return the alphas of himalaya's grid, one per target."""
    return Strength(model.best_alphas_, "targets")


def glmnet_strength(model, data):
    """Return alpha or C of the penalty of mean losses that glmnet calls lambda."""
    n_lambda = len(data.y) * float(model.lambda_best_[0])
    is_classifier = hasattr(model, "classes_")
    return Strength(1.0 / n_lambda if is_classifier else n_lambda / data.y.std())


def snapml_strength(model, data):
    """Return C of the regularizer that the search chose."""
    return Strength(1.0 / model.best_params_["regularizer"])


def optuna_strength(model, data):
    """Return the alphas of the best trial."""
    return Strength(model.alpha_[model.place_], "features")


def our_ridge(data):
    """Return ours with the groups of the data."""
    return MYHPORidge(cv=data.folds, feature_groups=data.groups, random_state=0)


def our_ridge_by_gcv(data):
    """Return ours with generalized cross-validation, without folds."""
    return MYHPORidge(criterion="gcv")


def our_ridge_per_target(data):
    """Return one lambda per target, on the shared folds."""
    return MYHPORidge(cv=data.folds, alpha_per_target=True)


def our_ridge_per_target_by(data, criterion):
    """Return one lambda per target, without folds."""
    return MYHPORidge(criterion=criterion, alpha_per_target=True)


def our_ridge_of_one(data):
    """Return ours with one lambda, whatever groups the data have."""
    return MYHPORidge(cv=data.folds, random_state=0)


def our_logistic(data):
    """Return ours with the groups of the data."""
    return MYHPOLogisticRegression(
        cv=data.folds, feature_groups=data.groups, random_state=0
    )


def our_logistic_of_one(data):
    """Return ours with one lambda, whatever groups the data have."""
    return MYHPOLogisticRegression(cv=data.folds, random_state=0)


def ridge_cv(data):
    """Return exact leave-one-out over a grid."""
    return RidgeCV(ALPHAS)


def ridge_cv_per_target(data):
    """Return the same with an alpha for each target."""
    return RidgeCV(ALPHAS, alpha_per_target=True)


def logistic_cv(data):
    """Return the path of warm starts, judged by its loss."""
    options = {"l1_ratios": (0.0,), "use_legacy_attributes": False}
    if "use_legacy_attributes" not in signature(LogisticRegressionCV).parameters:
        options = {}  # before scikit-learn 1.8
    return LogisticRegressionCV(
        Cs=CS, cv=data.folds, scoring="neg_log_loss", max_iter=1000, **options
    )


def ours(make):
    """Return one of our estimators as a tool."""
    return Tool(make, attribute_strength, per_row=True)


RIDGE_CV_PER_TARGET = Tool(ridge_cv_per_target, attribute_strength)
FASTRIDGE = Tool(fastridge_em, attribute_strength)
BBAI_RIDGE = Tool(bbai_ridge, attribute_strength, traced=False)
HIMALAYA_RIDGE = Tool(himalaya_ridge, himalaya_best)
RIDGE = {
    "MYHPORidge": ours(our_ridge),
    "MYHPORidge, criterion=gcv": ours(our_ridge_by_gcv),
    "RidgeCV": Tool(ridge_cv, attribute_strength),
    "fastridge RidgeEM": FASTRIDGE,
    "bbai RidgeRegression": BBAI_RIDGE,
    "glmnet ElasticNet": Tool(glmnet_ridge, glmnet_strength, traced=False),
}
GROUPS = {
    "MYHPORidge": ours(our_ridge),
    "MYHPORidge, one lambda": ours(our_ridge_of_one),
    "himalaya GroupRidgeCV": Tool(himalaya_group_ridge, himalaya_strength),
    "himalaya MultipleKernelRidgeCV": Tool(
        himalaya_kernel_ridge, himalaya_kernel_strength
    ),
    "Optuna TPE": Tool(OptunaRidge, optuna_strength),
}
EACH_RIDGE = {
    "MYHPORidge": ours(our_ridge),
    "MYHPORidge, one lambda": ours(our_ridge_of_one),
}
EACH_LOGISTIC = {
    "MYHPOLogisticRegression": ours(our_logistic),
    "MYHPOLogisticRegression, one lambda": ours(our_logistic_of_one),
}
TARGETS = {
    "MYHPORidge, alpha_per_target": ours(our_ridge_per_target),
    "MYHPORidge, one lambda": ours(our_ridge_of_one),
    "RidgeCV, alpha_per_target": RIDGE_CV_PER_TARGET,
    "himalaya RidgeCV": HIMALAYA_RIDGE,
    "fastridge RidgeEM": FASTRIDGE,
}
LOGISTIC = {
    "MYHPOLogisticRegression": ours(our_logistic),
    "LogisticRegressionCV": Tool(logistic_cv, attribute_strength),
    "bbai LogisticRegression": Tool(bbai_logistic, attribute_strength, traced=False),
}
#: More classes are one against the rest in snapml, and python-glmnet makes no softmax
#: of their scores, so that it would choose by another loss.
TWO_CLASSES = LOGISTIC | {
    "glmnet LogitNet": Tool(glmnet_logistic, glmnet_strength, traced=False),
    "snapml LogisticRegression": Tool(snapml_logistic, snapml_strength, traced=False),
}
