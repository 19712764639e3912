"""
A loss of your own
==================

Fractions between zero and one, such as the fraction of seeds that germinated, are
modelled well neither by ridge nor as classes. Fractional logistic regression (Papke and
Wooldridge 1996) fits them. The package has no estimator for it; here it is added as a
loss, and the solvers learn its penalties without changes.
"""

# %%
# A loss is a function of the target and the raw prediction, with derivatives. It does
# not depend on the features.

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.model_selection import KFold

from sklearn_myhpo.bilevel.validation import BilevelProblem
from sklearn_myhpo.losses import Interval, Loss
from sklearn_myhpo.penalties.groups import FeatureGroups
from sklearn_myhpo.solvers import MYHPO, minimize_bilevel


# loss: begin
class ShareLoss(Loss):
    """Cross-entropy of shares y in [0, 1]: ``log(1 + exp(raw)) - y raw``."""

    name = "share"
    link = "logit"
    y_range = Interval(0.0, 1.0, low_closed=True, high_closed=True)
    max_curvature = 0.25

    def n_outputs(self, y):
        """Return 1: one log-odds a row."""
        return 1

    def value(self, y, raw):
        """Return the loss of every row."""
        return np.logaddexp(0.0, raw[:, 0]) - y * raw[:, 0]

    def gradient(self, y, raw):
        """Return ``p - y``."""
        return expit(raw) - y[:, None]

    def curvature(self, y, raw):
        """Return ``p (1 - p)``, which does not depend on y."""
        return (expit(raw) * expit(-raw))[:, :, None]

    def third(self, y, raw, a, b, c):
        """Return ``p (1 - p) (1 - 2 p) a b c``."""
        slope = expit(raw) * expit(-raw) * (expit(-raw) - expit(raw))
        return np.sum(slope * a * b * c, axis=-1)

    def curvature_change(self, move):
        """Return ``|move|``: the log curvature moves no faster than the prediction."""
        return np.abs(move[:, 0])

    def intercept_start(self, y, sample_weight):
        """Return the log-odds of the weighted mean share."""
        mean = sample_weight @ y / sample_weight.sum()
        return np.array([logit(np.clip(mean, 1e-12, 1 - 1e-12))])


# loss: end

# %%
# Finite differences check the derivatives; the tests of the package check every
# registered loss.

rng = np.random.default_rng(0)
loss, raw, shares = ShareLoss(), rng.normal(size=(50, 1)), rng.uniform(size=50)
step = 1e-6
slope = (loss.value(shares, raw + step) - loss.value(shares, raw - step)) / (2 * step)
bend = (loss.gradient(shares, raw + step) - loss.gradient(shares, raw - step)) / (
    2 * step
)
gradient = loss.gradient(shares, raw)[:, 0]
curvature = loss.curvature(shares, raw)[:, :, 0]
print("error of the first derivative ", abs(slope - gradient).max())
print("error of the second derivative", abs(bend - curvature).max())

# %%
# Fractions of 20 seeds on 300 plots: four measurements have an effect, thirty do not.

n, names = 300, np.repeat([0, 1], [4, 30])
X = rng.standard_normal((n, 34))
coef = np.r_[rng.normal(size=4), np.zeros(30)]
y = rng.binomial(20, expit(X @ coef - 0.5)) / 20

# %%
# Without an estimator, the steps of ``fit`` are done by hand: groups, splits, problem,
# solver, and the refit of all rows.

# problem: begin
pairs = list(KFold(5, shuffle=True, random_state=0).split(X))
groups = FeatureGroups(names, ("measured", "other"))
problem = BilevelProblem(X, y, ShareLoss(), groups, pairs)
result = minimize_bilevel(problem, MYHPO())
# problem: end
print(result.status.name, "after", result.n_iter, "iterations")
print(dict(zip(groups.names, result.lambda_.round(2).tolist(), strict=True)))
weights = problem.minimize_full(result.lambda_, problem.full.start())

# %%
# A check: minimizing the penalized loss of all rows with SciPy, at the learned lambdas,
# gives the same predictions.


def training_loss(w):
    """Return the penalized mean loss of all rows; the last weight is the intercept."""
    penalty = np.sum(np.exp(result.lambda_)[names] * w[:-1] ** 2)
    return np.mean(ShareLoss().value(y, (X @ w[:-1] + w[-1])[:, None])) + penalty


referee = minimize(training_loss, np.zeros(35), method="BFGS", options={"gtol": 1e-7}).x
coef_, intercept_ = problem.full.to_features(weights)
own = expit(X @ coef_[:, 0] + intercept_)
theirs = expit(X @ referee[:-1] + referee[-1])
print("largest difference of predictions:", abs(own - theirs).max())

# %%
# The loss of new plots, with two penalties and with one shared penalty.

X_new = rng.standard_normal((5000, 34))
truth = expit(X_new @ coef - 0.5)
all_features = FeatureGroups(np.zeros(34, int), ("all",))
one = BilevelProblem(X, y, ShareLoss(), all_features, pairs)
shared = one.minimize_full(minimize_bilevel(one, MYHPO()).lambda_, one.full.start())
figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.8), sharey=True, layout="constrained")
for axis, label, model, found in (
    (axes[0], "one lambda", one, shared),
    (axes[1], "two lambdas", problem, weights),
):
    coef_, intercept_ = model.full.to_features(found)
    predicted = expit(X_new @ coef_[:, 0] + intercept_)
    error = np.sqrt(np.mean((predicted - truth) ** 2))
    axis.plot(truth[:500], predicted[:500], ".", markersize=3)
    axis.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    axis.set(title=f"{label}: error {error:.3f}", xlabel="true share")
axes[0].set(ylabel="predicted share")
plt.show()
