"""`MYHPORidgeClassifier`, the counterpart of `RidgeClassifierCV`."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import LabelBinarizer, StandardScaler

from sklearn_myhpo import MYHPORidge, MYHPORidgeClassifier
from tests.helpers import class_spec, covering_pairs, data_for, folds, no_warnings
from tests.linear_model.common import uneven_weights

pytestmark = no_warnings
#: Tall and wide data.
SHAPES = [(60, 4), (60, 150)]
LABELS = np.array(["ant", "bee", "cat", "dog"])


def codes(y):
    """Return a target of -1 and 1 per class, one for two."""
    return LabelBinarizer(pos_label=1, neg_label=-1).fit_transform(y).astype(float)


def several_labels(n_samples=80, n_labels=3, seed=0):
    """Return features, and zeros and ones per label."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 5))
    raw = X @ rng.standard_normal((5, n_labels)) + rng.standard_normal(
        (n_samples, n_labels)
    )
    return X, (raw > 0.3).astype(int)


@pytest.mark.parametrize(
    ("n_classes", "fit_intercept", "weighted", "dtype", "shape"),
    covering_pairs(
        [2, 3], [True, False], [True, False], [np.float64, np.float32], SHAPES
    ),
)
def test_same_as_ridge_classifier(n_classes, fit_intercept, weighted, dtype, shape):
    """`alpha_` would give other weights, or the attributes other shapes."""
    X, y = data_for(MYHPORidgeClassifier, *shape, n_classes=n_classes)
    X, y = X.astype(dtype), LABELS[y]
    weight = uneven_weights() if weighted else None
    model = MYHPORidgeClassifier(fit_intercept=fit_intercept, cv=3, random_state=0)
    model.fit(X, y, sample_weight=weight)
    options = {"alpha": model.alpha_, "fit_intercept": fit_intercept}
    plain = RidgeClassifier(**options, solver="svd").fit(X, y, sample_weight=weight)
    exact = RidgeClassifier(**options, solver="svd")
    exact.fit(X.astype(float), y, sample_weight=weight)
    assert model.coef_.shape == plain.coef_.shape
    assert model.coef_.dtype == plain.coef_.dtype
    atol = (1e-10 if dtype == np.float64 else 1e-5) * np.abs(exact.coef_).max()
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=atol)
    np.testing.assert_allclose(model.intercept_, exact.intercept_, atol=100 * atol)
    assert np.shape(model.intercept_) == (1 if n_classes == 2 else n_classes,)
    np.testing.assert_array_equal(model.classes_, plain.classes_)
    scores = model.decision_function(X)
    assert scores.shape == plain.decision_function(X).shape
    np.testing.assert_allclose(scores, exact.decision_function(X), atol=100 * atol)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    assert model.score(X, y) == plain.score(X, y)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_alpha_of_ridge_classifier_cv(load, weighted):
    """Leave-one-out is what RidgeClassifierCV does: a fine grid ends next to us."""
    X, y = load(return_X_y=True)
    X = StandardScaler().fit_transform(X)[::2]
    y = y[::2]
    weight = np.linspace(0.2, 3.0, len(y)) if weighted else None
    ours = MYHPORidgeClassifier(criterion="loo").fit(X, y, sample_weight=weight)
    step = 1.002
    grid = ours.alpha_ * step ** np.arange(-400, 401)
    theirs = RidgeClassifierCV(grid).fit(X, y, sample_weight=weight)
    assert theirs.alpha_ / step <= ours.alpha_ <= theirs.alpha_ * step
    if not weighted:  # theirs is the mean over targets too
        n_targets = codes(y).shape[1]
        loss = -theirs.best_score_ * n_targets / 2
        np.testing.assert_allclose(ours.validation_loss_, loss, rtol=1e-6)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-3)


#: Options of ridge.
OPTIONS = [
    {},
    {"feature_groups": [0, 0, 1, 1]},
    {"feature_groups": "each", "shrinkage": "auto"},
    {"penalty_factors": [1.0, 0.0, 4.0, 1.0]},
    {"selection": "one_se"},
    {"refit": False},
    {"steps": "gradient", "lambda_init": -1.0, "max_iter": 30},
    {"response": "mean", "metric": "identity", "lambda_init": -2.0, "max_iter": 9},
    {"criterion": "gcv"},
    {"criterion": "mlr"},
]


