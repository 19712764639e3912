"""HOAG: implicit differentiation with inexact inner solutions and adjoints.

Pedregosa (2016), Hyperparameter optimization with approximate gradient,
arXiv:1602.02355, algorithm 1, with the tolerances and the adaptive step size of its
experiments.
"""

from dataclasses import dataclass
from numbers import Real
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..bilevel.evaluation import Evaluation
from ..bilevel.held_out import HeldOutProblem
from ..engine.glm.inexact import approach_adjoint, approach_minimum
from .capabilities import Capabilities
from .options import check_options
from .protocol import Info, Solver
from .steps.acceptance import ACCEPT_RATIO, VALUE_ROUNDING
from .steps.slopes import curvature_bounds, implicit_slope

#: Tolerance of iteration k relative to the first one.
SCHEDULES = {
    "exponential": lambda k: 0.9 ** (k - 1),
    "quadratic": lambda k: k**-2.0,
    "cubic": lambda k: k**-3.0,
    "constant": lambda k: 1.0,
}
#: No tolerance is smaller.
LEAST_TOL = 1e-12
#: Factors of L after a good step and after a rejected step.
RELAX, TIGHTEN = 0.95, 2.0
#: Factor of the tolerances after a rejected step.
HALVE = 0.5
#: Allowances of the published rule for the tolerances of the current and of the
#: previous values.
SLACK, LAST_SLACK = 0.25, 1.25
#: Rise of the objective, as a factor, at which the published rule rejects a step.
MAX_RISE = 1.2
#: Smallest L of scaled steps, relative to a bound of the curvature.
LEAST_L = 0.5
#: Longest step of a lambda by the rule "descent". If the inexact first slope is far too
#: small, so is L, and a step into the flat tail of the loss would be accepted.
LONGEST_DESCENT = 2.0


class HOAGState(NamedTuple):
    """Inexact weights and adjoints at lambda, and the step size.

    `inexactness` is the error of the objective by the residuals of the weights, to
    first order; `n_steps` the number k of tolerances used, `rtol` the last of them,
    `share` their common factor after rejected steps, and `lipschitz` the inverse step
    size L.
    """

    lambda_: np.ndarray
    weights: list[np.ndarray]
    adjoints: list[np.ndarray]
    place: Evaluation
    hypergradient: np.ndarray
    error: float
    inexactness: float
    n_steps: int
    rtol: float
    share: float
    lipschitz: float


