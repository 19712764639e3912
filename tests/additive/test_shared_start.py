"""Strengths that terms share, where one per term would not help on new rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    MYHPOAdditiveClassifier,
    MYHPOAdditiveRegressor,
    MYHPOLogisticRegression,
)
from sklearn_myhpo.additive import _shared_start

pandas = pytest.importorskip("pandas")


@pytest.fixture
def always_shared(monkeypatch):
    """No model with a strength per term is better."""
    monkeypatch.setattr(
        _shared_start.SharedStartMixin, "_is_better", lambda *models: False
    )


def make_frame(n_samples=300):
    """Return two numbers and a category, and two classes that they tell of."""
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "age": rng.uniform(size=n_samples),
            "pay": rng.normal(size=n_samples),
            "kind": rng.choice(["a", "b", "c"], n_samples),
        }
    )
    odds = 3.0 * np.sin(6.0 * frame["age"]) + frame["pay"] + (frame["kind"] == "b")
    return frame, rng.uniform(size=n_samples) < 1.0 / (1.0 + np.exp(-odds))


@pytest.mark.slow
def test_nearly_separable_classes():
    """Held-out rows would be fitted by dozens of strengths, and new ones not."""
    X, y = load_breast_cancer(return_X_y=True)
    found = []
    for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(X, y):
        lines = make_pipeline(StandardScaler(), MYHPOLogisticRegression())
        curves = MYHPOAdditiveClassifier()
        for model in (lines, curves):
            model.fit(X[train], y[train])
            found.append(log_loss(y[test], model.predict_proba(X[test])))
        assert curves.n_iter_ < 50
    assert np.mean(found[1::2]) < 1.2 * np.mean(found[::2])


@pytest.mark.one_in(2)
@pytest.mark.usefixtures("always_shared")
@pytest.mark.parametrize("penalize_linear", [True, False])
def test_weights_are_those_of_the_strengths(penalize_linear):
    """`C_` and `lambda_` would not be those of the groups that they stand beside."""
    X, y = make_frame()
    options = {"penalize_linear": penalize_linear, "select": None}
    model = MYHPOAdditiveClassifier(n_splines=8, **options).fit(X, y)
    rows = model._terms.read(X, model)
    columns, strength = model._terms.form(rows, model._kept), {}
    labels = model._terms.labels()
    for name, C, lambda_ in zip(
        model.group_names_, model.C_, model.lambda_, strict=True
    ):
        strength[name] = C
        assert_allclose(C, 1.0 / (2 * len(y) * np.exp(lambda_)))
    if penalize_linear:
        assert_array_equal(
            model.group_names_,
            ["age_linear", "age_smooth", "pay_linear", "pay_smooth", "kind"],
        )
        assert strength["age_linear"] == strength["pay_linear"]
    else:
        assert_array_equal(model.group_names_, ["age_smooth", "pay_smooth", "kind"])
    assert strength["age_smooth"] == strength["pay_smooth"]
    # A C of 1e9 is as good as no penalty.
    root = np.sqrt([strength.get(label, 1e9) for label in labels])
    plain = LogisticRegression(tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    plain.fit(np.asarray(columns) * root, y)
    assert_allclose(plain.coef_[0] * root, model.model_.coef_[0], atol=1e-4)
    assert not model.dropped_
    assert_allclose(
        model.summary().effective_dof, model.model_.summary().effective_dof, rtol=1e-6
    )


@pytest.mark.one_in(2)
@pytest.mark.usefixtures("always_shared")
@pytest.mark.parametrize("cls", [MYHPOAdditiveRegressor, MYHPOAdditiveClassifier])
def test_terms_of_regressors_are_removed_where_strengths_stay_shared(cls):
    """A useless feature would keep one or two degrees of freedom."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(600, 5))
    y = 2.0 * np.sin(6.0 * X[:, 0]) + 3.0 * X[:, 1] + rng.normal(size=600)
    model = cls(n_splines=10, cv=5).fit(X, y > 1.5)
    if cls is MYHPOAdditiveClassifier:
        # Nearly separable classes may make all terms look useless.
        assert model.dropped_ == []
        return
    assert {"x2", "x3", "x4"} >= set(model.dropped_) != set()
    assert_array_equal(model.edof_[[0, 1]] > 0.5, True)
    assert np.sum(model.edof_[2:] < 0.5) >= 2
    strengths = dict(zip(model.group_names_, model.lambda_, strict=True))
    assert strengths["x0_smooth"] == strengths["x1_smooth"]
    kept = model._kept
    rows = model._terms.form(model._terms.read(X, model), kept)
    assert rows.shape[1] == model.model_.n_features_in_ < len(kept)


@pytest.mark.usefixtures("always_shared")
def test_terms_stay_where_their_loss_would_be_felt(monkeypatch):
    """A statistic that is wrong would take away what predicts."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(300, 2))
    y = np.sin(6.0 * X[:, 0]) + X[:, 1]
    monkeypatch.setattr(
        MYHPOAdditiveRegressor, "_names_without_effect", lambda self, weight: ["x0"]
    )
    model = MYHPOAdditiveRegressor(n_splines=8).fit(X, y)
    assert model.dropped_ == []
    assert model.score(X, y) > 0.99


def test_one_strength_per_term_where_it_helps():
    """A straight term would be as rough as one with turns."""
    rng = np.random.default_rng(1)
    X = rng.uniform(size=(1500, 6))
    odds = 3.0 * np.sin(12.0 * X[:, 0]) + 4.0 * (X[:, 1] - 0.5)
    y = rng.uniform(size=len(X)) < 1.0 / (1.0 + np.exp(-odds))
    model = MYHPOAdditiveClassifier().fit(X, y)
    lambda_ = dict(zip(model.group_names_, model.lambda_, strict=True))
    assert lambda_["x1_smooth"] > lambda_["x0_smooth"] + 3.0
    assert len(model.dropped_) >= 3
    assert not {"x0", "x1"} & set(model.dropped_)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("option", ["alo", "iterator", "weights", "none"])
def test_options(n_classes, option):
    """A fit would fail, or leave a term without strength."""
    X, _ = make_frame()
    y = np.digitize(X["age"] + 0.3 * X["pay"], [0.4, 0.8][: n_classes - 1])
    folds = [(np.arange(k % 2, 300, 2), np.arange(1 - k, 300, 2)) for k in range(2)]
    options = {
        "alo": {"criterion": "alo"},
        "iterator": {"cv": iter(folds)},
        "weights": {},
        "none": {"select": None},
    }[option]
    weight = np.repeat([1.0, 2.0], 150) if option == "weights" else None
    model = MYHPOAdditiveClassifier(n_splines=6, max_iter=20, **options)
    model.fit(X, y, weight)
    assert len(model.lambda_) == len(model.group_names_) == len(model.C_)
    n_left = len(model.term_names_) - len(model.dropped_)
    assert n_left == len({name.rsplit("_", 1)[0] for name in model.group_names_})
    assert np.isfinite(model.predict_proba(X)).all()
