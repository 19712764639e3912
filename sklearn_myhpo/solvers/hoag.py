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
from ..engine.glm.inexact import approach_adjoint, approach_minimum, loss_at_minimum
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
#: L of the first step by the rule "descent" in units of bounds of the curvature.
FIRST_L = 0.5
#: Longest step of a lambda by the rule "descent".
LARGEST_MOVE = 2.0
#: Largest error of the objective relative to the decrease that a step predicts, and
#: smallest factor by which tolerances fall at once.
RESOLVED, SHARPEST = 0.125, 1e-3
#: Tolerance relative to the hypergradient at which the schedule waits.
FINE = 1e-2


class HOAGState(NamedTuple):
    """Inexact weights and adjoints at lambda, and the step size.

    `objective` is that of the weights, corrected to first order by their residuals,
    and `inexactness` an estimate of its error. `n_steps` is the number k of
    tolerances used, `rtol` the last of them, `share` their common factor after rejected
    steps, and `lipschitz` the inverse step size L.
    """

    lambda_: np.ndarray
    weights: list[np.ndarray]
    adjoints: list[np.ndarray]
    place: Evaluation
    hypergradient: np.ndarray
    error: float
    objective: float
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
    takes a projected gradient step, whose size adapts.

    Parameters
    ----------
    tol_schedule : {"exponential", "quadratic", "cubic", "constant"}, \
