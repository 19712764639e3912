"""Additive models: what they learn, and what they say of it."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_myhpo import (
    BilevelRidge,
    MYHPOAdditiveClassifier,
    MYHPOAdditiveRegressor,
    MYHPORidge,
)
from sklearn_myhpo.additive import _shared_start, _terms
from sklearn_myhpo.additive._base import AdditiveModel
from sklearn_myhpo.data import Batches
from sklearn_myhpo.exceptions import FlatObjectiveWarning
from sklearn_myhpo.preprocessing import PenalizedSplineTransformer

pandas = pytest.importorskip("pandas")

HOURS = {"hour": (0, 24)}
#: Of the kinds, from "a" on.
EFFECTS = (0.4, -0.3, 0.0, 0.1, -0.5, 0.3, 0.0, 0.2)


def make_frame(n=300, seed=0, noise=0.3):
    """Two numbers with effects, one without, hours, and two categories."""
    rng = np.random.default_rng(seed)
    frame = pandas.DataFrame(
        {
            "age": rng.uniform(20, 80, n),
            "pay": rng.lognormal(0, 0.5, n),
            "none": rng.normal(size=n),
            "hour": rng.integers(0, 24, n),
            "kind": rng.choice(list("abcdefgh"), n),
            "flag": rng.uniform(size=n) < 0.3,
        }
    )
    y = (
        np.sin(frame["age"] / 10)
        + frame["pay"]
        + np.cos(frame["hour"] / 24 * 2 * np.pi)
        + 0.03 * (frame["age"] - 50) * (frame["pay"] - 1)
        + frame["kind"].map(dict(zip("abcdefgh", EFFECTS, strict=True)))
        + noise * rng.normal(size=n)
    )
    return frame, y.to_numpy(copy=True)


def columns_of(model, X):
    """The columns that the linear model was fitted to, as a plain array."""
    rows = model._terms.read(X, model)
    found = model._terms.form(rows, model._kept)
    return np.asarray(found, dtype=np.float64)


def penalties_of(model):
    """The strength of every column in scikit-learn's ridge regression."""
    linear = model.model_
    n_rows = linear.alpha_ / (2 * np.exp(linear.lambda_))
    each = (2 * n_rows * np.exp(linear.lambda_))[linear.feature_group_labels_]
    return each * linear.penalty_factors_


@pytest.fixture(scope="module")
def fitted():
    """A fit of everything at once."""
    X, y = make_frame()
    pairs = [("age", "pay")]
    model = MYHPOAdditiveRegressor(cyclic=HOURS, pairs=pairs, select=0.01)
    return model.fit(X, y), X, y


