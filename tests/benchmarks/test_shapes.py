"""The measurements of `benchmarks.shapes`, at tiny sizes."""

import sys
import threading

import numpy as np
import pytest
from scipy import sparse

from benchmarks import processes
from benchmarks.drawing import STYLES
from benchmarks.shapes import __main__, grid, picture, report
from benchmarks.shapes.grid import Logistic, Ridge
from benchmarks.speed.measure import Row

# Data as small as these have groups that want no penalty, or to be left out.
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_myhpo.exceptions.LambdaBoundWarning"
)
OPTIONS = "A fit may take 10 s."


def row(tool, seconds=None, cv_loss=None, **more):
    """Return a row of some tool."""
    return Row("Section", "data", tool, seconds=seconds, cv_loss=cv_loss, **more)


def compared(name="1 x 1", own=2.0, **peers):
    """Return a shape where ours takes two seconds, and a plain fit one."""
    ours = row("ours", own, 0.5, per_plain=own)
    return report.Comparison(name, row("plain fit", 1.0), ours, peers)


@pytest.fixture
def mixed():
    """Return shapes where peers are faster, slower, ended, failed, and left out."""
    return [
        compared(
            "a, b",
            fast=row("fast", 1.0, 0.4),
            slow=row("slow", 6.0, 0.5),
        ),
        compared(
            "c",
            fast=row("fast", note="over 10 s", over=10.0),
            slow=row("slow", note="failed: x | y"),
        ),
        compared("d"),
    ]


class TestGrid:
    def test_shapes_that_the_page_promises(self):
        """A kind of data would not be compared at all."""
        shapes = grid.LOGISTIC_SHAPES
        kinds = {shape.kind for shape in shapes}
        assert kinds == {"dense", "low rank", "correlated", "sparse"}
        assert {shape.n_classes for shape in shapes} == {2, 3, 5, 10, 20}
        assert {shape.n_groups for shape in shapes} == {1, 10}
        targets = {(one.n_targets, one.criterion) for one in grid.RIDGE_SHAPES}
        for criterion in ("loo", "gcv"):
            assert {(300, criterion), (2000, criterion)} <= targets

    def test_names_are_their_own_and_ours_is_first(self):
        """Two rows could not be told apart; ratios to ours would be to a peer."""
        tasks = [task for task, _ in __main__.all_tasks()]
        assert len({(task.section, task.name) for task in tasks}) == len(tasks)
        for task in tasks:
            assert next(iter(task.tools)).startswith("MYHPO")

    def test_every_peer_has_a_colour_and_a_marker(self):
        """A peer would be missing in the picture."""
        tasks = [task for task, _ in __main__.all_tasks()]
        for section in {task.section for task in tasks}:
            names = {n for task in tasks if task.section == section for n in task.tools}
            assert len(names) - 1 <= len(STYLES)

    @pytest.mark.parametrize(
        "shape",
        [
            Logistic(300, 20, 3),
            Logistic(300, 40, kind="sparse"),
            Logistic(300, 30, kind="low rank"),
            Logistic(300, 30, kind="correlated", n_groups=10),
        ],
        ids=str,
    )
    def test_classes_have_what_the_name_says(self, shape):
        """The row would be that of other data."""
        data = grid.classes(shape)
        assert data.X.shape == (shape.n_samples, shape.n_features)
        assert len(data.classes) == shape.n_classes
        assert sparse.issparse(data.X) == (shape.kind == "sparse")
        if shape.kind == "low rank":
            values = np.linalg.svd(data.X, compute_uv=False)
            assert values[2] > 5.0 * values[3]
        if shape.kind == "correlated":
            assert np.corrcoef(data.X[:, 5], data.X[:, 6])[0, 1] > 0.3
        if shape.n_groups > 1:
            assert len(np.unique(data.groups)) == shape.n_groups

    def test_targets_have_a_lambda_each_without_folds(self):
        """The row would be that of one lambda for all, or of five folds."""
        task = grid.task_of(Ridge(60, 5, n_targets=3, criterion="loo"))
        data = task.load()
        assert data.y.shape == (60, 3)
        own = task.tools["MYHPORidge"].make(data)
        assert (own.criterion, own.alpha_per_target) == ("loo", True)
        peer = task.tools["RidgeCV"].make(data)
        assert peer.alpha_per_target
        assert len(peer.alphas) == 100
        assert "bbai RidgeRegression" not in task.tools

    def test_himalaya_is_spared_many_rows(self):
        """Its process would ask for terabytes."""
        many = Ridge(grid.HIMALAYA_ROWS + 1, 5)
        assert "himalaya RidgeCV" not in grid.task_of(many).tools
        assert "himalaya RidgeCV" in grid.task_of(Ridge(100, 5)).tools

    def test_bbai_is_spared_sparse_rows(self):
        """Its cell would hold an error instead of a ratio."""
        sparse_rows, dense = Logistic(100, 5, kind="sparse"), Logistic(100, 5)
        assert "bbai LogisticRegression" not in grid.task_of(sparse_rows).tools
        assert "bbai LogisticRegression" in grid.task_of(dense).tools

    def test_a_loaded_row_says_so_and_has_one_peer(self):
        """It would be taken for a row that was measured alone."""
        task = grid.task_of(Logistic(100, 5), n_busy=3)
        assert task.name == "100 x 5, beside 3 busy processes"
        assert list(task.tools) == ["MYHPOLogisticRegression", "LogisticRegressionCV"]


