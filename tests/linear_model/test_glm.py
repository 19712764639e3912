"""Regressors of means: scikit-learn's estimators at the learned penalty."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor
from sklearn.metrics import d2_tweedie_score
from sklearn.model_selection import KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_myhpo import (
    BilevelGeneralizedLinearRegressor,
    FlatObjectiveWarning,
    MYHPOGammaRegressor,
    MYHPOPoissonRegressor,
    MYHPOTweedieRegressor,
)
from sklearn_myhpo.losses import (
    GammaLoss,
    Interval,
    LogisticLoss,
    Loss,
    PoissonLoss,
    SquaredLoss,
    TweedieLoss,
)
from sklearn_myhpo.solvers import SHO, SOLVERS, Stochastic, Unrolled
from tests.helpers import MEANS, data_for

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_myhpo.LambdaBoundWarning",
    # scikit-learn's Newton solver goes on with another one, and draws sorted rows.
    "ignore:Line search of Newton solver:sklearn.exceptions.ConvergenceWarning",
    "ignore::sklearn_myhpo.SortedRowsWarning",
)

#: Name -> our estimator, scikit-learn's of some options, the loss and its power.
FAMILIES = {
    "poisson": (MYHPOPoissonRegressor, PoissonRegressor, PoissonLoss(), 1.0),
    "gamma": (MYHPOGammaRegressor, GammaRegressor, GammaLoss(), 2.0),
    "tweedie": (
        MYHPOTweedieRegressor,
        lambda **options: TweedieRegressor(power=1.5, link="log", **options),
        TweedieLoss(1.5),
        1.5,
    ),
}
each_family = pytest.mark.parametrize("name", FAMILIES)
#: Solvers that take step sizes from a bound of the curvature.
BOUNDED = ("sho", "stochastic", "unrolled")
EXACT = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000}


def draw(name, n_rows=240, n_features=5, size=0.5, seed=0):
    """Return X and y of a family, with a signal in a part of the features."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features)) + 0.4 * rng.standard_normal(
        (n_rows, 1)
    )
    coef = rng.standard_normal(n_features) * (np.arange(n_features) < 3)
    mean = np.exp(size * X @ coef / np.linalg.norm(coef) + 0.3)
    if name == "poisson":
        return X, rng.poisson(mean).astype(float)
    if name == "gamma":
        return X, rng.gamma(2.0, mean)
    return X, rng.poisson(mean) * rng.gamma(2.0, size=n_rows)


def weights_of(n_rows):
    """Return uneven weights, some of them zero."""
    weight = np.random.default_rng(1).uniform(0.2, 3.0, n_rows)
    weight[::17] = 0.0
    return weight


def held_out_loss(name, X, y, alpha, pairs, weight, **options):
    """Return the pooled loss of scikit-learn's models of the splits."""
    _, plain, loss, _ = FAMILIES[name]
    total = sum_ = 0.0
    for train, held in pairs:
        model = plain(alpha=alpha, **EXACT, **options)
        model.fit(X[train], y[train], sample_weight=weight[train])
        raw = X[held] @ model.coef_ + model.intercept_
        total += weight[held] @ loss.value(y[held], raw[:, None])
        sum_ += weight[held].sum()
    return total / sum_


@pytest.mark.one_in(5)
@each_family
@pytest.mark.parametrize("kind", ["dense", "weighted", "sparse", "no intercept"])
def test_coefficients_are_scikit_learns(name, kind):
    """`alpha_` would not be what a user may hand to scikit-learn."""
    cls, plain, _, power = FAMILIES[name]
    X, y = draw(name)
    X = sparse.csr_array(np.where(X > 0.5, X, 0.0)) if kind == "sparse" else X
    weight = weights_of(len(y)) if kind == "weighted" else None
    options = {"fit_intercept": kind != "no intercept"}
    model = cls(**options).fit(X, y, sample_weight=weight)
    other = plain(alpha=model.alpha_, **EXACT, **options)
    other.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-8)
    np.testing.assert_allclose(model.intercept_, other.intercept_, atol=1e-8)
    assert model.converged_
    assert model.certificate_.converged
    # Scores and predictions, by ours, by scikit-learn's and by its metric.
    exported = model.to_sklearn()
    np.testing.assert_allclose(exported.predict(X), model.predict(X), rtol=1e-12)
    score = model.score(X, y, weight)
    assert score == pytest.approx(other.score(X, y, weight), abs=1e-8)
    predicted = model.predict(X)
    metric = d2_tweedie_score(y, predicted, sample_weight=weight, power=power)
    assert score == pytest.approx(metric, abs=1e-10)
    own = clone(exported).set_params(**EXACT).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(own.coef_, model.coef_, atol=1e-8)


