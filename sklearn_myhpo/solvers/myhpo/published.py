"""MY-HPO as published: weights w and a response G(lambda) in consensus.

State (v, w, u, lambda). The response is affine, G(lambda + d) = v + J d, with
J = dv/dlambda ("tangent") or the scaling about the mean of eq. (4) ("mean").
"""

from typing import NamedTuple

import numpy as np

from ...engine.split import Proximal, Split
from ..protocol import Info

#: Share of the linear decrease that backtracking asks for.
ARMIJO = 0.25
MAX_HALVINGS = 60
#: Newton iterations of the exact lambda step; one is enough where L_V is
#: quadratic.
MAX_LAMBDA_STEPS = 50
LAMBDA_TOL = 1e-10


class ConsensusState(NamedTuple):
    """v, w (the weights) and u of every split, the shared lambda, the residual."""

    lambda_: np.ndarray
    weights: list
    responses: list
    duals: list
    error: float


class _Part(NamedTuple):
    """One split after its v and w steps."""

    split: Split
    omega: float
    v: np.ndarray
    w: np.ndarray
    u: np.ndarray
    jacobian: np.ndarray
    proximal: Proximal
    v_error: float

    def gap(self, move):
        """Return ``w - G(lambda + move)``."""
        return self.w - self.v - np.tensordot(move, self.jacobian, 1)


def init(options, problem, lambda_0, weights_0):
    """Return v = w = `weights_0` and u = 0."""
    duals = [np.zeros_like(w) for w in weights_0]
    return ConsensusState(lambda_0, weights_0, weights_0, duals, np.inf)


def step(options, problem, state):
    """Return the next state and its `Info`: steps 1 to 4 of the paper."""
    rho = 1.0 if options.rho == "auto" else options.rho
    alpha, beta, delta = _step_sizes(options, problem, state.lambda_, rho)
    parts = []
    for index, split in enumerate(problem.splits):
        v, v_error = _v_step(options, split, state, index, alpha)
        hessian = None
        if options.response == "tangent" or options.metric == "hessian":
            hessian = split.hessian(v, state.lambda_)
        jacobian = _jacobian(options, split, v, state.lambda_, hessian)
        metric = hessian if options.metric == "hessian" else None
        proximal = Proximal(state.duals[index], v, rho, metric)
        w = _w_step(options, split, state, index, proximal, beta)
        omega = problem.split_weights[index]
        parts.append(
            _Part(split, omega, v, w, state.duals[index], jacobian, proximal, v_error)
        )
    lambda_step = _LambdaStep(parts, state.lambda_, problem.spread)
    slope = lambda_step.gradient(np.zeros(problem.n_groups))
    if options.steps == "exact":
        move = lambda_step.minimize(slope)
    else:
        move = _gradient_step(
            lambda_step.value, slope, np.zeros(problem.n_groups), delta, options
        )
    lambda_ = problem.project(state.lambda_ + move)
    return _finish(problem, parts, state, lambda_, slope, rho)


def _finish(problem, parts, state, lambda_, slope, rho):
    """Return the state after the dual step, and its `Info`."""
    move = lambda_ - state.lambda_
    duals, primal, dual, size = [], 0.0, 0.0, np.finfo(float).tiny
    for part in parts:
        residual = part.gap(move)
        duals.append(part.u + rho * part.proximal.metric_product(residual))
        primal += part.omega * np.sum(residual**2)
        dual += part.omega * np.sum((part.gap(0 * move) - residual) ** 2)
        size += part.omega * np.sum(part.w**2)
    weights = [part.w for part in parts]
    validation_loss = problem.validation_loss(weights)
    objective = validation_loss + problem.spread.value(lambda_)
    projected = problem.projected(state.lambda_, slope)
    error = max(
        np.sqrt(primal / size),
        np.sqrt(dual / size),
        problem.relative(projected, objective),
        *(part.v_error for part in parts),
    )
    info = Info(
        lambda_=lambda_,
        train_loss=problem.train_loss(weights, lambda_),
        validation_loss=validation_loss,
        hypergradient_norm=float(np.max(np.abs(slope))),
        primal_residual=float(np.sqrt(primal)),
        dual_residual=float(rho * np.sqrt(dual)),
    )
    responses = [part.v for part in parts]
    return ConsensusState(lambda_, weights, responses, duals, error), info


def _step_sizes(options, problem, lambda_, rho):
    """Return alpha, beta and delta; "auto" makes them free of units."""
    if not isinstance(options.step_sizes, str):
        return options.step_sizes
    if options.steps == "gradient":
        problem.loss.curvature_bound("MYHPO(steps='gradient', step_sizes='auto')")
    lipschitz = problem.curvature + 2.0 * np.exp(np.max(lambda_))
    extra = lipschitz if options.metric == "hessian" else 1.0
    beta = 1.0 / (lipschitz + rho * extra)
    return 1.0 / lipschitz, beta, 1.0 / (problem.null_loss or 1.0)