class TestReport:
    def test_ratios_are_to_ours_and_a_limit_is_a_bound(self, mixed):
        """A fit that was ended would be nothing, or would be taken for its time."""
        assert mixed[0].ratio("fast") == report.Ratio(0.5)
        assert mixed[0].ratio("slow") == report.Ratio(3.0)
        assert mixed[1].ratio("fast") == report.Ratio(5.0, is_bound=True)
        assert mixed[1].ratio("slow") is None
        assert mixed[2].ratio("fast") is None

    def test_nothing_is_compared_with_a_fit_of_ours_that_was_ended(self):
        """A ratio would be to a time that there is none of."""
        ours = row("ours", note="over 10 s", over=10.0)
        one = report.Comparison(
            "a", row("plain fit", 1.0), ours, {"peer": row("peer", 1.0, 0.5)}
        )
        assert one.ratio("peer") is None
        assert one.cells(["peer"])[2:5] == ["over 10 s", "", ""]
        assert not one.has_lower_loss("peer")
        assert report.sentences([one]) == []

    def test_every_line_has_every_cell(self, mixed):
        """A number would stand below the name of another tool."""
        lines = report.table(mixed).splitlines()
        head = [cell.strip() for cell in lines[0].split("|")]
        cells = [[cell.strip() for cell in line.split("|")] for line in lines[2:]]
        assert {len(one) for one in cells} == {len(head)}
        by_name = [dict(zip(head, one, strict=True)) for one in cells]
        assert [one["fast / ours"] for one in by_name] == ["0.50", "> 5.0", ""]
        assert [one["slow / ours"] for one in by_name] == ["3.0", "failed: x / y", ""]
        assert [one["CV loss, fast"] for one in by_name] == ["0.4000", "", ""]
        assert {one["ours / plain"] for one in by_name} == {"2.0"}

    def test_sentences_say_who_is_faster_and_better_where(self, mixed):
        """The text would claim what the table does not have."""
        plain, fast, slow = report.sentences(mixed)
        assert plain == "Ours takes 2.0 to 2.0 plain fits, in the median 2.0."
        assert "at least" in fast
        assert "faster at: a, b." in fast
        assert "lower at: a, b." in fast
        assert "3.0 times as long as ours in the median of 1 shape" in slow
        assert "faster at: none. " in slow
        assert "lower at: none." in slow

    def test_a_bound_below_one_is_no_win(self):
        """A peer that was ended before ours was done would be called faster."""
        one = compared(own=20.0, peer=row("peer", note="over 10 s", over=10.0))
        assert "faster at: none." in report.sentences([one])[1]


class TestCommand:
    @pytest.fixture
    def quick(self, monkeypatch):
        """Measure two tiny shapes, in copies of this process where that is safe."""
        if sys.platform == "linux":
            monkeypatch.setattr(processes, "START_METHOD", "fork")
        monkeypatch.setattr(__main__, "LOGISTIC_SHAPES", (Logistic(60, 4),))
        monkeypatch.setattr(__main__, "RIDGE_SHAPES", (Ridge(50, 3),))
        monkeypatch.setattr(__main__, "LOADED", (Logistic(70, 4), Ridge(40, 3)))
        monkeypatch.setattr(__main__, "N_BUSY", 1)
        # A process that is there, and leaves the cores to the other tests.
        monkeypatch.setattr(__main__, "_spin", threading.Event().wait)

    def test_page_and_picture(self, tmp_path, quick):
        """`make bench` would end in an error when it is done."""
        page = tmp_path / "performance.md"
        page.write_text("<!-- begin shapes -->\nold\n<!-- end shapes -->\n")
        assert __main__.main(["--repeats", "1", "--page", str(page)]) == 0
        text = page.read_text()
        assert "old" not in text
        for part in ("### Logistic regression", "### Ridge", OPTIONS, "Measured on: "):
            assert part in text
        for name in ("60 x 4", "50 x 3", "70 x 4, beside 1 busy processes"):
            assert f"| {name} | " in text
        assert "LogisticRegressionCV takes " in text
        assert (tmp_path / "performance" / "shapes.png").stat().st_size > 1000

    def test_picture_of_every_case(self, tmp_path, mixed):
        """A peer that was ended, or left out, would stop the picture."""
        path = tmp_path / "shapes.png"
        picture.draw({"Ridge": mixed, "Logistic regression": mixed[2:]}, path)
        assert path.stat().st_size > 1000

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--only", "a9a", "--page", "p.md"], "without --only"),
            (["--repeats", "0"], "--repeats=0 must be at least 1"),
        ],
    )
    def test_impossible_options(self, capsys, arguments, message):
        """A page would mix runs, or hold medians of nothing."""
        with pytest.raises(SystemExit):
            __main__.main(arguments)
        assert message in capsys.readouterr().err

    def test_no_such_shape(self, capsys):
        """A typing error would look like an empty table."""
        assert __main__.main(["--only", "no such shape"]) == 2
        assert "'no such shape'" in capsys.readouterr().err
