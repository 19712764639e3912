"""Compare additive models with pyGAM, mgcv and splines with one strength.

Four tables. "Accuracy": random splits, the same for all tools; the test deviance is
the mean squared error in units of the variance of y, of classes twice the log loss. A
slow tool gets fewer splits, of which the differences are those of as many of ours.
"Bands": draws of simulations with known curves; how often a curve lies within the 95 %
band, over the rows, and how often one does that has less than half an effective degree
of freedom; on how many features without effect they are less than a half. "Growth":
seconds of a fit by rows and by terms. "Memory": what a fit of many rows takes beside X,
in a process of its own. Tools that are not installed are left out by name, and so are
data that are not found.

    python -m benchmarks.additive [--full] [--tables bands] [--page doc/additive.md]
"""

import argparse
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import train_test_split

from benchmarks import gam_tools
from benchmarks.curves import bikes, smooth
from benchmarks.data import binary_file
from benchmarks.gam_tools import CLASSIFIERS, REGRESSORS
from benchmarks.page import markdown, rounded, update
from benchmarks.speed.tables import machine
from benchmarks.timed import fit_within

TEST_SHARE = 0.3
#: Seconds by the clock that a fit may take, ours too.
LIMIT = 60.0
#: Seconds of a tool after which no other draw or shape is begun; and the least number
#: of splits and draws.
TOOL_LIMIT, LEAST = 30.0, 3
USELESS_EDOF = 0.5


class Sizes(NamedTuple):
    """How much is measured.

    `seconds` are those of a tool on a data set, after which no other split is begun.
    """

    splits: int
    seconds: float
    bikes: int
    draws: int
    draw_rows: int
    rows: tuple
    terms: tuple
    many: tuple


SMALL = Sizes(10, 30.0, 2000, 6, 500, (1000, 4000, 16_000), (5, 10, 20), (200_000,))
FULL = Sizes(
    10,
    150.0,
    5000,
    200,
    1000,
    (1000, 10_000, 100_000, 1_000_000),
    (5, 10, 20, 35, 50),
    (200_000, 1_000_000),
)
#: Code of a process that measures the memory of a fit.
FIT = """
import time
from benchmarks.checkouts.side import peak_memory
from benchmarks.curves import smooth
from benchmarks.gam_tools import REGRESSORS
few, data = smooth(300, {terms}, 2), smooth({rows}, {terms}, {terms} // 2)
REGRESSORS[{label!r}](few.X, ()).fit(few.X, few.y)
model = REGRESSORS[{label!r}](data.X, ())
start = time.process_time()
most = peak_memory(lambda: model.fit(data.X, data.y))
print(time.process_time() - start, most / 2**20, data.X.nbytes / 2**20)
"""
#: Terms where rows grow, and rows where terms grow.
GROWTH_TERMS, GROWTH_ROWS = 10, 4000


def tasks(sizes):
    """Yield name, X, y, categorical columns, and whether y is classes."""
    yield "diabetes", *load_diabetes(return_X_y=True), (1,), False
    bike = bikes(sizes.bikes)
    yield "bikes", bike.X, bike.y, bike.categorical, False
    simulated = smooth(sizes.bikes)
    yield "4 curves of 8", simulated.X, simulated.y, (), False
    yield "breast_cancer", *load_breast_cancer(return_X_y=True), (), True
    try:
        X, y = binary_file("spam")
    except OSError as error:
        print(f"spam left out: {error}")
        return
    if sizes is FULL:
        yield "spam", X, (y > 0).astype(int), (), True


def deviance(model, X, y, is_classification):
    """Return the mean deviance of the tool, in units of the variance of y or nats."""
    if is_classification:
        return 2.0 * log_loss(y, np.ravel(model.probability(X)))
    return mean_squared_error(y, model.predict(X))


