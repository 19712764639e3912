"""Errors of approximate hypergradients by rank, on a9a and w8a.

One lambda per feature, all of the same value, at exact weights; 60 % of the rows are
for training, and there is no intercept. The error is that of the hypergradient,
relative to its norm. For Nystrom's approximation it is the median over some draws of
the columns; the Lanczos vectors start from an adjoint of zero. Milliseconds are CPU
time. The last column is the least gap in a run of `Implicit` of some seconds from the
start of a scan, relative to the least loss in the table. `SKLEARN_MYHPO_DATA` names the
folder of a9a.npz and w8a.npz.

    OMP_NUM_THREADS=1 python -m benchmarks.adjoints [--write]
"""

import sys
import time
import warnings

import numpy as np

from benchmarks.data import binary_file
from benchmarks.page import markdown, update
from benchmarks.stochastic import Run, make_problem
from sklearn_myhpo.solvers import Implicit
from sklearn_myhpo.solvers.steps.lanczos import corrected
from sklearn_myhpo.solvers.steps.nystrom import nystrom_solve
from sklearn_myhpo.solvers.steps.slopes import implicit_slope

PAGE = "doc/solvers/implicit.md"
LAMBDA, RHO, N_DRAWS = -7.0, 0.01, 5
RANKS = (5, 20, 60)
#: Seconds of a run.
LIMIT = 2.0


def by_nystrom(problem, lambda_, w, right, rank, seed):
    """Return the adjoint from some random columns."""
    (split,) = problem.splits
    columns = np.random.default_rng(seed).permutation(w.size)[:rank]
    return nystrom_solve(split, lambda_, w, right, columns, RHO)


def by_lanczos(problem, lambda_, w, right, rank, seed):
    """Return the adjoint from a Krylov subspace; the seed is not used."""
    (split,) = problem.splits
    adjoint, subspace = np.zeros_like(w), None
    for _ in range(rank):
        given = split, lambda_, w, right, adjoint, subspace, rank
        adjoint, subspace = corrected(*given)
    return adjoint


METHODS = {"nystrom": by_nystrom, "lanczos": by_lanczos}


def errors(problem, lambda_, solve, rank, n_draws=N_DRAWS):
    """Return the median error of the hypergradient, and milliseconds."""
    weights = problem.minimize(lambda_)
    exact = problem.hypergradient(lambda_, weights)
    (right,) = problem.validation_gradients(weights)
    found, clock = [], time.process_time()
    for seed in range(n_draws):
        adjoint = solve(problem, lambda_, weights[0], right, rank, seed)
        slope = implicit_slope(problem, lambda_, weights, [adjoint])
        found.append(np.linalg.norm(slope - exact))
    seconds = (time.process_time() - clock) / n_draws
    return np.median(found) / np.linalg.norm(exact), 1e3 * seconds


def rows_of(name, make, lambda_, ranks=RANKS, limit=LIMIT):
    """Return the rows of the table of one data set."""
    runs = {("exact", ""): (Run(make, Implicit(), "auto", 1000, limit), "0", "")}
    for method, solve in METHODS.items():
        for rank in ranks:
            error, cost = errors(make(by_rows=False), lambda_, solve, rank)
            solver = Implicit(adjoint=method, rank=rank, rho=RHO)
            run = Run(make, solver, "auto", 10_000, limit)
            runs[method, rank] = run, f"{error:.1e}", f"{cost:.1f}"
    best = min(loss for run, *_ in runs.values() for loss in run.losses)
    return [
        [name, method, rank, error, cost, f"{min(run.losses) / best - 1.0:.1e}"]
        for (method, rank), (run, error, cost) in runs.items()
    ]


def main():
    """Print the table, and with `--write` put it into the page."""
    rows = []
    for name in ("a9a", "w8a"):
        X, y = binary_file(name)

        def make(by_rows, X=X, y=y):
            options = {"train_share": 0.6, "fit_intercept": False}
            return make_problem(X, y, by_rows=by_rows, **options)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows += rows_of(name, make, np.full(X.shape[1], LAMBDA))
        print(f"{name} is done", file=sys.stderr, flush=True)
    head = ["data", "`adjoint`", "`rank`", "error", "milliseconds"]
    text = markdown([*head, f"least gap in {LIMIT:g} s"], rows, 2)
    print(text)
    if "--write" in sys.argv:
        update(PAGE, {"adjoints": text})


if __name__ == "__main__":
    main()
