"""Additive models of counts, rates and costs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import GammaRegressor, PoissonRegressor, TweedieRegressor
from sklearn.metrics import d2_tweedie_score, r2_score

from sklearn_myhpo import MYHPOAdditiveRegressor, MYHPOPoissonRegressor
from sklearn_myhpo.losses import PoissonLoss, SquaredLoss, TweedieLoss
from tests.additive.test_additive import columns_of, make_frame
from tests.linear_model.test_glm import PseudoHuberLoss

pandas = pytest.importorskip("pandas")

POWERS = {"poisson": 1.0, "gamma": 2.0, "tweedie": 1.5}
PLAIN = {"poisson": PoissonRegressor, "gamma": GammaRegressor}


def make_policies(family, n=600, seed=0):
    """Return a frame with two effects, exposures, and y per unit of exposure."""
    rng = np.random.default_rng(seed)
    X = pandas.DataFrame(
        {
            "age": rng.uniform(20, 80, n),
            "none": rng.normal(size=n),
            "kind": rng.choice(list("abc"), n),
        }
    )
    of_kind = X["kind"].map({"a": 0.0, "b": 0.5, "c": -0.5})
    mean = np.exp(np.sin(X["age"] / 10) + of_kind).to_numpy()
    exposure = rng.uniform(0.5, 3.0, n)
    counts = rng.poisson(mean * exposure)
    if family == "poisson":
        return X, counts / exposure, exposure
    if family == "gamma":
        return X, mean * rng.gamma(2.0 * exposure) / (2.0 * exposure), exposure
    amounts = np.where(counts > 0, rng.gamma(2.0 * np.maximum(counts, 1)) / 2.0, 0.0)
    return X, amounts / exposure, exposure


@pytest.fixture(scope="module", params=POWERS)
def fitted(request):
    """A fit of a family, with its data."""
    X, y, exposure = make_policies(request.param)
    model = MYHPOAdditiveRegressor(family=request.param, n_splines=10, tol=1e-9)
    return model.fit(X, y, exposure), X, y, exposure


@pytest.mark.one_in(3)
def test_alpha_gives_the_same_weights(fitted):
    """The strengths would not be those that scikit-learn needs."""
    model, X, y, exposure = fitted
    columns, linear = columns_of(model, X), model.model_
    alpha = linear.alpha_[linear.feature_group_labels_]
    options = {"alpha": 1.0, "tol": 1e-10, "max_iter": 10_000}
    if model.family == "tweedie":
        plain = TweedieRegressor(power=1.5, link="log", **options)
    else:
        plain = PLAIN[model.family](**options)
    plain.set_params(solver="newton-cholesky")
    plain.fit(columns / np.sqrt(alpha), y, exposure)
    found = plain.predict(columns / np.sqrt(alpha))
    assert_allclose(model.predict(X), found, rtol=1e-6)


def test_degrees_of_freedom_and_dispersion(fitted):
    """Bands would be those of other counts, or of no overdispersion."""
    model, X, y, exposure = fitted
    columns, mean = columns_of(model, X), model.predict(X)
    power = POWERS[model.family]
    # The second derivative of half the deviance in the log of the mean.
    bend = (2.0 - power) * mean ** (2.0 - power)
    bend = exposure * (bend + (power - 1.0) * y * mean ** (1.0 - power))
    columns = columns - bend @ columns / bend.sum()
    gram = (columns * bend[:, None]).T @ columns
    linear = model.model_
    alpha = linear.alpha_[linear.feature_group_labels_]
    inverse = np.linalg.inv(gram + np.diag(exposure.sum() * alpha))
    freedom = np.diag(inverse @ gram)
    assert_allclose(model.edof_.sum(), freedom.sum(), rtol=1e-5)
    pearson = exposure @ ((y - mean) ** 2 / mean**power)
    dispersion = pearson / (len(y) - 1.0 - freedom.sum())
    assert_allclose(model.summary().dispersion, dispersion, rtol=1e-6)
    assert f"Dispersion: {dispersion:.6g}." in str(model.summary())
    assert model.summary().noise_variance is None


def test_effects_are_differences_of_logs(fitted):
    """A picture would show factors as sums."""
    model, X, *_ = fitted
    effect = model.partial_effects("age", n_points=9)["age"]
    at = pandas.concat([X.iloc[[3]]] * 9, ignore_index=True)
    at["age"] = effect.values
    logs = np.log(model.predict(at))
    assert_allclose(logs - logs[0], effect.effect - effect.effect[0], atol=1e-9)


@pytest.mark.one_in(3)
def test_score_is_the_share_of_the_deviance(fitted):
    """R2 of costs would be that of the few large ones."""
    model, X, y, exposure = fitted
    power, mean = POWERS[model.family], model.predict(X)
    expected = d2_tweedie_score(y, mean, sample_weight=exposure, power=power)
    assert_allclose(model.score(X, y, exposure), expected)
    assert_allclose(model.score(X, y), d2_tweedie_score(y, mean, power=power))
    normal = MYHPOAdditiveRegressor(n_splines=6).fit(X, y)
    found = normal.score(X, y, exposure)
    assert_allclose(found, r2_score(y, normal.predict(X), sample_weight=exposure))


def test_useless_terms_vanish_and_others_stay(fitted):
    """Noise would have an effect on the mean, or the effect would be lost."""
    model, X, *_ = fitted
    assert model.dropped_ == ["none"]
    age = model.partial_effects("age")["age"]
    truth = np.sin(age.values / 10) - np.sin(X["age"] / 10).mean()
    assert np.mean((age.low <= truth) & (truth <= age.high)) > 0.8


@pytest.mark.one_in(2)
@pytest.mark.parametrize("family", POWERS)
def test_units_do_not_matter(family):
    """Years or days of exposure, euros or cents, would give other terms and bands."""
    X, y, exposure = make_policies(family, 300)
    model = MYHPOAdditiveRegressor(family=family, n_splines=8, tol=1e-10)
    one = clone(model).fit(X, y, exposure)
    other = clone(model).fit(X, 100.0 * y, 365.0 * exposure)
    assert one.dropped_ == other.dropped_
    assert_allclose(other.predict(X), 100.0 * one.predict(X), rtol=1e-5)
    assert_allclose(other.edof_, one.edof_, atol=1e-4)
    left, right = (fit.partial_effects("age")["age"] for fit in (one, other))
    assert_allclose(right.effect, left.effect, atol=1e-4)
    assert_allclose(right.standard_error, left.standard_error, rtol=1e-3)


def test_rates_are_counts_with_an_offset():
    """The weights would not stand for the length of the observation."""
    X, rate, exposure = make_policies("poisson", 400)
    model = MYHPOAdditiveRegressor(family="poisson", n_splines=8)
    model.fit(X, rate, exposure)
    mean, counts = model.predict(X) * exposure, rate * exposure
    columns, linear = columns_of(model, X), model.model_
    penalty = linear.alpha_[linear.feature_group_labels_] * exposure.sum()
    # The score equations of counts whose log mean has the log exposure as an offset.
    assert_allclose(columns.T @ (counts - mean), penalty * linear.coef_, atol=1e-4)
    assert_allclose(counts.sum(), mean.sum())


@pytest.mark.slow
def test_overdispersed_counts():
    """Terms without effect would stay, and bands be too narrow."""
    kept, wide = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.uniform(size=(400, 2))
        mean = np.exp(1.0 + np.sin(6.0 * X[:, 0]))
        y = rng.poisson(mean * rng.gamma(1.0, size=400))
        model = MYHPOAdditiveRegressor(family="poisson", n_splines=10).fit(X, y)
        kept.append("x1" not in model.dropped_)
        effect = model.partial_effects("x0")["x0"]
        truth = np.sin(6.0 * effect.values) - np.sin(6.0 * X[:, 0]).mean()
        wide.append(np.mean((effect.low <= truth) & (truth <= effect.high)))
    assert sum(kept) <= 1
    assert np.mean(wide) > 0.85


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("family", "same"),
    [
        ("poisson", PoissonLoss()),
        ("tweedie", TweedieLoss(1.5)),
        (PseudoHuberLoss(), PseudoHuberLoss()),
    ],
)
def test_losses_are_families(family, same):
    """A loss of one's own could have no curves."""
    X, y, exposure = make_policies("tweedie", 300)
    one = MYHPOAdditiveRegressor(family=family, n_splines=8).fit(X, y, exposure)
    other = MYHPOAdditiveRegressor(family=same, n_splines=8).fit(X, y, exposure)
    assert_allclose(one.predict(X), other.predict(X))
    assert_allclose(one.score(X, y), other.score(X, y))


