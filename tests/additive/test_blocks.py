"""Additive models of more rows than the columns of their curves fit in memory."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_myhpo import MYHPOAdditiveClassifier, MYHPOAdditiveRegressor
from sklearn_myhpo.additive import _columns
from sklearn_myhpo.data.formed import FormedDesign
from sklearn_myhpo.engine.limits import use_limits
from tests.additive.test_additive import HOURS, make_frame

pandas = pytest.importorskip("pandas")

#: A few rows at a time, and nothing kept.
BLOCKS = {"formed_entries": 1, "block_entries": 4000}
NUMBERS = ["age", "pay", "none"]


def frame():
    """Return numbers and categories, with weights."""
    X, y = make_frame(400)
    weight = np.random.default_rng(1).integers(0, 3, 400).astype(float)
    return X, y, weight


def many_categories():
    """Return mostly categories, whose columns are sparse."""
    rng = np.random.default_rng(0)
    customer, place = rng.integers(0, 60, 400), rng.integers(0, 8, 400)
    X = pandas.DataFrame(
        {
            "customer": np.char.mod("c%d", customer),
            "place": np.char.mod("p%d", place),
            "age": rng.uniform(size=400),
        }
    )
    y = (customer % 3) + rng.normal(size=8)[place] + np.sin(6.0 * X["age"])
    return X, y + rng.normal(size=400)


def missing():
    """Return numbers, some of them missing."""
    X, y, _ = frame()
    X = X[NUMBERS].copy()
    X.loc[::6, "age"] = np.nan
    return X, y


def fits():
    """Yield names, estimators and the arguments of their fit."""
    X, y, weight = frame()
    numbers, high = X[NUMBERS].to_numpy(), y > np.median(y)
    everything = {"cyclic": HOURS, "pairs": [("age", "pay")], "tol": 1e-9}
    yield "all terms", MYHPOAdditiveRegressor(**everything), (X, y)
    few = {"n_splines": 8}
    yield "gcv", MYHPOAdditiveRegressor(criterion="gcv", **few), (numbers, y)
    single = numbers.astype(np.float32)
    yield "single", MYHPOAdditiveRegressor(**few), (single, y)
    hold_out = {"cv": 0.3, "random_state": 0, **few}
    yield "weights", MYHPOAdditiveRegressor(**hold_out), (X, y, weight)
    poisson = MYHPOAdditiveRegressor(family="poisson", **few)
    yield "poisson", poisson, (X, np.exp(y / 4), weight)
    empty = MYHPOAdditiveRegressor(missing="indicator", select=None, **few)
    yield "missing", empty, missing()
    sparse = MYHPOAdditiveRegressor(tol=1e-10, **few)
    yield "sparse", sparse, many_categories()
    yield "classes", MYHPOAdditiveClassifier(**few), (X, high)
    classes = MYHPOAdditiveClassifier(max_iter=30, n_splines=5)
    yield "three classes", classes, (X[["age", "kind"]], np.digitize(y, [0, 1.5]))


FITS = {name: rest for name, *rest in fits()}


@pytest.mark.one_in(9)
@pytest.mark.parametrize("name", FITS)
def test_blocks_are_the_same_model(name, monkeypatch):
    """Beyond a limit that nobody sees other numbers would come out."""
    model, (X, y, *weight) = FITS[name]
    model.fit(X, y, *weight)
    known = facts(model, X, y)
    formed, take = [], FormedDesign.take
    monkeypatch.setattr(
        FormedDesign, "take", lambda self, i: formed.append(i) or take(self, i)
    )
    with use_limits(**BLOCKS):
        model.fit(X, y, *weight)
        found = facts(model, X, y)
    assert formed
    assert found.keys() == known.keys()
    for key, value in known.items():
        scale = np.max(np.abs(value), initial=1e-3)
        rtol = 1e-8 if np.asarray(value).dtype == np.float64 else 1e-6
        assert_allclose(found[key], value, rtol=rtol, atol=rtol * scale, err_msg=key)


def facts(model, X, y):
    """Return everything that a fit says, by name."""
    method = "predict_proba" if hasattr(model, "classes_") else "predict"
    found = {
        "prediction": getattr(model, method)(X),
        "score": model.score(X, y),
        "edof": model.edof_,
        "loss": model.validation_loss_,
        "n_dropped": len(model.dropped_),
    }
    for term, effect in model.partial_effects(n_points=20).items():
        found[f"effect of {term}"] = effect.effect
        found[f"error of {term}"] = effect.standard_error
    for name, column in model.summary().columns.items():
        if name.startswith(("edof", "variance")):
            found[name] = column
    return found


@pytest.mark.one_in(2)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", [MYHPOAdditiveRegressor, MYHPOAdditiveClassifier])
def test_columns_of_few_rows_are_in_memory(cls, monkeypatch):
    """Rows that fit in memory would not do so with twenty columns for each number."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(12_000, 2))
    y = np.sin(6.0 * X[:, 0]) + X[:, 1] + rng.normal(size=len(X))
    if cls is MYHPOAdditiveClassifier:
        y = y > 0.5
    formed, form = [], _columns.Columns._form

    def watched(self, index):
        rows = form(self, index)
        formed.append(len(rows))
        return rows

    monkeypatch.setattr(_columns.Columns, "_form", watched)
    samples = {"optimism_rows": 2**10, "summary_rows": 2**10}
    with use_limits(formed_entries=1, block_entries=2**14, **samples):
        cls(n_splines=8, cv=2, max_iter=2).fit(X, y)
    assert sum(formed) > len(X)
    # The scan looks at a sample.
    assert max(formed) < len(X) / 5


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cls", [MYHPOAdditiveRegressor, MYHPOAdditiveClassifier])
def test_predictions_of_few_rows_are_in_memory(cls, monkeypatch):
    """A model that was fitted to many rows could not predict them."""
    X, y, _ = frame()
    model = cls(n_splines=8).fit(X[NUMBERS], y > 1)
    expected, formed = model.predict(X[NUMBERS]), []
    form = model._terms.form
    monkeypatch.setattr(
        model._terms, "form", lambda *given: formed.append(given[0]) or form(*given)
    )
    with use_limits(block_entries=500):
        assert_allclose(model.predict(X[NUMBERS]), expected)
    assert max(rows.n_samples for rows in formed) <= 500 / model._terms.n_columns


def test_columns_are_kept_below_the_limit():
    """Small fits would form their columns again for every pass."""
    X, y, _ = frame()
    model = MYHPOAdditiveRegressor(n_splines=8).fit(X, y)
    rows = model._terms.read(X, model)
    columns = _columns.Columns(model._terms, rows)
    assert isinstance(columns.X, np.ndarray)
    few = columns.of(model._kept)
    assert_array_equal(few.X, columns.X[:, model._kept])
    with use_limits(formed_entries=few.X.size - 1):
        formed = _columns.Columns(model._terms, rows)
        fewer = formed.of(model._kept)
    assert_array_equal(formed.X.take(slice(None)).raw(), columns.X)
    assert_array_equal(fewer.X.take(np.array([2, 5])).raw(), few.X[[2, 5]])
