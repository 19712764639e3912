"""The comparison with stochastic solvers in JAX, on small data."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from benchmarks import adjoints, bilevel
from benchmarks.bilevel_jax import BATCH_SIZE, CHUNK, METHODS, Compiled
from benchmarks.page import fill
from benchmarks.stochastic import PAGE, Judged, make_problem
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel
from tests.helpers import no_warnings

SPLIT = {"train_share": 0.6, "fit_intercept": False}


@pytest.fixture(scope="module")
def rows():
    """Return standardized features and two classes."""
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def make(rows, kind=None, **options):
    return make_problem(*rows, kind=kind, **SPLIT, **options)


def test_labels_are_chosen_by_their_beginning():
    """A table of one solver would take as long as that of all."""
    assert bilevel.is_wanted("saba from -2", ["hoag", "saba"])
    assert not bilevel.is_wanted("jax saba", ["saba"])
    assert bilevel.is_wanted("jax saba", None)


def test_spread_keeps_the_first_and_the_last():
    """The gap at the end would be that of an earlier point."""
    points = [(0.1 * k, k) for k in range(1, 1000)]
    kept = bilevel.spread(points)
    assert kept[0] == points[0]
    assert kept[-1] == points[-1]
    assert len(kept) < 60
    assert np.all(np.diff([seconds for seconds, _ in kept]) > 0)


def test_the_table_names_levels_and_ends(rows):
    """Seconds to a level that was never reached would be believed."""
    run = Judged(make(rows, by_rows=False))
    run.seconds, run.losses = [1.0, 2.0, 3.0], [1.5, 1.0005, 1.2]
    ((label, *cells),) = bilevel.table({"one": run}, 1.0)
    assert label == "one"
    assert cells == ["2.00", "2.00", "2.00", "-", "-", "2.0e-01"]


@no_warnings
def test_measure_without_jax(rows, monkeypatch, capsys):
    """Without JAX there would be no table at all."""

    def missing(*_):
        raise ImportError("no jax")

    monkeypatch.setattr(bilevel, "Compiled", missing)
    names = ["myhpo", "jax saba"]
    runs, best = bilevel.measure(*rows, None, 0.2, names=names)
    assert list(runs) == ["myhpo"]
    assert "jax saba is left out: no jax" in capsys.readouterr().err
    assert best <= min(runs["myhpo"].losses)


def test_growth_is_in_milliseconds():
    """One row per shape, in the order of the caption."""
    shapes = [(16, 5, 2), (64, 5, 3)]
    found = bilevel.growth(shapes=shapes, n_rows=512)
    assert [tuple(row[:3]) for row in found] == shapes
    assert all(0.0 < float(row[3]) < 100.0 for row in found)


@pytest.mark.parametrize("part", ["bilevel each", "bilevel one", "growth"])
def test_the_page_has_a_place_for_every_table(part):
    """Tables would be printed and the page keep old ones."""
    page = (Path(__file__).parents[2] / PAGE).read_text(encoding="utf-8")
    assert "\n\nnew\n\n" in fill(page, {part: "new"})


def test_errors_of_adjoints_fall_with_rank(rows):
    """The table would not be one of errors."""
    problem = make(rows, "each", by_rows=False)
    lambda_ = np.full(problem.n_groups, -4.0)
    few, many = (
        adjoints.errors(problem, lambda_, adjoints.by_lanczos, rank, 1)[0]
        for rank in (2, 30)
    )
    assert many < 1e-6 < few
    page = (Path(__file__).parents[2] / adjoints.PAGE).read_text(encoding="utf-8")
    assert "\n\nnew\n\n" in fill(page, {"adjoints": "new"})


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", [None, "each"])
def test_steps_in_jax_descend_on_the_objective(rows, method, kind):
    """The opponent would be weaker than it is, or minimize something else."""
    pytest.importorskip("jax")
    problem = make(rows, kind, by_rows=False)
    (split,) = problem.splits
    pair = np.flatnonzero(split.train_weight), split.held_out.index
    solver = Compiled(method, *rows, pair, kind == "each")
    points = solver.run(0.1, 1.0 if kind else 0.1, -2.0, 0.3)
    start = bilevel.judged(problem, [(0.0, np.full(problem.n_groups, -2.0))])
    end = bilevel.judged(problem, points[-1:])
    least = minimize_bilevel(problem, MYHPO()).validation_loss
    assert end.losses[-1] - least < 0.9 * (start.losses[0] - least)


def test_orders_visit_every_batch_once_an_epoch(rows):
    """Rows would be left out."""
    pytest.importorskip("jax")
    pair = np.arange(400), np.arange(400, 569)
    solver = Compiled("soba", *rows, pair, False)
    assert solver.n_batches == [-(-400 // BATCH_SIZE), -(-169 // BATCH_SIZE)]
    numbers = next(solver.orders(np.random.default_rng(0)))
    assert numbers.shape == (CHUNK, 2)
    for part, n_batches in enumerate(solver.n_batches):
        assert sorted(numbers[:n_batches, part]) == list(range(n_batches))
