"""Weights of training rows that `fit` learns on a clean validation set."""

from unittest import mock

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.model_selection import GridSearchCV

import sklearn_myhpo
from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    FlatObjectiveWarning,
    LambdaBoundWarning,
    MYHPOGammaRegressor,
    MYHPOLogisticRegression,
    MYHPOPoissonRegressor,
    MYHPORidge,
    MYHPORidgeClassifier,
    SHORidge,
)
from sklearn_myhpo.data import Batches
from sklearn_myhpo.engine.glm import products
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.linear_model._row_weights import RowWeightsMixin
from sklearn_myhpo.solvers.protocol import Status

N = 120
SOURCES = np.array(["archive", "survey", "web"])


def regression(seed=0):
    """Return rows of three sources, of which "web" is noise, and clean rows."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((2 * N, 6))
    z = X @ np.array([1.0, -1.0, 0.5, 0.3, 0.0, 0.0]) + rng.standard_normal(2 * N)
    sources = SOURCES[rng.integers(0, 3, N)]
    bad = sources == "web"
    z[:N][bad] = 3.0 * rng.standard_normal(bad.sum())
    return X[:N], z[:N], sources, X[N:], z[N:]


def table(n_classes, seed=0):
    """Return labels by category, a third of them wrong, and clean ones.

    With a column for every category a right label can only help, and a wrong one harm.
    """
    rng = np.random.default_rng(seed)
    category = np.arange(2 * N) % 4
    right = category % n_classes
    wrong = rng.random(N) < 0.3
    y = right[:N].copy()
    y[wrong] = (y[wrong] + 1) % n_classes
    X = np.eye(4)[category]
    return X[:N], y, wrong, X[N:], right[N:]


def weights_of_rows(model, labels):
    """Return the learned weight of every row."""
    return model.row_weights_[np.searchsorted(model.row_groups_, labels)]


PLAIN = {
    MYHPORidge: lambda model, **o: Ridge(alpha=model.alpha_, **o),
    MYHPOLogisticRegression: lambda model, **o: LogisticRegression(
        C=model.C_, tol=1e-10, max_iter=10_000, **o
    ),
    MYHPOPoissonRegressor: lambda model, **o: PoissonRegressor(
        alpha=model.alpha_, tol=1e-10, max_iter=10_000, **o
    ),
    MYHPOGammaRegressor: lambda model, **o: GammaRegressor(
        alpha=model.alpha_, tol=1e-10, max_iter=10_000, **o
    ),
}


@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, pd.DataFrame])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("cls", PLAIN)
def test_the_fit_is_that_with_these_sample_weights(cls, fit_intercept, container):
    """The weights that a user is told of would not be those of the model."""
    X, z, sources, X_val, z_val = regression()
    if cls is MYHPOLogisticRegression:
        z, z_val = (np.digitize(one, [-1.0, 1.0]) for one in (z, z_val))
    elif cls is not MYHPORidge:
        z, z_val = np.exp(0.3 * z), np.exp(0.3 * z_val)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, N)
    model = cls(fit_intercept=fit_intercept, lambda_bounds=(-6.0, 2.0))
    given = {"X_val": container(X_val), "y_val": z_val, "row_groups": sources}
    model.fit(container(X), z, weight, **given)
    own = weights_of_rows(model, sources)
    np.testing.assert_array_equal(model.row_groups_, SOURCES)
    assert model.row_weights_.max() == 1.0
    assert model.row_weights_.argmin() == 2
    assert model.row_weights_[2] < 0.5
    plain = PLAIN[cls](model, fit_intercept=fit_intercept)
    plain.fit(X, z, sample_weight=weight * own)
    np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-4, atol=2e-5)
    weighed = 2.0 * np.sum(weight * own) * np.exp(model.lambda_)
    strength = 1.0 / model.C_ if hasattr(model, "C_") else model.alpha_
    if hasattr(model, "alpha_") and cls is not MYHPORidge:
        weighed = 2.0 * np.exp(model.lambda_)
    assert strength == pytest.approx(weighed)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_standardized_features(cls, fit_intercept, container):
    """Rows in units of their own would be weighed in those of others."""
    X, z, sources, X_val, z_val = regression()
    if cls is MYHPOLogisticRegression:
        z, z_val = (np.digitize(one, [-1.0, 1.0]) for one in (z, z_val))
    unit = np.arange(1.0, 7.0)
    X, X_val = X * unit + 1.0, X_val * unit + 1.0
    mean, scale = X.mean(axis=0) * (container is np.asarray), X.std(axis=0)
    options = {"fit_intercept": fit_intercept, "lambda_bounds": (-6.0, 2.0)}
    given = {"y_val": z_val, "row_groups": sources}
    model = cls(standardize=True, **options)
    model.fit(container(X), z, X_val=container(X_val), **given)
    X, X_val = (container((one - mean) / scale) for one in (X, X_val))
    other = cls(**options).fit(X, z, X_val=X_val, **given)
    np.testing.assert_allclose(model.row_weights_, other.row_weights_, atol=1e-4)
    np.testing.assert_allclose(model.coef_ * scale, other.coef_, atol=1e-5)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_wrong_labels_are_found(n_classes, seed):
    """The weights would not tell right labels from wrong ones."""
    X, y, wrong, X_val, y_val = table(n_classes, seed)
    model = MYHPOLogisticRegression(fit_intercept=False)
    model.fit(X, y, X_val=X_val, y_val=y_val, row_groups="each")
    np.testing.assert_array_equal(model.row_weights_ < 0.5, wrong)
    np.testing.assert_array_equal(model.row_groups_, np.arange(N))
    assert model.score(X_val, y_val) == 1.0


@pytest.mark.one_in(3)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["myhpo", "implicit", "hoag"])
def test_wrong_numbers_are_found(solver):
    """Regression would trust rows that contradict the clean ones."""
    X, _, wrong, X_val, expected = table(4)
    effects = np.array([1.0, -2.0, 3.0, 4.0])
    y = np.where(wrong, -1.0, 1.0) * effects[X.argmax(axis=1)]
    model = BilevelRidge(solver=solver, fit_intercept=False, tol=1e-4)
    given = {"X_val": X_val, "y_val": effects[expected], "row_groups": "each"}
    model.fit(X, y, **given)
    np.testing.assert_array_equal(model.row_weights_ < 0.5, wrong)
    if solver != "hoag":
        np.testing.assert_allclose(model.coef_, effects, atol=1e-3)


def test_order_of_rows_and_names_of_groups_are_of_no_effect():
    """Groups that are given as numbers would not be those that are given as text."""
    X, z, sources, X_val, z_val = regression()
    order = np.random.default_rng(2).permutation(N)
    first, other = MYHPORidge(), MYHPORidge()
    first.fit(X, z, X_val=X_val, y_val=z_val, row_groups=sources)
    numbers = 10 - np.searchsorted(SOURCES, sources)
    labels = pd.Series(numbers[order])
    other.fit(X[order], z[order], X_val=X_val, y_val=z_val, row_groups=labels)
    np.testing.assert_array_equal(other.row_groups_, [8, 9, 10])
    expected = first.row_weights_[::-1]
    np.testing.assert_allclose(other.row_weights_, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(other.coef_, first.coef_, rtol=1e-4, atol=1e-6)


def test_rows_without_sample_weight_have_no_say():
    """A row that the user has dropped would get a weight, or shift all others."""
    X, z, sources, X_val, z_val = regression()
    used = sources != "survey"
    used[:5] = False
    dropped, zero = MYHPORidge(tol=1e-9), MYHPORidge(tol=1e-9)
    given = {"X_val": X_val, "y_val": z_val}
    dropped.fit(X[used], z[used], row_groups=sources[used], **given)
    zero.fit(X, z, used.astype(float), row_groups=sources, **given)
    assert zero.row_weights_[1] == 0.0
    found = zero.row_weights_[[0, 2]]
    np.testing.assert_allclose(found, dropped.row_weights_, rtol=1e-6)
    np.testing.assert_allclose(zero.coef_, dropped.coef_, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::sklearn_myhpo.LambdaBoundWarning")
def test_history_ends_at_the_attributes():
    """A picture of the run would end elsewhere than the model."""
    X, z, sources, X_val, z_val = regression()
    model = MYHPORidge(feature_groups=["a"] * 3 + ["b"] * 3)
    model.fit(X, z, X_val=X_val, y_val=z_val, row_groups=sources)
    history = model.history_
    np.testing.assert_allclose(history["row_weights"][-1], model.row_weights_)
    np.testing.assert_allclose(history["lambda"][-1], model.lambda_)
    assert history["validation_loss"][-1] == pytest.approx(model.validation_loss_)
    frame = model.history_frame()
    assert frame["row_weights[web]"].iloc[-1] == pytest.approx(model.row_weights_[2])
    assert model.certificate_.names == tuple(SOURCES)
    assert "weight is best" in str(model.certificate_)
    plain = MYHPORidge().fit(X, z, X_val=X_val, y_val=z_val)
    assert plain.row_weights_ is None
    assert plain.row_groups_ is None
    assert model.validation_loss_ < plain.validation_loss_


def test_shrinkage_holds_the_weights_together():
    """Sources of about equal worth would get quite different weights."""
    X, z, sources, X_val, z_val = regression()
    spreads = []
    for shrinkage in (0.0, 0.1, 1e4):
        model = MYHPORidge(shrinkage=shrinkage)
        model.fit(X, z, X_val=X_val, y_val=z_val, row_groups=sources)
        spreads.append(np.ptp(model.row_weights_))
    assert spreads[0] > spreads[1] > spreads[2]
    assert spreads[2] < 1e-3


def test_a_warm_start_goes_on_where_it_was():
    """Another clean set would cost as much as the first one."""
    X, z, sources, X_val, z_val = regression()
    model = MYHPORidge(warm_start=True, tol=1e-5)
    given = {"X_val": X_val, "y_val": z_val, "row_groups": sources}
    before = model.fit(X, z, **given).row_weights_, model.n_iter_
    model.fit(X, z, **given)
    assert model.n_iter_ < before[1]
    np.testing.assert_allclose(model.row_weights_, before[0], atol=1e-2)


def test_the_unit_of_the_target_is_of_no_effect():
    """Rows would be trusted less in metres than in miles."""
    X, z, sources, X_val, z_val = regression()
    weights = []
    for unit in (1.0, 1e30):
        given = {"X_val": X_val, "y_val": unit * z_val, "row_groups": sources}
        weights.append(MYHPORidge().fit(X, unit * z, **given).row_weights_)
    np.testing.assert_allclose(*weights, rtol=1e-4, atol=1e-6)


def test_classes_by_squared_loss():
    """The weights would be those of class numbers, not of classes."""
    X, y, wrong, X_val, y_val = table(3)
    model = MYHPORidgeClassifier(fit_intercept=False)
    model.fit(X, y, X_val=X_val, y_val=y_val, row_groups="each")
    np.testing.assert_array_equal(model.row_weights_ < 0.5, wrong)
    assert model.score(X_val, y_val) == 1.0


@pytest.mark.one_in(3)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("standardize", [True, False])
def test_many_rows_and_features(standardize, fit_intercept):
    """Problems without matrices would take another way to other weights."""
    X, y = make_classification(
        400, 40, n_informative=10, n_classes=3, random_state=0, class_sep=2.0
    )
    rng = np.random.default_rng(0)
    train, wrong = slice(0, 200), rng.random(200) < 0.3
    noisy = y[train].copy()
    noisy[wrong] = (noisy[wrong] + 1) % 3
    model = BilevelLogisticRegression(
        solver="implicit",
        max_iter=8,
        standardize=standardize,
        fit_intercept=fit_intercept,
    )
    plain = MYHPOLogisticRegression(
        standardize=standardize, fit_intercept=fit_intercept
    )
    given = {"X_val": X[200:], "y_val": y[200:]}
    with pytest.warns(ConvergenceWarning, match="max_iter=8"):
        model.fit(X[train], noisy, row_groups="each", **given)
    plain.fit(X[train], noisy, **given)
    assert model.validation_loss_ < plain.validation_loss_
    assert np.median(model.row_weights_[wrong]) < 0.2
    assert np.median(model.row_weights_[~wrong]) > 0.5


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (MYHPORidge(), {"X_val": None, "y_val": None}, "needs a clean validation set"),
        (MYHPORidge(), {"row_groups": "rows"}, r"\"each\".*Got 'rows'"),
        (MYHPORidge(), {"row_groups": [0, 1]}, r"each of the 120 rows.*\(2,\)"),
        (MYHPORidge(), {"row_groups": np.ones((N, 2))}, r"shape \(120, 2\)"),
        (MYHPORidge(), {"row_groups": np.ones(N)}, "two groups of rows or more"),
        (MYHPORidge(), {"row_groups": [None] * N}, "missing labels"),
        (MYHPORidge(), {"row_groups": np.full(N, np.nan)}, "missing labels"),
        (MYHPORidge(), {"row_groups": np.full(N, "NaT", "M8[D]")}, "missing labels"),
        (MYHPORidge(), {"row_groups": [[1], [1, 2]] * (N // 2)}, "each of the 120"),
        (
            MYHPORidge(),
            {"row_groups": np.array([1, "a"] * (N // 2), object)},
            "labels of one kind",
        ),
        (MYHPORidge(selection="one_se"), {}, "needs selection='min'"),
        (BilevelRidge(alpha_per_target=True), {}, "needs alpha_per_target=False"),
        (SHORidge(), {}, r"row_groups.*'hoag'"),
        (BilevelRidge(solver="stn"), {}, r"row_groups.*'hoag'"),
    ],
)
def test_bad_input(model, given, message):
    """A user would not learn which argument is at fault."""
    X, z, sources, X_val, z_val = regression()
    given = {"X_val": X_val, "y_val": z_val, "row_groups": sources, **given}
    with pytest.raises(ValueError, match=message):
        model.fit(X, z, **given)
    assert not hasattr(model, "coef_")


def test_unfinished_solves_are_told():
    """Inexact weights of rows would pass for a minimum."""
    X, y, _, X_val, y_val = table(3)
    model = MYHPOLogisticRegression(tol=1.0)
    given = {"X_val": X_val, "y_val": y_val, "row_groups": "each"}
    with (
        use_limits(dense_size=0),
        mock.patch.object(products, "CG_MAX_ITER", 1),
        pytest.warns(ConvergenceWarning, match="inexact weights of rows"),
    ):
        model.fit(X + 0.1 * np.arange(4), y, **given)


def test_batches_are_refused():
    """Rows that are read in passes would need a weight each in every pass."""
    X, z, sources, X_val, z_val = regression()
    batches = Batches.from_arrays(X, z)
    with pytest.raises(ValueError, match="needs X in memory"):
        MYHPORidge().fit(batches, X_val=X_val, y_val=z_val, row_groups=sources)


def test_a_search_divides_the_labels_with_the_rows():
    """Labels of a search would not be those of its training rows."""
    X, z, sources, X_val, z_val = regression()
    search = GridSearchCV(MYHPORidge(), {"shrinkage": [0.0, 0.1]}, cv=2)
    search.fit(X, z, X_val=X_val, y_val=z_val, row_groups=sources)
    assert search.best_estimator_.row_weights_.shape == (3,)
    assert "row_groups" in str(sklearn_myhpo.MYHPORidge().get_metadata_routing())


def test_a_lambda_at_a_bound_is_said():
    """A bound that holds lambda would pass unnoticed, as nowhere else."""
    X, z, sources, X_val, z_val = regression()
    given = {"X_val": X_val, "y_val": z_val, "row_groups": sources}
    model = MYHPORidge(lambda_bounds=(3.0, 4.0))
    with pytest.warns(LambdaBoundWarning, match=r"equal weight.*lower bound.*\(3.0, 4"):
        model.fit(X, z, **given)
    with pytest.warns(FlatObjectiveWarning, match="rows of equal weight is"):
        MYHPORidge().fit(np.ones_like(X), z, **{**given, "X_val": np.ones_like(X_val)})


def test_a_search_for_lambda_without_an_end_is_said(monkeypatch):
    """Weights of rows at a lambda of no meaning would count as converged."""
    X, z, sources, X_val, z_val = regression()
    real = RowWeightsMixin._learn_plain

    def unfinished(self, *given):
        plain, *others = real(self, *given)
        plain = plain._replace(status=Status.MAX_ITER, message="stopped early")
        return plain, *others

    monkeypatch.setattr(RowWeightsMixin, "_learn_plain", unfinished)
    model = MYHPORidge()
    with pytest.warns(ConvergenceWarning, match="stopped early .the search for lambda"):
        model.fit(X, z, X_val=X_val, y_val=z_val, row_groups=sources)
    assert not model.converged_
    assert not model.certificate_.is_minimum


def test_parts_have_no_weights_of_rows():
    """Weights of the rows of another fit would stay, or the attribute be missing."""
    X, z, sources, X_val, z_val = regression()
    model = MYHPORidge().fit(X, z, X_val=X_val, y_val=z_val, row_groups=sources)
    model.partial_fit(X, z)
    assert model.row_weights_ is None
    assert model.row_groups_ is None


def test_lines_of_iterations_are_the_history(capsys):
    """The lambda of the lines would be another than the one that is learned."""
    X, z, sources, X_val, z_val = regression()
    model = MYHPORidge(verbose=1, lambda_bounds=(-2.0, 1.0))
    model.fit(X, z, X_val=X_val, y_val=z_val, row_groups=sources)
    lines = capsys.readouterr().out.splitlines()
    lines = [line.split()[1] for line in lines if "all=" in line][: model.n_iter_]
    expected = [f"all={value:.4g}" for value in model.history_["lambda"]]
    assert [float(one.partition("=")[2]) for one in lines] == pytest.approx(
        [float(one.partition("=")[2]) for one in expected], rel=1e-3
    )
