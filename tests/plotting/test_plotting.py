"""Displays draw what the fitted attributes say, and nothing else."""

import sys
from unittest import mock

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge, SHORidge
from sklearn_myhpo.plotting import (
    CoefficientPathDisplay,
    ConvergenceDisplay,
    GroupPenaltyDisplay,
    ValidationObjectiveDisplay,
)
from sklearn_myhpo.plotting.convergence import AGAINST, QUANTITIES
from sklearn_myhpo.plotting.group_penalty import STRENGTHS

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


@pytest.mark.one_in(2)
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


def test_slices_are_the_objective():
    """The slices would not meet at the optimum."""
    X, y = load_diabetes(return_X_y=True)
    weights = np.arange(len(y)) % 3 + 0.5
    model = MYHPORidge(feature_groups=GROUPS, tol=1e-8).fit(X, y, weights)
    given = {"fit_params": {"sample_weight": weights}}
    display = ValidationObjectiveDisplay.from_estimator(model, X, y, **given)
    assert [line.get_label() for line in display.lines_] == ["body", "serum"]
    for group, line in enumerate(display.lines_):
        places, values = line.get_data()
        at = np.flatnonzero(places == model.lambda_[group])
        np.testing.assert_allclose(values[at], model.validation_loss_, rtol=1e-10)
        # The end of the slice is a fit with these lambdas: that of brute force.
        place = model.lambda_.copy()
        place[group] = places[-1]
        alpha, total = np.exp(place)[model.feature_group_labels_], 0.0
        for train, test in KFold(5).split(X):
            scale = np.sqrt(2.0 * weights[train].sum() * alpha)
            fitted = Ridge(alpha=1.0).fit(X[train] / scale, y[train], weights[train])
            errors = (y[test] - fitted.predict(X[test] / scale)) ** 2
            total += weights[test] @ errors
        np.testing.assert_allclose(values[-1], total / weights.sum() / 2, rtol=1e-6)
    display = ValidationObjectiveDisplay.from_estimator(
        model, X, y, feature_groups=["serum"], **given
    )
    assert [line.get_label() for line in display.lines_] == ["serum"]
    with pytest.raises(ValueError, match=r"feature_groups must be .*'body'.*'blood'"):
        ValidationObjectiveDisplay.from_estimator(
            model, X, y, feature_groups=["blood"], **given
        )
    with pytest.raises(ValueError, match=r"must be those of the fit.*random_state"):
        ValidationObjectiveDisplay.from_estimator(model, X, y)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("classes", [2, 3])
def test_paths_of_coefficients(classes):
    """The path would not pass through the fit."""
    X, y = load_iris(return_X_y=True)
    X, y = X[y >= 3 - classes], y[y >= 3 - classes]
    model = MYHPOLogisticRegression(cv=3, feature_groups=list("aabb"))
    pipe = make_pipeline(StandardScaler(), model).fit(X, y)
    model, target = pipe[-1], None if classes == 2 else 2
    display = CoefficientPathDisplay.from_estimator(
        pipe, X, y, target=target, n_points=4
    )
    strengths = display.strengths
    assert len(strengths) == 5  # the learned one is among them
    learned = display.coefs[strengths == 1.0][0]
    np.testing.assert_allclose(learned, model.coef_[-1], rtol=1e-5)
    # One path point is a fit of scikit-learn with the penalties of that strength.
    C = model.C_[model.feature_group_labels_] / strengths[3]
    plain = LogisticRegression(C=1.0, solver="newton-cg", tol=1e-10, max_iter=5000)
    scaled = pipe[0].transform(X) * np.sqrt(C)
    coef = plain.fit(scaled, y).coef_[-1] * np.sqrt(C)
    np.testing.assert_allclose(display.coefs[3], coef, rtol=1e-4, atol=1e-9)
    for line, column in zip(display.lines_, display.coefs.T, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), column)


