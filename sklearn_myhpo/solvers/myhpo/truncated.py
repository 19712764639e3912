"""The proximal step of the fast form in very many lambdas, by conjugate gradients.

The model of `fast.py` is minimized to the accuracy that its place deserves (Dembo,
Eisenstat & Steihaug 1982). A lambda that a step takes to its bound stays there, and the
others are minimized over again.
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.outer_products import OuterProducts

#: Largest and least relative residual.
LARGEST_RTOL, LEAST_RTOL = 0.2, 1e-2
#: Maximum number of iterations of conjugate gradients.
MAX_PRODUCTS = 20
#: Maximum number of times that the free lambdas are minimized over.
ROUNDS = 3
#: Smallest curvature of a lambda relative to the largest, for a preconditioner.
LEAST_DIAGONAL = 1e-10


class Minimizer(NamedTuple):
    """The minimizer of a model between bounds, its decrease and its squared length.

    Attributes
    ----------
    x : ndarray of shape (n_groups,)
    predicted : float
    length : float
        ``x' M x``, M the metric.
    promise : float
        Decrease that the model promises without the proximal term; 0 where that is not
        convex or not known.
    """

    x: np.ndarray
    predicted: float
    length: float
    promise: float = 0.0


def minimize_by_products(
    model: OuterProducts,
    rho: float,
    curvature: np.ndarray,
    box: tuple[np.ndarray, np.ndarray],
    rtol: float,
) -> Minimizer:
    """Return the `Minimizer` of a model plus the proximal term.

    Parameters
    ----------
    model : OuterProducts
        Of the objective.
    rho : float
        Weight of the proximal term.
    curvature : ndarray of shape (n_groups,)
        Added to the bend by the change from lambda to rescaled moves.
    box : (ndarray, ndarray) of shape (n_groups,)
        Bounds of x; equal where it may not move.
    rtol : float
        Relative residual, within limits.

    Returns
    -------
    Minimizer
        With a decrease wherever the gradient points into the box.
    """
    gradient, rtol = model.gradient, np.clip(rtol, LEAST_RTOL, LARGEST_RTOL)
    tangent = _Matrix(model, rho, None)
    least = _steepest(tangent, gradient, box)
    for matrix in (_Matrix(model, rho, curvature), tangent):
        found = _minimize(matrix, gradient, box, rtol)
        if found is not None and found.predicted >= least.predicted:
            return found
    return least


class _Matrix:
    """Tangent plus proximal term, plus the bend unless `curvature` is None."""

    def __init__(self, model, rho, curvature):
        self.model, self.rho, self.curvature = model, rho, curvature
        diagonal = (1.0 + rho) * model.metric_diagonal
        self.diagonal = np.maximum(
            diagonal, LEAST_DIAGONAL * diagonal.max(initial=LEAST_DIAGONAL)
        )

    def product(self, x):
        """Return the matrix and the metric, each applied to `x`."""
        tangent, bend, metric = self.model.products(x)
        out = tangent + self.rho * metric
        if self.curvature is not None:
            out += bend + self.curvature * x
        return out, metric


def _minimize(matrix, gradient, box, rtol):
    """Return the minimizer, or None where the matrix is not convex."""
    x, image, metric = np.zeros((3, len(gradient)))
    is_open = box[0] < box[1]
    for _ in range(ROUNDS):
        step = _conjugate_gradients(matrix, -(gradient + image), is_open, rtol)
        if step is None:
            return None
        wanted = x + step
        move = np.clip(wanted, *box) - x
        hit = is_open & (wanted != x + move)
        moved, lengthened = matrix.product(move)
        # Clipped, a step may lead uphill: as far along it as it leads down.
        size = _best_size((gradient + image) @ move, move @ moved)
        x, image = x + size * move, image + size * moved
        metric = metric + size * lengthened
        if size < 1.0 or not hit.any():
            break
        is_open &= ~hit
    predicted = -(gradient @ x) - 0.5 * (x @ image)
    return Minimizer(x, float(predicted), float(x @ metric)) if predicted > 0 else None


def _best_size(slope, bend):
    """Return the fraction of a move, up to one, that minimizes a parabola."""
    if not slope < 0:
        return 0.0
    return min(1.0, -slope / bend) if bend > 0 else 1.0


def _steepest(matrix, gradient, box):
    """Return the best move down the gradient, in units of the curvature."""
    move = np.clip(-gradient / matrix.diagonal, *box)
    moved, metric = matrix.product(move)
    slope, bend = gradient @ move, max(move @ moved, 0.0)
    size = _best_size(slope, bend)
    predicted = -size * slope - 0.5 * size**2 * bend
    return Minimizer(size * move, float(predicted), float(size**2 * (move @ metric)))


def _conjugate_gradients(matrix, right, is_open, rtol):
    """Return the solution in the open lambdas, or None at negative curvature."""
    x, residual = np.zeros(len(right)), np.where(is_open, right, 0.0)
    z = residual / matrix.diagonal
    direction, size = z, residual @ z
    limit = rtol**2 * size
    for _ in range(MAX_PRODUCTS):
        if not size > limit:
            break
        image = np.where(is_open, matrix.product(direction)[0], 0.0)
        bend = direction @ image
        if not bend > 0:
            return None
        x, residual = (
            x + size / bend * direction,
            residual - size / bend * image,
        )
        z = residual / matrix.diagonal
        size, last = residual @ z, size
        direction = z + size / last * direction
    return x