@pytest.mark.one_in(5)
@each_family
@pytest.mark.parametrize("seed", range(4))
def test_no_worse_than_a_grid(name, seed):
    """GridSearchCV would find a better penalty."""
    rng = np.random.default_rng(seed)
    n_rows, n_features = int(rng.integers(40, 350)), int(rng.integers(1, 20))
    size = (0.0, 0.4, 1.5, 4.0)[seed]
    X, y = draw(name, n_rows, n_features, size, seed)
    X *= 10.0 ** rng.uniform(-1, 1, n_features)
    weight = np.ones(n_rows) if seed % 2 else rng.uniform(0.1, 3.0, n_rows)
    model = FAMILIES[name][0]().fit(X, y, sample_weight=weight)
    pairs = list(KFold(5).split(X))
    given = name, X, y
    own = held_out_loss(*given, model.alpha_, pairs, weight)
    assert model.validation_loss_ == pytest.approx(own, rel=1e-7)
    unit = np.average(y, weights=weight) ** (2.0 - FAMILIES[name][3])
    grid = unit * np.geomspace(1e-8, 1e5, 100 if seed == 1 else 25)
    least = min(held_out_loss(*given, alpha, pairs, weight) for alpha in grid)
    assert own <= least * (1 + 1e-6)


def test_a_rise_before_the_minimum():
    """Small weights predict worse than none here, and larger ones well."""
    rng = np.random.default_rng(152)
    X = rng.standard_normal((310, 6)) + 3.0 * rng.standard_normal((310, 1))
    X *= 10.0 ** rng.uniform(-1, 1, 6)
    raw = X @ rng.standard_normal(6)
    y = np.exp(6.0 * raw / raw.std()) * rng.gamma(0.3, size=310) + 1e-90
    model = MYHPOGammaRegressor().fit(X, y)
    given = list(KFold(5).split(X)), np.ones(310)
    null, small, large = (
        held_out_loss("gamma", X, y, alpha, *given) for alpha in (1e9, 100.0, 0.1)
    )
    assert small > 2 * null
    assert null > 2 * large
    assert model.validation_loss_ <= large * (1 + 1e-6)


@pytest.mark.one_in(3)
@each_family
def test_groups_factors_and_standardization(name):
    """Penalties of single features would not be those that the user asked for."""
    cls, plain, loss, _ = FAMILIES[name]
    X, y = draw(name)
    X = X * [1.0, 10.0, 0.1, 1.0, 3.0]
    groups = ["a", "a", "b", "b", "b"]
    factors = np.array([1.0, 0.0, 1.0, 4.0, 0.5])
    model = cls(
        feature_groups=groups, penalty_factors=factors, lambda_bounds=(-20.0, 2.0)
    ).fit(X, y)
    assert model.alpha_.shape == (2,)
    # The slopes of the training loss are those of the penalty.
    strength = factors * model.alpha_[[0, 0, 1, 1, 1]]
    raw = X @ model.coef_ + model.intercept_
    slope = loss.gradient(y, raw[:, None])[:, 0] / len(y)
    np.testing.assert_allclose(-X.T @ slope, strength * model.coef_, atol=1e-8)
    model = cls(standardize=True).fit(X, y)
    pipeline = make_pipeline(StandardScaler(), plain(alpha=model.alpha_, **EXACT))
    pipeline.fit(X, y)
    np.testing.assert_allclose(model.predict(X), pipeline.predict(X), rtol=1e-7)


def test_exposure_is_a_weight_of_the_rate():
    """Policies of a month would count like those of a year."""
    X, _ = draw("poisson")
    rng = np.random.default_rng(2)
    exposure = rng.uniform(0.05, 1.0, len(X))
    counts = rng.poisson(exposure * np.exp(0.5 * X[:, 0] + 1.0))
    model = MYHPOPoissonRegressor().fit(X, counts / exposure, sample_weight=exposure)
    # The slopes of a model of counts with an offset, in units of the exposure.
    offset = np.log(exposure)
    left = counts - np.exp(offset + X @ model.coef_ + model.intercept_)
    np.testing.assert_allclose(left.sum(), 0.0, atol=1e-7)
    slopes = X.T @ left / exposure.sum()
    np.testing.assert_allclose(slopes, model.alpha_ * model.coef_, atol=1e-9)


