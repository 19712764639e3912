"""Compare many lambdas with one on new rows.

Every data set is split at random into 70 % for the fit and 30 % for the test, eight
times; the same splits serve all rows of the table. "One", "groups" and "each" are the
choices of `feature_groups`, "shrinkage" the parameter of that name. Losses are those of
the estimators (half the squared error in units of the variance of y; log loss). Data
that are not found are left out.

    python -m benchmarks.many_lambdas [--splits 8] [--page doc/many_lambdas.md]
"""

import argparse
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from benchmarks import page
from benchmarks.data import binary_file
from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.datasets import fetch_mnist

TEST_SHARE = 0.3
#: Rows of MNIST, and the side of the squares that become one pixel.
MNIST_ROWS, MNIST_SQUARE = 600, 2
SHRINKAGES = (0.0, 0.1, "auto")
HEAD = [
    "data",
    "lambdas",
    "shrinkage",
    "test loss",
    "minus one lambda",
    "better",
    "validation loss",
    "optimism, measured",
    "estimated",
]


class Task(NamedTuple):
    """Data and the groupings of its features.

    Attributes
    ----------
    name : str
    X, y : ndarray
    groupings : dict of str to {array-like, "each"}
    is_classification : bool
    is_scaled : bool
        Whether to standardize features by the rows of the fit.
    """

    name: str
    X: np.ndarray
    y: np.ndarray
    groupings: dict
    is_classification: bool = False
    is_scaled: bool = True


class Outcome(NamedTuple):
    """Result of one fit."""

    test: float
    validation: float
    optimism: float


def diabetes():
    """Return all polynomials of degree 2: linear terms, and the others."""
    X, y = load_diabetes(return_X_y=True)
    polynomials = PolynomialFeatures(2, include_bias=False).fit(X)
    degree = polynomials.powers_.sum(axis=1)
    groupings = {"linear / second degree": degree, "each": "each"}
    return Task("diabetes, degree 2", polynomials.transform(X), y, groupings)


def breast_cancer():
    """Return means, standard errors and worst values of ten measurements."""
    X, y = load_breast_cancer(return_X_y=True)
    groupings = {"three families": np.repeat([0, 1, 2], 10), "each": "each"}
    return Task("breast_cancer", X, y, groupings, is_classification=True)


