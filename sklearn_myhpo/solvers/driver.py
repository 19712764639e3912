"""The only loop: needs, start, clock, history, stopping and non-finite checks."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._deadline import Deadline, OutOfTimeError
from .._messages import shown
from ..bilevel.contract import Offers, OuterProblem
from ..bilevel.counts import OracleCounts
from .phases import UNWATCHED, Phases
from .protocol import BilevelResult, DivergedError, Info, Solver, State, Status
from .registry import SOLVERS
from .start.alone import find_start
from .start.points import Scan
from .start.targets import scan_targets


def minimize_bilevel(
    problem: OuterProblem,
    solver: Solver,
    *,
    lambda_init: str | float | np.ndarray = "auto",
    weights_init: list[np.ndarray] | None = None,
    max_iter: int = 100,
    max_time: Deadline | float | None = None,
    tol: float = 1e-6,
    random_state: int | np.random.Generator | None = None,
    callback: Callable[[int, Info, State], object] | None = None,
    phases: Phases = UNWATCHED,
) -> BilevelResult:
    """Minimize the validation loss over lambda.

    Parameters
    ----------
    problem : BilevelProblem, CriterionProblem or TargetsProblem
        The objective. A solver takes it if it meets the needs that its `capabilities`
        declare.
    solver : Solver
        The method and its options.
    lambda_init : "auto", float or ndarray of shape (n_groups,), default="auto"
        "auto" starts from the best shared lambda of a scan and its exact
        weights; a number starts from there, and from zero weights as the paper
        does unless `weights_init` is given.
    weights_init : list of ndarray, optional
        Weights of every split to start from.
    max_iter : int, default=100
        Maximum number of iterations.
    max_time : Deadline, float or None, default=None
        Most seconds of the search, the scan for a start included; None for no limit. An
        unfinished step is abandoned and the result is that of the step before; an
        unfinished epoch of a stochastic solver counts as far as it got.
    tol : float, default=1e-6
        The run has converged when ``state.error <= tol``, or when a likelihood is so
        close to its limit that the held-out rows cannot tell the difference.
    random_state : int or numpy.random.Generator, optional
        Passed to `numpy.random.default_rng`; used by stochastic solvers.
    callback : callable, optional
        Called with (n_iter, info, state) after every iteration; the run ends if it
        returns something true.
    phases : Phases, default=UNWATCHED
        Receives the scan and the iterations as the phases "scan" and "solve".

    Returns
    -------
    BilevelResult
        The last finite state, the end of the run, and its history.

    Raises
    ------
    TypeError
        If the solver is not a `Solver` object.
    ValueError
        If the problem does not meet a need of the solver; the message names the need
        and the solvers that would do.
    """
    check_solver(solver, problem.offers)
    clock, deadline = time.perf_counter(), Deadline.of(max_time)
    rng = np.random.default_rng(random_state)
    with problem.counts.within(deadline):
        lambda_0, weights_0, scan = _find_start(problem, lambda_init, phases)
        phases.found(lambda_0)
        if weights_init is not None:
            weights_0 = weights_init
        # A value that is not finite ends the run, so NumPy's warning would say nothing
        # new.
        with phases.phase("solve"), np.errstate(all="ignore"):
            state = _first_state(problem, solver, lambda_0, weights_0, deadline)
            limits = max_iter, tol, deadline
            end = _iterate(problem, solver, state, rng, limits, callback, clock)
    message = end.status.value.format(
        n_iter=end.n_iter,
        max_iter=max_iter,
        max_time=deadline.max_time,
        tol=tol,
        error=end.state.error,
        residuals=_residuals(end.info),
        advice=solver.capabilities.advice,
    )
    history = _history(end.rows, history_row(end.info, problem.counts, 0.0))
    if isinstance(end.state, _Start):
        place = problem.at(*end.state[:2])
    else:
        place = solver.evaluation(problem, end.state)
    if end.status is Status.CERTAIN and solver.capabilities.finds_minimizers:
        # A run that ends this way may have inaccurate weights.
        weights = problem.minimize(place.lambda_, place.weights)
        place = problem.at(place.lambda_, weights)
    return BilevelResult(
        place,
        place.estimate,
        end.status,
        message,
        len(end.rows),
        history,
        scan,
        lambda_0,
    )


class _Start(NamedTuple):
    """The state of a run whose time is over before the solver's first state."""

    lambda_: np.ndarray
    weights: list
    error: float = np.inf


