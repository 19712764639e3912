"""Self-Tuning Networks for linear models.

MacKay, Vicol, Lorraine, Duvenaud & Grosse (2019), Self-Tuning Networks: Bilevel
Optimization of Hyperparameters using Structured Best-Response Functions,
arXiv:1903.03088; and the centred form of Bae & Grosse (2020), Delta-STN: Efficient
Bilevel Optimization for Neural Networks using Structured Response Jacobians,
arXiv:2010.13514.
"""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..._messages import shown
from ...bilevel.held_out import HeldOutProblem
from ..capabilities import Capabilities
from ..options import check_options
from ..protocol import Info, Solver
from . import auto, published
from .response import draw_balanced, draw_independent, perturb, validation_slope

#: Smallest sigma: below, differences of gradients are lost in rounding.
MIN_SIGMA = 1e-4
#: Automatic number of perturbations: at least this, and this many per lambda.
MIN_SAMPLES, SAMPLES_PER_LAMBDA = 8, 2
#: Steps under independent perturbations decrease like ``(1 + k / DELAY)^-POWER``.
DELAY, POWER = 10.0, 0.75


class STNState(NamedTuple):
    """Weights and responses of every split, lambda and the size of its perturbations.

    `phis` holds w_0 and Theta as in `response.py`, `normals` the perturbations that
    are used again, `memory` the state of the step rule, `n_rounds` the rounds so far.
    """

    lambda_: np.ndarray
    weights: list[np.ndarray]
    phis: list[np.ndarray]
    sigma: np.ndarray
    memory: tuple
    normals: np.ndarray | None = None
    n_rounds: int = 0
    error: float = np.inf


