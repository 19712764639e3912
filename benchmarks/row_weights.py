"""Data cleaning on MNIST: wrong labels in the training rows, and some clean rows.

The labels of a share of the training rows are replaced by another digit, as in
Franceschi, Donini, Frasconi & Pontil (2017), section 5.1: training rows, as many clean
validation rows, 10,000 test rows, one softmax regression. They take ``--rows 5000``.
Every row of the table is a way to use them, and every number the mean over draws of
the rows. Lambda is learned on the clean rows, or on a fifth of all rows where the clean
ones are training rows too:

    OMP_NUM_THREADS=1 python -m benchmarks.row_weights [--write] [--quick]

`--write` puts two tables into the page of weights of rows: this one, and one draw at
the sizes of the paper. A line appears for every fit. A run takes about six minutes;
`--quick` takes half a minute, with one draw of few rows.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from benchmarks.page import markdown, update
from sklearn_myhpo import MYHPOLogisticRegression
from sklearn_myhpo.datasets import fetch_mnist

PAGE = "doc/user_guide/row_weights.md"
RATES = (0.1, 0.3, 0.5)
#: Shares of rows to drop by their loss; the best of them counts.
DROPPED = (0.1, 0.2, 0.35, 0.5)
#: Draws of the rows and their labels.
SEEDS = (0, 1, 2)
#: Numbers of training rows, and of clean rows, and with `--quick`.
N_ROWS, QUICK_ROWS = 1500, 300
#: Numbers of training rows, and of clean rows, and the share of wrong labels in the
#: paper.
PAPER_ROWS, PAPER_RATE = 5000, 0.5
#: Iterations for the weights of rows; more lower the loss by less than one percent.
MAX_ITER = 15


class Rows:
    """Training rows with wrong labels, clean rows and test rows.

    Parameters
    ----------
    rate : float
        Share of wrong labels.
    n_rows : int
        Number of training rows, and of clean rows.
    seed : int
    """

    def __init__(self, rate, n_rows, seed):
        data, test = fetch_mnist(), fetch_mnist(subset="test10k")
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(data.target))[: 2 * n_rows]
        X, y = data.data[order] / 255.0, data.target[order]
        self.X, self.y = X[:n_rows], y[:n_rows].copy()
        self.X_clean, self.y_clean = X[n_rows:], y[n_rows:]
        self.X_test, self.y_test = test.data / 255.0, test.target
        self.is_wrong = rng.random(n_rows) < rate
        others = rng.integers(1, 10, self.is_wrong.sum())
        self.y[self.is_wrong] = (self.y[self.is_wrong] + others) % 10

    @property
    def clean(self):
        """The clean rows as a validation set."""
        return {"X_val": self.X_clean, "y_val": self.y_clean}

    def given(self, is_used):
        """Return some training rows, and the clean ones as a validation set."""
        return {"X": self.X[is_used], "y": self.y[is_used], **self.clean}

    def error(self, model):
        """Return the share of wrong predictions of test rows, in percent."""
        return 100.0 * (1.0 - model.score(self.X_test, self.y_test))

    def with_clean(self, weight, lambda_=None):
        """Return a model of the training rows, with weights, and the clean rows.

        Its lambda is the given one, which the clean rows chose before, or else the best
        for a fifth of all rows.
        """
        used = weight > 0
        X = np.vstack([self.X[used], self.X_clean])
        y = np.concatenate([self.y[used], self.y_clean])
        weight = np.concatenate([weight[used], np.ones(len(self.y_clean))])
        if lambda_ is None:
            model = MYHPOLogisticRegression(cv=0.2, random_state=0)
        else:
            C = 0.5 * np.exp(-lambda_) / weight.sum()
            model = LogisticRegression(C=C, max_iter=1000)
        return model.fit(X, y, weight)


class Fits:
    """Fits of one draw; each prints a line with its CPU seconds.

    Attributes
    ----------
    seconds : dict of str to float
        By the name of the fit.
    """

    def __init__(self, title):
        self.title, self.seconds = title, {}

    def __call__(self, name, fit, *data, **given):
        """Return the result of a call of `fit`."""
        start = time.process_time()
        result = fit(*data, **given)
        self.seconds[name] = time.process_time() - start
        print(f"{self.title}, {name}: {self.seconds[name]:.1f} s", flush=True)
        return result


def drop_by_loss(rows, plain):
    """Return the best model without the rows of the largest losses."""
    scores = plain.predict_log_proba(rows.X)
    losses = -scores[np.arange(len(rows.y)), rows.y]
    found = []
    for share in DROPPED:
        kept = losses <= np.quantile(losses, 1.0 - share)
        found.append(MYHPOLogisticRegression().fit(**rows.given(kept)))
    return min(found, key=lambda model: model.validation_loss_)


def compare(rate, n_rows, seed):
    """Return the test error of every way, and facts about the weights.

    Returns
    -------
    errors : dict of str to float
        In percent.
    facts : dict of str to float
        Shares of wrong and right labels on the right side of a weight of one half, and
        CPU seconds of the fit with weights of rows.
    """
    rows, fits = Rows(rate, n_rows, seed), Fits(f"{n_rows} rows, {rate:.0%}, {seed}")
    all_rows, right = np.ones(n_rows, dtype=bool), ~rows.is_wrong
    plain, weighed = (
        MYHPOLogisticRegression(),
        MYHPOLogisticRegression(max_iter=MAX_ITER),
    )
    models = {"plain": fits("plain", plain.fit, **rows.given(all_rows))}
    name = "dropping by loss"
    models[name] = fits(name, drop_by_loss, rows, plain)
    name = "`row_groups`"
    given = rows.given(all_rows)
    models[name] = fits(name, weighed.fit, **given, row_groups="each")
    name = "right rows only"
    models[name] = fits(name, MYHPOLogisticRegression().fit, **rows.given(right))
    weight = weighed.row_weights_
    for name, *with_clean in (
        ("clean rows only", np.zeros(n_rows)),
        ("plain, and clean rows", np.ones(n_rows)),
        ("`row_groups`, and clean rows", weight, weighed.lambda_),
        ("right rows, and clean rows", right.astype(float)),
    ):
        models[name] = fits(name, rows.with_clean, *with_clean)
    loss = log_loss(rows.y_clean, weighed.predict_proba(rows.X_clean))
    assert abs(loss - weighed.validation_loss_) < 1e-6
    return {name: rows.error(model) for name, model in models.items()}, {
        "wrong < .5": np.mean(weight[rows.is_wrong] < 0.5),
        "right > .5": np.mean(weight[right] > 0.5),
        "seconds": fits.seconds["`row_groups`"],
    }


def mean_of(rate, n_rows, seeds):
    """Return the means over draws: errors, and facts with the spread of the errors."""
    runs = [compare(rate, n_rows, seed) for seed in seeds]
    errors = {
        name: np.mean([own[name] for own, _ in runs], axis=0) for name in runs[0][0]
    }
    facts = {name: np.mean([own[name] for _, own in runs]) for name in runs[0][1]}
    if len(runs) > 1:
        spread = max(np.std([own[name] for own, _ in runs]) for name in errors)
        facts["spread"] = spread
    return errors, facts


def table(rates, n_rows, seeds):
    """Return the table, a column for every share of wrong labels."""
    columns = [mean_of(rate, n_rows, seeds) for rate in rates]
    head = [f"test error, %; {n_rows} rows", *(f"{rate:.0%} wrong" for rate in rates)]
    lines = [
        [name, *(f"{errors[name]:.1f}" for errors, _ in columns)]
        for name in columns[0][0]
    ]
    rows = (
        ("spread", "largest standard deviation over draws", 1.0, 1),
        ("wrong < .5", "wrong labels with a weight below one half, %", 100.0, 0),
        ("right > .5", "right labels with a weight above one half, %", 100.0, 0),
        ("seconds", "seconds for the weights", 1.0, 0),
    )
    for name, text, size, digits in rows:
        if name not in columns[0][1]:
            continue
        own = (f"{size * facts[name]:.{digits}f}" for _, facts in columns)
        lines.append([text, *own])
    return markdown(head, lines, align_left=1)


def main(arguments=None):
    """Print the tables, and with `--write` put them into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one draw of few rows")
    parser.add_argument("--write", action="store_true", help=f"fill {PAGE}")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", ConvergenceWarning)
    if options.quick:
        parts = {"row weights": table(RATES, QUICK_ROWS, SEEDS[:1])}
    else:
        parts = {
            "row weights": table(RATES, N_ROWS, SEEDS),
            "row weights paper": table([PAPER_RATE], PAPER_ROWS, SEEDS[:1]),
        }
    print("\n\n".join(parts.values()))
    if options.write:
        update(PAGE, parts)


if __name__ == "__main__":
    main()
