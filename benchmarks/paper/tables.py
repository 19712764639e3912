"""The tables: published | re-made | difference in standard errors."""

import csv
import math
from pathlib import Path

from benchmarks.page import markdown

from .settings import LABELS, TITLES
from .summary import best_setting, label, main_budget

PUBLISHED = Path(__file__).with_name("published.csv")
#: Title of every table; the mapping to the paper's numbers is ours.
TABLES = {
    2: "Loss of black-box and bilevel methods at an equal budget, ridge",
    3: "Test error of the same methods, all data sets",
    4: "Every method and setting on cookie",
    5: "Every method and setting on MNIST",
    6: "Every method and setting on GTSRB, both splits",
    7: "Validation loss at every budget, best setting of each method",
}
HEADS = {
    "train_loss": "training loss",
    "validation_loss": "validation loss",
    "test_loss": "test loss",
    "test_error": "test error",
}
EMPTY_SENTENCE = (
    "An empty cell under *published*: the published figure has not been entered in "
    "`benchmarks/paper/published.csv`."
)


def read_published(path=PUBLISHED):
    """Return the known published figures, one dict each."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def find_published(published, table, entry, quantity):
    """Return the published value and its deviation as floats, or None for each.

    An entry of the file fits if table, data, method and setting do; the deviation
    is the quantity of the same name with `_sd`.
    """
    fitting = {
        one["quantity"]: one["value"]
        for one in published
        if one["table"] == str(table)
        and one["data"] == entry["data"]
        and one["method"] == entry["method"]
        and one["setting"] in ("", entry["setting"])
    }
    return tuple(
        float(fitting[name]) if name in fitting else None
        for name in (quantity, f"{quantity}_sd")
    )


def difference(mean, deviation, runs, published, published_deviation=None):
    """Return re-made less published in standard errors of the difference.

    Without a published deviation the published mean counts as exact; with one, as
    the mean of as many runs. None where there is nothing to compare.
    """
    if published is None or runs < 2 or not math.isfinite(mean):
        return None
    variance = (deviation**2 + (published_deviation or 0.0) ** 2) / runs
    if variance == 0:
        return 0.0 if mean == published else math.copysign(math.inf, mean - published)
    return (mean - published) / math.sqrt(variance)


def cells(published, table, entry, quantity):
    """Return the three cells of a quantity."""
    value, spread = find_published(published, table, entry, quantity)
    finite = entry["runs"] - entry["diverged"]
    gap = difference(entry[quantity], entry[f"{quantity}_sd"], finite, value, spread)
    return [
        "" if value is None else f"{value:.4g}",
        remade(entry, quantity),
        "" if gap is None else f"{gap:+.1f}",
    ]


def remade(entry, quantity):
    """Return "mean ± deviation" in four significant digits, or "diverged"."""
    if entry["diverged"] == entry["runs"]:
        return "diverged"
    return spread(entry[quantity], entry[f"{quantity}_sd"])


def spread(mean, deviation):
    """Return "mean ± deviation"; NaN as nothing."""
    if not math.isfinite(mean):
        return ""
    digits = 4 if abs(mean) < 10 else 2
    tail = f" ± {deviation:.{digits}f}" if math.isfinite(deviation) else ""
    return f"{mean:.{digits}f}{tail}"


def render(table, summary, published, data=None):
    """Return the text of a table, or of its part for some data sets."""
    names = [name for name in TITLES if data is None or name in data]
    names = [name for name in names if any(e["data"] == name for e in summary)]
    parts = {
        2: [name for name in names if name in ("cookie", "mnist")],
        3: names,
        4: [name for name in names if name == "cookie"],
        5: [name for name in names if name == "mnist"],
        6: [name for name in names if name.startswith("gtsrb")],
        7: names,
    }[table]
    make = {2: _best, 3: _best, 7: _budgets}.get(table, _settings)
    budget = main_budget(summary)
    text = [f"**Table {table} (our mapping).** {TABLES[table]}."]
    if table != 7:
        text[0] += f" Budget: {budget} gradients."
    for name in parts:
        own = [entry for entry in summary if entry["data"] == name]
        text += [f"*{TITLES[name]}*, {max(e['runs'] for e in own)} runs", ""]
        text[-1] = make(table, own, published, budget)
    text += [EMPTY_SENTENCE, *_homeless(published, table)]
    return "\n\n".join(text)


def _homeless(published, table):
    """Return a sentence on known figures whose row is not known."""
    values = [
        f"{one['value']} ({one['data']}, {HEADS.get(one['quantity'], '')})"
        for one in published
        if one["table"] == str(table) and not one["method"]
    ]
    if not values:
        return []
    return [
        "Published figures of this table whose row has not been entered: "
        + ", ".join(values)
        + "."
    ]


def _methods(own):
    present = {entry["method"] for entry in own}
    return [name for name in LABELS if name in present]


def _best(table, own, published, budget):
    """Return one row per method, at its setting of lowest validation loss."""
    shown = ("train_loss", "validation_loss", "test_loss")
    if table == 3:
        shown = ("test_error",)
    head = ["method", "step sizes"]
    for name in shown:
        head += [f"{HEADS[name]}: published", "re-made", "difference / s.e."]
    rows = []
    for method in _methods(own):
        entry = best_setting(own, own[0]["data"], method, budget)
        row = [label(entry), entry["setting"]]
        for name in shown:
            row += cells(published, table, entry, name)
        rows.append(row)
    return markdown(head, rows)


def _settings(table, own, published, budget):
    """Return one row per method and setting, with what else was measured."""
    head = ["method", "step sizes"]
    for name in ("validation_loss", "test_loss"):
        head += [f"{HEADS[name]}: published", "re-made", "difference / s.e."]
    head += ["lambda", "above the minimum", "published end", "diverged", "converged"]
    rows = []
    for entry in own:
        if entry["budget"] != budget:
            continue
        row = [label(entry), entry["setting"]]
        for name in ("validation_loss", "test_loss"):
            row += cells(published, table, entry, name)
        row += [
            remade(entry, "lambda"),
            "" if math.isnan(entry["excess"]) else f"{entry['excess']:.2g}",
            status(published, table, entry),
            f"{entry['diverged']}/{entry['runs']}",
            f"{entry['converged']}/{entry['runs']}",
        ]
        rows.append(row)
    return markdown(head, rows)


def status(published, table, entry):
    """Return how the published run ended, where that is known."""
    key = (str(table), entry["data"], entry["method"], entry["setting"], "status")
    for one in published:
        own = (one["table"], one["data"], one["method"], one["setting"])
        if (*own, one["quantity"]) == key:
            return one["value"]
    return ""


def _budgets(table, own, published, budget):
    """Return one row per method, validation loss at every budget."""
    budgets = sorted({entry["budget"] for entry in own})
    head = ["method", "step sizes"]
    for one in budgets:
        head += [f"n_g = {one}: published", "re-made", "difference / s.e."]
    rows = []
    for method in _methods(own):
        row, last = [], ""
        for one in budgets:
            entry = best_setting(own, own[0]["data"], method, one)
            keyed = {**entry, "setting": f"{entry['setting']} n_g={one}".strip()}
            row += cells(published, table, keyed, "validation_loss")
            last = entry["setting"]
        rows.append([LABELS[method], last, *row])
    return markdown(head, rows)


def render_facts(summary, published):
    """Return the stated ends of runs beside the re-made ones."""
    budget = main_budget(summary)
    head = ["data", "method", "step sizes", "published", "diverged", "validation loss"]
    rows = []
    for one in published:
        for entry in summary:
            same = all(entry[key] == one[key] for key in ("data", "method", "setting"))
            if one["quantity"] != "status" or not same or entry["budget"] != budget:
                continue
            agrees = entry["diverged"] == entry["runs"] * (one["value"] == "diverged")
            rows.append(
                [
                    entry["data"],
                    label(entry),
                    entry["setting"],
                    one["value"],
                    f"{entry['diverged']} of {entry['runs']} runs",
                    remade(entry, "validation_loss"),
                    "yes" if agrees else "no",
                ]
            )
    return markdown([*head, "agrees"], rows, align_left=4)
