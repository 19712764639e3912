"""Fitted attributes: what a user reads off a model is what the design says."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, ShuffleSplit

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    LambdaBoundWarning,
    MYHPOLogisticRegression,
    MYHPORidge,
    SHOLogisticRegression,
    SHORidge,
)
from tests.helpers import ESTIMATORS, LOGISTICS, RIDGES, data_for, raw_predictions

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_ridge = pytest.mark.parametrize("cls", RIDGES)
each_logistic = pytest.mark.parametrize("cls", LOGISTICS)
no_bound_warning = pytest.mark.filterwarnings(
    "ignore::sklearn_myhpo.LambdaBoundWarning"
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
#: Estimators whose solution is exact to the solver's tolerance.
ACCURATE = [cls for cls in ESTIMATORS if cls not in (SHORidge, SHOLogisticRegression)]
#: Rows of the small data sets.
N_ROWS = 60


def uneven_weights(n_rows=N_ROWS):
    """Return positive weights whose sum is not the number of rows."""
    return np.random.default_rng(3).uniform(0.2, 3.0, n_rows)


def long_step_fit(cls, **options):
    """Fit with gradient steps from far away, so that it takes many iterations."""
    X, y = data_for(cls)
    options = {"steps": "gradient", "lambda_init": -1.0, "cv": 2, **options}
    return cls(random_state=0, **options), X, y


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
    assert (model.alpha_ if cls in RIDGES else model.C_).shape == (2,)
    other = cls(feature_groups=groups[::-1], **options).fit(X, y)
    if cls in ACCURATE:  # SHO draws other noise for them
        np.testing.assert_allclose(other.lambda_[::-1], model.lambda_, atol=1e-4)
    assert model.lambda_[0] != model.lambda_[1]
    alone = cls(feature_groups=["only"] * 4, **options).fit(X, y)
    assert alone.lambda_.shape == (1,)
    assert alone.history_["lambda"].shape == (alone.n_iter_, 1)


@each_estimator
@no_bound_warning
def test_groups_are_learned_from_the_automatic_start(cls):
    """All groups would keep the shared lambda, and feature_groups have no effect.

    Two of the four features are noise, which wants a far larger penalty.
    """
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_ROWS, 4))
    y = X @ [2.0, -2.0, 0.0, 0.0] + rng.standard_normal(N_ROWS)
    if cls in LOGISTICS:
        y = (y > 0).astype(int)
    one = cls(cv=3, random_state=0).fit(X, y)
    model = cls(cv=3, random_state=0, feature_groups=["a", "a", "b", "b"]).fit(X, y)
    assert model.lambda_[1] > model.lambda_[0] + 0.5
    assert model.validation_loss_ < one.validation_loss_


@each_ridge
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_alpha_is_that_of_ridge(cls, fit_intercept, weighted, container):
    """The learned alpha would give another model in scikit-learn's Ridge."""
    X, y = data_for(cls)
    X = np.where(np.abs(X) < 0.3, 0.0, X)
    weight = uneven_weights() if weighted else None
    model = cls(fit_intercept=fit_intercept, cv=3, random_state=0)
    model.fit(container(X), y, sample_weight=weight)
    ridge = Ridge(alpha=model.alpha_, fit_intercept=fit_intercept, solver="svd")
    ridge.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.coef_, ridge.coef_, rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, ridge.intercept_, rtol=1e-9)
    np.testing.assert_allclose(model.predict(container(X)), ridge.predict(X), 1e-9)
    n = N_ROWS if weight is None else weight.sum()
    assert model.alpha_ == pytest.approx(2 * n * np.exp(model.lambda_))


