"""Exponents as a table, in words, and as a picture."""

import numpy as np

from benchmarks.drawing import RC, STYLES, save
from benchmarks.page import markdown
from benchmarks.speed.tables import machine

from .sizes import BASES, QUANTITIES

#: Sizes of a curve that its exponent is of: two doublings.
N_LAST = 3
PICTURE_SIZE = (11.0, 5.4)


def exponent(sizes, values):
    """Return the slope of a line through the logarithms of the last sizes."""
    last = slice(-N_LAST, None)
    return float(np.polyfit(np.log(sizes[last]), np.log(values[last]), 1)[0])


def exponents(found, quantity):
    """Return curve -> exponents by name of a quantity."""
    return {
        curve: {name: exponent(curve.sizes, values) for name, values in times.items()}
        for curve, times in found.items()
        if curve.quantity == quantity
    }


def named(quantity):
    """Return a quantity in words."""
    return "classes (ridge: targets)" if quantity == "classes" else quantity


def cell(of_name):
    """Return our exponent, and that of the plain fit."""
    text = f"{of_name['ours']:.2f}"
    return f"{text} ({of_name['plain']:.2f})" if "plain" in of_name else text


def sentence(quantity, of_curve):
    """Return the cost of a doubling at the end of the curves, in words."""
    times = [
        f"{curve.shape} {curve.kind} {2 ** of_name['ours']:.2f} times the time"
        + (f" (a plain fit {2 ** of_name['plain']:.2f})" if "plain" in of_name else "")
        + f", measured up to {curve.sizes[-1]}"
        for curve, of_name in of_curve.items()
    ]
    return f"Twice the {named(quantity)} cost: {'; '.join(times)}."


def render(found, bases=BASES):
    """Return the exponents as a table, a sentence each, base points and machine."""
    by_quantity = {quantity: exponents(found, quantity) for quantity in QUANTITIES}
    first = next(iter(by_quantity.values()))
    columns = [f"{curve.shape} {curve.kind}" for curve in first]
    lines = [
        [named(quantity), *map(cell, of_curve.values())]
        for quantity, of_curve in by_quantity.items()
    ]
    said = "\n".join(f"- {sentence(*item)}" for item in by_quantity.items())
    base = "; ".join(
        f"{shape} {kind}: {point.rows} rows, {point.features} features, "
        f"{point.classes} {'target' if kind == 'ridge' else 'classes'}, "
        f"{point.folds} folds, {point.groups} group"
        for shape, of_shape in bases.items()
        for kind, point in of_shape.items()
    )
    return (
        "![Seconds of a fit against rows, features, classes, folds and groups]"
        f"(performance/growth.png)\n\n{markdown(['exponent in', *columns], lines, 1)}"
        f"\n\n{said}\n\nBase points: {base}.\n\nMeasured on: {machine()}."
    )


def draw(found, path):
    """Draw a panel per shape and quantity, time against size, both logarithmic."""
    from matplotlib import pyplot as plt

    shapes = list(dict.fromkeys(curve.shape for curve in found))
    quantities = list(dict.fromkeys(curve.quantity for curve in found))
    with plt.rc_context(RC):
        figure, axes = plt.subplots(
            len(shapes),
            len(quantities),
            figsize=PICTURE_SIZE,
            sharey="row",
            squeeze=False,
            layout="constrained",
        )
        for curve, times in found.items():
            row, column = shapes.index(curve.shape), quantities.index(curve.quantity)
            draw_curve(axes[row, column], curve, times)
        for row, shape in enumerate(shapes):
            axes[row, 0].set_ylabel(f"{shape}: seconds")
        # Rows have plain fits, too.
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
        save(figure, path)
        plt.close(figure)


def draw_curve(axis, curve, times):
    """Draw our times, and plain ones as dashes."""
    color, marker = STYLES[list(BASES["tall"]).index(curve.kind)]
    for name, values in times.items():
        line = "-" if name == "ours" else ":"
        label = curve.kind if name == "ours" else f"{curve.kind}, plain fit"
        axis.loglog(
            curve.sizes,
            values,
            color=color,
            marker=marker,
            markersize=4,
            ls=line,
            label=label,
        )
    axis.set_xticks(curve.sizes[::2], [f"{size:g}" for size in curve.sizes[::2]])
    axis.minorticks_off()
    axis.set_xlabel(named(curve.quantity))
