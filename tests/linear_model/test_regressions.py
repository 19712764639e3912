"""Ill-conditioned and badly scaled data on which a shortcut would go wrong."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, TimeSeriesSplit

from sklearn_myhpo import LambdaBoundWarning, MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.engine.glm import products
from tests.helpers import LOGISTICS, RIDGES, data_for
from tests.linear_model.common import shuffled


def grid_minimum(X, y, pairs):
    """Return the least K-fold loss over 400 lambdas, by singular values."""
    parts = []
    for train, validation in pairs:
        mean, y_mean = X[train].mean(axis=0), y[train].mean()
        left, values, right = np.linalg.svd(X[train] - mean, full_matrices=False)
        projected = left.T @ (y[train] - y_mean)
        held_out = (X[validation] - mean) @ right.T
        parts.append((values, projected, held_out, y[validation] - y_mean, len(train)))

    def loss(lambda_):
        squares = 0.0
        for values, projected, held_out, y_held_out, n_train in parts:
            p = 2.0 * n_train * np.exp(lambda_)
            prediction = held_out @ (values * projected / (values**2 + p))
            squares += np.sum((y_held_out - prediction) ** 2)
        return 0.5 * squares / len(y)

    return min(loss(lambda_) for lambda_ in np.linspace(-25.0, 10.0, 400))


@pytest.mark.one_in(5)
@pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning")
@pytest.mark.parametrize("seed", range(12))
def test_random_units_and_conditioning(seed):
    """On unscaled, correlated data a grid, or one lambda, would be better."""
    rng = np.random.default_rng(seed)
    n_samples, n_features = rng.integers(12, 80), rng.integers(2, 60)
    scales = np.exp(rng.uniform(-6, 3) * rng.random(n_features))
    X = rng.standard_normal((n_samples, n_features)) * scales
    if seed % 3 == 0:
        X = X @ rng.standard_normal((n_features, n_features))
    X = X * np.exp(rng.uniform(-6, 6)) + rng.uniform(-3, 3)
    y = X @ (rng.standard_normal(n_features) * (rng.random(n_features) < 0.5))
    y = y / (y.std() + 1e-12)
    y = y + np.exp(rng.uniform(-6, 1)) * rng.standard_normal(n_samples)
    pairs = list(KFold(4, shuffle=True, random_state=seed).split(X))
    one = MYHPORidge(cv=pairs).fit(X, y)
    assert one.validation_loss_ <= grid_minimum(X, y, pairs) * (1 + 1e-6)
    two = MYHPORidge(cv=pairs, feature_groups=np.arange(n_features) % 2).fit(X, y)
    assert two.validation_loss_ <= one.validation_loss_ * (1 + 1e-6)


@pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning")
def test_the_signal_of_small_units_is_found():
    """A column in large units would hide what the others know."""
    rng = np.random.default_rng(0)
    scales = np.logspace(-5, 6, 15)
    X = rng.standard_normal((500, 15)) * scales
    y = X @ (1.0 / scales) + 0.1 * rng.standard_normal(500)
    scaled = np.linalg.lstsq(X / scales, y, rcond=None)[0]
    best = 1.0 - np.mean((y - X / scales @ scaled) ** 2) / y.var()
    assert MYHPORidge(random_state=0).fit(X, y).score(X, y) > best - 1e-3


@pytest.mark.one_in(3)
@pytest.mark.parametrize("cls", LOGISTICS)
def test_a_class_without_weight_is_dropped(cls):
    """One weightless row of a third class would ruin two good ones."""
    X, y = data_for(cls)
    weight = np.ones(len(y))
    X, y, weight = np.vstack([X, X[:1]]), np.append(y, 2), np.append(weight, 0.0)
    with_row = cls(cv=3, max_iter=5, random_state=0).fit(X, y, weight)
    without = cls(cv=3, max_iter=5, random_state=0).fit(X[:-1], y[:-1])
    np.testing.assert_array_equal(with_row.classes_, [0, 1])
    np.testing.assert_allclose(with_row.coef_, without.coef_, rtol=1e-10)


@pytest.mark.parametrize("cls", RIDGES)
@pytest.mark.parametrize("dtype", [str, object])
def test_strings_of_digits_are_no_target(cls, dtype):
    """A column of text read from a file would be taken for a number."""
    X, y = data_for(cls)
    with pytest.raises(ValueError, match=r"y must be numeric .* strings"):
        cls().fit(X, y.astype(str).astype(dtype))


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"lambda_init": 1000.0}, "lambda_init"),
        ({"lambda_bounds": (800, 900)}, "bounds"),
    ],
)
def test_lambda_beyond_floating_point(options, name):
    """exp(lambda) would overflow deep inside."""
    X, y = data_for(MYHPORidge)
    with pytest.raises(ValueError, match=name):
        MYHPORidge(**options).fit(X, y)


@pytest.mark.parametrize("factor", [1e160, 1e-200])
def test_squares_of_x_must_be_numbers(factor):
    """Squares that overflow or vanish would give nonsense."""
    X, y = data_for(MYHPORidge)
    with pytest.raises(ValueError, match="X has entries up to"):
        MYHPORidge().fit(X * factor, y)
    if factor > 1:
        with pytest.raises(ValueError, match="y has entries up to"):
            MYHPORidge().fit(X, y * factor)


@pytest.mark.parametrize("constant", ["X", "y"])
def test_a_flat_objective_has_no_false_warning(constant):
    """Without anything to learn, no bound is to blame; the simplest model is."""
    X, y = data_for(MYHPORidge)
    X, y = (np.full_like(X, 0.1), y) if constant == "X" else (X, np.full_like(y, 0.1))
    with warnings.catch_warnings():
        warnings.simplefilter("error", LambdaBoundWarning)
        model = MYHPORidge(random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.coef_, 0.0)


def test_warning_at_own_bounds_says_to_widen_them():
    """The limit that the user set would be taken for a property of the data."""
    X, y = data_for(MYHPOLogisticRegression)
    model = MYHPOLogisticRegression(lambda_bounds=(2.0, 3.0), random_state=0)
    with pytest.warns(LambdaBoundWarning, match=r"Widen lambda_bounds=\(2.0, 3.0\)"):
        model.fit(X, y)


def test_unfinished_conjugate_gradients_are_told(monkeypatch, set_limits):
    """A lambda from solves that never finished would be taken for the minimum."""
    set_limits(dense_size=0)
    X, y = data_for(MYHPOLogisticRegression)
    options = {"cv": 2, "random_state": 0, "max_iter": 9}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        MYHPOLogisticRegression(**options).fit(X, y)
    monkeypatch.setattr(products, "CG_MAX_ITER", 1)
    with pytest.warns(ConvergenceWarning, match="Inner solves reached"):
        MYHPOLogisticRegression(**options).fit(X, y)


def test_splits_of_different_size_are_scanned_alike():
    """Short training parts of badly scaled data would break the scan of all."""
    rng = np.random.default_rng(0)
    scales = np.array([1e-3, 1.0, 1.0, 1.0, 1e4])
    X = rng.standard_normal((40, 5)) * scales
    y = X @ (1.0 / scales) + rng.standard_normal(40)
    pairs = list(TimeSeriesSplit(4).split(X))
    model = MYHPORidge(cv=pairs, refit=False).fit(X, y)
    n_held_out = sum(len(held_out) for _, held_out in pairs)
    best = grid_minimum(X, y, pairs) * len(y) / n_held_out
    assert model.validation_loss_ <= best * (1 + 1e-6)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("unit", [1.0, 1e-7, 1e-20])
def test_the_only_useful_class_feature_may_have_tiny_units(unit):
    """The scan would end before the penalty is weak enough for it."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal(300)
    noise = rng.standard_normal((300, 2))
    y = z + rng.logistic(size=300) > 0
    model = MYHPOLogisticRegression(random_state=0)
    model.fit(np.column_stack([noise, unit * z]), y)
    assert model.validation_loss_ < 0.65


