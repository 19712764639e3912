"""Stochastic solvers with their default steps: gaps by time and by epoch.

A gap is how far the validation loss at exact weights is above the least that any method
or solver found, relative to it. Seconds are those of the processor, with the scan for a
start, and without the judging. a9a and w8a are split 60/40 and have no intercept, as in
the public benchmark of bilevel solvers; `SKLEARN_MYHPO_DATA` names their folder. The
other data ship with scikit-learn, as they are and with features scaled by powers of ten
up to a million; a quarter of their rows is held out.

    OMP_NUM_THREADS=1 python -m benchmarks.stochastic [--write]

`--write` puts the tables into the page of the solver.
"""

import sys
import time
import warnings

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import StratifiedShuffleSplit

from benchmarks.data import binary_file
from benchmarks.page import markdown, update
from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import LogisticLoss, MultinomialLoss, SquaredLoss
from sklearn_myhpo.penalties.parsing import make_feature_groups
from sklearn_myhpo.solvers import MYHPO, Implicit, Stochastic, minimize_bilevel
from sklearn_myhpo.solvers.phases import Phases
from sklearn_myhpo.solvers.stochastic.rules import RULES

PAGE = "doc/solvers/stochastic.md"
EPOCHS = (1, 2, 3, 5, 10, 20)
LEVELS = (1e-1, 1e-2, 1e-3, 1e-4)
#: Where the public benchmark starts.
LAMBDA_INIT = -2.0
#: Seconds of a run, and growth of the number of epochs from one judgement to the next.
LIMIT, GROWTH = 1.5, 1.3
#: Seconds of the solvers that look for the least loss.
MOST = 10.0
#: Name, penalties and start of the runs against the clock.
RUNS = [
    ("a9a", None, LAMBDA_INIT),
    ("a9a", None, "auto"),
    ("a9a", "each", "auto"),
    ("w8a", None, "auto"),
    ("w8a", "each", "auto"),
]


def small_data():
    """Yield name, X and y."""
    yield "diabetes", *load_diabetes(return_X_y=True)
    for load in (load_wine, load_breast_cancer, load_digits):
        X, y = load(return_X_y=True)
        scale = 10.0 ** np.random.default_rng(0).integers(-6, 7, X.shape[1])
        yield load.__name__[5:], X, y
        yield f"{load.__name__[5:]}, scaled", X * scale, y


def make_problem(
    X, y, *, by_rows, kind="each", train_share=0.75, fit_intercept=True, seed=1
):
    """Return the problem of one hold-out split."""
    n_train = int(train_share * len(y))
    if y.dtype.kind == "f" and len(np.unique(y)) > 10:
        loss, target = SquaredLoss(), y[:, None]
        order = np.random.default_rng(seed).permutation(len(y))
        pair = order[:n_train], order[n_train:]
    else:
        target = np.unique(y, return_inverse=True)[1]
        n_classes = target.max() + 1
        loss = LogisticLoss() if n_classes == 2 else MultinomialLoss(n_classes)
        splitter = StratifiedShuffleSplit(1, train_size=n_train, random_state=seed)
        pair = next(splitter.split(X, target))
    groups = make_feature_groups(kind, X, n_features=X.shape[1])
    options = {"by_rows": by_rows, "fit_intercept": fit_intercept}
    return BilevelProblem(X, target, loss, groups, [pair], **options)


class Judged:
    """Losses of a run at exact weights, and the seconds until each.

    Parameters
    ----------
    judge : BilevelProblem
        The problem that is solved for the exact weights.
    """

    def __init__(self, judge):
        self.judge, self.seconds, self.losses = judge, [], []
        self._weights = None

    def record(self, lambda_, seconds):
        """Record the loss at the exact weights of a lambda."""
        lambda_ = self.judge.project(lambda_)
        self._weights = self.judge.minimize(lambda_, self._weights)
        self.seconds.append(seconds)
        self.losses.append(self.judge.objective(lambda_, self._weights))

    def seconds_to(self, level, best):
        """Return the seconds until the gap is at most a level, or a dash."""
        gaps = np.array(self.losses) / best - 1.0
        reached = np.flatnonzero(gaps <= level)
        return f"{self.seconds[reached[0]]:.2f}" if len(reached) else "-"

    def end(self, best):
        """Return the gap at the end."""
        return f"{self.losses[-1] / best - 1.0:.1e}"