@parametrize_with_checks(
    [
        MYHPOAdditiveRegressor(n_splines=4),
        MYHPOAdditiveClassifier(n_splines=4),
    ]
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_checks(estimator, check):
    """Any of scikit-learn's own checks: there a tool would meet a surprise."""
    check(estimator)


def test_frame_as_it_is(fitted):
    """A user would have to encode columns by hand."""
    model, X, y = fitted
    names = ["age", "pay", "none", "hour", "age:pay", "kind", "flag"]
    assert model.term_names_.tolist() == names
    assert model.group_names_.tolist() == [
        *("age_linear", "age_smooth", "pay_linear", "pay_smooth", "hour_smooth"),
        *("age:pay_linear", "age:pay_smooth", "kind"),
    ]
    assert model.score(X, y) > 0.9
    assert model.dropped_ == ["none", "flag"]
    edof = dict(zip(names, model.edof_, strict=True))
    assert edof["none"] == 0.0
    assert edof["age:pay"] > 0.9
    assert edof["age"] > 4
    assert 4.0 < edof["kind"] <= 7.0
    polars = pytest.importorskip("polars")
    other = polars.DataFrame({name: X[name].tolist() for name in X})
    again = clone(model).fit(other, y)
    assert_allclose(again.predict(other), model.predict(X), rtol=1e-6)


def test_alpha_gives_the_same_weights(fitted):
    """The strengths would not be those of the model."""
    model, X, y = fitted
    columns = columns_of(model, X)
    mean = columns.mean(axis=0)
    # Penalties over thirty decades as rows of a problem of least squares.
    rows = np.vstack([columns - mean, np.diag(np.sqrt(penalties_of(model)))])
    target = np.concatenate([y - y.mean(), np.zeros(len(mean))])
    weights = np.linalg.lstsq(rows, target, rcond=1e-14)[0]
    expected = y.mean() + (columns - mean) @ weights
    assert_allclose(model.predict(X), expected, rtol=1e-7)
    assert_allclose(model.model_.coef_, weights, atol=1e-5)


def test_degrees_of_freedom_and_level_of_bands(fitted):
    """Bands of another width would be called those of 90 %."""
    model, X, y = fitted
    columns = columns_of(model, X)
    columns = columns - columns.mean(axis=0)
    gram, penalty = columns.T @ columns, np.diag(penalties_of(model))
    inverse = np.linalg.inv(gram + penalty)
    freedom = np.diag(inverse @ gram)
    terms = model._terms.terms
    all_columns = np.zeros(model._terms.n_columns)
    all_columns[model._kept] = freedom
    expected = [all_columns[term.columns].sum() for term in terms]
    assert_allclose(model.edof_, expected, atol=1e-6)
    residual = y - model.predict(X)
    noise = residual @ residual / (len(y) - 1 - freedom.sum())
    assert_allclose(model.summary().dispersion, noise, rtol=1e-6)
    effect = model.partial_effects("age", n_points=7, level=0.9)["age"]
    # The 95 % point of the normal distribution.
    half = 1.6448536 * effect.standard_error
    assert_allclose(effect.high - effect.effect, half, rtol=1e-6)
    assert_allclose(effect.effect - effect.low, half, rtol=1e-6)


@pytest.mark.parametrize("term", ["hour", "kind", "age:pay"])
def test_effects_are_differences_of_predictions(fitted, term):
    """A picture would show another model than that which predicts."""
    model, X, _ = fitted
    effect = model.partial_effects(term, n_points=9)[term]
    at = pandas.concat([X.iloc[[3]]] * len(effect.values), ignore_index=True)
    names = term.split(":")
    for name, values in zip(names, np.atleast_2d(effect.values.T), strict=True):
        at[name] = values
    found = model.predict(at)
    own = effect.effect
    for name in names if len(names) > 1 else ():
        # Each feature of a pair has an effect of its own too.
        alone = model.partial_effects(name, n_points=9)[name]
        own = own + np.interp(at[name], alone.values, alone.effect)
    assert_allclose(found - found[0], own - own[0], atol=1e-7)


def test_effects_have_mean_zero(fitted):
    """Effects of two terms could not be compared, nor added to a mean."""
    model, X, y = fitted
    effects = model.partial_effects(["age", "kind"], n_points=2000)
    age = np.interp(X["age"], effects["age"].values, effects["age"].effect)
    assert abs(age.mean()) < 1e-3
    kind = effects["kind"]
    assert abs(kind.observed @ kind.effect) < 1e-8 * len(y)
    assert_array_equal(kind.observed, X["kind"].value_counts()[kind.values])


def test_summary(fitted):
    """The table would not add up to the model."""
    model, *_ = fitted
    found = model.summary()
    frame = found.frame
    assert list(frame) == ["term", "kind", "edof", "alpha", "variance_share"]
    assert_allclose(frame["variance_share"].sum(), 1.0)
    assert_allclose(frame["edof"].sum() + 1.0, found.effective_dof)
    assert_allclose(found.effective_dof, model.model_.summary().effective_dof)
    is_kept = ~frame["term"].isin(model.dropped_)
    assert_allclose(frame["alpha"][is_kept], model.alpha_)
    assert np.all(frame["alpha"][~is_kept] == np.inf)
    assert not frame[["edof", "variance_share"]][~is_kept].any(axis=None)
    assert_allclose(found.noise_variance, model.model_.summary().noise_variance)
    assert "with 7 terms" in str(found)
    assert "hour" in found._repr_html_()
    many = MYHPOAdditiveRegressor(select=None, n_splines=4).fit(
        np.random.default_rng(0).normal(size=(200, 12)), np.arange(200) % 7
    )
    words = "The 20 parts of terms with the largest degrees of freedom, of 24"
    assert words in str(many.summary())


def test_free_lines():
    """A line would be shrunk although the user wants mgcv's model."""
    X, y = make_frame()
    model = MYHPOAdditiveRegressor(penalize_linear=False).fit(X, y)
    frame = model.summary().frame
    lines = frame[frame["kind"] == "linear"]
    assert_allclose(lines["alpha"], 0.0)
    assert_allclose(lines["edof"], 1.0)
    assert not any("linear" in name for name in model.group_names_)


def test_curve_is_found_and_useless_features_vanish():
    """Bands would miss the truth, or noise have an effect."""
    covered, vanished = [], []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X = rng.uniform(size=(400, 2))
        y = 2 * np.sin(6 * X[:, 0]) + rng.normal(size=400)
        model = MYHPOAdditiveRegressor().fit(X, y)
        effect = model.partial_effects("x0")["x0"]
        truth = 2 * np.sin(6 * effect.values) - 2 * np.sin(6 * X[:, 0]).mean()
        covered.append(np.mean((effect.low <= truth) & (truth <= effect.high)))
        vanished.append(model.edof_[1] < 0.5)
    assert 0.85 < np.mean(covered) <= 1.0
    assert np.sum(vanished) >= 4


def test_selection_can_be_switched_off():
    """A weak effect would be removed although the user wants to keep it."""
    X, y = make_frame()
    model = MYHPOAdditiveRegressor(select=None).fit(X, y)
    assert model.dropped_ == []
    strict = MYHPOAdditiveRegressor(select=1e-300).fit(X, y)
    assert "age" not in strict.dropped_
    assert len(strict.dropped_) < len(strict.term_names_)


@pytest.mark.filterwarnings("ignore::sklearn_myhpo.FlatObjectiveWarning")
def test_terms_stay_where_their_loss_would_be_felt():
    """Wald's statistic is small for huge weights: all terms would be removed."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(120, 3))
    y = X[:, 0] + X[:, 1] > 0
    model = MYHPOAdditiveClassifier(n_splines=5).fit(X, y)
    assert not {"x0", "x1"} & set(model.dropped_)
    assert model.score(X, y) > 0.95


@pytest.mark.one_in(2)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifier(n_classes):
    """Probabilities and degrees of freedom would be those of another model."""
    X, y = make_frame(400)
    edges = np.quantile(y, np.arange(1, n_classes) / n_classes)
    labels = np.array(["low", "mid", "top"])[np.digitize(y, edges)]
    model = MYHPOAdditiveClassifier(cyclic=HOURS, max_iter=30).fit(X, labels)
    assert_array_equal(model.classes_, np.unique(labels))
    assert model.score(X, labels) > 0.8
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1.0)
    assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(X))
    assert model.decision_function(X).shape == ((400,) if n_classes == 2 else (400, 3))
    found = model.summary()
    assert_allclose(
        found.effective_dof, model.model_.summary().effective_dof, rtol=1e-6
    )
    effect = model.partial_effects("age", n_points=5)["age"]
    assert effect.effect.shape == ((5,) if n_classes == 2 else (3, 5))
    at = pandas.concat([X.iloc[:1]] * 5, ignore_index=True)
    at["age"] = effect.values
    scores = model.decision_function(at)
    assert_allclose(
        (scores - scores[0]).T,
        effect.effect - effect.effect[..., :1],
        atol=1e-6 * np.abs(scores).max(),
    )


def test_strengths_of_two_classes():
    """C would give other weights in scikit-learn, and the model other bands."""
    X, y = make_frame(400, noise=1.0)
    model = MYHPOAdditiveClassifier(select=None, criterion="alo").fit(
        X[["age", "pay"]], y > np.median(y)
    )
    columns = columns_of(model, X[["age", "pay"]])
    root = np.sqrt(1.0 / model.C_[model.model_.feature_group_labels_])
    plain = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)
    plain.fit(columns / root, y > np.median(y))
    assert_allclose(plain.coef_[0] / root, model.model_.coef_[0], atol=1e-3)


def test_weights_count_rows():
    """A row of weight two would differ from two rows, or zero from none."""
    X, y = make_frame(150)
    weight = np.random.default_rng(0).integers(0, 3, 150)
    rows = np.repeat(np.arange(150), weight)
    half = np.arange(150) % 2 == 0
    splits = [
        [(np.flatnonzero(own), np.flatnonzero(~own)) for own in (one, ~one)]
        for one in (half, half[rows])
    ]
    options = {"cyclic": HOURS, "tol": 1e-9}
    found = MYHPOAdditiveRegressor(cv=splits[0], **options)
    found.fit(X, y, sample_weight=weight)
    expected = MYHPOAdditiveRegressor(cv=splits[1], **options).fit(
        X.iloc[rows], y[rows]
    )
    assert found.dropped_ == expected.dropped_
    assert_allclose(found.edof_, expected.edof_, atol=1e-4)
    assert_allclose(found.predict(X), expected.predict(X), atol=1e-5)
    one = found.partial_effects("age")["age"].standard_error
    other = expected.partial_effects("age")["age"].standard_error
    assert_allclose(one, other, rtol=1e-4)


def test_unknown_and_missing_categories():
    """A new category at prediction would be an error."""
    X, y = make_frame()
    X = X.astype({"kind": object})
    X.loc[:9, "kind"] = None
    model = MYHPOAdditiveRegressor().fit(X, y)
    (kind,) = model.partial_effects("kind").values()
    assert len(kind.values) == 9
    other = X.iloc[:2].assign(kind=["never", "seen"])
    assert np.all(np.isfinite(model.predict(other)))


def test_categories_by_name_and_index():
    """Numbers of districts would become a curve."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 6, 300), rng.uniform(size=300)])
    effects = rng.normal(size=6)
    y = effects[X[:, 0].astype(int)] + 0.1 * rng.normal(size=300)
    model = MYHPOAdditiveRegressor(categorical=[0]).fit(X, y)
    found = model.partial_effects("x0")["x0"]
    assert found.kind == "categories"
    assert_allclose(found.effect - found.effect[0], effects - effects[0], atol=0.2)
    frame = pandas.DataFrame(X, columns=["district", "size"])
    named = MYHPOAdditiveRegressor(categorical=["district"]).fit(frame, y)
    assert_allclose(named.predict(frame), model.predict(X))


def test_many_categories_are_kept_sparse(monkeypatch):
    """Thousands of customers would fill the memory with zeros."""
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "customer": np.char.mod("c%d", rng.integers(0, 40, 400)),
            "flag": rng.choice(["yes", "no"], 400),
        }
    )
    y = (frame["flag"] == "yes") + rng.normal(size=400)
    model = MYHPOAdditiveRegressor().fit(frame, y)
    rows = model._terms.read(frame, model)
    assert not isinstance(model._terms.form(rows, model._kept), np.ndarray)
    monkeypatch.setattr(_terms, "SPARSE_SHARE", 0.0)
    dense = MYHPOAdditiveRegressor().fit(frame, y)
    assert_allclose(dense.predict(frame), model.predict(frame), rtol=1e-5)
    assert_allclose(dense.edof_, model.edof_, atol=1e-4)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, np.float32])
