"""Scores and predictions of held-out rows: `scoring` and `store_cv_results`."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.linear_model import Ridge
from sklearn.metrics import get_scorer, make_scorer, max_error, r2_score
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_validate,
)
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    MYHPOLogisticRegression,
    MYHPORidge,
    MYHPORidgeClassifier,
    SHORidge,
)
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import ESTIMATORS, LOGISTICS, RIDGES, data_for
from tests.linear_model.common import (
    MINIMIZERS,
    assert_refused,
    each_estimator,
    each_minimizer,
    plain_of,
    scaled_diabetes,
    uneven_weights,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning")

#: The scorers that need each of the methods of a model.
REGRESSION = ["r2", "neg_mean_absolute_error", "neg_max_error"]
CLASSES = ["accuracy", "neg_log_loss", "roc_auc_ovr"]
#: Of a classifier without probabilities; each of the last takes some classes only.
DECISIONS = {2: ["accuracy", "roc_auc"], 3: ["accuracy", "average_precision"]}


def scores_for(cls, n_classes=2):
    """Return names of scorers for an estimator."""
    if cls in RIDGES:
        return REGRESSION
    return CLASSES if cls in LOGISTICS else DECISIONS[n_classes]


def fixed(model, X, y, train, weight):
    """Fit scikit-learn's estimator to training rows at the learned strength per row."""
    alpha = 2.0 * weight[train].sum() * np.exp(model.lambda_)
    plain = plain_of(type(model), alpha)
    return plain.fit(X[train], y[train], sample_weight=weight[train])


def held_out(model, plain, X, y):
    """Return what `cv_predictions_` should be, and the losses of the rows."""
    if type(model) in RIDGES:
        predictions = plain.predict(X)
        return predictions, 0.5 * (y - predictions) ** 2
    if type(model) in LOGISTICS:
        predictions = plain.predict_proba(X)
        number = np.searchsorted(plain.classes_, y)
        return predictions, -np.log(predictions[np.arange(len(y)), number])
    predictions = plain.decision_function(X)
    columns = predictions.reshape(len(X), -1)
    labels = plain.classes_[-columns.shape[1] :]
    codes = np.where(y[:, None] == labels, 1.0, -1.0)
    return predictions, 0.5 * np.sum((codes - columns) ** 2, axis=1)


def assert_results(model, X, y, pairs, weight=None):
    """Compare with models at a fixed strength, for weights in the scores or none."""
    scored = None if weight is None else weight
    weight = np.ones(len(y)) if weight is None else weight
    total, counts = 0.0, np.zeros(len(y))
    for split, (train, rows) in enumerate(pairs):
        plain = fixed(model, X, y, train, weight)
        for name, scores in model.cv_scores_.items():
            takes = name not in ("neg_max_error",)
            options = {}
            if scored is not None and takes:
                options = {"sample_weight": scored[rows]}
            score = get_scorer(name)(plain, X[rows], y[rows], **options)
            assert scores[split] == pytest.approx(score, rel=1e-8, abs=1e-8), name
        predictions, losses = held_out(model, plain, X[rows], y[rows])
        loss = np.average(losses, weights=weight[rows])
        assert model.cv_losses_[split] == pytest.approx(loss, rel=1e-7)
        spread = np.zeros((len(y), *predictions.shape[1:]))
        spread[rows] = predictions
        total = total + spread
        counts[rows] += 1
    kept = np.flatnonzero(counts)
    np.testing.assert_array_equal(model.cv_rows_, kept)
    counts = counts[kept].reshape(-1, *[1] * (total.ndim - 1))
    np.testing.assert_allclose(
        model.cv_predictions_, total[kept] / counts, rtol=1e-7, atol=1e-8
    )
    shares = [weight[rows].sum() for _, rows in pairs]
    mean = np.average(model.cv_losses_, weights=shares)
    assert model.validation_loss_ == pytest.approx(mean, rel=1e-9)


