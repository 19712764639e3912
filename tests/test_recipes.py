"""Each recipe of the guide has the effect that it promises."""

import contextlib
import io
import re
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import issparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, log_loss, recall_score
from sklearn.model_selection import GroupKFold, KFold, TimeSeriesSplit
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_myhpo import GroupedColumnTransformer, MYHPORidge

from .test_documentation import ROOT, run_page

FIRST_PAGE = "doc/get_started.rst"
#: What a block prints, as the page shows it.
SHOWN = re.compile(r"\.\. code-block:: none\n\n((?:   .*\n|\n)+)")
NUMBER = re.compile(r"(-?\b\d+\.?\d*(?:e[-+]\d+)?)")


#: The snippets of the page take seconds.
long_page = pytest.mark.slow


@pytest.fixture(scope="module")
def recipes(tmp_path_factory):
    """The names of the page after its snippets, and the folder in which they ran."""
    folder = tmp_path_factory.mktemp("recipes")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        # Deprecations differ between the versions of pandas that a reader may have.
        warnings.simplefilter("error", UserWarning)
        return run_page("doc/user_guide/recipes.rst", folder, patch), folder


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """The names of the page to get started after its snippets, and what they print."""
    pytest.importorskip("matplotlib", reason="the page draws")
    folder = tmp_path_factory.mktemp("started")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.redirect_stdout(printed):
            names = run_page(FIRST_PAGE, folder, patch)
    return names, printed.getvalue()


def held_out_loss(X, y, splits, lambda_):
    """Half the mean squared error of held-out rows, X scaled within training parts."""
    errors = []
    for train, test in splits:
        scaler = StandardScaler().fit(X[train])
        ridge = Ridge(2 * len(train) * np.exp(lambda_))
        ridge.fit(scaler.transform(X[train]), y[train])
        errors.append(y[test] - ridge.predict(scaler.transform(X[test])))
    return np.mean(np.concatenate(errors) ** 2) / 2


@long_page
def test_no_column_per_day(recipes):
    """A date would become a column per day, or be dropped without a word."""
    names, _ = recipes
    expected = ["number__price"]
    expected += [f"category__shop_{shop}" for shop in ("Bonn", "Graz")]
    expected += [f"category__open_late_{late}" for late in (False, True)]
    assert names["names"].tolist() == expected
    assert names["left_out"].tolist() == ["day"]


@long_page
def test_dates(recipes):
    """The parts of a date would be wrong, nameless, or not cyclic."""
    names, _ = recipes
    X, model = names["X"], names["model"]
    parts = names["date_parts"](X[["day"]])
    assert_array_equal(parts["day_year"], [day.year for day in X["day"]])
    assert_array_equal(parts["day_weekday"], [day.weekday() for day in X["day"]])
    waves = parts[["day_sin", "day_cos"]].to_numpy()
    last = X["day"].searchsorted(pd.Timestamp("2024-12-31"))
    turn_of_the_year = np.linalg.norm(waves[last + 2] - waves[last])
    assert turn_of_the_year < 2 * np.linalg.norm(waves[102] - waves[100])
    out = model[0].get_feature_names_out()
    assert len(out) == 5 + 7 + 3
    assert len(set(out)) == len(model[-1].coef_)
    # Of the two waves only the first is in the data, with an amplitude of one.
    weights = dict(zip(out, model[-1].coef_, strict=True))
    sine = weights["date__other__day_sin"] / parts["day_sin"].std(ddof=0)
    assert_allclose(sine, 1, atol=0.1)
    assert abs(weights["date__other__day_cos"]) < 0.05
    # An unknown day, of a year that fit has not seen, is predicted too.
    new = X.iloc[:1].assign(day=pd.Timestamp("2031-07-05"))
    assert np.isfinite(model.predict(new)).all()