@pytest.mark.one_in(3)
@each_family
def test_approximate_leave_one_out(name):
    """The criterion would estimate another loss than that of a left-out row."""
    cls, plain, loss, _ = FAMILIES[name]
    X, y = draw(name, n_rows=60, n_features=3)
    model = cls(criterion="alo", store_cv_results=True).fit(X, y)
    assert model.converged_
    losses = []
    for row in range(len(y)):
        rest = np.arange(len(y)) != row
        # The penalty of the sum is held.
        alpha = model.alpha_ * len(y) / (len(y) - 1)
        left = plain(alpha=alpha, **EXACT).fit(X[rest], y[rest])
        raw = X[[row]] @ left.coef_ + left.intercept_
        losses.append(loss.value(y[[row]], raw[:, None])[0])
    np.testing.assert_allclose(model.validation_loss_, np.mean(losses), rtol=0.02)
    np.testing.assert_allclose(model.cv_losses_, losses, rtol=0.1, atol=0.02)
    assert model.validation_loss_ == pytest.approx(model.cv_losses_.mean(), rel=1e-9)
    for move in (-0.3, 0.3):
        place = model.lambda_ + move
        near = clone(model).set_params(lambda_bounds=(place - 1e-9, place))
        assert near.fit(X, y).validation_loss_ >= model.validation_loss_


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("power", "name"), [(1, "poisson"), (2.0, "gamma")])
def test_powers_at_the_ends(power, name):
    """A search over powers would fail at the ends of its range."""
    X, y = draw(name)
    model = MYHPOTweedieRegressor(power=power).fit(X, y)
    same = FAMILIES[name][0]().fit(X, y)
    np.testing.assert_array_equal(model.coef_, same.coef_)
    exported = model.to_sklearn()
    assert exported.power == power
    np.testing.assert_allclose(exported.predict(X), model.predict(X), rtol=1e-12)


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name", [name for name in SOLVERS if name != "sho_global"])
def test_every_solver_that_can(name):
    """A solver would stop elsewhere, or diverge where it says it cannot run."""
    X, y = draw("gamma", n_rows=120)
    model = BilevelGeneralizedLinearRegressor(
        family="gamma", solver=name, random_state=0
    )
    if name in BOUNDED:
        with pytest.raises(ValueError, match=r"bound of the curvature .* gamma loss"):
            model.fit(X, y)
        return
    least = MYHPOGammaRegressor().fit(X, y).validation_loss_
    assert model.fit(X, y).validation_loss_ <= least * (1 + 1e-4)


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "solver",
    [
        Stochastic(step_sizes=(0.05, 0.05)),
        SHO(step_sizes=(0.05, 0.05)),
        Unrolled(step_size=0.2),
    ],
    ids=lambda solver: type(solver).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_given_step_sizes_need_no_bound(solver):
    """The advice of the message would not work."""
    X, y = draw("gamma", n_rows=120)
    model = BilevelGeneralizedLinearRegressor(
        family="gamma", solver=solver, random_state=0
    )
    model.fit(X, y)
    least = MYHPOGammaRegressor().fit(X, y).validation_loss_
    assert model.validation_loss_ <= least * 1.01


class PseudoHuberLoss(Loss):
    """A loss of a user's own, with the identity link."""

    name = "pseudo-huber"
    link = "identity"
    y_range = Interval(-np.inf, np.inf)
    max_curvature = 1.0

    def n_outputs(self, y):
        """Return 1."""
        return 1

    def value(self, y, raw):
        """Return ``sqrt(1 + d^2) - 1``."""
        return np.sqrt(1.0 + (raw[:, 0] - y) ** 2) - 1.0

    def gradient(self, y, raw):
        """Return ``d / sqrt(1 + d^2)``."""
        error = raw[:, 0] - y
        return (error / np.sqrt(1.0 + error**2))[:, None]

    def curvature(self, y, raw):
        """Return ``(1 + d^2)^-1.5``."""
        return ((1.0 + (raw[:, 0] - y) ** 2) ** -1.5)[:, None, None]

    def third(self, y, raw, a, b, c):
        """Return ``-3 d (1 + d^2)^-2.5 a b c``."""
        error = raw[:, 0] - y
        third = -3.0 * error * (1.0 + error**2) ** -2.5
        return np.sum(third[:, None] * a * b * c, axis=-1)

    def curvature_change(self, move):
        """Return ``3 |move|``, a bound."""
        return 3.0 * np.abs(move[:, 0])

    def intercept_start(self, y, sample_weight):
        """Return the root of the slope."""
        at = np.average(y, weights=sample_weight)
        for _ in range(100):
            raw = np.full((len(y), 1), at)
            slope = sample_weight @ self.gradient(y, raw)[:, 0]
            at -= slope / (sample_weight @ self.curvature(y, raw)[:, 0, 0])
        return np.array([at])


