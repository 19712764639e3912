"""The parameter `criterion` of the estimators, beside scikit-learn and bbai."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    LambdaBoundWarning,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHORidge,
)
from sklearn_myhpo.criteria import CRITERIA, GCV
from sklearn_myhpo.solvers import MYHPO, SOLVERS, Capabilities, Solver
from tests.helpers import LOGISTICS, RIDGES, data_for

CASES = [
    (BilevelRidge, "loo"),
    (MYHPORidge, "loo"),
    (MYHPORidge, "gcv"),
    (BilevelRidge, "sure"),
    (MYHPOLogisticRegression, "alo"),
]
each_case = pytest.mark.parametrize(("cls", "criterion"), CASES)


def diabetes():
    """Return standardized features, and disease progression."""
    X, y = load_diabetes(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("shape", [(442, 10), (8, 10)])
@pytest.mark.parametrize("use_weights", [False, True])
def test_the_alpha_of_ridge_cv(shape, use_weights):
    """Leave-one-out is what RidgeCV does: a fine grid must end next to us."""
    X, y = diabetes()
    X, y = X[: shape[0], : shape[1]], y[: shape[0]]
    weight = np.linspace(0.2, 3.0, len(y)) if use_weights else None
    ours = MYHPORidge(criterion="loo").fit(X, y, sample_weight=weight)
    step = 1.002
    grid = ours.alpha_ * step ** np.arange(-500, 501)
    theirs = RidgeCV(grid).fit(X, y, sample_weight=weight)
    assert theirs.alpha_ / step <= ours.alpha_ <= theirs.alpha_ * step
    if not use_weights:  # theirs is the mean of weighted squares there
        loss = -theirs.best_score_ / 2
        np.testing.assert_allclose(ours.validation_loss_, loss, rtol=1e-6)
    plain = Ridge(alpha=ours.alpha_).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coef_, plain.coef_, rtol=1e-8)
    np.testing.assert_allclose(ours.intercept_, plain.intercept_, rtol=1e-10)


def test_the_c_of_bbai():
    """An independent optimizer of the same criterion must agree.

    To one percent in C and seven digits of the criterion: it stops at a tolerance of
    1e-4.
    """
    glm = pytest.importorskip(
        "bbai.glm", reason="bbai, an independent optimizer, is not installed"
    )
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    three = np.digitize(X @ np.linspace(-1.0, 1.0, 30) + np.cos(7 * y), [-2.0, 2.0])
    for target in (y, three):
        ours = MYHPOLogisticRegression(criterion="alo").fit(X, target)
        theirs = glm.LogisticRegression().fit(X, target)
        np.testing.assert_allclose(ours.C_, theirs.C_, rtol=1e-2)
        np.testing.assert_allclose(ours.validation_loss_, theirs.aloocv_, rtol=1e-6)


@each_case
def test_cv_is_ignored(cls, criterion):
    """No rows are held out: nothing about splits may matter or be an error."""
    X, y = data_for(cls)
    one = cls(criterion=criterion).fit(X, y)
    two = cls(criterion=criterion, cv="whatever", random_state=3).fit(X, y)
    np.testing.assert_array_equal(one.coef_, two.coef_)
    plain = cls(criterion=criterion, refit=False).fit(X, y)
    np.testing.assert_allclose(plain.coef_, one.coef_, rtol=1e-6)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cls", LOGISTICS[:2])
def test_rare_classes_are_no_error(cls):
    """A class of one row cannot be split over folds, but it can be left out."""
    X, y = data_for(cls)
    for rare in (np.where(np.arange(60) == 7, 1, 0), np.where(y == y[7], 0, y + 1)):
        model = cls(criterion="alo").fit(X, np.where(np.arange(60) == 7, 9, rare))
        assert model.converged_
        assert np.isfinite(model.validation_loss_)


@each_case
def test_units_change_nothing(cls, criterion):
    """Metres or millimetres: the same model."""
    X, y = data_for(cls)
    base = cls(criterion=criterion).fit(X, y)
    for unit in (1e-30, 1e30):
        scaled = cls(criterion=criterion).fit(unit * X, y)
        np.testing.assert_allclose(scaled.coef_ * unit, base.coef_, rtol=1e-6)
        np.testing.assert_allclose(
            scaled.validation_loss_, base.validation_loss_, rtol=1e-9
        )
    if cls in RIDGES:
        scaled = cls(criterion=criterion).fit(X, 1e-100 * y)
        np.testing.assert_allclose(scaled.coef_ * 1e100, base.coef_, rtol=1e-6)


@each_case
def test_weights(cls, criterion):
    """Only their ratios count, and a weight of zero is a dropped row."""
    X, y = data_for(cls)
    weight = np.random.default_rng(0).uniform(0.2, 3.0, len(y))
    weight[[3, 30]] = 0.0
    base = cls(criterion=criterion).fit(X, y, sample_weight=weight)
    scaled = cls(criterion=criterion).fit(X, y, sample_weight=1e-6 * weight)
    kept = weight > 0
    dropped = cls(criterion=criterion)
    dropped.fit(X[kept], y[kept], sample_weight=weight[kept])
    for other in (scaled, dropped):
        np.testing.assert_allclose(other.coef_, base.coef_, rtol=1e-6)
        np.testing.assert_allclose(
            other.validation_loss_, base.validation_loss_, rtol=1e-9
        )


@each_case
def test_storage_and_precision(cls, criterion):
    """Sparse, single precision or a constant column: the same model."""
    X, y = data_for(cls)
    base = cls(criterion=criterion).fit(X, y)
    for other in (sparse.csr_array(X), sparse.csc_array(X)):
        model = cls(criterion=criterion).fit(other, y)
        np.testing.assert_allclose(model.coef_, base.coef_, rtol=1e-6)
    single = cls(criterion=criterion).fit(X.astype(np.float32), y)
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, base.coef_, rtol=1e-3)
    constant = np.column_stack([X, np.full(len(y), 3.3)])
    model = cls(criterion=criterion).fit(constant, y)
    np.testing.assert_allclose(model.coef_.ravel()[:-1], base.coef_.ravel(), rtol=1e-6)
    assert model.coef_.ravel()[-1] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("criterion", ["loo", "gcv", "reml"])
def test_nothing_to_learn(criterion):
    """Degenerate data end in a finite model, with or without a warning."""
    X, _ = data_for(MYHPORidge)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        warnings.simplefilter("error", ConvergenceWarning)
        for features, target in (
            (X, np.full(60, 2.0)),
            (np.ones_like(X), X[:, 0]),
            (X, X @ np.ones(4)),
            (np.hstack([X, X]), X[:, 0] + np.cos(np.arange(60))),
            (X[:2], np.array([1.0, 2.0])),
            (X[:3, :1], np.array([1.0, 2.0, 4.0])),
        ):
            for groups in (None, "each"):
                model = MYHPORidge(criterion=criterion, feature_groups=groups)
                model.fit(features, target)
                assert np.all(np.isfinite(model.coef_))
                assert 0 <= model.validation_loss_ < np.inf


def test_warm_start_and_objects():
    """A second fit starts where the first one ended; options come as objects."""
    X, y = diabetes()
    model = BilevelRidge(solver=MYHPO(), criterion=GCV(), warm_start=True)
    first = model.fit(X, y).lambda_
    assert "GCV()" in repr(model)
    model.fit(X, y)
    np.testing.assert_allclose(model.lambda_, first, atol=1e-4)
    assert model.n_iter_ <= 2
    # Another number of splits is not where this one can start.
    model.set_params(criterion="validation").fit(X, y)
    model.set_params(criterion="loo").fit(X, y)
    expected = MYHPORidge(criterion="loo").fit(X, y)
    np.testing.assert_allclose(model.lambda_, expected.lambda_, atol=1e-3)


def test_bounds():
    """A user's bounds hold, and the warning speaks of the criterion."""
    X, y = diabetes()
    with pytest.warns(LambdaBoundWarning, match="criterion 'loo' is still falling"):
        model = MYHPORidge(criterion="loo", lambda_bounds=(2.0, 5.0)).fit(X, y)
    assert model.lambda_ == 2.0
    wide = {"criterion": "loo", "feature_groups": "each"}
    match = r"lambda_bounds=\(-700.0, -650.0\).*upper bound must be at least"
    with pytest.raises(ValueError, match=match):
        MYHPORidge(**wide, lambda_bounds=(-700, -650)).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LambdaBoundWarning)
        model = MYHPORidge(**wide, lambda_init=-300.0).fit(X, y)
    assert np.all(model.lambda_ > -100.0)


