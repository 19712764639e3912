"""The measurements of `benchmarks.speed`, at tiny sizes."""

import re
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score

from benchmarks import processes
from benchmarks.page import fill
from benchmarks.speed import (
    __main__,
    data,
    judge,
    measure,
    peers,
    tables,
    tools,
    worker,
)
from benchmarks.speed.tasks import Task, all_tasks
from benchmarks.speed.tools import Tool

# Data as small as these have groups that want no penalty, or to be left out.
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_myhpo.exceptions.LambdaBoundWarning"
)

small_ridge = partial(data.many_strengths, 60, 6, 3)


def three_species():
    """Return a small problem of three classes."""
    return data.classification(*load_iris(return_X_y=True))


@pytest.fixture(scope="class")
def quick_processes():
    """Copy this process where that is safe; a new one takes seconds to import."""
    with pytest.MonkeyPatch.context() as patch:
        if sys.platform == "linux":
            patch.setattr(processes, "START_METHOD", "fork")
        yield


@pytest.fixture
def grouped():
    """Return 60 rows of three groups."""
    return small_ridge()


class SlowProgram:
    """A tool whose work is done by another program, longer than its limit."""

    def __init__(self, note, data):
        self.note = note

    def fit(self, X, y):
        """Wait for the program."""
        code = "import time; time.sleep(60.0)"
        with subprocess.Popen([sys.executable, "-c", code]) as program:
            self.note.write_text(str(program.pid))
            time.sleep(60.0)


def comes_to(pid, letter):
    """Whether a process soon is in the state of a letter; Z for one that is gone."""
    for _ in range(100):
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            status = ") Z"
        if status.rpartition(")")[2].split()[0] == letter:
            return True
        time.sleep(0.1)
    return False


class Slow:
    """A tool that sleeps longer than its limit."""

    def fit(self, X, y):
        """Take long."""
        time.sleep(60)


class Crash:
    """A tool that fails."""

    def fit(self, X, y):
        """Fail."""
        raise RuntimeError("out of | luck")


# Another process finds what a task needs by name: no lambdas, no closures.
def make_slow(_):
    return Slow()


def make_crash(_):
    return Crash()


def make_missing(_):
    import a_package_that_nobody_has  # noqa: F401


def make_ridge(_):
    return RidgeCV([0.1, 1.0])


def no_data():
    raise OSError("no_data.npz is not there")


def small_task(**more):
    """Return a ridge task of our tool and others."""
    own = {"ours": tools.ours(tools.our_ridge)}
    return Task("Section", "tiny data", "ridge", small_ridge, own | more)