@long_page
def test_skewed_targets(recipes):
    """The penalty would be learned on y, or predictions be logarithms."""
    names, _ = recipes
    X, y, skewed, model = (names[name] for name in ("X", "y", "skewed", "model"))
    assert skewed.regressor_[-1].alpha_ == model[-1].alpha_
    assert_allclose(skewed.predict(X), np.exp(model.predict(X)))
    raw = np.abs(
        names["make_pipeline"](names["columns"], MYHPORidge()).fit(X, y).predict(X) - y
    )
    assert np.median(np.abs(skewed.predict(X) - y)) < np.median(raw)


@long_page
def test_imbalanced_classes(recipes):
    """`class_weight` would not be the sample weights, or not find the rare class."""
    names, _ = recipes
    Z, label, balanced = (names[n] for n in ("Z_train", "label_train", "balanced"))
    Z_test, label_test = names["Z_test"], names["label_test"]
    weight = compute_sample_weight("balanced", label)
    # Scaled by the weighted rows, as `standardize` does.
    mean = np.average(Z, axis=0, weights=weight)
    scale = np.sqrt(np.average((Z - mean) ** 2, axis=0, weights=weight))
    oracle = LogisticRegression(C=balanced.C_, solver="newton-cholesky", tol=1e-10)
    oracle.fit((Z - mean) / scale, label, sample_weight=weight)
    assert_allclose(balanced.coef_, oracle.coef_ / scale, rtol=1e-5, atol=1e-7)
    recall = recall_score(label_test, balanced.predict(Z_test))
    assert recall > 1.5 * recall_score(label_test, names["plain"].predict(Z_test))
    assert balanced.predict_proba(Z)[:, 1].mean() > 4 * label.mean()


@long_page
def test_thresholds(recipes):
    """The threshold would not be used, or be worse than 0.5."""
    names, _ = recipes
    Z, label, tuned = names["Z_test"], names["label_test"], names["tuned"]
    decision = names["plain"].decision_function(Z)
    beyond = expit(decision) >= tuned.best_threshold_
    assert_array_equal(tuned.predict(Z), beyond)
    assert f1_score(label, beyond) > f1_score(label, decision > 0)


@long_page
def test_calibration(recipes):
    """Probabilities would not be those of the data."""
    names, _ = recipes
    Z, label = names["Z_train"], names["label_train"]
    share = label.mean()
    assert_allclose(names["plain"].predict_proba(Z)[:, 1].mean(), share, rtol=1e-8)
    new, truth = names["Z_test"], names["label_test"]
    base = log_loss(truth, np.full(len(truth), share))
    for model in (names["ridge"], names["again"]):
        assert_allclose(model.predict_proba(Z)[:, 1].mean(), share, rtol=0.05)
        assert log_loss(truth, model.predict_proba(new)) < base
    weighted = log_loss(truth, names["balanced"].predict_proba(new))
    assert log_loss(truth, names["again"].predict_proba(new)) < weighted / 2


@long_page
def test_time_series(recipes):
    """Later rows would have a part in the scale, the weights or the penalty."""
    names, _ = recipes
    X, y = names["lags"].to_numpy(), names["total"].to_numpy()
    series = names["series"]
    splits = list(TimeSeriesSplit(5, gap=6).split(X))
    assert all(train.max() + 6 < test.min() for train, test in splits)
    assert_array_equal(series.cv_rows_, np.concatenate([test for _, test in splits]))
    loss = held_out_loss(X, y, splits, series.lambda_)
    assert_allclose(series.validation_loss_, loss, rtol=1e-8)
    for step in (-0.5, 0.5):
        assert held_out_loss(X, y, splits, series.lambda_ + step) > loss
    assert len(X) == names["X"]["day"].nunique() - 21
    assert np.isfinite(X).all()


@long_page
def test_groups_of_rows(recipes):
    """Rows of a patient would be on both sides, and the penalty too weak."""
    names, _ = recipes
    X = names["pipe"][0].transform(names["blood"])
    y, patient, model = names["level"], names["patient"], names["pipe"][-1]
    splits = list(GroupKFold(5).split(X, y, patient))
    errors = []
    for train, test in splits:
        assert not set(patient[train]) & set(patient[test])
        ridge = Ridge(2 * len(train) * np.exp(model.lambda_)).fit(X[train], y[train])
        errors.append((y[test] - ridge.predict(X[test])) ** 2)
    expected = np.mean(np.concatenate(errors)) / 2
    assert_allclose(model.validation_loss_, expected, rtol=1e-8)
    mixed = MYHPORidge(cv=KFold(5, shuffle=True, random_state=0)).fit(X, y)
    assert mixed.alpha_ < model.alpha_ / 2
    assert mixed.validation_loss_ < model.validation_loss_ / 2
    assert names["nested"]["test_score"].shape == (4,)


