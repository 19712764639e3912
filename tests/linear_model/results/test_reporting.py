"""Fitted attributes, and warnings of fits that mean little."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold

from sklearn_myhpo import (
    BilevelRidge,
    FewRowsWarning,
    FlatObjectiveWarning,
    LambdaBoundWarning,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
)
from tests.helpers import CLASSIFIERS, SQUARED, data_for
from tests.linear_model.common import (
    ACCURATE,
    N_ROWS,
    each_estimator,
    long_step_fit,
    no_bound_warning,
    shuffled,
)

COLUMNS = (
    "lambda",
    "train_loss",
    "validation_loss",
    "primal_residual",
    "dual_residual",
    "hypergradient_norm",
    "n_gradients",
    "time",
)


@each_estimator
def test_attributes_of_one_lambda(cls):
    """Scripts that print lambda_ or plot history_ would break."""
    pandas = pytest.importorskip("pandas")
    X, y = data_for(cls)
    model = cls(cv=2, random_state=0, lambda_init=-2.0).fit(X, y)
    assert type(model.lambda_) is float
    assert list(model.feature_group_names_) == ["all"]
    assert model.n_features_in_ == X.shape[1]
    assert isinstance(model.converged_, bool)
    assert model.n_iter_ >= 1
    history = model.history_
    assert set(COLUMNS) <= set(history)
    assert {column.shape for column in history.values()} == {(model.n_iter_,)}
    assert pandas.DataFrame(history).shape == (model.n_iter_, len(history))
    assert history["lambda"][-1] == model.lambda_
    assert history["validation_loss"][-1] == pytest.approx(model.validation_loss_)
    for name in ("n_gradients", "time"):
        assert np.all(np.diff(history[name]) >= 0)
        assert history[name][0] > 0


@pytest.mark.one_in(3, 1)
@each_estimator
@no_bound_warning
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_attributes_of_several_lambdas(cls):
    """lambda_[i] would be taken for another group's."""
    X, y = data_for(cls)
    groups = [("second", [2, 3]), ("first", [0, 1])]
    options = {"random_state": 0, "cv": 2, "lambda_init": -2.0, "max_iter": 100}
    model = cls(feature_groups=groups, **options).fit(X, y)
    assert list(model.feature_group_names_) == ["second", "first"]
    assert model.lambda_.shape == (2,)
    assert model.history_["lambda"].shape == (model.n_iter_, 2)
    np.testing.assert_array_equal(model.history_["lambda"][-1], model.lambda_)
    assert (model.alpha_ if cls in SQUARED else model.C_).shape == (2,)
    other = cls(feature_groups=groups[::-1], **options).fit(X, y)
    if cls in ACCURATE:  # SHO draws other noise for them
        np.testing.assert_allclose(other.lambda_[::-1], model.lambda_, atol=1e-4)
    assert model.lambda_[0] != model.lambda_[1]
    alone = cls(feature_groups=["only"] * 4, **options).fit(X, y)
    assert alone.lambda_.shape == (1,)
    assert alone.history_["lambda"].shape == (alone.n_iter_, 1)


@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_not_converged(cls):
    """An unfinished fit would pass for a finished one."""
    model, X, y = long_step_fit(cls, max_iter=1)
    match = (
        rf"{cls.__name__} stopped after max_iter=1 iterations .* above tol=1.0e-06 "
        r"\(primal residual \d.*, dual residual \d.*, hypergradient \d.*\). "
        "Increase max_iter"
    )
    with pytest.warns(ConvergenceWarning, match=match):
        model.fit(X, y)
    assert not model.converged_
    assert model.n_iter_ == 1
    assert np.all(np.isfinite(model.coef_))


@pytest.mark.parametrize("cls", [SHORidge, SHOLogisticRegression])
@pytest.mark.parametrize("step_size", [10.0, 1e6])
def test_diverging_sho(cls, step_size):
    """Steps that are too large would return NaN, or weights of 1e20 as a solution."""
    X, y = data_for(cls)
    options = {"step_sizes": (step_size, 0.01), "lambda_init": -1.0, "refit": False}
    model = cls(random_state=0, **options)
    with pytest.warns(ConvergenceWarning, match="diverged: .* Use smaller step_sizes"):
        model.fit(X, y)
    assert not model.converged_
    assert model.n_iter_ < model.max_iter
    assert np.all(np.isfinite(model.coef_))
    assert np.all(np.isfinite(model.lambda_))
    assert {len(column) for column in model.history_.values()} == {model.n_iter_}
    assert np.all(np.isfinite(model.history_["validation_loss"]))


@pytest.mark.parametrize("cls", [SHORidge, SHOLogisticRegression])
def test_sho_that_fails_at_once(cls):
    """No finite iteration at all: the start is kept."""
    X, y = data_for(cls)
    model = cls(step_sizes=(1e300, 1e300), lambda_init=-1.0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="diverged: "):
        model.fit(X, y)
    assert np.all(np.isfinite(model.coef_))


