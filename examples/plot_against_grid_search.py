"""
Against GridSearchCV
====================

A grid search tries some penalties and keeps the best one. Here the validation loss is
minimized over the penalty, and the result is the minimum of the curve that the grid
samples at a few points.
"""

# %%
# Polynomial features of the diabetes data, where the penalty matters, and the same five
# folds for both.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from sklearn_myhpo import MYHPORidge
from sklearn_myhpo.plotting import ValidationObjectiveDisplay

X, y = load_diabetes(return_X_y=True)
X = PolynomialFeatures(2, include_bias=False).fit_transform(X)
X = StandardScaler().fit_transform(X)
y = (y - y.mean()) / y.std()
folds = list(KFold(5, shuffle=True, random_state=0).split(X))

grid = GridSearchCV(
    Ridge(), {"alpha": np.logspace(-2, 4, 13)}, scoring="neg_mean_squared_error"
)
grid.set_params(cv=folds).fit(X, y)
model = MYHPORidge(cv=folds).fit(X, y)


# %%
# The two are compared by the mean loss of the held-out rows, from plain scikit-learn
# fits at any penalty. Lambda refers to the mean loss of a fold and alpha to the sum, so
# ``alpha = 2 n exp(lambda)`` with n the number of training rows of the fold.


def cross_validation_loss(lambda_):
    """Return half the mean squared error of all rows, each held out once."""
    squares = 0.0
    for train, held_out in folds:
        alpha = 2 * len(train) * np.exp(lambda_)
        plain = Ridge(alpha=alpha).fit(X[train], y[train])
        squares += np.sum((plain.predict(X[held_out]) - y[held_out]) ** 2)
    return squares / (2 * len(y))


grid_lambda = np.log(grid.best_params_["alpha"] / (2 * len(y)))
print(f"grid     {cross_validation_loss(grid_lambda):.6f} from {13 * 5 + 1} fits")
learned = cross_validation_loss(model.lambda_)
print(f"learned  {learned:.6f} (lambda {model.lambda_:.3f})")
print(f"reported {model.validation_loss_:.6f}")

# %%
# The whole curve from the scan at the start of the fit, with the penalties of the grid
# and the band of one standard error above the minimum. The curve is uncertain by about
# this much; ``selection="one_se"`` takes the strongest penalty in the band.

_, axis = plt.subplots(figsize=(7, 4), layout="constrained")
display = ValidationObjectiveDisplay.from_estimator(
    model, alphas=grid.param_grid["alpha"], ax=axis
)
display.ax_.set(title="Diabetes, polynomial of degree 2, five folds")
plt.show()