def _v_step(options, split, state, index, alpha):
    """Return v+ (step 1) and how far it is from optimal, relatively."""
    lambda_, v = state.lambda_, state.responses[index]
    if options.steps == "exact":
        return split.minimize(lambda_, v), 0.0
    gradient = split.train_gradient(v, lambda_)
    new = _gradient_step(
        lambda v: split.train_loss(v, lambda_), gradient, v, alpha, options
    )
    return new, split.relative_gradient(gradient)


def _jacobian(options, split, v, lambda_, hessian):
    """Return J (n_groups, m, n_outputs) of the affine response."""
    if options.response == "mean":
        # phi_1 = (v - phi_0) / lambda with phi_0 = mean(v) ones, eq. (4).
        return split.scatter_by_group(v - split.group_means(v)) / lambda_[:, None, None]
    return hessian.solve(-split.scatter_by_group(split.penalty(lambda_) * v))


def _w_step(options, split, state, index, proximal, beta):
    """Return w+ (step 2)."""
    lambda_ = state.lambda_
    if options.steps == "exact":
        return split.minimize(lambda_, proximal.centre, proximal)
    w = state.weights[index]
    return _gradient_step(
        lambda w: split.train_loss(w, lambda_) + proximal.value(w),
        split.consensus_gradient(w, lambda_, proximal),
        w,
        beta,
        options,
    )


def _gradient_step(value, gradient, x, size, options):
    """Return ``x - size gradient``, halved until `value` decreases enough."""
    if not options.backtracking:
        return x - size * gradient
    start, square = value(x), np.sum(gradient**2)
    for _ in range(MAX_HALVINGS):
        new = x - size * gradient
        if value(new) <= start - ARMIJO * size * square:
            return new
        size *= 0.5
    return x


class _LambdaStep:
    """Step 3: L_V(G) + u.(w - G) + rho/2 |w - G|_M^2 as a function of the move.

    What the objective has beside L_V, a penalty on lambda itself, belongs to it.
    """

    def __init__(self, parts, lambda_, spread):
        self.parts = parts
        self.lambda_ = lambda_
        self.spread = spread

    def value(self, move):
        """Return the objective at a move of lambda."""
        total = self.spread.value(self.lambda_ + move)
        for part in self.parts:
            gap = part.gap(move)
            total += part.omega * (
                part.split.validation_loss(part.w - gap)
                + np.vdot(part.u, gap)
                + 0.5
                * part.proximal.rho
                * np.vdot(gap, part.proximal.metric_product(gap))
            )
        return total

    def gradient(self, move):
        """Return the gradient in the move, shape (n_groups,)."""
        total = self.spread.gradient(self.lambda_ + move)
        for part in self.parts:
            gap = part.gap(move)
            force = part.split.validation_gradient(part.w - gap) - part.u
            force = force - part.proximal.rho * part.proximal.metric_product(gap)
            total = total + part.omega * np.tensordot(part.jacobian, force, 2)
        return total

    def hessian(self, move):
        """Return the second derivative in the move."""
        total = self.spread.hessian(self.lambda_ + move)
        for part in self.parts:
            jacobian, proximal = part.jacobian, part.proximal
            gram = part.split.validation_gram(part.w - part.gap(move), jacobian)
            image = proximal.metric_product(jacobian)
            gram = gram + proximal.rho * np.tensordot(
                jacobian, image, axes=([1, 2], [1, 2])
            )
            total = total + part.omega * gram
        return total

    def minimize(self, gradient):
        """Return the minimizing move, given the gradient at none.

        The objective is convex in the move.
        """
        move = np.zeros_like(gradient)
        for _ in range(MAX_LAMBDA_STEPS):
            hessian = self.hessian(move)
            if not (np.all(np.isfinite(gradient)) and np.all(np.isfinite(hessian))):
                # The pole of the mean response: the driver sees it and stops.
                return np.full_like(move, np.nan)
            # Least squares: a group without effect has a zero row.
            direction = -np.linalg.lstsq(hessian, gradient, rcond=None)[0]
            decrease = -gradient @ direction
            value = self.value(move)
            size = 1.0
            while size > 1e-12 and self.value(
                move + size * direction
            ) > value - 1e-4 * size * decrease + 1e-15 * abs(value):
                size *= 0.5
            move = move + size * direction
            if decrease <= LAMBDA_TOL * abs(value):
                break
            gradient = self.gradient(move)
        return move
