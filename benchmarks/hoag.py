"""What inexact inner solutions save: HOAG with its tolerance schedules.

One lambda, logistic regression, 3000 training and 3000 validation rows of a9a, from
lambda = 0 and zero weights. Gradients and Hessian products are counted until the exact
validation loss at lambda is within 1e-5 of its minimum for the first time; whether it
stays there for the rest of 100 iterations is told beside. "constant" is the same solver
with every inner problem and every adjoint solved to that relative residual, by the same
L-BFGS and conjugate gradients, warm-started too: 1e-12 is what is meant by exact. The
losses that judge a lambda come from scikit-learn's `LogisticRegression`.
SKLEARN_MYHPO_DATA names the folder of a9a.npz:

    python -m benchmarks.hoag
"""

import warnings

import numpy as np
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from benchmarks.data import binary_file
from benchmarks.page import markdown
from sklearn_myhpo import BilevelLogisticRegression
from sklearn_myhpo.solvers import HOAG, Implicit

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
    "exact over this",
    "stays",
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
    """Return the ends of the interval of lambda where the exact loss is near its least.

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
    n_gradients, n_hessian_products : int
        Those of the whole run where it never is.
    stays : str
        "yes", "no", or "never there".
    """
    history = fit(
        X, y, pair, solver, lambda_init=0.0, max_iter=MAX_ITER, tol=1e-7
    ).history_
    low, high = ends
    near = (history["lambda"] >= low) & (history["lambda"] <= high)
    first = int(np.argmax(near)) if near.any() else -1
    stays = "never there"
    if near.any():
        stays = "yes" if near[first:].all() else "no"
    return history["n_gradients"][first], history["n_hessian_products"][first], stays


def compare(X, y, pair, tol_inits=(0.1, 1e-3), step_rules=("descent", "published")):
    """Return a row of the table for every step size and tolerance."""
    ends = near_minimum(X, y, pair)
    schedules = [("constant", tol) for tol in EXACT_TOLS]
    schedules += [(name, tol) for tol in tol_inits for name in SCHEDULES]
    rows = []
    for rule in step_rules:
        exact = None
        for schedule, tol_init in schedules:
            *counts, stays = cost(
                X, y, pair, HOAG(schedule, tol_init, step_rule=rule), ends
            )
            exact = exact or sum(counts)
            ratio = f"{exact / sum(counts):.1f}"
            rows.append((rule, f"{schedule}, {tol_init:g}", *counts, ratio, stays))
    return rows


def main():
    """Print the table."""
    print(markdown(HEAD, compare(*random_halves(*binary_file("a9a"), N_ROWS))))


if __name__ == "__main__":
    main()