@pytest.mark.parametrize("method", ["fit", "predict"])
def test_missing_numbers_of_an_array(form, method):
    """The message would send a user to other models, not to the parameter for it."""
    X = np.random.default_rng(0).standard_normal((60, 3))
    y, holed = X[:, 0] ** 2, X.copy()
    holed[[3, 7], 1] = np.nan
    model = MYHPOAdditiveRegressor()
    given = [form(holed), y]
    if method == "predict":
        model.fit(X, y)
        del given[1]
    with pytest.raises(ValueError, match=r"\(NaN\) in 2 of 60 rows.*x1.*'indicator'"):
        getattr(model, method)(*given)


def test_missing_numbers():
    """Rows with a missing number would be lost, or end in NaN."""
    X, y = make_frame()
    X.loc[::5, "age"] = np.nan
    y[::5] += 5.0
    with pytest.raises(ValueError, match=r"missing values \(NaN\).*'indicator'"):
        MYHPOAdditiveRegressor().fit(X, y)
    model = MYHPOAdditiveRegressor(missing="indicator").fit(X, y)
    assert "age_missing" in model.group_names_
    residual = y - model.predict(X)
    assert abs(residual[::5].mean()) < 0.2
    effect = model.partial_effects("age")["age"]
    assert np.all(np.isfinite(effect.effect))


