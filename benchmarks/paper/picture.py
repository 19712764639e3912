"""The summary picture: published and reproduced validation losses of Table 2."""

from benchmarks.drawing import RC, save

from .published import UNIT
from .settings import TITLES
from .summary import entry_of, find

LABELS = {
    "sho": "SHO",
    "myhpo-c": "MY-HPO (C)",
    "myhpo-bt": "MY-HPO (BT)",
    "random": "random",
    "grid": "grid",
    "hyperopt": "hyperopt",
    "spearmint": "Spearmint",
}
#: A mean this many times the largest published one is written, not drawn.
OUTSIDE = 3.0
#: An axis of more than this ratio is labelled at powers of ten only.
WIDE = 20.0
PUBLISHED, REMADE, FLOOR = "#D55E00", "#0072B2", "#777777"


def draw_summary(summary, published, folder):
    """Draw the picture into a folder; return its path, or None without results."""
    from matplotlib import pyplot as plt

    rows = [row for row in published if row.table == 2]
    data_sets = list(dict.fromkeys(row.data for row in rows))
    data_sets = [data for data in data_sets if find(summary, data, "floor")]
    if not data_sets:
        return None
    with plt.rc_context(RC):
        figure, axes = plt.subplots(
            1, len(data_sets), figsize=(7.0, 3.2), sharey=True, squeeze=False
        )
        for axis, data in zip(axes[0], data_sets, strict=True):
            _draw_panel(axis, summary, [row for row in rows if row.data == data])
        axes[0, 0].set_yticks(range(len(LABELS)), LABELS.values())
        axes[0, 0].invert_yaxis()
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8)
        figure.set_layout_engine("constrained")
        path = folder / "summary.png"
        save(figure, path)
        plt.close(figure)
    return path


def _draw_panel(axis, summary, rows):
    """Draw one data set: a method per line, mean and standard deviation."""
    from matplotlib.ticker import LogLocator

    largest = max(row.values["validation_loss"][0] for row in rows)
    limit = OUTSIDE * largest
    for row in rows:
        place = list(LABELS).index(row.method)
        mean, deviation = row.values["validation_loss"]
        _draw_point(axis, place - 0.15, mean, deviation, PUBLISHED, "s", "published")
        entry = entry_of(summary, row)
        if entry is None:
            continue
        mean = entry["validation_loss"] / UNIT
        deviation = entry["validation_loss_sd"] / UNIT
        if entry["diverged"] or mean > limit:
            text = f"ours: {mean:.0f}"
            if entry["diverged"]:
                text = f"{entry['diverged']} of {entry['runs']} diverged"
            axis.annotate(
                text,
                (0.98, place + 0.4),
                xycoords=axis.get_yaxis_transform(),
                color=REMADE,
                fontsize=7,
                ha="right",
            )
            continue
        _draw_point(axis, place + 0.15, mean, deviation, REMADE, "o", "reproduced")
    floor = find(summary, rows[0].data, "floor")["validation_loss"] / UNIT
    axis.axvline(floor, color=FLOOR, linewidth=1.0, label="minimum over lambda")
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    axis.set_xlim(low, min(high, limit))
    wide = min(high, limit) / low > WIDE
    axis.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 1.5, 2, 3, 5)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_formatter("")
    axis.set_title(TITLES[rows[0].data].split(",")[0], fontsize=8)
    axis.set_xlabel("validation loss (1e-2)", fontsize=8)


def _draw_point(axis, place, mean, deviation, color, marker, text):
    """Draw a mean and its deviation; the legend has the first of each kind."""
    known = axis.get_legend_handles_labels()[1]
    # A deviation above the mean would leave a log axis.
    low = min(deviation, 0.9 * mean)
    axis.errorbar(
        mean,
        place,
        xerr=[[low], [deviation]],
        color=color,
        marker=marker,
        markersize=4,
        linewidth=1.2,
        label=None if text in known else text,
    )
