"""Command line: run what is missing, then write tables and figures."""

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from benchmarks import page

from . import acceptance, figures, longer, search, splits
from .run import run_jobs
from .settings import QUICK_RUNS, RUNS, TITLES, make_jobs
from .summary import read_summary, summarize, write_csv
from .tables import TABLES, read_published, render, render_facts

RESULTS = Path(__file__).parents[1] / "results"


def parse(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paper", description=__doc__
    )
    add = parser.add_argument
    add("--table", nargs="*", type=int, choices=TABLES, help="default: all")
    add("--figure", nargs="*", type=int, choices=figures.FIGURES, help="default: all")
    add("--data", nargs="+", choices=TITLES, default=list(TITLES))
    add("--runs", type=int, help=f"default: {RUNS}, or {QUICK_RUNS} with --quick")
    add("--quick", action="store_true", help="2 runs and small budgets")
    add(
        "--tables-only",
        action="store_true",
        help="leave out the search over preprocessings and the longer runs",
    )
    add("--jobs", type=int, default=os.cpu_count(), help="processes")
    add("--out", type=Path, help="default: benchmarks/results/{full,quick}")
    add("--page", type=Path, help="page whose generated parts are to be filled")
    add(
        "--render",
        action="store_true",
        help="compute nothing: fill --page again from the csv files beside it, "
        "after a change of published.csv",
    )
    options = parser.parse_args(arguments)
    if options.render and options.page is None:
        parser.error("--render needs --page")
    # One of the two alone leaves the other out; neither means all of both.
    neither = options.table is None and options.figure is None
    for name, everything in (("table", TABLES), ("figure", figures.FIGURES)):
        chosen = getattr(options, name)
        if neither or chosen == []:
            setattr(options, name, list(everything))
        elif chosen is None:
            setattr(options, name, [])
    return options


def main(arguments=None):
    """Run the command; return its exit code."""
    options = parse(arguments)
    if options.render:
        folder = options.page.with_suffix("")
        page.update(options.page, text_of(options, folder))
        return 0
    try:
        # Before anything is written.
        usable = splits.usable(options.data)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2
    for data in set(options.data) - set(usable):
        print(f"{data} is left out: this copy of the data does not record tracks.")
    options.data = usable
    out = options.out or RESULTS / ("quick" if options.quick else "full")
    out.mkdir(parents=True, exist_ok=True)
    parts, files = compute(options, out)
    for name, text in parts.items():
        (out / f"{name.replace(' ', '_')}.md").write_text(text + "\n", encoding="utf-8")
        print(text + "\n")
    if options.page is not None:
        page.update(options.page, parts, files)
    return 0


def compute(options, out):
    """Run what is missing; return name -> text of all parts, and all other files."""
    runs = options.runs or (QUICK_RUNS if options.quick else RUNS)
    jobs = [
        job for data in options.data for job in make_jobs(data, runs, options.quick)
    ]
    lines = run_jobs(jobs, out / "results.jsonl", options.jobs)
    for message in sorted({line["skipped"] for line in lines if "skipped" in line}):
        print(message)
    summary = summarize(lines)
    write_csv(summary, out / "summary.csv")
    compared = acceptance.compare(lines, summary)
    write_csv(compared, out / "comparisons.csv")
    files = [out / "summary.csv", out / "comparisons.csv"]
    parts = text_of(options, out)
    if {"cookie", "mnist"} <= set(options.data) and not options.tables_only:
        wanted = search.make_search_jobs(options.quick)
        found = run_jobs(wanted, out / "results.jsonl", options.jobs)
        write_csv(search.rows_of_search(found), out / "search.csv")
        files.append(out / "search.csv")
        parts["search"] = search.render_search(found)
        wanted = longer.make_longer_jobs(options.quick)
        found = run_jobs(wanted, out / "results.jsonl", options.jobs)
        parts["longer"] = longer.render_longer(found)
    return parts, files + draw(options, lines, out)


def text_of(options, folder):
    """Return name -> text of tables and comparisons, from csv files."""
    summary = read_summary(folder / "summary.csv")
    published = read_published()
    parts = {
        f"table {table}": render(table, summary, published, options.data)
        for table in options.table
    }
    compared = acceptance.read_comparisons(folder / "comparisons.csv")
    return parts | {
        "facts": render_facts(summary, published),
        "comparisons": acceptance.render_comparisons(compared),
    }


def draw(options, lines, out):
    """Draw the figures whose results are there; return their paths."""
    if not options.figure:
        return []
    if find_spec("matplotlib") is None:
        print("Figures are left out: matplotlib is not installed.")
        return []
    paths = []
    for number in options.figure:
        path = figures.draw(number, lines, out)
        if path is None:
            print(f"Figure {number} is left out: it needs data that was not chosen.")
        else:
            paths.append(path)
    return paths


if __name__ == "__main__":
    sys.exit(main())
