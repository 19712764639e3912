"""Gradient descent on the weights, and derivatives through its steps.

``w_{k+1} = w_k - a grad L_T(w_k, lambda)`` with k = 0 .. K - 1, for one split. The
derivative of step k in the weights is I - a H_k, in lambda_g it is -a (p w_k on group
g), and where the step size depends on lambda, -da/dlambda_g times the gradient.
"""

from collections import deque
from typing import NamedTuple

import numpy as np

from ...engine.split import Split


class StepSize(NamedTuple):
    """The step size a of the inner descent, and da/dlambda (n_groups,)."""

    value: float
    slope: np.ndarray


def automatic_step_size(lipschitz: float, lambda_: np.ndarray) -> StepSize:
    """Return 1/L, with L the Lipschitz constant of the data term plus the penalties'.

    That of the penalties is the largest p_g, made smooth: their l_s norm with
    s = 1 + log(n_groups), which is at most e times the largest and equal to it where
    there is one. So a, and with it the outer objective, is a smooth function of lambda.

    Parameters
    ----------
    lipschitz : float
        That of the data term.
    lambda_ : ndarray of shape (n_groups,)
        Natural logs of the penalties.

    Returns
    -------
    StepSize
        And its derivative.
    """
    exponent = 1.0 + np.log(len(lambda_))
    relative = np.exp(lambda_ - np.max(lambda_))
    share = relative**exponent
    total = share.sum()
    norm = 2.0 * np.exp(np.max(lambda_)) * total ** (1.0 / exponent)
    size = 1.0 / (lipschitz + norm)
    return StepSize(size, -(size**2) * norm * share / total)


def inner_path(
    split: Split, lambda_: np.ndarray, step_size: StepSize, n_steps: int, n_kept: int
) -> list[np.ndarray]:
    """Return the last ``n_kept + 1`` weights of K steps from `start`, in order."""
    path = deque([split.start()], maxlen=n_kept + 1)
    for _ in range(n_steps):
        w = path[-1]
        path.append(w - step_size.value * split.train_gradient(w, lambda_))
    return list(path)


def reverse_slope(
    split: Split, lambda_: np.ndarray, step_size: StepSize, path: list[np.ndarray]
) -> np.ndarray:
    """Return the slope of L_V at the end of a path, by the last steps backwards.

    One Hessian product a step. With the whole path it is the derivative of the K-step
    map (Bengio 2000; Maclaurin et al. 2015, algorithm 2, without momentum).

    Parameters
    ----------
    split : Split
        The losses.
    lambda_ : ndarray of shape (n_groups,)
        Where to evaluate.
    step_size : StepSize
        Of the steps of the path.
    path : list of ndarray of shape (m, n_outputs)
        From `inner_path`.

    Returns
    -------
    ndarray of shape (n_groups,)
        Derivatives in every lambda, truncated where the path is.
    """
    adjoint = split.validation_gradient(path[-1])
    a = step_size.value
    slope, along = np.zeros(len(lambda_)), 0.0
    for w, after in zip(path[-2::-1], path[:0:-1], strict=True):
        slope -= a * split.pull_back(w, lambda_, adjoint)
        along += np.vdot(adjoint, w - after) / a
        adjoint = adjoint - a * split.hessian_product(w, lambda_, adjoint)
    return slope - step_size.slope * along


def forward_slope(
    split: Split, lambda_: np.ndarray, step_size: StepSize, n_steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the last weights of K steps and the slope of L_V there.

    The derivative of the weights is carried along (Franceschi et al. 2017,
    algorithm 2), by one Hessian product a step and group; nothing is kept.

    Parameters
    ----------
    split : Split
        The losses.
    lambda_ : ndarray of shape (n_groups,)
        Where to evaluate.
    step_size : StepSize
        Of the inner descent.
    n_steps : int
        K.

    Returns
    -------
    w : ndarray of shape (m, n_outputs)
        After the last step.
    slope : ndarray of shape (n_groups,)
        Derivatives in every lambda.
    """
    w, a = split.start(), step_size.value
    jacobian = np.zeros((len(lambda_), *split.shape))
    for _ in range(n_steps):
        gradient = split.train_gradient(w, lambda_)
        force = split.hessian_product(w, lambda_, jacobian) + split.forces(w, lambda_)
        jacobian = jacobian - a * force - np.multiply.outer(step_size.slope, gradient)
        w = w - a * gradient
    return w, np.tensordot(jacobian, split.validation_gradient(w), 2)
