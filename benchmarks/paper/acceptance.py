"""Which method is lower on the same runs, and by how much."""

import csv

from .settings import TITLES
from .summary import KEYS, best_setting, label, main_budget, mean_and_deviation, rows_of
from .tables import markdown

#: First is to be at or below second. Every corrected form has a row of its own: the
#: best of several, picked afterwards, would win too easily.
COMPARISONS = (
    ("myhpo-bt", "sho"),
    ("bt-tangent", "myhpo-bt"),
    ("bt-hessian", "myhpo-bt"),
    ("bt-both", "myhpo-bt"),
    ("exact", "myhpo-bt"),
    ("exact-tangent", "exact"),
    ("exact-hessian", "exact"),
    ("exact-both", "exact"),
    ("exact-both", "myhpo-bt"),
    ("default", "myhpo-bt"),
)


def paired(lines, first, second, quantity):
    """Return a difference between two methods, run by run.

    Parameters
    ----------
    lines : list of dict
        Results.
    first, second : dict
        Entries of their summary; first less second.
    quantity : str
        What of theirs.

    Returns
    -------
    dict
        Mean, its standard error, runs with first at or below second, all runs.
        Runs of which one has diverged are left out.
    """
    values = [{}, {}]
    for row in rows_of(lines):
        for own, entry in zip(values, (first, second), strict=True):
            same = all(row[key] == entry[key] for key in KEYS)
            if same and row["status"] != "diverged":
                own[row["seed"]] = row[quantity]
    seeds = sorted(values[0].keys() & values[1].keys())
    gaps = [values[0][seed] - values[1][seed] for seed in seeds]
    mean, deviation = mean_and_deviation(gaps)
    return {
        "mean": float(mean),
        "standard_error": float(deviation / max(len(gaps), 1) ** 0.5),
        "wins": int(sum(gap <= 0 for gap in gaps)),
        "runs": len(gaps),
    }


def compare(lines, summary):
    """Return one dict per data set and comparison."""
    budget, rows = main_budget(summary), []
    for data in TITLES:
        for sides in COMPARISONS:
            entries = [best_setting(summary, data, name, budget) for name in sides]
            if None in entries:
                continue
            row = {"data": data}
            for side, entry in zip(("first", "second"), entries, strict=True):
                row[side] = f"{label(entry)} {entry['setting']}".strip()
            for name in ("validation_loss", "exact_validation_loss", "test_loss"):
                found = paired(lines, *entries, name)
                row |= {f"{name}_{key}": value for key, value in found.items()}
            rows.append(row)
    return rows


def read_comparisons(path):
    """Return comparisons that `write_csv` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {
                name: text if name in ("data", "first", "second") else float(text)
                for name, text in row.items()
            }
            for row in csv.DictReader(file)
        ]


def render_comparisons(rows):
    """Return the comparisons as text."""
    head = ["data", "is to be lower", "than", "difference ± s.e.", "runs", "holds"]
    head += ["exact loss of its lambda: difference ± s.e.", "runs"]
    body = []
    for row in rows:
        line = [row["data"], row["first"], row["second"]]
        for name in ("validation_loss", "exact_validation_loss"):
            mean, error = row[f"{name}_mean"], row[f"{name}_standard_error"]
            line.append(f"{mean:+.5f} ± {error:.5f}")
            line.append(f"{row[f'{name}_wins']:.0f}/{row[f'{name}_runs']:.0f}")
            if name == "validation_loss":
                line.append("yes" if mean <= 0 else "no")
        body.append(line)
    return "\n\n".join(
        [
            "**Comparisons on the same runs.** Validation loss at the largest budget, "
            "best setting of either side; *runs*: those in which it is not higher.",
            markdown(head, body, align_left=3),
        ]
    )
