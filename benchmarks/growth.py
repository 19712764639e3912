"""How the cost of a fit grows with rows, features, groups of them, and folds.

One of the four is doubled at a time around a base point. The exponent is the slope of
log time against log size over all sizes of a curve: 1 is proportional, 2 is fourfold
at each doubling. A curve bends where another step of the method takes over, so the
picture says more than its exponent.

    python -m benchmarks.growth [--repeats 3] [--page doc/performance.md]
"""

import argparse
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.drawing import RC, save
from benchmarks.page import markdown, update
from benchmarks.speed.data import many_strengths
from benchmarks.speed.tables import machine
from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge

ESTIMATORS = {"ridge": MYHPORidge, "logistic": MYHPOLogisticRegression}
BASES = {
    "ridge": {"rows": 20000, "features": 128, "groups": 4, "folds": 4},
    "logistic": {"rows": 2000, "features": 32, "groups": 4, "folds": 4},
}
#: Of the base point; one fold is none, so that folds start at a half.
FACTORS = {
    "rows": (0.25, 0.5, 1, 2, 4),
    "features": (0.25, 0.5, 1, 2, 4),
    "groups": (0.25, 0.5, 1, 2, 4),
    "folds": (0.5, 1, 2, 4),
}
STYLES = {"ridge": ("#0072B2", "o", "-"), "logistic": ("#D55E00", "s", "--")}
#: A fit of so many seconds is timed once.
LONG = 10.0
SIZE = (9.0, 2.8)
#: Least ratio of sizes that are named below an axis.
TICK_RATIO = 4


def points(bases=BASES):
    """Return kind -> quantity -> [(size, rows, features, groups, folds)]."""
    return {
        kind: {
            quantity: [
                (int(base[quantity] * factor), *scaled(base, quantity, factor))
                for factor in factors
            ]
            for quantity, factors in FACTORS.items()
        }
        for kind, base in bases.items()
    }


def scaled(base, quantity, factor):
    """Return the base point with one quantity multiplied."""
    return tuple((base | {quantity: int(base[quantity] * factor)}).values())


def seconds(kind, rows, features, groups, folds):
    """Return the time of one fit."""
    data = many_strengths(rows, features, groups)
    y = data.y if kind == "ridge" else data.y > 0
    model = ESTIMATORS[kind](cv=folds, feature_groups=data.groups, random_state=0)
    start = time.perf_counter()
    model.fit(data.X, y)
    return time.perf_counter() - start


def measure(bases, repeats):
    """Return kind -> quantity -> (sizes, median seconds), repeats interleaved."""
    curves = points(bases)
    times = {
        (kind, *point): []
        for kind, of_kind in curves.items()
        for curve in of_kind.values()
        for _, *point in curve
    }
    for kind, base in bases.items():
        # The first fit of a kind pays for what the libraries load.
        seconds(kind, *base.values())
    for _ in range(repeats):
        for point, found in times.items():
            if not found or found[0] < LONG:
                found.append(seconds(*point))
    return {
        kind: {
            quantity: (
                [size for size, *_ in curve],
                [float(np.median(times[kind, *point])) for _, *point in curve],
            )
            for quantity, curve in of_kind.items()
        }
        for kind, of_kind in curves.items()
    }


def exponent(sizes, values):
    """Return the slope of a line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def render(curves, bases):
    """Return the exponents as a table, with the base points and the machine."""
    rows = [
        [
            kind,
            *(f"{exponent(*curve):.2f}" for curve in of_kind.values()),
            ", ".join(f"{value} {name}" for name, value in bases[kind].items()),
            f"{at_base(of_kind, bases[kind]):.3g}",
        ]
        for kind, of_kind in curves.items()
    ]
    head = ["exponent of", *FACTORS, "base point", "seconds there"]
    return (
        "![Seconds of a fit against rows, features, groups and folds]"
        f"(performance/growth.png)\n\n{markdown(head, rows, align_left=1)}\n\n"
        f"Measured on: {machine()}."
    )


def at_base(of_kind, base):
    """Return the seconds at the base point."""
    sizes, values = of_kind["rows"]
    return values[sizes.index(base["rows"])]


def apart(sizes):
    """Return sizes that are far enough from each other for their names to fit in."""
    ticks = []
    for size in sorted(sizes):
        if not ticks or size >= TICK_RATIO * ticks[-1]:
            ticks.append(size)
    return ticks


def draw(curves, path):
    """Draw one panel per quantity, time against size, both logarithmic."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogLocator

    with plt.rc_context(RC):
        figure, axes = plt.subplots(
            1, len(FACTORS), figsize=SIZE, sharey=True, layout="constrained"
        )
        for axis, quantity in zip(axes, FACTORS, strict=True):
            for kind, of_kind in curves.items():
                color, marker, line = STYLES[kind]
                sizes, values = of_kind[quantity]
                label = f"{kind}, {exponent(sizes, values):.1f}"
                axis.loglog(
                    sizes, values, color=color, marker=marker, ls=line, label=label
                )
            ticks = apart({n for own in curves.values() for n in own[quantity][0]})
            axis.set_xticks(ticks, [f"{size:g}" for size in ticks])
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.minorticks_off()
            axis.set_xlabel(quantity)
            axis.legend(title="exponent", fontsize=7, title_fontsize=7)
        axes[0].set_ylabel("seconds")
        save(figure, path)
        plt.close(figure)


def main(arguments=None, bases=BASES):
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("--repeats", type=int, default=3, help="default: 3")
    parser.add_argument("--page", type=Path, help="page to fill and to draw beside")
    options = parser.parse_args(arguments)
    if options.repeats < 1:
        parser.error(f"--repeats={options.repeats} must be at least 1")
    warnings.simplefilter("ignore")
    curves = measure(bases, options.repeats)
    text = render(curves, bases)
    print(text)
    if options.page is not None:
        with tempfile.TemporaryDirectory() as folder:
            picture = Path(folder) / "growth.png"
            draw(curves, picture)
            update(options.page, {"growth": text}, [picture])
    return 0


if __name__ == "__main__":
    sys.exit(main())
