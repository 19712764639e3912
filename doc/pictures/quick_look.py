"""Draw the picture of the README: three claims, a panel each.

python doc/pictures/quick_look.py

The first two panels are computed here, the third one shows rows of the tables in
doc/performance.md.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import NullFormatter
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sklearn_myhpo import MYHPORidge

FILE = Path(__file__).with_suffix(".png")
#: The same for narrow screens, with the panels below each other.
NARROW = FILE.with_stem(f"{FILE.stem}_narrow")
TABLES = Path(__file__).parents[1] / "performance.md"
#: Of the palette of Okabe and Ito, which colour-blind readers can tell apart.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#999999"
GROUPS = ["linear"] * 10 + ["second degree"] * 55
N_SPLITS = 20
#: Rows of the tables: data, tool, and the label of its bar.
RIDGE, GROUPED = "20000 x 300, independent", "1000 x 100, 10 groups"
BARS = [
    (RIDGE, "MYHPORidge", "MYHPORidge, one penalty"),
    (RIDGE, "RidgeCV", "RidgeCV, 100 alphas"),
    (GROUPED, "MYHPORidge", "MYHPORidge, 10 penalties"),
    (GROUPED, "Optuna TPE", "Optuna, 100 trials"),
]


def load():
    """Return features of second degree in standard units, and the target in its own."""
    X, y = load_diabetes(return_X_y=True)
    X = PolynomialFeatures(2, include_bias=False).fit_transform(X)
    return StandardScaler().fit_transform(X), (y - y.mean()) / y.std()


def draw_minimum(ax, X, y):
    """Draw the out-of-fold loss, RidgeCV's grid on it and the learned minimum."""
    model = MYHPORidge(cv=5).fit(X, y)
    alphas = np.array(RidgeCV().alphas)
    losses = [
        np.mean((y - cross_val_predict(Ridge(alpha), X, y, cv=5)) ** 2) / 2
        for alpha in alphas
    ]
    # Five folds train on four fifths of the rows.
    grid = np.log(alphas / (2 * 0.8 * len(y)))
    assert model.validation_loss_ < min(losses)
    curve = model.validation_curve_
    order = np.argsort(curve["lambda"])
    ax.plot(
        curve["lambda"][order], curve["validation_loss"][order], color=BLUE, zorder=1
    )
    ax.plot(grid, losses, "|", color="black", ms=14, mew=2, label="alphas of RidgeCV()")
    label = f"learned alpha: {model.alpha_:.0f}"
    ax.plot(model.lambda_, model.validation_loss_, "o", color=ORANGE, ms=9, label=label)
    ax.set(
        title="The fit ends at the minimum,\nnot at the nearest grid point",
        xlabel="lambda (log of the penalty strength)",
        ylabel="out-of-fold loss",
        xlim=(-11, 2),
        ylim=(model.validation_loss_ - 0.004, 0.32),
    )
    ax.legend(frameon=False, loc="upper center")


def draw_groups(ax, X, y):
    """Draw the losses of new rows with one penalty and with one per group."""
    losses = []
    for seed in range(N_SPLITS):
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)
        losses.append(
            [
                np.mean((y_test - fit.predict(X_test)) ** 2) / 2
                for fit in (
                    MYHPORidge().fit(X_train, y_train),
                    MYHPORidge(feature_groups=GROUPS).fit(X_train, y_train),
                )
            ]
        )
    losses = np.array(losses)
    better = int((losses[:, 1] < losses[:, 0]).sum())
    ends = losses.min() - 0.01, losses.max() + 0.01
    ax.plot(ends, ends, color=GREY, lw=1)
    ax.plot(*losses.T, "o", color=BLUE)
    ax.text(ends[0] + 0.045, ends[0] + 0.008, "two penalties are better", fontsize=9)
    ax.set(
        title=f"Two groups predict better\non {better} of {N_SPLITS} splits",
        xlabel="loss of new rows, one penalty",
        ylabel="loss of new rows, two penalties",
        xlim=ends,
        ylim=ends,
    )


def seconds(data, tool):
    """Return the seconds of a row of the tables."""
    for line in TABLES.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[:2] == [data, tool]:
            return float(cells[5])
    raise LookupError(f"no row of {tool} on {data} in {TABLES}")


def draw_speed(ax):
    """Draw what a fit takes beside a grid and beside a search."""
    times = [seconds(data, tool) for data, tool, _ in BARS]
    colors = [BLUE if tool == "MYHPORidge" else GREY for _, tool, _ in BARS]
    places = [0, 1.5, 3.6, 5.1]
    ax.barh(places, times, height=0.7, color=colors)
    for place, time, (_, _, label) in zip(places, times, BARS, strict=True):
        ax.text(0.0012, place - 0.6, f"{label}: {time:.2g} s", va="center", fontsize=9)
    factors = f"{times[1] / times[0]:.0f} and {times[3] / times[2]:.0f}"
    ax.set(
        title=f"One fit instead of many:\n{factors} times faster",
        xlabel="seconds",
        xscale="log",
        xlim=(1e-3, 20),
        ylim=(5.7, -1.1),
        yticks=[],
    )
    ax.xaxis.set_minor_formatter(NullFormatter())


def main():
    """Write the pictures beside this file."""
    plt.rcParams.update({"axes.titlesize": 11, "axes.titleweight": "bold"})
    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    X, y = load()
    shapes = {FILE: (1, 3, (11.5, 3.7)), NARROW: (3, 1, (4.2, 11.5))}
    for file, (n_rows, n_columns, size) in shapes.items():
        figure, axes = plt.subplots(
            n_rows, n_columns, figsize=size, layout="constrained"
        )
        draw_minimum(axes[0], X, y)
        draw_groups(axes[1], X, y)
        draw_speed(axes[2])
        figure.savefig(file, dpi=110)


if __name__ == "__main__":
    main()
