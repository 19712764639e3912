"""From lines of results to means and standard deviations over runs."""

import csv
from pathlib import Path

import numpy as np

from .settings import LABELS, LEVELS

#: Primal and dual residual, and the multiplier.
RESIDUALS = ("r", "s", "u")
QUANTITIES = (
    *(f"{name}_left" for name in RESIDUALS),
    "train_loss",
    "validation_loss",
    "test_loss",
    "exact_validation_loss",
    "lambda",
    "n_iter",
    "n_gradients",
    "seconds",
)
KEYS = ("data", "method", "setting", "n_trials")
COUNTS = ("runs", "diverged", "converged")


def spell(steps):
    """Return step sizes as the published file spells them; "" for none."""
    names = ("alpha", "beta", "delta")
    return ",".join(
        f"{name}={size:g}" for name, size in zip(names, steps, strict=False)
    )


def rows_of(lines):
    """Return one flat dict per run; skipped jobs have none."""
    return [
        {
            **line["job"],
            "setting": spell(line["job"]["steps"]),
            **line["record"],
            **_residuals(line["trace"]),
        }
        for line in lines
        if "record" in line
    ]


def _residuals(trace):
    """Return what is left at the end of the largest r, s and u of a run."""
    found = {}
    for name in RESIDUALS:
        values = [row[name] for row in trace if row.get(name) is not None]
        largest = max(values, default=0.0)
        found[f"{name}_left"] = values[-1] / largest if largest > 0 else None
    return found


def mean_and_deviation(values):
    """Return mean and standard deviation (n - 1); NaN where there are too few."""
    values = np.asarray([v for v in values if v is not None], dtype=float)
    if len(values) == 0:
        return np.nan, np.nan
    return values.mean(), values.std(ddof=1) if len(values) > 1 else np.nan


def summarize(lines):
    """Return one dict per data set, method, setting and number of trials.

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
        for level in LEVELS:
            key = f"{level:g}"
            reached = [row.get("reached", {}).get(key) for row in finite]
            entry[f"reached_{key}"] = sum(one is not None for one in reached)
            entry[f"n_iter_{key}"] = float(mean_and_deviation(reached)[0])
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
    whole = name in ("n_trials", *COUNTS) or name.startswith("reached_")
    return int(text) if whole else float(text)


def find(summary, data, method, setting="", n_trials=0):
    """Return the entry of a method with a setting, or None."""
    for entry in summary:
        if tuple(entry[key] for key in KEYS) == (data, method, setting, n_trials):
            return entry
    return None


def entry_of(summary, row):
    """Return the entry of a published row, or None."""
    data, method, steps, n_trials = row.key
    return find(summary, data, method, spell(steps), n_trials)


def label(method, setting="", n_trials=0):
    """Return a method with its setting, for people."""
    text = LABELS[method]
    if setting:
        text += (
            " (" + ", ".join(part.split("=")[1] for part in setting.split(",")) + ")"
        )
    return text + (f", n_S = {n_trials}" if n_trials else "")
