"""The comparison of two checkouts, at tiny sizes."""

import itertools
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import processes
from benchmarks.checkouts import __main__, cost, side
from benchmarks.checkouts.difference import NUMBERS, Outcome, difference
from benchmarks.checkouts.problems import KINDS, make_problem
from benchmarks.checkouts.tasks import MEMORY_TASKS, TIME_TASKS

ROOT = Path(__main__.__file__).parents[2]
#: Relative error that the planted fault adds to the weights of ridge.
FAULT = 1e-6

PLANTED = f"""
import warnings


def planted(fit):
    def new(self, X, y, **options):
        fit(self, X, y, **options)
        self.coef_ = self.coef_ * (1 + {FAULT})
        warnings.warn("changed", UserWarning)
        return self

    return new


for estimator in (MYHPORidge, BilevelRidge):
    estimator.fit = planted(estimator.fit)
"""

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """Return a checkout whose ridge weights are wrong, and that warns of it."""
    checkout = tmp_path_factory.mktemp("changed")
    shutil.copytree(ROOT / "sklearn_myhpo", checkout / "sklearn_myhpo")
    with open(checkout / "sklearn_myhpo" / "__init__.py", "a") as file:
        file.write(PLANTED)
    return checkout


class Kept:
    """The process of a checkout, which waits for the next test when it is stopped."""

    def __init__(self, process, waiting):
        self.process, self.waiting = process, waiting

    def ask(self, *arguments):
        """Ask the process."""
        return self.process.ask(*arguments)

    @property
    def note(self):
        """Why the process ended."""
        return self.process.note

    def stop(self):
        """Leave a process that works to the next who begins with its checkout."""
        if self.note:
            self.process.stop()
        else:
            self.waiting.append(self)


def started(checkout):
    """Return a new process; of this checkout a copy of this one, where that is safe."""
    with pytest.MonkeyPatch.context() as patch:
        if Path(checkout) == ROOT and sys.platform == "linux":
            patch.setattr(processes, "START_METHOD", "fork")
        return side.begin(checkout)


@pytest.fixture(scope="module", autouse=True)
def kept_processes():
    """Begin with a process that an earlier test left: a new one imports for seconds."""
    waiting = {}

    def begin(checkout):
        own = waiting.setdefault(Path(checkout), [])
        return own.pop() if own else Kept(started(checkout), own)

    with pytest.MonkeyPatch.context() as patch:
        for module in (__main__, cost):
            patch.setattr(module, "begin", begin)
        yield
    for one in itertools.chain.from_iterable(waiting.values()):
        one.process.stop()


class TestResults:
    def test_a_checkout_equals_itself(self, capsys):
        """Chance in a problem, or in a fit, would look like a change."""
        assert __main__.main([str(ROOT), "--results", "2", "--tol", "0"]) == 0
        assert "0 of 2 problems differ" in capsys.readouterr().out

    def test_a_change_is_found(self, changed, capsys):
        """A fault of the new checkout would pass, or come without its seed."""
        code = __main__.main([str(ROOT), str(changed), "--results", "2"])
        shown = capsys.readouterr().out
        assert code == 1
        assert "1 of 2 problems differ" in shown
        assert f"coef {FAULT:.1e}, warnings" in shown
        assert f"{changed} --only 0" in shown
        (rounding,) = re.findall(r"base, if weights .*: .*coef (\S+),", shown)
        assert float(rounding) < FAULT / 1000

    def test_one_seed_is_shown_in_detail_and_changes_may_be_ignored(
        self, changed, capsys
    ):
        """Without details the cause of a difference could not be found."""
        command = [str(ROOT), str(changed), "--only", "0", "--ignore", "warnings"]
        assert __main__.main(command) == 1
        shown = capsys.readouterr().out
        assert "Ridge(" in shown
        assert "  new   ('UserWarning',)" in shown
        assert __main__.main([*command, "--tol", str(2 * FAULT)]) == 0

    def test_a_folder_without_the_package_is_refused(self, tmp_path, capsys):
        """The installed package would be compared with itself."""
        with pytest.raises(SystemExit):
            __main__.main([str(tmp_path)])
        assert "has no folder sklearn_myhpo" in capsys.readouterr().err

    def test_a_package_from_elsewhere_is_refused(self, tmp_path, monkeypatch):
        """The same, where Python finds another package first."""
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(ImportError, match="comes from"):
            side.Side(str(tmp_path))


