"""Draw the thumbnails of the examples without a picture in every build.

PYTHONPATH=. python doc/pictures/thumbnails.py

The report and the export of a model have no picture of their own. The networks need
PyTorch, which the build of the documentation may lack: their first pictures are drawn
by the examples themselves, or left as they are without PyTorch.
"""

import runpy
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch
from sklearn.datasets import load_diabetes

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.plotting import ValidationObjectiveDisplay

FOLDER = Path(__file__).resolve().parents[1] / "_static" / "thumbnails"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SIZE = {"figsize": (4.0, 2.8), "dpi": 100}
#: Boxes of the thumbnail of exports: text, and the centre.
BOXES = [
    ("MYHPORidge", (0.22, 0.5)),
    ("Ridge", (0.58, 0.5)),
    ("skops", (0.87, 0.8)),
    ("ONNX", (0.87, 0.5)),
    ("pickle", (0.87, 0.2)),
]
ARROWS = [(0, 1), (1, 2), (1, 3), (1, 4)]


def draw_report():
    """Draw a page with a title, lines of text and the curve of a fit."""
    figure = plt.figure(**SIZE, layout="none")
    page = figure.add_axes((0.2, 0.03, 0.6, 0.94), xticks=[], yticks=[])
    page.set(xlim=(0, 1), ylim=(0, 1))
    page.spines[:].set_visible(True)
    page.spines[:].set_color("0.6")
    page.text(0.08, 0.88, "Report", weight="bold", size=15)
    for line, width in enumerate((0.84, 0.8, 0.6)):
        page.plot((0.08, 0.08 + width), [0.8 - 0.06 * line] * 2, color="0.75", lw=3)
    model = MYHPORidge().fit(*load_diabetes(return_X_y=True))
    axes = figure.add_axes((0.27, 0.12, 0.46, 0.46))
    ValidationObjectiveDisplay.from_estimator(model, ax=axes)
    axes.set(xlabel="", ylabel="", xticks=[], yticks=[])
    axes.legend().remove()
    return figure


def draw_export():
    """Draw boxes for the models and for the formats, and arrows between them."""
    figure = plt.figure(**SIZE, layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    for text, (x, y) in BOXES:
        half = 0.03 + 0.0125 * len(text)
        box = FancyBboxPatch((x - half, y - 0.07), 2 * half, 0.14)
        box.set(boxstyle="round,pad=0.01", facecolor="#e8f1f8", edgecolor="C0")
        axes.add_patch(box)
        axes.text(x, y, text, ha="center", va="center", size=11)
    for start, end in ARROWS:
        (text, (x, y)), (other, (to_x, to_y)) = BOXES[start], BOXES[end]
        ends = x + 0.05 + 0.0125 * len(text), to_x - 0.05 - 0.0125 * len(other)
        axes.annotate(
            "", (ends[1], to_y), (ends[0], y), arrowprops={"arrowstyle": "->"}
        )
    return figure


def draw_example(name):
    """Return the first figure of an example."""
    plt.close("all")
    shown = []
    with patch.object(plt, "show", lambda: shown.append(plt.figure(1))):
        runpy.run_path(str(EXAMPLES / f"plot_{name}.py"), run_name="__main__")
    return shown[0]


def main():
    """Write the thumbnails."""
    plt.style.use("sklearn_myhpo.plotting.light")
    FOLDER.mkdir(exist_ok=True)
    figures = {"report": draw_report, "hand_over": draw_export}
    for name, draw in figures.items():
        draw().savefig(FOLDER / f"{name}.png")
    if find_spec("torch"):
        for name in ("own_network", "two_layer_linear_network"):
            draw_example(name).savefig(FOLDER / f"{name}.png", dpi=80)


if __name__ == "__main__":
    main()
