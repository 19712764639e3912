"""
Quick start
===========

A ridge regression that learns its own penalty, in one line, and the results of the fit.
"""

# %%
# Diabetes progression from ten measurements, with a quarter of the rows for the test.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.plotting import ValidationObjectiveDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

# %%
# ``fit`` splits the rows, learns the penalty with the smallest out-of-fold loss, and
# refits on all rows.

model = MYHPORidge(cv=5).fit(X_train, y_train)
print(f"lambda (natural log)  {model.lambda_:.4f}")
print(f"alpha for Ridge       {model.alpha_:.4f}")
print(f"out-of-fold loss      {model.validation_loss_:.1f}")
print(f"R2 on new rows        {model.score(X_test, y_test):.3f}")

# %%
# With ``alpha_``, scikit-learn's `Ridge` gives the same model.

plain = Ridge(alpha=model.alpha_).fit(X_train, y_train)
print("largest difference of coefficients:", np.abs(plain.coef_ - model.coef_).max())

# %%
# The solver's iterations are in ``history_``, one entry of every array per iteration.
# Few are needed: a fit begins at the best penalty of a coarse scan.

for name in ("lambda", "validation_loss", "hypergradient_norm"):
    print(f"{name:<19}", model.history_[name])

# %%
# The out-of-fold loss along lambda, with the learned value at its minimum:

ValidationObjectiveDisplay.from_estimator(model)
plt.show()

# %%
# The learned coefficients and those of least squares:

least_squares = Ridge(alpha=1e-8).fit(X_train, y_train)
figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
rows = np.arange(X.shape[1])
axis.barh(rows - 0.2, least_squares.coef_, height=0.4, label="hardly any penalty")
axis.barh(rows + 0.2, model.coef_, height=0.4, label="learned penalty")
axis.set_yticks(rows, X.columns)
axis.set(xlabel="coefficient", title="Diabetes: what the learned penalty does")
axis.invert_yaxis()
axis.legend()
plt.show()
