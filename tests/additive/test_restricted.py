"""Additive regression by restricted likelihood: when, from where, and what stays."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import KFold

from sklearn_myhpo import MYHPOAdditiveRegressor, MYHPORidge
from sklearn_myhpo.additive import _restricted
from sklearn_myhpo.additive._evidence import Evidence
from sklearn_myhpo.criteria import GCV
from sklearn_myhpo.exceptions import FlatObjectiveWarning
from sklearn_myhpo.preprocessing import PenalizedSplineTransformer


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
    groups = [
        "linear" if name.endswith("linear") else name
        for name in curves.get_feature_groups_out()
    ]
    plain = MYHPORidge(criterion="reml", feature_groups=groups, tol=1e-9)
    plain.fit(np.array(curves.transform(X)), y, weight)
    # A useless curve may end in one of two minima.
    assert_allclose(model.validation_loss_, plain.validation_loss_, rtol=1e-4)
    assert_allclose(model.predict(X), plain.predict(curves.transform(X)), atol=1e-3)


def _strengths(model):
    """Return the lambda of every group."""
    return dict(zip(model.group_names_, model.lambda_, strict=True))


@pytest.mark.parametrize("name", ["linear", "kind"])
def test_lines_share_a_strength(name):
    """Each would be shrunk for itself, and categories of that name with them."""
    pandas = pytest.importorskip("pandas")
    X, y = make_rows()
    kind = np.random.default_rng(1).integers(0, 4, len(y))
    frame = pandas.DataFrame({"one": X[:, 0], "two": X[:, 1], name: kind})
    frame[name] = frame[name].astype("category")
    model = MYHPOAdditiveRegressor(n_splines=8, select=None).fit(frame, y + 0.2 * kind)
    found = _strengths(model)
    assert found["one_linear"] == found["two_linear"]
    assert len(set(found.values())) == 4


def test_weak_effects_are_held_not_removed():
    """Effects of about their standard error would be gone, and what they predict."""
    errors = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(1200, 8))
        signal = X @ np.full(8, 0.13) + 2.0 * X[:, 0]
        rows = slice(0, 200)
        y = signal[rows] + rng.normal(size=200)
        models = [
            MYHPOAdditiveRegressor(n_splines=5, select=select).fit(X[rows], y)
            for select in ("auto", 0.01)
        ]
        errors.append([np.mean((m.predict(X) - signal) ** 2) for m in models])
        held = models[0].edof_ < 0.5
        assert len(models[0].dropped_) < len(models[1].dropped_) or not held.any()
    soft, hard = np.mean(errors, axis=0)
    assert soft < 0.8 * hard


@pytest.mark.parametrize("n_samples", [100, 400])
def test_features_without_effect_have_less_than_half_a_degree(n_samples):
    """A table would show effects of noise, and bands of terms without any."""
    few = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = rng.uniform(size=(n_samples, 6))
        y = np.sin(6.0 * X[:, 0]) + 2.0 * X[:, 1] + 0.5 * rng.normal(size=n_samples)
        model = MYHPOAdditiveRegressor(n_splines=8).fit(X, y)
        assert not {"x0", "x1"} & set(model.dropped_)
        few.extend(model.edof_[2:] < 0.5)
        free = MYHPOAdditiveRegressor(n_splines=8, select=None).fit(X, y)
        assert np.all(free.edof_[2:] > 0.5)
    assert np.mean(few) > 0.85


@pytest.mark.parametrize("n_copies", [2, 4])
@pytest.mark.parametrize("n_samples", [100, 400])
def test_terms_that_are_alike_are_held_together(n_samples, n_copies, monkeypatch):
    """Each would take the freedom that the others lose, and end above a half."""
    monkeypatch.setattr(Evidence, "p_value", lambda *args: 0.5)
    rng = np.random.default_rng(0)
    common = rng.normal(size=(n_samples, 1))
    X = common + 0.4 * rng.normal(size=(n_samples, n_copies))
    y = 4.0 / np.sqrt(n_samples) * common[:, 0] + rng.normal(size=n_samples)
    model = MYHPOAdditiveRegressor(n_splines=6).fit(X, y)
    assert np.all(model.edof_ > 0.45)
    assert np.all(model.edof_ < 0.5)


@pytest.mark.parametrize("n_features", [4, 12])
def test_features_that_show_only_noise_together_lose_their_freedom(n_features):
    """Dozens of halves of a degree of freedom would be spent on noise."""
    dropped, freedom = 0, []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = rng.uniform(size=(200, n_features))
        y = np.sin(6.0 * X[:, 0]) + 0.5 * rng.normal(size=200)
        model = MYHPOAdditiveRegressor(n_splines=6).fit(X, y)
        assert "x0" not in model.dropped_
        dropped += len(model.dropped_) > n_features // 2
        freedom.extend(model.edof_[1:])
    assert dropped >= 1
    assert np.median(freedom) < 0.35


@pytest.mark.parametrize("seed", range(3))
def test_a_model_of_noise_keeps_a_term(seed):
    """A model without any column would have nothing to fit."""
    rng = np.random.default_rng(seed)
    X, y = rng.uniform(size=(100, 3)), rng.normal(size=100)
    model = MYHPOAdditiveRegressor(n_splines=5).fit(X, y)
    assert len(model.dropped_) < 3
    assert np.all(np.isfinite(model.predict(X)))


def test_terms_stay_where_their_loss_would_be_felt(monkeypatch):
    """A statistic that is wrong would take away what predicts."""
    X, y = make_rows()
    monkeypatch.setattr(
        _restricted, "terms_without_effect", lambda *args: ["x0", "x1", "x2"]
    )
    model = MYHPOAdditiveRegressor(n_splines=8, select=0.01).fit(X, y)
    assert model.dropped_ == []
    assert model.score(X, y) > 0.8


@pytest.mark.parametrize("freedom", [0.01, 0.3, 0.48])
def test_held_penalties(freedom):
    """A term would have more than its freedom, or one with less would lose some."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 9)) + 2.0 * rng.normal(size=(50, 1))
    rows[:, 8] *= 1e-4
    gram = rows.T @ rows
    parts = [np.array([0]), np.arange(1, 4), np.arange(4, 8), np.array([8])]
    terms = ["one", "one", "two", "small"]
    given = np.repeat([1.0, 3.0, 5.0, 1.0], [1, 3, 4, 1])
    precision = gram + np.diag(given)
    penalty = _restricted.held_penalties(precision, given, parts, terms, freedom)
    own = np.diag(np.linalg.solve(gram + np.diag(penalty), gram))
    assert_allclose([own[:4].sum(), own[4:8].sum()], freedom, rtol=0.011)
    assert penalty[8] == given[8]
    assert np.all(penalty >= given)


