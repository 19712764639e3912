"""`max_time`: a fit in time, with a result that is whole, and a warning."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOAdditiveClassifier,
    MYHPOAdditiveRegressor,
    MYHPORidge,
    _deadline,
)
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import (
    CLASSIFIERS,
    MEANS,
    Ticks,
    data_for,
    raw_predictions,
)
from tests.linear_model.common import each_estimator

LIMITED = r"max_time=\S+ seconds.*Increase max_time"


@pytest.fixture
def ticks(monkeypatch):
    """Return the clock of all fits of a test, which count its readings."""
    clock = Ticks()
    monkeypatch.setattr(_deadline, "time", SimpleNamespace(monotonic=clock))
    return clock


def assert_whole(model, X):
    """Assert that a model was cut short, and is one all the same."""
    assert not model.converged_
    assert np.all(np.isfinite(model.coef_))
    assert np.all(np.isfinite(model.lambda_))
    assert np.all(np.isfinite(model.validation_loss_))
    assert np.all(np.isfinite(raw_predictions(model, X)))
    assert model.certificate_ is None
    assert model.summary()


@each_estimator
@pytest.mark.parametrize("max_time", [0.5, 6.5, 20.5])
def test_every_estimator_ends_in_time(cls, max_time, ticks):
    """A fit would go on for hours, or leave nothing."""
    X, y = data_for(cls)
    groups = ["a", "a", "b", "b"]
    model = cls(feature_groups=groups, max_time=max_time, random_state=0, tol=0.0)
    with pytest.warns(ConvergenceWarning, match=LIMITED):
        model.fit(X, y)
    assert_whole(model, X)


@pytest.mark.parametrize("cls", MEANS)
def test_models_of_positive_means_end_in_time(cls, ticks):
    """They have a loss without bounds, whose start is another one."""
    X, y = data_for(cls)
    with pytest.warns(ConvergenceWarning, match=LIMITED):
        assert_whole(cls(max_time=4.5).fit(X, y), X)


@each_estimator
def test_no_time_leaves_the_start(cls, ticks):
    """The weights would not be those of the lambda that is reported."""
    X, y = data_for(cls)
    options = {"lambda_init": -1.0, "random_state": 0}
    with pytest.warns(ConvergenceWarning, match=LIMITED):
        model = cls(max_time=0.5, **options).fit(X, y)
    assert model.n_iter_ == 0
    assert model.lambda_ == -1.0
    plain = model.to_sklearn()
    if hasattr(plain, "tol"):
        plain.set_params(tol=1e-10)
    plain.fit(X, y)
    tolerance = {"rtol": 1e-4, "atol": 1e-6}
    np.testing.assert_allclose(
        raw_predictions(plain, X), raw_predictions(model, X), **tolerance
    )


@each_estimator
def test_time_enough_changes_nothing(cls):
    """A limit that is not reached would cost accuracy."""
    X, y = data_for(cls)
    options = {"random_state": 0, "max_iter": 20}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        one, two = (cls(max_time=t, **options).fit(X, y) for t in (None, 1e4))
    np.testing.assert_array_equal(one.coef_, two.coef_)
    assert one.converged_ == two.converged_


@pytest.mark.parametrize(
    "options",
    [
        {"alpha_per_target": True},
        {"alpha_per_target": True, "criterion": "loo"},
        {"solver": "implicit", "alpha_per_target": True},
        {"solver": "implicit", "alpha_per_target": True, "n_jobs": 2},
    ],
)
def test_one_lambda_per_target(options, ticks, monkeypatch):
    """Every target would have the whole time."""
    X, y = data_for(BilevelRidge, n_targets=3)
    if "n_jobs" in options:
        # Other processes have the true clock.
        monkeypatch.undo()
        options = {**options, "max_time": 1e-9}
    model = BilevelRidge(**{"max_time": 4.5, **options})
    with pytest.warns(ConvergenceWarning, match=LIMITED):
        assert_whole(model.fit(X, y), X)


@pytest.mark.parametrize("max_time", [0.5, 60.5, 300.5])
@pytest.mark.parametrize("cls", [BilevelRidge, BilevelLogisticRegression])
def test_splits_within_splits_end_too(cls, max_time, ticks):
    """shrinkage="auto" runs tens of searches before the one that is limited."""
    X, y = data_for(cls)
    model = cls(feature_groups="each", shrinkage="auto", max_time=max_time)
    with pytest.warns(ConvergenceWarning, match=LIMITED):
        assert_whole(model.fit(X, y), X)
    assert ticks.n_read < 1.5 * max_time + 300


def test_selection_ends_too(ticks):
    """The minimum is there, and a stronger penalty is not: nobody would be told."""
    X, y = data_for(MYHPORidge)
    n_read = []
    for selection in ("min", "one_se"):
        before = ticks.n_read
        MYHPORidge(selection=selection, max_time=1e6).fit(X, y)
        n_read.append(ticks.n_read - before)
    assert n_read[0] + 2 < n_read[1]
    with pytest.warns(ConvergenceWarning, match="on the way to the strongest"):
        model = MYHPORidge(selection="one_se", max_time=n_read[0] + 0.5).fit(X, y)
    assert not model.converged_
    assert model.lambda_ == model.lambda_min_
    assert model.certificate_.converged


@pytest.mark.parametrize("method", ["saba", "amigo"])
def test_stochastic_fits_end_within_an_epoch(method, ticks):
    """An epoch over rows beyond memory may take an hour."""
    X, y = data_for(BilevelLogisticRegression, n_samples=200)
    options = {"lambda_init": -1.0, "max_time": 20.5, "random_state": 0}
    model = BilevelLogisticRegression(solver=Stochastic(method), refit=False, **options)
    with pytest.warns(ConvergenceWarning, match=LIMITED):
        assert_whole(model.fit(X, y), X)
    assert np.any(model.coef_)


@pytest.mark.parametrize("cls", [MYHPOAdditiveRegressor, MYHPOAdditiveClassifier])
@pytest.mark.parametrize("max_time", [0.5, 10.5, 40.5])
def test_additive_models_end_in_time(cls, max_time, ticks):
    """Two or three fits would each have the whole time."""
    X, y = data_for(CLASSIFIERS[0] if "Classifier" in cls.__name__ else MYHPORidge)
    model = cls(n_splines=5, cv=3, max_time=max_time, tol=0.0)
    with pytest.warns(ConvergenceWarning, match=rf"{cls.__name__} .*{LIMITED}"):
        model.fit(X, y)
    assert not model.converged_
    assert np.all(np.isfinite(model.predict(X).astype(float)))
    assert ticks.n_read < max_time + 150
    # The linear model inside has a time of its own again.
    assert model.model_._deadline is None


def test_progress_of_a_fit_that_is_cut_short(ticks, capsys):
    """The tasks of callbacks would be out of order, and the printed end be missing."""
    X, y = data_for(BilevelLogisticRegression)
    model = BilevelLogisticRegression(max_time=2.5, verbose=1)
    with pytest.warns(ConvergenceWarning, match=LIMITED):
        model.fit(X, y)
    assert "did not converge after 0 iterations" in capsys.readouterr().out


@pytest.mark.one_in(2)
@pytest.mark.parametrize("options", [{}, {"alpha_per_target": True}])
def test_a_second_look_without_time_leaves_the_first_result(options, ticks):
    """Ill-conditioned rows are solved twice, and no time is worse than digits lost."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4)) @ np.diag([1.0, 1.0, 1e-9, 1e-9])
    X[:, 2:] += X[:, :2]
    y = X @ rng.standard_normal((4, 2)) + 0.1 * rng.standard_normal((60, 2))
    before = ticks.n_read
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = BilevelRidge(max_time=1e6, **options).fit(X, y)
        n_read = ticks.n_read - before
        for max_time in np.linspace(1.5, n_read, 9):
            model = BilevelRidge(max_time=max_time, **options).fit(X, y)
            assert np.all(np.isfinite(model.coef_))
            if model.n_iter_:
                assert np.all(model.validation_loss_ < 2.0 * whole.validation_loss_)
