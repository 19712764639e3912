"""Criteria without held-out rows, and validation sets, of rows in tensors."""

import numpy as np
import pytest
from scipy.special import expit

from sklearn_myhpo import (
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
)
from sklearn_myhpo.engine.limits import use_limits
from tests import tensor_namespace as counted
from tests.tensor_spaces import (
    bring,
    close,
    data,
    dispatching,
    fit_both,
    load_space,
    put,
)

GROUPS = ["a", "a", "b", "b", "c"]
FACTORS = [1.0, 0.0, 2.0, 1.0, 0.5]
each_space = pytest.mark.parametrize("space", ["tests.tensor_namespace", "torch"])
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.LambdaBoundWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_myhpo.exceptions.FewRowsWarning"),
]


@pytest.fixture(autouse=True)
def _dispatch(monkeypatch):
    """Turn scikit-learn's dispatch of arrays on."""
    with dispatching(monkeypatch):
        yield


def three_classes(y):
    """Return labels of three classes."""
    return np.digitize(y, [-2.0, 2.0])


# Leave-one-out of ridge.

LOO = {
    "groups": {"feature_groups": GROUPS},
    "a lambda per feature": {"feature_groups": "each"},
    "groups, standardized": {"feature_groups": GROUPS, "standardize": True},
    "groups, no intercept": {"feature_groups": GROUPS, "fit_intercept": False},
    "factors, one zero": {"penalty_factors": FACTORS},
    "factors, standardized": {"penalty_factors": FACTORS, "standardize": True},
    "groups and factors": {"penalty_factors": FACTORS, "feature_groups": GROUPS},
    "shrinkage": {"feature_groups": GROUPS, "shrinkage": 0.1},
}


@each_space
@pytest.mark.parametrize("name", LOO)
def test_leave_one_out_is_that_of_numpy(name, space):
    """A user would get other penalties on a GPU than on the host."""
    X, y, weight = data(80)
    model = MYHPORidge(criterion="loo", tol=1e-9, **LOO[name])
    with use_limits(tensor_entries=5 * 32):
        plain, found = fit_both(model, X, y, weight, xp=load_space(space))
    close(found.coef_, plain.coef_)
    np.testing.assert_allclose(found.lambda_, plain.lambda_, rtol=0, atol=1e-9)
    assert found.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-11)


@pytest.mark.parametrize("name", ["groups", "groups and factors", "factors, one zero"])
def test_leave_one_out_leaves_every_row_out(name):
    """The loss that chose the penalties would not be that of new rows."""
    X, y, _ = data(40)
    model = MYHPORidge(criterion="loo", **LOO[name]).fit(counted.asarray(X), y)
    strength = np.resize(model.alpha_, len(model.feature_group_names_))
    labels, factors = model.feature_group_labels_, model.penalty_factors_
    penalty = np.append(factors * strength[np.maximum(labels, 0)], 0.0)
    rows, losses = np.column_stack([X, np.ones(len(y))]), []
    for row in range(len(y)):
        others = np.delete(rows, row, axis=0)
        matrix = others.T @ others + np.diag(penalty)
        w = np.linalg.solve(matrix, others.T @ np.delete(y, row))
        losses.append(0.5 * (y[row] - rows[row] @ w) ** 2)
    assert model.validation_loss_ == pytest.approx(np.mean(losses), rel=1e-9)


def test_leave_one_out_of_several_targets_has_groups():
    """Targets would be left out one by one."""
    X, y, weight = data(60)
    Y = np.column_stack([y, X[:, 0] ** 2])
    model = MYHPORidge(criterion="loo", feature_groups=GROUPS, tol=1e-9)
    plain, found = fit_both(model, X, Y, weight, xp=counted)
    close(found.coef_, plain.coef_)


# Approximate leave-one-out.