@pytest.mark.usefixtures("quick_processes")
class TestMeasure:
    @pytest.fixture(scope="class")
    @staticmethod
    def found(quick_processes):
        """Return the rows of a task with tools that work and tools that do not."""
        strength = tools.attribute_strength
        task = small_task(
            peer=Tool(make_ridge, strength),
            missing=Tool(make_missing, strength),
            slow=Tool(make_slow, strength, limit=0.2),
            crash=Tool(make_crash, strength),
        )
        return {row.tool: row for row in measure.measure(task, repeats=1)}

    def test_tools_that_work_have_every_number(self, found):
        """A table would have holes, or compare with the wrong fit."""
        assert next(iter(found)) == "plain fit"
        assert found["plain fit"].per_plain == 1.0
        assert found["ours"].per_ours == 1.0
        for name in ("ours", "peer"):
            row = found[name]
            assert row.note == ""
            assert row.strength
            assert row.per_plain == row.seconds / found["plain fit"].seconds
            assert row.per_ours == row.seconds / found["ours"].seconds
            assert row.cv_loss > 0
            assert row.test_loss > 0
            assert row.memory > 0

    @pytest.mark.parametrize(
        ("name", "note"),
        [
            ("missing", r"left out: No module named 'a_package_that_nobody_has'"),
            ("slow", r"over 0\.2 s"),
            ("crash", r"failed: RuntimeError: out of \| luck"),
        ],
    )
    def test_a_tool_that_does_not_end_stands_in_the_table_with_the_reason(
        self, found, name, note
    ):
        """A peer would vanish, stop the run, or get a number that it did not earn."""
        row = found[name]
        assert re.search(note, row.note)
        assert row.seconds is row.per_plain is row.cv_loss is row.test_loss is None
        assert row.over == (0.2 if name == "slow" else None)
        line = tables.table([row]).splitlines()[-1]
        assert name in line
        assert line.count("|") == len(tables.HEAD) + 1

    def test_a_slow_tool_is_ended_and_not_only_left(self):
        """It would go on and take the processor from the next tool."""
        slow = worker.Worker("ridge", small_ridge, Tool(make_slow, None, limit=0.2))
        slow.start()
        start = time.perf_counter()
        assert slow.ask("time", 1) is None
        assert time.perf_counter() - start < 10
        assert not slow.process.is_alive()
        assert slow.ask("time", 1) is None

    @pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
    def test_what_a_slow_tool_started_ends_with_it(self, tmp_path):
        """A peer with a program of its own would take a core from all that follow."""
        note = tmp_path / "pid"
        make = partial(SlowProgram, note)
        slow = worker.Worker("ridge", small_ridge, Tool(make, None, limit=2.0))
        slow.start()
        assert slow.ask("time", 1) is None
        assert comes_to(int(note.read_text()), "Z")

    @pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
    def test_who_is_not_asked_does_not_run(self):
        """Idle threads that wait actively would share the cores with the next tool."""
        idle = worker.Worker("ridge", small_ridge, Tool(make_ridge, None))
        idle.start()
        for _ in range(2):
            assert comes_to(idle.process.pid, "T")
            assert idle.ask("time", 1) > 0
        idle.stop()
        assert not idle.process.is_alive()

    def test_a_process_that_dies_is_named(self):
        """The run would wait for ever for a tool that ran out of memory."""
        mortal = worker.Worker("ridge", small_ridge, Tool(make_ridge, None))
        mortal.start()
        mortal.process.kill()
        mortal.process.join()
        assert mortal.ask("time", 1) is None
        assert mortal.note == "failed: its process ended"

    def test_missing_data_are_left_out_by_name(self, capsys):
        """One missing file would end the run, or go unnoticed."""
        task = Task("Section", "lost data", "ridge", no_data, small_task().tools)
        rows, left_out = __main__.run([task], repeats=1)
        assert rows == []
        assert left_out == ["lost data: no_data.npz is not there"]
        assert "lost data" in capsys.readouterr().out

    def test_plain_fits_are_at_the_learned_strength(self, grouped):
        """The unit of all times would be the fit of another problem."""
        model = tools.our_ridge(grouped).fit(grouped.X, grouped.y)
        strength = tools.attribute_strength(model, grouped)
        same = measure.rescaled_data("ridge", small_ridge, strength)
        fitted = measure.make_plain(same, "ridge", "auto", 1.0).fit(same.X, same.y)
        np.testing.assert_allclose(
            fitted.predict(same.X), model.predict(grouped.X), rtol=1e-6
        )


