"""
Convergence of MY-HPO and SHO
=============================

Both methods use a linear model of the weights as a function of lambda. SHO learns it by
gradient steps and MY-HPO computes it. Here both, and implicit differentiation, start
from the same lambda = -1, and are compared by their numbers of evaluations.
"""

# %%
# The diabetes data with a hold-out split, y standardized. A start by a scan
# (``lambda_init="auto"``, the default) would hide the differences, because it begins
# close to the minimum.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import BilevelRidge, MYHPORidge, SHORidge
from sklearn_myhpo.plotting import ConvergenceDisplay

X, y = load_diabetes(return_X_y=True)
X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
common = {"cv": 0.3, "lambda_init": -1.0, "random_state": 0}
models = {
    "MY-HPO, default": MYHPORidge(**common),
    "MY-HPO, consensus with rho = 1": MYHPORidge(rho=1.0, **common),
    "MY-HPO, gradient steps": MYHPORidge(steps="gradient", max_iter=2000, **common),
    "SHO": SHORidge(max_iter=2000, **common),
    "implicit differentiation": BilevelRidge(solver="implicit", **common),
}
for label, model in models.items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    print(
        f"{label:<31} {model.n_iter_:>5} iterations, lambda {model.lambda_:.4f}, "
        f"{'converged' if model.converged_ else 'not converged'}"
    )

# %%
# The reference is the minimum found by `implicit`; a fine grid gives the same. The
# first plot shows the excess of the validation loss over it against ``n_gradients``,
# the budget of the paper. A factorization is not a gradient, so the second plot shows
# iterations.

least = models["implicit differentiation"].validation_loss_
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
for label, model in models.items():
    history = model.history_
    excess = np.abs(history["validation_loss"] - least) / least
    marker = {"marker": "o", "markersize": 3} if model.n_iter_ < 50 else {}
    ConvergenceDisplay.from_estimator(
        model, quantity="lambda", name=label, ax=axes[0], **marker
    )
    iterations = np.arange(1, model.n_iter_ + 1)
    axes[1].plot(iterations, np.maximum(excess, 1e-12), **marker)
axes[0].get_legend().remove()
axes[0].set(xscale="log")
axes[1].set(xscale="log", xlabel="iteration", yscale="log")
axes[1].set(ylabel="relative excess of the validation loss")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
plt.show()

# %%
# All forms of MY-HPO and implicit differentiation end at the minimum, along different
# paths. SHO ends near it: with the small published noise, training hardly distinguishes
# the two parts of its hypernetwork, so lambda does not follow the true derivative.
#
# The two residuals of the consensus form, r (weights against their model) and s (moves
# of that model). Both must vanish.

history = models["MY-HPO, consensus with rho = 1"].history_
figure, axis = plt.subplots(figsize=(6, 3.4), layout="constrained")
axis.semilogy(history["primal_residual"], label="primal residual r")
axis.semilogy(history["dual_residual"], label="dual residual s")
axis.semilogy(history["hypergradient_norm"], label="hypergradient", color="0.6")
axis.set(xlabel="iteration", ylabel="norm")
axis.legend()
plt.show()
