"""All solvers and stochastic ones in JAX: seconds to a gap, on a9a and w8a.

Logistic regression with one lambda per feature or one for all, 60 % of the rows for
training and the others held out, no intercept. The gap is the validation loss at exact
weights over the least one that any run found, minus one; MY-HPO from several starts is
among the runs. Seconds are CPU time on one core, with the scan for a start and the
copying of rows into batches, without the evaluation of gaps and the compilation; the
lambdas on the way of the scan count. "jax" are plain steps compiled by JAX
(`benchmarks/bilevel_jax.py`), left out with a message where JAX is missing. They have
the default step sizes alpha and beta of the public
benchmark, or "tuned" ones: the best of six in a short trial that is not counted.
`SKLEARN_MYHPO_DATA` names the folder of a9a.npz and w8a.npz.

    OMP_NUM_THREADS=1 python -m benchmarks.bilevel [--quick] [--seed 1] [--write]

A run takes about fifteen minutes, `--quick` one or two. `--write` puts the tables into
the page of stochastic solvers.
"""

import argparse
import sys
import warnings
from itertools import product

import numpy as np

from benchmarks.bilevel_jax import METHODS, Compiled
from benchmarks.data import binary_file
from benchmarks.page import markdown, update
from benchmarks.stochastic import LAMBDA_INIT, PAGE, Judged, Run, make_problem
from sklearn_myhpo.solvers import HOAG, MYHPO, Implicit, Stochastic, minimize_bilevel
from sklearn_myhpo.solvers.stochastic.rules import RULES

LEVELS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6)
DATA = ("a9a", "w8a")
#: Seconds of a run by kind of penalties, and with `--quick`.
LIMITS = {"each": 12.0, None: 5.0}
QUICK = 1.0
KINDS = {"each": "each", "one": None}
#: Starts of MY-HPO in search of the least loss.
STARTS = ("auto", -2.0, -5.0, -9.0)
#: Default step sizes alpha and beta in JAX.
SIZES = 0.1, 0.1
#: Values of alpha and beta / alpha to try, and the time of a trial relative to a run.
ALPHAS, RATIOS, TRIAL = (0.1, 0.3, 1.0), (1.0, 10.0), 1 / 24
#: Growth of the seconds from one judgement of a run in JAX to the next.
GROWTH = 1.15
#: Shapes of the table of growth: rows of a batch, features, classes.
SHAPES = (
    *((size, 123, 2) for size in (16, 64, 256, 1024)),
    *((64, size, 2) for size in (30, 300, 1000)),
    *((64, 123, size) for size in (3, 10, 30)),
)
GROWTH_ROWS = 8192


def contestants(kind):
    """Yield label, solver and start of the package's own runs."""
    yield "myhpo", MYHPO(), "auto"
    yield "implicit", Implicit(), "auto"
    yield "hoag", HOAG(), "auto"
    for method in RULES:
        yield method, Stochastic(method), "auto"
    for method in ("saba", "srba"):
        yield f"{method} from {LAMBDA_INIT:g}", Stochastic(method), LAMBDA_INIT


def spread(points):
    """Return some of many points (seconds, lambda), at increasing intervals of time."""
    kept, wanted = [], 0.0
    for seconds, lambda_ in points:
        if seconds >= wanted:
            kept.append((seconds, lambda_))
            wanted = GROWTH * seconds
    return kept if kept[-1] is points[-1] else [*kept, points[-1]]


def judged(judge, points):
    """Return the `Judged` of the points with a finite lambda."""
    found = Judged(judge)
    for seconds, lambda_ in points:
        if np.all(np.isfinite(lambda_)):
            found.record(lambda_, seconds)
    return found


def run_jax(method, X, y, judge, kind, limit):
    """Yield label and `Judged` of a method in JAX: default sizes, and tuned ones."""
    (split,) = judge.splits
    train = np.flatnonzero(split.train_weight)
    solver = Compiled(method, X, y, (train, split.held_out.index), kind == "each")
    trials = {}
    for alpha, ratio in product(ALPHAS, RATIOS):
        sizes = alpha, alpha * ratio
        last = solver.run(*sizes, LAMBDA_INIT, TRIAL * limit)[-1:]
        trials[sizes] = min(judged(judge, last).losses, default=np.inf)
    tuned = min(trials, key=trials.get)
    for word, sizes in {"": SIZES, " tuned:": tuned}.items():
        points = solver.run(*sizes, LAMBDA_INIT, limit)
        label = f"jax {method},{word} {sizes[0]:g}, {sizes[1]:g}"
        yield label, judged(judge, spread(points))