class TestJudge:
    def test_ridge_is_that_of_scikit_learn(self, grouped):
        """Peers would be compared by something that nobody else computes."""
        scores = cross_val_score(
            Ridge(alpha=3.0),
            grouped.X,
            grouped.y,
            cv=grouped.folds,
            scoring="neg_mean_squared_error",
        )
        found = judge.cv_loss("ridge", grouped, judge.Strength(3.0), per_row=False)
        np.testing.assert_allclose(found, -0.5 * scores.mean(), rtol=1e-12)

    @pytest.mark.parametrize("load", [data.breast_cancer, three_species])
    def test_logistic_is_that_of_scikit_learn(self, load):
        """The same for two classes and for many."""
        task = load()
        found = judge.cv_loss("logistic", task, judge.Strength(0.1), per_row=False)
        model = LogisticRegression(C=0.1, max_iter=10000, tol=1e-8)
        total = sum(
            len(held_out)
            * log_loss(
                task.y[held_out],
                model.fit(task.X[train], task.y[train]).predict_proba(task.X[held_out]),
            )
            for train, held_out in task.folds
        )
        np.testing.assert_allclose(found, total / len(task.y), rtol=1e-6)

    @pytest.mark.parametrize("make", [tools.our_ridge, tools.our_ridge_of_one])
    def test_our_ridge_minimizes_what_it_is_judged_by(self, grouped, make):
        """Our own rows would show another loss than the one that is learned."""
        model = make(grouped).fit(grouped.X, grouped.y)
        strength = tools.attribute_strength(model, grouped)
        found = judge.cv_loss("ridge", grouped, strength, per_row=True)
        np.testing.assert_allclose(found, model.validation_loss_, rtol=1e-6)

    def test_our_logistic_minimizes_what_it_is_judged_by(self):
        """The same for C, one per group."""
        task = data.breast_cancer()._replace(groups=np.repeat([2, 0, 1], 10))
        model = tools.our_logistic(task).fit(task.X, task.y)
        strength = tools.attribute_strength(model, task)
        found = judge.cv_loss("logistic", task, strength, per_row=True)
        np.testing.assert_allclose(found, model.validation_loss_, rtol=1e-5)

    def test_an_alpha_per_target_is_one_fit_per_target(self):
        """Alphas of targets would be taken for those of features."""
        task = data.many_targets(40, 3, 3)
        values = np.array([0.1, 1.0, 100.0])
        found = judge.cv_loss("ridge", task, judge.Strength(values, "targets"), False)
        each = [
            judge.cv_loss(
                "ridge",
                task._replace(y=task.y[:, k]),
                judge.Strength(values[k]),
                per_row=False,
            )
            for k in range(3)
        ]
        np.testing.assert_allclose(found, np.mean(each), rtol=1e-10)