def test_a_loss_of_ones_own():
    """A robust loss would need another package."""
    X, _ = draw("gamma")
    y = X[:, 0] + 3.0 + np.random.default_rng(0).standard_t(2, len(X))
    model = BilevelGeneralizedLinearRegressor(
        family=PseudoHuberLoss(), scoring="r2", store_cv_results=True
    ).fit(X, y)
    raw = X @ model.coef_ + model.intercept_
    np.testing.assert_allclose(model.predict(X), raw, rtol=1e-12)
    slope = PseudoHuberLoss().gradient(y, raw[:, None])[:, 0]
    np.testing.assert_allclose(
        -X.T @ slope / len(y), model.alpha_ * model.coef_, atol=1e-9
    )
    assert model.cv_scores_.shape == (5,)
    assert 0 < model.score(X, y) < 1
    with pytest.raises(ValueError, match=r"family=PseudoHuberLoss\(\) is a loss that"):
        model.to_sklearn()
    own = BilevelGeneralizedLinearRegressor(family=GammaLoss())
    own.fit(X, np.exp(X[:, 0]))
    assert isinstance(own.to_sklearn(), GammaRegressor)


def test_held_out_predictions_and_scores():
    """The reported scores would be those of other models."""
    X, y = draw("poisson")
    model = MYHPOPoissonRegressor(
        store_cv_results=True, scoring="neg_mean_poisson_deviance"
    ).fit(X, y)
    expected = np.empty(len(y))
    for train, held in KFold(5).split(X):
        other = PoissonRegressor(alpha=model.alpha_, **EXACT).fit(X[train], y[train])
        expected[held] = other.predict(X[held])
    np.testing.assert_allclose(model.cv_predictions_, expected, rtol=1e-6)
    # A deviance is twice the loss.
    np.testing.assert_allclose(model.cv_scores_, -2.0 * model.cv_losses_, rtol=1e-6)


@each_family
def test_predictions_are_finite_everywhere(name):
    """A feature far outside the range of the training rows: inf, or zero costs."""
    X, y = draw(name, n_rows=80)
    for dtype in (np.float64, np.float32):
        model = FAMILIES[name][0](cv=3).fit(X.astype(dtype), y)
        far = (1e6 * X).astype(dtype)
        predicted = model.predict(far)
        assert predicted.dtype == dtype
        assert np.all(np.isfinite(predicted))
        assert np.all(predicted > 0)
        assert np.isfinite(model.score(far, y))


@pytest.mark.one_in(4)
@pytest.mark.parametrize("scale", [1e-12, 1e12, 1e80])
@each_family
def test_units_of_y_do_not_matter(name, scale):
    """Costs in cents, and counts of 1e12, would end elsewhere."""
    cls, _, _, power = FAMILIES[name]
    X, y = draw(name, n_rows=100)
    one, other = (cls(cv=3).fit(X, factor * y) for factor in (1.0, scale))
    np.testing.assert_allclose(other.coef_, one.coef_, rtol=1e-5, atol=1e-9)
    moved = other.intercept_ - np.log(scale)
    np.testing.assert_allclose(moved, one.intercept_, atol=1e-6)
    expected = one.alpha_ * scale ** (2.0 - power)
    np.testing.assert_allclose(other.alpha_, expected, rtol=1e-4)


@each_family
def test_a_constant_target(name):
    """Nothing to explain: a division by the loss of the null model."""
    X, _ = draw(name, n_rows=80)
    with pytest.warns(FlatObjectiveWarning):
        model = FAMILIES[name][0]().fit(X, np.full(80, 3.0))
    np.testing.assert_allclose(model.predict(X), 3.0)
    assert model.score(X, np.full(80, 3.0)) in (0.0, 1.0)


