"""The experiments of `benchmarks.paper`, on small made-up data."""

import json
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import Bunch

from benchmarks import page
from benchmarks.paper import (
    __main__,
    baselines,
    claims,
    consistency,
    figures,
    methods,
    picture,
    preprocessing_search,
    splits,
    summary,
    tables,
)
from benchmarks.paper.descent import LogisticDescent, SquaredDescent
from benchmarks.paper.preprocessing import Choice, prepare
from benchmarks.paper.published import read_published
from benchmarks.paper.run import read_results, run_job, run_jobs
from benchmarks.paper.settings import (
    BLACK_BOX,
    LABELS,
    MYHPO_FORMS,
    SEARCH_RANGE,
    TABLE_OF,
    TARGET_MOMENTS,
    TITLES,
    TRAIN_ALPHA,
    Job,
    make_jobs,
)
from benchmarks.paper.tasks import task_of
from sklearn_myhpo.datasets import fetch_cookie, fetch_mnist
from tests.helpers import class_spec, ridge_spec

STEPS = 30
ALPHA = 0.02
#: (table, quantity): figures, sum of the means, sum of the standard deviations.
SUMS = {
    (2, "train_loss"): (28, 523.830, 335.710),
    (2, "validation_loss"): (28, 635.250, 334.040),
    (2, "test_loss"): (28, 624.280, 361.440),
    (3, "train_loss"): (2, 9.160, 0.550),
    (3, "validation_loss"): (2, 10.070, 0.680),
    (3, "test_loss"): (2, 9.580, 0.600),
    (3, "n_iter"): (2, 444.000, 142.980),
    (4, "train_loss"): (16, 537.760, 202.740),
    (4, "validation_loss"): (16, 630.860, 352.400),
    (4, "test_loss"): (16, 624.000, 452.750),
    (5, "train_loss"): (12, 279.220, 24.440),
    (5, "validation_loss"): (12, 304.270, 24.320),
    (5, "test_loss"): (12, 289.890, 22.080),
    (6, "train_loss"): (16, 127.303, 162.623),
    (6, "validation_loss"): (16, 116.700, 137.480),
    (6, "test_loss"): (16, 124.750, 138.250),
    (7, "train_loss"): (16, 137.600, 189.330),
    (7, "validation_loss"): (16, 292.910, 149.030),
    (7, "test_loss"): (16, 282.930, 135.450),
}


def make(loss="squared"):
    """Return a task of 20 + 10 + 10 rows."""
    options = {"n_samples": 40, "n_features": 5, "n_folds": 1}
    spec = (ridge_spec if loss == "squared" else class_spec)(**options)
    y = spec.y[:, 0] if loss == "squared" else spec.y
    rows = np.split(np.arange(40), [20, 30])
    return task_of([(spec.X[own], y[own]) for own in rows], loss == "logistic")


@pytest.fixture(params=["squared", "logistic"])
def task(request):
    """Return a task of either loss."""
    return make(request.param)


def job_of(method, steps=(), seed=0, n_trials=0):
    """Return a job of the made-up data."""
    choice = ("none", "none", "training", "raw", 1, 0.5)
    return Job("cookie", method, steps, seed, STEPS, n_trials, choice, "as here")


def trainer_of(task, n_steps=STEPS, n_trials=3):
    """Return a trainer of a task."""

    def loss(weights):
        return task.loss(task.parts[1], weights)

    return baselines.Trainer(task.descent, loss, ALPHA, n_steps, n_trials, 1e3)


def steps_of(method):
    """Return step sizes that suit the made-up data."""
    if method == "sho":
        return (ALPHA,)
    gradient = method in MYHPO_FORMS and MYHPO_FORMS[method][1] == "gradient"
    return (ALPHA, ALPHA, 0.1) if gradient else ()


def test_published_sums():
    """A figure of the paper would be mistyped, and no one would see it."""
    found = {}
    for row in read_published():
        for quantity, (mean, deviation) in row.values.items():
            key = row.table, quantity
            number, means, deviations = found.get(key, (0, 0.0, 0.0))
            found[key] = number + 1, means + mean, deviations + deviation
    assert found.keys() == SUMS.keys()
    for key, wanted in SUMS.items():
        assert found[key] == pytest.approx(wanted, abs=1e-9), key


