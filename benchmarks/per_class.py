"""When does a lambda per class beat one lambda on rows that the fit has not seen?

Every data set is split at random, the same splits for all rows of the table: some rows
for the fit with five folds, the others for the test. Losses are log losses. CPU seconds
are of one thread, the median over the splits. Data sets that are not found are left
out.

    python -m benchmarks.per_class [--splits 4] [--page doc/many_lambdas.md]
"""

import argparse
import time
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits, load_wine
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks import page
from benchmarks.many_lambdas import run
from sklearn_myhpo import MYHPOLogisticRegression
from sklearn_myhpo.datasets import fetch_mnist

#: Rows of MNIST, and the side in pixels of the squares that become one pixel.
MNIST_ROWS, MNIST_SQUARE = 3000, 4
#: Test rows of simulated data.
N_TEST = 4000
#: Most classes for which shrinkage="auto" is run; with ten it takes minutes.
MOST_FOR_AUTO = 6
#: Name of every way to learn, its shrinkage, and its options.
WAYS = {
    ("one", ""): {},
    ("per class", 0.0): {"alpha_per_target": True},
    ("per class", 0.1): {"alpha_per_target": True, "shrinkage": 0.1},
    ("per class", "auto"): {"alpha_per_target": True, "shrinkage": "auto"},
}
HEAD = [
    "data",
    "rows x features, classes",
    "lambdas",
    "shrinkage",
    "validation loss",
    "test loss",
    "minus one lambda",
    "better",
    "CPU s",
]


class Task(NamedTuple):
    """Data, and how many of the rows are for the fit."""

    name: str
    X: np.ndarray
    y: np.ndarray
    n_fit: int


class Outcome(NamedTuple):
    """Result of one fit."""

    validation: float
    test: float
    seconds: float


def simulated(name, n_fit, n_features, sizes, offsets, seed):
    """Return rows of a softmax whose classes have weights of different sizes."""
    rng = np.random.default_rng(seed)
    n_classes = len(sizes)
    coef = rng.standard_normal((n_features, n_classes)) * sizes / np.sqrt(n_features)
    X = rng.standard_normal((n_fit + N_TEST, n_features))
    scores = X @ coef + offsets + rng.gumbel(size=(len(X), n_classes))
    return Task(name, X, scores.argmax(axis=1), n_fit)


def unequal():
    """Return six classes, half of them without any signal."""
    sizes = np.array([4.0, 4.0, 4.0, 0.0, 0.0, 0.0])
    return simulated("simulated, half without signal", 500, 30, sizes, 0.0, 0)


def imbalanced():
    """Return classes of 60, 25, 10 and 5 % of the rows, all with the same signal."""
    offsets = np.log([0.60, 0.25, 0.10, 0.05])
    return simulated("simulated, imbalanced", 500, 30, np.full(4, 2.0), offsets, 1)


def alike():
    """Return classes of the same size and signal."""
    return simulated("simulated, alike", 500, 30, np.full(5, 2.0), 0.0, 2)


def wine():
    """Return three sorts of wine."""
    return Task("wine", *load_wine(return_X_y=True), 90)


def digits():
    """Return scikit-learn's digits."""
    X, y = load_digits(return_X_y=True)
    return Task("digits", X, y, 900)


def mnist():
    """Return MNIST with coarse pixels."""
    data = fetch_mnist()
    rows = np.random.default_rng(0).permutation(len(data.target))[:MNIST_ROWS]
    side = 28 // MNIST_SQUARE
    images = data.data[rows].reshape(-1, side, MNIST_SQUARE, side, MNIST_SQUARE)
    X = images.mean(axis=(2, 4)).reshape(MNIST_ROWS, -1)
    return Task("MNIST, coarse", X, data.target[rows], 1000)


TASKS = (unequal, imbalanced, alike, wine, digits, mnist)


def fit(task, options, seed):
    """Return the `Outcome` of one random split."""
    X_fit, X_test, y_fit, y_test = train_test_split(
        task.X, task.y, train_size=task.n_fit, random_state=seed, stratify=task.y
    )
    scaler = StandardScaler().fit(X_fit)
    X_fit, X_test = scaler.transform(X_fit), scaler.transform(X_test)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = MYHPOLogisticRegression(cv=folds, **options)
    begin = time.process_time()
    model.fit(X_fit, y_fit)
    seconds = time.process_time() - begin
    test = log_loss(y_test, model.predict_proba(X_test))
    return Outcome(model.validation_loss_, test, seconds)


def summary(task, way, outcomes, one):
    """Return a line of the table: means over the splits, and pairs with one lambda."""
    ours = np.array(outcomes)
    difference = ours[:, 1] - np.array(one)[:, 1]
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    is_one = way[0] == "one"
    n_features, n_classes = task.X.shape[1], len(np.unique(task.y))
    return [
        task.name,
        f"{task.n_fit} x {n_features}, {n_classes}",
        *way,
        f"{ours[:, 0].mean():.4f}",
        f"{ours[:, 1].mean():.4f}",
        "" if is_one else f"{difference.mean():+.4f} ± {error:.4f}",
        "" if is_one else f"{np.sum(difference < 0)}/{len(difference)}",
        f"{np.median(ours[:, 2]):.2g}",
    ]


def measure(task, n_splits):
    """Return the lines of a data set."""
    few = len(np.unique(task.y)) <= MOST_FOR_AUTO
    found = {way: [] for way in WAYS if few or way[1] != "auto"}
    for seed in range(n_splits):
        for way, outcomes in found.items():
            outcomes.append(fit(task, WAYS[way], seed))
    one = found["one", ""]
    return [summary(task, way, outcomes, one) for way, outcomes in found.items()]


def main(argv=None):
    """Print the table, and put it into a page between its marks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.per_class")
    parser.add_argument("--splits", type=int, default=4)
    options, lines = run(TASKS, measure, parser, argv)
    if options.page is not None:
        page.update(options.page, {"classes": page.markdown(HEAD, lines, 4)})


if __name__ == "__main__":
    main()