class Run(Judged, Phases):
    """One solver on one problem: losses at exact weights, iterations and seconds.

    The lambdas of the scan for a start count too, as iteration zero: a run that was out
    of time would return them.

    Parameters
    ----------
    make : callable
        Takes `by_rows`, returns a new problem.
    solver : Solver
    start : float or "auto"
    max_iter : int
        Most iterations.
    limit : float
        Most seconds.
    """

    def __init__(self, make, solver, start, max_iter, limit=np.inf):
        super().__init__(make(by_rows=False))
        self.problem, self.epochs = make(by_rows=solver.capabilities.needs_rows), []
        self._next, self._spent = 1, 0.0
        self._limit, self._last = limit, time.process_time()
        self.result = minimize_bilevel(
            self.problem,
            solver,
            lambda_init=start,
            max_iter=max_iter,
            tol=1e-7,
            random_state=0,
            callback=self._keep,
            phases=self,
        )
        if self.epochs[-1:] != [self.result.n_iter]:
            self.epochs.append(self.result.n_iter)
            self.record(self.result.lambda_, self._spent)

    def found(self, lambda_):
        """Evaluate the loss at the best lambda of a scan so far, off the clock."""
        self._spent += time.process_time() - self._last
        self.epochs.append(0)
        self.record(lambda_, self._spent)
        self._last = time.process_time()

    def _keep(self, n_iter, info, state):
        """Evaluate the loss after some iterations, with the clock stopped."""
        self._spent += time.process_time() - self._last
        if n_iter >= self._next or n_iter in EPOCHS:
            self._next = int(np.ceil(GROWTH * n_iter + 0.01))
            self.epochs.append(n_iter)
            self.record(info.lambda_, self._spent)
        self._last = time.process_time()
        return self._spent > self._limit

    def step_time(self, batch_size=64):
        """Return the milliseconds of a batch, the pass for the residual included."""
        rng = np.random.default_rng(0)
        n_batches = len(self.problem.sample_row_batches(rng, batch_size))
        return 1e3 * self._spent / (self.result.n_iter * n_batches)

    def gap_at(self, epoch, best):
        """Return the gap after an epoch, or a dash after the end of the run."""
        if epoch not in self.epochs:
            return "-"
        return f"{self.losses[self.epochs.index(epoch)] / best - 1.0:.1e}"


def least_of_solvers(make):
    """Return the least loss that solvers of all rows find."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for solver in (MYHPO(), Implicit()):
            given = make(by_rows=False), solver
            found.append(minimize_bilevel(*given, max_time=MOST).validation_loss)
    return min(found)


def against_the_clock():
    """Return the table of seconds, and the milliseconds of a step by method."""
    rows, steps = [], {method: [] for method in RULES}
    bests, everything = {}, {}
    for name, kind, start in RUNS:
        X, y = binary_file(name)

        def make(by_rows, X=X, y=y, kind=kind):
            options = {"train_share": 0.6, "fit_intercept": False}
            return make_problem(X, y, by_rows=by_rows, kind=kind, **options)

        runs = {m: Run(make, Stochastic(m), start, 10_000, LIMIT) for m in RULES}
        everything[name, kind, start] = runs
        print(f"{name}, {kind or 'one'}, {start}", flush=True)
        losses = [loss for run in runs.values() for loss in run.losses]
        if (name, kind) not in bests:
            losses.append(least_of_solvers(make))
        bests[name, kind] = min(bests.get((name, kind), np.inf), *losses)
        for method, run in runs.items():
            steps[method].append(run.step_time())
    for (name, kind, start), runs in everything.items():
        best = bests[name, kind]
        for method, run in runs.items():
            times = [run.seconds_to(level, best) for level in LEVELS]
            which = [name, kind or "one", start, f"`{method}`"]
            rows.append([*which, *times, run.end(best)])
    head = ["data", "lambdas", "start", "method", *map("{:.0e}".format, LEVELS)]
    gaps = {m: everything["a9a", "each", "auto"][m] for m in RULES}
    best = bests["a9a", "each"]
    by_epoch = [
        [f"`{method}`", *(run.gap_at(epoch, best) for epoch in EPOCHS)]
        for method, run in gaps.items()
    ]
    times = [
        [f"`{method}`", *(f"{one:.3f}" for one in own)] for method, own in steps.items()
    ]
    columns = [f"{name}, {kind or 'one'}, {start}" for name, kind, start in RUNS]
    return {
        "seconds": markdown([*head, f"after {LIMIT} s"], rows, 4),
        "epochs": markdown(["method", *map(str, EPOCHS)], by_epoch, 1),
        "steps": markdown(["method", *columns], times, 1),
    }


def main():
    """Print the tables, and with `--write` put them into the page."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = against_the_clock()
    for name, part in parts.items():
        print(f"{name}\n\n{part}\n", flush=True)
    if "--write" in sys.argv:
        update(PAGE, parts)
        return
    for name, X, y in small_data():

        def make(by_rows, X=X, y=y):
            return make_problem(X, y, by_rows=by_rows)

        runs = {m: Run(make, Stochastic(m), "auto", max(EPOCHS)) for m in RULES}
        losses = [loss for run in runs.values() for loss in run.losses]
        best = min(least_of_solvers(make), *losses)
        rows = [
            [method, *(run.gap_at(epoch, best) for epoch in EPOCHS)]
            for method, run in runs.items()
        ]
        print(f"{name}\n\n{markdown(['method', *map(str, EPOCHS)], rows, 1)}\n")


if __name__ == "__main__":
    main()