@pytest.mark.parametrize("cls", [*RIDGES[:2], *LOGISTICS[:2]])
@pytest.mark.parametrize("criterion", ["nonsense", "LOO", 3, None, GCV])
def test_unknown_criterion(cls, criterion):
    """A misspelt name must show the right ones."""
    X, y = data_for(cls)
    with pytest.raises(ValueError, match="The 'criterion' parameter") as error:
        cls(criterion=criterion).fit(X, y)
    for name in ("validation", *CRITERIA):
        assert repr(name) in str(error.value)
    shown = "<class GCV>" if criterion is GCV else repr(criterion)
    assert f"Got {shown} instead" in str(error.value)


def test_criterion_of_another_loss():
    """The message says which ones the loss has."""
    X, y = data_for(MYHPORidge)
    with pytest.raises(ValueError, match=r"'alo'.*MYHPORidge.*'sure', 'reml', 'mlr'\]"):
        MYHPORidge(criterion="alo").fit(X, y)
    for n_classes in (2, 3):
        X, y = data_for(MYHPOLogisticRegression, n_classes=n_classes)
        for name in ("loo", "gcv", "sure", "reml", "mlr"):
            match = rf"'{name}'.*not defined.*\['validation', 'alo'\]"
            with pytest.raises(ValueError, match=match):
                BilevelLogisticRegression(criterion=name).fit(X, y)


