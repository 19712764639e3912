"""
Curves with learned smoothness
==============================

Rentals of bicycles depend on the hour, the temperature and the kind of day, and not
linearly. `MYHPOAdditiveRegressor` takes the frame directly, learns the smoothness of
each curve, and removes columns without effect. The data are simulated, so that the true
curves are known.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from sklearn_myhpo import MYHPOAdditiveRegressor, MYHPORidge
from sklearn_myhpo.plotting import PartialEffectDisplay

# %%
# The data
# --------
# Three numbers with an effect, one of them cyclic, one number without any, and a
# category.

rng = np.random.default_rng(0)
n_rows = 3000
frame = pd.DataFrame(
    {
        "hour": rng.integers(0, 24, n_rows),
        "temperature": rng.normal(14, 9, n_rows),
        "wind": rng.gamma(2.0, 2.0, n_rows),
        "pressure": rng.normal(1013, 8, n_rows),
        "day": rng.choice(
            ["workday", "weekend", "holiday"], n_rows, p=[0.7, 0.25, 0.05]
        ),
    }
)
TRUTH = {
    "hour": lambda hour: (
        np.exp(-(((hour - 8) / 2) ** 2)) + 1.4 * np.exp(-(((hour - 17.5) / 2.5) ** 2))
    ),
    "temperature": lambda degrees: 1.5 / (1 + np.exp(-(degrees - 12) / 3)),
    "wind": lambda speed: -0.08 * speed,
    "pressure": lambda pressure: 0.0 * pressure,
}
y = sum(curve(frame[name]) for name, curve in TRUTH.items())
y = y + 0.3 * (frame["day"] == "weekend") + 0.4 * rng.normal(size=n_rows)
X_train, X_test, y_train, y_test = train_test_split(frame, y, random_state=0)

# %%
# The fit
# -------
# With `cyclic`, the curve has the same value at hour 24 as at hour 0.

start = time.perf_counter()
model = MYHPOAdditiveRegressor(cyclic={"hour": (0, 24)}).fit(X_train, y_train)
print(f"{time.perf_counter() - start:.2f} s")
numbers = list(TRUTH)
line = MYHPORidge(standardize=True).fit(X_train[numbers], y_train)
print(
    f"R2 on new rows: curves {model.score(X_test, y_test):.3f}, lines "
    f"{r2_score(y_test, line.predict(X_test[numbers])):.3f}"
)
print(model.summary())

# %%
# The pressure has been removed, because its effect is not significant. The true effect
# of the wind is a line, and nearly all of its share of the variance is in the linear
# part.

print(model.dropped_)

# %%
# The curves
# ----------
# With bands of 95 %, ticks at observed values, and the true curves, dashed.

display = PartialEffectDisplay.from_estimator(model)
for ax, (name, effect) in zip(display.axes_, display.effects.items(), strict=True):
    if name in TRUTH:
        curve = TRUTH[name]
        truth = curve(effect.values) - curve(X_train[name]).mean()
        ax.plot(effect.values, truth, "k--", linewidth=1)
        inside = np.mean((effect.low <= truth) & (truth <= effect.high))
        print(f"{name}: {inside:.0%} of the points inside the band")
plt.show()

# %%
# A term that has been removed has a band, too. It shows the effects that the data
# cannot exclude.

for name, effect in model.partial_effects(model.dropped_).items():
    print(f"{name}: the effect is hardly beyond {effect.high.max():.2f}")

# %%
# The same numbers are in `partial_effects`, for your own plots.

print(model.partial_effects("temperature", n_points=5)["temperature"].frame)