@pytest.mark.parametrize("cls", ACCURATE)
@pytest.mark.parametrize("groups", [None, ["useful", "useful", "noise", "noise"]])
def test_no_penalty_is_strong_enough(cls, groups):
    """A feature that predicts nothing must be named, not hidden in a huge lambda."""
    rng = np.random.default_rng(6)
    X = rng.standard_normal((N_ROWS, 4))
    y = np.zeros(N_ROWS) if groups is None else X[:, 0] - X[:, 1]
    y = y + rng.standard_normal(N_ROWS)
    # The second half is the first with the noise features' effect reversed.
    X = np.vstack([X, X * ([-1] * 4 if groups is None else [1, 1, -1, -1])])
    y = np.concatenate([y, y])
    if cls in CLASSIFIERS:
        y = (y > 0).astype(int)
    halves = np.arange(N_ROWS), np.arange(N_ROWS, 2 * N_ROWS)
    name = "all features" if groups is None else "group noise,"
    match = rf"{cls.__name__} found no minimum .* upper bound for {name}.*not help"
    model = cls(cv=[halves, halves[::-1]], feature_groups=groups)
    with pytest.warns(LambdaBoundWarning, match=match):
        model.fit(X, y)
    assert model.converged_
    unwanted = model.coef_ if groups is None else model.coef_[..., 2:]
    # At the bound weights are e^-18 of their size.
    np.testing.assert_allclose(unwanted, 0.0, atol=1e-6)


@pytest.mark.parametrize("cls", [BilevelRidge, MYHPORidge])
@pytest.mark.parametrize("groups", [None, ["a", "a", "b", "b"]])
def test_no_penalty_is_wanted(cls, groups):
    """A target without noise wants least squares, and the user is told."""
    X, _ = data_for(cls)
    y = X @ [1.0, 2.0, 3.0, 4.0] + 1.0
    name = "all features" if groups is None else "groups a, b"
    match = rf"{cls.__name__} found no minimum .* lower bound for {name}, so no pen"
    with pytest.warns(LambdaBoundWarning, match=match):
        model = cls(cv=shuffled(cls, 3), feature_groups=groups).fit(X, y)
    np.testing.assert_allclose(model.coef_, [1.0, 2.0, 3.0, 4.0], rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, 1.0, rtol=1e-9)


def test_few_held_out_rows_are_said(diabetes):
    """A lambda of chance would look like any other."""
    X, y = diabetes
    model = MYHPORidge(cv=4)
    with pytest.warns(FewRowsWarning, match=r"4 held-out rows.*71%.* rows in X_val"):
        model.fit(X[100:120], y[100:120], X_val=X[:4], y_val=y[:4])
    with warnings.catch_warnings():
        warnings.simplefilter("error", FewRowsWarning)
        model.fit(X[:12], y[:12])


@pytest.mark.parametrize(
    ("cv", "has_more"), [(0.3, True), (5, False), (KFold(8), False), (4, False)]
)
def test_advice_for_few_rows_can_be_followed(cv, has_more, diabetes):
    """More folds would be advised where every row is held out already."""
    X, y = diabetes
    with pytest.warns(FewRowsWarning) as seen:
        MYHPORidge(cv=cv, random_state=0).fit(X[:9], y[:9])
    (text,) = (str(one.message) for one in seen if one.category is FewRowsWarning)
    assert ("Use cv=5" in text) == has_more
    assert ("Every row is held out already" in text) != has_more


def test_flat_objective_is_said():
    """A lambda that means nothing would be reported with six digits."""
    y = np.random.default_rng(0).standard_normal(50)
    with pytest.warns(
        FlatObjectiveWarning, match="flat objective: the validation loss is"
    ):
        MYHPORidge(random_state=0).fit(np.ones((50, 2)), y)


@pytest.mark.parametrize("groups", [None, "each"])
def test_a_perfect_prediction_ends_the_fit(groups):
    """A fit would chase a loss of zero for hundreds of iterations."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    X = np.outer(2 * y - 1, [60.0, 40.0]) + rng.standard_normal((200, 2))
    X = np.column_stack([X, rng.standard_normal((200, 4))])
    model = MYHPOLogisticRegression(feature_groups=groups, random_state=0)
    with pytest.warns(
        FlatObjectiveWarning, match="held-out rows with certainty"
    ) as seen:
        model.fit(X, y)
    advice = "any weaker penalty" if groups is None else "shrinkage='auto'"
    assert advice in str(seen[0].message).lower()
    assert len(seen) == 1
    assert model.converged_
    assert model.validation_loss_ * len(y) < 0.01
    assert model.n_iter_ <= 3
    assert model.certificate_.certain
    assert "no held-out row is left in doubt" in str(model.certificate_)
    assert np.isfinite(model.coef_).all()


def test_squares_have_no_certainty():
    """A fit to small numbers would end early because of their unit."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 5))
    y = 1e-6 * (X.sum(axis=1) + rng.standard_normal(60))
    model = MYHPORidge(random_state=0).fit(X, y)
    assert not model.certificate_.certain
    assert model.certificate_.relative_hypergradient < 1e-6


@each_estimator
def test_plan_says_how_a_fit_was_computed(cls):
    """A slow fit, or one that fills the memory, would stay a riddle."""
    X, y = data_for(cls)
    model = cls(cv=3, random_state=0, max_iter=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    assert f"{len(X)} rows x {X.shape[1]} features, dense; 3 splits" in str(model.plan_)
