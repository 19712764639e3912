"""The affine best response of a Self-Tuning Network under perturbations of lambda.

One array phi of shape (1 + n_groups, m, n_outputs) per split holds w_0 and then the
columns of Theta, so that ``w(lambda + eps) = w_0 + Theta eps = [1, eps] phi``.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from ...bilevel.bounds import MAX_LAMBDA
from ...bilevel.held_out import HeldOutProblem
from ...engine.split import Split

#: The parts of phi that are trained one after the other, by `form`.
PARTS = {
    "perturbed": (slice(None),),
    "centred": (slice(0, 1), slice(1, None)),
}
#: Force on a response, relative to the gradient of the data term, that is below
#: rounding error.
HIDDEN_FORCE = 1e-8


def draw_independent(
    rng: np.random.Generator, n_samples: int, n_groups: int
) -> np.ndarray:
    """Return independent standard normals, shape (n_samples, n_groups)."""
    return rng.standard_normal((n_samples, n_groups))


def draw_balanced(
    rng: np.random.Generator, n_samples: int, n_groups: int
) -> np.ndarray:
    """Return standard normals together with their opposites.

    The absolute values of a column lie one in each of `n_samples` strata of equal
    probability (a Latin hypercube); then columns are made orthogonal with mean square
    one, so that all odd moments and the covariance equal the distribution's.

    Parameters
    ----------
    rng : numpy.random.Generator
    n_samples : int
        At least `n_groups`.
    n_groups : int

    Returns
    -------
    ndarray of shape (2 n_samples, n_groups)
    """
    shape = (n_samples, n_groups)
    strata = rng.permuted(np.tile(np.arange(n_samples)[:, None], n_groups), axis=0)
    normals = ndtri(0.5 + 0.5 * (strata + rng.random(shape)) / n_samples)
    normals *= rng.choice([-1.0, 1.0], shape)
    left, _, right = np.linalg.svd(normals, full_matrices=False)
    # The closest matrix with such columns.
    normals = np.sqrt(n_samples) * (left @ right)
    return np.concatenate([normals, -normals])


def perturb(normals: np.ndarray, lambda_: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return the eps = sigma z, cut where exp(lambda + eps) would overflow.

    Parameters
    ----------
    normals : ndarray of shape (n, n_groups)
    lambda_, sigma : ndarray of shape (n_groups,)

    Returns
    -------
    ndarray of shape (n, n_groups)
    """
    return np.clip(lambda_ + sigma * normals, -MAX_LAMBDA, MAX_LAMBDA) - lambda_


def with_ones(moves: np.ndarray) -> np.ndarray:
    """Return the rows ``[1, eps]``, shape (n, 1 + n_groups)."""
    return np.column_stack([np.ones(len(moves)), moves])


def train_gradient(
    split: Split, phi: np.ndarray, lambda_: np.ndarray, moves: np.ndarray
) -> np.ndarray:
    """Return the gradient in phi of the mean of ``L_T(w(lambda + eps), lambda + eps)``.

    Parameters
    ----------
    split : Split
    phi : ndarray of shape (1 + n_groups, m, n_outputs)
    lambda_ : ndarray of shape (n_groups,)
    moves : ndarray of shape (n, n_groups)
        The eps.

    Returns
    -------
    ndarray of the shape of `phi`
    """
    basis = with_ones(moves)
    gradients = [
        split.train_gradient(w, lambda_ + move)
        for w, move in zip(np.tensordot(basis, phi, 1), moves, strict=True)
    ]
    return np.tensordot(basis.T, np.stack(gradients), 1) / len(moves)


def part_gradient(
    split: Split, phi: np.ndarray, lambda_: np.ndarray, moves: np.ndarray, part: slice
) -> np.ndarray:
    """Return the gradient that a part of phi descends.

    That of w_0 alone is taken without perturbation (Bae & Grosse 2020).

    Parameters
    ----------
    split : Split
    phi : ndarray of shape (1 + n_groups, m, n_outputs)
    lambda_ : ndarray of shape (n_groups,)
    moves : ndarray of shape (n, n_groups)
    part : slice
        One of `PARTS`.

    Returns
    -------
    ndarray of the shape of ``phi[part]``
    """
    if part.stop == 1:
        return split.train_gradient(phi[0], lambda_)[None]
    return train_gradient(split, phi, lambda_, moves)[part]


class ValidationSlope(NamedTuple):
    """Derivatives of the mean of ``L_V(w(lambda + eps))``.

    Attributes
    ----------
    in_lambda : ndarray of shape (n_groups,)
    in_log_sigma : ndarray of shape (n_groups,)
    """

    in_lambda: np.ndarray
    in_log_sigma: np.ndarray


def validation_slope(
    problem: HeldOutProblem, phis: list[np.ndarray], moves: np.ndarray
) -> ValidationSlope:
    """Return the slope of the perturbed validation loss through the response.

    Parameters
    ----------
    problem : BilevelProblem
    phis : list of ndarray of shape (1 + n_groups, m, n_outputs)
    moves : ndarray of shape (n, n_groups)
        The eps.

    Returns
    -------
    ValidationSlope
    """
    basis = with_ones(moves)
    responses = [np.tensordot(basis, phi, 1) for phi in phis]
    pulls = np.zeros_like(moves)
    for pull, *weights in zip(pulls, *responses, strict=True):
        gradients = problem.validation_gradients(weights)
        for omega, phi, gradient in zip(
            problem.split_weights, phis, gradients, strict=True
        ):
            pull += omega * np.tensordot(phi[1:], gradient, 2)
    return ValidationSlope(pulls.mean(axis=0), (moves * pulls).mean(axis=0))


def train_residual(
    split: Split,
    phi: np.ndarray,
    lambda_: np.ndarray,
    sigma: np.ndarray,
    gradient: np.ndarray,
) -> float:
    """Return how far phi is from its stationary point, relatively.

    It is the larger of two residuals: that of w_0, relative to the gradient of the data
    term, and that of the worst column of Theta, relative to the largest force ``p w_0``
    of a group, since the largest entry of the hypergradient counts.

    Parameters
    ----------
    split : Split
    phi : ndarray of shape (1 + n_groups, m, n_outputs)
    lambda_, sigma : ndarray of shape (n_groups,)
    gradient : ndarray of the shape of `phi`
        From `part_gradient`, of all parts.

    Returns
    -------
    float
    """
    force = split.scatter_by_group(split.penalty(lambda_) * phi[0])
    wanted = max(split.relative_gradient(own) for own in force)
    left = np.array([split.relative_gradient(own) for own in gradient[1:]])
    response = float(np.max(left / sigma**2)) / (wanted + HIDDEN_FORCE)
    return max(split.relative_gradient(gradient[0]), response)