@long_page
def test_saving_and_loading(recipes):
    """A file would not predict the same, also in another process."""
    names, folder = recipes
    X, pipe = names["blood"], names["pipe"]
    expected = pipe.predict(X)
    assert_array_equal(names["loaded"].predict(X), expected)
    assert_array_equal(
        names["loaded"][-1].history_["lambda"], pipe[-1].history_["lambda"]
    )
    assert_array_equal(joblib.load(folder / "portable.joblib").predict(X), expected)
    np.save(folder / "X.npy", X)
    np.save(folder / "expected.npy", expected)
    code = (
        "import sys, joblib, numpy as np;"
        "model = joblib.load('portable.joblib');"
        "np.testing.assert_array_equal("
        "model.predict(np.load('X.npy')), np.load('expected.npy'));"
        "sys.exit('sklearn_myhpo' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)


@long_page
def test_skops_trusts_what_is_handed_over(recipes):
    """The guide would promise a file without types to trust."""
    skops = pytest.importorskip("skops.io", reason="the test stores with skops")
    names, _ = recipes
    stored = skops.dumps(names["portable"])
    assert skops.get_untrusted_types(data=stored) == []
    loaded = skops.loads(stored)
    X = names["blood"]
    assert_array_equal(loaded.predict(X), names["pipe"].predict(X))


def test_table_of_the_first_page(started):
    """The recipe that everybody copies would encode every day as a category."""
    names, _ = started
    columns, X = clone(names["columns"]), names["X_train"]
    assert isinstance(columns, GroupedColumnTransformer)
    days = pd.date_range("2024-01-01", periods=len(X))
    categories = pd.Categorical(np.where(np.arange(len(X)) % 2, "a", "b"))
    frame = X.assign(day=days, kind=categories)
    values = columns.fit_transform(frame)
    assert np.isfinite(values.data if issparse(values) else values).all()
    out = columns.get_feature_names_out().tolist()
    n_numbers = X.select_dtypes("number").shape[1]
    n_districts, n_months = X["district"].nunique(), X["month"].nunique()
    assert len(out) == n_numbers + n_districts + n_months + 2 + 2
    assert not [name for name in out if name.endswith("day")]
    # Text may be an object, too, as before pandas 3.
    columns.fit(frame.astype({"district": object}))
    assert columns.get_feature_names_out().tolist() == out


def test_outputs_of_the_first_page(started):
    """A reader who copies a block would get something else than the page shows."""
    _, printed = started
    blocks = SHOWN.findall((ROOT / FIRST_PAGE).read_text(encoding="utf-8"))
    assert len(blocks) >= 7
    # Which split has the largest rounding differs between machines.
    texts = (
        re.sub(r"split \d+ of", "split of", one) for one in ("".join(blocks), printed)
    )
    shown, found = map(NUMBER.split, texts)
    words, numbers = shown[::2], shown[1::2]
    assert "".join(words).split() == "".join(found[::2]).split()
    # Numbers with an exponent are rounding, which differs between machines.
    pairs = [
        (float(a), float(b))
        for a, b in zip(numbers, found[1::2], strict=True)
        if "e" not in a
    ]
    assert len(pairs) > 30
    expected, actual = np.transpose(pairs)
    assert_allclose(actual, expected, rtol=0.02, atol=0.011)


def test_saved_model_of_the_first_page(started):
    """The file would predict something else than the model that was saved."""
    names, _ = started
    X = names["X_test"].drop(columns="rent")
    expected = np.exp(names["model"].regressor_.predict(X))
    assert_allclose(names["loaded"].predict(X), expected)
