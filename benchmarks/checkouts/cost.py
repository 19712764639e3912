"""The times and the memory of a task on both sides, never of both at once."""

import math
from contextlib import ExitStack
from statistics import median

from .side import begin

#: The ratio of the fastest turns feels other programs less than that of the medians.
TIME_HEAD = ["task", "base, s", "new, s", "new / base", "of fastest", "turns", ""]
MEMORY_HEAD = ["task", "X, MB", "base, MB", "new, MB", "base / X", "new / X"]
#: Ratio of the medians from which the new side is flagged.
SLOWER = 1.10
#: Fits shorter than this are repeated, and their mean is one time.
SHORT = 0.05
#: Seconds of timed fits of both sides after which no more turns begin.
ENOUGH = 60.0
MEGABYTE = 1e6


def time_row(name, base, new, repeats):
    """Return a line of the table of times.

    Each side loads the task in a new process and fits once untimed. Then they take
    turns; the process of the other side is stopped.
    """
    with ExitStack() as stack:
        sides = [_loaded(stack, name, path) for path in (base, new)]
        # One count for both sides: the mean of more fits is another statistic.
        fastest = min(side.ask("time", 1) or math.inf for side in sides)
        n_fits = math.ceil(SHORT / max(fastest, SHORT / 50))
        times = [], []
        while len(times[1]) < repeats and sum(map(sum, times)) * n_fits < ENOUGH:
            turn = list(zip(sides, times, strict=True))
            # Neither side is always the first to run.
            for side, found in turn[:: -1 if len(times[0]) % 2 else 1]:
                found.append(side.ask("time", n_fits) or math.nan)
        note = _notes(sides)
    if note:
        return [name, *[""] * (len(TIME_HEAD) - 2), note]
    seconds = [median(found) for found in times]
    ratio = seconds[1] / seconds[0]
    ratios = f"{ratio:.2f}", f"{min(times[1]) / min(times[0]):.2f}"
    flag = "slower" if ratio > SLOWER else ""
    return [name, *(f"{t:.4g}" for t in seconds), *ratios, len(times[0]), flag]


def memory_row(name, base, new):
    """Return a line of the table of memory: the peak of a fit beyond that before it."""
    found = []
    for path in (base, new):
        with ExitStack() as stack:
            side = _loaded(stack, name, path)
            found.append(side.ask("memory"))
            if side.note:
                return [name, *[""] * (len(MEMORY_HEAD) - 2), side.note]
    (base_peak, size), (new_peak, _) = found
    peaks = base_peak, new_peak
    cells = [f"{value / MEGABYTE:.1f}" for value in (size, *peaks)]
    return [name, *cells, *(f"{peak / size:.2f}" for peak in peaks)]


def _loaded(stack, name, path):
    """Return a side that has loaded a task; it ends with the stack."""
    side = begin(path)
    stack.callback(side.stop)
    side.ask("load", name)
    return side


def _notes(sides):
    names = ("base", "new")
    notes = [
        f"{name} {side.note}"
        for name, side in zip(names, sides, strict=True)
        if side.note
    ]
    return "; ".join(notes)
