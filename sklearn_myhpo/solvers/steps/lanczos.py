"""Implicit differentiation in a Krylov subspace that grows with the steps of lambda.

Yang, Gao & Yuan (2025), LancBiO: dynamic Lanczos-aided bilevel optimization via Krylov
subspace, arXiv:2404.03331, Algorithm 2. Every step of lambda adds one Lanczos vector of
the present Hessian, and the adjoint is corrected in the subspace so far,
``q = v + Q T^-1 Q' (b - H v)``, v the adjoint at the last restart. After `rank` vectors
the subspace starts again from the adjoint.

It differs from the paper as follows: the inner problem is solved exactly, every vector
is orthogonalized against all before it, and the size of a step on lambda adapts, so
that the objective, which is known exactly, does not rise.
"""

from typing import NamedTuple

import numpy as np

from ...bilevel.evaluation import Evaluation
from ...engine.glm.inexact import curvature_unit
from ..protocol import Info
from .acceptance import ACCEPT_RATIO, VALUE_ROUNDING
from .slopes import curvature_bounds, implicit_slope

#: Factor by which the inverse step size rises after a rejected step and falls after an
#: accepted one; its smallest value, relative to a bound of the curvature.
CHANGE, LEAST_INVERSE = 2.0, 0.5
#: Relative norm of the part of a new vector that is orthogonal to the basis, below
#: which the subspace cannot grow.
LEAST_REST = 1e-12


class Subspace(NamedTuple):
    """A Krylov subspace of one split, in units in which curvatures are about one.

    Attributes
    ----------
    unit : ndarray of shape (m, 1)
    origin, image : ndarray of shape (m * n_outputs,)
        The adjoint at the restart, and the Hessian applied to it.
    basis : ndarray of shape (k, m * n_outputs)
        Orthonormal Lanczos vectors, the next one last.
    matrix : ndarray of shape (k - 1, k - 1)
        The tridiagonal T.
    beta : float
        Norm of the next vector before it was normalized.
    residual : float
        Relative residual of `origin`.
    """

    unit: np.ndarray
    origin: np.ndarray
    image: np.ndarray
    basis: np.ndarray
    matrix: np.ndarray
    beta: float
    residual: float

    @property
    def is_exhausted(self):
        """Whether no further vector can be added."""
        return self.beta == 0

    @property
    def is_definite(self):
        """Whether the matrix is positive definite."""
        return np.linalg.eigvalsh(self.matrix)[0] > 0


class LanczosState(NamedTuple):
    """Exact weights at lambda, adjoints and subspaces, and the inverse step size."""

    lambda_: np.ndarray
    weights: list[np.ndarray]
    adjoints: list[np.ndarray]
    place: Evaluation
    slope: np.ndarray
    error: float
    subspaces: list
    inverse: float


def init(options, problem, lambda_0, weights_0):
    """Return the exact inner solution at `lambda_0`, and the first adjoints."""
    place = problem.at(lambda_0, problem.minimize(lambda_0, weights_0))
    nothing = [None] * len(problem.splits)
    return _corrected(options, problem, place, problem.zeros(), nothing, LEAST_INVERSE)


def step(options, problem, state, rng):
    """Return the next state, moved or with a shorter step, and its `Info`."""
    bounds = curvature_bounds(problem, *state[:3])
    lambda_ = problem.project(state.lambda_ - state.slope / (state.inverse * bounds))
    there = problem.at(lambda_, problem.minimize(lambda_, state.weights))
    objective = state.place.objective
    fall = -ACCEPT_RATIO * np.vdot(state.slope, lambda_ - state.lambda_)
    if there.objective <= (1.0 + VALUE_ROUNDING) * objective - fall:
        inverse = max(state.inverse / CHANGE, LEAST_INVERSE)
    else:
        there, inverse = state.place, CHANGE * state.inverse
    given = state.adjoints, state.subspaces, inverse
    state = _corrected(options, problem, there, *given)
    return state, Info.at(state.place, state.slope, dual_residual=_residual(state))


def _residual(state):
    return max(subspace.residual for subspace in state.subspaces)


