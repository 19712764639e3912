"""The measurements of `benchmarks.growth`, at tiny sizes."""

from itertools import pairwise

import numpy as np
import pytest

from benchmarks.growth import __main__, report, timing
from benchmarks.growth.sizes import (
    BASES,
    N_BLOCKS,
    SIZES,
    Curve,
    Point,
    all_curves,
    load,
    ours,
    points,
)
from sklearn_myhpo.exceptions import LambdaBoundWarning

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{LambdaBoundWarning.__module__}.LambdaBoundWarning"
)

TINY_BASES = {
    "tall": {"ridge": Point(80, 32, 1), "logistic": Point(80, 32, 2)},
    "wide": {"ridge": Point(40, 64, 1), "logistic": Point(40, 64, 2)},
}
TINY_SIZES = {
    "tall": {
        "rows": (80, 160),
        "features": (32, 64),
        "classes": (2, 4),
        "folds": (2, 4),
        "groups": (1, 2),
    }
}
TINY_SIZES["wide"] = TINY_SIZES["tall"] | {"rows": (40, 80)}
RIDGE_ROWS = Curve("tall", "ridge", "rows", (100, 200, 400, 800))
WIDE_GROUPS = Curve("wide", "logistic", "groups", (1, 2, 4, 8))


class TestSizes:
    def test_one_quantity_is_changed_at_a_time(self):
        """An exponent would be that of two quantities together."""
        for curve in all_curves():
            base = BASES[curve.shape][curve.kind]._asdict()
            for size, point in zip(curve.sizes, points(curve), strict=True):
                assert point._asdict() == base | {curve.quantity: size}

    @pytest.mark.parametrize("shape", SIZES)
    def test_every_size_is_a_doubling(self, shape):
        """The last doublings would be of another factor than two."""
        for sizes in SIZES[shape].values():
            assert len(sizes) >= report.N_LAST
            assert {b / a for a, b in pairwise(sizes)} == {2.0}

    def test_tall_has_more_rows_than_features_and_wide_fewer(self):
        """Two columns of the table would be of the same engine."""
        for curve in all_curves():
            for point in points(curve):
                is_tall = point.rows > point.features
                assert is_tall == (curve.shape == "tall")

    def test_groups_do_not_change_the_data_and_are_whole_blocks(self):
        """The cost of groups would be that of harder data."""
        few, many = (Point(40, 64, 1, groups=groups) for groups in (2, 16))
        for one, two in zip(load("ridge", few), load("ridge", many), strict=True):
            np.testing.assert_array_equal(one, two)
        for point in (few, many):
            labels = ours("ridge", point).feature_groups
            assert len(np.unique(labels)) == point.groups
            assert (
                len(set(zip(labels, np.arange(64) * N_BLOCKS // 64, strict=True))) == 32
            )

    @pytest.mark.parametrize("n_classes", [2, 3, 5])
    def test_classes_are_as_many_as_named(self, n_classes):
        """The growth in classes would be that of fewer."""
        _, y = load("logistic", Point(300, 32, n_classes))
        assert len(np.unique(y)) == n_classes
        _, y = load("ridge", Point(300, 32, n_classes))
        assert y.shape == (300, n_classes)


class TestTiming:
    def test_a_plain_fit_is_at_the_learned_strength(self, monkeypatch):
        """The growth beside ours would be that of another problem."""
        fitted = []
        monkeypatch.setattr(
            timing.Timer,
            "time",
            lambda self, name, model, X, y: fitted.append(model.fit(X, y)),
        )
        timing.Timer("ridge", Point(80, 32, 1), True).measure()
        timing.Timer("logistic", Point(80, 32, 2), True).measure()
        for model, plain in zip(fitted[::2], fitted[1::2], strict=True):
            np.testing.assert_allclose(plain.coef_, model.coef_, atol=2e-3)

    def test_short_fits_are_repeated_and_long_ones_are_not(self):
        """Times of milliseconds would be noise, those of minutes would be many."""

        class Slow:
            n_fits = 0

            def fit(self, X, y):
                Slow.n_fits += 1
                timing.time.sleep(timing.SHORT)

        timer = timing.Timer("ridge", Point(80, 32, 1), False)
        timer.time("ours", Slow(), None, None)
        assert Slow.n_fits == 1
        X, y = load("ridge", timer.point)
        timer.time("ours", timing.plain("ridge", 1.0, "auto"), X, y)
        assert timer.times["ours"][1] < timing.SHORT
        assert timer.longest >= timing.SHORT

    def test_a_curve_ends_where_a_fit_takes_too_long(self, monkeypatch):
        """The run would last hours where a cost explodes."""
        asked = []

        def pretend(self):
            asked.append(self.point.groups)
            self.times["ours"].append(6.0 * self.point.groups)

        base = {"wide": {"logistic": Point(40, 64, 2)}}
        start = timing.Timer.measure
        monkeypatch.setattr(
            timing.Timer,
            "measure",
            lambda self: start(self) if self.point.rows == 100 else pretend(self),
        )
        found = timing.measure([WIDE_GROUPS], 3, base)
        ((curve, times),) = found.items()
        assert curve.sizes == (1, 2)
        assert times == {"ours": [6.0, 12.0]}
        assert asked == [1, 2]


class TestReport:
    @pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
    def test_exponents_of_a_power_law(self, power):
        """The page would state another growth than the times have."""
        sizes = np.array([100, 200, 400, 800])
        found = report.exponent(sizes, 1e-3 * sizes**power)
        np.testing.assert_allclose(found, power, rtol=1e-12)

    def test_the_last_doublings_count(self):
        """Fixed costs at small sizes would hide the growth."""
        found = report.exponent((1, 2, 4, 8), [9.0, 2.0, 8.0, 32.0])
        np.testing.assert_allclose(found, 2.0, rtol=1e-12)

    def test_words_and_cells_are_made_from_the_times(self):
        """A sentence would say what the table does not."""
        sizes = np.array(RIDGE_ROWS.sizes)
        found = {RIDGE_ROWS: {"ours": 1.0 * sizes, "plain": 1.0 * sizes**2}}
        of_curve = report.exponents(found, "rows")
        assert report.cell(of_curve[RIDGE_ROWS]) == "1.00 (2.00)"
        text = report.sentence("rows", of_curve)
        assert (
            "tall ridge 2.00 times the time (a plain fit 4.00), measured up to 800"
            in text
        )
        text = report.sentence("groups", {WIDE_GROUPS: {"ours": 0.0}})
        assert "wide logistic 1.00 times the time, measured up to 8." in text
        assert "plain" not in text

    def test_page_and_picture(self, tmp_path):
        """`make bench-growth` would end in an error when it is done."""
        page = tmp_path / "performance.md"
        page.write_text("<!-- begin growth -->\nold\n<!-- end growth -->\n")
        arguments = ["--repeats", "1", "--page", str(page)]
        assert __main__.main(arguments, TINY_SIZES, TINY_BASES) == 0
        text = page.read_text()
        head = (
            "| exponent in | tall ridge | tall logistic | wide ridge | wide logistic |"
        )
        assert head in text
        for quantity in ("rows", "features", "classes (ridge: targets)", "folds"):
            assert f"| {quantity} | " in text
            assert f"- Twice the {quantity} cost: tall ridge " in text
        assert "tall ridge: 80 rows, 32 features, 1 target, 5 folds, 1 group" in text
        assert "nan" not in text
        assert (tmp_path / "performance" / "growth.png").stat().st_size > 1000

    def test_impossible_options(self, capsys):
        """A page would hold medians of nothing."""
        with pytest.raises(SystemExit):
            __main__.main(["--repeats", "0"])
        assert "--repeats=0 must be at least 1" in capsys.readouterr().err
