"""MY-HPO in all its forms.

Dhar, Kurup & Shah (2020), Stabilizing Bi-Level Hyperparameter Optimization using
Moreau-Yosida Regularization, arXiv:2007.13322.
"""

from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ...bilevel.contract import OuterProblem
from ...bilevel.evaluation import Evaluation
from ..capabilities import Capabilities
from ..options import check_options
from ..protocol import Info, Solver, State
from ..steps import quasi_newton
from . import fast, published, separable


@dataclass(frozen=True)
class MYHPO(Solver):
    """MY-HPO in its published form, its corrected form and its fast form.

    The published method is ``response="mean", metric="identity"`` with a fixed
    `rho`; its fixed point is in general not a minimum of the validation loss.
    ``response="tangent"`` makes the fixed points exactly the stationary points,
    ``metric="hessian"`` makes the rate independent of the conditioning.

    With ``rho="auto"``, exact steps, the tangent response and the Hessian metric, the
    consensus pair stays at its fixed point (w = v, u = 0), the response is of second
    order if this keeps the step convex, and the weight of the Moreau-Yosida term
    follows the measured decrease. In every other combination "auto" is 1.

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

    #: Number of pairs of L-BFGS, which learns many weights of rows.
    memory: ClassVar[int] = quasi_newton.KEPT_PAIRS

    steps: str = "exact"
    response: str = "tangent"
    metric: str = "hessian"
    rho: str | float = "auto"
    step_sizes: str | tuple = "auto"
    backtracking: bool = True

    def __post_init__(self):
        check_options(self, ("alpha", "beta", "delta"))

    @property
    def capabilities(self) -> Capabilities:
        """The published forms use single splits; the fast form uses only lambda."""
        return Capabilities(
            needs_split=not self._is_fast,
            # Means over features leave the subspace of the exact solutions.
            all_directions=self.response == "mean",
            learns_targets=self._is_fast,
            weighs_rows=self._is_fast,
        )

    @property
    def _is_fast(self):
        """Whether the consensus pair stays at its fixed point."""
        return (
            self.rho == "auto"
            and self.steps == "exact"
            and self.response == "tangent"
            and self.metric == "hessian"
        )

    def _form(self, problem):
        """Return the module with the steps."""
        if problem.offers.is_separable:
            return separable
        if self._is_fast and problem.offers.weighs_rows and problem.prefers_products:
            # Penalties are held and no consensus pair moves: L-BFGS on the s remains.
            return quasi_newton
        return fast if self._is_fast else published

    def init(
        self, problem: OuterProblem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> State:
        """Return the first state."""
        if self.response == "mean" and np.any(lambda_0 == 0):
            raise ValueError(
                "response='mean' divides by lambda and cannot start from 0; change "
                "lambda_init or lambda_bounds, or use response='tangent'."
            )
        return self._form(problem).init(self, problem, lambda_0, weights_0)

    def step(
        self, problem: OuterProblem, state: State, rng: np.random.Generator
    ) -> tuple[State, Info]:
        """Return the next state and its `Info`; deterministic."""
        return self._form(problem).step(self, problem, state, rng)

    def info(self, problem: OuterProblem, state: State) -> Info | None:
        """Return the `Info` of a first state that was known at the start."""
        return fast.info(problem, state) if self._form(problem) is fast else None

    def evaluation(self, problem: OuterProblem, state: State) -> Evaluation:
        """Return the evaluation that the state carries."""
        return state.place
