"""SHO with a local hypernetwork.

Lorraine & Duvenaud (2018), Stochastic Hyperparameter Optimization through
Hypernetworks, arXiv:1802.09419.
"""

from dataclasses import dataclass
from numbers import Real
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..bilevel.held_out import HeldOutProblem
from .capabilities import Capabilities
from .options import check_options
from .protocol import Info, Solver

#: Automatic lambda step: a relative hypergradient of one moves lambda by this.
AUTO_LAMBDA_STEP = 1.0


class SHOState(NamedTuple):
    """Linear hypernetwork ``w = lambda_g phi_1 + phi_0`` of every split."""

    lambda_: np.ndarray
    weights: list[np.ndarray]
    phi_1: list[np.ndarray]
    phi_0: list[np.ndarray]
    error: float


@dataclass(frozen=True)
class SHO(Solver):
    """Stochastic hyperparameter optimization with a local linear hypernetwork.

    Each iteration draws ``lambda_hat ~ N(lambda, noise_scale^2)``, takes one
    gradient step of the training loss in (phi_1, phi_0) at lambda_hat and one of
    the validation loss in lambda. A feature's weight responds to the lambda of
    its own group; the intercept does not respond. Large steps diverge, as
    published.

    Parameters
    ----------
    step_sizes : "auto" or (float, float), default="auto"
        alpha for the hypernetwork and beta for lambda (the paper's beta is
        0.01). "auto" takes them from a Lipschitz constant and the size of the
        loss.
    noise_scale : float, default=1e-4
        sigma, the standard deviation of lambda_hat.
    """

    capabilities: ClassVar[Capabilities] = Capabilities(all_directions=False)
    _parameter_constraints: ClassVar[dict] = {
        "step_sizes": [StrOptions({"auto"}), tuple, list],
        "noise_scale": [Interval(Real, 0, None, closed="left")],
    }

    step_sizes: str | tuple = "auto"
    noise_scale: float = 1e-4

    def __post_init__(self):
        check_options(self, ("alpha", "beta"))

    def init(
        self, problem: HeldOutProblem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> SHOState:
        """Return the hypernetwork of least norm whose weights are `weights_0`."""
        # The result of training from zero at a fixed lambda.
        phi_1, phi_0 = [], []
        for split, w in zip(problem.splits, weights_0, strict=True):
            own = split.per_coordinate(lambda_0)
            phi_1.append(own * w / (1.0 + own**2))
            phi_0.append(w / (1.0 + own**2))
        return SHOState(lambda_0, weights_0, phi_1, phi_0, np.inf)

    def step(
        self, problem: HeldOutProblem, state: SHOState, rng: np.random.Generator
    ) -> tuple[SHOState, Info]:
        """Return the next state and its `Info`."""
        alpha, beta = self._step_sizes(problem, state)
        noise = self.noise_scale * rng.standard_normal(problem.n_groups)
        noisy = state.lambda_ + noise
        phi_1, phi_0, slopes, inner = [], [], [], 0.0
        for split, old_1, old_0 in zip(
            problem.splits, state.phi_1, state.phi_0, strict=True
        ):
            gradient = split.train_gradient(
                _hypernetwork(split, noisy, old_1, old_0), noisy
            )
            phi_1.append(old_1 - alpha * split.per_coordinate(noisy) * gradient)
            phi_0.append(old_0 - alpha * gradient)
            w = _hypernetwork(split, state.lambda_, phi_1[-1], phi_0[-1])
            slopes.append(split.by_group(phi_1[-1] * split.validation_gradient(w)))
            inner = max(inner, split.relative_gradient(gradient))
        hypergradient = problem.total_gradient(state.lambda_, problem.mean(slopes))
        lambda_ = problem.project(state.lambda_ - beta * hypergradient)
        weights = [
            _hypernetwork(split, lambda_, one, zero)
            for split, one, zero in zip(problem.splits, phi_1, phi_0, strict=True)
        ]
        place = problem.at(lambda_, weights)
        projected = problem.projected(state.lambda_, hypergradient)
        error = float(max(inner, problem.relative(projected, place.objective)))
        new_state = SHOState(lambda_, weights, phi_1, phi_0, error)
        return new_state, Info.at(place, hypergradient)

    def _step_sizes(self, problem, state):
        """Return alpha and beta; "auto" makes them free of units."""
        if not isinstance(self.step_sizes, str):
            return self.step_sizes
        problem.loss.curvature_bound("SHO(step_sizes='auto')")
        largest = np.max(np.abs(state.lambda_))
        lipschitz = problem.curvature + 2.0 * np.exp(np.max(state.lambda_))
        alpha = 1.0 / (lipschitz * (1.0 + largest**2))
        return alpha, AUTO_LAMBDA_STEP / (problem.null_loss or 1.0)


def _hypernetwork(split, lambda_, phi_1, phi_0):
    """Return ``lambda_g phi_1 + phi_0``."""
    return split.per_coordinate(lambda_) * phi_1 + phi_0