def test_every_published_row_has_a_job():
    """A row of a table would stay without its reproduced figures."""
    jobs = {
        (job.data, job.method, job.steps, job.n_trials)
        for data in TABLE_OF
        for job in make_jobs(data, 1)
    }
    rows = read_published()
    assert len(rows) == 28 + 2 + 16 + 12 + 16 + 16
    assert {row.key for row in rows} <= jobs
    assert {job[1] for job in jobs} == set(LABELS)
    for row in (row for row in rows if row.table == 2):
        detail = consistency.published_row(
            rows, row.data, row.method, row.steps, row.n_trials
        )
        assert detail.table == TABLE_OF[row.data]


class TestBudgets:
    @pytest.mark.parametrize("name", list(BLACK_BOX))
    def test_searchers_spend_their_budget(self, task, name):
        """A search would be compared at another price than it says."""
        module = baselines.NEEDS.get(name)
        if module is not None and find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
        trainer = trainer_of(task)
        baselines.search(name, trainer, 0)
        assert trainer.left == 0
        lambdas = [lambda_ for lambda_, _ in trainer.trials]
        assert min(lambdas) >= SEARCH_RANGE[0]
        assert max(lambdas) <= SEARCH_RANGE[1]
        if name == "grid":
            assert lambdas == [-10.0, -2.5, 5.0]
        with pytest.raises(baselines.BudgetSpentError):
            trainer.train(0.0)

    def test_solvers_keep_their_budgets(self, task):
        """A bilevel method would be compared at another price than it says."""
        for method in ("sho", "myhpo-c", "myhpo-bt"):
            record = run_job(job_of(method, steps_of(method)), task)["record"]
            # n_g = 2 n_T
            assert record["n_gradients"] == 2 * record["n_iter"] == 2 * STEPS

    def test_descent_by_hand(self, task):
        """Trials would not be plain gradient descent from zero."""
        (X, y), lambda_ = task.parts[0], -2.0
        w = np.zeros(X.shape[1])
        for _ in range(7):
            if task.logistic:
                signs = 2.0 * y - 1.0
                slope = -X.T @ (signs * expit(-signs * (X @ w))) / len(y)
            else:
                slope = X.T @ (X @ w - y) / len(y)
            w = w - ALPHA * (slope + 2.0 * np.exp(lambda_) * w)
        descent = (LogisticDescent if task.logistic else SquaredDescent)(X, y)
        state = descent.move(lambda_, ALPHA, 3, descent.start)
        state = descent.move(lambda_, ALPHA, 4, state)
        np.testing.assert_allclose(descent.weights(state), w, rtol=1e-10)

    def test_reported_training_loss(self, task):
        """The penalty would be missing from the training loss, or the unit wrong."""
        w = np.arange(5.0)
        X, y = task.parts[0]
        if task.logistic:
            loss, unit = np.mean(np.log1p(np.exp((1 - 2 * y) * (X @ w)))), 1.0
        else:
            loss = 0.5 * np.mean((X @ w - y) ** 2)
            unit = np.var(np.concatenate([y for _, y in task.parts]))
        found = task.losses(-1.0, w)[0]
        assert found == pytest.approx((loss + np.exp(-1.0) * w @ w) / unit)


