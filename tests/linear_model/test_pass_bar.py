"""Printed progress of passes over rows."""

import io

import numpy as np
import pytest

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.data import Batches
from sklearn_myhpo.engine.limits import use_limits
from sklearn_myhpo.linear_model import _pass_bar
from sklearn_myhpo.linear_model._pass_bar import PassBar


class Terminal(io.StringIO):
    """What is printed on a terminal."""

    def isatty(self):
        return True


def test_terminal_has_one_line_per_pass(monkeypatch):
    """Bars would fill the screen, or lie about what is done."""
    terminal = Terminal()
    monkeypatch.setattr(_pass_bar.sys, "stdout", terminal)
    monkeypatch.setattr(_pass_bar, "_INTERVAL", -1.0)
    bar = PassBar()
    for number in (1, 2):
        for n_done in (0, 1, 2, 3, 3):
            bar(number, 3, n_done)
    lines = terminal.getvalue().splitlines()
    shown = [line.rpartition("\r")[2] for line in lines if line.strip()]
    ends = [line for line in shown if "3 of 3 blocks" in line]
    assert [line.split(":")[0] for line in ends] == ["pass 1", "pass 2"]
    assert "[" + 10 * "#" + 20 * "." + "] 1 of 3 blocks" in terminal.getvalue()


def test_unknown_number_of_blocks_is_not_guessed(monkeypatch):
    """A bar of the first pass would show a share of nothing."""
    terminal = Terminal()
    monkeypatch.setattr(_pass_bar.sys, "stdout", terminal)
    monkeypatch.setattr(_pass_bar, "_INTERVAL", -1.0)
    bar = PassBar()
    bar(1, None, 0)
    bar(1, None, 2)
    assert "pass 1: 2 blocks" in terminal.getvalue()
    assert " of " not in terminal.getvalue()


@pytest.mark.parametrize("verbose", [False, True])
def test_verbose_fit_tells_of_its_passes(verbose, capsys):
    """A fit of hours would be silent, or one that is to be silent would not be."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9000, 2))
    y = X[:, 0] + rng.normal(size=len(X))
    with use_limits(block_entries=2000):
        model = MYHPORidge(verbose=verbose).fit(Batches.from_arrays(X, y))
    lines = [line for line in capsys.readouterr().out.splitlines() if "pass " in line]
    assert len(lines) == verbose * model.oracle_counts_["n_passes"]
    assert all(line.count("blocks") == 1 for line in lines)
