"""Command line: run what is missing, then write tables and figures."""

import argparse
import os
import sys
from pathlib import Path

from . import sources
from .run import run_jobs
from .settings import QUICK_RUNS, RUNS, TITLES, make_jobs
from .summary import read_summary, summarize, write_summary
from .tables import TABLES, read_published, render

RESULTS = Path(__file__).parents[1] / "results"


def parse(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.paper")
    add = parser.add_argument
    add("--table", nargs="+", type=int, choices=TABLES, default=list(TABLES))
    add("--data", nargs="+", choices=TITLES, default=list(TITLES))
    add("--runs", type=int, help=f"default: {RUNS}, or {QUICK_RUNS} with --quick")
    add("--quick", action="store_true", help="2 runs and small budgets")
    add("--jobs", type=int, default=os.cpu_count(), help="processes")
    add("--out", type=Path, help="default: benchmarks/results/{full,quick}")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Run the command; return its exit code."""
    options = parse(arguments)
    out = options.out or RESULTS / ("quick" if options.quick else "full")
    runs = options.runs or (QUICK_RUNS if options.quick else RUNS)
    jobs = [
        job for data in options.data for job in make_jobs(data, runs, options.quick)
    ]
    try:
        lines = run_jobs(jobs, out / "results.jsonl", options.jobs)
    except sources.MissingDataError as error:
        print(error, file=sys.stderr)
        return 2
    for message in sorted({line["skipped"] for line in lines if "skipped" in line}):
        print(message)
    write_summary(summarize(lines), out / "summary.csv")
    summary = read_summary(out / "summary.csv")
    published = read_published()
    for table in options.table:
        text = render(table, summary, published, options.data)
        (out / f"table_{table}.md").write_text(text + "\n", encoding="utf-8")
        print(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