@pytest.mark.one_in(3, 2)
@pytest.mark.parametrize("groups", [None, list("aaaa"), list("aabb")])
def test_slices_and_paths_of_classes(groups):
    """Classes with lambdas of their own would be left out, exchanged, or misnamed."""
    X, y = (part[::3] for part in load_iris(return_X_y=True))
    model = MYHPOLogisticRegression(alpha_per_target=True, feature_groups=groups, cv=2)
    model.fit(X, y)
    display = ValidationObjectiveDisplay.from_estimator(model, X, y)
    labels = [line.get_label() for line in display.lines_]
    parts = [""] if groups is None else [f"{name}, " for name in sorted(set(groups))]
    names = [f"{part}{label}" for part in parts for label in range(3)]
    assert labels == names
    penalties = GroupPenaltyDisplay.from_estimator(model)
    assert [text.get_text() for text in penalties.ax_.get_yticklabels()] == names
    history = ConvergenceDisplay.from_estimator(model, quantity="lambda")
    assert list(history.group_names.values()) == [names]
    for line, learned in zip(display.lines_, np.ravel(model.lambda_), strict=True):
        places, values = line.get_data()
        at_learned = values[places == learned]
        np.testing.assert_allclose(at_learned, model.validation_loss_, rtol=1e-6)
    display = CoefficientPathDisplay.from_estimator(model, X, y, target=2, n_points=3)
    np.testing.assert_allclose(display.coefs[1], model.coef_[2], rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": 3}, r"target must be one of \[0\], or None.*Got 3"),
        ({"n_points": 1}, "n_points must be an int >= 2. Got 1"),
    ],
)
def test_paths_that_do_not_exist(options, message, one):
    """An index error would name nothing that the user wrote."""
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        CoefficientPathDisplay.from_estimator(one, X, y, **options)


def test_paths_of_targets():
    """A path of one strength would be drawn for targets that have two."""
    X, y = load_diabetes(return_X_y=True)
    Y = np.column_stack([y, -y[::-1]])
    model = MYHPORidge(alpha_per_target=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"shared by all targets.*one by one"):
        CoefficientPathDisplay.from_estimator(model, X, Y)


@pytest.mark.parametrize("style", ["light", "dark"])
def test_styles(style, one):
    """The style sheets would not be found by their name."""
    with plt.style.context(f"sklearn_myhpo.plotting.{style}"):
        display = ValidationObjectiveDisplay.from_estimator(one)
        colors = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    assert len(set(colors)) == 8
    assert display.line_.get_color() == "C0"


def test_objective_of_a_fit_without_a_curve(consensus):
    """A line through nothing would be drawn."""
    with pytest.raises(ValueError, match=r"no curve of one lambda.*lambda_init=-1.0"):
        ValidationObjectiveDisplay.from_estimator(consensus)


def test_penalties_are_those_of_the_groups(consensus):
    """A bar would belong to another group."""
    model = MYHPORidge(feature_groups=GROUPS).fit(*load_diabetes(return_X_y=True))
    display = GroupPenaltyDisplay.from_estimator(model)
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == ["body", "serum"]
    # Relative to the lowest point of the scan of one lambda, on both sides of 1.
    curve = model.validation_curve_
    shared = curve["lambda"][np.argmin(curve["validation_loss"])]
    expected = np.exp(model.lambda_ - shared)
    assert expected[0] > 1.0 > expected[1]
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in display.artist_]
    np.testing.assert_allclose(ends, [(1.0, expected[0]), (expected[1], 1.0)])
    low, high = display.ax_.get_xlim()
    assert low < expected.min() < expected.max() < high
    # Without a scan, relative to the median over the features.
    display = GroupPenaltyDisplay.from_estimator(consensus)
    typical = np.median(consensus.lambda_[consensus.feature_group_labels_])
    ends = [max(bar.get_x() + bar.get_width(), 1.0) for bar in display.artist_]
    expected = np.exp(consensus.lambda_ - typical)
    np.testing.assert_allclose(ends, np.maximum(expected, 1.0))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("strength", STRENGTHS)