ALO = {
    "two classes": (MYHPOLogisticRegression, lambda y: (y > 0).astype(int), {}),
    "three classes": (MYHPOLogisticRegression, three_classes, {}),
    "groups": (
        MYHPOLogisticRegression,
        three_classes,
        {"feature_groups": GROUPS, "standardize": True},
    ),
    "class weights": (
        MYHPOLogisticRegression,
        lambda y: (y > 0).astype(int),
        {"class_weight": {0: 1.0, 1: 3.0}},
    ),
    "a lambda per class": (
        MYHPOLogisticRegression,
        three_classes,
        {"alpha_per_target": True},
    ),
    "counts": (MYHPOPoissonRegressor, lambda y: np.floor(np.exp(0.3 * y)), {}),
    "amounts": (
        MYHPOGammaRegressor,
        lambda y: np.exp(0.3 * y) + 0.1,
        {"penalty_factors": FACTORS},
    ),
}


@pytest.mark.one_in(3)
@each_space
@pytest.mark.parametrize("name", ALO)
def test_approximate_leave_one_out_is_that_of_numpy(name, space):
    """A user would get other penalties on a GPU than on the host."""
    X, y, weight = data(160)
    cls, target, options = ALO[name]
    model = cls(criterion="alo", tol=1e-9, **options)
    with use_limits(tensor_entries=5 * 64):
        plain, found = fit_both(model, X, target(y), weight, xp=load_space(space))
    # The minimum is flat: a tolerance of 1e-9 leaves this much of it open.
    close(found.coef_, plain.coef_, 1e-5)
    assert found.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-10)


def test_approximate_leave_one_out_is_a_newton_step_per_row():
    """The loss that chose the penalty would not be the published one."""
    X, y, _ = data(80)
    label = (y > 0).astype(float)
    model = MYHPOLogisticRegression(criterion="alo").fit(counted.asarray(X), label)
    w = np.append(bring(model.coef_)[0], bring(model.intercept_))
    rows = np.column_stack([X, np.ones(len(y))])
    p = expit(rows @ w)
    penalty = np.diag(np.append(np.ones(5) / model.C_, 0.0))
    hessian = rows.T @ ((p * (1 - p))[:, None] * rows) + penalty
    losses = []
    for row, label_of_row, own in zip(rows, label, p, strict=True):
        rest = hessian - own * (1 - own) * np.outer(row, row)
        raw = row @ (w + np.linalg.solve(rest, (own - label_of_row) * row))
        losses.append(np.logaddexp(0.0, raw) - label_of_row * raw)
    assert model.validation_loss_ == pytest.approx(np.mean(losses), rel=1e-8)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_copies_of_a_pass_do_not_grow_with_rows_or_blocks(n_classes):
    """Every row left out, or every block, would wait for the host."""
    n_copies = []
    for n_samples, entries in ((300, 2**22), (600, 2**22), (600, 5 * 50)):
        X, y, _ = data(n_samples)
        y = np.digitize(y, [0.0] if n_classes == 2 else [-2.0, 2.0])
        X = counted.asarray(X)
        counted.COPIES.clear()
        with use_limits(tensor_entries=entries, optimism_rows=20):
            model = MYHPOLogisticRegression(criterion="alo").fit(X, y)
        n_passes = model.oracle_counts_["n_passes"]
        n_copies.append((len(counted.COPIES) - 12) / n_passes)
        # The sample of the start: a quarter of the rows, and some of every class.
        assert max(counted.COPIES) <= (n_samples // 4 + 64 * n_classes) * 5
    np.testing.assert_allclose(n_copies, n_copies[0], rtol=0.15)


@pytest.mark.one_in(5)
@each_space
@pytest.mark.parametrize(
    "options",
    [
        {"feature_groups": GROUPS},
        {"standardize": True, "penalty_factors": FACTORS},
        {"fit_intercept": False},
    ],
)
def test_lambdas_of_classes_are_those_of_numpy(options, space):
    """Classes would share their lambdas on a GPU."""
    X, y, weight = data(300)
    model = MYHPOLogisticRegression(alpha_per_target=True, tol=1e-9, **options)
    given = model, X, three_classes(y), weight
    plain, found = fit_both(*given, xp=load_space(space))
    assert found.lambda_.shape == plain.lambda_.shape
    assert found.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-9)
    close(found.coef_, plain.coef_, 1e-5)
    close(found.predict_proba(put(load_space(space), X)), plain.predict_proba(X), 1e-5)