def accuracy(sizes):
    """Yield the lines of the table of accuracy."""
    for name, X, y, categorical, is_classification in tasks(sizes):
        y = y if is_classification else y / y.std()
        tools = CLASSIFIERS if is_classification else REGRESSORS
        base = None
        for label, make in available(tools).items():
            try:
                given = X, y, make, categorical, is_classification
                found = np.array(
                    [
                        one_split(*given, seed)
                        for seed in in_time(sizes.splits, sizes.seconds)
                    ]
                )
            except (TimeoutError, RuntimeError) as error:
                yield [name, label, str(error), *[""] * 5]
                continue
            base = found if base is None else base
            yield accuracy_line(name, label, found, base)


def in_time(n, seconds):
    """Yield numbers from zero, while a tool has seconds left."""
    start = time.perf_counter()
    for number in range(n):
        if number >= LEAST and time.perf_counter() - start > seconds:
            return
        yield number


def one_split(X, y, make, categorical, is_classification, seed):
    """Return seconds, test deviance and effective degrees of freedom."""
    stratify = y if is_classification else None
    X_fit, X_test, y_fit, y_test = train_test_split(
        X, y, test_size=TEST_SHARE, random_state=seed, stratify=stratify
    )
    model = make(X_fit, categorical)
    seconds = timed(model, X_fit, y_fit)
    lost = deviance(model, X_test, y_test, is_classification)
    return float(seconds), float(lost), float(model.edof(X_fit))


def accuracy_line(name, label, found, base):
    """Return a line: medians of seconds, means, and the paired difference to ours."""
    shared = min(len(found), len(base))
    difference = found[:shared, 1] - base[:shared, 1]
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    ours, seconds = found is base, np.median(found[:, 0])
    edof = "" if np.isnan(found[:, 2]).any() else f"{found[:, 2].mean():.1f}"
    return [
        name,
        label,
        rounded(seconds, "seconds"),
        f"{len(found)}",
        "" if ours else rounded(seconds / np.median(base[:, 0]), "ratio"),
        f"{found[:, 1].mean():.4f}",
        "" if ours else f"{difference.mean():+.4f} ± {error:.4f}",
        edof,
    ]


def bands(sizes):
    """Yield the lines of the table of bands."""
    makers = {
        "4 curves of 8": lambda seed: smooth(sizes.draw_rows, seed=seed),
        "4 of 8, less noise": lambda seed: smooth(
            sizes.draw_rows, seed=seed, noise=0.3
        ),
        "4 of 8, more noise": lambda seed: smooth(
            sizes.draw_rows, seed=seed, noise=3.0
        ),
        "bikes": lambda seed: bikes(sizes.draw_rows, seed=seed),
    }
    for name, make_data in makers.items():
        for label, make in available(REGRESSORS).items():
            inside, weak, useless, edof = [], [], [], []
            for seed in in_time(sizes.draws, TOOL_LIMIT):
                data = make_data(seed)
                model = make(data.X, data.categorical)
                if not model.has_bands:
                    break
                model.fit(data.X, data.y)
                covered, own, left = judge_curves(model, data)
                inside += covered
                weak += own
                useless += left
                edof.append(model.edof(data.X))
            if not inside:
                continue
            few = np.mean(np.array(useless) < USELESS_EDOF)
            yield [
                name,
                label,
                f"{100 * np.mean(inside):.1f} %",
                f"{100 * np.mean(weak):.0f} % of {len(weak)}" if weak else "",
                f"{100 * few:.0f} %",
                f"{np.median(useless):.2f}",
                f"{np.mean(edof):.1f}",
            ]


def judge_curves(model, data):
    """Return the coverage of each curve, of weak ones, and useless terms' freedom.

    Both the curve and its estimate have mean zero over the rows.
    """
    inside, weak, useless = [], [], []
    for column, curve in data.curves.items():
        if curve is None:
            useless.append(model.term_edof(column))
            continue
        effect, half_width = model.band(data.X, column)
        truth = curve(data.X[:, column])
        off = (effect - effect.mean()) - (truth - truth.mean())
        inside.append(np.mean(np.abs(off) <= half_width))
        if model.term_edof(column) < USELESS_EDOF:
            weak.append(inside[-1])
    return inside, weak, useless


