"""Command line: run what is missing, then write tables, figures and pages."""

import argparse
import csv
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from benchmarks import page

from . import figures, overview, picture, preprocessing_search, splits
from .claims import render_claims
from .published import read_published
from .run import run_jobs
from .settings import QUICK_RUNS, RUNS, TITLES, make_jobs
from .summary import read_summary, summarize, write_csv
from .tables import TABLES, render, render_own

RESULTS = Path(__file__).parents[1] / "results"
#: Page below the folder of the main page -> the parts that it has.
SUBPAGES = {
    "tables": [f"table {table}" for table in TABLES] + [f"own {d}" for d in TITLES],
    "preprocessing": ["ranking", "finalists", "unexplained"],
}
MAIN = ["overview", "used", "claims"]


def parse(arguments):
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.paper", description=__doc__
    )
    add = parser.add_argument
    add("--data", nargs="+", choices=TITLES, default=list(TITLES))
    add("--runs", type=int, help=f"default: {RUNS}, or {QUICK_RUNS} with --quick")
    add("--quick", action="store_true", help=f"{QUICK_RUNS} runs, no page")
    add("--tables-only", action="store_true", help="leave out the preprocessing search")
    add("--jobs", type=int, default=os.cpu_count(), help="processes")
    add("--out", type=Path, help="default: benchmarks/results/{full,quick}")
    add("--page", type=Path, help="page whose generated parts are to be filled")
    add(
        "--render",
        action="store_true",
        help="compute nothing: fill --page again from the csv files beside it",
    )
    options = parser.parse_args(arguments)
    if options.render and options.page is None:
        parser.error("--render needs --page")
    return options


def main(arguments=None):
    """Run the command; return its exit code."""
    options = parse(arguments)
    if options.render:
        fill(options.page, text_of(options.page.with_suffix("")), [])
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
    files = compute(options, out)
    parts = text_of(out)
    for name, text in parts.items():
        (out / f"{name.replace(' ', '_')}.md").write_text(text + "\n", encoding="utf-8")
        print(text + "\n")
    if options.page is not None:
        fill(options.page, parts, files)
    return 0


def compute(options, out):
    """Run what is missing, write csv files and figures; return their paths."""
    runs = options.runs or (QUICK_RUNS if options.quick else RUNS)
    jobs = [job for data in options.data for job in make_jobs(data, runs)]
    lines = run_jobs(jobs, out / "results.jsonl", options.jobs)
    for message in sorted({line["skipped"] for line in lines if "skipped" in line}):
        print(message)
    summary, published = summarize(lines), read_published()
    files = [out / "summary.csv"]
    write_csv(summary, files[0])
    if not options.tables_only:
        # Cookie's spectra are small.
        wanted = options.data if not options.quick else ["cookie"]
        found = preprocessing_search.run_search(
            wanted, out / "search.jsonl", runs if options.quick else None, options.jobs
        )
        files.append(out / "search.csv")
        write_csv(preprocessing_search.ranking_rows(found), files[-1])
    if not (options.tables_only or options.quick):
        jobs = preprocessing_search.finalist_jobs(options.data)
        found = run_jobs(jobs, out / "results.jsonl", options.jobs)
        files.append(out / "finalists.csv")
        rows = preprocessing_search.finalist_rows(found, lines, published)
        write_csv(rows, files[-1])
    return files + draw(lines, summary, published, out)


def text_of(folder):
    """Return name -> text of all generated parts, from the csv files of a folder."""
    summary, published = read_summary(folder / "summary.csv"), read_published()
    parts = {
        "overview": overview.render_overview(summary, published),
        "used": overview.render_used(),
        "claims": render_claims(summary, published),
        "unexplained": overview.render_unexplained(summary, published),
    }
    for table in TABLES:
        parts[f"table {table}"] = render(table, summary, published)
    for data in dict.fromkeys(entry["data"] for entry in summary):
        parts[f"own {data}"] = render_own(data, summary)
    for name, file, make in (
        ("ranking", "search.csv", overview.render_ranking),
        ("finalists", "finalists.csv", overview.render_finalists),
    ):
        if (folder / file).exists():
            parts[name] = make(read_rows(folder / file))
    return parts


def read_rows(path):
    """Return rows that `write_csv` wrote; numbers and truth values as such."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: _parse(text) for name, text in row.items()}
            for row in csv.DictReader(file)
        ]


def _parse(text):
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def fill(path, parts, files):
    """Fill the main page and those below it, and copy files beside these."""
    page.update(path, {name: parts[name] for name in MAIN}, files)
    for name, wanted in SUBPAGES.items():
        own = {part: parts[part] for part in wanted if part in parts}
        page.update(path.with_suffix("") / f"{name}.md", own)


def draw(lines, summary, published, out):
    """Draw the figures whose results are there; return their paths."""
    if find_spec("matplotlib") is None:
        print("Figures are left out: matplotlib is not installed.")
        return []
    paths = [figures.draw(number, lines, out) for number in figures.FIGURES]
    paths.append(picture.draw_summary(summary, published, out))
    return [path for path in paths if path is not None]


if __name__ == "__main__":
    sys.exit(main())
