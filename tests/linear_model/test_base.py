"""The story of fit: splits, groups, starts, precision, bounds."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import KFold, ShuffleSplit

from sklearn_myhpo import (
    LambdaBoundWarning,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
)
from tests.helpers import CLASSIFIERS, data_for, raw_predictions
from tests.linear_model.common import (
    ACCURATE,
    N_ROWS,
    each_estimator,
    long_step_fit,
    no_bound_warning,
    shuffled,
)


@pytest.mark.one_in(3, 1)
@each_estimator
@no_bound_warning
def test_groups_are_learned_from_the_automatic_start(cls):
    """All groups would keep the shared lambda, and feature_groups have no effect.

    Two of the four features are noise, which wants a far larger penalty.
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, 4))
    y = X @ [2.0, -2.0, 0.0, 0.0] + rng.standard_normal(N_ROWS)
    if cls in CLASSIFIERS:
        y = (y > 0).astype(int)
    options = {"cv": shuffled(cls, 3), "random_state": 0}
    one = cls(**options).fit(X, y)
    model = cls(feature_groups=["a", "a", "b", "b"], **options).fit(X, y)
    assert model.lambda_[1] > model.lambda_[0] + 0.5
    assert model.validation_loss_ < one.validation_loss_


@pytest.mark.one_in(3, 1)
@each_estimator
@no_bound_warning
def test_warm_start_stays_where_it_ended(cls):
    """A second fit would start over, or go elsewhere."""
    X, y = data_for(cls)
    options = {"lambda_init": -2.5, "cv": 2, "random_state": 0, "warm_start": True}
    # Enough for the gradient steps of SHO.
    model = cls(max_iter=3000, **options).fit(X, y)
    first, n_first, coef = model.lambda_, model.n_iter_, model.coef_
    assert n_first > 1
    model.fit(X, y)
    assert model.n_iter_ <= n_first
    # The relative hypergradient is below tol; its slope in lambda is about 0.1.
    tolerance = 100 * model.tol
    np.testing.assert_allclose(model.lambda_, first, atol=tolerance)
    np.testing.assert_allclose(model.coef_, coef, atol=tolerance)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_start_continues(cls):
    """Stopping and going on would lose the iterations made so far."""
    model, X, y = long_step_fit(cls, warm_start=True, max_iter=20)
    model.fit(X, y)
    before = model.validation_loss_
    model.fit(X, y)
    assert model.history_["lambda"].shape[0] <= 20
    assert model.validation_loss_ < before + 1e-3
    fresh, X, y = long_step_fit(cls, max_iter=1)
    assert model.history_["validation_loss"][0] < fresh.fit(X, y).validation_loss_


