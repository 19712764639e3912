"""The tables: published | reproduced | difference in standard errors."""

import math

from benchmarks.page import markdown

from .preprocessing import Choice
from .published import QUANTITIES, UNIT
from .settings import LABELS, PREPROCESSING, TABLE_OF, TITLES
from .summary import entry_of, label

#: Title of every table.
TABLES = {
    2: "Losses at one budget: the best step sizes, n_S = 2 for the searches",
    3: "Algorithm 3, exact steps",
    4: "cookie",
    5: "MNIST regression",
    6: "MNIST classification",
    7: "GTSRB",
}
HEADS = {
    "train_loss": "training",
    "validation_loss": "validation",
    "test_loss": "test",
    "n_iter": "iterations",
}
#: A difference within this many standard errors is no difference.
WITHIN = 2.0
#: Runs of the paper.
PUBLISHED_RUNS = 10


def difference(mean, deviation, runs, published, published_deviation):
    """Return reproduced minus published, in standard errors of the difference.

    None where there are too few runs for an error.
    """
    if runs < 2 or not math.isfinite(mean):
        return None
    variance = deviation**2 / runs + published_deviation**2 / PUBLISHED_RUNS
    if variance == 0:
        return 0.0 if mean == published else math.copysign(math.inf, mean - published)
    return (mean - published) / math.sqrt(variance)


def unit_of(row, quantity):
    """Return what one printed unit is: Table 3 has losses as they are."""
    return UNIT if quantity != "n_iter" else 1.0


def gap(row, entry, quantity):
    """Return the difference of a published figure, None if there is none."""
    if entry is None or entry["diverged"]:
        return None
    unit = unit_of(row, quantity)
    mean, deviation = entry[quantity] / unit, entry[f"{quantity}_sd"] / unit
    return difference(mean, deviation, entry["runs"], *row.values[quantity])


def cells(row, entry, quantity):
    """Return the three cells of a figure; none is empty."""
    mean, deviation = row.values[quantity]
    published = f"{mean:g} ± {deviation:g}"
    if entry is None:
        return [published, "left out", "-"]
    if entry["diverged"]:
        return [published, ended(entry), "-"]
    found = gap(row, entry, quantity)
    return [
        published,
        spread(entry, quantity, unit_of(row, quantity)),
        "one run" if found is None else f"{found:+.1f}",
    ]


def ended(entry):
    """Return in words how many runs diverged."""
    if entry["diverged"] == entry["runs"]:
        return "diverged"
    return f"{entry['diverged']} of {entry['runs']} diverged"


def spread(entry, quantity, unit=UNIT):
    """Return "mean ± deviation" in printed units."""
    if entry["diverged"]:
        return ended(entry)
    mean, deviation = entry[quantity] / unit, entry[f"{quantity}_sd"] / unit
    if not math.isfinite(mean):
        return "not finite"
    tail = f" ± {deviation:.2f}" if math.isfinite(deviation) else ", one run"
    return f"{mean:.2f}{tail}"


def share_within(rows, summary):
    """Return figures within two standard errors, figures compared, figures diverged."""
    within = compared = diverged = 0
    for row in rows:
        entry = entry_of(summary, row)
        for quantity in row.values:
            found = gap(row, entry, quantity)
            compared += found is not None
            within += found is not None and abs(found) <= WITHIN
            diverged += entry is not None and entry["diverged"] > 0
    return within, compared, diverged


def render(table, summary, published):
    """Return the text of a table: one row per published row, then our own."""
    rows = [row for row in published if row.table == table]
    text = [f"**Table {table}.** {TABLES[table]}."]
    if table == 3:
        text[0] += " The published losses stand as printed, without a factor of 1e-2."
    else:
        text[0] += " Losses in 1e-2; the training loss has the penalty in it."
    for data in dict.fromkeys(row.data for row in rows):
        own = [row for row in rows if row.data == data]
        if not any(entry["data"] == data for entry in summary):
            continue
        text += [f"*{TITLES[data]}*; {Choice(*PREPROCESSING[data])}."]
        text.append(_published_rows(table, own, summary))
    return "\n\n".join(text)


def _published_rows(table, rows, summary):
    names = [name for name in QUANTITIES if name in rows[0].values]
    head = ["method, setting", "n_g"]
    for name in names:
        head += [f"{HEADS[name]}: published", "reproduced", "difference / s.e."]
    body = []
    for row in rows:
        entry = entry_of(summary, row)
        setting = "" if entry is None else entry["setting"]
        line = [label(row.method, setting, row.n_trials), budget(entry)]
        for name in names:
            line += cells(row, entry, name)
        body.append(line)
    return markdown(head, body)


def budget(entry):
    """Return the counted gradients, or a dash for exact steps."""
    if entry is None or not math.isfinite(entry["n_gradients"]):
        return "-"
    return f"{entry['n_gradients']:.0f}"


def render_own(data, summary):
    """Return the rows of a data set that the paper does not have."""
    known = ("sho", "myhpo-c", "myhpo-bt", "random", "grid", "hyperopt", "spearmint")
    own = [
        entry
        for entry in summary
        if entry["data"] == data
        and (data not in TABLE_OF or entry["method"] not in known)
    ]
    order = list(LABELS)
    own.sort(key=lambda entry: order.index(entry["method"]))
    head = ["method, setting", "training", "validation", "test"]
    head += ["validation of the exact model", "lambda", "iterations"]
    body = [
        [label(entry["method"], entry["setting"], entry["n_trials"])]
        + [spread(entry, name) for name in ("train_loss", "validation_loss")]
        + [spread(entry, "test_loss"), spread(entry, "exact_validation_loss")]
        + [spread(entry, "lambda", 1.0), f"{entry['n_iter']:.0f}"]
        for entry in own
    ]
    return markdown(head, body, align_left=1)
