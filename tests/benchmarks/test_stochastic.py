"""The tables of stochastic solvers: the gaps are what they say."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_wine

from benchmarks.page import fill
from benchmarks.stochastic import EPOCHS, PAGE, Run, least_of_solvers, make_problem
from sklearn_myhpo.solvers import Stochastic
from tests.helpers import no_warnings


def make(by_rows):
    X, y = load_wine(return_X_y=True)
    return make_problem(X, y, by_rows=by_rows, kind=None)


@no_warnings
def test_gaps_are_relative_to_the_least_loss():
    """A table of another unit than its caption says could not be read."""
    run, best = Run(make, Stochastic("srba"), "auto", 4), least_of_solvers(make)
    assert run.epochs == [0, 1, 2, 3, 4]
    assert np.all(np.diff(run.seconds) > 0)
    problem = make(by_rows=False)
    lambda_ = run.result.history["lambda"][2]
    loss = problem.objective(lambda_, problem.minimize(lambda_))
    assert run.gap_at(3, best) == f"{loss / best - 1.0:.1e}"
    assert run.gap_at(99, best) == "-"
    assert run.seconds_to(np.inf, best) == f"{run.seconds[0]:.2f}"
    assert run.seconds_to(-1.0, best) == "-"
    assert best <= min(run.losses) * (1.0 + 1e-6)
    assert 0.0 < run.step_time() < 1e3


@no_warnings
def test_a_run_ends_in_time():
    """A slow method would keep all others waiting."""
    assert Run(make, Stochastic("saba"), "auto", 1000, limit=0.0).result.n_iter == 1


def test_the_page_has_a_place_for_every_table():
    """Tables would be printed and the page keep old ones."""
    page = (Path(__file__).parents[2] / PAGE).read_text(encoding="utf-8")
    filled = fill(page, dict.fromkeys(("seconds", "epochs", "steps"), "new"))
    assert filled.count("\n\nnew\n\n") == 3
    assert max(EPOCHS) <= 20
