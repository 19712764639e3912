"""The penalty method: the inner problem becomes a penalty on its own gradient.

After Mehra & Hamm (2019), Penalty Method for Inversion-Free Deep Bilevel Optimization,
arXiv:1911.03432. The objective is theirs; its minimization is ours.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from ..bilevel.evaluation import Evaluation
from ..bilevel.held_out import HeldOutProblem
from ..bilevel.problem import Problem
from .capabilities import Capabilities
from .options import check_options
from .protocol import Info, Solver
from .steps.descent import DescentState, Value, descend
from .steps.packing import in_a_row, taken_apart, weight_units


class PenaltyState(NamedTuple):
    """Weights and lambda, and the descent in both at one gamma."""

    lambda_: np.ndarray
    weights: list[np.ndarray]
    gamma: float
    unit: np.ndarray
    descent: DescentState
    error: float = np.inf


class _Joint(NamedTuple):
    """Lambda, then the weights of all splits in a row, in their units, as one vector.

    It has the methods that a descent in that vector needs.
    """

    problem: Problem
    unit: np.ndarray

    def together(self, lambda_, weights):
        """Return the vector."""
        return np.append(lambda_, in_a_row(weights) / self.unit)

    def apart(self, z):
        """Return lambda and the weights."""
        n_groups = self.problem.n_groups
        weights = taken_apart(self.problem, self.unit * z[n_groups:])
        return z[:n_groups], weights

    def project(self, z):
        """Return the vector with lambda moved into its bounds."""
        n_groups = self.problem.n_groups
        return np.append(self.problem.project(z[:n_groups]), z[n_groups:])

    def projected(self, z, gradient):
        """Return the gradient, zero where it points out of the bounds."""
        n_groups = self.problem.n_groups
        own = self.problem.projected(z[:n_groups], gradient[:n_groups])
        return np.append(own, gradient[n_groups:])

    def relative(self, gradient, objective):
        """Return the largest entry of a gradient relative to the objective."""
        return self.problem.relative(gradient, objective)


class _Terms(NamedTuple):
    """The penalized objective, and the parts of its gradient, split by split."""

    place: Evaluation
    value: float
    lambda_slope: np.ndarray
    validation_slopes: list
    slopes: list
    inner: float


@dataclass(frozen=True)
class Penalty(Solver):
    """Weights and lambda together, with a penalty on the slope of the training loss.

    Minimizes ``L_V(w) / L_0 + gamma/2 |grad L_T(w, lambda)|^2 / |grad_0|^2`` over w and
    lambda, for larger and larger gamma; L_0 and grad_0 are the loss and the gradient
    of the best model without features, so that units do not matter. A gradient needs
    one Hessian product and no linear solve. At the minimum ``gamma grad L_T`` takes the
    place of the adjoint, and lambda differs from the exact optimum by O(1 / gamma).

    Parameters
    ----------
    gamma : float, default=1e5
        The first gamma. If it is too small, the weights follow the validation loss
        alone, and lambda drifts without limit.
    growth : float, default=10.0
        Factor of gamma once weights and lambda have settled.
    n_steps : int, default=100
        Maximum number of L-BFGS steps of an iteration, which has one gamma.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(
        all_directions=False, finds_minimizers=False, weighs_rows=True
    )
    _parameter_constraints: ClassVar[dict] = {
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "growth": [Interval(Real, 1, None, closed="neither")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
    }

    gamma: float = 1e5
    growth: float = 10.0
    n_steps: int = 100

    def __post_init__(self):
        check_options(self, ())

    def init(
        self, problem: HeldOutProblem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> PenaltyState:
        """Return the start, at the given weights."""
        unit = weight_units(problem, problem.minimize(lambda_0, weights_0))
        z = _Joint(problem, unit).together(lambda_0, weights_0)
        descent = DescentState(z, weights_0)
        return PenaltyState(lambda_0, weights_0, self.gamma, unit, descent)

    def step(
        self, problem: HeldOutProblem, state: PenaltyState, rng: np.random.Generator
    ) -> tuple[PenaltyState, Info]:
        """Return the next state and its `Info`; deterministic."""
        joint = _Joint(problem, state.unit)

        def evaluate(z, limit):
            terms = _evaluate(problem, *joint.apart(z), state.gamma)
            slope = np.append(terms.lambda_slope, state.unit * in_a_row(terms.slopes))
            return Value(terms.place, terms.value, slope)

        descent = state.descent
        for _ in range(self.n_steps):
            descent = descend(joint, descent, evaluate)
            lambda_, weights = joint.apart(descent.lambda_)
            if descent.error == 0.0:
                break
        terms = _evaluate(problem, lambda_, weights, state.gamma)
        outer = _outer_error(problem, terms)
        gamma = state.gamma
        if outer <= terms.inner:
            # A larger gamma is another function: L-BFGS starts again near its minimum.
            gamma *= self.growth
            descent = DescentState(descent.lambda_, weights)
        error = max(terms.inner, outer)
        new_state = PenaltyState(lambda_, weights, gamma, state.unit, descent, error)
        return new_state, Info.at(terms.place, terms.lambda_slope)


def _evaluate(problem, lambda_, weights, gamma):
    """Return the `_Terms` of the objective, times L_0."""
    place = problem.at(lambda_, weights)
    value, lambda_slopes = place.objective, []
    validation_slopes = problem.validation_gradients(weights)
    gamma, slopes, inner = gamma * (problem.null_loss or 1.0), [], 0.0
    for split, omega, w, own in zip(
        problem.splits, problem.split_weights, weights, validation_slopes, strict=True
    ):
        gradient = split.train_gradient(w, lambda_)
        relative = split.relative_gradient(gradient)
        pull = gamma / split.gradient_scale**2 * gradient
        value += 0.5 * omega * gamma * relative**2
        lambda_slopes.append(split.pull_back(w, lambda_, pull))
        slopes.append(omega * (own + split.hessian_product(w, lambda_, pull)))
        inner = max(inner, relative)
    lambda_slope = problem.total_gradient(lambda_, problem.mean(lambda_slopes))
    return _Terms(place, value, lambda_slope, validation_slopes, slopes, inner)


def _outer_error(problem, terms):
    """Return the relative residual of the adjoint and of the hypergradient."""
    left = np.linalg.norm(in_a_row(terms.slopes))
    size = np.linalg.norm(
        in_a_row(
            omega * slope
            for omega, slope in zip(
                problem.split_weights, terms.validation_slopes, strict=True
            )
        )
    )
    projected = problem.projected(terms.place.lambda_, terms.lambda_slope)
    hyper = problem.relative(projected, terms.place.objective)
    return float(max(left / size if left else 0.0, hyper))