def _corrected(options, problem, place, adjoints, subspaces, inverse):
    """Return the state at a place with adjoints in subspaces that have grown."""
    lambda_, weights = place.lambda_, place.weights
    rights = problem.validation_gradients(weights)
    found = [
        corrected(split, lambda_, w, right, q, subspace, options.rank)
        for split, w, right, q, subspace in zip(
            problem.splits, weights, rights, adjoints, subspaces, strict=True
        )
    ]
    adjoints, subspaces = map(list, zip(*found, strict=True))
    slope = implicit_slope(problem, lambda_, weights, adjoints)
    projected = problem.projected(lambda_, slope)
    state = LanczosState(
        lambda_, weights, adjoints, place, slope, np.inf, subspaces, inverse
    )
    error = max(problem.relative(projected, place.objective), _residual(state))
    return state._replace(error=float(error))


def corrected(split, lambda_, w, right, adjoint, subspace, rank):
    """Return the adjoint in a subspace with one more vector, and that subspace.

    Parameters
    ----------
    split : Split
    lambda_ : ndarray of shape (n_groups,)
    w, right, adjoint : ndarray of shape (m, n_outputs)
        Weights, right-hand side, and the last adjoint.
    subspace : Subspace or None
        None for a new one.
    rank : int
        Number of vectors after which a new subspace starts.

    Returns
    -------
    adjoint : ndarray of shape (m, n_outputs)
    subspace : Subspace
    """
    hessian = split.product_hessian(w, lambda_)
    if subspace is not None:
        is_open = not subspace.is_exhausted and len(subspace.matrix) < rank
        subspace = subspace if is_open else None
    if subspace is not None:
        subspace = _grown(subspace, hessian, right.shape)
    # After large changes of the Hessian the matrix may be indefinite.
    if subspace is None or not subspace.is_definite:
        unit = curvature_unit(hessian)
        subspace = _restarted(hessian, unit, right, adjoint)
        if subspace.is_exhausted:
            return adjoint, subspace
        subspace = _grown(subspace, hessian, right.shape)
    unit, vectors = subspace.unit, subspace.basis[: len(subspace.matrix)]
    change = (right / unit).ravel() - subspace.image
    correction = np.linalg.lstsq(subspace.matrix, vectors @ change, rcond=None)[0]
    found = subspace.origin + correction @ vectors
    return found.reshape(right.shape) / unit, subspace


def _restarted(hessian, unit, right, adjoint):
    """Return a `Subspace` that starts at the residual of an adjoint, no matrix yet."""
    scaled = right / unit
    image = hessian.product(adjoint) / unit
    whole = np.linalg.norm(scaled)
    if np.linalg.norm(scaled - image) > whole:
        # The Hessian has changed so much that zero is a better start than the last
        # adjoint.
        adjoint, image = np.zeros_like(adjoint), np.zeros_like(image)
    first = (scaled - image).ravel()
    size = np.linalg.norm(first)
    residual = float(size / whole) if size else 0.0
    beta = size if residual > LEAST_REST else 0.0
    basis = first[None] / (size or 1.0)
    origin = (unit * adjoint).ravel()
    nothing = np.zeros((0, 0))
    return Subspace(unit, origin, image.ravel(), basis, nothing, beta, residual)


def _grown(subspace, hessian, shape):
    """Return the subspace with one more row and column of the matrix."""
    unit, basis = subspace.unit, subspace.basis
    last, k = basis[-1], len(basis) - 1
    image = (hessian.product(last.reshape(shape) / unit) / unit).ravel()
    matrix = np.zeros((k + 1, k + 1))
    matrix[:k, :k] = subspace.matrix
    matrix[k, k] = last @ image
    if k:
        matrix[k, k - 1] = matrix[k - 1, k] = subspace.beta
    rest = image
    for _ in range(2):
        rest = rest - (basis @ rest) @ basis
    beta = np.linalg.norm(rest)
    if beta <= LEAST_REST * np.linalg.norm(image) or k + 1 == len(last):
        return subspace._replace(matrix=matrix, beta=0.0)
    basis = np.vstack([basis, rest / beta])
    return subspace._replace(matrix=matrix, basis=basis, beta=beta)
