"""
Groups of features: two spectra and some process variables
==========================================================

A reactor is monitored by two spectrometers and a few thermometers. Their channels
differ in number, size, noise and usefulness, so no single penalty fits all of them.
With one penalty per block, the data decide the weight of every instrument. Learning
three penalties is no more work than one, while a grid would have to try every
combination.
"""

# %%
# Simulated runs: near-infrared spectra with broad overlapping bands and a drifting
# baseline, Raman spectra with narrow lines and much noise, and five process variables.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from sklearn_myhpo import LambdaBoundWarning, MYHPORidge
from sklearn_myhpo.plotting import GroupPenaltyDisplay

infrared = np.linspace(1100, 2500, 150)
raman = np.linspace(200, 1800, 250)
blocks = np.repeat(["near-infrared", "Raman", "process"], [150, 250, 5])


def bands(axis, centres, width):
    """Return absorption bands along an axis, one per substance."""
    return np.exp(-0.5 * ((axis - np.array(centres)[:, None]) / width) ** 2)


def simulate(rng, n_samples=160):
    """Return measurements of the three blocks, and the yield."""
    content = rng.uniform(0, 1, (n_samples, 3))
    baseline = rng.normal(size=(n_samples, 2)) @ np.array(
        [np.ones(150), (infrared - 1800) / 700]
    )
    first = content @ bands(infrared, (1450, 1540, 1940), 90) + baseline
    first += 0.05 * rng.standard_normal(first.shape)
    second = content @ bands(raman, (520, 900, 1450), 12)
    second += 0.15 * rng.standard_normal(second.shape)
    process = rng.standard_normal((n_samples, 5))
    y = content[:, 1] + 0.1 * process[:, 0] + 0.1 * rng.standard_normal(n_samples)
    return np.hstack([first, second, process]), y


X, y = simulate(np.random.default_rng(0))
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# A label for every feature is all that is needed.

one = MYHPORidge().fit(X_train, y_train)
grouped = MYHPORidge(feature_groups=blocks).fit(X_train, y_train)
for label, model in (("one lambda", one), ("one per block", grouped)):
    error = np.mean((model.predict(X_test) - y_test) ** 2) / np.var(y_test)
    print(
        f"{label:<14} held-out loss {model.validation_loss_:.6f}, "
        f"relative squared error on new rows {error:.4f}"
    )
print(grouped.penalties_frame().round(4).to_string())

_, axis = plt.subplots(figsize=(6, 2.2), layout="constrained")
GroupPenaltyDisplay.from_estimator(grouped, ax=axis)
plt.show()

# %%
# One set of test rows is one draw, so the comparison is repeated on ten other data
# sets. (If a block of features does not help, its penalty ends at the upper bound with
# a warning.)


def relative_error(feature_groups, X, y):
    """Return the squared error on the last forty rows, after a fit to the others."""
    model = MYHPORidge(feature_groups=feature_groups)
    model.fit(X[:-40], y[:-40])
    return np.mean((model.predict(X[-40:]) - y[-40:]) ** 2) / np.var(y[-40:])


ratios = []
with warnings.catch_warnings():
    warnings.simplefilter("ignore", LambdaBoundWarning)
    for seed in range(1, 11):
        draw = simulate(np.random.default_rng(seed))
        ratios.append(relative_error(blocks, *draw) / relative_error(None, *draw))
print(f"error of groups over error of one lambda: {np.round(ratios, 2)}")
print(f"geometric mean {np.exp(np.mean(np.log(ratios))):.2f}")

# %%
# The coefficients under one penalty and under three, with lambda in the titles. The
# shared one is a compromise: too weak for the noisy Raman channels, too strong for the
# near-infrared.

figure, axes = plt.subplots(
    2, 3, figsize=(9, 4.6), layout="constrained", width_ratios=(3, 3, 2)
)
axis_of = {"near-infrared": infrared, "Raman": raman, "process": np.arange(5)}
for row, (label, model) in enumerate((("one lambda", one), ("one each", grouped))):
    lambdas = np.broadcast_to(model.lambda_, 3)
    for column, name in enumerate(axis_of):
        own = lambdas[list(grouped.feature_group_names_).index(name)]
        axis = axes[row, column]
        style = "o" if name == "process" else "-"
        axis.plot(axis_of[name], model.coef_[blocks == name], style, markersize=4)
        axis.axhline(0, color="0.7", linewidth=0.8, zorder=0)
        axis.set_title(f"{name}, {label}: {own:.1f}", fontsize=9)
axes[1, 0].set(xlabel="wavelength (nm)")
axes[1, 1].set(xlabel="Raman shift (1/cm)")
axes[1, 2].set(xlabel="variable")
for axis in axes[:, 0]:
    axis.set(ylabel="coefficient")
plt.show()