@each_logistic
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_c_is_that_of_logistic_regression(
    cls, n_classes, fit_intercept, weighted, container
):
    """The learned C would give another model in scikit-learn's estimator."""
    X, y = data_for(cls, n_classes=n_classes)
    X = np.where(np.abs(X) < 0.3, 0.0, X)
    weight = uneven_weights() if weighted else None
    model = cls(fit_intercept=fit_intercept, cv=2, random_state=0)
    model.fit(container(X), y, sample_weight=weight)
    reference = LogisticRegression(
        C=model.C_,
        fit_intercept=fit_intercept,
        solver="newton-cholesky",
        tol=1e-12,
        max_iter=1000,
    ).fit(X, y, sample_weight=weight)
    assert model.coef_.shape == reference.coef_.shape
    assert model.intercept_.shape == (len(reference.coef_),)
    # The inner solutions are accurate to 1e-10 in the norm of the Hessian.
    tolerance = {"rtol": 1e-7, "atol": 1e-7 * np.abs(reference.coef_).max()}
    coef, intercept = model.coef_, model.intercept_
    if n_classes > 2:  # the penalty fixes the shift of coef_, nothing that of the rest
        np.testing.assert_allclose(coef.sum(axis=0), 0.0, atol=1e-9)
        intercept = intercept - intercept.mean() + np.mean(reference.intercept_)
    np.testing.assert_allclose(coef, reference.coef_, **tolerance)
    np.testing.assert_allclose(intercept, reference.intercept_, **tolerance)
    np.testing.assert_allclose(
        model.predict_proba(container(X)), reference.predict_proba(X), rtol=1e-6
    )


@pytest.mark.parametrize("cls", [BilevelRidge, MYHPORidge])
def test_without_refit_ridge_is_the_mean_of_its_splits(cls):
    """The weights would belong to no split, or to all rows."""
    X, y = data_for(cls)
    pairs = list(KFold(3).split(X))
    model = cls(cv=pairs, refit=False).fit(X, y)
    fits = [
        Ridge(alpha=2 * len(train) * np.exp(model.lambda_)).fit(X[train], y[train])
        for train, _ in pairs
    ]
    mean = np.mean([fit.coef_ for fit in fits], axis=0)
    np.testing.assert_allclose(model.coef_, mean, rtol=1e-9)
    mean = np.mean([fit.intercept_ for fit in fits])
    np.testing.assert_allclose(model.intercept_, mean, rtol=1e-9)


@pytest.mark.parametrize("cls", [BilevelLogisticRegression, MYHPOLogisticRegression])
def test_without_refit_logistic_of_one_split_is_its_training_fit(cls):
    """The paper's setting: one split and no refit."""
    X, y = data_for(cls)
    train, validation = np.arange(40), np.arange(40, N_ROWS)
    model = cls(cv=[(train, validation)], refit=False).fit(X, y)
    C = 1 / (2 * len(train) * np.exp(model.lambda_))
    fit = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12)
    fit.fit(X[train], y[train])
    np.testing.assert_allclose(model.coef_, fit.coef_, rtol=1e-7)
    np.testing.assert_allclose(model.intercept_, fit.intercept_, rtol=1e-7)


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


@each_estimator
@pytest.mark.parametrize("cv", [3, 0.3])
def test_random_state(cls, cv):
    """The same seed must give the same model, another seed other splits."""
    X, y = data_for(cls)
    options = {"cv": cv}
    fits = [cls(random_state=seed, **options).fit(X, y) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)
    assert fits[0].lambda_ == fits[1].lambda_
    assert fits[0].lambda_ != fits[2].lambda_
    state = np.random.RandomState(0)
    first, second = (cls(random_state=state, **options).fit(X, y) for _ in range(2))
    assert first.lambda_ != second.lambda_


@each_estimator
def test_verbose_prints_a_line_per_iteration(cls, capsys):
    """Progress could not be followed, or would clutter a notebook unasked."""
    X, y = data_for(cls)
    model = cls(lambda_init=-2.0, cv=0.3, random_state=0, verbose=1).fit(X, y)
    name, head, *lines, last = capsys.readouterr().out.splitlines()
    assert name == cls.__name__
    assert head.split() == ["iteration", "lambda", "loss", "hypergradient"]
    assert [int(line.split()[0]) for line in lines] == [*range(1, model.n_iter_ + 1)]
    shown = [float(line.split()[1]) for line in lines]
    np.testing.assert_allclose(shown, model.history_["lambda"], atol=1e-3)
    assert f"{model.n_iter_} iterations" in last
    assert f"{model.lambda_:.3f}" in last
    cls(cv=3).fit(X, y)
    assert capsys.readouterr().out == ""


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