def growth(sizes):
    """Yield the lines of the table of growth."""
    shapes = [(n, GROWTH_TERMS) for n in sizes.rows]
    shapes += [(GROWTH_ROWS, k) for k in sizes.terms]
    for label, make in available(REGRESSORS).items():
        cells = [timed_shapes(make, shapes[: len(sizes.rows)])]
        cells.append(timed_shapes(make, shapes[len(sizes.rows) :]))
        yield [label, *cells[0], *cells[1]]


def memory(sizes):
    """Yield the lines of the table of memory."""
    for label in list(REGRESSORS)[:2]:
        for n_rows in sizes.many:
            code = FIT.format(rows=n_rows, terms=GROWTH_TERMS, label=label)
            command = [sys.executable, "-W", "ignore", "-c", code]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds, most, own = map(float, done.stdout.split())
            shape = f"{n_rows} x {GROWTH_TERMS}"
            cells = rounded(seconds, "seconds"), f"{most:.0f}", f"{own:.0f}"
            yield [label, shape, *cells]


def timed_shapes(make, shapes):
    """Return the seconds at each shape, until one fit takes too long."""
    cells, start = [], time.perf_counter()
    for n_samples, n_terms in shapes:
        if time.perf_counter() - start > TOOL_LIMIT:
            return cells + ["not tried"] * (len(shapes) - len(cells))
        data = smooth(n_samples, n_terms, n_terms // 2)
        try:
            seconds = timed(make(data.X, ()), data.X, data.y)
        except (TimeoutError, RuntimeError) as error:
            return cells + [str(error)] * (len(shapes) - len(cells))
        cells.append(rounded(seconds, "seconds"))
    return cells


def timed(model, X, y):
    """Fit, and return its CPU seconds; raise TimeoutError over `LIMIT`."""
    return fit_within(LIMIT, model, X, y)


def available(tools):
    """Return the tools whose packages are installed."""
    missing = gam_tools.missing()
    return {k: make for k, make in tools.items() if k not in missing}


HEADS = {
    "accuracy": [
        "data",
        "tool",
        "seconds",
        "splits",
        "/ ours",
        "test deviance",
        "minus ours",
        "edof",
    ],
    "bands": [
        "data",
        "tool",
        "curve in the 95 % band",
        "below .5 edof in it",
        "useless below .5 edof",
        "their median edof",
        "edof of the model",
    ],
    "memory": ["tool", "rows x terms", "seconds", "MB beside X", "MB of X"],
}
#: Measured in this order.
TABLES = {"accuracy": accuracy, "bands": bands, "growth": growth, "memory": memory}


def report(sizes, tables):
    """Return the parts of the page that are asked for."""
    by_rows = [f"{n} x {GROWTH_TERMS}" for n in sizes.rows]
    by_terms = [f"{GROWTH_ROWS} x {k}" for k in sizes.terms]
    heads = HEADS | {"growth": ["tool", *by_rows, *by_terms]}
    parts = {}
    for name in tables:
        lines = []
        for line in TABLES[name](sizes):
            lines.append(line)
            print(*line, sep=" | ", flush=True)
        parts[name] = markdown(heads[name], lines, 2 if name in HEADS else 1)
    parts["machine"] = f"Measured on: {machine()}."
    for label, reason in gam_tools.missing().items():
        parts["machine"] += f"\n\nLeft out: {label} ({reason})."
    return parts


def main(argv=None):
    """Print the tables, and put them into a page between its marks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.additive")
    parser.add_argument("--full", action="store_true", help="10^6 rows, 50 terms")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--page", type=Path)
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    parts = report(FULL if options.full else SMALL, options.tables)
    print(parts["machine"])
    if options.page is not None:
        update(options.page, parts)


if __name__ == "__main__":
    main()
