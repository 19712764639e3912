"""The only loop: clock, history, stopping and non-finite checks for all solvers."""

import time

import numpy as np

from .protocol import ADVICE, BilevelResult, Status
from .start.scan import scan_lambda
from .start.targets import scan_targets


def minimize_bilevel(
    problem,
    solver,
    *,
    lambda_init="auto",
    weights_init=None,
    max_iter=100,
    tol=1e-6,
    random_state=None,
    callback=None,
):
    """Minimize the validation loss over lambda.

    Parameters
    ----------
    problem : BilevelProblem or TargetsProblem
        What to minimize; the latter by a solver that `learns_targets`.
    solver : Solver
        The method and its options.
    lambda_init : "auto", float or ndarray of shape (n_groups,), default="auto"
        "auto" starts from the best shared lambda of a scan and its exact
        weights; a number starts from there, and from zero weights as the paper
        does unless `weights_init` is given.
    weights_init : list of ndarray, optional
        Weights of every split to start from.
    max_iter : int, default=100
        Most iterations.
    tol : float, default=1e-6
        The run has converged when ``state.error <= tol``, or when a likelihood has
        come so close to its limit that the rows cannot tell it from there.
    random_state : int or numpy.random.Generator, optional
        Passed to `numpy.random.default_rng`; used by stochastic solvers.
    callback : callable, optional
        Called with (n_iter, info, state) after every iteration; the run ends if it
        returns something true.

    Returns
    -------
    BilevelResult
        The last finite state, how the run ended, and its history.
    """
    clock = time.perf_counter()
    scan = None
    if isinstance(lambda_init, str):
        if problem.is_separable:
            lambda_0, weights_0 = scan_targets(problem)
        else:
            scanned = problem.for_scan()
            scan = scan_lambda(scanned)
            lambda_0, weights_0 = scan.lambda_, scan.weights
            if scanned is not problem:
                # Of another objective, of fewer rows.
                scan = None
    else:
        lambda_0 = problem.project(np.full(problem.n_groups, lambda_init, float))
        weights_0 = problem.zeros()
    if weights_init is not None:
        weights_0 = weights_init
    rng = np.random.default_rng(random_state)
    rows, status = [], Status.MAX_ITER
    # What is not finite ends the run; numpy need not warn of it as well.
    with np.errstate(all="ignore"):
        state = solver.init(problem, lambda_0, weights_0)
        for n_iter in range(1, max_iter + 1):
            new_state, info = solver.step(problem, state, rng)
            if not is_finite(new_state, info):
                status = Status.DIVERGED
                break
            state = new_state
            rows.append(history_row(info, problem.counts, time.perf_counter() - clock))
            is_stopped = callback is not None and callback(n_iter, info, state)
            if problem.is_certain(state.lambda_, info.validation_loss):
                status = Status.CERTAIN
                break
            if state.error <= tol:
                status = Status.CONVERGED
                break
            if is_stopped:
                status = Status.STOPPED
                break
    message = status.value.format(
        n_iter=n_iter,
        max_iter=max_iter,
        tol=tol,
        error=state.error,
        residuals=_residuals(info),
        advice=getattr(solver, "advice", ADVICE),
    )
    return BilevelResult(
        state.lambda_,
        state.weights,
        problem.estimate(state.lambda_, state.weights),
        status,
        message,
        len(rows),
        _history(rows, history_row(info, problem.counts, 0.0)),
        scan,
    )


def _history(rows, columns):
    """Return the rows as arrays; without rows, empty ones of the right shape."""
    if not rows:
        return {
            name: np.empty((0, *np.shape(value))) for name, value in columns.items()
        }
    return {name: np.array([row[name] for row in rows]) for name in columns}


def is_finite(state, info):
    """Whether everything that would be kept of an iteration is finite."""
    return (
        np.all(np.isfinite(state.lambda_))
        and np.isfinite(info.train_loss)
        and np.isfinite(info.validation_loss)
        and all(np.all(np.isfinite(w)) for w in state.weights)
    )


def _residuals(info):
    """Return the last residuals in words, those that the method has."""
    values = {
        "primal residual": info.primal_residual,
        "dual residual": info.dual_residual,
        "hypergradient": info.hypergradient_norm,
    }
    return ", ".join(
        f"{name} {value:.1e}" for name, value in values.items() if not np.isnan(value)
    )


def history_row(info, counts, seconds):
    """Return one row of the history, of an iteration's `Info`."""
    return {
        "lambda": info.lambda_,
        "train_loss": info.train_loss,
        "validation_loss": info.validation_loss,
        "primal_residual": info.primal_residual,
        "dual_residual": info.dual_residual,
        "hypergradient_norm": info.hypergradient_norm,
        **counts.as_dict(),
        "time": seconds,
    }
