"""Figures 1-4 and those of the fixed points, drawn from results only."""

import numpy as np

from benchmarks.drawing import RC, save

from .settings import GROWN, LABELS, LAMBDA_INIT, TITLES
from .summary import spell

#: Okabe & Ito's palette, safe for colour-blind readers, with a line style each.
STYLES = {
    "sho": ("#D55E00", (0, (1, 1.2))),
    "myhpo-c": ("#0072B2", (0, (5, 1.5))),
    "myhpo-bt": ("#009E73", "-"),
    "exact": ("#CC79A7", (0, (4, 1.2, 1, 1.2))),
    "exact-both": ("#000000", (0, (7, 1.5))),
}
FLOOR_COLOR = "#777777"
#: Figure -> data set and alpha of SHO, MY-HPO (C) and (BT); the mapping is ours.
LOSS_FIGURES = {
    1: ("cookie", 0.005),
    2: ("cookie", 0.05),
    3: ("mnist", 0.005),
    4: ("gtsrb", 0.5),
}
FIGURES = {
    **{number: f"loss-{number}" for number in LOSS_FIGURES},
    5: "residuals",
    6: "fixed-points",
}
SIZE = (6.5, 4.0)


def draw(number, lines, folder):
    """Draw a figure into a folder; return its path, or None without results."""
    from matplotlib import pyplot as plt

    with plt.rc_context(RC):
        if number in LOSS_FIGURES:
            figure = draw_losses(lines, *LOSS_FIGURES[number])
        else:
            figure = {5: draw_residuals, 6: draw_fixed_points}[number](lines)
        if figure is None:
            return None
        path = folder / f"{FIGURES[number]}.png"
        save(figure, path)
        plt.close(figure)
    return path


def find(lines, data, method, alpha=None):
    """Return the lines of a method, those of step size `alpha` if it has any."""
    return [
        line
        for line in lines
        if line["job"]["data"] == data
        and line["job"]["method"] == method
        and "trace" in line
        and (
            alpha is None
            or not line["job"]["steps"]
            or line["job"]["steps"][0] == alpha
        )
    ]


def band(lines, name):
    """Return iterations, and median, lowest and highest value over runs.

    A run that has converged stays where it is; where a run has diverged the curve
    of all ends.
    """
    ends = [line["trace"][-1]["n_iter"] for line in lines]
    broken = [
        end
        for line, end in zip(lines, ends, strict=True)
        if line["records"][-1]["status"] == "diverged"
    ]
    last = min(broken, default=max(ends))
    x = np.unique(np.geomspace(1, last, 120).astype(int))
    values = np.array(
        [
            np.interp(
                x,
                [row["n_iter"] for row in line["trace"]],
                [row[name] for row in line["trace"]],
            )
            for line in lines
        ]
    )
    return x, np.median(values, axis=0), values.min(axis=0), values.max(axis=0)


def draw_losses(lines, data, alpha):
    """Draw training and validation loss against iterations."""
    from matplotlib import pyplot as plt

    # (C) after (BT): dashes on a line are seen where both coincide.
    methods = ("sho", "myhpo-bt", "myhpo-c", "exact", "exact-both")
    chosen = {name: find(lines, data, name, alpha) for name in methods}
    floors = find(lines, data, "floor")
    if not floors or not all(chosen.values()):
        return None
    floor = np.median([line["records"][0]["validation_loss"] for line in floors])
    start = np.median([line["records"][0]["zero_loss"] for line in floors])
    unit = "nats" if data.startswith("gtsrb") else "var y"
    figure, axes = plt.subplots(1, 2, figsize=SIZE, sharex=True)
    for axis, name in zip(axes, ("train_loss", "validation_loss"), strict=True):
        lowest, highest = floor if name == "validation_loss" else np.inf, 0.0
        for method, own in chosen.items():
            # What diverges is far outside of the picture, and fits its arithmetic.
            x, *values = band(own, name)
            middle, low, high = np.minimum(values, GROWN * start)
            color, style = STYLES[method]
            axis.plot(x, middle, color=color, linestyle=style, label=name_of(own))
            axis.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0)
            lowest, highest = min(lowest, middle.min()), max(highest, middle.max())
        axis.set(xscale="log", yscale="log", xlabel="iteration")
        # Divergence leaves the picture, and so does a loss that runs to zero.
        axis.set_ylim(max(lowest, 1e-3 * start) / 1.3, 1.3 * min(highest, 3 * start))
        _plain_numbers(axis)
        kind = "training" if name == "train_loss" else "validation"
        axis.set_ylabel(f"{kind} loss ({unit})")
    axes[1].axhline(floor, color=FLOOR_COLOR, linewidth=1.0, label="minimum")
    finish(figure, axes[1], f"{TITLES[data]}; median and range of {len(floors)} runs")
    return figure


def _plain_numbers(axis):
    """Label 1, 2 and 5 of every decade, without exponents."""
    from matplotlib.ticker import LogLocator

    axis.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("{x:g}")