@pytest.mark.one_in(3, 1)
@each_estimator
def test_warm_start_survives_other_data(cls):
    """New data with other features or splits must start afresh, not fail."""
    X, y = data_for(cls)
    model = cls(warm_start=True, cv=3, random_state=0).fit(X, y)
    model.fit(X[:, :3], y)
    assert model.n_features_in_ == 3
    model.set_params(cv=2).fit(X, y)
    model.set_params(feature_groups=["a", "a", "b", "b"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        assert model.fit(X, y).lambda_.shape == (2,)


@pytest.mark.one_in(3, 1)
@each_estimator
def test_random_state(cls):
    """The same seed must give the same model, another seed another hold-out split."""
    X, y = data_for(cls)
    options = {"cv": 0.3}
    fits = [cls(random_state=seed, **options).fit(X, y) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)
    assert fits[0].lambda_ == fits[1].lambda_
    assert fits[0].lambda_ != fits[2].lambda_
    state = np.random.RandomState(0)
    first, second = (cls(random_state=state, **options).fit(X, y) for _ in range(2))
    assert first.lambda_ != second.lambda_


@pytest.mark.one_in(3, 1)
@each_estimator
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_float32(cls, container):
    """Memory would double, or the result depend on the precision of X."""
    X, y = data_for(cls)
    options = {"cv": 3, "random_state": 0}
    single = cls(**options).fit(container(X.astype(np.float32)), y)
    assert single.coef_.dtype == np.asarray(single.intercept_).dtype == np.float32
    raw = raw_predictions(single, container(X.astype(np.float32)))
    assert raw.dtype == np.float32
    double = cls(**options).fit(container(X), y)
    assert double.coef_.dtype == np.float64
    # X is rounded to 6e-8; the weights of a well-conditioned fit follow it.
    np.testing.assert_allclose(single.coef_, double.coef_, rtol=1e-4, atol=1e-5)
    assert single.lambda_ == pytest.approx(double.lambda_, abs=1e-3)


@pytest.mark.one_in(3, 1)
@each_estimator
def test_int_and_bool_features(cls):
    """Counts and flags are numbers too."""
    X, y = data_for(cls)
    for other in ((X > 0), (3 * X).astype(int)):
        model = cls(cv=2, random_state=0).fit(other, y)
        same = cls(cv=2, random_state=0).fit(other.astype(float), y)
        np.testing.assert_array_equal(model.coef_, same.coef_)


@each_estimator
@pytest.mark.parametrize(
    "cv",
    [
        0.25,
        3,
        KFold(3, shuffle=True, random_state=0),
        ShuffleSplit(2, test_size=0.4, random_state=0),
        [(np.arange(30), np.arange(30, 60))],
        [(np.arange(60) < 30, np.arange(60) >= 30)],
        [(np.arange(40), np.arange(40, 50)), (np.arange(20, 60), np.arange(10))],
    ],
    ids=["float", "int", "KFold", "ShuffleSplit", "pair", "masks", "partial"],
)
@no_bound_warning
def test_every_form_of_cv(cls, cv):
    """A documented form of cv would fail, or not be what is validated on."""
    X, y = data_for(cls)
    model = cls(cv=cv, random_state=0).fit(X, y)
    assert np.all(np.isfinite(model.coef_))
    # SHO takes gradient steps: how many it needs says nothing of the splits.
    assert model.converged_ or cls in (SHORidge, SHOLogisticRegression)


@each_estimator
@pytest.mark.parametrize(
    ("groups", "n_groups"),
    [
        ("each", 4),
        (["a", "b", "a", "b"], 2),
        ([1, 1, 0, 0], 2),
        ([("a", slice(0, 2)), ("b", [2, -1])], 2),
        ([("a", [True, False, True, False]), ("b", lambda X: [1, 3])], 2),
        ([("a", ["age", "height"]), ("b", slice("weight", "income"))], 2),
    ],
    ids=["each", "labels", "ints", "slice", "mask", "names"],
)
@no_bound_warning
def test_every_form_of_feature_groups(cls, groups, n_groups):
    """A documented form of feature_groups would fail."""
    pandas = pytest.importorskip("pandas")
    X, y = data_for(cls)
    frame = pandas.DataFrame(X, columns=["age", "height", "weight", "income"])
    model = cls(cv=2, random_state=0, feature_groups=groups).fit(frame, y)
    assert model.lambda_.shape == model.feature_group_names_.shape == (n_groups,)
    assert np.all(np.isfinite(model.coef_))


@each_estimator
def test_lambda_bounds_hold(cls):
    """lambda_ would leave the bounds that the user set."""
    X, y = data_for(cls)
    for bounds in ((0.0, 2.0), (-12.0, -9.0)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LambdaBoundWarning)
            model = cls(cv=3, random_state=0, lambda_bounds=bounds).fit(X, y)
        assert bounds[0] <= model.lambda_ <= bounds[1]


@pytest.mark.parametrize("cls", ACCURATE)
def test_far_start_ends_at_the_same_place(cls):
    """The result would depend on lambda_init although there is one minimum."""
    X, y = data_for(cls)
    auto = cls(cv=3, random_state=0).fit(X, y)
    far = cls(cv=3, random_state=0, lambda_init=1.0).fit(X, y)
    assert far.validation_loss_ == pytest.approx(auto.validation_loss_, rel=1e-6)
