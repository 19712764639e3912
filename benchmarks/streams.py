"""Passes, seconds and memory of fits of batches, beside X'X by blocks of their rows.

Rows are made when they are read, so that as many as one likes cost no disk. Each line
is measured in a process of its own: its peak memory is that of the fit. The rate is
that of passes of X'X by blocks over that of the passes of the fit, both with the making
of the rows, of which the time is given too.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import Batches, KeyFolds, RowFolds

#: Features, and rows of a batch.
WIDTH, BATCH = 50, 65_536
#: Numbers of rows, and those of `--full`.
ROWS, FULL_ROWS = (100_000, 400_000), (1_000_000, 10_000_000, 100_000_000)
#: Models by name.
MODELS = {
    "ridge": MYHPORidge,
    "ridge, folds by row": lambda: MYHPORidge(cv=RowFolds(5)),
    "ridge, folds by key": lambda: MYHPORidge(cv=KeyFolds(5)),
    "logistic": MYHPOLogisticRegression,
}
HEAD = (
    "model",
    "rows",
    "passes",
    "seconds",
    "rows alone",
    "X'X",
    "rate",
    "peak MB",
    "before",
)


def batches_of(n_rows, is_class):
    """Return rows that are made anew in every pass.

    Parameters
    ----------
    n_rows : int
    is_class : bool
        Whether y has two classes.

    Returns
    -------
    Batches
        Of (X, y) with classes, and of (X, y, None, keys) without.
    """
    weights = np.random.default_rng(1).standard_normal(WIDTH) / np.sqrt(WIDTH)

    def read():
        for number, start in enumerate(range(0, n_rows, BATCH)):
            rng = np.random.default_rng((0, number))
            size = min(BATCH, n_rows - start)
            X = rng.standard_normal((size, WIDTH), dtype=np.float32)
            raw = X @ weights.astype(np.float32)
            if is_class:
                yield X, (raw + rng.logistic(size=size) > 0).astype(np.int8)
            else:
                y = raw + rng.standard_normal(size)
                # About ten rows of a key.
                yield X, y, None, rng.integers(1 + n_rows // 10, size=size)

    return Batches(read, n_samples=n_rows)


def seconds_of(function, batches):
    """Return the seconds of one pass in which a function sees all X."""
    begin = time.perf_counter()
    for X, *_ in batches:
        function(X)
    return time.perf_counter() - begin


def measure(name, n_rows):
    """Return the numbers of one fit, a dict.

    Parameters
    ----------
    name : str
        Of a model.
    n_rows : int

    Returns
    -------
    dict of str to number
    """
    batches, gram = batches_of(n_rows, name == "logistic"), np.zeros((WIDTH, WIDTH))

    def add(X):
        rows = X.astype(np.float64)
        np.add(gram, rows.T @ rows, out=gram)

    alone = seconds_of(lambda X: None, batches)
    products = seconds_of(add, batches)
    before, n_before = peak_megabytes(), batches.n_passes
    begin = time.perf_counter()
    model = MODELS[name]().fit(batches)
    seconds = time.perf_counter() - begin
    return {
        "passes": batches.n_passes - n_before,
        "seconds": seconds,
        "alone": alone,
        "products": products,
        "peak": peak_megabytes(),
        "before": before,
        "converged": bool(model.converged_),
    }


def peak_megabytes():
    """Return the largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kilobytes, but on macOS.
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def in_a_process(name, n_rows):
    """Return `measure` of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.streams", "--one", name, str(n_rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def line(name, n_rows, found):
    """Return the cells of a line of the table."""
    rate = found["passes"] * found["products"] / found["seconds"]
    return (
        name,
        f"{n_rows:,}",
        found["passes"],
        f"{found['seconds']:.1f}",
        f"{found['alone']:.2f}",
        f"{found['products']:.2f}",
        f"{rate:.0%}",
        f"{found['peak']:.0f}",
        f"{found['before']:.0f}",
    )


def main(arguments=None):
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="up to 10^8 rows")
    parser.add_argument("--rows", type=int, nargs="+", help="numbers of rows")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "ROWS"))
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measure(options.one[0], int(options.one[1]))))
        return
    widths = [max(12, len(head)) for head in HEAD]
    widths[0] = max(map(len, MODELS))

    def show(cells):
        pairs = zip(cells, widths, strict=True)
        print("  ".join(f"{one!s:>{width}}" for one, width in pairs))

    show(HEAD)
    for n_rows in options.rows or (FULL_ROWS if options.full else ROWS):
        for name in options.models:
            show(line(name, n_rows, in_a_process(name, n_rows)))


if __name__ == "__main__":
    main()
