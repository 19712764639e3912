"""Logistic regression at many shapes, beside a plain fit and LogisticRegressionCV.

    python -m benchmarks.shapes [--only PATTERN] [--repeats 3] [--page PAGE]

Prints a row per shape, in one run, and one beside three busy processes; draws the
ratios.
"""

import argparse
import multiprocessing
import re
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from benchmarks.drawing import RC, save
from benchmarks.page import markdown, update
from benchmarks.speed.data import Data, classification, with_test_rows
from benchmarks.speed.measure import measure
from benchmarks.speed.tables import machine
from benchmarks.speed.tasks import Task
from benchmarks.speed.tools import LOGISTIC, our_logistic, ours

RESULTS = Path(__file__).parent / "results"
SECTION = "shapes"
#: Busy processes beside the fits of the last row.
N_BUSY = 3
HEAD = [
    "data",
    "plain, s",
    "ours, s",
    "ours / plain",
    "LogisticRegressionCV / ours",
    "CV loss, ours",
    "CV loss, LogisticRegressionCV",
]


class Grid(NamedTuple):
    """A shape of the grid."""

    n_samples: int
    n_features: int
    n_classes: int = 2
    kind: str = "dense"
    n_groups: int = 1

    def __str__(self):
        text = f"{self.n_samples} x {self.n_features}"
        if self.n_classes > 2:
            text += f", {self.n_classes} classes"
        if self.n_groups > 1:
            text += f", {self.n_groups} groups"
        return text if self.kind == "dense" else f"{text}, {self.kind}"


SHAPES = [
    Grid(200, 20),
    Grid(1000, 20),
    Grid(1000, 200),
    Grid(5000, 30),
    Grid(10_000, 50),
    Grid(10_000, 500),
    Grid(100_000, 20),
    Grid(100_000, 200),
    Grid(1_000_000, 50),
    Grid(20_000, 100, kind="low rank"),
    Grid(20_000, 100, kind="correlated"),
    Grid(20_000, 2000, kind="sparse"),
    Grid(500, 20, 3),
    Grid(2000, 50, 5),
    Grid(20_000, 50, 10),
    Grid(200_000, 20, 5),
    Grid(2000, 500, 20),
    Grid(10_000, 50, n_groups=10),
    Grid(100_000, 200, n_groups=10),
]


def features(rng, n_samples, grid):
    """Return features of a kind."""
    size = grid.n_features
    if grid.kind == "sparse":
        density = 20.0 / size
        rows = sparse.random(n_samples, size, density, "csr", random_state=rng)
        return sparse.csr_array(rows)
    if grid.kind == "low rank":
        left = rng.standard_normal((n_samples, size // 10))
        noise = 0.1 * rng.standard_normal((n_samples, size))
        return left @ rng.standard_normal((size // 10, size)) + noise
    X = rng.standard_normal((n_samples, size))
    if grid.kind == "correlated":
        X[:, 1:] = 0.9 * X[:, :-1] + 0.45 * X[:, 1:]
    return X


def load(grid):
    """Return the data of a shape."""
    rng = np.random.default_rng(7)
    n_rows = with_test_rows(grid.n_samples)
    X, n_outputs = features(rng, n_rows, grid), max(1, grid.n_classes)
    scores = X @ rng.standard_normal((grid.n_features, n_outputs))
    scores *= 2.0 / scores.std()
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    own, rest = slice(grid.n_samples), slice(grid.n_samples, None)
    data: Data = classification(X[own], y[own], X[rest], y[rest])
    groups = np.arange(grid.n_features) % grid.n_groups
    return data._replace(groups=groups if grid.n_groups > 1 else None)


def task_of(grid):
    """Return the task of a shape; groups have no peer."""
    tools = {name: LOGISTIC[name] for name in list(LOGISTIC)[:2]}
    if grid.n_groups > 1:
        tools = {"MYHPOLogisticRegression": ours(our_logistic)}
    return Task(SECTION, str(grid), "logistic", partial(load, grid), tools)


def line(rows, name):
    """Return the cells of a shape, and its ratios to a plain fit and of the peer."""
    plain, own, *others = rows
    peer = others[0] if others else None
    behind = None
    if peer is not None and peer.seconds is not None:
        behind = peer.seconds / own.seconds
    cells = [
        name,
        f"{plain.seconds:.3g}",
        f"{own.seconds:.3g}",
        f"{own.per_plain:.1f}",
        "" if behind is None else f"{behind:.1f}",
        f"{own.cv_loss:.6g}",
        "" if behind is None else f"{peer.cv_loss:.6g}",
    ]
    return cells, (own.per_plain, behind)


@contextmanager
def busy_processes(number):
    """Keep as many processes busy."""
    processes = [
        multiprocessing.Process(target=_spin, daemon=True) for _ in range(number)
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()


def _spin():
    matrix = np.ones((200, 200))
    while True:
        matrix @ matrix


def draw(names, ratios, path):
    """Draw the ratios as bars, a plain fit and equal times as lines."""
    import matplotlib.pyplot as plt

    with plt.rc_context(RC):
        figure, axes = plt.subplots(1, 2, figsize=(8.5, 5.2), sharey=True)
        places = np.arange(len(names))[::-1]
        for axis, column, title in (
            (axes[0], 0, "ours, in plain fits (less is better)"),
            (axes[1], 1, "LogisticRegressionCV / ours (more is better)"),
        ):
            values = [np.nan if one[column] is None else one[column] for one in ratios]
            axis.barh(places, values, color="#4477aa", height=0.7)
            axis.axvline(1.0, color="black", linewidth=0.8)
            axis.set_xscale("log")
            axis.set_title(title, fontsize=9)
            for place, value in zip(places, values, strict=True):
                if np.isfinite(value):
                    text = f" {value:.1f}"
                    axis.text(value, place, text, va="center", fontsize=7)
            axis.margins(x=0.15)
        axes[0].set_yticks(places, names)
        figure.tight_layout()
        save(figure, path)


def parse(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shapes")
    parser.add_argument("--only", metavar="PATTERN", help="shapes that match")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--page", type=Path, help="page whose part is to be filled")
    options = parser.parse_args(arguments)
    if options.only and options.page:
        parser.error("--page is filled from one run of all shapes, without --only")
    return options


def main(arguments=None):
    """Run the command; return its exit code."""
    options = parse(arguments)
    shapes = [one for one in SHAPES if re.search(options.only or "", str(one))]
    lines, ratios = [], []
    for grid in shapes:
        cells, own = line(measure(task_of(grid), options.repeats), str(grid))
        lines.append(cells)
        ratios.append(own)
        print(" | ".join(cells), flush=True)
    if not options.only:
        grid = Grid(100_000, 20)
        with busy_processes(N_BUSY):
            rows = measure(task_of(grid), options.repeats)
        cells, own = line(rows, f"{grid}, beside {N_BUSY} busy processes")
        lines.append(cells)
        ratios.append(own)
        print(" | ".join(cells), flush=True)
    text = f"{markdown(HEAD, lines, 1)}\n\nMeasured on: {machine()}."
    RESULTS.mkdir(exist_ok=True)
    picture = RESULTS / "shapes.png"
    draw([cells[0] for cells in lines], ratios, picture)
    print(f"\n{text}")
    if options.page is not None:
        update(options.page, {"shapes": text}, [picture])
    return 0


if __name__ == "__main__":
    sys.exit(main())
