"""All solvers on the same problems: excess over the lowest loss, and cost.

Every solver with its defaults starts from the same lambda, the log of the mean
curvature of a feature, and from zero weights. What is judged is the lambda of every
iteration, through the validation loss at exact weights; its excess is over the lowest
that any solver found, relative to the loss of a constant model. The cost is in passes,
that is gradients and products with a Hessian, and in seconds of one process; solvers
that factor matrices do so beside, and the table counts the factorizations. Seconds are
those of a processor, so that other work on the machine does not count. Files that
only the folder SKLEARN_MYHPO_DATA can have are left out by name where there is none.

    OMP_NUM_THREADS=1 python -m benchmarks.family [--quick] [--data a9a ...] [--write]

`--write` puts all tables and pictures into the page. A line appears for every run. All
of them take about ten minutes; `--quick` cuts runs off after half a second.
"""

import argparse
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import KFold, StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

from benchmarks.data import binary_file, mnist_regression
from benchmarks.drawing import RC, save
from benchmarks.page import markdown, rounded, update
from benchmarks.speed.tables import machine
from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import LogisticLoss, SquaredLoss
from sklearn_myhpo.penalties.parsing import make_feature_groups
from sklearn_myhpo.solvers import MYHPO, SOLVERS, Stochastic, minimize_bilevel

PAGE = "doc/family.md"
LEVELS = (1e-2, 1e-4)
#: Seconds of a run, and with `--quick`.
LIMIT, QUICK = 6.0, 0.5
#: Iterations of a run whose lambda is judged, and rows of a9a.
N_JUDGED, A9A_ROWS = 30, 6000
#: The least excess that is drawn.
FLOOR = 1e-8
KINDS = {"one": "one lambda", "ten": "10 groups", "each": "one per feature"}
#: Horizontal axes of the pictures of the excess, and panels in a row.
AGAINST, COLUMNS = ("passes", "seconds"), 3


class Point(NamedTuple):
    """The state of a run after an iteration."""

    lambda_: np.ndarray
    passes: float
    factorizations: int
    seconds: float


class Trace(NamedTuple):
    """The judged iterations of a run."""

    passes: np.ndarray
    seconds: np.ndarray
    losses: np.ndarray
    factorizations: int
    is_over: bool


class _OutOfTimeError(Exception):
    """A run has used its seconds."""


def methods():
    """Return label -> solver: the registry, and forms that are not defaults."""
    solvers = {name: cls() for name, cls in SOLVERS.items()}
    solvers["myhpo, rho=1"] = MYHPO(rho=1.0)
    solvers["stochastic, soba"] = Stochastic(method="soba")
    return solvers


def data_sets():
    """Yield name and a function that returns X, y, loss and pairs."""
    yield "diabetes", _diabetes
    yield "breast_cancer", _breast_cancer
    yield "MNIST", _mnist
    yield "a9a", _a9a


def _diabetes():
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    # Each feature with a noisy copy and another that is noise alone.
    noise = np.random.default_rng(0).standard_normal((2, *X.shape))
    X = np.hstack([X, X + 0.5 * noise[0], noise[1]])
    folds = list(KFold(5, shuffle=True, random_state=0).split(X))
    return X, (y / y.std())[:, None], SquaredLoss(), folds


def _breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    folds = list(KFold(5, shuffle=True, random_state=0).split(X))
    return X, y, LogisticLoss(), folds


def _mnist():
    X, y, pair = mnist_regression(0)
    return X, y[:, None], SquaredLoss(), [pair]


def _a9a():
    X, y = binary_file("a9a")
    X, y = X[:A9A_ROWS], (y[:A9A_ROWS] > 0).astype(int)
    half = StratifiedShuffleSplit(1, test_size=0.5, random_state=0)
    return X, y, LogisticLoss(), list(half.split(X, y))


def make_problem(X, y, loss, pairs, kind, *, by_rows=False):
    """Return the problem with one lambda, ten groups, or one lambda per feature."""
    n_features = X.shape[1]
    groups = {
        "one": None,
        "ten": np.arange(n_features) * 10 // n_features,
        "each": "each",
    }[kind]
    groups = make_feature_groups(groups, X, n_features=n_features)
    return BilevelProblem(X, y, loss, groups, pairs, by_rows=by_rows)


def run(data, kind, solver, limit):
    """Return the points of a run, and whether it ended by itself."""
    problem = make_problem(*data, kind, by_rows=solver.capabilities.needs_rows)
    start = float(np.log(problem.curvature / data[0].shape[1]))
    points, clock = [], time.process_time()

    def keep(n_iter, info, state):
        counts = problem.counts
        passes = (
            counts.n_gradients
            + counts.n_consensus_gradients
            + counts.n_hessian_products
        )
        seconds = time.process_time() - clock
        points.append(
            Point(info.lambda_.copy(), passes, counts.n_factorizations, seconds)
        )
        if seconds > limit:
            raise _OutOfTimeError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            minimize_bilevel(
                problem,
                solver,
                lambda_init=start,
                max_iter=5000,
                random_state=0,
                callback=keep,
            )
        except _OutOfTimeError:
            return points, False
    return points, True


