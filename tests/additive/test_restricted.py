"""Additive regression by restricted likelihood: when, from where, and what stays."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import KFold

from sklearn_myhpo import MYHPOAdditiveRegressor, MYHPORidge
from sklearn_myhpo.additive import _learning
from sklearn_myhpo.additive._evidence import terms_without_effect
from sklearn_myhpo.criteria import GCV
from sklearn_myhpo.exceptions import FlatObjectiveWarning
from sklearn_myhpo.preprocessing import PenalizedSplineTransformer
from tests.additive.test_evidence import evidence_of


def make_rows(n_samples=120, n_features=4, noise=0.3):
    """Two curves, and numbers without effect."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(n_samples, n_features))
    y = np.sin(6.0 * X[:, 0]) + 2.0 * X[:, 1] ** 2
    return X, y + noise * rng.standard_normal(n_samples)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "reml"),
        ({"cv": 3}, "validation"),
        ({"cv": KFold(3)}, "validation"),
        ({"selection": "one_se"}, "validation"),
        ({"shrinkage": "auto"}, "validation"),
        ({"shrinkage": 0.1}, "reml"),
        ({"family": "poisson"}, "validation"),
        ({"criterion": "gcv", "cv": 3}, "gcv"),
        ({"criterion": GCV()}, GCV()),
    ],
    ids=repr,
)
def test_what_auto_is(options, expected):
    """Splits that a user gives would be ignored, or options refused by default."""
    X, y = make_rows(60, 2)
    y = np.round(np.exp(y)) if "family" in options else y
    model = MYHPOAdditiveRegressor(n_splines=5, **options).fit(X, y)
    assert model.model_.criterion == expected
    assert model.criterion == options.get("criterion", "auto")


def test_too_many_columns_are_held_out(monkeypatch):
    """A matrix of thousands of columns would be inverted in every step."""
    X, y = make_rows(60, 2)
    monkeypatch.setattr("sklearn_myhpo.additive.regressor.MOST_WEIGHTS", 10)
    model = MYHPOAdditiveRegressor(n_splines=8).fit(X, y)
    assert model.model_.criterion == "validation"


@pytest.mark.one_in(3)
@pytest.mark.filterwarnings("ignore:MYHPORidge found no minimum")
@pytest.mark.parametrize("noise", [0.01, 0.3, 3.0])
def test_the_start_is_not_the_result(noise):
    """Strengths would stay near those that terms share, or near a guess."""
    X, y = make_rows(noise=noise)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(y))
    model = MYHPOAdditiveRegressor(select=None, n_splines=8, tol=1e-9)
    model.fit(X, y, weight)
    curves = PenalizedSplineTransformer(n_splines=8).fit(X, sample_weight=weight)
    options = {"criterion": "reml", "feature_groups": "transformer", "tol": 1e-9}
    plain = MYHPORidge(**options).fit(curves.transform(X), y, weight)
    # A useless curve may end in one of two minima.
    assert_allclose(model.validation_loss_, plain.validation_loss_, rtol=1e-4)
    assert_allclose(model.predict(X), plain.predict(curves.transform(X)), atol=1e-3)


def test_strengths_of_shared_terms(monkeypatch):
    """Terms would be tested at strengths that a scan would not find."""
    X, y = make_rows()
    found = []
    fit_own = MYHPOAdditiveRegressor._fit_own

    def kept(self, columns, data):
        found.append(_strengths(self.model_))
        return fit_own(self, columns, data)

    monkeypatch.setattr(MYHPOAdditiveRegressor, "_fit_own", kept)
    MYHPOAdditiveRegressor(n_splines=8).fit(X, y)
    curves = PenalizedSplineTransformer(n_splines=8).fit(X)
    kinds = [name.split("_")[1] for name in curves.get_feature_groups_out()]
    columns = np.array(curves.transform(X))
    plain = MYHPORidge(criterion="reml", feature_groups=kinds).fit(columns, y)
    assert found[0] == pytest.approx(_strengths(plain), abs=1e-2)


def _strengths(model):
    """Return the lambda of every group."""
    return dict(zip(model.feature_group_names_, model.lambda_, strict=True))


def test_weak_effects_that_predict_together_stay(monkeypatch):
    """Ten effects of a weak kind would all be gone, and with them what they predict."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 8))
    y = X @ np.full(8, 0.13) + 2.0 * X[:, 0] + rng.normal(size=200)
    model = MYHPOAdditiveRegressor(n_splines=5).fit(X, y)
    assert model.dropped_ == []
    monkeypatch.setattr(_learning, "TOGETHER", 0.0)
    assert len(MYHPOAdditiveRegressor(n_splines=5).fit(X, y).dropped_) > 1


def test_removal_together():
    """One useless term would bring all others back, or none ever."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 16))
    penalty, terms = (
        np.full(16, 1.0),
        {k: np.arange(2 * k, 2 * k + 2) for k in range(8)},
    )
    y = 2.0 * X[:, 0] + 0.12 * X[:, 2:].sum(axis=1) + rng.normal(size=200)
    weak = evidence_of(X, y, penalty)
    alone = terms_without_effect(weak, terms, 0.01)
    assert len(alone) > 2
    together = weak.p_value(np.concatenate([terms[k] for k in alone]))
    assert terms_without_effect(weak, terms, 0.01, 1.01 * together) == []
    assert terms_without_effect(weak, terms, 0.01, 0.99 * together) == alone
    two = {0: terms[0], 1: terms[1]}
    one = terms_without_effect(weak, two, 0.9 * weak.p_value(terms[1]))
    assert terms_without_effect(weak, two, 0.9 * weak.p_value(terms[1]), 1.0) == one


@pytest.mark.parametrize("value", [0.0, 1e9 + 0.1])
def test_a_constant_target_has_no_curve(value):
    """Curves of a constant would get degrees of freedom of a first guess, unseen."""
    X, _ = make_rows(40, 2)
    with pytest.warns(FlatObjectiveWarning, match="flat objective") as caught:
        model = MYHPOAdditiveRegressor().fit(X, np.full(40, value))
    assert len(caught) == 1
    assert_allclose(model.predict(X), value, rtol=1e-12)
    assert_allclose(model.edof_, 0.0, atol=1e-6)
