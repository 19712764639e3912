"""Costs of a pass over rows from Dask: the constants of the page on clusters.

Printed are the seconds of a pass over blocks of nearly no rows, with a line through
them (per pass, and per block); the rows per second of ridge and logistic regression,
with one and two worker processes; and what the model of the page makes of these for
more rows and workers than one machine has. Seconds of the clock are the fewest of some
runs. Seconds of processors, which other programs do not lengthen, are beside them: of
this process, which has the scheduler too, and of the workers.

    python -m benchmarks.streams_dask
"""

import argparse
import time
from functools import partial
from typing import NamedTuple

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster, wait

from benchmarks.page import markdown
from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import RowFolds
from sklearn_myhpo.data.dask.source import DaskSource
from sklearn_myhpo.data.streams.source import Sums

#: Numbers of blocks of nearly no rows, and passes and fits of which the best counts.
BLOCKS, REPEATS = (16, 64, 256), 3
#: Rows of a block, and features, of the fits.
BLOCK_ROWS, N_FEATURES = 100_000, 50
#: Rows, workers and features of the plans, and bytes of a block there.
PLANS = (
    (10**8, 2, 50),
    (10**9, 10, 50),
    (10**9, 100, 500),
    (10**10, 100, 50),
)
PLAN_BLOCK_BYTES = 100e6


class Cost(NamedTuple):
    """Seconds of the clock, of the processors of this process and of the workers."""

    clock: float
    here: float
    workers: float


def cost_of(function, client):
    """Return the least `Cost` of some calls of a function."""
    found = []
    for _ in range(REPEATS):
        before = time.perf_counter(), time.process_time(), processors_of(client)
        function()
        after = time.perf_counter(), time.process_time(), processors_of(client)
        found.append([b - a for a, b in zip(before, after, strict=True)])
    return Cost(*np.min(found, axis=0))


def processors_of(client):
    """Return the seconds of processors that the workers have used."""
    return 0.0 if client is None else sum(client.run(time.process_time).values())


def nothing(block):
    """Return a sum that takes no time."""
    return Sums((block.n_rows,))


def overhead(name, client=None):
    """Print and return the costs of passes: per pass, and per block."""
    costs = []
    for n_blocks in BLOCKS:
        X = da.ones((10 * n_blocks, 5), chunks=(10, 5)).persist()
        y = da.ones(10 * n_blocks, chunks=10).persist()
        source = DaskSource(X, y)
        source.map_reduce(nothing)
        costs.append(cost_of(partial(source.map_reduce, nothing), client))
    found = np.array(costs)
    # Relative to the time: no number of blocks counts more than another.
    lines = [np.polyfit(BLOCKS, one, 1, w=1.0 / (one + 1e-4)) for one in found.T]
    per_block, per_pass = Cost(*np.array(lines)[:, 0]), Cost(*np.array(lines)[:, 1])
    text = ", ".join(f"{1e3 * one:.2f}" for one in per_block)
    seconds = ", ".join(f"{one.clock:.3f}" for one in costs)
    print(
        f"{name}: {seconds} s for {BLOCKS} blocks; {1e3 * per_pass.clock:.0f} ms per "
        f"pass; per block {text} ms (clock, here, workers)",
        flush=True,
    )
    return max(per_pass.clock, 0.0), per_block.here, per_block.workers


def rows_of(n_rows, seed=0):
    """Return X of single precision, numbers and classes, persisted."""
    chunks = (BLOCK_ROWS, N_FEATURES)
    random = da.random.default_rng(seed)
    X = random.standard_normal((n_rows, N_FEATURES), chunks=chunks, dtype=np.float32)
    y = X.sum(axis=1) + 5.0 * random.standard_normal(n_rows, chunks=BLOCK_ROWS)
    X, y, label = dask.persist(X, y, (y > 0).astype(int))
    wait([X, y, label])
    return X, y, label


def measure(n_workers, n_rows):
    """Print and return what fits take on a cluster of some processes."""
    options = {"threads_per_worker": 1, "dashboard_address": None}
    with (
        LocalCluster(n_workers=n_workers, **options) as cluster,
        Client(cluster) as client,
    ):
        out = {"overhead": overhead(f"{n_workers} processes", client)}
        X, y, label = rows_of(n_rows)
        models = {
            "ridge": (MYHPORidge(cv=RowFolds(5)), y),
            "logistic": (MYHPOLogisticRegression(cv=RowFolds(5)), label),
        }
        for name, (model, target) in models.items():
            cost = cost_of(partial(model.fit, X, target), client)
            n_passes = model.oracle_counts_["n_passes"]
            out[name] = cost, n_passes
            text = ", ".join(f"{one:.2f}" for one in cost)
            print(f"  {name}: {n_passes} passes, {text} s (clock, here, workers)")
        return out


def planned(n_rows, n_workers, n_features, costs, rates):
    """Return a row of the table of plans: minutes of both fits, by the model.

    Parameters
    ----------
    n_rows, n_workers, n_features : int
    costs : (float, float, float)
        Seconds of a pass, of the scheduler per block, and of a worker per block.
    rates : dict of str to (float, int)
        Rows of `N_FEATURES` per second of a worker in a pass, and passes.
    """
    per_pass, scheduler, worker = costs
    n_blocks = max(n_workers, round(4.0 * n_rows * n_features / PLAN_BLOCK_BYTES))
    row = [f"{n_rows:.0e}", n_workers, n_features, n_blocks]
    for rate, n_passes in rates.values():
        work = worker * n_blocks + n_rows / rate * (n_features / N_FEATURES) ** 2
        # The scheduler goes on while the workers work.
        own = max(scheduler * n_blocks, work / n_workers)
        row.append(f"{n_passes * (per_pass + own) / 60:.1f}")
    return row


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    n_rows = parser.parse_args().rows
    print(f"fits: {n_rows:,} x {N_FEATURES}, single precision, five folds")
    with dask.config.set(scheduler="threads"):
        overhead("threads")
    found = {n_workers: measure(n_workers, n_rows) for n_workers in (1, 2)}
    rates = {}
    for name in ("ridge", "logistic"):
        (one, n_passes), (two, _) = found[1][name], found[2][name]
        # Of processors: what a worker of its own would take.
        rates[name] = n_passes * n_rows / one.workers, n_passes
        print(
            f"{name}: {rates[name][0] / 1e6:.2f} million rows per second and worker in "
            f"a pass; two workers {one.clock / two.clock:.2f} times one"
        )
    rows = [planned(*plan, found[2]["overhead"], rates) for plan in PLANS]
    head = ["rows", "workers", "features", "blocks", "ridge, min", "logistic, min"]
    print("\n" + markdown(head, rows, 1))


if __name__ == "__main__":
    main()
