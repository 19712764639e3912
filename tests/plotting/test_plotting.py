"""Displays draw what the fitted attributes say, and nothing else."""

import sys
from unittest import mock

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge, SHORidge
from sklearn_myhpo.plotting import (
    ConvergenceDisplay,
    GroupPenaltyDisplay,
    ValidationObjectiveDisplay,
)
from sklearn_myhpo.plotting.convergence import AGAINST, QUANTITIES

plt = pytest.importorskip("matplotlib.pyplot")

DISPLAYS = [ConvergenceDisplay, GroupPenaltyDisplay, ValidationObjectiveDisplay]
each_display = pytest.mark.parametrize("display", DISPLAYS)
GROUPS = ["body"] * 4 + ["serum"] * 6


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def one():
    """A fit with one lambda."""
    return MYHPORidge(random_state=0).fit(*load_diabetes(return_X_y=True))


@pytest.fixture(scope="module")
def consensus():
    """A fit of groups that has residuals."""
    X, y = load_diabetes(return_X_y=True)
    options = {"feature_groups": GROUPS, "rho": 1.0, "lambda_init": -1.0}
    return MYHPORidge(max_iter=20, tol=1.0, **options).fit(X, y)


@each_display
def test_displays_follow_the_convention(display, one):
    """Who knows scikit-learn's displays would have to learn others."""
    _, ax = plt.subplots()
    found = display.from_estimator(make_pipeline(one), ax=ax)
    assert found.ax_ is ax
    assert found.figure_ is ax.figure
    again = found.plot()
    assert again is found
    assert again.ax_ is not ax


@each_display
def test_displays_say_what_is_missing(display, one, monkeypatch):
    """Without matplotlib an import error would not say how to get it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    words = (
        rf"{display.__name__} needs the package matplotlib, .*pip install matplotlib, "
        r"or pip install '\.\[plot\]' in the source directory"
    )
    with pytest.raises(ImportError, match=words):
        display.from_estimator(one)


@each_display
def test_displays_of_what_is_none(display):
    """An empty picture would be drawn, or an attribute be missing."""
    with pytest.raises(NotFittedError):
        display.from_estimator(MYHPORidge())
    plain = Ridge().fit(*load_diabetes(return_X_y=True))
    with pytest.raises(TypeError, match=r"of sklearn_myhpo.*Got Ridge"):
        display.from_estimator(plain)


@each_display
def test_displays_fit_nothing(display, one):
    """A plot would take as long as a fit."""
    with (
        mock.patch.object(MYHPORidge, "fit", side_effect=AssertionError),
        mock.patch.object(MYHPORidge, "predict", side_effect=AssertionError),
    ):
        display.from_estimator(one)


@pytest.mark.parametrize("against", AGAINST)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_convergence_is_the_history(quantity, against, consensus):
    """The lines would not be those of the fit."""
    display = ConvergenceDisplay.from_estimator(
        consensus, quantity=quantity, against=against
    )
    history = consensus.history_
    places = np.arange(1, consensus.n_iter_ + 1)
    if against != "iterations":
        places = history[against]
    values = np.reshape(history[quantity], (len(places), -1))
    assert len(display.lines_) == values.shape[1]
    for line, column in zip(display.lines_, values.T, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), places)
        np.testing.assert_array_equal(line.get_ydata(), column)
    if quantity == "lambda":
        labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert labels == ["MYHPORidge, body", "MYHPORidge, serum"]


def test_convergence_of_several(one, consensus):
    """Methods could not be compared on one picture."""
    X, y = load_diabetes(return_X_y=True)
    sho = SHORidge(max_iter=3, tol=10.0, random_state=0).fit(X, y)
    display = ConvergenceDisplay.from_estimator([one, consensus, sho])
    labels = [line.get_label() for line in display.lines_]
    assert labels == ["MYHPORidge", "MYHPORidge 2", "SHORidge"]
    display = ConvergenceDisplay.from_estimator({"ours": one, "theirs": sho})
    assert [line.get_label() for line in display.lines_] == ["ours", "theirs"]
    # Only the consensus form has residuals.
    display = ConvergenceDisplay.from_estimator(
        [one, consensus, sho], quantity="primal_residual"
    )
    assert [line.get_label() for line in display.lines_] == ["MYHPORidge 2"]
    assert display.ax_.get_yscale() == "log"
    with pytest.raises(ValueError, match="name several by a dict"):
        ConvergenceDisplay.from_estimator([one, sho], name="both")
    with pytest.raises(ValueError, match=r"quantity must be one of .*'accuracy'"):
        ConvergenceDisplay.from_estimator(one, quantity="accuracy")
    with pytest.raises(ValueError, match=r"against must be one of .*'epochs'"):
        ConvergenceDisplay.from_estimator(one, against="epochs")


@pytest.mark.parametrize("selection", ["min", "one_se"])
def test_objective_is_the_curve(selection):
    """The learned value would be marked beside its place."""
    X, y = load_diabetes(return_X_y=True)
    model = MYHPORidge(selection=selection, random_state=0).fit(X, y)
    alphas = np.array([1e-3, 1.0, 10.0])
    display = ValidationObjectiveDisplay.from_estimator(model, alphas=alphas)
    places, values = display.line_.get_data()
    curve = dict(zip(*model.validation_curve_.values(), strict=True))
    assert [curve[place] for place in places] == list(values)
    assert places[0] < model.lambda_ < places[-1]
    _, grid, learned = display.ax_.lines
    np.testing.assert_allclose(grid.get_xdata(), np.log(alphas / (2 * len(y))))
    assert learned.get_xydata().tolist() == [[model.lambda_, model.validation_loss_]]
    (band,) = display.ax_.patches
    low, high = (
        band.get_extents().transformed(display.ax_.transData.inverted()).intervaly
    )
    assert low == pytest.approx(model.validation_loss_min_)
    assert high - low == pytest.approx(model.validation_loss_standard_error_)


def test_objective_with_a_grid_of_C():
    """The grid of LogisticRegression would be mirrored."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    model = MYHPOLogisticRegression(random_state=0).fit(X, y)
    Cs = np.array([0.01, 1.0, 100.0])
    display = ValidationObjectiveDisplay.from_estimator(model, Cs=Cs)
    expected = np.sort(np.log(1 / (2 * len(y) * Cs)))
    np.testing.assert_allclose(display.grid, expected)
    with pytest.raises(ValueError, match="alphas is the grid of another"):
        ValidationObjectiveDisplay.from_estimator(model, alphas=Cs)