def test_strengths(strength):
    """An axis would have the title of other numbers."""
    X, y = load_breast_cancer(return_X_y=True)
    X, groups = StandardScaler().fit_transform(X), np.arange(30) // 10
    model = MYHPOLogisticRegression(feature_groups=groups, lambda_init=-3.0).fit(X, y)
    wanted = {
        "relative": np.exp(model.lambda_ - np.median(model.lambda_[groups])),
        "alpha": 1.0 / model.C_,
        "C": model.C_,
        "lambda": model.lambda_,
    }[strength]
    options = {"strength": strength}
    line = GroupPenaltyDisplay.from_estimator(
        model, positions=np.arange(30.0)[::-1], **options
    ).artist_
    np.testing.assert_allclose(line.get_ydata(), wanted[groups][::-1])
    np.testing.assert_array_equal(line.get_xdata(), np.arange(30.0))
    image = GroupPenaltyDisplay.from_estimator(model, image_shape=(3, 10), **options)
    np.testing.assert_allclose(image.artist_.get_array(), np.tile(wanted, (10, 1)).T)
    if strength != "relative":
        dots = GroupPenaltyDisplay.from_estimator(model, **options).artist_
        np.testing.assert_allclose(dots.get_xdata(), wanted)
    ridge = MYHPORidge(feature_groups=groups, lambda_init=-3.0).fit(X, y)
    dots = GroupPenaltyDisplay.from_estimator(ridge, strength="alpha").artist_
    np.testing.assert_allclose(dots.get_xdata(), ridge.alpha_)


def test_penalties_of_unpenalized_features():
    """Features without a penalty would get that of another group."""
    X, y = load_diabetes(return_X_y=True)
    factors = [0.0] * 2 + [1.0] * 8
    model = MYHPORidge(penalty_factors=factors).fit(X, y)
    image = GroupPenaltyDisplay.from_estimator(model, image_shape=(2, 5)).artist_
    assert np.isnan(np.ma.filled(image.get_array(), np.nan)).sum() == 2


def test_many_lambdas_are_bands():
    """Hundreds of lines would be one blot."""
    X, y = load_breast_cancer(return_X_y=True)
    model = MYHPOLogisticRegression(
        feature_groups="each", standardize=True, lambda_init=-3.0, max_iter=5, tol=1.0
    ).fit(X, y)
    display = ConvergenceDisplay.from_estimator(model, quantity="lambda")
    lambdas = model.history_["lambda"]
    (line,) = display.lines_
    np.testing.assert_allclose(line.get_ydata(), np.median(lambdas, axis=1))
    outer, inner = (
        band.get_paths()[0].vertices[:, 1] for band in display.ax_.collections
    )
    assert_range = np.testing.assert_allclose
    assert_range([outer.min(), outer.max()], [lambdas.min(), lambdas.max()])
    quarters = np.quantile(lambdas, [0.25, 0.75], axis=1)
    assert_range([inner.min(), inner.max()], [quarters.min(), quarters.max()])


def test_flat_losses_have_readable_ticks(one):
    """Ticks would be differences from a number in the corner."""
    history = {"validation_loss": 1e6 + np.arange(5.0) * 1e-3}
    display = ConvergenceDisplay({"flat": history}).plot()
    display.figure_.canvas.draw()
    assert not display.ax_.yaxis.get_offset_text().get_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"positions": [1, 2]}, r"positions must have the shape \(10,\).*\(2,\)"),
        ({"image_shape": (3, 3)}, r"image_shape must be .* 10 features.*\(3, 3\)"),
        ({"positions": range(10), "image_shape": (2, 5)}, "not both"),
        ({"strength": "beta"}, r"strength must be one of .*'alpha'.*'beta'"),
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