def gasoline_derivatives():
    """Return spectra with their first and second derivatives, each in one scale."""
    X, y = binary_file("gasoline_nir")
    first = np.gradient(X, axis=1)
    blocks = [X, first, np.gradient(first, axis=1)]
    blocks = [(block - block.mean(axis=0)) for block in blocks]
    X = np.hstack([block / block.std() for block in blocks])
    labels = np.repeat([0, 1, 2], X.shape[1] // 3)
    groupings = {"raw / derivatives": labels}
    return Task("gasoline, derivatives", X, y, groupings, is_scaled=False)


def gasoline_bands():
    """Return spectra in ten bands of wavelength."""
    X, y = binary_file("gasoline_nir")
    labels = np.arange(X.shape[1]) * 10 // X.shape[1]
    X = (X - X.mean(axis=0)) / (X - X.mean(axis=0)).std()
    return Task("gasoline, bands", X, y, {"ten bands": labels}, is_scaled=False)


def leukemia():
    """Return gene expressions, by terciles of their variance."""
    X, y = binary_file("leukemia_golub")
    ranks = np.argsort(np.argsort(X.var(axis=0)))
    groupings = {"variance terciles": ranks * 3 // X.shape[1]}
    return Task("leukemia", X, y == y.max(), groupings, is_classification=True)


def mnist():
    """Return digits as a number to predict from coarse pixels, by rings."""
    data = fetch_mnist()
    rows = np.random.default_rng(0).permutation(len(data.target))[:MNIST_ROWS]
    images = data.data[rows].reshape(MNIST_ROWS, 28, 28) / 255.0
    side = 28 // MNIST_SQUARE
    images = images.reshape(MNIST_ROWS, side, MNIST_SQUARE, side, MNIST_SQUARE)
    X = images.mean(axis=(2, 4)).reshape(MNIST_ROWS, -1)
    away = np.abs(np.arange(side) - (side - 1) / 2)
    ring = np.maximum(away[:, None], away).ravel()
    kept = X.std(axis=0) > 0
    labels = (ring[kept] * 4 // (side / 2)).astype(int)
    groupings = {"four rings": labels, "each": "each"}
    y = data.target[rows].astype(float)
    return Task("MNIST pixels", X[:, kept], y, groupings, is_scaled=False)


TASKS = (
    diabetes,
    gasoline_derivatives,
    gasoline_bands,
    breast_cancer,
    leukemia,
    mnist,
)


def settings(task):
    """Yield (name of the grouping, feature_groups, shrinkage)."""
    yield "one", None, 0.0
    for name, groups in task.groupings.items():
        for shrinkage in SHRINKAGES:
            yield name, groups, shrinkage


def fit(task, groups, shrinkage, seed):
    """Return the `Outcome` on one random split."""
    y = task.y if task.is_classification else task.y / task.y.std()
    X_fit, X_test, y_fit, y_test = train_test_split(
        task.X,
        y,
        test_size=TEST_SHARE,
        random_state=seed,
        stratify=y if task.is_classification else None,
    )
    if task.is_scaled:
        scaler = StandardScaler().fit(X_fit)
        X_fit, X_test = scaler.transform(X_fit), scaler.transform(X_test)
    cls, splitter = MYHPORidge, KFold
    if task.is_classification:
        cls, splitter = MYHPOLogisticRegression, StratifiedKFold
    folds = splitter(5, shuffle=True, random_state=seed)
    model = cls(cv=folds, feature_groups=groups, shrinkage=shrinkage)
    model.fit(X_fit, y_fit)
    if task.is_classification:
        test = log_loss(y_test, model.predict_proba(X_test))
    else:
        test = 0.5 * mean_squared_error(y_test, model.predict(X_test))
    return Outcome(test, model.validation_loss_, model.optimism_)


def summary(task, label, shrinkage, outcomes, one):
    """Return a line of the table: means over the splits, and pairs with one lambda.

    Measured optimism is by how much more than with one lambda the test loss exceeds
    the validation loss; what one lambda has of it, and what a refit on more rows
    gains, is common to both.
    """
    ours, base = np.array(outcomes), np.array(one)
    difference = ours[:, 0] - base[:, 0]
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    gap = np.mean(ours[:, 0] - ours[:, 1]) - np.mean(base[:, 0] - base[:, 1])
    is_one = label == "one"
    return [
        task.name,
        label,
        "" if is_one else shrinkage,
        f"{ours[:, 0].mean():.4f}",
        "" if is_one else f"{difference.mean():+.4f} ± {error:.4f}",
        "" if is_one else f"{np.sum(difference < 0)}/{len(difference)}",
        f"{ours[:, 1].mean():.4f}",
        "" if is_one else f"{gap:.4f}",
        f"{ours[:, 2].mean():.4f}",
    ]


def measure(task, n_splits):
    """Yield the lines of a data set."""
    one = None
    for label, groups, shrinkage in settings(task):
        outcomes = [fit(task, groups, shrinkage, seed) for seed in range(n_splits)]
        one = outcomes if one is None else one
        yield summary(task, label, shrinkage, outcomes, one)


def run(tasks, measure, parser, argv):
    """Return the options, and the lines of all data sets that are found; print these.

    Parameters
    ----------
    tasks : sequence of callable
        Each returns a data set.
    measure : callable
        Takes a data set and a number of splits, and yields lines.
    parser : ArgumentParser
    argv : list of str or None
    """
    parser.add_argument("--page", type=Path)
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    lines = []
    for load in tasks:
        try:
            task = load()
        except OSError as error:
            print(f"{load.__name__} left out: {error}")
            continue
        for line in measure(task, options.splits):
            lines.append(line)
            print(*line, sep=" | ", flush=True)
    return options, lines


def main(argv=None):
    """Print the table, and put it into a page between its marks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_lambdas")
    parser.add_argument("--splits", type=int, default=8)
    options, lines = run(TASKS, measure, parser, argv)
    if options.page is not None:
        page.update(options.page, {"table": page.markdown(HEAD, lines, 3)})


if __name__ == "__main__":
    main()