SPLITTERS = {
    "folds": lambda n: list(KFold(4, shuffle=True, random_state=0).split(range(n))),
    "shuffled": lambda n: list(
        ShuffleSplit(3, test_size=0.3, random_state=1).split(range(n))
    ),
    "repeated": lambda n: list(
        RepeatedKFold(n_splits=3, n_repeats=2, random_state=2).split(range(n))
    ),
    "one": lambda n: [(np.arange(n // 2), np.arange(n - 1, n // 2, -1))],
}
CONTAINERS = {
    "array": np.asarray,
    "csr": sparse.csr_array,
    "coo": sparse.coo_matrix,
    "list": np.ndarray.tolist,
}


@pytest.mark.one_in(5)
@each_minimizer
@pytest.mark.parametrize("splitter", SPLITTERS)
@pytest.mark.parametrize("is_weighted", [False, True])
def test_results_are_those_of_a_fixed_strength(cls, splitter, is_weighted):
    """A reported score would be of other models than cross_val_score has."""
    options = {} if cls in RIDGES else {"n_classes": 3}
    X, y = data_for(cls, **options)
    scoring = scores_for(cls, **options)
    pairs = SPLITTERS[splitter](len(y))
    weight = uneven_weights() if is_weighted else None
    model = cls(cv=pairs, scoring=scoring, store_cv_results=True, tol=1e-10)
    model.fit(X, y, sample_weight=weight)
    assert_results(model, X, y, pairs, weight)


@pytest.mark.one_in(5)
@each_minimizer
@pytest.mark.parametrize("container", CONTAINERS)
def test_any_form_of_the_data(cls, container):
    """Rows of a list or of a sparse format could not be taken, or be other rows."""
    X, y = data_for(cls)
    X = np.where(np.abs(X) < 0.3, 0.0, X)
    labels = y if cls in RIDGES else np.array(["no", "yes"])[y]
    pairs = SPLITTERS["folds"](len(y))
    scoring = scores_for(cls)
    model = cls(cv=pairs, scoring=scoring, store_cv_results=True, tol=1e-10)
    model.fit(CONTAINERS[container](X), labels.tolist())
    assert_results(model, X, labels, pairs)


@pytest.mark.one_in(3)
@each_minimizer
def test_scores_are_those_of_cross_validate(cls):
    """A user would see other numbers than from the tool that they know."""
    X, y = data_for(cls, n_samples=60)
    folds = KFold(5) if cls in RIDGES else StratifiedKFold(5)
    pairs = list(folds.split(X, y))
    scoring = scores_for(cls)
    model = cls(cv=pairs, scoring=scoring, tol=1e-10).fit(X, y)
    assert len({len(train) for train, _ in pairs}) == 1
    plain = plain_of(cls, 2.0 * len(pairs[0][0]) * np.exp(model.lambda_))
    expected = cross_validate(plain, X, y, cv=pairs, scoring=scoring)
    for name in scoring:
        np.testing.assert_allclose(
            model.cv_scores_[name], expected[f"test_{name}"], rtol=1e-5
        )


def test_frames_reach_the_scorer():
    """A scorer by the groups of a column would not find the column."""
    pandas = pytest.importorskip("pandas")
    X, y = data_for(MYHPORidge)
    frame = pandas.DataFrame(X, columns=list("abcd"), index=np.arange(60)[::-1])
    target = pandas.Series(y, index=frame.index)
    seen = []

    def positive(estimator, X, y):
        seen.append((type(estimator), X.index.tolist(), y.index.tolist()))
        kept = X["a"] > 0
        return r2_score(y[kept], estimator.predict(X[kept]))

    pairs = SPLITTERS["folds"](60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = MYHPORidge(cv=pairs, scoring=positive).fit(frame, target)
    assert model.cv_scores_.shape == (4,)
    for (kind, *names), (_, rows) in zip(seen, pairs, strict=True):
        assert kind is Ridge
        assert names == [frame.index[rows].tolist()] * 2
    train, rows = pairs[0]
    plain = fixed(model, X, y, train, np.ones(60))
    kept = rows[X[rows, 0] > 0]
    score = r2_score(y[kept], plain.predict(X[kept]))
    assert model.cv_scores_[0] == pytest.approx(score)


@pytest.mark.one_in(3, 1)
@each_estimator
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_nothing_unless_asked_for(cls):
    """A fit would keep rows, or old results would seem to be those of a new fit."""
    X, y = data_for(cls)
    model = cls(cv=3, scoring="r2" if cls in RIDGES else "accuracy")
    model.set_params(store_cv_results=True).fit(X, y)
    assert model.cv_scores_.shape == model.cv_losses_.shape == (3,)
    loss = np.average(model.cv_losses_, weights=[20, 20, 20])
    assert loss == pytest.approx(model.validation_loss_, rel=1e-9)
    model.set_params(scoring=None).fit(X, y)
    assert model.cv_scores_ is None
    assert len(model.cv_predictions_) == 60
    model.set_params(store_cv_results=False).fit(X, y)
    for name in ("cv_rows_", "cv_predictions_", "cv_losses_"):
        assert getattr(model, name) is None


@pytest.mark.one_in(3)
@each_minimizer
def test_scoring_changes_no_fit(cls):
    """A report would change the model."""
    X, y = data_for(cls)
    model = cls(random_state=0).fit(X, y)
    asked = cls(random_state=0, scoring=scores_for(cls), store_cv_results=True)
    asked.fit(X, y)
    np.testing.assert_array_equal(asked.coef_, model.coef_)
    assert asked.lambda_ == model.lambda_
    assert asked.oracle_counts_ == model.oracle_counts_


@each_minimizer
def test_rows_of_weight_zero_are_not_scored(cls):
    """A row that plays no part would count as much as others in a score."""
    X, y = data_for(cls)
    weight = uneven_weights()
    weight[::7] = 0.0
    pairs = SPLITTERS["shuffled"](len(y))
    model = cls(cv=pairs, scoring=scores_for(cls), store_cv_results=True, tol=1e-10)
    model.fit(X, y, sample_weight=weight)
    kept = [tuple(part[weight[part] > 0] for part in pair) for pair in pairs]
    assert_results(model, X, y, kept, weight)


def test_rows_that_are_held_out_twice_count_twice():
    """A score would not weigh rows as the loss does."""
    X, y = data_for(MYHPORidge)
    pair = np.arange(30), np.repeat(np.arange(30, 60), [1, 2] * 15)
    model = MYHPORidge(
        cv=[pair], scoring=REGRESSION, store_cv_results=True, tol=1e-10
    ).fit(X, y)
    plain = fixed(model, X, y, pair[0], np.ones(60))
    score = plain.score(X[pair[1]], y[pair[1]])
    assert model.cv_scores_["r2"][0] == pytest.approx(score)
    np.testing.assert_array_equal(model.cv_rows_, np.arange(30, 60))
    np.testing.assert_allclose(model.cv_predictions_, plain.predict(X[30:]))
    np.testing.assert_allclose(model.cv_losses_, model.validation_loss_)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("cls", [MYHPOLogisticRegression, MYHPORidgeClassifier])
@pytest.mark.parametrize("n_features", [4, 80])
@pytest.mark.parametrize("container", ["array", "csr"])
def test_results_of_standardized_features_and_class_weights(cls, n_features, container):
    """The models of the splits would have other units, or weights, than was asked for.

    A class has a weight in training; scores have the weights of the user.
    """
    X, y = data_for(cls, n_features=n_features, n_classes=3)
    X = np.where(np.abs(X) < 0.3, 0.0, X) * np.geomspace(0.01, 100.0, n_features)
    weight = uneven_weights()
    groups = np.random.default_rng(0).integers(0, 7, 60)
    model = cls(
        cv=GroupKFold(3),
        standardize=True,
        class_weight={0: 3.0, 2: 0.5},
        scoring="accuracy",
        store_cv_results=True,
        lambda_bounds=(-6.0, 4.0),
        tol=1e-10,
    ).fit(CONTAINERS[container](X), y, weight, groups=groups)
    own = weight * np.array([3.0, 1.0, 0.5])[y]
    np.testing.assert_array_equal(model.cv_rows_, np.arange(60))
    for split, (train, rows) in enumerate(GroupKFold(3).split(X, y, groups)):
        scaler = StandardScaler().fit(X[train], sample_weight=own[train])
        scaled = scaler.transform(X)
        plain = fixed(model, scaled, y, train, own)
        score = plain.score(scaled[rows], y[rows], weight[rows])
        assert model.cv_scores_[split] == pytest.approx(score)
        predictions, losses = held_out(model, plain, scaled[rows], y[rows])
        np.testing.assert_allclose(model.cv_predictions_[rows], predictions, atol=1e-5)
        loss = np.average(losses, weights=own[rows])
        assert model.cv_losses_[split] == pytest.approx(loss, rel=1e-5)


@each_minimizer
@pytest.mark.parametrize("is_weighted", [False, True])
def test_own_validation_set_is_one_split(cls, is_weighted):
    """Scores would be of training rows, or of rows of X."""
    X, y = data_for(cls, n_samples=90)
    weight, own = (np.ones(60), None)
    fit_weight = None
    if is_weighted:
        weight, own = uneven_weights(), uneven_weights()[:30].copy()
        weight[3], own[4] = 0.0, 0.0
        fit_weight = weight
    model = cls(scoring=scores_for(cls), store_cv_results=True, tol=1e-10)
    model.fit(
        X[:60],
        y[:60],
        fit_weight,
        X_val=X[60:],
        y_val=y[60:],
        sample_weight_val=own,
    )
    rows = np.arange(30) if own is None else np.flatnonzero(own)
    np.testing.assert_array_equal(model.cv_rows_, rows)
    plain = fixed(model, X, y, np.arange(60), np.r_[weight, np.ones(30)])
    name = scores_for(cls)[0]
    options = {} if own is None else {"sample_weight": own[rows]}
    score = get_scorer(name)(plain, X[60 + rows], y[60 + rows], **options)
    assert model.cv_scores_[name] == pytest.approx([score], rel=1e-7)
    np.testing.assert_allclose(model.cv_losses_, model.validation_loss_)


@pytest.mark.parametrize("solver", ["myhpo", "implicit"])
@pytest.mark.parametrize("per_target", [False, True])
def test_several_targets(solver, per_target):
    """A target would be predicted with the strength of another."""
    X, y = scaled_diabetes(2)
    y = np.column_stack([y, np.random.default_rng(0).standard_normal(len(y))])
    pairs = SPLITTERS["folds"](len(y))
    model = BilevelRidge(
        solver=solver,
        cv=pairs,
        alpha_per_target=per_target,
        scoring="r2",
        store_cv_results=True,
        lambda_bounds=(-8.0, 3.0),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    shares = [len(rows) for _, rows in pairs]
    for split, (train, rows) in enumerate(pairs):
        plain = Ridge(alpha=2.0 * len(train) * np.exp(model.lambda_))
        plain.fit(X[train], y[train])
        assert model.cv_scores_[split] == pytest.approx(plain.score(X[rows], y[rows]))
        predictions = plain.predict(X[rows])
        np.testing.assert_allclose(model.cv_predictions_[rows], predictions, atol=1e-8)
        losses = 0.5 * np.mean((predictions - y[rows]) ** 2, axis=0)
        losses = losses if per_target else losses.sum()
        np.testing.assert_allclose(model.cv_losses_[split], losses)
    mean = np.average(model.cv_losses_, axis=0, weights=shares)
    np.testing.assert_allclose(mean, model.validation_loss_)


def test_shape_of_one_target():
    """`cv_predictions_` would have another shape than `predict`."""
    X, y = data_for(MYHPORidge)
    for target in (y, y[:, None]):
        for criterion in ("validation", "loo"):
            model = MYHPORidge(store_cv_results=True, criterion=criterion)
            model.fit(X, target)
            assert model.cv_predictions_.shape == model.predict(X).shape
            assert model.cv_losses_.shape == (60 if criterion == "loo" else 5,)


@each_minimizer
def test_groups_factors_and_one_standard_error(cls):
    """Results would be those of the minimum, not of the model that is returned."""
    X, y = data_for(cls)
    model = cls(
        feature_groups=["a", "a", "b", "b"],
        penalty_factors=[1.0, 2.0, 1.0, 0.0],
        selection="one_se",
        store_cv_results=True,
        refit=False,
        random_state=0,
    ).fit(X, y)
    assert model.validation_loss_ > model.validation_loss_min_
    assert model.cv_losses_.mean() == pytest.approx(model.validation_loss_)


@each_minimizer
def test_single_precision(cls):
    """Predictions would not have the precision of `predict`."""
    X, y = data_for(cls)
    model = cls(store_cv_results=True, random_state=0)
    exact = model.fit(X, y).cv_predictions_
    model.fit(X.astype(np.float32), y)
    assert model.cv_predictions_.dtype == np.float32
    np.testing.assert_allclose(model.cv_predictions_, exact, rtol=1e-3, atol=1e-3)


def left_out(model, X, y, weight, row):
    """Return the model of all other rows, at the strength of the sum of the loss."""
    others = np.delete(np.arange(len(y)), row)
    plain = plain_of(type(model), 2.0 * weight.sum() * np.exp(model.lambda_))
    return plain.fit(X[others], y[others], sample_weight=weight[others])


@pytest.mark.parametrize("shape", [(40, 6), (20, 35)])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("container", ["array", "csr"])
@pytest.mark.parametrize("options", [{}, {"feature_groups": "each"}])
def test_left_out_predictions(shape, is_weighted, container, options):
    """A row would be predicted by a model that has seen it."""
    X, y = data_for(MYHPORidge, *shape, noise=2.0)
    weight = np.ones(len(y))
    if is_weighted:
        weight = uneven_weights(len(y))
        weight[3] = 0.0
    if options and shape[1] > 10:
        options = {"feature_groups": ["a"] * 10 + ["b"] * (shape[1] - 10)}
    model = MYHPORidge(criterion="loo", store_cv_results=True, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(CONTAINERS[container](X), y, weight)
    rows = np.flatnonzero(weight)
    np.testing.assert_array_equal(model.cv_rows_, rows)
    assert model.cv_scores_ is None
    scale = 1.0
    if options:
        lambdas = model.lambda_[model.feature_group_labels_]
        scale = np.exp(-0.5 * lambdas)
    for row, value in zip(rows, model.cv_predictions_, strict=True):
        others = np.delete(np.arange(len(y)), row)
        strength = 2.0 * weight.sum()
        strength *= 1.0 if options else np.exp(model.lambda_)
        plain = Ridge(alpha=strength, solver="svd")
        plain.fit((X * scale)[others], y[others], weight[others])
        assert value == pytest.approx(plain.predict((X * scale)[[row]])[0], abs=1e-6)
    losses = 0.5 * (y[rows] - model.cv_predictions_) ** 2
    np.testing.assert_allclose(model.cv_losses_, losses)
    mean = np.average(model.cv_losses_, weights=weight[rows])
    assert mean == pytest.approx(model.validation_loss_, rel=1e-7)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("units", [1.0, np.geomspace(1e-9, 1e9, 8)])
def test_left_out_predictions_per_target(units):
    """A target would be predicted with the strength of another, or not at all."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 8)) * units
    y = (X / units) @ rng.standard_normal((8, 3)) + rng.standard_normal((50, 3)) * [
        0.5,
        3.0,
        9.0,
    ]
    model = MYHPORidge(criterion="loo", alpha_per_target=True, store_cv_results=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    for target in range(3):
        # `fit` of one target is tested against models of the other rows.
        alone = MYHPORidge(
            criterion="loo",
            store_cv_results=True,
            lambda_init=model.lambda_[target],
            lambda_bounds=tuple(model.lambda_[target] + [-1e-12, 1e-12]),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            alone.fit(X, y[:, target])
        np.testing.assert_allclose(
            model.cv_predictions_[:, target], alone.cv_predictions_, rtol=1e-6
        )
    np.testing.assert_allclose(model.cv_losses_, 0.5 * (y - model.cv_predictions_) ** 2)
    np.testing.assert_allclose(model.cv_losses_.mean(axis=0), model.validation_loss_)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_nearly_left_out_probabilities(n_classes):
    """A row would be predicted by a model that has seen it."""
    X, y = data_for(MYHPOLogisticRegression, n_classes=n_classes)
    labels = np.array(["a", "b", "c"])[y]
    model = MYHPOLogisticRegression(criterion="alo", store_cv_results=True)
    model.fit(X, labels)
    np.testing.assert_allclose(model.cv_predictions_.sum(axis=1), 1.0)
    losses = -np.log(model.cv_predictions_[np.arange(60), y])
    np.testing.assert_allclose(model.cv_losses_, losses)
    assert losses.mean() == pytest.approx(model.validation_loss_)
    exact = np.array(
        [
            left_out(model, X, labels, np.ones(60), row).predict_proba(X[[row]])[0]
            for row in range(60)
        ]
    )
    seen = model.predict_proba(X)
    error = np.abs(model.cv_predictions_ - exact).max()
    assert error < 0.1 * np.abs(seen - exact).max()


@pytest.mark.parametrize("name", ["loo", "gcv", "sure", "mlr"])
def test_criteria_without_splits(name):
    """The user would not learn what to use instead."""
    options = {"criterion": name, "scoring": "r2"}
    match = rf"scoring='r2' .* criterion='{name}' has no splits.*criterion='validation'"
    assert_refused(MYHPORidge, ValueError, match, options)
    if name == "loo":
        return
    options = {"criterion": name, "store_cv_results": True}
    match = rf"store_cv_results=True .*criterion='{name}' has none.*'validation', 'loo'"
    assert_refused(MYHPORidge, ValueError, match, options)


@each_estimator
@pytest.mark.parametrize(
    "scoring",
    ["acuracy", ["r2", "nope"], ["r2", "r2"], [], {}, {"a": "nope"}, [1], r2_score],
)
def test_bad_scoring(cls, scoring):
    """The message would not name the parameter, or come after the fit."""
    match = r"The 'scoring' parameter must be the name of a scorer .* Got .* instead"
    assert_refused(cls, ValueError, match, {"scoring": scoring, "max_iter": 1})


@each_estimator
@pytest.mark.parametrize("name", ["scoring", "store_cv_results"])
def test_values_of_a_wrong_type(cls, name):
    """Any value would be taken for a yes."""
    assert_refused(cls, ValueError, f"'{name}' parameter of", {name: 7})


def fails(estimator, X, y):
    """Score nothing."""
    raise ValueError("no score today")


@pytest.mark.parametrize(
    ("scoring", "match"),
    [
        ("roc_auc", "scoring='roc_auc' cannot score the rows that split 0 .*: "),
        (
            ["r2", "accuracy"],
            "scoring='accuracy' cannot score the rows that split 0 .*: ",
        ),
        ({"mine": fails}, "scoring='mine' cannot .* no score today"),
        (lambda estimator, X, y: "good", "must return a number. Got 'good' of type"),
        (lambda *_: {"a": 1.0, "b": None}, "must return a number. Got None of type"),
    ],
)
def test_a_scorer_that_fails(scoring, match):
    """The user would not learn which scorer, and lose the last model."""
    X, y = data_for(MYHPORidge)
    model = MYHPORidge().fit(X, y)
    before = model.lambda_
    with pytest.raises(ValueError, match=match):
        model.set_params(scoring=scoring, lambda_bounds=(1.0, 2.0)).fit(X, y)
    assert model.lambda_ == before


def test_forms_of_scoring():
    """A form that cross_validate takes would be refused, or give other names."""
    X, y = data_for(MYHPORidge)
    pairs = SPLITTERS["folds"](60)
    one = MYHPORidge(cv=pairs, scoring="r2").fit(X, y).cv_scores_

    def several(estimator, X, y):
        return {"own": estimator.score(X, y), "size": len(y)}

    forms = {
        "r2": ("r2",),
        "a": {"a": "r2", "b": make_scorer(max_error, greater_is_better=False)},
        "own": several,
    }
    for name, scoring in forms.items():
        found = MYHPORidge(cv=pairs, scoring=scoring).fit(X, y).cv_scores_
        np.testing.assert_array_equal(found[name], one)
    assert set(MYHPORidge(scoring={"r2", "neg_max_error"}).fit(X, y).cv_scores_) == {
        "r2",
        "neg_max_error",
    }


def weighted(estimator, X, y, sample_weight=None):
    """Return the sum of the weights."""
    return -1.0 if sample_weight is None else sample_weight.sum()


def plain_score(estimator, X, y):
    """Return the number of rows."""
    return len(y)


def test_weights_reach_scorers_that_take_them():
    """A score would be weighted or not by chance."""
    X, y = data_for(MYHPORidge)
    pairs, weight = SPLITTERS["folds"](60), uneven_weights()
    scoring = {"weighted": weighted, "plain": plain_score, "max": "neg_max_error"}
    model = MYHPORidge(cv=pairs, scoring=scoring)
    scores = model.fit(X, y, weight.tolist()).cv_scores_
    sums = [weight[rows].sum() for _, rows in pairs]
    np.testing.assert_allclose(scores["weighted"], sums)
    np.testing.assert_array_equal(scores["plain"], [15] * 4)
    assert np.all(model.fit(X, y).cv_scores_["weighted"] == -1.0)


def test_weights_with_metadata_routing():
    """Weights would reach a scorer that does not want them."""
    X, y = data_for(MYHPORidge)
    pairs, weight = SPLITTERS["folds"](60), uneven_weights()
    with config_context(enable_metadata_routing=True):
        scores = []
        for wanted in (True, False):
            scorer = get_scorer("r2").set_score_request(sample_weight=wanted)
            model = MYHPORidge(cv=pairs, scoring=scorer, tol=1e-10)
            scores.append(model.fit(X, y, weight).cv_scores_)
        with pytest.raises(ValueError, match="scoring='r2' does not request"):
            MYHPORidge(scoring="r2").fit(X, y, weight)
        with pytest.raises(ValueError, match="scoring='r2' does not request"):
            MYHPORidge(scoring=["r2"]).fit(X, y, weight)
        MYHPORidge(scoring=["r2"]).fit(X, y)
        MYHPORidge(scoring=plain_score).fit(X, y, weight)
    for found, given in zip(scores, (weight, np.ones(60)), strict=True):
        for score, (train, rows) in zip(found, pairs, strict=True):
            plain = fixed(model, X, y, train, weight)
            expected = plain.score(X[rows], y[rows], given[rows])
            assert score == pytest.approx(expected)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("cls", [BilevelRidge, BilevelLogisticRegression])
@pytest.mark.parametrize("options", [{"scoring": "r2"}, {"store_cv_results": True}])
def test_partial_fit_refuses(cls, options):
    """The results would be missing without a word."""
    X, y = data_for(cls)
    model = cls(solver=Stochastic("soba"), cv=3, random_state=0, max_iter=5)
    classes = {} if cls is BilevelRidge else {"classes": [0, 1]}
    model.fit(X, y)
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}=.*not possible with partial_fit"):
        model.set_params(**options).partial_fit(X, y, **classes)
    model.set_params(scoring=None, store_cv_results=True).fit(X, y)
    model.set_params(store_cv_results=False).partial_fit(X, y, **classes)
    assert model.cv_predictions_ is None
    assert model.cv_losses_ is None


def test_methods_that_end_elsewhere():
    """The loss of the splits would not be the one that is reported."""
    X, y = data_for(SHORidge)
    model = SHORidge(cv=4, store_cv_results=True, random_state=0, max_iter=30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    assert model.cv_losses_.mean() == pytest.approx(model.validation_loss_)
    losses = 0.5 * (y - model.cv_predictions_) ** 2
    assert losses.mean() == pytest.approx(model.validation_loss_)


def test_every_estimator_is_here():
    """An estimator would report nothing."""
    for cls in ESTIMATORS:
        assert {"scoring", "store_cv_results"} <= set(cls().get_params())
    assert set(MINIMIZERS) <= set(ESTIMATORS)


def test_a_fit_that_keeps_nothing_takes_no_rows(monkeypatch):
    """Every fit would pay for a copy of a sparse X."""
    monkeypatch.setattr(
        "sklearn_myhpo.linear_model._results.cv_results.GivenRows", None
    )
    X, y = data_for(MYHPORidge)
    model = MYHPORidge(random_state=0).fit(sparse.coo_matrix(X), y)
    assert model.cv_scores_ is None