MINIMA = {
    "validation": (MYHPOLogisticRegression, lambda y: y > 0, {}),
    "groups": (MYHPOPoissonRegressor, ALO["counts"][1], {"feature_groups": GROUPS}),
    "alo": (MYHPOLogisticRegression, three_classes, {"criterion": "alo"}),
    "hold-out": (MYHPOGammaRegressor, ALO["amounts"][1], {"cv": 0.3}),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", MINIMA)
def test_fits_end_at_the_minimum(name):
    """By default the result would depend on where the passes gave up."""
    X, y, weight = data(200)
    cls, target, options = MINIMA[name]
    given = counted.asarray(X), target(y), weight
    found = cls(random_state=0, **options).fit(*given)
    accurate = cls(random_state=0, tol=1e-10, **options).fit(*given)
    close(found.coef_, accurate.coef_, 1e-7)
    plain = cls(random_state=0, tol=1e-10, **options).fit(X, target(y), weight)
    # Where the slopes of NumPy's own iterations end in rounding.
    close(accurate.coef_, plain.coef_, 1e-6)


# Validation sets.

OWN = {
    "ridge": (MYHPORidge, lambda y: y, {}),
    "ridge, groups": (MYHPORidge, lambda y: y, {"feature_groups": GROUPS}),
    "ridge, standardized": (MYHPORidge, lambda y: y, {"standardize": True}),
    "targets": (MYHPORidge, lambda y: np.column_stack([y, y**2]), {}),
    "ridge classifier": (
        MYHPORidgeClassifier,
        three_classes,
        {"class_weight": "balanced"},
    ),
    "labels": (
        MYHPORidgeClassifier,
        lambda y: np.column_stack([y > 0, y > 2]).astype(int),
        {},
    ),
    "two classes": (
        MYHPOLogisticRegression,
        lambda y: np.where(y > 0, "yes", "no"),
        {"class_weight": "balanced"},
    ),
    "counts": (
        MYHPOPoissonRegressor,
        lambda y: np.floor(np.exp(0.3 * y)),
        {"feature_groups": GROUPS},
    ),
}


@each_space
@pytest.mark.parametrize("name", OWN)
def test_validation_sets_are_those_of_numpy(name, space):
    """Lambda would be learned on other rows than on the host."""
    X, y, weight = data(200)
    cls, target, options = OWN[name]
    xp, y = load_space(space), target(y)
    model = cls(tol=1e-9, **options)
    more = {"y_val": y[150:], "sample_weight_val": weight[150:]}
    given = model, X[:150], y[:150], weight[:150]
    if y.dtype.kind == "U":
        plain = cls(tol=1e-9, **options)
        plain.fit(X[:150], y[:150], weight[:150], X_val=X[150:], **more)
        found = model.fit(
            put(xp, X[:150]), y[:150], weight[:150], X_val=put(xp, X[150:]), **more
        )
    else:
        # The rows of X_val follow X to its device.
        plain, found = fit_both(*given, xp=xp, X_val=X[150:], **more)
    close(found.coef_, plain.coef_, 1e-7)
    assert found.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-9)


