"""
Rows on a cluster
=================

Arrays of Dask are given to ``fit`` as they are. Their blocks stay on the workers, where
one small task for each block makes sums, and only the sums travel.
"""

# %%
# A cluster of two processes on one machine, which is used like one of a hundred
# machines. A script asks for its name first, for every process reads the script again;
# a notebook does not need this.

import logging

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from distributed import Client, LocalCluster

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import RowFolds

N_ROWS, N_FEATURES, BLOCK = 40_000, 20, 4_000


def make_rows():
    """Return X, numbers and classes, in ten blocks each that no one has made yet."""
    random = da.random.default_rng(0)
    X = random.standard_normal((N_ROWS, N_FEATURES), chunks=(BLOCK, N_FEATURES))
    weights = np.random.default_rng(1).normal(size=N_FEATURES)
    y = X @ weights + 10.0 * random.standard_normal(N_ROWS, chunks=BLOCK)
    return X, y, (y > 8.0).astype(int)


def fit_on(client):
    """Return the fitted models, the rows and how many bytes of X each worker holds."""
    X, y, label = dask.persist(*make_rows())
    ridge = MYHPORidge(cv=RowFolds(5)).fit(X, y)
    classes = MYHPOLogisticRegression(cv=RowFolds(5)).fit(X, label)
    share = classes.predict_proba(X)[:, 1].mean()  # lazy until it is computed
    print(
        f"expected share of ones {share.compute():.4f}, found {label.mean().compute()}"
    )
    held = client.who_has(X)
    workers = sorted({worker for names in held.values() for worker in names})
    return ridge, classes, workers, dask.compute(X, y, label)


# %%
# The fits. ``n_passes`` says how often the blocks were visited, and the differences are
# to fits of the same rows in the memory of one process.


def main():
    """Fit on a cluster and in memory, and compare."""
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        LocalCluster(silence_logs=logging.ERROR, **options) as cluster,
        Client(cluster) as client,
    ):
        ridge, classes, workers, (X, y, label) = fit_on(client)
    print(f"{N_ROWS} rows in blocks of {BLOCK} on {len(workers)} workers")
    in_memory = MYHPORidge(cv=RowFolds(5)).fit(X, y)
    other = MYHPOLogisticRegression(cv=RowFolds(5), tol=1e-9).fit(X, label)
    for name, one, two in (("ridge", ridge, in_memory), ("logistic", classes, other)):
        n_passes = one.oracle_counts_["n_passes"]
        apart = abs(one.coef_ - two.coef_).max()
        print(f"{name}: {n_passes} passes, difference of the coefficients {apart:.0e}")
    return ridge, in_memory


# %%
# What the driver has learned is what the rows in memory say: losses of all folds along
# lambda, from one visit of the blocks.


def draw(ridge, in_memory):
    """Draw the losses of held-out rows along lambda."""
    _, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for model, name, style in (
        (in_memory, "rows in memory", {"linewidth": 6, "alpha": 0.3}),
        (ridge, "rows on a cluster", {}),
    ):
        curve = model.validation_curve_
        axis.plot(curve["lambda"], curve["validation_loss"], label=name, **style)
    axis.plot(ridge.lambda_, ridge.validation_loss_, "o", color="C3", label="learned")
    axis.set(xlabel="lambda (natural log)", ylabel="validation loss")
    axis.legend()
    plt.show()


if __name__ == "__main__":
    draw(*main())
