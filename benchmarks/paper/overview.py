"""The first lines of the page, and what it says of the preprocessing search."""

from benchmarks.page import markdown

from . import claims, wording
from .preprocessing import Choice
from .settings import PREPROCESSING, TABLE_OF, TITLES
from .summary import entry_of, find, label
from .tables import HEADS, gap, share_within

SHOWN = 3


def shares(summary, published):
    """Return table -> (within two standard errors, compared, diverged)."""
    found = {}
    for table in sorted({row.table for row in published}):
        rows = [row for row in published if row.table == table]
        found[table] = share_within(rows, summary)
    return found


def render_overview(summary, published):
    """Return the lines at the top of the page."""
    tables = shares(summary, published)
    within = sum(one[0] for table, one in tables.items() if table > 3)
    everything = sum(one[1] + one[2] for table, one in tables.items() if table > 3)
    runs = sorted({entry["runs"] for entry in summary})
    runs = " to ".join(str(one) for one in dict.fromkeys((runs[0], runs[-1])))
    verdicts = [judge(summary, published) for judge in claims.CLAIMS[:5]]
    lines = [
        f"Of the {everything} losses of Tables 4 to 7, {within} "
        f"({percent(within, everything)}) are reproduced within two standard errors of "
        f"the difference, from {runs} runs at the paper's settings.",
        "By table: "
        + ", ".join(
            f"Table {table} {one[0]} of {one[1] + one[2]}"
            for table, one in tables.items()
        )
        + ".",
    ]
    lines += [f"*{claim.text}* {claim.verdict}." for claim in verdicts]
    for data in claims.data_of(summary):
        floor = find(summary, data, "floor")
        default = find(summary, data, "default")
        mine = claims.best_of(summary, data, "myhpo-bt")
        lines.append(
            f"{wording.short(data)}: MY-HPO (BT) ends at "
            f"{claims.loss_of(mine):.2f}; the minimum over lambda is "
            f"{claims.loss_of(floor):.2f}, and this package's default ends at "
            f"{claims.loss_of(default):.2f} after {default['n_iter']:.0f} iterations."
        )
    return "\n".join(f"- {line}" for line in lines)


def percent(part, whole):
    """Return a share in words."""
    return f"{100 * part / max(whole, 1):.0f} %"


def render_used():
    """Return the preprocessing in use, one line a data set."""
    return "\n".join(
        f"- {TITLES[data].split(',')[0]}: {Choice(*PREPROCESSING[data])}"
        for data in TABLE_OF
    )


def render_ranking(rows):
    """Return the nearest choices of the first part, and the one in use."""
    head = ["data", "place", "choice", "runs", "training", "validation", "test"]
    head += ["of 3 within 2 s.e."]
    body = []
    for data in dict.fromkeys(row["data"] for row in rows):
        own = [row for row in rows if row["data"] == data]
        shown = [row for row in own if int(row["place"]) <= SHOWN or row["used"]]
        for row in shown:
            line = [TITLES[data].split(",")[0], f"{row['place']} of {row['of']}"]
            line.append(row["choice"] + (" (in use)" if row["used"] else ""))
            line.append(str(row["runs"]))
            for name in ("train_loss", "validation_loss", "test_loss"):
                line.append(f"{100 * row[name]:.2f} ± {100 * row[name + '_sd']:.2f}")
            body.append([*line, str(row["explained"])])
    return markdown(head, body, align_left=3)


def render_finalists(rows):
    """Return how many figures of each table every finalist explains."""
    head = [
        "data",
        "choice",
        "runs",
        "within 2 s.e.",
        "of",
        "share",
        "in diverged rows",
    ]
    body = [
        [
            TITLES[row["data"]].split(",")[0],
            row["choice"] + (" (in use)" if row["used"] else ""),
            row["runs"],
            row["within"],
            row["figures"],
            percent(row["within"], row["figures"]),
            row["diverged"],
        ]
        for row in rows
    ]
    return markdown(head, body)


def render_unexplained(summary, published):
    """Return the published rows of which no figure is within two standard errors."""
    lines = []
    for row in published:
        entry = entry_of(summary, row)
        if entry is None or row.table == 2:
            continue
        gaps = {name: gap(row, entry, name) for name in row.values}
        if entry["diverged"]:
            what = f"{entry['diverged']} of {entry['runs']} of our runs diverge"
        elif all(value is not None and abs(value) > 2 for value in gaps.values()):
            what = "differences " + ", ".join(
                f"{HEADS[name]} {value:+.1f}" for name, value in gaps.items()
            )
        else:
            continue
        name = label(row.method, entry["setting"], row.n_trials)
        lines.append(f"- Table {row.table}, {name}: {what}.")
    return "\n".join(lines) or "- None."
