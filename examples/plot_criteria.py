"""
Folds, leave-one-out and Stein's estimate
=========================================

The criterion that is minimized over lambda need not be the loss of held-out rows.
Leave-one-out, generalized cross-validation and Stein's risk estimate use one model of
all rows, so they need no split and no random state. This is an advantage with few rows.
"""

# %%
# Sixty rows and thirty correlated features with known true effects, drawn forty times.

import warnings

import matplotlib.pyplot as plt
import numpy as np

from sklearn_myhpo import LambdaBoundWarning, MYHPORidge
from sklearn_myhpo.criteria import SURE

NOISE = 2.0


def draw(seed, n_samples=60, n_features=30):
    """Return features, target, true coefficients and the features' covariance."""
    rng = np.random.default_rng(seed)
    mixing = np.eye(n_features) + 0.6
    X = rng.standard_normal((n_samples, n_features)) @ mixing
    coef = rng.standard_normal(n_features) / np.sqrt(n_features)
    y = X @ coef + NOISE * rng.standard_normal(n_samples)
    return X, y, coef, mixing.T @ mixing


def excess(model, coef, covariance):
    """Return the mean squared error on new rows above that of the truth."""
    error = model.coef_ - coef
    return error @ covariance @ error + model.intercept_**2


# %%
# SURE gets the variance of the noise here, which may be known for an instrument.

options = {
    "hold-out, 30 %": {"cv": 0.3},
    "5 folds": {"cv": 5},
    "10 folds": {"cv": 10},
    "leave-one-out": {"criterion": "loo"},
    "GCV": {"criterion": "gcv"},
    "SURE": {"criterion": SURE(noise_variance=NOISE**2)},
}
errors = {label: [] for label in options}
lambdas = {label: [] for label in options}
with warnings.catch_warnings():
    warnings.simplefilter("ignore", LambdaBoundWarning)
    for seed in range(40):
        X, y, *truth = draw(seed)
        for label, own in options.items():
            model = MYHPORidge(random_state=seed, **own).fit(X, y)
            errors[label].append(excess(model, *truth))
            lambdas[label].append(model.lambda_)
for label, values in errors.items():
    print(
        f"{label:<15} excess error {np.mean(values):.3f} "
        f"± {np.std(values) / np.sqrt(len(values)):.3f}"
    )

# %%
# One hold-out split wastes rows and varies most. The others differ less from each other
# than between draws of the data.

figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", sharey=True)
for axis, found in zip(axes, (lambdas, errors), strict=True):
    axis.boxplot(
        list(found.values()), tick_labels=list(options), orientation="horizontal"
    )
axes[0].set(xlabel="learned lambda", title="What is learned, in 40 draws")
axes[0].set_xlim(-6, 4)
axes[1].set(xlabel="squared error above the truth's", title="and how well it predicts")
axes[0].invert_yaxis()
plt.show()
