"""Command line: measure the tasks, print their tables, fill the page."""

import argparse
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.page import update

from .measure import measure
from .tables import render, table
from .tasks import all_tasks
from .tools import LIMIT


def parse(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed")
    add = parser.add_argument
    add("--only", metavar="PATTERN", help="tasks whose section and name match")
    add("--repeats", type=int, default=3, help="fits after the first; default: 3")
    add("--page", type=Path, help="page whose generated part is to be filled")
    add(
        "--limit",
        type=float,
        default=LIMIT,
        help=f"seconds that a fit of any tool may take; default: {LIMIT:g}",
    )
    options = parser.parse_args(arguments)
    if options.only and options.page:
        parser.error("--page is filled from one run of all tasks, without --only")
    if options.repeats < 1:
        parser.error(f"--repeats={options.repeats} must be at least 1")
    return options


def chosen(tasks, pattern):
    """Return the tasks that a pattern matches, whatever its case."""
    return [
        task
        for task in tasks
        if re.search(pattern or "", f"{task.section}: {task.name}", re.IGNORECASE)
    ]


def with_limit(task, limit):
    """Return a task of whose tools a fit may take so many seconds, ours too."""
    tools = {name: replace(tool, limit=limit) for name, tool in task.tools.items()}
    return replace(task, tools=tools)


def run(tasks, repeats):
    """Print the rows of every task as they come; return them and what is missing."""
    rows, left_out = [], []
    for task in tasks:
        start = time.perf_counter()
        try:
            new = measure(task, repeats)
        except OSError as error:
            left_out.append(f"{task.name}: {error}")
            print(f"\nLeft out: {left_out[-1]}", flush=True)
            continue
        rows += new
        took = time.perf_counter() - start
        print(f"\n{task.section}: {task.name} ({took:.0f} s)\n{table(new)}", flush=True)
    return rows, left_out


def main(arguments=None):
    """Run the command; return its exit code."""
    options = parse(arguments)
    tasks = chosen(all_tasks(), options.only)
    tasks = [with_limit(task, options.limit) for task in tasks]
    if not tasks:
        print(f"No task matches {options.only!r}.", file=sys.stderr)
        return 2
    rows, left_out = run(tasks, options.repeats)
    text = render(rows, left_out)
    print(f"\n{text}")
    if options.page is not None:
        update(options.page, {"table": text})
    return 0


if __name__ == "__main__":
    sys.exit(main())