def test_constant_and_empty_columns():
    """A column without information would be an error or NaN."""
    X, y = make_frame()
    X = X.assign(same=1.0, empty=np.nan)
    model = MYHPOAdditiveRegressor(missing="indicator").fit(X, y)
    assert model.score(X, y) > 0.8
    assert np.all(np.isfinite(model.edof_))
    assert {"same", "empty"} <= set(model.dropped_)
    for effect in model.partial_effects().values():
        assert np.all(np.isfinite(effect.effect))
        assert np.all(np.isfinite(effect.high))


def test_far_outside_the_range():
    """A prediction far away would be that of a wild cubic."""
    X, y = make_frame()
    model = MYHPOAdditiveRegressor().fit(X[["age", "pay"]], y)
    far = pandas.DataFrame({"age": [80.0, 1080.0, 2080.0], "pay": 1.0})
    one, two, three = model.predict(far)
    assert_allclose(three - two, two - one, rtol=1e-6)


def test_float32_is_kept():
    """The columns would take twice the memory."""
    X, y = make_frame()
    numbers = X[["age", "pay"]].to_numpy(np.float32)
    model = MYHPOAdditiveRegressor().fit(numbers, y)
    assert model.model_.coef_.dtype == np.float32
    expected = MYHPOAdditiveRegressor().fit(numbers.astype(float), y)
    assert_allclose(model.predict(numbers), expected.predict(numbers), atol=1e-2)


