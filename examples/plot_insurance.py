"""
Costs of insurance policies
===========================

How many claims will a policy have, what does a claim cost, and what does a policy cost?
Three regressions with a log link answer these questions. ``fit`` learns two penalties,
one for the measurements and one for the many regions. The last section models the rate
as a sum of curves.
"""

# %%
# Policies of a simulated insurer. Regions differ a little, and many have few policies:
# their own penalty strength keeps their estimates from following the noise.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import d2_tweedie_score
from sklearn.model_selection import GridSearchCV, KFold, train_test_split
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

from sklearn_myhpo import (
    MYHPOAdditiveRegressor,
    MYHPOGammaRegressor,
    MYHPOPoissonRegressor,
    MYHPOTweedieRegressor,
)

rng = np.random.default_rng(0)
n, n_regions = 20_000, 120
age, power = rng.uniform(18, 90, n), rng.gamma(6.0, 12.0, n)
region = np.minimum(rng.geometric(0.02, n), n_regions) - 1
exposure = rng.uniform(0.05, 1.0, n)
effect = 0.15 * rng.standard_normal(n_regions)
rate = np.exp(-1.6 + 1.2 * np.exp(-(age - 18) / 12) + 0.003 * power + effect[region])
claims = rng.poisson(exposure * rate)
size = np.exp(6.5 + 0.002 * power + 0.5 * effect[region])
# The sum of k gamma variables with one scale is gamma with k times the shape.
cost = np.where(claims > 0, rng.gamma(1.5 * np.maximum(claims, 1), size / 1.5), 0.0)
print(f"policies without a claim: {np.mean(claims == 0):.2f}")

# %%
# A spline of each measurement, and one column per region, are the two groups.

columns = ColumnTransformer(
    [
        ("measured", SplineTransformer(8, extrapolation="linear"), [0, 1]),
        ("region", OneHotEncoder(handle_unknown="ignore"), [2]),
    ]
)
X = columns.fit_transform(np.column_stack([age, power, region]))
groups = [name.split("__")[0] for name in columns.get_feature_names_out()]
train, test = train_test_split(np.arange(n), random_state=0)
folds = KFold(5, shuffle=True, random_state=0)
options = {"cv": folds, "feature_groups": groups}

# %%
# Claims per year: the rate is the target, and the exposure its weight.

frequency = MYHPOPoissonRegressor(**options)
frequency.fit(X[train], claims[train] / exposure[train], sample_weight=exposure[train])
print(frequency.penalties_frame())

# %%
# The same with a grid search and one strength for all, which takes many fits.

search = GridSearchCV(
    PoissonRegressor(solver="newton-cholesky"),
    {"alpha": np.logspace(-5, 0, 11)},
    cv=folds,
)
search.fit(X[train], claims[train] / exposure[train], sample_weight=exposure[train])
for name, model in (("two strengths", frequency), ("grid", search.best_estimator_)):
    d2 = model.score(X[test], claims[test] / exposure[test], exposure[test])
    print(f"D2 on new policies, {name:<13} {d2:.4f}")

# %%
# The mean cost of a claim, with the number of claims as weight; and the cost per year
# directly, which is mostly zero.

has_claim = train[claims[train] > 0]
severity = MYHPOGammaRegressor(**options)
severity.fit(
    X[has_claim], cost[has_claim] / claims[has_claim], sample_weight=claims[has_claim]
)
pure = MYHPOTweedieRegressor(power=1.5, **options)
pure.fit(X[train], cost[train] / exposure[train], sample_weight=exposure[train])
product = frequency.predict(X[test]) * severity.predict(X[test])
for name, predicted in (
    ("frequency times severity", product),
    ("Tweedie", pure.predict(X[test])),
):
    d2 = d2_tweedie_score(
        cost[test] / exposure[test],
        predicted,
        sample_weight=exposure[test],
        power=1.5,
    )
    print(f"D2 of the cost per year, {name:<24} {d2:.4f}")

# %%
# Deciles of the policies by predicted rate: do policies with a high predicted rate have
# more claims? And the weights of the regions against their true effects.

predicted, time = frequency.predict(X[test]), exposure[test]
tenths = np.array_split(np.argsort(predicted), 10)
expected = [np.average(predicted[part], weights=time[part]) for part in tenths]
observed = [claims[test][part].sum() / time[part].sum() for part in tenths]
figure, (left, right) = plt.subplots(ncols=2, figsize=(9, 3.8), layout="constrained")
left.plot(expected, observed, "o")
left.axline((0.2, 0.2), slope=1.0, color="0.6")
left.set(xlabel="predicted claims per year", ylabel="observed, a tenth of the policies")

weights = frequency.coef_[np.array(groups) == "region"]
n_policies = np.bincount(region[train], minlength=n_regions)
right.scatter(effect, weights, s=0.3 * n_policies + 3, alpha=0.6)
right.axline((0.0, 0.0), slope=1.0, color="0.6")
right.set(xlabel="effect of the region", ylabel="weight (size of dot: policies)")
plt.show()

# %%
# The same rates as a sum of curves: the estimator takes the raw policies and learns the
# smoothness. `partial_effects` has confidence bands; effects are logarithms of factors.

policies = pd.DataFrame({"age": age, "power": power, "region": region})
curves = MYHPOAdditiveRegressor(family="poisson", categorical=["region"], cv=folds)
rates = claims / exposure
curves.fit(policies.iloc[train], rates[train], sample_weight=exposure[train])
print(curves.summary().frame)
d2 = curves.score(policies.iloc[test], rates[test], exposure[test])
print(f"D2 on new policies, curves        {d2:.4f}")

found = curves.partial_effects("age")["age"]
truth = 1.2 * np.exp(-(found.values - 18) / 12)
truth -= np.average(1.2 * np.exp(-(age[train] - 18) / 12), weights=exposure[train])
figure, axes = plt.subplots(figsize=(5.5, 3.8), layout="constrained")
axes.fill_between(found.values, np.exp(found.low), np.exp(found.high), alpha=0.3)
axes.plot(found.values, np.exp(found.effect), label="learned, with 95 % band")
axes.plot(found.values, np.exp(truth), color="0.4", linestyle="--", label="true")
axes.set(xlabel="age of the driver", ylabel="factor of the rate")
axes.legend()
plt.show()