def _first_state(problem, solver, lambda_0, weights_0, deadline):
    """Return the first state of a solver, or a `_Start` if the time is over."""
    if not deadline.is_over:
        try:
            return solver.init(problem, lambda_0, weights_0)
        except OutOfTimeError:
            pass
    return _Start(lambda_0, weights_0)


class _End(NamedTuple):
    """The end of a run: the last finite state, the last report, rows of the history."""

    status: Status
    n_iter: int
    state: State
    info: Info
    rows: list


def _iterate(problem, solver, state, rng, limits, callback, clock):
    """Step until the run ends, and return its `_End`."""
    (max_iter, tol, deadline), rows = limits, []
    info = Info(state.lambda_, np.nan, np.nan, np.nan)
    first = solver.info(problem, state) if state.error <= tol else None
    for n_iter in range(1, max_iter + 1):
        if deadline.is_over:
            return _End(Status.MAX_TIME, n_iter - 1, state, info, rows)
        try:
            if n_iter == 1 and first is not None:
                new_state, info = state, first
            else:
                new_state, info = solver.step(problem, state, rng)
        except OutOfTimeError:
            return _End(Status.MAX_TIME, n_iter - 1, state, info, rows)
        except DivergedError:
            return _End(Status.DIVERGED, n_iter, state, info, rows)
        if not is_finite(new_state, info):
            return _End(Status.DIVERGED, n_iter, state, info, rows)
        state = new_state
        rows.append(history_row(info, problem.counts, time.perf_counter() - clock))
        is_stopped = callback is not None and callback(n_iter, info, state)
        if problem.is_certain(state.lambda_, info.validation_loss):
            return _End(Status.CERTAIN, n_iter, state, info, rows)
        if state.error <= tol:
            return _End(Status.CONVERGED, n_iter, state, info, rows)
        if is_stopped:
            return _End(Status.STOPPED, n_iter, state, info, rows)
    return _End(Status.MAX_ITER, max_iter, state, info, rows)


def check_solver(solver: Solver, offers: Offers) -> None:
    """Raise where a problem does not meet a need of a solver.

    Parameters
    ----------
    solver : Solver
        Its `capabilities` declare its needs.
    offers : Offers
        Abilities of the problem.

    Raises
    ------
    TypeError
        If the solver is not a `Solver` object.
    ValueError
        If a need is not met.
    """
    if not isinstance(solver, Solver):
        raise TypeError(
            "The solver must be an object of a subclass of sklearn_myhpo.solvers.Solver"
            ", such as sklearn_myhpo.solvers.MYHPO(): it has `init`, `step` and "
            "`capabilities`, such as Capabilities(needs_split=False). Got "
            f"{shown(solver)} instead."
        )
    unmet = solver.capabilities.unmet(offers)
    if unmet is None:
        return
    able = [
        name for name, each in SOLVERS.items() if not each().capabilities.unmet(offers)
    ]
    raise ValueError(
        f"{unmet.fact}, but {shown(solver)} needs {unmet.need}. {unmet.remedy}, or use "
        f"one of these solvers with default options: {able}."
    )


def _find_start(
    problem: OuterProblem, lambda_init: str | float | np.ndarray, phases: Phases
) -> tuple[np.ndarray, list[np.ndarray], Scan | None]:
    """Return lambda and weights to start from, and the scan that found them."""
    if not isinstance(lambda_init, str):
        lambda_0 = problem.project(problem.first_lambda(lambda_init))
        return lambda_0, problem.zeros(), None
    if problem.offers.is_separable:
        return *scan_targets(problem, phases), None
    return find_start(problem, phases)


def _history(rows, columns):
    """Return the rows as arrays; without rows, empty ones of the right shape."""
    if not rows:
        return {
            name: np.empty((0, *np.shape(value))) for name, value in columns.items()
        }
    return {name: np.array([row[name] for row in rows]) for name in columns}


def is_finite(state: State, info: Info) -> bool:
    """Whether lambda, weights and losses of an iteration are finite."""
    return (
        np.all(np.isfinite(state.lambda_))
        and np.isfinite(info.train_loss)
        and np.isfinite(info.validation_loss)
        and all(np.all(np.isfinite(w)) for w in state.weights)
    )


def _residuals(info):
    """Return the residuals that the method has, in words."""
    values = {
        "primal residual": info.primal_residual,
        "dual residual": info.dual_residual,
        "hypergradient": info.hypergradient_norm,
    }
    return ", ".join(
        f"{name} {value:.1e}" for name, value in values.items() if not np.isnan(value)
    )


def history_row(info: Info, counts: OracleCounts, seconds: float) -> dict:
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