def test_new_family_is_three_lines():
    """A family of another linear model would need a copy of this one."""

    class Additive(RegressorMixin, AdditiveModel):
        _linear_model = BilevelRidge

    X, y = make_frame()
    model = Additive(n_splines=8).fit(X, y)
    assert model.score(X, y) > 0.8
    assert isinstance(model.model_, BilevelRidge)


def test_cross_validation_and_groups():
    """The estimator would not work in scikit-learn's tools."""
    X, y = make_frame()
    scores = cross_val_score(MYHPOAdditiveRegressor(n_splines=6), X, y, cv=3)
    assert np.all(scores > 0.7)
    groups = np.arange(300) // 10
    model = MYHPOAdditiveRegressor(n_splines=6, cv=GroupKFold(3))
    assert model.fit(X, y, groups=groups).score(X, y) > 0.7


def test_splits_that_can_be_read_once():
    """The second fit, without useless terms, would find no splits."""
    X, y = make_frame()
    splits = list(GroupKFold(3).split(X, y, np.arange(300)))
    expected = MYHPOAdditiveRegressor(n_splines=6, cv=splits).fit(X, y)
    assert expected.dropped_
    found = MYHPOAdditiveRegressor(n_splines=6, cv=iter(splits)).fit(X, y)
    assert_array_equal(found.predict(X), expected.predict(X))


def test_removed_terms_and_shrinkage():
    """Strengths that are held together would keep useless terms."""
    X, y = make_frame()
    model = MYHPOAdditiveRegressor(n_splines=8, shrinkage=0.1, select=0.01)
    model.fit(X, y)
    assert {"none", "flag"} <= set(model.dropped_)
    effect = model.partial_effects("none")["none"]
    assert not effect.effect.any()
    assert np.all(effect.standard_error > 0.0)


def test_error_leaves_the_estimator_as_it_was(fitted):
    """A failed fit would leave a mixture of two models."""
    model, X, y = fitted
    before = model.predict(X)
    with pytest.raises(ValueError, match="inconsistent numbers"):
        model.fit(X, y[:-1])
    assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"pairs": [("age", "kind")]}, r"pairs names 'kind', which is a category"),
        ({"cyclic": ["flag"]}, r"cyclic names 'flag', which is a category"),
        ({"pairs": [("age", "wage")]}, r"unknown columns 'wage'"),
        ({"categorical": ["wage"]}, r"categorical names the unknown columns 'wage'"),
        ({"n_splines": 3}, r"n_splines"),
        ({"select": 2}, r"select"),
    ],
)
def test_bad_parameters(parameters, words):
    """The message would not say what is allowed."""
    with pytest.raises(ValueError, match=words):
        MYHPOAdditiveRegressor(**parameters).fit(*make_frame())


def test_bad_columns_and_terms(fitted):
    """A date would be an error of another library, a wrong name a KeyError."""
    model, X, y = fitted
    dates = X.assign(day=pandas.Timestamp("2020-01-01"))
    with pytest.raises(ValueError, match="neither numbers nor categories: 'day'"):
        MYHPOAdditiveRegressor().fit(dates, y)
    with pytest.raises(ValueError, match="terms has 'wage', but the terms are 'age'"):
        model.partial_effects("wage")
    with pytest.raises(ValueError, match=r"n_points must be an int >= 2. Got 1"):
        model.partial_effects(n_points=1)
    with pytest.raises(ValueError, match=r"level must be between 0 and 1. Got 95"):
        model.partial_effects(level=95)
    with pytest.raises(NotFittedError):
        MYHPOAdditiveRegressor().partial_effects()


