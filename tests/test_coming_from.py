"""The page for those who come from a search has every name that they know."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import (
    LogisticRegressionCV,
    PoissonRegressor,
    Ridge,
    RidgeClassifierCV,
    RidgeCV,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV

import sklearn_myhpo
from sklearn_myhpo import (
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
    MYHPOTweedieRegressor,
)

docscrape = pytest.importorskip("numpydoc.docscrape")

PAGE = Path(__file__).parents[1] / "doc" / "user_guide" / "coming_from.rst"
OURS = {
    GridSearchCV: (MYHPORidge, MYHPOLogisticRegression, MYHPORidgeClassifier),
    RidgeCV: (MYHPORidge,),
    LogisticRegressionCV: (MYHPOLogisticRegression,),
    RidgeClassifierCV: (MYHPORidgeClassifier,),
    PoissonRegressor: (MYHPOPoissonRegressor, MYHPOGammaRegressor),
    TweedieRegressor: (MYHPOTweedieRegressor,),
}
LITERAL = re.compile(r"``(.+?)``")


def rows(cls):
    """The rows of the table of a class, as (names there, text here)."""
    found = re.search(
        rf"^(=+)  =+\n{cls.__name__} +here\n=+  =+\n(.*?)^=+  =+\n",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    width, table = len(found[1]), []
    for line in found[2].splitlines():
        left, right = line[:width].strip(), line[width:].strip()
        if left:
            table.append((left, right))
        else:
            table[-1] = (table[-1][0], f"{table[-1][1]} {right}")
    return table


def names(literal):
    """The names in ``name``, ``name=value``, ``name[key]`` or ``call(a, b=value)``."""
    if not re.match(r"[A-Za-z_]", literal):
        return set()
    head = re.match(r"[\w.]+", literal)[0]
    inside = re.search(r"^[\w.]+\((.*)\)$", literal)
    if inside is None:
        return {head}
    parts = (part.split("=")[0].strip(" *") for part in inside[1].split(","))
    return {head, *(part for part in parts if part)}


def described(cls, section):
    """The names in a section of a class's docstring, public ones."""
    return {
        name.strip()
        for entry in docscrape.ClassDoc(cls)[section]
        for name in entry.name.split(",")
    }


def arguments(function):
    """The names of a function's arguments without self."""
    return set(inspect.signature(function).parameters) - {"self"}


def known(cls):
    """What a class has: parameters, those of fit, attributes and methods."""
    methods = {name for name in dir(cls) if not name.startswith("_")}
    fitted = described(cls, "Attributes")
    return arguments(cls) | arguments(cls.fit) | fitted | methods


def is_class(name):
    """Whether a name is that of a public class here or in scikit-learn."""
    homes = (sklearn_myhpo, sklearn.linear_model, sklearn.model_selection)
    return any(name in home.__all__ for home in homes) or name == "pandas.DataFrame"


@pytest.mark.parametrize("cls", OURS)
def test_tables_are_complete(cls):
    """A reader would look in vain for a parameter or an attribute."""
    shown = set()
    for left, _ in rows(cls):
        shown |= set().union(*map(names, LITERAL.findall(left)))
    theirs = arguments(cls) | arguments(cls.fit) | described(cls, "Attributes")
    assert len(theirs) > 12
    assert theirs <= shown, sorted(theirs - shown)


@pytest.mark.parametrize("cls", OURS)
def test_counterparts_exist(cls):
    """The page would send a reader to a name that no estimator has."""
    ours = set.union(*map(known, OURS[cls]))
    scorers = set(sklearn.metrics.get_scorer_names())
    found = set()
    for left, right in rows(cls):
        assert right, left
        theirs = set().union(*map(names, LITERAL.findall(left)))
        for literal in LITERAL.findall(right):
            for name in names(literal) - {"None", "True", "False"}:
                found.add(name)
                fits = name in ours | theirs | scorers or is_class(name)
                assert fits, f"{left}: {literal}"
    assert len(found & ours) > 12


@pytest.mark.parametrize("cls", OURS)
def test_attributes_that_stay_are_ours(cls):
    """A name with the same name here would not be in all of our docstrings."""
    for left, right in rows(cls):
        if left == right and left.endswith("_``"):
            for ours in OURS[cls]:
                assert left.strip("`") in known(ours), left


def test_reader_of_literals():
    """A form of literal would be read as no name, and nothing would be checked."""
    assert names("cv") == {"cv"}
    assert names("cv=5") == {"cv"}
    assert names("l1_ratios=(0,)") == {"l1_ratios"}
    assert names('best_params_["alpha"]') == {"best_params_"}
    assert names("fit(X, y, groups=...)") == {"fit", "X", "y", "groups"}
    assert names("fit(**params)") == {"fit", "params"}
    assert names("to_sklearn()") == {"to_sklearn"}
    assert names('"loo"') == set()


