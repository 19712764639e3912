"""
Rows on a cluster
=================

``fit`` accepts arrays of Dask. Their blocks stay on the workers. One small task per
block computes sums, and only the sums are sent.
"""

# %%
# A cluster of two workers. With ``processes=False`` they are threads of this process,
# which the build of this page needs. In your own script, leave it out and put the rest
# of the code under ``if __name__ == "__main__":``, because every process imports the
# script. In a notebook neither is needed.

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
from distributed import Client, LocalCluster, wait

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import RowFolds

options = {"processes": False, "threads_per_worker": 1, "dashboard_address": None}
cluster = LocalCluster(n_workers=2, **options)
client = Client(cluster)

# %%
# The workers create the rows and keep them. Reading files works in the same way, for
# example with `dask.dataframe.read_parquet`.

random = da.random.default_rng(0)
X = random.standard_normal((40_000, 20), chunks=(4_000, 20))
y = X @ np.random.default_rng(1).normal(size=20)
y = y + 10.0 * random.standard_normal(40_000, chunks=4_000)
X, y, label = dask.persist(X, y, (y > 8.0).astype(int))
wait([X, y, label])
holders = [worker for workers in client.who_has(X).values() for worker in workers]
print("blocks of X on each worker:", sorted(map(holders.count, set(holders))))

# %%
# Ridge reads the blocks once, for all folds and all lambdas. Logistic regression takes
# a few passes.

ridge = MYHPORidge(cv=RowFolds(5)).fit(X, y)
classes = MYHPOLogisticRegression(cv=RowFolds(5)).fit(X, label)
for model in (ridge, classes):
    n_passes = model.oracle_counts_["n_passes"]
    print(f"{type(model).__name__}: {n_passes} passes, lambda {model.lambda_:.4f}")

# %%
# Predictions are lazy arrays with the blocks of X: ``compute`` computes them.

share = classes.predict_proba(X)[:, 1].mean()
print(share)
print(f"expected {share.compute():.4f}, found {label.mean().compute():.4f}")

# %%
# The same rows in the memory of one process, without Dask, give the same validation
# loss along lambda, and the same minimum.

rows, targets = dask.compute(X, y)
client.close()
cluster.close()
in_memory = MYHPORidge(cv=RowFolds(5)).fit(rows, targets)
print(f"difference of lambda: {abs(ridge.lambda_ - in_memory.lambda_):.0e}")
print(f"of the coefficients: {abs(ridge.coef_ - in_memory.coef_).max():.0e}")

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
