"""From lines of results to means and standard deviations over runs."""

import csv
from pathlib import Path

import numpy as np

from .settings import LABELS

QUANTITIES = (
    "train_loss",
    "validation_loss",
    "test_loss",
    "test_error",
    "exact_validation_loss",
    "excess",
    "lambda",
    "n_iter",
    "n_gradients",
    "n_inner_solves",
)
KEYS = ("data", "method", "setting", "budget")
COUNTS = ("runs", "diverged", "converged")


def spell(steps):
    """Return step sizes as one word per size; "" for none."""
    return " ".join(f"{size:g}" for size in steps)


def rows_of(lines):
    """Return one flat dict per run and budget; skipped jobs have none.

    `excess` is how far the exact validation loss of the method's lambda is above
    the run's minimum; a run whose floor is not among the lines has NaN there.
    """
    rows = []
    for line in lines:
        job = line["job"]
        for one in line.get("records", ()):
            setting = spell(job["steps"])
            rows.append({**job, "setting": setting, **one})
    floors = {
        (row["data"], row["seed"]): row["exact_validation_loss"]
        for row in rows
        if row["method"] == "floor"
    }
    for row in rows:
        floor = floors.get((row["data"], row["seed"]), np.nan)
        exact = row["exact_validation_loss"]
        row["excess"] = np.nan if exact is None else exact - floor
    return rows


def mean_and_deviation(values):
    """Return mean and standard deviation (n - 1); NaN where there are too few."""
    values = np.asarray(values, dtype=float)
    if len(values) == 0:
        return np.nan, np.nan
    return values.mean(), values.std(ddof=1) if len(values) > 1 else np.nan


def summarize(lines):
    """Return one dict per data set, method, setting and budget.

    Diverged runs are counted and left out of means: what they leave behind is
    whatever the last finite number happened to be.
    """
    groups = {}
    for row in rows_of(lines):
        groups.setdefault(tuple(row[key] for key in KEYS), []).append(row)
    summary = []
    for key, rows in groups.items():
        finite = [row for row in rows if row["status"] != "diverged"]
        entry = dict(zip(KEYS, key, strict=True))
        entry["runs"] = len(rows)
        entry["diverged"] = len(rows) - len(finite)
        entry["converged"] = sum(row["status"] == "converged" for row in rows)
        for name in QUANTITIES:
            mean, deviation = mean_and_deviation([row[name] for row in finite])
            entry[name], entry[f"{name}_sd"] = float(mean), float(deviation)
        summary.append(entry)
    return summary


def write_csv(rows, path):
    """Write dicts as csv; floats to six digits, a name that a row lacks is empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()}
            )


def read_summary(path):
    """Return a summary that `write_csv` wrote."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return [
            {name: _parse(name, text) for name, text in row.items()}
            for row in csv.DictReader(file)
        ]


def _parse(name, text):
    if name in ("data", "method", "setting"):
        return text
    return int(text) if name in ("budget", *COUNTS) else float(text)


def main_budget(summary):
    """Return the largest budget."""
    return max(entry["budget"] for entry in summary)


def best_setting(summary, data, method, budget):
    """Return the entry of lowest mean validation loss among those that all ended.

    If every setting has diverged runs, the one with the fewest.
    """
    entries = [
        entry
        for entry in summary
        if (entry["data"], entry["method"], entry["budget"]) == (data, method, budget)
    ]
    if not entries:
        return None
    return min(
        entries,
        key=lambda entry: (
            entry["diverged"],
            np.nan_to_num(entry["validation_loss"], nan=np.inf),
        ),
    )


def label(entry):
    """Return the name of a method for people."""
    return LABELS[entry["method"]]
