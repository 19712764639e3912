"""Data cleaning on MNIST: wrong labels in the training rows, and some clean rows.

The labels of a share of the training rows are replaced by another digit, as in
Franceschi, Donini, Frasconi & Pontil (2017), section 5.1: training rows, as many clean
validation rows, 10,000 test rows, one softmax regression. They take ``--rows 5000``.
Every row of the table is a way to use them, and every number the mean over draws of
the rows. Lambda is learned on the clean rows, or on a fifth of all rows where the clean
ones are training rows too:

    OMP_NUM_THREADS=1 python -m benchmarks.row_weights [--page PAGE]

The page gets the table, and with ``--paper`` a second one at the sizes of the paper.
"""

import argparse
import sys
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from benchmarks.page import markdown, update
from sklearn_myhpo import MYHPOLogisticRegression
from sklearn_myhpo.datasets import fetch_mnist

RATES = (0.1, 0.2, 0.3, 0.4, 0.5)
#: Shares of rows to drop by their loss; the best of them counts.
DROPPED = (0.1, 0.2, 0.35, 0.5)
#: Draws of the rows and their labels.
SEEDS = (0, 1, 2)
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


def drop_by_loss(rows, plain):
    """Return the best model without the rows of the largest losses."""
    scores = plain.predict_log_proba(rows.X)
    losses = -scores[np.arange(len(rows.y)), rows.y]
    found = []
    for share in DROPPED:
        kept = losses <= np.quantile(losses, 1.0 - share)
        model = MYHPOLogisticRegression()
        found.append(model.fit(rows.X[kept], rows.y[kept], **rows.clean))
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
    rows, errors = Rows(rate, n_rows, seed), {}
    plain = MYHPOLogisticRegression().fit(rows.X, rows.y, **rows.clean)
    errors["plain"] = rows.error(plain)
    errors["dropping by loss"] = rows.error(drop_by_loss(rows, plain))
    clock = time.process_time()
    model = MYHPOLogisticRegression(max_iter=MAX_ITER)
    model.fit(rows.X, rows.y, **rows.clean, row_groups="each")
    seconds = time.process_time() - clock
    errors["`row_groups`"] = rows.error(model)
    right = MYHPOLogisticRegression()
    right.fit(rows.X[~rows.is_wrong], rows.y[~rows.is_wrong], **rows.clean)
    errors["right rows only"] = rows.error(right)
    errors["clean rows only"] = rows.error(rows.with_clean(np.zeros(n_rows)))
    errors["plain, and clean rows"] = rows.error(rows.with_clean(np.ones(n_rows)))
    both = rows.with_clean(model.row_weights_, model.lambda_)
    errors["`row_groups`, and clean rows"] = rows.error(both)
    both = rows.with_clean((~rows.is_wrong).astype(float))
    errors["right rows, and clean rows"] = rows.error(both)
    found = np.mean(model.row_weights_[rows.is_wrong] < 0.5)
    kept = np.mean(model.row_weights_[~rows.is_wrong] > 0.5)
    loss = log_loss(rows.y_clean, model.predict_proba(rows.X_clean))
    assert abs(loss - model.validation_loss_) < 1e-6
    return errors, {"wrong < .5": found, "right > .5": kept, "seconds": seconds}


def mean_of(rate, n_rows, seeds):
    """Return the means over draws: errors, their largest spread, and facts."""
    runs = [compare(rate, n_rows, seed) for seed in seeds]
    errors = {
        name: np.mean([own[name] for own, _ in runs], axis=0) for name in runs[0][0]
    }
    spread = max(np.std([own[name] for own, _ in runs]) for name in errors)
    facts = {name: np.mean([own[name] for _, own in runs]) for name in runs[0][1]}
    return errors, {**facts, "spread": spread}


def table(rates, n_rows, seeds):
    """Return the table, a column for every share of wrong labels."""
    columns = []
    for rate in rates:
        columns.append(mean_of(rate, n_rows, seeds))
        numbers = {**columns[-1][0], **columns[-1][1]}
        print(f"{rate:.0%}", {k: round(float(v), 2) for k, v in numbers.items()})
        sys.stdout.flush()
    head = [f"test error, %; {n_rows} rows", *(f"{rate:.0%} wrong" for rate in rates)]
    lines = [
        [name, *(f"{errors[name]:.1f}" for errors, _ in columns)]
        for name in columns[0][0]
    ]
    for name, text, size, digits in (
        ("spread", "largest standard deviation over draws", 1.0, 1),
        ("wrong < .5", "wrong labels with a weight below one half, %", 100.0, 0),
        ("right > .5", "right labels with a weight above one half, %", 100.0, 0),
        ("seconds", "seconds for the weights", 1.0, 0),
    ):
        own = (f"{size * facts[name]:.{digits}f}" for _, facts in columns)
        lines.append([text, *own])
    return markdown(head, lines, align_left=1)


def main(arguments=None):
    """Print the tables, and put them into a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rates", type=float, nargs="+", default=RATES)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--paper", action="store_true", help="at its sizes, one draw")
    parser.add_argument("--page", help="page of the documentation to write into")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore", ConvergenceWarning)
    parts = {"row weights": table(options.rates, options.rows, options.seeds)}
    if options.paper:
        parts["row weights paper"] = table([PAPER_RATE], PAPER_ROWS, SEEDS[:1])
    print("\n\n".join(parts.values()))
    if options.page:
        update(options.page, parts)


if __name__ == "__main__":
    main()
