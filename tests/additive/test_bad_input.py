"""Additive models of data that have no good answer: an error or a finite one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import KFold

from sklearn_myhpo import MYHPOAdditiveClassifier, MYHPOAdditiveRegressor
from tests.additive.test_additive import make_frame

pandas = pytest.importorskip("pandas")

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_myhpo.FlatObjectiveWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)

X, Y = make_frame(120)
NUMBERS = X[["age", "pay"]]
FEW = {"n_splines": 8}
COUNTS = np.round(np.exp(Y / 2.0))
MODELS = {
    "normal": (MYHPOAdditiveRegressor(**FEW), Y),
    "poisson": (MYHPOAdditiveRegressor(family="poisson", **FEW), COUNTS),
    "gamma": (MYHPOAdditiveRegressor(family="gamma", **FEW), np.exp(Y / 2.0)),
    "tweedie": (
        MYHPOAdditiveRegressor(family="tweedie", **FEW),
        np.where(Y > 1.0, COUNTS, 0.0),
    ),
    "classes": (MYHPOAdditiveClassifier(**FEW), Y > 1.0),
}
MEANS = ["poisson", "gamma", "tweedie"]


@pytest.fixture(params=MODELS)
def model(request):
    """An estimator, not fitted, and its target."""
    estimator, y = MODELS[request.param]
    return clone(estimator), y


def assert_finite(model, rows):
    """Everything that a fitted model says is a number."""
    method = "predict_proba" if hasattr(model, "classes_") else "predict"
    assert np.all(np.isfinite(getattr(model, method)(rows)))
    assert np.all(np.isfinite(model.edof_))
    assert np.isfinite(model.validation_loss_)
    for effect in model.partial_effects(n_points=5).values():
        for values in (effect.effect, effect.low, effect.high):
            assert values is None or np.all(np.isfinite(values))
    assert "nan" not in str(model.summary())


@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_targets_that_are_no_numbers(model, value):
    """A missing target would count as one."""
    model, y = model
    y = y.astype(object if value is None else float)
    y[3] = value
    with pytest.raises(ValueError, match=r"y contains (NaN|infinity)"):
        model.fit(X, y)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("family", MEANS)
def test_targets_out_of_range(family):
    """A negative cost would be NaN somewhere in the fit, or nothing said."""
    model, y = MODELS[family]
    with pytest.raises(ValueError, match=rf"The {family} loss needs a y of numbers in"):
        clone(model).fit(X, np.where(np.arange(120) == 3, -1.0, y))
    zero = "needs a y of numbers" if family == "gamma" else "y is zero in all rows"
    with pytest.raises(ValueError, match=zero):
        clone(model).fit(X, np.zeros(120))
    model = clone(model).fit(X, y)
    with pytest.raises(ValueError, match="needs a y of numbers"):
        model.score(X, -y - 1.0)


def test_one_class():
    """Classes that nothing tells apart would end in a curve of NaN."""
    with pytest.raises(ValueError, match="MYHPOAdditiveClassifier needs rows of at"):
        MYHPOAdditiveClassifier().fit(X, np.ones(120, dtype=int))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", [name for name in MODELS if name != "classes"])
def test_constant_target(name):
    """The mean would be lost, or a useless curve found."""
    model = clone(MODELS[name][0]).fit(X, np.full(120, 2.5))
    assert_allclose(model.predict(X), 2.5)
    assert_finite(model, X)


@pytest.mark.one_in(4)
def test_constant_features(model):
    """A column without information would be an error or NaN."""
    model, y = model
    for columns in (
        {"same": np.ones(120)},
        {"same": np.ones(120), "one": ["k"] * 120},
        {"huge": np.full(120, 1e200), "tiny": np.full(120, 1e-300)},
    ):
        same = pandas.DataFrame(columns)
        model.fit(same, y)
        assert_finite(model, same)
        assert_allclose(model.edof_, 0.0)
        assert len(np.unique(model.predict(same))) == 1


@pytest.mark.one_in(4)
def test_fewer_values_than_knots(model):
    """Knots would coincide, or a curve have no values to be met at."""
    model, y = model
    codes = pandas.DataFrame({f"x{k}": np.arange(120) % k for k in (2, 3, 4, 5)})
    for options in ({"select": None}, {"knots": "uniform"}, {"cyclic": True}):
        found = clone(model).set_params(**options).fit(codes, y)
        assert_finite(found, codes)
        assert_finite(found, codes + 0.5)


@pytest.mark.one_in(4)
def test_columns_without_values(model):
    """Rows would be lost, or an indicator be one for all rows."""
    model, y = model
    empty = X.assign(empty=np.nan)
    with pytest.raises(ValueError, match=r"NaN. in 120 of 120 rows.*'empty'"):
        model.fit(empty, y)
    model.set_params(missing="indicator").fit(empty, y)
    assert_finite(model, empty)
    assert model.edof_[list(model.term_names_).index("empty")] == 0.0
    method = "predict_proba" if hasattr(model, "classes_") else "predict"
    found = getattr(model, method)(empty.assign(empty=7.0))
    constant = X.assign(empty=1.0)
    expected = getattr(clone(model).fit(constant, y), method)(constant)
    assert_allclose(found, expected, rtol=1e-9)
    # The steps to the strengths may differ with a further feature, by rounding errors.
    expected = getattr(clone(model).fit(X, y), method)(X)
    assert np.std(found - expected) < 1e-3 * np.std(expected)
    model.fit(empty[["empty"]], y)
    assert_finite(model, empty[["empty"]])


@pytest.mark.one_in(3)
def test_infinite_features(model):
    """Infinity would be a value far away."""
    model, y = model
    with pytest.raises(ValueError, match="X contains infinity"):
        model.fit(NUMBERS.assign(age=np.inf), y)
    model.fit(NUMBERS, y)
    with pytest.raises(ValueError, match="X contains infinity"):
        model.predict(NUMBERS.assign(age=-np.inf))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("width", [1.0, 1e-12])
def test_far_outside_the_range(model, width):
    """An exponential would overflow, or a line to infinity be NaN."""
    model, y = model
    model.fit(NUMBERS * width, y)
    ends = [1e6, -1e6, 1e300, -1e300, 0.0]
    far = pandas.DataFrame({"age": ends, "pay": ends[::-1]})
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert_finite(model, far)
    if getattr(model, "family", "normal") in MEANS:
        assert np.all(model.predict(far) > 0.0)


@pytest.mark.one_in(3)
def test_categories_that_the_fit_has_not_seen(model):
    """A new district would be an error, or have the effect of another one."""
    model, y = model
    model.fit(X[["kind", "age"]], y)
    method = "decision_function" if hasattr(model, "classes_") else "predict"
    new = X[["kind", "age"]].iloc[:20].assign(kind="new")
    assert_finite(model, new)
    # Without an effect: what is left is the curve.
    missing = new.assign(kind=None)
    found = getattr(model, method)(new)
    assert_allclose(getattr(model, method)(missing), found)
    each = [getattr(model, method)(new.assign(kind=kind)) for kind in "abcdefgh"]
    low, high = np.min(each, axis=0), np.max(each, axis=0)
    assert np.all((low <= found) & (found <= high))


@pytest.mark.one_in(4)
def test_few_rows(model):
    """More weights than rows would leave nothing for the bands."""
    model, y = model
    own = np.argsort(y, kind="stable")[:: len(y) // 12]
    cv = KFold(2, shuffle=True, random_state=0)
    model.set_params(cv=cv).fit(X.iloc[own], y[own])
    assert_finite(model, X)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("unit", [1e-9, 1e9])
def test_units_of_the_target(unit):
    """Costs in another currency would be another model."""
    for name in ("normal", "gamma", "tweedie"):
        model, y = MODELS[name]
        one, other = clone(model).fit(NUMBERS, y), clone(model).fit(NUMBERS, unit * y)
        assert one.dropped_ == other.dropped_
        assert_allclose(other.predict(NUMBERS), unit * one.predict(NUMBERS), rtol=1e-4)


class Watched(KFold):
    """Keeps what it was given."""

    def split(self, X, y=None, groups=None):
        """Return the folds."""
        self.given = X, y, groups
        return super().split(X, y, groups)


@pytest.mark.one_in(3)
def test_splitters_get_the_rows_of_the_user(model):
    """A splitter that looks for a column, such as a date, would not find it."""
    model, y = model
    cv = Watched(3)
    model.set_params(cv=cv).fit(X, y, groups=np.arange(120))
    assert cv.given[0] is X
    assert_allclose(cv.given[2], np.arange(120))
    assert vars(model.model_).get("_owner_rows") is None


@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", ["normal", "classes"])
def test_all_fits_hold_out_the_same_rows(name):
    """Losses of different rows would be compared, and a term be lost by chance."""
    model, y = MODELS[name]
    seeds = []

    class Seen(type(model)):
        def _fit_to(self, linear, columns, data):
            seeds.append(linear.random_state)
            return super()._fit_to(linear, columns, data)

    for state in (None, np.random.RandomState(0), 3):
        seeds.clear()
        Seen(cv=0.3, random_state=state, **FEW).fit(X, y)
        assert len(seeds) >= 2
        assert len(set(seeds)) == 1
        assert isinstance(seeds[0], int)
    assert seeds[0] == 3


def test_messages_count_the_features_of_the_user():
    """The message would tell of dozens of features that are columns of curves."""
    few = X.iloc[:6]
    with pytest.raises(ValueError, match="n_samples = 6, n_features = 6"):
        MYHPOAdditiveClassifier().fit(few, np.arange(6) % 3 == 0)