def test_ends_of_the_power_are_families():
    """A search over the power would end in an error at its ends."""
    X, y, _ = make_policies("gamma", 200)
    for power, family in ((1, "poisson"), (2, "gamma")):
        model = MYHPOAdditiveRegressor(family="tweedie", power=power, n_splines=6)
        other = MYHPOAdditiveRegressor(family=family, n_splines=6).fit(X, y)
        assert_allclose(model.fit(X, y).predict(X), other.predict(X))


def test_lines_alone_are_the_linear_model():
    """The additive model would not be an extension of the linear one."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, size=(300, 3)).astype(float)
    y = rng.poisson(np.exp(X[:, 0]))
    model = MYHPOAdditiveRegressor(family="poisson", select=None, tol=1e-9).fit(X, y)
    units = (X - X.mean(axis=0)) / X.std(axis=0)
    plain = MYHPOPoissonRegressor(feature_groups="each", tol=1e-9).fit(units, y)
    assert_allclose(model.predict(X), plain.predict(units), rtol=1e-6)
    assert_allclose(model.validation_loss_, plain.validation_loss_)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"family": "binomial"}, r"\['normal', 'poisson', 'gamma', 'tweedie'\] or"),
        ({"family": ["poisson"]}, r"Got \['poisson'\] instead"),
        ({"family": "tweedie", "power": 3}, r"family='normal' is for power=0"),
        ({"family": SquaredLoss()}, r"Use family='normal' for squares"),
        ({"family": "poisson", "criterion": "gcv"}, r"Allowed are \['validation'"),
    ],
)
def test_bad_families(parameters, words):
    """The message would name classes that the user has not written."""
    X, y = make_frame(60)
    with pytest.raises(ValueError, match=words) as caught:
        MYHPOAdditiveRegressor(**parameters).fit(X, np.exp(y))
    assert "Bilevel" not in str(caught.value)
    assert "MYHPORidge" not in str(caught.value)
