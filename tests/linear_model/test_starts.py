"""`n_starts`: several runs of the solver, of which the lowest counts."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge, _deadline
from sklearn_myhpo.exceptions import LambdaBoundWarning
from tests.helpers import Ticks, data_for
from tests.linear_model.common import each_estimator


@pytest.fixture
def two_minima():
    """Return rows with one lambda per feature and at least two minima."""
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X)[:, 10:20], y


def fit(X, y, **options):
    """Return a model with one lambda per feature, without its warnings of bounds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        return MYHPOLogisticRegression(feature_groups="each", **options).fit(X, y)


def test_lowest_end_is_kept(two_minima):
    """Further starts would be for nothing."""
    one, many = (fit(*two_minima, n_starts=n, random_state=0) for n in (1, 4))
    assert one.start_losses_ == pytest.approx([one.validation_loss_], rel=1e-9)
    assert many.start_losses_[0] == pytest.approx(one.validation_loss_, rel=1e-9)
    assert many.validation_loss_ == pytest.approx(many.start_losses_.min(), rel=1e-9)
    assert many.validation_loss_ < (1.0 - 5e-4) * one.validation_loss_
    assert many.converged_
    assert np.all(many.history_["lambda"][-1] == many.lambda_)


def test_random_state_decides(two_minima):
    """A fit could not be repeated."""
    one, same, other = (
        fit(*two_minima, n_starts=3, random_state=seed) for seed in (0, 0, 2)
    )
    np.testing.assert_array_equal(one.start_losses_, same.start_losses_)
    np.testing.assert_array_equal(one.coef_, same.coef_)
    assert np.any(one.start_losses_ != other.start_losses_)


@each_estimator
def test_every_estimator_has_starts(cls):
    """Solvers of every kind begin again."""
    X, y = data_for(cls)
    groups = ["a", "a", "b", "b"]
    options = {"feature_groups": groups, "random_state": 0, "max_iter": 5}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = cls(n_starts=3, **options).fit(X, y)
    assert model.start_losses_.shape == (3,)
    lowest = np.min(model.start_losses_)
    assert model.validation_loss_ == pytest.approx(lowest, rel=1e-6)


def test_shrinkage_keeps_the_lambdas_of_every_start_together():
    """The loss of another problem would be compared."""
    X, y = data_for(MYHPORidge)
    model = MYHPORidge(
        feature_groups="each", shrinkage=1e4, n_starts=3, random_state=0
    ).fit(X, y)
    one = MYHPORidge(feature_groups="each", shrinkage=1e4).fit(X, y)
    assert np.ptp(model.lambda_) < 1e-2
    assert model.validation_loss_ == pytest.approx(one.validation_loss_, rel=1e-6)


def test_time_ends_the_starts(two_minima, monkeypatch):
    """A fit with many starts would go on after `max_time`."""
    monkeypatch.setattr(_deadline, "time", SimpleNamespace(monotonic=Ticks()))
    with pytest.warns(ConvergenceWarning, match="of n_starts=9 starts"):
        model = fit(*two_minima, n_starts=9, max_time=1500.0, random_state=0)
    assert 1 <= len(model.start_losses_) < 9
    assert np.all(np.isfinite(model.coef_))
    assert not model.converged_


@pytest.mark.one_in(2)
@pytest.mark.parametrize("verbose", [0, 1])
def test_starts_are_told_of(two_minima, verbose, capsys):
    """A long fit would seem to hang after its first run."""
    fit(*two_minima, n_starts=3, random_state=0, verbose=verbose)
    assert ("starts: 2 further starts" in capsys.readouterr().out) == bool(verbose)