class TestPeers:
    def test_losses_are_those_of_scikit_learn(self, grouped):
        """Tools would be judged by another loss than their own."""
        search = GridSearchCV(
            Ridge(),
            {"alpha": [0.1, 1.0, 10.0]},
            cv=grouped.folds,
            scoring="neg_mean_squared_error",
        ).fit(grouped.X, grouped.y)
        strength = judge.Strength(search.best_params_["alpha"])
        found = judge.cv_loss("ridge", grouped, strength, per_row=False)
        np.testing.assert_allclose(found, -0.5 * search.best_score_, rtol=1e-10)

    def test_strengths_of_groups_stand_at_their_features(self, grouped):
        """Feature 0 would be given the alpha of another group."""
        shuffled = grouped._replace(groups=np.array([2, 0, 1, 1, 0, 2]))
        model = tools.our_ridge(shuffled).fit(shuffled.X, shuffled.y)
        values = tools.attribute_strength(model, shuffled).values
        np.testing.assert_array_equal(values[[0, 1, 2]], model.alpha_[[2, 0, 1]])
        np.testing.assert_array_equal(values[[5, 4, 3]], values[[0, 1, 2]])

    @pytest.mark.parametrize(
        ("module", "make", "strength"),
        [
            ("himalaya", peers.himalaya_group_ridge, tools.himalaya_strength),
            ("himalaya", peers.himalaya_kernel_ridge, tools.himalaya_kernel_strength),
            ("optuna", peers.OptunaRidge, tools.optuna_strength),
        ],
    )
    def test_searches_over_groups_are_read_rightly(
        self, grouped, monkeypatch, module, make, strength
    ):
        """The strengths that are judged would not be those of the fitted model."""
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
        monkeypatch.setattr(peers, "N_TRIALS", 5)
        shuffled = grouped._replace(groups=np.array([2, 0, 1, 1, 0, 2]))
        model = make(shuffled).fit(shuffled.X, shuffled.y)
        found = strength(model, shuffled)
        X, one = judge.rescaled("ridge", shuffled.X, found)
        expected = Ridge(alpha=one).fit(X, shuffled.y).predict(X)
        np.testing.assert_allclose(model.predict(shuffled.X), expected, rtol=1e-5)
        of_features = found.values
        np.testing.assert_array_equal(of_features[:3], of_features[:2:-1])

    @pytest.mark.parametrize(
        ("tool", "module", "n_targets"),
        [
            (tools.FASTRIDGE, "fastridge", 1),
            (tools.FASTRIDGE, "fastridge", 3),
            (tools.HIMALAYA_RIDGE, "himalaya", 1),
            (tools.HIMALAYA_RIDGE, "himalaya", 3),
            (tools.BBAI_RIDGE, "bbai", 1),
            (tools.RIDGE["glmnet ElasticNet"], "glmnet", 1),
        ],
    )
    def test_alphas_of_ridge_are_those_of_scikit_learn(self, tool, module, n_targets):
        """The alpha in the table would be that of another problem.

        Targets and features of no unit variance tell the units apart.
        """
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
        task = data.many_targets(80, 5, n_targets)
        scaled = {"X": 3.0 * task.X, "y": 7.0 * task.y}
        if n_targets == 1:
            scaled["y"] = scaled["y"].ravel()
        task = task._replace(**scaled)
        model = tool.make(task)
        if module == "glmnet":
            model.tol = 1e-14
        model.fit(task.X, task.y)
        found = tool.strength(model, task)
        assert np.size(found.values) == n_targets
        expected = Ridge(alpha=found.values).fit(task.X, task.y).predict(task.X)
        np.testing.assert_allclose(model.predict(task.X), expected, rtol=1e-5)

    def test_himalaya_searches_the_grid_on_the_folds_of_all(self, grouped):
        """It would be judged by folds, or a grid, that it did not see."""
        if find_spec("himalaya") is None:
            pytest.skip("himalaya is not installed")
        model = peers.himalaya_ridge(grouped).fit(grouped.X, grouped.y)
        losses = [
            judge.cv_loss("ridge", grouped, judge.Strength(alpha), per_row=False)
            for alpha in peers.ALPHAS
        ]
        best = peers.ALPHAS[np.argmin(losses)]
        np.testing.assert_allclose(tools.himalaya_best(model, grouped).values, best)

    @pytest.mark.parametrize("load", [data.breast_cancer, three_species])
    @pytest.mark.parametrize(
        ("name", "module", "atol"),
        [
            ("bbai LogisticRegression", "bbai", 1e-4),
            ("glmnet LogitNet", "glmnet", 1e-4),
            # Its intercept is penalized a little, and its tolerance is large.
            ("snapml LogisticRegression", "snapml", 0.01),
        ],
    )
    def test_strengths_of_classes_are_those_of_scikit_learn(
        self, name, module, atol, load
    ):
        """The C in the table would not be the C of scikit-learn."""
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
        task = load()
        if len(task.classes) > 2 and name not in tools.LOGISTIC:
            pytest.skip(f"{module} is only compared on two classes")
        tool = tools.TWO_CLASSES[name]
        model = tool.make(task)
        if module == "glmnet":
            model.tol = 1e-12
        model.fit(task.X, task.y)
        C = tool.strength(model, task).values
        expected = judge.judge("logistic", C, task).fit(task.X, task.y)
        np.testing.assert_allclose(
            model.predict_proba(task.X_test),
            expected.predict_proba(task.X_test),
            atol=atol,
        )

    @pytest.mark.parametrize(
        ("name", "module"),
        [("glmnet LogitNet", "glmnet"), ("snapml LogisticRegression", "snapml")],
    )
    def test_grids_of_classes_are_those_of_scikit_learn(self, name, module):
        """A peer would have a grid of its own, finer or coarser than the others."""
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
        task, tool = data.breast_cancer(), tools.TWO_CLASSES[name]
        C = tool.strength(tool.make(task).fit(task.X, task.y), task).values
        assert np.min(np.abs(np.log(C / peers.CS))) < 1e-6


