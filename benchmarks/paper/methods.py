"""Every method of the tables: from a task and a job to its record and trace."""

import time

import numpy as np
from scipy.optimize import minimize_scalar

from sklearn_myhpo.solvers import MYHPO, SHO, Status, minimize_bilevel

from . import baselines
from .settings import (
    BLACK_BOX,
    GRADIENT,
    GROWN,
    LAMBDA_BOUNDS,
    LAMBDA_INIT,
    LEVELS,
    MYHPO_FORMS,
    RHO,
    SHO_BETA,
    SHO_NOISE,
    TOL,
    TRAIN_ALPHA,
)

#: Step of the floor's grid: loss curves change over about one unit of lambda.
GRID_STEP = 1.0
#: The floor looks no further; validation curves are flat there.
FLOOR_RANGE = (-14.0, 3.0)
#: Iterations of a trace that are kept: all of the first, then evenly in the log.
TRACE_POINTS = 80


def run(task, job):
    """Return the record of a job, with the seconds of CPU it took, and its trace."""
    start = time.process_time()
    if job.method == "floor":
        record, trace = find_floor(task)
    elif job.method in BLACK_BOX:
        record, trace = search(task, job), []
    else:
        record, trace = run_solver(task, job)
    return {**record, "seconds": time.process_time() - start}, trace


def make_solver(method, steps):
    """Return the solver that a method and its step sizes name."""
    if method == "default":
        return MYHPO()
    if method == "sho":
        return SHO(step_sizes=(*steps, SHO_BETA), noise_scale=SHO_NOISE)
    _, kind, response, metric, backtracking = MYHPO_FORMS[method]
    return MYHPO(
        steps=kind,
        response=response,
        metric=metric,
        rho=RHO,
        step_sizes=steps or "auto",
        backtracking=backtracking,
    )


class Watch:
    """Keeps a row of every iteration, and when the error passed each level."""

    def __init__(self, task):
        self.task = task
        self.rows, self.reached = [], {}

    def __call__(self, n_iter, info, state):
        """Keep an iteration; the driver calls this for finite ones only."""
        duals = getattr(state, "duals", None)
        size = np.nan if duals is None else np.linalg.norm(duals[0])
        for level in LEVELS:
            if state.error <= level:
                self.reached.setdefault(f"{level:g}", n_iter)
        with np.errstate(over="ignore"):
            train_loss = info.train_loss / self.task.unit
            validation_loss = info.validation_loss / self.task.unit
        # A run on its way to infinity can overflow in the reported unit first.
        if not np.isfinite(train_loss + validation_loss):
            return
        self.rows.append(
            {
                "n_iter": n_iter,
                "lambda": float(info.lambda_[0]),
                "train_loss": float(train_loss),
                "validation_loss": float(validation_loss),
                "r": or_none(info.primal_residual),
                "s": or_none(info.dual_residual),
                "u": or_none(size),
            }
        )


def or_none(value):
    """Return None for what a method does not have or has lost; JSON has no NaN."""
    return float(value) if np.isfinite(value) else None


def run_solver(task, job):
    """Run a bilevel method."""
    problem = task.problem()
    watch = Watch(task)
    result = minimize_bilevel(
        problem,
        make_solver(job.method, job.steps),
        lambda_init=LAMBDA_INIT,
        max_iter=job.n_steps,
        tol=0.0 if job.method in GRADIENT else TOL,
        random_state=[job.seed, 1],
        callback=watch,
    )
    counts = problem.counts.as_dict()
    weights = task.coef(result.weights)
    record = judge(task, result.lambda_[0], weights, result.status.name.lower())
    record |= {"n_iter": result.n_iter, "n_gradients": counts["n_gradients"]}
    return record | {"reached": watch.reached}, thin(watch.rows)


def judge(task, lambda_, weights, status):
    """Return where a method ended; measuring that is no part of it, nor counted."""
    names = ("train_loss", "validation_loss", "test_loss")
    losses = dict(zip(names, task.losses(lambda_, weights), strict=True))
    if not losses["validation_loss"] <= GROWN * task.zero_loss:
        status = Status.DIVERGED.name.lower()
    exact = np.nan
    if status != "diverged":
        exact = task.exact_validation_loss(lambda_)
    return {
        "status": status,
        "lambda": float(lambda_),
        "zero_loss": task.zero_loss,
        "exact_validation_loss": or_none(exact),
        **{name: or_none(value) for name, value in losses.items()},
    }


def search(task, job):
    """Run a black-box method."""
    worst = GROWN * task.zero_loss
    trainer = baselines.Trainer(
        task.descent,
        lambda weights: task.loss(task.parts[1], weights),
        TRAIN_ALPHA[job.data],
        job.n_steps,
        job.n_trials,
        worst,
    )
    baselines.search(job.method, trainer, job.seed)
    loss, lambda_, weights = trainer.best
    record = judge(task, lambda_, weights, "diverged" if loss >= worst else "budget")
    record["n_iter"] = len(trainer.trials)
    return record | {"n_gradients": job.n_steps * job.n_trials - trainer.left}


def find_floor(task):
    """Return the minimum of the validation loss over lambda by brute force."""
    problem = task.problem()
    weights = problem.starts()

    def loss_at(lambda_):
        nonlocal weights
        weights = problem.minimize(np.array([lambda_]), weights)
        return problem.validation_loss(weights)

    low, high = FLOOR_RANGE
    grid = np.linspace(high, low, int((high - low) / GRID_STEP) + 1)
    losses = np.array([loss_at(lambda_) for lambda_ in grid])
    best = np.argmin(losses)
    low, high = LAMBDA_BOUNDS
    found = minimize_scalar(
        loss_at,
        bounds=(max(low, grid[best] - GRID_STEP), min(high, grid[best] + GRID_STEP)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    lambda_ = float(found.x if found.fun < losses[best] else grid[best])
    loss_at(lambda_)
    record = judge(task, lambda_, task.coef(weights), "converged")
    curve = [
        {"lambda": float(place), "validation_loss": float(loss) / task.unit}
        for place, loss in zip(grid, losses, strict=True)
    ]
    return record | {"n_iter": 0, "n_gradients": 0}, curve


def thin(trace):
    """Return about TRACE_POINTS rows of a trace, dense at its start."""
    if len(trace) <= TRACE_POINTS:
        return trace
    last = len(trace) - 1
    index = np.unique(np.geomspace(1, last + 1, TRACE_POINTS).astype(int) - 1)
    return [trace[k] for k in index]
