"""`penalty_factors` in every estimator."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_myhpo import (
    BilevelLogisticRegression,
    BilevelRidge,
    GroupedColumnTransformer,
    MYHPOLogisticRegression,
    MYHPORidge,
)
from sklearn_myhpo.criteria import CRITERIA
from sklearn_myhpo.plotting import GroupPenaltyDisplay
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import (
    CRITERION_OPTIONS,
    ESTIMATORS,
    SHORT_SOLVERS,
    SQUARED,
    covering_pairs,
    data_for,
    raw_predictions,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
FACTORS = np.array([0.0, 1.0, 4.0, 0.25])


def strength(model):
    """Return the alpha of every feature."""
    alpha = model.alpha_ if hasattr(model, "alpha_") else 1.0 / model.C_
    labels = model.feature_group_labels_
    own = np.append(np.atleast_1d(alpha), 0.0)[labels]
    return own * model.penalty_factors_


def plain_fit(model, X, y, **options):
    """Return scikit-learn's model with the penalty of every feature, by its units."""
    unit = 1.0 / np.sqrt(np.maximum(strength(model), 1e-8))
    if isinstance(model, SQUARED):
        one = RidgeClassifier if is_classifier(model) else Ridge
        plain = one(alpha=1.0, solver="svd").fit(X * unit, y, **options)
        return plain.coef_ * unit, plain.intercept_
    plain = LogisticRegression(
        C=1.0, tol=1e-10, max_iter=10_000, solver="newton-cholesky"
    ).fit(X * unit, y, **options)
    return plain.coef_ * unit, plain.intercept_


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("groups", [None, [0, 0, 1, 1]])
def test_refit_has_the_penalty_of_every_feature(cls, groups):
    """`alpha_` and `C_` are those of factor one."""
    X, y = data_for(cls, n_samples=80)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    model = cls(feature_groups=groups, penalty_factors=FACTORS, random_state=0)
    model.fit(X, y, sample_weight=weight)
    coef, intercept = plain_fit(model, X, y, sample_weight=weight)
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.intercept_, intercept, rtol=1e-4, atol=1e-5)
    expected = [-1, 0, 0, 0] if groups is None else [-1, 0, 1, 1]
    assert model.feature_group_labels_.tolist() == expected
    np.testing.assert_array_equal(model.penalty_factors_, FACTORS)


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_scaled_columns_are_the_same_model(cls):
    """Factor 1/c^2 stands for a column times c."""
    X, y = data_for(cls)
    c = np.array([0.5, 1.0, 2.0, 3.0])
    scaled = cls(random_state=0).fit(X * c, y)
    model = cls(penalty_factors=1.0 / c**2, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.lambda_, scaled.lambda_, rtol=1e-4)
    np.testing.assert_allclose(model.coef_, scaled.coef_ * c, rtol=1e-4, atol=1e-6)


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_factors_of_one_change_nothing(cls):
    """To the last bit."""
    X, y = data_for(cls)
    one = cls(random_state=0).fit(X, y)
    other = cls(penalty_factors=np.ones(4), random_state=0).fit(X, y)
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.penalty_factors_, np.ones(4))


@pytest.mark.one_in(5)
@pytest.mark.parametrize("solver", sorted(SHORT_SOLVERS))
@pytest.mark.parametrize("cls", [BilevelRidge, BilevelLogisticRegression])
def test_every_solver(solver, cls):
    """Unpenalized features and factors, to a lambda that is no worse than others."""
    X, y = data_for(cls, n_samples=120)
    options = {"penalty_factors": FACTORS, "random_state": 0, "cv": 3}
    model = cls(solver=SHORT_SOLVERS[solver], **options).fit(X, y)
    best = cls(**options).fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert model.validation_loss_ <= 1.02 * best.validation_loss_


@pytest.mark.parametrize("criterion", ["gcv", "loo", "sure", "reml", "mlr", "alo"])
@pytest.mark.parametrize("groups", [None, [0, 0, 1, 1]])
def test_every_criterion(criterion, groups):
    """Reports and refits are those of all features."""
    cls = MYHPOLogisticRegression if criterion == "alo" else MYHPORidge
    X, y = data_for(cls, n_samples=80)
    model = cls(criterion=criterion, penalty_factors=FACTORS, feature_groups=groups)
    model.fit(X, y)
    coef, intercept = plain_fit(model, X, y)
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.intercept_, intercept, rtol=1e-4, atol=1e-5)