def test_effects_as_frames(fitted):
    """The numbers of a picture would have to be collected by hand."""
    model, *_ = fitted
    effects = model.partial_effects(n_points=5)
    columns = ["value", "effect", "standard_error", "low", "high"]
    assert list(effects["age"].frame) == columns
    assert list(effects["age:pay"].frame) == ["value0", "value1", *columns[1:]]
    assert len(effects["age:pay"].frame) == 25
    assert [effect.kind for effect in effects.values()] == [
        *["curve"] * 4,
        "surface",
        *["categories"] * 2,
    ]


def few_steps(model_class, **options):
    frame, y = make_frame(60)
    if model_class is MYHPOAdditiveClassifier:
        y = y > np.median(y)
    return model_class(max_iter=1, **options).fit(frame[["age", "pay"]], y)


@pytest.mark.parametrize(
    "model_class", [MYHPOAdditiveRegressor, MYHPOAdditiveClassifier]
)
def test_messages_name_only_what_the_user_wrote(model_class, capsys):
    """Messages would name an inner class, and parameters that do not exist."""
    name = model_class.__name__
    with pytest.warns(ConvergenceWarning, match=f"^{name} stopped") as caught:
        few_steps(model_class, verbose=1)
    assert capsys.readouterr().out.startswith(f"{name}\n")
    for one in caught:
        text = str(one.message)
        assert not re.search("MYHPORidge|MYHPOLog|standardize|exact steps", text)
    unfit = "sure" if model_class is MYHPOAdditiveClassifier else "alo"
    with pytest.raises(ValueError, match=rf"loss of {name}\. Allowed"):
        few_steps(model_class, criterion=unfit)
    with pytest.raises(ValueError, match=f"{name} requires y to be passed"):
        model_class().fit(np.eye(9), None)
    with pytest.raises(ValueError, match=r"^penalize_linear=False leaves nothing"):
        model_class(penalize_linear=False).fit(np.eye(9)[:, :1], np.arange(9) % 2)


def test_certain_predictions_get_advice_for_parameters_that_exist(monkeypatch):
    """The advice would name feature_groups, which additive models do not have."""
    monkeypatch.setattr(_shared_start, "MOST_VARIANCE", 1e6)
    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.warns(FlatObjectiveWarning, match="with certainty") as caught:
        MYHPOAdditiveClassifier().fit(X + 100 * np.sign(X), X[:, 0] > 0)
    text = str(caught[-1].message)
    assert text.startswith("MYHPOAdditiveClassifier ")
    assert "feature_groups" not in text
    assert text.endswith(": set shrinkage='auto'.")


def test_weights_that_count_no_rows_give_no_bands():
    """Weights that add up to one would give bands of no width."""
    frame, y = make_frame(80)
    X, weight = frame[["age", "none"]], np.linspace(1, 2, 80)
    weight /= weight.mean()
    good = MYHPOAdditiveRegressor(select=None).fit(X, y, weight)
    with pytest.warns(UserWarning, match="rows of 80, fewer than") as caught:
        model = MYHPOAdditiveRegressor().fit(X, y, weight / 80)
    assert sum("treats sample_weight as" in str(one.message) for one in caught) == 1
    assert_allclose(model.predict(X), good.predict(X), rtol=1e-6)
    assert_allclose(model.edof_, good.edof_, atol=1e-6)
    assert model.dropped_ == []
    assert model.partial_effects()["age"].standard_error is None
    assert good.partial_effects()["age"].standard_error is not None
    assert "age" in str(model.summary())


@pytest.mark.parametrize("missing", [None, np.nan, pandas.NA])
def test_missing_texts_are_one_category(missing):
    """Texts with pandas' NA would be an error, or None another category than NaN."""
    y = np.tile([1.0, 2.0, 3.0], 20) + 0.1 * np.random.default_rng(0).normal(size=60)
    frame = pandas.DataFrame({"kind": ["a", "b", missing] * 20}, dtype=object)
    model = MYHPOAdditiveRegressor(cv=3).fit(frame, y)
    for other, dtype in ((None, object), (pandas.NA, "string"), (np.nan, object)):
        new = pandas.DataFrame({"kind": pandas.Series([other, "a"], dtype=dtype)})
        assert_allclose(model.predict(new), [3, 1], atol=0.2)