class TestData:
    @pytest.mark.parametrize(
        "load", [small_ridge, partial(data.one_strength, 50, 4, True), data.digits]
    )
    def test_no_row_of_the_test_is_given_to_a_tool(self, load):
        """The test loss would flatter whoever fits best."""
        task = load()
        rows = {row.tobytes() for row in task.X}
        if load is data.digits:
            assert len(task.X) + len(task.X_test) == 1797
        else:
            assert not rows & {row.tobytes() for row in task.X_test}
        held_out = np.concatenate([held_out for _, held_out in task.folds])
        np.testing.assert_array_equal(np.sort(held_out), np.arange(len(task.X)))

    def test_correlated_features_have_the_condition_that_the_page_states(self):
        """The prose would describe other data."""
        X = data.one_strength(20000, 10, True).X
        values = np.linalg.svd(X, compute_uv=False)
        np.testing.assert_allclose(values[0] / values[-1], 1000, rtol=0.1)

    def test_as_many_groups_as_features_is_each(self):
        """One lambda per feature would be timed as groups of one."""
        assert data.many_strengths(30, 4, 4).groups == "each"


class TestCommand:
    def test_tasks_have_names_of_their_own_and_ours_first(self):
        """`--only` would run another task; ratios to ours would be to a peer."""
        names = [(task.section, task.name) for task in all_tasks()]
        assert len(set(names)) == len(names)
        for task in all_tasks():
            assert next(iter(task.tools)).startswith("MYHPO")

    def test_only_chooses_by_section_and_name(self):
        """A pattern would choose nothing, or everything."""
        chosen = __main__.chosen(all_tasks(), "multinomial.*DIGITS")
        assert [task.name for task in chosen] == ["digits"]

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

    def test_no_such_task(self, capsys):
        """A typing error would look like an empty table."""
        assert __main__.main(["--only", "no such task"]) == 2
        assert "'no such task'" in capsys.readouterr().err

    def test_all_tools_have_the_same_limit(self):
        """A peer would be called too slow where ours may take longer."""
        assert {t.limit for task in all_tasks() for t in task.tools.values()} == {60.0}
        task = __main__.with_limit(small_task(slow=Tool(make_slow, None)), 0.5)
        assert {tool.limit for tool in task.tools.values()} == {0.5}
        strength = judge.Strength(1.0)
        workers = measure.plain_workers(task, strength).values()
        for one in workers:
            one.stop()
        assert {one.limit for one in workers} == {0.5}

    def test_the_page_says_what_the_limit_is(self):
        """Readers would take another time for the reached one."""
        page = __main__.Path(__file__).parents[2] / "doc" / "performance.md"
        text = " ".join(page.read_text(encoding="utf-8").split())
        assert f"more than {tools.LIMIT:g} seconds" in text

    def test_every_peer_stands_with_its_version(self):
        """A table would not say which version was measured, or that none was."""
        line = tables.machine()
        for package in ("fastridge", "python-glmnet", "snapml", "himalaya", "bbai"):
            assert re.search(rf"{package} ([\d.]+|not installed)", line)

    @pytest.mark.usefixtures("quick_processes")
    def test_the_page_is_filled(self, tmp_path, monkeypatch):
        """`make bench` would measure for half an hour and write nothing."""
        page = tmp_path / "page.md"
        page.write_text("a\n<!-- begin table -->\nold\n<!-- end table -->\nb\n")
        monkeypatch.setattr(__main__, "all_tasks", lambda: [small_task()])
        assert __main__.main(["--repeats", "1", "--page", str(page)]) == 0
        text = page.read_text()
        assert "### Section" in text
        assert "| tiny data | ours |" in text
        assert "Measured on: " in text
        assert "old" not in text
        assert text.startswith("a\n")
        assert text.endswith("b\n")

    @pytest.mark.parametrize("name", ["table", "growth", "shapes"])
    def test_the_page_has_the_marks(self, name):
        """The run would end in an error when it is done."""
        page = __main__.Path(__file__).parents[2] / "doc" / "performance.md"
        fill(page.read_text(encoding="utf-8"), {name: "new"})
