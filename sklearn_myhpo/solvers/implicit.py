"""Implicit differentiation with exact inner solutions.

The hypergradient is Bengio (2000), Gradient-Based Optimization of Hyperparameters. The
weights are minimizers of the training loss, so their derivatives follow from its
optimality conditions, the second ones too. `HOAG` is the form with inexact solutions.
"""

from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..bilevel.evaluation import Evaluation
from ..bilevel.problem import Problem
from .capabilities import Capabilities
from .options import check_options
from .protocol import Info, Solver, State
from .steps import newton, quasi_newton

#: Lambdas up to which "auto" takes Newton steps.
MAX_NEWTON = 30


@dataclass(frozen=True)
class Implicit(Solver):
    """Exact implicit differentiation: inner minimizers, adjoints and a descent step.

    It shares no step with MY-HPO, so it is an independent check of it.
    The objective never rises beyond rounding.

    Parameters
    ----------
    steps : {"auto", "newton", "gauss-newton", "lbfgs"}, default="auto"
        "newton" uses the whole second derivative of the objective in lambda, made
        positive definite, in a trust region; "gauss-newton" the semidefinite part
        ``J' H_V J`` of it. Both solve one linear system per lambda and one for
        the adjoint, with one factor. "lbfgs" solves for the adjoint only and
        backtracks. "auto" is "newton" for up to 30 lambdas, "lbfgs" for more, and where
        the responses of the weights to the lambdas would not fit the memory.
    memory : int, default=20
        Number of (step, change of hypergradient) pairs that "lbfgs" keeps.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        needs_split=False, all_directions=False, weighs_rows=True
    )
    _parameter_constraints: ClassVar[dict] = {
        "steps": [StrOptions({"auto", "newton", "gauss-newton", "lbfgs"})],
        "memory": [Interval(Integral, 1, None, closed="left")],
    }

    steps: str = "auto"
    memory: int = 20

    def __post_init__(self):
        check_options(self, ())

    def _form(self, problem):
        """Return the module with the steps."""
        can_newton = not problem.prefers_products
        if self.steps == "auto":
            is_newton = can_newton and problem.n_groups <= MAX_NEWTON
            return newton if is_newton else quasi_newton
        if self.steps == "lbfgs":
            return quasi_newton
        if not can_newton:
            raise ValueError(
                f"steps={self.steps!r} of Implicit needs the response of all weights "
                f"to each lambda; for {problem.n_groups} lambdas of this problem they "
                "do not fit the memory. Use steps='auto' or 'lbfgs'."
            )
        return newton

    def init(
        self, problem: Problem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> State:
        """Return the exact inner solution and the derivatives at `lambda_0`."""
        return self._form(problem).init(self, problem, lambda_0, weights_0)

    def step(
        self, problem: Problem, state: State, rng: np.random.Generator
    ) -> tuple[State, Info]:
        """Return the next state and its `Info`; deterministic."""
        return self._form(problem).step(self, problem, state)

    def evaluation(self, problem: Problem, state: State) -> Evaluation:
        """Return the evaluation that the state carries."""
        return state.place