@pytest.mark.parametrize("spread", [1.0, 1e3, 1e6])
@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_held_penalties_of_columns_of_all_sizes(spread, order):
    """The search would end too early where some columns are far larger than others."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(60, 10)) * np.geomspace(1.0, spread, 10)[order]
    gram, given = rows.T @ rows, np.full(10, 1e-3)
    parts, terms = [np.arange(4), np.arange(4, 7), np.arange(7, 10)], ["a", "b", "b"]
    precision = gram + np.diag(given)
    penalty = _restricted.held_penalties(precision, given, parts, terms, 0.48)
    own = np.diag(np.linalg.solve(gram + np.diag(penalty), gram))
    assert_allclose([own[:4].sum(), own[4:].sum()], 0.48, rtol=0.011)
    assert [len(set(penalty[place])) for place in parts] == [1, 1, 1]


@pytest.mark.parametrize("noise", [0.3, 1.0])
@pytest.mark.parametrize("n_useless", [4, 12])
def test_lines_that_stay_free_start_near_their_strength(n_useless, noise, monkeypatch):
    """Steps of the second fit would be rejected, or lead to another minimum."""
    starts, make = [], MYHPOAdditiveRegressor._make_linear_model

    def kept(self, *args, **options):
        starts.append(options["lambda_init"])
        return make(self, *args, **options)

    monkeypatch.setattr(MYHPOAdditiveRegressor, "_make_linear_model", kept)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4 + n_useless))
    y = X[:, :4].sum(axis=1) + noise * rng.normal(size=300)
    model = MYHPOAdditiveRegressor(n_splines=5).fit(X, y)
    assert np.all(model.edof_[:4] > 0.5)
    assert np.sum(model.edof_[4:] < 0.5) > n_useless // 2
    found = _strengths(model)["x0_linear"]
    assert found < -5.0
    assert_allclose(starts[1]["linear"], found, atol=0.1)


@pytest.mark.parametrize("value", [0.0, 1e9 + 0.1])
def test_a_constant_target_has_no_curve(value):
    """Curves of a constant would get degrees of freedom of a first guess, unseen."""
    X, _ = make_rows(40, 2)
    with pytest.warns(FlatObjectiveWarning, match="flat objective") as caught:
        model = MYHPOAdditiveRegressor().fit(X, np.full(40, value))
    assert len(caught) == 1
    assert_allclose(model.predict(X), value, rtol=1e-12)
    assert_allclose(model.edof_, 0.0, atol=1e-6)
