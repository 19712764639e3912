"""The measurements of `benchmarks.additive` and `families`, at tiny sizes."""

import time

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, cross_val_score

from benchmarks import additive, curves, families, family_shapes, gam_tools
from benchmarks.gam_tools import CLASSIFIERS, REGRESSORS

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_myhpo.exceptions.LambdaBoundWarning",
    "ignore:R.2 score is not well-defined",
)
PYGAM = [label for label in REGRESSORS if label.startswith("pyGAM")]


@pytest.fixture
def only_ours(monkeypatch):
    """No package of others is installed."""
    monkeypatch.setattr(gam_tools, "find_spec", lambda name: None)
    monkeypatch.setattr(families, "find_spec", lambda name: None)
    monkeypatch.setattr(gam_tools, "RSCRIPT", None)


class Truth:
    """Knows the curves of a simulation up to a constant and a small error."""

    def __init__(self, data, error):
        self.data, self.error = data, error

    def term_edof(self, column):
        return 0.25

    def band(self, X, column):
        effect = self.data.curves[column](X[:, column]) + 7.0
        effect[0] += self.error
        return effect, np.full(len(X), 1e-6)


class TestSimulations:
    @pytest.mark.parametrize("make", [curves.smooth, curves.bikes])
    def test_curves_are_those_behind_y(self, make):
        """Bands would be compared with other curves than those of the data."""
        data = make(4000)
        signal = [f(data.X[:, k]) for k, f in data.curves.items() if f is not None]
        own = [data.X[:, k, None] == np.arange(3) for k in data.categorical]
        columns = np.column_stack([*signal, *own])
        weights = Ridge(1e-6).fit(columns, data.y).coef_[: len(signal)]
        np.testing.assert_allclose(weights, 1.0, atol=0.15)

    @pytest.mark.parametrize("family", families.POWERS)
    def test_policies_have_targets_that_the_family_allows(self, family):
        """A tool would refuse the data."""
        y = curves.insurance(2000, family).y
        assert y.min() > 0 if family == "gamma" else y.min() == 0
        assert np.array_equal(y, np.round(y)) == (family == "poisson")


class TestBands:
    def test_the_truth_is_inside_whatever_its_mean(self):
        """A constant between the curve and its estimate would count as an error."""
        data = curves.smooth(100, 3, 2)
        found = additive.judge_curves(Truth(data, 0.0), data)
        assert found == ([1.0, 1.0], [1.0, 1.0], [0.25])

    def test_an_error_is_outside(self):
        """The coverage would be too high."""
        data = curves.smooth(100, 3, 2)
        inside, *_ = additive.judge_curves(Truth(data, 1e-5), data)
        assert inside == [0.99, 0.99]

    def test_weak_curves_are_counted_apart(self):
        """Bands without width would be hidden among good ones."""
        data = curves.smooth(100, 3, 2)
        truth = Truth(data, 0.0)
        truth.term_edof = {0: 0.0, 1: 2.0, 2: 0.0}.get
        assert additive.judge_curves(truth, data) == ([1.0, 1.0], [1.0], [0.0])


class TestTools:
    def test_missing_ones_are_named(self, only_ours):
        """A row would be missing without a word."""
        missing = gam_tools.missing()
        assert set(PYGAM) <= set(missing)
        assert "mgcv, gam" in missing
        assert next(iter(additive.available(REGRESSORS))) == "MYHPOAdditiveRegressor"
        assert not set(missing) & set(additive.available(CLASSIFIERS))
        assert list(families.available()) == list(families.TOOLS)[:2]

    def test_degrees_of_freedom_of_one_strength(self):
        """They would not be the trace of the matrix from y to the predictions."""
        data = curves.smooth(60, 2, 2)
        model = REGRESSORS["SplineTransformer + RidgeCV"](data.X, ())
        model.fit(data.X, data.y)
        columns, alpha = model.model[:-1].transform(data.X), model.model[-1].alpha_
        trace = np.trace(Ridge(alpha).fit(columns, np.eye(60)).predict(columns))
        assert model.edof(data.X) == pytest.approx(trace)

    def test_deviance_of_classes(self):
        """Probabilities would be those of the other class."""
        data = curves.smooth(200, 2, 2)
        y = (data.y > np.median(data.y)).astype(int)
        model = CLASSIFIERS["MYHPOAdditiveClassifier"](data.X, ())
        model.fit(data.X, y)
        expected = 2.0 * log_loss(y, model.model.predict_proba(data.X))
        assert additive.deviance(model, data.X, y, True) == pytest.approx(expected)