@pytest.mark.parametrize("n_targets", [1, 2])
def test_ridge_cv_numbers(n_targets):
    """`best_score_` and `cv_results_` would not be what the table says."""
    X, y = load_diabetes(return_X_y=True)
    y = y if n_targets == 1 else np.column_stack([y, X @ np.arange(10.0) + y])
    ours = MYHPORidge(criterion="loo", store_cv_results=True).fit(X, y)
    theirs = RidgeCV([ours.alpha_], store_cv_results=True).fit(X, y)
    losses = theirs.cv_results_[..., 0] / 2
    assert_allclose(ours.validation_loss_ * 2, n_targets * -theirs.best_score_, 1e-8)
    assert_allclose(ours.cv_losses_, losses.reshape(len(y), -1).sum(axis=1), 1e-6)


def test_ridge_cv_numbers_of_each_target():
    """`best_score_` of each target would not be what the table says."""
    X, y = load_diabetes(return_X_y=True)
    y = np.column_stack([y, X @ np.arange(10.0) + y, X[:, 0] - y])
    ours = MYHPORidge(criterion="loo", alpha_per_target=True).fit(X, y)
    for target, (alpha, loss) in enumerate(
        zip(ours.alpha_, ours.validation_loss_, strict=True)
    ):
        theirs = RidgeCV([alpha], alpha_per_target=True).fit(X, y)
        assert_allclose(loss, -theirs.best_score_[target] / 2, rtol=1e-8)


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_ridge_classifier_cv_numbers(load, class_weight):
    """`best_score_` or a shape would not be what the table says."""
    X, y = load(return_X_y=True)
    X = X / X.std(axis=0)
    ours = MYHPORidgeClassifier(criterion="loo", class_weight=class_weight).fit(X, y)
    theirs = RidgeClassifierCV([ours.alpha_], class_weight=class_weight).fit(X, y)
    targets = 1 if len(theirs.classes_) == 2 else len(theirs.classes_)
    assert ours.coef_.shape == theirs.coef_.shape
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
    if class_weight is None:
        score = -theirs.best_score_ * targets / 2
        assert_allclose(ours.validation_loss_, score, 1e-7)
    assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5, atol=1e-8)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cv", [5, 7])
def test_logistic_regression_cv_numbers(cv):
    """`scores_` at the learned strength, or a shape, would not be ours."""
    X, y = load_breast_cancer(return_X_y=True)
    members = [np.flatnonzero(y == k) for k in (0, 1)]
    rows = np.sort(np.concatenate([m[: len(m) // cv * cv] for m in members]))
    X, y = X[rows] / X.std(axis=0), y[rows]
    ours = MYHPOLogisticRegression(cv=cv, scoring="neg_log_loss").fit(X, y)
    new = {"l1_ratios": (0,), "use_legacy_attributes": False}
    if not new.keys() <= arguments(LogisticRegressionCV):
        new = {}
    theirs = LogisticRegressionCV(
        # Theirs keeps C, which belongs to the sum of losses, on the rows of a fold.
        Cs=[ours.C_ * cv / (cv - 1)],
        cv=cv,
        scoring="neg_log_loss",
        solver="newton-cholesky",
        tol=1e-10,
        max_iter=1000,
        **new,
    ).fit(X, y)
    scores = np.ravel(theirs.scores_ if new else theirs.scores_[1])
    assert_allclose(ours.cv_scores_, scores, rtol=1e-6)
    assert_allclose(ours.validation_loss_, -scores.mean(), rtol=1e-6)
    assert theirs.coef_.shape == ours.coef_.shape
    assert theirs.intercept_.shape == ours.intercept_.shape


@pytest.mark.parametrize("n_splits", [3, 4])
def test_grid_search_cv_numbers(n_splits):
    """`best_score_`, `n_splits_` or the dict of scores would be another."""
    X, y = load_diabetes(return_X_y=True)
    rows = len(y) - len(y) % (3 * 4)
    X, y = X[:rows], y[:rows]
    scoring = ["r2", "neg_mean_squared_error"]
    ours = MYHPORidge(cv=n_splits, scoring=scoring, store_cv_results=True).fit(X, y)
    grid = {"alpha": [ours.alpha_ * (n_splits - 1) / n_splits]}
    theirs = GridSearchCV(
        Ridge(), grid, cv=n_splits, scoring=scoring, refit="neg_mean_squared_error"
    ).fit(X, y)
    assert_allclose(ours.validation_loss_, -theirs.best_score_ / 2, 1e-8)
    assert len(ours.cv_losses_) == theirs.n_splits_
    assert isinstance(ours.cv_scores_, dict) == theirs.multimetric_
    for name in scoring:
        split = [f"split{k}_test_{name}" for k in range(n_splits)]
        expected = np.concatenate([theirs.cv_results_[s] for s in split])
        assert_allclose(ours.cv_scores_[name], expected, 1e-8)
    assert "train_loss" in ours.history_