def test_separable_classes_end_soon():
    """Rounding of a loss near zero would keep Newton's method busy for minutes."""
    X, y = load_wine(return_X_y=True)
    cv = shuffled(MYHPOLogisticRegression, 3)
    model = MYHPOLogisticRegression(cv=cv, feature_groups="each")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", LambdaBoundWarning)
        model.fit(X, y)
    counts = model.oracle_counts_
    assert counts["n_values"] < 20 * counts["n_inner_solves"]
    assert model.validation_loss_ < 1e-4


def test_infinite_bounds_are_automatic_ones():
    """Steps to an infinite lambda would be rejected again and again."""
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((60, 8)), rng.standard_normal(60)
    options = {"cv": 5, "feature_groups": "each", "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        auto = MYHPORidge(**options).fit(X, y)
        free = MYHPORidge(lambda_bounds=(-np.inf, np.inf), **options).fit(X, y)
    assert free.converged_
    np.testing.assert_allclose(free.lambda_, auto.lambda_)


@pytest.mark.parametrize("bounds", [(30.0, 40.0), (-90.0, -80.0)])
def test_targets_with_bounds_that_nobody_feels(bounds):
    """A range in which lambda makes no difference would end in an error."""
    X, y = data_for(MYHPORidge)
    Y = np.column_stack([y, y[::-1]])
    model = MYHPORidge(lambda_bounds=bounds, alpha_per_target=True, cv=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        model.fit(X, Y)
    assert np.all((model.lambda_ >= bounds[0]) & (model.lambda_ <= bounds[1]))
    assert model.certificate_ is None


def test_nothing_is_left_of_an_earlier_fit():
    """Losses of another fit would be taken for those of this one."""
    X, y = data_for(MYHPORidge)
    model = MYHPORidge(feature_groups="each", shrinkage="auto", cv=3).fit(X, y)
    assert model.shrinkage_path_["nested_loss"].size > 1
    model.set_params(shrinkage=0.1).fit(X, y)
    assert model.shrinkage_path_ is None


def test_a_class_missing_within_a_split_is_told():
    """Weights of a class without rows would run away."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 3)), np.repeat([0, 1, 2], 20)
    rows = np.arange(60)
    # Half of class 2 is held out by the first split, half by the second.
    held_out = [
        np.r_[0:8, 20:28, 40:50],
        np.r_[8:16, 28:36, 50:60],
        np.r_[16:20, 36:40],
    ]
    pairs = [(np.setdiff1d(rows, part), part) for part in held_out]
    model = MYHPOLogisticRegression(cv=pairs, feature_groups="each", shrinkage="auto")
    with pytest.raises(ValueError, match="no rows of the class"):
        model.fit(X, y)