def test_targets_out_of_range():
    """A negative count would end in NaN, a cost of zero at minus infinity."""
    X, y = draw("poisson", n_rows=50)
    for cls, bad, message in (
        (MYHPOPoissonRegressor, y - 1.0, r"poisson loss .*\[0, 1e\+100\]. Got -1.0"),
        (MYHPOTweedieRegressor, -y - 1.0, r"tweedie loss .*Got -"),
        (MYHPOGammaRegressor, y, r"gamma loss .*\[1e-100, 1e\+100\]. Got 0.0"),
        (MYHPOPoissonRegressor, 1e110 * y, r"poisson loss .*Got .*e\+110"),
        (MYHPOPoissonRegressor, 0.0 * y, r"y is zero in all rows .*positive y"),
        (MYHPOPoissonRegressor, np.where(y > 2, np.nan, y), "Input y contains NaN"),
        (MYHPOGammaRegressor, y.astype(str), "y must be numeric"),
        (MYHPOGammaRegressor, np.column_stack([y, y]), "1d array"),
    ):
        with pytest.raises(ValueError, match=message):
            cls().fit(X, bad)
    model = MYHPOPoissonRegressor().fit(X, y)
    with pytest.raises(ValueError, match=r"poisson loss .*Got -1.0"):
        model.score(X, y - 1.0)


def test_a_training_part_of_zeros():
    """A fold without a claim would train an intercept of minus infinity."""
    X, _ = draw("poisson", n_rows=50)
    y = (np.arange(50) < 5).astype(float)
    with pytest.raises(ValueError, match=r"cv=5: .*split 0 .*KFold\(5, shuffle=True"):
        MYHPOPoissonRegressor().fit(X, y)
    model = MYHPOPoissonRegressor(cv=KFold(5, shuffle=True, random_state=0)).fit(X, y)
    assert np.all(np.isfinite(model.coef_))
    with pytest.raises(ValueError, match="only y_val is not"):
        MYHPOPoissonRegressor().fit(X[5:], y[5:], X_val=X[:5], y_val=y[:5])
    with pytest.raises(ValueError, match="y is zero in all rows"):
        MYHPOPoissonRegressor(criterion="alo").fit(X, y, sample_weight=1.0 - y)


def test_a_category_without_claims():
    """Its weight has no end without a penalty."""
    X, y = draw("poisson")
    rare = X[:, 4] > 1.0
    X, y = np.column_stack([X, rare]), np.where(rare, 0.0, y)
    for factors in (None, [1, 1, 1, 1, 1, 0]):
        model = MYHPOPoissonRegressor(penalty_factors=factors).fit(X, y)
        assert model.converged_
        assert np.all(np.isfinite(model.coef_))
        assert model.predict(X[rare]).max() < model.predict(X[~rare]).max()


@pytest.mark.parametrize("power", [0, 3, -1.0, "1.5", None, True, np.nan])
def test_powers_that_are_none(power):
    """The message would not say what to use instead."""
    X, y = draw("gamma", n_rows=50)
    for model in (
        MYHPOTweedieRegressor(power=power),
        BilevelGeneralizedLinearRegressor(family="tweedie", power=power),
    ):
        with pytest.raises(ValueError, match=r"'power' .* from 1 .* 2 .*MYHPORidge"):
            model.fit(X, y)


@pytest.mark.parametrize("family", ["normal", None, 3, LogisticLoss(), SquaredLoss()])
def test_families_that_are_none(family):
    """Classes and squares have estimators of their own."""
    X, y = draw("gamma", n_rows=50)
    with pytest.raises(ValueError, match=r"family.*(poisson|BilevelRidge)"):
        BilevelGeneralizedLinearRegressor(family=family).fit(X, y)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("cls", MEANS)
def test_what_every_estimator_does(cls):
    """Storing, going on from the last fit, and reading the result."""
    X, y = data_for(cls)
    model = cls(warm_start=True).fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    first = model.lambda_
    assert model.fit(X, y).lambda_ == pytest.approx(first, abs=1e-4)
    summary = model.summary(feature_names=list("abcd"))
    assert "Effective degrees of freedom" in str(summary)
    assert summary.columns["alpha"] == pytest.approx(model.alpha_)
    assert "alpha" in model._repr_html_()
    np.testing.assert_array_equal(
        cls(cv=3, random_state=0, n_jobs=1).fit(X, y).coef_,
        cls(cv=KFold(3), random_state=0).fit(X, y).coef_,
    )


