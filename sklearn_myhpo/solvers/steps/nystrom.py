"""Implicit differentiation with a Nystrom approximation of the inverse Hessian.

Hataya & Yamada (2023), Nystrom method for accurate and scalable implicit
differentiation, arXiv:2302.09726: some columns K of a Hessian G approximate it by
``G_k = G[:, K] G[K, K]^+ G[K, :]``, and ``(G_k + rho I)^-1`` follows from the identity
of Woodbury, their equation (6). Only a system of the size of K is solved.

They approximate the whole Hessian, so that only ``rho I`` is left along directions that
no column reaches. Here G is the Hessian of the data term, and the penalty P, a known
diagonal, is added exactly. rho is relative to U^2, about the curvature of every weight,
so that the units of the features do not matter.

The approximated hypergradient has zeros of its own, at which the descent ends. Columns
are drawn once, so that these zeros do not move during a run.
"""

from typing import NamedTuple

import numpy as np

from ...engine.glm.inexact import curvature_unit
from .descent import Value, descend, report
from .slopes import implicit_slope


class NystromState(NamedTuple):
    """The place of the descent, and the columns of every split."""

    lambda_: np.ndarray
    weights: list[np.ndarray]
    value: Value | None = None
    pairs: tuple = ()
    error: float = np.inf
    columns: tuple | None = None

    @property
    def place(self):
        """The evaluation of the state; None before the first step."""
        return None if self.value is None else self.value.place


def init(options, problem, lambda_0, weights_0):
    """Return the start; nothing is evaluated yet."""
    return NystromState(lambda_0, weights_0)


def step(options, problem, state, rng):
    """Return the next state and its `Info`; the first step draws the columns."""
    if state.columns is None:
        columns = tuple(
            rng.permutation(np.prod(split.shape))[: options.rank]
            for split in problem.splits
        )
        state = state._replace(columns=columns)

    def evaluate(lambda_, limit):
        weights = problem.minimize(lambda_, state.weights)
        place = problem.at(lambda_, weights)
        adjoints = [
            nystrom_solve(split, lambda_, w, right, columns, options.rho)
            for split, w, right, columns in zip(
                problem.splits,
                weights,
                problem.validation_gradients(weights),
                state.columns,
                strict=True,
            )
        ]
        slope = implicit_slope(problem, lambda_, weights, adjoints)
        return Value(place, place.objective, slope)

    state = descend(problem, state, evaluate, is_gradient=False)
    return state, report(state)


def nystrom_solve(split, lambda_, w, right, columns, rho):
    """Return ``(G_k + P + rho U^2)^-1`` applied to a right-hand side.

    Parameters
    ----------
    split : Split
        The Hessian of its training loss at `w` is G + P.
    lambda_ : ndarray of shape (n_groups,)
    w, right : ndarray of shape (m, n_outputs)
    columns : ndarray of shape (k,)
        Indices into the flattened weights.
    rho : float
        Positive.

    Returns
    -------
    ndarray of shape (m, n_outputs)
    """
    hessian, penalty = split.product_hessian(w, lambda_), split.penalty(lambda_)
    unit = curvature_unit(hessian)
    units = np.zeros((len(columns), right.size))
    units[np.arange(len(columns)), columns] = 1.0
    chosen = units.reshape(-1, *right.shape) / unit
    data = (hessian.product(chosen) - penalty * chosen) / unit
    rows = data.reshape(len(columns), -1)
    diagonal = np.broadcast_to(penalty / unit**2, right.shape).ravel() + rho
    scaled = (right / unit).ravel() / diagonal
    core = rows[:, columns] + (rows / diagonal) @ rows.T
    # Linearly dependent columns make it singular.
    inner = np.linalg.lstsq(0.5 * (core + core.T), rows @ scaled, rcond=None)[0]
    solved = scaled - (inner @ rows) / diagonal
    return solved.reshape(right.shape) / unit