@pytest.mark.one_in(3)
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("cls", [MYHPORidge, MYHPOLogisticRegression])
def test_slices_and_paths_of_row_weights(cls, standardize):
    """The rows of the fit would be refused, or be drawn with equal weights."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((120, 4)) * [1.0, 2.0, 3.0, 4.0]
    y = X @ [1.0, -0.5, 0.2, 0.0] + rng.standard_normal(120)
    sources = np.array(["clean", "fair", "noise"])[np.arange(60) % 3]
    y[:60][sources == "noise"] *= -1.0
    y = y if cls is MYHPORidge else (y > 0.0) * 1
    given = {"X_val": X[60:], "y_val": y[60:], "row_groups": sources}
    options = {"feature_groups": list("aabb"), "standardize": standardize}
    model = cls(lambda_bounds=(-3.0, 1.0), **options).fit(X[:60], y[:60], **given)
    data = {"X": X[:60], "y": y[:60], "fit_params": given}
    path = CoefficientPathDisplay.from_estimator(model, n_points=3, **data)
    assert_allclose(path.coefs[1], np.ravel(model.coef_), rtol=1e-5, atol=1e-6)
    slices = ValidationObjectiveDisplay.from_estimator(model, **data).slices
    for places, values, learned in slices.values():
        loss = values[places == learned].item()
        assert loss == pytest.approx(model.validation_loss_, rel=1e-6)
    given["row_groups"] = sources[::-1]
    with pytest.raises(ValueError, match="must be those of the fit"):
        CoefficientPathDisplay.from_estimator(model, **data)


def test_one_slice_by_name():
    """The letters of a name would be taken for names."""
    data = load_diabetes(return_X_y=True)
    options = {"feature_groups": GROUPS, "random_state": 0}
    model = MYHPORidge(**options).fit(*data)
    found = ValidationObjectiveDisplay.from_estimator(
        model, *data, feature_groups="serum"
    )
    assert list(found.slices) == ["serum"]


@pytest.mark.parametrize("alphas", [[-1.0, 1.0], [0.0], [np.nan], ["a"], [], 3.0])
def test_grids_without_logs(alphas, one):
    """A grid would be missing in a picture that says nothing of it."""
    with pytest.raises(ValueError, match="alphas must be an array of finite numbers"):
        ValidationObjectiveDisplay.from_estimator(one, alphas=alphas)


@pytest.mark.parametrize("image_shape", [10, "25", (2, 5.0), (-2, -5), (10,)])
def test_shapes_of_no_image(image_shape, consensus):
    """The error would come from NumPy, about something else."""
    with pytest.raises(ValueError, match=r"image_shape must be \(rows, columns\)"):
        GroupPenaltyDisplay.from_estimator(consensus, image_shape=image_shape)


@pytest.mark.parametrize("n_points", [2.5, "5", True, None])
def test_numbers_of_no_points(n_points, one):
    """The error would come from NumPy, about something else."""
    data = load_diabetes(return_X_y=True)
    with pytest.raises(ValueError, match="n_points must be an int >= 2"):
        CoefficientPathDisplay.from_estimator(one, *data, n_points=n_points)


def test_names_are_drawn_letter_by_letter(recwarn):
    """Dollar signs would end in an error of formulas, underscores be left out."""
    rng = np.random.default_rng(0)
    X, groups = rng.standard_normal((60, 4)), ["a$_$b", "_c", "_c", "d"]
    y = X @ [1.0, 0.5, 0.1, 0.0] + rng.standard_normal(60)
    model = MYHPORidge(feature_groups=groups, cv=3).fit(X, y)
    displays = [
        GroupPenaltyDisplay.from_estimator(model),
        ConvergenceDisplay.from_estimator(model, quantity="lambda"),
        ValidationObjectiveDisplay.from_estimator(model, X, y),
    ]
    for display in displays:
        display.figure_.canvas.draw()
    legend = displays[-1].ax_.get_legend().get_texts()
    assert len(legend) == 4
    drawn = [text.get_text().strip("\u200b").replace("\\$", "$") for text in legend[1:]]
    assert drawn == ["_c", "a$_$b", "d"]
    assert not [one for one in recwarn if "glyph" in str(one.message).lower()]


def test_slices_of_numbered_groups():
    """Names as the attributes have them would be refused."""
    X, y = load_diabetes(return_X_y=True)
    model = MYHPORidge(feature_groups=[0] * 4 + [1] * 6, random_state=0).fit(X, y)
    found = ValidationObjectiveDisplay.from_estimator(model, X, y, feature_groups=[1])
    assert list(found.slices) == ["1"]