def test_exposure_is_routed():
    """A cross-validation would score rates of a month like those of a year."""
    X, y = draw("poisson", n_rows=90)
    exposure = np.random.default_rng(0).uniform(0.1, 1.0, 90)
    folds = KFold(3)
    with config_context(enable_metadata_routing=True):
        model = MYHPOPoissonRegressor(cv=3).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        given = {"params": {"sample_weight": exposure}, "cv": folds}
        scores = cross_validate(model, X, y, **given)["test_score"]
    for score, (train, test) in zip(scores, folds.split(X), strict=True):
        own = MYHPOPoissonRegressor(cv=3).fit(X[train], y[train], exposure[train])
        assert score == own.score(X[test], y[test], exposure[test])


@pytest.mark.parametrize(
    ("model", "plain"),
    [
        (MYHPOPoissonRegressor(), PoissonRegressor()),
        (MYHPOGammaRegressor(), GammaRegressor()),
        (MYHPOTweedieRegressor(), TweedieRegressor(power=1.5, link="log")),
        (MYHPOTweedieRegressor(power=2), TweedieRegressor(power=2, link="log")),
    ],
)
def test_tags_are_those_of_the_counterpart(model, plain):
    """A tool would draw negative targets."""
    own, other = get_tags(model), get_tags(plain)
    assert own.target_tags == other.target_tags
    assert own.estimator_type == other.estimator_type == "regressor"
    assert own.input_tags.sparse


@parametrize_with_checks(
    [MYHPOTweedieRegressor(), BilevelGeneralizedLinearRegressor(family="gamma")]
)
def test_scikit_learn_checks(estimator, check):
    """Any of scikit-learn's own checks: there a tool would meet a surprise."""
    check(estimator)


@pytest.mark.one_in(6)
@each_family
@pytest.mark.parametrize("kind", ["even", "weighted"])
def test_many_rows(name, kind):
    """Fits of many rows, which take few passes, would end beside the minimum."""
    X, y = draw(name, 10_000, 6, 0.6, 1)
    weight = weights_of(len(y)) if kind == "weighted" else np.ones(len(y))
    model = FAMILIES[name][0]().fit(X, y, sample_weight=weight)
    assert model.converged_
    assert model.certificate_.is_minimum
    other = FAMILIES[name][1](alpha=model.alpha_, **EXACT)
    other.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.coef_, other.coef_, atol=1e-8)
    pairs, used = list(KFold(5).split(X)), np.flatnonzero(weight)
    given = name, X, y
    own = held_out_loss(*given, model.alpha_, pairs, weight)
    assert model.validation_loss_ == pytest.approx(own, rel=1e-7)
    # A grid of 100 from no penalty to none but a constant; far away every tenth.
    grid = np.geomspace(1e-6, 1e2, 100)
    near = np.abs(np.log(grid / model.alpha_)) < 1.5
    grid = np.concatenate([grid[near], grid[::10]])
    least = min(held_out_loss(*given, alpha, pairs, weight) for alpha in grid)
    assert own <= least * (1 + 1e-6)
    assert model.validation_loss_ <= least * (1 + 1e-6)
    assert len(used) > 9000


@each_family
def test_weights_of_many_rows_are_repetitions(name):
    """A policy of two years would count as one of one."""
    X, y = draw(name, 6000, 4, 0.6, 2)
    weight = np.random.default_rng(0).integers(1, 4, len(y))
    folds = np.arange(len(y)) % 5
    pairs = [
        (np.flatnonzero(folds != fold), np.flatnonzero(folds == fold))
        for fold in range(5)
    ]
    cls, repeated = FAMILIES[name][0], np.repeat(np.arange(len(y)), weight)
    weighted = cls(cv=pairs).fit(X, y, sample_weight=weight)
    own = folds[repeated]
    pairs = [
        (np.flatnonzero(own != fold), np.flatnonzero(own == fold)) for fold in range(5)
    ]
    plain = cls(cv=pairs).fit(X[repeated], y[repeated])
    assert plain.validation_loss_ == pytest.approx(weighted.validation_loss_, rel=1e-7)
    np.testing.assert_allclose(plain.lambda_, weighted.lambda_, atol=5e-3)
    np.testing.assert_allclose(plain.coef_, weighted.coef_, atol=1e-5)