def test_a_fit_over_the_limit_is_ended(monkeypatch):
    """One slow tool would hold up the table, or end it."""

    class Slow:
        def fit(self, X, y):
            time.sleep(10.0)

    monkeypatch.setattr(additive, "LIMIT", 0.05)
    cells = additive.timed_shapes(lambda X, categorical: Slow(), [(9, 1), (9, 2)])
    assert cells == ["over 0.05 s"] * 2


class TestReport:
    def test_additive(self, only_ours, monkeypatch):
        """A table would lack a column, or the page the packages left out."""
        monkeypatch.setattr(gam_tools, "K", 6)
        sizes = additive.Sizes(2, 60.0, 120, 1, 120, (100,), (2,), (400,))
        rows = [("few", *curves.smooth(120, 2, 1)[:2], (), False)]
        monkeypatch.setattr(additive, "tasks", lambda sizes: rows)
        parts = additive.report(sizes, list(additive.TABLES))
        for name in additive.TABLES:
            widths = {line.count("|") for line in parts[name].splitlines()}
            assert len(widths) == 1
        assert "Left out: pyGAM (pygam is not installed)." in parts["machine"]

    def test_families(self, only_ours, monkeypatch):
        """A table would lack a column or a family."""
        monkeypatch.setattr(families, "POWERS", {"gamma": 2.0})
        monkeypatch.setattr(families, "JUDGED", families.JUDGED[::20])
        monkeypatch.setattr(families, "ALPHAS", families.ALPHAS[::10])
        shapes = [family_shapes.Shape(300, 3, kind, 1.5) for kind in ("even", "sparse")]
        shapes += [family_shapes.Shape(300, 3, "correlated", 2.0, 5.0, True)]
        parts = families.report(families.Sizes(2, 800, (200,), shapes))
        for name in ("accuracy", "growth", "fits"):
            lines = parts[name].splitlines()
            assert len({line.count("|") for line in lines}) == 1
            assert all(family in parts[name] for family in families.POWERS)
        assert "Left out: glum" in parts["machine"]
        assert "Over" not in parts["machine"]

    def test_tools_over_the_limit(self, only_ours, monkeypatch):
        """A slow tool would hold up all tables, or vanish from them."""
        monkeypatch.setattr(families, "POWERS", {"gamma": 2.0})
        monkeypatch.setattr(families, "JUDGED", families.JUDGED[::50])
        monkeypatch.setattr(families, "search", _Endless)
        tools = {"sklearn_myhpo": families.ours, "endless": families.search}
        monkeypatch.setattr(families, "TOOLS", tools)
        parts = families.report(families.Sizes(2, 300, (200,), []), 1.5)
        assert "| gamma | endless | over 1.5 s |" in parts["accuracy"]
        assert "| gamma | endless | over 1.5 s |" in parts["growth"]
        assert "Over 1.5 s: gamma, endless (accuracy)" in parts["machine"]


class _Endless:
    """A tool that never ends."""

    def __init__(self, family, folds):
        pass

    def fit(self, X, y):
        while True:
            time.sleep(0.01)


@pytest.mark.parametrize("family", families.POWERS)
def test_the_judge_is_cross_validation(family):
    """Tools would be judged by another loss than the one they minimize."""
    data = curves.insurance(300, family)
    X = families.columns(data).fit_transform(data.X)
    folds = list(KFold(5).split(X))
    plain = families.theirs(family, alpha=0.1, **families.JUDGE)
    # D2 of a fold is relative to its constant; the scorer is the deviance itself.
    scorer = families.search(family, folds).scoring
    expected = -cross_val_score(plain, X, data.y, cv=folds, scoring=scorer).mean()
    found = families.judged(family, X, data.y, folds, [0.1])
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.skipif(not gam_tools.has_mgcv(), reason="R with mgcv is not installed")
def test_mgcv():
    """The table would have the time of something else than a fit of these rows."""
    data = curves.bikes(300)
    model = REGRESSORS["mgcv, bam"](data.X, data.categorical)
    model.fit(data.X, data.y)
    assert 0.0 < model.seconds < 60.0
    assert 5.0 < model.edof(data.X) < 60.0
    found = model.predict(data.X)
    assert np.corrcoef(found, data.y)[0, 1] > 0.85