@pytest.mark.one_in(3, 1)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_reports_and_copies(cls):
    """Frames, HTML, scikit-learn's estimator, pickles and clones."""
    X, y = data_for(cls)
    model = cls(
        feature_groups=["a", "b", "b", "b"],
        penalty_factors=[1.0, 0.0, 2.0, 1.0],
        random_state=0,
    ).fit(X, y)
    frame = model.penalties_frame()
    assert frame["n_features"].tolist() == [1, 2]
    coef = np.atleast_2d(model.coef_)
    norms = [np.abs(coef[0, 0]), np.linalg.norm(coef[:, 2:])]
    np.testing.assert_allclose(frame["coef_norm"], norms)
    assert ">2</td>" in model._repr_html_()
    plain = model.to_sklearn()
    np.testing.assert_allclose(raw_predictions(plain, X), raw_predictions(model, X))
    value = plain.alpha if cls in SQUARED else 1.0 / plain.C
    own = strength(model)
    expected = np.exp(np.mean(np.log(own[own > 0])))
    np.testing.assert_allclose(value, expected)
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.coef_, model.coef_)
    stored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(stored.penalty_factors_, model.penalty_factors_)


def test_columns_by_name():
    """Names, callables and slices of a frame."""
    X, y = data_for(MYHPORidge)
    frame = pd.DataFrame(X, columns=["age", "size", "rooms", "tax"])
    model = MYHPORidge(penalty_factors=[0, 3, 1, 3], random_state=0)
    by_number = clone(model).fit(X, y)
    model.set_params(penalty_factors=[("age", 0), (["size", "tax"], 3.0)])
    by_name = clone(model).fit(frame, y)
    np.testing.assert_allclose(by_name.coef_, by_number.coef_)
    message = "penalty_factors: item 0 .* unknown columns 'weight'"
    with pytest.raises(ValueError, match=message):
        MYHPORidge(penalty_factors=[("weight", 0)]).fit(frame, y)


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ([1, 2], "penalty_factors has the shape"),
        ([1, 1, -1, 1], "penalty_factors has the values -1 for the features 'x2'"),
        ([0, 0, 0, 0], "penalty_factors is 0 for all features"),
    ],
)
def test_errors(cls, factors, message):
    """Before anything is learned."""
    X, y = data_for(cls)
    with pytest.raises(ValueError, match=message):
        cls(penalty_factors=factors).fit(X, y)


def test_groups_without_penalized_features():
    """An error where the user named the group, no lambda where it follows."""
    X, y = data_for(MYHPORidge)
    options = {"penalty_factors": [0, 1, 1, 1], "random_state": 0}
    with pytest.raises(ValueError, match="lambdas have no effect: 'a'"):
        MYHPORidge(feature_groups=["a", "b", "b", "b"], **options).fit(X, y)
    model = MYHPORidge(feature_groups="each", **options).fit(X, y)
    assert model.feature_group_names_.tolist() == ["x1", "x2", "x3"]
    assert model.feature_group_labels_.tolist() == [-1, 0, 1, 2]


def test_transformer_whose_columns_are_not_penalized():
    """As the linear part of a smooth term."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(200, 3)), rng.integers(4, size=200)])
    y = 5 * X[:, 0] - X[:, 1] + 2 * (X[:, 3] == 1) + rng.normal(size=200)
    columns = GroupedColumnTransformer(
        [
            ("trend", StandardScaler(), [0]),
            ("number", StandardScaler(), [1, 2]),
            ("category", OneHotEncoder(), [3]),
        ]
    )
    model = make_pipeline(
        columns, MYHPORidge(feature_groups="transformer", penalty_factors=[(0, 0.0)])
    ).fit(X, y)[-1]
    assert model.feature_group_names_.tolist() == ["number", "category"]
    assert model.lambda_.shape == (2,)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("is_sparse", [True, False])
def test_partial_fit(is_sparse):
    """Parts of the data, in the units of the factors."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 4)) * (rng.random((3000, 4)) < 0.7)
    y = X @ np.array([3.0, 1.0, -1.0, 0.0]) + rng.standard_normal(3000)
    model = BilevelRidge(
        solver=Stochastic(method="soba"), cv=2, penalty_factors=FACTORS, random_state=0
    )
    rows = sparse.csr_array(X) if is_sparse else X
    for _ in range(3):
        for part in np.split(np.arange(3000), 10):
            model.partial_fit(rows[part], y[part])
    plain = LinearRegression().fit(X, y)
    np.testing.assert_allclose(model.coef_, plain.coef_, atol=0.1)
    np.testing.assert_array_equal(model.penalty_factors_, FACTORS)