@dataclass(frozen=True)
class STN(Solver):
    """Self-Tuning Networks: an affine best response, trained while lambda moves.

    The response ``w(lambda + eps) = w_0 + Theta eps``, Theta a full matrix, is trained
    on the training loss at perturbed lambda + eps, eps ~ N(0, sigma^2); lambda and
    sigma descend the validation loss through it, less tau times the entropy of the
    perturbations. An iteration is one round of `n_train_steps` and `n_valid_steps`.

    The fixed point is biased by O(sigma^2); sigma, and with it the bias, is set by
    `tau`.

    Parameters
    ----------
    form : {"centred", "perturbed"}, default="centred"
        Whether w_0 is trained at lambda itself (Bae & Grosse 2020), or together with
        Theta at perturbed lambdas (MacKay et al. 2019), which biases w_0.
    sampling : {"balanced", "independent"}, default="balanced"
        Perturbations drawn once, stratified and with exact odd and second moments, so
        that the run converges; or new independent ones at every step, as published,
        so that the residual ends at the level of the noise.
    n_samples : "auto" or int, default="auto"
        Perturbations per step. If balanced, each comes with its opposite, and there
        must be at least as many as lambdas. "auto" is 8, or twice the lambdas if that
        is more.
    tau : float, default=1e-4
        Weight of the entropy, relative to the validation loss of the best constant
        model (published: 1e-3 to 1e-5 of a cross-entropy).
    sigma_init : float, default=0.5
        First sigma of every lambda, a natural log.
    sigma_max : float, default=0.5
        Largest sigma.
    n_train_steps, n_valid_steps : int, default=2 and 1
        Steps of a round on (w_0, Theta), and on (lambda, sigma).
    warm_up : int, default=5
        Number of first rounds in which lambda and sigma stay fixed.
    step_sizes : "auto" or (float, float), default="auto"
        alpha of stochastic gradients with momentum 0.9 on (w_0, Theta), and beta of
        Adam on lambda and on s, sigma = softplus(s), as published (0.01 and 0.003).
        "auto" takes steps in the metric of the training Hessian and Gauss-Newton steps
        on lambda, which do not depend on the scale of features or target.
    """

    _parameter_constraints: ClassVar[dict] = {
        "form": [StrOptions({"centred", "perturbed"})],
        "sampling": [StrOptions({"balanced", "independent"})],
        "n_samples": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "tau": [Interval(Real, 0, None, closed="neither")],
        "sigma_init": [Interval(Real, MIN_SIGMA, None, closed="left")],
        "sigma_max": [Interval(Real, MIN_SIGMA, None, closed="left")],
        "n_train_steps": [Interval(Integral, 1, None, closed="left")],
        "n_valid_steps": [Interval(Integral, 1, None, closed="left")],
        "warm_up": [Interval(Integral, 0, None, closed="left")],
        "step_sizes": [StrOptions({"auto"}), tuple, list],
    }

    form: str = "centred"
    sampling: str = "balanced"
    n_samples: str | int = "auto"
    tau: float = 1e-4
    sigma_init: float = 0.5
    sigma_max: float = 0.5
    n_train_steps: int = 2
    n_valid_steps: int = 1
    warm_up: int = 5
    step_sizes: str | tuple = "auto"

    def __post_init__(self):
        check_options(self, ("alpha", "beta"))
        if self.sigma_init > self.sigma_max:
            raise ValueError(
                "The 'sigma_init' parameter must be at most sigma_max="
                f"{shown(self.sigma_max)}. Got {shown(self.sigma_init)} instead."
            )

    @property
    def capabilities(self) -> Capabilities:
        """Capabilities of a method that uses splits, with advice for its options."""
        return Capabilities(all_directions=False, advice=self._advice)

    @property
    def _advice(self):
        """Advice after too few iterations."""
        if self.sampling == "independent":
            return (
                "to about the noise of independent perturbations; more n_samples make "
                "less of it, and sampling='balanced' none"
            )
        if not isinstance(self.step_sizes, str):
            return "or use step_sizes='auto'; the published steps converge slowly"
        return "or use fewer groups; lambdas that drop their features converge slowly"

    @property
    def _rule(self):
        """The module with the steps."""
        return auto if isinstance(self.step_sizes, str) else published

    def init(
        self, problem: HeldOutProblem, lambda_0: np.ndarray, weights_0: list[np.ndarray]
    ) -> STNState:
        """Return a state with the weights `weights_0` and zero responses."""
        self._n_samples(problem)
        phis = [
            np.concatenate([w[None], np.zeros((problem.n_groups, *w.shape))])
            for w in weights_0
        ]
        sigma = np.full(problem.n_groups, float(self.sigma_init))
        memory = self._rule.start(problem, phis)
        return STNState(lambda_0, weights_0, phis, sigma, memory)

    def step(
        self, problem: HeldOutProblem, state: STNState, rng: np.random.Generator
    ) -> tuple[STNState, Info]:
        """Return the state after one round, and its `Info`."""
        if self.sampling == "balanced" and state.normals is None:
            n_samples = self._n_samples(problem)
            normals = draw_balanced(rng, n_samples, problem.n_groups)
            state = state._replace(normals=normals)
        gain = self._gain(problem, state.n_rounds)
        state, residual = self._train(problem, state, rng, gain)
        slope, tau = self._slope(problem, state, rng), self._tau(problem)
        error = max(residual, *self._tuning_errors(problem, state, slope, tau))
        if state.n_rounds >= self.warm_up:
            state = self._tune(problem, state, slope, tau, gain)
            for _ in range(1, self.n_valid_steps):
                again = self._slope(problem, state, rng)
                state = self._tune(problem, state, again, tau, gain)
        weights, n_rounds = [phi[0] for phi in state.phis], state.n_rounds + 1
        info = Info.at(problem.at(state.lambda_, weights), slope.in_lambda)
        return state._replace(weights=weights, n_rounds=n_rounds, error=error), info

    def _n_samples(self, problem):
        """Return the number of perturbations, as many as lambdas if balanced."""
        n_groups = problem.n_groups
        if isinstance(self.n_samples, str):
            return max(MIN_SAMPLES, SAMPLES_PER_LAMBDA * n_groups)
        if self.sampling == "balanced" and self.n_samples < n_groups:
            raise ValueError(
                "The 'n_samples' parameter must be at least the number of lambdas, "
                f"here {n_groups}, with sampling='balanced'. Got "
                f'{shown(self.n_samples)} instead; use "auto" or '
                "sampling='independent'."
            )
        return self.n_samples

    def _gain(self, problem, n_rounds):
        """Return the share of a step that is taken under noisy perturbations."""
        if self.sampling == "balanced":
            return 1.0
        n_samples = self._n_samples(problem)
        share = n_samples / (n_samples + problem.n_groups + 1.0)
        return share * (1.0 + n_rounds / DELAY) ** -POWER

    def _tau(self, problem):
        """Return tau in units of the loss."""
        return self.tau * (problem.null_loss or 1.0)

    def _moves(self, problem, state, rng):
        """Return perturbations of lambda: the same as before, or new ones."""
        normals = state.normals
        if normals is None:
            n_samples = self._n_samples(problem)
            normals = draw_independent(rng, n_samples, problem.n_groups)
        return perturb(normals, state.lambda_, state.sigma)

    def _train(self, problem, state, rng, gain):
        """Return the state after the training steps, and the residual before them."""
        first = None
        for _ in range(self.n_train_steps):
            moves = self._moves(problem, state, rng)
            phis, residual, memory = self._rule.train(self, problem, state, moves, gain)
            first = residual if first is None else first
            state = state._replace(phis=phis, memory=memory)
        return state, first

    def _slope(self, problem, state, rng):
        """Return the slope of the validation objective in lambda and log sigma."""
        moves = self._moves(problem, state, rng)
        slope = validation_slope(problem, state.phis, moves)
        in_lambda = problem.total_gradient(state.lambda_, slope.in_lambda)
        return slope._replace(in_lambda=in_lambda)

    def _tuning_errors(self, problem, state, slope, tau):
        """Return the relative residuals of lambda and sigma."""
        weights = [phi[0] for phi in state.phis]
        objective = problem.objective(state.lambda_, weights)
        projected = problem.projected(state.lambda_, slope.in_lambda)
        rest = tau - slope.in_log_sigma
        outward = ((state.sigma >= self.sigma_max) & (rest > 0)) | (
            (state.sigma <= MIN_SIGMA) & (rest < 0)
        )
        sizes = np.abs(rest) / (tau + np.abs(slope.in_log_sigma))
        in_sigma = np.where(outward, 0.0, sizes).max()
        return float(problem.relative(projected, objective)), float(in_sigma)

    def _tune(self, problem, state, slope, tau, gain):
        """Return the state after a step on lambda and sigma, within their bounds."""
        lambda_, sigma, memory = self._rule.tune(self, problem, state, slope, tau, gain)
        lambda_ = problem.project(lambda_)
        phis = state.phis
        if self.form == "perturbed":
            # The response is a function of lambda: moving along it changes w_0.
            move = np.concatenate([[0.0], lambda_ - state.lambda_])
            phis = [phi.copy() for phi in phis]
            for phi in phis:
                phi[0] += np.tensordot(move, phi, 1)
        return state._replace(
            lambda_=lambda_,
            sigma=np.clip(sigma, MIN_SIGMA, self.sigma_max),
            phis=phis,
            memory=memory,
        )
