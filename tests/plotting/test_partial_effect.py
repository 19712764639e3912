"""Pictures of the terms of additive models."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sklearn_myhpo import MYHPOAdditiveClassifier, MYHPOAdditiveRegressor, MYHPORidge
from sklearn_myhpo.plotting import PartialEffectDisplay
from tests.additive.test_additive import make_frame

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    """A fit with a curve, categories and a pair."""
    X, y = make_frame()
    return MYHPOAdditiveRegressor(n_splines=6, pairs=[("age", "pay")], select=None).fit(
        X, y
    )


def test_draws_the_effects(model):
    """A picture would show something else than `partial_effects` returns."""
    terms = ["age", "kind", "age:pay"]
    display = PartialEffectDisplay.from_estimator(
        make_pipeline(model), terms=terms, n_points=20, level=0.8, color="red"
    )
    effects = model.partial_effects(terms, n_points=20, level=0.8)
    assert [ax.get_xlabel() for ax in display.axes_] == ["age", "kind", "age"]
    curve, bars, image = display.artists_
    assert_array_equal(curve[0].get_xdata(), effects["age"].values)
    assert_array_equal(curve[0].get_ydata(), effects["age"].effect)
    assert curve[0].get_color() == "red"
    (band,) = display.axes_[0].collections
    ends = band.get_paths()[0].vertices[:, 1]
    assert_allclose(ends.min(), effects["age"].low.min())
    assert_allclose(ends.max(), effects["age"].high.max())
    rug = display.axes_[0].lines[1]
    assert_array_equal(rug.get_xdata(), effects["age"].observed)
    heights = [patch.get_height() for patch in bars[0]]
    assert_allclose(heights, effects["kind"].effect)
    ticks = [text.get_text() for text in display.axes_[1].get_xticklabels()]
    assert ticks == list("abcdefgh")
    # The first feature goes from left to right.
    surface = effects["age:pay"]
    found = np.asarray(image[0].get_array()).reshape(20, 20)
    last = np.flatnonzero(surface.values[:, 0] == surface.values[:, 0].max())
    assert_allclose(found[:, -1], surface.effect[last])


def test_axes(model):
    """A figure of one's own could not hold the panels."""
    figure, axes = plt.subplots(2, 1)
    display = PartialEffectDisplay.from_estimator(model, terms=["age", "pay"], ax=axes)
    assert display.figure_ is figure
    assert_array_equal(display.axes_, axes)
    again = display.plot(rug=False)
    assert again is display
    assert display.figure_ is not figure
    assert len(display.axes_[0].lines) == 1
    _, one = plt.subplots()
    display = PartialEffectDisplay.from_estimator(model, terms="age", ax=one)
    assert display.axes_.tolist() == [one]
    with pytest.raises(ValueError, match=r"one of .* axes per term, 2. Got 1"):
        PartialEffectDisplay.from_estimator(model, terms=["age", "pay"], ax=one)


def test_removed_terms_are_left_out():
    """Most panels of many features would be empty."""
    X, y = make_frame()
    model = MYHPOAdditiveRegressor(n_splines=6, select=0.05).fit(X, y)
    assert model.dropped_
    display = PartialEffectDisplay.from_estimator(model)
    drawn = [ax.get_xlabel() for ax in display.axes_]
    assert drawn == [t for t in model.term_names_ if t not in model.dropped_]


def test_several_classes():
    """The curves of the classes could not be told apart."""
    X, y = make_frame()
    labels = np.array(["low", "mid", "top"])[np.digitize(y, np.quantile(y, [0.3, 0.6]))]
    model = MYHPOAdditiveClassifier(n_splines=5, select=None).fit(X, labels)
    display = PartialEffectDisplay.from_estimator(model, terms=["age", "kind"])
    assert [line.get_label() for line in display.artists_[0]] == ["low", "mid", "top"]
    assert len(display.artists_[1]) == 3
    legend = display.axes_[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["low", "mid", "top"]


def test_what_is_no_additive_model(model, monkeypatch):
    """The message would not say what to give."""
    with pytest.raises(NotFittedError):
        PartialEffectDisplay.from_estimator(MYHPOAdditiveRegressor())
    with pytest.raises(TypeError, match=r"additive model of sklearn_myhpo.*MYHPORidge"):
        PartialEffectDisplay.from_estimator(MYHPORidge())
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    with pytest.raises(ImportError, match="PartialEffectDisplay needs the package"):
        PartialEffectDisplay.from_estimator(model)