def test_one_lambda_per_target():
    """Each with its own unpenalized weights."""
    X, y = data_for(MYHPORidge, n_samples=80, n_targets=3)
    options = {"penalty_factors": FACTORS, "cv": 4, "random_state": 0}
    model = MYHPORidge(alpha_per_target=True, **options).fit(X, y)
    for target in range(3):
        own = MYHPORidge(**options).fit(X, y[:, target])
        np.testing.assert_allclose(model.coef_[target], own.coef_, rtol=1e-4)
        np.testing.assert_allclose(model.alpha_[target], own.alpha_, rtol=1e-3)
    again = MYHPORidge(alpha_per_target=True, criterion="gcv", **options).fit(X, y)
    assert np.isfinite(again.coef_).all()
    assert list(again.penalties_frame()["n_features"]) == [4, 4, 4]


@pytest.mark.one_in(2)
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_other_parameters(cls):
    """An own validation set, the one-standard-error rule, shrinkage, no refit."""
    X, y = data_for(cls, n_samples=120, n_features=6)
    options = {"penalty_factors": [0, 1, 1, 2, 2, 1], "random_state": 0}
    own = cls(**options).fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    coef, _ = plain_fit(own, X[:80], y[:80])
    np.testing.assert_allclose(own.coef_, coef, rtol=1e-4, atol=1e-5)
    least = cls(**options).fit(X, y)
    careful = cls(selection="one_se", **options).fit(X, y)
    assert careful.lambda_ > least.lambda_
    assert least.optimism_ >= 0
    assert least.certificate_.is_minimum
    shrunk = cls(shrinkage="auto", feature_groups=[0, 0, 0, 1, 1, 1], **options)
    shrunk.fit(X, y)
    assert np.isfinite(shrunk.lambda_).all()
    averaged = cls(refit=False, **options).fit(X, y)
    np.testing.assert_allclose(averaged.coef_, least.coef_, atol=0.3)
    warm = cls(warm_start=True, **options).fit(X, y)
    assert warm.fit(X, y).n_iter_ <= least.n_iter_
    np.testing.assert_allclose(warm.coef_, least.coef_, rtol=1e-4, atol=1e-6)


def test_optimism_counts_the_whole_model():
    """Slopes of rows come from predictions, unpenalized features included."""
    X, y = data_for(MYHPORidge, n_samples=120)
    cv = KFold(4, shuffle=True, random_state=0)
    free = MYHPORidge(penalty_factors=[0, 1, 1, 1], cv=cv).fit(X, y)
    assert free.optimism_ > 0
    single = MYHPORidge(penalty_factors=[1e-12, 1, 1, 1], cv=cv).fit(X, y)
    np.testing.assert_allclose(free.optimism_, single.optimism_, rtol=1e-3)
    np.testing.assert_allclose(free.validation_loss_, single.validation_loss_)


def test_single_precision_and_huge_units():
    """Factors are part of the units."""
    X, y = data_for(MYHPORidge)
    # Rows of such units are solved in another way: the minima are compared.
    model = MYHPORidge(penalty_factors=FACTORS, cv=4, random_state=0, tol=1e-9)
    double = clone(model).fit(X, y)
    single = clone(model).fit(X.astype(np.float32), y.astype(np.float32))
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, double.coef_, rtol=1e-4, atol=1e-5)
    units = np.array([1e8, 1e6, 1e-6, 1.0])
    scaled = clone(model).set_params(penalty_factors=FACTORS * units**2)
    scaled.fit(X * units, y)
    np.testing.assert_allclose(scaled.coef_ * units, double.coef_, rtol=1e-6)