@dataclass(frozen=True)
class HOAG(Solver):
    """Hyperparameter optimization with approximate gradient.

    Iteration k solves for the weights by L-BFGS and for the adjoint by conjugate
    gradients, both warm-started, until their relative residuals are below eps_k, and
    takes a projected gradient step ``lambda - h' / L`` whose size adapts.

    Parameters
    ----------
    tol_schedule : {"exponential", "quadratic", "cubic", "constant"}, \
default="exponential"
        eps_k is `tol_init` times ``0.9^(k-1)``, ``1/k^2`` or ``1/k^3``; "constant"
        keeps it, which with a small `tol_init` is the exact gradient.
    tol_init : float, default=0.1
        eps_1.
    step_rule : {"descent", "published", "scaled"}, default="descent"
        The rule for the inverse step size L. After a good step L falls by 5 %. A
        rejected step is undone, L is doubled and the tolerances are halved. "descent":
        good if the objective falls by ``L/2 |move|^2``, the descent lemma, up to the
        error due to the residuals of the weights; otherwise it is rejected. No lambda
        moves by more than 2.
        "published": good if it falls by ``L |move|^2 - eps_k/4 - 5/4 eps_(k-1)
        |move|``, rejected if it rises to 1.2 times its last value, and neither in
        between. So the objective may rise, and lambda may end where the loss is flat.
        "scaled", for many lambdas: lambda g moves by ``-h'_g / (L D_g)``, with D_g a
        bound of its curvature and L = 1/2 at the start. Good if the objective falls, up
        to the same error; L is then halved, but not below 1/2. Otherwise rejected.

    Notes
    -----
    Residuals are relative: to the gradient of the model without features, and to that
    of the validation loss. They are measured in units in which every weight has about
    the same curvature. The run has converged when they and the hypergradient are below
    the tolerance of the fit; the schedule determines the earliest iteration at which
    this is possible.
    """

    _parameter_constraints: ClassVar[dict] = {
        "tol_schedule": [StrOptions(set(SCHEDULES))],
        "tol_init": [Interval(Real, 0, 1, closed="neither")],
        "step_rule": [StrOptions({"descent", "published", "scaled"})],
    }

    tol_schedule: str = "exponential"
    tol_init: float = 0.1
    step_rule: str = "descent"

    def __post_init__(self):
        check_options(self, ())

    @property
    def capabilities(self) -> Capabilities:
        """The bounds of step_rule="scaled" need lambdas that are all log-penalties."""
        takes_rows = self.step_rule != "scaled"
        return Capabilities(all_directions=False, weighs_rows=takes_rows)

    def init(
        self, problem: HeldOutProblem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> HOAGState:
        """Return the first inexact solution, and the first step size."""
        first = _evaluate(problem, lambda_0, weights_0, None, self._rtol(1))
        if self.step_rule == "scaled":
            return first._replace(lipschitz=LEAST_L)
        slope = np.linalg.norm(first.hypergradient) / np.sqrt(problem.n_groups)
        return first._replace(lipschitz=slope or 1.0)

    def step(
        self, problem: HeldOutProblem, state: HOAGState, rng: np.random.Generator
    ) -> tuple[HOAGState, Info]:
        """Return the next state and its `Info`; deterministic."""
        k = state.n_steps + 1
        step = state.hypergradient / (state.lipschitz * self._bounds(problem, state))
        if self.step_rule == "descent":
            step = np.clip(step, -LONGEST_DESCENT, LONGEST_DESCENT)
        lambda_ = problem.project(state.lambda_ - step)
        rtol = self._rtol(k, state.share)
        there = _evaluate(problem, lambda_, state.weights, state.adjoints, rtol)
        share, lipschitz = state.share, state.lipschitz
        good, most = self._limits(state, there)
        objective = there.place.objective
        if objective <= good:
            lipschitz = self._relaxed(lipschitz)
        elif not objective < most:
            share, lipschitz = HALVE * share, TIGHTEN * lipschitz
            rtol = self._rtol(k, share)
            there = _evaluate(
                problem, state.lambda_, state.weights, state.adjoints, rtol
            )
        new_state = there._replace(n_steps=k, share=share, lipschitz=lipschitz)
        return new_state, Info.at(new_state.place, new_state.hypergradient)

    def evaluation(self, problem: HeldOutProblem, state: HOAGState) -> Evaluation:
        """Return the evaluation that the state carries."""
        return state.place

    def _rtol(self, k, share=1.0):
        """Return eps_k."""
        return max(share * self.tol_init * SCHEDULES[self.tol_schedule](k), LEAST_TOL)

    def _relaxed(self, lipschitz):
        """Return L after a good step."""
        if self.step_rule == "scaled":
            return max(lipschitz / TIGHTEN, LEAST_L)
        return RELAX * lipschitz

    def _bounds(self, problem, state):
        """Return the unit of L: one, or a bound of the curvature in every lambda."""
        if self.step_rule != "scaled":
            return 1.0
        return curvature_bounds(problem, *state[:3])

    def _limits(self, state, there):
        """Return the highest objective of a good step, and of an accepted one."""
        move = there.lambda_ - state.lambda_
        length = np.linalg.norm(move)
        last, gain = state.place.objective, state.lipschitz * length**2
        if self.step_rule == "scaled":
            # Doubled, because half of it is subtracted below.
            gain = -2.0 * ACCEPT_RATIO * np.vdot(state.hypergradient, move)
        if self.step_rule == "published":
            slack = SLACK * there.rtol + LAST_SLACK * state.rtol * length
            return last + slack - gain, MAX_RISE * last
        slack = state.inexactness + there.inexactness + VALUE_ROUNDING * last
        return (last + slack - 0.5 * gain,) * 2


def _evaluate(problem, lambda_, starts, adjoint_starts, rtol):
    """Return a state at lambda, its weights and adjoints to a tolerance."""
    weights, adjoints = [], []
    inexactness, error = 0.0, 0.0
    for index, split in enumerate(problem.splits):
        w, r, inner = approach_minimum(split, lambda_, starts[index], rtol)
        start = None if adjoint_starts is None else adjoint_starts[index]
        q, outer = approach_adjoint(split, lambda_, w, start, rtol)
        inexactness += problem.split_weights[index] * abs(np.vdot(q, r))
        weights.append(w)
        adjoints.append(q)
        error = max(error, inner, outer)
    place = problem.at(lambda_, weights)
    hypergradient = implicit_slope(problem, lambda_, weights, adjoints)
    projected = problem.projected(lambda_, hypergradient)
    error = max(error, problem.relative(projected, place.objective))
    return HOAGState(
        lambda_,
        weights,
        adjoints,
        place,
        hypergradient,
        error,
        inexactness,
        n_steps=1,
        rtol=rtol,
        share=1.0,
        lipschitz=1.0,
    )
