"""Fit random problems and compare every fit with a grid of 400 lambdas.

    python -m benchmarks.campaign [--problems N] [--seed S] [--only SEED]

Every failing problem is printed with its seed, which makes it again. The grid is
evaluated without the package, in double precision from equilibrated rows, and where a
fit is suspected, in extended precision.
"""

import argparse
import time
from collections import defaultdict

from . import families
from .judge import judge
from .problems import make_task


def run(seeds, say=print):
    """Judge the fits of some seeds.

    Parameters
    ----------
    seeds : iterable of int
    say : callable, default=print
        Takes a line per failure.

    Returns
    -------
    dict
        From (family, kind) to a list of `Verdict`.
    """
    found = defaultdict(list)
    for seed in seeds:
        task = make_task(seed)
        verdict = judge(task)
        found[task.family, task.kind].append(verdict)
        if verdict.fault:
            shape = "x".join(map(str, task.X.shape))
            say(f"--only {seed}: {task.family}, {task.kind}, {shape}: {verdict.fault}")
    return found


def table(found):
    """Return the lines of the table of a run."""
    lines = [f"{'family':<12} {'kind':<18} {'problems':>8} {'failures':>8}  worst gap"]
    for (family, kind), verdicts in sorted(found.items()):
        n_failures = sum(bool(one.fault) for one in verdicts)
        worst = max((one.gap for one in verdicts if one.gap == one.gap), default=0.0)
        lines.append(
            f"{family:<12} {kind:<18} {len(verdicts):>8} {n_failures:>8}  {worst:9.1e}"
        )
    everything = [one for verdicts in found.values() for one in verdicts]
    n_failures = sum(bool(one.fault) for one in everything)
    lines.append(f"{'all':<31} {len(everything):>8} {n_failures:>8}")
    return lines


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first problem")
    parser.add_argument("--only", type=int, nargs="+", help="seeds to try again")
    given = parser.parse_args()
    seeds = given.only or range(given.seed, given.seed + given.problems)
    clock = time.perf_counter()
    found = run(seeds, lambda line: print(line, flush=True))
    found.update(families.run(seeds, lambda line: print(line, flush=True)))
    print("\n".join(table(found)))
    print(f"{time.perf_counter() - clock:.0f} s")


if __name__ == "__main__":
    main()
