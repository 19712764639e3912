"""The experiments of `benchmarks.paper`, on small made-up data."""

import json
from functools import cache, partial
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.utils import Bunch

from benchmarks import page
from benchmarks.paper import (
    __main__,
    acceptance,
    baselines,
    figures,
    methods,
    preprocessing,
    search,
    splits,
    summary,
    tables,
)
from benchmarks.paper.run import read_results, run_job, run_jobs
from benchmarks.paper.settings import (
    BLACK_BOX,
    LABELS,
    MYHPO_FORMS,
    SEARCH_RANGE,
    Job,
    make_jobs,
)
from benchmarks.paper.tasks import task_of
from sklearn_myhpo.datasets import fetch_mnist
from tests.helpers import class_spec, ridge_spec

BUDGETS = (20, 60)
ALPHA = 0.02


def make(loss="squared"):
    """Return a task of 20 + 10 + 10 rows."""
    options = {"n_samples": 40, "n_features": 5, "n_folds": 1}
    spec = (ridge_spec if loss == "squared" else class_spec)(**options)
    y = spec.y[:, 0] if loss == "squared" else spec.y
    return task_of(spec.X, y, np.split(np.arange(40), [20, 30]), loss)


@pytest.fixture(params=["squared", "logistic"])
def task(request):
    """Return a task of either loss."""
    return make(request.param)


def job_of(method, steps, seed=0, budgets=BUDGETS):
    """Return a job of the made-up data."""
    return Job("cookie", method, steps, seed, budgets, "none", "as here")


def need(name):
    """Skip where the library of a searcher is not installed."""
    module = baselines.NEEDS.get(name)
    if module is not None and find_spec(module) is None:
        pytest.skip(f"{module} is not installed")


def steps_of(method):
    """Return step sizes that suit the made-up data."""
    if method in BLACK_BOX:
        return (ALPHA,)
    if method == "sho":
        return (ALPHA, 0.01)
    gradient = method in MYHPO_FORMS and MYHPO_FORMS[method][1] == "gradient"
    return (ALPHA, ALPHA, 0.1) if gradient else ()


