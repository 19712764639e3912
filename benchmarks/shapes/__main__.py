"""Command line: measure the shapes, print their tables, fill the page."""

import argparse
import multiprocessing
import re
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.page import update
from benchmarks.speed.__main__ import with_limit
from benchmarks.speed.measure import measure
from benchmarks.speed.tables import machine

from .grid import LOADED, LOGISTIC_SHAPES, RIDGE_SHAPES, task_of
from .picture import draw
from .report import comparison, peers_of, render

#: Busy processes beside the fits of a loaded row.
N_BUSY = 3
#: Seconds that a fit of any tool may take, and those of a fit that is done once: many
#: shapes are to be measured in minutes.
LIMIT, LONG = 10.0, 5.0


@contextmanager
def busy_processes(number):
    """Keep as many processes busy."""
    processes = [
        multiprocessing.Process(target=_spin, daemon=True) for _ in range(number)
    ]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()


def _spin():
    matrix = np.ones((200, 200))
    while True:
        matrix @ matrix


def parse(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shapes")
    add = parser.add_argument
    add("--only", metavar="PATTERN", help="shapes that match")
    add("--repeats", type=int, default=3, help="fits after the first; default: 3")
    add("--page", type=Path, help="page whose part is to be filled, and drawn beside")
    add(
        "--limit",
        type=float,
        default=LIMIT,
        help=f"seconds that a fit of any tool may take; default: {LIMIT:g}",
    )
    options = parser.parse_args(arguments)
    if options.only and options.page:
        parser.error("--page is filled from one run of all shapes, without --only")
    if options.repeats < 1:
        parser.error(f"--repeats={options.repeats} must be at least 1")
    return options


def all_tasks():
    """Return (task, busy processes beside it) of every row, section by section."""
    found = []
    for shapes, loaded in zip((LOGISTIC_SHAPES, RIDGE_SHAPES), LOADED, strict=True):
        found += [(task_of(shape), 0) for shape in shapes]
        found.append((task_of(loaded, N_BUSY), N_BUSY))
    return found


def compare(task, n_busy, options):
    """Return the comparison of a task; no memory is measured, no table shows it."""
    task = with_limit(task, options.limit)
    tools = {name: replace(tool, traced=False) for name, tool in task.tools.items()}
    with busy_processes(n_busy):
        rows = measure(replace(task, tools=tools), options.repeats, LONG)
    return comparison(task, rows)


def main(arguments=None):
    """Run the command; return its exit code."""
    options = parse(arguments)
    sections = {}
    for task, n_busy in all_tasks():
        if re.search(options.only or "", f"{task.section}: {task.name}", re.IGNORECASE):
            one = compare(task, n_busy, options)
            sections.setdefault(task.section, []).append(one)
            print(" | ".join(one.cells(peers_of([one]))), flush=True)
    if not sections:
        print(f"No shape matches {options.only!r}.", file=sys.stderr)
        return 2
    text = (
        f"{render(sections)}\n\n"
        f"A fit may take {options.limit:g} s. Measured on: {machine()}."
    )
    print(f"\n{text}")
    if options.page is not None:
        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder) / "shapes.png"
            draw(sections, picture)
            update(options.page, {"shapes": text}, [picture])
    return 0


if __name__ == "__main__":
    sys.exit(main())
