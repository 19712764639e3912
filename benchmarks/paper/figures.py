"""Figures 1 to 4 and that of the residuals, drawn from results only."""

import numpy as np

from benchmarks.drawing import RC, STYLES, save

from .published import UNIT, read_published
from .settings import GROWN, LABELS, REGRESSION, STEPS, TITLES
from .summary import spell

#: Figure of the paper -> data set.
LOSS_FIGURES = {
    1: "gtsrb",
    2: "cookie",
    3: "mnist-regression",
    4: "mnist-classification",
}
FIGURES = {**{number: f"loss-{number}" for number in LOSS_FIGURES}, 5: "residuals"}
LINES = ("-", (0, (5, 1.5)), (0, (1, 1.2)))
FLOOR_COLOR = "#777777"
WIDTH = 6.5


def draw(number, lines, folder):
    """Draw a figure into a folder; return its path, or None without results."""
    from matplotlib import pyplot as plt

    with plt.rc_context(RC):
        if number in LOSS_FIGURES:
            figure = draw_losses(lines, LOSS_FIGURES[number])
        else:
            figure = draw_residuals(lines)
        if figure is None:
            return None
        path = folder / f"{FIGURES[number]}.png"
        save(figure, path)
        plt.close(figure)
    return path


def find(lines, data, method, steps=None):
    """Return the lines of a method with a trace, those of one setting if named."""
    return [
        line
        for line in lines
        if line["job"]["data"] == data
        and line["job"]["method"] == method
        and line.get("trace")
        and (steps is None or tuple(line["job"]["steps"]) == tuple(steps))
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
        if line["record"]["status"] == "diverged"
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


def panels_of(lines, data):
    """Return (title, list of (label, lines, published key)) of each column."""
    panels = []
    for method, settings in STEPS[data].items():
        curves = [
            (", ".join(f"{size:g}" for size in steps), find(lines, data, method, steps))
            for steps in settings
        ]
        panels.append((method, curves))
    if data == "cookie":
        panels.append(("myhpo-exact", [("exact", find(lines, data, "myhpo-exact"))]))
    return panels


def draw_losses(lines, data):
    """Draw training and validation loss against iterations, a column per method."""
    from matplotlib import pyplot as plt

    panels, floors = panels_of(lines, data), find(lines, data, "floor")
    if not floors or not all(own for _, curves in panels for _, own in curves):
        return None
    figure, axes = plt.subplots(
        2, len(panels), figsize=(WIDTH, 4.6), sharex="col", sharey="row"
    )
    floor = np.median([line["record"]["validation_loss"] for line in floors])
    start = np.median([line["record"]["zero_loss"] for line in floors])
    for row, name in enumerate(("train_loss", "validation_loss")):
        lowest, highest = (floor, start) if row else (np.inf, start)
        for column, (method, curves) in enumerate(panels):
            axis = axes[row, column]
            for (text, own), (color, _), style in zip(
                curves, STYLES, LINES, strict=False
            ):
                x, *values = band(own, name)
                # Diverged values are cut where the picture has long ended: no overflow.
                middle, low, high = np.minimum(values, GROWN * start)
                axis.plot(x, middle, color=color, linestyle=style, label=text)
                axis.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0)
                _mark_published(axis, own[0]["job"], name, color)
                lowest = min(lowest, middle.min())
            if row:
                axis.axhline(floor, color=FLOOR_COLOR, linewidth=1.0)
                axis.set_xlabel("iteration")
            else:
                axis.set_title(LABELS[method], fontsize=9)
                if method != "myhpo-exact":
                    title = (
                        r"$\alpha$" if method == "sho" else r"$\alpha, \beta, \delta$"
                    )
                    axis.legend(title=title, fontsize=7, title_fontsize=7)
        axes[row, 0].set(xscale="log", yscale="log")
        for axis in axes[row]:
            axis.set_xscale("log")
        axes[row, 0].set_ylim(max(lowest, 1e-3 * start) / 1.3, 2.0 * highest)
        _plain_numbers(axes[row, 0])
        unit = "share of var y" if data in REGRESSION else "nats"
        kind = "validation" if row else "training"
        axes[row, 0].set_ylabel(f"{kind} loss ({unit})")
    title = f"{TITLES[data]}: median and range of {len(floors)} runs"
    figure.suptitle(f"{title}; circles: published ends", fontsize=9)
    figure.set_layout_engine("constrained")
    return figure


def _plain_numbers(axis):
    """Label 1, 2 and 5 of every decade, without exponents."""
    from matplotlib.ticker import LogLocator

    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("")


def _mark_published(axis, job, name, color):
    """Mark where the published runs of a setting end."""
    for row in read_published():
        key = (job["data"], job["method"], tuple(job["steps"]), 0)
        if row.table > 3 and row.key == key:
            value = row.values[name][0] * UNIT
            place = job["n_steps"]
            axis.plot(place, value, "o", color=color, markerfacecolor="white")


def draw_residuals(lines):
    """Draw r, s and u against iterations: Proposition 2 and Claim 1."""
    from matplotlib import pyplot as plt

    wanted = dict.fromkeys(REGRESSION, "myhpo-exact")
    wanted |= {LOSS_FIGURES[number]: "myhpo-bt" for number in (4, 1)}
    chosen = {}
    for data, method in wanted.items():
        steps = STEPS[data][method][-1] if method == "myhpo-bt" else None
        chosen[data] = find(lines, data, method, steps)
    if not all(chosen.values()):
        return None
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 4.8))
    kinds = (("r", "|r|"), ("s", "|s|"), ("u", "|u|"))
    for axis, (data, own) in zip(axes.flat, chosen.items(), strict=True):
        for (name, text), (color, _), style in zip(kinds, STYLES, LINES, strict=False):
            x, middle, low, high = band(own, name)
            axis.plot(x, middle, color=color, linestyle=style, label=text)
            axis.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0)
        axis.set(xscale="log", yscale="log")
        job = own[0]["job"]
        steps = spell(job["steps"])
        title = f"{TITLES[data].split(',')[0]}, {LABELS[job['method']]}"
        axis.set_title(title + (f"\n{steps}" if steps else ""), fontsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("Euclidean norm")
    for axis in axes[1]:
        axis.set_xlabel("iteration")
    axes[0, 0].legend(fontsize=8)
    figure.set_layout_engine("constrained")
    return figure
