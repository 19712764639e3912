"""Interleaved fits of all tools of a task, and what came out."""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from .judge import PLAIN_SOLVERS, Strength, plain, rescaled
from .tools import Tool
from .worker import JUDGE_LIMIT, Worker

#: Seconds of a fit that is done once.
LONG = 10.0
#: Seconds after which a tool sits out the later rounds.
ENOUGH = 15.0
#: Fits shorter than this are repeated, and their mean is one time.
SHORT = 0.05


class Row(NamedTuple):
    """One line of a table; None where there is nothing to say.

    `over` are the seconds after which a fit was ended.
    """

    section: str
    data: str
    tool: str
    note: str = ""
    over: float | None = None
    strength: str = ""
    cv_loss: float | None = None
    test_loss: float | None = None
    seconds: float | None = None
    per_plain: float | None = None
    per_ours: float | None = None
    memory: float | None = None


def measure(task, repeats, long=LONG):
    """Return the rows of a task: a plain fit, and then every tool.

    Parameters
    ----------
    task : Task
        Data and tools.
    repeats : int
        Fits after the first.
    long : float
        Seconds; a first fit as long as this counts, and is the only one.

    Raises
    ------
    OSError
        If the data are not there.
    """
    workers = {
        name: Worker(task.kind, task.load, tool) for name, tool in task.tools.items()
    }
    plains = {}
    try:
        for worker in workers.values():
            worker.start()
        memory = {name: first_fits(worker, long) for name, worker in workers.items()}
        strength = learned(workers.values())
        plains |= plain_workers(task, strength)
        for name, worker in plains.items():
            worker.start()
            memory[name] = first_fits(worker, long)
        everyone = [*plains.values(), *workers.values()]
        for _ in range(repeats):
            for worker in everyone:
                timed(worker, long)
        return rows(task, plains, workers, memory, strength)
    finally:
        for worker in (*workers.values(), *plains.values()):
            worker.stop()


def first_fits(worker, long):
    """Fit once for what libraries load, once for the memory; return the memory."""
    worker.first = worker.ask("time", 1)
    if worker.first is None or worker.first > long or not worker.traced:
        return None
    return worker.ask("memory")


def timed(worker, long):
    """Time one more fit, or some short ones, unless the tool has taken enough."""
    if worker.note or worker.first > long or sum(worker.times) > ENOUGH:
        return
    fastest = min([worker.first, *worker.times])
    n_fits = math.ceil(SHORT / max(fastest, SHORT / 50))
    seconds = worker.ask("time", n_fits)
    if seconds is not None:
        worker.times.append(seconds)


def learned(workers):
    """Return the strength of the first tool that has one."""
    for worker in workers:
        strength = worker.ask("strength")
        if strength is not None:
            return strength
    return Strength(1.0)


def rescaled_data(kind, load, strength):
    """Return the data on which one strength is as good as one per feature."""
    data = load()
    return data._replace(X=rescaled(kind, data.X, strength)[0])


def make_plain(data, kind, solver, values):
    """Return the plain estimator as a tool makes it from the data."""
    return plain(kind, values, solver)


def plain_workers(task, strength):
    """Return name -> worker of the estimators that a plain fit may be of."""
    load = partial(rescaled_data, task.kind, task.load, strength)
    values = 1.0 if strength.of == "features" else strength.values
    limit = next(iter(task.tools.values())).limit
    workers = {}
    for solver in PLAIN_SOLVERS[task.kind]:
        make = partial(make_plain, kind=task.kind, solver=solver, values=values)
        name = "plain fit" if solver == "auto" else f"plain fit, {solver}"
        workers[name] = Worker(task.kind, load, Tool(make, None, limit=limit))
    return workers


def seconds_of(worker):
    """Return the median time, or None of a tool that did not get so far."""
    if worker.note:
        return None
    return float(np.median(worker.times or [worker.first]))


def ratio(seconds, unit):
    """Return how many times as long, or None."""
    return None if seconds is None or unit is None else seconds / unit


def rows(task, plains, workers, memory, strength):
    """Return one `Row` for the fastest plain fit, and one for every tool."""
    times = {name: seconds_of(worker) for name, worker in (plains | workers).items()}
    ended = {name: times[name] for name in plains if times[name] is not None}
    fastest = min(ended, key=ended.get, default=next(iter(plains)))
    unit, own = times[fastest], times[next(iter(workers))]
    found = []
    for name in (fastest, *workers):
        worker = (plains | workers)[name]
        row = Row(
            task.section,
            task.name,
            name,
            note=worker.note,
            over=worker.over,
            seconds=times[name],
            per_plain=ratio(times[name], unit),
            per_ours=ratio(times[name], own),
            memory=memory[name],
        )
        if name in workers and not worker.note:
            row = judged(row, worker)
        found.append(row)
    return found


def judged(row, worker):
    """Return the row with what the tool chose, and its losses."""
    return row._replace(
        strength=str(worker.ask("strength")),
        test_loss=worker.ask("test_loss"),
        cv_loss=worker.ask("cv_loss", limit=JUDGE_LIMIT),
    )