def test_picture_of_features():
    """Features without a penalty have no lambda to draw."""
    pytest.importorskip("matplotlib")
    X, y = data_for(MYHPORidge)
    model = MYHPORidge(feature_groups="each", penalty_factors=FACTORS).fit(X, y)
    display = GroupPenaltyDisplay.from_estimator(
        model, strength="lambda", positions=np.arange(4)
    )
    drawn = display.artist_.get_ydata()
    assert np.isnan(drawn[0])
    np.testing.assert_array_equal(drawn[1:], model.lambda_)


def limit_of(model, X, y, low, **options):
    """Fit with a weakest penalty on the unpenalized features, at the learned lambda."""
    numbers = model.feature_group_labels_
    free = numbers < 0
    labels = ["free" if k < 0 else f"group {k}" for k in numbers]
    bounds = {"free": (low, low + 1e-3)}
    for number, value in enumerate(np.atleast_1d(model.lambda_)):
        bounds[f"group {number}"] = (value - 1e-9, value + 1e-9)
    return type(model)(
        feature_groups=labels,
        lambda_bounds=bounds,
        penalty_factors=np.where(free, 1.0, model.penalty_factors_),
        **options,
    ).fit(X, y)


LIMIT_KINDS = {
    "tall": {},
    "groups": {"feature_groups": ["a", "a", "b", "b"]},
    "sparse": {},
    "standardized": {"standardize": True},
    "wide": {},
}


def limit_data(cls, kind):
    """Return data, and factors of which two are zero."""
    shape = (40, 50) if kind == "wide" else (120, 4)
    X, y = data_for(cls, n_samples=shape[0], n_features=shape[1])
    if kind == "sparse":
        X = sparse.csr_array(X * (np.random.default_rng(1).random(X.shape) < 0.7))
    factors = np.ones(shape[1])
    factors[0], factors[2] = 0.0, 4.0
    return X, y, factors


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    ("cls", "solver", "kind"),
    covering_pairs(
        [BilevelRidge, BilevelLogisticRegression], sorted(SHORT_SOLVERS), LIMIT_KINDS
    ),
)
def test_no_penalty_is_the_limit_of_a_weak_one(cls, solver, kind):
    """Of a group of its own as lambda goes to -infinity, for every solver."""
    X, y, factors = limit_data(cls, kind)
    shared = {"cv": 3, "random_state": 0}
    own = LIMIT_KINDS[kind]
    shared["standardize"] = own.get("standardize", False)
    model = cls(
        solver=SHORT_SOLVERS[solver], penalty_factors=factors, **{**shared, **own}
    ).fit(X, y)
    limit = limit_of(model, X, y, -17.0, **shared)
    scale = np.abs(limit.coef_).max()
    np.testing.assert_allclose(model.coef_, limit.coef_, atol=1e-5 * scale)
    if solver not in ("sho", "sho_global", "unrolled", "stochastic"):
        # The others report the losses of weights that are no exact minimizers.
        np.testing.assert_allclose(
            model.validation_loss_, limit.validation_loss_, rtol=1e-5
        )


@pytest.mark.parametrize("kind", LIMIT_KINDS)
@pytest.mark.parametrize("criterion", sorted(set(CRITERIA) - {"reml"}))
def test_no_penalty_is_the_limit_in_every_criterion(criterion, kind):
    """A criterion would count other degrees of freedom.

    Restricted likelihood has no such limit: its data are what free weights leave.
    """
    cls = MYHPOLogisticRegression if criterion == "alo" else MYHPORidge
    X, y, factors = limit_data(cls, kind)
    own = LIMIT_KINDS[kind]
    shared = {
        "criterion": CRITERIA[criterion](**CRITERION_OPTIONS.get(criterion, {})),
        "standardize": own.get("standardize", False),
    }
    model = cls(penalty_factors=factors, **{**shared, **own}).fit(X, y)
    limit = limit_of(model, X, y, -14.0, **shared)
    scale = np.abs(limit.coef_).max()
    np.testing.assert_allclose(model.coef_, limit.coef_, atol=1e-4 * scale)
    np.testing.assert_allclose(
        model.validation_loss_, limit.validation_loss_, rtol=1e-4
    )
