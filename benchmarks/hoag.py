"""Savings of inexact inner solutions: HOAG with its tolerance schedules.

One lambda, logistic regression, 3000 training and 3000 validation rows of a9a, from
lambda = 0 and zero weights. Gradients and Hessian products are counted until the exact
validation loss at lambda is within 1e-5 of its minimum and stays there for the rest of
100 iterations. The last column is their sum when this holds for the first time.
"constant" is the same solver with every inner problem and every adjoint solved to that
relative residual, by the same L-BFGS and conjugate gradients, also warm-started: 1e-12
counts as exact. The exact losses come from scikit-learn's `LogisticRegression`.
SKLEARN_MYHPO_DATA names the folder of a9a.npz:

    python -m benchmarks.hoag [--write]

`--write` puts the table into the page of the solver.
"""

import argparse
import warnings

import numpy as np
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from benchmarks.data import binary_file
from benchmarks.page import markdown, update
from sklearn_myhpo import BilevelLogisticRegression
from sklearn_myhpo.solvers import HOAG, Implicit

PAGE = "doc/solvers/implicit.md"
N_ROWS = 3000
SUBOPTIMALITY = 1e-5
#: Relative residuals of what counts as exact; the first is what others are judged by.
EXACT_TOLS = (1e-12, 1e-8)
MAX_ITER = 100
SCHEDULES = ("exponential", "quadratic", "cubic")
HEAD = (
    "step size",
    "tolerance",
    "gradients",
    "Hessian products",
    "exact / this row",
    "total when first within 1e-5",
)


def random_halves(X, y, n_rows, seed=0):
    """Return X, y and one pair of as many training as validation rows."""
    rows = np.random.default_rng(seed).permutation(len(y))[: 2 * n_rows]
    return X[rows], y[rows], (np.arange(n_rows), np.arange(n_rows, 2 * n_rows))


def exact_loss(X, y, pair, lambda_):
    """Return the validation loss of the exact model of the training rows."""
    train, validation = pair
    model = LogisticRegression(
        C=0.5 * np.exp(-lambda_) / len(train),
        solver="newton-cholesky",
        tol=1e-8,
        max_iter=1000,
    ).fit(X[train], y[train])
    return log_loss(y[validation], model.predict_proba(X[validation]))


def fit(X, y, pair, solver, **options):
    """Return the model of a solver, whether it converged or not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return BilevelLogisticRegression(
            solver=solver, cv=[pair], refit=False, **options
        ).fit(X, y)


def near_minimum(X, y, pair):
    """Return the ends of the interval of lambda with a nearly minimal exact loss.

    Found from the minimum, to which an exact fit leads, outwards.
    """
    best = fit(X, y, pair, Implicit(), tol=1e-8).lambda_
    limit = exact_loss(X, y, pair, best) + SUBOPTIMALITY

    def excess(lambda_):
        return exact_loss(X, y, pair, lambda_) - limit

    return [brentq(excess, best, best + far, xtol=1e-4) for far in (-2.0, 2.0)]


def cost(X, y, pair, solver, ends):
    """Return gradients and Hessian products until lambda is between two ends.

    Returns
    -------
    stays, first : (int, int) or None
        Until it stays there, and until it is there for the first time; None if never.
    """
    history = fit(
        X, y, pair, solver, lambda_init=0.0, max_iter=MAX_ITER, tol=1e-7
    ).history_
    low, high = ends
    near = (history["lambda"] >= low) & (history["lambda"] <= high)
    counts = list(
        zip(history["n_gradients"], history["n_hessian_products"], strict=True)
    )
    stay = int(len(near) - np.argmin(near[::-1])) if not near.all() else 0
    return (
        counts[stay] if near[-1] else None,
        counts[int(np.argmax(near))] if near.any() else None,
    )


def compare(X, y, pair, tol_inits=(0.1, 1e-3), step_rules=("descent", "published")):
    """Return a row of the table for every step size and tolerance."""
    ends = near_minimum(X, y, pair)
    schedules = [("constant", tol) for tol in EXACT_TOLS]
    schedules += [(name, tol) for tol in tol_inits for name in SCHEDULES]
    rows = []
    for rule in step_rules:
        exact = None
        for schedule, tol_init in schedules:
            solver = HOAG(schedule, tol_init, step_rule=rule)
            stays, first = cost(X, y, pair, solver, ends)
            # The first of them is exact.
            exact = exact or stays
            name = f"{schedule}, {tol_init:g}"
            rows.append((rule, name, *_described(stays, first, exact)))
    return rows


def _described(stays, first, exact):
    """Return the last columns of a row."""
    counts = stays or ("never", "never")
    ratio = f"{sum(exact) / sum(stays):.1f}" if stays and exact else "-"
    return (*counts, ratio, sum(first) if first else "never")


def main(arguments=None):
    """Print the table, and with `--write` put it into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"fill {PAGE}")
    options = parser.parse_args(arguments)
    text = markdown(HEAD, compare(*random_halves(*binary_file("a9a"), N_ROWS)))
    print(text)
    if options.write:
        update(PAGE, {"hoag": text})


if __name__ == "__main__":
    main()
