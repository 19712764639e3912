"""Memory of a fit beside X, with every argument of `fit` that speaks of rows."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest

from sklearn_myhpo import BilevelRidge, MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.engine.plan_text import kept_bytes
from sklearn_myhpo.linear_model._problem import ProblemSource

SHAPE = 9_000, 90
#: Rows of the validation set.
N_VALIDATION = 100
#: Parameters with which rows are left out, added or divided, and of every how many
#: rows one has the weight zero.
CASES = {
    "folds": ({}, None),
    "zero-weights": ({}, 3),
    "half-of-the-rows": ({}, 2),
    "validation-set": ({}, None),
    "nested": ({"shrinkage": "auto", "feature_groups": 2}, None),
    "one-se": ({"selection": "one_se"}, None),
}


def make_data(n_samples, n_features, cls):
    """Return X and y of a regression or of two classes."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features))
    y = X[:, 0] + rng.standard_normal(n_samples)
    return X, (y > 0).astype(int) if cls is MYHPOLogisticRegression else y


def fitted(cls, case, X, y):
    """Return an estimator fitted in blocks of few rows."""
    (options, step), given = CASES[case], {}
    if "feature_groups" in options:
        groups = np.arange(X.shape[1]) % options["feature_groups"]
        options = {**options, "feature_groups": groups}
    if step:
        given["sample_weight"] = np.arange(len(y)) % step > 0
    if case == "validation-set":
        held_out, rest = slice(N_VALIDATION), slice(N_VALIDATION, None)
        given.update(X_val=X[held_out], y_val=y[held_out])
        X, y = X[rest], y[rest]
    model = cls(cv=3, random_state=0, max_iter=5, tol=0.1, **options)
    # Blocks and samples have a constant size, which must be small beside X.
    entries = {"block_entries": 2**14, "cached_entries": 2**14}
    with use_limits(**entries, optimism_rows=2**9, summary_rows=2**9):
        return model.fit(X, y, **given)


@pytest.mark.one_in(5)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_no_copy_of_rows(cls, case):
    """A fit to rows that fill most of the memory would be killed."""
    if case in ("nested", "one-se") and cls is MYHPOLogisticRegression:
        pytest.skip("as of ridge, but takes twenty seconds")
    X, y = make_data(*SHAPE, cls)
    tracemalloc.start()
    try:
        model = fitted(cls, case, X, y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 0.25 * X.nbytes + kept_bytes(model.plan_)
    # At this shape matrices and vectors of all rows, which the plan counts, are small.
    most = {"nested": 0.8}.get(case, 0.65) if cls is MYHPORidge else 1.25
    assert peak <= most * X.nbytes


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("cls", [MYHPORidge, BilevelRidge, MYHPOLogisticRegression])
def test_memory_is_free_after_a_fit(cls, case, monkeypatch):
    """Grid searches would hold the matrices of many fits until Python collects them."""
    problems, make = [], ProblemSource.of_splits

    def recorded(*args, **options):
        problem = make(*args, **options)
        problems.extend(map(weakref.ref, [problem, problem.full, *problem.splits]))
        return problem

    monkeypatch.setattr(ProblemSource, "of_splits", recorded)
    X, y = make_data(120, 30, cls)
    gc.disable()
    try:
        fitted(cls, case, X, y)
        assert problems
        assert not any(problem() is not None for problem in problems)
    finally:
        gc.enable()