def test_numbers_as_categories_may_come_as_objects():
    """Categories learned from objects would not be found in a column of floats."""
    y = np.tile([1.0, 2.0, 3.0], 20) + 0.1 * np.random.default_rng(0).normal(size=60)
    frame = pandas.DataFrame({"kind": [1, 2, None] * 20}, dtype=object)
    model = MYHPOAdditiveRegressor(cv=3, categorical=["kind"]).fit(frame, y)
    for new in ([1.0, np.nan, 2.0], [1, None, 2]):
        found = model.predict(pandas.DataFrame({"kind": new}))
        assert_allclose(found, [1, 3, 2], atol=0.2)
    plain = pandas.DataFrame({"kind": [1, 2]}, dtype=object)
    assert_allclose(model.predict(plain), [1, 2], atol=0.2)


def test_objects_that_are_numbers_get_curves():
    """Numbers of a database would be a category per distinct value."""
    frame, y = make_frame(100)
    numbers = frame[["age", "pay"]]
    expected = MYHPOAdditiveRegressor(cv=3).fit(numbers, y).predict(numbers)
    model = MYHPOAdditiveRegressor(cv=3).fit(numbers.astype(object), y)
    assert_allclose(model.predict(numbers.astype(object)), expected)


@pytest.mark.parametrize(
    ("columns", "error", "text"),
    [
        ({}, ValueError, r"0 feature\(s\) .* by MYHPOAdditiveRegressor"),
        ({"a": ["x", 1.5, 3] * 10}, TypeError, "every one of 'a'"),
        ({"a": [1e305] * 30}, ValueError, "in the features 'a'"),
        (
            {"a": np.arange(30.0), "a_linear": ["x", "y", "z"] * 10},
            ValueError,
            "would have the name 'a_linear'",
        ),
        (
            {"a": np.arange(30.0) ** 2, "b": np.arange(30.0), "a:b": np.ones(30)},
            ValueError,
            "would have the name 'a:b",
        ),
    ],
)
def test_frames_that_cannot_be_fitted(columns, error, text):
    """A user would get an IndexError, or two terms in one group."""
    frame = pandas.DataFrame(columns, index=range(30))
    pairs = [("a", "b")] if "a:b" in columns else None
    with pytest.raises(error, match=text):
        MYHPOAdditiveRegressor(pairs=pairs).fit(frame, np.arange(30.0))


@pytest.mark.parametrize(
    "model_class", [MYHPOAdditiveRegressor, MYHPOAdditiveClassifier]
)
def test_sizes_and_keywords_name_the_estimator(model_class):
    """The message would name a class inside."""
    name = model_class.__name__
    for n_rows in (0, 1):
        frame = pandas.DataFrame({"a": np.ones(n_rows)})
        with pytest.raises(ValueError, match=rf"{n_rows} sample\(s\) .* by {name}"):
            model_class().fit(frame, np.ones(n_rows))
    with pytest.raises(TypeError, match=name):
        model_class(unknown=1)


@pytest.mark.parametrize("cls", [MYHPOAdditiveRegressor, MYHPOAdditiveClassifier])
def test_batches_are_pointed_to_the_transformer(cls):
    """The error would be that of a conversion to floats."""
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    with pytest.raises(ValueError, match=f"{cls.__name__} takes an array or a frame"):
        cls().fit(Batches.from_arrays(X, y), y)


def test_curves_of_batches():
    """Curves of more rows than memory would need the basis of all of them."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (300, 2))
    y = np.sin(X[:, 0]) + 0.1 * rng.standard_normal(300)
    curves = PenalizedSplineTransformer(n_splines=8).fit(X[::2])
    batches = Batches.from_arrays(X, y, batch_size=70).map(curves)
    model = MYHPORidge(feature_groups="transformer").fit(batches)
    other = MYHPORidge(feature_groups="transformer").fit(curves.transform(X), y)
    assert list(model.feature_group_names_) == list(other.feature_group_names_)
    assert_allclose(model.lambda_, other.lambda_, rtol=1e-6)
    assert_allclose(model.coef_, other.coef_, rtol=1e-6, atol=1e-9)
