"""
More rows than memory
=====================

The rows are in a folder of Parquet files, and never in memory together. ``fit`` takes
`sklearn_myhpo.data.Batches` instead of X and y, and gives the same model as a fit in
memory. A later month is added without reading the others again.
"""

# %%
# The files
# ---------
# Eight months of readings of machines at 20 sites, one file each: 12 sensors, the wear
# of a tool, and whether the tool had to be changed.

import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_myhpo import MYHPOLogisticRegression, MYHPORidge
from sklearn_myhpo.data import Batches, RowFolds
from sklearn_myhpo.plotting import ValidationObjectiveDisplay

N_MONTHS, N_READINGS = 8, 10_000
SENSORS = [f"sensor{number}" for number in range(12)]
folder = TemporaryDirectory()


def path_of(month):
    """Return the file of a month."""
    return Path(folder.name) / f"month-{month}.parquet"


def readings_of(month):
    """Return the readings of a month, a frame of numbers and texts."""
    rng, same = np.random.default_rng(month), np.random.default_rng(99)
    values = rng.gamma(4.0, size=(N_READINGS, len(SENSORS)))
    site = rng.integers(20, size=N_READINGS)
    wear = values @ same.normal(scale=0.05, size=len(SENSORS))
    wear += same.normal(scale=0.1, size=20)[site] + rng.standard_normal(N_READINGS)
    frame = pd.DataFrame(values, columns=SENSORS)
    return frame.assign(site=np.char.mod("s%d", site), wear=wear, changed=wear > 1.0)


for month in range(N_MONTHS):
    readings_of(month).to_parquet(path_of(month))
paths = [path_of(month) for month in range(N_MONTHS)]
print(
    f"{sum(path.stat().st_size for path in paths) / 1e6:.1f} MB in {len(paths)} files"
)

# %%
# A fit in one pass
# -----------------
# ``map`` applies a `ColumnTransformer` that was fitted to some of the rows to every
# batch, a frame. ``RowFolds(5)`` holds out every fifth row. The losses of all folds and
# the final weights come from one pass.

FEATURES = [*SENSORS, "site"]
columns = make_column_transformer(
    (StandardScaler(), SENSORS), (OneHotEncoder(sparse_output=False), ["site"])
).fit(pd.read_parquet(paths[0])[FEATURES])


def batches_of(some, target):
    """Return the rows of some files as numbers, in batches."""
    return Batches.from_parquet(
        some, target=target, columns=FEATURES, batch_size=2_500
    ).map(columns)


batches = batches_of(paths, "wear")
ridge = MYHPORidge(cv=RowFolds(5)).fit(batches)
print(
    f"{batches.n_samples} rows, {ridge.n_features_in_} features after the transformer"
)
print(f"passes: {batches.n_passes}, learned alpha: {ridge.alpha_:.1f}")

# %%
# The same from rows in memory:


def rows_of(some, target):
    """Return the rows of some files at once, as numbers, and their target."""
    rows = pd.concat(map(pd.read_parquet, some))
    return columns.transform(rows[FEATURES]), rows[target]


in_memory = MYHPORidge(cv=RowFolds(5)).fit(*rows_of(paths, "wear"))
print(f"difference of lambda: {abs(ridge.lambda_ - in_memory.lambda_):.0e}")
print(f"of the coefficients: {abs(ridge.coef_ - in_memory.coef_).max():.0e}")

# %%
# Logistic regression takes a few passes. The first one draws a sample, whose fit is the
# start. Each of the others computes second-order models of the losses of all folds.

batches = batches_of(paths, "changed")
classes = MYHPOLogisticRegression(cv=RowFolds(5)).fit(batches)
other = MYHPOLogisticRegression(cv=RowFolds(5), tol=1e-9)
other.fit(*rows_of(paths, "changed"))
print(f"passes: {batches.n_passes}, learned C: {classes.C_:.4f}, {other.C_:.4f}")
print(f"difference of the coefficients: {abs(classes.coef_ - other.coef_).max():.0e}")

# %%
# Memory
# ------
# The peak memory of Python and NumPy during a fit, by the number of files.


def peak_of(fit):
    """Return the most memory that a call holds, in MB."""
    tracemalloc.start()
    fit()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak


def fit_batches(some):
    """Fit to files, batch by batch."""
    return MYHPORidge(cv=RowFolds(5)).fit(batches_of(some, "wear"))


def fit_at_once(some):
    """Fit to the rows of files in memory."""
    return MYHPORidge(cv=RowFolds(5)).fit(*rows_of(some, "wear"))


numbers = range(4, N_MONTHS + 1, 2)
peaks = {
    name: [peak_of(lambda fit=fit, k=k: fit(paths[:k])) for k in numbers]
    for name, fit in {"rows in memory": fit_at_once, "batches": fit_batches}.items()
}

_, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
thick = {"linewidth": 6, "alpha": 0.3}
ValidationObjectiveDisplay.from_estimator(ridge, ax=left, color="C1", label="batches")
curve = in_memory.validation_curve_
both = curve["lambda"], curve["validation_loss"]
left.plot(*both, color="C0", label="rows in memory", zorder=0, **thick)
left.legend(loc="upper left")
for (name, values), style in zip(peaks.items(), (thick, {}), strict=True):
    right.plot(numbers, values, "o-", label=name, **style)
right.set(xlabel="files", xticks=numbers, ylabel="peak memory, MB", ylim=(0, None))
right.legend()
plt.show()

# %%
# One more month
# --------------
# ``partial_fit`` keeps the second moments of the folds, and no rows: the time to add a
# month does not depend on the others. Apart from rounding, the model is that of all
# nine months.

model = MYHPORidge(cv=RowFolds(5))
for path in paths:
    model.partial_fit(*rows_of([path], "wear"))

readings_of(N_MONTHS).to_parquet(path_of(N_MONTHS))
model.partial_fit(*rows_of([path_of(N_MONTHS)], "wear"))
anew = fit_batches([*paths, path_of(N_MONTHS)])
print(f"learned alpha: {model.alpha_:.1f}, before {ridge.alpha_:.1f}")
print(f"difference of the coefficients: {abs(model.coef_ - anew.coef_).max():.0e}")
folder.cleanup()