class TestRuns:
    def test_resuming_skips_what_is_done(self, tmp_path, monkeypatch):
        """A second start would compute again, or something else."""
        task, path = make(), tmp_path / "results.jsonl"
        jobs = [job_of("sho", (ALPHA,), seed) for seed in range(3)]
        options = {"tasks": lambda job: task, "progress": False}
        first = run_jobs(jobs[:2], path, **options)
        with path.open("a", encoding="utf-8") as file:
            file.write('{"job": {"data": "coo')  # as an interrupted run leaves it
        again = run_jobs(jobs, path, **options)
        assert again[:2] == first
        assert len(read_results(path)) == 3

        def refuse(job, task=None):
            raise AssertionError("computed again")

        monkeypatch.setattr("benchmarks.paper.run.run_job", refuse)
        assert run_jobs(jobs, path, **options) == again

    def test_divergence_is_a_result(self, tmp_path):
        """A run that leaves for infinity would break a table or its means."""
        task, path = make(), tmp_path / "r.jsonl"
        jobs = [job_of("sho", (50.0,)), job_of("sho", (0.01,))]
        lines = run_jobs(jobs, path, tasks=lambda job: task, progress=False)
        assert lines[0]["record"]["status"] == "diverged"
        assert lines[1]["record"]["status"] == "max_iter"
        # Infinite numbers are written as null, which any JSON reader can read.
        assert "Infinity" not in path.read_text()
        json.loads(path.read_text().splitlines()[0])
        lines[0]["job"]["steps"] = [0.05]  # the paper's
        text = tables.render(4, summary.summarize(lines), read_published())
        (row,) = [text for text in text.splitlines() if "| SHO (0.05) |" in text]
        assert row.count("| diverged | - |") == 3
        assert "nan" not in text
        assert "|  |" not in text

    def test_missing_library_is_skipped_by_name(self, tmp_path, monkeypatch):
        """One missing library would end everything, or go unseen."""
        monkeypatch.setattr(baselines, "find_spec", lambda name: None)
        task, path = make(), tmp_path / "results.jsonl"
        jobs = [job_of("hyperopt", n_trials=2), job_of("grid", n_trials=2)]
        first, second = run_jobs(jobs, path, tasks=lambda job: task, progress=False)
        assert "hyperopt is not installed" in first["skipped"]
        assert second["record"]
        # Not kept: the library may be there next time.
        assert len(read_results(path)) == 1

    def test_floor_is_below_every_method(self, task):
        """The floor would not be one."""
        floor = run_job(job_of("floor"), task)["record"]["exact_validation_loss"]
        for method in ("sho", "myhpo-exact", "default"):
            end = run_job(job_of(method, steps_of(method)), task)["record"]
            assert floor <= end["exact_validation_loss"] * (1 + 1e-6)


class TestNumbers:
    def test_standard_errors_by_hand(self):
        """The last column would be wrong."""
        # Mean 2, deviation 1, 4 runs, and of the paper's 10 sqrt(7.5): one.
        assert tables.difference(2.0, 1.0, 4, 1.0, np.sqrt(7.5)) == pytest.approx(1.0)
        assert tables.difference(np.nan, np.nan, 0, 1.0, 1.0) is None
        assert tables.difference(2.0, 0.0, 4, 2.0, 0.0) == 0.0

    def test_summary_survives_its_file(self, tmp_path):
        """Rendering from the file would give other tables."""
        lines = [run_job(job_of("myhpo-exact"), make())]
        lines.append(run_job(job_of("grid", n_trials=2), make()))
        rows = summary.summarize(lines)
        summary.write_csv(rows, tmp_path / "summary.csv")
        for row, read in zip(
            rows, summary.read_summary(tmp_path / "summary.csv"), strict=True
        ):
            assert row.keys() == read.keys()
            for name, value in row.items():
                if not isinstance(value, str):
                    value = pytest.approx(value, rel=1e-5, nan_ok=True)
                assert read[name] == value

    @pytest.mark.parametrize(
        ("rough", "fine", "differs"),
        [
            (22.3, 22.31, False),
            (7.7, 7.8, False),
            (5.0, 5.06, False),
            (0.6, 6.04, True),
        ],
    )
    def test_contradictions_allow_rounding(self, rough, fine, differs):
        """Rounding would count as a contradiction within the paper, or none at all."""
        assert consistency.disagrees(rough, fine) == differs

    def test_moments_of_targets(self):
        """Table 3 would be compared on scales of another target."""
        digits = np.arange(10.0)
        assert TARGET_MOMENTS["mnist-regression"] == (digits.mean(), digits.var())
        try:
            bunch = fetch_cookie(download_if_missing=False)
        except OSError:
            pytest.skip("the spectra are not at hand")
        fat = bunch.target[~bunch.outlier, splits.FAT]
        wanted = pytest.approx((fat.mean(), fat.var()), abs=1e-4)
        assert TARGET_MOMENTS["cookie"] == wanted


