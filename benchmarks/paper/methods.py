"""Every method of the tables: from a task and a job to its records."""

import numpy as np
from scipy.optimize import minimize_scalar

from sklearn_myhpo.solvers import MYHPO, SHO, Solver, Status, minimize_bilevel

from . import baselines
from .settings import (
    BLACK_BOX,
    GROWN,
    LAMBDA_BOUNDS,
    LAMBDA_INIT,
    MYHPO_FORMS,
    RHO,
    SHO_NOISE,
    TOL,
)

#: Step of the floor's grid: loss curves change over about one unit of lambda.
GRID_STEP = 0.5
#: Iterations of a trace that are kept: all of the first, then evenly in the log.
TRACE_POINTS = 80


class Recorder(Solver):
    """A solver that runs another one and keeps its states at every budget.

    The counter of the problem decides: a state belongs to a budget if no more
    gradients than that had been computed when it was reached.
    """

    def __init__(self, solver, budgets):
        self.solver = solver
        self.budgets = budgets
        self.marks = {}
        self.trace = []
        self.spent = False

    @property
    def capabilities(self):
        """The capabilities of the solver."""
        return self.solver.capabilities

    def init(self, problem, lambda_0, weights_0):
        """Return the first state of the solver."""
        self.problem = problem
        state = self.solver.init(problem, lambda_0, weights_0)
        self.latest, self.counts = state, problem.counts.as_dict()
        self._mark(0)
        return state

    def step(self, problem, state, rng):
        """Return the solver's next state; stop where another would cost too much."""
        before = problem.counts.n_gradients
        new, info = self.solver.step(problem, state, rng)
        after = problem.counts.n_gradients
        self.latest, self.counts = new, problem.counts.as_dict()
        if 2 * after - before > self.budgets[-1] and new.error > TOL:
            # The driver stops at an error of zero.
            self.spent, new = True, new._replace(error=0.0)
        return new, info

    def report(self, n_iter, info, state):
        """Keep an iteration; the driver calls this for finite ones only."""
        self._mark(n_iter)
        duals = getattr(self.latest, "duals", None)
        size = np.nan if duals is None else np.linalg.norm(duals[0])
        self.trace.append(
            {
                "n_iter": n_iter,
                "n_gradients": self.counts["n_gradients"],
                "lambda": float(info.lambda_[0]),
                "train_loss": info.train_loss,
                "validation_loss": info.validation_loss,
                "r": _or_none(info.primal_residual),
                "s": _or_none(info.dual_residual),
                "u": _or_none(size),
            }
        )

    def _mark(self, n_iter):
        for budget in self.budgets:
            if self.counts["n_gradients"] <= budget:
                self.marks[budget] = (self.latest, n_iter, self.counts)


def _or_none(value):
    """Return None for what a method does not have or has lost; JSON has no NaN."""
    return float(value) if np.isfinite(value) else None


def run(task, job):
    """Return the records of a job, one per budget, and its trace."""
    if job.method == "floor":
        return find_floor(task, job)
    if job.method in BLACK_BOX:
        return [search(task, job, budget) for budget in job.budgets], []
    return run_solver(task, job, make_solver(job.method, job.steps))


def make_solver(method, steps):
    """Return the solver that a method and its step sizes name."""
    if method == "default":
        return MYHPO()
    if method == "sho":
        return SHO(step_sizes=steps, noise_scale=SHO_NOISE)
    _, kind, response, metric, backtracking = MYHPO_FORMS[method]
    return MYHPO(
        steps=kind,
        response=response,
        metric=metric,
        rho=RHO,
        step_sizes=steps or "auto",
        backtracking=bool(backtracking),
    )


def run_solver(task, job, solver):
    """Run a bilevel method once and return its states at every budget."""
    problem, recorder = task.problem(), Recorder(solver, job.budgets)
    result = minimize_bilevel(
        problem,
        recorder,
        lambda_init=LAMBDA_INIT,
        # More than any budget allows to a method that asks for gradients at all.
        max_iter=job.budgets[-1],
        tol=TOL,
        random_state=[job.seed, 1],
        callback=recorder.report,
    )
    records, final = [], problem.counts.n_gradients
    for budget in job.budgets:
        state, n_iter, counts = recorder.marks[budget]
        status = "budget"
        if final <= budget and not recorder.spent:
            status = result.status.name.lower()
        records.append(
            record(task, problem, budget, state.lambda_, state.weights, status)
            | {"n_iter": n_iter, **counts}
        )
    return records, thin(recorder.trace)


def record(task, problem, budget, lambda_, weights, status):
    """Return one record: where a method stood when the budget was spent."""
    losses = task.judge(problem, lambda_, weights)
    zero_loss = task.zero_loss
    if not losses["validation_loss"] <= GROWN * zero_loss:
        status = Status.DIVERGED.name.lower()
    return {
        "budget": budget,
        "status": status,
        "lambda": float(lambda_[0]),
        "zero_loss": zero_loss,
        **{name: _or_none(value) for name, value in losses.items()},
    }


def search(task, job, budget):
    """Run a black-box method at one budget."""
    problem = task.problem()
    trainer = baselines.search(job.method, problem, job.steps[0], budget, job.seed)
    counts = problem.counts.as_dict()
    _, lambda_, weights = trainer.best
    worst = trainer.best[0] >= trainer.worst
    if worst or not np.all(np.isfinite(weights)):
        lambda_, weights = np.array([trainer.trials[0][0]]), problem.zeros()[0]
    status = "diverged" if worst else "budget"
    return record(task, problem, budget, lambda_, [weights], status) | {
        "n_iter": len(trainer.trials),
        **counts,
    }


def find_floor(task, job):
    """Return the minimum of the validation loss over lambda by brute force."""
    problem = task.problem()
    weights = problem.starts()

    def loss_at(lambda_):
        nonlocal weights
        weights = problem.minimize(np.array([lambda_]), weights)
        return problem.validation_loss(weights)

    low, high = LAMBDA_BOUNDS
    grid = np.linspace(high, low, int((high - low) / GRID_STEP) + 1)
    losses = np.array([loss_at(lambda_) for lambda_ in grid])
    best = np.argmin(losses)
    found = minimize_scalar(
        loss_at,
        bounds=(max(low, grid[best] - GRID_STEP), min(high, grid[best] + GRID_STEP)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    lambda_ = float(found.x if found.fun < losses[best] else grid[best])
    loss_at(lambda_)
    one = record(task, problem, 0, np.array([lambda_]), weights, "converged")
    one |= {"n_iter": 0, **problem.counts.as_dict()}
    curve = [
        {"lambda": float(place), "validation_loss": float(loss)}
        for place, loss in zip(grid, losses, strict=True)
    ]
    return [one | {"budget": budget} for budget in job.budgets], curve


def thin(trace):
    """Return about TRACE_POINTS rows of a trace, dense at its start."""
    if len(trace) <= TRACE_POINTS:
        return trace
    last = len(trace) - 1
    index = np.unique(np.geomspace(1, last + 1, TRACE_POINTS).astype(int) - 1)
    return [trace[k] for k in index]