default="exponential"
        eps_k is `tol_init` times ``0.9^(k-1)``, ``1/k^2`` or ``1/k^3``; "constant"
        keeps it, which with a small `tol_init` is the exact gradient.
    tol_init : float, default=0.1
        eps_1.
    step_rule : {"descent", "published"}, default="descent"
        The rule for the inverse step size L. A rejected step is undone, L is doubled
        and the tolerances are halved.
        "descent": lambda g moves by ``-h'_g / (L D_g)``, with D_g a bound of its
        curvature, at most by 2. Good if the objective falls. The objective is corrected
        to first order by the residuals of the weights, and where the rest of the error
        could hide the predicted decrease, the tolerances become smaller first, for
        weights at both ends of the step. L is then the curvature along the last step.
        "published": lambda moves by ``-h' / L``. Good if the objective falls by
        ``L |move|^2 - eps_k/4 - 5/4 eps_(k-1) |move|``, rejected if it rises to 1.2
        times its last value, and neither in between. After a good step L falls by 5 %.
        So the objective may rise, and lambda may end where the loss is flat.

    Notes
    -----
    Residuals are relative: to the gradient of the model without features, and to that
    of the validation loss. They are measured in units in which every weight has the
    same curvature. The run has converged when they and the hypergradient are below
    the tolerance of the fit. By the rule "published" the schedule determines the
    earliest iteration at which this is possible; by "descent" the schedule waits while
    the tolerance is far below the relative hypergradient.
    """

    _parameter_constraints: ClassVar[dict] = {
        "tol_schedule": [StrOptions(set(SCHEDULES))],
        "tol_init": [Interval(Real, 0, 1, closed="neither")],
        "step_rule": [StrOptions({"descent", "published"})],
    }

    tol_schedule: str = "exponential"
    tol_init: float = 0.1
    step_rule: str = "descent"

    def __post_init__(self):
        check_options(self, ())

    @property
    def capabilities(self) -> Capabilities:
        """It follows gradients within the subspace of the solutions."""
        return Capabilities(all_directions=False, weighs_rows=True)

    def init(
        self, problem: HeldOutProblem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> HOAGState:
        """Return the first inexact solution, and the first step size."""
        first = _evaluate(problem, lambda_0, weights_0, None, self._rtol(1))
        if self._is_scaled(problem):
            return first._replace(lipschitz=FIRST_L)
        slope = np.linalg.norm(first.hypergradient) / np.sqrt(problem.n_groups)
        return first._replace(lipschitz=slope or 1.0)

    def step(
        self, problem: HeldOutProblem, state: HOAGState, rng: np.random.Generator
    ) -> tuple[HOAGState, Info]:
        """Return the next state and its `Info`; deterministic."""
        take = self._published if self.step_rule == "published" else self._descent
        new_state = take(problem, state)
        return new_state, Info.at(new_state.place, new_state.hypergradient)

    def evaluation(self, problem: HeldOutProblem, state: HOAGState) -> Evaluation:
        """Return the evaluation that the state carries."""
        return state.place

    def _rtol(self, k, share=1.0):
        """Return eps_k."""
        return max(share * self.tol_init * SCHEDULES[self.tol_schedule](k), LEAST_TOL)

    def _is_scaled(self, problem):
        """Whether L is in units of bounds of the curvature, which penalties have."""
        return self.step_rule == "descent" and not problem.offers.weighs_rows

    def _published(self, problem, state):
        """Return the state after a step by the published rule."""
        state = state._replace(n_steps=state.n_steps + 1)
        step = state.hypergradient / state.lipschitz
        there = self._moved(problem, state, problem.project(state.lambda_ - step))
        length, last = np.linalg.norm(there.lambda_ - state.lambda_), state.place
        slack = SLACK * there.rtol + LAST_SLACK * state.rtol * length
        good = last.objective + slack - state.lipschitz * length**2
        if there.place.objective <= good:
            return there._replace(lipschitz=RELAX * state.lipschitz)
        if there.place.objective < MAX_RISE * last.objective:
            return there
        here = self._moved(problem, state, state.lambda_, HALVE)
        return here._replace(lipschitz=TIGHTEN * state.lipschitz)

    def _descent(self, problem, state):
        """Return the state after a step by the rule "descent".

        Lambda stays if the error at the last one is too large to judge the step: then
        only the tolerances fall.
        """
        projected = problem.projected(state.lambda_, state.hypergradient)
        is_fine = state.rtol <= FINE * problem.relative(projected, state.objective)
        if not is_fine:
            state = state._replace(n_steps=state.n_steps + 1)
        units = 1.0
        if self._is_scaled(problem):
            units = curvature_bounds(problem, *state[:3])
        step = state.hypergradient / (state.lipschitz * units)
        step = np.clip(step, -LARGEST_MOVE, LARGEST_MOVE)
        lambda_ = problem.project(state.lambda_ - step)
        move = lambda_ - state.lambda_
        gain = -0.5 * np.vdot(state.hypergradient, move)
        if _is_unresolved(state, gain):
            return self._resolved(problem, state, gain)
        there = self._moved(problem, state, lambda_)
        while _is_unresolved(there, gain):
            there = self._resolved(problem, there, gain)
        length = np.vdot(move, units * move)
        rise = np.vdot(there.hypergradient - state.hypergradient, move)
        curvature = rise / length if length else 0.0
        if _is_lower(there, state, gain):
            least, most = state.lipschitz / TIGHTEN, TIGHTEN * state.lipschitz
            return there._replace(lipschitz=float(np.clip(curvature, least, most)))
        state = state._replace(lipschitz=max(TIGHTEN * state.lipschitz, curvature))
        return state if is_fine else self._moved(problem, state, state.lambda_, HALVE)

    def _moved(self, problem, state, lambda_, factor=1.0):
        """Return the state at a lambda, with the tolerances times a factor."""
        share = factor * state.share
        rtol = self._rtol(state.n_steps, share)
        there = _evaluate(problem, lambda_, state.weights, state.adjoints, rtol)
        return there._replace(
            n_steps=state.n_steps, share=share, lipschitz=state.lipschitz
        )

    def _resolved(self, problem, state, gain):
        """Return the state at the same lambda with tolerances that fit a gain."""
        # The error is of second order in the tolerance.
        factor = np.sqrt(0.5 * RESOLVED * gain / state.inexactness)
        factor = np.clip(factor, SHARPEST, HALVE)
        return self._moved(problem, state, state.lambda_, factor)


def _is_unresolved(state, gain):
    """Whether the error of the objective may hide a gain, and could be smaller."""
    return state.inexactness > RESOLVED * gain and state.rtol > LEAST_TOL


def _is_lower(there, state, gain):
    """Whether the objective has fallen by a share of the gain, in spite of errors."""
    error = there.inexactness + state.inexactness - VALUE_ROUNDING * state.objective
    fall = state.objective - there.objective
    return fall >= 2.0 * ACCEPT_RATIO * gain + error


def _evaluate(problem, lambda_, starts, adjoint_starts, rtol):
    """Return a state at lambda, its weights and adjoints to a tolerance."""
    weights, adjoints = [], []
    error, correction, inexactness = 0.0, 0.0, 0.0
    for index, split in enumerate(problem.splits):
        w, slope, inner = approach_minimum(split, lambda_, starts[index], rtol)
        start = None if adjoint_starts is None else adjoint_starts[index]
        q, outer = approach_adjoint(split, lambda_, w, start, rtol)
        change, own_error = loss_at_minimum(slope, q, outer)
        correction += problem.split_weights[index] * change
        inexactness += problem.split_weights[index] * own_error
        weights.append(w)
        adjoints.append(q)
        error = max(error, inner, outer.residual)
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
        place.objective + correction,
        inexactness,
        n_steps=1,
        rtol=rtol,
        share=1.0,
        lipschitz=1.0,
    )
