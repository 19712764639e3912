"""Implicit differentiation with exact inner solutions.

The hypergradient is Bengio (2000), Gradient-Based Optimization of Hyperparameters. The
weights are minimizers of the training loss, so their derivatives follow from its
optimality conditions, the second ones too. `HOAG` is the form with inexact solutions.
"""

from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from .options import check_options
from .steps import newton as _newton
from .steps import quasi_newton as _quasi_newton

#: Lambdas up to which "auto" takes Newton steps.
MAX_NEWTON = 30


@dataclass(frozen=True)
class Implicit:
    """Exact implicit differentiation: inner minimizers, adjoints and a descent step.

    Nothing of MY-HPO's response or proximal term is used, so this solver referees it.
    The objective never rises beyond rounding.

    Parameters
    ----------
    steps : {"auto", "newton", "gauss-newton", "lbfgs"}, default="auto"
        "newton" uses the whole second derivative of the objective in lambda, made
        positive definite, in a trust region; "gauss-newton" the semidefinite part
        ``J' H_V J`` of it. Both solve one linear system per lambda and one for
        the adjoint, with one factor. "lbfgs" solves for the adjoint only and
        backtracks. "auto" is "newton" for up to 30 lambdas, "lbfgs" for more.
    memory : int, default=20
        Number of (step, change of hypergradient) pairs that "lbfgs" keeps.
    """

    all_directions: ClassVar[bool] = False
    needs_split: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict] = {
        "steps": [StrOptions({"auto", "newton", "gauss-newton", "lbfgs"})],
        "memory": [Interval(Integral, 1, None, closed="left")],
    }

    steps: str = "auto"
    memory: int = 20

    def __post_init__(self):
        check_options(self, ())

    def _form(self, problem):
        if self.steps == "auto":
            return _newton if problem.n_groups <= MAX_NEWTON else _quasi_newton
        return _quasi_newton if self.steps == "lbfgs" else _newton

    def init(self, problem, lambda_0, weights_0):
        """Return the exact inner solution and the derivatives at `lambda_0`."""
        return self._form(problem).init(self, problem, lambda_0, weights_0)

    def step(self, problem, state, rng):
        """Return the next state and its `Info`; deterministic."""
        return self._form(problem).step(self, problem, state)