def name_of(own):
    """Return the legend of a method: label and step sizes."""
    job = own[0]["job"]
    steps = ", ".join(spell(job["steps"]).split())
    ended = sum(line["records"][-1]["status"] == "diverged" for line in own)
    note = f", {ended}/{len(own)} diverged" if ended else ""
    return f"{LABELS[job['method']]}{f' ({steps})' if steps else ''}{note}"


def finish(figure, axis, title):
    """Put title and legend outside of the data."""
    handles, labels = axis.get_legend_handles_labels()
    figure.suptitle(title, fontsize=10)
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=2 + (len(labels) == 3),
        fontsize=8,
    )
    figure.set_layout_engine("constrained")


def draw_residuals(lines):
    """Draw r, s and u against iterations: Proposition 2 and Claim 1."""
    from matplotlib import pyplot as plt

    data_sets = ("mnist", "gtsrb")
    chosen = {
        (data, method): find(lines, data, method)
        for data in data_sets
        for method in ("exact", "exact-both")
    }
    if not all(chosen.values()):
        return None
    figure, axes = plt.subplots(
        2, 2, figsize=(6.5, 5.0), sharex=True, sharey="row", squeeze=False
    )
    kinds = (
        ("r", "primal residual |r|", "#0072B2", "-"),
        ("s", "dual residual |s|", "#D55E00", (0, (5, 1.5))),
        ("u", "multiplier |u|", "#000000", (0, (1, 1.2))),
    )
    for (data, method), own in chosen.items():
        row, column = data_sets.index(data), int(method == "exact-both")
        axis = axes[row, column]
        for name, text, color, style in kinds:
            x, middle, low, high = band(own, name)
            axis.plot(x, middle, color=color, linestyle=style, label=text)
            axis.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0)
        axis.set(xscale="log", yscale="log")
        kind = "ridge (MNIST)" if row == 0 else "logistic (GTSRB)"
        name = "corrected" if column else "published"
        axis.set_title(f"{kind}, {name}", fontsize=9)
        if row == 1:
            axis.set_xlabel("iteration")
        if column == 0:
            axis.set_ylabel("Euclidean norm")
    runs = len(chosen["mnist", "exact"])
    title = f"Algorithm 3, rho = 1, lambda from {LAMBDA_INIT:g}; {runs} runs"
    finish(figure, axes[0, 0], title)
    return figure


#: Method -> marker, size, colour and legend of its end.
ENDS = {
    "floor": ("o", 9, "#E69F00", "minimum"),
    "exact": ("X", 8, "#CC79A7", "Algorithm 3, as published"),
    # Has the same fixed points, and reaches them within the budget.
    "exact-hessian": ("x", 6, "#0072B2", "Algorithm 3, Hessian metric"),
    "exact-both": ("+", 9, "#000000", "Algorithm 3, tangent + Hessian"),
}


def draw_fixed_points(lines):
    """Draw the validation loss against lambda with both fixed points of run 0."""
    from matplotlib import pyplot as plt

    data_sets = ("cookie", "mnist", "gtsrb")
    chosen = {
        (data, name): [one for one in find(lines, data, name) if not one["job"]["seed"]]
        for data in data_sets
        for name in ENDS
    }
    if not all(chosen.values()):
        return None
    figure, axes = plt.subplots(1, 3, figsize=(6.5, 3.4))
    for data, axis in zip(data_sets, axes, strict=True):
        _draw_curve(axis, {name: chosen[data, name][0] for name in ENDS})
        axis.set_title(TITLES[data].split(",")[0].split(" (")[0], fontsize=9)
        axis.set_xlabel("$\\lambda$ (natural log)")
        axis.set_ylabel("nats" if data == "gtsrb" else "var y", labelpad=1)
    axes[0].set_ylabel("validation loss (var y)")
    finish(figure, axes[0], "Validation loss of the exact weights, run 0")
    return figure


def _draw_curve(axis, own):
    """Draw one curve and the ends on it, as much of it as tells them apart."""
    curve = sorted(own["floor"]["trace"], key=lambda row: row["lambda"])
    place = np.array([row["lambda"] for row in curve])
    loss = np.array([row["validation_loss"] for row in curve])
    axis.plot(place, loss, color=FLOOR_COLOR, label="exact weights")
    places, heights = [], []
    for name, (marker, size, color, text) in ENDS.items():
        end = own[name]["records"][-1]
        places.append(end["lambda"])
        heights.append(end["exact_validation_loss"])
        axis.plot(
            places[-1],
            heights[-1],
            marker,
            color=color,
            markersize=size,
            markerfacecolor="none" if marker == "o" else color,
            markeredgewidth=1.6,
            label=text,
            clip_on=False,
            zorder=3,
        )
    low = min(heights)
    top = low + max(3 * (max(heights) - low), 0.2 * low)
    axis.set_ylim(low - 0.1 * (top - low), top)
    seen = place[loss <= top]
    axis.set_xlim(min(*places, *seen) - 0.7, max(*places, *seen) + 0.7)