@pytest.mark.one_in(7)
@pytest.mark.parametrize(
    ("n_classes", "options", "container"),
    covering_pairs([2, 3, 4], OPTIONS, [np.asarray, sparse.csr_array]),
    ids=str,
)
def test_same_as_ridge_on_codes(n_classes, options, container):
    """Every option of ridge must mean the same for classes."""
    X, y = data_for(MYHPORidgeClassifier, n_classes=n_classes)
    X = container(np.where(np.abs(X) < 0.3, 0.0, X))
    options = {"cv": folds(len(y), 4), "random_state": 0, **options}
    model = MYHPORidgeClassifier(**options).fit(X, LABELS[y])
    ridge = MYHPORidge(**options).fit(X, codes(y))
    for name in ("lambda_", "validation_loss_", "alpha_", "intercept_"):
        found, expected = getattr(model, name), getattr(ridge, name)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(np.atleast_2d(model.coef_), np.atleast_2d(ridge.coef_))


def test_minimum_against_a_grid():
    """A grid over alpha would find a lower error of held-out rows."""
    spec = class_spec(n_classes=3)
    model = MYHPORidgeClassifier(cv=spec.pairs).fit(spec.X, spec.y)
    target = codes(spec.y)

    def loss(lambda_):
        total = 0.0
        for train, held_out in spec.pairs:
            alpha = 2 * len(train) * np.exp(lambda_)
            plain = RidgeClassifier(alpha=alpha).fit(spec.X[train], spec.y[train])
            off = target[held_out] - plain.decision_function(spec.X[held_out])
            total += 0.5 * np.sum(off**2)
        return total / len(spec.y)

    np.testing.assert_allclose(model.validation_loss_, loss(model.lambda_), rtol=1e-10)
    assert model.validation_loss_ <= min(map(loss, np.linspace(-15, 4, 40)))


def test_splits_are_stratified():
    """A fold without the rare class would be possible."""
    X, y = data_for(MYHPORidgeClassifier)
    y = LABELS[np.where(np.arange(60) % 12 == 0, 0, 1)]
    pairs = list(StratifiedKFold(5).split(X, y))
    given = MYHPORidgeClassifier(cv=pairs, random_state=0).fit(X, y)
    splitter = MYHPORidgeClassifier(cv=StratifiedKFold(5), random_state=0).fit(X, y)
    assert splitter.lambda_ == given.lambda_
    for cv in (5, 0.2):
        assert np.isfinite(MYHPORidgeClassifier(cv=cv).fit(X, y).validation_loss_)
    with pytest.raises(ValueError, match="no row of class 'ant'"):
        MYHPORidgeClassifier(cv=[(np.flatnonzero(y != "ant"), [0])]).fit(X, y)


@pytest.mark.parametrize("form", ["float64", "float32", "sparse"])
@pytest.mark.parametrize("target", ["two", "three", "several"])
@pytest.mark.parametrize("groups", [None, "each"])
def test_handed_over_predicts_alike(form, target, groups):
    """A registry would serve another model than the one that was validated."""
    if target == "several":
        X, y = several_labels()
    else:
        X, y = data_for(MYHPORidgeClassifier, n_classes=2 + (target == "three"))
        y = LABELS[y]
    X = {"sparse": sparse.csr_array, "float64": np.array, "float32": np.float32}[form](
        X
    )
    model = MYHPORidgeClassifier(feature_groups=groups, random_state=0).fit(X, y)
    plain = model.to_sklearn()
    assert type(plain) is RidgeClassifier
    assert plain.coef_.dtype == model.coef_.dtype
    assert not np.shares_memory(plain.coef_, model.coef_)
    scores = model.decision_function(X)
    np.testing.assert_allclose(plain.decision_function(X), scores, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(plain.predict(X), model.predict(X))
    np.testing.assert_array_equal(plain.classes_, model.classes_)
    if groups is None and form == "float64":
        again = clone(plain).fit(X, y)
        np.testing.assert_allclose(again.coef_, model.coef_, rtol=1e-8)


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_several_labels_per_row(container):
    """RidgeClassifierCV takes an indicator matrix; so must its counterpart."""
    X, y = several_labels()
    weight = np.random.default_rng(1).uniform(0.3, 2.0, len(y))
    model = MYHPORidgeClassifier(cv=folds(len(y), 4))
    model.fit(X, container(y), sample_weight=weight)
    ridge = MYHPORidge(cv=folds(len(y), 4)).fit(X, 2.0 * y - 1, sample_weight=weight)
    np.testing.assert_allclose(model.coef_, ridge.coef_)
    plain = RidgeClassifier(alpha=model.alpha_).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-8)
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    np.testing.assert_array_equal(model.classes_, plain.classes_)
    assert model.score(X, y) == plain.score(X, y)


