"""Implicit differentiation with exact inner solutions.

The hypergradient is Bengio (2000), Gradient-Based Optimization of Hyperparameters. The
weights are minimizers of the training loss, so their first and second derivatives
follow from its optimality conditions. `HOAG` is the form with inexact solutions.
Approximations of the inverse Hessian are in `steps/nystrom.py` and `steps/lanczos.py`.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..bilevel.evaluation import Evaluation
from ..bilevel.problem import Problem
from .capabilities import Capabilities
from .options import check_options
from .protocol import Info, Solver, State
from .steps import lanczos, newton, nystrom, quasi_newton

#: Largest number of lambdas for which "auto" takes Newton steps.
MAX_NEWTON = 30
#: Modules of the approximations of the inverse Hessian.
APPROXIMATIONS = {"nystrom": nystrom, "lanczos": lanczos}


@dataclass(frozen=True)
class Implicit(Solver):
    """Implicit differentiation: inner minimizers, adjoints and a descent step.

    It shares no step with MY-HPO and is an independent check of it.
    The objective never rises beyond rounding.

    Parameters
    ----------
    steps : {"auto", "newton", "gauss-newton", "lbfgs"}, default="auto"
        "newton" uses the whole second derivative of the objective in lambda, made
        positive definite, in a trust region; "gauss-newton" the semidefinite part
        ``J' H_V J`` of it. Both solve one linear system per lambda and one for
        the adjoint, with one factor. "lbfgs" solves for the adjoint only and
        backtracks, in units in which every lambda has about the same curvature. "auto"
        is "newton" for up to 30 lambdas, and "lbfgs" for more, or if the responses of
        the weights to the lambdas would not fit in memory.
    memory : int, default=20
        Number of (step, change of hypergradient) pairs that "lbfgs" keeps.
    adjoint : {"exact", "nystrom", "lanczos"}, default="exact"
        The inverse Hessian in the hypergradient. "nystrom" approximates it from `rank`
        random columns (Hataya & Yamada 2023), and ends where the approximated
        hypergradient is zero. "lanczos" corrects the last adjoint in a Krylov subspace
        that grows by one vector in every iteration (LancBiO, Yang et al. 2025), and
        ends where the exact hypergradient is zero; ``state.error`` includes the
        residual of the adjoint at the last restart. Neither factors the Hessian. Both
        have steps of their own, and need ``steps="auto"``.
    rank : int, default=20
        Number of columns of "nystrom", at most the number of weights; or number of
        vectors after which the subspace of "lanczos" is restarted.
    rho : float, default=0.01
        Regularization of "nystrom", positive, relative to the approximate curvature of
        every weight.
    """

    _parameter_constraints: ClassVar[dict] = {
        "steps": [StrOptions({"auto", "newton", "gauss-newton", "lbfgs"})],
        "memory": [Interval(Integral, 1, None, closed="left")],
        "adjoint": [StrOptions({"exact", *APPROXIMATIONS})],
        "rank": [Interval(Integral, 1, None, closed="left")],
        "rho": [Interval(Real, 0, None, closed="neither")],
    }

    steps: str = "auto"
    memory: int = quasi_newton.KEPT_PAIRS
    adjoint: str = "exact"
    rank: int = 20
    rho: float = 0.01

    def __post_init__(self):
        check_options(self, ())
        if self.adjoint != "exact" and self.steps != "auto":
            raise ValueError(
                f"steps={self.steps!r} of Implicit needs adjoint='exact'; "
                f"adjoint={self.adjoint!r} has steps of its own. Use steps='auto'."
            )

    @property
    def capabilities(self) -> Capabilities:
        """Approximations need splits, and lambdas that are all log-penalties."""
        is_exact = self.adjoint == "exact"
        return Capabilities(
            needs_split=not is_exact, all_directions=False, weighs_rows=is_exact
        )

    def _form(self, problem):
        """Return the module with the steps."""
        if self.adjoint in APPROXIMATIONS:
            return APPROXIMATIONS[self.adjoint]
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
        """Return the state at `lambda_0`; "nystrom" evaluates nothing there."""
        return self._form(problem).init(self, problem, lambda_0, weights_0)

    def step(
        self, problem: Problem, state: State, rng: np.random.Generator
    ) -> tuple[State, Info]:
        """Return the next state and its `Info`; only "nystrom" draws numbers."""
        return self._form(problem).step(self, problem, state, rng)

    def evaluation(self, problem: Problem, state: State) -> Evaluation:
        """Return the evaluation of the state, which may not carry one at the start."""
        return state.place or super().evaluation(problem, state)
