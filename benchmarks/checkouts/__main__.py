"""Compare two checkouts of the package: results, times and memory of the same fits.

Each side runs in processes of its own and is told apart only by the folder that its
package comes from; problems and tasks are those of this checkout, by the public API.

    python -m benchmarks.checkouts BASE [NEW] [--results [N]] [--times] [--memory]
"""

import argparse
import re
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.page import markdown
from benchmarks.speed.tables import machine

from . import cost
from .difference import FACTS, NUMBERS, details, difference, table
from .side import begin
from .tasks import MEMORY_TASKS, TIME_TASKS

HERE = Path(__file__).resolve().parents[2]
N_PROBLEMS = 200
#: Seeds that are listed with their commands.
MOST_LISTED = 40


def parse(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkouts")
    add = parser.add_argument
    add("base", type=checkout, help="checkout to compare with")
    add("new", type=checkout, nargs="?", default=HERE, help="default: this one")
    add(
        "--results",
        type=int,
        nargs="?",
        const=N_PROBLEMS,
        metavar="N",
        help=f"compare the results of N random problems; default: {N_PROBLEMS}",
    )
    add("--only", type=int, metavar="SEED", help="compare that problem, in detail")
    add("--tol", type=float, default=1e-9, help="largest difference; default: 1e-9")
    add(
        "--ignore",
        action="append",
        default=[],
        choices=NUMBERS + FACTS,
        help="let this differ; may be given several times",
    )
    add("--times", action="store_true", help="compare the times of fixed tasks")
    add("--memory", action="store_true", help="compare the peak memory of fits")
    add("--repeats", type=int, default=5, help="timed turns of a side; default: 5")
    add("--tasks", default="", metavar="PATTERN", help="tasks whose names match")
    options = parser.parse_args(arguments)
    if not (options.times or options.memory) or options.only is not None:
        options.results = options.results or N_PROBLEMS
    if options.repeats < 1:
        parser.error(f"--repeats={options.repeats} must be at least 1")
    return options


def checkout(text):
    """Return the path of a checkout."""
    path = Path(text).resolve()
    if not (path / "sklearn_myhpo" / "__init__.py").is_file():
        raise argparse.ArgumentTypeError(f"{text} has no folder sklearn_myhpo")
    return path


def compare_results(options, seeds):
    """Return the `Difference` of every seed, and seed -> that of rounding alone.

    The latter is how far the base is from itself when the weights of rows change in
    their last digit; it is there for the first seeds that differ.

    Raises
    ------
    OSError
        If a side does not end its work.
    """
    found, rounding = [], {}
    with ExitStack() as stack:
        base, new = sides = [begin(path) for path in (options.base, options.new)]
        for side in sides:
            stack.callback(side.stop)
        for seed in seeds:
            outcomes = answered(base, seed), answered(new, seed)
            found.append(difference(seed, *outcomes))
            if is_above(found[-1], options) and len(rounding) < MOST_LISTED:
                nudged = answered(base, seed, True)
                rounding[seed] = difference(seed, outcomes[0], nudged)
    return found, rounding


def answered(side, *arguments):
    """Return the outcome of a problem."""
    outcome = side.ask("solve", *arguments)
    if outcome is None:
        raise OSError(f"seed {arguments[0]}: {side.note}")
    return outcome


def is_above(one, options):
    """Whether a difference counts."""
    return one.is_above(options.tol, options.ignore)


def report_results(options):
    """Print the differences of the results; return the exit code."""
    seeds = range(options.results) if options.only is None else [options.only]
    found, rounding = compare_results(options, seeds)
    if options.only is not None:
        print(details(found[0]))
    print(f"{table(found)}\n")
    above = [one for one in found if is_above(one, options)]
    print(f"{len(above)} of {len(found)} problems differ by more than {options.tol:g}.")
    for one in above[:MOST_LISTED]:
        print(f"seed {one.seed} ({one.base.kind}): {one}")
        print(f"    base, if weights change in their last digit: {rounding[one.seed]}")
    if above and options.only is None:
        print(
            "Losses at a minimum differ by the square of the weights' difference.\n"
            "To see one: python -m benchmarks.checkouts "
            f"{options.base} {options.new} --only {above[0].seed}"
        )
    return int(bool(above))


def chosen(tasks, pattern):
    """Return the names of the tasks that a pattern matches."""
    return [name for name in tasks if re.search(pattern, name)]


def report_costs(options):
    """Print the times and the memory of both sides as they come, then the tables."""
    both, tables = (options.base, options.new), []
    if options.times:
        rows = []
        for name in chosen(TIME_TASKS, options.tasks):
            rows.append(cost.time_row(name, *both, options.repeats))
            print("  ".join(map(str, rows[-1])), flush=True)
        tables.append(markdown(cost.TIME_HEAD, rows, align_left=1))
    if options.memory:
        rows = []
        for name in chosen(MEMORY_TASKS, options.tasks):
            rows.append(cost.memory_row(name, *both))
            print("  ".join(map(str, rows[-1])), flush=True)
        tables.append(markdown(cost.MEMORY_HEAD, rows, align_left=1))
    print("", *tables, f"Measured on: {machine()}.", sep="\n\n")


def main(arguments=None):
    """Run the command; return its exit code."""
    options = parse(arguments)
    code = report_results(options) if options.results else 0
    if options.times or options.memory:
        report_costs(options)
    return code


if __name__ == "__main__":
    sys.exit(main())
