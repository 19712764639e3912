"""The picture of the ratios: where ours is faster, and where it is not."""

import numpy as np

from benchmarks.drawing import RC, STYLES, save
from benchmarks.page import rounded

from .report import peers_of

WIDTH, HEIGHT_OF_ROW, HEIGHT_OF_REST = 10.0, 0.19, 1.1
FASTER, SLOWER = "#e3f2e3", "#fbe5e0"
BAR = "#4477aa"


def draw(sections, path):
    """Draw plain fits as bars, and the ratios of the peers as points."""
    import matplotlib.pyplot as plt

    sizes = [len(comparisons) for comparisons in sections.values()]
    height = HEIGHT_OF_ROW * sum(sizes) + HEIGHT_OF_REST * len(sizes)
    with plt.rc_context(RC | {"axes.axisbelow": True}):
        figure, axes = plt.subplots(
            len(sections),
            2,
            figsize=(WIDTH, height),
            sharex="col",
            sharey="row",
            squeeze=False,
            height_ratios=sizes,
            width_ratios=(2, 3),
            layout="constrained",
        )
        for (left, right), (name, comparisons) in zip(
            axes, sections.items(), strict=True
        ):
            places = np.arange(len(comparisons))[::-1]
            draw_plain(left, comparisons, places)
            draw_peers(right, comparisons, places)
            left.set_yticks(places, [one.name for one in comparisons], fontsize=7)
            left.set_ylim(-0.7, len(places) - 0.3)
            left.set_title(f"{name}: ours in plain fits", fontsize=9)
            right.set_title(f"{name}: peers in fits of ours", fontsize=9)
        # The axes are shared, so that their limits are known when all is drawn.
        limits = axes[0, 1].get_xlim()
        for axis in axes[:, 1]:
            shade(axis, limits)
        for axis in axes.ravel():
            axis.xaxis.set_major_formatter("{x:g}")
            axis.minorticks_off()
            axis.tick_params(axis="x", labelbottom=True)
        save(figure, path)
        plt.close(figure)


def draw_plain(axis, comparisons, places):
    """Draw how many plain fits ours takes."""
    values = [one.per_plain or np.nan for one in comparisons]
    axis.barh(places, values, color=BAR, height=0.7)
    axis.axvline(1.0, color="black", linewidth=0.8)
    axis.set_xscale("log")
    for place, value in zip(places, values, strict=True):
        if np.isfinite(value):
            axis.text(
                value, place, f" {rounded(value, 'ratio')}", va="center", fontsize=7
            )
    axis.margins(x=0.15)


def draw_peers(axis, comparisons, places):
    """Draw the ratios of the peers on a ground that says who is faster."""
    axis.set_xscale("log")
    for peer, (color, marker) in zip(peers_of(comparisons), STYLES, strict=False):
        ratios = [one.ratio(peer) for one in comparisons]
        found = [(r, y) for r, y in zip(ratios, places, strict=True) if r is not None]
        for is_bound, shape in ((False, marker), (True, ">")):
            points = [(r.value, y) for r, y in found if r.is_bound == is_bound]
            if points:
                label = f"{peer}, at least" if is_bound else peer
                axis.plot(*zip(*points, strict=True), shape, color=color, label=label)
    if axis.lines:
        axis.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axis.set_xlabel("left of 1 the peer is faster, right of 1 ours", fontsize=8)


def shade(axis, limits):
    """Colour both sides of equal times."""
    low, high = min(limits[0], 0.5), max(limits[1], 2.0)
    axis.axvspan(low, 1.0, color=SLOWER, zorder=0)
    axis.axvspan(1.0, high, color=FASTER, zorder=0)
    axis.axvline(1.0, color="black", linewidth=0.8)
    axis.set_xlim(low, high)