@each_estimator
def test_int_and_bool_features(cls):
    """Counts and flags are numbers too."""
    X, y = data_for(cls)
    for other in ((X > 0), (3 * X).astype(int)):
        model = cls(cv=2, random_state=0).fit(other, y)
        same = cls(cv=2, random_state=0).fit(other.astype(float), y)
        np.testing.assert_array_equal(model.coef_, same.coef_)


@each_ridge
@no_bound_warning
def test_several_targets(cls):
    """All targets share one lambda; every target is its own Ridge with it."""
    X, Y = data_for(cls, n_targets=3)
    model = cls(cv=3, random_state=0).fit(X, Y)
    assert model.coef_.shape == (3, 4)
    assert model.intercept_.shape == (3,)
    assert model.predict(X).shape == Y.shape
    assert isinstance(model.lambda_, float)
    ridge = Ridge(alpha=model.alpha_).fit(X, Y)
    np.testing.assert_allclose(model.coef_, ridge.coef_, rtol=1e-9)
    for index in range(3):
        same = Ridge(alpha=model.alpha_).fit(X, Y[:, index])
        np.testing.assert_allclose(model.coef_[index], same.coef_, rtol=1e-9)
    repeated = cls(cv=3, random_state=0).fit(X, Y[:, [0, 0]])
    alone = cls(cv=3, random_state=0).fit(X, Y[:, 0])
    if cls in ACCURATE:
        assert repeated.lambda_ == pytest.approx(alone.lambda_, abs=1e-4)
        np.testing.assert_allclose(repeated.coef_[1], alone.coef_, rtol=1e-4)


@each_ridge
def test_column_y(cls):
    """A column of targets is one target and keeps its shape."""
    X, y = data_for(cls)
    model = cls(cv=3, random_state=0).fit(X, y[:, None])
    flat = cls(cv=3, random_state=0).fit(X, y)
    assert model.predict(X).shape == (N_ROWS, 1)
    assert model.coef_.shape == (1, 4)
    np.testing.assert_allclose(model.coef_[0], flat.coef_, rtol=1e-12)
    assert np.ndim(flat.intercept_) == 0
    assert flat.predict(X).shape == (N_ROWS,)


@each_logistic
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities(cls, n_classes):
    """Probabilities would not sum to one, or logs be -inf far from the boundary."""
    X, y = data_for(cls, n_classes=n_classes)
    labels = np.array(["ant", "bee", "cat"])[y]
    model = cls(cv=2, random_state=0).fit(X, labels)
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    assert set(model.predict(X)) <= set(labels)
    far = np.vstack([X, 1e4 * X])
    probabilities = model.predict_proba(far)
    assert probabilities.shape == (len(far), n_classes)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-12)
    logs = model.predict_log_proba(far)
    assert np.all(np.isfinite(logs))
    np.testing.assert_allclose(np.exp(logs), probabilities, rtol=1e-9, atol=1e-300)
    best = model.classes_[probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(model.predict(far), best)
    numbers = cls(cv=2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(numbers.coef_, model.coef_)


@each_logistic
def test_bool_labels(cls):
    """Flags as labels come back as flags."""
    X, y = data_for(cls)
    model = cls(cv=2).fit(X, y == 1)
    assert model.predict(X).dtype == bool


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
    if cls in LOGISTICS:
        y = (y > 0).astype(int)
    halves = np.arange(N_ROWS), np.arange(N_ROWS, 2 * N_ROWS)
    name = "all features" if groups is None else "group noise,"
    match = rf"{cls.__name__} found no minimum .* at the upper bound for {name}.*not wa"
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
        model = cls(cv=3, random_state=0, feature_groups=groups).fit(X, y)
    np.testing.assert_allclose(model.coef_, [1.0, 2.0, 3.0, 4.0], rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, 1.0, rtol=1e-9)


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