class TestData:
    def test_missing_file_is_named(self, tmp_path, monkeypatch, capsys):
        """A reader would not know which file is missing, or get half a result."""
        monkeypatch.delenv("SKLEARN_MYHPO_DATA", raising=False)
        offline = partial(fetch_mnist, data_home=tmp_path, download_if_missing=False)
        monkeypatch.setitem(splits.FETCH, "mnist-regression", offline)
        splits.fetch.cache_clear()
        out = tmp_path / "out"
        arguments = ["--data", "mnist-regression", "--quick", "--out", str(out)]
        assert __main__.main(arguments) == 2
        text = capsys.readouterr().err
        assert "mnist_train15k.npz" in text
        assert "SKLEARN_MYHPO_DATA" in text
        assert not out.exists()

    def test_copy_without_tracks_is_left_out(self, monkeypatch):
        """A download without tracks would end everything, or be split at random."""
        plain = Bunch(data=np.eye(4), target=np.array([1, 1, 5, 5]), track=None)
        for data in ("gtsrb", "gtsrb-track"):
            monkeypatch.setitem(splits.FETCH, data, lambda: plain)
        splits.fetch.cache_clear()
        assert splits.usable(["gtsrb", "gtsrb-track"]) == ["gtsrb"]
        splits.fetch.cache_clear()

    @pytest.mark.parametrize("rows", ["training", "all", "own"])
    def test_scalings_are_those_of_scikit_learn(self, rows):
        """Statistics would be of other rows, or constant columns be scaled."""
        rng = np.random.default_rng(0)
        Xs = [rng.integers(0, 9, (n, 3)).astype(float) for n in (6, 4, 5)]
        Xs[0][:, 1] = 2.0
        parts = [(X, X[:, 0]) for X in Xs]
        fitted = {"training": Xs[0], "all": np.concatenate(Xs)}
        for name, scaler in (
            ("[-1, 1]", MinMaxScaler((-1, 1))),
            ("standardized", StandardScaler()),
        ):
            choice = Choice("none", name, rows, "centred", 1, 0.5)
            for X, (found, y) in zip(Xs, prepare(choice, parts), strict=True):
                wanted = scaler.fit(fitted.get(rows, X)).transform(X)
                np.testing.assert_allclose(found, wanted, atol=1e-12)
                np.testing.assert_allclose(y, X[:, 0] - Xs[0][:, 0].mean())

    def test_search_is_gradient_descent(self, monkeypatch):
        """The search would rank preprocessings by something else than the trials."""
        monkeypatch.setitem(TRAIN_ALPHA, "cookie", ALPHA)
        parts = make().parts
        for design in (("none", "centred", "own"), ("SNV", "[0, 1]", "all")):
            found = preprocessing_search.grid_losses("cookie", parts, design)
            for target, factor in (("centred", 1), ("[-1, 1]", 2)):
                choice = Choice(*design, target, factor, 1.0)
                task = task_of(prepare(choice, parts), False, factor, 1.0)
                descent = task.descent
                state = descent.move(-10.0, ALPHA, 2500, descent.start)
                wanted = task.losses(-10.0, descent.weights(state))
                np.testing.assert_allclose(found[choice], wanted, rtol=1e-8)