class TestBudgets:
    @pytest.mark.parametrize("name", list(BLACK_BOX))
    @pytest.mark.parametrize("budget", [7, 60])
    def test_searchers_spend_their_budget(self, task, name, budget):
        """A search would be compared at another price than it says."""
        need(name)
        problem = task.problem()
        trainer = baselines.search(name, problem, ALPHA, budget, seed=0)
        counts = problem.counts
        assert counts.n_gradients == counts.n_train_gradients <= budget
        # n_T is rounded down: seven gradients are seven trials of one.
        assert counts.n_gradients > budget - max(budget // 10, 1) * 10
        if budget == 60:
            assert counts.n_gradients == 60
        for lambda_, _ in trainer.trials:
            assert SEARCH_RANGE[0] <= lambda_ <= SEARCH_RANGE[1]

    def test_trainer_stops_within_a_trial(self, task):
        """The last trial would run over."""
        problem = task.problem()
        trainer = baselines.Trainer(problem, ALPHA, budget=5)
        trainer.train(0.0, 3)
        trainer.train(0.0, 3)
        assert problem.counts.n_train_gradients == 5
        with pytest.raises(baselines.BudgetSpentError):
            trainer.train(0.0, 3)

    @pytest.mark.parametrize("method", ["sho", *MYHPO_FORMS, "default"])
    def test_solvers_keep_their_budgets(self, task, method):
        """A bilevel method would be compared at another price than it says."""
        line = run_job(job_of(method, steps_of(method)), task)
        for record, budget in zip(line["records"], BUDGETS, strict=True):
            assert record["budget"] == budget
            assert record["n_gradients"] <= budget
            if method in ("sho", "myhpo-c", "myhpo-bt"):
                # n_g = 2 n_T
                assert record["n_gradients"] == budget == 2 * record["n_iter"]

    def test_smaller_budget_is_a_prefix(self, task):
        """A mark would be of another run than one at that budget."""
        for budget in BUDGETS:
            alone = run_job(job_of("sho", (ALPHA, 0.01), budgets=(budget,)), task)
            both = run_job(job_of("sho", (ALPHA, 0.01)), task)
            (wanted,) = [one for one in both["records"] if one["budget"] == budget]
            assert alone["records"][0] == wanted

    def test_gradient_descent_by_hand(self):
        """Trials would not be plain gradient descent from zero."""
        task = make()
        split = task.pristine.splits[0]
        trainer = baselines.Trainer(task.problem(), ALPHA, budget=10)
        _, weights = trainer.train(-2.0, 4)
        w = np.zeros(split.shape)
        for _ in range(4):
            w = w - ALPHA * split.train_gradient(w, np.array([-2.0]))
        np.testing.assert_allclose(weights, w)


class TestRuns:
    def test_resuming_skips_what_is_done(self, tmp_path, monkeypatch):
        """A second start would compute again, or something else."""
        task, path = make(), tmp_path / "results.jsonl"
        jobs = [job_of("sho", (ALPHA, 0.01), seed) for seed in range(3)]
        options = {"tasks": lambda job: task, "progress": False}
        first = run_jobs(jobs[:2], path, **options)
        with path.open("a", encoding="utf-8") as file:
            file.write('{"job": {"data": "coo')  # as an interrupted run leaves it
        again = run_jobs(jobs, path, **options)
        assert again[:2] == first
        assert run_jobs(jobs, tmp_path / "other.jsonl", **options) == again
        assert len(read_results(path)) == 3

        def refuse(job, task=None):
            raise AssertionError("computed again")

        monkeypatch.setattr("benchmarks.paper.run.run_job", refuse)
        assert run_jobs(jobs, path, **options) == again

    def test_divergence_is_a_result(self, tmp_path):
        """A run that leaves for infinity would break a table or its means."""
        task = make()
        jobs = [
            job_of("sho", (50.0, 0.01)),
            job_of("sho", (ALPHA, 0.01)),
            job_of("random", (50.0,)),
        ]
        lines = run_jobs(
            jobs, tmp_path / "r.jsonl", tasks=lambda job: task, progress=False
        )
        ends = [line["records"][-1] for line in lines]
        assert [end["status"] for end in ends] == ["diverged", "budget", "diverged"]
        assert all(np.isfinite(end["lambda"]) for end in ends)
        # Infinite numbers are written as null, which any JSON reader can read.
        assert "Infinity" not in (tmp_path / "r.jsonl").read_text()
        json.loads((tmp_path / "r.jsonl").read_text().splitlines()[0])
        rows = summary.summarize(lines)
        text = tables.render(4, rows, tables.read_published())
        (row,) = [text for text in text.splitlines() if "| 50 0.01 |" in text]
        assert "| diverged |" in row
        assert "| 1/1 |" in row
        assert "nan" not in text

    def test_missing_library_is_skipped_by_name(self, tmp_path, monkeypatch):
        """One missing library would end everything, or go unseen."""
        monkeypatch.setattr(baselines, "find_spec", lambda name: None)
        task, path = make(), tmp_path / "results.jsonl"
        jobs = [job_of("tpe", (ALPHA,)), job_of("grid", (ALPHA,))]
        first, second = run_jobs(jobs, path, tasks=lambda job: task, progress=False)
        assert "tpe" in first["skipped"]
        assert "hyperopt" in first["skipped"]
        assert second["records"]
        # Not kept: the library may be there next time.
        assert len(read_results(path)) == 1
        assert {row["method"] for row in summary.summarize([first, second])} == {"grid"}

    def test_floor_is_below_every_method(self, task):
        """The floor would not be one."""
        floor = run_job(job_of("floor", ()), task)["records"][-1]
        for method in ("sho", "exact", "default", "grid"):
            end = run_job(job_of(method, steps_of(method)), task)["records"][-1]
            low = floor["exact_validation_loss"]
            assert low <= end["exact_validation_loss"] * (1 + 1e-9)
        assert end["lambda"] != floor["lambda"]

    def test_every_method_has_a_label(self):
        """A table would stop at a method without a name."""
        for data in ("cookie", "mnist", "gtsrb", "gtsrb-track"):
            assert {job.method for job in make_jobs(data, 1)} == set(LABELS)


class TestNumbers:
    def test_standard_errors_by_hand(self):
        """The last column would be wrong."""
        # Mean 2, deviation 1, 4 runs: one standard error is 1/2.
        assert tables.difference(2.0, 1.0, 4, 1.0) == 2.0
        # With a published deviation sqrt(3): sqrt((1 + 3) / 4) = 1.
        assert tables.difference(2.0, 1.0, 4, 1.0, np.sqrt(3.0)) == pytest.approx(1.0)
        assert tables.difference(2.0, 1.0, 4, None) is None
        assert tables.difference(np.nan, np.nan, 0, 1.0) is None
        assert tables.difference(2.0, 0.0, 4, 2.0) == 0.0

    def test_means_by_hand(self):
        """Means and deviations would be wrong."""
        assert summary.mean_and_deviation([1.0, 2.0, 3.0]) == (2.0, 1.0)
        mean, deviation = summary.mean_and_deviation([1.0])
        assert mean == 1.0
        assert np.isnan(deviation)

    def test_published_value_is_found(self, tmp_path):
        """A figure that was entered would not be shown."""
        path = tmp_path / "published.csv"
        path.write_text(
            "table,data,method,setting,quantity,value,source\n"
            "4,cookie,sho,0.02 0.01,validation_loss,1.5,made up\n"
        )
        lines = [
            {"job": vars(job_of("sho", (ALPHA, 0.01), seed)) | {}, "records": [record]}
            for seed, record in enumerate([losses(1.0), losses(3.0)])
        ]
        text = tables.render(4, summary.summarize(lines), tables.read_published(path))
        # Mean 2, deviation sqrt(2), standard error 1: (2 - 1.5) / 1.
        assert "| 1.5 | 2.0000 ± 1.4142 | +0.5 |" in text

    def test_stated_end_is_held_against_runs(self):
        """A stated divergence would pass for agreement whatever happens."""
        one = {"data": "cookie", "method": "sho", "setting": "0.02 0.01"}
        lines = [{"job": vars(job_of("sho", (ALPHA, 0.01))), "records": [losses(1.0)]}]
        for value, verdict in (("converged", "yes"), ("diverged", "no")):
            published = [{**one, "quantity": "status", "value": value}]
            text = tables.render_facts(summary.summarize(lines), published)
            assert f"| {value} | 0 of 1 runs | 1.0000 | {verdict} |" in text

    def test_shipped_published_file(self):
        """The file would name a row that no table has."""
        for one in tables.read_published():
            assert int(one["table"]) in tables.TABLES
            assert one["source"]
            assert one["method"] in ("", *LABELS)

    def test_comparison_is_paired(self):
        """Differences would be taken between different runs."""
        lines = []
        for seed, (low, high) in enumerate([(1.0, 2.0), (5.0, 8.0)]):
            lines.append(
                {"job": vars(job_of("sho", (), seed)), "records": [losses(high)]}
            )
            bt = {"job": vars(job_of("myhpo-bt", (), seed)), "records": [losses(low)]}
            lines.append(bt)
        rows = summary.summarize(lines)
        first, second = (
            summary.best_setting(rows, "cookie", name, 60)
            for name in ("myhpo-bt", "sho")
        )
        found = acceptance.paired(lines, first, second, "validation_loss")
        # -1 and -3: mean -2, deviation sqrt(2), standard error 1.
        assert found["mean"] == -2.0
        assert found["standard_error"] == pytest.approx(1.0)
        assert (found["wins"], found["runs"]) == (2, 2)

    def test_summary_survives_its_file(self, tmp_path):
        """Rendering from the file would give other tables."""
        line = run_job(job_of("sho", (ALPHA, 0.01)), make())
        rows = summary.summarize([line])
        summary.write_csv(rows, tmp_path / "summary.csv")
        for row, read in zip(
            rows, summary.read_summary(tmp_path / "summary.csv"), strict=True
        ):
            assert row.keys() == read.keys()
            for name, value in row.items():
                if not isinstance(value, str):
                    value = pytest.approx(value, rel=1e-5, nan_ok=True)
                assert read[name] == value


def losses(value):
    """Return a made-up record."""
    names = ("train_loss", "validation_loss", "test_loss", "test_error", "lambda")
    names += ("exact_validation_loss", "n_iter", "n_gradients", "n_inner_solves")
    return {"budget": 60, "status": "budget", **dict.fromkeys(names, value)}


class TestData:
    def test_missing_file_is_named(self, tmp_path, monkeypatch, capsys):
        """A reader would not know which file is missing, or get half a result."""
        monkeypatch.delenv("SKLEARN_MYHPO_DATA", raising=False)
        offline = partial(fetch_mnist, data_home=tmp_path, download_if_missing=False)
        monkeypatch.setitem(splits.FETCH, "mnist", offline)
        splits.fetch.cache_clear()
        out = tmp_path / "out"
        code = __main__.main(["--data", "mnist", "--quick", "--out", str(out)])
        text = capsys.readouterr().err
        assert code == 2
        assert "mnist_train15k.npz" in text
        assert "SKLEARN_MYHPO_DATA" in text
        assert "network" in text
        assert not out.exists()

    def test_copy_without_tracks_is_left_out(self, monkeypatch):
        """A download without tracks would end everything, or be split at random."""
        plain = Bunch(data=np.eye(4), target=np.array([1, 1, 5, 5]), track=None)
        for data in ("gtsrb", "gtsrb-track"):
            monkeypatch.setitem(splits.FETCH, data, lambda: plain)
        splits.fetch.cache_clear()
        assert splits.usable(["gtsrb", "gtsrb-track"]) == ["gtsrb"]
        splits.fetch.cache_clear()

    def test_thinning_keeps_proportions(self):
        """Fewer rows would have another share of classes."""
        y = np.repeat([0, 1], [60, 40])
        rows = np.arange(100)
        kept = splits.thin(rows, y, 11, np.random.default_rng(0))
        assert len(np.unique(kept)) == 11
        # 6.6 and 4.4: the larger remainder is rounded up.
        assert int(y[kept].sum()) == 4
        assert splits.thin(rows, y, 100, np.random.default_rng(0)) is rows

    def test_preprocessing_uses_the_given_rows(self):
        """Statistics of test rows would leak."""
        X = np.array([[0.0, 1.0, 4.0], [2.0, 1.0, 8.0], [9.0, 9.0, 9.0]])
        rows = np.array([0, 1])
        unit = preprocessing.preprocess("unit_interval", X, rows)
        np.testing.assert_allclose(unit, [[0, 0, 0], [1, 0, 1], [4.5, 8, 1.25]])
        both = preprocessing.preprocess("difference+centred", X, rows)
        np.testing.assert_allclose(both, [[1, -2], [-1, 2], [0, -5]])
        rough = preprocessing.preprocess("snv", X, rows)
        np.testing.assert_allclose(rough[2], 0)
        length = preprocessing.preprocess("unit_rows", X, rows)
        np.testing.assert_allclose(np.linalg.norm(length, axis=1), 1)
        assert preprocessing.preprocess("second_difference", X, rows).shape == (3, 1)

    def test_search_knows_every_preprocessing(self):
        """A name of the search would not exist."""
        X = np.random.default_rng(0).random((4, 6))
        for data in ("cookie", "mnist"):
            for variant in search.variants(data):
                name = variant.split(", ")[0]
                preprocessing.preprocess(name, X, np.arange(3))


class TestPage:
    def test_only_generated_parts_change(self, tmp_path):
        """Prose would be lost, or a table kept that is out of date."""
        path = tmp_path / "page.md"
        text = (
            "Before.\n\n<!-- begin table 2 -->\nold\n<!-- end table 2 -->\n\nAfter.\n"
        )
        path.write_text(text)
        file = tmp_path / "a.csv"
        file.write_text("x\n")
        for _ in range(2):
            page.update(path, {"table 2": "new \\1"}, [file])
        changed = path.read_text()
        assert changed.startswith("Before.\n\n<!-- begin table 2 -->\n\nnew \\1\n")
        assert changed.endswith("<!-- end table 2 -->\n\nAfter.\n")
        assert "old" not in changed
        assert (tmp_path / "page" / "a.csv").read_text() == "x\n"

    def test_missing_marks_are_named(self):
        """A table would silently not be written."""
        with pytest.raises(ValueError, match="begin table 3"):
            page.fill("nothing", {"table 3": "new"})


class TestCommand:
    def test_writes_what_was_asked_for(self, tmp_path, monkeypatch, capsys):
        """The command would stop half way, or render other tables than it wrote."""
        monkeypatch.setattr("benchmarks.paper.run.make_task", lambda *key: make())
        monkeypatch.setattr(splits, "usable", list)
        jobs = [
            job_of(method, steps_of(method), seed)
            for method in ("grid", "sho", "myhpo-bt", "exact-both", "floor")
            for seed in range(2)
        ]
        monkeypatch.setattr(__main__, "make_jobs", lambda *options: jobs)
        page_path, out = tmp_path / "page.md", tmp_path / "out"
        names = ("table 2", "table 4", "facts", "comparisons")
        marks = (f"<!-- begin {name} --><!-- end {name} -->" for name in names)
        page_path.write_text("\n".join(marks))
        arguments = ["--data", "cookie", "--quick", "--jobs", "1", "--table", "2", "4"]
        more = ["--out", str(out), "--page", str(page_path), "--tables-only"]
        assert __main__.main([*arguments, *more]) == 0
        text = page_path.read_text()
        for name in names:
            assert (out / f"{name.replace(' ', '_')}.md").read_text().strip() in text
        assert (tmp_path / "page" / "summary.csv").exists()
        # Once more from the csv files alone: the same page.
        render = ["--render", "--page", str(page_path), "--table", "2", "4"]
        assert __main__.main([*render, "--data", "cookie"]) == 0
        assert page_path.read_text() == text

    def test_options(self):
        """A table alone would draw all figures too, or the other way round."""
        assert __main__.parse([]).table == list(tables.TABLES)
        assert __main__.parse([]).figure == list(figures.FIGURES)
        assert __main__.parse(["--table", "4"]).figure == []
        assert __main__.parse(["--figure"]).table == []
        assert __main__.parse(["--figure"]).figure == list(figures.FIGURES)
        assert __main__.parse(["--table", "2", "--figure", "1"]).figure == [1]


@pytest.mark.parametrize("number", list(figures.FIGURES))
def test_figures_are_drawn(tmp_path, number):
    """A figure would fail on results as they come."""
    pytest.importorskip("matplotlib").use("Agg")
    lines = []
    for data, alpha in (("cookie", 0.005), ("cookie", 0.05), ("mnist", 0.005)):
        lines += drawn(data, alpha, "squared")
    lines += drawn("gtsrb", 0.5, "logistic")
    path = figures.draw(number, lines, tmp_path)
    assert 0 < path.stat().st_size < 120_000
    assert figures.draw(number, [], tmp_path) is None


@cache
def drawn(data, alpha, loss):
    """Return one line per method of a figure, labelled as of a data set."""
    lines = []
    for method in ("sho", "myhpo-c", "myhpo-bt", *figures.ENDS):
        steps = {"sho": (alpha, 0.01), "myhpo-c": (alpha, 0.01, 0.1)}.get(method, ())
        steps = (alpha, 0.01, 0.1) if method == "myhpo-bt" else steps
        line = run_job(job_of(method, steps), make(loss))
        lines.append({**line, "job": {**line["job"], "data": data}})
    return lines


def test_trace_keeps_its_ends():
    """A figure would lose the start or the end of a run."""
    trace = [{"n_iter": k} for k in range(1, 1001)]
    kept = [row["n_iter"] for row in methods.thin(trace)]
    assert kept[:5] == [1, 2, 3, 4, 5]
    assert kept[-1] == 1000
    assert len(kept) <= methods.TRACE_POINTS
