# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From a table to a report
#
# A table with numbers, categories and missing values becomes a tuned model, and the
# model becomes a page that can be sent to somebody. Every cell runs in seconds.
#
# The data are simulated rents of flats, so that the true effects are known.

# %%
import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_myhpo import GroupedColumnTransformer, MYHPORidge, report
from sklearn_myhpo.plotting import GroupPenaltyDisplay

# %% [markdown]
# ## The table
#
# Area, age and floor have a strong effect. Each of 60 streets has a small effect, and
# each of 30 sensors nearby measures nothing but noise. One age out of ten is missing.

# %%
rng = np.random.default_rng(0)
n_rows = 600
flats = pd.DataFrame(
    {
        "area": rng.gamma(9.0, 8.0, size=n_rows),
        "age": rng.uniform(0.0, 90.0, size=n_rows),
        "floor": rng.integers(0, 8, size=n_rows),
        "street": rng.choice([f"street {k}" for k in range(60)], size=n_rows),
    }
)
sensors = [f"sensor {k}" for k in range(30)]
flats[sensors] = rng.normal(size=(n_rows, 30))
streets = flats["street"].unique()
effect = dict(zip(streets, rng.normal(scale=60.0, size=len(streets)), strict=True))
rent = (
    200.0
    + 11.0 * flats["area"]
    - 3.0 * flats["age"]
    + 15.0 * flats["floor"]
    + flats["street"].map(effect)
    + rng.normal(scale=80.0, size=n_rows)
)
flats.loc[rng.uniform(size=n_rows) < 0.1, "age"] = np.nan
flats_train, flats_test, rent_train, rent_test = train_test_split(
    flats, rent, random_state=0
)
flats_train.head()

# %% [markdown]
# ## One penalty
#
# `MYHPORidge` takes the place of `Ridge`, or of a `GridSearchCV` around it. `fit` finds
# the penalty at which the loss of held-out rows is lowest. `scoring` reports a score of
# the same rows.


# %%
def columns():
    """Return the steps that turn the table into numbers."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return GroupedColumnTransformer(
        [
            ("flat", numbers, ["area", "age", "floor"]),
            ("street", OneHotEncoder(handle_unknown="ignore"), ["street"]),
            ("sensor", numbers, sensors),
        ]
    )


options = {"scoring": "r2", "cv": 5}
shared = make_pipeline(columns(), MYHPORidge(**options)).fit(flats_train, rent_train)
print(f"R2 on new rows: {shared.score(flats_test, rent_test):.3f}")
shared

# %% [markdown]
# The table of penalties is in the last box of the diagram. The certificate says how
# close the fit came to a minimum.

# %%
print(shared[-1].certificate_)

# %% [markdown]
# ## One penalty per kind of column
#
# `feature_groups="transformer"` learns one penalty for each transformer. A grid would
# need three dimensions for it. The sensors are nearly switched off.

# %%
grouped = make_pipeline(
    columns(), MYHPORidge(feature_groups="transformer", **options)
).fit(flats_train, rent_train)
print(f"R2 on new rows: {grouped.score(flats_test, rent_test):.3f}")
grouped[-1].penalties_frame()

# %%
picture = GroupPenaltyDisplay.from_estimator(grouped)
# %% [markdown]
# ## The summary
#
# A row per feature: coefficient, standard error, penalty and share of the variance of
# the prediction. The 20 largest of them are shown, and `frame` has all.

# %%
grouped[-1].summary()

# %% [markdown]
# ## The report
#
# One file with everything above, for a browser. It needs no network and no other file.

# %%
page = report(grouped, "rents.html")
print(f"{page}: {page.stat().st_size / 1024:.0f} KiB")