class TestPage:
    def test_only_generated_parts_change(self, tmp_path):
        """Prose would be lost, or a table kept that is out of date."""
        path, file = tmp_path / "page.md", tmp_path / "a.csv"
        path.write_text("Before.\n<!-- begin a -->\nold\n<!-- end a -->\nAfter.\n")
        file.write_text("x\n")
        for _ in range(2):
            page.update(path, {"a": "new \\1"}, [file])
        changed = path.read_text()
        wanted = "Before.\n<!-- begin a -->\n\nnew \\1\n\n<!-- end a -->\nAfter.\n"
        assert changed == wanted
        assert (tmp_path / "page" / "a.csv").read_text() == "x\n"
        with pytest.raises(ValueError, match="begin b"):
            page.fill(changed, {"b": "new"})

    def test_page_is_what_its_numbers_say(self, tmp_path):
        """A sentence would state a number that the results beside it do not have."""
        doc = Path(__file__).parents[2] / "doc" / "reproduction.md"
        parts = __main__.text_of(doc.with_suffix(""))
        pages = [doc, *(doc.with_suffix("") / f"{n}.md" for n in __main__.SUBPAGES)]
        text = "".join(path.read_text(encoding="utf-8") for path in pages)
        for name, part in parts.items():
            assert f"<!-- begin {name} -->\n\n{part}\n\n<!-- end {name} -->" in text

    def test_command(self, tmp_path, monkeypatch):
        """The command would stop half way, or render other pages than it wrote."""
        monkeypatch.setattr("benchmarks.paper.run.make_task", lambda *key: make())
        monkeypatch.setattr(splits, "usable", list)
        jobs = [job_of(m, steps_of(m), s) for m in ("sho", "floor") for s in (0, 1)]
        jobs += [job_of("myhpo-exact", seed=s) for s in (0, 1)]
        monkeypatch.setattr(__main__, "make_jobs", lambda *options: jobs)
        monkeypatch.setattr(claims, "TABLE_OF", {})
        path = tmp_path / "page.md"
        (tmp_path / "page").mkdir()
        wanted = {"page.md": __main__.MAIN}
        wanted |= {f"page/{n}.md": parts for n, parts in __main__.SUBPAGES.items()}
        for name, parts in wanted.items():
            marks = [f"<!-- begin {p} --><!-- end {p} -->\n" for p in parts]
            (tmp_path / name).write_text("".join(marks))
        arguments = ["--data", "cookie", "--jobs", "1", "--tables-only"]
        more = ["--out", str(tmp_path / "out"), "--page", str(path)]
        assert __main__.main([*arguments, *more]) == 0
        texts = {name: (tmp_path / name).read_text() for name in wanted}
        assert "Algorithm 3" in texts["page/tables.md"]
        # Once more from the csv files alone: the same pages.
        assert __main__.main(["--render", "--page", str(path)]) == 0
        assert texts == {name: (tmp_path / name).read_text() for name in wanted}


@cache
def drawn(data, loss):
    """Return two lines per method and setting of a data set, from made-up data."""
    lines = []
    for job in make_jobs(data, 2):
        if job.method == "grid" or job.method not in (*BLACK_BOX, "default"):
            steps = steps_of(job.method)
            small = job_of(job.method, steps, job.seed, job.n_trials)
            line = run_job(small, make(loss))
            own = {**line["job"], "data": data, "steps": list(job.steps)}
            lines.append({**line, "job": own})
    return lines


def test_figures_are_drawn(tmp_path):
    """A figure would fail on results as they come."""
    pytest.importorskip("matplotlib").use("Agg")
    lines = [*drawn("cookie", "squared"), *drawn("mnist-regression", "squared")]
    for data in ("mnist-classification", "gtsrb"):
        lines += drawn(data, "logistic")
    rows = summary.summarize(lines)
    paths = [picture.draw_summary(rows, read_published(), tmp_path)]
    for number in figures.FIGURES:
        paths.append(figures.draw(number, lines, tmp_path))
        assert figures.draw(number, [], tmp_path) is None
    assert all(0 < path.stat().st_size < 150_000 for path in paths)


def test_claims_are_judged():
    """A claim would fail on results as they come."""
    lines = [*drawn("cookie", "squared"), *drawn("mnist-regression", "squared")]
    rows, published = summary.summarize(lines), read_published()
    for judge in claims.CLAIMS:
        claim = judge(rows, published)
        assert claim.evidence
        assert not any("nan" in sentence for sentence in claim.evidence)


def test_trace_keeps_its_ends():
    """A figure would lose the start or the end of a run."""
    trace = [{"n_iter": k} for k in range(1, 1001)]
    kept = [row["n_iter"] for row in methods.thin(trace)]
    assert kept[:5] == [1, 2, 3, 4, 5]
    assert kept[-1] == 1000
    assert len(kept) <= methods.TRACE_POINTS


def test_titles_and_tables_know_the_same_data():
    """A data set would have results and no page."""
    assert set(TABLE_OF) | {"gtsrb-track"} == set(TITLES)