def least_loss(make, limit):
    """Return the smallest loss that MY-HPO finds from several starts."""
    return min(
        minimize_bilevel(
            make(by_rows=False), MYHPO(), lambda_init=start, max_time=limit
        ).validation_loss
        for start in STARTS
    )


def is_wanted(label, names):
    """Whether a label begins with one of the names; True without names."""
    return not names or any(label.startswith(name) for name in names)


def measure(X, y, kind, limit, seed=1, names=()):
    """Return label -> `Judged`, and the smallest loss found.

    Of the solvers whose labels begin with one of `names`; of all without names.
    """

    def make(by_rows):
        options = {"kind": kind, "train_share": 0.6, "fit_intercept": False}
        return make_problem(X, y, by_rows=by_rows, seed=seed, **options)

    runs = {
        label: Run(make, solver, start, 10_000, limit)
        for label, solver, start in contestants(kind)
        if is_wanted(label, names)
    }
    for method in METHODS:
        if not is_wanted(f"jax {method}", names):
            continue
        given = make(by_rows=False), kind, limit
        try:
            found = dict(run_jax(method, X, y, *given))
        except ImportError as error:
            print(f"jax {method} is left out: {error}", file=sys.stderr)
            continue
        runs |= {label: run for label, run in found.items() if run.losses}
    losses = [loss for run in runs.values() for loss in run.losses]
    return runs, min(least_loss(make, limit), *losses)


def table(runs, best):
    """Return the rows of a table: seconds to every level, and the gap at the end."""
    return [
        [label, *(run.seconds_to(level, best) for level in LEVELS), run.end(best)]
        for label, run in runs.items()
    ]


def growth(method="saba", shapes=SHAPES, n_rows=GROWTH_ROWS):
    """Return rows of milliseconds of a step by the shape of batches and model."""
    rng, rows = np.random.default_rng(0), []
    for batch_size, n_features, n_classes in shapes:
        X = rng.standard_normal((n_rows, n_features))
        raw = X @ rng.standard_normal((n_features, n_classes)) / np.sqrt(n_features)
        y = np.argmax(raw + rng.gumbel(size=raw.shape), axis=1)

        def make(by_rows, X=X, y=y):
            return make_problem(X, y, by_rows=by_rows, kind=None)

        solver = Stochastic(method, batch_size=batch_size)
        run = Run(make, solver, LAMBDA_INIT, 3)
        step = f"{run.step_time(batch_size):.3f}"
        rows.append([batch_size, n_features, n_classes, step])
    return rows


def main(arguments=None):
    """Print the tables, and with `--write` put them into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="runs of a second")
    parser.add_argument("--seed", type=int, default=1, help="of the split")
    parser.add_argument("--data", nargs="*", default=DATA, help="names of data sets")
    parser.add_argument("--kinds", nargs="*", default=KINDS, help="of penalties")
    parser.add_argument("--solvers", nargs="*", help="how their labels begin")
    parser.add_argument("--write", action="store_true", help=f"fill {PAGE}")
    options = parser.parse_args(arguments)
    head = ["solver", *map("{:.0e}".format, LEVELS), "at the end"]
    texts = {f"bilevel {word}": [] for word in options.kinds}
    for word, name in product(options.kinds, options.data):
        (X, y), kind = binary_file(name), KINDS[word]
        limit = QUICK if options.quick else LIMITS[kind]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runs, best = measure(X, y, kind, limit, options.seed, options.solvers)
        title = f"**{name}, {'one per feature' if kind else 'one lambda'}**"
        title += f", {limit:g} seconds a run; least loss {best:.6f}"
        own = texts[f"bilevel {word}"]
        own.append(f"{title}\n\n{markdown([*head], table(runs, best), 1)}")
        print(own[-1], "\n", flush=True)
    steps = markdown(["rows", "features", "classes", "milliseconds"], growth(), 0)
    print(steps, flush=True)
    if options.write:
        parts = {name: "\n\n".join(own) for name, own in texts.items()}
        update(PAGE, {**parts, "growth": steps})


if __name__ == "__main__":
    main()