def test_validation_rows_stay_on_the_device():
    """A large validation set would be copied to the host."""
    X, y, _ = data(2000)
    X, X_val = counted.asarray(X[:1000]), counted.asarray(X[1000:])
    counted.COPIES.clear()
    with use_limits(optimism_rows=50):
        MYHPORidge().fit(X, y[:1000], X_val=X_val, y_val=y[1000:])
        MYHPOLogisticRegression().fit(X, y[:1000] > 0, X_val=X_val, y_val=y[1000:] > 0)
    # The sample of the start: a quarter of the rows, and some of every class.
    assert max(counted.COPIES) <= (2000 // 4 + 64 * 2) * 5


def test_validation_rows_follow_x():
    """Rows of the host, or of another device, would be an obscure error."""
    X, y, _ = data(90)
    kinds = (
        X[60:],
        X[60:].tolist(),
        counted.asarray(X[60:]),
        counted.asarray(X[60:], device=counted.Device("other")),
    )
    found = [
        MYHPORidge().fit(counted.asarray(X[:60]), y[:60], X_val=own, y_val=y[60:])
        for own in kinds
    ]
    for model in found[1:]:
        np.testing.assert_array_equal(bring(model.coef_), bring(found[0].coef_))
    plain = MYHPORidge().fit(X[:60], y[:60], X_val=kinds[2], y_val=y[60:])
    assert isinstance(plain.coef_, np.ndarray)
    close(found[0].coef_, plain.coef_)


@pytest.mark.one_in(2)
@each_space
def test_wide_rows_have_validation_sets(space):
    """The validation rows would not be in the space of the others."""
    X, y, _ = data(60, 3000)
    more = {"X_val": X[40:], "y_val": y[40:]}
    plain, found = fit_both(MYHPORidge(), X[:40], y[:40], xp=load_space(space), **more)
    close(found.coef_, plain.coef_, 1e-8)
    assert found.validation_loss_ == pytest.approx(plain.validation_loss_, rel=1e-8)


def test_labels_are_columns_of_zeros_and_ones():
    """Rows with several labels would be refused."""
    X, y, _ = data(100)
    labels = np.column_stack([y > 0, y > 2]).astype(int)
    plain, found = fit_both(MYHPORidgeClassifier(), X, labels, xp=counted)
    predicted = found.predict(counted.asarray(X))
    np.testing.assert_array_equal(bring(predicted), plain.predict(X))
    close(found.coef_, plain.coef_)


REFUSED = {
    "other features": (
        {"X_val": np.ones((9, 3)), "y_val": np.ones(9)},
        "X_val, y_val: X has 3 features, but MYHPORidge is expecting 5 features",
    ),
    "other rows": ({"X_val": np.ones((9, 5)), "y_val": np.ones(8)}, "X_val, y_val: "),
    "no y": ({"X_val": np.ones((9, 5))}, "X_val needs y_val too. Got y_val=None."),
    "targets": (
        {"X_val": np.ones((9, 5)), "y_val": np.ones((9, 2))},
        "y_val must have as many targets as y, which has the shape (30,). Got the "
        "shape (9, 2).",
    ),
    "weights of rows": (
        {"X_val": np.ones((9, 5)), "y_val": np.ones(9), "row_groups": "each"},
        "row_groups needs X as a NumPy array, a sparse matrix or a frame. Got an "
        "array of tests.tensor_namespace.",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_validation_sets_that_do_not_fit_are_refused(name):
    """A user would see an error of an inner function."""
    X, y, _ = data(30)
    given, text = REFUSED[name]
    with pytest.raises(ValueError, match=r"val|row_groups") as raised:
        MYHPORidge().fit(counted.asarray(X), y, **given)
    assert text in str(raised.value)


def test_unknown_labels_of_a_validation_set_are_refused():
    """The loss of a label that no row trains is infinite."""
    X, y, _ = data(60)
    labels = np.where(y > 0, 1, 0)
    for model in (MYHPOLogisticRegression(), MYHPORidgeClassifier()):
        with pytest.raises(ValueError, match="y_val has the label 7, which no row"):
            model.fit(
                counted.asarray(X),
                labels,
                X_val=counted.asarray(X[:9]),
                y_val=np.append(labels[:8], 7),
            )
