"""Fits whose independent parts are computed at once: `n_jobs`."""

import warnings

import numpy as np
import pytest
from joblib import parallel_config
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from sklearn_myhpo import (
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
)
from sklearn_myhpo.exceptions import LambdaBoundWarning
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import ESTIMATORS, Recorder, data_for, fitted_names
from tests.linear_model.common import assert_refused

#: Estimators with `n_jobs`.
WITH_PARTS = [cls for cls in ESTIMATORS if cls is not SHOLogisticRegression]
GROUPS = ["a", "a", "b", "b"]


def targets(n_samples=60):
    """Return features and three targets with noise of different size."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, 6))
    signal = X @ rng.standard_normal((6, 3))
    return X, signal + rng.standard_normal((n_samples, 3)) * [0.3, 2.0, 9.0]


def fitted(model):
    """Return all fitted attributes but the seconds, as text and numbers."""
    found = {name: getattr(model, name) for name in fitted_names(model)}
    found["history_"] = {k: v for k, v in model.history_.items() if k != "time"}
    # The certificate prints its numbers in full.
    return {k: v for k, v in found.items() if k not in ("certificate_", "plan_")}


def quiet_fit(model, *data, **options):
    """Fit without the warnings of a run that ends early."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data, **options)


X_RIDGE, Y_RIDGE = data_for(MYHPORidge)
X_CLASS, Y_CLASS = data_for(MYHPOLogisticRegression, n_classes=3)
X_THREE, Y_THREE = targets()
NESTED = {"feature_groups": GROUPS, "shrinkage": "auto", "cv": 3}
CASES = {
    "nested ridge": (MYHPORidge, NESTED, X_RIDGE, Y_RIDGE),
    "nested sparse": (
        MYHPORidge,
        NESTED,
        sparse.csr_array(np.where(np.abs(X_RIDGE) < 0.3, 0.0, X_RIDGE)),
        Y_RIDGE,
    ),
    "nested classes": (MYHPOLogisticRegression, NESTED, X_CLASS, Y_CLASS),
    "targets, SHO": (
        SHORidge,
        {"alpha_per_target": True, "max_iter": 20},
        X_THREE,
        Y_THREE,
    ),
    "targets, implicit": (
        BilevelRidge,
        {
            "solver": "implicit",
            "alpha_per_target": True,
            "store_cv_results": True,
            "scoring": "r2",
        },
        X_THREE,
        Y_THREE,
    ),
    "targets, stochastic": (
        BilevelRidge,
        {"solver": Stochastic("soba"), "alpha_per_target": True, "max_iter": 5},
        X_THREE,
        Y_THREE,
    ),
    "targets, published": (
        MYHPORidge,
        {"alpha_per_target": True, "response": "mean", "max_iter": 20},
        X_THREE,
        Y_THREE,
    ),
}


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("seed", "numbers"), [(0, (1, 3, None)), ("instance", (1, 2, -1))]
)
def test_results_do_not_depend_on_the_number(name, seed, numbers):
    """The same data would get another model on another machine."""
    cls, options, X, y = CASES[name]
    found = []
    for n_jobs in numbers:
        state = np.random.RandomState(3) if seed == "instance" else seed
        model = cls(n_jobs=n_jobs, random_state=state, **options)
        quiet_fit(model, X, y, sample_weight=np.linspace(0.5, 2.0, len(y)))
        found.append(fitted(model))
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        np.testing.assert_equal(other, found[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nested classes", "targets, stochastic"])
def test_results_of_processes(name):
    """A fit inside of joblib's processes would fail, or give another model."""
    cls, options, X, y = CASES[name]
    model = quiet_fit(cls(n_jobs=1, random_state=0, **options), X, y)
    with parallel_config(backend="loky", n_jobs=2):
        other = quiet_fit(cls(random_state=0, **options), X, y)
    np.testing.assert_equal(fitted(other), fitted(model))


def test_more_targets_than_jobs_print_in_order(capsys):
    """The lines of two targets would be mixed."""
    texts = []
    for n_jobs in (None, 2):
        model = BilevelRidge(
            solver="implicit",
            alpha_per_target=True,
            n_jobs=n_jobs,
            verbose=1,
            random_state=0,
        )
        quiet_fit(model, X_THREE, Y_THREE)
        lines = capsys.readouterr().out.splitlines()
        # The last line has the seconds.
        texts.append(lines[:-1])
    assert len(texts[0]) > 4
    assert texts[0] == texts[1]


def test_callbacks_may_still_end_a_run():
    """A callback would be asked when the run is over."""
    pytest.importorskip("sklearn.callback")

    class Stop(Recorder):
        def on_fit_task_end(self, estimator, context):
            return context.task_name == "iteration"

    model = SHORidge(alpha_per_target=True, n_jobs=2, max_iter=50)
    quiet_fit(model.set_callbacks(Stop()), X_THREE, Y_THREE)
    assert model.n_iter_ == 1


@pytest.mark.parametrize("cls", WITH_PARTS)
def test_bad_numbers(cls):
    """The message would not name the parameter."""
    match = "The 'n_jobs' parameter of"
    assert_refused(cls, ValueError, match, {"n_jobs": "all"})
    assert_refused(cls, ValueError, match, {"n_jobs": 1.5})
    if cls is not MYHPORidge:
        return
    with pytest.raises(ValueError, match="n_jobs == 0"):
        cls(n_jobs=0, **NESTED).fit(X_RIDGE, Y_RIDGE)


def test_only_where_there_are_parts():
    """A parameter that nothing reads would promise speed."""
    have = {cls for cls in ESTIMATORS if "n_jobs" in cls().get_params()}
    assert have == set(WITH_PARTS)


def test_large_products_have_the_same_digits():
    """Sums over two threads differ in the last digits from sums over one."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 250))
    y = X[:, :2] + rng.standard_normal((2000, 2))
    options = {"solver": "implicit", "alpha_per_target": True, "cv": 2}
    with threadpool_limits(2):
        one, two = (
            BilevelRidge(n_jobs=n_jobs, random_state=0, **options).fit(X, y)
            for n_jobs in (1, 2)
        )
    np.testing.assert_equal(fitted(two), fitted(one))
