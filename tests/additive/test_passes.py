"""Likelihoods of columns that are formed by blocks: few passes give the same model."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit

from sklearn_myhpo import MYHPOAdditiveClassifier, MYHPOAdditiveRegressor
from sklearn_myhpo.data.streams.formed import FormedSource
from sklearn_myhpo.engine.limits import use_limits
from tests.helpers import start_from

pandas = pytest.importorskip("pandas")

#: Nothing is kept, and a pass has several blocks.
BLOCKS = {"formed_entries": 1, "block_entries": 2**14}
N = 1500


@pytest.fixture(autouse=True)
def small_sample(monkeypatch):
    """Let fits start from some 300 rows."""
    start_from(monkeypatch, 300, per_weight=1)


@pytest.fixture
def tasks(monkeypatch):
    """Return the names of the passes of fits."""
    found, map_reduce = [], FormedSource.map_reduce

    def watched(self, task, *args):
        found.append(task.__name__)
        return map_reduce(self, task, *args)

    monkeypatch.setattr(FormedSource, "map_reduce", watched)
    return found


def frame():
    """Return numbers, one of them useless and one with gaps, and categories."""
    rng = np.random.default_rng(0)
    X = pandas.DataFrame(
        {
            "age": rng.uniform(size=N),
            "pay": rng.normal(size=N),
            "none": rng.normal(size=N),
            "kind": rng.choice(["a", "b", "c", "d"], N),
        }
    )
    raw = 2.0 * np.sin(6.0 * X["age"]) + 0.7 * X["pay"] + (X["kind"] == "b")
    return X, raw.to_numpy()


def targets():
    """Yield names, estimators, targets and weights."""
    _, raw = frame()
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 3, N).astype(float)
    few = {"n_splines": 7, "tol": 1e-9}
    classes = np.where(rng.uniform(size=N) < 1.0 / (1.0 + np.exp(-raw)), "yes", "no")
    yield "classes", MYHPOAdditiveClassifier(**few), classes, None
    noisy = np.digitize(raw + rng.logistic(size=N), [-0.5, 1.0])
    three = MYHPOAdditiveClassifier(n_splines=5, select=None, tol=1e-9)
    yield "three classes", three, noisy, weight
    free = MYHPOAdditiveClassifier(penalize_linear=False, **few)
    yield "free lines", free, classes, None
    counts = rng.poisson(np.exp(raw / 2))
    yield "poisson", MYHPOAdditiveRegressor(family="poisson", **few), counts, weight
    costs = rng.gamma(2.0, np.exp(raw / 2))
    hold_out = {"cv": 0.3, "random_state": 0}
    gamma = MYHPOAdditiveRegressor(family="gamma", **hold_out, **few)
    yield "gamma", gamma, costs, None
    zeros = np.where(rng.uniform(size=N) < 0.4, 0.0, costs)
    cv = KFold(3, shuffle=True, random_state=0)
    tweedie = MYHPOAdditiveRegressor(family="tweedie", power=1.4, cv=cv, **few)
    yield "tweedie", tweedie, zeros, weight


TARGETS = {name: rest for name, *rest in targets()}


@pytest.mark.one_in(6)
@pytest.mark.parametrize("name", TARGETS)
def test_passes_end_where_the_fit_in_memory_does(name, tasks):
    """Beyond a limit that nobody sees there would be another model."""
    model, y, weight = TARGETS[name]
    X, _ = frame()
    known = facts(model.fit(X, y, weight), X)
    assert not tasks
    with use_limits(**BLOCKS):
        found = facts(model.fit(X, y, weight), X)
    assert "own_of_block" in tasks
    assert found.keys() == known.keys()
    for key, value in known.items():
        assert_allclose(found[key], value, rtol=1e-6, atol=1e-6, err_msg=key)


def facts(model, X):
    """Return lambdas that the data tell well, weights and what else a fit says."""
    predict = getattr(model, "predict_proba", model.predict)
    every = dict(zip(model.group_names_, model.lambda_, strict=True))
    return {
        **{name: value for name, value in every.items() if -10.0 < value < -1.0},
        "weights": model._coef,
        "prediction": predict(X),
        "loss": model.validation_loss_,
        "edof": model.edof_,
        "dropped": len(model.dropped_),
    }


def test_groups_stay_together(tasks):
    """The splitter would not get the groups, or be passed over."""
    X, raw = frame()
    groups = np.random.default_rng(2).integers(0, 40, N)
    y = raw > np.median(raw) + np.random.default_rng(3).logistic(size=N)
    model = MYHPOAdditiveClassifier(n_splines=6, cv=GroupKFold(4), tol=1e-9)
    known = facts(model.fit(X, y, groups=groups), X)
    with use_limits(**BLOCKS):
        found = facts(model.fit(X, y, groups=groups), X)
    assert "own_of_block" in tasks
    for key, value in known.items():
        assert_allclose(found[key], value, rtol=1e-6, atol=1e-6, err_msg=key)


def curves_of_classes(**options):
    """Return rows and predictions of a fit in memory, and of one by blocks."""
    X, raw = frame()
    X, y = X[["age", "pay"]], raw > np.random.default_rng(3).logistic(size=N)
    model = MYHPOAdditiveClassifier(n_splines=5, **options)
    known = model.fit(X, y).predict_proba(X)
    with use_limits(**BLOCKS):
        return known, model.fit(X, y).predict_proba(X)


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    "cv",
    [
        ShuffleSplit(2, test_size=0.3, random_state=0),
        [(np.arange(500), np.arange(500, 900))],
    ],
    ids=["overlapping", "some rows"],
)
def test_any_splits(cv, tasks):
    """Rows would be of other splits than the splitter says."""
    known, found = curves_of_classes(cv=cv)
    assert "own_of_block" in tasks
    assert_allclose(found, known, rtol=1e-5, atol=1e-6)


def test_what_needs_single_rows_is_fitted_without_passes(tasks):
    """Criteria of single rows would be left out of a fit."""
    known, found = curves_of_classes(criterion="alo", max_iter=20)
    assert not tasks
    assert_allclose(found, known, rtol=1e-5, atol=1e-6)


def test_passes_say_where_they_are(capsys):
    """A fit of minutes would look as if it stood still."""
    X, raw = frame()
    y = raw > np.random.default_rng(3).logistic(size=N)
    with use_limits(**BLOCKS):
        MYHPOAdditiveClassifier(n_splines=5, verbose=1).fit(X[["age", "pay"]], y)
    assert f"passes over {N:,} rows" in capsys.readouterr().out