def test_objective_of_a_fit_without_a_curve(consensus):
    """A line through nothing would be drawn."""
    with pytest.raises(ValueError, match=r"no curve of one lambda.*lambda_init=-1.0"):
        ValidationObjectiveDisplay.from_estimator(consensus)


def test_penalties_are_those_of_the_groups(consensus):
    """A bar would belong to another group."""
    display = GroupPenaltyDisplay.from_estimator(consensus)
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == ["body", "serum"]
    ends = [bar.get_x() + bar.get_width() for bar in display.artist_]
    np.testing.assert_allclose(ends, consensus.lambda_)
    positions = np.arange(10.0)[::-1]
    line = GroupPenaltyDisplay.from_estimator(consensus, positions=positions).artist_
    np.testing.assert_array_equal(line.get_xdata(), positions[::-1])
    expected = consensus.lambda_[consensus.feature_group_labels_]
    np.testing.assert_array_equal(line.get_ydata(), expected[::-1])


def test_penalties_of_pixels():
    """An image would be transposed, or have pixels of others."""
    digits = load_digits()
    rows = np.arange(8).repeat(8)
    model = MYHPORidge(feature_groups=rows, tol=1.0).fit(digits.data, digits.target)
    display = GroupPenaltyDisplay.from_estimator(model, image_shape=(8, 8))
    image = display.artist_.get_array()
    np.testing.assert_array_equal(image, np.tile(model.lambda_[:, None], 8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions": [1, 2]}, r"positions must have the shape \(10,\).*\(2,\)"),
        ({"image_shape": (3, 3)}, r"image_shape must be .* 10 features.*\(3, 3\)"),
        ({"positions": range(10), "image_shape": (2, 5)}, "not both"),
    ],
)
def test_penalties_that_do_not_fit(options, message, consensus):
    """A picture would be of some features only."""
    with pytest.raises(ValueError, match=message):
        GroupPenaltyDisplay.from_estimator(consensus, **options)


def test_penalties_of_targets():
    """Targets would be shown as features."""
    X, y = load_diabetes(return_X_y=True)
    model = MYHPORidge(alpha_per_target=True).fit(X, np.column_stack([y, -y]))
    with pytest.raises(ValueError, match="lambdas of targets"):
        GroupPenaltyDisplay.from_estimator(model)