class TestProblems:
    @pytest.mark.parametrize("seed", range(len(KINDS)))
    def test_a_seed_makes_the_same_problem_again(self, seed):
        """A difference could not be made again."""
        one, two = make_problem(seed), make_problem(seed)
        assert one.kind == list(KINDS)[seed]
        assert str(one) == str(two)
        np.testing.assert_array_equal(one.y, two.y)

    def test_problems_cover_what_estimators_accept(self):
        """A whole kind of data would never be compared."""
        problems = [make_problem(seed) for seed in range(200)]
        formats = {getattr(one.X, "format", str(one.X.dtype)) for one in problems}
        assert formats >= {"float64", "float32", "csr", "csc"}
        assert {type(one.model).__name__ for one in problems} == {
            f"{solver}{loss}"
            for solver in ("MYHPO", "SHO", "Bilevel")
            for loss in ("Ridge", "LogisticRegression")
        }
        assert any(one.X.shape[0] < one.X.shape[1] for one in problems)
        assert {"sample_weight", "X_val"} <= {
            k for one in problems for k in one.options
        }


class TestDifference:
    outcome = Outcome(
        "kind",
        "problem",
        lambda_=np.array([-1.0, 2.0]),
        coef=np.array([10.0, 1e-3]),
        intercept=np.array(0.0),
        loss=np.array(2.0),
        optimism=0.1,
        numbers={"relative_hypergradient": 1e-9, "hypergradient": np.array([1e-9])},
        checks={"names": ["a"]},
        history=4,
    )

    @pytest.mark.parametrize(
        ("name", "entry", "value", "size"),
        [
            ("lambda", "lambda_", [-1.0, 2.5], 0.5),
            ("coef", "coef", [10.0, 0.101], 0.01),
            ("intercept", "intercept", 1.0, 0.1),
            ("loss", "loss", 1.5, 0.25),
            ("optimism", "optimism", 0.3, 0.1),
            ("optimism", "optimism", None, np.inf),
            ("coef", "coef", [10.0], np.inf),
            ("coef", "coef", [np.nan, 1e-3], np.inf),
            ("certificate", "numbers", None, np.inf),
            (
                "certificate",
                "numbers",
                {"relative_hypergradient": 1e-9, "hypergradient": np.array([1.0])},
                0.5,
            ),
        ],
    )
    def test_numbers_are_compared_in_their_unit(self, name, entry, value, size):
        """A small weight, or a large unit, would hide or invent a change."""
        if isinstance(value, list):
            value = np.array(value)
        found = difference(7, self.outcome, self.outcome._replace(**{entry: value}))
        sizes = dict.fromkeys(NUMBERS, 0.0) | {name: size}
        assert found.numbers == pytest.approx(sizes, rel=1e-6)
        assert found.is_above(1e-9)
        assert not found.is_above(1e-9, ignored=[name])

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("history", 5),
            ("checks", {"names": ["b"]}),
            ("warnings", ("UserWarning",)),
            ("error", "ValueError"),
            ("counts", {"n_values": 1}),
        ],
    )
    def test_facts_are_compared(self, name, value):
        """A new warning, or one iteration more, would not be seen."""
        found = difference(7, self.outcome, self.outcome._replace(**{name: value}))
        assert found.facts == (name,)
        assert found.is_above(1e-9)

    def test_neighbours_in_single_precision_are_the_same(self):
        """Every last digit in double precision would count in float32."""
        coef = np.array([10.0, 1e-3], dtype=np.float32)
        one = self.outcome._replace(coef=coef)
        two = self.outcome._replace(coef=np.nextafter(coef, np.float32(np.inf)))
        assert not difference(7, one, two).is_above(1e-9)


@needs_linux
class TestCost:
    def test_sides_take_turns(self, capsys):
        """A line would compare one side with nothing."""
        command = [str(ROOT), "--times", "--repeats", "2"]
        command += ["--tasks", "ridge 200 x 20$"]
        assert __main__.main(command) == 0
        (line,) = [
            line
            for line in capsys.readouterr().out.splitlines()
            if line.startswith("| ridge 200 x 20")
        ]
        _, _, base, new, ratio, _, turns, *_ = line.split("|")
        assert float(base) > 0
        assert float(ratio) == pytest.approx(float(new) / float(base), abs=0.01)
        assert int(turns) == 2

    def test_a_failure_stands_in_the_table(self):
        """One task that fails would end the run, or get a number."""
        row = cost.time_row("no such task", ROOT, ROOT, 1)
        assert "KeyError" in row[-1]
        assert row[1] == ""

    def test_the_peak_is_that_of_the_fit(self):
        """X and arrays freed before the fit would be counted as its memory."""
        size = 24e6
        kept, freed = np.ones(100000), np.ones(100000)
        del freed
        peak = side.peak_memory(lambda: np.ones(int(size / kept.itemsize)).sum())
        assert peak == pytest.approx(size, rel=0.05)

    def test_tasks_have_names_of_their_own(self):
        """A task would replace another one."""
        assert not set(TIME_TASKS) & set(MEMORY_TASKS)