@pytest.mark.parametrize(
    "solver",
    [
        "sho",
        MYHPO(rho=1.0),
        MYHPO(response="mean"),
        MYHPO(metric="identity"),
        MYHPO(steps="gradient"),
    ],
)
def test_solvers_that_need_a_split(solver):
    """They would train and validate on the same rows; the message says who does not."""
    X, y = data_for(BilevelRidge)
    match = r"holds no rows out, but (SHO|MYHPO)\(.*needs.*\['myhpo', 'implicit'\]"
    with pytest.raises(ValueError, match=match):
        BilevelRidge(solver=solver, criterion="loo").fit(X, y)
    with pytest.raises(ValueError, match="holds no rows out"):
        MYHPORidge(steps="gradient", criterion="gcv").fit(X, y)
    with pytest.raises(TypeError, match="criterion"):
        SHORidge(criterion="loo")


def test_own_solver_must_say_that_it_needs_no_split():
    """Silence is taken for a need: most methods look at training and validation."""

    class Silent(Solver):
        def init(self, problem, lambda_0, weights_0):
            return SOLVERS["implicit"]().init(problem, lambda_0, weights_0)

        def step(self, problem, state, rng):
            return SOLVERS["implicit"]().step(problem, state, rng)

    X, y = data_for(BilevelRidge)
    with pytest.raises(ValueError, match="Silent"):
        BilevelRidge(solver=Silent(), criterion="loo").fit(X, y)
    Silent.capabilities = Capabilities(needs_split=False)
    assert BilevelRidge(solver=Silent(), criterion="loo").fit(X, y).converged_


def test_what_needs_held_out_rows_says_so():
    """Rows that are not there cannot judge a shrinkage."""
    X, y = load_diabetes(return_X_y=True)
    model = MYHPORidge(criterion="gcv", feature_groups="each", shrinkage="auto")
    with pytest.raises(
        ValueError, match=r"shrinkage='auto' compares losses of held-out rows"
    ):
        model.fit(X, y)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("shape", [(60, 8), (40, 80), (120, 30)])
@pytest.mark.parametrize("criterion", ["loo", "gcv", "reml"])
def test_targets_learn_what_each_learns_alone(criterion, shape, fit_intercept):
    """A criterion of all targets would give them one lambda in disguise."""
    rng = np.random.default_rng(shape[0])
    X = rng.standard_normal(shape) * rng.uniform(0.1, 10.0, shape[1])
    signal = X[:, :3] @ rng.standard_normal((3, 4))
    Y = signal + rng.uniform(0.5, 20.0, 4) * rng.standard_normal((shape[0], 4))
    weight = rng.uniform(0.2, 2.0, shape[0])

    options = {"criterion": criterion, "fit_intercept": fit_intercept, "tol": 1e-9}
    model = MYHPORidge(alpha_per_target=True, **options).fit(X, Y, weight)
    for target, column in enumerate(Y.T):
        alone = MYHPORidge(**options).fit(X, column, weight)
        loss = model.validation_loss_[target]
        assert loss == pytest.approx(alone.validation_loss_, rel=1e-9)
        assert model.lambda_[target] == pytest.approx(alone.lambda_, abs=1e-3)
        plain = Ridge(alpha=model.alpha_[target], fit_intercept=fit_intercept)
        plain.fit(X, column, weight)
        np.testing.assert_allclose(model.coef_[target], plain.coef_, atol=1e-8)


def test_one_lambda_per_target():
    """Targets of very different sizes would share the accuracy of the largest."""
    X, y = load_diabetes(return_X_y=True)
    Y = np.column_stack([y, y[::-1], X[:, 0] + 0.1 * y])
    options = {"criterion": "loo", "tol": 1e-12}
    model = MYHPORidge(alpha_per_target=True, **options).fit(X, Y)
    alone = [MYHPORidge(**options).fit(X, column) for column in Y.T]
    losses = [one.validation_loss_ for one in alone]
    np.testing.assert_allclose(model.validation_loss_, losses, rtol=1e-12)
    # The slope of the second target, which is noise, is known to so many digits.
    np.testing.assert_allclose(model.alpha_, [one.alpha_ for one in alone], rtol=1e-5)