def test_several_labels_in_frames_lists_and_a_validation_set():
    """A form of y would be taken for another kind of target."""
    pandas = pytest.importorskip("pandas")
    X, y = several_labels()
    base = MYHPORidgeClassifier(random_state=0).fit(X, y)
    for form in (pandas.DataFrame(y), y.tolist(), y.astype(float), y.astype(bool)):
        other = MYHPORidgeClassifier(random_state=0).fit(X, form)
        np.testing.assert_array_equal(other.coef_, base.coef_)
    own = MYHPORidgeClassifier().fit(X[:50], y[:50], X_val=X[50:], y_val=y[50:])
    pair = [(np.arange(50), np.arange(50, 80))]
    same = MYHPORidgeClassifier(cv=pair).fit(X, y)
    np.testing.assert_allclose(own.lambda_, same.lambda_, rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "options", "match"),
    [
        (np.arange(160).reshape(80, 2) % 3, {}, "y must have one label per row, or"),
        (several_labels()[1] * 2, {}, "y must have one label per row, or"),
        (np.ones((80, 2)) / 2, {}, "y must have one label per row, or"),
        (
            several_labels()[1],
            {"class_weight": "balanced"},
            r"class_weight='balanced' needs one label per row.*\(80, 3\)",
        ),
    ],
    ids=["three values", "zero and two", "halves", "class_weight"],
)
def test_bad_columns(y, options, match):
    """Labels in columns that are not zeros and ones have no -1 and 1."""
    X, _ = several_labels()
    with pytest.raises(ValueError, match=match):
        MYHPORidgeClassifier(**options).fit(X, y)


def test_many_classes_of_wide_rows():
    """Ten targets of fewer rows than features go through products of rows."""
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    X = np.maximum(X[:200] / 16.0 @ rng.standard_normal((64, 900)), 0.0)
    y = y[:200]
    model = MYHPORidgeClassifier(cv=StratifiedKFold(4)).fit(X, y)
    assert "combinations of rows" in str(model.plan_.subspace)
    plain = RidgeClassifier(alpha=model.alpha_).fit(X, y)
    np.testing.assert_allclose(
        model.coef_, plain.coef_, atol=1e-8 * np.abs(plain.coef_).max()
    )
    target, total = codes(y), 0.0
    for train, held_out in StratifiedKFold(4).split(X, y):
        alpha = 2 * len(train) * np.exp(model.lambda_)
        part = RidgeClassifier(alpha=alpha).fit(X[train], y[train])
        off = target[held_out] - part.decision_function(X[held_out])
        total += 0.5 * np.sum(off**2)
    np.testing.assert_allclose(model.validation_loss_, total / len(y), rtol=1e-8)


def test_reports():
    """Frames and the table in notebooks speak of alpha."""
    pytest.importorskip("pandas")
    X, y = data_for(MYHPORidgeClassifier, n_classes=3)
    model = MYHPORidgeClassifier(feature_groups=["a", "a", "b", "b"], cv=3).fit(X, y)
    frame = model.penalties_frame()
    np.testing.assert_allclose(frame["alpha"], model.alpha_)
    norms = [np.linalg.norm(model.coef_[:, part]) for part in ([0, 1], [2, 3])]
    np.testing.assert_allclose(frame["coef_norm"], norms)
    assert "alpha" in model._repr_html_()
