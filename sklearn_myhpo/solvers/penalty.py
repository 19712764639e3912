"""The penalty method: the inner problem becomes a penalty on its own gradient.

After Mehra & Hamm (2019), Penalty Method for Inversion-Free Deep Bilevel Optimization,
arXiv:1911.03432. The objective is theirs; how it is minimized is not.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar, NamedTuple

import numpy as np
from scipy.optimize import minimize
from sklearn.utils._param_validation import Interval

from ._packing import in_a_row, taken_apart, weight_units
from .options import check_options
from .protocol import Info


class PenaltyState(NamedTuple):
    """Weights and lambda, the weight gamma of the next step, and the weights' units."""

    lambda_: np.ndarray
    weights: list
    gamma: float
    unit: np.ndarray
    error: float = np.inf


class _Terms(NamedTuple):
    """The objective at a place, and the parts of its gradient, split by split."""

    value: float
    lambda_slope: np.ndarray
    validation_slopes: list
    slopes: list
    inner: float


@dataclass(frozen=True)
class Penalty:
    """Weights and lambda together, with a penalty on the slope of the training loss.

    Minimizes ``L_V(w) / L_0 + gamma/2 |grad L_T(w, lambda)|^2 / |grad_0|^2`` over w and
    lambda, for larger and larger gamma; L_0 and grad_0 are the loss and the gradient
    of the best model without features, so that units do not matter. One Hessian
    product and no solve for each gradient. At the minimum ``gamma grad L_T`` takes the
    place of the adjoint, and lambda differs from the exact optimum by O(1 / gamma).

    Parameters
    ----------
    gamma : float, default=1e3
        The first weight. With too small a one the weights follow the validation loss
        alone, and lambda drifts to where nothing holds it.
    growth : float, default=10.0
        Factor of gamma once weights and lambda have settled.
    n_steps : int, default=100
        Most L-BFGS steps of an iteration, which has one gamma.
    """

    all_directions: ClassVar[bool] = False
    needs_split: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict] = {
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "growth": [Interval(Real, 1, None, closed="neither")],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
    }

    gamma: float = 1e3
    growth: float = 10.0
    n_steps: int = 100

    def __post_init__(self):
        check_options(self, ())

    def init(self, problem, lambda_0, weights_0):
        """Return the start, at the given weights."""
        exact = problem.minimize(lambda_0, weights_0)
        return PenaltyState(
            lambda_0, weights_0, self.gamma, weight_units(problem, exact)
        )

    def step(self, problem, state, rng):
        """Return the next state and its `Info`; deterministic."""
        n_groups, scale = problem.n_groups, problem.null_loss or 1.0

        def function(z):
            weights = taken_apart(problem, state.unit * z[n_groups:])
            terms = _evaluate(problem, z[:n_groups], weights, state.gamma)
            slope = np.append(terms.lambda_slope, state.unit * in_a_row(terms.slopes))
            return terms.value / scale, slope / scale

        found = minimize(
            function,
            np.append(state.lambda_, in_a_row(state.weights) / state.unit),
            method="L-BFGS-B",
            jac=True,
            bounds=[*problem.bounds.T, *[(None, None)] * len(state.unit)],
            options={"maxiter": self.n_steps, "ftol": 0.0, "gtol": 0.0},
        )
        lambda_ = problem.project(found.x[:n_groups])
        weights = taken_apart(problem, state.unit * found.x[n_groups:])
        terms = _evaluate(problem, lambda_, weights, state.gamma)
        outer = _outer_error(problem, lambda_, weights, terms)
        gamma = state.gamma * (self.growth if outer <= terms.inner else 1.0)
        info = Info(
            lambda_=lambda_,
            train_loss=problem.train_loss(weights, lambda_),
            validation_loss=problem.validation_loss(weights),
            hypergradient_norm=float(np.max(np.abs(terms.lambda_slope))),
        )
        error = max(terms.inner, outer)
        return PenaltyState(lambda_, weights, gamma, state.unit, error), info


def _evaluate(problem, lambda_, weights, gamma):
    """Return the `_Terms` of the objective, times L_0."""
    value = problem.objective(lambda_, weights)
    lambda_slope = problem.spread.gradient(lambda_)
    validation_slopes = problem.validation_gradients(weights)
    gamma, slopes, inner = gamma * (problem.null_loss or 1.0), [], 0.0
    for split, omega, w, own in zip(
        problem.splits, problem.split_weights, weights, validation_slopes, strict=True
    ):
        gradient = split.train_gradient(w, lambda_)
        relative = split.relative_gradient(gradient)
        pull = gamma / split.gradient_scale**2 * gradient
        value += 0.5 * omega * gamma * relative**2
        along = split.by_group(split.penalty(lambda_) * w * pull)
        lambda_slope = lambda_slope + omega * along
        slopes.append(omega * (own + split.hessian_product(w, lambda_, pull)))
        inner = max(inner, relative)
    return _Terms(value, lambda_slope, validation_slopes, slopes, inner)


def _outer_error(problem, lambda_, weights, terms):
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
    projected = problem.projected(lambda_, terms.lambda_slope)
    objective = problem.objective(lambda_, weights)
    hyper = problem.relative(projected, objective)
    return float(max(left / size if left else 0.0, hyper))
