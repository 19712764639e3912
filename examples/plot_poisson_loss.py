"""
A Poisson loss
==============

Counts, such as the claims of a policy, are modelled by a Poisson distribution with a
log link, as in `MYHPOPoissonRegressor`. Here the loss is written as your own class, and
the solvers learn its penalties without changes. Two independent checks follow: SciPy
for the weights, a dense grid for the validation loss.
"""

# %%
# Half the unit deviance, ``mu - y + y log(y / mu)`` with ``mu = exp(raw)``, is zero
# where the prediction is the count. A loss must not be negative: the negative log
# likelihood ``mu - y log mu`` has the same derivatives, but is refused where its mean
# is below zero. The curvature ``mu`` has no upper bound, and ``max_curvature`` stays
# None.

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from sklearn.model_selection import KFold

from sklearn_myhpo import BilevelGeneralizedLinearRegressor
from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import Interval, Loss
from sklearn_myhpo.penalties.groups import FeatureGroups
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel


# loss: begin
class PoissonLoss(Loss):
    """Half the Poisson deviance of counts y >= 0 with a log link."""

    name = "poisson"
    link = "log"
    y_range = Interval(0.0, np.inf, low_closed=True)

    def n_outputs(self, y):
        """Return 1: one log mean a row."""
        return 1

    def value(self, y, raw):
        """Return ``y (exp(d) - 1 - d)``, d the error of the log; ``mu`` for y = 0."""
        log_y = np.log(np.where(y > 0, y, 1.0))
        error = np.minimum(raw[:, 0] - log_y, 600.0)
        return np.where(y > 0, y * (np.expm1(error) - error), self._mean(raw))

    def gradient(self, y, raw):
        """Return ``mu - y``."""
        return (self._mean(raw) - y)[:, None]

    def curvature(self, y, raw):
        """Return ``mu``."""
        return self._mean(raw)[:, None, None]

    def third(self, y, raw, a, b, c):
        """Return ``mu a b c``."""
        return np.sum(self._mean(raw)[:, None] * a * b * c, axis=-1)

    def curvature_change(self, move):
        """Return ``|move|``: the raw prediction is the log curvature."""
        return np.abs(move[:, 0])

    def intercept_start(self, y, sample_weight):
        """Return the log of the weighted mean count."""
        mean = sample_weight @ y / sample_weight.sum()
        return np.array([np.log(np.maximum(mean, 1e-12))])

    def _mean(self, raw):
        # Larger values overflow; no step is accepted there.
        return np.exp(np.minimum(raw[:, 0], 600.0))


# loss: end

# %%
# Counts of 400 rows: four measurements have an effect, thirty do not. Many are zero.

rng = np.random.default_rng(0)
n, names = 400, np.repeat([0, 1], [4, 30])
X = rng.standard_normal((n, 34))
coef = np.r_[0.4 * rng.normal(size=4), np.zeros(30)]
y = rng.poisson(np.exp(X @ coef + 0.5)).astype(float)
print("share of zeros:", np.mean(y == 0), " largest count:", y.max())

# %%
# A loss with the link "log" or "identity" is a family of
# `BilevelGeneralizedLinearRegressor`, which learns two penalties here.

pairs = list(KFold(5, shuffle=True, random_state=0).split(X))
# family: begin
labels = np.where(names == 0, "measured", "other")
model = BilevelGeneralizedLinearRegressor(
    family=PoissonLoss(), feature_groups=labels, cv=pairs
).fit(X, y)
# family: end
print(
    dict(zip(model.feature_group_names_, model.lambda_.round(2).tolist(), strict=True))
)

# %%
# The same by hand, for checks: groups, problem and solver.

groups = FeatureGroups(names, ("measured", "other"))
loss = PoissonLoss()
problem = BilevelProblem(X, y, loss, groups, pairs)
result = minimize_bilevel(problem, MYHPO())
print(result.status.name, "after", result.n_iter, "iterations")
print(dict(zip(groups.names, result.lambda_.round(2).tolist(), strict=True)))

# %%
# SciPy minimizes the penalized loss of all rows at the learned lambdas, and finds the
# same weights.


def training_loss(w, lambda_, rows):
    """Return the penalized mean loss of some rows and its gradient."""
    penalty = np.append(np.exp(lambda_)[names], 0.0)
    design = np.column_stack([X[rows], np.ones(len(rows))])
    raw = (design @ w)[:, None]
    slope = design.T @ loss.gradient(y[rows], raw)[:, 0] / len(rows)
    value = loss.value(y[rows], raw).mean() + penalty @ w**2
    return value, slope + 2 * penalty * w


def fit(lambda_, rows):
    """Return the weights of SciPy; the last one is the intercept."""
    options = {"gtol": 1e-9}
    start = np.zeros(35)
    return minimize(
        training_loss, start, (lambda_, rows), "BFGS", jac=True, options=options
    ).x


weights = problem.minimize_full(result.lambda_, problem.full.start())
coef_, intercept_ = problem.full.to_features(weights)
referee = fit(result.lambda_, np.arange(n))
own = np.append(coef_[:, 0], intercept_)
print("largest difference of weights:", abs(own - referee).max())

# %%
# A dense grid of one lambda for all features, each value fitted by SciPy, has its
# smallest validation loss where the solver ends.


def validation_loss(lambda_):
    """Return the mean loss of the held-out rows of all folds."""
    total = 0.0
    for train, held_out in pairs:
        w = fit(np.array([lambda_, lambda_]), train)
        raw = (X[held_out] @ w[:-1] + w[-1])[:, None]
        total += loss.value(y[held_out], raw).sum()
    return total / n


one = BilevelProblem(X, y, loss, FeatureGroups(np.zeros(34, int), ("all",)), pairs)
shared = minimize_bilevel(one, MYHPO())
grid = np.linspace(shared.lambda_[0] - 2, shared.lambda_[0] + 2, 21)
losses = [validation_loss(lambda_) for lambda_ in grid]
print(f"one lambda {shared.validation_loss:.6f}, least of the grid {min(losses):.6f}")
print(f"two lambdas {result.validation_loss:.6f}")

figure, axis = plt.subplots(figsize=(6, 3.8), layout="constrained")
axis.plot(grid, losses, ".-", label="grid, by SciPy")
axis.plot(shared.lambda_, shared.validation_loss, "o", label="one lambda, learned")
axis.axhline(result.validation_loss, color="0.5", label="two lambdas, learned")
axis.set(xlabel="lambda", ylabel="validation loss")
axis.legend()
plt.show()