def judge(data, kind, points, is_over):
    """Return the `Trace` of some of the points, spread over the logs of their count."""
    problem = make_problem(*data, kind)
    chosen = np.unique(np.geomspace(1, len(points), N_JUDGED).astype(int) - 1)
    weights, losses = problem.starts(), []
    for index in chosen:
        lambda_ = problem.project(points[index].lambda_)
        weights = problem.minimize(lambda_, weights)
        losses.append(problem.estimate(lambda_, weights))
    kept = [points[index] for index in chosen]
    return Trace(
        np.array([point.passes for point in kept]) / len(data[-1]),
        np.array([point.seconds for point in kept]),
        np.array(losses),
        kept[-1].factorizations,
        is_over,
    )


def measure(data, kind, limit, solvers=None):
    """Return label -> `Trace`, and the scale of an excess.

    A solver that refuses the problem is None.
    """
    traces = {}
    for label, solver in (solvers or methods()).items():
        clock = time.process_time()
        try:
            points, is_over = run(data, kind, solver, limit)
        except ValueError as error:
            print(f"{label} is left out: {error}", file=sys.stderr)
            traces[label] = None
            continue
        spent = time.process_time() - clock
        traces[label] = judge(data, kind, points, is_over) if points else None
        judging = time.process_time() - clock - spent
        words = f"{spent:.1f} s, and {judging:.1f} s for the exact losses"
        print(f"{label}, {kind}: {words}", flush=True)
    return traces, make_problem(*data, kind).null_loss


def excesses(traces, scale):
    """Return label -> excesses over the lowest loss of all, relative to `scale`."""
    least = min(trace.losses.min() for trace in traces.values() if trace)
    return {
        label: (trace.losses - least) / scale
        for label, trace in traces.items()
        if trace
    }


def table(traces, scale):
    """Return the rows of a problem as a table in markdown."""
    over = excesses(traces, scale)
    head = ["solver", "ends"]
    for level in LEVELS:
        head += [f"passes to {level:.0e}", f"seconds to {level:.0e}"]
    head += ["excess at the end", "factorizations"]
    rows = []
    for label, trace in traces.items():
        if trace is None:
            rows.append([label, "refuses", *["-"] * (2 * len(LEVELS) + 2)])
            continue
        row = [label, "yes" if trace.is_over else "cut off"]
        for level in LEVELS:
            # From where on it stays below.
            above = np.flatnonzero(over[label] > level)
            first = above[-1] + 1 if len(above) else 0
            if first < len(trace.losses):
                row.append(f"{trace.passes[first]:.3g}")
                row.append(rounded(trace.seconds[first], "seconds"))
            else:
                row += ["-", "-"]
        rows.append([*row, f"{over[label][-1]:.1e}", trace.factorizations])
    return markdown(head, rows)


def draw(results, against, path):
    """Draw the excess of every solver on every problem against passes or seconds."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(RC):
        n_rows = -(-len(results) // COLUMNS)
        figure = Figure((9.0, 2.6 * n_rows), layout="constrained")
        axes = np.atleast_2d(figure.subplots(n_rows, COLUMNS, squeeze=False)).ravel()
        for ax in axes[len(results) :]:
            ax.remove()
        colors = mpl.colormaps["tab20"].colors
        for ax, (name, (traces, scale)) in zip(axes, results.items(), strict=False):
            over = excesses(traces, scale)
            for number, label in enumerate(traces):
                if label in over:
                    x = getattr(traces[label], against)
                    y = np.maximum(over[label], FLOOR)
                    style = "o-" if len(x) == 1 else "-"
                    ax.loglog(x, y, style, ms=3, color=colors[number], label=label)
            ax.set_title(name, fontsize=9)
            ax.set_xlabel(against)
            ax.set_ylim(0.5 * FLOOR, None)
        for ax in axes[: len(results) : COLUMNS]:
            ax.set_ylabel("excess")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
        save(figure, path)


def main(arguments=None):
    """Print a table a problem, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short runs")
    parser.add_argument("--data", nargs="*", help="names of data sets")
    parser.add_argument("--write", action="store_true", help=f"fill {PAGE}")
    options = parser.parse_args(arguments)
    limit = QUICK if options.quick else LIMIT
    results, texts = {}, []
    for name, load in data_sets():
        if options.data and name not in options.data:
            continue
        try:
            data = load()
        except (ImportError, OSError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        for kind, words in KINDS.items():
            title = f"{name}, {words}"
            results[title] = measure(data, kind, limit)
            texts.append(f"### {title}\n\n{table(*results[title])}")
            print(texts[-1], "\n", flush=True)
    text = "\n\n".join([machine(), f"Runs are cut off at {limit:g} s.", *texts])
    if options.write:
        with tempfile.TemporaryDirectory() as folder:
            pictures = [Path(folder) / f"{against}.png" for against in AGAINST]
            for against, picture in zip(AGAINST, pictures, strict=True):
                draw(results, against, picture)
            update(PAGE, {"family": text}, pictures)


if __name__ == "__main__":
    main()
