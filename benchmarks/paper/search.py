"""The search over preprocessings, and how each agrees with what is known.

The paper states no scaling. Whatever is picked from this table is fitted to the
facts in it, not stated by the paper.
"""

from itertools import product

from benchmarks.page import markdown

from .settings import PREPROCESSING, SHO_BETA, Job, protocol_of

BASES = ("none", "difference", "second_difference", "snv")
SCALINGS = ("none", "centred", "standardized", "unit_interval", "unit_rows")
OPTIONS = ("", ", raw y", ", all rows", ", raw y, all rows")
#: What is known of the cookie runs: method, step sizes, does it diverge?
FACTS = {
    "SHO .05 diverges": ("sho", (0.05, SHO_BETA), True),
    "SHO .005 converges": ("sho", (0.005, SHO_BETA), False),
    "MY-HPO (C) converges": ("myhpo-c", (0.005, 0.01, 0.5), False),
    "MY-HPO (BT) converges": ("myhpo-bt", (0.005, 0.01, 0.5), False),
}
#: Stated: the number of features of cookie.
D_COOKIE = 699
#: Features of cookie, and what differences leave of them.
D_RAW, D_OF_BASE = 700, {"difference": 699, "second_difference": 698}
SEARCH_RUNS, SEARCH_BUDGET = 3, 1000  # chosen here
#: MNIST's pixels are no signal along the row, so only these.
MNIST_STEPS = ("none", "centred", "standardized", "unit_interval", "unit_rows", "snv")
SHOWN = 12


def variants(data):
    """Return the preprocessings of a data set."""
    if data == "mnist":
        names = MNIST_STEPS
    else:
        names = [
            "+".join(step for step in pair if step != "none") or "none"
            for pair in product(BASES, SCALINGS)
        ]
    return [name + option for name, option in product(names, OPTIONS)]


def make_search_jobs(quick=False):
    """Return the jobs of the search."""
    runs, budget = (1, 200) if quick else (SEARCH_RUNS, SEARCH_BUDGET)
    jobs = [
        Job("cookie", method, steps, seed, (budget,), variant, protocol_of("cookie"))
        for variant in variants("cookie")
        for seed in range(runs)
        for method, steps, _ in FACTS.values()
    ]
    return jobs + [
        Job("mnist", "floor", (), seed, (budget,), variant, protocol_of("mnist"))
        for variant in variants("mnist")
        for seed in range(runs)
    ]


def holds(line, diverges):
    """Whether a run ended as stated; to converge is to end below zero weights."""
    end = line["records"][-1]
    if diverges:
        return end["status"] == "diverged"
    return end["status"] != "diverged" and end["validation_loss"] < end["zero_loss"]


def score(lines):
    """Return one dict per preprocessing of cookie, the best agreement first."""
    rows = []
    for variant in variants("cookie"):
        own = [
            line
            for line in lines
            if line["job"]["data"] == "cookie"
            and line["job"]["preprocessing"] == variant
        ]
        row = {"preprocessing": variant}
        row["d"] = D_OF_BASE.get(variant.split(", ")[0].split("+")[0], D_RAW)
        row["agreement"] = float(row["d"] == D_COOKIE)
        for name, (method, steps, diverges) in FACTS.items():
            runs = [
                line
                for line in own
                if line["job"]["method"] == method
                and tuple(line["job"]["steps"]) == steps
            ]
            row[name] = sum(holds(line, diverges) for line in runs) / max(len(runs), 1)
            row["agreement"] += row[name]
        rows.append(row)
    # Where facts cannot tell, the one that was chosen comes first.
    chosen = PREPROCESSING["cookie"]
    return sorted(
        rows, key=lambda row: (-row["agreement"], row["preprocessing"] != chosen)
    )


def mnist_errors(lines):
    """Return the least test error, 1 - R2, of MNIST under every preprocessing."""
    rows = []
    for variant in variants("mnist"):
        ends = [
            line["records"][-1]
            for line in lines
            if line["job"]["data"] == "mnist"
            and line["job"]["preprocessing"] == variant
        ]
        if ends:
            row = {"preprocessing": variant}
            for name in ("validation_loss", "test_loss", "test_error"):
                row[name] = sum(end[name] for end in ends) / len(ends)
            rows.append(row)
    return rows


def rows_of_search(lines):
    """Return the whole search as dicts."""
    rows = [{"data": "cookie", **row} for row in score(lines)]
    return rows + [{"data": "mnist", **row} for row in mnist_errors(lines)]


def render_search(lines):
    """Return the search as text: the best of cookie, and MNIST."""
    rows = score(lines)
    best = rows[0]["agreement"]
    level = sum(row["agreement"] == best for row in rows)
    head = ["preprocessing of cookie", "d", *FACTS, "facts"]
    body = [
        [row["preprocessing"], row["d"]]
        + [f"{100 * row[name]:.0f} %" for name in FACTS]
        + [f"{row['agreement']:.2f}"]
        for row in rows[: max(SHOWN, level)]
    ]
    mnist = [
        [row["preprocessing"], *(f"{row[name]:.4f}" for name in list(row)[1:])]
        for row in mnist_errors(lines)
    ]
    return "\n\n".join(
        [
            f"**Preprocessings of cookie.** Share of runs that end as the paper says, "
            f"and their sum with d = {D_COOKIE}; at most {1 + len(FACTS)}. {level} of "
            f"{len(rows)} preprocessings share the first place; the rest of the list "
            "is in `search.csv`. y is divided by its standard deviation and "
            "statistics are those of the training rows unless a row says otherwise.",
            markdown(head, body, align_left=1),
            "**Preprocessings of MNIST.** Losses at the minimum over lambda, and the "
            "test error 1 - R2 there.",
            markdown(
                ["preprocessing of MNIST", "validation loss", "test loss", "1 - R2"],
                mnist,
                align_left=1,
            ),
        ]
    )
