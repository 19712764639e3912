"""Every message of the package: what provokes it, and its whole text.

In a text "…" stands for any characters, as for numbers that differ between machines.
"""

import sys
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn import config_context
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    BilevelGeneralizedLinearRegressor,
    BilevelLogisticRegression,
    BilevelRidge,
    GroupedColumnTransformer,
    MYHPOAdditiveRegressor,
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
    MYHPOTweedieRegressor,
    report,
)
from sklearn_myhpo.criteria import SURE
from sklearn_myhpo.data import Batches, KeyFolds, RowFolds
from sklearn_myhpo.engine.glm import products
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.losses import Interval, LogisticLoss, Loss
from sklearn_myhpo.penalties.whitening import whiten
from sklearn_myhpo.plotting import (
    CoefficientPathDisplay,
    ConvergenceDisplay,
    GroupPenaltyDisplay,
    PartialEffectDisplay,
    ValidationObjectiveDisplay,
)
from sklearn_myhpo.solvers import (
    STN,
    Implicit,
    SHOGlobal,
    Stochastic,
    Unrolled,
    minimize_bilevel,
)
from tests.helpers import load_example

_rng = np.random.default_rng(0)
X = _rng.standard_normal((40, 4))
Y = X @ [2.0, -1.0, 0.0, 0.0] + _rng.standard_normal(40)
LABELS = np.where(np.median(Y) < Y, 1.0, 0.0)
THREE = np.arange(40) % 3
BATCHES = Batches.from_arrays(X, Y, batch_size=9)
FRAME = pd.DataFrame(X, columns=["age", "bmi", "bp", "s1"])


def ridge(y=Y, data=X, fit=None, cls=MYHPORidge, **options):
    """Return a function that fits a regressor of some options."""
    return lambda: cls(**options).fit(data, y, **(fit or {}))


def logistic(y=LABELS, data=X, fit=None, cls=MYHPOLogisticRegression, **options):
    """Return a function that fits a classifier of some options."""
    return lambda: cls(**options).fit(data, y, **(fit or {}))


def weighed(y=Y, cls=MYHPORidge, X_val=X, y_val=Y, row_groups=None, **options):
    """Return a function that learns weights of rows."""
    labels = np.arange(40) % 8 if row_groups is None else row_groups
    given = {"X_val": X_val, "y_val": y_val, "row_groups": labels}
    return lambda: cls(**{"lambda_init": 0.0, **options}).fit(X, y, **given)


def fitted(**options):
    """Return a fitted regressor."""
    return MYHPORidge(**{"lambda_init": 0.0, **options}).fit(X, Y)


def responses_that_do_not_fit():
    """Fit with Newton steps where the responses would take too much memory."""
    solver = Implicit(steps="newton")
    with use_limits(most_responses=0.0):
        BilevelLogisticRegression(solver=solver, feature_groups="each").fit(X, LABELS)


def approximated_slope():
    """Fit with an inverse Hessian of a single column."""
    solver = Implicit(adjoint="nystrom", rank=1)
    options = {"feature_groups": TWO_GROUPS, "cv": 3, "random_state": 0}
    BilevelRidge(solver=solver, **options).fit(X, Y)


def parts(**options):
    """Return a function that gives all rows to an estimator as a part."""
    return lambda: MYHPORidge(**options).partial_fit(X, Y)


def streaming(cls=BilevelRidge, **options):
    """Return an estimator with `partial_fit`."""
    return cls(**{"solver": Stochastic("soba"), "random_state": 0, **options})


def labels_with(**sizes):
    """Return labels with some numbers of members, in turns as long as there are any."""
    return np.repeat(list(sizes), list(sizes.values()))


def routed(provoke):
    """Return a function that runs with metadata routing on."""

    def run():
        with config_context(enable_metadata_routing=True):
            provoke()

    return run


def limited(provoke, **limits):
    """Return a function that runs with other limits of sizes."""

    def run():
        with use_limits(**limits):
            provoke()

    return run


