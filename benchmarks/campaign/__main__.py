"""Fit random problems and compare every fit with a grid of 400 lambdas.

    python -m benchmarks.campaign [--problems N] [--seed S] [--only SEED] [--options]

Every failing problem is printed with its seed, which makes it again. The grid is
evaluated without the package, in double precision from equilibrated rows, and where a
fit is suspected, in extended precision.
"""

import argparse
import time
from collections import defaultdict

from . import families
from .judge import judge
from .options import make_options_task
from .problems import make_task


def run(seeds, say=print, options=False):
    """Judge the fits of some seeds.

    Parameters
    ----------
    seeds : iterable of int
    say : callable, default=print
        Takes a line per failure.
    options : bool, default=False
        Whether to try options of the estimators, and not kinds of rows.

    Returns
    -------
    dict
        From (family, kind) to a list of `Verdict`.
    """
    found = defaultdict(list)
    for seed in seeds:
        task = make_options_task(seed) if options else make_task(seed)
        verdict = judge(task)
        found[task.family, task.kind].append(verdict)
        if verdict.fault:
            flag = "--options " if options else ""
            about = f"{task.family}, {task.kind}, {'x'.join(map(str, task.X.shape))}"
            say(f"{flag}--only {seed}: {about}: {verdict.fault}")
    return found


def table(found):
    """Return the lines of the table of a run.

    "elsewhere" counts fits of several lambdas that end at a minimum which is not the
    least of all; they are no failures.
    """
    titles = "problems", "failures", "elsewhere"
    lines = [f"{'family':<12} {'kind':<18} {' '.join(titles)}  worst gap"]
    for (family, kind), verdicts in sorted(found.items()):
        worst = max((one.gap for one in verdicts if one.gap == one.gap), default=0.0)
        lines.append(f"{family:<12} {kind:<18} {_counts(verdicts)}  {worst:9.1e}")
    everything = [one for verdicts in found.values() for one in verdicts]
    lines.append(f"{'all':<31} {_counts(everything)}")
    return lines


def _counts(verdicts):
    """Return the numbers of verdicts, of faults and of lower minima, in columns."""
    faults, elsewhere = (
        sum(map(bool, column))
        for column in zip(
            *((one.fault, one.elsewhere) for one in verdicts), strict=True
        )
    )
    return f"{len(verdicts):>8} {faults:>8} {elsewhere:>9}"


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first problem")
    parser.add_argument("--only", type=int, nargs="+", help="seeds to try again")
    text = "try options of the estimators, and not kinds of rows"
    parser.add_argument("--options", action="store_true", help=text)
    given = parser.parse_args()
    seeds = given.only or range(given.seed, given.seed + given.problems)
    clock = time.perf_counter()
    found = run(seeds, lambda line: print(line, flush=True), given.options)
    found.update(families.run(seeds, lambda line: print(line, flush=True)))
    print("\n".join(table(found)))
    print(f"{time.perf_counter() - clock:.0f} s")


if __name__ == "__main__":
    main()
