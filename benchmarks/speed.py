"""Time, memory and losses beside scikit-learn's own tools.

Times are ratios to one plain fit at the learned strength, side by side in one run,
medians of interleaved repeats. A tool that takes over a minute is timed once. "CV
loss" is that of five folds at the strength that the tool chose, the same function
for all; RidgeCV itself looks at leave-one-out. "memory" is the peak of what a fit
allocates, in sizes of X. Data that the loaders do not find are left out.

    python -m benchmarks.speed [--repeats 3] [--page doc/performance.md]
"""

import argparse
import platform
import time
import tracemalloc
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
)
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.datasets import fetch_gtsrb_hog, fetch_mnist

ALPHAS, CS = np.logspace(-5, 5, 100), np.logspace(-4, 4, 10)
SIZES = [
    (100000, 200),
    (20000, 300),
    (5000, 1000),
    (1000, 100),
    (5000, 100),
    (500, 2000),
    (200, 10000),
]
#: Condition number of the correlated features, as of an unscaled real table.
CONDITION = 1e3
SLOW = 60.0


class Task(NamedTuple):
    """Data, what is timed, and how a strength is judged."""

    name: str
    X: np.ndarray
    y: np.ndarray
    plain: callable
    tools: dict
    folds: list
    loss: callable


class Row(NamedTuple):
    """One line of the table."""

    data: str
    tool: str
    strength: float
    cv_loss: float
    ratio: float
    memory: float


def ridge_data(n_samples, n_features, is_correlated):
    """Return a linear model with as much noise as signal."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features))
    if is_correlated:
        left, _, right = np.linalg.svd(rng.standard_normal((n_features, n_features)))
        scales = np.geomspace(1.0, 1.0 / CONDITION, n_features)
        X = X @ (left * scales) @ right
    signal = X @ rng.standard_normal(n_features)
    return X, signal / signal.std() + rng.standard_normal(n_samples)


def ridge_tasks():
    """Yield ridge at every size, with independent and with correlated features."""
    for is_correlated in (False, True):
        for n_samples, n_features in SIZES:
            if is_correlated and n_features > 1000:
                continue
            X, y = ridge_data(n_samples, n_features, is_correlated)
            folds = list(KFold(5, shuffle=True, random_state=0).split(X))
            kind = "correlated" if is_correlated else "independent"
            yield Task(
                f"ridge {n_samples} x {n_features}, {kind}",
                X,
                y,
                lambda alpha: Ridge(alpha=alpha),
                {"MYHPORidge": MYHPORidge(cv=folds), "RidgeCV": RidgeCV(ALPHAS)},
                folds,
                mean_squared_error,
            )


def classification_data():
    """Yield (name, X, y) of what ships with scikit-learn and what the loaders find."""
    X, y = load_breast_cancer(return_X_y=True)
    yield "breast_cancer", StandardScaler().fit_transform(X), y
    X, y = load_digits(return_X_y=True)
    yield "digits", X / 16.0, y
    try:
        mnist, signs = fetch_mnist(), fetch_gtsrb_hog()
    except OSError as error:
        print(f"MNIST and GTSRB left out: {error}")
        return
    is_binary = mnist.target < 2
    yield "MNIST 0/1", mnist.data[is_binary] / 255.0, mnist.target[is_binary]
    yield "GTSRB 1/5", signs.data.astype(float), signs.target


def logistic_tasks():
    """Yield logistic regression on every classification."""
    for name, X, y in classification_data():
        folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))
        with_cv = LogisticRegressionCV(
            Cs=CS,
            cv=folds,
            scoring="neg_log_loss",
            max_iter=1000,
            l1_ratios=(0.0,),
            use_legacy_attributes=False,
        )
        tools = {
            "MYHPOLogisticRegression": MYHPOLogisticRegression(cv=folds),
            "LogisticRegressionCV": with_cv,
        }
        yield Task(f"logistic {name}", X, y, plain_logistic, tools, folds, log_loss)


def plain_logistic(C):
    """Return scikit-learn's estimator with enough iterations."""
    return LogisticRegression(C=C, max_iter=1000)


def strength_of(model):
    """Return the alpha or C that a fitted tool chose."""
    name = "alpha_" if hasattr(model, "alpha_") else "C_"
    return float(np.ravel(getattr(model, name))[0])


def cv_loss(task, strength):
    """Return the mean held-out loss at a strength of all rows."""
    total = 0.0
    for train, held_out in task.folds:
        share = len(train) / len(task.y)
        is_ridge = task.loss is mean_squared_error
        model = task.plain(strength * share if is_ridge else strength / share)
        model.fit(task.X[train], task.y[train])
        if is_ridge:
            loss = 0.5 * task.loss(task.y[held_out], model.predict(task.X[held_out]))
        else:
            predicted = model.predict_proba(task.X[held_out])
            loss = task.loss(task.y[held_out], predicted, labels=model.classes_)
        total += loss * len(held_out) / len(task.y)
    return total


def seconds(model, X, y):
    """Return the time of one fit."""
    start = time.perf_counter()
    model.fit(X, y)
    return time.perf_counter() - start


def peak_memory(model, X, y):
    """Return the peak of what a fit allocates, in sizes of X."""
    tracemalloc.start()
    model.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / X.nbytes


def measure(task, repeats):
    """Return one `Row` per tool."""
    times = {name: [] for name in task.tools}
    for name, tool in task.tools.items():
        times[name].append(seconds(tool, task.X, task.y))
    ours = next(iter(task.tools.values()))
    plain = task.plain(strength_of(ours))
    plain_times = [seconds(plain, task.X, task.y)]
    for _ in range(repeats):
        plain_times.append(seconds(plain, task.X, task.y))
        for name, tool in task.tools.items():
            if times[name][0] < SLOW:
                times[name].append(seconds(tool, task.X, task.y))
    # The first fit of a kind pays for what the libraries load.
    unit = np.median(plain_times[1:])
    return [
        Row(
            task.name,
            name,
            strength_of(tool),
            cv_loss(task, strength_of(tool)),
            float(np.median(times[name][1:] or times[name]) / unit),
            peak_memory(tool, task.X, task.y) if times[name][0] < SLOW else np.nan,
        )
        for name, tool in task.tools.items()
    ]


def table(rows):
    """Return the rows as a Markdown table."""
    lines = [
        "| data | tool | strength | CV loss | time / plain fit | memory / X |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.data} | {row.tool} | {row.strength:.4g} | {row.cv_loss:.6g} | "
        f"{row.ratio:.2f} | {row.memory:.2f} |"
        for row in rows
    ]
    return "\n".join(lines)


def machine():
    """Return what the numbers were measured on, in words."""
    threads = max((pool["num_threads"] for pool in threadpool_info()), default=1)
    return (
        f"{platform.machine()}, {threads} threads, Python {platform.python_version()}, "
        f"numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    )


def main():
    """Print the table, and put it into a page between its marks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for tasks in (ridge_tasks(), logistic_tasks()):
        for task in tasks:
            rows += measure(task, options.repeats)
            print(*table(rows[-2:]).splitlines()[2:], sep="\n", flush=True)
    if options.page is not None:
        begin, end = "<!-- begin table -->", "<!-- end table -->"
        text = options.page.read_text()
        before, rest = text.split(begin)
        _, after = rest.split(end)
        middle = f"\n\n{table(rows)}\n\nMeasured on: {machine()}.\n\n"
        options.page.write_text(before + begin + middle + end + after)


if __name__ == "__main__":
    main()
