"""
A solver of your own in 40 lines
================================

A solver is a frozen dataclass of options with two functions: ``init`` returns the first
state, ``step`` the next one. The package does the rest: splits, exact weights,
derivatives, time limits, the history, stopping, the refit.
"""

# %%
# Rprop (Riedmiller and Braun 1993) has one step length per lambda, which grows while
# the derivative keeps its sign and is halved when the sign changes. It uses signs only,
# so it has nothing to tune, and lambdas may differ in scale.

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from sklearn_myhpo import BilevelRidge
from sklearn_myhpo.solvers import Capabilities, Info, Solver


# solver: begin
class RpropState(NamedTuple):
    """The memory from one iteration to the next."""

    lambda_: np.ndarray
    weights: list
    slope: np.ndarray
    sizes: np.ndarray
    error: float


@dataclass(frozen=True)
class Rprop(Solver):
    """Resilient steps on lambda, with exact weights and slopes."""

    capabilities: ClassVar[Capabilities] = Capabilities(needs_split=False)

    first_size: float = 0.5
    largest_size: float = 2.0

    def init(self, problem, lambda_0, weights_0):
        """Return exact weights and the slope at the start."""
        weights = problem.minimize(lambda_0, weights_0)
        slope = problem.hypergradient(lambda_0, weights)
        sizes = np.full(problem.n_groups, self.first_size)
        return RpropState(lambda_0, weights, slope, sizes, np.inf)

    def step(self, problem, state, rng):
        """Return the next state and a row of the history."""
        lambda_ = problem.project(state.lambda_ - state.sizes * np.sign(state.slope))
        place = problem.at(lambda_, problem.minimize(lambda_, state.weights))
        slope = place.hypergradient()
        factor = np.where(slope * state.slope > 0, 1.2, 0.5)
        sizes = np.minimum(factor * state.sizes, self.largest_size)
        inside = problem.projected(lambda_, slope)
        error = float(problem.relative(inside, place.objective))
        new_state = RpropState(lambda_, place.weights, slope, sizes, error)
        return new_state, Info.at(place, slope)


# solver: end

# %%
# The methods of ``problem`` count their calls: ``minimize`` gives the weights of all
# splits for a lambda, and ``at`` the problem at both: its ``hypergradient`` and its
# ``objective``, the penalty of ``shrinkage`` included. ``project`` and ``projected``
# keep to the bounds. ``tol`` is compared with ``error``. The solver uses no part of a
# single split, and the capability ``needs_split=False`` lets it minimize
# leave-one-out and the other criteria too.
#
# Pass an object instead of a name.

X, y = load_diabetes(return_X_y=True)
X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std()
groups = ["body"] * 4 + ["serum"] * 6
common = {"feature_groups": groups, "lambda_init": -1.0}
models = {
    "own": BilevelRidge(solver=Rprop(), **common).fit(X, y),
    "myhpo": BilevelRidge(solver="myhpo", **common).fit(X, y),
}
for label, model in models.items():
    print(
        f"{label:<6} {model.n_iter_:>3} iterations, lambda {model.lambda_.round(4)}, "
        f"held-out loss {model.validation_loss_:.8f}"
    )
print(models["own"].certificate_)

# %%
# The same object minimizes generalized cross-validation.

gcv = BilevelRidge(solver=Rprop(), criterion="gcv", **common).fit(X, y)
print(f"GCV: lambda {gcv.lambda_.round(4)}, {gcv.n_iter_} iterations")

# %%
# The history has the same form for every solver.

figure, axis = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
for label, style in (("own", "-"), ("myhpo", "--o")):
    history = models[label].history_["lambda"]
    for column, name in enumerate(models[label].feature_group_names_):
        axis.plot(
            np.arange(1, len(history) + 1),
            history[:, column],
            style,
            color=f"C{column}",
            markersize=4,
            label=f"{label}, {name}",
        )
axis.set(xlabel="iteration", ylabel="lambda (natural log)")
axis.legend()
plt.show()