def in_passes(y, weight=None, cls=MYHPOLogisticRegression, *, y_val=None, **options):
    """Return a function that fits batches of which few rows are kept."""

    def run():
        rows, given = np.tile(X, (len(y) // 40, 1)), {}
        batches = Batches.from_arrays(rows, y, weight, batch_size=9)
        if y_val is not None:
            given["X_val"] = Batches.from_arrays(rows, y_val, batch_size=9)
        few = "sklearn_myhpo.linear_model._streams.long_rows.SAMPLE_LEAST"
        with use_limits(block_entries=8), mock.patch(few, 8):
            cls(**options).fit(batches, **given)

    return run


def few_iterations(provoke):
    """Return a function that runs with two iterations of conjugate gradients."""

    def run():
        with use_limits(dense_size=0), mock.patch.object(products, "CG_MAX_ITER", 2):
            provoke()

    return run


def without(module, provoke):
    """Return a function that runs as if a module were not installed."""

    def run():
        before = sys.modules.get(module)
        sys.modules[module] = None
        try:
            provoke()
        finally:
            del sys.modules[module]
            if before is not None:
                sys.modules[module] = before

    return run


RARE = np.array(["a"] * 30 + ["b"] * 7 + ["c"] * 3)
GROUPS = np.arange(40) % 8
SPLIT = [(np.arange(30), np.arange(30, 40))]
TWO_GROUPS = ["a", "a", "b", "b"]
TWO_TARGETS = np.column_stack([Y, Y[::-1]])


COUNTS = np.arange(40) // 32 * 2.0

OwnLoss = load_example(
    "plot_poisson_loss.py", "loss", "PoissonLoss", Loss=Loss, Interval=Interval
)
OwnLoss.__name__ = "OwnLoss"


class Broken(KFold):
    def split(self, X, y=None, groups=None):
        raise ValueError("no folds today")


class FewGroups(StandardScaler):
    """A transformer whose groups are more than its columns."""

    def get_feature_groups_out(self, input_features=None):
        """Return groups of two columns."""
        return ["one", "two"]


class SplitsByX:
    """A splitter that looks at X."""

    def split(self, X, y=None, groups=None):
        """Yield one split."""
        held_out = np.asarray(X)[:, 0] > 0
        yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


PROVOKE = {
    # cv
    "cv is text": ridge(cv="five"),
    "cv is a bool": ridge(cv=True),
    "cv is a class": ridge(cv=KFold),
    "cv is one": ridge(cv=np.int64(1)),
    "cv is a large float": ridge(cv=np.float64(1.5)),
    "cv is no iterable": ridge(cv=1j),
    "cv: more folds than rows": ridge(cv=50),
    "cv: more folds than two rows": ridge(Y[:2], X[:2]),
    "cv: more folds than a class has rows": logistic(RARE, cv=31),
    "cv: every class has one row": logistic(["a", "b"], X[:2]),
    "cv: a fraction leaves no training row": ridge(Y[:3], X[:3], cv=0.9),
    "cv: a fraction of one row": ridge(cv=0.5, fit={"sample_weight": np.eye(40)[0]}),
    "cv: a class of one row and a fraction": logistic(
        np.array([1.0] * 39 + [0.0]), cv=0.3
    ),
    "cv: a fraction leaves too few rows": logistic(RARE, cv=0.02),
    "cv has no pair": ridge(cv=[]),
    "cv has no pairs": ridge(cv=[(1, 2, 3)]),
    "cv has no indices": ridge(cv=[(X, X)]),
    "cv has a mask of other length": ridge(cv=[(np.ones(3, bool), [1])]),
    "cv has an index out of range": ridge(cv=[([0, 1], [40])]),
    "cv has an empty part": ridge(cv=[([], [1])]),
    "cv has a training part without weight": ridge(
        cv=SPLIT, fit={"sample_weight": np.r_[np.zeros(30), np.ones(10)]}
    ),
    "cv has a validation part without weight": ridge(
        cv=SPLIT, fit={"sample_weight": np.r_[np.ones(30), np.zeros(10)]}
    ),
    "cv has overlapping parts": ridge(cv=[([0, 1, 2], [2, 3])]),
    "cv loses a class": logistic(np.sort(THREE), cv=KFold(3)),
    "cv loses a class of one row": logistic(["b"] * 39 + ["a"], cv=KFold(5)),
    "cv needs groups": ridge(cv=GroupKFold(5)),
    "cv cannot split": ridge(cv=Broken()),
    "groups of other length": ridge(cv=GroupKFold(5), fit={"groups": [1, 2]}),
    "unknown metadata": ridge(cv=GroupKFold(5), fit={"month": GROUPS}),
    "groups without use": ridge(lambda_init=0.0, fit={"groups": GROUPS}),
    "groups and a fraction": ridge(cv=0.3, lambda_init=0.0, fit={"groups": GROUPS}),
    "groups and pairs": ridge(cv=SPLIT, lambda_init=0.0, fit={"groups": GROUPS}),
    "groups and a criterion": ridge(criterion="loo", fit={"groups": GROUPS}),
    "groups and X_val": ridge(fit={"groups": GROUPS, "X_val": X, "y_val": Y}),
    "sorted rows": ridge(np.sort(Y)),
    "rare classes": logistic(RARE, lambda_init=0.0),
    # feature_groups
    "feature_groups: unknown text": ridge(feature_groups="all"),
    "feature_groups is a number": ridge(feature_groups=3),
    "feature_groups of two axes": ridge(feature_groups=np.ones((2, 2))),
    "feature_groups of other length": ridge(feature_groups=[1, 2]),
    "feature_groups with a missing label": ridge(feature_groups=[0, np.nan, 1, 1]),
    "feature_groups of several types": ridge(feature_groups=["a", 1, 2, 3]),
    "feature_groups with an item of three": ridge(feature_groups=[("a", [0], 1)]),
    "feature_groups with a list as name": ridge(feature_groups=[([0], [1])]),
    "feature_groups with a repeated name": ridge(
        feature_groups=[("a", [0, 1]), ("a", [2, 3])]
    ),
    "feature_groups with an empty group": ridge(
        feature_groups=[("a", [0, 1, 2, 3]), ("b", [])]
    ),
    "feature_groups: features of no group": ridge(
        data=FRAME, feature_groups=[("a", ["age", "bmi"])]
    ),
    "feature_groups: features of several groups": ridge(
        data=FRAME, feature_groups=[("a", [0, 1, 2, 3]), ("b", ["bmi"])]
    ),
    "feature_groups: transformers of an array": ridge(feature_groups="transformer"),
    "feature_groups: names without transformers": ridge(
        data=FRAME, feature_groups="transformer"
    ),
    "columns of a wrong type": ridge(feature_groups=[("a", 1.5)]),
    "columns by name without names": ridge(feature_groups=[("a", ["age"])]),
    "columns of unknown names": ridge(data=FRAME, feature_groups=[("a", ["sex"])]),
    "columns out of range": ridge(feature_groups=[("a", [0, np.int64(9)])]),
    "columns by a mask of other length": ridge(feature_groups=[("a", [True])]),
    "columns by a mixed slice": ridge(feature_groups=[("a", slice(1, "b"))]),
    "columns by a slice of no step": ridge(feature_groups=[("a", slice(0, 2, 0))]),
    # penalty_factors
    "penalty_factors is text": ridge(penalty_factors="none"),
    "penalty_factors of other length": ridge(penalty_factors=[1.0]),
    "penalty_factors with an item of three": ridge(penalty_factors=[([0], 1, 2)]),
    "penalty_factors with no column": ridge(penalty_factors=[([], 1.0)]),
    "penalty_factors with text": ridge(penalty_factors=[([0], "none")]),
    "penalty_factors with a repeated feature": ridge(
        data=FRAME, penalty_factors=[(["age"], 0.0), (["age", "bmi"], 1.0)]
    ),
    "penalty_factors below zero": ridge(data=FRAME, penalty_factors=[-1, 1, np.nan, 1]),
    "penalty_factors all zero": ridge(penalty_factors=np.zeros(4)),
    "penalty_factors zero in a group": ridge(
        penalty_factors=[0, 0, 1, 1], feature_groups=TWO_GROUPS
    ),
    # lambda
    "lambda_init outside": ridge(lambda_init=np.float64(3.0), lambda_bounds=(0.0, 1.0)),
    "lambda_init of a group outside": ridge(
        lambda_init=[0.0, 3.0], lambda_bounds=(0.0, 1.0), feature_groups=TWO_GROUPS
    ),
    "lambda_init of other length": ridge(lambda_init=[0.0, 1.0]),
    "lambda_init is huge": ridge(lambda_init=[1e9]),
    "lambda_init without a group": ridge(
        lambda_init={"a": 1.0}, feature_groups=TWO_GROUPS
    ),
    "lambda_init of an unknown group": ridge(
        lambda_init={"a": 1.0, "c": 1.0}, feature_groups=TWO_GROUPS
    ),
    "lambda_bounds in the wrong order": ridge(lambda_bounds=(np.float64(2.0), 1.0)),
    "lambda_bounds of a group in the wrong order": ridge(
        lambda_bounds={"a": (2.0, 1.0)}, feature_groups=TWO_GROUPS
    ),
    "lambda_bounds that rounding hides": ridge(
        lambda_bounds=(-300.0, -200.0), feature_groups=TWO_GROUPS, criterion="loo"
    ),
    # data
    "columns of text": ridge(data=FRAME.assign(city="Bonn")),
    "y is text": ridge(np.full(40, "a")),
    "y is huge": ridge(Y * 1e200),
    "X is huge": ridge(data=X * 1e200),
    "one class": logistic(np.ones(40)),
    "sample_weight zero": ridge(fit={"sample_weight": np.zeros(40)}),
    "columns of y with other numbers": logistic(
        np.column_stack([THREE, THREE]), cls=MYHPORidgeClassifier
    ),
    "X_val alone": ridge(fit={"X_val": X}),
    "sample_weight_val alone": ridge(fit={"sample_weight_val": np.ones(40)}),
    "X_val and a criterion": ridge(criterion="gcv", fit={"X_val": X, "y_val": Y}),
    "X_val and shrinkage": ridge(
        shrinkage="auto", feature_groups="each", fit={"X_val": X, "y_val": Y}
    ),
    "X_val of other features": ridge(fit={"X_val": X[:, :1], "y_val": Y}),
    "y_val of other targets": ridge(fit={"X_val": X, "y_val": TWO_TARGETS}),
    "y_val of other labels": logistic(fit={"X_val": X, "y_val": LABELS * 2}),
    # store_coef
    "no coef_": lambda: ridge(store_coef=False)().coef_,
    "summary without coef_": lambda: ridge(store_coef=False)().summary(),
    "store_coef without a refit": ridge(store_coef=False, refit=False),
    "store_coef of batches": lambda: MYHPORidge(store_coef=False).fit(
        Batches(lambda: iter([(X, Y)]))
    ),
    "store_coef without a penalty": ridge(
        store_coef=False, penalty_factors=[1.0, 1.0, 1.0, 0.0]
    ),
    "store_coef and row_groups": weighed(store_coef=False),
    "store_coef of sparse X with large means": ridge(
        store_coef=False,
        data=sparse.csr_array(np.column_stack([X[:, 0] + 1e6, np.zeros((len(X), 5))])),
    ),
    "rows for scikit-learn": lambda: ridge(store_coef=False)().to_sklearn(),
    "rows with factors for scikit-learn": lambda: ridge(
        store_coef=False, fit_intercept=False, penalty_factors=[1.0, 1.0, 1.0, 2.0]
    )().to_sklearn(),
    # row_groups
    "row_groups without X_val": weighed(X_val=None, y_val=None),
    "row_groups of batches": lambda: MYHPORidge().fit(
        BATCHES, X_val=X, y_val=Y, row_groups=GROUPS
    ),
    "row_groups and one_se": weighed(selection="one_se"),
    "row_groups and lambdas of targets": weighed(
        TWO_TARGETS, y_val=TWO_TARGETS, alpha_per_target=True
    ),
    "row_groups: unknown text": weighed(row_groups="rows"),
    "row_groups of one label": weighed(row_groups=np.ones(40)),
    "row_groups of other length": weighed(row_groups=[0, 1]),
    "row_groups of lists": weighed(row_groups=[[1], [1, 2]] * 20),
    "row_groups with a missing label": weighed(row_groups=[None] + ["a"] * 39),
    "row_groups with a NaN": weighed(row_groups=[np.nan] + [1.0] * 39),
    "row_groups of several types": weighed(
        row_groups=np.array([1, "a"] * 20, dtype=object)
    ),
    "row_groups after one iteration": weighed(max_iter=1, tol=0.0),
    "row_groups with unfinished solves": few_iterations(
        weighed(LABELS, y_val=LABELS, cls=MYHPOLogisticRegression, tol=1.0)
    ),
    # class_weight
    "class_weight zero": logistic(class_weight={0: 0.0, 1: 0.0}),
    "class_weight huge": logistic(
        class_weight={0: 1e308, 1: 1e308}, fit={"sample_weight": np.full(40, 1e9)}
    ),
    "class_weight leaves one class": logistic(class_weight={np.float64(0.0): 0.0}),
    "class_weight below zero": logistic(class_weight={np.float64(0.0): -1.0}),
    "class_weight of several labels": logistic(
        np.column_stack([LABELS, LABELS]),
        cls=MYHPORidgeClassifier,
        class_weight="balanced",
    ),
    "class_weight in parts": lambda: streaming(
        BilevelLogisticRegression, class_weight="balanced"
    ).partial_fit(X, LABELS, classes=[0, 1]),
    # criterion, scoring, shrinkage
    "criterion unknown": ridge(criterion="aic"),
    "criterion of another loss": logistic(criterion="loo"),
    "criterion and steps": ridge(criterion="loo", steps="gradient"),
    "criterion and a solver": ridge(cls=BilevelRidge, criterion="loo", solver="sho"),
    "criterion and selection": ridge(criterion="loo", selection="one_se"),
    "criterion and shrinkage": ridge(
        criterion="loo", shrinkage="auto", feature_groups="each"
    ),
    "criterion and scoring": ridge(criterion="gcv", scoring="r2"),
    "criterion and results": ridge(criterion="gcv", store_cv_results=True),
    "sure without a degree of freedom": ridge(Y[:4], X[:4], criterion="sure"),
    "sure of negative variance": lambda: SURE(noise_variance=-1.0),
    "sure of other targets": ridge(criterion=SURE(noise_variance=[1.0, 2.0])),
    "sure by probes": lambda: SURE(trace="monte-carlo"),
    "mlr of weights": ridge(criterion="mlr", fit={"sample_weight": np.arange(1, 41)}),
    "mlr of few rows": ridge(Y[:5], np.c_[X, X**2][:5], criterion="mlr"),
    "shrinkage of two splits": ridge(shrinkage="auto", feature_groups="each", cv=2),
    "shrinkage loses a class": logistic(
        np.array([2] + [0, 1] * 19 + [2]),
        shrinkage="auto",
        feature_groups="each",
        cv=StratifiedKFold(3),
    ),
    "scoring unknown": ridge(scoring="nope"),
    "scoring of text": ridge(scoring=lambda model, X, y: "good"),
    "scoring of another kind": ridge(scoring="accuracy"),
    "scoring without a request": routed(
        ridge(scoring=get_scorer("r2"), fit={"sample_weight": np.ones(40)})
    ),
    # targets and solvers
    "alpha_per_target and groups": ridge(alpha_per_target=True, feature_groups="each"),
    "alpha_per_target and selection": ridge(
        TWO_TARGETS, alpha_per_target=True, selection="one_se"
    ),
    "alpha_per_target and n_starts": ridge(
        TWO_TARGETS, alpha_per_target=True, n_starts=3
    ),
    "solver unknown": ridge(cls=BilevelRidge, solver="newton"),
    "standardize and batches": ridge(
        cls=BilevelRidge, solver=Stochastic(), standardize=True, fit_intercept=False
    ),
    "response mean from zero": ridge(response="mean", lambda_init=0.0),
    "step_sizes": ridge(step_sizes=(np.float64(1.0),)),
    "implicit adjoint and steps": lambda: Implicit(adjoint="lanczos", steps="newton"),
    "unrolled truncation": lambda: Unrolled(n_steps=10, truncation=20),
    "stn sigma": lambda: STN(sigma_init=1e9),
    "stn samples": ridge(
        cls=BilevelRidge, solver=STN(n_samples=1), feature_groups="each"
    ),
    "sho_global hidden": ridge(cls=BilevelRidge, solver=SHOGlobal(n_hidden=10**7)),
    # partial_fit
    "partial_fit of another solver": lambda: BilevelLogisticRegression().partial_fit(
        X, LABELS
    ),
    "partial_fit of loo": lambda: MYHPORidge(criterion="loo").partial_fit(X, Y),
    "partial_fit divides again": parts(shrinkage="auto"),
    "partial_fit and a splitter": parts(cv=KFold(3)),
    "partial_fit of other folds": lambda: (
        MYHPORidge(cv=4).partial_fit(X, Y).set_params(cv=3).partial_fit(X, Y)
    ),
    "partial_fit of other columns of y": lambda: (
        MYHPORidge().partial_fit(X, Y).partial_fit(X, TWO_TARGETS)
    ),
    "partial_fit without keys": parts(cv=KeyFolds(3)),
    "partial_fit and groups": lambda: MYHPORidge().partial_fit(X, Y, groups=THREE),
    "partial_fit of a row": lambda: MYHPORidge().partial_fit(X[:1], Y[:1]).coef_,
    "partial_fit holds out nothing": lambda: (
        MYHPORidge(cv=1e-9).partial_fit(X, Y).coef_
    ),
    "merge without parts": lambda: MYHPORidge().merge(fitted()),
    "merge of other folds": lambda: parts(cv=3)().merge(parts()()),
    "partial_fit standardizes": lambda: streaming(standardize=True).partial_fit(X, Y),
    "partial_fit of each target": lambda: streaming(alpha_per_target=True).partial_fit(
        X, TWO_TARGETS
    ),
    "partial_fit without coef_": lambda: MYHPORidge(store_coef=False).partial_fit(X, Y),
    "partial_fit of each class": lambda: streaming(
        BilevelLogisticRegression, alpha_per_target=True
    ).partial_fit(X, THREE, classes=[0, 1, 2]),
    "lambda_init of classes": logistic(
        THREE, alpha_per_target=True, lambda_init=[0.0, 1.0]
    ),
    "lambda_init of a class outside": logistic(
        THREE,
        alpha_per_target=True,
        lambda_init=[0.0, 1.0, 3.0],
        lambda_bounds=(0.0, 2.0),
    ),
    "class at its bound": logistic(
        THREE, alpha_per_target=True, lambda_bounds=(-1.0, 0.0)
    ),
    "partial_fit scores": lambda: streaming(scoring="r2").partial_fit(X, Y),
    "partial_fit of other targets": lambda: (
        streaming().partial_fit(X, Y).partial_fit(X, TWO_TARGETS)
    ),
    "partial_fit of other splits": lambda: (
        streaming(cv=3).partial_fit(X, Y).set_params(cv=4).partial_fit(X, Y)
    ),
    "partial_fit without classes": lambda: streaming(
        BilevelLogisticRegression
    ).partial_fit(X, LABELS),
    "partial_fit of an unknown class": lambda: streaming(
        BilevelLogisticRegression
    ).partial_fit(X, LABELS, classes=[0.0, 2.0]),
    "partial_fit of other classes": lambda: (
        streaming(BilevelLogisticRegression)
        .partial_fit(X, LABELS, classes=[0.0, 1.0])
        .partial_fit(X, LABELS, classes=np.array([0.0, 2.0]))
    ),
    "partial_fit diverges": lambda: streaming(
        solver=Stochastic("soba", step_sizes=(1e100, 1e100)), lambda_init=0.0
    ).partial_fit(X, Y),
    # after a fit
    "max_iter": ridge(max_iter=1, tol=0.0, feature_groups="each", lambda_init=3.0),
    "max_iter of every target": ridge(
        TWO_TARGETS, alpha_per_target=True, max_iter=1, tol=0.0, lambda_init=3.0
    ),
    "divergence": ridge(
        steps="gradient",
        step_sizes=(1e9, 1e9, 1e9),
        backtracking=False,
        lambda_init=0.0,
    ),
    "at the lower bound": ridge(lambda_bounds=(np.float64(5.0), 6.0)),
    "at the upper bound": ridge(
        _rng.standard_normal(40), data=FRAME, feature_groups="each"
    ),
    "few rows": ridge(cv=0.1),
    "few rows of five folds": ridge(Y[:8], X[:8], cv=5),
    "few rows of X_val": ridge(fit={"X_val": X[:3], "y_val": Y[:3]}),
    "flat objective": ridge(data=np.ones((40, 2))),
    "flat part": ridge(cls=BilevelRidge, solver="implicit", lambda_init=-22.0),
    "certain": logistic(np.where(X[:, 0] > 0, 1, 0), np.sign(X[:, :1]) * 1e5),
    "unfinished solves": few_iterations(logistic(cv=2, tol=1.0, lambda_init=0.0)),
    "unfinished solves of standardized features": few_iterations(
        logistic(cv=2, tol=1.0, lambda_init=0.0, standardize=True)
    ),
    "gap": ridge(cls=BilevelRidge, solver="unrolled", data=X * [1, 1, 100, 1e-2]),
    "approximated slope": approximated_slope,
    "responses that do not fit": responses_that_do_not_fit,
    "steps of an approximated adjoint": lambda: Implicit("newton", adjoint="nystrom"),
    "missing labels": logistic(np.where(LABELS > 0, "a", None)),
    "part in huge units": lambda: streaming().partial_fit(X, 1e40 * Y),
    "summary of other names": lambda: fitted().summary(feature_names=["a"]),
    "no pandas": without("pandas", fitted().penalties_frame),
    "no matplotlib": without(
        "matplotlib.pyplot", partial(ConvergenceDisplay.from_estimator, fitted())
    ),
    # plots
    "plot of no estimator": lambda: ConvergenceDisplay.from_estimator({}),
    "plot of another estimator": lambda: ConvergenceDisplay.from_estimator(KFold(3)),
    "plot of an unknown quantity": lambda: ConvergenceDisplay.from_estimator(
        fitted(), quantity="loss"
    ),
    "plot of an image of classes": lambda: GroupPenaltyDisplay.from_estimator(
        MYHPOLogisticRegression(alpha_per_target=True, lambda_init=0.0).fit(X, THREE),
        image_shape=(2, 2),
    ),
    "plot of groups of targets": lambda: GroupPenaltyDisplay.from_estimator(
        MYHPORidge(alpha_per_target=True).fit(X, TWO_TARGETS)
    ),
    "plot of positions and an image": lambda: GroupPenaltyDisplay.from_estimator(
        fitted(), positions=range(4), image_shape=(2, 2)
    ),
    "plot of other positions": lambda: GroupPenaltyDisplay.from_estimator(
        fitted(), positions=range(3)
    ),
    "plot of another image": lambda: GroupPenaltyDisplay.from_estimator(
        fitted(), image_shape=(3, 2)
    ),
    "plot without a curve": lambda: ValidationObjectiveDisplay.from_estimator(fitted()),
    "plot of another grid": lambda: ValidationObjectiveDisplay.from_estimator(
        MYHPORidge().fit(X, Y), Cs=[1.0]
    ),
    "path of another target": lambda: CoefficientPathDisplay.from_estimator(
        fitted(), X, Y, target=2
    ),
    "plot of a grid with zero": lambda: ValidationObjectiveDisplay.from_estimator(
        MYHPORidge().fit(X, Y), alphas=[0.0, 1.0]
    ),
    "plot of slices with a grid": lambda: ValidationObjectiveDisplay.from_estimator(
        fitted(), X, Y, alphas=[1.0]
    ),
    "path of a list of parameters": lambda: CoefficientPathDisplay.from_estimator(
        fitted(), X, Y, fit_params=["sample_weight"]
    ),
    "path of one point": lambda: CoefficientPathDisplay.from_estimator(
        fitted(), X, Y, n_points=1
    ),
    "path of other rows": lambda: CoefficientPathDisplay.from_estimator(
        MYHPORidge().fit(X, Y), X, -2.0 * Y
    ),
    "path of several strengths": lambda: CoefficientPathDisplay.from_estimator(
        MYHPORidge(alpha_per_target=True).fit(X, TWO_TARGETS), X, TWO_TARGETS
    ),
    "slice of an unknown group": lambda: ValidationObjectiveDisplay.from_estimator(
        MYHPORidge(feature_groups=list("aabb")).fit(X, Y), X, Y, feature_groups=["c"]
    ),
    "plot of terms of another model": lambda: PartialEffectDisplay.from_estimator(
        fitted()
    ),
    "plot of terms on too few axes": lambda: PartialEffectDisplay(
        {"age": None, "pay": None}
    ).plot(ax=[None]),
    "report of another estimator": lambda: report(KFold(3), "page.html"),
    "report of terms by other names": lambda: report(
        MYHPOAdditiveRegressor(n_splines=4).fit(X, Y), "page.html", feature_names=["a"]
    ),
    "transformer with too few groups": lambda: GroupedColumnTransformer(
        [("curve", FewGroups(), [0])]
    ).fit(X),
    # for solvers of one's own, and for bases of functions
    "solver is a name": lambda: minimize_bilevel(SimpleNamespace(offers=None), "myhpo"),
    "penalty is no square": lambda: whiten(np.ones((2, 3))),
    "penalty has a NaN": lambda: whiten(np.full((2, 2), np.nan)),
    "penalty is not symmetric": lambda: whiten(np.array([[1.0, 2.0], [0.0, 1.0]])),
    "penalty is not semidefinite": lambda: whiten(-np.eye(2)),
    "gram of another shape": lambda: whiten(np.eye(2), np.eye(3)),
    # means
    "y is negative": ridge(COUNTS - 1.0, cls=MYHPOPoissonRegressor),
    "y is zero": ridge(COUNTS, cls=MYHPOGammaRegressor),
    "y is always zero": ridge(0.0 * COUNTS, cls=MYHPOTweedieRegressor),
    "y is always zero in a training part": ridge(
        COUNTS[::-1], cls=MYHPOPoissonRegressor, cv=[*SPLIT[:1], (SPLIT[0][1], [0])]
    ),
    "only y_val is not zero": ridge(
        0.0 * COUNTS, cls=MYHPOPoissonRegressor, fit={"X_val": X, "y_val": COUNTS}
    ),
    "power is no Tweedie's": ridge(cls=MYHPOTweedieRegressor, power=0),
    "family is unknown": ridge(
        cls=BilevelGeneralizedLinearRegressor, family="binomial"
    ),
    "family of classes": ridge(
        cls=BilevelGeneralizedLinearRegressor, family=LogisticLoss()
    ),
    "family of one's own": lambda: (
        BilevelGeneralizedLinearRegressor(family=OwnLoss(), lambda_init=0.0)
        .fit(X, np.exp(Y))
        .to_sklearn()
    ),
    "solver without a bound": ridge(
        COUNTS,
        cls=BilevelGeneralizedLinearRegressor,
        solver="unrolled",
        cv=KFold(5, shuffle=True, random_state=0),
    ),
    "criterion of many columns": limited(
        ridge(
            data=sparse.random_array((40, 60), density=0.1, random_state=0),
            criterion="loo",
        ),
        factored_size=3,
        moments_size=0,
    ),
    "batches and y": ridge(data=BATCHES),
    "batches and weights": ridge(None, BATCHES, {"sample_weight": np.ones(40)}),
    "batches for X_val": ridge(fit={"X_val": BATCHES, "y_val": Y}),
    "batches and a solver of rows": ridge(
        None, BATCHES, cls=BilevelRidge, solver=Stochastic()
    ),
    "batches and scoring": ridge(None, BATCHES, scoring="r2"),
    "batches and a splitter of X": ridge(None, BATCHES, cv=SplitsByX()),
    "batches and y of X_val": lambda: MYHPORidge().fit(BATCHES, X_val=BATCHES, y_val=Y),
    "batches and X_val of other features": lambda: MYHPORidge().fit(
        BATCHES, X_val=Batches.from_arrays(X[:, :2], Y, batch_size=9)
    ),
    "batches and X_val of other targets": lambda: MYHPORidge().fit(
        BATCHES, X_val=Batches.from_arrays(X, TWO_TARGETS, batch_size=9)
    ),
    "batches and X_val of Dask": lambda: MYHPORidge().fit(
        BATCHES, X_val=import_module("dask.array").from_array(X)
    ),
    "batches and one_se of alo": in_passes(
        np.tile(LABELS, 8), criterion="alo", selection="one_se", max_iter=1
    ),
    "batches with columns of labels": lambda: MYHPORidgeClassifier().fit(
        Batches.from_arrays(X, np.column_stack([Y, Y]), batch_size=9)
    ),
    "batches with counts of X_val alone": in_passes(
        np.zeros(320), cls=MYHPOPoissonRegressor, y_val=np.ones(320)
    ),
    "batches without counts": in_passes(np.zeros(320), cls=MYHPOPoissonRegressor),
    "batches without a size": lambda: Batches.from_arrays(X, Y, batch_size=0),
    "batches without weight": in_passes(LABELS, np.zeros(40)),
    "batches with a fold without weight": in_passes(
        np.tile(LABELS, 8), 1.0 * (np.arange(320) % 4 == 0), cv=RowFolds(4)
    ),
    "batches with a class in one fold": in_passes(
        np.where(np.arange(320) == 4, 2, np.arange(320) // 160), cv=RowFolds(4)
    ),
    "batches with counts in one fold": in_passes(
        1.0 * (np.arange(320) % 4 == 0), cls=MYHPOPoissonRegressor, cv=RowFolds(4)
    ),
    "batches of two targets": in_passes(TWO_TARGETS, cls=MYHPOPoissonRegressor),
    "batches of other types": in_passes(
        np.arange(40).astype("datetime64[D]"), cls=MYHPOPoissonRegressor
    ),
}


#: Ends of messages that several rows have.
CV = (
    "allowed are None (five folds), an int >= 2 (the number of folds), a float "
    "in (0, 1) (the validation fraction of one hold-out split), a scikit-learn "
    "splitter, or an iterable of (train, validation) pairs of integer indices "
    "or boolean masks"
)
GROUPS_ALLOWED = (
    'allowed are None (one group), "each" (one group per feature), '
    '"transformer" (one group per transformer of a ColumnTransformer), an '
    "array-like of n_features labels, or a list of (name, columns)"
)
FACTORS = (
    "allowed are None (ones), an array-like of n_features numbers, or a list of "
    "(columns, factor); a factor is 0 (never penalized) or from 1e-50 to 1e+50"
)

#: Class and whole text of the message of every row of the table.
TEXTS = {
    "cv is text": (
        "ValueError",
        f"cv='five' is not allowed; {CV}.",
    ),
    "cv is a bool": (
        "TypeError",
        f"cv=True is not allowed; {CV}.",
    ),
    "cv is a class": (
        "TypeError",
        f"cv=<class KFold> is not allowed; {CV}.",
    ),
    "cv is one": (
        "ValueError",
        f"cv=1 is not allowed; {CV}.",
    ),
    "cv is a large float": (
        "ValueError",
        f"cv=1.5 is not allowed; {CV}.",
    ),
    "cv is no iterable": (
        "TypeError",
        f"cv=1j is not allowed; {CV}.",
    ),
    "cv: more folds than rows": (
        "ValueError",
        "cv=50 asks for more folds than there are rows; n_samples = 40, n_features "
        "= 4. What would work: an int from 2 to 40.",
    ),
    "cv: more folds than two rows": (
        "ValueError",
        "cv=5 asks for more folds than there are rows; n_samples = 2, n_features = "
        "4. What would work: cv=2.",
    ),
    "cv: more folds than a class has rows": (
        "ValueError",
        "cv=31 asks for more folds than the largest class, 'a', has rows (30); "
        "n_samples = 40, n_features = 4. What would work: an int from 2 to 30.",
    ),
    "cv: every class has one row": (
        "ValueError",
        "cv=5 asks for more folds than the largest class, 'a', has rows (1); "
        "n_samples = 2, n_features = 4. What would work: at least two rows of a "
        "class.",
    ),
    "cv: a fraction leaves no training row": (
        "ValueError",
        "cv=0.9 leaves no row in the training part; n_samples = 3, n_features = 4. "
        "What would work: a fraction from 0.17 to 0.66.",
    ),
    "cv: a fraction of one row": (
        "ValueError",
        "cv=0.5 needs at least two rows, one to train on and one to validate on, "
        "but n_samples = 1, n_features = 4 (counting the rows with positive sample "
        "weight).",
    ),
    "cv: a class of one row and a fraction": (
        "ValueError",
        "cv=0.3: a stratified hold-out split needs at least two members of every "
        "class, but class 0.0 has 1; n_samples = 40, n_features = 4. What would "
        "work: drop class 0.0 or merge it, or give (train, validation) pairs.",
    ),
    "cv: a fraction leaves too few rows": (
        "ValueError",
        "cv=0.02 leaves too few rows to represent every class in the validation "
        "part; n_samples = 40, n_features = 4. What would work: a fraction from "
        "0.063 to 0.65.",
    ),
    "cv has no pair": (
        "ValueError",
        f"cv contains no (train, validation) pair; {CV}.",
    ),
    "cv has no pairs": (
        "ValueError",
        "cv: pair 0 (counted from 0) must be (train, validation), got (1, 2, 3); a "
        "single pair is given as cv=[(train, validation)].",
    ),
    "cv has no indices": (
        "ValueError",
        "cv: pair 0 (counted from 0): the training part must be a 1-d array of "
        "integer indices or a boolean mask, got ndarray of shape (40, 4); a single "
        "pair is given as cv=[(train, validation)].",
    ),
    "cv has a mask of other length": (
        "ValueError",
        "cv: pair 0 (counted from 0): the training part is a boolean mask of length "
        "3, but must have one entry for each of the 40 rows.",
    ),
    "cv has an index out of range": (
        "ValueError",
        "cv: pair 0 (counted from 0): the validation part contains the index 40; "
        "allowed are 0 to 39.",
    ),
    "cv has an empty part": (
        "ValueError",
        "cv: pair 0 (counted from 0): the training part has no row; both parts need "
        "at least one.",
    ),
    "cv has a training part without weight": (
        "ValueError",
        "cv: pair 0 (counted from 0): the training part has no row with positive "
        "sample weight; both parts need at least one.",
    ),
    "cv has a validation part without weight": (
        "ValueError",
        "cv: pair 0 (counted from 0): the validation part has no row with positive "
        "sample weight; both parts need at least one.",
    ),
    "cv has overlapping parts": (
        "ValueError",
        "cv: pair 0 (counted from 0): the training and validation parts overlap in "
        "1 row(s), the first being 2; they must be disjoint.",
    ),
    "cv loses a class": (
        "ValueError",
        "cv=KFold: split 0 (counted from 0): the training part has no row of class "
        "0; every class must occur in every training part, as the loss of held-out "
        "rows of an unknown class is infinite. What would work: "
        "cv=StratifiedKFold(5, shuffle=True), which divides every class.",
    ),
    "cv loses a class of one row": (
        "ValueError",
        "cv=KFold: split 4 (counted from 0): the training part has no row of class "
        "'a'; every class must occur in every training part, as the loss of "
        "held-out rows of an unknown class is infinite. What would work: drop a "
        "class of one row, or merge it with another.",
    ),
    "cv needs groups": (
        "ValueError",
        "cv=GroupKFold needs the groups of the rows. Give them to fit: fit(X, y, "
        "groups=...); in a pipeline or a search they reach it under the name of its "
        "step, or by metadata routing.",
    ),
    "cv cannot split": (
        "ValueError",
        "cv=Broken cannot split this data (n_samples = 40, n_features = 4): no "
        "folds today",
    ),
    "groups of other length": (
        "ValueError",
        "groups must have one label for each row of X: Found input variables with "
        "inconsistent numbers of samples: [40, 2]",
    ),
    "unknown metadata": (
        "TypeError",
        "MYHPORidge.fit() got an unexpected keyword argument 'month'. Metadata for "
        "cv, other than groups, needs "
        "sklearn.set_config(enable_metadata_routing=True).",
    ),
    "groups without use": (
        "IgnoredGroupsWarning",
        "MYHPORidge got groups, but cv=5 ignores them: rows of one group may be in "
        "both parts of a split. Use cv=GroupKFold(5) or another splitter of groups of "
        "sklearn.model_selection.",
    ),
    "groups and a fraction": (
        "IgnoredGroupsWarning",
        "MYHPORidge got groups, but cv=0.3 ignores them: rows of one group may be in "
        "both parts of a split. Use cv=GroupKFold(5) or another splitter of groups of "
        "sklearn.model_selection.",
    ),
    "groups and pairs": (
        "IgnoredGroupsWarning",
        "MYHPORidge got groups, but cv, which has the pairs of rows, ignores them: "
        "rows of one group may be in both parts of a split. Use cv=GroupKFold(5) or "
        "another splitter of groups of sklearn.model_selection.",
    ),
    "groups and a criterion": (
        "IgnoredGroupsWarning",
        "MYHPORidge got groups, but criterion='loo' makes no splits: nothing keeps "
        "the rows of a group together. Groups are for cv, such as cv=GroupKFold(5) "
        "of sklearn.model_selection.",
    ),
    "groups and X_val": (
        "IgnoredGroupsWarning",
        "MYHPORidge got groups, but X_val is the only validation set: nothing keeps "
        "the rows of a group together. Groups are for cv, such as cv=GroupKFold(5) "
        "of sklearn.model_selection.",
    ),
    "sorted rows": (
        "SortedRowsWarning",
        "MYHPORidge takes the folds of cv=5 in the order of the rows, along which y is "
        "sorted or drifts: …% of the variance of the ranks of y is between the folds, "
        "so that lambda is learned on rows unlike the training rows. Use cv=KFold(5, "
        "shuffle=True, random_state=0), or cv=TimeSeriesSplit(5) if the order is that "
        "of time, both of sklearn.model_selection.",
    ),
    "rare classes": (
        "RareClassWarning",
        "MYHPOLogisticRegression has fewer rows of some classes than the 5 folds of "
        "cv=5: 'c' (3). Some folds hold out no row of them. Use fewer folds, or "
        "merge rare classes.",
    ),
    "feature_groups: unknown text": (
        "ValueError",
        f"feature_groups='all' is not allowed; {GROUPS_ALLOWED}.",
    ),
    "feature_groups is a number": (
        "TypeError",
        f"feature_groups=3 is not allowed; {GROUPS_ALLOWED}.",
    ),
    "feature_groups of two axes": (
        "ValueError",
        "feature_groups is an array of shape (2, 2), but labels must have shape "
        "(4,); "
        f"{GROUPS_ALLOWED}.",
    ),
    "feature_groups of other length": (
        "ValueError",
        "feature_groups has 2 labels, but X has 4 features; one label per feature "
        "is needed.",
    ),
    "feature_groups with a missing label": (
        "ValueError",
        "feature_groups has a missing label (NaN or None) at index 1; every feature "
        "needs a label.",
    ),
    "feature_groups of several types": (
        "TypeError",
        "feature_groups has labels that cannot be sorted; labels must be all ints "
        "or all strings, got ['a', 1, 2, 3].",
    ),
    "feature_groups with an item of three": (
        "ValueError",
        "feature_groups: item 0 (counted from 0) is ('a', [0], 1), but every item "
        "must be (name, columns).",
    ),
    "feature_groups with a list as name": (
        "TypeError",
        "feature_groups: item 0 (counted from 0) has the name [0], but names must "
        "be hashable, like strings.",
    ),
    "feature_groups with a repeated name": (
        "ValueError",
        "feature_groups has several groups named 'a'; group names must be unique.",
    ),
    "feature_groups with an empty group": (
        "ValueError",
        "feature_groups: group 'b' is empty ([]); every group needs at least one "
        "feature.",
    ),
    "feature_groups: features of no group": (
        "ValueError",
        "feature_groups: every feature must be in exactly one group, but these are "
        "in no group: 'bp', 's1'.",
    ),
    "feature_groups: features of several groups": (
        "ValueError",
        "feature_groups: every feature must be in exactly one group, but these are "
        "in several groups: 'bmi'.",
    ),
    "feature_groups: transformers of an array": (
        "ValueError",
        'feature_groups="transformer", but X is an array without the names of '
        "transformers. Use sklearn_myhpo.GroupedColumnTransformer as the step "
        "directly before the estimator; or, if all output is dense, "
        'ColumnTransformer with .set_output(transform="pandas").',
    ),
    "feature_groups: names without transformers": (
        "ValueError",
        'feature_groups="transformer" needs feature names like "num__age", with the '
        "transformer before \"__\", but these have none: 'age', 'bmi', 'bp', "
        "'s1'. Use a ColumnTransformer with verbose_feature_names_out=True, or give "
        "labels or (name, columns). After a PenalizedSplineTransformer leave "
        'set_output at "default": frames do not carry its groups.',
    ),
    "columns of a wrong type": (
        "TypeError",
        "feature_groups: group 'a' has the columns 1.5; allowed are a column name, "
        "an int, a list of either, a slice, a boolean mask, or a callable that "
        "takes X and returns one of these.",
    ),
    "columns by name without names": (
        "ValueError",
        "feature_groups: group 'a' names the columns 'age', but X has no feature "
        "names; use ints or a mask, or give X as a dataframe.",
    ),
    "columns of unknown names": (
        "ValueError",
        "feature_groups: group 'a' names the unknown columns 'sex'; the columns of "
        "X are 'age', 'bmi', 'bp', 's1'.",
    ),
    "columns out of range": (
        "ValueError",
        "feature_groups: group 'a' has the column indices 9, but X has 4 features; "
        "allowed are -4 to 3.",
    ),
    "columns by a mask of other length": (
        "ValueError",
        "feature_groups: group 'a' has a boolean mask of length 1, but X has 4 "
        "features; one entry per feature is needed.",
    ),
    "columns by a mixed slice": (
        "TypeError",
        "feature_groups: group 'a' has the columns slice(1, 'b', None), but both "
        "ends of a slice must be ints, or both column names.",
    ),
    "columns by a slice of no step": (
        "ValueError",
        "feature_groups: group 'a': the step of slice(0, 2, 0) must be a nonzero int.",
    ),
    "penalty_factors is text": (
        "TypeError",
        f"penalty_factors='none' is not allowed; {FACTORS}.",
    ),
    "penalty_factors of other length": (
        "ValueError",
        f"penalty_factors has the shape (1,), but X has 4 features; {FACTORS}.",
    ),
    "penalty_factors with an item of three": (
        "ValueError",
        "penalty_factors: item 0 (counted from 0) is ([0], 1, 2), but every item "
        "must be (columns, factor).",
    ),
    "penalty_factors with no column": (
        "ValueError",
        "penalty_factors: item 0 (counted from 0) names no feature ([]); leave it out.",
    ),
    "penalty_factors with text": (
        "TypeError",
        f"penalty_factors: item 0 (counted from 0) has the factor 'none'; {FACTORS}.",
    ),
    "penalty_factors with a repeated feature": (
        "ValueError",
        "penalty_factors: every feature may be named once, but these are in several "
        "items: 'age'.",
    ),
    "penalty_factors below zero": (
        "ValueError",
        "penalty_factors has the values -1, nan for the features 'age', 'bp'; "
        f"{FACTORS}.",
    ),
    "penalty_factors all zero": (
        "ValueError",
        "penalty_factors is 0 for all features, so that nothing is penalized and "
        "there is no lambda to learn. Give one feature a positive factor, or use an "
        "estimator without a penalty.",
    ),
    "penalty_factors zero in a group": (
        "ValueError",
        "penalty_factors is 0 for all features of these groups, so that their "
        "lambdas have no effect: 'a'. Put these features into another group of "
        "feature_groups, or give one of them a positive factor.",
    ),
    "lambda_init outside": (
        "ValueError",
        "The 'lambda_init' parameter must be inside lambda_bounds=(0.0, 1.0). Got "
        "3.0 instead.",
    ),
    "lambda_init of a group outside": (
        "ValueError",
        "The 'lambda_init' parameter of the group 'b' must be inside "
        "lambda_bounds=(0.0, 1.0). Got [0.0, 3.0] instead.",
    ),
    "lambda_init of other length": (
        "ValueError",
        "lambda_init has 2 numbers, but needs 1, one for each group, in the order "
        "of feature_group_names_: 'all'.",
    ),
    "lambda_init is huge": (
        "ValueError",
        "The 'lambda_init' parameter must be \"auto\", a number, a dict from the "
        "name of every group to a number, or an array-like of n_groups numbers, all "
        "from -700 to 700. Got [1000000000.0] instead.",
    ),
    "lambda_init without a group": (
        "ValueError",
        "lambda_init names no value for the group 'b'; name all groups, or use "
        '"auto" or one number for all.',
    ),
    "lambda_init of an unknown group": (
        "ValueError",
        "lambda_init names the unknown group 'c'; the groups are 'a', 'b'.",
    ),
    "lambda_bounds in the wrong order": (
        "ValueError",
        "The 'lambda_bounds' parameter must be \"auto\" or two numbers (low, high) "
        "with low < high, infinite ones included, that leave room between -700 and "
        "700. Got (2.0, 1.0) instead.",
    ),
    "lambda_bounds of a group in the wrong order": (
        "ValueError",
        "The 'lambda_bounds' parameter of the group 'a' must be \"auto\" or two "
        "numbers (low, high) with low < high, infinite ones included, that leave "
        "room between -700 and 700. Got (2.0, 1.0) instead.",
    ),
    "lambda_bounds that rounding hides": (
        "ValueError",
        "lambda_bounds=(-300.0, -200.0) allows only penalties so weak that rounding "
        "hides them: with several lambdas the upper bound must be at least -2… for "
        "these features.",
    ),
    "columns of text": (
        "ValueError",
        "X has columns that are not numbers: 'city'. Convert them first, such as "
        "categories by a OneHotEncoder in a GroupedColumnTransformer, and dates to "
        "numbers of days.",
    ),
    "y is text": (
        "ValueError",
        "y must be numeric for a regressor. Got strings, such as 'a'.",
    ),
    "y is huge": (
        "ValueError",
        "y has entries up to …e+200 in size, whose squares are not floating point "
        "numbers. Rescale y.",
    ),
    "X is huge": (
        "ValueError",
        "X has entries up to …e+200 in size, whose squares are not floating point "
        "numbers; allowed are sizes from 1e-150 to about 1e150. Rescale the "
        "features.",
    ),
    "one class": (
        "ValueError",
        "MYHPOLogisticRegression needs rows of at least 2 classes with a positive "
        "weight. Got only the class 1.0.",
    ),
    "sample_weight zero": (
        "ValueError",
        # scikit-learn's from version 1.9 on, else ours.
        "…ample…weight…zero…",
    ),
    "columns of y with other numbers": (
        "ValueError",
        "y must have one label per row, or a column of zeros and ones per label. "
        "Got the shape (40, 2) with other numbers than 0 and 1.",
    ),
    "X_val alone": (
        "ValueError",
        "X_val needs y_val too. Got y_val=None.",
    ),
    "sample_weight_val alone": (
        "ValueError",
        "sample_weight_val needs X_val and y_val. Got neither.",
    ),
    "X_val and a criterion": (
        "ValueError",
        "criterion='gcv' holds no rows out and has no use for X_val. Use "
        "criterion='validation', or leave X_val out.",
    ),
    "X_val and shrinkage": (
        "ValueError",
        "shrinkage='auto' needs three splits or more, and X_val is one. Use a "
        "number for shrinkage, or cv.",
    ),
    "X_val of other features": (
        "ValueError",
        "X_val, y_val: X has 1 features, but MYHPORidge is expecting 4 features as "
        "input.",
    ),
    "y_val of other targets": (
        "ValueError",
        "y_val must have as many targets as y, which has the shape (40,). Got the "
        "shape (40, 2).",
    ),
    "y_val of other labels": (
        "ValueError",
        "y_val has the label 2.0, which no row of y with a positive weight has; "
        "allowed are [0.0, 1.0].",
    ),
    "no coef_": (
        "AttributeError",
        "MYHPORidge was fitted with store_coef=False and has no coef_. predict and "
        "score do without. Where coefficients are needed, fit with store_coef=True.",
    ),
    "summary without coef_": (
        "AttributeError",
        "MYHPORidge was fitted with store_coef=False and has no coef_. predict and "
        "score do without. Where coefficients are needed, fit with store_coef=True.",
    ),
    "store_coef without a refit": (
        "ValueError",
        "store_coef=False keeps weights of the rows, which are those of the final fit, "
        "of which refit=False has none. Use refit=True, or store_coef=True.",
    ),
    "store_coef of batches": (
        "ValueError",
        "store_coef=False keeps weights of the rows, which need the training rows, and "
        "these come in parts that are not kept. Use an array, a frame or a sparse "
        "matrix, or store_coef=True.",
    ),
    "store_coef without a penalty": (
        "ValueError",
        "store_coef=False keeps weights of the rows, which give no weights without a "
        "penalty. Use penalty_factors > 0, or store_coef=True.",
    ),
    "store_coef and row_groups": (
        "ValueError",
        "store_coef=False keeps weights of the rows, which do not follow the weights "
        "of row_groups. Use no row_groups, or store_coef=True.",
    ),
    "store_coef of sparse X with large means": (
        "ValueError",
        "store_coef=False keeps weights of the rows, which are differences of rows, "
        "and features with large means would hide these. Here they are columns of "
        "sparse X with 1 of 6 entries per row. Subtract the means of columns without "
        "zeros, or use store_coef=True.",
    ),
    "rows for scikit-learn": (
        "ValueError",
        "MYHPORidge was fitted with store_coef=False, of which scikit-learn has the "
        "like only as KernelRidge(kernel='linear'), without an intercept and with one "
        "penalty for all features. Got fit_intercept=True; use store_coef=True, which "
        "gives a Ridge.",
    ),
    "rows with factors for scikit-learn": (
        "ValueError",
        "MYHPORidge was fitted with store_coef=False, of which scikit-learn has the "
        "like only as KernelRidge(kernel='linear'), without an intercept and with one "
        "penalty for all features. Got features with penalties of their own; use "
        "store_coef=True, which gives a Ridge.",
    ),
    "row_groups without X_val": (
        "ValueError",
        "row_groups needs a clean validation set, X_val and y_val: the weights of rows "
        "minimize its loss. Got X_val=None.",
    ),
    "row_groups of batches": (
        "ValueError",
        "row_groups needs X in memory, as an array, a sparse matrix or a frame. Got "
        "Batches.",
    ),
    "row_groups and one_se": (
        "ValueError",
        "row_groups needs selection='min': the weights of rows minimize the validation "
        "loss. Got 'one_se'.",
    ),
    "row_groups and lambdas of targets": (
        "ValueError",
        "row_groups needs alpha_per_target=False, as the targets share the weights of "
        "the rows. Got True.",
    ),
    "row_groups: unknown text": (
        "ValueError",
        'row_groups must be "each", for a weight of every row of X, or one label for '
        "each row. Got 'rows'.",
    ),
    "row_groups of one label": (
        "ValueError",
        "row_groups needs two groups of rows or more: one weight for all rows only "
        "rescales the penalty. Got 1.",
    ),
    "row_groups of other length": (
        "ValueError",
        "row_groups must have one label for each of the 40 rows of X. Got an array of "
        "shape (2,).",
    ),
    "row_groups of lists": (
        "ValueError",
        "row_groups must have one label for each of the 40 rows of X. Got […].",
    ),
    "row_groups with a missing label": (
        "ValueError",
        "row_groups has missing labels.",
    ),
    "row_groups with a NaN": (
        "ValueError",
        "row_groups has missing labels.",
    ),
    "row_groups of several types": (
        "ValueError",
        "row_groups must have labels of one kind, all text or all numbers.",
    ),
    "row_groups after one iteration": (
        "ConvergenceWarning",
        "MYHPORidge stopped after max_iter=1 iterations with a relative residual of "
        "…, above tol=0.0e+00 (hypergradient …). Increase max_iter or tol, or set "
        "standardize=True where it is not set; gradient steps converge slowly, exact "
        "steps do not.",
    ),
    "row_groups with unfinished solves": (
        "ConvergenceWarning",
        "MYHPOLogisticRegression converged to inexact weights of rows. Inner "
        "solves reached their maximum number of iterations. Set standardize=True, "
        "or raise the lower end of lambda_bounds.",
    ),
    "class_weight zero": (
        "ValueError",
        "class_weight={0: 0.0, 1: 0.0} gives all rows weight zero.",
    ),
    "class_weight huge": (
        "ValueError",
        "class_weight={0: 1e+308, 1: 1e+308} times the sample weights is not a "
        "floating point number for some rows. Rescale it.",
    ),
    "class_weight leaves one class": (
        "ValueError",
        "class_weight={0.0: 0.0} leaves rows of only one class with a positive "
        "weight, 1.0; MYHPOLogisticRegression needs at least two.",
    ),
    "class_weight below zero": (
        "ValueError",
        "class_weight must have finite numbers >= 0. Got -1.0 for the label 0.0.",
    ),
    "class_weight of several labels": (
        "ValueError",
        "class_weight='balanced' needs one label per row. Got y of the shape (40, "
        "2), a column per label; use sample_weight.",
    ),
    "class_weight in parts": (
        "ValueError",
        "class_weight='balanced' is not possible with partial_fit, which does not "
        "know how often each class will come. Give the weights as a dict from label "
        "to number: sklearn.utils.class_weight.compute_class_weight('balanced', "
        "classes=classes, y=y) computes them from a large sample y of the labels.",
    ),
    "criterion unknown": (
        "ValueError",
        "The 'criterion' parameter must be one of ['validation', 'loo', 'gcv', "
        "'sure', 'reml', 'mlr', 'alo'] or a criterion object such as "
        "sklearn_myhpo.criteria.GCV(). Got 'aic' instead.",
    ),
    "criterion of another loss": (
        "ValueError",
        "criterion='loo' is not defined for the loss of MYHPOLogisticRegression. "
        "Allowed are ['validation', 'alo'].",
    ),
    "criterion and steps": (
        "ValueError",
        "criterion='loo' holds no rows out, but steps='gradient', "
        "response='tangent', metric='hessian', rho='auto' need a training and a "
        "validation part. Use their defaults, or criterion='validation'.",
    ),
    "criterion and a solver": (
        "ValueError",
        "A criterion holds no rows out, but SHO(step_sizes='auto', noise_scale=0.0001) "
        "needs a training and a validation part. Use criterion='validation', or use "
        "one of these solvers with default options: ['myhpo', 'implicit'].",
    ),
    "criterion and selection": (
        "ValueError",
        "selection='one_se' needs the standard error of the loss of held-out rows, "
        "but criterion='loo' holds none out. Use criterion='validation', or "
        "selection='min'.",
    ),
    "criterion and shrinkage": (
        "ValueError",
        "shrinkage='auto' compares losses of held-out rows, and the criterion holds "
        "none out. Use criterion='validation', or a number for shrinkage.",
    ),
    "criterion and scoring": (
        "ValueError",
        "scoring='r2' scores the models of the splits on held-out rows, but "
        "criterion='gcv' has no splits. Use criterion='validation', or leave scoring "
        "out.",
    ),
    "criterion and results": (
        "ValueError",
        "store_cv_results=True keeps predictions by models that have not seen the "
        "row, but criterion='gcv' has none. Use one of ['validation', 'loo'], or "
        "store_cv_results=False.",
    ),
    "sure without a degree of freedom": (
        "ValueError",
        "SURE cannot estimate the variance of the noise: least squares with 3 "
        "independent features and an intercept leave no degree of freedom of 4 "
        "rows. Give it, as in criterion=SURE(noise_variance=1.5), or use "
        "criterion='loo' or 'gcv', which need none.",
    ),
    "sure of negative variance": (
        "ValueError",
        "The 'noise_variance' parameter of SURE must be \"auto\", a finite number "
        "not below zero, or one such number per target. Got -1.0 instead.",
    ),
    "sure of other targets": (
        "ValueError",
        "The 'noise_variance' parameter of SURE must be one number or one for each "
        "target, of which y has 1. Got 2 numbers.",
    ),
    "sure by probes": (
        "ValueError",
        "SURE(trace='monte-carlo') factors no matrix, so it cannot estimate the "
        "variance of the noise. Give it, as in SURE(noise_variance=1.5, "
        "trace='monte-carlo').",
    ),
    "mlr of weights": (
        "ValueError",
        "criterion='mlr' permutes labels between rows and is not defined for unequal "
        "sample weights: the largest is 40 times the smallest. Use criterion='loo', "
        "'gcv' or 'sure'.",
    ),
    "mlr of few rows": (
        "UserWarning",
        "criterion='mlr' over-regularizes with fewer rows (5) than features (8). "
        "Prefer criterion='loo'.",
    ),
    "shrinkage of two splits": (
        "ValueError",
        "shrinkage='auto' splits every training part again by the held-out rows of "
        "the other splits, and needs three splits or more for that. Got 2 from cv. "
        "Use cv=5, or a number for shrinkage.",
    ),
    "shrinkage loses a class": (
        "ValueError",
        "shrinkage='auto' splits every training part again, and a part of one has "
        "no rows of the class 2. Use fewer folds, or a number for shrinkage.",
    ),
    "scoring unknown": (
        "ValueError",
        "The 'scoring' parameter must be the name of a scorer "
        "(sklearn.metrics.get_scorer_names() lists them), a callable "
        "scorer(estimator, X, y), a list of names, or a dict of them. Got 'nope' "
        "instead.",
    ),
    "scoring of text": (
        "ValueError",
        "scoring=<lambda> must return a number. Got 'good' of type str.",
    ),
    "scoring of another kind": (
        "ValueError",
        "scoring='accuracy' cannot score the rows that split 0 (counted from 0) "
        "holds out: continuous is not supported",
    ),
    "scoring without a request": (
        "ValueError",
        "scoring=make_scorer(r2_score, response_method='predict') does not request "
        "sample_weight, nor reject it, and fit got it: metadata routing needs one of "
        "them. Use a scorer with set_score_request(sample_weight=True), or False: "
        "sklearn.metrics.get_scorer returns one.",
    ),
    "alpha_per_target and groups": (
        "ValueError",
        "alpha_per_target=True learns one lambda per target and needs "
        "feature_groups=None, one lambda for all features. Got "
        "feature_groups='each'; use alpha_per_target=False, or fit one model per "
        "target.",
    ),
    "alpha_per_target and selection": (
        "ValueError",
        "selection='one_se' chooses one lambda for all targets. Use selection='min' "
        "with alpha_per_target=True, or one model per target.",
    ),
    "alpha_per_target and n_starts": (
        "ValueError",
        "n_starts=3 is for lambdas that interact, but with alpha_per_target=True every "
        "lambda has a scan of its own. Use n_starts=1.",
    ),
    "solver unknown": (
        "ValueError",
        "The 'solver' parameter must be one of ['hoag', 'implicit', 'myhpo', "
        "'penalty', 'sho', 'sho_global', 'stn', 'stochastic', 'unrolled'] or a "
        "solver object such as sklearn_myhpo.solvers.MYHPO(), of a subclass of "
        "sklearn_myhpo.solvers.Solver. Got 'newton' instead.",
    ),
    "standardize and batches": (
        "ValueError",
        "standardize=True with fit_intercept=False subtracts the means of the training "
        "rows of every split from dense X, but the solver Stochastic(method='saba', "
        "batch_size=64, step_sizes='auto', n_inner_steps=10) uses the same rows for "
        "all splits. Use fit_intercept=True, or another solver.",
    ),
    "response mean from zero": (
        "ValueError",
        "response='mean' divides by lambda and cannot start from 0; change "
        "lambda_init or lambda_bounds, or use response='tangent'.",
    ),
    "step_sizes": (
        "ValueError",
        "The 'step_sizes' parameter must be \"auto\" or 3 positive finite numbers "
        "(alpha, beta, delta). Got (1.0,) instead.",
    ),
    "implicit adjoint and steps": (
        "ValueError",
        "steps='newton' of Implicit needs adjoint='exact'; adjoint='lanczos' has steps "
        "of its own. Use steps='auto'.",
    ),
    "unrolled truncation": (
        "ValueError",
        "The 'truncation' parameter must be None, or with mode='reverse' an int of "
        "at most n_steps=10. Got 20 with mode='reverse' instead.",
    ),
    "stn sigma": (
        "ValueError",
        "The 'sigma_init' parameter must be at most sigma_max=0.5. Got 1000000000.0 "
        "instead.",
    ),
    "stn samples": (
        "ValueError",
        "The 'n_samples' parameter must be at least the number of lambdas, here 4, "
        "with sampling='balanced'. Got 1 instead; use \"auto\" or "
        "sampling='independent'.",
    ),
    "sho_global hidden": (
        "ValueError",
        "The 'n_hidden' parameter of SHOGlobal is 10000000; with 20 weights in all "
        "splits the hypernetwork would have 200000020 parameters, and at most "
        "5000000 are allowed. Use fewer hidden units or splits, or a solver without "
        "a network, such as 'sho' or 'implicit'.",
    ),
    "partial_fit of another solver": (
        "AttributeError",
        "partial_fit needs a solver that goes on with new rows: "
        "sklearn_myhpo.solvers.Stochastic with any method but 'saba'. "
        "Got solver='myhpo'.",
    ),
    "partial_fit of loo": (
        "AttributeError",
        "partial_fit keeps no rows, but criterion='loo' needs single ones. Use "
        "criterion='validation', 'gcv', 'sure' or 'reml'.",
    ),
    "partial_fit divides again": (
        "ValueError",
        "shrinkage='auto' is not possible with partial_fit: it divides the rows of "
        "every fold again. Use a number for shrinkage.",
    ),
    "partial_fit and a splitter": (
        "ValueError",
        "cv=KFold(n_splits=3, random_state=None, shuffle=False) is not possible "
        "with partial_fit, which does not know all rows. Allowed are None (five "
        "folds), an int >= 2 (folds by the number of the row), a float in (0, 1), "
        "and sklearn_myhpo.data.RowFolds or KeyFolds.",
    ),
    "partial_fit of other folds": (
        "ValueError",
        "cv=3 makes different folds from those of the first part, "
        "RowFolds(n_splits=4). Use the same cv and criterion in every call.",
    ),
    "partial_fit of other columns of y": (
        "ValueError",
        "y must have the shape of the first part except for the number of rows, "
        "('n_samples',). Got (40, 2).",
    ),
    "partial_fit without keys": (
        "ValueError",
        "KeyFolds(n_splits=3, key=None) needs the groups of the rows: "
        "partial_fit(X, y, groups=...).",
    ),
    "partial_fit and groups": (
        "ValueError",
        "groups are not possible with this cv, which ignores them. Use cv=KeyFolds(5) "
        "of sklearn_myhpo.data, or leave groups out.",
    ),
    "partial_fit of a row": (
        "ValueError",
        "MYHPORidge needs two rows or more of positive weight, but got 1 by "
        "partial_fit.",
    ),
    "partial_fit holds out nothing": (
        "ValueError",
        "cv=1e-09 leaves the validation part without a row of positive sample "
        "weight, of 40 in all. Use other folds, or more rows.",
    ),
    "merge without parts": (
        "ValueError",
        "merge needs two MYHPORidge fitted by partial_fit. Got "
        "MYHPORidge(lambda_init=0.0).",
    ),
    "merge of other folds": (
        "ValueError",
        "merge needs the same folds: RowFolds(n_splits=3) is not RowFolds(n_splits=5).",
    ),
    "partial_fit standardizes": (
        "ValueError",
        "standardize=True is not possible with partial_fit: the standard deviations "
        "of all training rows are not known before the last part. Use "
        "standardize=False, and scale every part alike, or fit.",
    ),
    "partial_fit of each target": (
        "ValueError",
        "alpha_per_target=True is not possible with partial_fit, which learns "
        "lambdas that all targets share. Use alpha_per_target=False, or one model "
        "per target.",
    ),
    "partial_fit without coef_": (
        "AttributeError",
        "partial_fit keeps no rows, but store_coef=False keeps weights of the rows. "
        "Use store_coef=True.",
    ),
    "partial_fit of each class": (
        "ValueError",
        "alpha_per_target=True of several classes is not possible with partial_fit, "
        "which sees every row once. Use alpha_per_target=False, or fit; rows that do "
        "not fit into memory may be batches there.",
    ),
    "lambda_init of classes": (
        "ValueError",
        "lambda_init has the shape (2,), but with alpha_per_target=True and 3 classes "
        "it needs (3,), the shape of lambda_; or give one number, or a dict from the "
        "name of every group to a number.",
    ),
    "lambda_init of a class outside": (
        "ValueError",
        "The 'lambda_init' parameter of the class 2 must be inside lambda_bounds=(0.0, "
        "2.0). Got [0.0, 1.0, 3.0] instead.",
    ),
    "class at its bound": (
        "LambdaBoundWarning",
        "MYHPOLogisticRegression found no minimum inside the bounds of lambda: the "
        "validation loss is still falling at the lower bound for the classes 0, 1, 2, "
        "so no penalty is best. Widen lambda_bounds=(-1.0, 0.0) to find it.",
    ),
    "partial_fit scores": (
        "ValueError",
        "scoring='r2' is not possible with partial_fit, which does not keep the "
        "rows that it has seen. Use scoring=None, or fit.",
    ),
    "partial_fit of other targets": (
        "ValueError",
        "y has 2 targets, but the first part had 1.",
    ),
    "partial_fit of other splits": (
        "ValueError",
        "cv=4 makes 4 splits of these rows, but made 3 of the first ones; "
        "partial_fit needs as many each time, as a float or an int gives.",
    ),
    "partial_fit without classes": (
        "ValueError",
        "The first call of partial_fit needs classes=, all labels that any part may "
        "have. Got None.",
    ),
    "partial_fit of an unknown class": (
        "ValueError",
        "y has the label 1.0, which is none of the classes [0.0, 2.0] of the first "
        "call of partial_fit.",
    ),
    "partial_fit of other classes": (
        "ValueError",
        "classes=[0.0, 2.0] are not those of the first call of partial_fit, [0.0, "
        "1.0].",
    ),
    "partial_fit diverges": (
        "ConvergenceWarning",
        "BilevelRidge diverged on these rows and skipped them. Use "
        'step_sizes="auto" or smaller ones.',
    ),
    "max_iter": (
        "ConvergenceWarning",
        "MYHPORidge stopped after max_iter=1 iterations with a relative residual of …, "
        "above tol=0.0e+00 (hypergradient …). Increase max_iter or tol, or set "
        "standardize=True where it is not set; gradient steps converge slowly, exact "
        "steps do not. The derivative is largest for the lambda of group x0.",
    ),
    "max_iter of every target": (
        "ConvergenceWarning",
        "MYHPORidge stopped after max_iter=1 iterations with a relative residual of "
        "…, above tol=0.0e+00 (hypergradient …). Increase max_iter or tol, or set "
        "standardize=True where it is not set; gradient steps converge slowly, "
        "exact steps do not.",
    ),
    "divergence": (
        "ConvergenceWarning",
        "MYHPORidge diverged: iteration … has values that are not finite, or losses "
        "far above those of the model without features. The result is that of the "
        "previous iteration. Use smaller step_sizes, backtracking, or exact steps.",
    ),
    "at the lower bound": (
        "LambdaBoundWarning",
        "MYHPORidge found no minimum inside the bounds of lambda: the validation loss "
        "is still falling at the lower bound for all features, so no penalty is best. "
        "Widen lambda_bounds=(5.0, 6.0) to find it.",
    ),
    "at the upper bound": (
        "LambdaBoundWarning",
        "MYHPORidge found no minimum inside the bounds of lambda: the validation loss "
        "is still falling at the upper bound for groups age, bmi, bp, so these "
        "features do not help. Wider bounds would hardly change the predictions.",
    ),
    "few rows": (
        "FewRowsWarning",
        "MYHPORidge learns lambda from 4 held-out rows: their mean loss has a random "
        "error of about …%, so lambda is mostly random too. Use cv=5, which holds out "
        "every row once, or a larger validation part.",
    ),
    "few rows of five folds": (
        "FewRowsWarning",
        "MYHPORidge learns lambda from 8 held-out rows: their mean loss has a random "
        "error of about …%, so lambda is mostly random too. Every row is held out "
        "already: other folds do not help, only more rows do.",
    ),
    "few rows of X_val": (
        "FewRowsWarning",
        "MYHPORidge learns lambda from 3 held-out rows: their mean loss has a random "
        "error of about …%, so lambda is mostly random too. Use more rows in X_val, or "
        "cv=5 instead of X_val.",
    ),
    "flat objective": (
        "FlatObjectiveWarning",
        "MYHPORidge found a flat objective: the validation loss is … for every lambda, "
        "so that these data do not determine it. The features may be constant or "
        "unrelated to the target; predictions do not depend on lambda anyway.",
    ),
    "flat part": (
        "FlatObjectiveWarning",
        "BilevelRidge ended where the validation loss is nearly flat, with a slope of "
        "… times its value. A minimum may be far away. lambda_init='auto' looks for "
        "it.",
    ),
    "certain": (
        "FlatObjectiveWarning",
        "MYHPOLogisticRegression predicts all held-out rows with certainty: their "
        "losses, … each, add up to less than …, so that the validation loss no longer "
        "determines lambda. Any weaker penalty predicts these rows as well.",
    ),
    "unfinished solves": (
        "ConvergenceWarning",
        "MYHPOLogisticRegression converged to an inexact lambda. Inner solves "
        "reached their maximum number of iterations. Set standardize=True, or raise "
        "the lower end of lambda_bounds.",
    ),
    "unfinished solves of standardized features": (
        "ConvergenceWarning",
        "MYHPOLogisticRegression converged to an inexact lambda. Inner solves "
        "reached their maximum number of iterations. Raise the lower end of "
        "lambda_bounds.",
    ),
    "gap": (
        "ConvergenceWarning",
        "BilevelRidge learned lambda with weights that do not minimize the training "
        "loss. The minimizer has the validation loss … at this lambda; … Set "
        "standardize=True, or give the solver more inner or training steps, or use "
        "solver='implicit'.",
    ),
    "approximated slope": (
        "ConvergenceWarning",
        "BilevelRidge converged by an approximate derivative, but the exact derivative "
        "is … times the validation loss: lambda is not at a minimum. Replace the "
        "solver by 'implicit', or by one with a finer approximation.",
    ),
    "responses that do not fit": (
        "ValueError",
        "steps='newton' of Implicit needs the response of all weights to each lambda; "
        "for 4 lambdas of this problem they do not fit the memory. Use steps='auto' or "
        "'lbfgs'.",
    ),
    "steps of an approximated adjoint": (
        "ValueError",
        "steps='newton' of Implicit needs adjoint='exact'; adjoint='nystrom' has steps "
        "of its own. Use steps='auto'.",
    ),
    "missing labels": ("ValueError", "Input y contains NaN."),
    "part in huge units": (
        "ValueError",
        "y has entries up to … in size, and partial_fit needs entries between 1e-30 "
        "and 1e30. Rescale it.",
    ),
    "summary of other names": (
        "ValueError",
        "feature_names must have 4 names, one per feature. Got 1: ['a'].",
    ),
    "no pandas": (
        "ImportError",
        "penalties_frame() returns fitted attributes as a frame and needs the "
        "package pandas, which is not installed. Use pip install pandas.",
    ),
    "no matplotlib": (
        "ImportError",
        "ConvergenceDisplay needs the package matplotlib, which is not installed. "
        "Use pip install matplotlib, or pip install '.[plot]' in the source "
        "directory of sklearn-myhpo.",
    ),
    "plot of no estimator": (
        "ValueError",
        "estimator must be one or more fitted estimators, with `name` for a single "
        "one only. Got 0 of them and name=None; name several by a dict {name: "
        "estimator}.",
    ),
    "plot of another estimator": (
        "TypeError",
        "estimator must be a fitted linear model of sklearn_myhpo, or a pipeline "
        "that ends with one; for a search, pass its best_estimator_, and for a "
        "TransformedTargetRegressor its regressor_. Got KFold(n_splits=3, "
        "random_state=None, shuffle=False).",
    ),
    "plot of an unknown quantity": (
        "ValueError",
        "quantity must be one of ['validation_loss', 'train_loss', 'lambda', "
        "'hypergradient_norm', 'primal_residual', 'dual_residual']. Got 'loss'.",
    ),
    "plot of an image of classes": (
        "ValueError",
        "image_shape draws one lambda per feature, but with alpha_per_target=True "
        "there are 3. Draw class k by GroupPenaltyDisplay(lambda_[:, k], "
        "feature_group_names_, feature_group_labels_).plot(image_shape=...).",
    ),
    "plot of groups of targets": (
        "ValueError",
        "alpha_per_target=True learns lambdas of targets, not of features: draw "
        "`lambda_` itself.",
    ),
    "plot of positions and an image": (
        "ValueError",
        "Give positions or image_shape, not both.",
    ),
    "plot of other positions": (
        "ValueError",
        "positions must have the shape (4,), one per feature. Got (3,).",
    ),
    "plot of another image": (
        "ValueError",
        "image_shape must be (rows, columns) of 4 features. Got (3, 2).",
    ),
    "plot without a curve": (
        "ValueError",
        "There is no curve of one lambda: give X and y for slices through the optimum, "
        "or fit with feature_groups=None and lambda_init='auto', without "
        "alpha_per_target or warm_start. Got feature_groups=None and lambda_init=0.0.",
    ),
    "plot of another grid": (
        "ValueError",
        "Cs is the grid of another estimator: MYHPORidge needs alphas.",
    ),
    "path of another target": (
        "ValueError",
        "target must be one of [0], or None for the first. Got 2.",
    ),
    "plot of a grid with zero": (
        "ValueError",
        "alphas must be an array of finite numbers > 0. Got [0.0, 1.0].",
    ),
    "plot of slices with a grid": (
        "ValueError",
        "alphas is marked along the curve of one lambda, which is drawn without X and "
        "y; with them, slices are drawn. Leave out X and y, or alphas.",
    ),
    "path of a list of parameters": (
        "ValueError",
        "fit_params must be None or a dict of the arguments of fit besides X and y, "
        "such as {'sample_weight': ...}. Got ['sample_weight'].",
    ),
    "path of one point": ("ValueError", "n_points must be an int >= 2. Got 1."),
    "path of other rows": (
        "ValueError",
        "X, y and fit_params must be those of the fit. At its lambda they have the "
        "validation loss 2.31766, and the fit had 0.579416. If these are the same "
        "rows, the splits are drawn at random in every fit: set random_state before.",
    ),
    "path of several strengths": (
        "ValueError",
        "The lambdas must be shared by all targets. Got an estimator with "
        "alpha_per_target=True: fit the targets one by one.",
    ),
    "slice of an unknown group": (
        "ValueError",
        "feature_groups must be names of groups of the estimator, ['a', 'b']. Got 'c'.",
    ),
    "plot of terms of another model": (
        "TypeError",
        "estimator must be a fitted additive model of sklearn_myhpo, or a pipeline "
        "that ends with one; for a search, pass its best_estimator_, and for a "
        "TransformedTargetRegressor its regressor_. Got MYHPORidge(lambda_init=0.0).",
    ),
    "plot of terms on too few axes": (
        "ValueError",
        "ax must be one of matplotlib's axes per term, 2. Got 1.",
    ),
    "report of another estimator": (
        "TypeError",
        "model must be a fitted linear or additive model of sklearn_myhpo, or a "
        "pipeline that ends with one; for a search, pass its best_estimator_, and for "
        "a TransformedTargetRegressor its regressor_. Got KFold(n_splits=3, "
        "random_state=None, shuffle=False).",
    ),
    "report of terms by other names": (
        "ValueError",
        "feature_names must be None for an additive model, which names its terms. Got "
        "['a'].",
    ),
    "transformer with too few groups": (
        "ValueError",
        "The transformer 'curve' made 1 columns, but its get_feature_groups_out has 2 "
        "groups; it must return one per column.",
    ),
    "solver is a name": (
        "TypeError",
        "The solver must be an object of a subclass of "
        "sklearn_myhpo.solvers.Solver, such as sklearn_myhpo.solvers.MYHPO(): it "
        "has `init`, `step` and `capabilities`, such as "
        "Capabilities(needs_split=False). Got 'myhpo' instead.",
    ),
    "penalty is no square": (
        "ValueError",
        "penalty must be a square matrix, got shape (2, 3).",
    ),
    "penalty has a NaN": (
        "ValueError",
        "penalty has entries that are NaN or infinite.",
    ),
    "penalty is not symmetric": (
        "ValueError",
        "penalty must be symmetric.",
    ),
    "penalty is not semidefinite": (
        "ValueError",
        "penalty must be positive semidefinite, but it has the eigenvalue -1, the "
        "largest being -1.",
    ),
    "gram of another shape": (
        "ValueError",
        "gram has the shape (3, 3), but penalty (2, 2); both need one row and "
        "column per basis function.",
    ),
    "y is negative": (
        "ValueError",
        "The poisson loss needs a y of numbers in [0, 1e+100]. Got -1.0 of type "
        "float64 instead.",
    ),
    "y is zero": (
        "ValueError",
        "The gamma loss needs a y of numbers in [1e-100, 1e+100]. Got 0.0 of type "
        "float64 instead.",
    ),
    "y is always zero": (
        "ValueError",
        "y is zero in all rows with a positive weight, and a mean of zero has no "
        "logarithm. MYHPOTweedieRegressor needs a positive y.",
    ),
    "y is always zero in a training part": (
        "ValueError",
        "cv=[([…], […]), ([…], [0])]: the training part of split 1 (counted from 0) "
        "has only rows with y = 0, and a mean of zero has no logarithm. Use "
        "cv=KFold(5, shuffle=True, random_state=0) of sklearn.model_selection, or "
        "fewer splits.",
    ),
    "only y_val is not zero": (
        "ValueError",
        "y is zero in all rows with a positive weight, only y_val is not. "
        "MYHPOPoissonRegressor needs a positive y to train on.",
    ),
    "power is no Tweedie's": (
        "ValueError",
        "The 'power' parameter of MYHPOTweedieRegressor must be a number from 1 "
        "(Poisson) to 2 (gamma). Got 0 instead. MYHPORidge is for power=0, the normal "
        "distribution, and others have losses that are not convex with a log link.",
    ),
    "family is unknown": (
        "ValueError",
        "The 'family' parameter of BilevelGeneralizedLinearRegressor must be one of "
        "['poisson', 'gamma', 'tweedie'] or a loss object such as "
        "sklearn_myhpo.losses.TweedieLoss(1.5), of a subclass of "
        "sklearn_myhpo.losses.Loss. Got 'binomial' instead.",
    ),
    "family of classes": (
        "ValueError",
        "family=LogisticLoss() must have the link 'log', or 'identity' and not be the "
        "squared loss. Got the link 'logit'. Use BilevelRidge for squares, "
        "BilevelLogisticRegression for classes.",
    ),
    "family of one's own": (
        "ValueError",
        "family=OwnLoss() is a loss that scikit-learn does not have, so it has no "
        "estimator for these weights.",
    ),
    "solver without a bound": (
        "ValueError",
        "Unrolled(step_size='auto') needs a bound of the curvature of the loss, and "
        "the poisson loss has none. Use a solver that minimizes the inner problems, "
        "such as 'myhpo', 'implicit' or 'hoag', or give step sizes where the solver "
        "takes them.",
    ),
    "criterion of many columns": (
        "ValueError",
        "This criterion factors a matrix with 40 rows and columns, one for each of "
        "the rows or features of X, whichever are fewer; at most 3 are allowed. Use "
        "criterion='validation', SURE(noise_variance=..., trace='monte-carlo'), or "
        "fewer features.",
    ),
    "batches and y": (
        "ValueError",
        "y must be None where X is Batches, whose batches hold it. Got […].",
    ),
    "batches and weights": (
        "ValueError",
        "sample_weight must be None where X is Batches, whose batches hold it. Got "
        "[…].",
    ),
    "batches for X_val": (
        "ValueError",
        "X_val, y_val: Batches are accepted only as X of fit; X must be an array, a "
        "sparse matrix or a frame here.",
    ),
    "batches and a solver of rows": (
        "ValueError",
        "The solver Stochastic(…) uses a few rows at a time, and each time Batches "
        "would be read from the beginning. Use MYHPORidge, MYHPOLogisticRegression or "
        "another solver; or partial_fit with one batch after another.",
    ),
    "batches and scoring": (
        "ValueError",
        "scoring='r2' predicts single rows, which cannot be accessed in Batches. Leave "
        "scoring out.",
    ),
    "batches and a splitter of X": (
        "ValueError",
        "cv=SplitsByX cannot split this data (n_samples = 40, n_features = 4): X is "
        "read in blocks, so that its single rows cannot be accessed. A splitter gets "
        "the number of rows and y; make the splits from these, or give pairs of row "
        "numbers.",
    ),
    "batches and y of X_val": (
        "ValueError",
        "y_val and sample_weight_val must be None where X_val is Batches, whose "
        "batches hold them.",
    ),
    "batches and X_val of other features": (
        "ValueError",
        "X_val, y_val: X has 2 features, but MYHPORidge is expecting 4 features as "
        "input.",
    ),
    "batches and X_val of other targets": (
        "ValueError",
        "y_val must have as many targets as y, whose rows have the shape (). Got the "
        "shape (2,).",
    ),
    "batches and X_val of Dask": (
        "ValueError",
        "X_val needs y_val too. Got y_val=None.",
    ),
    "batches and one_se of alo": (
        "ValueError",
        "selection='one_se' needs the standard error of the loss of held-out rows, but "
        "criterion='alo' holds none out. Use criterion='validation', or "
        "selection='min'.",
    ),
    "batches with columns of labels": (
        "ValueError",
        "y must have one label per row, or a column of zeros and ones per label. Got 2 "
        "columns with other numbers.",
    ),
    "batches with counts of X_val alone": (
        "ValueError",
        "y is zero in all rows with a positive weight, only y_val is not. "
        "MYHPOPoissonRegressor needs a positive y to train on.",
    ),
    "batches without counts": (
        "ValueError",
        "y is zero in all rows with a positive weight, and a mean of zero has no "
        "logarithm. MYHPOPoissonRegressor needs a positive y.",
    ),
    "batches without a size": ("ValueError", "batch_size must be an int >= 1. Got 0."),
    "batches without weight": (
        "ValueError",
        "sample_weight is zero for all rows; at least one sample weight must not be "
        "zero.",
    ),
    "batches with a fold without weight": (
        "ValueError",
        "cv=RowFolds(…): fold 0 (counted from 0): the training part has no row with "
        "positive sample weight; both parts need at least one.",
    ),
    "batches with a class in one fold": (
        "ValueError",
        "cv=RowFolds(…): fold 0 (counted from 0): the training part has no row of "
        "class 2; every class must occur in every training part, as the loss of "
        "held-out rows of an unknown class is infinite. What would work: drop rare "
        "classes or merge them, or fewer folds.",
    ),
    "batches with counts in one fold": (
        "ValueError",
        "cv=RowFolds(…): fold 0 (counted from 0): the training part has only rows with "
        "y = 0, and a mean of zero has no logarithm. Use cv=RowFolds(5) of "
        "sklearn_myhpo.data, or fewer folds.",
    ),
    "batches of two targets": (
        "ValueError",
        "y should be a 1d array, got an array of shape (…, 2) instead.",
    ),
    "batches of other types": (
        "ValueError",
        "y must be numeric for a regressor. Got […].",
    ),
}
