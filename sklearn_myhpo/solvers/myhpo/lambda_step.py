"""The objective of step 3 of MY-HPO, and its minimizer."""

import numpy as np

from ...bilevel.problem import Problem

#: Newton iterations of the exact step; one is enough where L_V is quadratic.
MAX_NEWTON_STEPS = 50
#: Decrease relative to the objective at which they end.
LAMBDA_TOL = 1e-10


class LambdaStep:
    """L_V(G) + u.(w - G) + rho/2 |w - G|_M^2 as a function of the move of lambda.

    G = v + J x is affine in the move x, so the objective is convex. A penalty on lambda
    itself, if the problem has one, belongs to it.

    Parameters
    ----------
    problem : BilevelProblem
        The outer objective.
    parts : list of Consensus
        Every split after steps 1 and 2.
    lambda_ : ndarray of shape (n_groups,)
        Lambda before the step.
    """

    def __init__(self, problem: Problem, parts: list, lambda_: np.ndarray):
        self.problem, self.parts, self.lambda_ = problem, parts, lambda_

    def value(self, move: np.ndarray) -> float:
        """Return the objective at a move of lambda."""
        gaps = [part.gap(move) for part in self.parts]
        # G = w - (w - G)
        responses = [part.w - gap for part, gap in zip(self.parts, gaps, strict=True)]
        return self.problem.objective(self.lambda_ + move, responses) + (
            self.problem.mean(map(_proximal_value, self.parts, gaps))
        )

    def gradient(self, move: np.ndarray) -> np.ndarray:
        """Return the gradient in the move, shape (n_groups,)."""
        slopes = []
        for part in self.parts:
            proximal, gap = part.proximal, part.gap(move)
            force = part.split.validation_gradient(part.w - gap) - proximal.linear
            force = force - proximal.rho * proximal.metric_product(gap)
            slopes.append(np.tensordot(part.response.jacobian, force, 2))
        return self.problem.total_gradient(
            self.lambda_ + move, self.problem.mean(slopes)
        )

    def hessian(self, move: np.ndarray) -> np.ndarray:
        """Return the second derivative in the move."""
        grams, pairs = [], ([1, 2], [1, 2])
        for part in self.parts:
            jacobian, proximal = part.response.jacobian, part.proximal
            gram = part.split.validation_gram(part.w - part.gap(move), jacobian)
            image = proximal.metric_product(jacobian)
            grams.append(gram + proximal.rho * np.tensordot(jacobian, image, pairs))
        return self.problem.total_hessian(self.lambda_ + move, self.problem.mean(grams))

    def minimize(self, gradient: np.ndarray) -> np.ndarray:
        """Return the minimizing move, given the gradient at none."""
        move = np.zeros_like(gradient)
        for _ in range(MAX_NEWTON_STEPS):
            hessian = self.hessian(move)
            if not (np.all(np.isfinite(gradient)) and np.all(np.isfinite(hessian))):
                # The pole of the mean response: the driver sees it and stops.
                return np.full_like(move, np.nan)
            # Smallest squares: a group without effect has a zero row.
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


def _proximal_value(part, gap):
    """Return u.(w - G) + rho/2 |w - G|_M^2 of one split."""
    square = np.vdot(gap, part.proximal.metric_product(gap))
    return np.vdot(part.proximal.linear, gap) + 0.5 * part.proximal.rho * square
