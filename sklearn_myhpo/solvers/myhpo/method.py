"""MY-HPO in all its forms.

Dhar, Kurup & Shah (2020), Stabilizing Bi-Level Hyperparameter Optimization using
Moreau-Yosida Regularization, arXiv:2007.13322.
"""

from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..options import check_options
from . import fast as _adaptive
from . import published as _consensus
from . import separable as _separable


@dataclass(frozen=True)
class MYHPO:
    """MY-HPO in its published form, its corrected form and its fast form.

    The published method is ``response="mean", metric="identity"`` with a fixed
    `rho`; its fixed point is in general not a minimum of the validation loss.
    ``response="tangent"`` makes the fixed points exactly the stationary points,
    ``metric="hessian"`` makes the rate independent of the conditioning.

    With ``rho="auto"``, exact steps, the tangent response and the Hessian
    metric, the consensus pair stays at its fixed point (w = v, u = 0), the
    response is taken to second order where that keeps the step convex, and the
    weight of the Moreau-Yosida term follows the measured decrease. Every other
    combination takes "auto" as 1.

    Parameters
    ----------
    steps : {"exact", "gradient"}, default="exact"
        Algorithm 3 (argmins) or Algorithm 1 (gradient steps) of the paper.
    response : {"tangent", "mean"}, default="tangent"
        The derivative of the weights, or eq. (4) of the paper.
    metric : {"hessian", "identity"}, default="hessian"
        Norm of the proximal terms; the paper's is the identity.
    rho : "auto" or float, default="auto"
        Positive weight of the proximal terms.
    step_sizes : "auto" or (float, float, float), default="auto"
        alpha, beta, delta of the gradient steps on v, w and lambda. "auto" takes
        them from a Lipschitz constant and the size of the loss.
    backtracking : bool, default=True
        Halve each gradient step until its own objective decreases sufficiently,
        MY-HPO (BT); False keeps the step sizes, MY-HPO (C).
    """

    _parameter_constraints: ClassVar[dict] = {
        "steps": [StrOptions({"exact", "gradient"})],
        "response": [StrOptions({"tangent", "mean"})],
        "metric": [StrOptions({"hessian", "identity"})],
        "rho": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "step_sizes": [StrOptions({"auto"}), tuple, list],
        "backtracking": ["boolean"],
    }

    steps: str = "exact"
    response: str = "tangent"
    metric: str = "hessian"
    rho: str | float = "auto"
    step_sizes: str | tuple = "auto"
    backtracking: bool = True

    def __post_init__(self):
        check_options(self, ("alpha", "beta", "delta"))

    @property
    def all_directions(self):
        """Whether the means over features are needed."""
        return self.response == "mean"

    @property
    def learns_targets(self):
        """Whether lambdas of targets that do not interact are learned all at once."""
        return not self.needs_split

    @property
    def needs_split(self):
        """Whether training and validation losses are looked at: the consensus forms."""
        is_fast = (
            self.rho == "auto"
            and self.steps == "exact"
            and self.response == "tangent"
            and self.metric == "hessian"
        )
        return not is_fast

    def _form(self, problem):
        if problem.is_separable:
            return _separable
        return _consensus if self.needs_split else _adaptive

    def init(self, problem, lambda_0, weights_0):
        """Return the first state."""
        if self.response == "mean" and np.any(lambda_0 == 0):
            raise ValueError(
                "response='mean' divides by lambda and cannot start from 0; change "
                "lambda_init or lambda_bounds, or use response='tangent'."
            )
        return self._form(problem).init(self, problem, lambda_0, weights_0)

    def step(self, problem, state, rng):
        """Return the next state and its `Info`; deterministic."""
        return self._form(problem).step(self, problem, state)
